// Convention: actor mains are named <who>_main and end with engine_actor_ends. Messages carry no
// data, only sizes.
#include "sim/engine/engine_clock.h"

#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/host_port.h"
#include "sim/engine/platform.h"
#include "sim/err.h"

// A time this close above a whole cycle is that cycle: SimGrid adds times in floating point.
#define CLOCK_ERROR_CYCLES 1e-6
// In a process that has timed before, the clock begins at an origin beyond 0, where doubles are
// coarser. A transfer is at most 8 events, each rounded by up to 2^-53 of the clock. With origin *
// transfers <= 2^28 all of them move an end by at most 8 * 2^28 * 2^-53 = 2.4e-7 cycles: an end at
// a whole cycle is rounded as it would be from 0. An end so close above one that it may be rounded
// otherwise is noticed, and the run is not used.
#define ORIGIN_TRANSFERS_MAX 268435456.0
#define CLOCK_DOUBT_CYCLES 5e-7

struct engine {
    const struct engine_job *job;
    struct superstep_list supersteps;              // the whole list, for the host's actors
    uint64_t received_per_replay, sent_per_replay; // transfers, from the chip's side
    struct host_port *port;                        // owned
    double origin_cycles;                          // SimGrid's clock when this engine began: whole
    bool is_doubtful; // a time was rounded that may be rounded otherwise from another origin
    uint32_t actors, ended;
};

// --- actors -------------------------------------------------------------------------------------
static void add_actor(struct engine *engine, const char *name, const char *host,
                      void (*main)(int, char **), void *context)
{
    sg_actor_t actor = sg_actor_init(name, sg_host_by_name(host));
    sg_actor_set_data(actor, context);
    sg_actor_start(actor, main, 0, NULL);
    engine->actors++;
}

void engine_add_chip_actor(struct engine *engine, const char *name, void (*main)(int, char **),
                           void *context)
{
    add_actor(engine, name, "chip", main, context);
}

void *engine_context(void)
{
    return sg_actor_self_get_data();
}

void engine_actor_ends(struct engine *engine)
{
    engine->ended++;
}

// --- the host -----------------------------------------------------------------------------------
static void do_nothing_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    (void)context, (void)superstep, (void)time_step;
}

static void do_nothing(void *context, const struct superstep *superstep)
{
    (void)context, (void)superstep;
}

// Calls for every host transfer of all replays, in the chip's order.
static void walk_transfers(struct engine *engine,
                           void (*transfer)(void *, const struct superstep *))
{
    const struct superstep_actions actions = {
        .compute = do_nothing_compute, .exchange = do_nothing, .host = transfer};
    for (uint32_t i = 0; i < engine_count_replays(engine); i++) {
        superstep_run(&engine->supersteps, &actions, engine);
    }
}

static void feed(void *context, const struct superstep *superstep)
{
    const struct engine *engine = context;
    if (superstep->step->host_direction == HOST_TO_CHIP) {
        host_port_feed(engine->port, superstep->step->host_bytes);
    }
}

static void feeder_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    struct engine *engine = engine_context();
    walk_transfers(engine, feed);
    engine_actor_ends(engine);
}

static void take(void *context, const struct superstep *superstep)
{
    const struct engine *engine = context;
    if (superstep->step->host_direction == CHIP_TO_HOST) {
        host_port_take(engine->port);
    }
}

static void taker_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    struct engine *engine = engine_context();
    walk_transfers(engine, take);
    engine_actor_ends(engine);
}

// --- the chip's side ----------------------------------------------------------------------------
double engine_clock_cycles(const struct engine *engine)
{
    return simgrid_get_clock() - engine->origin_cycles; // exact: the origin is whole
}

void engine_chip_sleep(struct engine *engine, uint64_t *now_cycles, uint64_t cycles)
{
    *now_cycles += cycles;
    double left = (double)*now_cycles - engine_clock_cycles(engine);
    if (left > 0) {
        sg_actor_sleep_for(left);
    }
}

// From the chip's clock to the whole cycle at or behind SimGrid's.
static uint64_t waited_cycles(struct engine *engine, uint64_t now_cycles)
{
    double waited = engine_clock_cycles(engine) - (double)now_cycles - CLOCK_ERROR_CYCLES;
    engine->is_doubtful |=
        engine->origin_cycles > 0 && fabs(waited - round(waited)) < CLOCK_DOUBT_CYCLES;
    return waited > 0 ? (uint64_t)ceil(waited) : 0;
}

uint64_t engine_chip_transfer(struct engine *engine, const struct program_step *step,
                              uint64_t *now_cycles)
{
    if (step->host_direction == HOST_TO_CHIP) {
        host_port_receive(engine->port);
    } else {
        host_port_send(engine->port, step->host_bytes);
    }
    uint64_t waited = waited_cycles(engine, *now_cycles);
    engine_chip_sleep(engine, now_cycles, waited); // to the whole cycle behind the transfer
    return waited;
}

void engine_chip_finish(struct engine *engine)
{
    host_port_finish(engine->port);
}

// --- life of an engine --------------------------------------------------------------------------
static void count_transfer(void *context, const struct superstep *superstep)
{
    struct engine *engine = context;
    if (superstep->step->host_direction == HOST_TO_CHIP) {
        engine->received_per_replay++;
    } else {
        engine->sent_per_replay++;
    }
}

// Brings SimGrid and its links to where the job can begin. False: not in this process.
static bool start_clock(struct engine *engine)
{
    struct engine_process *process = engine->job->process;
    const struct platform platform = platform_of_chip(engine->job->chip);
    if (process->shape == NULL) {
        platform_start(&platform);
        process->shape = xstrdup(platform.shape);
    }
    engine->origin_cycles = simgrid_get_clock();
    double transfers = (double)(engine->received_per_replay + engine->sent_per_replay) *
                       engine_count_replays(engine);
    if (process->is_spent || strcmp(process->shape, platform.shape) != 0 ||
        engine->origin_cycles * transfers > ORIGIN_TRANSFERS_MAX) {
        process->is_spent = true;
        return false;
    }
    platform_set_links(&platform);
    return true;
}

struct engine *engine_create(const struct engine_job *job)
{
    struct engine *engine = xcalloc(1, sizeof *engine);
    engine->job = job;
    engine->supersteps = superstep_list_create(job->program, job->chip);
    const struct superstep_actions actions = {
        .compute = do_nothing_compute, .exchange = do_nothing, .host = count_transfer};
    superstep_run(&engine->supersteps, &actions, engine);
    if (!start_clock(engine)) {
        engine_destroy(engine);
        return NULL;
    }
    const struct host_port_config config = {.chip = 0,
                                            .received_per_replay = engine->received_per_replay,
                                            .sent_per_replay = engine->sent_per_replay,
                                            .replays = engine_count_replays(engine),
                                            .fed_replays = engine_count_replays(engine),
                                            .prefetch_depth = job->chip->host.prefetch_depth};
    engine->port = host_port_create(&config);
    add_actor(engine, "feeder", "host", feeder_main, engine);
    add_actor(engine, "taker", "host", taker_main, engine);
    return engine;
}

// Ends at the last whole cycle but one behind now: a shorter sleep might be below what SimGrid
// tells apart.
static void round_up_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    double clock = simgrid_get_clock();
    sg_actor_sleep_for(ceil(clock) + 1 - clock);
}

// Leaves the clock where the next job of this process can begin.
static void round_clock_up(void)
{
    sg_actor_start(sg_actor_init("round up", sg_host_by_name("chip")), round_up_main, 0, NULL);
    simgrid_run();
    double clock = simgrid_get_clock();
    SIM_ASSERT(clock == floor(clock), "the clock stands at %.17g", clock);
}

bool engine_run(struct engine *engine)
{
    simgrid_run(); // returns quietly from a deadlock
    bool is_done = engine->ended == engine->actors;
    if (is_done && engine->job->process->is_kept) {
        round_clock_up();
    }
    is_done = is_done && !engine->is_doubtful;
    engine->job->process->is_spent |= !is_done;
    return is_done;
}

void engine_destroy(struct engine *engine)
{
    superstep_list_free(&engine->supersteps);
    host_port_destroy(engine->port);
    free(engine);
}

uint32_t engine_count_replays(const struct engine *engine)
{
    return engine->job->record_count + engine_is_warm_up(engine, 0);
}

bool engine_is_warm_up(const struct engine *engine, uint32_t replay)
{
    return replay == 0 && engine->received_per_replay + engine->sent_per_replay > 0;
}

const struct activity *engine_record(const struct engine *engine, uint32_t replay)
{
    if (!engine_is_warm_up(engine, 0)) {
        return engine->job->records[replay];
    }
    return engine->job->records[replay == 0 ? 0 : replay - 1];
}

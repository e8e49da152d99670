// Convention: actor mains are named <who>_main and end with engine_actor_ends. Messages carry no data, only sizes.
#include "sim/engine/engine_clock.h"

#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/platform.h"
#include "sim/err.h"

#define TO_CHIP "to chip"
#define TO_HOST "to host"
// A time this close above a whole cycle is that cycle: SimGrid adds times in floating point.
#define CLOCK_ERROR_CYCLES 1e-6
// In a process that has timed before, the clock begins at an origin beyond 0, where doubles are coarser. A transfer
// is at most 8 events, each rounded by up to 2^-53 of the clock. With origin * transfers <= 2^28 all of them move
// an end by at most 8 * 2^28 * 2^-53 = 2.4e-7 cycles: an end at a whole cycle is rounded as it would be from 0. An
// end so close above one that it may be rounded otherwise is noticed, and the run is not used.
#define ORIGIN_TRANSFERS_MAX 268435456.0
#define CLOCK_DOUBT_CYCLES 5e-7

struct channel { // transfers of one direction that the chip has asked for and not yet waited for
    sg_comm_t *comms; // owned; ring
    void **payloads;  // owned; ring
    uint32_t capacity;
    uint64_t asked, waited; // since the start
};

struct engine {
    const struct engine_job *job;
    struct superstep_list supersteps;              // the whole list, for the host's actors
    uint64_t received_per_replay, sent_per_replay; // transfers, from the chip's side
    struct channel inbound, outbound;
    double origin_cycles; // SimGrid's clock when this engine began: whole
    bool is_doubtful;     // a time was rounded that may be rounded otherwise from another origin
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

// The link takes one batch at a time; a batch leaves when the chip has room for it.
static void feed(void *context, const struct superstep *superstep)
{
    if (superstep->step->host_direction == HOST_TO_CHIP) {
        sg_mailbox_put(sg_mailbox_by_name(TO_CHIP), context, (long)superstep->step->host_bytes);
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
    (void)context;
    if (superstep->step->host_direction == CHIP_TO_HOST) {
        sg_mailbox_get(sg_mailbox_by_name(TO_HOST));
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

static void ask(struct engine *engine, struct channel *channel, uint64_t bytes)
{
    uint32_t place = (uint32_t)(channel->asked++ % channel->capacity);
    channel->comms[place] =
        channel == &engine->inbound
            ? sg_mailbox_get_async(sg_mailbox_by_name(TO_CHIP), &channel->payloads[place])
            : sg_mailbox_put_async(sg_mailbox_by_name(TO_HOST), engine, (long)bytes);
}

static void wait_for_oldest(struct channel *channel)
{
    sg_comm_wait(channel->comms[channel->waited++ % channel->capacity]);
}

// Batches may come before they are needed, up to prefetch_depth training steps of them.
static void receive(struct engine *engine)
{
    struct channel *channel = &engine->inbound;
    if (channel->asked == channel->waited) { // no prefetch, or the first batch
        ask(engine, channel, 0);
    }
    uint64_t all = engine->received_per_replay * engine_count_replays(engine);
    uint64_t ahead = engine->received_per_replay * engine->job->chip->host.prefetch_depth;
    if (channel->waited == 0) { // the chip begins: all its room is free
        while (channel->asked < ahead && channel->asked < all) {
            ask(engine, channel, 0);
        }
    }
    wait_for_oldest(channel);
    if (channel->asked < channel->waited + ahead && channel->asked < all) {
        ask(engine, channel, 0);
    }
}

// A result leaves while the chip goes on, unless as many as prefetch_depth are still on their way.
static void send_result(struct engine *engine, uint64_t bytes)
{
    struct channel *channel = &engine->outbound;
    uint64_t ahead = engine->sent_per_replay * engine->job->chip->host.prefetch_depth;
    ask(engine, channel, bytes);
    while (channel->asked - channel->waited > ahead) {
        wait_for_oldest(channel);
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
        receive(engine);
    } else {
        send_result(engine, step->host_bytes);
    }
    uint64_t waited = waited_cycles(engine, *now_cycles);
    engine_chip_sleep(engine, now_cycles, waited); // to the whole cycle behind the transfer
    return waited;
}

void engine_chip_finish(struct engine *engine)
{
    while (engine->outbound.waited < engine->outbound.asked) {
        wait_for_oldest(&engine->outbound);
    }
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

static void open_channel(struct channel *channel, uint64_t transfers_per_replay, uint32_t depth)
{
    channel->capacity = (uint32_t)(transfers_per_replay * depth + 1);
    channel->comms = xcalloc(channel->capacity, sizeof(sg_comm_t));
    channel->payloads = xcalloc(channel->capacity, sizeof(void *));
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
    open_channel(&engine->inbound, engine->received_per_replay, job->chip->host.prefetch_depth);
    open_channel(&engine->outbound, engine->sent_per_replay, job->chip->host.prefetch_depth);
    if (!start_clock(engine)) {
        engine_destroy(engine);
        return NULL;
    }
    add_actor(engine, "feeder", "host", feeder_main, engine);
    add_actor(engine, "taker", "host", taker_main, engine);
    return engine;
}

// Ends at the last whole cycle but one behind now: a shorter sleep might be below what SimGrid tells apart.
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
    free(engine->inbound.comms);
    free(engine->inbound.payloads);
    free(engine->outbound.comms);
    free(engine->outbound.payloads);
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

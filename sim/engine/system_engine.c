// Life of a timing run of a system: plans before SimGrid starts, its actors, and what comes of it.
#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/platform.h"
#include "sim/engine/system_run.h"
#include "sim/err.h"
#include "sim/units.h"

#define EXPLAINED_ACTORS 4u

// --- replays ------------------------------------------------------------------------------------
static uint32_t count_own_records(const struct system_run *run)
{
    return run->job->parallel->replays_each ? run->replicas : 1;
}

uint32_t system_replays(const struct system_run *run)
{
    return run->job->record_count + run->has_warm_up;
}

uint32_t system_fed_replays(const struct system_run *run)
{
    uint32_t replays = system_replays(run);
    return replays + (uint32_t)min_u64(run->job->chip->host.prefetch_depth, replays - 1);
}

static size_t record_number(const struct system_run *run, uint32_t replica, uint32_t replay)
{
    uint32_t own = run->job->parallel->replays_each ? replica : 0;
    uint32_t record = replay > 0 && run->has_warm_up ? replay - 1 : replay;
    return (size_t)own * run->job->record_count + record;
}

const struct timeline *system_timeline(const struct system_run *run, uint32_t replica,
                                       uint32_t replay)
{
    return &run->timelines[record_number(run, replica, replay)];
}

const struct activity *system_record(const struct system_run *run, uint32_t replica,
                                     uint32_t replay)
{
    return run->job->records[record_number(run, replica, replay)];
}

uint64_t system_part_bytes(const struct system_run *run, uint32_t rank, uint64_t bytes)
{
    return bytes * (rank + 1) / run->replica_chips - bytes * rank / run->replica_chips;
}

const char *system_step_name(const struct program *program, const struct program_step *step)
{
    if (step->kind == STEP_EXCHANGE) {
        return program->exchanges[step->index].name;
    }
    if (step->kind == STEP_HOST) {
        return step->host_direction == HOST_TO_CHIP ? "host to chip" : "chip to host";
    }
    return step->name;
}

// --- plans --------------------------------------------------------------------------------------
static void plan_timelines(struct system_run *run)
{
    const struct engine_job *job = run->job;
    size_t count = (size_t)count_own_records(run) * job->record_count;
    run->timelines = xcalloc(count, sizeof *run->timelines);
    for (size_t i = 0; i < count; i++) {
        run->timelines[i] = timeline_create(job->replay, job->records[i], run->share_count);
    }
    for (uint32_t i = 0; i < run->timelines[0].count; i++) {
        const struct superstep *superstep = run->timelines[0].items[i].superstep;
        bool is_host = superstep->kind == SUPERSTEP_HOST;
        run->uses.host |= is_host;
        run->uses.memory |= superstep->kind == SUPERSTEP_STREAM;
        run->received_per_replay += is_host && superstep->step->host_direction == HOST_TO_CHIP;
        run->sent_per_replay += is_host && superstep->step->host_direction == CHIP_TO_HOST;
    }
    run->lanes = stream_lanes_of(&run->timelines[0]);
    run->transfer_ends =
        job->leaves == NULL ? NULL : xcalloc(run->timelines[0].count, sizeof(double));
    // what is begun in one training step and ends in the next is steady from the second on
    run->has_warm_up = run->uses.host || run->uses.memory;
}

static void take_traffic(struct system_run *run, const struct traffic_list *traffic)
{
    for (uint32_t i = 0; i < traffic->count * run->replicas; i++) {
        const struct chip_traffic *item = &traffic->items[i % traffic->count];
        uint32_t base = i / traffic->count * run->replica_stride;
        system_ways_take(run->ways, base + item->from, base + item->to);
    }
}

struct taking {
    struct system_run *run;
    uint32_t chip;
};

static void take_step(void *context, const struct all_reduce_step *step)
{
    const struct taking *taking = context;
    if (step->sends) {
        system_ways_take(taking->run->ways, taking->chip, step->to);
    }
}

// Ways of exchanges come first: whether those of different replicas meet is asked of them alone.
static void plan_ways(struct system_run *run)
{
    const struct program *program = run->job->program;
    run->ways = system_ways_create(run->job->system, run->chips);
    run->traffic = xcalloc(program->exchange_count, sizeof *run->traffic);
    for (uint32_t i = 0; i < program->exchange_count; i++) {
        run->traffic[i] = traffic_measure(run->job->system, program, &program->exchanges[i]);
        take_traffic(run, &run->traffic[i]);
    }
    run->repeats_exchanges =
        !run->job->is_detailed &&
        (run->replicas == 1 || !system_ways_meet(run->ways, run->replica_stride));
    bool has_reduce = false;
    for (uint32_t i = 0; i < program->step_count; i++) {
        has_reduce |= program->steps[i].kind == STEP_ALL_REDUCE;
    }
    for (uint32_t chip = 0; has_reduce && chip < run->chips; chip++) {
        if (chip % run->replica_stride >= run->replica_chips) {
            continue;
        }
        struct taking taking = {run, chip};
        all_reduce_walk(run->job->system, run->job->parallel, chip, 0, take_step, &taking);
    }
}

static void open_run(struct system_run *run, struct engine_job *job)
{
    const struct program *program = job->program;
    *run = (struct system_run){.job = job,
                               .chips = job->parallel->chips,
                               .replicas = job->parallel->replicas,
                               .share_count = superstep_count_shares(program)};
    run->replica_stride = run->chips / run->replicas;
    run->replica_chips = program->chips;
    SIM_ASSERT(run->replica_chips <= run->replica_stride,
               "a program on %u chips for replicas of %u", run->replica_chips, run->replica_stride);
    plan_timelines(run);
    plan_ways(run);
    SIM_ASSERT(!run->uses.memory || job->system->streaming.bytes > 0,
               "a program streams, and %s has no streaming memory", job->system->name);
}

// --- actors -------------------------------------------------------------------------------------
static void feed_all(struct system_actor *actor, enum host_direction direction)
{
    struct system_run *run = actor->run;
    struct system_chip *chip = &run->all_chips[actor->chip];
    const struct timeline *timeline = &run->timelines[0]; // transfers are the same in all
    uint32_t replays = direction == HOST_TO_CHIP ? system_fed_replays(run) : system_replays(run);
    for (uint64_t i = 0; i < (uint64_t)replays * timeline->count; i++) {
        const struct superstep *superstep = timeline->items[i % timeline->count].superstep;
        const struct program_step *step = superstep->step;
        if (superstep->kind != SUPERSTEP_HOST || step->host_direction != direction) {
            continue;
        }
        if (direction == HOST_TO_CHIP) {
            host_port_feed(chip->host, system_part_bytes(run, chip->rank, step->host_bytes));
        } else {
            host_port_take(chip->host);
        }
    }
}

static void serve_all(struct system_actor *actor)
{
    struct system_run *run = actor->run;
    for (uint32_t i = 0; i < system_replays(run); i++) {
        bool is_asked =
            run->transfer_ends != NULL && actor->chip == 0 && i + 1 == system_replays(run);
        stream_port_serve(run->all_chips[actor->chip].memory, &run->lanes.items[actor->lane],
                          &run->timelines[0], is_asked ? run->transfer_ends : NULL);
    }
}

static void actor_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    struct system_actor *actor = sg_actor_self_get_data();
    switch (actor->kind) {
    case ACTOR_CHIP:
        system_chip_run(&actor->run->all_chips[actor->chip]);
        break;
    case ACTOR_FEEDER:
        feed_all(actor, HOST_TO_CHIP);
        break;
    case ACTOR_TAKER:
        feed_all(actor, CHIP_TO_HOST);
        break;
    case ACTOR_MEMORY:
        serve_all(actor);
        break;
    case ACTOR_TILE:
        system_tile_run(&actor->run->tiles[actor->tile]);
        break;
    }
    actor->has_ended = true;
}

static struct system_actor *add_actor(struct system_run *run, enum system_actor_kind kind,
                                      uint32_t chip, uint32_t lane)
{
    static const char *const places[] = {"chip", "slot", "slot", "memory", "chip"};
    static const char *const waits[] = {"its first step", "room for a batch on the chip",
                                        "a result of the chip", "a transfer of the chip",
                                        "others of its replica"};
    const struct system_config *system = run->job->system;
    const uint32_t numbers[] = {chip, chip / system->chips_per_slot, chip / system->chips_per_slot,
                                chip / system->chips_per_machine, chip};
    SIM_ASSERT(run->actor_count < run->actor_room, "%u actors", run->actor_count);
    struct system_actor *actor = &run->actors[run->actor_count++];
    *actor = (struct system_actor){.run = run,
                                   .kind = kind,
                                   .chip = chip,
                                   .lane = lane,
                                   .waits_for = waits[kind],
                                   .channel = kind == ACTOR_MEMORY ? run->lanes.items[lane].channel
                                                                   : ACTOR_NO_CHANNEL};
    char host[32];
    snprintf(host, sizeof host, "%s %u", places[kind], numbers[kind]);
    sg_actor_t simgrid_actor = sg_actor_init(places[kind], sg_host_by_name(host));
    sg_actor_set_data(simgrid_actor, actor);
    sg_actor_start(simgrid_actor, actor_main, 0, NULL);
    return actor;
}

static struct meeting open_meeting(uint32_t members)
{
    return (struct meeting){.barrier = sg_barrier_init(members), .members = members};
}

static void open_replica(struct system_run *run, struct replica *replica)
{
    replica->meeting = open_meeting(run->replica_chips);
    replica->waits = xcalloc(run->job->program->exchange_count, sizeof *replica->waits);
    replica->share_cycles = xcalloc(run->share_count, sizeof(uint64_t));
}

static void open_chip(struct system_run *run, uint32_t number)
{
    struct system_chip *chip = &run->all_chips[number];
    *chip = (struct system_chip){.run = run,
                                 .replica = &run->all_replicas[number / run->replica_stride],
                                 .chip = number,
                                 .rank = number % run->replica_stride};
    char name[48];
    snprintf(name, sizeof name, "links chip %u", number);
    chip->links = sg_mailbox_by_name(name);
    for (uint32_t i = 0; i < ALL_REDUCE_PHASES; i++) {
        snprintf(name, sizeof name, "gradients %u chip %u", i, number);
        chip->reduces[i] = sg_mailbox_by_name(name);
    }
    if (run->uses.host) {
        const struct host_port_config config = {.chip = number,
                                                .received_per_replay = run->received_per_replay,
                                                .sent_per_replay = run->sent_per_replay,
                                                .replays = system_replays(run),
                                                .fed_replays = system_fed_replays(run),
                                                .prefetch_depth =
                                                    run->job->chip->host.prefetch_depth};
        chip->host = host_port_create(&config);
    }
    if (run->uses.memory) {
        chip->memory = stream_port_create(number, &run->lanes);
    }
}

static void add_actors_of_chip(struct system_run *run, uint32_t chip)
{
    run->all_chips[chip].actor = add_actor(run, ACTOR_CHIP, chip, 0);
    if (run->received_per_replay > 0) {
        add_actor(run, ACTOR_FEEDER, chip, 0);
    }
    if (run->sent_per_replay > 0) {
        add_actor(run, ACTOR_TAKER, chip, 0);
    }
    for (uint32_t lane = 0; lane < run->lanes.count; lane++) {
        add_actor(run, ACTOR_MEMORY, chip, lane);
    }
}

static void open_actors(struct system_run *run)
{
    run->all_replicas = xcalloc(run->replicas, sizeof *run->all_replicas);
    for (uint32_t i = 0; i < run->replicas; i++) {
        open_replica(run, &run->all_replicas[i]);
    }
    run->meeting = open_meeting(run->replicas * run->replica_chips);
    run->reduces = xcalloc(run->share_count, sizeof *run->reduces);
    run->all_chips = xcalloc(run->chips, sizeof *run->all_chips);
    run->actor_room = run->chips * (3 + run->lanes.count) +
                      run->replicas * (run->job->is_detailed ? run->job->program->tile_count : 0);
    run->actors = xcalloc(run->actor_room, sizeof *run->actors);
    for (uint32_t i = 0; i < run->replicas * run->replica_chips; i++) {
        uint32_t chip = i / run->replica_chips * run->replica_stride + i % run->replica_chips;
        open_chip(run, chip);
        add_actors_of_chip(run, chip);
    }
}

static void add_tiles(struct system_run *run)
{
    const struct program *program = run->job->program;
    system_tiles_open(run);
    for (uint32_t i = 0; i < run->tile_count; i++) {
        const struct system_tile *tile = &run->tiles[i];
        uint32_t chip =
            tile->replica_number * run->replica_stride + tile->number / program->chip_tiles;
        add_actor(run, ACTOR_TILE, chip, 0)->tile = i;
    }
}

// --- what comes of it ---------------------------------------------------------------------------
static uint32_t count_unended(const struct system_run *run)
{
    uint32_t unended = 0;
    for (uint32_t i = 0; i < run->actor_count; i++) {
        unended += !run->actors[i].has_ended;
    }
    return unended;
}

static char *explain_actor(const struct system_actor *actor)
{
    static const char *const names[] = {"chip", "host's feeder of chip", "host's taker of chip",
                                        "memory's actor of chip", "a tile of chip"};
    char *step = actor->step == NULL ? xstrdup("") : xasprintf(" in '%s'", actor->step);
    char *channel = actor->channel == ACTOR_NO_CHANNEL ? xstrdup("")
                                                       : xasprintf(" (channel %u)", actor->channel);
    char *text = xasprintf("%s %u waits for %s%s%s", names[actor->kind], actor->chip,
                           actor->waits_for, step, channel);
    free(step);
    free(channel);
    return text;
}

char *system_actors_explain(const struct system_run *run)
{
    uint32_t unended = count_unended(run), named = 0;
    char *text = xstrdup("");
    for (uint32_t i = 0; i < run->actor_count && named < EXPLAINED_ACTORS; i++) {
        if (run->actors[i].has_ended) {
            continue;
        }
        char *one = explain_actor(&run->actors[i]);
        char *longer = xasprintf("%s%s%s", text, named++ == 0 ? "" : "; ", one);
        free(one);
        free(text);
        text = longer;
    }
    if (unended > named) {
        char *longer = xasprintf("%s; and %u more", text, unended - named);
        free(text);
        text = longer;
    }
    return text;
}

// A transfer begins when it is started and the one before it in its lane has ended.
static void report_transfers(const struct system_run *run)
{
    const struct timeline *timeline = system_timeline(run, 0, system_replays(run) - 1);
    double origin = (double)run->last_run_cycles;
    for (uint32_t lane = 0; lane < run->lanes.count; lane++) {
        uint64_t free_cycles = 0;
        for (uint32_t i = 0; i < timeline->count; i++) {
            struct engine_leave *leave = &run->job->leaves[i];
            if (stream_is_of_lane(&run->lanes.items[lane], timeline->items[i].superstep)) {
                leave->begin_cycles = max_u64(leave->begin_cycles, free_cycles);
                double end = ceil(run->transfer_ends[i] - origin - 1e-6);
                leave->end_cycles = max_u64(leave->begin_cycles, end > 0 ? (uint64_t)end : 0);
                free_cycles = leave->end_cycles;
            }
        }
    }
}

// Of the replica that took longest, the first of equals; with leaves, of the first, whose they are.
static void report(const struct system_run *run)
{
    const struct replica *longest = &run->all_replicas[0];
    for (uint32_t i = 1; run->job->leaves == NULL && i < run->replicas; i++) {
        const struct replica *replica = &run->all_replicas[i];
        if (superstep_sum(&replica->total) > superstep_sum(&longest->total)) {
            longest = replica;
        }
    }
    superstep_add(&run->job->total, &longest->total, 1);
    for (uint32_t i = 0; i < run->share_count; i++) {
        run->job->share_cycles[i] += longest->share_cycles[i];
    }
}

static void close_actors(struct system_run *run)
{
    for (uint32_t i = 0; i < run->chips; i++) {
        host_port_destroy(run->all_chips[i].host);
        stream_port_destroy(run->all_chips[i].memory);
    }
    for (uint32_t i = 0; i < run->replicas; i++) {
        free(run->all_replicas[i].waits);
        free(run->all_replicas[i].share_cycles);
    }
    free(run->all_chips);
    free(run->all_replicas);
    free(run->reduces);
    free(run->actors);
}

static void close_run(struct system_run *run)
{
    size_t timelines = (size_t)count_own_records(run) * run->job->record_count;
    for (size_t i = 0; i < timelines; i++) {
        timeline_free(&run->timelines[i]);
    }
    for (uint32_t i = 0; i < run->job->program->exchange_count; i++) {
        traffic_free(&run->traffic[i]);
    }
    free(run->timelines);
    free(run->traffic);
    free(run->lanes.items);
    free(run->transfer_ends);
    system_ways_destroy(run->ways);
}

bool engine_run_system(struct engine_job *job)
{
    SIM_ASSERT(job->process->shape == NULL, "a system is timed in a process of its own");
    struct system_run run;
    open_run(&run, job);
    job->process->shape = system_platform_shape(run.ways, run.uses);
    platform_start(&(struct platform){.shape = job->process->shape});
    open_actors(&run);
    if (job->is_detailed) {
        add_tiles(&run);
    }
    simgrid_run(); // returns quietly from a deadlock
    bool is_done = count_unended(&run) == 0;
    if (is_done) {
        report(&run);
        if (job->leaves != NULL) {
            report_transfers(&run);
        }
    } else {
        char *why = system_actors_explain(&run);
        snprintf(job->stop, sizeof job->stop, "%s", why);
        free(why);
    }
    job->process->is_spent = true; // its platform is this system's
    system_tiles_close(&run);
    close_actors(&run);
    close_run(&run);
    free(job->process->shape);
    job->process->shape = NULL;
    return is_done;
}

bool engine_run_system_detailed(struct engine_job *job)
{
    job->is_detailed = true;
    return engine_run_system(job);
}

// A chip of a system between the steps of its timeline. Convention: step_<kind> takes the chip from
// now_cycles, where the step begins, to where it ends, and returns the cycles waited beyond the
// chip's own; SimGrid's clock lags behind now_cycles until something outside the chip is asked.
#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <stdlib.h>

#include "exchange/crossing.h"
#include "sim/engine/system_run.h"
#include "sim/err.h"
#include "sim/units.h"

// A time this close above a whole cycle is that cycle: SimGrid adds times in floating point.
#define CLOCK_ERROR_CYCLES 1e-6

static void sleep_until(double cycles)
{
    double left = cycles - simgrid_get_clock();
    if (left > 0) {
        sg_actor_sleep_for(left);
    }
}

// The whole cycle at or behind SimGrid's clock.
static uint64_t clock_cycles(void)
{
    return (uint64_t)ceil(simgrid_get_clock() - CLOCK_ERROR_CYCLES);
}

// What the actor is at, in case that it never comes back.
static void enter(struct system_chip *chip, const char *waits_for,
                  const struct superstep *superstep)
{
    chip->actor->waits_for = waits_for;
    chip->actor->channel = ACTOR_NO_CHANNEL;
    chip->actor->step = system_step_name(chip->run->job->program, superstep->step);
}

// The cycle that the last of the members comes with.
static uint64_t meet(struct meeting *meeting, uint64_t *held, uint64_t cycles)
{
    uint64_t *latest = &meeting->latest_cycles[(*held)++ % 2];
    *latest = max_u64(*latest, cycles);
    if (meeting->members > 1) {
        sg_barrier_wait(meeting->barrier);
    }
    return *latest;
}

static uint64_t meet_replica(struct system_chip *chip, uint64_t cycles)
{
    return meet(&chip->replica->meeting, &chip->replica_meetings, cycles);
}

// --- words between chips ------------------------------------------------------------------------
struct parcel { // to one chip
    uint32_t to;
    uint64_t bytes;
    double latency_cycles;
};

static int compare_parcels(const void *a, const void *b)
{
    const struct parcel *one = a, *other = b;
    return (one->latency_cycles > other->latency_cycles) -
           (one->latency_cycles < other->latency_cycles);
}

// Of what the chip sends, the nearest first. Returns how many.
static uint32_t pack(const struct system_chip *chip, const struct traffic_list *traffic,
                     struct parcel *parcels, uint32_t *incoming)
{
    uint32_t base = chip->chip - chip->rank, count = 0;
    *incoming = 0;
    for (uint32_t i = 0; i < traffic->count; i++) {
        const struct chip_traffic *item = &traffic->items[i];
        *incoming += item->to == chip->rank;
        if (item->from == chip->rank) {
            parcels[count++] =
                (struct parcel){.to = base + item->to,
                                .bytes = crossing_link_bytes(chip->run->job->system, item),
                                .latency_cycles = system_ways_latency(chip->run->ways, chip->chip,
                                                                      base + item->to)};
        }
    }
    qsort(parcels, count, sizeof *parcels, compare_parcels);
    return count;
}

// Sends and receives all words of an exchange; the first ones leave their chips at `begin_cycles`.
// A message's words follow one another on the links when the first has found its way.
static void move_words(struct system_chip *chip, const struct traffic_list *traffic,
                       uint64_t begin_cycles)
{
    struct system_run *run = chip->run;
    struct parcel *parcels = xcalloc(run->replica_chips, sizeof *parcels);
    uint32_t incoming;
    uint32_t outgoing = pack(chip, traffic, parcels, &incoming);
    sg_comm_t *comms = xcalloc((size_t)incoming + outgoing, sizeof *comms);
    void *unread;
    for (uint32_t i = 0; i < incoming; i++) {
        comms[i] = sg_mailbox_get_async(chip->links, &unread);
    }
    for (uint32_t i = 0; i < outgoing; i++) {
        sleep_until((double)begin_cycles + parcels[i].latency_cycles);
        comms[incoming + i] =
            sg_mailbox_put_async(run->all_chips[parcels[i].to].links, chip, (long)parcels[i].bytes);
    }
    for (uint32_t i = 0; i < incoming + outgoing; i++) {
        sg_comm_wait(comms[i]);
    }
    free(comms);
    free(parcels);
}

static uint64_t step_exchange(struct system_chip *chip, const struct superstep *superstep)
{
    const struct traffic_list *traffic = &chip->run->traffic[superstep->step->index];
    struct known_wait *wait = &chip->replica->waits[superstep->step->index];
    uint64_t begin_cycles = chip->now_cycles + superstep->sync_cycles;
    uint64_t end_cycles = begin_cycles + superstep->exchange_cycles;
    if (!wait->is_known) {
        move_words(chip, traffic, begin_cycles + superstep->first_cycles);
        uint64_t there_cycles = max_u64(clock_cycles(), begin_cycles + superstep->least_cycles);
        uint64_t all_cycles = meet_replica(chip, max_u64(end_cycles, there_cycles));
        wait->is_known = chip->run->repeats_exchanges;
        wait->cycles = all_cycles - end_cycles;
        chip->now_cycles = all_cycles;
        return all_cycles - end_cycles;
    }
    chip->now_cycles = end_cycles + wait->cycles;
    return wait->cycles;
}

// --- host and memory ----------------------------------------------------------------------------
// The chips of a replica go on together when the last of them has what it waits for.
static uint64_t go_on_together(struct system_chip *chip)
{
    uint64_t begun_cycles = chip->now_cycles;
    chip->now_cycles = meet_replica(chip, max_u64(begun_cycles, clock_cycles()));
    return chip->now_cycles - begun_cycles;
}

static uint64_t step_host(struct system_chip *chip, const struct superstep *superstep)
{
    const struct program_step *step = superstep->step;
    sleep_until((double)chip->now_cycles);
    if (step->host_direction == HOST_TO_CHIP) {
        host_port_receive(chip->host);
    } else {
        host_port_send(chip->host, system_part_bytes(chip->run, chip->rank, step->host_bytes));
    }
    return go_on_together(chip);
}

static uint64_t step_stream(struct system_chip *chip, const struct superstep *superstep)
{
    const struct program_step *step = superstep->step;
    chip->actor->channel = step->stream_channel;
    if (step->stream_phase == STREAM_WAIT) {
        if (!stream_port_must_wait(chip->memory, step->stream_channel)) {
            return 0;
        }
        stream_port_wait(chip->memory, step->stream_channel);
        return go_on_together(chip);
    }
    sleep_until((double)chip->now_cycles);
    if (step->stream_phase == STREAM_START) {
        stream_port_start(chip->memory, step);
        return 0;
    }
    stream_port_move(chip->memory, step);
    return go_on_together(chip);
}

// --- all-reduce ---------------------------------------------------------------------------------
static void reduce_step(void *context, const struct all_reduce_step *step)
{
    struct system_chip *chip = context;
    struct system_run *run = chip->run;
    sg_comm_t sent = NULL, received = NULL;
    void *unread;
    if (step->receives) {
        received = sg_mailbox_get_async(chip->reduces[step->phase], &unread);
    }
    if (step->sends) {
        sleep_until(chip->add_until_cycles + system_ways_latency(run->ways, chip->chip, step->to));
        sent = sg_mailbox_put_async(run->all_chips[step->to].reduces[step->phase], chip,
                                    (long)step->sent_bytes);
    }
    if (step->receives) {
        sg_comm_wait(received);
    }
    if (step->sends) {
        sg_comm_wait(sent);
    }
    chip->add_until_cycles = fmax(chip->add_until_cycles, simgrid_get_clock()) +
                             (double)all_reduce_add_cycles(run->job->chip, step->added_bytes);
}

static uint64_t step_all_reduce(struct system_chip *chip, const struct superstep *superstep)
{
    struct system_run *run = chip->run;
    struct known_wait *wait = &run->reduces[superstep->share];
    uint64_t begun_cycles = chip->now_cycles;
    uint64_t met_cycles = meet(&run->meeting, &chip->all_meetings, begun_cycles);
    uint64_t begin_cycles = met_cycles + superstep->sync_cycles;
    if (wait->is_known) {
        chip->now_cycles = begin_cycles + wait->cycles;
    } else {
        chip->add_until_cycles = (double)begin_cycles;
        all_reduce_walk(run->job->system, run->job->parallel, chip->chip,
                        superstep->step->chip_bytes, reduce_step, chip);
        sleep_until(chip->add_until_cycles);
        chip->now_cycles =
            meet(&run->meeting, &chip->all_meetings, max_u64(begin_cycles, clock_cycles()));
        // all chips are here: nothing else is on the links
        wait->is_known = !run->job->is_detailed;
        wait->cycles = chip->now_cycles - begin_cycles;
    }
    return chip->now_cycles - begun_cycles - superstep->sync_cycles;
}

// --- a replay -----------------------------------------------------------------------------------
uint64_t system_chip_take(struct system_chip *chip, const struct superstep *superstep)
{
    switch (superstep->kind) {
    case SUPERSTEP_EXCHANGE:
        enter(chip, "words of other chips", superstep);
        return step_exchange(chip, superstep);
    case SUPERSTEP_HOST:
        enter(chip, "its host", superstep);
        return step_host(chip, superstep);
    case SUPERSTEP_STREAM:
        enter(chip, "streaming memory", superstep);
        return step_stream(chip, superstep);
    default:
        SIM_ASSERT(superstep->kind == SUPERSTEP_ALL_REDUCE, "a step of kind %u in a timeline",
                   (unsigned)superstep->kind);
        enter(chip, "gradients of other replicas", superstep);
        return step_all_reduce(chip, superstep);
    }
}

void system_chip_sleep(struct system_chip *chip)
{
    sleep_until((double)chip->now_cycles);
}

// What the first chip of a replica counts stands for all of them, since they go on together.
static void replay(struct system_chip *chip, const struct timeline *timeline, bool is_measured,
                   struct engine_leave *leaves)
{
    struct replica *replica = chip->replica;
    struct superstep_cycles waits = {0};
    uint64_t begun_cycles = chip->now_cycles;
    bool is_counted = is_measured && chip->rank == 0;
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct superstep *superstep = timeline->items[i].superstep;
        chip->now_cycles += timeline->items[i].cycles_before;
        uint64_t step_cycles = chip->now_cycles - begun_cycles;
        uint64_t waited = system_chip_take(chip, superstep);
        *superstep_wait(&waits, superstep->kind) += waited;
        if (leaves != NULL) {
            leaves[i] = (struct engine_leave){.waited_cycles = waited, .begin_cycles = step_cycles};
        }
        if (is_counted) {
            replica->share_cycles[superstep->share] += waited;
        }
    }
    chip->now_cycles += timeline->cycles_after;
    SIM_ASSERT(chip->now_cycles - begun_cycles ==
                   superstep_sum(&timeline->total) + superstep_sum(&waits),
               "the clock and the sum of the supersteps differ");
    if (is_counted) {
        superstep_add(&replica->total, &timeline->total, 1);
        superstep_add(&replica->total, &waits, 1);
        for (uint32_t i = 0; i < chip->run->share_count; i++) {
            replica->share_cycles[i] += timeline->share_cycles[i];
        }
    }
}

void system_chip_run(struct system_chip *chip)
{
    struct system_run *run = chip->run;
    uint32_t replica = chip->chip / run->replica_stride;
    for (uint32_t i = 0; i < system_replays(run); i++) {
        bool is_last = i + 1 == system_replays(run);
        bool is_asked = is_last && chip->chip == 0;
        run->last_run_cycles = is_asked ? chip->now_cycles : run->last_run_cycles;
        bool is_measured = !(run->has_warm_up && i == 0);
        if (run->job->is_detailed) {
            system_chip_walk(chip, is_measured);
        } else {
            replay(chip, system_timeline(run, replica, i), is_measured,
                   is_asked ? run->job->leaves : NULL);
        }
    }
    sleep_until((double)chip->now_cycles);
    if (chip->host != NULL) {
        host_port_finish(chip->host);
    }
    if (chip->memory != NULL) {
        stream_port_finish(chip->memory);
    }
}

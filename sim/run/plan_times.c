#include "sim/run/plan_times.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/replay.h"
#include "sim/machine.h"
#include "sim/units.h"

#define REPLAYED_STEPS 8u // time steps; in chunks of chunks, so that all forward sections are there

// Evenly chosen time steps of a record.
static struct activity *sample_record(const struct activity *record)
{
    uint32_t time_steps[REPLAYED_STEPS];
    for (uint32_t i = 0; i < REPLAYED_STEPS; i++) {
        time_steps[i] =
            (uint32_t)((2 * (uint64_t)i + 1) * record->time_steps / (2 * REPLAYED_STEPS));
    }
    return activity_pick(record, time_steps, REPLAYED_STEPS);
}

// What sections are for: their names are those of the lowering.
enum part {
    PART_FIRST, // time steps
    PART_AGAIN,
    PART_KEPT,
    PART_BACKWARD,
    TIME_STEP_PARTS,
    PART_ONCE = TIME_STEP_PARTS, // and what no name is known of
    PART_SAVE,                   // states
    PART_RESTORE,
    PART_HEAD,
    PART_PUT,
    PART_GET,
    PART_HISTORY_PUT,
    PART_HISTORY_GET,
    PARTS
};

static const struct {
    const char *section;
    enum part part;
} parts_of_sections[] = {
    {"forward", PART_FIRST},
    {"forward again", PART_AGAIN},
    {"forward again, history kept", PART_KEPT},
    {"backward", PART_BACKWARD},
    {"save state", PART_SAVE},
    {"restore state", PART_RESTORE},
    {"state before the kept time steps", PART_HEAD},
    {"put state", PART_PUT},
    {"get state", PART_GET},
    {"get the last state", PART_GET},
    {"put history", PART_HISTORY_PUT},
    {"get history", PART_HISTORY_GET},
    {"get the last history", PART_HISTORY_GET},
};

static enum part part_of_section(const char *section)
{
    for (uint32_t i = 0; i < sizeof parts_of_sections / sizeof *parts_of_sections; i++) {
        if (strcmp(section, parts_of_sections[i].section) == 0) {
            return parts_of_sections[i].part;
        }
    }
    return PART_ONCE;
}

static bool is_in_loop(const struct program *program, uint32_t step)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < step; i++) {
        depth += program->steps[i].kind == STEP_LOOP_BEGIN;
        depth -= program->steps[i].kind == STEP_LOOP_END;
    }
    return depth > 0;
}

// Without sections, in plain programs, the two loops over time are one part.
static enum part part_of(const struct program *program, uint32_t step)
{
    if (program->section_count == 0) {
        return is_in_loop(program, step) ? PART_FIRST : PART_ONCE;
    }
    for (uint32_t i = 0; i < program->section_count; i++) {
        const struct program_section *section = &program->sections[i];
        if (step >= section->first_step && step < section->first_step + section->step_count) {
            return part_of_section(section->name);
        }
    }
    return PART_ONCE;
}

struct replayed {
    const struct program *program;
    double cycles[PARTS];
    // Of them what compute sets take, alone dependent on the record: in all time steps, and without
    // the first and the last.
    double compute_cycles[TIME_STEP_PARTS], middle_cycles[TIME_STEP_PARTS];
    struct machine_leaves leaves; // owned; none: of a chip alone
    uint64_t leave;               // the next one
};

// What the chips wait for each other. Their waits for streaming memory are the planner's to count,
// those for the host nobody's.
static uint64_t links_cycles(struct replayed *replayed, const struct superstep *superstep)
{
    enum step_kind kind = superstep->step->kind;
    bool is_among_chips = kind == STEP_ALL_REDUCE || superstep->crosses;
    bool leaves_chip = is_among_chips || kind == STEP_HOST || kind == STEP_STREAM;
    if (!leaves_chip || replayed->leaves.count == 0) {
        return 0;
    }
    SIM_ASSERT(replayed->leave < replayed->leaves.count, "more steps leave than were timed");
    uint64_t waited_cycles = replayed->leaves.items[replayed->leave++].waited_cycles;
    return is_among_chips ? waited_cycles : 0;
}

static void add_event(void *context, const struct replay_event *event)
{
    struct replayed *replayed = context;
    const struct program_step *step = event->superstep->step;
    if (step == NULL) {
        return;
    }
    uint64_t waited_cycles = links_cycles(replayed, event->superstep);
    enum part part = part_of(replayed->program, (uint32_t)(step - replayed->program->steps));
    double cycles = (double)(event->cycles + event->sync_cycles + waited_cycles);
    replayed->cycles[part] += cycles;
    if (part < TIME_STEP_PARTS && step->kind == STEP_COMPUTE) {
        bool is_middle = event->time_step > 0 && event->time_step + 1 < REPLAYED_STEPS;
        replayed->compute_cycles[part] += cycles;
        replayed->middle_cycles[part] += is_middle ? cycles : 0;
    }
}

// Waits of several chips for each other, by the clock.
static void time_links(const struct plan_prober *prober, struct machine *machine,
                       const struct activity *record, struct replayed *replayed)
{
    if (prober->machine->parallel.chips == 1) {
        return;
    }
    struct machine_time time;
    char *why = NULL;
    if (machine_time_leaves(machine, &record, 1, &time, &replayed->leaves, &why)) {
        machine_time_free(&time);
    } else { // a run would fail as well, and say why
        replayed->leaves = (struct machine_leaves){0};
    }
    free(why);
}

// A small plan; transfers to and from streaming memory take no cycles here. False: it cannot be
// lowered, so that nothing fits that its seconds would be for.
static bool replay_plan(const struct plan_prober *prober, const struct activity *record,
                        const struct checkpoint_config *config, struct replayed *replayed)
{
    struct training_graph *graph = training_graph_create(
        &prober->graph->config, prober->graph->form, prober->graph->batch, REPLAYED_STEPS);
    char *why = NULL;
    struct program *program = plan_prober_lower(prober, graph, config, &why);
    free(why);
    *replayed = (struct replayed){.program = program};
    bool is_lowered = program != NULL;
    if (is_lowered) {
        struct machine *machine = machine_create_of(prober->machine, program);
        struct activity *sample = record == NULL ? NULL : sample_record(record);
        time_links(prober, machine, sample, replayed);
        machine_observe(machine, sample, add_event, replayed);
        free(replayed->leaves.items);
        activity_destroy(sample);
        machine_destroy(machine);
        program_destroy(program);
    }
    training_graph_destroy(graph);
    return is_lowered;
}

// Seconds of each of `count`.
static double each(const struct plan_prober *prober, const struct replayed *replayed,
                   enum part part, uint64_t count)
{
    return count == 0 ? 0
                      : cycles_to_seconds(replayed->cycles[part] / (double)count,
                                          prober->machine->chip->clock_hz);
}

// Of a time step between others: the first one has no spikes from before, the last one no gradient
// from behind.
static double each_time_step(const struct plan_prober *prober, const struct replayed *replayed,
                             enum part part)
{
    double same_cycles = replayed->cycles[part] - replayed->compute_cycles[part];
    return cycles_to_seconds(same_cycles / REPLAYED_STEPS +
                                 replayed->middle_cycles[part] / (REPLAYED_STEPS - 2),
                             prober->machine->chip->clock_hz);
}

// What the first and the last time step take less than two others; of plans that run nothing again.
static double saved_at_ends(const struct plan_prober *prober, const struct replayed *replayed)
{
    static const double runs[TIME_STEP_PARTS] = {
        [PART_FIRST] = 1, [PART_AGAIN] = -1, [PART_KEPT] = 1, [PART_BACKWARD] = 1};
    double seconds = 0;
    for (enum part part = 0; part < TIME_STEP_PARTS; part++) {
        seconds += runs[part] * (REPLAYED_STEPS * each_time_step(prober, replayed, part) -
                                 each(prober, replayed, part, 1));
    }
    return seconds;
}

// A state's or a time step's way, all chips of a machine that hold a part at once.
static double transfer_seconds(struct plan_prober *prober, bool is_history)
{
    uint64_t bytes = plan_prober_stream_bytes(prober, is_history);
    if (bytes == 0) {
        return HUGE_VAL;
    }
    const struct machine_config *machine = prober->machine;
    uint32_t chips = prober->program_chips;
    return system_stream_seconds(
        machine->system, bytes, plan_chips_sharing_memory(machine, chips),
        plan_chips_sharing(machine, chips, machine->system->chips_per_slot));
}

// By a plan that has every section there is but those of histories.
static void measure_costs(struct plan_prober *prober, const struct activity *record, bool streams,
                          struct plan_times *times)
{
    struct planner_costs *costs = streams ? &times->streaming_costs : &times->costs;
    struct checkpoint_config config = prober->training.checkpoints;
    config.kind = streams ? CHECKPOINT_DOUBLE : CHECKPOINT_NESTED;
    config.local = 2;
    config.remote = streams ? 2 : 0;
    config.levels = streams ? 0 : 3;
    config.keeps_last = false;
    struct replayed replayed;
    if (!replay_plan(prober, record, &config, &replayed)) {
        return;
    }
    struct checkpoint_plan *plan = plan_create(&config, REPLAYED_STEPS);
    struct plan_cost cost = plan_measure(plan);
    plan_destroy(plan);
    costs->forward_seconds = each_time_step(prober, &replayed, PART_AGAIN);
    costs->backward_seconds = each_time_step(prober, &replayed, PART_BACKWARD);
    costs->save_seconds = each(prober, &replayed, PART_SAVE, cost.saves);
    costs->restore_seconds = each(prober, &replayed, PART_RESTORE, cost.restores);
    costs->head_seconds = each(prober, &replayed, PART_HEAD, cost.kept_runs);
    costs->put_seconds = each(prober, &replayed, PART_PUT, cost.puts);
    costs->get_seconds = each(prober, &replayed, PART_GET, cost.gets);
    costs->reads_before = replayed.cycles[PART_HEAD] > 0;
    times->more_seconds = each_time_step(prober, &replayed, PART_FIRST) +
                          each_time_step(prober, &replayed, PART_KEPT) - 2 * costs->forward_seconds;
    costs->keep_seconds = times->more_seconds;
    times->once_seconds = each(prober, &replayed, PART_ONCE, 1) - saved_at_ends(prober, &replayed);
}

// The plain program has no sections, and keeps for the loss what those with sections sum up or
// gather anew.
static void measure_plain(const struct plan_prober *prober, const struct activity *record,
                          struct plan_times *times)
{
    const struct checkpoint_config none = {.kind = CHECKPOINT_NONE,
                                           .state_bytes = prober->training.checkpoints.state_bytes};
    struct replayed replayed;
    if (replay_plan(prober, record, &none, &replayed)) {
        times->plain_seconds = each_time_step(prober, &replayed, PART_FIRST);
        times->plain_once_seconds =
            each(prober, &replayed, PART_ONCE, 1) - saved_at_ends(prober, &replayed);
    }
}

// I/O tiles alone take part in a history's way with exchanges.
static void measure_history_costs(const struct plan_prober *prober, const struct activity *record,
                                  struct planner_costs *costs)
{
    struct checkpoint_config config = prober->training.checkpoints;
    config.kind = CHECKPOINT_OFFLOAD;
    config.local = config.remote = config.levels = 0;
    config.keeps_last = false;
    struct replayed replayed;
    if (replay_plan(prober, record, &config, &replayed)) {
        costs->history_put_seconds = each(prober, &replayed, PART_HISTORY_PUT, REPLAYED_STEPS);
        costs->history_get_seconds = each(prober, &replayed, PART_HISTORY_GET, REPLAYED_STEPS);
    }
}

struct plan_times plan_measure_times(struct plan_prober *prober, const struct activity *record)
{
    struct plan_times times = {0};
    bool can_stream = prober->remote_limit_bytes > 0;
    bool has_io_tiles = prober->machine->lowering.streaming == STREAMING_IO_TILES;
    times.streaming_costs.is_overlapped = prober->machine->lowering.streaming != STREAMING_BLOCKING;
    if (can_stream) {
        measure_costs(prober, record, true, &times);
        times.streaming_costs.state_seconds = transfer_seconds(prober, false);
        times.streaming_costs.history_seconds = transfer_seconds(prober, true);
    }
    times.costs = times.streaming_costs;
    if (can_stream && has_io_tiles) {
        measure_history_costs(prober, record, &times.streaming_costs);
    }
    if (!can_stream || has_io_tiles) { // the other plans compute on all tiles
        measure_costs(prober, record, false, &times);
    }
    measure_plain(prober, record, &times);
    return times;
}

const struct planner_costs *plan_costs_of(const struct plan_times *times, enum checkpoint_kind kind)
{
    return plan_streams(kind) ? &times->streaming_costs : &times->costs;
}

double plan_step_seconds(const struct plan_times *times, const struct checkpoint_config *config,
                         uint32_t time_steps)
{
    struct planner_memory no_memory = {0};
    if (config->kind == CHECKPOINT_NONE) {
        return times->plain_once_seconds + time_steps * times->plain_seconds;
    }
    return times->once_seconds + time_steps * times->more_seconds +
           planner_size_of(config, time_steps, &no_memory, plan_costs_of(times, config->kind))
               .seconds;
}

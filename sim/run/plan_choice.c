// Kinds are asked one by one: each has its own sections and buffers, and so its own line of bytes. A kind whose plans are no
// faster than what was found, had they all the SRAM for states, is not asked.
#include "sim/run/plan_choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/replay.h"
#include "sim/machine.h"
#include "sim/units.h"

bool plan_is_open(const struct checkpoint_config *config)
{
    if (config->kind == CHECKPOINT_AUTO) {
        return true;
    }
    struct plan_numbers has = plan_numbers_of(config->kind);
    return (has.has_local && config->local == 0) || (has.has_remote && config->remote == 0) ||
           (has.has_levels && config->levels == 0);
}

void plan_name(const struct checkpoint_config *config, char *text, uint32_t text_bytes)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    const char *kind = checkpoint_kind_name(config->kind);
    if (has.has_levels) {
        snprintf(text, text_bytes, "%s (%u levels, %u local)", kind, config->levels, config->local);
    } else if (has.has_remote && has.has_local) {
        snprintf(text, text_bytes, "%s (%u remote, %u local)", kind, config->remote, config->local);
    } else if (has.has_remote || has.has_local) {
        snprintf(text, text_bytes, "%s (%u %s)", kind,
                 has.has_remote ? config->remote : config->local,
                 has.has_remote ? "remote" : "local");
    } else {
        snprintf(text, text_bytes, "%s", kind);
    }
}

// --- seconds ------------------------------------------------------------------------------------
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

static enum part part_of(const char *section)
{
    for (uint32_t i = 0; i < sizeof parts_of_sections / sizeof *parts_of_sections; i++) {
        if (strcmp(section, parts_of_sections[i].section) == 0) {
            return parts_of_sections[i].part;
        }
    }
    return PART_ONCE;
}

struct replayed {
    const struct program *program;
    double cycles[PARTS];
    // Of them what compute sets take, alone dependent on the record: in all time steps, and without the first and the last.
    double compute_cycles[TIME_STEP_PARTS], middle_cycles[TIME_STEP_PARTS];
    struct machine_leaves leaves; // owned; none: of a chip alone
    uint64_t leave;               // the next one
};

// What the chips wait for each other. Their waits for streaming memory are the planner's to count, those for the host nobody's.
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
    const struct program *program = replayed->program;
    if (event->superstep->step == NULL) {
        return;
    }
    uint64_t waited_cycles = links_cycles(replayed, event->superstep);
    uint32_t step = (uint32_t)(event->superstep->step - program->steps);
    for (uint32_t i = 0; i < program->section_count; i++) {
        const struct program_section *section = &program->sections[i];
        if (step >= section->first_step && step < section->first_step + section->step_count) {
            enum part part = part_of(section->name);
            double cycles = (double)(event->cycles + event->sync_cycles + waited_cycles);
            replayed->cycles[part] += cycles;
            if (part < TIME_STEP_PARTS && event->superstep->step->kind == STEP_COMPUTE) {
                bool is_middle = event->time_step > 0 && event->time_step + 1 < REPLAYED_STEPS;
                replayed->compute_cycles[part] += cycles;
                replayed->middle_cycles[part] += is_middle ? cycles : 0;
            }
        }
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

// A small plan; transfers to and from streaming memory take no cycles here. False: it cannot be lowered, so that nothing
// fits that its seconds would be for.
static bool replay_plan(const struct plan_prober *prober, const struct activity *record,
                        const struct checkpoint_config *config, struct replayed *replayed)
{
    struct training_graph *graph = training_graph_create(
        &prober->graph->config, prober->graph->form, prober->graph->batch, REPLAYED_STEPS);
    char *why = NULL;
    struct program *program = plan_prober_lower(prober, graph, config, &why);
    free(why);
    *replayed = (struct replayed){.program = program};
    if (program != NULL) {
        const struct machine_config *machine_config = prober->machine;
        struct machine *machine =
            machine_config->system == NULL
                ? machine_create(machine_config->chip, program)
                : machine_create_on(machine_config->system, &machine_config->parallel, program);
        struct activity *sample = record == NULL ? NULL : sample_record(record);
        time_links(prober, machine, sample, replayed);
        machine_observe(machine, sample, add_event, replayed);
        free(replayed->leaves.items);
        activity_destroy(sample);
        machine_destroy(machine);
        program_destroy(program);
    }
    training_graph_destroy(graph);
    return program != NULL;
}

// Seconds of each of `count`.
static double each(const struct plan_prober *prober, const struct replayed *replayed,
                   enum part part, uint64_t count)
{
    return count == 0 ? 0
                      : cycles_to_seconds(replayed->cycles[part] / (double)count,
                                          prober->machine->chip->clock_hz);
}

// Of a time step between others: the first one has no spikes from before, the last one no gradient from behind.
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

// A state's or a time step's way, all chips of a machine at once.
static double transfer_seconds(struct plan_prober *prober, bool is_history)
{
    uint64_t bytes = plan_prober_stream_bytes(prober, is_history);
    if (bytes == 0) {
        return HUGE_VAL;
    }
    const struct streaming_config *streaming = &prober->machine->system->streaming;
    double rate = streaming->bytes_per_second / plan_chips_sharing_memory(prober->machine);
    if (streaming->chip_bytes_per_second > 0) {
        rate = fmin(rate, streaming->chip_bytes_per_second);
    }
    return streaming->latency_seconds + (double)bytes / rate;
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
    times->once_seconds = each(prober, &replayed, PART_ONCE, 1) - saved_at_ends(prober, &replayed);
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
    return times;
}

static const struct planner_costs *costs_of(const struct plan_times *times,
                                            enum checkpoint_kind kind)
{
    return plan_streams(kind) ? &times->streaming_costs : &times->costs;
}

double plan_step_seconds(const struct plan_times *times, const struct checkpoint_config *config,
                         uint32_t time_steps)
{
    struct planner_memory no_memory = {0};
    return times->once_seconds + time_steps * times->more_seconds +
           planner_size_of(config, time_steps, &no_memory, costs_of(times, config->kind)).seconds;
}

// --- the choice ---------------------------------------------------------------------------------
static bool ask_fits(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    const struct plan_probe *probe = plan_prober_ask(context, &size->config);
    *sram_bytes = probe->sram_bytes;
    return probe->fits_sram;
}

// Without its base: what states alone take.
static struct planner_memory memory_of(struct plan_prober *prober, enum checkpoint_kind kind)
{
    struct plan_weight weight = plan_prober_weigh(prober, plan_streams(kind));
    uint64_t remote_bytes = plan_streams(kind)
                                ? plan_prober_stream_bytes(prober, kind == CHECKPOINT_OFFLOAD) *
                                      plan_chips_sharing_memory(prober->machine)
                                : 0;
    return (struct planner_memory){.slot_bytes = weight.slot_bytes,
                                   .history_bytes = weight.history_bytes,
                                   .limit_bytes = prober->limit_bytes,
                                   .remote_state_bytes = remote_bytes,
                                   .remote_history_bytes = remote_bytes,
                                   .remote_limit_bytes =
                                       plan_streams(kind) ? prober->remote_limit_bytes : 0,
                                   .context = prober};
}

static struct checkpoint_config of_kind(const struct checkpoint_config *wanted,
                                        enum checkpoint_kind kind)
{
    struct checkpoint_config config = *wanted;
    config.kind = kind;
    config.keeps_last = config.keeps_last && plan_numbers_of(kind).has_chunks;
    return config;
}

// By weights alone; a limit that nothing keeps makes the planner name what needs least.
static bool smallest_of(const struct checkpoint_config *wanted, uint32_t time_steps,
                        const struct planner_memory *memory, struct checkpoint_config *smallest)
{
    static const struct planner_costs no_costs = {0};
    struct planner_memory none = *memory;
    none.base_bytes = none.limit_bytes + 1;
    none.fits = NULL;
    struct planner_answer answer = planner_choose(wanted, time_steps, &none, &no_costs);
    *smallest = answer.size.config;
    return answer.size.sram_bytes > 0; // else streaming memory has no room
}

// What a plan adds to the SRAM of every tile: states, and steps of the control program. UINT64_MAX: it cannot be lowered.
static uint64_t added_bytes(const struct plan_prober *prober,
                            const struct checkpoint_config *config,
                            const struct planner_memory *memory)
{
    static const struct planner_costs no_costs = {0};
    char *why = NULL;
    struct program *program = plan_prober_lower(prober, prober->graph, config, &why);
    free(why);
    if (program == NULL) {
        return UINT64_MAX;
    }
    uint64_t steps = program->step_count;
    program_destroy(program);
    return planner_size_of(config, prober->training.time_steps, memory, &no_costs).sram_bytes +
           steps * prober->machine->chip->tile.control_code_bytes_per_step;
}

// Binomial plans hardly fold into loops: the fewer slots, the longer the control program, which the weights do not
// know. The smallest lies between.
static struct checkpoint_config smallest_binomial(const struct plan_prober *prober,
                                                  const struct checkpoint_config *wanted,
                                                  const struct planner_memory *memory)
{
    struct checkpoint_config config = *wanted, smallest = *wanted;
    uint64_t least_bytes = UINT64_MAX, bytes = 0;
    smallest.local = 1;
    for (config.local = 1; config.local <= prober->training.time_steps && bytes / 2 <= least_bytes;
         config.local += 1 + config.local / 2) {
        bytes = added_bytes(prober, &config, memory);
        if (bytes < least_bytes) {
            least_bytes = bytes;
            smallest.local = config.local;
        }
    }
    return smallest;
}

// False: streaming memory has no room.
static bool find_smallest(struct plan_prober *prober, const struct checkpoint_config *wanted,
                          const struct planner_memory *memory, struct checkpoint_config *smallest)
{
    if (wanted->kind == CHECKPOINT_BINOMIAL && wanted->local == 0) {
        *smallest = smallest_binomial(prober, wanted, memory);
        return true;
    }
    return smallest_of(wanted, prober->training.time_steps, memory, smallest);
}

#define NEIGHBOURS 6u        // plans with more or fewer checkpoints that are tried beside
#define NEIGHBOUR_STEPS 128u // of the control program, by which plans beside each other may differ

// Chunks that differ in length take more steps of the control program than equal ones: a plan beside the smallest may fit.
static const struct plan_probe *ask_neighbours(struct plan_prober *prober,
                                               const struct checkpoint_config *wanted,
                                               const struct checkpoint_config *smallest)
{
    for (uint32_t i = 0; i < NEIGHBOURS; i++) {
        struct checkpoint_config config = *smallest;
        uint32_t distance = i / 2 + 1;
        bool is_local = plan_numbers_of(config.kind).has_local;
        uint32_t *number = is_local ? &config.local : &config.remote;
        bool is_given = (is_local ? wanted->local : wanted->remote) != 0;
        if (is_given || (i % 2 == 0 && *number <= distance)) {
            continue;
        }
        *number += i % 2 == 0 ? 0 - distance : distance;
        char *fault = plan_check(&config, prober->training.time_steps, &(const char *){NULL});
        bool is_legal = fault == NULL;
        free(fault);
        const struct plan_probe *probe = is_legal ? plan_prober_ask(prober, &config) : NULL;
        if (probe != NULL && probe->fits) {
            return probe;
        }
    }
    return plan_prober_ask(prober, smallest);
}

static const struct plan_probe *probe_smallest(struct plan_prober *prober,
                                               const struct checkpoint_config *wanted,
                                               const struct checkpoint_config *smallest)
{
    const struct plan_probe *probe = plan_prober_ask(prober, smallest);
    struct plan_numbers has = plan_numbers_of(wanted->kind);
    uint64_t slack_bytes =
        (uint64_t)NEIGHBOUR_STEPS * prober->machine->chip->tile.control_code_bytes_per_step;
    bool is_close = probe->is_lowered && probe->sram_bytes <= prober->limit_bytes + slack_bytes;
    return probe->fits || !is_close || !(has.has_local || has.has_remote)
               ? probe
               : ask_neighbours(prober, wanted, smallest);
}

#define LEVELS_MAX 17u // that keys allow

// The more levels, the fewer states and the longer the control program, which must lie in executable regions: one number of
// levels after the other is asked, the fastest first.
static const struct plan_probe *probe_nested(struct plan_prober *prober,
                                             const struct checkpoint_config *wanted,
                                             const struct planner_memory *memory)
{
    struct checkpoint_config of_levels = *wanted, smallest;
    const struct plan_probe *probe = NULL;
    uint64_t least_bytes = UINT64_MAX;
    for (of_levels.levels = 2; of_levels.levels <= LEVELS_MAX; of_levels.levels++) {
        if (!smallest_of(&of_levels, prober->training.time_steps, memory, &smallest)) {
            break; // more levels than time steps have room for
        }
        uint64_t bytes = added_bytes(prober, &smallest, memory);
        if (bytes >= least_bytes) {
            break;
        }
        least_bytes = bytes;
        probe = probe_smallest(prober, wanted, &smallest);
        if (probe->fits) {
            break;
        }
    }
    return probe;
}

const struct plan_probe *plan_smallest_probe(struct plan_prober *prober,
                                             const struct checkpoint_config *wanted)
{
    struct planner_memory memory;
    struct checkpoint_config smallest;
    if (plan_streams(wanted->kind) && prober->remote_limit_bytes == 0) {
        return NULL;
    }
    if (!plan_is_open(wanted)) {
        return plan_prober_ask(prober, wanted);
    }
    memory = memory_of(prober, wanted->kind);
    if (wanted->kind == CHECKPOINT_NESTED && wanted->levels == 0) {
        return probe_nested(prober, wanted, &memory);
    }
    return find_smallest(prober, wanted, &memory, &smallest)
               ? probe_smallest(prober, wanted, &smallest)
               : NULL;
}

// The cheapest plan of one kind; wanted->kind is not auto.
static struct planner_answer choose_of_kind(struct plan_prober *prober,
                                            const struct checkpoint_config *wanted,
                                            const struct plan_times *times)
{
    uint32_t time_steps = prober->training.time_steps;
    struct planner_memory memory = memory_of(prober, wanted->kind);
    const struct plan_probe *smallest = plan_smallest_probe(prober, wanted);
    if (smallest == NULL) {
        return (struct planner_answer){.size = {.config = {.kind = wanted->kind}}};
    }
    struct plan_probe probe = *smallest;
    struct planner_answer answer = {.size = {.config = probe.config}};
    uint64_t states =
        planner_size_of(&probe.config, time_steps, &memory, costs_of(times, wanted->kind))
            .sram_bytes;
    memory.base_bytes = probe.sram_bytes > states ? probe.sram_bytes - states : 0;
    memory.fits = ask_fits;
    if (!probe.is_lowered) {
        return answer;
    }
    answer = planner_choose(wanted, time_steps, &memory, costs_of(times, wanted->kind));
    if (!answer.is_found && probe.fits) { // the planner's order of plans was not that of the tiles
        answer = planner_choose(&probe.config, time_steps, &memory, costs_of(times, wanted->kind));
    }
    return answer;
}

// No plan of the kind is faster: all SRAM is for states.
static double least_seconds(struct plan_prober *prober, const struct checkpoint_config *wanted,
                            const struct plan_times *times)
{
    struct planner_memory memory = memory_of(prober, wanted->kind);
    struct planner_answer answer =
        planner_choose(wanted, prober->training.time_steps, &memory, costs_of(times, wanted->kind));
    return answer.is_found ? answer.size.seconds : HUGE_VAL;
}

struct offer {
    enum checkpoint_kind kind;
    double least_seconds;
};

static int compare_offers(const void *a, const void *b)
{
    const struct offer *left = a, *right = b;
    if (left->least_seconds != right->least_seconds) {
        return left->least_seconds < right->least_seconds ? -1 : 1;
    }
    return (left->kind > right->kind) - (left->kind < right->kind);
}

// Double has all that single_remote has, and a slot more: where the history of one time step is too much for that, so it is here.
static bool is_hopeless(const struct planner_size *failed, enum checkpoint_kind kind)
{
    return kind == CHECKPOINT_DOUBLE && failed->config.kind == CHECKPOINT_SINGLE_REMOTE &&
           failed->history_steps == 1;
}

static struct planner_answer choose_of_all(struct plan_prober *prober,
                                           const struct checkpoint_config *wanted,
                                           const struct plan_times *times)
{
    struct offer offers[CHECKPOINT_KINDS];
    struct planner_answer best = {0}, least = {0};
    struct planner_size single_remote = {0}; // its smallest plan, if that does not fit
    for (enum checkpoint_kind kind = 0; kind < CHECKPOINT_KINDS; kind++) {
        struct checkpoint_config config = of_kind(wanted, kind);
        bool can_run = !plan_streams(kind) || prober->remote_limit_bytes > 0;
        offers[kind] = (struct offer){kind, HUGE_VAL};
        if (can_run) {
            offers[kind].least_seconds = least_seconds(prober, &config, times);
        }
    }
    qsort(offers, CHECKPOINT_KINDS, sizeof *offers, compare_offers);
    for (uint32_t i = 0; i < CHECKPOINT_KINDS && offers[i].least_seconds < HUGE_VAL; i++) {
        if (best.is_found && offers[i].least_seconds >= best.size.seconds) {
            break;
        }
        if (is_hopeless(&single_remote, offers[i].kind)) {
            continue;
        }
        struct checkpoint_config config = of_kind(wanted, offers[i].kind);
        struct planner_answer answer = choose_of_kind(prober, &config, times);
        if (!answer.is_found && config.kind == CHECKPOINT_SINGLE_REMOTE) {
            single_remote = answer.size;
        }
        if (answer.is_found && (!best.is_found || answer.size.seconds < best.size.seconds)) {
            best = answer;
        } else if (!answer.is_found &&
                   (least.size.sram_bytes == 0 || answer.size.sram_bytes < least.size.sram_bytes)) {
            least = answer;
        }
    }
    return best.is_found ? best : least;
}

// --- the reason ---------------------------------------------------------------------------------
// Off a refusal.
static void cut_list(char *why)
{
    char *list = strstr(why, "; largest");
    if (list != NULL) {
        *list = '\0';
    }
}

static char *lack_of(const struct plan_probe *probe)
{
    char *why = xstrdup(probe->why);
    cut_list(why);
    return why;
}

static char *explain_none(struct plan_prober *prober, const struct plan_choice *choice)
{
    const struct plan_probe *probe = plan_prober_ask(prober, &choice->config);
    char plan[128];
    plan_name(&choice->config, plan, sizeof plan);
    char *lack = lack_of(probe);
    char *why = xasprintf("none fits; the smallest, %s: %s", plan, lack);
    free(lack);
    return why;
}

static char *explain(struct plan_prober *prober, const struct plan_choice *choice,
                     const struct planner_size *size)
{
    if (!choice->is_found) {
        return explain_none(prober, choice);
    }
    struct plan_probe probe = *plan_prober_ask(prober, &choice->config);
    struct checkpoint_config plain_config = of_kind(&choice->config, CHECKPOINT_NONE);
    plain_config.local = plain_config.remote = plain_config.levels = 0;
    const struct plan_probe *plain = plan_prober_ask(prober, &plain_config);
    char plan[128];
    plan_name(&choice->config, plan, sizeof plan);
    char *lack = plain->fits ? xstrdup("") : lack_of(plain);
    char *why =
        xasprintf("%s: %.1f forward passes, %llu of %llu bytes on tile %u%s%s", plan,
                  (double)size->forward_steps / prober->training.time_steps,
                  (unsigned long long)probe.sram_bytes, (unsigned long long)prober->limit_bytes,
                  probe.tile, plain->fits ? "" : "; none: ", lack);
    free(lack);
    return why;
}

struct plan_choice plan_choose(struct plan_prober *prober, const struct checkpoint_config *wanted,
                               const struct plan_times *times)
{
    struct plan_choice choice = {.config = *wanted, .is_open = plan_is_open(wanted)};
    char *lack = wanted->kind == CHECKPOINT_AUTO ? plan_prober_lack(prober) : NULL;
    if (lack != NULL) {
        choice.config = of_kind(wanted, CHECKPOINT_NONE);
        cut_list(lack);
        choice.why = xasprintf("none fits, whatever states and history take: %s", lack);
        free(lack);
    } else if (!choice.is_open) {
        choice.is_found = plan_prober_ask(prober, wanted)->fits;
    } else {
        struct planner_answer answer = wanted->kind == CHECKPOINT_AUTO
                                           ? choose_of_all(prober, wanted, times)
                                           : choose_of_kind(prober, wanted, times);
        choice.is_found = answer.is_found;
        choice.config = answer.size.config;
        if (plan_is_open(
                &choice
                     .config)) { // nothing streams, or not as much: so says the lowering to any numbers
            choice.config = *wanted;
            choice.config.remote = wanted->remote == 0 ? 1 : wanted->remote;
            choice.config.local = wanted->local == 0 ? 1 : wanted->local;
            return choice;
        }
        choice.why = explain(prober, &choice, &answer.size);
    }
    choice.seconds = plan_step_seconds(times, &choice.config, prober->training.time_steps);
    return choice;
}

void plan_choice_free(struct plan_choice *choice)
{
    free(choice->why);
    *choice = (struct plan_choice){0};
}

char *plan_remedy(struct plan_prober *prober, const struct plan_times *times)
{
    struct checkpoint_config any = prober->training.checkpoints;
    any.kind = CHECKPOINT_AUTO;
    any.local = any.remote = any.levels = 0;
    struct plan_choice choice = plan_choose(prober, &any, times);
    char plan[128];
    plan_name(&choice.config, plan, sizeof plan);
    char *remedy = choice.is_found ? xasprintf("training.checkpointing: %s would fit", plan)
                                   : xstrdup(PLAN_NO_REMEDY);
    plan_choice_free(&choice);
    return remedy;
}

// Kinds are asked one by one: each has its own sections and buffers, and so its own line of bytes.
// A kind whose plans are no faster than what was found, had they all the SRAM for states, is not
// asked.
#include "sim/run/plan_choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- the choice ---------------------------------------------------------------------------------
static bool ask_fits(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    const struct plan_probe *probe = plan_prober_ask(context, &size->config);
    *sram_bytes = probe->sram_bytes;
    return probe->fits_sram;
}

// The search then goes on by the line, and names what needs the least.
static bool refuse(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    (void)context;
    (void)size;
    *sram_bytes = 0;
    return false;
}

// Without its base: what states alone take.
static struct planner_memory memory_of(struct plan_prober *prober, enum checkpoint_kind kind)
{
    struct plan_weight weight = plan_prober_weigh(prober, plan_streams(kind));
    uint64_t remote_bytes = 0;
    if (plan_streams(kind)) {
        remote_bytes = plan_prober_stream_bytes(prober, kind == CHECKPOINT_OFFLOAD);
        remote_bytes *= plan_chips_sharing_memory(prober->machine, prober->program_chips);
    }
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

// What a plan adds to the SRAM of every tile: states, and steps of the control program. UINT64_MAX:
// it cannot be lowered.
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

// Binomial plans hardly fold into loops: the fewer slots, the longer the control program, which the
// weights do not know. The smallest lies between.
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

// Chunks that differ in length take more steps of the control program than equal ones: a plan
// beside the smallest may fit.
static const struct plan_probe *ask_neighbours(struct plan_prober *prober,
                                               const struct checkpoint_config *wanted,
                                               const struct checkpoint_config *smallest)
{
    uint32_t count = smallest->kind == CHECKPOINT_BINOMIAL ? 2 * NEIGHBOURS : NEIGHBOURS;
    for (uint32_t i = 0; i < count; i++) {
        struct checkpoint_config config = *smallest;
        // binomial's control program has another length for every number of slots: some further off
        // are tried too
        bool is_far = i >= NEIGHBOURS;
        uint32_t stride = is_far ? 1 + smallest->local / 8 : 1;
        uint32_t distance = (i % NEIGHBOURS / 2 + 1) * stride;
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

// False: no plan of the kind fits. Their sections are the same; the main part of the control
// program differs, and nothing needs fewer states than the smallest.
static bool may_others_fit(const struct plan_prober *prober, const struct plan_probe *smallest)
{
    uint64_t steps =
        smallest->main_steps > NEIGHBOUR_STEPS ? smallest->main_steps : NEIGHBOUR_STEPS;
    return smallest->is_lowered &&
           smallest->overflow_bytes <=
               steps * prober->machine->chip->tile.control_code_bytes_per_step;
}

static const struct plan_probe *probe_smallest(struct plan_prober *prober,
                                               const struct checkpoint_config *wanted,
                                               const struct checkpoint_config *smallest)
{
    const struct plan_probe *probe = plan_prober_ask(prober, smallest);
    struct plan_numbers has = plan_numbers_of(wanted->kind);
    uint64_t slack_bytes =
        (uint64_t)NEIGHBOUR_STEPS * prober->machine->chip->tile.control_code_bytes_per_step;
    bool is_close =
        may_others_fit(prober, probe) && probe->sram_bytes <= prober->limit_bytes + slack_bytes;
    return probe->fits || !is_close || !(has.has_local || has.has_remote)
               ? probe
               : ask_neighbours(prober, wanted, smallest);
}

#define LEVELS_MAX 17u // that keys allow

// The more levels, the fewer states and the longer the control program, which must lie in
// executable regions: one number of levels after the other is asked, the fastest first.
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
        planner_size_of(&probe.config, time_steps, &memory, plan_costs_of(times, wanted->kind))
            .sram_bytes;
    memory.base_bytes = probe.sram_bytes > states ? probe.sram_bytes - states : 0;
    memory.fits = may_others_fit(prober, &probe) ? ask_fits : refuse;
    if (!probe.is_lowered) {
        return answer;
    }
    answer = planner_choose(wanted, time_steps, &memory, plan_costs_of(times, wanted->kind));
    if (!answer.is_found && probe.fits) { // the planner's order of plans was not that of the tiles
        answer =
            planner_choose(&probe.config, time_steps, &memory, plan_costs_of(times, wanted->kind));
    }
    return answer;
}

// No plan of the kind is faster: all SRAM is for states.
static double least_seconds(struct plan_prober *prober, const struct checkpoint_config *wanted,
                            const struct plan_times *times)
{
    struct planner_memory memory = memory_of(prober, wanted->kind);
    struct planner_answer answer = planner_choose(wanted, prober->training.time_steps, &memory,
                                                  plan_costs_of(times, wanted->kind));
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

// Double has all that single_remote has, and a slot more: where the history of one time step is too
// much for that, so it is here.
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
        // no bytes: nothing streams, or no plan of the kind can be lowered
        bool can_run =
            !plan_streams(kind) || plan_prober_stream_bytes(prober, kind == CHECKPOINT_OFFLOAD) > 0;
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
        } else if (!answer.is_found && answer.size.sram_bytes > 0 && // else it cannot be lowered
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
    char *why = xstrdup(probe->why == NULL ? "" : probe->why); // NULL: it fits
    cut_list(why);
    return why;
}

static char *explain_none(struct plan_prober *prober, const struct plan_choice *choice)
{
    const struct plan_probe *probe = plan_prober_ask(prober, &choice->config);
    char plan[128];
    planner_describe(&choice->config, plan, sizeof plan);
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
    planner_describe(&choice->config, plan, sizeof plan);
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
        // nothing streams, or not as much: so says the lowering to any numbers
        if (plan_is_open(&choice.config)) {
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

// Of the placements that are left the one where plain training is fastest; UINT32_MAX: none is
// left.
static uint32_t fastest_left(const struct plan_times *times, const bool *is_done, uint32_t count,
                             uint32_t time_steps)
{
    const struct checkpoint_config plain = {.kind = CHECKPOINT_NONE};
    uint32_t fastest = UINT32_MAX;
    double least_seconds = HUGE_VAL;
    for (uint32_t i = 0; i < count; i++) {
        double seconds = plan_step_seconds(&times[i], &plain, time_steps);
        if (!is_done[i] && (fastest == UINT32_MAX || seconds < least_seconds)) {
            fastest = i;
            least_seconds = seconds;
        }
    }
    return fastest;
}

// Plans run again what plain training runs once: where that alone takes longer than a plan that was
// found, none is asked.
static struct plan_choice choose_placement(struct plan_prober *prober,
                                           const struct checkpoint_config *wanted,
                                           const struct plan_times *times, uint32_t *placement)
{
    const struct checkpoint_config plain = {.kind = CHECKPOINT_NONE};
    uint32_t count = plan_prober_placements(prober), steps = prober->training.time_steps;
    bool *is_done = xcalloc(count, sizeof *is_done);
    struct plan_choice best = {0};
    *placement = UINT32_MAX;
    for (uint32_t i; (i = fastest_left(times, is_done, count, steps)) != UINT32_MAX;) {
        is_done[i] = true;
        if (best.is_found && plan_step_seconds(&times[i], &plain, steps) >= best.seconds) {
            break;
        }
        plan_prober_place(prober, i);
        struct plan_choice choice = plan_choose(prober, wanted, &times[i]);
        bool is_better = choice.is_found && (!best.is_found || choice.seconds < best.seconds);
        if (is_better || *placement == UINT32_MAX || (!best.is_found && i == 0)) {
            plan_choice_free(&best);
            best = choice;
            *placement = i;
        } else {
            plan_choice_free(&choice);
        }
    }
    free(is_done);
    return best;
}

struct plan_choice plan_choose_and_place(struct plan_prober *prober,
                                         const struct checkpoint_config *wanted,
                                         const struct activity *record, struct plan_times *times)
{
    uint32_t count = plan_prober_placements(prober), placement;
    struct plan_times *times_of = xcalloc(count, sizeof *times_of);
    for (uint32_t i = 0; i < count; i++) {
        plan_prober_place(prober, i);
        times_of[i] = plan_measure_times(prober, record);
    }
    struct plan_choice choice = choose_placement(prober, wanted, times_of, &placement);
    plan_prober_place(prober, placement);
    *times = times_of[placement];
    free(times_of);
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
    planner_describe(&choice.config, plan, sizeof plan);
    char *remedy = choice.is_found ? xasprintf("training.checkpointing: %s would fit", plan)
                                   : xstrdup(PLAN_NO_REMEDY);
    plan_choice_free(&choice);
    return remedy;
}

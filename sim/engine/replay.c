#include "sim/engine/replay.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/crossing.h"
#include "exchange/exchange.h"
#include "sim/err.h"
#include "sim/units.h"
#include "tiles/folded.h"

struct replay {
    const struct chip_config *chip;
    const struct program *program;
    struct superstep_syncs syncs;
    struct superstep_list list; // what is left to do at run time
    struct folded_set **sets;   // owned, one for all equal compute sets; [compute_set_count]
    uint32_t *first_equal;      // owned; [compute_set_count]: the first set that is equal
    // owned; [compute_set_count][time_steps]: cycles + 1, 0 where not known
    uint64_t **known_cycles;
    uint32_t share_count;
    uint64_t *share_times;           // owned; executions per run
    uint64_t *share_constant_cycles; // owned; per run, of steps that no record changes
};

// --- how often a step runs ----------------------------------------------------------------------
// Up to the end of the body; *step is left on it. times: turns of the loops around it, multiplied.
static void count_body(const struct replay *replay, uint32_t *step, uint64_t times,
                       uint64_t *times_of_step, uint64_t *times_of_section)
{
    const struct program *program = replay->program;
    for (; *step < program->step_count; (*step)++) {
        const struct program_step *at = &program->steps[*step];
        times_of_step[*step] = times;
        if (at->kind == STEP_LOOP_END || at->kind == STEP_RETURN) {
            return;
        }
        if (at->kind == STEP_CALL) {
            times_of_section[at->index] += times * at->loop_count;
        } else if (at->kind == STEP_LOOP_BEGIN) {
            (*step)++;
            count_body(replay, step, times * at->loop_count, times_of_step, times_of_section);
        }
    }
}

static void count_times(struct replay *replay)
{
    const struct program *program = replay->program;
    uint64_t *of_step = xcalloc(program->step_count + 1, sizeof *of_step);
    uint64_t *of_section = xcalloc(program->section_count + 1, sizeof *of_section);
    uint32_t step = program->main_first;
    count_body(replay, &step, 1, of_step, of_section);
    for (uint32_t i = program->section_count; i-- > 0;) { // a section calls earlier ones alone
        step = program->sections[i].first_step;
        count_body(replay, &step, of_section[i], of_step, of_section);
    }
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        if (superstep_takes_time(&program->steps[i])) {
            replay->share_times[share++] = of_step[i];
        }
    }
    free(of_step);
    free(of_section);
}

// --- folding ------------------------------------------------------------------------------------
// Works through the list of all supersteps and writes the folded one behind it, a body at a time: a body that
// turns out to be nothing but constants is multiplied out in the body around it, or at its calls.
struct folding {
    struct replay *replay;
    const struct superstep_list *from; // all supersteps
    uint32_t next;                     // of `from`
    struct exchange_meter *meter;
    struct superstep *section_ends; // owned; [section_count]: its CALL, or the CONSTANT it comes to
};

static void append(struct replay *replay, const struct superstep *superstep)
{
    replay->list.supersteps[replay->list.count++] = *superstep;
}

// Joins a constant that directly precedes it in the same body, which begins at `body_first`.
static void append_constant(struct replay *replay, uint32_t body_first,
                            const struct superstep_cycles *cycles, uint64_t times)
{
    if (superstep_sum(cycles) * times == 0 && cycles->supersteps * times == 0) {
        return;
    }
    struct superstep_list *list = &replay->list;
    bool can_join =
        list->count > body_first && list->supersteps[list->count - 1].kind == SUPERSTEP_CONSTANT;
    if (!can_join) {
        append(replay, &(struct superstep){.kind = SUPERSTEP_CONSTANT});
    }
    superstep_add(&list->supersteps[list->count - 1].known, cycles, times);
}

static struct superstep_cycles constant_cycles_of(const struct folding *folding,
                                                  const struct superstep *superstep)
{
    const struct replay *replay = folding->replay;
    struct superstep_cycles known = {.sync = superstep->sync_cycles};
    if (superstep->kind == SUPERSTEP_EXCHANGE) {
        known.exchange = exchange_meter_cycles(folding->meter,
                                               &replay->program->exchanges[superstep->step->index]);
    } else {
        known.compute = folded_set_cycles(replay->sets[superstep->step->index], NULL, 0);
        known.supersteps = 1;
    }
    return known;
}

static bool is_constant(const struct replay *replay, const struct superstep *superstep)
{
    return (superstep->kind == SUPERSTEP_EXCHANGE && !superstep->crosses) ||
           (superstep->kind == SUPERSTEP_COMPUTE &&
            folded_set_is_constant(replay->sets[superstep->step->index]));
}

// What a system adds to an exchange that crosses, its links apart.
static void add_crossing(const struct replay *replay, const struct exchange_step *exchange,
                         struct superstep *superstep)
{
    if (replay->syncs.system != NULL) {
        struct crossing crossing =
            crossing_measure(replay->syncs.system, replay->program, exchange);
        superstep->first_cycles += crossing.start_cycles;
        superstep->least_cycles = superstep->first_cycles + crossing.least_cycles;
        superstep->words_cycles = crossing.words_cycles;
    }
}

// A step that stays in the list: a compute set of the record, or one that leaves the chip.
static void append_changing(const struct folding *folding, const struct superstep *superstep)
{
    struct superstep changing = *superstep;
    if (superstep->kind == SUPERSTEP_EXCHANGE) {
        const struct exchange_step *exchange =
            &folding->replay->program->exchanges[superstep->step->index];
        changing.exchange_cycles = exchange_meter_cycles(folding->meter, exchange);
        changing.first_cycles = exchange_meter_first_cycles(folding->meter, exchange);
        add_crossing(folding->replay, exchange, &changing);
    }
    append(folding->replay, &changing);
}

// Is what was appended from `first` on nothing, or one constant? Then *known is its cycles.
static bool comes_to_constant(const struct replay *replay, uint32_t first,
                              struct superstep_cycles *known)
{
    const struct superstep *last = &replay->list.supersteps[first];
    bool is_empty = replay->list.count == first;
    bool is_one = replay->list.count == first + 1 && last->kind == SUPERSTEP_CONSTANT;
    *known = is_one ? last->known : (struct superstep_cycles){0};
    return is_empty || is_one;
}

static void fold_body(struct folding *folding);

static void fold_loop(struct folding *folding, uint32_t body_first)
{
    struct replay *replay = folding->replay;
    const struct superstep *begin = &folding->from->supersteps[folding->next++];
    uint32_t kept = replay->list.count;
    append(replay, begin);
    fold_body(folding);
    const struct superstep *end = &folding->from->supersteps[folding->next++];
    struct superstep_cycles known;
    if (comes_to_constant(replay, kept + 1, &known) || begin->step->loop_count == 0) {
        replay->list.count = kept;
        append_constant(replay, body_first, &known, begin->step->loop_count);
    } else {
        append(replay, end);
    }
}

static void fold_call(struct folding *folding, uint32_t body_first)
{
    const struct superstep *call = &folding->from->supersteps[folding->next++];
    const struct superstep *end = &folding->section_ends[call->step->index];
    if (end->kind == SUPERSTEP_CONSTANT) {
        append_constant(folding->replay, body_first, &end->known, call->step->loop_count);
    } else {
        struct superstep folded = *call;
        folded.target = end->target;
        append(folding->replay, &folded);
    }
}

// Up to the LOOP_END or RETURN, which is not taken, or the end.
static void fold_body(struct folding *folding)
{
    struct replay *replay = folding->replay;
    uint32_t body_first = replay->list.count;
    while (folding->next < folding->from->count) {
        const struct superstep *superstep = &folding->from->supersteps[folding->next];
        switch (superstep->kind) {
        case SUPERSTEP_LOOP_END:
        case SUPERSTEP_RETURN:
            return;
        case SUPERSTEP_LOOP_BEGIN:
            fold_loop(folding, body_first);
            continue;
        case SUPERSTEP_CALL:
            fold_call(folding, body_first);
            continue;
        default:
            break;
        }
        if (is_constant(replay, superstep)) {
            struct superstep_cycles known = constant_cycles_of(folding, superstep);
            replay->share_constant_cycles[superstep->share] =
                replay->share_times[superstep->share] * superstep_sum(&known);
            append_constant(replay, body_first, &known, 1);
        } else {
            append_changing(folding, superstep);
        }
        folding->next++;
    }
}

static void fold_section(struct folding *folding, uint32_t section)
{
    struct replay *replay = folding->replay;
    uint32_t first = replay->list.count;
    folding->next = replay->program->sections[section].first_step;
    fold_body(folding);
    struct superstep *end = &folding->section_ends[section];
    if (comes_to_constant(replay, first, &end->known)) {
        replay->list.count = first;
        end->kind = SUPERSTEP_CONSTANT;
    } else {
        append(replay, &folding->from->supersteps[folding->next]);
        end->kind = SUPERSTEP_CALL;
        end->target = first;
    }
}

static void fold(struct replay *replay)
{
    const struct program *program = replay->program;
    struct superstep_list all = superstep_list_create_over(program, replay->chip, &replay->syncs);
    // a constant may be put between any two steps that stay
    replay->list.supersteps =
        xcalloc(2 * (size_t)program->step_count + 1, sizeof *replay->list.supersteps);
    struct folding folding = {
        .replay = replay,
        .from = &all,
        .meter = exchange_meter_create(replay->chip, program),
        .section_ends = xcalloc(program->section_count + 1, sizeof *folding.section_ends)};
    for (uint32_t i = 0; i < program->section_count; i++) {
        fold_section(&folding, i);
    }
    replay->list.main_first = replay->list.count;
    folding.next = program->main_first;
    fold_body(&folding);
    exchange_meter_destroy(folding.meter);
    free(folding.section_ends);
    superstep_list_free(&all);
}

// --- equal compute sets -------------------------------------------------------------------------
static bool is_same_map(const struct tile_map *a, const struct tile_map *b)
{
    return a->first == b->first && a->positions == b->positions && a->span == b->span &&
           a->is_spread == b->is_spread;
}

static bool is_same_group(const struct vertex_group *a, const struct vertex_group *b)
{
    return a->codelet == b->codelet && a->dealing == b->dealing &&
           is_same_map(&a->place, &b->place) && a->items == b->items &&
           a->first_item == b->first_item && memcmp(a->sizes, b->sizes, sizeof a->sizes) == 0 &&
           a->vertices == b->vertices && a->samples_per_vertex == b->samples_per_vertex &&
           a->ids_per_item == b->ids_per_item && a->parts == b->parts && a->groups == b->groups &&
           a->list == b->list && a->layer == b->layer && a->time_offset == b->time_offset;
}

static bool is_same_set(const struct program *program, const struct compute_set *a,
                        const struct compute_set *b)
{
    bool is_same = a->group_count == b->group_count;
    for (uint32_t i = 0; is_same && i < a->group_count; i++) {
        is_same = is_same_group(&program->groups[a->first_group + i],
                                &program->groups[b->first_group + i]);
    }
    return is_same;
}

// Reads later time steps than the one it runs at, which there may not be.
static bool looks_ahead(const struct program *program, const struct compute_set *set)
{
    bool is_ahead = false;
    for (uint32_t i = 0; i < set->group_count; i++) {
        is_ahead = is_ahead || program->groups[set->first_group + i].time_offset > 0;
    }
    return is_ahead;
}

// A time step that runs again in another section takes the cycles that it took: such sets share
// one.
static void fold_sets(struct replay *replay)
{
    const struct program *program = replay->program;
    uint32_t count = program->compute_set_count;
    replay->sets = xcalloc(count, sizeof(struct folded_set *));
    replay->first_equal = xcalloc(count, sizeof *replay->first_equal);
    replay->known_cycles = xcalloc(count, sizeof *replay->known_cycles);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t equal = 0;
        while (equal < i &&
               !(replay->first_equal[equal] == equal &&
                 is_same_set(program, &program->compute_sets[equal], &program->compute_sets[i]))) {
            equal++;
        }
        replay->first_equal[i] = equal;
        if (equal < i) {
            replay->sets[i] = replay->sets[equal];
            replay->known_cycles[i] = replay->known_cycles[equal];
            continue;
        }
        replay->sets[i] = folded_set_create(replay->chip, program, &program->compute_sets[i]);
        // without sections no time step runs twice
        if (program->section_count > 0 && !folded_set_is_constant(replay->sets[i]) &&
            !looks_ahead(program, &program->compute_sets[i])) {
            replay->known_cycles[i] = xcalloc(program->time_steps, sizeof(uint64_t));
        }
    }
}

static void forget_cycles(struct replay *replay)
{
    const struct program *program = replay->program;
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        if (replay->first_equal[i] == i && replay->known_cycles[i] != NULL) {
            memset(replay->known_cycles[i], 0, program->time_steps * sizeof(uint64_t));
        }
    }
}

// All sets of a time step are asked together: its ids, if they are drawn, are drawn once, whatever
// runs later again.
static void know_time_step(struct replay *replay, const struct activity *record, int64_t time_step)
{
    const struct program *program = replay->program;
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        uint64_t *known = replay->known_cycles[i];
        if (known != NULL && replay->first_equal[i] == i) {
            known[time_step] = folded_set_cycles(replay->sets[i], record, time_step) + 1;
        }
    }
}

// Of a run; a time step that was run before is looked up.
static uint64_t set_cycles(struct replay *replay, uint32_t set, const struct activity *record,
                           int64_t time_step)
{
    uint64_t *known = replay->known_cycles[set];
    if (known == NULL || time_step < 0 || time_step >= replay->program->time_steps) {
        return folded_set_cycles(replay->sets[set], record, time_step);
    }
    if (known[time_step] == 0) {
        know_time_step(replay, record, time_step);
    }
    return known[time_step] - 1;
}

// --- life of a replay ---------------------------------------------------------------------------
struct replay *replay_create(const struct chip_config *chip, const struct program *program,
                             const struct superstep_syncs *syncs)
{
    struct replay *replay = xcalloc(1, sizeof *replay);
    replay->chip = chip;
    replay->program = program;
    replay->syncs = *syncs;
    replay->share_count = superstep_count_shares(program);
    replay->share_times = xcalloc(replay->share_count, sizeof *replay->share_times);
    replay->share_constant_cycles =
        xcalloc(replay->share_count, sizeof *replay->share_constant_cycles);
    fold_sets(replay);
    count_times(replay);
    fold(replay);
    return replay;
}

void replay_destroy(struct replay *replay)
{
    if (replay == NULL) {
        return;
    }
    for (uint32_t i = 0; i < replay->program->compute_set_count; i++) {
        if (replay->first_equal[i] == i) {
            folded_set_destroy(replay->sets[i]);
            free(replay->known_cycles[i]);
        }
    }
    free(replay->sets);
    free(replay->first_equal);
    free(replay->known_cycles);
    superstep_list_free(&replay->list);
    free(replay->share_times);
    free(replay->share_constant_cycles);
    free(replay);
}

const uint64_t *replay_share_times(const struct replay *replay)
{
    return replay->share_times;
}

// --- replaying ----------------------------------------------------------------------------------
struct replaying {
    struct replay *replay;
    struct replay_run *run;
};

static void replay_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    struct replaying *replaying = context;
    struct replay_run *run = replaying->run;
    uint64_t cycles = set_cycles(replaying->replay, superstep->step->index, run->record, time_step);
    run->total.compute += cycles;
    run->total.sync += superstep->sync_cycles;
    run->total.supersteps++;
    run->cycles_since += cycles + superstep->sync_cycles;
    if (run->share_cycles != NULL) {
        run->share_cycles[superstep->share] += cycles + superstep->sync_cycles;
    }
}

static void replay_constant(void *context, const struct superstep *superstep)
{
    struct replay_run *run = ((struct replaying *)context)->run;
    superstep_add(&run->total, &superstep->known, 1);
    run->cycles_since += superstep_sum(&superstep->known);
}

// The chip is left: the clock says how long it waits beyond what it does itself. Returns that.
static uint64_t leave(struct replay_run *run, const struct superstep *superstep)
{
    uint64_t own_cycles = superstep->sync_cycles + superstep->exchange_cycles;
    uint64_t waited = 0;
    if (run->leave == NULL) {
        run->cycles_since += own_cycles;
    } else {
        waited = run->leave(run->clock, superstep, run->cycles_since);
        run->cycles_since = 0;
    }
    run->total.sync += superstep->sync_cycles;
    run->total.exchange += superstep->exchange_cycles;
    if (run->share_cycles != NULL) {
        run->share_cycles[superstep->share] += own_cycles + waited;
    }
    return waited;
}

static void replay_leaving(void *context, const struct superstep *superstep)
{
    struct replay_run *run = ((struct replaying *)context)->run;
    uint64_t waited = leave(run, superstep);
    *superstep_wait(&run->total, superstep->kind) += waited;
}

void replay_once(struct replay *replay, struct replay_run *run)
{
    // exchanges that do not cross are constants
    static const struct superstep_actions actions = {.compute = replay_compute,
                                                     .exchange = replay_leaving,
                                                     .host = replay_leaving,
                                                     .stream = replay_leaving,
                                                     .all_reduce = replay_leaving,
                                                     .constant = replay_constant};
    struct replaying replaying = {.replay = replay, .run = run};
    forget_cycles(replay);
    superstep_run(&replay->list, &actions, &replaying);
    for (uint32_t i = 0; run->share_cycles != NULL && i < replay->share_count; i++) {
        run->share_cycles[i] += replay->share_constant_cycles[i];
    }
}

// --- looking on ---------------------------------------------------------------------------------
struct observing {
    struct replay *replay;
    const struct activity *record;
    uint64_t *exchange_cycles; // owned; [exchange_count], counted once
    void (*observe)(void *context, const struct replay_event *event);
    void *context;
};

static void observe_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    struct observing *observing = context;
    struct replay *replay = observing->replay;
    uint32_t set = superstep->step->index;
    const struct replay_event event = {.superstep = superstep,
                                       .time_step = time_step,
                                       .cycles =
                                           set_cycles(replay, set, observing->record, time_step),
                                       .sync_cycles = superstep->sync_cycles,
                                       .is_constant = folded_set_is_constant(replay->sets[set])};
    observing->observe(observing->context, &event);
}

static void observe_exchange(void *context, const struct superstep *superstep)
{
    struct observing *observing = context;
    const struct replay_event event = {.superstep = superstep,
                                       .cycles = observing->exchange_cycles[superstep->step->index],
                                       .sync_cycles = superstep->sync_cycles,
                                       .is_constant = true};
    observing->observe(observing->context, &event);
}

static void observe_leaving(void *context, const struct superstep *superstep)
{
    struct observing *observing = context;
    const struct replay_event event = {
        .superstep = superstep, .sync_cycles = superstep->sync_cycles, .is_constant = true};
    observing->observe(observing->context, &event);
}

void replay_observe(struct replay *replay, const struct activity *record,
                    void (*observe)(void *context, const struct replay_event *event), void *context)
{
    static const struct superstep_actions actions = {.compute = observe_compute,
                                                     .exchange = observe_exchange,
                                                     .host = observe_leaving,
                                                     .stream = observe_leaving,
                                                     .all_reduce = observe_leaving};
    const struct program *program = replay->program;
    struct observing observing = {.replay = replay,
                                  .record = record,
                                  .exchange_cycles =
                                      xcalloc(program->exchange_count + 1, sizeof(uint64_t)),
                                  .observe = observe,
                                  .context = context};
    struct exchange_meter *meter = exchange_meter_create(replay->chip, program);
    for (uint32_t i = 0; i < program->exchange_count; i++) {
        observing.exchange_cycles[i] = exchange_meter_cycles(meter, &program->exchanges[i]);
    }
    exchange_meter_destroy(meter);
    forget_cycles(replay);
    struct superstep_list all = superstep_list_create_over(program, replay->chip, &replay->syncs);
    superstep_run(&all, &actions, &observing);
    superstep_list_free(&all);
    free(observing.exchange_cycles);
}

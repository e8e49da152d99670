// Kinds with chunks are one recursion over levels of chunks (split_chunk); binomial is a loop over
// a stack of saved states. The builder knows how far the first run came: it marks first runs and
// puts in the loss.
#include "workloads/checkpoint/plan.h"

#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define LEVELS_MAX 32u // of chunks of at least two: more than 32-bit time steps can be halved

struct builder {
    struct checkpoint_plan *plan;
    uint32_t capacity;        // of plan->actions
    uint32_t first_run_until; // time steps below it were run
};

static const char *const kind_names[] = {
    [CHECKPOINT_NONE] = "none",         [CHECKPOINT_OFFLOAD] = "offload",
    [CHECKPOINT_SINGLE] = "single",     [CHECKPOINT_SINGLE_REMOTE] = "single_remote",
    [CHECKPOINT_DOUBLE] = "double",     [CHECKPOINT_NESTED] = "nested",
    [CHECKPOINT_BINOMIAL] = "binomial", [CHECKPOINT_AUTO] = "auto"};

const char *checkpoint_kind_name(enum checkpoint_kind kind)
{
    return kind <= CHECKPOINT_AUTO ? kind_names[kind] : NULL;
}

struct plan_numbers plan_numbers_of(enum checkpoint_kind kind)
{
    static const struct plan_numbers numbers[] = {
        [CHECKPOINT_SINGLE] = {.has_local = true, .has_chunks = true},
        [CHECKPOINT_SINGLE_REMOTE] = {.has_remote = true, .has_chunks = true},
        [CHECKPOINT_DOUBLE] = {.has_local = true, .has_remote = true, .has_chunks = true},
        [CHECKPOINT_NESTED] = {.has_local = true, .has_levels = true, .has_chunks = true},
        [CHECKPOINT_BINOMIAL] = {.has_local = true},
        [CHECKPOINT_AUTO] = {.has_chunks = true},
    };
    return numbers[kind];
}

bool plan_streams(enum checkpoint_kind kind)
{
    return kind == CHECKPOINT_OFFLOAD || plan_numbers_of(kind).has_remote;
}

bool plan_is_open(const struct checkpoint_config *config)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    return config->kind == CHECKPOINT_AUTO || (has.has_local && config->local == 0) ||
           (has.has_remote && config->remote == 0) || (has.has_levels && config->levels == 0);
}

// --- actions ------------------------------------------------------------------------------------
static void add_action(struct builder *builder, struct plan_action action)
{
    struct checkpoint_plan *plan = builder->plan;
    if (plan->action_count == builder->capacity) {
        builder->capacity = builder->capacity == 0 ? 64 : builder->capacity * 2;
        plan->actions = xrealloc(plan->actions, builder->capacity * sizeof *plan->actions);
    }
    plan->actions[plan->action_count++] = action;
}

static void add_forward(struct builder *builder, uint32_t first, uint32_t count, bool keeps_history)
{
    uint32_t time_steps = builder->plan->time_steps;
    bool is_first_run = first == builder->first_run_until;
    SIM_ASSERT(is_first_run || first + count <= builder->first_run_until,
               "time steps %u to %u are run first in part", first, first + count);
    add_action(builder, (struct plan_action){.verb = PLAN_FORWARD,
                                             .first = first,
                                             .count = count,
                                             .is_first_run = is_first_run,
                                             .keeps_history = keeps_history});
    if (is_first_run) {
        builder->first_run_until = first + count;
        if (builder->first_run_until == time_steps) {
            add_action(builder, (struct plan_action){.verb = PLAN_LOSS, .first = time_steps});
        }
    }
}

static void add_backward(struct builder *builder, uint32_t first, uint32_t count)
{
    add_action(builder, (struct plan_action){
                            .verb = PLAN_BACKWARD, .first = first + count - 1, .count = count});
}

static void add_move(struct builder *builder, enum plan_verb verb, uint32_t time_step,
                     uint32_t slot)
{
    struct checkpoint_plan *plan = builder->plan;
    add_action(builder, (struct plan_action){.verb = verb, .first = time_step, .slot = slot});
    if (verb == PLAN_SAVE && slot >= plan->slots) {
        plan->slots = slot + 1;
    } else if ((verb == PLAN_PUT || verb == PLAN_PUT_HISTORY) && slot >= plan->places) {
        plan->places = slot + 1;
    }
}

// --- kinds with chunks --------------------------------------------------------------------------
struct chunk_level {
    uint32_t chunks;
    uint32_t first_slot; // of the level's own
    bool is_remote;
};

struct chunk_levels {
    uint32_t count;
    bool keeps_last;
    struct chunk_level level[LEVELS_MAX];
};

struct chunk {
    uint32_t first, count; // time steps
};

static struct chunk chunk_at(struct chunk whole, uint32_t chunks, uint32_t i)
{
    uint32_t even = whole.count / chunks, longer = whole.count % chunks;
    uint32_t before = i < longer ? i : longer;
    return (struct chunk){whole.first + i * even + before, even + (i < longer ? 1 : 0)};
}

static void run_with_history(struct builder *builder, struct chunk chunk)
{
    add_forward(builder, chunk.first, chunk.count, true);
    add_backward(builder, chunk.first, chunk.count);
}

// The current state is the chunk's head. Its last time steps are run with their history already or
// not.
static void split_chunk(struct builder *builder, const struct chunk_levels *levels, uint32_t depth,
                        struct chunk whole)
{
    if (depth == levels->count) {
        run_with_history(builder, whole);
        return;
    }
    const struct chunk_level *level = &levels->level[depth];
    bool keeps_last = levels->keeps_last && depth + 1 == levels->count;
    uint32_t again = keeps_last ? level->chunks - 1 : level->chunks;
    for (uint32_t i = 0; i < again; i++) {
        struct chunk chunk = chunk_at(whole, level->chunks, i);
        add_move(builder, level->is_remote ? PLAN_PUT : PLAN_SAVE, chunk.first,
                 level->first_slot + i);
        add_forward(builder, chunk.first, chunk.count, false);
    }
    if (keeps_last) {
        run_with_history(builder, chunk_at(whole, level->chunks, again));
    }
    for (uint32_t i = again; i-- > 0;) {
        struct chunk chunk = chunk_at(whole, level->chunks, i);
        add_move(builder, level->is_remote ? PLAN_GET : PLAN_RESTORE, chunk.first,
                 level->first_slot + i);
        split_chunk(builder, levels, depth + 1, chunk);
    }
}

static void add_level(struct chunk_levels *levels, uint32_t chunks, uint32_t first_slot,
                      bool is_remote)
{
    levels->level[levels->count++] = (struct chunk_level){chunks, first_slot, is_remote};
}

static void build_chunks(struct builder *builder)
{
    const struct checkpoint_config *config = &builder->plan->config;
    struct chunk_levels levels = {.keeps_last = config->keeps_last};
    if (config->kind == CHECKPOINT_SINGLE_REMOTE || config->kind == CHECKPOINT_DOUBLE) {
        add_level(&levels, config->remote, 0, true);
    }
    if (config->kind == CHECKPOINT_SINGLE || config->kind == CHECKPOINT_DOUBLE) {
        add_level(&levels, config->local, 0, false);
    }
    if (config->kind == CHECKPOINT_NESTED) {
        for (uint32_t i = 0; i + 1 < config->levels; i++) {
            add_level(&levels, config->local, i * config->local, false);
        }
    }
    split_chunk(builder, &levels, 0, (struct chunk){0, builder->plan->time_steps});
}

static void build_offload(struct builder *builder)
{
    uint32_t time_steps = builder->plan->time_steps;
    for (uint32_t t = 0; t < time_steps; t++) {
        add_action(builder, (struct plan_action){.verb = PLAN_FORWARD,
                                                 .first = t,
                                                 .count = 1,
                                                 .is_first_run = true,
                                                 .keeps_history = true});
        add_move(builder, PLAN_PUT_HISTORY, t, t);
    }
    add_action(builder, (struct plan_action){.verb = PLAN_LOSS, .first = time_steps});
    for (uint32_t t = time_steps; t-- > 0;) {
        add_move(builder, PLAN_GET_HISTORY, t, t);
        add_backward(builder, t, 1);
    }
}

// --- binomial -----------------------------------------------------------------------------------
// With c slots, the head's own included, and every time step run again at most r times, at most reach(c, r) =
// C(c + r, r) time steps can be reversed (Griewank, Walther: Revolve, ACM TOMS 26, 2000).
struct reach {
    uint64_t now, before; // reach(c, r), reach(c, r - 1)
    uint32_t repeats;     // r: the fewest that reach the time steps
};

static struct reach reach_of(uint32_t slots, uint32_t time_steps)
{
    struct reach reach = {.now = 1, .before = 0, .repeats = 0};
    while (reach.now < time_steps) {
        reach.repeats++;
        reach.before = reach.now;
        reach.now = reach.now * ((uint64_t)slots + reach.repeats) / reach.repeats;
    }
    return reach;
}

uint64_t plan_binomial_forward_steps(uint32_t time_steps, uint32_t slots)
{
    // r T - C(c + r, r - 1) time steps without history (Revolve), T with it. C(c + r, r - 1) =
    // reach(c, r) r / (c + 1).
    struct reach reach = reach_of(slots, time_steps);
    uint64_t never_repeated = reach.now * reach.repeats / ((uint64_t)slots + 1);
    return ((uint64_t)reach.repeats + 1) * time_steps - never_repeated;
}

// C(c + r, r), the time steps that c slots reverse with r repeats; none at c = -1, where a
// recursion ends.
static uint64_t reach_at(int64_t slots, uint32_t repeats)
{
    if (slots < 0) {
        return repeats == 0 ? 1 : 0;
    }
    uint64_t fewer = min_u64((uint64_t)slots, repeats), more = max_u64((uint64_t)slots, repeats);
    uint64_t reach = 1;
    for (uint64_t i = 1; i <= fewer; i++) {
        reach = reach * (more + i) / i;
    }
    return reach;
}

// The most slots, up to `most`, of which reach(c - 2, r) is below the time steps that are missing.
static int64_t slots_below(int64_t most, uint32_t repeats, uint64_t missing)
{
    int64_t first = 1, last = most; // the first always is
    while (first < last) {
        int64_t middle = first + (last - first + 1) / 2;
        if (reach_at(middle - 2, repeats) < missing) {
            first = middle;
        } else {
            last = middle - 1;
        }
    }
    return first;
}

// Of reach(c, r) time steps F(c, r) = 1 + F(c - 1, r) + F(c, r - 1) = reach(c - 1, r) - 1 states
// are saved beside the head. Where time steps are missing, they are missing on the right of the
// next state down to reach(c - 1, r - 1), and from there on the left: the walk goes right as long
// as it can, which changes nothing, and then left.
uint64_t plan_binomial_saves(uint32_t time_steps, uint32_t slots)
{
    struct reach reach = reach_of(slots, time_steps);
    uint32_t repeats = reach.repeats;
    if (repeats == 0) {
        return 0; // a single time step
    }
    uint64_t saves = reach_at((int64_t)slots - 1, repeats);
    uint64_t missing = reach.now - time_steps;
    int64_t left = slots;
    while (repeats > 1 && left > 1 && missing > 0) {
        left = slots_below(left, repeats, missing);
        missing -= reach_at(left - 2, repeats);
        saves -= reach_at(left - 3, repeats);
        repeats--;
    }
    // c + 1 time steps and fewer: every state but the last two, or none of a single time step
    bool has_more = repeats == 1 && left > 1;
    return has_more ? saves - min_u64(missing, (uint64_t)left - 1) : saves;
}

// How far to run from a head before the next state is saved: any number is optimal that leaves
// reach(c, r - 1) at most on the left and reach(c - 1, r) at most on the right; the largest needs
// the fewest saves.
static uint32_t binomial_step(uint32_t slots, uint32_t time_steps)
{
    struct reach reach = reach_of(slots, time_steps);
    // right at least reach(c - 1, r - 1) = reach(c, r - 1) c / (c + r - 1)
    uint64_t right = reach.before * slots / ((uint64_t)slots + reach.repeats - 1);
    uint64_t left = time_steps - right;
    return (uint32_t)(left < reach.before ? left : reach.before);
}

static void build_binomial(struct builder *builder)
{
    struct checkpoint_plan *plan = builder->plan;
    uint32_t slots = plan->config.local, end = plan->time_steps;
    uint32_t *heads = xmalloc(slots * sizeof *heads); // time step of the state in each slot in use
    uint32_t used = 1;
    heads[0] = 0;
    if (end > 1) {
        add_move(builder, PLAN_SAVE, 0, 0);
    }
    // time steps from `end` on were run backward; the current state is the top head
    while (end > 0) {
        uint32_t head = heads[used - 1], left = end - head;
        uint32_t step = left - 1;
        if (left > 1 && used < slots) {
            step = binomial_step(slots - used + 1, left);
        }
        if (step > 0) {
            add_forward(builder, head, step, false);
        }
        if (step + 1 < left) {
            heads[used] = head + step;
            add_move(builder, PLAN_SAVE, head + step, used);
            used++;
            continue;
        }
        run_with_history(builder, (struct chunk){end - 1, 1});
        end--;
        used -= heads[used - 1] == end ? 1 : 0;
        if (end > 0) {
            add_move(builder, PLAN_RESTORE, heads[used - 1], used - 1);
        }
    }
    free(heads);
}

// --- plans --------------------------------------------------------------------------------------
struct checkpoint_plan *plan_create(const struct checkpoint_config *config, uint32_t time_steps)
{
    SIM_ASSERT(config->kind < CHECKPOINT_KINDS && time_steps > 0 && !plan_is_open(config),
               "a plan of kind %s without its numbers", checkpoint_kind_name(config->kind));
    struct checkpoint_plan *plan = xcalloc(1, sizeof *plan);
    plan->config = *config;
    plan->time_steps = time_steps;
    struct builder builder = {.plan = plan};
    if (config->kind == CHECKPOINT_NONE) {
        run_with_history(&builder, (struct chunk){0, time_steps});
    } else if (config->kind == CHECKPOINT_OFFLOAD) {
        build_offload(&builder);
    } else if (config->kind == CHECKPOINT_BINOMIAL) {
        build_binomial(&builder);
    } else {
        build_chunks(&builder);
    }
    plan->history_steps = plan_measure(plan).peak_history_steps;
    return plan;
}

void plan_destroy(struct checkpoint_plan *plan)
{
    if (plan != NULL) {
        free(plan->actions);
        free(plan);
    }
}

static char *check_number(const char *name, uint32_t value, bool has_it, enum checkpoint_kind kind,
                          uint32_t time_steps)
{
    if (value == 0) {
        return NULL;
    }
    if (!has_it) {
        return xasprintf("%s has no number of %s checkpoints%s", checkpoint_kind_name(kind), name,
                         kind == CHECKPOINT_AUTO ? ": the planner chooses it with the kind" : "");
    }
    if (value > time_steps) {
        return xasprintf("%u checkpoints, more than %u time step%s", value, time_steps,
                         plural_ending(time_steps));
    }
    return NULL;
}

// Of `levels` levels, with the smallest number of chunks that is left open.
static char *check_levels(const struct checkpoint_config *config, uint32_t time_steps)
{
    uint32_t chunks = config->local == 0 ? 2 : config->local;
    uint64_t needed = 1;
    for (uint32_t i = 0; i + 1 < config->levels && needed <= time_steps; i++) {
        needed *= chunks;
    }
    if (needed <= time_steps) {
        return NULL;
    }
    return xasprintf("%u levels of %s%u chunks each need more than %u time step%s", config->levels,
                     config->local == 0 ? "at least " : "", chunks, time_steps,
                     plural_ending(time_steps));
}

static char *check_together(const struct checkpoint_config *config, uint32_t time_steps,
                            const char **number)
{
    uint64_t product = (uint64_t)config->local * config->remote;
    if (config->kind == CHECKPOINT_DOUBLE && product > time_steps) {
        *number = "local";
        return xasprintf("%u for each of %u remote ones are %llu checkpoints, more than %u time "
                         "step%s",
                         config->local, config->remote, (unsigned long long)product, time_steps,
                         plural_ending(time_steps));
    }
    if (config->kind == CHECKPOINT_NESTED) {
        *number = "levels";
        if (config->levels == 1) {
            return xstrdup("1 level is no checkpoint at all; at least 2");
        }
        if (config->local == 1) {
            *number = "local";
            return xstrdup("nested cuts every chunk into at least 2");
        }
        uint32_t levels = config->levels == 0 ? 2 : config->levels;
        struct checkpoint_config smallest = *config;
        smallest.levels = levels;
        return check_levels(&smallest, time_steps);
    }
    return NULL;
}

char *plan_check(const struct checkpoint_config *config, uint32_t time_steps, const char **number)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    char *fault = NULL;
    *number = "local";
    fault = check_number(*number, config->local, has.has_local, config->kind, time_steps);
    if (fault != NULL) {
        return fault;
    }
    *number = "remote";
    fault = check_number(*number, config->remote, has.has_remote, config->kind, time_steps);
    if (fault != NULL) {
        return fault;
    }
    *number = "levels";
    if (config->levels != 0 && !has.has_levels) {
        return xasprintf("%s has no levels", checkpoint_kind_name(config->kind));
    }
    *number = "keep_last";
    if (config->keeps_last && !has.has_chunks) {
        return xasprintf("%s has no chunks", checkpoint_kind_name(config->kind));
    }
    return check_together(config, time_steps, number);
}

// --- cost ---------------------------------------------------------------------------------------
struct measure {
    struct plan_cost cost;
    uint32_t *slot_state; // of each slot: its time step; UINT32_MAX: empty
    uint32_t *held;       // of each time step: how many slots hold its state
    uint32_t slots, history_steps;
    bool has_history; // the time step before the next one is in the history
};

static void measure_save(struct measure *measure, const struct plan_action *action)
{
    uint32_t before = measure->slot_state[action->slot];
    if (before != UINT32_MAX && measure->held[before] > 0) {
        measure->held[before]--;
        measure->slots--;
    }
    measure->slot_state[action->slot] = action->first;
    measure->held[action->first]++;
    measure->slots++;
    measure->cost.saves++;
}

static void measure_backward(struct measure *measure, const struct plan_action *action)
{
    measure->history_steps -= action->count;
    for (uint32_t i = 0; i < action->count; i++) { // their states are never needed again
        measure->slots -= measure->held[action->first - i];
        measure->held[action->first - i] = 0;
    }
}

static void measure_action(struct measure *measure, const struct plan_action *action)
{
    struct plan_cost *cost = &measure->cost;
    switch (action->verb) {
    case PLAN_FORWARD:
        cost->forward_steps += action->count;
        measure->history_steps += action->keeps_history ? action->count : 0;
        cost->kept_runs += action->keeps_history && !measure->has_history ? 1 : 0;
        measure->has_history = action->keeps_history;
        break;
    case PLAN_LOSS:
        break;
    case PLAN_BACKWARD:
        measure_backward(measure, action);
        break;
    case PLAN_SAVE:
        measure_save(measure, action);
        break;
    case PLAN_RESTORE:
        cost->restores++;
        measure->has_history = false;
        break;
    case PLAN_PUT:
        cost->puts++;
        break;
    case PLAN_GET:
        cost->gets++;
        measure->has_history = false;
        break;
    case PLAN_PUT_HISTORY:
        cost->history_puts++;
        measure->history_steps--;
        break;
    case PLAN_GET_HISTORY:
        cost->history_gets++;
        measure->history_steps++;
        break;
    }
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

struct plan_cost plan_measure(const struct checkpoint_plan *plan)
{
    struct measure measure = {
        .slot_state = xmalloc(plan->slots * sizeof *measure.slot_state + 1),
        .held = xcalloc((size_t)plan->time_steps + 1, sizeof *measure.held),
    };
    for (uint32_t i = 0; i < plan->slots; i++) {
        measure.slot_state[i] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < plan->action_count; i++) {
        measure_action(&measure, &plan->actions[i]);
        struct plan_cost *cost = &measure.cost;
        cost->peak_slots = larger(cost->peak_slots, measure.slots);
        cost->peak_history_steps = larger(cost->peak_history_steps, measure.history_steps);
        cost->peak_states = larger(cost->peak_states, measure.slots + measure.history_steps);
    }
    free(measure.slot_state);
    free(measure.held);
    return measure.cost;
}

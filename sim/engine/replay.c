#include "sim/engine/replay.h"

#include <stdlib.h>

#include "exchange/exchange.h"
#include "sim/err.h"
#include "sim/units.h"
#include "tiles/folded.h"

struct replay {
    const struct chip_config *chip;
    const struct program *program;
    struct superstep *supersteps; // owned; what is left to do at run time
    uint32_t superstep_count;
    struct folded_set **sets; // owned; [compute_set_count]
    uint32_t share_count;
    uint64_t *share_times;           // owned; executions per run
    uint64_t *share_constant_cycles; // owned; per run, of steps that no record changes
};

// --- folding ------------------------------------------------------------------------------------
// Works through the list of all supersteps and writes the folded one behind it, a body at a time: a body that
// turns out to be nothing but constants is multiplied out in the body around it.
struct folding {
    struct replay *replay;
    const struct superstep *from; // list of all supersteps
    uint32_t from_count;
    uint32_t next; // of `from`
    struct exchange_meter *meter;
};

static void append(struct replay *replay, const struct superstep *superstep)
{
    replay->supersteps[replay->superstep_count++] = *superstep;
}

// Joins a constant that directly precedes it in the same body, which begins at `body_first`.
static void append_constant(struct replay *replay, uint32_t body_first,
                            const struct superstep_cycles *cycles, uint64_t times)
{
    if (superstep_sum(cycles) * times == 0 && cycles->supersteps * times == 0) {
        return;
    }
    bool can_join = replay->superstep_count > body_first &&
                    replay->supersteps[replay->superstep_count - 1].kind == SUPERSTEP_CONSTANT;
    if (!can_join) {
        append(replay, &(struct superstep){.kind = SUPERSTEP_CONSTANT});
    }
    superstep_add(&replay->supersteps[replay->superstep_count - 1].known, cycles, times);
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
    return superstep->kind == SUPERSTEP_EXCHANGE ||
           (superstep->kind == SUPERSTEP_COMPUTE &&
            folded_set_is_constant(replay->sets[superstep->step->index]));
}

static void fold_body(struct folding *folding, uint64_t times);

static void fold_loop(struct folding *folding, uint32_t body_first, uint64_t times)
{
    struct replay *replay = folding->replay;
    const struct superstep *begin = &folding->from[folding->next++];
    uint32_t kept = replay->superstep_count;
    append(replay, begin);
    fold_body(folding, times * begin->step->loop_count);
    const struct superstep *end = &folding->from[folding->next++];
    bool is_empty = replay->superstep_count == kept + 1;
    bool is_one_constant = replay->superstep_count == kept + 2 &&
                           replay->supersteps[kept + 1].kind == SUPERSTEP_CONSTANT;
    if (is_empty || is_one_constant || begin->step->loop_count == 0) {
        struct superstep_cycles known =
            is_one_constant ? replay->supersteps[kept + 1].known : (struct superstep_cycles){0};
        replay->superstep_count = kept;
        append_constant(replay, body_first, &known, begin->step->loop_count);
    } else {
        append(replay, end);
    }
}

// times: how often the body runs, all loops around it multiplied.
static void fold_body(struct folding *folding, uint64_t times)
{
    struct replay *replay = folding->replay;
    uint32_t body_first = replay->superstep_count;
    while (folding->next < folding->from_count) {
        const struct superstep *superstep = &folding->from[folding->next];
        if (superstep->kind == SUPERSTEP_LOOP_END) {
            return;
        }
        if (superstep->kind == SUPERSTEP_LOOP_BEGIN) {
            fold_loop(folding, body_first, times);
            continue;
        }
        replay->share_times[superstep->share] = times;
        if (is_constant(replay, superstep)) {
            struct superstep_cycles known = constant_cycles_of(folding, superstep);
            replay->share_constant_cycles[superstep->share] = times * superstep_sum(&known);
            append_constant(replay, body_first, &known, 1);
        } else {
            append(replay, superstep);
        }
        folding->next++;
    }
}

struct replay *replay_create(const struct chip_config *chip, const struct program *program)
{
    struct replay *replay = xcalloc(1, sizeof *replay);
    replay->chip = chip;
    replay->program = program;
    replay->share_count = superstep_count_shares(program);
    replay->share_times = xcalloc(replay->share_count, sizeof *replay->share_times);
    replay->share_constant_cycles =
        xcalloc(replay->share_count, sizeof *replay->share_constant_cycles);
    replay->sets = xcalloc(program->compute_set_count, sizeof(struct folded_set *));
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        replay->sets[i] = folded_set_create(chip, program, &program->compute_sets[i]);
    }
    // a constant may be put between any two steps that stay
    replay->supersteps = xcalloc(2 * (size_t)program->step_count + 1, sizeof *replay->supersteps);
    struct superstep *all = superstep_list_create(program, chip);
    struct folding folding = {.replay = replay,
                              .from = all,
                              .from_count = program->step_count,
                              .meter = exchange_meter_create(chip, program)};
    fold_body(&folding, 1);
    exchange_meter_destroy(folding.meter);
    free(all);
    return replay;
}

void replay_destroy(struct replay *replay)
{
    if (replay == NULL) {
        return;
    }
    for (uint32_t i = 0; i < replay->program->compute_set_count; i++) {
        folded_set_destroy(replay->sets[i]);
    }
    free(replay->sets);
    free(replay->supersteps);
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
    uint64_t cycles =
        folded_set_cycles(replaying->replay->sets[superstep->step->index], run->record, time_step);
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

static void replay_host(void *context, const struct superstep *superstep)
{
    struct replay_run *run = ((struct replaying *)context)->run;
    if (run->host == NULL) {
        return;
    }
    uint64_t waited = run->host(run->clock, superstep->step, run->cycles_since);
    run->cycles_since = 0;
    run->total.host += waited;
    if (run->share_cycles != NULL) {
        run->share_cycles[superstep->share] += waited;
    }
}

void replay_once(struct replay *replay, struct replay_run *run)
{
    // exchanges are constants, so the list has none of its own
    static const struct superstep_actions actions = {
        .compute = replay_compute, .host = replay_host, .constant = replay_constant};
    struct replaying replaying = {.replay = replay, .run = run};
    superstep_run(replay->supersteps, replay->superstep_count, &actions, &replaying);
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
    struct folded_set *set = observing->replay->sets[superstep->step->index];
    const struct replay_event event = {.superstep = superstep,
                                       .time_step = time_step,
                                       .cycles =
                                           folded_set_cycles(set, observing->record, time_step),
                                       .sync_cycles = superstep->sync_cycles,
                                       .is_constant = folded_set_is_constant(set)};
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

static void observe_host(void *context, const struct superstep *superstep)
{
    struct observing *observing = context;
    const struct replay_event event = {.superstep = superstep, .is_constant = true};
    observing->observe(observing->context, &event);
}

void replay_observe(struct replay *replay, const struct activity *record,
                    void (*observe)(void *context, const struct replay_event *event), void *context)
{
    static const struct superstep_actions actions = {
        .compute = observe_compute, .exchange = observe_exchange, .host = observe_host};
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
    struct superstep *all = superstep_list_create(program, replay->chip);
    superstep_run(all, program->step_count, &actions, &observing);
    free(all);
    free(observing.exchange_cycles);
}

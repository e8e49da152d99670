#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "sim/rng.h"
#include "workloads/checkpoint/planner.h"

#define STEPS_MAX 40u

// --- a plan's time and memory, by going through its actions --------------------------------------
// Two channels, out and in, run beside what is computed. A put waits for the one before; the get that comes next is
// started as soon as the one before was waited for, the first one after the loss.
struct walk {
    const struct planner_costs *costs;
    double total;                       // seconds
    double out_left, in_left;           // of the transfers under way
    uint64_t gets_left, histories_left; // that did not come yet
    double held;                        // a backward run that waits for the history before its own
    bool has_history;
};

static void compute(struct walk *walk, double seconds)
{
    walk->total += seconds;
    walk->out_left = fmax(0, walk->out_left - seconds);
    walk->in_left = fmax(0, walk->in_left - seconds);
}

static void start_get(struct walk *walk)
{
    const struct planner_costs *costs = walk->costs;
    if (costs->is_overlapped && walk->gets_left + walk->histories_left > 0) {
        walk->in_left = walk->gets_left > 0 ? costs->state_seconds : costs->history_seconds;
    }
}

static void put(struct walk *walk, double own, double transfer)
{
    if (walk->costs->is_overlapped) {
        compute(walk, walk->out_left);
        compute(walk, own);
        walk->out_left = transfer;
    } else {
        walk->total += own + transfer;
    }
}

static void get(struct walk *walk, double own, double transfer)
{
    if (walk->costs->is_overlapped) {
        compute(walk, walk->in_left);
        compute(walk, own);
        start_get(walk);
    } else {
        walk->total += own + transfer;
    }
}

static void walk_forward(struct walk *walk, const struct plan_action *action)
{
    if (action->keeps_history && !walk->has_history) {
        compute(walk, walk->costs->head_seconds);
    }
    walk->has_history = action->keeps_history;
    compute(walk, action->count * walk->costs->forward_seconds);
}

static void walk_backward(struct walk *walk, const struct plan_action *action)
{
    double seconds = action->count * walk->costs->backward_seconds;
    if (walk->histories_left > 0 && walk->costs->reads_before) {
        walk->held = seconds;
    } else {
        compute(walk, seconds);
    }
}

static void walk_get_history(struct walk *walk)
{
    walk->histories_left--;
    get(walk, walk->costs->history_get_seconds, walk->costs->history_seconds);
    compute(walk, walk->held);
    walk->held = 0;
}

static void walk_action(struct walk *walk, const struct plan_action *action)
{
    const struct planner_costs *costs = walk->costs;
    switch (action->verb) {
    case PLAN_FORWARD:
        walk_forward(walk, action);
        break;
    case PLAN_LOSS:
        compute(walk, walk->out_left);
        start_get(walk);
        break;
    case PLAN_BACKWARD:
        walk_backward(walk, action);
        break;
    case PLAN_SAVE:
        compute(walk, costs->save_seconds);
        break;
    case PLAN_RESTORE:
        compute(walk, costs->restore_seconds);
        walk->has_history = false;
        break;
    case PLAN_PUT:
        put(walk, costs->put_seconds, costs->state_seconds);
        break;
    case PLAN_GET:
        walk->gets_left--;
        get(walk, costs->get_seconds, costs->state_seconds);
        walk->has_history = false;
        break;
    case PLAN_PUT_HISTORY:
        put(walk, costs->history_put_seconds, costs->history_seconds);
        break;
    case PLAN_GET_HISTORY:
        walk_get_history(walk);
        break;
    }
}

static double walk_seconds(const struct checkpoint_plan *plan, const struct planner_costs *costs)
{
    struct plan_cost cost = plan_measure(plan);
    struct walk walk = {
        .costs = costs, .gets_left = cost.gets, .histories_left = cost.history_gets};
    for (uint32_t i = 0; i < plan->action_count; i++) {
        walk_action(&walk, &plan->actions[i]);
    }
    return walk.total;
}

static uint64_t walk_bytes(const struct checkpoint_plan *plan, const struct planner_memory *memory)
{
    struct plan_cost cost = plan_measure(plan);
    uint64_t bytes = memory->base_bytes + cost.peak_slots * memory->slot_bytes +
                     cost.peak_history_steps * memory->history_bytes;
    bytes += cost.puts > 0 ? memory->transfer_buffers * memory->slot_bytes : 0;
    bytes += cost.history_puts > 0 ? memory->transfer_buffers * memory->history_bytes : 0;
    return bytes;
}

// --- every plan of a size ------------------------------------------------------------------------
struct brute {
    struct checkpoint_config wanted;
    uint32_t time_steps;
    const struct planner_memory *memory;
    const struct planner_costs *costs;
    uint64_t limit_bytes;
    uint32_t tried;
    bool is_found;
    double seconds;
    uint32_t places;
    uint64_t bytes;
};

static struct brute brute_of(struct checkpoint_config wanted, uint32_t time_steps,
                             const struct planner_memory *memory, const struct planner_costs *costs)
{
    return (struct brute){.wanted = wanted,
                          .time_steps = time_steps,
                          .memory = memory,
                          .costs = costs,
                          .limit_bytes = memory->limit_bytes};
}

static void try_plan(struct brute *brute, const struct checkpoint_config *config)
{
    const char *number = NULL;
    char *fault = plan_check(config, brute->time_steps, &number);
    struct plan_numbers has = plan_numbers_of(config->kind);
    bool is_whole = (!has.has_local || config->local > 0) &&
                    (!has.has_remote || config->remote > 0) &&
                    (!has.has_levels || config->levels > 0);
    if (fault == NULL && is_whole) {
        struct checkpoint_plan *plan = plan_create(config, brute->time_steps);
        double seconds = walk_seconds(plan, brute->costs);
        uint64_t bytes = walk_bytes(plan, brute->memory);
        struct planner_size size =
            planner_size_of(config, brute->time_steps, brute->memory, brute->costs);
        assert_int_equal(size.slots, plan->slots);
        assert_int_equal(size.places, plan->places);
        assert_int_equal(size.history_steps, plan->history_steps);
        struct plan_cost cost = plan_measure(plan);
        assert_int_equal(size.forward_steps, cost.forward_steps);
        assert_int_equal(size.saves, cost.saves);
        assert_int_equal(size.kept_runs, cost.kept_runs);
        assert_int_equal(size.sram_bytes, bytes);
        assert_true(fabs(size.seconds - seconds) <= 1e-12 * seconds);
        uint64_t remote =
            plan->places * (config->kind == CHECKPOINT_OFFLOAD ? brute->memory->remote_history_bytes
                                                               : brute->memory->remote_state_bytes);
        assert_int_equal(size.remote_bytes, remote);
        bool fits = bytes <= brute->limit_bytes && remote <= brute->memory->remote_limit_bytes;
        bool is_equal = fabs(seconds - brute->seconds) <= 1e-9 * seconds;
        bool is_better = !is_equal ? seconds < brute->seconds
                                   : plan->places < brute->places ||
                                         (plan->places == brute->places && bytes < brute->bytes);
        if (fits && (!brute->is_found || is_better)) {
            brute->is_found = true;
            brute->seconds = seconds;
            brute->places = plan->places;
            brute->bytes = bytes;
        }
        brute->tried++;
        plan_destroy(plan);
    }
    free(fault);
}

static void try_kind(struct brute *brute, enum checkpoint_kind kind)
{
    struct checkpoint_config config = brute->wanted;
    struct plan_numbers has = plan_numbers_of(kind);
    config.kind = kind;
    config.keeps_last = config.keeps_last && has.has_chunks;
    uint32_t local_max = has.has_local ? brute->time_steps : 0;
    uint32_t remote_max = has.has_remote ? brute->time_steps : 0;
    uint32_t levels_max = has.has_levels ? 8 : 0; // 2^7 > STEPS_MAX
    for (config.local = 0; config.local <= local_max; config.local++) {
        for (config.remote = 0; config.remote <= remote_max; config.remote++) {
            for (config.levels = 0; config.levels <= levels_max; config.levels++) {
                try_plan(brute, &config);
            }
        }
    }
}

static void try_all(struct brute *brute)
{
    for (enum checkpoint_kind kind = 0; kind < CHECKPOINT_KINDS; kind++) {
        if (brute->wanted.kind == CHECKPOINT_AUTO || brute->wanted.kind == kind) {
            try_kind(brute, kind);
        }
    }
}

static uint32_t draw(struct rng *rng, uint32_t from, uint32_t to)
{
    return from + rng_below(rng, to - from + 1);
}

static struct planner_memory draw_memory(struct rng *rng, uint32_t time_steps)
{
    struct planner_memory memory = {.base_bytes = draw(rng, 0, 1000),
                                    .slot_bytes = draw(rng, 1, 100),
                                    .history_bytes = draw(rng, 1, 300),
                                    .transfer_buffers = draw(rng, 1, 2),
                                    .remote_state_bytes = 50,
                                    .remote_history_bytes = 80};
    memory.limit_bytes =
        memory.base_bytes + rng_below(rng, (uint32_t)memory.history_bytes * time_steps + 1);
    memory.remote_limit_bytes = draw(rng, 0, 2) * 500; // none, few, or enough for the most part
    return memory;
}

static struct planner_costs draw_costs(struct rng *rng)
{
    double copy = draw(rng, 0, 2) == 0 ? 0 : 1e-6; // none: more plans are equal
    return (struct planner_costs){.forward_seconds = draw(rng, 1, 20) * 1e-6,
                                  .backward_seconds = draw(rng, 1, 60) * 1e-6,
                                  .state_seconds = draw(rng, 1, 200) * 1e-6,
                                  .history_seconds = draw(rng, 1, 100) * 1e-6,
                                  .save_seconds = draw(rng, 0, 5) * copy,
                                  .restore_seconds = draw(rng, 0, 5) * copy,
                                  .head_seconds = draw(rng, 0, 5) * copy,
                                  .put_seconds = draw(rng, 0, 5) * copy,
                                  .get_seconds = draw(rng, 0, 5) * copy,
                                  .history_put_seconds = draw(rng, 0, 5) * copy,
                                  .history_get_seconds = draw(rng, 0, 5) * copy,
                                  .is_overlapped = draw(rng, 0, 1) == 1,
                                  .reads_before = draw(rng, 0, 1) == 1};
}

static void the_plan_chosen_is_the_best_of_all_plans(void **state)
{
    (void)state;
    struct rng rng = rng_create(7, RNG_TEST, 0, 0);
    uint32_t found = 0, not_found = 0, tried = 0;
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t time_steps = draw(&rng, 1, STEPS_MAX);
        struct planner_memory memory = draw_memory(&rng, time_steps);
        struct planner_costs costs = draw_costs(&rng);
        struct checkpoint_config wanted = {.kind = draw(&rng, 0, CHECKPOINT_AUTO)};
        wanted.keeps_last = plan_numbers_of(wanted.kind).has_chunks && draw(&rng, 0, 1) == 1;
        struct brute brute = brute_of(wanted, time_steps, &memory, &costs);
        try_all(&brute);
        tried += brute.tried;
        struct planner_answer answer = planner_choose(&wanted, time_steps, &memory, &costs);
        assert_int_equal(answer.is_found, brute.is_found);
        if (answer.is_found) {
            assert_true(fabs(answer.size.seconds - brute.seconds) <= 1e-7 * brute.seconds);
            assert_true(answer.size.sram_bytes <= memory.limit_bytes);
            assert_int_equal(answer.size.places, brute.places);
            assert_int_equal(answer.size.sram_bytes, brute.bytes);
        }
        found += answer.is_found;
        not_found += !answer.is_found;
    }
    assert_true(found > 100 && not_found > 20 && tried > 10000);
}

// --- the exact check ----------------------------------------------------------------------------
struct exact { // what plans really need, in percent of the line; the limit that it is held against
    uint64_t limit_bytes;
    uint32_t percent;
    bool is_known;
};

static bool fits_in_less(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    const struct exact *exact = context;
    uint64_t bytes = size->sram_bytes * 100 / exact->percent;
    *sram_bytes = exact->is_known ? bytes : 0;
    return size->sram_bytes <= exact->limit_bytes * exact->percent / 100;
}

static void an_exact_check_moves_the_limit_and_is_asked_few_times(void **state)
{
    (void)state;
    struct rng rng = rng_create(8, RNG_TEST, 0, 0);
    uint32_t lower = 0, higher = 0, none = 0;
    for (uint32_t i = 0; i < 150; i++) {
        uint32_t time_steps = draw(&rng, 2, STEPS_MAX);
        struct planner_memory memory = draw_memory(&rng, time_steps);
        struct planner_costs costs = draw_costs(&rng);
        struct checkpoint_config wanted = {.kind = CHECKPOINT_AUTO};
        struct exact exact = {memory.limit_bytes, draw(&rng, 50, 150), draw(&rng, 0, 1) == 1};
        uint64_t exact_bytes = exact.limit_bytes * exact.percent / 100;
        memory.fits = fits_in_less;
        memory.context = &exact;
        struct brute brute = brute_of(wanted, time_steps, &memory, &costs);
        brute.limit_bytes = exact_bytes;
        try_all(&brute);
        struct planner_answer answer = planner_choose(&wanted, time_steps, &memory, &costs);
        assert_int_equal(answer.is_found, brute.is_found);
        if (answer.is_found) {
            assert_true(fabs(answer.size.seconds - brute.seconds) <= 1e-7 * brute.seconds);
        }
        assert_true(answer.fits_calls <= (exact.is_known ? 8 : 20));
        lower += answer.is_found && exact_bytes < memory.limit_bytes;
        higher += answer.is_found && exact_bytes > memory.limit_bytes;
        none += !answer.is_found;
    }
    assert_true(lower > 20 && higher > 20 && none > 0);
}

// Bytes of the control program that the line does not know: of chunks that differ, by where they
// do.
#define UNEQUAL_BYTES 40u

static bool has_equal_chunks(const struct checkpoint_config *config, uint32_t time_steps)
{
    return time_steps % (config->remote * config->local) == 0;
}

struct unequal {
    uint64_t limit_bytes;
    uint32_t time_steps;
};

static bool fits_if_equal(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    const struct unequal *unequal = context;
    bool is_equal = has_equal_chunks(&size->config, unequal->time_steps);
    *sram_bytes = size->sram_bytes + (is_equal ? 0 : UNEQUAL_BYTES);
    return *sram_bytes <= unequal->limit_bytes;
}

static void a_choice_is_no_slower_than_any_plan_with_equal_chunks(void **state)
{
    (void)state;
    struct unequal unequal = {.time_steps = 96};
    struct planner_costs costs = {.forward_seconds = 1e-6,
                                  .backward_seconds = 3e-6,
                                  .state_seconds = 2e-6,
                                  .save_seconds = 1e-6,
                                  .restore_seconds = 1e-6,
                                  .head_seconds = 1e-6};
    uint32_t found = 0;
    for (unequal.limit_bytes = 20; unequal.limit_bytes < 200; unequal.limit_bytes++) {
        struct planner_memory memory = {.slot_bytes = 3,
                                        .history_bytes = 4,
                                        .limit_bytes = unequal.limit_bytes,
                                        .remote_limit_bytes = 1,
                                        .fits = fits_if_equal,
                                        .context = &unequal};
        struct checkpoint_config wanted = {.kind = CHECKPOINT_DOUBLE};
        struct planner_answer answer = planner_choose(&wanted, 96, &memory, &costs);
        for (wanted.remote = 1; wanted.remote <= 96; wanted.remote++) {
            for (wanted.local = 1; wanted.local * wanted.remote <= 96; wanted.local++) {
                struct planner_size size = planner_size_of(&wanted, 96, &memory, &costs);
                if (has_equal_chunks(&wanted, 96) && size.sram_bytes <= memory.limit_bytes) {
                    assert_true(answer.is_found);
                    assert_true(answer.size.seconds <= size.seconds * (1 + 1e-6));
                    found++;
                }
            }
        }
    }
    assert_true(found > 1000);
}

static void numbers_that_are_given_stay(void **state)
{
    (void)state;
    struct planner_memory memory = {.slot_bytes = 1,
                                    .history_bytes = 1,
                                    .limit_bytes = 40,
                                    .remote_state_bytes = 1,
                                    .remote_limit_bytes = UINT64_MAX};
    struct planner_costs costs = {.forward_seconds = 1e-6,
                                  .backward_seconds = 2e-6,
                                  .state_seconds = 1e-6,
                                  .history_seconds = 1e-6};
    struct checkpoint_config wanted = {.kind = CHECKPOINT_DOUBLE, .remote = 7};
    struct planner_answer answer = planner_choose(&wanted, 1000, &memory, &costs);
    assert_true(answer.is_found);
    assert_int_equal(answer.size.config.remote, 7);
    assert_in_range(answer.size.config.local, 8, 16); // 143 / local + local <= 40 - 0
    wanted.local = 5;
    answer = planner_choose(&wanted, 1000, &memory, &costs);
    assert_true(answer.is_found);
    assert_int_equal(answer.size.config.local, 5);
    wanted.local = 2; // 2 + 72
    answer = planner_choose(&wanted, 1000, &memory, &costs);
    assert_false(answer.is_found);
}

// --- names --------------------------------------------------------------------------------------
static void a_plan_is_described_with_its_numbers(void **state)
{
    (void)state;
    static const struct {
        struct checkpoint_config config;
        const char *text;
    } plans[] = {
        {{.kind = CHECKPOINT_OFFLOAD}, "offload"},
        {{.kind = CHECKPOINT_BINOMIAL, .local = 3}, "binomial (3 local)"},
        {{.kind = CHECKPOINT_DOUBLE, .remote = 12, .local = 8}, "double (12 remote, 8 local)"},
        {{.kind = CHECKPOINT_NESTED, .levels = 3, .local = 4}, "nested (3 levels, 4 local)"},
    };
    for (uint32_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        char text[128];
        planner_describe(&plans[i].config, text, sizeof text);
        assert_string_equal(text, plans[i].text);
    }
}

static void a_plan_that_streaming_memory_has_no_room_for_is_none(void **state)
{
    (void)state;
    struct planner_memory memory = {.limit_bytes = 1000,
                                    .remote_state_bytes = 50,
                                    .remote_history_bytes = 80,
                                    .remote_limit_bytes = 49};
    struct planner_costs costs = {.forward_seconds = 1e-6};
    struct checkpoint_config wanted = {.kind = CHECKPOINT_OFFLOAD};
    struct planner_answer answer = planner_choose(&wanted, 100, &memory, &costs);
    assert_false(answer.is_found);
    wanted.kind = CHECKPOINT_DOUBLE;
    answer = planner_choose(&wanted, 100, &memory, &costs);
    assert_false(answer.is_found);
    memory.remote_limit_bytes = 50; // of one state
    answer = planner_choose(&wanted, 100, &memory, &costs);
    assert_true(answer.is_found);
    assert_int_equal(answer.size.config.remote, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_chosen_is_the_best_of_all_plans),
        cmocka_unit_test(an_exact_check_moves_the_limit_and_is_asked_few_times),
        cmocka_unit_test(a_choice_is_no_slower_than_any_plan_with_equal_chunks),
        cmocka_unit_test(numbers_that_are_given_stay),
        cmocka_unit_test(a_plan_is_described_with_its_numbers),
        cmocka_unit_test(a_plan_that_streaming_memory_has_no_room_for_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

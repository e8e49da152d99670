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
struct walk {
    const struct planner_costs *costs;
    double total, computing; // seconds; of the segment since the last transfer began
    double transfer;         // that runs beside it
};

static void end_segment(struct walk *walk, double transfer)
{
    walk->total += fmax(walk->computing, walk->transfer);
    walk->computing = 0;
    walk->transfer = transfer;
}

static void walk_action(struct walk *walk, const struct plan_action *action)
{
    const struct planner_costs *costs = walk->costs;
    switch (action->verb) {
    case PLAN_FORWARD:
        walk->computing += action->count * costs->forward_seconds;
        break;
    case PLAN_BACKWARD:
        walk->computing += action->count * costs->backward_seconds;
        break;
    case PLAN_PUT:
    case PLAN_GET:
        end_segment(walk, costs->state_seconds);
        break;
    case PLAN_GET_HISTORY:
        end_segment(walk, costs->history_seconds);
        break;
    case PLAN_PUT_HISTORY: // goes out beside the next time step: as many of them, in other order
        walk->transfer = costs->history_seconds;
        end_segment(walk, 0);
        break;
    case PLAN_LOSS: // what runs before it hides no transfer that comes after it
        end_segment(walk, 0);
        break;
    default:
        break;
    }
}

static double walk_seconds(const struct checkpoint_plan *plan, const struct planner_costs *costs)
{
    struct plan_cost cost = plan_measure(plan);
    if (!costs->is_overlapped) {
        return (double)cost.forward_steps * costs->forward_seconds +
               plan->time_steps * costs->backward_seconds +
               (double)(cost.puts + cost.gets) * costs->state_seconds +
               (double)(cost.history_puts + cost.history_gets) * costs->history_seconds;
    }
    struct walk walk = {.costs = costs};
    for (uint32_t i = 0; i < plan->action_count; i++) {
        walk_action(&walk, &plan->actions[i]);
    }
    end_segment(&walk, 0);
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
        assert_int_equal(size.forward_steps, plan_measure(plan).forward_steps);
        assert_int_equal(size.sram_bytes, bytes);
        assert_true(fabs(size.seconds - seconds) <= 1e-12 * seconds);
        uint64_t remote =
            plan->places * (config->kind == CHECKPOINT_OFFLOAD ? brute->memory->remote_history_bytes
                                                               : brute->memory->remote_state_bytes);
        assert_int_equal(size.remote_bytes, remote);
        bool fits = bytes <= brute->limit_bytes && remote <= brute->memory->remote_limit_bytes;
        if (fits && (!brute->is_found || seconds < brute->seconds)) {
            brute->is_found = true;
            brute->seconds = seconds;
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
                                    .tile = 4,
                                    .remote_state_bytes = 50,
                                    .remote_history_bytes = 80};
    memory.limit_bytes =
        memory.base_bytes + rng_below(rng, (uint32_t)memory.history_bytes * time_steps + 1);
    memory.remote_limit_bytes = draw(rng, 0, 2) * 500; // none, few, or enough for the most part
    return memory;
}

static struct planner_costs draw_costs(struct rng *rng)
{
    return (struct planner_costs){.forward_seconds = draw(rng, 1, 20) * 1e-6,
                                  .backward_seconds = draw(rng, 1, 60) * 1e-6,
                                  .state_seconds = draw(rng, 1, 200) * 1e-6,
                                  .history_seconds = draw(rng, 1, 100) * 1e-6,
                                  .is_overlapped = draw(rng, 0, 1) == 1};
}

static void the_plan_chosen_is_the_best_of_all_plans(void **state)
{
    (void)state;
    struct rng rng = rng_create(7, RNG_TEST, 0, 0);
    uint32_t found = 0, not_found = 0, tried = 0;
    for (uint32_t i = 0; i < 250; i++) {
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
            assert_true(fabs(answer.size.seconds - brute.seconds) <= 1e-12 * brute.seconds);
            assert_true(answer.size.sram_bytes <= memory.limit_bytes);
        }
        found += answer.is_found;
        not_found += !answer.is_found;
    }
    assert_true(found > 100 && not_found > 20 && tried > 10000);
}

// --- the exact check ----------------------------------------------------------------------------
static bool fits_in_less(void *context, const struct planner_size *size)
{
    return size->sram_bytes <= *(const uint64_t *)context;
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
        uint64_t exact_bytes = memory.limit_bytes * draw(&rng, 50, 150) / 100;
        memory.fits = fits_in_less;
        memory.context = &exact_bytes;
        struct brute brute = brute_of(wanted, time_steps, &memory, &costs);
        brute.limit_bytes = exact_bytes;
        try_all(&brute);
        struct planner_answer answer = planner_choose(&wanted, time_steps, &memory, &costs);
        assert_int_equal(answer.is_found, brute.is_found);
        if (answer.is_found) {
            assert_true(fabs(answer.size.seconds - brute.seconds) <= 1e-12 * brute.seconds);
        }
        assert_true(answer.fits_calls <= 30);
        lower += answer.is_found && exact_bytes < memory.limit_bytes;
        higher += answer.is_found && exact_bytes > memory.limit_bytes;
        none += !answer.is_found;
    }
    assert_true(lower > 20 && higher > 20 && none > 0);
}

static void numbers_that_are_given_stay(void **state)
{
    (void)state;
    struct planner_memory memory = {.slot_bytes = 1,
                                    .history_bytes = 1,
                                    .limit_bytes = 40,
                                    .remote_state_bytes = 1,
                                    .remote_limit_bytes = UINT64_MAX};
    struct planner_costs costs = {1e-6, 2e-6, 1e-6, 1e-6, false};
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

// --- the reason ---------------------------------------------------------------------------------
static struct planner_answer answer_for(struct checkpoint_config config, uint64_t limit_bytes,
                                        uint64_t remote_limit_bytes)
{
    struct planner_memory memory = {.base_bytes = 100000,
                                    .slot_bytes = 9000,
                                    .history_bytes = 18000,
                                    .transfer_buffers = 2,
                                    .limit_bytes = limit_bytes,
                                    .tile = 4,
                                    .remote_state_bytes = 1000000,
                                    .remote_history_bytes = 2000000,
                                    .remote_limit_bytes = remote_limit_bytes};
    struct planner_costs costs = {10e-6, 40e-6, 25e-6, 50e-6, false};
    return planner_choose(&config, 100, &memory, &costs);
}

static void the_reason_names_the_plan_and_what_plain_lacks(void **state)
{
    (void)state;
    struct checkpoint_config any = {.kind = CHECKPOINT_AUTO};
    struct planner_answer answer = answer_for(any, 612000, 0);
    assert_string_equal(answer.why, "single with 13 local checkpoints: 2.0 forward passes; plain "
                                    "needs 1.9 MB on tile 4 and has 612 kB");
    answer = answer_for(any, 2000000, 0);
    assert_string_equal(answer.why,
                        "none: the history of all 100 time steps fits, 1.9 MB on tile 4 "
                        "of 2.0 MB");
    struct checkpoint_config twice = {.kind = CHECKPOINT_DOUBLE, .remote = 12, .local = 9};
    twice.local = 8;
    answer = answer_for(twice, 612000, UINT64_MAX);
    assert_string_equal(answer.why,
                        "double with 12 remote and 8 local checkpoints: 3.0 forward passes; "
                        "plain needs 1.9 MB on tile 4 and has 612 kB");
    answer = answer_for(any, 120000, 0);
    assert_false(answer.is_found);
    assert_string_equal(answer.why, "none fits: the smallest, binomial with 1 local checkpoints, "
                                    "needs 127 kB on tile 4 and has 120 kB");
    struct checkpoint_config offload = {.kind = CHECKPOINT_OFFLOAD};
    answer = answer_for(offload, 612000, 0);
    assert_string_equal(answer.why, "offload needs 200.0 MB of streaming memory and has none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_chosen_is_the_best_of_all_plans),
        cmocka_unit_test(an_exact_check_moves_the_limit_and_is_asked_few_times),
        cmocka_unit_test(numbers_that_are_given_stay),
        cmocka_unit_test(the_reason_names_the_plan_and_what_plain_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

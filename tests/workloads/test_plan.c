#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/checkpoint/plan.h"

// --- a machine that holds states by their number and dies of any wrong action --------------------
#define UNKNOWN UINT32_MAX

struct replay {
    const struct checkpoint_plan *plan;
    uint32_t current; // state
    uint32_t *slot, *place;
    bool *has_history;
    uint32_t first_run_until, backward_from; // time steps
    uint32_t histories;
    bool has_loss;
};

static void replay_forward(struct replay *replay, const struct plan_action *action)
{
    assert_int_equal(replay->current, action->first);
    assert_true(action->count > 0);
    assert_true(action->first + action->count <= replay->backward_from);
    assert_int_equal(action->is_first_run, action->first >= replay->first_run_until);
    replay->current = action->first + action->count;
    if (action->is_first_run) {
        assert_int_equal(action->first, replay->first_run_until);
        replay->first_run_until = replay->current;
    }
    for (uint32_t t = action->first; action->keeps_history && t < replay->current; t++) {
        assert_false(replay->has_history[t]);
        replay->has_history[t] = true;
        replay->histories++;
    }
    assert_true(replay->histories <= replay->plan->history_steps);
}

static void replay_backward(struct replay *replay, const struct plan_action *action)
{
    assert_true(replay->has_loss);
    assert_int_equal(action->first + 1, replay->backward_from);
    assert_true(action->count > 0 && action->count <= replay->backward_from);
    for (uint32_t i = 0; i < action->count; i++) {
        assert_true(replay->has_history[action->first - i]);
        replay->has_history[action->first - i] = false;
        replay->histories--;
    }
    replay->backward_from -= action->count;
    replay->current = UNKNOWN;
}

static void replay_move(struct replay *replay, const struct plan_action *action)
{
    bool is_slot = action->verb == PLAN_SAVE || action->verb == PLAN_RESTORE;
    assert_true(action->slot < (is_slot ? replay->plan->slots : replay->plan->places));
    uint32_t *held = is_slot ? &replay->slot[action->slot] : &replay->place[action->slot];
    if (action->verb == PLAN_SAVE || action->verb == PLAN_PUT) {
        assert_int_equal(replay->current, action->first);
        *held = action->first;
    } else {
        assert_int_equal(*held, action->first);
        replay->current = action->first;
    }
}

static void replay_history(struct replay *replay, const struct plan_action *action)
{
    bool is_put = action->verb == PLAN_PUT_HISTORY;
    assert_true(action->slot < replay->plan->places);
    assert_int_equal(replay->has_history[action->first], is_put);
    if (is_put) {
        replay->place[action->slot] = action->first;
    } else {
        assert_int_equal(replay->place[action->slot], action->first);
    }
    replay->has_history[action->first] = !is_put;
    replay->histories += is_put ? UINT32_MAX : 1;
    assert_true(replay->histories <= replay->plan->history_steps);
}

static void replay_action(struct replay *replay, const struct plan_action *action)
{
    switch (action->verb) {
    case PLAN_FORWARD:
        replay_forward(replay, action);
        break;
    case PLAN_LOSS:
        assert_false(replay->has_loss);
        assert_int_equal(replay->first_run_until, replay->plan->time_steps);
        replay->has_loss = true;
        break;
    case PLAN_BACKWARD:
        replay_backward(replay, action);
        break;
    case PLAN_PUT_HISTORY:
    case PLAN_GET_HISTORY:
        replay_history(replay, action);
        break;
    default:
        replay_move(replay, action);
    }
}

static uint32_t *unknown_states(uint32_t count)
{
    uint32_t *states = malloc(count * sizeof *states + 1);
    for (uint32_t i = 0; i < count; i++) {
        states[i] = UNKNOWN;
    }
    return states;
}

static void check_plan(const struct checkpoint_plan *plan)
{
    struct replay replay = {.plan = plan, .backward_from = plan->time_steps};
    replay.slot = unknown_states(plan->slots);
    replay.place = unknown_states(plan->places);
    replay.has_history = calloc(plan->time_steps, sizeof *replay.has_history);
    for (uint32_t i = 0; i < plan->action_count; i++) {
        replay_action(&replay, &plan->actions[i]);
    }
    assert_true(replay.has_loss);
    assert_int_equal(replay.backward_from, 0);
    assert_int_equal(replay.histories, 0);
    free(replay.slot);
    free(replay.place);
    free(replay.has_history);
    struct plan_cost cost = plan_measure(plan);
    assert_int_equal(cost.peak_slots, plan->slots);
    assert_int_equal(cost.peak_history_steps, plan->history_steps);
}

static struct plan_cost cost_of(struct checkpoint_config config, uint32_t time_steps)
{
    const char *number = NULL;
    assert_null(plan_check(&config, time_steps, &number));
    struct checkpoint_plan *plan = plan_create(&config, time_steps);
    check_plan(plan);
    struct plan_cost cost = plan_measure(plan);
    plan_destroy(plan);
    return cost;
}

// --- the closed forms: docs/checkpointing.md -----------------------------------------------------
static void single_holds_64_states_and_runs_2048_of_1024_time_steps(void **state)
{
    (void)state;
    struct plan_cost cost =
        cost_of((struct checkpoint_config){.kind = CHECKPOINT_SINGLE, .local = 32}, 1024);
    assert_int_equal(cost.peak_states, 64);
    assert_int_equal(cost.forward_steps, 2048);
    assert_int_equal(cost.puts + cost.gets, 0);
}

static void single_remote_holds_32_states_and_moves_32_each_way(void **state)
{
    (void)state;
    struct plan_cost cost =
        cost_of((struct checkpoint_config){.kind = CHECKPOINT_SINGLE_REMOTE, .remote = 32}, 1024);
    assert_int_equal(cost.peak_states, 32);
    assert_int_equal(cost.puts, 32);
    assert_int_equal(cost.gets, 32);
    assert_int_equal(cost.forward_steps, 2048);
}

static void double_runs_three_passes_and_holds_fewer_states_the_more_are_remote(void **state)
{
    (void)state;
    static const uint32_t sizes[][3] = {{4, 16, 32}, {16, 8, 16}, {64, 4, 8}};
    for (uint32_t i = 0; i < 3; i++) {
        struct plan_cost cost = cost_of((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE,
                                                                   .remote = sizes[i][0],
                                                                   .local = sizes[i][1]},
                                        1024);
        assert_int_equal(cost.peak_states, sizes[i][2]);
        assert_int_equal(cost.forward_steps, 3072);
        assert_int_equal(cost.puts, sizes[i][0]);
        assert_int_equal(cost.gets, sizes[i][0]);
    }
}

static void nested_holds_ten_states_a_level_and_runs_as_many_passes_as_levels(void **state)
{
    (void)state;
    struct plan_cost cost = cost_of(
        (struct checkpoint_config){.kind = CHECKPOINT_NESTED, .levels = 3, .local = 10}, 1000);
    assert_int_equal(cost.peak_states, 30);
    assert_int_equal(cost.forward_steps, 3000);
    cost = cost_of((struct checkpoint_config){.kind = CHECKPOINT_NESTED, .levels = 4, .local = 10},
                   10000);
    assert_int_equal(cost.peak_states, 40);
    assert_int_equal(cost.forward_steps, 40000);
}

static void binomial_runs_as_few_time_steps_as_the_published_schedule(void **state)
{
    (void)state;
    // slots, time steps, forward steps: 2.5, 3.4 and 2.67 for each time step
    static const uint32_t sizes[][3] = {{3, 10, 25}, {4, 35, 119}, {5, 21, 56}};
    for (uint32_t i = 0; i < 3; i++) {
        struct plan_cost cost =
            cost_of((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = sizes[i][0]},
                    sizes[i][1]);
        assert_int_equal(cost.forward_steps, sizes[i][2]);
        assert_int_equal(cost.peak_slots, sizes[i][0]);
        assert_int_equal(cost.peak_history_steps, 1);
    }
}

static void offload_moves_every_history_both_ways_and_holds_one(void **state)
{
    (void)state;
    struct plan_cost cost = cost_of((struct checkpoint_config){.kind = CHECKPOINT_OFFLOAD}, 1024);
    assert_int_equal(cost.history_puts, 1024);
    assert_int_equal(cost.history_gets, 1024);
    assert_int_equal(cost.forward_steps, 1024);
    assert_int_equal(cost.peak_states, 1);
}

static void none_runs_each_time_step_once_and_holds_all(void **state)
{
    (void)state;
    struct plan_cost cost = cost_of((struct checkpoint_config){.kind = CHECKPOINT_NONE}, 1024);
    assert_int_equal(cost.forward_steps, 1024);
    assert_int_equal(cost.peak_states, 1024);
}

// 2 - 1 / K, 3 - 1 / Kl
static void a_last_chunk_that_is_kept_is_not_run_again_and_costs_no_memory(void **state)
{
    (void)state;
    struct checkpoint_config single = {.kind = CHECKPOINT_SINGLE, .local = 32, .keeps_last = true};
    struct plan_cost cost = cost_of(single, 1024);
    assert_int_equal(cost.forward_steps, 2048 - 32);
    assert_true(cost.peak_states <= 64);
    struct checkpoint_config twice = {
        .kind = CHECKPOINT_DOUBLE, .remote = 4, .local = 16, .keeps_last = true};
    cost = cost_of(twice, 1024);
    assert_int_equal(cost.forward_steps, 3072 - 64);
    assert_true(cost.peak_states <= 32);
}

// --- properties ---------------------------------------------------------------------------------
#define DP_STEPS 90u
#define DP_SLOTS 9u

// The fewest forward steps of l time steps with c slots, the head's own included, by trying every
// place of the next state.
static void fill_fewest(uint32_t fewest[DP_SLOTS + 1][DP_STEPS + 1])
{
    for (uint32_t c = 1; c <= DP_SLOTS; c++) {
        fewest[c][1] = 1;
        for (uint32_t l = 2; l <= DP_STEPS; l++) {
            fewest[c][l] = l * (l + 1) / 2;
            for (uint32_t m = 1; c > 1 && m < l; m++) {
                uint32_t steps = m + fewest[c - 1][l - m] + fewest[c][m];
                fewest[c][l] = steps < fewest[c][l] ? steps : fewest[c][l];
            }
        }
    }
}

static void binomial_equals_dynamic_programming_on_every_small_size(void **state)
{
    (void)state;
    static uint32_t fewest[DP_SLOTS + 1][DP_STEPS + 1];
    fill_fewest(fewest);
    for (uint32_t c = 1; c <= DP_SLOTS; c++) {
        for (uint32_t l = c; l <= DP_STEPS; l++) {
            struct plan_cost cost =
                cost_of((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = c}, l);
            assert_int_equal(cost.forward_steps, fewest[c][l]);
            assert_int_equal(plan_binomial_forward_steps(l, c), fewest[c][l]);
            assert_int_equal(plan_binomial_saves(l, c), cost.saves);
        }
    }
}

static uint32_t draw(struct rng *rng, uint32_t from, uint32_t to)
{
    return from + rng_below(rng, to - from + 1);
}

static struct checkpoint_config draw_config(struct rng *rng, uint32_t time_steps)
{
    struct checkpoint_config config = {.kind = draw(rng, 0, CHECKPOINT_KINDS - 1)};
    struct plan_numbers has = plan_numbers_of(config.kind);
    config.keeps_last = has.has_chunks && draw(rng, 0, 1) == 1;
    config.local = has.has_local ? draw(rng, 1, time_steps) : 0;
    config.remote = has.has_remote ? draw(rng, 1, time_steps) : 0;
    if (config.kind == CHECKPOINT_DOUBLE) {
        config.local = draw(rng, 1, time_steps / config.remote);
    }
    if (config.kind == CHECKPOINT_NESTED) {
        config.levels = draw(rng, 2, 6);
        config.local = draw(rng, 2, 8);
    }
    return config;
}

static void
every_random_plan_runs_each_time_step_backward_once_from_states_that_are_there(void **state)
{
    (void)state;
    struct rng rng = rng_create(5, RNG_TEST, 0, 0);
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t time_steps = draw(&rng, 1, i % 4 == 0 ? 2000 : 60);
        struct checkpoint_config config = draw_config(&rng, time_steps);
        const char *number = NULL;
        char *fault = plan_check(&config, time_steps, &number);
        if (fault == NULL) {
            cost_of(config, time_steps);
        } else {
            assert_int_equal(config.kind,
                             CHECKPOINT_NESTED); // 8 chunks on 6 levels may be too many
        }
        free(fault);
    }
}

static void chunks_differ_by_one_time_step_and_the_longer_come_first(void **state)
{
    (void)state;
    struct checkpoint_config config = {.kind = CHECKPOINT_SINGLE, .local = 4};
    struct checkpoint_plan *plan = plan_create(&config, 10);
    static const uint32_t first[] = {0, 3, 6, 8}, count[] = {3, 3, 2, 2};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(plan->actions[2 * i + 1].first, first[i]);
        assert_int_equal(plan->actions[2 * i + 1].count, count[i]);
    }
    plan_destroy(plan);
}

static void a_long_binomial_plan_has_few_actions_for_each_time_step(void **state)
{
    (void)state;
    for (uint32_t slots = 1; slots <= 1000; slots = slots * 10) {
        struct checkpoint_config config = {.kind = CHECKPOINT_BINOMIAL, .local = slots};
        struct checkpoint_plan *plan = plan_create(&config, 20000);
        assert_true(plan->action_count <= 6 * 20000u);
        assert_int_equal(plan_measure(plan).forward_steps,
                         plan_binomial_forward_steps(20000, slots));
        plan_destroy(plan);
    }
}

// --- faults -------------------------------------------------------------------------------------
static void expect_fault(struct checkpoint_config config, const char *number, const char *text)
{
    const char *about = NULL;
    char *fault = plan_check(&config, 100, &about);
    assert_non_null(fault);
    assert_string_equal(fault, text);
    assert_string_equal(about, number);
    free(fault);
}

static void wrong_numbers_are_named(void **state)
{
    (void)state;
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_SINGLE, .local = 101}, "local",
                 "101 checkpoints, more than 100 time steps");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .local = 11, .remote = 10},
                 "local",
                 "11 for each of 10 remote ones are 110 checkpoints, more than 100 time steps");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_SINGLE, .remote = 3}, "remote",
                 "single has no number of remote checkpoints");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_AUTO, .local = 3}, "local",
                 "auto has no number of local checkpoints: the planner chooses it with the kind");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .levels = 3}, "levels",
                 "double has no levels");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_NESTED, .levels = 1}, "levels",
                 "1 level is no checkpoint at all; at least 2");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_NESTED, .levels = 8}, "levels",
                 "8 levels of at least 2 chunks each need more than 100 time steps");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_NESTED, .levels = 4, .local = 5},
                 "levels", "4 levels of 5 chunks each need more than 100 time steps");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_NESTED, .local = 1}, "local",
                 "nested cuts every chunk into at least 2");
    expect_fault((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .keeps_last = true},
                 "keep_last", "binomial has no chunks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_holds_64_states_and_runs_2048_of_1024_time_steps),
        cmocka_unit_test(single_remote_holds_32_states_and_moves_32_each_way),
        cmocka_unit_test(double_runs_three_passes_and_holds_fewer_states_the_more_are_remote),
        cmocka_unit_test(nested_holds_ten_states_a_level_and_runs_as_many_passes_as_levels),
        cmocka_unit_test(binomial_runs_as_few_time_steps_as_the_published_schedule),
        cmocka_unit_test(offload_moves_every_history_both_ways_and_holds_one),
        cmocka_unit_test(none_runs_each_time_step_once_and_holds_all),
        cmocka_unit_test(a_last_chunk_that_is_kept_is_not_run_again_and_costs_no_memory),
        cmocka_unit_test(binomial_equals_dynamic_programming_on_every_small_size),
        cmocka_unit_test(
            every_random_plan_runs_each_time_step_backward_once_from_states_that_are_there),
        cmocka_unit_test(chunks_differ_by_one_time_step_and_the_longer_come_first),
        cmocka_unit_test(a_long_binomial_plan_has_few_actions_for_each_time_step),
        cmocka_unit_test(wrong_numbers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

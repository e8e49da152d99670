// What a result says of a checkpoint plan and of waits: counted on the program that was timed.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/experiment.h"
#include "sim/run/experiment_run.h"

#define TOY "configs/experiments/toy.yaml"
#define STREAMING "machines=[{name: m, system: bow, streaming: double_buffered}]"

static struct result run(const char *const *sets, uint32_t set_count)
{
    struct err *err = err_create();
    struct experiment *experiment = experiment_load(TOY, sets, set_count, err);
    if (experiment == NULL) {
        err_print(err, stdout);
        fail_msg("the toy experiment");
    }
    struct result result;
    const struct run_options options = {.threads = 1};
    if (experiment_run(experiment, &options, &result, err) != RUN_DONE) {
        err_print(err, stdout);
        fail_msg("the run");
    }
    experiment_destroy(experiment);
    err_destroy(err);
    return result;
}

static void assert_adds_up(const struct result_machine *machine)
{
    struct result_part parts[RESULT_PARTS];
    result_parts_of(machine, parts);
    double sum = 0;
    for (uint32_t i = 0; i < RESULT_PARTS; i++) {
        sum += parts[i].seconds;
    }
    assert_true(fabs(sum / machine->step_seconds - 1) < 1e-9);
}

static void a_plan_says_what_runs_again_and_what_is_streamed(void **state)
{
    (void)state;
    const char *const sets[] = {STREAMING, "training.time_steps=12",
                                "training.checkpointing=double", "training.checkpoints.local=2",
                                "training.checkpoints.remote=3"};
    struct result result = run(sets, 5);
    const struct result_machine *machine = &result.machines[0];
    const struct result_checkpoint *plan = &machine->checkpoint;
    assert_string_equal(plan->kind, "double");
    assert_false(plan->is_chosen);
    assert_int_equal(plan->local, 2);
    assert_int_equal(plan->remote, 3);
    assert_true(fabs(plan->forward_steps_per_time_step - 3) < 1e-12);
    assert_int_equal(plan->states_held, 2);
    assert_int_equal(plan->history_steps_held, 2);
    assert_true(plan->streamed_out_bytes > 0);
    assert_int_equal(plan->streamed_out_bytes % 3, 0); // three states
    assert_int_equal(plan->streamed_out_bytes, plan->streamed_in_bytes);
    assert_true(machine->memory_seconds > 0);
    assert_adds_up(machine);
    result_free(&result);
}

static void the_overhead_is_that_over_a_program_without_checkpoints(void **state)
{
    (void)state;
    const char *const sets[] = {STREAMING, "training.time_steps=12",
                                "training.checkpointing=double", "training.checkpoints.local=2",
                                "training.checkpoints.remote=3"};
    const char *const plain[] = {"machines=[{name: m, system: bow}]", "training.time_steps=12"};
    struct result with = run(sets, 5), without = run(plain, 2);
    const struct result_checkpoint *plan = &with.machines[0].checkpoint;
    double ratio = with.machines[0].step_seconds / without.machines[0].step_seconds;
    assert_in_range((uint64_t)(plan->forward_share * 1000), 100, 500);
    assert_true(fabs(ratio - 1 - plan->overhead) < 0.02); // the loss is counted elsewhere
    assert_null(without.machines[0].checkpoint.kind);
    result_free(&with);
    result_free(&without);
}

static void expect_notes(const char *plan, const char *state_type, const char *slots,
                         uint32_t expected)
{
    const char *const sets[] = {STREAMING,
                                "training.time_steps=12",
                                plan,
                                state_type,
                                slots,
                                "network.hidden=[128,128]",
                                "training.checkpoints.packed_spikes=true"};
    struct result result = run(sets, 7);
    assert_int_equal(result.machines[0].checkpoint.note_count, expected);
    result_free(&result);
}

// 128 neurons are 4 words of bits for each of two lists.
static void options_that_do_nothing_or_harm_are_noted(void **state)
{
    (void)state;
    const char *few = "network.max_activity=0.03", *many = "network.max_activity=0.5";
    const char *half = "training.checkpoints.state_type=float16";
    const char *whole = "training.checkpoints.state_type=float32";
    expect_notes("training.checkpointing=offload", half, many, 1);
    expect_notes("training.checkpointing=offload", whole, many, 0);
    expect_notes("training.checkpointing=single", half, many, 0);
    expect_notes("training.checkpointing=single", half, few, 1);
    expect_notes("training.checkpointing=offload", half, few, 2);
}

static void numbers_left_open_are_said_to_be_chosen(void **state)
{
    (void)state;
    const char *const sets[] = {STREAMING, "training.time_steps=12",
                                "training.checkpointing=single"};
    struct result result = run(sets, 3);
    assert_true(result.machines[0].checkpoint.is_chosen);
    assert_true(result.machines[0].checkpoint.local > 0);
    assert_int_equal(result.machines[0].checkpoint.remote, 0);
    result_free(&result);
}

static void several_chips_and_replicas_are_counted(void **state)
{
    (void)state;
    const char *const sets[] = {
        "machines=[{name: r, system: toy-4, replicas: 2}, {name: n, system: toy-4}]",
        "network.hidden=[24, 24, 24]"};
    struct result result = run(sets, 2);
    assert_int_equal(result.machines[0].chips, 4);
    assert_int_equal(result.machines[0].replicas, 2);
    assert_int_equal(result.machines[1].replicas, 1);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(result.machines[i].links_seconds > 0);
        assert_adds_up(&result.machines[i]);
    }
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_says_what_runs_again_and_what_is_streamed),
        cmocka_unit_test(the_overhead_is_that_over_a_program_without_checkpoints),
        cmocka_unit_test(options_that_do_nothing_or_harm_are_noted),
        cmocka_unit_test(numbers_left_open_are_said_to_be_chosen),
        cmocka_unit_test(several_chips_and_replicas_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

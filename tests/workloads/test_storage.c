// Where carries live: one place, or one place per time step. Graphs of bare stages, never run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "workloads/run/schedule.h"
#include "workloads/run/storage.h"

#define BATCH 2u
#define TIME_STEPS 5u
#define COLUMNS 16u

enum tensor_name {
    INPUT,
    STATE_IN,
    STATE_OUT,
    CARRY_IN,
    CARRY_OUT,
    TWIN_IN,
    TWIN_OUT,
    TWIN_CARRY_IN,
    X,
    Y,
    Z,
    WEIGHT_GRADIENT,
    TENSORS
};
#define STAGES_MAX 4u

struct backward { // a backward pass, in order
    uint32_t stage_count;
    struct op ops[STAGES_MAX];
    bool has_twin; // a second state with the same carry-out
};

static const struct kernels kernels = {.real_bytes = sizeof(float)};

// A scale is an elementwise stage of one input, an add of two.
#define SCALE(from, to)                                  \
    {                                                    \
        .kind = OP_scale, .inputs = {from}, .output = to \
    }
#define PRODUCT(from, to)                                                              \
    {                                                                                  \
        .kind = OP_connect_input_gradient, .inputs = {from, TENSOR_NONE, TENSOR_NONE}, \
        .output = to                                                                   \
    }
#define ADD(a, b, to)                                  \
    {                                                  \
        .kind = OP_add, .inputs = {a, b}, .output = to \
    }

// Bytes from the carry-out of the first time step to the carry-in of the same time step.
static ptrdiff_t carry_distance_bytes(struct backward backward)
{
    struct tensor tensors[TENSORS];
    struct stage stages[STAGES_MAX];
    for (uint32_t i = 0; i < TENSORS; i++) {
        tensors[i] = (struct tensor){.rows = BATCH, .columns = COLUMNS, .role = ROLE_ADJOINT};
    }
    tensors[INPUT].type = TENSOR_SPIKES;
    tensors[WEIGHT_GRADIENT].role = ROLE_GRADIENT;
    for (uint32_t i = 0; i < STAGES_MAX; i++) {
        stages[i] = (struct stage){.index = i};
    }
    struct graph_state states[] = {{STATE_IN, STATE_OUT, CARRY_IN, CARRY_OUT, 1},
                                   {TWIN_IN, TWIN_OUT, TWIN_CARRY_IN, CARRY_OUT, 1}};
    struct training_graph graph = {.form = FORM_DENSE,
                                   .batch = BATCH,
                                   .time_steps = TIME_STEPS,
                                   .states = states,
                                   .state_count = backward.has_twin ? 2 : 1,
                                   .logits_state = UINT32_MAX,
                                   .backward = stages,
                                   .backward_count = backward.stage_count,
                                   .input = INPUT};
    graph.graph = (struct graph){.tensors = tensors, .tensor_count = TENSORS, .ops = backward.ops};
    struct schedule *forward = schedule_create(&graph, OP_FORWARD);
    struct schedule *schedule = schedule_create(&graph, OP_BACKWARD);
    struct storage *storage =
        storage_create(&graph, &kernels, forward, schedule, TIME_STEPS, false);
    struct view in = storage_view(storage, CARRY_IN, 0), out = storage_view(storage, CARRY_OUT, 0);
    ptrdiff_t distance_bytes = (char *)in.reals - (char *)out.reals;
    assert_int_equal(in.time_stride, out.time_stride);
    assert_int_equal(out.time_stride == 0, distance_bytes == 0); // one place: for all time steps
    storage_destroy(storage);
    schedule_destroy(schedule);
    schedule_destroy(forward);
    return distance_bytes;
}

#define IN_PLACE 0
#define NEXT_PLACE ((ptrdiff_t)(BATCH * COLUMNS * sizeof(float)))

static void a_carry_is_overwritten_once_all_have_read_it(void **state)
{
    (void)state;
    struct backward backward = {.stage_count = 2, .ops = {SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT)}};
    assert_int_equal(carry_distance_bytes(backward), IN_PLACE);
}

static void a_carry_that_is_read_after_the_new_one_is_written_is_kept(void **state)
{
    (void)state;
    struct backward after = {.stage_count = 3,
                             .ops = {SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT), ADD(CARRY_IN, X, Y)}};
    assert_int_equal(carry_distance_bytes(after), NEXT_PLACE);
    struct backward before = {
        .stage_count = 3, .ops = {SCALE(CARRY_IN, X), ADD(CARRY_IN, X, Y), SCALE(X, CARRY_OUT)}};
    assert_int_equal(carry_distance_bytes(before), IN_PLACE);
}

// A region may write it, element by element, before its last op reads the old one.
static void a_carry_that_its_own_writer_reads_is_kept(void **state)
{
    (void)state;
    struct backward backward = {.stage_count = 1, .ops = {SCALE(CARRY_IN, CARRY_OUT)}};
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
}

static void a_carry_that_another_pass_reads_is_kept_for_every_time_step(void **state)
{
    (void)state;
    struct op gradient = {.kind = OP_connect_weight_gradient, .output = WEIGHT_GRADIENT};
    struct backward backward = {.stage_count = 3,
                                .ops = {SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT), gradient}};
    backward.ops[2].inputs[0] = INPUT;
    backward.ops[2].inputs[1] = CARRY_OUT;
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
    backward.ops[2].inputs[1] = CARRY_IN;
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
    backward.ops[2].inputs[1] = X;
    assert_int_equal(carry_distance_bytes(backward), IN_PLACE);
}

static void a_new_carry_that_is_read_before_it_is_written_is_kept(void **state)
{
    (void)state;
    struct backward before = {
        .stage_count = 3, .ops = {SCALE(CARRY_IN, X), SCALE(CARRY_OUT, Y), SCALE(X, CARRY_OUT)}};
    assert_int_equal(carry_distance_bytes(before), NEXT_PLACE);
    struct backward after = {.stage_count = 3,
                             .ops = {SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT), SCALE(CARRY_OUT, Y)}};
    assert_int_equal(carry_distance_bytes(after), IN_PLACE);
}

// The product is a pass of its own for all time steps; Y waits for it, though it comes first.
static void a_carry_that_a_later_pass_reads_is_kept(void **state)
{
    (void)state;
    struct backward backward = {
        .stage_count = 4,
        .ops = {ADD(CARRY_IN, Z, Y), SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT), PRODUCT(X, Z)}};
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
}

static void a_carry_that_a_product_writes_for_all_time_steps_has_places_for_them(void **state)
{
    (void)state;
    struct backward backward = {.stage_count = 1, .ops = {PRODUCT(X, CARRY_OUT)}};
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
}

static void a_carry_of_two_states_is_kept(void **state)
{
    (void)state;
    struct backward backward = {
        .stage_count = 2, .ops = {SCALE(CARRY_IN, X), SCALE(X, CARRY_OUT)}, .has_twin = true};
    assert_int_equal(carry_distance_bytes(backward), NEXT_PLACE);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_carry_is_overwritten_once_all_have_read_it),
        cmocka_unit_test(a_carry_that_is_read_after_the_new_one_is_written_is_kept),
        cmocka_unit_test(a_carry_that_its_own_writer_reads_is_kept),
        cmocka_unit_test(a_carry_that_another_pass_reads_is_kept_for_every_time_step),
        cmocka_unit_test(a_new_carry_that_is_read_before_it_is_written_is_kept),
        cmocka_unit_test(a_carry_that_a_later_pass_reads_is_kept),
        cmocka_unit_test(a_carry_that_a_product_writes_for_all_time_steps_has_places_for_them),
        cmocka_unit_test(a_carry_of_two_states_is_kept),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}

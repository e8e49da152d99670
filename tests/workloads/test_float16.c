// training.precision: float16: the rounding itself, what is rounded and what is not, overflow.
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/small_run.h"
#include "workloads/run/executor.h"
#include "workloads/run/float16.h"

#define LARGEST 0x7bffu // 65504

// --- rounding -----------------------------------------------------------------------------------
// The value of a float16 by the definition of the format: sign, 5 bits of exponent, 10 of fraction.
static float decode(uint32_t half)
{
    int exponent = (int)(half >> 10 & 31u);
    int fraction = (int)(half & 1023u);
    return exponent == 0 ? ldexpf((float)fraction, -24)
                         : ldexpf((float)(1024 + fraction), exponent - 25);
}

static void check_rounds_to(float value, float expected)
{
    float rounded = float16_round(value), negative = float16_round(-value);
    assert_memory_equal(&rounded, &expected, sizeof(expected)); // bits: 0 and -0 differ
    expected = -expected;
    assert_memory_equal(&negative, &expected, sizeof(expected));
}

static void every_float16_stays_and_what_lies_between_goes_to_the_nearest(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < LARGEST; half++) {
        float here = decode(half), next = decode(half + 1);
        float middle = here + 0.5f * (next - here);
        check_rounds_to(here, here);
        check_rounds_to(nextafterf(middle, 0.0f), here);
        check_rounds_to(middle, half % 2 == 0 ? here : next); // the even one
        check_rounds_to(nextafterf(middle, INFINITY), next);
    }
}

static void from_half_way_beyond_65504_values_become_infinite(void **state)
{
    (void)state;
    assert_true(decode(LARGEST) == 65504.0f);
    check_rounds_to(65504.0f, 65504.0f);
    check_rounds_to(nextafterf(65520.0f, 0.0f), 65504.0f);
    check_rounds_to(65520.0f, INFINITY);
    check_rounds_to(FLT_MAX, INFINITY);
    check_rounds_to(INFINITY, INFINITY);
    check_rounds_to(FLT_TRUE_MIN, 0.0f);
    assert_true(isnan(float16_round(NAN)) && isnan(float16_round(-NAN)));
}

// --- what is stored -----------------------------------------------------------------------------
static bool is_float16(float value)
{
    return float16_round(value) == value;
}

static bool are_float16(const float *values, size_t count)
{
    bool are = true;
    for (size_t i = 0; i < count; i++) {
        are &= is_float16(values[i]);
    }
    return are;
}

// At all time steps, as far as they are kept; they are of one block.
static bool is_tensor_float16(const struct executor *executor, const struct training_graph *graph,
                              uint32_t tensor)
{
    struct view view = executor_last(executor, tensor);
    view.reals = (float *)view.reals - (graph->time_steps - 1) * view.time_stride;
    struct span all = {.time_steps = graph->time_steps, .samples = graph->batch};
    bool is = true;
    FOR_ROWS(&all, t, b)
    {
        is &= are_float16(view_floats(&view, t, b), view.columns);
    }
    return is;
}

// Forward and backward once, with arbitrary weights and gradient of the logits.
static void run_both_phases(struct executor *executor, const struct training_graph *graph,
                            const struct spike_batch *batch)
{
    struct rng rng = rng_create(3, RNG_TEST, 0, 0);
    for (uint32_t l = 0; l < graph->layer_count; l++) {
        struct matrix *weights = executor_matrix(executor, graph->layers[l].weights);
        for (size_t i = 0; i < matrix_elements(weights); i++) {
            ((float *)weights->data)[i] = (float)rng_uniform(&rng) * 0.3f - 0.05f;
        }
    }
    executor_set_input(executor, batch->ids, batch->counts, batch->slots);
    executor_forward(executor, 0, NULL);
    struct view adjoint = executor_begin_backward(executor);
    for (uint32_t b = 0; b < graph->batch; b++) {
        for (uint32_t n = 0; n < adjoint.columns; n++) {
            view_floats(&adjoint, 0, b)[n] = (float)rng_uniform(&rng) - 0.5f;
        }
    }
    executor_backward(executor);
}

// Says whether all states of neurons and all carries are float16. If `each`, asks instead whether
// every single tensor has a value that is not.
static bool check_stored(const struct setup *setup, enum precision precision, bool each)
{
    struct training_graph *graph = training_graph_create(
        &setup->network, setup->form, setup->training.batch, setup->training.time_steps);
    struct pool *pool = pool_create(1);
    struct executor *executor = executor_create(graph, precision, NULL, pool, 17);
    struct spike_batch batch = draw_batch(setup, 0.2, 0);
    run_both_phases(executor, graph, &batch);
    bool is_as_asked = true;
    uint32_t tensors = 0;
    for (uint32_t i = 0; i < graph->state_count; i++) {
        const struct graph_state *state = &graph->states[i];
        if (i == graph->logits_state) {
            continue;
        }
        if (graph->graph.tensors[state->out].type != TENSOR_SPIKES) {
            is_as_asked &= is_tensor_float16(executor, graph, state->out) != each;
            tensors++;
        }
        if (state->carry_out != TENSOR_NONE) {
            is_as_asked &= is_tensor_float16(executor, graph, state->carry_out) != each;
            tensors++;
        }
    }
    assert_true(tensors >= 2 * LAYERS);
    free_batch(&batch);
    executor_destroy(executor);
    pool_destroy(pool);
    training_graph_destroy(graph);
    return is_as_asked;
}

static void check_forms_and_neurons(struct setup *setup)
{
    static const struct neuron_model *const models[] = {&neuron_lif, &neuron_cuba_lif};
    for (uint32_t i = 0; i < 4; i++) {
        setup->form = i % 2 == 0 ? FORM_SPARSE : FORM_DENSE;
        setup->network.neuron = neuron_index(models[i / 2]);
        assert_true(check_stored(setup, PRECISION_FLOAT16, false));
        assert_true(check_stored(setup, PRECISION_FLOAT32, true)); // else the test says nothing
    }
}

static void states_and_carries_are_stored_as_float16(void **state)
{
    (void)state;
    static const uint32_t sizes[LAYERS + 1] = {40, 70, 33, 20};
    struct setup setup;
    setup_init(&setup, sizes, 6, 7);
    check_forms_and_neurons(&setup);
    setup.network.layer_delay = 0;
    check_forms_and_neurons(&setup);
}

static void weights_are_stored_as_float16_and_gradients_are_not(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 6, 7);
    setup.training.precision = PRECISION_FLOAT16;
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.2, 0);
    size_t count = (size_t)tiny[0] * tiny[1];
    float values[9 * 8];
    assert_int_equal(count, 9 * 8);
    trainer_get_weights(run.trainer, 1, values);
    assert_true(are_float16(values, count));
    trainer_step(run.trainer, &batch, true, NULL);
    trainer_get_weights(run.trainer, 1, values);
    assert_true(are_float16(values, count));
    trainer_get_gradient(run.trainer, 1, values);
    assert_false(are_float16(values, count));
    for (size_t i = 0; i < count; i++) {
        values[i] = 0.1f * (float)i;
    }
    trainer_set_weights(run.trainer, 1, values);
    trainer_get_weights(run.trainer, 1, values);
    assert_true(are_float16(values, count));
    assert_true(values[1] == float16_round(0.1f));
    free_batch(&batch);
    run_destroy(&run);
}

// 2051 lies between two float16; a sum that were rounded would stop at 2048.
static void counts_of_spikes_stay_exact(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 1, 2051);
    setup.network.layer_delay = 0;
    setup.network.weight_shift = 5.0; // everybody spikes at every time step
    setup.training.precision = PRECISION_FLOAT16;
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 1.0, 0);
    trainer_step(run.trainer, &batch, false, NULL);
    float logits[3];
    trainer_get_logits(run.trainer, logits);
    for (uint32_t n = 0; n < 3; n++) {
        assert_true(logits[n] == 2051.0f);
    }
    free_batch(&batch);
    run_destroy(&run);
}

// Each update is below 1e-5; a weight above 0.25 moves in steps of 2.4e-4, and an update that is
// less than half of that would be rounded away, every time.
static void updates_below_the_last_bit_of_a_weight_add_up(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 6, 7);
    setup.training.precision = PRECISION_FLOAT16;
    setup.training.learning_rate = 1e-5;
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.2, 0);
    float before[9 * 8], after[9 * 8];
    trainer_get_weights(run.trainer, 1, before);
    for (uint32_t step = 0; step < 40; step++) {
        trainer_step(run.trainer, &batch, true, NULL);
    }
    trainer_get_weights(run.trainer, 1, after);
    uint32_t large = 0, moved = 0;
    for (uint32_t i = 0; i < 9 * 8; i++) {
        large += fabsf(before[i]) > 0.25f;
        moved += fabsf(before[i]) > 0.25f && before[i] != after[i];
    }
    assert_true(large > 20);
    assert_true(moved > large / 2);
    free_batch(&batch);
    run_destroy(&run);
}

// --- overflow -----------------------------------------------------------------------------------
static uint32_t nonfinite_layer(const struct setup *setup, enum precision precision)
{
    struct setup here = *setup;
    here.network.hidden = here.neurons + 1;
    here.network.neurons = here.neurons;
    here.network.slots = here.slots;
    here.training.precision = precision;
    struct run run = run_create(&here);
    struct spike_batch batch = draw_batch(&here, 0.2, 0);
    double loss = trainer_step(run.trainer, &batch, false, NULL);
    assert_true(isfinite(loss)); // of counts: it does not show that the membranes overflowed
    uint32_t layer = trainer_nonfinite_layer(run.trainer);
    free_batch(&batch);
    run_destroy(&run);
    return layer;
}

static void membranes_that_overflow_are_found_in_every_precision(void **state)
{
    (void)state;
    static const enum reset_kind resets[] = {RESET_ZERO, RESET_SUBTRACT, RESET_NONE};
    struct setup setup;
    setup_init(&setup, tiny, 6, 7);
    for (uint32_t i = 0; i < 6; i++) {
        setup.form = i % 2 == 0 ? FORM_SPARSE : FORM_DENSE;
        setup.network.reset = resets[i / 2];
        setup.network.gain = 10.0;
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT16), 0);
        setup.network.gain = 1e7;
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT16), 1);
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT32), 0);
        setup.network.gain = 2e39;
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT32), 1);
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT64), 0);
        setup.network.gain = INFINITY;
        assert_int_equal(nonfinite_layer(&setup, PRECISION_FLOAT64), 1);
    }
}

static void a_weight_that_overflows_is_found_before_anybody_uses_it(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 6, 7);
    setup.training.precision = PRECISION_FLOAT16;
    struct run run = run_create(&setup);
    struct spike_batch silence = draw_batch(&setup, 0.0, 0);
    trainer_step(run.trainer, &silence, false, NULL);
    float weights[8 * 7] = {0};
    weights[20] = 65519.0f;
    trainer_set_weights(run.trainer, 2, weights);
    assert_int_equal(trainer_nonfinite_layer(run.trainer), 0);
    weights[20] = 65520.0f;
    trainer_set_weights(run.trainer, 2, weights);
    assert_int_equal(trainer_nonfinite_layer(run.trainer), 2);
    free_batch(&silence);
    run_destroy(&run);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_float16_stays_and_what_lies_between_goes_to_the_nearest),
        cmocka_unit_test(from_half_way_beyond_65504_values_become_infinite),
        cmocka_unit_test(states_and_carries_are_stored_as_float16),
        cmocka_unit_test(weights_are_stored_as_float16_and_gradients_are_not),
        cmocka_unit_test(counts_of_spikes_stay_exact),
        cmocka_unit_test(updates_below_the_last_bit_of_a_weight_add_up),
        cmocka_unit_test(membranes_that_overflow_are_found_in_every_precision),
        cmocka_unit_test(a_weight_that_overflows_is_found_before_anybody_uses_it),
    };
    return cmocka_run_group_tests_name("float16", tests, NULL, NULL);
}

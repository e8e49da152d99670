// Whole training steps: thread counts, forms, records, learning.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/small_run.h"

// --- threads ------------------------------------------------------------------------------------
// Everything that three training steps leave behind.
struct outcome {
    float *values;
    size_t value_count;
    double losses[3];
    struct run run;
};

static void take_values(struct outcome *outcome, const struct setup *setup)
{
    size_t items = (size_t)setup->training.batch * setup->network.outputs;
    for (uint32_t l = 1; l <= LAYERS; l++) {
        items += (size_t)setup->neurons[l] * setup->neurons[l - 1] * 2 +
                 (size_t)setup->training.batch * setup->neurons[l];
    }
    outcome->value_count = items;
    float *at_value = outcome->values = xcalloc(items, sizeof(float));
    for (uint32_t l = 1; l <= LAYERS; l++) {
        size_t weights = (size_t)setup->neurons[l] * setup->neurons[l - 1];
        trainer_get_weights(outcome->run.trainer, l, at_value);
        trainer_get_gradient(outcome->run.trainer, l, at_value + weights);
        trainer_get_last_membrane(outcome->run.trainer, l, at_value + 2 * weights);
        at_value += 2 * weights + (size_t)setup->training.batch * setup->neurons[l];
    }
    trainer_get_logits(outcome->run.trainer, at_value);
}

static struct outcome three_steps(const struct setup *setup)
{
    struct outcome outcome = {.run = run_create(setup)};
    for (uint32_t step = 0; step < 3; step++) {
        struct spike_batch batch = draw_batch(setup, 0.05, step);
        outcome.losses[step] = trainer_step(outcome.run.trainer, &batch, true, outcome.run.record);
        free_batch(&batch);
    }
    take_values(&outcome, setup);
    return outcome;
}

static void outcome_free(struct outcome *outcome)
{
    free(outcome->values);
    run_destroy(&outcome->run);
}

static void check_same_outcome(const struct outcome *a, const struct outcome *b)
{
    assert_memory_equal(a->losses, b->losses, sizeof(a->losses));
    assert_memory_equal(a->values, b->values, a->value_count * sizeof(float));
    for (uint32_t l = 0; l <= LAYERS; l++) {
        const struct activity_layer *left = &a->run.record->layers[l];
        const struct activity_layer *right = &b->run.record->layers[l];
        size_t rows = (size_t)a->run.record->time_steps * a->run.record->batch;
        assert_memory_equal(left->counts, right->counts, rows * 2 * sizeof(uint32_t));
        assert_int_equal(left->dropped_spikes, right->dropped_spikes);
        if (left->ids) {
            assert_memory_equal(left->ids, right->ids, rows * left->slots * sizeof(uint32_t));
        }
    }
}

static void check_thread_counts(struct setup *setup)
{
    static const uint32_t threads[] = {2, 3, 5};
    setup->threads = 1;
    struct outcome alone = three_steps(setup);
    for (uint32_t i = 0; i < 3; i++) {
        setup->threads = threads[i];
        struct outcome together = three_steps(setup);
        check_same_outcome(&alone, &together);
        outcome_free(&together);
    }
    outcome_free(&alone);
}

static const uint32_t middle[LAYERS + 1] = {70, 130, 90, 6};

static void any_number_of_threads_gives_the_same_bits_in_the_sparse_form(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 110); // three blocks of time steps
    setup.network.theta2 = setup.network.theta2_out = 0.5;
    setup.slots[1] = 12;
    setup.slots[2] = 9;
    check_thread_counts(&setup);
    setup.network.overflow = OVERFLOW_DROP_RANDOM;
    check_thread_counts(&setup);
}

static void any_number_of_threads_gives_the_same_bits_in_the_dense_form(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 110);
    setup.form = FORM_DENSE;
    check_thread_counts(&setup);
}

static void any_number_of_threads_gives_the_same_bits_in_float64(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 20, 110);
    setup.training.precision = PRECISION_FLOAT64;
    check_thread_counts(&setup);
}

static void any_number_of_threads_gives_the_same_bits_in_float16(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 110);
    setup.training.precision = PRECISION_FLOAT16;
    check_thread_counts(&setup);
    setup.form = FORM_DENSE;
    check_thread_counts(&setup);
}

// Three blocks of time steps, so that states and carries of a step would be there for the next to
// find.
static void check_fresh_start(struct setup *setup)
{
    struct outcome fresh = {.run = run_create(setup)}, used = {.run = run_create(setup)};
    struct spike_batch first = draw_batch(setup, 0.1, 0), second = draw_batch(setup, 0.05, 1);
    trainer_step(used.run.trainer, &first, false, used.run.record);
    used.losses[0] = trainer_step(used.run.trainer, &second, false, used.run.record);
    fresh.losses[0] = trainer_step(fresh.run.trainer, &second, false, fresh.run.record);
    take_values(&fresh, setup);
    take_values(&used, setup);
    assert_true(fresh.losses[0] == used.losses[0]);
    assert_memory_equal(fresh.values, used.values, fresh.value_count * sizeof(float));
    free_batch(&first);
    free_batch(&second);
    outcome_free(&fresh);
    outcome_free(&used);
}

static void a_training_step_finds_nothing_of_the_one_before(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 110);
    check_fresh_start(&setup);
    setup.form = FORM_DENSE;
    check_fresh_start(&setup);
    setup.network.neuron = neuron_index(&neuron_cuba_lif);
    setup.network.gain = 2.0;
    check_fresh_start(&setup);
}

// --- forms and records --------------------------------------------------------------------------
static void slots_for_every_neuron_make_the_sparse_form_dense(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 60);
    struct run sparse = run_create(&setup);
    setup.form = FORM_DENSE;
    struct run dense = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.05, 0);
    double sparse_loss = trainer_step(sparse.trainer, &batch, false, sparse.record);
    double dense_loss = trainer_step(dense.trainer, &batch, false, dense.record);
    assert_true(fabs(sparse_loss - dense_loss) < 1e-6);
    for (uint32_t l = 1; l <= LAYERS; l++) {
        size_t counts = (size_t)setup.training.time_steps * setup.training.batch * 2;
        assert_memory_equal(sparse.record->layers[l].counts, dense.record->layers[l].counts,
                            counts * sizeof(uint32_t));
        size_t items = (size_t)setup.neurons[l] * setup.neurons[l - 1];
        float *gradients = xcalloc(2 * items, sizeof(float));
        trainer_get_gradient(sparse.trainer, l, gradients);
        trainer_get_gradient(dense.trainer, l, gradients + items);
        double largest = 0.0, difference = 0.0;
        for (size_t i = 0; i < items; i++) {
            largest = fmax(largest, fabs((double)gradients[i]));
            difference = fmax(difference, fabs((double)(gradients[i] - gradients[items + i])));
        }
        assert_true(largest > 0.0 && difference <= 1e-4 * largest);
        free(gradients);
    }
    free_batch(&batch);
    run_destroy(&sparse);
    run_destroy(&dense);
}

static void the_record_holds_the_spikes_of_the_batch_and_of_every_layer(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 20, 60);
    setup.slots[1] = 5; // too few: spikes are dropped
    setup.network.theta2 = setup.network.theta2_out = 0.5;
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.05, 0);
    batch.dropped = 12;
    trainer_step(run.trainer, &batch, false, run.record);
    assert_int_equal(run.record->layers[0].dropped_spikes, 12);
    assert_true(run.record->layers[1].dropped_spikes > 0);
    assert_int_equal(run.record->layers[2].dropped_spikes, 0);
    for (uint32_t row = 0; row < 60 * 20; row++) {
        const uint32_t *counts = run.record->layers[0].counts + row * 2;
        assert_int_equal(counts[0], batch.counts[row]);
        assert_int_equal(counts[1], batch.counts[row]);
        assert_memory_equal(run.record->layers[0].ids + row * setup.slots[0],
                            batch.ids + row * batch.slots, counts[0] * sizeof(uint32_t));
        for (uint32_t l = 1; l <= LAYERS; l++) {
            const struct activity_layer *layer = &run.record->layers[l];
            assert_true(layer->counts[row * 2] <= layer->counts[row * 2 + 1]);
            assert_true(layer->counts[row * 2 + 1] <= layer->slots);
            for (uint32_t i = 1; i < layer->counts[row * 2 + 1]; i++) {
                const uint32_t *ids = layer->ids + row * layer->slots;
                assert_true(i == layer->counts[row * 2] || ids[i - 1] < ids[i]);
            }
        }
    }
    free_batch(&batch);
    run_destroy(&run);
}

// Nothing spikes, all logits are zero: every class has the same share, and the first one wins the
// tie.
static void silence_costs_the_logarithm_of_the_classes_and_is_class_zero(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, tiny, 9, 5);
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.0, 0);
    double loss = trainer_step(run.trainer, &batch, false, NULL);
    assert_true(fabs(loss - log(3.0)) < 1e-12);
    assert_int_equal(trainer_count_correct(run.trainer, &batch), 3);
    batch.valid = 1; // only the first sample, of class 0, counts
    assert_int_equal(trainer_count_correct(run.trainer, &batch), 1);
    free_batch(&batch);
    run_destroy(&run);
}

static void weights_come_back_as_they_were_set_and_start_equal_in_both_forms(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 4, 3);
    struct run sparse = run_create(&setup);
    setup.form = FORM_DENSE;
    struct run dense = run_create(&setup);
    size_t items = (size_t)middle[1] * middle[0];
    float *a = xcalloc(items, sizeof(float)), *b = xcalloc(items, sizeof(float));
    trainer_get_weights(sparse.trainer, 1, a);
    trainer_get_weights(dense.trainer, 1, b);
    assert_memory_equal(a, b, items * sizeof(float));
    double range = setup.network.weight_mul * sqrt(6.0 / middle[0]);
    double least = 0.0, most = 0.0;
    for (size_t i = 0; i < items; i++) {
        least = fmin(least, (double)a[i] - setup.network.weight_shift);
        most = fmax(most, (double)a[i] - setup.network.weight_shift);
        b[i] = (float)i;
    }
    assert_true(least >= -range && least < -0.99 * range);
    assert_true(most <= range && most > 0.99 * range);
    trainer_set_weights(sparse.trainer, 1, b);
    trainer_get_weights(sparse.trainer, 1, a);
    assert_memory_equal(a, b, items * sizeof(float));
    free(a);
    free(b);
    run_destroy(&sparse);
    run_destroy(&dense);
}

// --- learning -----------------------------------------------------------------------------------
static void check_learning(struct setup *setup)
{
    struct run run = run_create(setup);
    double first = 0.0, last = 0.0;
    for (uint32_t step = 0; step < 40; step++) {
        struct spike_batch batch = draw_batch(setup, 0.05, step);
        double loss = trainer_step(run.trainer, &batch, true, NULL);
        first += step < 4 ? loss / 4 : 0.0;
        last += step >= 36 ? loss / 4 : 0.0;
        free_batch(&batch);
    }
    assert_true(last < 0.5 * first);
    struct spike_batch batch = draw_batch(setup, 0.05, 1000);
    assert_in_range(trainer_count_correct(run.trainer, &batch), 18, 24); // chance: 4
    free_batch(&batch);
    run_destroy(&run);
}

static void training_halves_the_loss_of_an_easy_task(void **state)
{
    (void)state;
    struct setup setup;
    setup_init(&setup, middle, 24, 20);
    setup.training.learning_rate = 3e-3;
    setup.slots[1] = 24;
    setup.slots[2] = 16;
    setup.network.theta2 = setup.network.theta2_out = 0.5;
    setup.threads = 2;
    check_learning(&setup);
    setup.form = FORM_DENSE;
    check_learning(&setup);
    setup.network.neuron = neuron_index(&neuron_cuba_lif);
    setup.network.gain = 2.0; // its current adds up input over 1 / (1 - beta) = 5 time steps
    setup.form = FORM_SPARSE;
    check_learning(&setup);
    setup.training.precision = PRECISION_FLOAT16;
    check_learning(&setup);
    setup.form = FORM_DENSE;
    check_learning(&setup);
}

static void a_cosine_schedule_falls_from_the_rate_to_zero(void **state)
{
    (void)state;
    const double factors[] = {1, 0.8535533906, 0.5, 0.1464466094}; // (1 + cos(pi s / 4)) / 2
    struct setup setup;
    setup_init(&setup, tiny, 6, 10);
    setup.training.optimizer = OPTIMIZER_SGD;
    setup.training.learning_rate = 0.5;
    setup.training.learning_rate_schedule = SCHEDULE_COSINE;
    setup.training.precision = PRECISION_FLOAT64;
    setup.training.steps = 4;
    struct run run = run_create(&setup);
    struct spike_batch batch = draw_batch(&setup, 0.3, 0);
    uint32_t elements = setup.neurons[3] * setup.neurons[2];
    float before[64], after[64], gradient[64];
    assert_true(elements <= 64);
    for (uint32_t step = 0; step < 4; step++) {
        trainer_get_weights(run.trainer, 3, before);
        trainer_step(run.trainer, &batch, true, NULL);
        trainer_get_weights(run.trainer, 3, after);
        trainer_get_gradient(run.trainer, 3, gradient);
        double moved = 0;
        for (uint32_t i = 0; i < elements; i++) {
            double expected = before[i] - 0.5 * factors[step] * gradient[i];
            assert_float_equal(after[i], expected, 1e-6);
            moved += fabs(gradient[i]);
        }
        assert_true(moved > 1e-3);
    }
    free_batch(&batch);
    run_destroy(&run);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits_in_the_sparse_form),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits_in_the_dense_form),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits_in_float64),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits_in_float16),
        cmocka_unit_test(a_training_step_finds_nothing_of_the_one_before),
        cmocka_unit_test(slots_for_every_neuron_make_the_sparse_form_dense),
        cmocka_unit_test(the_record_holds_the_spikes_of_the_batch_and_of_every_layer),
        cmocka_unit_test(silence_costs_the_logarithm_of_the_classes_and_is_class_zero),
        cmocka_unit_test(weights_come_back_as_they_were_set_and_start_equal_in_both_forms),
        cmocka_unit_test(training_halves_the_loss_of_an_easy_task),
        cmocka_unit_test(a_cosine_schedule_falls_from_the_rate_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Analog input, biases, and a loss on membranes: gradients of whole training steps.
//
// Spikes jump, so the gradient of a network of them is no limit of differences of its loss. It is
// held against three things, in double: 1. differences of the loss, for parameters whose path to
// the loss crosses no spike: the last layer's; 2. the recurrences by hand (struct by_hand), which
// know nothing of graphs; 3. these recurrences against differences of a smooth network, whose
// spikes are the integral of the
//    surrogate and whose resets are held fast: that shows that they are the right ones.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/by_hand.h"
#include "tests/workloads/small_run.h"

#define SMALLEST_DIFFERENCE 1e-4

// --- comparisons --------------------------------------------------------------------------------
static void check_parameters(const char *name, const double *wanted, const float *found,
                             size_t items, double tolerance)
{
    double largest = 0.0;
    for (size_t i = 0; i < items; i++) {
        largest = fmax(largest, fabs(wanted[i]));
    }
    assert_true(largest > 0.0);
    for (size_t i = 0; i < items; i++) {
        if (!(fabs((double)found[i] - wanted[i]) <= tolerance * largest)) {
            fail_msg("%s, item %zu: %.9g, not %.9g (largest %g)", name, i, (double)found[i],
                     wanted[i], largest);
        }
    }
}

static void check_gradients(const struct by_hand *hand, const struct trainer *trainer,
                            double tolerance)
{
    for (uint32_t l = 1; l <= LAYERS; l++) {
        size_t items = (size_t)hand->setup->neurons[l] * hand->setup->neurons[l - 1];
        float *found = xcalloc(items, sizeof(float));
        trainer_get_gradient(trainer, l, found);
        check_parameters("weights", hand->gradient[l], found, items, tolerance);
        trainer_get_bias_gradient(trainer, l, found);
        check_parameters("biases", hand->bias_gradient[l], found, hand->setup->neurons[l],
                         tolerance);
        free(found);
    }
}

static void check_against_hand(const struct setup *setup, double tolerance)
{
    struct run run = run_create(setup);
    struct spike_batch batch = draw_analog_batch(setup, 0);
    double loss = trainer_step(run.trainer, &batch, false, run.record);
    struct by_hand *hand = by_hand_create(setup, &batch, run.trainer);
    by_hand_forward(hand);
    by_hand_backward(hand);
    for (uint32_t l = 1; l <= LAYERS; l++) { // some neurons fire and some do not
        uint64_t spikes = 0;
        uint32_t rows = batch.time_steps * batch.batch;
        for (uint32_t row = 0; row < rows; row++) {
            spikes += run.record->layers[l].counts[row * 2];
        }
        assert_in_range(spikes, rows / 20, rows * setup->neurons[l] * 19 / 20);
    }
    check_gradients(hand, run.trainer, tolerance);
    assert_true(fabs(loss - hand->loss) < tolerance * (1.0 + hand->loss));
    by_hand_destroy(hand);
    free_batch(&batch);
    run_destroy(&run);
}

static void setup_analog(struct setup *setup, const struct neuron_model *model, uint32_t batch,
                         uint32_t time_steps)
{
    setup_init(setup, tiny, batch, time_steps);
    setup->network.neuron = neuron_index(model);
    setup->network.input = INPUT_ANALOG;
    setup->network.has_bias = true;
    setup->network.bias_mul = 1.0;
    setup->network.loss = LOSS_ON_MEMBRANES;
    setup->network.reset_gradient = RESET_GRADIENT_MASKED; // the true one of a reset to zero
    setup->network.weight_mul = model == &neuron_leaky ? 0.5 : 1.0;
    setup->training.precision = PRECISION_FLOAT64;
}

// Delays, forms, and where the reset stands; three blocks of time steps: 3 + 3 + 1.
static void check_model(const struct neuron_model *model, enum loss_kind loss,
                        enum surrogate_kind kind)
{
    for (uint32_t i = 0; i < 8; i++) {
        struct setup setup;
        setup_analog(&setup, model, 300, 7);
        setup.network.loss = loss;
        setup.network.surrogate = kind;
        setup.network.layer_delay = i & 1;
        setup.form = i & 2 ? FORM_DENSE : FORM_SPARSE;
        setup.network.is_reset_inside_decay = i & 4;
        check_against_hand(&setup, 1e-6); // gradients come out as float32
    }
}

static void leaky_with_a_loss_on_membranes_is_bptt_by_hand(void **state)
{
    (void)state;
    for (uint32_t kind = SURROGATE_SUPERSPIKE; kind <= SURROGATE_HEAVISIDE; kind++) {
        check_model(&neuron_leaky, LOSS_ON_MEMBRANES, kind);
    }
}

static void leaky_with_a_loss_on_spikes_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_leaky, LOSS_ON_SPIKES, SURROGATE_SUPERSPIKE);
}

// The gain scales the bias with the rest of the input.
static void lif_with_biases_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_lif, LOSS_ON_MEMBRANES, SURROGATE_SUPERSPIKE);
    check_model(&neuron_lif, LOSS_ON_SPIKES, SURROGATE_ARCTAN);
}

// The fast kernels, whose layouts and cuts differ by form; wide enough for two strips of weights.
static void fast_kernels_agree_with_bptt_by_hand(void **state)
{
    (void)state;
    static const uint32_t wide[LAYERS + 1] = {300, 130, 70, 5};
    for (uint32_t form = 0; form < 2; form++) {
        struct setup setup;
        setup_analog(&setup, &neuron_leaky, 40, 30);
        memcpy(setup.neurons, wide, sizeof(wide));
        memcpy(setup.slots, wide, sizeof(wide));
        setup.network.inputs = wide[0];
        setup.network.outputs = wide[LAYERS];
        setup.network.weight_mul = 0.3;
        setup.network.weight_shift = 0.003;
        setup.network.layer_delay = 0;
        setup.training.precision = PRECISION_FLOAT32;
        setup.form = form ? FORM_DENSE : FORM_SPARSE;
        check_against_hand(&setup, 1e-3); // a spike may jump over the threshold's last bit
    }
}

// --- differences of the loss --------------------------------------------------------------------
static double smooth_loss(struct by_hand *hand, double *parameter, double change)
{
    double kept = *parameter;
    *parameter = kept + change;
    by_hand_forward(hand);
    *parameter = kept;
    return hand->loss;
}

static void check_smooth_parameters(struct by_hand *hand, double *parameters,
                                    const double *gradient, size_t items)
{
    for (size_t i = 0; i < items; i++) {
        double change = 1e-5;
        double difference = (smooth_loss(hand, &parameters[i], change) -
                             smooth_loss(hand, &parameters[i], -change)) /
                            (2.0 * change);
        if (!(fabs(difference - gradient[i]) <= 1e-7 * (1.0 + fabs(difference)))) {
            fail_msg("item %zu: the loss changes by %.12g, the gradient is %.12g", i, difference,
                     gradient[i]);
        }
    }
}

static void the_recurrences_by_hand_are_the_derivative_of_a_smooth_network(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        struct setup setup;
        setup_analog(&setup, i & 4 ? &neuron_lif : &neuron_leaky, 3, 6);
        setup.network.layer_delay = i & 1;
        setup.network.is_reset_inside_decay = i & 2;
        struct run run = run_create(&setup);
        struct spike_batch batch = draw_analog_batch(&setup, 0);
        struct by_hand *hand = by_hand_create(&setup, &batch, run.trainer);
        hand->is_smooth = true;
        by_hand_forward(hand);
        by_hand_backward(hand);
        hand->keeps_resets = true;
        for (uint32_t l = 1; l <= LAYERS; l++) {
            size_t items = (size_t)setup.neurons[l] * setup.neurons[l - 1];
            check_smooth_parameters(hand, hand->weights[l], hand->gradient[l], items);
            check_smooth_parameters(hand, hand->bias[l], hand->bias_gradient[l], setup.neurons[l]);
        }
        by_hand_destroy(hand);
        free_batch(&batch);
        run_destroy(&run);
    }
}

struct parameter_kind {
    void (*get)(const struct trainer *, uint32_t, float *);
    void (*set)(struct trainer *, uint32_t, const float *);
    void (*gradient)(const struct trainer *, uint32_t, float *);
    size_t items;
};

static bool has_same_spikes(const struct activity *a, const struct activity *b)
{
    for (uint32_t l = 1; l <= LAYERS; l++) {
        size_t rows = (size_t)a->time_steps * a->batch;
        if (memcmp(a->layers[l].counts, b->layers[l].counts, rows * 2 * sizeof(uint32_t)) != 0 ||
            memcmp(a->layers[l].ids, b->layers[l].ids,
                   rows * a->layers[l].slots * sizeof(uint32_t)) != 0) {
            return false;
        }
    }
    return true;
}

static double changed_loss(struct run *run, const struct parameter_kind *kind, float *values,
                           size_t i, float value, const struct spike_batch *batch,
                           struct activity *record)
{
    float kept = values[i];
    values[i] = value;
    kind->set(run->trainer, LAYERS, values);
    values[i] = kept;
    return trainer_step(run->trainer, batch, false, record);
}

// Differences of the loss for every parameter of the last layer. Returns how many changed no spike.
static size_t check_differences(struct run *run, const struct parameter_kind *kind,
                                const struct spike_batch *batch)
{
    const struct activity *record = run->record;
    struct activity *changed =
        activity_create(LAYERS + 1, run->graph->config.neurons, run->graph->config.slots,
                        batch->time_steps, batch->batch);
    float *values = xcalloc(kind->items, sizeof(float));
    float *gradient = xcalloc(kind->items, sizeof(float));
    kind->get(run->trainer, LAYERS, values);
    trainer_step(run->trainer, batch, false, run->record);
    kind->gradient(run->trainer, LAYERS, gradient);
    size_t checked = 0;
    for (size_t i = 0; i < kind->items; i++) {
        float up = values[i] + (float)SMALLEST_DIFFERENCE;
        float down = values[i] - (float)SMALLEST_DIFFERENCE;
        double above = changed_loss(run, kind, values, i, up, batch, changed);
        bool is_smooth = has_same_spikes(record, changed);
        double below = changed_loss(run, kind, values, i, down, batch, changed);
        double difference = (above - below) / ((double)up - (double)down);
        if (is_smooth && has_same_spikes(record, changed)) {
            checked++;
            if (!(fabs(difference - (double)gradient[i]) <= 1e-6 * (1.0 + fabs(difference)))) {
                fail_msg("item %zu: the loss changes by %.9g, the gradient is %.9g", i, difference,
                         (double)gradient[i]);
            }
        }
    }
    kind->set(run->trainer, LAYERS, values);
    activity_destroy(changed);
    free(values);
    free(gradient);
    return checked;
}

static void gradients_of_the_last_layer_are_differences_of_the_loss(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct setup setup;
        setup_analog(&setup, i & 1 ? &neuron_lif : &neuron_leaky, 4, 9);
        setup.network.is_reset_inside_decay = i & 2;
        // A spike of the last layer resets it; where it does not jump, it is a constant.
        struct run run = run_create(&setup);
        struct spike_batch batch = draw_analog_batch(&setup, 0);
        size_t weights = (size_t)setup.neurons[LAYERS] * setup.neurons[LAYERS - 1];
        struct parameter_kind kinds[] = {
            {trainer_get_weights, trainer_set_weights, trainer_get_gradient, weights},
            {trainer_get_bias, trainer_set_bias, trainer_get_bias_gradient, setup.neurons[LAYERS]}};
        for (size_t k = 0; k < 2; k++) {
            size_t checked = check_differences(&run, &kinds[k], &batch);
            assert_in_range(checked, (kinds[k].items * 2 + 2) / 3, kinds[k].items);
        }
        free_batch(&batch);
        run_destroy(&run);
    }
}

// --- the rest -----------------------------------------------------------------------------------
static void train(const struct setup *setup, float *weights, float *biases)
{
    struct run run = run_create(setup);
    for (uint32_t step = 0; step < 5; step++) {
        struct spike_batch batch = draw_analog_batch(setup, step);
        trainer_step(run.trainer, &batch, true, NULL);
        free_batch(&batch);
    }
    trainer_get_weights(run.trainer, 1, weights);
    trainer_get_bias(run.trainer, 1, biases);
    run_destroy(&run);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    const enum precision precisions[] = {PRECISION_FLOAT32, PRECISION_FLOAT64, PRECISION_FLOAT16};
    for (uint32_t i = 0; i < 6; i++) {
        struct setup setup;
        float weights[2][72], biases[2][8];
        setup_analog(&setup, &neuron_leaky, 300, 7);
        setup.training.precision = precisions[i % 3];
        setup.form = i < 3 ? FORM_SPARSE : FORM_DENSE;
        train(&setup, weights[0], biases[0]);
        setup.threads = 3;
        train(&setup, weights[1], biases[1]);
        assert_memory_equal(weights[0], weights[1], sizeof(weights[0]));
        assert_memory_equal(biases[0], biases[1], sizeof(biases[0]));
    }
}

static void training_lowers_the_loss_and_counts_by_summed_membranes(void **state)
{
    (void)state;
    for (uint32_t precision = 0; precision < 3; precision++) {
        struct setup setup;
        setup_analog(&setup, &neuron_leaky, 60, 10);
        setup.training.precision = precision;
        setup.training.learning_rate = 5e-3;
        struct run run = run_create(&setup);
        struct spike_batch batch = draw_analog_batch(&setup, 0);
        double first = trainer_step(run.trainer, &batch, true, NULL), last = first;
        for (uint32_t step = 0; step < 60; step++) {
            last = trainer_step(run.trainer, &batch, true, NULL);
        }
        assert_true(last < 0.3 * first);
        uint32_t correct = 0;
        float logits[60 * 3];
        uint32_t counted = trainer_count_correct(run.trainer, &batch);
        trainer_get_logits(run.trainer, logits);
        for (uint32_t b = 0; b < 60; b++) {
            const float *row = &logits[b * 3];
            uint32_t best = row[1] > row[0] ? 1 : 0;
            correct += (row[2] > row[best] ? 2 : best) == batch.labels[b];
        }
        assert_int_equal(counted, correct);
        assert_in_range(correct, 50, 60);
        free_batch(&batch);
        run_destroy(&run);
    }
}

static void biases_are_drawn_within_their_range(void **state)
{
    (void)state;
    struct setup setup;
    setup_analog(&setup, &neuron_leaky, 3, 2);
    setup.network.bias_mul = 0.5;
    struct run run = run_create(&setup);
    float biases[8], largest = 0.0f;
    trainer_get_bias(run.trainer, 1, biases);
    for (uint32_t n = 0; n < 8; n++) {
        largest = fmaxf(largest, fabsf(biases[n]));
    }
    assert_true(largest <= 0.5f / 3.0f && largest > 0.25f / 3.0f); // 9 inputs
    run_destroy(&run);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaky_with_a_loss_on_membranes_is_bptt_by_hand),
        cmocka_unit_test(leaky_with_a_loss_on_spikes_is_bptt_by_hand),
        cmocka_unit_test(lif_with_biases_is_bptt_by_hand),
        cmocka_unit_test(fast_kernels_agree_with_bptt_by_hand),
        cmocka_unit_test(the_recurrences_by_hand_are_the_derivative_of_a_smooth_network),
        cmocka_unit_test(gradients_of_the_last_layer_are_differences_of_the_loss),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(training_lowers_the_loss_and_counts_by_summed_membranes),
        cmocka_unit_test(biases_are_drawn_within_their_range),
    };
    return cmocka_run_group_tests_name("analog", tests, NULL, NULL);
}

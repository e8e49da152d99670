// Gradients of whole training steps against backpropagation through time written out by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/small_run.h"

// Dense, in double, every neuron listed. Arrays are [layer][time step + 1][sample][neuron]; index 0
// of time is the state before the first time step.
struct by_hand {
    const struct setup *setup;
    const struct spike_batch *batch;
    bool is_current_based;
    double *weights[LAYERS + 1], *gradient[LAYERS + 1]; // [neuron][fan-in]
    double *spikes[LAYERS + 1], *current[LAYERS + 1], *membrane[LAYERS + 1];
    double *error[LAYERS + 1];        // adjoint of the weighted input
    double *logits, *logits_gradient; // [sample][class]
    double loss;
};

static size_t at(const struct by_hand *hand, uint32_t layer, uint32_t t, uint32_t b, uint32_t n)
{
    return ((size_t)t * hand->setup->training.batch + b) * hand->setup->neurons[layer] + n;
}

static struct by_hand *by_hand_create(const struct setup *setup, const struct spike_batch *batch,
                                      const struct trainer *trainer)
{
    struct by_hand *hand = xcalloc(1, sizeof(*hand));
    *hand = (struct by_hand){.setup = setup, .batch = batch};
    hand->is_current_based = setup->network.neuron == neuron_index(&neuron_cuba_lif);
    for (uint32_t l = 0; l <= LAYERS; l++) {
        size_t items = (size_t)(batch->time_steps + 2) * batch->batch * setup->neurons[l];
        hand->spikes[l] = xcalloc(items, sizeof(double));
        hand->current[l] = xcalloc(items, sizeof(double));
        hand->membrane[l] = xcalloc(items, sizeof(double));
        hand->error[l] = xcalloc(items, sizeof(double));
    }
    for (uint32_t l = 1; l <= LAYERS; l++) {
        size_t items = (size_t)setup->neurons[l] * setup->neurons[l - 1];
        float *weights = xcalloc(items, sizeof(float));
        trainer_get_weights(trainer, l, weights);
        hand->weights[l] = xcalloc(items, sizeof(double));
        hand->gradient[l] = xcalloc(items, sizeof(double));
        for (size_t i = 0; i < items; i++) {
            hand->weights[l][i] = (double)weights[i];
        }
        free(weights);
    }
    hand->logits = xcalloc((size_t)batch->batch * setup->network.outputs, sizeof(double));
    hand->logits_gradient = xcalloc((size_t)batch->batch * setup->network.outputs, sizeof(double));
    for (uint32_t row = 0; row < batch->time_steps * batch->batch; row++) {
        for (uint32_t i = 0; i < batch->counts[row]; i++) {
            hand->spikes[0][at(hand, 0, 1, row, batch->ids[row * batch->slots + i])] = 1.0;
        }
    }
    return hand;
}

static void by_hand_destroy(struct by_hand *hand)
{
    for (uint32_t l = 0; l <= LAYERS; l++) {
        free(hand->weights[l]);
        free(hand->gradient[l]);
        free(hand->spikes[l]);
        free(hand->current[l]);
        free(hand->membrane[l]);
        free(hand->error[l]);
    }
    free(hand->logits);
    free(hand->logits_gradient);
    free(hand);
}

// The time step whose spikes of layer l - 1 layer l sees at t (both counted from 1).
static uint32_t seen_time(const struct by_hand *hand, uint32_t layer, uint32_t t)
{
    return layer == 1 ? t : t - hand->setup->network.layer_delay;
}

static void neuron_forward(struct by_hand *hand, uint32_t l, uint32_t t, uint32_t b, uint32_t n)
{
    const struct network_config *network = &hand->setup->network;
    uint32_t fan_in = hand->setup->neurons[l - 1];
    double gain = network->gain * (1.0 - network->alpha);
    double x = 0.0;
    for (uint32_t j = 0; j < fan_in; j++) {
        x += hand->weights[l][n * fan_in + j] *
             hand->spikes[l - 1][at(hand, l - 1, seen_time(hand, l, t), b, j)];
    }
    double before = hand->membrane[l][at(hand, l, t - 1, b, n)];
    double u;
    if (hand->is_current_based) {
        double i = network->beta * hand->current[l][at(hand, l, t - 1, b, n)] + x;
        hand->current[l][at(hand, l, t, b, n)] = i;
        u = network->alpha * before - (before > network->theta1 ? network->theta1 : 0.0) + gain * i;
    } else {
        u = network->alpha * (before > network->theta1 ? 0.0 : before) + gain * x;
    }
    hand->membrane[l][at(hand, l, t, b, n)] = u;
    hand->spikes[l][at(hand, l, t, b, n)] = u > network->theta1 ? 1.0 : 0.0;
}

static void by_hand_loss(struct by_hand *hand)
{
    uint32_t classes = hand->setup->network.outputs, batch = hand->batch->batch;
    for (uint32_t b = 0; b < batch; b++) {
        double sum = 0.0;
        for (uint32_t n = 0; n < classes; n++) {
            sum += exp(hand->logits[b * classes + n]);
        }
        for (uint32_t n = 0; n < classes; n++) {
            double share = exp(hand->logits[b * classes + n]) / sum;
            bool is_label = n == hand->batch->labels[b];
            hand->logits_gradient[b * classes + n] = (share - is_label) / batch;
            hand->loss -= is_label ? log(share) / batch : 0.0;
        }
    }
}

static void by_hand_forward(struct by_hand *hand)
{
    for (uint32_t t = 1; t <= hand->batch->time_steps; t++) {
        for (uint32_t l = 1; l <= LAYERS; l++) {
            for (uint32_t b = 0; b < hand->batch->batch; b++) {
                for (uint32_t n = 0; n < hand->setup->neurons[l]; n++) {
                    neuron_forward(hand, l, t, b, n);
                }
            }
        }
        for (uint32_t b = 0; b < hand->batch->batch; b++) {
            for (uint32_t n = 0; n < hand->setup->network.outputs; n++) {
                hand->logits[b * hand->setup->network.outputs + n] +=
                    hand->spikes[LAYERS][at(hand, LAYERS, t, b, n)];
            }
        }
    }
    by_hand_loss(hand);
}

static double surrogate(const struct by_hand *hand, double u)
{
    double y = hand->setup->network.surrogate_slope * fabs(u - hand->setup->network.theta1) + 1.0;
    return 1.0 / (y * y);
}

// dL/dspike of neuron n of layer l at t.
static double spike_adjoint(const struct by_hand *hand, uint32_t l, uint32_t t, uint32_t b,
                            uint32_t n)
{
    if (l == LAYERS) {
        return hand->logits_gradient[b * hand->setup->network.outputs + n];
    }
    uint32_t reader_time = t + hand->setup->network.layer_delay;
    double sum = 0.0;
    for (uint32_t i = 0; i < hand->setup->neurons[l + 1]; i++) { // error is zero past the last step
        sum += hand->weights[l + 1][i * hand->setup->neurons[l] + n] *
               hand->error[l + 1][at(hand, l + 1, reader_time, b, i)];
    }
    return sum;
}

// What du(t) passes on to u(t-1).
static double membrane_factor(const struct by_hand *hand, double before)
{
    const struct network_config *network = &hand->setup->network;
    double slope =
        network->reset_gradient == RESET_GRADIENT_SURROGATE ? surrogate(hand, before) : 0.0;
    if (hand->is_current_based) {
        return network->alpha - network->theta1 * slope;
    }
    bool is_visible = network->reset_gradient != RESET_GRADIENT_CONSTANT;
    double kept = is_visible && before > network->theta1 ? 0.0 : 1.0;
    return network->alpha * (kept - before * slope);
}

static void neuron_backward(struct by_hand *hand, uint32_t l, uint32_t b, uint32_t n)
{
    const struct network_config *network = &hand->setup->network;
    double gain = network->gain * (1.0 - network->alpha);
    double carried_u = 0.0, carried_i = 0.0;
    for (uint32_t t = hand->batch->time_steps; t >= 1; t--) {
        double u = hand->membrane[l][at(hand, l, t, b, n)];
        double du = carried_u + spike_adjoint(hand, l, t, b, n) * surrogate(hand, u);
        carried_u = du * membrane_factor(hand, hand->membrane[l][at(hand, l, t - 1, b, n)]);
        double error = gain * du + carried_i;
        carried_i = hand->is_current_based ? network->beta * error : 0.0;
        hand->error[l][at(hand, l, t, b, n)] = error;
        uint32_t fan_in = hand->setup->neurons[l - 1];
        for (uint32_t j = 0; j < fan_in; j++) {
            hand->gradient[l][n * fan_in + j] +=
                error * hand->spikes[l - 1][at(hand, l - 1, seen_time(hand, l, t), b, j)];
        }
    }
}

static void by_hand_backward(struct by_hand *hand)
{
    for (uint32_t l = LAYERS; l >= 1; l--) { // feed-forward: a layer's errors need only those above
        for (uint32_t b = 0; b < hand->batch->batch; b++) {
            for (uint32_t n = 0; n < hand->setup->neurons[l]; n++) {
                neuron_backward(hand, l, b, n);
            }
        }
    }
}

static void check_gradient(const struct by_hand *hand, const struct trainer *trainer,
                           uint32_t layer, double tolerance)
{
    size_t items = (size_t)hand->setup->neurons[layer] * hand->setup->neurons[layer - 1];
    float *found = xcalloc(items, sizeof(float));
    trainer_get_gradient(trainer, layer, found);
    double largest = 0.0;
    for (size_t i = 0; i < items; i++) {
        largest = fmax(largest, fabs(hand->gradient[layer][i]));
    }
    assert_true(largest > 0.0);
    for (size_t i = 0; i < items; i++) {
        if (!(fabs((double)found[i] - hand->gradient[layer][i]) <= tolerance * largest)) {
            fail_msg("gradient of layer %u, weight %zu: %.9g, not %.9g (largest %g)", layer, i,
                     (double)found[i], hand->gradient[layer][i], largest);
        }
    }
    free(found);
}

static void check_against_hand(struct setup *setup, double tolerance)
{
    setup->training.precision = PRECISION_FLOAT64;
    struct run run = run_create(setup);
    struct spike_batch batch = draw_batch(setup, 0.2, 0);
    double loss = trainer_step(run.trainer, &batch, false, run.record);
    struct by_hand *hand = by_hand_create(setup, &batch, run.trainer);
    by_hand_forward(hand);
    by_hand_backward(hand);
    for (uint32_t l = 1; l <= LAYERS; l++) {
        uint32_t spikes = 0;
        for (uint32_t row = 0; row < batch.time_steps * batch.batch; row++) {
            uint32_t wanted = 0;
            for (uint32_t n = 0; n < setup->neurons[l]; n++) {
                wanted += hand->spikes[l][at(hand, l, 1, row, n)] > 0.0;
            }
            assert_int_equal(run.record->layers[l].counts[row * 2], wanted);
            spikes += wanted;
        }
        assert_in_range(spikes, 1, batch.time_steps * batch.batch * setup->neurons[l] - 1);
        check_gradient(hand, run.trainer, l, tolerance);
    }
    assert_true(fabs(loss - hand->loss) < 1e-12 * (1.0 + hand->loss));
    by_hand_destroy(hand);
    free_batch(&batch);
    run_destroy(&run);
}

static void check_model(const struct neuron_model *model, enum reset_gradient reset_gradient)
{
    for (uint32_t delay = 0; delay < 2; delay++) {
        for (uint32_t form = 0; form < 2; form++) {
            struct setup setup;
            setup_init(&setup, tiny, 300, 7); // three blocks of time steps: 3 + 3 + 1
            setup.network.neuron = neuron_index(model);
            setup.network.reset_gradient = reset_gradient;
            setup.network.layer_delay = delay;
            setup.form = form ? FORM_DENSE : FORM_SPARSE;
            check_against_hand(&setup, 1e-6); // gradients come out as float32
        }
    }
}

static void lif_with_a_constant_reset_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_lif, RESET_GRADIENT_CONSTANT);
}

static void lif_with_a_masked_reset_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_lif, RESET_GRADIENT_MASKED);
}

static void lif_with_a_surrogate_reset_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_lif, RESET_GRADIENT_SURROGATE);
}

static void current_based_lif_is_bptt_by_hand(void **state)
{
    (void)state;
    check_model(&neuron_cuba_lif, RESET_GRADIENT_CONSTANT);
    check_model(&neuron_cuba_lif, RESET_GRADIENT_SURROGATE);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lif_with_a_constant_reset_is_bptt_by_hand),
        cmocka_unit_test(lif_with_a_masked_reset_is_bptt_by_hand),
        cmocka_unit_test(lif_with_a_surrogate_reset_is_bptt_by_hand),
        cmocka_unit_test(current_based_lif_is_bptt_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

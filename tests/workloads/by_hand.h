// Training steps by recurrences in double that know nothing of graphs: lif and leaky, a loss on
// spikes or on membranes. A test fills one from a trainer's parameters, runs it forward, then
// backward, and reads its gradients.
#ifndef TILESIM_TESTS_WORKLOADS_BY_HAND_H
#define TILESIM_TESTS_WORKLOADS_BY_HAND_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/workloads/small_run.h"

// Arrays over time are [time step + 2][sample][neuron]; index 0 of time is before the first time
// step, the last one after the last.
struct by_hand {
    const struct setup *setup;
    const struct spike_batch *batch;
    bool is_smooth;                                       // spikes are the surrogate's integral
    bool keeps_resets;                                    // those of the last forward pass
    double *weights[LAYERS + 1], *gradient[LAYERS + 1];   // [neuron][fan-in]
    double *bias[LAYERS + 1], *bias_gradient[LAYERS + 1]; // [neuron]
    double *spikes[LAYERS + 1], *membrane[LAYERS + 1], *reset[LAYERS + 1], *error[LAYERS + 1];
    double *logits, *logits_gradient; // [sample][class]
    double loss;
};

static inline size_t at(const struct by_hand *hand, uint32_t layer, uint32_t t, uint32_t b,
                        uint32_t n)
{
    return ((size_t)t * hand->setup->training.batch + b) * hand->setup->neurons[layer] + n;
}

static inline double *read_parameters(const struct trainer *trainer, uint32_t layer, size_t items,
                                      void (*get)(const struct trainer *, uint32_t, float *))
{
    float *floats = xcalloc(items, sizeof(float));
    double *doubles = xcalloc(items, sizeof(double));
    get(trainer, layer, floats);
    for (size_t i = 0; i < items; i++) {
        doubles[i] = (double)floats[i];
    }
    free(floats);
    return doubles;
}

static inline struct by_hand *by_hand_create(const struct setup *setup,
                                             const struct spike_batch *batch,
                                             const struct trainer *trainer)
{
    struct by_hand *hand = xcalloc(1, sizeof(*hand));
    *hand = (struct by_hand){.setup = setup, .batch = batch};
    for (uint32_t l = 0; l <= LAYERS; l++) {
        size_t items = (size_t)(batch->time_steps + 2) * batch->batch * setup->neurons[l];
        hand->spikes[l] = xcalloc(items, sizeof(double));
        hand->membrane[l] = xcalloc(items, sizeof(double));
        hand->reset[l] = xcalloc(items, sizeof(double));
        hand->error[l] = xcalloc(items, sizeof(double));
    }
    for (uint32_t l = 1; l <= LAYERS; l++) {
        uint32_t neurons = setup->neurons[l];
        size_t items = (size_t)neurons * setup->neurons[l - 1];
        hand->weights[l] = read_parameters(trainer, l, items, trainer_get_weights);
        hand->bias[l] = read_parameters(trainer, l, neurons, trainer_get_bias);
        hand->gradient[l] = xcalloc(items, sizeof(double));
        hand->bias_gradient[l] = xcalloc(neurons, sizeof(double));
    }
    hand->logits = xcalloc((size_t)batch->batch * setup->network.outputs, sizeof(double));
    hand->logits_gradient = xcalloc((size_t)batch->batch * setup->network.outputs, sizeof(double));
    for (uint32_t t = 1; t <= batch->time_steps; t++) {
        for (uint32_t i = 0; i < batch->batch * setup->neurons[0]; i++) {
            hand->spikes[0][at(hand, 0, t, 0, i)] = (double)batch->values[i];
        }
    }
    return hand;
}

static inline void by_hand_destroy(struct by_hand *hand)
{
    for (uint32_t l = 0; l <= LAYERS; l++) {
        free(hand->weights[l]);
        free(hand->gradient[l]);
        free(hand->bias[l]);
        free(hand->bias_gradient[l]);
        free(hand->spikes[l]);
        free(hand->membrane[l]);
        free(hand->reset[l]);
        free(hand->error[l]);
    }
    free(hand->logits);
    free(hand->logits_gradient);
    free(hand);
}

static inline bool is_leaky(const struct by_hand *hand)
{
    return hand->setup->network.neuron == neuron_index(&neuron_leaky);
}

// du/dx: leaky takes its input as it is.
static inline double input_scale(const struct by_hand *hand)
{
    const struct network_config *network = &hand->setup->network;
    return is_leaky(hand) ? 1.0 : network->gain * (1.0 - network->alpha);
}

static inline uint32_t seen_time(const struct by_hand *hand, uint32_t layer, uint32_t t)
{
    return layer == 1 ? t : t - hand->setup->network.layer_delay;
}

static inline double spike_of(const struct by_hand *hand, double u)
{
    double x = u - hand->setup->network.theta1;
    if (!hand->is_smooth) {
        return x > 0.0 ? 1.0 : 0.0;
    }
    return x / (1.0 + hand->setup->network.surrogate_slope * fabs(x)); // of the superspike
}

static inline double surrogate(const struct by_hand *hand, double u)
{
    const struct network_config *network = &hand->setup->network;
    double x = u - network->theta1;
    double k = network->surrogate_slope;
    switch (network->surrogate) {
    case SURROGATE_SUPERSPIKE:
        return 1.0 / ((1.0 + k * fabs(x)) * (1.0 + k * fabs(x)));
    case SURROGATE_TRIANGLE:
        return fmax(0.0, 1.0 - k * fabs(x));
    case SURROGATE_ARCTAN:
        return 1.0 / (1.0 + k * x * k * x);
    case SURROGATE_STRAIGHT_THROUGH:
        return 1.0;
    default: // SURROGATE_HEAVISIDE
        return x > 0.0;
    }
}

static inline void neuron_forward(struct by_hand *hand, uint32_t l, uint32_t t, uint32_t b,
                                  uint32_t n)
{
    const struct network_config *network = &hand->setup->network;
    uint32_t fan_in = hand->setup->neurons[l - 1];
    double x = hand->bias[l][n];
    for (uint32_t j = 0; j < fan_in; j++) {
        x += hand->weights[l][n * fan_in + j] *
             hand->spikes[l - 1][at(hand, l - 1, seen_time(hand, l, t), b, j)];
    }
    size_t here = at(hand, l, t, b, n);
    double before = hand->membrane[l][at(hand, l, t - 1, b, n)];
    if (!hand->keeps_resets) {
        hand->reset[l][here] = before > network->theta1 ? 1.0 : 0.0;
    }
    double r = hand->reset[l][here], theta = network->theta1, decay = network->alpha, u;
    if (!is_leaky(hand)) {
        u = decay * before * (1.0 - r);
    } else if (network->is_reset_inside_decay) {
        u = decay * (before - r * theta);
    } else {
        u = decay * before - r * theta;
    }
    u += input_scale(hand) * x;
    hand->membrane[l][here] = u;
    hand->spikes[l][here] = spike_of(hand, u);
}

static inline void by_hand_loss(struct by_hand *hand)
{
    uint32_t classes = hand->setup->network.outputs, batch = hand->batch->batch;
    hand->loss = 0.0;
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

static inline void by_hand_forward(struct by_hand *hand)
{
    uint32_t classes = hand->setup->network.outputs;
    bool is_on_membranes = hand->setup->network.loss == LOSS_ON_MEMBRANES;
    memset(hand->logits, 0, (size_t)hand->batch->batch * classes * sizeof(double));
    for (uint32_t t = 1; t <= hand->batch->time_steps; t++) {
        for (uint32_t l = 1; l <= LAYERS; l++) {
            for (uint32_t b = 0; b < hand->batch->batch; b++) {
                for (uint32_t n = 0; n < hand->setup->neurons[l]; n++) {
                    neuron_forward(hand, l, t, b, n);
                }
            }
        }
        const double *record = is_on_membranes ? hand->membrane[LAYERS] : hand->spikes[LAYERS];
        for (uint32_t i = 0; i < hand->batch->batch * classes; i++) {
            hand->logits[i] += record[at(hand, LAYERS, t, 0, i)];
        }
    }
    by_hand_loss(hand);
}

// What the spike, and the loss directly, give to du of neuron n of layer l at t.
static inline double arriving(const struct by_hand *hand, uint32_t l, uint32_t t, uint32_t b,
                              uint32_t n)
{
    double slope = surrogate(hand, hand->membrane[l][at(hand, l, t, b, n)]);
    if (l == LAYERS) {
        double g = hand->logits_gradient[b * hand->setup->network.outputs + n];
        return hand->setup->network.loss == LOSS_ON_MEMBRANES ? g : g * slope;
    }
    uint32_t reader_time = t + hand->setup->network.layer_delay;
    double sum = 0.0;
    for (uint32_t i = 0; i < hand->setup->neurons[l + 1]; i++) { // error is zero past the last step
        sum += hand->weights[l + 1][i * hand->setup->neurons[l] + n] *
               hand->error[l + 1][at(hand, l + 1, reader_time, b, i)];
    }
    return sum * slope;
}

// du(t) / du(t-1). A reset to zero hides the membrane before it, if gradients are to see that.
static inline double membrane_factor(const struct by_hand *hand, uint32_t l, uint32_t t, uint32_t b,
                                     uint32_t n)
{
    const struct network_config *network = &hand->setup->network;
    bool is_masked = !is_leaky(hand) && network->reset_gradient == RESET_GRADIENT_MASKED;
    return network->alpha * (is_masked ? 1.0 - hand->reset[l][at(hand, l, t, b, n)] : 1.0);
}

static inline void neuron_backward(struct by_hand *hand, uint32_t l, uint32_t b, uint32_t n)
{
    uint32_t fan_in = hand->setup->neurons[l - 1];
    double du = 0.0;
    for (uint32_t t = hand->batch->time_steps; t >= 1; t--) {
        du = arriving(hand, l, t, b, n) + membrane_factor(hand, l, t + 1, b, n) * du;
        double error = input_scale(hand) * du;
        hand->error[l][at(hand, l, t, b, n)] = error;
        hand->bias_gradient[l][n] += error;
        for (uint32_t j = 0; j < fan_in; j++) {
            hand->gradient[l][n * fan_in + j] +=
                error * hand->spikes[l - 1][at(hand, l - 1, seen_time(hand, l, t), b, j)];
        }
    }
}

static inline void by_hand_backward(struct by_hand *hand)
{
    for (uint32_t l = LAYERS; l >= 1; l--) {
        for (uint32_t b = 0; b < hand->batch->batch; b++) {
            for (uint32_t n = 0; n < hand->setup->neurons[l]; n++) {
                neuron_backward(hand, l, b, n);
            }
        }
    }
}

#endif

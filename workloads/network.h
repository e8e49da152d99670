// What a user may say of a network, its data and its training. Plain data, immutable after load.
// The tables of keys (units, ranges, defaults) are in sim/experiment.c.
#ifndef TILESIM_WORKLOADS_NETWORK_H
#define TILESIM_WORKLOADS_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "workloads/checkpoint/plan.h"

enum network_form { FORM_SPARSE, FORM_DENSE };
enum reset_kind {
    RESET_ZERO,
    RESET_SUBTRACT,
    RESET_NONE,
    RESET_BY_MODEL, // the neuron model's own (struct neuron_model): the default
};
enum reset_gradient {
    RESET_GRADIENT_CONSTANT, // the reset is invisible to the gradient: du(t)/du(t-1) = decay everywhere
    RESET_GRADIENT_MASKED, // a zero reset cuts the gradient where it fired; the mask itself is constant
    RESET_GRADIENT_SURROGATE, // the mask is differentiated with the surrogate as well
};
enum surrogate_kind {
    SURROGATE_SUPERSPIKE,       // 1 / (slope |x| + 1)^2; called "fast sigmoid" elsewhere
    SURROGATE_TRIANGLE,         // max(0, 1 - slope |x|)
    SURROGATE_ARCTAN,           // 1 / (1 + (slope x)^2)
    SURROGATE_STRAIGHT_THROUGH, // 1
    SURROGATE_HEAVISIDE,        // 1 where x > 0, else 0: the spike itself
};
enum overflow_rule {
    OVERFLOW_DROP_HIGHEST, // lowest ids win, as in the published program
    OVERFLOW_DROP_RANDOM,  // the scan starts at a random neuron, wrapping around
};
enum input_kind {
    INPUT_SPIKES,
    INPUT_ANALOG, // a real number per input, the same at every time step
};
enum loss_kind {       // softmax cross-entropy on, per output neuron,
    LOSS_ON_SPIKES,    // its spikes, counted over the time steps
    LOSS_ON_MEMBRANES, // its membrane, summed over the time steps
};
enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM };
enum learning_rate_schedule {
    SCHEDULE_CONSTANT,
    SCHEDULE_COSINE, // rate (1 + cos(pi s / steps)) / 2 at step s = 0, 1, ...
};
enum training_mode { MODE_FUNCTIONAL, MODE_DRAWN };
enum precision { PRECISION_FLOAT32, PRECISION_FLOAT64, PRECISION_FLOAT16 }; // docs/numerics.md

struct network_config {
    char *name; // owned; NULL: none
    uint32_t inputs;
    uint32_t hidden_count;
    uint32_t *hidden;               // owned
    uint32_t hidden_layers;         // = hidden_count; what `hidden: fill` makes
    uint32_t fill_neurons_per_tile; // and how wide
    uint32_t outputs;
    uint32_t layer_count;  // with the input: hidden_count + 2
    uint32_t *neurons;     // owned; per layer, input first (derived)
    uint32_t *slots;       // owned; per layer, input first (given, or derived from max_activity)
    uint32_t slots_count;  // layer_count
    double max_activity;   // the cap that slots were derived from; NaN: slots were given
    uint32_t input_slots;  // slots[0]
    enum input_kind input; // analog: every input is sent, so slots[0] = inputs
    bool has_bias;         // one per neuron of every layer after the input, added to W s
    enum loss_kind loss;   // training.loss: it is part of the graph
    uint32_t neuron;       // index in neuron_models (workloads/neurons/neuron.h)
    double alpha;          // membrane decay per time step
    double beta;           // synaptic current decay per time step (current-based models)
    double theta1;         // firing threshold
    double theta2;         // second threshold: listed if theta2 < u <= theta1 and slots are left
    double theta2_out;     // the output layer's
    double gain;           // input is scaled by gain * (1 - alpha)
    enum reset_kind reset;
    bool is_reset_inside_decay; // alpha * (u - reset) instead of alpha * u - reset
    enum reset_gradient reset_gradient;
    enum surrogate_kind surrogate;
    double surrogate_slope;
    enum overflow_rule overflow;
    uint32_t layer_delay; // 0 or 1 time step between layers
    double weight_mul;    // weights uniform in +-weight_mul * sqrt(6 / fan_in) + weight_shift
    double weight_shift;
    double bias_mul; // biases uniform in +-bias_mul / sqrt(fan_in)
};

struct data_config {
    uint32_t source;         // index in data_sources (workloads/data/data.h)
    struct mark source_mark; // where the file says so, for errors about missing files
    char *directory;         // owned; of data files; NULL: the source's default
    uint32_t encoding;       // enum data_encoding
    double latency_tau;      // latency coding: see workloads/data/encode.h
    double pixel_threshold;  // latency coding: darker pixels do not spike (0..1)
    double rate_max;         // rate coding: spikes per time step of a white pixel (0..1)
    double rate;             // uniform source: spikes per neuron and time step (0..1)
    uint32_t manifold_dimension, manifold_spikes, manifold_samples_per_class; // randman
    double manifold_alpha;
};

struct training_config {
    enum training_mode mode;
    uint32_t steps;
    uint32_t batch;
    uint32_t time_steps;
    enum loss_kind loss;
    enum optimizer_kind optimizer;
    enum learning_rate_schedule learning_rate_schedule;
    double learning_rate, adam_beta1, adam_beta2, adam_epsilon;
    enum precision precision;
    uint32_t test_samples; // 0: no accuracy; more than there are: all
    bool both_forms;       // train sparse and dense, whatever the machines need
    struct checkpoint_config checkpoints;
};

#endif

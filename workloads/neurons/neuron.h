// Neuron models: each one file of equations over graph ops. The backward pass is derived from them.
// To add one: docs/add-a-neuron.md.
#ifndef TILESIM_WORKLOADS_NEURONS_NEURON_H
#define TILESIM_WORKLOADS_NEURONS_NEURON_H

#include "workloads/graph/graph.h"

#define NEURON_STATES_MAX 4

struct neuron_step {
    const struct network_config *config;
    uint32_t current;                      // in: weighted input and bias, [batch, neurons]
    uint32_t state_in[NEURON_STATES_MAX];  // in: states at the end of the previous time step
    uint32_t state_out[NEURON_STATES_MAX]; // out: states at the end of this one
    uint32_t membrane;                     // out: the tensor that is compared with the threshold
};

struct neuron_model {
    const char *name;
    const char *description; // one line
    uint32_t state_count;
    const char *state_names[NEURON_STATES_MAX];
    enum reset_kind reset; // where the configuration leaves it to the model
    void (*equations)(struct graph *graph, struct neuron_step *step);
};

// The one list of models: X(name) declares neuron_<name>, defined in workloads/neurons/<name>.c.
#define NEURONS(X) \
    X(lif)         \
    X(cuba_lif)    \
    X(leaky)

#define X(name) extern const struct neuron_model neuron_##name;
NEURONS(X)
#undef X

extern const struct neuron_model *const neuron_models[]; // ends with NULL

// Shared by models: the membrane after the reset that the configuration asks for, decayed by
// `decay`: decay * u - reset, or decay * (u - reset); see enum reset_kind and enum reset_gradient.
uint32_t neuron_decay_and_reset(struct graph *graph, const struct network_config *config,
                                uint32_t membrane_in, double decay);

// Index in neuron_models, or UINT32_MAX.
uint32_t neuron_find(const char *name);

#endif

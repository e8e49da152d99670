// Leaky integrate-and-fire with the reset by subtraction: "Leaky" of snnTorch. The input is not
// scaled.
//
//   u(t) = alpha * u(t-1) - theta1 * [u(t-1) > theta1] + x(t)      reset_inside_decay: false
//   u(t) = alpha * (u(t-1) - theta1 * [u(t-1) > theta1]) + x(t)    reset_inside_decay: true
//   spike where u(t) > theta1
//
// snnTorch, whose beta is alpha here, decays the reset where the caller keeps the state (true) and
// does not where the layer keeps it (init_hidden; false): github.com/vinniesun/snntorch-ipu
// @8910d45.
//
// symbol   config key       default   meaning
// alpha    network.alpha    0.95      membrane decay per time step
// theta1   network.theta1   1.0       firing threshold
#include "workloads/neurons/neuron.h"

static void leaky_equations(struct graph *graph, struct neuron_step *step)
{
    const struct network_config *config = step->config;
    uint32_t decayed = neuron_decay_and_reset(graph, config, step->state_in[0], config->alpha);
    step->membrane = step->state_out[0] = graph_binary(graph, OP_add, decayed, step->current);
}

const struct neuron_model neuron_leaky = {
    .name = "leaky",
    .description = "leaky integrate-and-fire, reset by subtraction, input not scaled (snnTorch)",
    .state_count = 1,
    .state_names = {"u"},
    .reset = RESET_SUBTRACT,
    .equations = leaky_equations,
};

// Leaky integrate-and-fire, as published for sparse BPTT on the IPU (arXiv 2311.04386).
//
//   u(t) = alpha * u(t-1) * [u(t-1) <= theta1] + gain * (1 - alpha) * x(t)
//   spike where u(t) > theta1
//
// symbol   config key       default   meaning
// alpha    network.alpha    0.95      membrane decay per time step
// theta1   network.theta1   1.0       firing threshold
// gain     network.gain     10        scale of the input, hard-coded as 10 in the published op
#include "workloads/neurons/neuron.h"

static void lif_equations(struct graph *graph, struct neuron_step *step)
{
    const struct network_config *config = step->config;
    uint32_t decayed = neuron_decay_and_reset(graph, config, step->state_in[0], config->alpha);
    uint32_t drive =
        graph_unary(graph, OP_scale, step->current, config->gain * (1.0 - config->alpha));
    step->membrane = step->state_out[0] = graph_binary(graph, OP_add, decayed, drive);
}

const struct neuron_model neuron_lif = {
    .name = "lif",
    .description = "leaky integrate-and-fire, hard reset to zero (as published)",
    .state_count = 1,
    .state_names = {"u"},
    .reset = RESET_ZERO,
    .equations = lif_equations,
};

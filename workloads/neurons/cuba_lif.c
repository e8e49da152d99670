// Current-based leaky integrate-and-fire: the input passes a synaptic current first. The reset
// subtracts the threshold. This is "Synaptic" of snnTorch up to the scale of the input.
//
//   i(t) = beta * i(t-1) + x(t)
//   u(t) = alpha * u(t-1) - theta1 * [u(t-1) > theta1] + gain * (1 - alpha) * i(t)
//   spike where u(t) > theta1
//
// symbol   config key       default   meaning
// beta     network.beta     0.9       synaptic decay per time step
// alpha    network.alpha    0.95      membrane decay per time step
// theta1   network.theta1   1.0       firing threshold
// gain     network.gain     10        scale of the current
#include "workloads/neurons/neuron.h"

static void cuba_lif_equations(struct graph *graph, struct neuron_step *step)
{
    const struct network_config *config = step->config;
    uint32_t current_decayed = graph_unary(graph, OP_scale, step->state_in[0], config->beta);
    uint32_t current = graph_binary(graph, OP_add, current_decayed, step->current);
    uint32_t decayed = neuron_decay_and_reset(graph, config, step->state_in[1], config->alpha);
    uint32_t drive = graph_unary(graph, OP_scale, current, config->gain * (1.0 - config->alpha));
    step->state_out[0] = current;
    step->membrane = step->state_out[1] = graph_binary(graph, OP_add, decayed, drive);
}

const struct neuron_model neuron_cuba_lif = {
    .name = "cuba_lif",
    .description = "current-based leaky integrate-and-fire, reset by subtraction",
    .state_count = 2,
    .state_names = {"i", "u"},
    .reset = RESET_SUBTRACT,
    .equations = cuba_lif_equations,
};

#include "workloads/neurons/neuron.h"

#include <stddef.h>
#include <string.h>

const struct neuron_model *const neuron_models[] = {
#define X(name) &neuron_##name,
    NEURONS(X)
#undef X
        NULL,
};

uint32_t neuron_find(const char *name)
{
    for (uint32_t i = 0; neuron_models[i]; i++) {
        if (strcmp(neuron_models[i]->name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static uint32_t compare(struct graph *graph, const struct network_config *config, enum op_kind kind,
                        uint32_t membrane)
{
    struct op op = {.kind = kind,
                    .inputs = {membrane},
                    .constant = config->theta1,
                    .has_surrogate = config->reset_gradient == RESET_GRADIENT_SURROGATE};
    return graph_add_op(graph, NULL, &op);
}

// u where it did not fire, 0 where it did; then the decay.
static uint32_t reset_to_zero(struct graph *graph, const struct network_config *config,
                              uint32_t membrane, double decay)
{
    uint32_t keep = compare(graph, config, OP_less_equal, membrane);
    uint32_t kept = graph_binary(graph, OP_multiply, membrane, keep);
    if (config->reset_gradient == RESET_GRADIENT_CONSTANT) {
        kept = graph_binary(graph, OP_straight_through, kept, membrane);
    }
    return graph_unary(graph, OP_scale, kept, decay);
}

// u less theta1 where it fired, before or after the decay.
static uint32_t reset_by_subtraction(struct graph *graph, const struct network_config *config,
                                     uint32_t membrane, double decay)
{
    uint32_t fired = compare(graph, config, OP_greater, membrane);
    uint32_t amount = graph_unary(graph, OP_scale, fired, config->theta1);
    if (config->is_reset_inside_decay) {
        return graph_unary(graph, OP_scale, graph_binary(graph, OP_subtract, membrane, amount),
                           decay);
    }
    return graph_binary(graph, OP_subtract, graph_unary(graph, OP_scale, membrane, decay), amount);
}

uint32_t neuron_decay_and_reset(struct graph *graph, const struct network_config *config,
                                uint32_t membrane_in, double decay)
{
    enum reset_kind reset =
        config->reset == RESET_BY_MODEL ? neuron_models[config->neuron]->reset : config->reset;
    switch (reset) {
    case RESET_ZERO:
        return reset_to_zero(graph, config, membrane_in, decay);
    case RESET_SUBTRACT:
        return reset_by_subtraction(graph, config, membrane_in, decay);
    default:
        return graph_unary(graph, OP_scale, membrane_in, decay);
    }
}

// What layer 1 does with an analog input, and the biases of all layers. Neuron tiles hold the input
// of the whole batch, and multiply it with the weights of their own neurons on the matrix unit.
#include "sim/units.h"
#include "workloads/lower/lower_tiles_sparse.h"

static struct item_range neurons_of(const struct sparse_lowering *lowering, uint32_t l)
{
    return whole_range(placement_neurons(sparse_layer(lowering, l)));
}

void sparse_add_analog_product(struct sparse_lowering *lowering)
{
    const struct layer_place *layer = sparse_layer(lowering, 1);
    emit_each(lowering->program, CODELET_matmul_partial, neurons_of(lowering, 1),
              (struct vertex_sizes){lowering->batch, layer->fan_in, layer->neurons_per_tile,
                                    EXCHANGE_WORD_BYTES},
              1);
}

void sparse_add_analog_weight_gradient(struct sparse_lowering *lowering)
{
    const struct layer_place *layer = sparse_layer(lowering, 1);
    emit_each(lowering->program, CODELET_matmul_partial, neurons_of(lowering, 1),
              (struct vertex_sizes){layer->fan_in, lowering->batch, layer->neurons_per_tile,
                                    EXCHANGE_WORD_BYTES},
              1);
}

void sparse_add_bias_gradient(struct sparse_lowering *lowering, uint32_t l)
{
    emit_reduction(lowering->program,
                   &(struct reduction){.items = neurons_of(lowering, l),
                                       .partials = lowering->batch + 1, // and the sum so far
                                       .outputs = sparse_layer(lowering, l)->neurons_per_tile,
                                       .contexts = lowering->contexts},
                   l);
}

void sparse_emit_analog_input(struct sparse_lowering *lowering)
{
    if (!lowering->is_analog) {
        return;
    }
    struct spread values = sparse_values(lowering);
    lowering->first_layer = lowering->last_layer = 1;
    sparse_exchange(lowering, ROW_A1, "A1 input to neurons");
    emit_broadcast(lowering->program, whole_range(values.map), values.words,
                   neurons_of(lowering, 1));
    if (lowering->is_hoisted) {
        sparse_compute(lowering, ROW_A2, "A2 static product");
        sparse_add_analog_product(lowering);
    }
}

void sparse_emit_analog_gradient(struct sparse_lowering *lowering)
{
    if (!lowering->is_hoisted) {
        return;
    }
    lowering->first_layer = lowering->last_layer = 1;
    sparse_compute(lowering, ROW_A3, "A3 static weight gradient");
    sparse_add_analog_weight_gradient(lowering);
    if (sparse_has_bias(lowering, 1)) {
        sparse_compute(lowering, ROW_A3, "A3 bias gradient");
        sparse_add_bias_gradient(lowering, 1);
    }
}

// Rows D2..D6 and E2..E6 of docs/schedule.md. Convention: emit_<row> opens the row's exchange or
// compute set and adds groups or flows for the layers from first_layer to last_layer.
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

static struct item_range spikes_below(const struct dense_lowering *lowering, uint32_t l)
{
    return l == 1 ? dense_samples(lowering) : dense_neurons(&lowering->layers[l - 1]);
}

// A product of the schedule: its split and the tiles it runs on.
struct placed_split {
    const struct matmul_split *split;
    struct item_range tiles;
};

static struct placed_split forward_of(const struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    return (struct placed_split){&layer->forward, dense_neurons(layer)};
}

static struct placed_split weight_gradient_of(const struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    return (struct placed_split){&layer->weight_gradient,
                                 dense_product(layer, &layer->weight_gradient)};
}

static struct placed_split input_gradient_of(const struct dense_lowering *lowering, uint32_t l)
{
    return (struct placed_split){&lowering->layers[l].input_gradient,
                                 dense_input_gradient(lowering, l)};
}

// Operand A: a block for every (m, k), to all tiles that hold parts of the out dimension.
static void send_a(struct dense_lowering *lowering, struct placed_split product,
                   struct item_range source)
{
    const struct matmul_split *split = product.split;
    dense_send_operand(lowering,
                       &(struct dense_operand){.source = source,
                                               .product = product.tiles,
                                               .parts = split->parts_m * split->parts_k,
                                               .copies = split->parts_n,
                                               .block_bytes = (uint64_t)split->rows * split->in *
                                                              lowering->element_bytes});
}

// Operand B: a block for every (k, n), to all tiles that hold parts of the rows.
static void send_b(struct dense_lowering *lowering, struct placed_split product,
                   struct item_range source)
{
    const struct matmul_split *split = product.split;
    dense_send_operand(lowering,
                       &(struct dense_operand){.source = source,
                                               .product = product.tiles,
                                               .parts = split->parts_k * split->parts_n,
                                               .copies = split->parts_m,
                                               .block_bytes = (uint64_t)split->in * split->out *
                                                              lowering->element_bytes});
}

static void add_product(struct dense_lowering *lowering, struct placed_split product, uint32_t l)
{
    const struct matmul_split *split = product.split;
    emit_each(lowering->program, CODELET_matmul_partial, product.tiles,
              (struct vertex_sizes){split->rows, split->in, split->out, lowering->element_bytes},
              l);
}

// --- partial sums over k ------------------------------------------------------------------------
static struct placed_split summed_of(const struct dense_lowering *lowering, uint32_t l,
                                     bool is_forward)
{
    return is_forward ? forward_of(lowering, l) : input_gradient_of(lowering, l);
}

// The exchange and the compute set that add up partial sums, if any layer has them.
static void emit_sums(struct dense_lowering *lowering, bool is_forward)
{
    enum dense_row row = is_forward ? DENSE_D4 : DENSE_E6;
    bool is_needed = false;
    uint32_t first =
        is_forward ? lowering->first_layer : (uint32_t)max_u64(lowering->first_layer, 2);
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        is_needed = is_needed || summed_of(lowering, l, is_forward).split->parts_k > 1;
    }
    if (!is_needed) {
        return;
    }
    dense_exchange(lowering, row, is_forward ? "D4 partial sums" : "E6 partial sums");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        struct placed_split product = summed_of(lowering, l, is_forward);
        dense_send_partials(lowering, product.tiles, product.split);
    }
    dense_compute(lowering, row, is_forward ? "D4 add up" : "E6 add up");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        struct placed_split product = summed_of(lowering, l, is_forward);
        if (product.split->parts_k > 1) {
            emit_reduction(lowering->program,
                           &(struct reduction){.items = product.tiles,
                                               .partials = product.split->parts_k,
                                               .outputs = matmul_split_outputs(product.split),
                                               .contexts = lowering->contexts},
                           l);
        }
    }
}

static void emit_elementwise(struct dense_lowering *lowering, enum op_phase phase)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        struct elementwise_slots slots = tiles_fused_slots(lowering->graph, phase, l);
        emit_each(
            lowering->program, CODELET_fused_elementwise, dense_neurons(layer),
            (struct vertex_sizes){layer->elements, slots.loads, slots.stores, slots.arithmetic}, l);
    }
}

// --- forward ------------------------------------------------------------------------------------
static void emit_d2_d3(struct dense_lowering *lowering)
{
    dense_exchange(lowering, DENSE_D2, "D2 spikes to products");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        send_a(lowering, forward_of(lowering, l), spikes_below(lowering, l));
    }
    dense_compute(lowering, DENSE_D3, "D3 products");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_product(lowering, forward_of(lowering, l), l);
    }
}

// Slices of all tensors that are kept, one vertex each, in one compute set: the tensors lie where
// they are written, and a program of one's own needs no set per tensor. The spikes of the output
// layer are not read again.
static void add_history_slices(struct dense_lowering *lowering, uint32_t l, uint32_t float_slices)
{
    const struct dense_layer *layer = &lowering->layers[l];
    for (uint32_t i = 0; i < float_slices; i++) {
        emit_each(lowering->program, CODELET_slice, dense_neurons(layer),
                  (struct vertex_sizes){layer->elements, 1, 0, 0}, l);
    }
    if (l < lowering->layer_count) {
        emit_each(lowering->program, CODELET_slice, dense_neurons(layer),
                  (struct vertex_sizes){dense_words(lowering, layer->elements), 1, 0, 0}, l);
    }
}

void dense_emit_forward_rows(struct dense_lowering *lowering)
{
    emit_d2_d3(lowering);
    emit_sums(lowering, true);
    dense_compute(lowering, DENSE_D5, "D5 neuron update");
    emit_elementwise(lowering, OP_FORWARD);
    dense_compute(lowering, DENSE_D6, "D6 save history");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_history_slices(lowering, l, tiles_count_saved(lowering->graph, l));
    }
}

// --- backward -----------------------------------------------------------------------------------
void dense_emit_backward_load(struct dense_lowering *lowering)
{
    dense_compute(lowering, DENSE_E1, "E1 load history");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        uint32_t slices = 0;
        for (uint32_t i = 0; i < tiles_count_saved(lowering->graph, l); i++) {
            slices +=
                tiles_count_slices(lowering->graph, tiles_saved_tensor(lowering->graph, l, i));
        }
        add_history_slices(lowering, l, slices);
    }
}

// The gradient of the logits lies with the output neurons since the loss.
static void emit_e2(struct dense_lowering *lowering)
{
    uint32_t last = (uint32_t)min_u64(lowering->last_layer, lowering->layer_count - 1);
    if (lowering->first_layer > last) {
        return;
    }
    dense_exchange(lowering, DENSE_E2, "E2 spike gradients to neurons");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, dense_input_gradient(lowering, l + 1),
                  dense_elsewhere(dense_neurons(&lowering->layers[l])),
                  (uint64_t)lowering->batch * lowering->layers[l].neurons * EXCHANGE_WORD_BYTES);
    }
}

static void emit_e4_e5(struct dense_lowering *lowering)
{
    dense_exchange(lowering, DENSE_E4, "E4 spikes and errors to products");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        struct item_range errors = dense_neurons(&lowering->layers[l]);
        send_a(lowering, weight_gradient_of(lowering, l), spikes_below(lowering, l));
        send_b(lowering, weight_gradient_of(lowering, l), errors);
        if (l > 1) {
            send_a(lowering, input_gradient_of(lowering, l), errors);
        }
    }
    dense_compute(lowering, DENSE_E5, "E5 products");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_product(lowering, weight_gradient_of(lowering, l), l);
        if (l > 1) {
            add_product(lowering, input_gradient_of(lowering, l), l);
        }
    }
}

void dense_emit_backward_rows(struct dense_lowering *lowering)
{
    emit_e2(lowering);
    dense_compute(lowering, DENSE_E3, "E3 adjoints");
    emit_elementwise(lowering, OP_BACKWARD);
    emit_e4_e5(lowering);
    emit_sums(lowering, false);
}

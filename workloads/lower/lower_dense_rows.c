// Rows D2..D6, E2..E6 and H1..H5 of docs/schedule.md. Convention: emit_<row> opens the row's
// exchange or compute set and adds groups or flows for the layers from first_layer to last_layer.
#include "workloads/lower/lower_checkpoint_state.h"
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

// What layer l multiplies with its weights: spikes, or the analog input.
static struct dense_place input_of(const struct dense_lowering *lowering, uint32_t l)
{
    if (l > 1) {
        return dense_neurons(&lowering->layers[l - 1]);
    }
    struct spread values = dense_values(lowering);
    return lowering->is_analog ? dense_spread(lowering, &values) : dense_samples(lowering, 1);
}

// A product of the schedule: its split and the tiles it runs on.
struct placed_split {
    const struct matmul_split *split;
    struct dense_place tiles;
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

// What a product reads: of the layer's own chips, or of all chips that have it.
struct operand_source {
    struct dense_place tiles;
    bool is_on_chip;
};

static struct operand_source input_source(const struct dense_lowering *lowering, uint32_t l)
{
    return (struct operand_source){input_of(lowering, l), l == 1};
}

static struct operand_source error_source(const struct dense_lowering *lowering, uint32_t l)
{
    return (struct operand_source){dense_neurons(&lowering->layers[l]), true};
}

// Operand A: a block for every (m, k), to all tiles that hold parts of the out dimension.
static void send_a(struct dense_lowering *lowering, struct placed_split product,
                   struct operand_source source)
{
    const struct matmul_split *split = product.split;
    dense_send_operand(lowering,
                       &(struct dense_operand){.source = source.tiles,
                                               .product = product.tiles,
                                               .is_on_chip = source.is_on_chip,
                                               .parts = split->parts_m * split->parts_k,
                                               .copies = split->parts_n,
                                               .block_bytes = (uint64_t)split->rows * split->in *
                                                              lowering->element_bytes});
}

// Operand B: a block for every (k, n), to all tiles that hold parts of the rows.
static void send_b(struct dense_lowering *lowering, struct placed_split product,
                   struct operand_source source)
{
    const struct matmul_split *split = product.split;
    dense_send_operand(lowering,
                       &(struct dense_operand){.source = source.tiles,
                                               .product = product.tiles,
                                               .is_on_chip = source.is_on_chip,
                                               .parts = split->parts_k * split->parts_n,
                                               .copies = split->parts_m,
                                               .block_bytes = (uint64_t)split->in * split->out *
                                                              lowering->element_bytes});
}

static void add_product(struct dense_lowering *lowering, struct placed_split product, uint32_t l)
{
    const struct matmul_split *split = product.split;
    dense_each(lowering, CODELET_matmul_partial, product.tiles,
               (struct vertex_sizes){split->rows, split->in, split->out, lowering->element_bytes},
               l);
}

// --- rows of products ---------------------------------------------------------------------------
// Products of some layers in one exchange and one compute set, and what adds up their parts over k.
struct product_rows {
    enum dense_row move, multiply, add_up;
    const char *move_name, *multiply_name, *partials_name, *add_up_name;
    uint32_t first, last; // layers; none if first > last
};

// The exchange and the compute set that add up partial sums, if any layer has them.
static void emit_sums(struct dense_lowering *lowering, const struct product_rows *rows,
                      struct placed_split (*product_of)(const struct dense_lowering *, uint32_t))
{
    bool is_needed = false;
    for (uint32_t l = rows->first; l <= rows->last; l++) {
        is_needed = is_needed || product_of(lowering, l).split->parts_k > 1;
    }
    if (!is_needed) {
        return;
    }
    dense_exchange(lowering, rows->add_up, rows->partials_name);
    for (uint32_t l = rows->first; l <= rows->last; l++) {
        struct placed_split product = product_of(lowering, l);
        dense_send_partials(lowering, product.tiles, product.split);
    }
    dense_compute(lowering, rows->add_up, rows->add_up_name);
    for (uint32_t l = rows->first; l <= rows->last; l++) {
        struct placed_split product = product_of(lowering, l);
        if (product.split->parts_k > 1) {
            dense_reduce(lowering, product.tiles, product.split->parts_k,
                         matmul_split_outputs(product.split), l);
        }
    }
}

static void emit_forward_products(struct dense_lowering *lowering, const struct product_rows *rows)
{
    if (rows->first > rows->last) {
        return;
    }
    dense_exchange(lowering, rows->move, rows->move_name);
    for (uint32_t l = rows->first; l <= rows->last; l++) {
        send_a(lowering, forward_of(lowering, l), input_source(lowering, l));
    }
    dense_compute(lowering, rows->multiply, rows->multiply_name);
    for (uint32_t l = rows->first; l <= rows->last; l++) {
        add_product(lowering, forward_of(lowering, l), l);
    }
    emit_sums(lowering, rows, forward_of);
}

// Of the layers whose rows are being emitted, the first with products in the loops.
static uint32_t first_product(const struct dense_lowering *lowering)
{
    return lowering->first_layer + dense_is_hoisted(lowering, lowering->first_layer);
}

// The errors of a hoisted layer are summed over time.
static void emit_elementwise(struct dense_lowering *lowering, enum op_phase phase)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        struct elementwise_slots slots = tiles_fused_slots(lowering->graph, phase, l);
        bool sums_errors = phase == OP_BACKWARD && dense_is_hoisted(lowering, l);
        // what runs again leaves the output's sum over time alone
        bool sums_outputs = lowering->pass.is_first_run || l < lowering->layer_count;
        bool leaves_sum = phase == OP_FORWARD && !sums_outputs;
        uint32_t added = sums_errors;
        if (phase == OP_BACKWARD && l < lowering->layer_count) {
            added += lowering->layers[l + 1].chips - 1; // spike gradients come from each of them
        }
        slots.loads += added;
        slots.loads -= leaves_sum;
        slots.stores -= leaves_sum;
        slots.arithmetic += added;
        slots.arithmetic -= leaves_sum;
        dense_each(
            lowering, CODELET_fused_elementwise, dense_neurons(layer),
            (struct vertex_sizes){layer->elements, slots.loads, slots.stores, slots.arithmetic}, l);
    }
}

// --- forward ------------------------------------------------------------------------------------
void dense_emit_static_product(struct dense_lowering *lowering)
{
    if (!lowering->is_hoisted) {
        return;
    }
    lowering->first_layer = lowering->last_layer = 1;
    emit_forward_products(lowering, &(struct product_rows){.move = DENSE_H1,
                                                           .multiply = DENSE_H2,
                                                           .add_up = DENSE_H3,
                                                           .move_name = "H1 input to products",
                                                           .multiply_name = "H2 static product",
                                                           .partials_name = "H3 partial sums",
                                                           .add_up_name = "H3 add up",
                                                           .first = 1,
                                                           .last = 1});
}

// Slices of all tensors that are kept, one vertex each, in one compute set: the tensors lie where
// they are written, and a program of one's own needs no set per tensor.
static void add_float_slices(struct dense_lowering *lowering, uint32_t l, uint32_t count)
{
    const struct dense_layer *layer = &lowering->layers[l];
    for (uint32_t i = 0; i < count; i++) {
        dense_each(lowering, CODELET_slice, dense_neurons(layer),
                   (struct vertex_sizes){layer->elements, 1, 0, 0}, l);
    }
}

static void add_spike_slice(struct dense_lowering *lowering, uint32_t l, bool is_saved)
{
    const struct dense_layer *layer = &lowering->layers[l];
    if (!dense_packs_spikes(lowering, l)) {
        dense_each(lowering, CODELET_slice, dense_neurons(layer),
                   (struct vertex_sizes){dense_words(lowering, layer->elements), 1, 0, 0}, l);
        return;
    }
    for (uint32_t chip = 0; chip < layer->chips; chip++) {
        stored_add_packing(lowering->program, dense_on_chip(lowering, dense_neurons(layer), chip),
                           layer->elements, is_saved, l);
    }
}

// The output's spikes go to the host; when they run again they went already.
static bool saves_spikes(const struct dense_lowering *lowering, uint32_t l)
{
    bool is_wanted =
        l < lowering->layer_count ? lowering->pass.keeps_history : lowering->pass.is_first_run;
    return is_wanted && dense_keeps_spikes(lowering, l);
}

static void emit_d6(struct dense_lowering *lowering)
{
    bool returns_spikes = lowering->last_layer == lowering->layer_count &&
                          saves_spikes(lowering, lowering->layer_count);
    if (!lowering->pass.keeps_history && !returns_spikes) {
        return;
    }
    dense_compute(lowering, DENSE_D6, "D6 save history");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_float_slices(lowering, l,
                         lowering->pass.keeps_history ? tiles_count_saved(lowering->graph, l) : 0);
        if (saves_spikes(lowering, l)) {
            add_spike_slice(lowering, l, true);
        }
    }
}

void dense_emit_forward_rows(struct dense_lowering *lowering)
{
    emit_forward_products(lowering, &(struct product_rows){.move = DENSE_D2,
                                                           .multiply = DENSE_D3,
                                                           .add_up = DENSE_D4,
                                                           .move_name = "D2 spikes to products",
                                                           .multiply_name = "D3 products",
                                                           .partials_name = "D4 partial sums",
                                                           .add_up_name = "D4 add up",
                                                           .first = first_product(lowering),
                                                           .last = lowering->last_layer});
    dense_compute(lowering, DENSE_D5, "D5 neuron update");
    emit_elementwise(lowering, OP_FORWARD);
    emit_d6(lowering);
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
        add_float_slices(lowering, l, slices);
        if (l < lowering->layer_count) {
            add_spike_slice(lowering, l, false);
        }
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
        dense_move(lowering, dense_input_gradient(lowering, l + 1),
                   dense_elsewhere(dense_neurons(&lowering->layers[l])),
                   (uint64_t)lowering->layers[l + 1].chips * lowering->batch *
                       lowering->layers[l].neurons * EXCHANGE_WORD_BYTES);
    }
}

static void add_bias_gradient(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    uint32_t columns = (uint32_t)min_u64(layer->forward.out, layer->elements);
    uint32_t rows = (uint32_t)div_ceil(layer->elements, columns);
    uint32_t partials = rows + 1; // and the sum so far
    dense_reduce(lowering, dense_neurons(layer), partials, columns, l);
}

static void send_weight_gradient(struct dense_lowering *lowering, uint32_t l)
{
    send_a(lowering, weight_gradient_of(lowering, l), input_source(lowering, l));
    send_b(lowering, weight_gradient_of(lowering, l), error_source(lowering, l));
}

static void add_weight_gradient(struct dense_lowering *lowering, uint32_t l)
{
    add_product(lowering, weight_gradient_of(lowering, l), l);
    if (dense_has_bias(lowering, l)) {
        add_bias_gradient(lowering, l);
    }
}

static void emit_e4_e5(struct dense_lowering *lowering)
{
    uint32_t first = first_product(lowering);
    if (first > lowering->last_layer) {
        return;
    }
    dense_exchange(lowering, DENSE_E4, "E4 spikes and errors to products");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        send_weight_gradient(lowering, l);
        if (l > 1) {
            send_a(lowering, input_gradient_of(lowering, l), error_source(lowering, l));
        }
    }
    dense_compute(lowering, DENSE_E5, "E5 products");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        add_weight_gradient(lowering, l);
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
    emit_sums(lowering,
              &(struct product_rows){.add_up = DENSE_E6,
                                     .partials_name = "E6 partial sums",
                                     .add_up_name = "E6 add up",
                                     .first = (uint32_t)max_u64(lowering->first_layer, 2),
                                     .last = lowering->last_layer},
              input_gradient_of);
}

// A static input times the sum of the errors over time.
void dense_emit_static_gradient(struct dense_lowering *lowering)
{
    if (!lowering->is_hoisted) {
        return;
    }
    lowering->first_layer = lowering->last_layer = 1;
    dense_exchange(lowering, DENSE_H4, "H4 input and errors to products");
    send_weight_gradient(lowering, 1);
    dense_compute(lowering, DENSE_H5, "H5 static weight gradient");
    add_weight_gradient(lowering, 1);
}

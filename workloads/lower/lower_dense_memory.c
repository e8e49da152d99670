// The variables of the dense program. Convention as in lower_sparse_memory.c: a variable lives from
// the first step of the row that writes it to the last step of the row that reads it; one that is
// read a time step later than it is written lives over the whole loop. Bytes are those of one tile.
#include <stdio.h>

#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

#define WORD ((uint64_t)EXCHANGE_WORD_BYTES)

struct lifetime {
    uint32_t first, last;
};

static const struct lifetime always = {LIVE_ALWAYS, LIVE_ALWAYS};

static struct lifetime between(const struct dense_lowering *lowering, enum dense_row from,
                               uint32_t from_layer, enum dense_row to, uint32_t to_layer)
{
    return (struct lifetime){dense_span(lowering, from, from_layer)->first,
                             dense_span(lowering, to, to_layer)->last};
}

static struct lifetime during(const struct dense_lowering *lowering, enum dense_row row, uint32_t l)
{
    return between(lowering, row, l, row, l);
}

struct variable_text {
    const char *name;
    enum variable_role role;
    uint32_t layer;
};

// On every chip of the place.
static void add(struct dense_lowering *lowering, struct variable_text text,
                struct dense_place place, uint64_t bytes, struct lifetime lifetime)
{
    const struct step_span *within = &lowering->pass.only_within;
    if (within->is_used && (lifetime.first < within->first || lifetime.last > within->last)) {
        return;
    }
    char name[64];
    if (text.layer > 0) {
        snprintf(name, sizeof(name), "layer %u %s", text.layer, text.name);
    } else {
        snprintf(name, sizeof(name), "%s", text.name);
    }
    for (uint32_t i = 0; i < place.chips; i++) {
        struct item_range items = dense_on_chip(lowering, place, i);
        program_add_variable(lowering->program, &(struct variable){.name = name,
                                                                   .role = text.role,
                                                                   .place = items.map,
                                                                   .first_item = items.first,
                                                                   .items = items.count,
                                                                   .bytes_per_item = bytes,
                                                                   .first_step = lifetime.first,
                                                                   .last_step = lifetime.last});
    }
}

static struct variable_text text_of(const char *name, enum variable_role role, uint32_t layer)
{
    return (struct variable_text){.name = name, .role = role, .layer = layer};
}

// --- parameters ---------------------------------------------------------------------------------
static void add_weights(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    struct dense_place neurons = dense_neurons(layer);
    uint64_t own_bytes = WORD * dense_own_weights(layer);
    add(lowering, text_of("weights", VARIABLE_PARAMETER, l), neurons, layer->forward.resident_bytes,
        always);
    if (lowering->element_bytes != EXCHANGE_WORD_BYTES) {
        add(lowering, text_of("weights, float32", VARIABLE_PARAMETER, l), neurons, own_bytes,
            always);
    }
    if (lowering->training->optimizer == OPTIMIZER_ADAM) {
        add(lowering, text_of("Adam moments", VARIABLE_OPTIMIZER, l), neurons, 2 * own_bytes,
            always);
    }
    if (l > 1) {
        struct dense_place product = dense_input_gradient(lowering, l);
        uint64_t bytes = layer->input_gradient.resident_bytes;
        add(lowering, text_of("weights, transposed", VARIABLE_PARAMETER, l), product, bytes,
            between(lowering, DENSE_WEIGHTS, 0, DENSE_BACKWARD_LOOP, 0));
        add(lowering, text_of("weights to transpose", VARIABLE_EXCHANGE, l), product, bytes,
            during(lowering, DENSE_WEIGHTS, 0));
    }
}

static void add_biases(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    struct dense_place neurons = dense_neurons(layer);
    uint64_t own_bytes = WORD * dense_own_biases(layer);
    uint64_t bytes = WORD * layer->forward.out;
    if (!dense_has_bias(lowering, l)) {
        return;
    }
    add(lowering, text_of("biases", VARIABLE_PARAMETER, l), neurons, bytes, always);
    if (lowering->training->optimizer == OPTIMIZER_ADAM) {
        add(lowering, text_of("Adam moments of biases", VARIABLE_OPTIMIZER, l), neurons,
            2 * own_bytes, always);
    }
    add(lowering, text_of("bias gradient", VARIABLE_GRADIENT, l), neurons, bytes,
        between(lowering, DENSE_ZERO_GRADIENTS, 0, DENSE_UPDATE, 0));
    if (dense_bias_copies(layer) > 1) {
        add(lowering, text_of("partial bias gradients", VARIABLE_EXCHANGE, l), neurons,
            own_bytes * dense_bias_copies(layer), during(lowering, DENSE_SUM, 0));
    }
}

static void add_gradients(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    const struct matmul_split *sums = &layer->weight_gradient;
    struct dense_place product = dense_product(layer, sums);
    add(lowering, text_of("weight gradient sums", VARIABLE_GRADIENT, l), product,
        sums->resident_bytes, between(lowering, DENSE_ZERO_GRADIENTS, 0, DENSE_UPDATE, 0));
    if (sums->parts_k > 1) {
        add(lowering, text_of("partial weight gradients", VARIABLE_EXCHANGE, l), product,
            WORD * sums->parts_k * matmul_split_outputs(sums), during(lowering, DENSE_SUM, 0));
    }
    add(lowering, text_of("weight gradient", VARIABLE_GRADIENT, l), dense_neurons(layer),
        WORD * dense_own_weights(layer), during(lowering, DENSE_UPDATE, 0));
}

// --- neurons ------------------------------------------------------------------------------------
static void add_forward_states(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    struct dense_place neurons = dense_neurons(layer);
    uint64_t floats = WORD * layer->elements;
    uint64_t spikes = (uint64_t)layer->elements * lowering->element_bytes;
    struct lifetime loop = between(lowering, DENSE_ZERO, 0, DENSE_FORWARD_LOOP, 0);
    struct lifetime both_loops = between(lowering, DENSE_FORWARD_LOOP, 0, DENSE_BACKWARD_LOOP, 0);
    add(lowering, text_of("states", VARIABLE_STATE, l), neurons,
        floats * tiles_count_states(lowering->graph, l), loop);
    add(lowering, text_of("spikes", VARIABLE_STATE, l), neurons, spikes, loop);
    bool is_plain = lowering->pass.plan == NULL; // else stored_add_variables() adds what is kept
    if (is_plain) {
        add(lowering, text_of("state history", VARIABLE_HISTORY, l), neurons,
            floats * tiles_count_saved(lowering->graph, l) * lowering->time_steps, both_loops);
    }
    if (dense_keeps_spikes(lowering, l) && (is_plain || l == lowering->layer_count)) {
        struct lifetime to_host = between(lowering, DENSE_FORWARD_LOOP, 0, DENSE_HOST_OUT, 0);
        add(lowering, text_of("spike history", VARIABLE_HISTORY, l), neurons,
            spikes * lowering->time_steps, l < lowering->layer_count ? both_loops : to_host);
    }
    if (l == lowering->layer_count) {
        bool is_on_membranes = lowering->graph->config.loss == LOSS_ON_MEMBRANES;
        add(lowering,
            text_of(is_on_membranes ? "summed membranes" : "spike counts", VARIABLE_STATE, l),
            neurons, floats, between(lowering, DENSE_ZERO, 0, DENSE_LOSS, 0));
    }
}

static void add_backward_states(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    struct dense_place neurons = dense_neurons(layer);
    uint64_t floats = WORD * layer->elements;
    uint64_t elements = (uint64_t)layer->elements * lowering->element_bytes;
    uint32_t slices = 0;
    for (uint32_t i = 0; i < tiles_count_saved(lowering->graph, l); i++) {
        slices += tiles_count_slices(lowering->graph, tiles_saved_tensor(lowering->graph, l, i));
    }
    add(lowering, text_of("carried adjoints", VARIABLE_STATE, l), neurons,
        floats * max_u64(tiles_count_carries(lowering->graph, l), 1),
        between(lowering, DENSE_ZERO_GRADIENTS, 0, DENSE_BACKWARD_LOOP, 0));
    add(lowering, text_of("states of one time step", VARIABLE_SCRATCH, l), neurons, floats * slices,
        between(lowering, DENSE_E1, l, DENSE_E3, l));
    if (dense_is_hoisted(lowering, l)) {
        add(lowering, text_of("sum of errors", VARIABLE_STATE, l), neurons, floats,
            between(lowering, DENSE_ZERO_GRADIENTS, 0, DENSE_H5, l));
    } else {
        add(lowering, text_of("error", VARIABLE_SCRATCH, l), neurons, elements,
            between(lowering, DENSE_E3, l, dense_has_bias(lowering, l) ? DENSE_E5 : DENSE_E4, l));
    }
    if (l < lowering->layer_count) {
        add(lowering, text_of("spikes of one time step", VARIABLE_SCRATCH, l), neurons, elements,
            between(lowering, DENSE_E1, l, DENSE_E4, l + 1));
        add(lowering, text_of("spike gradients", VARIABLE_EXCHANGE, l), neurons,
            floats * lowering->layers[l + 1].chips, between(lowering, DENSE_E2, l, DENSE_E3, l));
    } else {
        add(lowering, text_of("gradient of the logits", VARIABLE_STATE, l), neurons, floats,
            between(lowering, DENSE_LOSS, 0, DENSE_BACKWARD_LOOP, 0));
    }
}

// --- products -----------------------------------------------------------------------------------
struct product_rows {
    enum dense_row move, multiply, add_up;
    const char *landing_name, *block_name, *partials_name;
};

static void add_product(struct dense_lowering *lowering, uint32_t l, bool is_forward,
                        const struct product_rows *rows)
{
    const struct dense_layer *layer = &lowering->layers[l];
    const struct matmul_split *split = is_forward ? &layer->forward : &layer->input_gradient;
    struct dense_place product =
        is_forward ? dense_neurons(layer) : dense_input_gradient(lowering, l);
    bool is_summed = split->parts_k > 1;
    add(lowering, text_of(rows->landing_name, VARIABLE_EXCHANGE, l), product,
        (uint64_t)split->rows * split->in * lowering->element_bytes,
        between(lowering, rows->move, l, rows->multiply, l));
    if (is_summed) {
        add(lowering, text_of(rows->block_name, VARIABLE_SCRATCH, l), product,
            WORD * split->rows * split->out,
            (struct lifetime){dense_span(lowering, rows->multiply, l)->first,
                              dense_span(lowering, rows->add_up, l)->first});
        add(lowering, text_of(rows->partials_name, VARIABLE_EXCHANGE, l), product,
            WORD * split->parts_k * matmul_split_outputs(split), during(lowering, rows->add_up, l));
    }
}

static void add_products(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    const struct matmul_split *gradient = &layer->weight_gradient;
    static const struct product_rows forward = {
        DENSE_D2,      DENSE_D3, DENSE_D4, "spikes of the product", "block of partial sums",
        "partial sums"};
    static const struct product_rows backward = {DENSE_E4,
                                                 DENSE_E5,
                                                 DENSE_E6,
                                                 "errors of the product",
                                                 "block of partial sums, backward",
                                                 "partial sums, backward"};
    static const struct product_rows once = {
        DENSE_H1,      DENSE_H2, DENSE_H3, "input of the product", "block of partial sums",
        "partial sums"};
    bool is_hoisted = dense_is_hoisted(lowering, l);
    add_product(lowering, l, true, is_hoisted ? &once : &forward);
    add(lowering,
        text_of(is_hoisted ? "static currents" : "currents",
                is_hoisted ? VARIABLE_STATE : VARIABLE_SCRATCH, l),
        dense_neurons(layer), WORD * layer->elements,
        is_hoisted ? between(lowering, DENSE_H2, l, DENSE_FORWARD_LOOP, 0)
                   : between(lowering, DENSE_D3, l, DENSE_D5, l));
    add(lowering, text_of("spikes and errors (weight gradient)", VARIABLE_EXCHANGE, l),
        dense_product(layer, gradient), gradient->moving_bytes,
        is_hoisted ? between(lowering, DENSE_H4, l, DENSE_H5, l)
                   : between(lowering, DENSE_E4, l, DENSE_E5, l));
    if (l > 1) {
        add_product(lowering, l, false, &backward);
        add(lowering, text_of("spike gradients for the layer below", VARIABLE_STATE, l),
            dense_input_gradient(lowering, l), WORD * matmul_split_outputs(&layer->input_gradient),
            between(lowering, DENSE_ZERO_GRADIENTS, 0, DENSE_BACKWARD_LOOP, 0));
    }
}

// --- input and loss -----------------------------------------------------------------------------
static void add_values(struct dense_lowering *lowering)
{
    struct spread values = dense_values(lowering);
    struct lifetime lifetime = lowering->is_hoisted
                                   ? between(lowering, DENSE_HOST_IN, 0, DENSE_H5, 1)
                                   : between(lowering, DENSE_HOST_IN, 0, DENSE_BACKWARD_LOOP, 0);
    add(lowering, text_of("input", VARIABLE_HISTORY, 0), dense_spread(lowering, &values),
        WORD * values.words_per_tile, lifetime);
    if (lowering->element_bytes != EXCHANGE_WORD_BYTES) {
        lifetime.first = dense_span(lowering, DENSE_WEIGHTS, 0)->first;
        add(lowering, text_of("input of the products", VARIABLE_HISTORY, 0),
            dense_spread(lowering, &values),
            (uint64_t)values.words_per_tile * lowering->element_bytes, lifetime);
    }
}

static void add_input(struct dense_lowering *lowering)
{
    struct spread ids = dense_input_ids(lowering);
    struct dense_place samples = dense_samples(lowering, 1);
    uint64_t dense_bytes = (uint64_t)lowering->layers[0].neurons * lowering->element_bytes;
    uint64_t row_bytes = WORD * (lowering->input_slots + 1);
    add(lowering, text_of("time index", VARIABLE_STATE, 0),
        (struct dense_place){whole_range(tile_map_range(0, lowering->tiles)), lowering->chips},
        WORD, always);
    if (lowering->is_analog) {
        add_values(lowering);
        return;
    }
    add(lowering, text_of("input ids", VARIABLE_HISTORY, 0), dense_spread(lowering, &ids),
        WORD * ids.words_per_tile * lowering->time_steps,
        between(lowering, DENSE_HOST_IN, 0, DENSE_BACKWARD_LOOP, 0));
    add(lowering, text_of("input ids of t", VARIABLE_EXCHANGE, 0), samples, row_bytes,
        during(lowering, DENSE_D1, 1));
    add(lowering, text_of("input of t", VARIABLE_SCRATCH, 0), samples, dense_bytes,
        between(lowering, DENSE_D1, 1, DENSE_D2, 1));
    add(lowering, text_of("input ids of t, backward", VARIABLE_EXCHANGE, 0), samples, row_bytes,
        during(lowering, DENSE_E1, 1));
    add(lowering, text_of("input of t, backward", VARIABLE_SCRATCH, 0), samples, dense_bytes,
        between(lowering, DENSE_E1, 1, DENSE_E4, 1));
}

static void add_loss(struct dense_lowering *lowering)
{
    struct dense_place samples = dense_samples(lowering, lowering->layer_count);
    uint64_t row_bytes = WORD * lowering->layers[lowering->layer_count].neurons;
    add(lowering, text_of("labels", VARIABLE_STATE, 0), samples, WORD,
        between(lowering, DENSE_HOST_IN, 0, DENSE_LOSS, 0));
    add(lowering, text_of("logits and their gradient", VARIABLE_EXCHANGE, 0), samples,
        2 * row_bytes, during(lowering, DENSE_LOSS, 0));
    add(lowering, text_of("losses", VARIABLE_EXCHANGE, 0), dense_mean(lowering),
        WORD * (lowering->batch + 1), between(lowering, DENSE_LOSS, 0, DENSE_HOST_OUT, 0));
}

void dense_add_variables(struct dense_lowering *lowering)
{
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        add_weights(lowering, l);
        add_biases(lowering, l);
        add_gradients(lowering, l);
        add_forward_states(lowering, l);
        add_backward_states(lowering, l);
        add_products(lowering, l);
    }
    add_input(lowering);
    add_loss(lowering);
}

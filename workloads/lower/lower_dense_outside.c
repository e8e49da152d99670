// What the dense program does once per training step, before, between and after its two loops.
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

static void note_outside(struct dense_lowering *lowering)
{
    lowering->first_layer = lowering->last_layer = 0;
}

// The tiles of a column of blocks share its biases and their gradient.
static bool has_bias_copies(const struct dense_lowering *lowering, uint32_t l)
{
    return dense_has_bias(lowering, l) && dense_bias_copies(&lowering->layers[l]) > 1;
}

// --- before the forward loop --------------------------------------------------------------------
// Products read weights in their own type; the optimiser keeps float32.
static void emit_weight_casts(struct dense_lowering *lowering)
{
    if (lowering->element_bytes == EXCHANGE_WORD_BYTES) {
        return;
    }
    dense_compute(lowering, DENSE_WEIGHTS, "cast weights");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        dense_each(lowering, CODELET_cast, dense_neurons(&lowering->layers[l]),
                   (struct vertex_sizes){dense_own_weights(&lowering->layers[l]),
                                         lowering->element_bytes, 0, 0},
                   l);
    }
}

// Where the rows of a product are split, the tiles of a column of blocks hold the same weights:
// each has its own part of them and gets the others'.
static void emit_weight_copies(struct dense_lowering *lowering)
{
    bool is_needed = false;
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        is_needed =
            is_needed || lowering->layers[l].forward.parts_m > 1 || has_bias_copies(lowering, l);
    }
    if (!is_needed) {
        return;
    }
    dense_exchange(lowering, DENSE_WEIGHTS, "copies of weights");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        const struct matmul_split *split = &layer->forward;
        dense_send_shares(lowering,
                          &(struct dense_shares){.tiles = dense_neurons(layer),
                                                 .copies = split->parts_m,
                                                 .stride = split->parts_k * split->parts_n,
                                                 .bytes = (uint64_t)dense_own_weights(layer) *
                                                          lowering->element_bytes});
        if (has_bias_copies(lowering, l)) {
            dense_send_biases(lowering, l);
        }
    }
}

static void emit_transposition(struct dense_lowering *lowering)
{
    if (lowering->layer_count < 2) {
        return; // only layers 2..L send gradients to a layer below
    }
    dense_exchange(lowering, DENSE_WEIGHTS, "weights for transposition");
    for (uint32_t l = 2; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        const struct matmul_split *split = &layer->input_gradient;
        dense_move_on_chips(lowering, dense_neurons(layer),
                            dense_elsewhere(dense_input_gradient(lowering, l)),
                            dense_weight_count(layer) * split->parts_m * lowering->element_bytes);
    }
    dense_compute(lowering, DENSE_WEIGHTS, "transpose weights");
    for (uint32_t l = 2; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        const struct matmul_split *split = &layer->input_gradient;
        dense_each(lowering, CODELET_transpose, dense_input_gradient(lowering, l),
                   (struct vertex_sizes){split->in, split->out, 0, 0}, l);
    }
}

// Values are float32 on the host's side.
static void emit_input_cast(struct dense_lowering *lowering)
{
    if (!lowering->is_analog || lowering->element_bytes == EXCHANGE_WORD_BYTES) {
        return;
    }
    struct spread values = dense_values(lowering);
    dense_compute(lowering, DENSE_WEIGHTS, "cast input");
    dense_each(lowering, CODELET_cast, dense_spread(lowering, &values),
               (struct vertex_sizes){values.words_per_tile, 0, 0, 0}, 1);
}

void dense_emit_start(struct dense_lowering *lowering)
{
    uint64_t words = lowering->is_analog
                         ? dense_values(lowering).words
                         : (uint64_t)lowering->time_steps * dense_input_ids(lowering).words;
    words *= lowering->layers[1].chips;
    words += lowering->batch; // labels
    note_outside(lowering);
    uint32_t step = program_add_host(lowering->program, HOST_TO_CHIP, words * EXCHANGE_WORD_BYTES);
    *dense_span(lowering, DENSE_HOST_IN, 0) =
        (struct step_span){.first = step, .last = step, .is_used = true};
    emit_input_cast(lowering);
    emit_weight_casts(lowering);
    emit_weight_copies(lowering);
    emit_transposition(lowering);
    dense_compute(lowering, DENSE_ZERO, "zero states");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        uint32_t floats = layer->elements * (tiles_count_states(lowering->graph, l) +
                                             (l == lowering->layer_count)); // logits
        dense_each(lowering, CODELET_fill, dense_neurons(layer),
                   (struct vertex_sizes){floats + dense_words(lowering, layer->elements), 0, 0, 0},
                   l);
    }
}

// --- between the loops --------------------------------------------------------------------------
static void emit_loss(struct dense_lowering *lowering)
{
    const struct dense_layer *output = &lowering->layers[lowering->layer_count];
    struct dense_place samples = dense_samples(lowering, lowering->layer_count);
    uint64_t bytes = (uint64_t)lowering->batch * output->neurons * EXCHANGE_WORD_BYTES;
    dense_exchange(lowering, DENSE_LOSS,
                   lowering->graph->config.loss == LOSS_ON_MEMBRANES
                       ? "summed membranes to sample tiles"
                       : "spike counts to sample tiles");
    dense_move(lowering, dense_neurons(output), samples, bytes);
    dense_compute(lowering, DENSE_LOSS, "softmax and loss");
    dense_each(lowering, CODELET_softmax_loss, samples,
               (struct vertex_sizes){output->neurons, 1, 0, 0}, lowering->layer_count);
    dense_exchange(lowering, DENSE_LOSS, "loss and its gradient");
    emit_flow(lowering->program, FLOW_ALL_TO_ALL, samples.items, dense_mean(lowering).items,
              EXCHANGE_WORD_BYTES);
    dense_move(lowering, samples, dense_neurons(output), bytes);
    dense_compute(lowering, DENSE_LOSS, "mean loss");
    dense_reduce(lowering, dense_mean(lowering), lowering->batch, 1, 0);
}

void dense_emit_middle(struct dense_lowering *lowering)
{
    note_outside(lowering);
    emit_loss(lowering);
    dense_compute(lowering, DENSE_ZERO_GRADIENTS, "zero gradients");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        const struct matmul_split *sums = &layer->weight_gradient;
        uint32_t carries = tiles_count_carries(lowering->graph, l);
        dense_each(lowering, CODELET_fill, dense_product(layer, sums),
                   (struct vertex_sizes){sums->rows * sums->out, 0, 0, 0}, l);
        uint32_t sums_of_errors = dense_is_hoisted(lowering, l) ? layer->elements : 0;
        uint32_t biases = dense_has_bias(lowering, l) ? layer->forward.out : 0;
        dense_each(
            lowering, CODELET_fill, dense_neurons(layer),
            (struct vertex_sizes){carries * layer->elements + sums_of_errors + biases, 0, 0, 0}, l);
        if (l > 1) {
            dense_each(lowering, CODELET_fill, dense_input_gradient(lowering, l),
                       (struct vertex_sizes){matmul_split_outputs(&layer->input_gradient), 0, 0, 0},
                       l);
        }
    }
}

// --- after the backward loop --------------------------------------------------------------------
// Of the rows that other tiles have; each tile of a column of blocks sums its own biases.
static void add_bias_sums(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    if (has_bias_copies(lowering, l)) {
        dense_reduce(lowering, dense_neurons(layer), dense_bias_copies(layer),
                     dense_own_biases(layer), l);
    }
}

static void emit_gradient_sums(struct dense_lowering *lowering)
{
    bool is_needed = false;
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        is_needed = is_needed || lowering->layers[l].weight_gradient.parts_k > 1 ||
                    has_bias_copies(lowering, l);
    }
    if (!is_needed) {
        return;
    }
    dense_exchange(lowering, DENSE_SUM, "partial weight gradients");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct matmul_split *split = &lowering->layers[l].weight_gradient;
        dense_send_partials(lowering, dense_product(&lowering->layers[l], split), split);
        if (has_bias_copies(lowering, l)) {
            dense_send_biases(lowering, l);
        }
    }
    dense_compute(lowering, DENSE_SUM, "add up weight gradients");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct matmul_split *split = &lowering->layers[l].weight_gradient;
        if (split->parts_k > 1) {
            dense_reduce(lowering, dense_product(&lowering->layers[l], split), split->parts_k,
                         matmul_split_outputs(split), l);
        }
        add_bias_sums(lowering, l);
    }
}

static void emit_host_out(struct dense_lowering *lowering)
{
    uint64_t bytes = EXCHANGE_WORD_BYTES; // the mean loss
    if (lowering->returns_spikes) {
        bytes += (uint64_t)lowering->time_steps * lowering->batch *
                 lowering->layers[lowering->layer_count].neurons * lowering->element_bytes;
    }
    uint32_t step = program_add_host(lowering->program, CHIP_TO_HOST, bytes);
    *dense_span(lowering, DENSE_HOST_OUT, 0) =
        (struct step_span){.first = step, .last = step, .is_used = true};
}

// Every replica then has the sum over all. The chip with most gradients decides how long it takes.
static void emit_all_reduce(struct dense_lowering *lowering)
{
    if (lowering->machine->replicas < 2) {
        return;
    }
    // of chips one after the other: layers on the same ones follow each other
    uint64_t most = 0, words = 0;
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        words = dense_has_below(lowering->layers, l) ? words : 0;
        words += dense_weight_count(layer) + (dense_has_bias(lowering, l) ? layer->columns : 0);
        most = max_u64(most, words);
    }
    program_add_all_reduce(lowering->program, "all-reduce gradients", most * EXCHANGE_WORD_BYTES);
}

void dense_emit_end(struct dense_lowering *lowering)
{
    note_outside(lowering);
    emit_gradient_sums(lowering);
    emit_all_reduce(lowering);
    dense_exchange(lowering, DENSE_UPDATE, "gradients to weights");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        dense_move_on_chips(lowering, dense_product(layer, &layer->weight_gradient),
                            dense_elsewhere(dense_neurons(layer)),
                            dense_weight_count(layer) * EXCHANGE_WORD_BYTES);
    }
    dense_compute(lowering, DENSE_UPDATE, "optimizer");
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        const struct dense_layer *layer = &lowering->layers[l];
        dense_each(
            lowering, CODELET_optimizer, dense_neurons(layer),
            (struct vertex_sizes){dense_own_weights(layer), lowering->training->optimizer, 0, 0},
            l);
        if (dense_has_bias(lowering, l)) {
            dense_each(
                lowering, CODELET_optimizer, dense_neurons(layer),
                (struct vertex_sizes){dense_own_biases(layer), lowering->training->optimizer, 0, 0},
                l);
        }
    }
    emit_host_out(lowering);
}

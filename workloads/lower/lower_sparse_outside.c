// What the sparse program does once per training step, before, between and after its two loops.
// Convention: steps are noted for layer 0 of their row. Tensors over all time steps lie like those
// of one.
#include "sim/units.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

static void note_outside(struct sparse_lowering *lowering)
{
    lowering->first_layer = lowering->last_layer = 0;
}

// uint32 to float32 and back: ids and counts cross the framework's interface as floats.
static void emit_casts(struct sparse_lowering *lowering, uint32_t first_layer, uint32_t last_layer)
{
    for (uint32_t l = first_layer; l <= last_layer; l++) {
        struct spread tensors[2] = {sparse_ids(lowering, l), sparse_counts(lowering, l)};
        for (uint32_t i = 0; i < 2; i++) {
            emit_each(
                lowering->program, CODELET_cast, whole_range(tensors[i].map),
                (struct vertex_sizes){lowering->time_steps * tensors[i].words_per_tile, 0, 0, 0},
                l);
        }
    }
}

static uint32_t weights_per_tile(const struct layer_place *layer)
{
    return layer->fan_in * layer->neurons_per_tile;
}

// --- before the forward loop --------------------------------------------------------------------
static void emit_weight_transposition(struct sparse_lowering *lowering)
{
    uint32_t first = lowering->is_analog ? 2 : 1; // a matrix product reads weights as they are
    if (first > lowering->layers) {
        return;
    }
    sparse_compute(lowering, ROW_TRANSPOSE, "transpose weights");
    for (uint32_t l = first; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        emit_each(lowering->program, CODELET_transpose, whole_range(placement_neurons(layer)),
                  (struct vertex_sizes){layer->neurons_per_tile, layer->fan_in, 0, 0}, l);
    }
}

static void emit_zero_states(struct sparse_lowering *lowering)
{
    sparse_compute(lowering, ROW_ZERO_STATES, "zero states");
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        uint32_t words = lowering->batch * layer->neurons_per_tile *
                         (tiles_count_states(lowering->graph, l) +
                          (lowering->is_on_membranes && l == lowering->layers)); // and their sum
        struct spread counts = sparse_counts(lowering, l);
        emit_each(lowering->program, CODELET_fill, whole_range(placement_neurons(layer)),
                  (struct vertex_sizes){words, 0, 0, 0}, l);
        emit_each(lowering->program, CODELET_fill, whole_range(counts.map),
                  (struct vertex_sizes){counts.words_per_tile, 0, 0, 0}, l);
    }
    if (lowering->pass.plan != NULL && !lowering->is_on_membranes) { // counts of output spikes
        emit_each(lowering->program, CODELET_fill, sparse_loss_samples(lowering),
                  (struct vertex_sizes){sparse_layer(lowering, lowering->layers)->neurons, 0, 0, 0},
                  lowering->layers);
    }
}

void sparse_emit_start(struct sparse_lowering *lowering)
{
    uint64_t words = lowering->is_analog
                         ? sparse_values(lowering).words
                         : (uint64_t)lowering->time_steps * lowering->batch *
                               (sparse_layer(lowering, 0)->slots + sparse_counts_per_sample(0));
    words += lowering->batch; // labels
    note_outside(lowering);
    uint32_t step = program_add_host(lowering->program, HOST_TO_CHIP, words * EXCHANGE_WORD_BYTES);
    *sparse_span(lowering, ROW_HOST_IN, 0) =
        (struct step_span){.first = step, .last = step, .is_used = true};
    if (!lowering->is_analog) {
        sparse_compute(lowering, ROW_CAST_IN, "cast input ids");
        emit_casts(lowering, 0, 0);
    }
    emit_weight_transposition(lowering);
    emit_zero_states(lowering);
}

// --- between the loops --------------------------------------------------------------------------
// One item for every (time step, sample), over all tiles.
static struct item_range step_sample_range(const struct sparse_lowering *lowering,
                                           uint32_t time_step, uint32_t time_steps)
{
    return (struct item_range){.map = sparse_chip(lowering, lowering->layers),
                               .first = time_step * lowering->batch,
                               .count = time_steps * lowering->batch};
}

struct item_range sparse_loss_samples(const struct sparse_lowering *lowering)
{
    struct item_range samples = {.map = sparse_chip(lowering, lowering->layers),
                                 .count = lowering->batch};
    samples.map.positions = (uint32_t)min_u64(lowering->batch, lowering->tiles);
    samples.map.span = samples.map.positions;
    return samples;
}

// One group for every time step: outside the loops a group's time step is its offset.
static void emit_step_samples(struct sparse_lowering *lowering, enum record_list list,
                              uint32_t cleared_words)
{
    for (uint32_t t = 0; t < lowering->time_steps; t++) {
        struct item_range items = step_sample_range(lowering, t, 1);
        program_add_group(lowering->program, &(struct vertex_group){
                                                 .codelet = CODELET_scatter_ids,
                                                 .dealing = DEAL_SEGMENTS,
                                                 .place = items.map,
                                                 .items = items.count,
                                                 .first_item = items.first,
                                                 .sizes = {cleared_words, 0, 0, 0},
                                                 .vertices = 1,
                                                 .parts = 1,
                                                 .list = list,
                                                 .layer = lowering->layers,
                                                 .time_offset = (int32_t)t,
                                                 .network_layer = lowering->layers,
                                             });
    }
}

static uint64_t output_bytes(const struct sparse_lowering *lowering, uint32_t words_per_sample)
{
    return (uint64_t)lowering->time_steps * lowering->batch * words_per_sample *
           EXCHANGE_WORD_BYTES;
}

static void emit_spike_counts(struct sparse_lowering *lowering)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    struct item_range every_step = step_sample_range(lowering, 0, lowering->time_steps);
    sparse_exchange(lowering, ROW_DENSE_SPIKES, "output ids to sample tiles");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE,
              whole_range(sparse_ids(lowering, lowering->layers).map), every_step,
              output_bytes(lowering, output->slots + 1));
    sparse_compute(lowering, ROW_DENSE_SPIKES, "output spikes to dense");
    emit_step_samples(lowering, LIST_SPIKES, output->neurons);
    sparse_exchange(lowering, ROW_SPIKE_COUNTS, "output spikes over time");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE, every_step, sparse_loss_samples(lowering),
              output_bytes(lowering, output->neurons));
    sparse_compute(lowering, ROW_SPIKE_COUNTS, "spike counts");
    emit_reduction(lowering->program,
                   &(struct reduction){.items = sparse_loss_samples(lowering),
                                       .partials = lowering->time_steps,
                                       .outputs = output->neurons,
                                       .contexts = lowering->contexts},
                   lowering->layers);
}

// The output neurons summed their membranes themselves.
static void emit_membranes(struct sparse_lowering *lowering, bool is_gradient)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    struct item_range neurons = whole_range(placement_neurons(output));
    struct item_range samples = sparse_loss_samples(lowering);
    if (!is_gradient) {
        sparse_exchange(lowering, ROW_SPIKE_COUNTS, "summed membranes to sample tiles");
    }
    emit_flow(lowering->program, FLOW_REDISTRIBUTE, is_gradient ? samples : neurons,
              is_gradient ? neurons : samples,
              (uint64_t)lowering->batch * output->neurons * EXCHANGE_WORD_BYTES);
}

static struct item_range loss_tile(const struct sparse_lowering *lowering)
{
    return one_tile(sparse_layer(lowering, lowering->layers)->chip_tile);
}

static void add_mean_loss(struct sparse_lowering *lowering)
{
    emit_reduction(lowering->program,
                   &(struct reduction){.items = loss_tile(lowering),
                                       .partials = lowering->batch,
                                       .outputs = 1,
                                       .contexts = lowering->contexts},
                   0);
}

static void emit_loss_slots(struct sparse_lowering *lowering)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    sparse_compute(lowering, ROW_LOSS_SLOTS, "mean loss, gradient at listed ids");
    add_mean_loss(lowering);
    emit_step_samples(lowering, LIST_LISTED, output->slots);
    sparse_exchange(lowering, ROW_LOSS_SLOTS, "output gradient to its history");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE,
              step_sample_range(lowering, 0, lowering->time_steps),
              whole_range(sparse_ids(lowering, lowering->layers).map),
              output_bytes(lowering, output->slots));
}

static void emit_loss(struct sparse_lowering *lowering)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    struct item_range samples = sparse_loss_samples(lowering);
    sparse_compute(lowering, ROW_LOSS, "softmax and loss");
    emit_each(lowering->program, CODELET_softmax_loss, samples,
              (struct vertex_sizes){output->neurons, 1, 0, 0}, lowering->layers);
    sparse_exchange(lowering, ROW_LOSS, "loss and its gradient");
    emit_flow(lowering->program, FLOW_ALL_TO_ALL, samples, loss_tile(lowering),
              EXCHANGE_WORD_BYTES);
    if (lowering->is_on_membranes) {
        emit_membranes(lowering, true);
        sparse_compute(lowering, ROW_LOSS_SLOTS, "mean loss");
        add_mean_loss(lowering);
        return;
    }
    if (lowering->pass.plan != NULL) { // the gradient stays with the samples
        sparse_compute(lowering, ROW_LOSS_SLOTS, "mean loss");
        add_mean_loss(lowering);
        return;
    }
    emit_flow(lowering->program, FLOW_BROADCAST, samples,
              step_sample_range(lowering, 0, lowering->time_steps),
              (uint64_t)output->neurons * EXCHANGE_WORD_BYTES);
    emit_loss_slots(lowering);
}

// A matrix product sums over the batch itself; vertices over ids have a copy for each worker.
static uint32_t gradient_copies(const struct sparse_lowering *lowering, uint32_t l)
{
    return lowering->is_analog && l == 1 ? 1 : lowering->contexts;
}

static void emit_zero_gradients(struct sparse_lowering *lowering)
{
    sparse_compute(lowering, ROW_ZERO_GRADIENTS, "zero gradients");
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        struct item_range neurons = whole_range(placement_neurons(layer));
        uint32_t sums = tiles_count_carries(lowering->graph, l) + (lowering->is_hoisted && l == 1);
        uint32_t biases = sparse_has_bias(lowering, l) ? layer->neurons_per_tile : 0;
        emit_each(lowering->program, CODELET_fill, neurons,
                  (struct vertex_sizes){
                      gradient_copies(lowering, l) * weights_per_tile(layer) + biases, 0, 0, 0},
                  l);
        emit_each(lowering->program, CODELET_fill, neurons,
                  (struct vertex_sizes){sums * lowering->batch * layer->neurons_per_tile, 0, 0, 0},
                  l);
        if (l > 1) {
            uint32_t words = (uint32_t)div_ceil((uint64_t)lowering->batch * layer->fan_in_slots,
                                                layer->reduce_tiles);
            emit_each(lowering->program, CODELET_fill, whole_range(placement_reduction(layer)),
                      (struct vertex_sizes){words, 0, 0, 0}, l);
        }
    }
}

void sparse_emit_middle(struct sparse_lowering *lowering)
{
    note_outside(lowering);
    // else ids stay what they are, and spikes are counted
    bool is_plain = lowering->pass.plan == NULL;
    if (is_plain) {
        sparse_compute(lowering, ROW_CAST_OUT, "cast ids to floats");
        emit_casts(lowering, 1, lowering->layers);
    }
    if (lowering->is_on_membranes) {
        emit_membranes(lowering, false);
    } else if (is_plain) {
        emit_spike_counts(lowering);
    }
    emit_loss(lowering);
    if (is_plain) {
        sparse_compute(lowering, ROW_CAST_BACK, "cast floats to ids");
        emit_casts(lowering, lowering->is_analog ? 1 : 0, lowering->layers);
    }
    emit_zero_gradients(lowering);
}

// --- after the backward loop --------------------------------------------------------------------
static void emit_gradient_sums(struct sparse_lowering *lowering)
{
    uint32_t first = lowering->is_analog ? 2 : 1;
    if (first > lowering->layers) {
        return;
    }
    sparse_compute(lowering, ROW_SUM_GRADIENTS, "sum gradient copies");
    for (uint32_t l = first; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        emit_reduction(lowering->program,
                       &(struct reduction){.items = whole_range(placement_neurons(layer)),
                                           .partials = lowering->contexts,
                                           .outputs = weights_per_tile(layer),
                                           .contexts = lowering->contexts},
                       l);
    }
}

static void emit_host_out(struct sparse_lowering *lowering)
{
    uint64_t words = 1;                                        // the mean loss
    if (lowering->config->host_output == HOST_OUTPUT_SPIKES) { // as ids, and two counts
        words += (uint64_t)lowering->time_steps * lowering->batch *
                 (sparse_layer(lowering, lowering->layers)->slots + 2);
    }
    uint32_t step = program_add_host(lowering->program, CHIP_TO_HOST, words * EXCHANGE_WORD_BYTES);
    *sparse_span(lowering, ROW_HOST_OUT, 0) =
        (struct step_span){.first = step, .last = step, .is_used = true};
}

// Every replica then has the sum over all. The chip with most gradients decides how long it takes.
static void emit_all_reduce(struct sparse_lowering *lowering)
{
    if (lowering->machine->replicas < 2) {
        return;
    }
    uint64_t most = 0;
    for (uint32_t chip = 0; chip < lowering->placement->chips; chip++) {
        uint64_t words = 0;
        for (uint32_t l = 1; l <= lowering->layers; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            uint64_t per_neuron = layer->fan_in + sparse_has_bias(lowering, l);
            words += layer->chip == chip ? per_neuron * layer->neurons : 0;
        }
        most = max_u64(most, words);
    }
    program_add_all_reduce(lowering->program, "all-reduce gradients", most * EXCHANGE_WORD_BYTES);
}

void sparse_emit_end(struct sparse_lowering *lowering)
{
    note_outside(lowering);
    emit_gradient_sums(lowering);
    emit_all_reduce(lowering);
    sparse_compute(lowering, ROW_UPDATE, "optimizer");
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        uint32_t biases = sparse_has_bias(lowering, l) ? layer->neurons_per_tile : 0;
        emit_each(lowering->program, CODELET_optimizer, whole_range(placement_neurons(layer)),
                  (struct vertex_sizes){weights_per_tile(layer) + biases,
                                        lowering->training->optimizer, 0, 0},
                  l);
    }
    emit_host_out(lowering);
}

// What the sparse program keeps and does otherwise under a checkpoint plan. What the plain program
// keeps of all time steps for the loss is a running sum here (C1), or gathered anew in each
// backward time step (C2). Rows: docs/schedule.md.
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"
#include "workloads/lower/lower_checkpoint_state.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

#define WORD ((uint64_t)EXCHANGE_WORD_BYTES)

// --- what is stored -----------------------------------------------------------------------------
static struct stored_tensor floats_of(const struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    uint32_t elements = lowering->batch * layer->neurons_per_tile;
    return (struct stored_tensor){.kind = STORED_FLOATS,
                                  .items = whole_range(placement_neurons(layer)),
                                  .layer = l,
                                  .elements = elements,
                                  .words = elements,
                                  .in_state = tiles_count_states(lowering->graph, l),
                                  .in_history = tiles_count_saved(lowering->graph, l),
                                  .in_head = tiles_count_saved_before(lowering->graph, l)};
}

// Ids, counts, or packed spikes. With a layer delay they are states that the next layer reads.
static struct stored_tensor spread_of(const struct sparse_lowering *lowering, uint32_t l,
                                      struct spread spread)
{
    bool is_state = lowering->is_delayed && l < lowering->layers;
    return (struct stored_tensor){.kind = STORED_WORDS,
                                  .items = whole_range(spread.map),
                                  .layer = l,
                                  .words = spread.words_per_tile,
                                  .in_state = is_state,
                                  .in_history = l < lowering->layers || !lowering->is_on_membranes,
                                  .in_head = is_state};
}

#define TENSORS_OF_LAYER 3u // floats, ids and counts

struct stored_state sparse_stored_state(const void *context)
{
    const struct sparse_lowering *lowering = context;
    uint32_t float_bytes = lowering->training->checkpoints.state_bytes;
    struct stored_state state = {
        .program = lowering->program,
        .tensors = xcalloc((size_t)lowering->layers * TENSORS_OF_LAYER, sizeof *state.tensors),
        .tiles = lowering->tiles,
        .float_bytes = float_bytes == 0 ? EXCHANGE_WORD_BYTES : float_bytes,
        .streaming = lowering->config->streaming};
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        state.tensors[state.tensor_count++] = floats_of(lowering, l);
        if (sparse_packs_spikes(lowering)) {
            state.tensors[state.tensor_count++] =
                spread_of(lowering, l, sparse_packed(lowering, l));
        } else {
            state.tensors[state.tensor_count++] = spread_of(lowering, l, sparse_ids(lowering, l));
            state.tensors[state.tensor_count++] =
                spread_of(lowering, l, sparse_counts(lowering, l));
        }
    }
    return state;
}

// --- the loss, a time step at a time ------------------------------------------------------------
static void add_output_scatter(struct sparse_lowering *lowering, enum record_list list,
                               uint32_t cleared_words)
{
    struct item_range samples = sparse_loss_samples(lowering);
    program_add_group(lowering->program, &(struct vertex_group){.codelet = CODELET_scatter_ids,
                                                                .dealing = DEAL_SEGMENTS,
                                                                .place = samples.map,
                                                                .items = samples.count,
                                                                .sizes = {cleared_words},
                                                                .vertices = 1,
                                                                .parts = 1,
                                                                .list = list,
                                                                .layer = lowering->layers,
                                                                .network_layer = lowering->layers});
}

static void emit_output_ids(struct sparse_lowering *lowering, enum sparse_row row, const char *name)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    sparse_exchange(lowering, row, name);
    emit_flow(lowering->program, FLOW_REDISTRIBUTE,
              whole_range(sparse_ids(lowering, lowering->layers).map),
              sparse_loss_samples(lowering), WORD * lowering->batch * (output->slots + 1));
}

static bool returns_spikes(const struct sparse_lowering *lowering)
{
    return lowering->config->host_output == HOST_OUTPUT_SPIKES;
}

// The output's ids and counts of all time steps, if the host wants them.
static void emit_returned_spikes(struct sparse_lowering *lowering)
{
    struct spread tensors[2] = {sparse_ids(lowering, lowering->layers),
                                sparse_counts(lowering, lowering->layers)};
    for (uint32_t i = 0; i < 2; i++) {
        sparse_index_broadcast(lowering, ROW_C1, whole_range(tensors[i].map), "C1 index");
        sparse_compute(lowering, ROW_C1, "C1 save output spikes");
        emit_each(lowering->program, CODELET_slice, whole_range(tensors[i].map),
                  (struct vertex_sizes){tensors[i].words_per_tile, 1, 0, 0}, lowering->layers);
    }
}

void sparse_emit_spike_count(struct sparse_lowering *lowering)
{
    uint32_t neurons = sparse_layer(lowering, lowering->layers)->neurons;
    lowering->first_layer = lowering->last_layer = lowering->layers;
    if (returns_spikes(lowering)) {
        emit_returned_spikes(lowering);
    }
    if (lowering->is_on_membranes) {
        return; // summed by the neuron update
    }
    emit_output_ids(lowering, ROW_C1, "C1 output ids to sample tiles");
    sparse_compute(lowering, ROW_C1, "C1 output spikes to dense");
    add_output_scatter(lowering, LIST_SPIKES, neurons);
    sparse_compute(lowering, ROW_C1, "C1 count spikes");
    emit_each(lowering->program, CODELET_elementwise, sparse_loss_samples(lowering),
              (struct vertex_sizes){neurons, 2, 1, 0}, lowering->layers);
}

void sparse_emit_output_gradient(struct sparse_lowering *lowering)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    lowering->first_layer = lowering->last_layer = lowering->layers;
    emit_output_ids(lowering, ROW_C2, "C2 output ids to sample tiles");
    sparse_compute(lowering, ROW_C2, "C2 gradient at listed ids");
    add_output_scatter(lowering, LIST_LISTED, output->slots);
    sparse_exchange(lowering, ROW_C2, "C2 output gradient to its tiles");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE, sparse_loss_samples(lowering),
              whole_range(sparse_ids(lowering, lowering->layers).map),
              WORD * lowering->batch * output->slots);
    lowering->first_layer = 1;
}

// --- copies -------------------------------------------------------------------------------------
bool sparse_has_packed_states(const struct sparse_lowering *lowering)
{
    return sparse_packs_spikes(lowering) && lowering->is_delayed && lowering->layers > 1;
}

void sparse_emit_copy(void *context, const struct stored_state *state, enum state_copy copy)
{
    struct sparse_lowering *lowering = context;
    bool is_stored = copy != STATE_FROM_SLOT && copy != STATE_FROM_BUFFER;
    bool packs = sparse_has_packed_states(lowering);
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layers - 1;
    if (packs && is_stored) {
        sparse_emit_pack(lowering, -1);
    }
    stored_emit_copy(state, copy);
    if (packs && !is_stored) {
        sparse_emit_unpack(lowering, -1);
    }
}

// --- variables ----------------------------------------------------------------------------------
// Input ids of all time steps stay: 4 B (S_0 + 1) bytes of a time step, over all tiles.
static void add_input(struct sparse_lowering *lowering)
{
    struct spread tensors[2] = {sparse_ids(lowering, 0), sparse_counts(lowering, 0)};
    for (uint32_t i = 0; i < 2 && !lowering->is_analog; i++) {
        struct item_range items = whole_range(tensors[i].map);
        uint64_t bytes = WORD * tensors[i].words_per_tile * lowering->time_steps;
        uint32_t cast = sparse_span(lowering, ROW_CAST_IN, 0)->first;
        sparse_add_variable(lowering,
                            (struct variable_text){"input spikes, floats", VARIABLE_HISTORY, 0},
                            items, bytes, sparse_span(lowering, ROW_HOST_IN, 0)->first, cast);
        sparse_add_variable(lowering, (struct variable_text){"input spikes", VARIABLE_HISTORY, 0},
                            items, bytes, cast, sparse_span(lowering, ROW_BACKWARD_LOOP, 0)->last);
    }
}

static void add_loss(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    const struct layer_place *output = sparse_layer(lowering, l);
    struct item_range samples = sparse_loss_samples(lowering);
    uint64_t row_bytes = WORD * output->neurons;
    const struct step_span *count = sparse_span(lowering, ROW_C1, l);
    const struct step_span *gather = sparse_span(lowering, ROW_C2, l);
    const struct step_span *loss = sparse_span(lowering, ROW_LOSS, 0);
    if (lowering->is_on_membranes) {
        return; // neurons have the sum, and its gradient
    }
    sparse_add_variable(lowering, (struct variable_text){"spike counts", VARIABLE_STATE, l},
                        samples, row_bytes, sparse_span(lowering, ROW_ZERO_STATES, 0)->first,
                        loss->last);
    sparse_add_variable(
        lowering, (struct variable_text){"gradient of the logits", VARIABLE_STATE, l}, samples,
        row_bytes, loss->first, sparse_span(lowering, ROW_BACKWARD_LOOP, 0)->last);
    sparse_add_variable(lowering, (struct variable_text){"output ids (C2)", VARIABLE_EXCHANGE, l},
                        samples, WORD * (output->slots + 1), gather->first, gather->last);
    sparse_add_variable(lowering,
                        (struct variable_text){"output gradient at ids", VARIABLE_SCRATCH, l},
                        samples, WORD * output->slots, gather->first, gather->last);
    if (!count->is_used) {
        return; // this section runs time steps again
    }
    sparse_add_variable(lowering, (struct variable_text){"output ids (C1)", VARIABLE_EXCHANGE, l},
                        samples, WORD * (output->slots + 1), count->first, count->last);
    sparse_add_variable(lowering,
                        (struct variable_text){"output spikes, dense", VARIABLE_SCRATCH, l},
                        samples, row_bytes, count->first, count->last);
}

static void add_returned_spikes(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    struct spread tensors[2] = {sparse_ids(lowering, l), sparse_counts(lowering, l)};
    for (uint32_t i = 0; i < 2 && returns_spikes(lowering); i++) {
        sparse_add_variable(
            lowering, (struct variable_text){"output spikes for the host", VARIABLE_HISTORY, l},
            whole_range(tensors[i].map), WORD * tensors[i].words_per_tile * lowering->time_steps,
            sparse_span(lowering, ROW_FORWARD_LOOP, 0)->first,
            sparse_span(lowering, ROW_HOST_OUT, 0)->last);
    }
}

// Packed spikes of one time step, and a sample's while they are packed: for as long as any section
// may need them.
static void add_packing(struct sparse_lowering *lowering)
{
    uint32_t first = sparse_span(lowering, ROW_FORWARD_LOOP, 0)->first;
    uint32_t last = sparse_span(lowering, ROW_BACKWARD_LOOP, 0)->last;
    for (uint32_t l = 1; l <= lowering->layers && sparse_packs_spikes(lowering); l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        struct spread packed = sparse_packed(lowering, l);
        sparse_add_variable(lowering, (struct variable_text){"packed spikes", VARIABLE_STATE, l},
                            whole_range(packed.map), WORD * packed.words_per_tile, first, last);
        sparse_add_variable(
            lowering, (struct variable_text){"spikes of one sample (C6)", VARIABLE_EXCHANGE, l},
            sparse_combination(lowering, l),
            WORD * (layer->slots + 2 + sparse_packed_words(lowering, l)), first, last);
    }
}

void sparse_add_checkpoint_variables(struct sparse_lowering *lowering)
{
    add_input(lowering);
    add_loss(lowering);
    add_returned_spikes(lowering);
    add_packing(lowering);
}

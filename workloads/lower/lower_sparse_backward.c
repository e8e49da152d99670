// Rows B1..B10 of docs/schedule.md. Convention as in lower_sparse_forward.c. Layers 2..L send
// gradients to the layer below; layer l reads the slot gradients that layer l + 1 left one time
// step later (or, with no layer delay, in the same one).
#include "sim/units.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

// --- B1, B2: indices and library slices ---------------------------------------------------------
static void emit_b1(struct sparse_lowering *lowering)
{
    for (uint32_t i = 0; i < 2; i++) { // the index of t and the index of t - 1
        program_begin_compute(lowering->program, "B1 update index");
        sparse_count_loops(lowering);
    }
}

static void emit_slice(struct sparse_lowering *lowering, const char *name, uint32_t l,
                       struct tile_map map, uint32_t words_per_tile)
{
    sparse_index_broadcast(lowering, ROW_B2, whole_range(map), "B2 index");
    sparse_compute(lowering, ROW_B2, name);
    emit_each(lowering->program, CODELET_slice, whole_range(map),
              (struct vertex_sizes){words_per_tile, 1, 0, 0}, l);
}

static void emit_id_slices(struct sparse_lowering *lowering, uint32_t l, const char *ids_name,
                           const char *counts_name)
{
    if (l > 0 && sparse_packs_spikes(lowering)) {
        struct spread packed = sparse_packed(lowering, l);
        emit_slice(lowering, "B2 slice packed spikes", l, packed.map, packed.words_per_tile);
        return;
    }
    struct spread ids = sparse_ids(lowering, l);
    struct spread counts = sparse_counts(lowering, l);
    emit_slice(lowering, ids_name, l, ids.map, ids.words_per_tile);
    emit_slice(lowering, counts_name, l, counts.map, counts.words_per_tile);
}

// What was sliced of the layers up to `last`, as ids again.
static void emit_unpacked(struct sparse_lowering *lowering, uint32_t last, int32_t time_offset)
{
    if (last > 0 && sparse_packs_spikes(lowering)) {
        lowering->last_layer = last;
        sparse_emit_unpack(lowering, time_offset);
        lowering->last_layer = lowering->layers;
    }
}

static void emit_b2(struct sparse_lowering *lowering)
{
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layers;
    if (!lowering->is_analog) {
        emit_id_slices(lowering, 0, "B2 slice input ids", "B2 slice input counts");
    }
    for (uint32_t l = 1; lowering->is_delayed && l < lowering->layers; l++) {
        emit_id_slices(lowering, l, "B2 slice ids of t-1", "B2 slice counts of t-1");
    }
    emit_unpacked(lowering, lowering->is_delayed ? lowering->layers - 1 : 0, -1);
    if (!lowering->is_on_membranes && lowering->pass.plan == NULL) {
        struct spread gradients = sparse_ids(lowering, lowering->layers);
        emit_slice(lowering, "B2 slice output gradient", lowering->layers, gradients.map,
                   gradients.words_per_tile);
    }
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        if (l < lowering->layers || !lowering->is_on_membranes) {
            emit_id_slices(lowering, l, "B2 slice ids of t", "B2 slice counts of t");
        }
        for (uint32_t i = 0; i < tiles_count_saved(lowering->graph, l); i++) {
            uint32_t tensor = tiles_saved_tensor(lowering->graph, l, i);
            for (uint32_t s = 0; s < tiles_count_slices(lowering->graph, tensor); s++) {
                emit_slice(lowering, "B2 slice states", l, placement_neurons(layer),
                           lowering->batch * layer->neurons_per_tile);
            }
        }
    }
    emit_unpacked(lowering, lowering->layers - lowering->is_on_membranes, 0);
}

// --- B3, B5: dense elementwise ops of the backward pass -----------------------------------------
static void emit_fused(struct sparse_lowering *lowering, enum region_kind kind, enum sparse_row row,
                       const char *name)
{
    bool is_open = false;
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct region *region = tiles_find_region(lowering->graph, kind, l);
        if (region == NULL) {
            continue;
        }
        if (!is_open) {
            sparse_compute(lowering, row, name);
            is_open = true;
        }
        const struct layer_place *layer = sparse_layer(lowering, l);
        struct elementwise_slots slots = tiles_region_slots(region);
        emit_each(lowering->program, CODELET_fused_elementwise,
                  whole_range(placement_neurons(layer)),
                  (struct vertex_sizes){lowering->batch * layer->neurons_per_tile, slots.loads,
                                        slots.stores, slots.arithmetic},
                  l);
    }
}

// Copies of tensors that an op changes in place though they are needed later, all layers at once.
static void emit_library_copies(struct sparse_lowering *lowering, enum region_kind kind,
                                enum sparse_row row)
{
    bool is_open = false;
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct region *region = tiles_find_region(lowering->graph, kind, l);
        const struct layer_place *layer = sparse_layer(lowering, l);
        for (uint32_t i = 0; region != NULL && i < region->op_count; i++) {
            if (!tiles_library_op(lowering->graph, region, i).copies_first) {
                continue;
            }
            if (!is_open) {
                sparse_compute(lowering, row, kind == REGION_CARRY ? "B3 copy" : "B5 copy");
                is_open = true;
            }
            emit_each(lowering->program, CODELET_on_tile_copy,
                      whole_range(placement_neurons(layer)),
                      (struct vertex_sizes){
                          EXCHANGE_WORD_BYTES * lowering->batch * layer->neurons_per_tile, 1, 0, 0},
                      l);
        }
    }
}

static void emit_library(struct sparse_lowering *lowering, enum region_kind kind,
                         enum sparse_row row, const char *name)
{
    emit_library_copies(lowering, kind, row);
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct region *region = tiles_find_region(lowering->graph, kind, l);
        const struct layer_place *layer = sparse_layer(lowering, l);
        for (uint32_t i = 0; region != NULL && i < region->op_count; i++) {
            struct library_op op = tiles_library_op(lowering->graph, region, i);
            if (op.operands == 0) {
                continue;
            }
            sparse_compute(lowering, row, name);
            emit_each(lowering->program, CODELET_elementwise, whole_range(placement_neurons(layer)),
                      (struct vertex_sizes){lowering->batch * layer->neurons_per_tile, op.operands,
                                            op.is_in_place, 0},
                      l);
        }
    }
}

static void emit_elementwise(struct sparse_lowering *lowering, enum region_kind kind,
                             enum sparse_row row, const char *name)
{
    if (lowering->config->elementwise == ELEMENTWISE_FUSED) {
        emit_fused(lowering, kind, row, name);
    } else {
        emit_library(lowering, kind, row, name);
    }
}

void sparse_emit_backward_slices(struct sparse_lowering *lowering)
{
    emit_b1(lowering);
    emit_b2(lowering);
    if (!lowering->is_on_membranes && lowering->pass.plan != NULL) {
        sparse_emit_output_gradient(lowering);
    }
    emit_elementwise(lowering, REGION_CARRY, ROW_B2, "B3 carry");
}

// --- B4: state gradient -------------------------------------------------------------------------
static struct item_range slot_gradients(const struct sparse_lowering *lowering, uint32_t l)
{
    return whole_range(l == lowering->layers ? sparse_ids(lowering, l).map
                                             : placement_reduction(sparse_layer(lowering, l + 1)));
}

static void emit_b4_tile_local(struct sparse_lowering *lowering)
{
    uint32_t last = sparse_last_of_gradients(lowering);
    sparse_exchange(lowering, ROW_B4, "B4 ids and gradients to neurons");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        struct item_range neurons = whole_range(placement_neurons(sparse_layer(lowering, l)));
        struct spread ids = sparse_ids(lowering, l);
        emit_broadcast(lowering->program, whole_range(ids.map), ids.words, neurons);
        emit_broadcast(lowering->program, whole_range(sparse_counts(lowering, l).map),
                       lowering->batch, neurons);
        emit_broadcast(lowering->program, slot_gradients(lowering, l), ids.words, neurons);
    }
    if (lowering->config->has_rearrangement) {
        sparse_compute(lowering, ROW_B4, "B4 rearrange");
        for (uint32_t l = lowering->first_layer; l <= last; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            uint64_t bytes =
                (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch * (2 * layer->slots + 1);
            sparse_rearrange(lowering, whole_range(placement_neurons(layer)), bytes,
                             2 * lowering->batch, l);
        }
    }
    sparse_compute(lowering, ROW_B4, "B4 state gradient");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        program_add_group(lowering->program, &(struct vertex_group){
                                                 .codelet = CODELET_state_gradient,
                                                 .dealing = DEAL_SAMPLES,
                                                 .place = placement_neurons(layer),
                                                 .items = layer->tiles,
                                                 .sizes = {layer->neurons_per_tile, 0, 0, 0},
                                                 .samples_per_vertex = 1,
                                                 .ids_per_item = layer->neurons_per_tile,
                                                 .list = LIST_LISTED,
                                                 .layer = l,
                                                 .network_layer = l,
                                             });
    }
}

static void emit_sample_gather(struct sparse_lowering *lowering)
{
    uint32_t last = sparse_last_of_gradients(lowering);
    sparse_exchange(lowering, ROW_B4, "B4 states to sample tiles");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        struct item_range samples = sparse_samples(lowering, l);
        struct spread ids = sparse_ids(lowering, l);
        // membrane, thresholds and delta of every neuron
        emit_flow(lowering->program, FLOW_ALL_TO_ALL, whole_range(placement_neurons(layer)),
                  samples, (uint64_t)3 * EXCHANGE_WORD_BYTES * layer->neurons_per_tile);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(ids.map), samples,
                  (uint64_t)EXCHANGE_WORD_BYTES * ids.words);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(sparse_counts(lowering, l).map),
                  samples, (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, slot_gradients(lowering, l), samples,
                  (uint64_t)EXCHANGE_WORD_BYTES * ids.words);
    }
    if (lowering->config->has_rearrangement) {
        sparse_compute(lowering, ROW_B4, "B4 rearrange");
        for (uint32_t l = lowering->first_layer; l <= last; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            sparse_rearrange(lowering, sparse_samples(lowering, l),
                             (uint64_t)3 * EXCHANGE_WORD_BYTES * layer->neurons, 3 * layer->tiles,
                             l);
        }
    }
}

static void emit_b4_per_sample(struct sparse_lowering *lowering)
{
    uint32_t last = sparse_last_of_gradients(lowering);
    emit_sample_gather(lowering);
    sparse_compute(lowering, ROW_B4, "B4 state gradient");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        struct item_range samples = sparse_samples(lowering, l);
        program_add_group(lowering->program,
                          &(struct vertex_group){
                              .codelet = CODELET_state_gradient_sample,
                              .dealing = DEAL_SEGMENTS,
                              .place = samples.map,
                              .items = samples.count,
                              .first_item = samples.first,
                              .sizes = {sparse_layer(lowering, l)->neurons, 0, 0, 0},
                              .vertices = 1,
                              .parts = 1,
                              .list = LIST_LISTED,
                              .layer = l,
                              .network_layer = l,
                          });
    }
    sparse_exchange(lowering, ROW_B4_RETURN, "B4 delta to neurons");
    for (uint32_t l = lowering->first_layer; l <= last; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        emit_flow(lowering->program, FLOW_ALL_TO_ALL, sparse_samples(lowering, l),
                  whole_range(placement_neurons(layer)),
                  (uint64_t)EXCHANGE_WORD_BYTES * layer->neurons_per_tile);
    }
}

// --- B6..B8: products on the neuron tiles -------------------------------------------------------
static void emit_b6(struct sparse_lowering *lowering)
{
    uint32_t first = sparse_first_of_spikes(lowering);
    if (first > lowering->last_layer) {
        return;
    }
    sparse_exchange(lowering, ROW_B6, "B6 input spikes to neurons");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        struct item_range neurons = whole_range(placement_neurons(sparse_layer(lowering, l)));
        struct spread ids = sparse_ids(lowering, l - 1);
        struct spread counts = sparse_counts(lowering, l - 1);
        emit_broadcast(lowering->program, whole_range(ids.map), ids.words, neurons);
        emit_broadcast(lowering->program, whole_range(counts.map), counts.words, neurons);
    }
    if (!lowering->config->has_rearrangement) {
        return;
    }
    sparse_compute(lowering, ROW_B6, "B6 rearrange");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        uint64_t bytes = (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch *
                         (layer->fan_in_slots + sparse_counts_per_sample(l - 1));
        sparse_rearrange(lowering, whole_range(placement_neurons(layer)), bytes, lowering->batch,
                         l);
    }
}

static void add_product_group(struct sparse_lowering *lowering, enum codelet codelet, uint32_t l,
                              enum record_list list, uint32_t samples_per_vertex)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    program_add_group(lowering->program, &(struct vertex_group){
                                             .codelet = codelet,
                                             .dealing = DEAL_SAMPLES,
                                             .place = placement_neurons(layer),
                                             .items = layer->tiles,
                                             .sizes = {layer->neurons_per_tile, 0, 0, 0},
                                             .samples_per_vertex = samples_per_vertex,
                                             .list = list,
                                             .layer = l - 1,
                                             .time_offset = sparse_input_offset(lowering, l),
                                             .network_layer = l,
                                         });
}

// Library op by library op, like the rest of the backward pass.
static void emit_bias_gradients(struct sparse_lowering *lowering, uint32_t first)
{
    if (first > lowering->last_layer || !sparse_has_bias(lowering, first)) {
        return;
    }
    sparse_compute(lowering, ROW_B7, "B7 bias gradient");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        sparse_add_bias_gradient(lowering, l);
    }
}

static void emit_error_sum(struct sparse_lowering *lowering)
{
    const struct layer_place *layer = sparse_layer(lowering, 1);
    sparse_compute(lowering, ROW_B5, "B5 sum errors over time");
    emit_each(lowering->program, CODELET_elementwise, whole_range(placement_neurons(layer)),
              (struct vertex_sizes){lowering->batch * layer->neurons_per_tile, 2, 1, 0}, 1);
}

static void emit_b7(struct sparse_lowering *lowering)
{
    uint32_t samples = (uint32_t)div_ceil(lowering->batch, lowering->contexts); // a gradient copy
    uint32_t of_spikes = sparse_first_of_spikes(lowering);
    uint32_t first = lowering->is_hoisted ? of_spikes : lowering->first_layer;
    if (first > lowering->first_layer) {
        emit_error_sum(lowering);
    }
    if (first > lowering->last_layer) {
        return;
    }
    sparse_compute(lowering, ROW_B7, "B7 weight gradient");
    if (first < of_spikes) {
        sparse_add_analog_weight_gradient(lowering);
    }
    for (uint32_t l = of_spikes; l <= lowering->last_layer; l++) {
        add_product_group(lowering, CODELET_weight_gradient, l, LIST_SPIKES, samples);
    }
    emit_bias_gradients(lowering, first);
}

static uint32_t first_with_gradient(const struct sparse_lowering *lowering)
{
    return (uint32_t)max_u64(lowering->first_layer, 2);
}

static void emit_b8(struct sparse_lowering *lowering)
{
    sparse_compute(lowering, ROW_B8, "B8 spike gradient");
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        add_product_group(lowering, CODELET_spike_gradient, l, LIST_LISTED, 1);
    }
}

// --- B9, B10: sum over the neuron tiles ---------------------------------------------------------
static uint64_t partial_bytes(const struct sparse_lowering *lowering,
                              const struct layer_place *layer, uint32_t partials)
{
    return (uint64_t)partials * lowering->batch * layer->fan_in_slots * EXCHANGE_WORD_BYTES;
}

static void emit_b9(struct sparse_lowering *lowering)
{
    sparse_exchange(lowering, ROW_B9, "B9 partial gradients to reduction tiles");
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(placement_neurons(layer)),
                  whole_range(placement_reduction(layer)),
                  partial_bytes(lowering, layer, layer->tiles));
    }
    if (lowering->config->has_rearrangement) {
        sparse_compute(lowering, ROW_B9, "B9 rearrange");
        for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            uint64_t bytes =
                div_ceil(partial_bytes(lowering, layer, layer->tiles), layer->reduce_tiles);
            uint32_t words = (uint32_t)div_ceil(bytes, EXCHANGE_WORD_BYTES);
            sparse_rearrange(lowering, whole_range(placement_reduction(layer)), bytes, words, l);
        }
    }
    sparse_compute(lowering, ROW_B9, "B9 reduce stage 1");
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        program_add_group(lowering->program, &(struct vertex_group){
                                                 .codelet = CODELET_reduce_stage1,
                                                 .dealing = DEAL_SLOTS,
                                                 .place = placement_reduction(layer),
                                                 .items = layer->reduce_tiles,
                                                 .sizes = {layer->reduce_partials, 0, 0, 0},
                                                 .groups = layer->reduce_groups,
                                                 .list = LIST_LISTED,
                                                 .layer = l - 1,
                                                 .time_offset = sparse_input_offset(lowering, l),
                                                 .network_layer = l,
                                             });
    }
}

static bool needs_b10(const struct sparse_lowering *lowering)
{
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        if (sparse_layer(lowering, l)->reduce_groups > 1) {
            return true;
        }
    }
    return false;
}

static void emit_b10(struct sparse_lowering *lowering)
{
    sparse_exchange(lowering, ROW_B10, "B10 group sums");
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        if (layer->reduce_groups > 1) {
            struct tile_map map = placement_reduction(layer);
            emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(map), rotated_range(map),
                      partial_bytes(lowering, layer, layer->reduce_groups));
        }
    }
    sparse_compute(lowering, ROW_B10, "B10 reduce stage 2");
    for (uint32_t l = first_with_gradient(lowering); l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        if (layer->reduce_groups > 1) {
            uint32_t outputs = (uint32_t)div_ceil((uint64_t)lowering->batch * layer->fan_in_slots,
                                                  layer->reduce_tiles);
            emit_reduction(lowering->program,
                           &(struct reduction){.items = whole_range(placement_reduction(layer)),
                                               .partials = layer->reduce_groups,
                                               .outputs = outputs,
                                               .contexts = lowering->contexts},
                           l);
        }
    }
}

void sparse_emit_backward_rows(struct sparse_lowering *lowering)
{
    if (sparse_last_of_gradients(lowering) < lowering->first_layer) {
        // the output's spikes have no part in a loss on membranes
    } else if (lowering->config->state_gradient == STATE_GRADIENT_PER_SAMPLE) {
        emit_b4_per_sample(lowering);
    } else {
        emit_b4_tile_local(lowering);
    }
    emit_elementwise(lowering, REGION_INPUT_GRADIENT, ROW_B5, "B5 error");
    emit_b6(lowering);
    emit_b7(lowering);
    if (lowering->last_layer < 2) {
        return; // nothing below wants a gradient
    }
    emit_b8(lowering);
    emit_b9(lowering);
    if (needs_b10(lowering)) {
        emit_b10(lowering);
    }
}

// Rows F0..F9 of docs/schedule.md. Convention: emit_f<row> opens the row's exchange and compute set
// and adds one group (or flow) for each layer from first_layer to last_layer. Exchanges and
// reductions move slots, whatever the true counts are; vertices that loop over ids name the list of
// the record.
#include "sim/units.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

#define FLAG_BYTES EXCHANGE_WORD_BYTES // flags are words

// --- F0: the counter of the library's counted loop ----------------------------------------------
static void emit_f0(struct sparse_lowering *lowering)
{
    program_begin_compute(lowering->program, "F0 loop counter");
    sparse_count_loops(lowering);
}

// --- F1: library slices of the input of this time step ------------------------------------------
void sparse_emit_forward_slices(struct sparse_lowering *lowering)
{
    if (lowering->is_analog) {
        return; // on the neuron tiles already
    }
    emit_f0(lowering);
    struct spread ids = sparse_ids(lowering, 0);
    struct spread counts = sparse_counts(lowering, 0);
    lowering->first_layer = lowering->last_layer = 1;
    sparse_index_broadcast(lowering, ROW_F1, whole_range(ids.map), "F1 index");
    sparse_compute(lowering, ROW_F1, "F1 slice input ids");
    emit_each(lowering->program, CODELET_slice, whole_range(ids.map),
              (struct vertex_sizes){ids.words_per_tile, 1, 0, 0}, 1);
    sparse_index_broadcast(lowering, ROW_F1, whole_range(counts.map), "F1 index");
    sparse_compute(lowering, ROW_F1, "F1 slice input counts");
    emit_each(lowering->program, CODELET_slice, whole_range(counts.map),
              (struct vertex_sizes){counts.words_per_tile, 1, 0, 0}, 1);
}

// --- F2: ids and counts to the next layer's input tensors ---------------------------------------
static void emit_f2(struct sparse_lowering *lowering)
{
    if (lowering->last_layer < 2) {
        return;
    }
    program_begin_exchange(lowering->program, "F2 spikes to next layer");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        if (l < 2) {
            continue;
        }
        struct tile_map map = sparse_ids(lowering, l - 1).map;
        uint64_t bytes = (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch *
                         (sparse_layer(lowering, l)->fan_in_slots + 1);
        struct tile_map input = sparse_as_input(lowering, sparse_ids(lowering, l - 1), l).map;
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(map), rotated_range(input),
                  bytes);
    }
}

// --- F3: neuron update --------------------------------------------------------------------------
static void emit_f3_spikes(struct sparse_lowering *lowering)
{
    uint32_t first = sparse_first_of_spikes(lowering);
    if (first > lowering->last_layer) {
        return;
    }
    sparse_exchange(lowering, ROW_F3, "F3 spikes to neurons");
    for (uint32_t l = first; l <= lowering->last_layer; l++) {
        struct item_range neurons = whole_range(placement_neurons(sparse_layer(lowering, l)));
        struct spread ids = sparse_as_input(lowering, sparse_ids(lowering, l - 1), l);
        struct spread counts = sparse_as_input(lowering, sparse_counts(lowering, l - 1), l);
        emit_broadcast(lowering->program, whole_range(ids.map), ids.words, neurons);
        emit_broadcast(lowering->program, whole_range(counts.map), lowering->batch, neurons);
    }
    if (lowering->config->has_rearrangement) {
        sparse_compute(lowering, ROW_F3, "F3 rearrange");
        for (uint32_t l = first; l <= lowering->last_layer; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            uint64_t bytes =
                (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch * (layer->fan_in_slots + 1);
            sparse_rearrange(lowering, whole_range(placement_neurons(layer)), bytes,
                             lowering->batch, l);
        }
    }
}

// What runs again leaves the sum of the output's membranes alone: no load, no store, no addition.
static struct elementwise_slots update_slots(const struct sparse_lowering *lowering, uint32_t l)
{
    struct elementwise_slots slots = tiles_update_slots(lowering->graph, l);
    if (lowering->is_on_membranes && l == lowering->layers && !lowering->pass.is_first_run) {
        slots.loads -= 2; // memory slots
        slots.arithmetic -= 1;
    }
    return slots;
}

static void emit_f3(struct sparse_lowering *lowering)
{
    uint32_t first = sparse_first_of_spikes(lowering);
    emit_f3_spikes(lowering);
    if (first > lowering->first_layer && !lowering->is_hoisted) {
        sparse_compute(lowering, ROW_F3, "F3 product of the analog input");
        sparse_add_analog_product(lowering);
    }
    sparse_compute(lowering, ROW_F3, "F3 neuron update");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        struct elementwise_slots slots = update_slots(lowering, l);
        if (l < first) { // the current is in memory and not in a register
            emit_dealt(lowering->program, CODELET_lif_update, whole_range(placement_neurons(layer)),
                       lowering->batch * layer->tiles,
                       (struct vertex_sizes){layer->neurons_per_tile, slots.loads + 1,
                                             slots.arithmetic, 0},
                       l);
            continue;
        }
        program_add_group(lowering->program,
                          &(struct vertex_group){
                              .codelet = CODELET_lif_update,
                              .dealing = DEAL_SAMPLES,
                              .place = placement_neurons(layer),
                              .items = layer->tiles,
                              .sizes = {layer->neurons_per_tile, slots.loads, slots.arithmetic, 0},
                              .samples_per_vertex = 1,
                              .list = LIST_SPIKES,
                              .layer = l - 1,
                              .time_offset = sparse_input_offset(lowering, l),
                              .network_layer = l,
                          });
    }
}

// --- F4: thresholds -----------------------------------------------------------------------------
static void emit_f4(struct sparse_lowering *lowering)
{
    sparse_compute(lowering, ROW_F4, "F4 threshold flags");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        emit_dealt(lowering->program, CODELET_threshold_flags,
                   whole_range(placement_neurons(layer)),
                   layer->tiles * layer->neurons_per_tile * lowering->batch,
                   (struct vertex_sizes){0, 0, 0, 0}, l);
    }
}

// --- F5..F7 on the compaction tiles -------------------------------------------------------------
static struct item_range compaction_range(const struct layer_place *layer, uint32_t position,
                                          uint32_t count)
{
    return (struct item_range){.map = layer->compaction, .first = position, .count = count};
}

static void emit_f5(struct sparse_lowering *lowering)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        sparse_compute(lowering, ROW_F5, "F5 random offsets");
        // both lists: their positions follow each other
        emit_each(
            lowering->program, CODELET_random_uniform,
            compaction_range(layer, layer->spikes_position, 2 * lowering->batch * layer->parts),
            (struct vertex_sizes){layer->segments, 0, 0, 0}, l);
    }
}

// Flags of the neurons first..end-1 of a layer, one message to each sample's tile from each neuron
// tile; tiles at the ends may hold neurons of two parts, and send fewer words.
static void emit_part_flags(struct sparse_lowering *lowering, const struct layer_place *layer,
                            struct item_range destination, uint32_t first, uint32_t end)
{
    while (first < end) {
        uint32_t tile = first / layer->neurons_per_tile;
        uint32_t offset = first % layer->neurons_per_tile;
        uint32_t neurons = layer->neurons_per_tile - offset;
        uint32_t tiles = 1;
        if (offset == 0 && end - first >= layer->neurons_per_tile) {
            tiles = (end - first) / layer->neurons_per_tile;
        }
        neurons = (uint32_t)min_u64(neurons, end - first);
        struct item_range source = {.map = placement_neurons(layer), .first = tile, .count = tiles};
        emit_flow(lowering->program, FLOW_ALL_TO_ALL, source, destination,
                  (uint64_t)neurons * FLAG_BYTES);
        first += neurons * tiles;
    }
}

// Part p of every sample goes to the p-th run of `batch` positions. Vertices count positions sample
// by sample (sim/program.h): a permutation of tiles that receive and do the same amount.
static void emit_flags(struct sparse_lowering *lowering, uint32_t l, uint32_t position)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    for (uint32_t part = 0; part < layer->parts; part++) {
        uint32_t first = part * layer->part_neurons;
        uint32_t end = (uint32_t)min_u64(first + layer->part_neurons, layer->neurons);
        struct item_range destination =
            compaction_range(layer, position + part * lowering->batch, lowering->batch);
        emit_part_flags(lowering, layer, destination, first, end);
    }
}

static void add_compaction_group(struct sparse_lowering *lowering, enum codelet codelet, uint32_t l,
                                 bool is_near, uint32_t vertices)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    program_add_group(lowering->program,
                      &(struct vertex_group){
                          .codelet = codelet,
                          .dealing = DEAL_SEGMENTS,
                          .place = layer->compaction,
                          .items = lowering->batch * layer->parts,
                          .first_item = is_near ? layer->near_position : layer->spikes_position,
                          .vertices = vertices,
                          .parts = layer->parts,
                          .list = is_near ? LIST_NEAR : LIST_SPIKES,
                          .layer = l,
                          .network_layer = l,
                      });
}

static void emit_f6(struct sparse_lowering *lowering)
{
    sparse_exchange(lowering, ROW_F6, "F6 flags to compaction tiles");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        emit_flags(lowering, l, sparse_layer(lowering, l)->spikes_position);
        emit_flags(lowering, l, sparse_layer(lowering, l)->near_position);
    }
    if (lowering->config->has_rearrangement) {
        sparse_compute(lowering, ROW_F6, "F6 rearrange");
        for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
            const struct layer_place *layer = sparse_layer(lowering, l);
            sparse_rearrange(
                lowering,
                compaction_range(layer, layer->spikes_position, 2 * lowering->batch * layer->parts),
                (uint64_t)layer->part_neurons * FLAG_BYTES, layer->segments, l);
        }
    }
    sparse_compute(lowering, ROW_F6, "F6 compact flags");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        uint32_t segments = sparse_layer(lowering, l)->segments;
        add_compaction_group(lowering, CODELET_compact_flags, l, false, segments);
        add_compaction_group(lowering, CODELET_compact_flags, l, true, segments);
    }
}

static void emit_f7(struct sparse_lowering *lowering)
{
    sparse_compute(lowering, ROW_F7, "F7 combine segments");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_compaction_group(lowering, CODELET_combine_parts, l, false, 1);
        add_compaction_group(lowering, CODELET_combine_parts, l, true, 1);
    }
}

// --- F8: one tile for each (layer, sample), evenly over the layer's chip -------------------------
static void emit_f8(struct sparse_lowering *lowering)
{
    sparse_exchange(lowering, ROW_F8, "F8 parts to sample tiles");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        // a part sends its capacity: no more ids than it has neurons, or than the layer has slots
        uint64_t bytes = (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch * layer->parts *
                         min_u64(layer->slots, layer->part_neurons);
        uint32_t positions[2] = {layer->spikes_position, layer->near_position};
        for (uint32_t list = 0; list < 2; list++) {
            emit_flow(lowering->program, FLOW_REDISTRIBUTE,
                      compaction_range(layer, positions[list], lowering->batch * layer->parts),
                      sparse_combination(lowering, l), bytes);
        }
    }
    sparse_compute(lowering, ROW_F8, "F8 combine lists");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        struct item_range items = sparse_combination(lowering, l);
        program_add_group(lowering->program,
                          &(struct vertex_group){
                              .codelet = CODELET_combine_samples,
                              .dealing = DEAL_SEGMENTS,
                              .place = items.map,
                              .items = items.count,
                              .first_item = items.first,
                              .sizes = {2 * sparse_layer(lowering, l)->parts, 0, 0, 0},
                              .vertices = 1,
                              .parts = 1,
                              .list = LIST_LISTED,
                              .layer = l,
                              .network_layer = l,
                          });
    }
}

// --- F9: library updates of the histories -------------------------------------------------------
// Every update reads the time step's number: it lies on tile 0, and what a set fetches lives no longer
// than the set. (The same for the slices of F1 and B2.)
static void emit_slice_set(struct sparse_lowering *lowering, const char *name, uint32_t l,
                           struct tile_map map, uint32_t words_per_tile)
{
    sparse_index_broadcast(lowering, ROW_F9, whole_range(map), "F9 index");
    sparse_compute(lowering, ROW_F9, name);
    emit_each(lowering->program, CODELET_slice, whole_range(map),
              (struct vertex_sizes){words_per_tile, 1, 0, 0}, l);
}

static void emit_f9(struct sparse_lowering *lowering)
{
    sparse_exchange(lowering, ROW_F9, "F9 ids to histories");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        uint64_t bytes = (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch *
                         (sparse_layer(lowering, l)->slots + 2);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, sparse_combination(lowering, l),
                  whole_range(sparse_ids(lowering, l).map), bytes);
    }
    if (!lowering->pass.keeps_history) {
        return;
    }
    if (sparse_packs_spikes(lowering)) {
        sparse_emit_packing(lowering, 0);
    }
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        const struct layer_place *layer = sparse_layer(lowering, l);
        uint32_t words = lowering->batch * layer->neurons_per_tile;
        for (uint32_t i = 0; i < tiles_count_saved(lowering->graph, l); i++) {
            emit_slice_set(lowering, "F9 save states", l, placement_neurons(layer), words);
        }
        if (lowering->pass.plan != NULL && l == lowering->layers && lowering->is_on_membranes) {
            continue; // nobody reads its spikes again
        }
        if (sparse_packs_spikes(lowering)) {
            struct spread packed = sparse_packed(lowering, l);
            emit_slice_set(lowering, "F9 save packed spikes", l, packed.map, packed.words_per_tile);
            continue;
        }
        struct spread ids = sparse_ids(lowering, l);
        struct spread counts = sparse_counts(lowering, l);
        emit_slice_set(lowering, "F9 save ids", l, ids.map, ids.words_per_tile);
        emit_slice_set(lowering, "F9 save counts", l, counts.map, counts.words_per_tile);
    }
}

void sparse_emit_forward_rows(struct sparse_lowering *lowering)
{
    emit_f2(lowering);
    emit_f3(lowering);
    emit_f4(lowering);
    emit_f5(lowering);
    emit_f6(lowering);
    emit_f7(lowering);
    emit_f8(lowering);
    emit_f9(lowering);
}

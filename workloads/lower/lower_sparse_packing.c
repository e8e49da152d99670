// Spikes as bits (rows C6 of docs/schedule.md): lists of ids go to the tile of their sample, become
// one bit a neuron and list there, and are spread over the chip like a library tensor; and back.
// Costs are those of relatives, a guess for both: a bit is set as an element is in the dense form
// of a list (load of the id, store), and looked at as a flag is (F6: load, branch, counter), by all
// workers, whose lists are combined as F7 does.
#include "sim/units.h"
#include "workloads/lower/lower_tiles_sparse.h"

#define BITS_OF_WORD (8u * EXCHANGE_WORD_BYTES)

bool sparse_packs_spikes(const struct sparse_lowering *lowering)
{
    return lowering->pass.plan != NULL && lowering->training->checkpoints.has_packed_spikes;
}

// Spikes, and near-threshold ids where a second threshold lists them.
static uint32_t lists_of(const struct sparse_lowering *lowering, uint32_t l)
{
    const struct graph_layer *layer = &lowering->graph->layers[l - 1];
    return layer->theta2 < layer->theta1 ? 2 : 1;
}

uint32_t sparse_packed_words(const struct sparse_lowering *lowering, uint32_t l)
{
    return lists_of(lowering, l) *
           (uint32_t)div_ceil(sparse_layer(lowering, l)->neurons, BITS_OF_WORD);
}

struct spread sparse_packed(const struct sparse_lowering *lowering, uint32_t l)
{
    return placement_spread(lowering->batch * sparse_packed_words(lowering, l),
                            sparse_layer(lowering, l)->chip_tile, lowering->tiles);
}

static void add_groups(struct sparse_lowering *lowering, uint32_t l,
                       const struct vertex_group *like)
{
    static const enum record_list lists[2] = {LIST_SPIKES, LIST_NEAR};
    struct item_range samples = sparse_combination(lowering, l);
    for (uint32_t i = 0; i < lists_of(lowering, l); i++) {
        struct vertex_group group = *like;
        group.dealing = DEAL_SEGMENTS;
        group.place = samples.map;
        group.items = samples.count;
        group.first_item = samples.first;
        group.parts = 1;
        group.list = lists[i];
        group.layer = l;
        group.network_layer = l;
        program_add_group(lowering->program, &group);
    }
}

// Between the tiles of the samples and those of ids or bits, all layers that rows are emitted for.
static void emit_move(struct sparse_lowering *lowering, const char *name, bool is_packed,
                      bool is_to_samples)
{
    program_begin_exchange(lowering->program, name);
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        uint32_t words =
            is_packed ? sparse_packed_words(lowering, l) : sparse_layer(lowering, l)->slots + 2;
        struct item_range spread =
            whole_range((is_packed ? sparse_packed(lowering, l) : sparse_ids(lowering, l)).map);
        struct item_range samples = sparse_combination(lowering, l);
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, is_to_samples ? spread : samples,
                  is_to_samples ? samples : spread,
                  (uint64_t)EXCHANGE_WORD_BYTES * lowering->batch * words);
    }
}

void sparse_emit_packing(struct sparse_lowering *lowering, int32_t time_offset)
{
    program_begin_compute(lowering->program, "C6 pack spikes");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        uint32_t words = sparse_packed_words(lowering, l) / lists_of(lowering, l);
        add_groups(lowering, l,
                   &(struct vertex_group){.codelet = CODELET_scatter_ids,
                                          .sizes = {words},
                                          .vertices = 1,
                                          .time_offset = time_offset});
    }
    emit_move(lowering, "C6 packed spikes to their tiles", true, false);
}

void sparse_emit_pack(struct sparse_lowering *lowering, int32_t time_offset)
{
    emit_move(lowering, "C6 ids to sample tiles", false, true);
    sparse_emit_packing(lowering, time_offset);
}

void sparse_emit_unpack(struct sparse_lowering *lowering, int32_t time_offset)
{
    emit_move(lowering, "C6 packed spikes to sample tiles", true, true);
    program_begin_compute(lowering->program, "C6 unpack spikes");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        uint32_t vertices =
            (uint32_t)min_u64(lowering->contexts, sparse_layer(lowering, l)->neurons);
        add_groups(lowering, l,
                   &(struct vertex_group){.codelet = CODELET_compact_flags,
                                          .vertices = vertices,
                                          .time_offset = time_offset});
    }
    program_begin_compute(lowering->program, "C6 combine segments");
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        add_groups(lowering, l,
                   &(struct vertex_group){.codelet = CODELET_combine_parts,
                                          .vertices = 1,
                                          .time_offset = time_offset});
    }
    emit_move(lowering, "C6 ids to their tiles", false, false);
}

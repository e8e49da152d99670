// What the dense program stores under a checkpoint plan: everything lies where it is written, with
// the neurons.
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lower_checkpoint_state.h"
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

static struct stored_tensor floats_of(const struct dense_lowering *lowering, uint32_t l,
                                      uint32_t chip)
{
    const struct dense_layer *layer = &lowering->layers[l];
    return (struct stored_tensor){.kind = STORED_FLOATS,
                                  .items = dense_on_chip(lowering, dense_neurons(layer), chip),
                                  .layer = l,
                                  .elements = layer->elements,
                                  .words = layer->elements,
                                  .in_state = tiles_count_states(lowering->graph, l),
                                  .in_history = tiles_count_saved(lowering->graph, l),
                                  .in_head = tiles_count_saved_before(lowering->graph, l)};
}

// With a layer delay spikes are states that the next layer reads, and its weight gradient reads.
static struct stored_tensor spikes_of(const struct dense_lowering *lowering, uint32_t l,
                                      uint32_t chip)
{
    const struct dense_layer *layer = &lowering->layers[l];
    bool is_read = l < lowering->layer_count;
    return (struct stored_tensor){.kind = STORED_SPIKES,
                                  .items = dense_on_chip(lowering, dense_neurons(layer), chip),
                                  .layer = l,
                                  .elements = layer->elements,
                                  .words = dense_words(lowering, layer->elements),
                                  .in_state = is_read && lowering->is_delayed,
                                  .in_history = is_read,
                                  .in_head = is_read && lowering->is_delayed};
}

struct stored_state dense_stored_state(const void *context)
{
    const struct dense_lowering *lowering = context;
    const struct checkpoint_config *config = &lowering->training->checkpoints;
    struct stored_state state = {
        .program = lowering->program,
        .tensors =
            xcalloc((size_t)lowering->layer_count * lowering->chips * 2, sizeof *state.tensors),
        .tiles = lowering->tiles,
        .float_bytes = config->state_bytes == 0 ? EXCHANGE_WORD_BYTES : config->state_bytes,
        .packs_spikes = config->has_packed_spikes,
        .streaming = lowering->streaming};
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        for (uint32_t chip = 0; chip < lowering->layers[l].chips; chip++) {
            state.tensors[state.tensor_count++] = floats_of(lowering, l, chip);
            state.tensors[state.tensor_count++] = spikes_of(lowering, l, chip);
        }
    }
    return state;
}

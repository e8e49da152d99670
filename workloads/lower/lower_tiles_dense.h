// The dense lowering from inside: what its files share. Its rows: docs/schedule.md.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_TILES_DENSE_H
#define TILESIM_WORKLOADS_LOWER_LOWER_TILES_DENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/program.h"
#include "sim/units.h"
#include "workloads/lower/lower_checkpoint.h"
#include "workloads/lower/lower_tiles_emit.h"
#include "workloads/lower/lowering.h"
#include "workloads/lower/matmul_split.h"

// Rows of the schedule that a variable's lifetime may hang on.
enum dense_row {
    DENSE_HOST_IN,
    DENSE_WEIGHTS, // copies of the weights for the products
    DENSE_ZERO,
    DENSE_H1, // H1..H3: the product of a static input, before the loop
    DENSE_H2,
    DENSE_H3,
    DENSE_FORWARD_LOOP,
    DENSE_D1,
    DENSE_D2,
    DENSE_D3,
    DENSE_D4,
    DENSE_D5,
    DENSE_D6,
    DENSE_LOSS,
    DENSE_ZERO_GRADIENTS,
    DENSE_BACKWARD_LOOP,
    DENSE_E1,
    DENSE_E2,
    DENSE_E3,
    DENSE_E4,
    DENSE_E5,
    DENSE_E6,
    DENSE_H4, // H4, H5: its weight gradient, after the loop
    DENSE_H5,
    DENSE_SUM,
    DENSE_UPDATE,
    DENSE_HOST_OUT,
    DENSE_ROW_COUNT
};

struct dense_span {
    uint32_t first, last;
    bool is_used;
};

struct dense_layer {
    uint32_t neurons, fan_in;
    uint32_t first_tile, tiles; // that its products may use
    struct matmul_split forward, weight_gradient;
    struct matmul_split input_gradient; // layers 2..L; on the tiles of the layer below
    uint32_t elements;                  // (neuron, sample) pairs that one tile of `forward` updates
};

struct dense_lowering {
    const struct training_graph *graph;
    const struct training_config *training;
    const struct machine_view *machine;
    uint32_t element_bytes;     // of the products' inputs
    struct dense_layer *layers; // owned; [layer_count + 1], layer 0 is the input
    struct program *program;
    uint32_t layer_count; // spiking layers, L
    uint32_t batch, time_steps, tiles, contexts;
    uint32_t input_slots; // ids that the host sends for a sample and time step
    bool is_delayed;
    bool is_analog;                   // the input is real numbers, the same at every time step
    bool is_hoisted;                  // and its products run once per training step
    bool returns_spikes;              // of the output layer, to the host
    uint32_t first_layer, last_layer; // that the rows being emitted are for
    struct dense_span *spans;         // owned; [DENSE_ROW_COUNT][layer_count + 1]
    // A checkpointed program (lower_dense_checkpoint.c):
    const struct checkpoint_plan *plan; // NULL: the history of all time steps is kept
    const struct checkpoint_schedule *schedule;
    enum streaming_kind streaming;
    bool keeps_history, is_first_run; // of the forward time step that is being emitted
    struct dense_span only_within; // if used: variables that live in other steps too are left out
};

static inline struct dense_span *dense_span(const struct dense_lowering *lowering,
                                            enum dense_row row, uint32_t l)
{
    return &lowering->spans[row * (lowering->layer_count + 1) + l];
}

// Tiles of one of a layer's products.
static inline struct item_range dense_product(const struct dense_layer *layer,
                                              const struct matmul_split *split)
{
    return whole_range(tile_map_range(layer->first_tile, matmul_split_tiles(split)));
}

// Tiles that hold the neurons of a layer: where the sums of its forward product end up.
static inline struct item_range dense_neurons(const struct dense_layer *layer)
{
    return dense_product(layer, &layer->forward);
}

// Tiles that compute the input gradient of layer l: those of the layer below, which wants it.
static inline struct item_range dense_input_gradient(const struct dense_lowering *lowering,
                                                     uint32_t l)
{
    return dense_product(&lowering->layers[l - 1], &lowering->layers[l].input_gradient);
}

// The same tiles in another order: two products split a tensor differently, so that a word hardly
// ever stays where it is.
static inline struct item_range dense_elsewhere(struct item_range range)
{
    range.first += range.count / 2;
    return range;
}

// Layer l's product and weight gradient run outside the loops.
static inline bool dense_is_hoisted(const struct dense_lowering *lowering, uint32_t l)
{
    return lowering->is_hoisted && l == 1;
}

static inline bool dense_has_bias(const struct dense_lowering *lowering, uint32_t l)
{
    return lowering->graph->layers[l - 1].bias != TENSOR_NONE;
}

// Output spikes are not read again on the chip, but may be wanted by the host.
static inline bool dense_keeps_spikes(const struct dense_lowering *lowering, uint32_t l)
{
    return l < lowering->layer_count || lowering->returns_spikes;
}

// One item for every sample: the expanded input, the loss.
static inline struct item_range dense_samples(const struct dense_lowering *lowering)
{
    uint32_t positions = (uint32_t)min_u64(lowering->batch, lowering->tiles);
    return (struct item_range){.map = tile_map_range(0, positions), .count = lowering->batch};
}

// Input ids and counts of one time step.
static inline struct spread dense_input_ids(const struct dense_lowering *lowering)
{
    return placement_spread(lowering->batch * (lowering->input_slots + 1), 0, lowering->tiles);
}

// Analog input: the values of all samples, spread as the library spreads a tensor from the host.
static inline struct spread dense_values(const struct dense_lowering *lowering)
{
    return placement_spread(lowering->batch * lowering->layers[0].neurons, 0, lowering->tiles);
}

static inline uint32_t dense_words(const struct dense_lowering *lowering, uint64_t elements)
{
    return (uint32_t)div_ceil(elements * lowering->element_bytes, EXCHANGE_WORD_BYTES);
}

// Parameters that one tile of the forward product updates.
static inline uint32_t dense_own_weights(const struct dense_layer *layer)
{
    return (uint32_t)div_ceil((uint64_t)layer->fan_in * layer->neurons,
                              matmul_split_tiles(&layer->forward));
}

// Tiles of the forward product that hold the same columns: each has their biases, and sums the
// gradient over its own rows.
static inline uint32_t dense_bias_copies(const struct dense_layer *layer)
{
    return layer->forward.parts_m * layer->forward.parts_k;
}

// Biases that one tile of the forward product updates.
static inline uint32_t dense_own_biases(const struct dense_layer *layer)
{
    return (uint32_t)div_ceil(layer->forward.out, dense_bias_copies(layer));
}

// Chooses tiles and splits of every layer.
void dense_plan(struct dense_lowering *lowering);

// Opens the exchange or compute set of a row, and notes the step for layers
// first_layer..last_layer.
void dense_exchange(struct dense_lowering *lowering, enum dense_row row, const char *name);
void dense_compute(struct dense_lowering *lowering, enum dense_row row, const char *name);
// `parts` blocks of `block_bytes`, each from its share of the sources to `copies` tiles of a
// product.
struct dense_operand {
    struct item_range source, product;
    uint32_t parts, copies;
    uint64_t block_bytes;
};
void dense_send_operand(struct dense_lowering *lowering, const struct dense_operand *operand);
// Of `copies` tiles, `stride` items apart, each sends `bytes` to each of the others.
struct dense_shares {
    struct item_range tiles;
    uint32_t copies, stride;
    uint64_t bytes;
};
void dense_send_shares(struct dense_lowering *lowering, const struct dense_shares *shares);
// Partial sums over k: every tile sends each of the others of its block their share.
void dense_send_partials(struct dense_lowering *lowering, struct item_range product,
                         const struct matmul_split *split);
// The same for what the tiles with the same biases have of them.
void dense_send_biases(struct dense_lowering *lowering, uint32_t l);
// The time index. Input ids of this time step expanded to dense vectors, one sample a tile.
void dense_emit_input(struct dense_lowering *lowering, enum dense_row row);

// Rows are for first_layer..last_layer.
void dense_emit_start(struct dense_lowering *lowering);
void dense_emit_static_product(struct dense_lowering *lowering); // H1..H3
void dense_emit_forward_rows(struct dense_lowering *lowering);   // D2..D6
void dense_emit_middle(struct dense_lowering *lowering);
void dense_emit_backward_load(struct dense_lowering *lowering);   // E1
void dense_emit_backward_rows(struct dense_lowering *lowering);   // E2..E6
void dense_emit_static_gradient(struct dense_lowering *lowering); // H4, H5
void dense_emit_end(struct dense_lowering *lowering);
void dense_add_variables(struct dense_lowering *lowering);

// One time step, all its rows.
void dense_emit_forward_step(struct dense_lowering *lowering);
void dense_emit_backward_step(struct dense_lowering *lowering);
// The whole program, by the training's plan.
void dense_emit_checkpointed(struct dense_lowering *lowering);
// Are the layer's spikes kept as bits?
static inline bool dense_packs_spikes(const struct dense_lowering *lowering, uint32_t l)
{
    return lowering->plan != NULL && lowering->training->checkpoints.has_packed_spikes &&
           l < lowering->layer_count;
}

#endif

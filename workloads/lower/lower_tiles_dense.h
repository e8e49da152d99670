// The dense lowering from inside: what its files share. Its rows: docs/schedule.md.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_TILES_DENSE_H
#define TILESIM_WORKLOADS_LOWER_LOWER_TILES_DENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/program.h"
#include "sim/units.h"
#include "workloads/lower/lower_frame.h"
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

// The same tiles of some chips that follow one another.
struct dense_place {
    struct item_range items; // of the first chip
    uint32_t chips;
};

// A layer over several chips is split by its columns: its weights into each neuron. Every chip has
// as many of them, on the same of its tiles, so that nothing but inputs and spike gradients
// crosses.
struct dense_layer {
    uint32_t neurons, fan_in;
    uint32_t chip_tile, chips;  // the first tile of its first chip, and how many chips have it
    uint32_t columns;           // neurons of one chip, the last one's rounded up
    uint32_t first_tile, tiles; // of every chip, that its products may use: the first one's
    struct matmul_split forward, weight_gradient;
    struct matmul_split input_gradient; // layers 2..L; of one chip's columns
    uint32_t elements;                  // (neuron, sample) pairs that one tile of `forward` updates
};

struct dense_lowering {
    const struct training_graph *graph;
    const struct training_config *training;
    const struct machine_view *machine;
    uint32_t element_bytes;     // of the products' inputs
    struct dense_layer *layers; // owned by lower_on(); [layer_count + 1], layer 0 is the input
    struct program *program;
    uint32_t layer_count; // spiking layers, L
    uint32_t batch, time_steps, contexts;
    uint32_t tiles;       // of one chip
    uint32_t chips;       // that have layers
    uint32_t input_slots; // ids that the host sends for a sample and time step
    bool is_delayed;
    bool is_analog;                   // the input is real numbers, the same at every time step
    bool is_hoisted;                  // and its products run once per training step
    bool returns_spikes;              // of the output layer, to the host
    uint32_t first_layer, last_layer; // that the rows being emitted are for
    struct step_span *spans;          // the same; [DENSE_ROW_COUNT][layer_count + 1]
    enum streaming_kind streaming;
    struct frame_pass pass;
};

static inline struct step_span *dense_span(const struct dense_lowering *lowering,
                                           enum dense_row row, uint32_t l)
{
    return &lowering->spans[row * (lowering->layer_count + 1) + l];
}

// Tiles of one of a layer's products.
static inline struct dense_place dense_product(const struct dense_layer *layer,
                                               const struct matmul_split *split)
{
    return (struct dense_place){
        .items = whole_range(tile_map_range(layer->first_tile, matmul_split_tiles(split))),
        .chips = layer->chips};
}

// Tiles that hold the neurons of a layer: where the sums of its forward product end up.
static inline struct dense_place dense_neurons(const struct dense_layer *layer)
{
    return dense_product(layer, &layer->forward);
}

// Layer l and the one below lie on the same chips.
static inline bool dense_has_below(const struct dense_layer *layers, uint32_t l)
{
    return l > 1 && layers[l].chip_tile == layers[l - 1].chip_tile;
}

// Tiles that compute the input gradient of layer l: on the chips that have its weights those of the
// layer below, which wants it, or its own. Each chip has the part that its columns bring.
static inline struct dense_place dense_input_gradient(const struct dense_lowering *lowering,
                                                      uint32_t l)
{
    uint32_t home = dense_has_below(lowering->layers, l) ? l - 1 : l;
    struct dense_place place =
        dense_product(&lowering->layers[home], &lowering->layers[l].input_gradient);
    place.chips = lowering->layers[l].chips;
    return place;
}

static inline struct item_range dense_on_chip(const struct dense_lowering *lowering,
                                              struct dense_place place, uint32_t i)
{
    place.items.map.first += i * lowering->machine->tiles;
    return place.items;
}

// The same tiles in another order: two products split a tensor differently, so that a word hardly
// ever stays where it is.
static inline struct dense_place dense_elsewhere(struct dense_place place)
{
    place.items.first += place.items.count / 2;
    return place;
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

// One item for every sample: the expanded input on all chips of the first layer, the loss on one of
// the last.
static inline struct dense_place dense_samples(const struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    uint32_t positions = (uint32_t)min_u64(lowering->batch, lowering->tiles);
    return (struct dense_place){
        .items = {.map = tile_map_range(layer->chip_tile, positions), .count = lowering->batch},
        .chips = l == 1 ? layer->chips : 1};
}

// The tile that averages the losses.
static inline struct dense_place dense_mean(const struct dense_lowering *lowering)
{
    return (struct dense_place){one_tile(lowering->layers[lowering->layer_count].chip_tile), 1};
}

// Input ids and counts of one time step: on every chip of the first layer.
static inline struct spread dense_input_ids(const struct dense_lowering *lowering)
{
    return placement_spread(lowering->batch * (lowering->input_slots + 1), 0, lowering->tiles);
}

// Analog input: the values of all samples, spread as the library spreads a tensor from the host, on
// every chip of the first layer.
static inline struct spread dense_values(const struct dense_lowering *lowering)
{
    return placement_spread(lowering->batch * lowering->layers[0].neurons, 0, lowering->tiles);
}

static inline struct dense_place dense_spread(const struct dense_lowering *lowering,
                                              const struct spread *spread)
{
    return (struct dense_place){.items = whole_range(spread->map),
                                .chips = lowering->layers[1].chips};
}

static inline uint32_t dense_words(const struct dense_lowering *lowering, uint64_t elements)
{
    return (uint32_t)div_ceil(elements * lowering->element_bytes, EXCHANGE_WORD_BYTES);
}

// Of one chip.
static inline uint64_t dense_weight_count(const struct dense_layer *layer)
{
    return (uint64_t)layer->fan_in * layer->columns;
}

// Parameters that one tile of the forward product updates.
static inline uint32_t dense_own_weights(const struct dense_layer *layer)
{
    return (uint32_t)div_ceil(dense_weight_count(layer), matmul_split_tiles(&layer->forward));
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

// Chooses chips, tiles and splits of every layer. layer_chips: that a layer is split over; groups
// of so many, at most.
void dense_plan(struct dense_lowering *lowering, uint32_t layer_chips, uint32_t groups);

// Opens the exchange or compute set of a row, and notes the step for layers
// first_layer..last_layer.
void dense_exchange(struct dense_lowering *lowering, enum dense_row row, const char *name);
void dense_compute(struct dense_lowering *lowering, enum dense_row row, const char *name);
// On every chip of a place.
void dense_each(struct dense_lowering *lowering, enum codelet codelet, struct dense_place place,
                struct vertex_sizes sizes, uint32_t layer);
void dense_reduce(struct dense_lowering *lowering, struct dense_place place, uint32_t partials,
                  uint32_t outputs, uint32_t layer);
// `bytes` in total, of which every chip of the source has an equal part for every chip of the
// destination.
void dense_move(struct dense_lowering *lowering, struct dense_place source,
                struct dense_place destination, uint64_t bytes);
// From the tiles of every chip to others of the same chip.
void dense_move_on_chips(struct dense_lowering *lowering, struct dense_place source,
                         struct dense_place destination, uint64_t chip_bytes);
// `parts` blocks of `block_bytes` for every chip of a product, each from its share of the sources
// to `copies` tiles.
struct dense_operand {
    struct dense_place source, product;
    // Every chip has a source of its own; else they are the chips' one after the other.
    bool is_on_chip;
    uint32_t parts, copies;
    uint64_t block_bytes;
};
void dense_send_operand(struct dense_lowering *lowering, const struct dense_operand *operand);
// Of `copies` tiles of a chip, `stride` items apart, each sends `bytes` to each of the others.
struct dense_shares {
    struct dense_place tiles;
    uint32_t copies, stride;
    uint64_t bytes;
};
void dense_send_shares(struct dense_lowering *lowering, const struct dense_shares *shares);
// Partial sums over k: every tile sends each of the others of its block their share.
void dense_send_partials(struct dense_lowering *lowering, struct dense_place product,
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

// What is stored under a plan. lowering: a struct dense_lowering.
struct stored_state dense_stored_state(const void *lowering);
// Are the layer's spikes kept as bits?
static inline bool dense_packs_spikes(const struct dense_lowering *lowering, uint32_t l)
{
    return lowering->pass.plan != NULL && lowering->training->checkpoints.has_packed_spikes &&
           l < lowering->layer_count;
}

#endif

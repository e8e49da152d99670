// The sparse lowering from inside: what its files share. Its rows: docs/schedule.md.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_TILES_SPARSE_H
#define TILESIM_WORKLOADS_LOWER_LOWER_TILES_SPARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/program.h"
#include "workloads/lower/lower_frame.h"
#include "workloads/lower/lower_tiles_emit.h"
#include "workloads/lower/lowering.h"
#include "workloads/lower/placement.h"

// Rows of the schedule that a variable's lifetime may hang on.
enum sparse_row {
    ROW_HOST_IN,
    ROW_CAST_IN,
    ROW_TRANSPOSE,
    ROW_ZERO_STATES,
    ROW_A1, // A1..A3: analog input
    ROW_A2,
    ROW_FORWARD_LOOP,
    ROW_F1,
    ROW_F3,
    ROW_F4,
    ROW_F5,
    ROW_F6,
    ROW_F7,
    ROW_F8,
    ROW_F9,
    ROW_C1, // of a checkpointed program: C1 counts output spikes
    ROW_CAST_OUT,
    ROW_DENSE_SPIKES,
    ROW_SPIKE_COUNTS,
    ROW_LOSS,
    ROW_LOSS_SLOTS,
    ROW_CAST_BACK,
    ROW_ZERO_GRADIENTS,
    ROW_BACKWARD_LOOP,
    ROW_B2,
    ROW_C2, // and gathers their gradient
    ROW_B4,
    ROW_B4_RETURN,
    ROW_B5,
    ROW_B6,
    ROW_B7,
    ROW_B8,
    ROW_B9,
    ROW_B10,
    ROW_A3,
    ROW_SUM_GRADIENTS,
    ROW_UPDATE,
    ROW_HOST_OUT,
    ROW_COUNT
};

struct sparse_lowering {
    const struct training_graph *graph;
    const struct training_config *training;
    const struct lowering_config *config;
    const struct machine_view *machine;
    struct placement *placement; // owned
    struct program *program;
    uint32_t layers; // spiking layers, L
    uint32_t batch, time_steps, contexts;
    uint32_t tiles;                   // of one chip
    bool is_analog;                   // layer 1 reads real numbers, the same at every time step
    bool is_hoisted;                  // and its products run once per training step
    bool is_on_membranes;             // the loss
    bool is_delayed;                  // layer l sees the spikes of l - 1 of the time step before
    uint32_t first_layer, last_layer; // that the rows being emitted are for
    struct step_span *spans;          // owned; [ROW_COUNT][layers + 1]
    struct frame_pass pass;
};

// Layer l, 1..L, and the library tensors of one time step: ids [batch x slots], counts (k, g) of
// every sample (the input has one count only), slot gradients of the output layer.
static inline const struct layer_place *sparse_layer(const struct sparse_lowering *lowering,
                                                     uint32_t l)
{
    return &lowering->placement->layers[l];
}

static inline bool sparse_has_bias(const struct sparse_lowering *lowering, uint32_t l)
{
    return lowering->graph->layers[l - 1].bias != TENSOR_NONE;
}

// Of the layers whose rows are being emitted: the first that reads spike ids, and the last whose
// spikes have a gradient.
static inline uint32_t sparse_first_of_spikes(const struct sparse_lowering *lowering)
{
    return lowering->first_layer + (lowering->is_analog && lowering->first_layer == 1);
}

static inline uint32_t sparse_last_of_gradients(const struct sparse_lowering *lowering)
{
    return lowering->last_layer -
           (lowering->is_on_membranes && lowering->last_layer == lowering->layers);
}

// Analog input: the values of all samples, as the host sends them.
static inline struct spread sparse_values(const struct sparse_lowering *lowering)
{
    const struct layer_place *input = sparse_layer(lowering, 0);
    return placement_spread(lowering->batch * input->neurons, input->chip_tile, lowering->tiles);
}

static inline struct spread sparse_ids(const struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    return placement_spread(lowering->batch * layer->slots, layer->chip_tile, lowering->tiles);
}

static inline uint32_t sparse_counts_per_sample(uint32_t l)
{
    return l == 0 ? 1 : 2;
}

static inline struct spread sparse_counts(const struct sparse_lowering *lowering, uint32_t l)
{
    return placement_spread(lowering->batch * sparse_counts_per_sample(l),
                            sparse_layer(lowering, l)->chip_tile, lowering->tiles);
}

// The same ids or counts, as the layer that reads them has them: on its own chip.
static inline struct spread sparse_as_input(const struct sparse_lowering *lowering,
                                            struct spread spread, uint32_t reader)
{
    spread.map.first = sparse_layer(lowering, reader)->chip_tile;
    return spread;
}

// All tiles of the chip of layer l.
static inline struct tile_map sparse_chip(const struct sparse_lowering *lowering, uint32_t l)
{
    return tile_map_range(sparse_layer(lowering, l)->chip_tile, lowering->tiles);
}

// Positions of the lists of all samples of the layers of l's chip, evenly over it.
static inline struct item_range sparse_combination(const struct sparse_lowering *lowering,
                                                   uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    uint64_t lists = (uint64_t)layer->chip_layers * lowering->batch;
    uint32_t positions = (uint32_t)(lists < lowering->tiles ? lists : lowering->tiles);
    return (struct item_range){.map = {.first = layer->chip_tile,
                                       .positions = positions,
                                       .span = lowering->tiles,
                                       .is_spread = true},
                               .first = layer->chip_place * lowering->batch,
                               .count = lowering->batch};
}

// The older B4: tile 1 + batch * place + sample of the layer's chip does a whole layer of one
// sample.
static inline struct item_range sparse_samples(const struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    return (struct item_range){.map = tile_map_range(layer->chip_tile + 1, lowering->tiles - 1),
                               .first = layer->chip_place * lowering->batch,
                               .count = lowering->batch};
}

// Record time step of the spikes that layer l reads, relative to its own.
static inline int32_t sparse_input_offset(const struct sparse_lowering *lowering, uint32_t l)
{
    return lowering->is_delayed && l > 1 ? -1 : 0;
}

static inline struct step_span *sparse_span(const struct sparse_lowering *lowering,
                                            enum sparse_row row, uint32_t l)
{
    return &lowering->spans[row * (lowering->layers + 1) + l];
}

// Opens the exchange or compute set of a row, and notes the step for layers
// first_layer..last_layer.
void sparse_exchange(struct sparse_lowering *lowering, enum sparse_row row, const char *name);
void sparse_compute(struct sparse_lowering *lowering, enum sparse_row row, const char *name);
// The time step's number from the first tile of a chip to tiles of the same chip.
void sparse_index_broadcast(struct sparse_lowering *lowering, enum sparse_row row,
                            struct item_range destination, const char *name);

// A loop counter's vertex on the first tile of every chip.
void sparse_count_loops(struct sparse_lowering *lowering);
// Copies `bytes` in `runs` pieces on every item, in the compute set that is open.
void sparse_rearrange(struct sparse_lowering *lowering, struct item_range items, uint64_t bytes,
                      uint32_t runs, uint32_t layer);

// Which part of the program each file emits. Rows are for first_layer..last_layer.
void sparse_emit_start(struct sparse_lowering *lowering);           // before the forward loop
void sparse_emit_analog_input(struct sparse_lowering *lowering);    // A1, A2
void sparse_emit_analog_gradient(struct sparse_lowering *lowering); // A3
// Products of the analog input with the weights or errors of layer 1, into the set that is open.
void sparse_add_analog_product(struct sparse_lowering *lowering);
void sparse_add_analog_weight_gradient(struct sparse_lowering *lowering);
// Sums over the samples of layer l's errors.
void sparse_add_bias_gradient(struct sparse_lowering *lowering, uint32_t l);
void sparse_emit_forward_slices(struct sparse_lowering *lowering);  // F1
void sparse_emit_forward_rows(struct sparse_lowering *lowering);    // F2..F9
void sparse_emit_middle(struct sparse_lowering *lowering);          // between the loops
void sparse_emit_backward_slices(struct sparse_lowering *lowering); // B1..B3
void sparse_emit_backward_rows(struct sparse_lowering *lowering);   // B4..B10
void sparse_emit_end(struct sparse_lowering *lowering);             // after the backward loop
void sparse_add_variables(struct sparse_lowering *lowering);

// Tiles of the loss, one item a sample.
struct item_range sparse_loss_samples(const struct sparse_lowering *lowering);
struct variable_text {
    const char *name;
    enum variable_role role;
    uint32_t layer;
};
void sparse_add_variable(struct sparse_lowering *lowering, struct variable_text text,
                         struct item_range items, uint64_t bytes, uint32_t first_step,
                         uint32_t last_step);

// --- checkpointed programs ----------------------------------------------------------------------
// What is stored under a plan, and copies of it. lowering: a struct sparse_lowering.
struct stored_state sparse_stored_state(const void *lowering);
void sparse_emit_copy(void *lowering, const struct stored_state *state, enum state_copy copy);
// Spikes that a state has, as bits; states have them with a layer delay alone, and the output's
// never.
bool sparse_has_packed_states(const struct sparse_lowering *lowering);
void sparse_emit_spike_count(struct sparse_lowering *lowering);     // C1, in the first run
void sparse_emit_output_gradient(struct sparse_lowering *lowering); // C2, in a backward time step
void sparse_add_checkpoint_variables(struct sparse_lowering *lowering);
// Spikes as bits, of first_layer..last_layer; time_offset: of the spikes, against the step's time
// step.
bool sparse_packs_spikes(const struct sparse_lowering *lowering);
uint32_t sparse_packed_words(const struct sparse_lowering *lowering, uint32_t l); // of a sample
struct spread sparse_packed(const struct sparse_lowering *lowering, uint32_t l);
void sparse_emit_pack(struct sparse_lowering *lowering, int32_t time_offset);
void sparse_emit_packing(struct sparse_lowering *lowering, int32_t time_offset); // after F8
void sparse_emit_unpack(struct sparse_lowering *lowering, int32_t time_offset);

#endif

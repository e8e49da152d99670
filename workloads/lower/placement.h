// Where the parts of a sparse spiking network lie on a chip: neurons, spike compaction, reduction.
// Source: the published program (arXiv 2311.04386; github jrfinkbeiner/graphcore_snn, branch
// aaai24).
// Neurons:    n a tile, n = 2 and raised in twos until all layers fit in all tiles but tile 0;
//             consecutive tiles; a layer starts on a tile of its own; its last tile is padded to n.
//             Of several chips one after the other is filled; a layer never crosses chips.
// Compaction: 2 * batch * sum of parts positions, evenly over the chip of the layer, shared with neurons.
// Reduction:  all tiles of the chip but tile 0 of the first, shared among layers 2..L that lie on it in
//             proportion to tiles^0.8 * slots * batch.
#ifndef TILESIM_WORKLOADS_LOWER_PLACEMENT_H
#define TILESIM_WORKLOADS_LOWER_PLACEMENT_H

#include <stdint.h>

#include "sim/program.h"

struct placement_request {
    uint32_t layer_count;            // with the input
    const uint32_t *neurons, *slots; // per layer, input first
    uint32_t batch, tiles, contexts; // tiles: of one chip
    uint32_t chips;                  // 0: one
    uint32_t chip_stride;            // from a chip's first tile to the next one's; 0: tiles
};

struct layer_place {
    uint32_t neurons, slots;
    uint32_t fan_in, fan_in_slots;
    uint32_t chip, chip_tile;   // where it lies, and the first tile there
    uint32_t chip_layers;       // layers on that chip
    uint32_t chip_place;        // which of them it is, from 0 on
    uint32_t neurons_per_tile;  // of this layer, padding included
    uint32_t first_tile, tiles; // neuron tiles
    uint32_t parts;             // compaction tiles for one list of one sample
    uint32_t part_neurons;      // neurons that one of them scans, the last one fewer
    uint32_t segments;          // vertices of one of them
    struct tile_map compaction; // of all layers of its chip
    uint32_t spikes_position;   // first compaction position of the spike lists
    uint32_t near_position;     // first compaction position of the near-threshold lists
    uint32_t reduce_groups;     // partial sums that stage 1 leaves for each slot of layer l - 1
    uint32_t reduce_partials;   // neuron tiles summed by one vertex of stage 1
    uint32_t reduce_first_tile, reduce_tiles; // layers 2..L; 0 tiles: none
};

struct placement {
    uint32_t neurons_per_tile;
    uint32_t layer_count;       // with the input
    struct layer_place *layers; // owned; [layer_count]; layers[0]: sizes, and the chip of layer 1
    uint32_t chips;             // that hold layers
};

// Has every layer (hidden ones and the output) a tile? tiles: of one chip.
bool placement_has_room(uint32_t layers, uint32_t chips, uint32_t tiles);
// NULL and a sentence in *why (owned by the caller) if not.
struct placement *placement_create(const struct placement_request *request, char **why);
void placement_destroy(struct placement *placement);

// The widths of hidden layers that take, with the outputs, every tile but tile 0 at n =
// neurons_per_tile (even): on each chip as equal as multiples of it can be, wider ones first.
// Several chips have as equal numbers of layers as can be. UINT32_MAX: that many or more. False:
// fewer tiles than hidden layers are left somewhere.
struct placement_filling {
    uint32_t chips, tiles; // tiles: of one chip
    uint32_t outputs, hidden_count;
    uint32_t neurons_per_tile;
};
bool placement_fill(const struct placement_filling *filling, uint32_t *hidden);

struct tile_map placement_neurons(const struct layer_place *layer);   // one item per neuron tile
struct tile_map placement_reduction(const struct layer_place *layer); // one item per reduction tile

// Compaction tiles of one list of one sample: about 64 flags for each worker.
uint32_t placement_parts(uint32_t neurons, uint32_t contexts);
// Contiguous disjoint ranges of `tiles` tiles in proportion to weights, at least one tile each.
// With fewer tiles than weights the ranges wrap around, one tile each.
void placement_share(const double *weights, uint32_t count, uint32_t tiles, uint32_t *first_tiles,
                     uint32_t *tile_counts);

// A library tensor spread evenly over the chip that begins at first_tile, at least one vector (two
// words) a tile, as the library's own mapping of sliceable tensors does.
struct spread {
    struct tile_map map;
    uint32_t words, words_per_tile;
};
struct spread placement_spread(uint32_t words, uint32_t first_tile, uint32_t tiles);

#endif

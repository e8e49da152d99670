// Lowering: a training graph becomes the program of a machine.
// Tiles: a BSP program (sim/program.h). GPU: a list of kernels (sim/kernel_list.h).
// A lowering knows the program format and sizes of a machine, not its timing model.
#ifndef TILESIM_WORKLOADS_LOWER_LOWERING_H
#define TILESIM_WORKLOADS_LOWER_LOWERING_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/err.h"
#include "sim/kernel_list.h"
#include "sim/program.h"
#include "workloads/graph/training_graph.h"
#include "workloads/network.h"

enum lowering_kind { LOWERING_SPARSE, LOWERING_DENSE };
enum state_gradient_kind { STATE_GRADIENT_TILE_LOCAL, STATE_GRADIENT_PER_SAMPLE }; // new and old B4
enum elementwise_kind {
    ELEMENTWISE_LIBRARY, // each dense backward op is a compute set of its own, as published
    ELEMENTWISE_FUSED,   // one vertex per layer for all of them
};

enum host_output {
    HOST_OUTPUT_LOSS,   // the mean loss
    HOST_OUTPUT_SPIKES, // and the output layer's spikes of every time step
};

// How states go to streaming memory and come back (docs/checkpointing.md).
enum streaming_kind {
    STREAMING_BLOCKING,        // nothing computes while data streams: as without I/O tiles
    STREAMING_DOUBLE_BUFFERED, // every tile streams beside its work, through a second buffer
    STREAMING_IO_TILES,        // tiles set apart stream; the others exchange with them
};

struct lowering_config {
    enum lowering_kind kind;
    enum state_gradient_kind state_gradient; // sparse
    enum elementwise_kind elementwise;       // sparse
    bool has_rearrangement; // charge an on-tile copy where an exchanged input is not contiguous
    uint32_t matmul_bytes;  // dense: bytes per element of the products' inputs, 4 or 2
    // Dense: that a layer is split over; divides the chips. 0: what is fastest.
    uint32_t layer_chips;
    bool hoists_static_input;     // analog input: its products once per training step
    enum host_output host_output; // what goes back to the host
    enum streaming_kind streaming;
    uint32_t io_tiles; // STREAMING_IO_TILES: of each chip, its last ones
};

// A network that does not fit in the tiles (a layer with more neurons than tiles can hold in any
// split) gives NULL and a sentence in *why (owned by the caller). SRAM is not checked here.
struct program *lower_sparse(const struct training_graph *graph,
                             const struct training_config *training,
                             const struct lowering_config *config,
                             const struct machine_view *machine, char **why);
struct program *lower_dense(const struct training_graph *graph,
                            const struct training_config *training,
                            const struct lowering_config *config,
                            const struct machine_view *machine, char **why);

// Where a dense program may lie: on the first chips of a replica, with each layer over layer_chips
// of them, which divide them.
struct dense_placement {
    uint32_t chips, layer_chips;
};
// Those that lower_dense() chooses from, most chips first. *placements is owned by the caller. One
// where there is no choice: on a chip, or if layer_chips are given.
uint32_t lower_dense_placements(const struct lowering_config *config,
                                const struct machine_view *machine, uint32_t layer_count,
                                struct dense_placement **placements);

// The kernels of one training step. The graph's form says dense (baselines b0..b3) or sparse (b4).
struct kernel_list *lower_gpu(const struct training_graph *graph,
                              const struct training_config *training);

#endif

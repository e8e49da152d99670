// One time step of a recurrent or spiking layer, as code outside this project runs it: for
// validation against published loops. The baselines (gpu.h) cost whole training steps instead.
// Modelled:     one product with the state or the spikes per time step, pointwise kernels, what the host
//               or a grid-wide sync adds.
// Not modelled: products of the input where they are hoisted out of the loop; kernels of which each
//               block holds a whole head (their time is decided by spilled registers).
#ifndef TILESIM_GPU_RECURRENT_TIME_H
#define TILESIM_GPU_RECURRENT_TIME_H

#include "gpu/gpu.h"

#define RECURRENT_CELLS(X) X(vanilla) X(lstm) X(gru) X(lif)
enum recurrent_cell {
#define X(name) CELL_##name,
    RECURRENT_CELLS(X)
#undef X
};

enum recurrent_code {
    CODE_EAGER,   // one op of the framework after the other, each launched by the host
    CODE_LIBRARY, // a product and one pointwise kernel per time step, called from C++
    CODE_GRAPH,   // the same kernels in a CUDA graph
    CODE_FUSED,   // one persistent kernel, states exchanged over a grid-wide sync
};

struct recurrent_layer {
    enum recurrent_cell cell;
    enum recurrent_code code;
    enum gpu_precision precision;
    uint32_t batch, width;  // width: of all heads together
    uint32_t heads;         // blocks of the recurrent matrix
    uint32_t pointwise_ops; // eager: ops per forward time step beside the product
    bool is_training;       // forward and backward
};

double gpu_recurrent_step_seconds(const struct gpu_config *gpu,
                                  const struct recurrent_layer *layer);

#endif

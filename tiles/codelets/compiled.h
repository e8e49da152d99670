// Vertices without a published schedule: what their sizes mean. Costs: compiled.c, from the
// instructions of their loops.
#ifndef TILESIM_TILES_CODELETS_COMPILED_H
#define TILESIM_TILES_CODELETS_COMPILED_H

#include <stdint.h>

#include "sim/chip.h"

enum stream_kernel { STREAM_COPY, STREAM_SCALE, STREAM_ADD, STREAM_TRIAD };

enum stream_implementation {
    STREAM_COMPILED, // a plain C++ loop over elements, one vertex per worker
    STREAM_LIBRARY,  // the library's assembly, or C++ that it generates; one vertex a tile
    // by hand, one vertex per worker; three ways to place the operands
    STREAM_ASSEMBLY_ANYWHERE,
    STREAM_ASSEMBLY_APART, // in distinct memory elements
    STREAM_ASSEMBLY,       // and interleaved
};

// A 3 x 3 stencil on cells of four channels: a vector of four halves, two vectors of two floats, or
// four floats one by one.
enum stencil_implementation { STENCIL_HALF4, STENCIL_FLOAT2, STENCIL_FLOAT };

// Operations on one channel of one cell: eight additions, three products.
#define STENCIL_ADDITIONS 8u
#define STENCIL_PRODUCTS 3u
#define STENCIL_NEIGHBOURS 9u
#define STENCIL_CHANNELS 4u

#endif

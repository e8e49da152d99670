// How one product is split over tiles: C[rows x out] = A[rows x in] B[in x out], in blocks of
// (rows / m) x (in / k) by (in / k) x (out / n), one block a tile, float32 partial sums over k.
// One operand stays where it is (weights, or the sum that is accumulated in place); the other
// moves.
#ifndef TILESIM_WORKLOADS_LOWER_MATMUL_SPLIT_H
#define TILESIM_WORKLOADS_LOWER_MATMUL_SPLIT_H

#include <stdint.h>

#include "sim/program.h"

enum matmul_resident {
    RESIDENT_WEIGHTS, // B stays: A moves in; partial sums over k are added up every time
    RESIDENT_SUM,     // C stays in float32, summed over k once at the end: A and B move in
};

struct matmul_problem {
    uint32_t rows, in, out;
    uint32_t element_bytes; // of A and B
    uint32_t tiles;         // that may be used
    enum matmul_resident resident;
};

struct matmul_split {
    uint32_t parts_m, parts_k, parts_n;
    uint32_t rows, in, out;  // of a block, rounded up
    uint64_t moving_cycles;  // modelled: exchanges of operands and partial sums
    uint64_t product_cycles; // modelled: product, adding up
    uint64_t resident_bytes; // of a tile, always live
    uint64_t moving_bytes;   // of a tile: landing buffers and partial sums
};

// The split with the fewest modelled cycles among those whose bytes fit in their share of a tile's
// SRAM; if none does, the one that needs the fewest bytes. Ties: the fewer tiles.
struct matmul_split matmul_split_choose(const struct matmul_problem *problem,
                                        const struct machine_view *machine);
// One given split, costed; for tests and for tables.
struct matmul_split matmul_split_cost(const struct matmul_problem *problem,
                                      const struct machine_view *machine, uint32_t parts_m,
                                      uint32_t parts_k, uint32_t parts_n);

static inline uint32_t matmul_split_tiles(const struct matmul_split *split)
{
    return split->parts_m * split->parts_k * split->parts_n;
}

static inline uint64_t matmul_split_cycles(const struct matmul_split *split)
{
    return split->moving_cycles + split->product_cycles;
}

// Outputs of one tile after the sum over k: its share of the block.
static inline uint32_t matmul_split_outputs(const struct matmul_split *split)
{
    uint64_t block = (uint64_t)split->rows * split->out;
    return (uint32_t)((block + split->parts_k - 1) / split->parts_k);
}

#endif

// Multi-worker vertices that move words on a tile. W stands for slots of one worker.
#include "tiles/codelets/codelets.h"

// Copy of bytes in pieces that are contiguous. sizes: bytes, contiguous runs.
// The data goes at the chip's copy rate (planners of PL poplin/ConvModel); 67 W is the shortest
// copy vertex in profiles of real programs (LBM); every further run costs the words' rearrangement.
struct vertex_cost on_tile_copy_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    uint64_t data_cycles = div_ceil(sizes[0], chip->tile.copy_bytes_per_cycle);
    uint64_t further_runs = sizes[1] > 1 ? sizes[1] - 1 : 0;
    uint64_t runs_per_worker = div_ceil(further_runs, chip->tile.contexts);
    return (struct vertex_cost){
        .is_multi = true,
        .fixed_millislots = 67 * MILLISLOTS_PER_SLOT +
                            div_ceil(data_cycles * MILLISLOTS_PER_SLOT, chip->tile.contexts) +
                            runs_per_worker * slots_to_millislots(chip->costs.rearranged_word),
    };
}

// Transpose of matrices in grains of 2 x 2 words or 4 x 4 halves. sizes: rows, columns, matrices of
// a worker. Source: PL popsparse/PerformanceEstimation, 7 + 6 w.
struct vertex_cost transpose_cost(const uint32_t sizes[VERTEX_SIZES],
                                  const struct chip_config *chip)
{
    uint64_t bytes = element_type_bytes(sizes[SIZE_TYPE]);
    if (bytes != 4 && bytes != 2) {
        return unknown_cost();
    }
    (void)chip;
    uint64_t side = bytes == 4 ? 2 : 4;
    uint64_t grain_slots = bytes == 4 ? 3 : 4;
    uint64_t matrices = max_u64(sizes[2], 1);
    uint64_t row_grains = div_ceil(sizes[0], side);
    uint64_t column_grains = div_ceil(sizes[1], side);
    uint64_t slots = 29; // one matrix of one grain
    if (column_grains > 1) {
        uint64_t row_slots = 12 + grain_slots * (column_grains - 2);
        slots = 29 + matrices * (18 + row_grains * row_slots); // entry, set-up of a matrix, rows
    } else if (row_grains > 1) {
        slots = 27 + matrices * (35 + grain_slots * (row_grains - 2));
    } else if (matrices > 1) {
        slots = 37 + (matrices - 2) * grain_slots; // pipelined over matrices
    }
    return all_workers(7, slots);
}

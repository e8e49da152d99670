// Multi-worker vertices that move words on a tile. W stands for slots of one worker.
#include "tiles/codelets/codelets.h"

// Dynamic slice or update. sizes: region words, slices.
// Source: PL popopsCycleEstimators, 1D, 32 bit: 11 + 14 + 6 * (39 + slices * (24 + 2 per vector)).
struct vertex_cost slice_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t vectors = div_ceil(sizes[0], chip->tile.contexts) / words_per_vector(chip);
    uint64_t slice_slots = 24 +         // offset, bounds, pointers of one slice
                           2 * vectors; // load, store
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 11 + 14, // elementwise overhead, set entry
        .fixed_millislots = (39 + sizes[1] * slice_slots) * MILLISLOTS_PER_SLOT,
    };
}

// Copy of bytes in pieces that are contiguous. sizes: bytes, contiguous runs.
// The data goes at the chip's copy rate (planners of PL poplin/ConvModel); 67 W is the shortest copy vertex
// in profiles of real programs (LBM); every further run costs the words' rearrangement.
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

// Fill with a constant. sizes: words.
// Source: PL popops/FillModelling: the 64-bit fill, 5 + n W, of max(ceil(grains / 6), 2) grains.
struct vertex_cost fill_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t grains = div_ceil(sizes[0], 2); // of 64 bits
    uint64_t grains_per_worker = max_u64(div_ceil(grains, chip->tile.contexts), 2);
    return (struct vertex_cost){
        .is_multi = true,
        .fixed_millislots = (5 + grains_per_worker) * MILLISLOTS_PER_SLOT,
    };
}

// Transpose of one matrix of 32-bit words by one worker, in grains of 2 x 2. sizes: rows, columns.
// Source: PL popsparse/PerformanceEstimation, 7 + 6 w, for one matrix.
struct vertex_cost transpose_cost(const uint32_t sizes[VERTEX_SIZES],
                                  const struct chip_config *chip)
{
    (void)chip;
    uint64_t row_grains = div_ceil(sizes[0], 2);
    uint64_t column_grains = div_ceil(sizes[1], 2);
    uint64_t slots = 29; // one matrix of one grain
    if (column_grains == 1 && row_grains > 1) {
        slots = 27 + 35 + 3 * (row_grains - 2);
    } else if (column_grains > 1) {
        slots = 29 + 18 +                                    // entry, set-up of the matrix
                row_grains * (12 + 3 * (column_grains - 2)); // 3 W per grain, 12 per row of grains
    }
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 7,
        .fixed_millislots = slots * MILLISLOTS_PER_SLOT,
    };
}

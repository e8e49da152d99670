// Product of one tile: rows x in channels by in channels x out channels, float32 partial sums. On
// the matrix unit it is the library's ConvPartial1x1, costed as a whole in tile cycles (PL
// poplin/PerformanceEstimation). For 16 x 16 float16 and 16 to 2048 rows this was measured on
// hardware: mean error 0.21 %, at most 1.74 % (ipu-275), with coefficients loaded at 8 bytes per
// cycle.
// float32 was not measured.
#include "tiles/codelets/codelets.h"

// The unit makes one pass over a row of a channel group in 4 (float16) or 8 (float32) slots of a
// worker.
struct matrix_shape {
    uint64_t macs_per_cycle;
    uint64_t units;     // output channels of one pass
    uint64_t row_slots; // per row and pass
    uint64_t in_group;  // input channels of one pass
    uint64_t passes;    // over an output channel group
    uint64_t in_groups, out_groups;
    uint64_t weights_cycles; // load of the coefficients of one pass
};

static struct matrix_shape matrix_shape_of(const uint32_t sizes[VERTEX_SIZES],
                                           const struct chip_config *chip)
{
    const struct matrix_config *matrix = &chip->matrix;
    bool is_half = sizes[3] == 2;
    struct matrix_shape shape = {
        .macs_per_cycle = is_half ? matrix->float16_macs_per_cycle : matrix->float32_macs_per_cycle,
        .units = is_half ? matrix->conv_units_float16 : matrix->conv_units_float32,
        .row_slots = is_half ? 4 : 8,
    };
    if (shape.macs_per_cycle == 0 || shape.units == 0) {
        return (struct matrix_shape){0};
    }
    // workers take turns, so a row's slots are as many cycles of the unit
    shape.in_group = max_u64(shape.macs_per_cycle * shape.row_slots / shape.units, 1);
    const uint64_t out_group = 16; // output channels that lie together
    shape.passes = div_ceil(out_group, shape.units);
    shape.in_groups = max_u64(div_ceil(sizes[1], shape.in_group), 1);
    shape.out_groups = max_u64(div_ceil(sizes[2], out_group), 1);
    shape.weights_cycles = div_ceil(shape.units * shape.in_group * (is_half ? 2 : 4),
                                    chip->matrix.coefficient_bytes_per_cycle);
    return shape;
}

// Slots of a worker with `rows` rows in one pass. The zeroing pass starts the partial sums, later
// ones read them. float16 workers keep 7 slots of state between passes, which are charged once, in
// the total.
static uint64_t worker_slots(const struct matrix_shape *shape, uint64_t rows, bool is_zeroing,
                             bool is_half)
{
    if (is_half) {
        uint64_t slots = rows == 0   ? 20 // looks at its empty work list
                         : rows == 1 ? 31
                         : rows == 2 ? 36 // the estimator has 40, too long for ipu-196 by 12 cycles
                                     : 36 + shape->row_slots * (rows - 3);
        return slots + (is_zeroing ? 1 : 2) - 7;
    }
    uint64_t zeroing = // 64-bit stores of zeros
        is_zeroing && rows > 0 ? 2 + shape->units / 2 * rows : 0;
    return zeroing + (rows == 0   ? 24
                      : rows == 1 ? 47
                      : rows == 2 ? 46
                                  : 46 + shape->row_slots * (rows - 3));
}

// Cycles of the workers in one pass: the supervisor starts them, and comes back no sooner than 14
// cycles after the ones with fewer rows.
static uint64_t pass_cycles(const struct matrix_shape *shape, const struct chip_config *chip,
                            uint64_t rows, bool is_zeroing, bool is_half)
{
    uint64_t contexts = chip->tile.contexts;
    uint64_t longest = worker_slots(shape, div_ceil(rows, contexts), is_zeroing, is_half);
    uint64_t shortest = worker_slots(shape, rows / contexts, is_zeroing, is_half);
    return max_u64(contexts * longest, contexts * shortest + 14);
}

// Without a matrix unit: a dot product per output on the vector unit, outputs dealt to workers.
static struct vertex_cost vector_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    uint64_t elements_per_vector = max_u64(chip->tile.vector_bytes / max_u64(sizes[3], 1), 1);
    uint64_t outputs_per_worker = div_ceil((uint64_t)sizes[0] * sizes[2], chip->tile.contexts);
    uint64_t output_slots = 3 + div_ceil(sizes[1], elements_per_vector);
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = sizes[3] == 2 ? 65 - 10 : 58 - 10, // PL: HMAC vertex, 1x1 kernel
        .fixed_millislots = outputs_per_worker * output_slots * MILLISLOTS_PER_SLOT,
    };
}

// sizes: rows, in channels, out channels, bytes per element (2 or 4).
struct vertex_cost matmul_partial_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    struct matrix_shape shape = matrix_shape_of(sizes, chip);
    if (shape.in_groups == 0) {
        return vector_cost(sizes, chip);
    }
    bool is_half = sizes[3] == 2;
    uint64_t weights = shape.weights_cycles;
    uint64_t first = pass_cycles(&shape, chip, sizes[0], true, is_half);
    uint64_t later = pass_cycles(&shape, chip, sizes[0], false, is_half);
    uint64_t later_group = 15 + shape.out_groups * (19 + shape.passes * (6 + weights + later));
    uint64_t first_group = 11 + shape.out_groups * (18 + shape.passes * (7 + weights + first));
    uint64_t retention = // of worker state, 7 slots and 3 for every further input group
        is_half ? chip->tile.contexts * (7 + 3 * (shape.in_groups - 1)) : 0;
    uint64_t tile_cycles = 50 +             // entry, set-up of the unit
                           retention + 13 + // one convolution group
                           (shape.in_groups - 1) * later_group + first_group;
    return (struct vertex_cost){.is_multi = true, .supervisor_cycles = tile_cycles};
}

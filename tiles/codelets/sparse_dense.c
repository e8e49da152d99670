// Static and dynamic sparse times dense products of the library. Rows of the sparse operand are
// dealt to the workers; `non-zeros` are of one row, `columns` of the dense batch, all of one tile.
// A tile looks at one bucket of meta-information, which is its own; with several subgroups in it,
// half of them are passed first. Source: PL popsparse/PerformanceEstimation. W stands for slots of
// one worker.
// Oddity reproduced: where the columns of a float32 product are no multiple of 4 but have a 2 in
// them, the estimator multiplies the two-column term by floor(columns / 2) once more than there are
// such columns. Oddity fixed: its cost of clearing partial sums computes a loop and returns six
// times their number; no clearing is charged here, a `fill` in the program is.
#include "tiles/codelets/codelets.h"

// Supervisor cycles of finding the own subgroup: a mean of (subgroups - 1) / 2 pass by first.
static uint64_t bucket_cycles(const uint32_t sizes[VERTEX_SIZES], uint64_t subgroup_cycles)
{
    uint64_t subgroups = max_u64(sizes[3], 1);
    return (subgroups + 1) * subgroup_cycles / 2;
}

struct worker_loop {
    uint64_t entry_slots, row_slots, inner_slots; // of a worker, of a row, of its non-zeros
};

static struct worker_loop float32_loop(uint64_t non_zeros, uint64_t columns)
{
    if (columns == 4) {
        return (struct worker_loop){25, 13, 3 * non_zeros}; // two loads, multiply and accumulate
    }
    if (columns == 2) {
        return (struct worker_loop){27, 11, 2 * non_zeros};
    }
    uint64_t inner = columns >= 4 ? 12 + columns / 4 * 3 * non_zeros : 0;
    inner += (columns & 2) != 0 ? 8 + 2 * (columns / 2) * non_zeros : 0; // as coded
    inner += (columns & 1) != 0 ? 8 + 2 * non_zeros : 0;
    return (struct worker_loop){30, 13, inner + ((columns & 1) != 0 ? 3 : 1)};
}

static struct worker_loop float16_loop(uint64_t non_zeros, uint64_t columns)
{
    if (columns == 8) {
        return (struct worker_loop){28, 15, 3 * non_zeros};
    }
    if (columns == 4) {
        return (struct worker_loop){30, 11, 2 * non_zeros};
    }
    uint64_t inner = columns >= 8 ? 16 + columns / 8 * 3 * non_zeros : 0;
    inner += (columns & 4) != 0 ? 13 + 2 * non_zeros : 0;
    inner += (columns & 3) != 0 ? 11 + 2 * non_zeros * (columns & 3) : 0;
    return (struct worker_loop){33, 12, inner};
}

static struct vertex_cost loop_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip, uint64_t cycles,
                                    struct worker_loop loop)
{
    uint64_t rows = div_ceil(sizes[0], chip->tile.contexts);
    return all_workers(cycles, loop.entry_slots + rows * (loop.row_slots + loop.inner_slots));
}

// sizes: rows, non-zeros of a row, batch columns, subgroups.
struct vertex_cost sparse_forward_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    struct worker_loop loop =
        is_half ? float16_loop(sizes[1], sizes[2]) : float32_loop(sizes[1], sizes[2]);
    return loop_cost(sizes, chip, 30 + bucket_cycles(sizes, 47) + 46, loop);
}

// Gradient of the dense operand: the same loops, entered differently. sizes: as forward.
struct vertex_cost sparse_gradient_input_cost(const uint32_t sizes[VERTEX_SIZES],
                                              const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    struct worker_loop loop =
        is_half ? float16_loop(sizes[1], sizes[2]) : float32_loop(sizes[1], sizes[2]);
    uint32_t widest = is_half ? 8 : 4;
    if (is_half) {
        loop.entry_slots = sizes[2] == widest ? 26 : sizes[2] == widest / 2 ? 28 : 32;
    } else {
        loop.entry_slots = sizes[2] == widest ? 23 : sizes[2] == widest / 2 ? 25 : 33;
    }
    return loop_cost(sizes, chip, 30 + bucket_cycles(sizes, 46) + 46, loop);
}

// The same with the forward pass's meta-information: every worker goes through all rows, the non-
// zeros of a row are dealt. float32 alone is published. sizes: as forward.
struct vertex_cost sparse_transposed_cost(const uint32_t sizes[VERTEX_SIZES],
                                          const struct chip_config *chip)
{
    if (sizes[SIZE_TYPE] != TYPE_float32) {
        return unknown_cost();
    }
    uint64_t non_zeros = div_ceil(sizes[1], chip->tile.contexts);
    uint64_t inner = (2 + 3 * ((uint64_t)sizes[2] / 2)) * non_zeros;
    return all_workers(44, sizes[0] * (24 + 8 + inner));
}

// Gradient of the non-zeros: a dot product over the batch each. sizes: as forward.
struct vertex_cost sparse_gradient_weight_cost(const uint32_t sizes[VERTEX_SIZES],
                                               const struct chip_config *chip)
{
    uint64_t non_zeros = sizes[1], columns = sizes[2];
    struct worker_loop loop = {0};
    if (sizes[SIZE_TYPE] == TYPE_float32) {
        uint64_t other = 9 + columns / 2 + (columns & 1);
        loop = columns == 4   ? (struct worker_loop){26 + 2, 8, 5 * non_zeros}
               : columns == 2 ? (struct worker_loop){26 + 4, 6, 4 * non_zeros}
                              : (struct worker_loop){26 + 6, 7, other * non_zeros};
    } else if (sizes[SIZE_TYPE] == TYPE_float16) {
        uint64_t other =
            11 + columns / 4 + ((columns & 2) != 0 ? 3 : 0) + ((columns & 1) != 0 ? 4 : 0);
        loop = columns == 8   ? (struct worker_loop){26 + 2, 10, 5 * non_zeros}
               : columns == 4 ? (struct worker_loop){26 + 4, 9, 4 * non_zeros}
                              : (struct worker_loop){26 + 7, 6, other * non_zeros};
    } else {
        return unknown_cost();
    }
    return loop_cost(sizes, chip, 37 + 38 + bucket_cycles(sizes, 26), loop);
}

// Blocks of 4, 8 or 16 on the matrix unit, float32 partial sums: the supervisor loads every block
// as coefficients, the workers pass the batch through it, dealt evenly.
// sizes: rows of blocks, blocks of a row, batch columns, block side.
struct vertex_cost sparse_block_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    uint64_t side = sizes[3];
    if (!is_floating(sizes[SIZE_TYPE]) || (side != 4 && side != 8 && side != 16) ||
        (side == 16 && !is_half)) {
        return unknown_cost();
    }
    uint64_t columns = div_ceil(sizes[2], chip->tile.contexts);
    uint64_t few = columns >= 3 ? 2 : columns >= 2 ? 1 : 0;
    uint64_t loads = side == 16 && chip->matrix.conv_units_float16 == 8 ? 2 : 1;
    uint64_t entry = side == 4 ? 26 : side == 8 && is_half ? 20 : 23;
    uint64_t block_slots = 0; // loop entry and pipeline of a block, then its columns
    if (side == 4) {
        block_slots = (is_half ? 17 + few : 14) + columns * (is_half ? 2 : 4);
    } else if (side == 8) {
        block_slots = (few == 0               ? 22
                       : few == 1 && !is_half ? 22
                                              : 23) +
                      columns * (is_half ? 4 : 8);
    } else {
        block_slots = (few == 1 ? 25 : 24) + columns * 4;
    }
    uint64_t blocks = (uint64_t)sizes[0] * sizes[1];
    uint64_t load_cycles = side * side / (is_half ? 4 : 2) + 3 + 12 * loads;
    return all_workers(40 + 46 + 56 + blocks * load_cycles + 2,
                       entry + blocks * loads * block_slots);
}

// Collects non-zeros by their indices. sizes: non-zeros.
struct vertex_cost sparse_gather_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    static const uint64_t float16_rest[4] = {0, 10, 10, 14};
    uint64_t width = elements_per_vector(chip, sizes);
    uint64_t left = sizes[0] % width;
    uint64_t rest = left == 0 ? 0 : is_half ? float16_rest[left & 3] : 5;
    uint64_t vectors = div_ceil(sizes[0] / width, chip->tile.contexts);
    uint64_t first_slots = is_half ? 8 : 5, next_slots = is_half ? 5 : 3;
    uint64_t slots = vectors == 0 ? rest : first_slots + (vectors - 1) * next_slots;
    if (vectors > 0 && rest > next_slots) { // the rest goes to a worker with one vector less
        slots += rest - next_slots;
    }
    return all_workers(18, 23 + slots);
}

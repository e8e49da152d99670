#include "workloads/lower/matmul_split.h"

#include <stdbool.h>

#include "sim/units.h"

#define PARTIAL_BYTES 4u // float32 sums
// Shares of a tile's SRAM that one product may take. A layer's tile holds three resident blocks
// (weights, transposed weights, gradient) and two moments: an eighth each; moving buffers of only
// one product are live at a time and share addresses with others: a quarter.
#define RESIDENT_SHARE 8u
#define MOVING_SHARE 4u
// A split over fewer out-parts than this fraction of what is possible leaves tiles idle for
// nothing; small products are searched in full.
#define FULL_SEARCH_PARTS 16u

static void add_reduction(struct matmul_split *split, const struct machine_view *machine)
{
    uint32_t outputs = matmul_split_outputs(split);
    uint32_t per_worker = (uint32_t)max_u64(div_ceil(outputs, machine->contexts), 1);
    uint32_t sizes[VERTEX_SIZES] = {split->parts_k, per_worker, 0, 0};
    uint64_t received_bytes = (uint64_t)(split->parts_k - 1) * outputs * PARTIAL_BYTES;
    split->moving_cycles += machine->exchange_cycles(machine->context, received_bytes);
    split->product_cycles += machine->vertex_cycles(machine->context, CODELET_reduce_many, sizes);
}

struct matmul_split matmul_split_cost(const struct matmul_problem *problem,
                                      const struct machine_view *machine, uint32_t parts_m,
                                      uint32_t parts_k, uint32_t parts_n)
{
    struct matmul_split split = {
        .parts_m = parts_m,
        .parts_k = parts_k,
        .parts_n = parts_n,
        .rows = (uint32_t)div_ceil(problem->rows, parts_m),
        .in = (uint32_t)div_ceil(problem->in, parts_k),
        .out = (uint32_t)div_ceil(problem->out, parts_n),
    };
    uint64_t a_bytes = (uint64_t)split.rows * split.in * problem->element_bytes;
    uint64_t b_bytes = (uint64_t)split.in * split.out * problem->element_bytes;
    uint64_t c_bytes = (uint64_t)split.rows * split.out * PARTIAL_BYTES;
    bool sums_stay = problem->resident == RESIDENT_SUM;
    uint64_t in_bytes = sums_stay ? a_bytes + b_bytes : a_bytes;
    uint32_t sizes[VERTEX_SIZES] = {split.rows, split.in, split.out, problem->element_bytes};
    split.moving_cycles = machine->exchange_cycles(machine->context, in_bytes);
    split.product_cycles = machine->vertex_cycles(machine->context, CODELET_matmul_partial, sizes);
    if (sums_stay) { // summed over k once per training step: not counted here
        split.resident_bytes = c_bytes;
        split.moving_bytes = in_bytes;
        return split;
    }
    uint64_t landed_bytes = 0;
    if (parts_k > 1) {
        add_reduction(&split, machine);
        landed_bytes = (uint64_t)parts_k * matmul_split_outputs(&split) * PARTIAL_BYTES;
    }
    split.resident_bytes = b_bytes;
    split.moving_bytes = c_bytes + max_u64(in_bytes, landed_bytes);
    return split;
}

static bool fits(const struct matmul_split *split, const struct machine_view *machine)
{
    return split->resident_bytes <= machine->bytes_per_tile / RESIDENT_SHARE &&
           split->moving_bytes <= machine->bytes_per_tile / MOVING_SHARE;
}

// What two splits are compared by.
struct merit {
    bool fits;
    uint64_t bytes, cycles;
    uint32_t tiles;
};

static struct merit merit_of(const struct matmul_split *split, const struct machine_view *machine)
{
    return (struct merit){.fits = fits(split, machine),
                          .bytes = split->resident_bytes + split->moving_bytes,
                          .cycles = matmul_split_cycles(split),
                          .tiles = matmul_split_tiles(split)};
}

static bool is_better(const struct merit *merit, const struct merit *best)
{
    if (merit->fits != best->fits) {
        return merit->fits;
    }
    if (!merit->fits && merit->bytes != best->bytes) {
        return merit->bytes < best->bytes;
    }
    if (merit->cycles != best->cycles) {
        return merit->cycles < best->cycles;
    }
    return merit->tiles < best->tiles;
}

// Parts with equal blocks differ only in idle tiles: the fewest of them, and the next with smaller
// blocks.
static uint32_t fewest_parts(uint32_t length, uint32_t parts)
{
    return (uint32_t)div_ceil(length, div_ceil(length, parts));
}

static uint32_t next_parts(uint32_t length, uint32_t parts)
{
    uint64_t block = div_ceil(length, parts);
    return block <= 1 ? length + 1 : (uint32_t)div_ceil(length, block - 1);
}

static uint32_t least_out_parts(uint32_t most)
{
    return most <= FULL_SEARCH_PARTS ? 1 : most / 2;
}

// --- the search ---------------------------------------------------------------------------------
// Over all distinct blocks, but for those that cannot win: no answer of the machine falls as the
// out-part of a block grows, so that of splits alike but for their out-parts the one with the most bounds
// the others from below, in cycles and in bytes.
struct split_search {
    const struct matmul_problem *problem;
    const struct machine_view *machine;
    struct matmul_split best;
    struct merit best_merit;
};

// From `fewest` out-parts up to those of `smallest`, in this order: of equal splits the first one
// stays.
static void search_out_parts(struct split_search *search, const struct matmul_split *smallest,
                             uint32_t fewest)
{
    uint32_t out = search->problem->out;
    struct merit bound = merit_of(smallest, search->machine);
    bound.tiles = smallest->parts_m * smallest->parts_k * fewest;
    if (!is_better(&bound, &search->best_merit)) {
        return;
    }
    if (fewest == smallest->parts_n) {
        search->best = *smallest;
        search->best_merit = bound;
        return;
    }
    uint32_t middle = fewest_parts(out, fewest + (smallest->parts_n - fewest) / 2);
    struct matmul_split split = matmul_split_cost(search->problem, search->machine,
                                                  smallest->parts_m, smallest->parts_k, middle);
    search_out_parts(search, &split, fewest);
    search_out_parts(search, smallest, next_parts(out, middle));
}

struct matmul_split matmul_split_choose(const struct matmul_problem *problem,
                                        const struct machine_view *machine)
{
    struct split_search search = {.problem = problem,
                                  .machine = machine,
                                  .best = matmul_split_cost(problem, machine, 1, 1, 1)};
    search.best_merit = merit_of(&search.best, machine);
    for (uint32_t m = 1; m <= problem->rows && m <= problem->tiles;
         m = next_parts(problem->rows, m)) {
        uint32_t most_k = problem->tiles / m;
        for (uint32_t k = 1; k <= problem->in && k <= most_k; k = next_parts(problem->in, k)) {
            uint32_t most_n = (uint32_t)min_u64(problem->tiles / (m * k), problem->out);
            // from the largest blocks of the search on
            uint32_t fewest = fewest_parts(problem->out, least_out_parts(most_n));
            struct matmul_split smallest =
                matmul_split_cost(problem, machine, m, k, fewest_parts(problem->out, most_n));
            search_out_parts(&search, &smallest, fewest);
        }
    }
    return search.best;
}

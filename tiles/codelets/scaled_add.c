// y += a x of the library, and the optimizers made of it. W stands for slots of one worker.
// Source: PL popops/PerformanceEstimation and the assembly that it estimates,
// ScaledAddSupervisor_fp.S. Known error: on hardware 64 to 512 float32 elements take 330 to 998
// cycles (ipu-208..211, the two reads of the counter taken out); this gives 339 to 1005, the
// supervisor's entry of 6 included.
#include "tiles/codelets/codelets.h"

struct pass { // of all workers over one vector
    uint64_t elements, width;
    uint64_t vector_slots;
    enum operand_placement placement;
    bool is_half;
};

static uint64_t loop_slots(const struct pass *pass, uint64_t vectors)
{
    if (vectors == 0) {
        return 0;
    }
    return 6 + // first vector, pipeline, loop entry
           pass->vector_slots * (vectors - 1);
}

// The elements that fill no vector, of the one worker that takes them.
static uint64_t remainder_slots(const struct pass *pass)
{
    uint64_t left = pass->elements % pass->width;
    if (left == 0) {
        return 0;
    }
    if (!pass->is_half) {
        return 8;
    }
    return 5 + (left >= 2 ? 7u : 0u) + (left == 3 ? 6u : 0u);
}

// The worker with most to do: the ones with a vector more, or the one with the remainder.
static uint64_t worker_slots(const struct pass *pass, const struct chip_config *chip)
{
    uint64_t vectors = pass->elements / pass->width;
    uint64_t contexts = chip->tile.contexts;
    // The estimator counts the way of operands in distinct elements. Where nothing is promised the
    // worker compares the two addresses first (5 bundles, the last a branch to the other loop), and
    // that loop takes two more to begin: counted from the assembly. On hardware this is seen as 41
    // cycles at every size (ipu-214): 6 x 7 = 42.
    uint64_t check_slots = pass->placement == PLACED_ANYWHERE ? 7 : 0;
    uint64_t with_more = loop_slots(pass, div_ceil(vectors, contexts));
    uint64_t with_rest = loop_slots(pass, vectors / contexts) + remainder_slots(pass);
    return 15 + check_slots + max_u64(with_more, with_rest) +
           2 + // is this the worker of the remainder?
           1;  // exit
}

static uint64_t slots_per_vector(const struct pass *pass, const struct chip_config *chip)
{
    uint64_t vectors = pass->elements / pass->width / chip->tile.contexts;
    switch (pass->placement) {
    case PLACED_APART:
        return 2; // both loads at once, store
    case PLACED_INTERLEAVED:
        return vectors >= 16 ? 1 : 2; // loads and store at once
    default:
        return 3; // load, load, store
    }
}

// The whole on all workers, in tile cycles beside 6 x worker_slots.
static uint64_t supervisor_cycles(const struct pass *pass, enum operation operation)
{
    return 21 + 11 +                                        // entry, division of the work
           (pass->elements % pass->width == 0 ? 7u : 13u) + // branch on the remainder
           12 + 6 +                                         // run, sync, return
           (operation == OPERATION_combine ? 12u : 0u) +    // second scale
           (operation == OPERATION_subtract ? 7u : 0u);     // negate the scale
}

static struct pass pass_of(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    struct pass pass = {.elements = sizes[0],
                        .width = elements_per_vector(chip, sizes),
                        .placement = sizes[1],
                        .is_half = sizes[SIZE_TYPE] == TYPE_float16};
    pass.vector_slots = slots_per_vector(&pass, chip);
    return pass;
}

static bool is_scaled_add(enum operation operation)
{
    return operation == OPERATION_add || operation == OPERATION_subtract ||
           operation == OPERATION_combine;
}

// int32: the supervisor alone, three elements a turn.
static uint64_t integer_cycles(uint64_t elements)
{
    return 53 + 26 * (elements / 3) + 26 * (elements % 3) + 20;
}

// sizes: elements, placement.
struct vertex_cost scaled_add_cost(const uint32_t sizes[VERTEX_SIZES],
                                   const struct chip_config *chip)
{
    if (!is_scaled_add(sizes[SIZE_OPERATION])) {
        return unknown_cost();
    }
    if (sizes[SIZE_TYPE] == TYPE_int32) {
        return all_workers(integer_cycles(sizes[0]), 0);
    }
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    struct pass pass = pass_of(sizes, chip);
    return all_workers(supervisor_cycles(&pass, sizes[SIZE_OPERATION]), worker_slots(&pass, chip));
}

// Rows on one worker. sizes: columns, placement, rows.
struct vertex_cost scaled_add_2d_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE]) || !is_scaled_add(sizes[SIZE_OPERATION])) {
        return unknown_cost();
    }
    struct pass pass = pass_of(sizes, chip);
    uint64_t left = pass.elements % pass.width;
    uint64_t rest_slots = left == 0 ? 0 : left == 1 ? 4 : 17; // 4 to 17
    uint64_t row_slots = 15 + 5 + pass.vector_slots * (pass.elements / pass.width) + rest_slots;
    return one_worker(10 + sizes[2] * row_slots);
}

// Update of parameters. sizes: elements; kind (0: SGD, 1: Adam, the order of enum optimizer_kind).
// SGD is one scaled add. Adam is the chain of library operations that a framework emits, in one
// vertex: an estimate.
struct vertex_cost optimizer_cost(const uint32_t sizes[VERTEX_SIZES],
                                  const struct chip_config *chip)
{
    const uint32_t add_sizes[VERTEX_SIZES] = {sizes[0], PLACED_ANYWHERE};
    struct vertex_cost add = scaled_add_cost(add_sizes, chip);
    if (sizes[1] == 0) {
        return add;
    }
    uint64_t vectors = div_ceil(div_ceil(sizes[0], chip->tile.contexts), words_per_vector(chip));
    uint64_t further_slots = 5 * 20 +        // prologues of the five operations that follow
                             vectors * (2 +  // square of the gradient
                                        2 +  // bias correction by a scalar
                                        10 + // square root
                                        2 +  // plus epsilon
                                        10); // division
    // first moment, second moment, parameter
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 3 * add.supervisor_cycles + 5 * 11,
        .fixed_millislots = 3 * add.fixed_millislots + further_slots * MILLISLOTS_PER_SLOT,
    };
}

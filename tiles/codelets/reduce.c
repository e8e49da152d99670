#include "tiles/codelets/codelets.h"

// B9, compiled C++: sums the partials of one slot. sizes: partials. hits: 1 if the slot is in use;
// else the vertex leaves at once.
struct vertex_cost reduce_stage1_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    uint64_t pairs = div_ceil(sizes[0], 2); // loaded as 64 bits whatever the vector width
    uint64_t dead = slots_to_millislots(chip->costs.reduce_dead);
    uint64_t live = slots_to_millislots(chip->costs.reduce_start) +
                    pairs * slots_to_millislots(chip->costs.reduce_pair);
    return (struct vertex_cost){
        .fixed_millislots = dead,
        .hit_millislots = max_u64(live, dead) - dead, // leaving at once is never the longer way
    };
}

// --- the library --------------------------------------------------------------------------------
// Source: PL popops/reduction/CycleEstimationFunctions. Workers add with the accumulators, which
// load 64 bits a slot, 128 from interleaved memory. Results are float32.
static uint64_t load_slots(const uint32_t sizes[VERTEX_SIZES], uint64_t elements,
                           const struct chip_config *chip)
{
    uint64_t width = elements_per_vector(chip, sizes);
    uint64_t loads = elements / width;
    return (sizes[1] != 0 ? div_ceil(loads, 2) : loads) + elements % width;
}

// One piece to one scalar. sizes: elements, interleaved 0/1.
struct vertex_cost reduce_scalar_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    return one_worker(17 + load_slots(sizes, sizes[0], chip));
}

// Equal pieces that lie one behind the other, each to one scalar ("continuous").
// sizes: elements of a piece, interleaved 0/1, pieces.
struct vertex_cost reduce_pieces_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    return one_worker(17 + sizes[2] * (12 + load_slots(sizes, sizes[0], chip)));
}

// Slots of one accumulated vector and of storing the result. False: no entry.
static bool accumulate_slots(const uint32_t sizes[VERTEX_SIZES], uint64_t *slots, uint64_t *store)
{
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    *store = 5;
    switch (sizes[SIZE_OPERATION]) {
    case OPERATION_add:
    case OPERATION_square:
        *slots = 1;
        return is_floating(sizes[SIZE_TYPE]);
    case OPERATION_log_add: // exponential and logarithm; the store takes the scale into account
        *slots = is_half ? 13 : 23;
        *store = 5 + 56;
        return is_floating(sizes[SIZE_TYPE]);
    default:
        return false;
    }
}

// B10. Final sum over equally spaced partials, one worker ("strided"). sizes: partials, outputs,
// strides.
struct vertex_cost reduce_many_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    uint64_t step_slots = 0, store_slots = 0;
    if (!accumulate_slots(sizes, &step_slots, &store_slots)) {
        return unknown_cost();
    }
    uint64_t vectors = div_ceil(sizes[1], elements_per_vector(chip, sizes)); // of outputs
    uint64_t further = sizes[0] > 0 ? sizes[0] - 1 : 0;
    uint64_t strides = max_u64(sizes[2], 1);
    uint64_t vector_slots = 3 + store_slots +                     // outer loop, store of the result
                            strides * (3 + step_slots * further); // entry, one step per partial
    return one_worker(16 + vectors * vector_slots);
}

// Partials behind a pointer each, one worker. sizes: partials, outputs of a reduction, reductions.
struct vertex_cost reduce_general_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    if (!is_floating(sizes[SIZE_TYPE]) || sizes[SIZE_OPERATION] != OPERATION_add) {
        return unknown_cost();
    }
    uint64_t vectors = div_ceil(sizes[1], elements_per_vector(chip, sizes));
    uint64_t partial_slots = 10 +                         // pointer
                             4 + 1 +                      // one vector: loop, load
                             3;                           // next partial
    uint64_t vector_slots = 8 + sizes[0] * partial_slots; // 5 to 8, store of the result
    return one_worker(33 + sizes[2] * (24 + 6 + vectors * vector_slots));
}

// Sum of the partials of a matrix product, all workers, four float32 or eight float16 outputs at a
// time. Source: PL poplin/PerformanceEstimation, ReduceAdd: 33 + 6 (20 + (c partials + 7) outputs /
// acc / 6) if all partials are one block of memory; c is 64-bit loads of the accumulators.
// sizes: partials, outputs, blocks of inputs (0 or 1: one).
struct vertex_cost reduce_add_cost(const uint32_t sizes[VERTEX_SIZES],
                                   const struct chip_config *chip)
{
    uint64_t width = 2 * elements_per_vector(chip, sizes);
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    bool is_one_block = sizes[2] <= 1;
    uint64_t loops = div_ceil(div_ceil(sizes[1], width), chip->tile.contexts);
    uint64_t loop_slots = 2 * (uint64_t)sizes[0] + 7; // two loads a partial; pointers, store
    return all_workers(is_one_block ? 33 : 0, (is_one_block ? 20 : 32) + loops * loop_slots);
}

#include "tiles/codelets/codelets.h"

// B9, compiled C++: sums the partials of one slot. sizes: partials. hits: 1 if the slot is in use; else the
// vertex leaves at once.
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

// B10, library: final sum over equally spaced partials. sizes: partials, outputs.
// Source: PL popops/reduction/CycleEstimationFunctions, strided form, one worker, float32 out.
struct vertex_cost reduce_many_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    uint64_t vectors = div_ceil(sizes[1], words_per_vector(chip)); // of outputs
    uint64_t further = sizes[0] > 0 ? sizes[0] - 1 : 0;
    uint64_t vector_slots = 3 + 5 +      // outer loop, store of the result
                            3 + further; // one stride: entry, one accumulate per partial
    return (struct vertex_cost){
        .fixed_millislots = (16 + vectors * vector_slots) * MILLISLOTS_PER_SLOT,
    };
}

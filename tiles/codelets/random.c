// Random numbers of the library. Source: PL poprand/poprandCycleEstimators, tile cycles 4 + 6 x W.
// Fixed knowingly: the estimators of uniform floats and of Bernoulli divide the data path by 2 or 4
// bytes instead of 32 or 16 bits, so that their loops come out 16 to 4 times too short. Here a
// vector is 64 bits, and a uniform vector costs what a normal one does (draw, convert and scale,
// store): 2 cycles a float32 number on a tile, of which JIA measures 2.06 (ipu-141).
#include "tiles/codelets/codelets.h"

// F5. sizes: integers. Source: as above, uniform int: 4 + 22 * 6 + 6 per 2.
struct vertex_cost random_uniform_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    (void)chip;
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 4,
        .fixed_millislots = (22 + div_ceil(sizes[0], 2)) * MILLISLOTS_PER_SLOT,
    };
}

// Tile cycles of one vector, 0: unknown. The drawing unit is shared by the workers, so these are
// not slots.
static uint64_t vector_cycles(const uint32_t sizes[VERTEX_SIZES], bool is_half)
{
    switch (sizes[SIZE_OPERATION]) {
    case OPERATION_normal:
    case OPERATION_uniform:
        return 4;
    case OPERATION_truncated_normal: // draws again until it lies inside, a triangle at last
        return (is_half ? 12u : 11u) * (uint64_t)sizes[1] + 5;
    case OPERATION_bernoulli:
    case OPERATION_dropout:
        return 2; // masked load, store
    default:
        return 0;
    }
}

// sizes: elements, iterations (truncated_normal). Operation: a distribution.
struct vertex_cost random_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    if (sizes[SIZE_OPERATION] == OPERATION_set_seed) {
        return all_workers(14, 27);
    }
    bool is_half = sizes[SIZE_TYPE] == TYPE_float16;
    uint64_t cycles = vector_cycles(sizes, is_half);
    if (cycles == 0 || !is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    uint64_t start_slots = is_half ? 24 : 22;
    uint64_t entry_cycles = 4;
    if (sizes[SIZE_OPERATION] == OPERATION_truncated_normal) {
        start_slots = is_half ? 28 : 26;
    } else if (sizes[SIZE_OPERATION] == OPERATION_dropout) {
        start_slots = 24;
        entry_cycles = 6;
    }
    return all_workers(entry_cycles + cycles * div_ceil(sizes[0], elements_per_vector(chip, sizes)),
                       start_slots);
}

// Vertices of the library that work on scalars or draw numbers.
#include "tiles/codelets/codelets.h"

// F5. sizes: integers. Source: PL poprand/poprandCycleEstimators, uniform int: 4 + 22 * 6 + 6 per 2.
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

// B1. Source: PL popopsCycleEstimators, ForLoopCounter: 43 W on one worker.
struct vertex_cost loop_counter_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    (void)sizes;
    (void)chip;
    return (struct vertex_cost){.fixed_millislots = 43 * MILLISLOTS_PER_SLOT};
}

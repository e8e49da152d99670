// Vertices of the library that work on scalars.
#include "tiles/codelets/codelets.h"

// B1. Source: PL popopsCycleEstimators, ForLoopCounter: 43 W on one worker.
struct vertex_cost loop_counter_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    (void)sizes;
    (void)chip;
    return (struct vertex_cost){.fixed_millislots = 43 * MILLISLOTS_PER_SLOT};
}

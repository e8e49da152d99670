#include "tiles/codelets/codelets.h"

#include "sim/err.h"
#include "tiles/tile.h"

static struct vertex_cost published_cost(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                                         const struct chip_config *chip)
{
    switch (codelet) {
#define X(name, sizes_doc) \
    case CODELET_##name:   \
        return name##_cost(sizes, chip);
        CODELETS(X)
#undef X
    default:
        SIM_ASSERT(false, "codelet %u does not exist", (unsigned)codelet);
    }
    return unknown_cost();
}

bool vertex_is_known(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                     const struct chip_config *chip)
{
    return !published_cost(codelet, sizes, chip).is_unknown;
}

struct vertex_cost vertex_cost(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                               const struct chip_config *chip)
{
    struct vertex_cost cost = published_cost(codelet, sizes, chip);
    SIM_ASSERT(!cost.is_unknown, "%s: no cost for operation %u of type %u", codelet_name(codelet),
               sizes[SIZE_OPERATION], sizes[SIZE_TYPE]);
    SIM_ASSERT(!cost.is_multi || (cost.count_millislots == 0 && cost.hit_millislots == 0),
               "%s: a multi-worker vertex with dynamic costs", codelet_name(codelet));
    // A correction may be negative, the sum may not.
    double corrected = (double)cost.supervisor_cycles + chip->corrections[codelet];
    cost.supervisor_cycles = corrected > 0 ? (uint64_t)llround(corrected) : 0;
    return cost;
}

uint64_t vertex_cycles_alone(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                             const struct chip_config *chip)
{
    struct vertex_cost cost = vertex_cost(codelet, sizes, chip);
    struct tile_work work = {.vertices = 1,
                             .has_workers = !cost.is_multi,
                             .supervisor_cycles = cost.supervisor_cycles,
                             .busiest_millislots = cost.fixed_millislots};
    return tile_cycles(chip, &work);
}

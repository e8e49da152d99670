#include "tiles/tile.h"

#include "sim/units.h"

uint64_t tile_fixed_cycles(const struct chip_config *chip, uint64_t vertices, bool has_workers,
                           uint64_t supervisor_cycles)
{
    if (vertices == 0) {
        return 0;
    }
    uint64_t start_cycles = has_workers ? chip->tile.launch_cycles : 0;
    return start_cycles + vertices * chip->tile.vertex_launch_cycles + supervisor_cycles;
}

uint64_t tile_worker_cycles(const struct chip_config *chip, uint64_t busiest_millislots)
{
    return div_ceil(chip->tile.contexts * busiest_millislots, MILLISLOTS_PER_SLOT);
}

uint64_t tile_cycles(const struct chip_config *chip, const struct tile_work *work)
{
    return tile_fixed_cycles(chip, work->vertices, work->has_workers, work->supervisor_cycles) +
           tile_worker_cycles(chip, work->busiest_millislots);
}

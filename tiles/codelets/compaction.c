// From flags to ids and back: compiled C++ (scatter_ids: the library's fill), one worker each.
#include "tiles/codelets/codelets.h"

// F6. count: flags scanned (load, branch, counter); hits: flags set (store, test of the limit).
struct vertex_cost compact_flags_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    (void)sizes;
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .count_millislots = slots_to_millislots(chip->costs.flag_scan),
        .hit_millislots = slots_to_millislots(chip->costs.flag_hit),
    };
}

// F7. hits: ids copied (load, store, two counters).
struct vertex_cost combine_parts_cost(const uint32_t sizes[VERTEX_SIZES],
                                      const struct chip_config *chip)
{
    (void)sizes;
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .hit_millislots = slots_to_millislots(chip->costs.id_copy),
    };
}

// F8. sizes: parts. hits: ids copied.
struct vertex_cost combine_samples_cost(const uint32_t sizes[VERTEX_SIZES],
                                        const struct chip_config *chip)
{
    uint64_t part_slots = 4; // load of count and pointer, compare, branch: an estimate
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start) +
                            sizes[0] * part_slots * MILLISLOTS_PER_SLOT,
        .hit_millislots = slots_to_millislots(chip->costs.id_copy),
    };
}

// Sparse vector to dense. sizes: neurons. hits: ids.
// Source of the clearing: PL popops/PerformanceEstimation, memset of n words: 23 + n / 2, one
// worker.
struct vertex_cost scatter_ids_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    uint64_t clear_slots = 23 + div_ceil(sizes[0], 2);
    return (struct vertex_cost){
        .fixed_millislots =
            slots_to_millislots(chip->costs.vertex_start) + clear_slots * MILLISLOTS_PER_SLOT,
        .hit_millislots = slots_to_millislots(chip->costs.id_copy), // load id, store
    };
}

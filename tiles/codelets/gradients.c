// The backward pass of the sparse form: compiled C++, one worker each.
#include "tiles/codelets/codelets.h"

// B4, new. sizes: neurons. count: ids scanned (load, subtract, compare, branch); hits: own ids
// (surrogate in software double, read-add-write).
struct vertex_cost state_gradient_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    (void)sizes; // every vertex scans the whole list, however many neurons are its own
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .count_millislots = slots_to_millislots(chip->costs.state_id_scan),
        .hit_millislots = slots_to_millislots(chip->costs.state_hit),
    };
}

// B4, old: one vertex for a (layer, sample). sizes: neurons of the layer. hits: ids listed, all of
// them one worker's: this and the gathering of whole layers is what the new form does away with.
struct vertex_cost state_gradient_sample_cost(const uint32_t sizes[VERTEX_SIZES],
                                              const struct chip_config *chip)
{
    (void)sizes; // the vertex goes through the list only
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .hit_millislots = slots_to_millislots(chip->costs.state_hit),
    };
}

// B7. sizes: neurons. count: spikes that came in; per spike and vector: load of id, gradient and
// delta, add, store.
struct vertex_cost weight_gradient_cost(const uint32_t sizes[VERTEX_SIZES],
                                        const struct chip_config *chip)
{
    uint64_t pairs = div_ceil(sizes[0], words_per_vector(chip));
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .count_millislots = pairs * slots_to_millislots(chip->costs.id_pair_weight_gradient),
    };
}

// B8. sizes: neurons. count: listed ids of the layer below; per id and vector: load of id and
// weights, multiply, add the lanes, store.
struct vertex_cost spike_gradient_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    uint64_t pairs = div_ceil(sizes[0], words_per_vector(chip));
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start),
        .count_millislots = pairs * slots_to_millislots(chip->costs.id_pair_spike_gradient),
    };
}

// The neuron update of the sparse form: compiled C++, one vertex per sample on one worker.
#include "tiles/codelets/codelets.h"

// F3. sizes: neurons; load slots and arithmetic slots per neuron. count: spikes that come in.
// Per spike and vector of neurons: load of the id, load of the weights with the add of the ones
// before.
struct vertex_cost lif_update_cost(const uint32_t sizes[VERTEX_SIZES],
                                   const struct chip_config *chip)
{
    const struct codelet_costs *costs = &chip->costs;
    uint64_t pairs = div_ceil(sizes[0], words_per_vector(chip));
    double neuron_slots = (double)sizes[1] + (double)sizes[2] + // loads, arithmetic
                          1 +                                   // store of the state
                          costs->neuron_update_extra; // compare, branch, select of the reset
    return (struct vertex_cost){
        .fixed_millislots =
            slots_to_millislots(costs->vertex_start) + sizes[0] * slots_to_millislots(neuron_slots),
        .count_millislots = pairs * slots_to_millislots(costs->id_pair_forward),
    };
}

// F4. One (neuron, sample): load, two compares with branches, two scalar stores, vertex start
// included.
struct vertex_cost threshold_flags_cost(const uint32_t sizes[VERTEX_SIZES],
                                        const struct chip_config *chip)
{
    (void)sizes;
    return (struct vertex_cost){.fixed_millislots =
                                    slots_to_millislots(chip->costs.threshold_flags)};
}

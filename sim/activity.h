// The activity record: which neurons spiked, and which were listed, at every time step.
// It is all that the timing run takes from the functional run. It knows nothing of tiles.
//
// Layer 0 is the input; layers 1..L are the spiking layers, the output layer last.
// Of layer l at time step t and sample b:
//   counts[l][(t * batch + b) * 2 + 0]   spikes sent, k
//   counts[l][(t * batch + b) * 2 + 1]   listed ids, g >= k (spikes first, then near-threshold ones)
//   ids[l][(t * batch + b) * slots + i]  id i < g; spikes ascending, then near-threshold ascending
// For the input g == k. In the dense form slots == neurons and every neuron is listed.
#ifndef TILESIM_SIM_ACTIVITY_H
#define TILESIM_SIM_ACTIVITY_H

#include <stdint.h>

struct activity_layer {
    uint32_t neurons;
    uint32_t slots;   // capacity of the spike vector
    uint32_t *counts; // owned; [time_steps][batch][2]
    uint32_t *ids; // owned; [time_steps][batch][slots]; NULL where ids were not kept (dense form)
    uint64_t dropped_spikes; // spikes that found no slot, over all time steps and samples
};

struct activity {
    uint32_t layer_count; // with the input
    uint32_t time_steps;
    uint32_t batch;
    struct activity_layer *layers; // owned
};

// neurons and slots: one entry per layer, input first. Counts start at zero.
struct activity *activity_create(uint32_t layer_count, const uint32_t *neurons,
                                 const uint32_t *slots, uint32_t time_steps, uint32_t batch);
void activity_destroy(struct activity *activity);
// A copy of some samples: first_sample .. first_sample + samples - 1. Dropped spikes are not known of a part: 0.
struct activity *activity_slice(const struct activity *activity, uint32_t first_sample,
                                uint32_t samples);

static inline const uint32_t *activity_counts(const struct activity_layer *layer, uint32_t batch,
                                              uint32_t time_step)
{
    return layer->counts + (uint64_t)time_step * batch * 2;
}

static inline const uint32_t *activity_ids(const struct activity_layer *layer, uint32_t batch,
                                           uint32_t time_step, uint32_t sample)
{
    return layer->ids + ((uint64_t)time_step * batch + sample) * layer->slots;
}

// How full the slots are when activity is drawn: two limits, of which the lower one holds. Slots are a
// share of the layer in the program; what crosses the threshold is a share of the layer in the network.
struct activity_fill {
    double spikes;         // k = round(spikes * slots), hidden and output layers
    double listed;         // g = round(listed * slots), at least k
    double input_spikes;   // k = round(input_spikes * slots) of the input
    double active_neurons; // k, g <= round(active_neurons * neurons), hidden layers
};

// Draws the whole record: distinct ids, uniform over the layer's neurons, each sub-list ascending, by
// Philox keyed by (seed, layer, time step, sample). Counts never exceed the neurons of the layer.
void activity_draw(struct activity *activity, const struct activity_fill *fill, uint64_t seed,
                   uint32_t training_step);

#endif

// The activity record: which neurons spiked, and which were listed, at every time step.
// It is all that the timing run takes from the functional run. It knows nothing of tiles.
//
// Layer 0 is the input; layers 1..L are the spiking layers, the output layer last.
// Of layer l at time step t and sample b:
//   counts[l][(t * batch + b) * 2 + 0]   spikes sent, k
//   counts[l][(t * batch + b) * 2 + 1]   listed ids, g >= k (spikes first, then near-threshold ones)
//   ids[l][(t * batch + b) * slots + i]  id i < g; spikes ascending, then near-threshold ascending
// For the input g == k. In the dense form slots == neurons and every neuron is listed.
//
// A record is written whole (activity_create), by the functional run or from a file, or drawn
// (activity_draw): ids are then drawn when they are asked for, and some time steps are kept, so
// that its memory does not grow with the sequence. Who asks need not know which of the two it is.
#ifndef TILESIM_SIM_ACTIVITY_H
#define TILESIM_SIM_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drawn_ids;

struct activity_layer {
    uint32_t neurons;
    uint32_t slots;   // capacity of the spike vector
    uint32_t *counts; // owned; [time_steps][batch][2]; drawn: [batch][2], equal at all time steps
    // owned; [time_steps][batch][slots]; NULL where ids were not kept (dense form) or are drawn
    uint32_t *ids;
    struct drawn_ids *drawn; // owned; NULL: written
    bool has_equal_counts;   // at all time steps
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
// Without counts and ids: to be drawn.
struct activity *activity_create_blank(uint32_t layer_count, const uint32_t *neurons,
                                       const uint32_t *slots, uint32_t time_steps, uint32_t batch);
void activity_destroy(struct activity *activity);
// Some samples: first_sample .. first_sample + samples - 1, a copy or drawn as the whole. Dropped
// spikes are not known of a part: 0.
struct activity *activity_slice(const struct activity *activity, uint32_t first_sample,
                                uint32_t samples);
// A copy of `count` time steps.
struct activity *activity_pick(const struct activity *activity, const uint32_t *time_steps,
                               uint32_t count);
// Every neuron is sent and listed at every time step, and no ids are kept: analog input.
void activity_send_all(struct activity *activity, uint32_t layer);

static inline const uint32_t *activity_counts(const struct activity_layer *layer, uint32_t batch,
                                              uint32_t time_step)
{
    return layer->has_equal_counts ? layer->counts
                                   : layer->counts + (uint64_t)time_step * batch * 2;
}

static inline bool activity_has_ids(const struct activity_layer *layer)
{
    return layer->ids != NULL || layer->drawn != NULL;
}

// Of a drawn layer: [samples][slots].
const uint32_t *drawn_ids_at(struct drawn_ids *drawn, uint32_t time_step);
void drawn_ids_destroy(struct drawn_ids *drawn);
// Of some of the samples.
struct drawn_ids *drawn_ids_slice(const struct drawn_ids *drawn, uint32_t first_sample,
                                  uint32_t samples);

// To be read before those of another time step are asked for. A drawn record is read by one thread
// at a time.
static inline const uint32_t *activity_ids(const struct activity_layer *layer, uint32_t batch,
                                           uint32_t time_step, uint32_t sample)
{
    const uint32_t *first = layer->drawn != NULL
                                ? drawn_ids_at(layer->drawn, time_step)
                                : layer->ids + (uint64_t)time_step * batch * layer->slots;
    return first + (uint64_t)sample * layer->slots;
}

// How full the slots are when activity is drawn: two limits, of which the lower one holds. Slots
// are a share of the layer in the program; what crosses the threshold is a share of the layer in
// the network.
struct activity_fill {
    double spikes;         // k = round(spikes * slots), hidden and output layers
    double listed;         // g = round(listed * slots), at least k
    double input_spikes;   // k = round(input_spikes * slots) of the input
    double active_neurons; // k, g <= round(active_neurons * neurons), hidden layers
};

// Makes it a record that is drawn, whatever it was: distinct ids, uniform over the layer's neurons,
// each sub-list ascending, by Philox keyed by (seed, training step, layer, time step, sample): the
// same in whatever order they are asked for. Counts never exceed the neurons of the layer.
void activity_draw(struct activity *activity, const struct activity_fill *fill, uint64_t seed,
                   uint32_t training_step);
// Draws now what would be drawn later, if all time steps are kept: once for all machines, whose
// runs are children.
void activity_draw_ahead(struct activity *activity);
// How many time steps a drawn record keeps whose ids take so many bytes in one.
uint32_t activity_kept_time_steps(uint64_t time_step_bytes, uint32_t time_steps);

#endif

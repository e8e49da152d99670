#include "sim/activity.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

struct activity *activity_create(uint32_t layer_count, const uint32_t *neurons,
                                 const uint32_t *slots, uint32_t time_steps, uint32_t batch)
{
    struct activity *activity = xcalloc(1, sizeof *activity);
    activity->layer_count = layer_count;
    activity->time_steps = time_steps;
    activity->batch = batch;
    activity->layers = xcalloc(layer_count, sizeof *activity->layers);
    size_t vectors = (size_t)time_steps * batch;
    for (uint32_t i = 0; i < layer_count; i++) {
        struct activity_layer *layer = &activity->layers[i];
        layer->neurons = neurons[i];
        layer->slots = slots[i];
        layer->counts = xcalloc(vectors * 2, sizeof *layer->counts);
        layer->ids = xcalloc(vectors * slots[i], sizeof *layer->ids);
    }
    return activity;
}

void activity_destroy(struct activity *activity)
{
    if (activity == NULL) {
        return;
    }
    for (uint32_t i = 0; i < activity->layer_count; i++) {
        free(activity->layers[i].counts);
        free(activity->layers[i].ids);
    }
    free(activity->layers);
    free(activity);
}

// Rows of `words` words for each sample of each time step.
static uint32_t *slice_rows(const uint32_t *from, const struct activity *activity,
                            uint32_t first_sample, uint32_t samples, uint32_t words)
{
    if (from == NULL) {
        return NULL;
    }
    size_t row_words = (size_t)samples * words;
    uint32_t *to = xcalloc(row_words * activity->time_steps + 1, sizeof *to);
    for (uint32_t t = 0; t < activity->time_steps; t++) {
        size_t first = ((size_t)t * activity->batch + first_sample) * words;
        memcpy(to + t * row_words, from + first, row_words * sizeof *to);
    }
    return to;
}

struct activity *activity_slice(const struct activity *activity, uint32_t first_sample,
                                uint32_t samples)
{
    SIM_ASSERT(first_sample + samples <= activity->batch, "samples %u + %u of %u", first_sample,
               samples, activity->batch);
    struct activity *slice = xcalloc(1, sizeof *slice);
    *slice = (struct activity){.layer_count = activity->layer_count,
                               .time_steps = activity->time_steps,
                               .batch = samples,
                               .layers = xcalloc(activity->layer_count, sizeof *slice->layers)};
    for (uint32_t i = 0; i < activity->layer_count; i++) {
        const struct activity_layer *from = &activity->layers[i];
        slice->layers[i] = (struct activity_layer){
            .neurons = from->neurons,
            .slots = from->slots,
            .counts = slice_rows(from->counts, activity, first_sample, samples, 2),
            .ids = slice_rows(from->ids, activity, first_sample, samples, from->slots)};
    }
    return slice;
}

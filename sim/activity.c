#include "sim/activity.h"

#include <stdlib.h>

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

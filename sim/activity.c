#include "sim/activity.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

struct activity *activity_create_blank(uint32_t layer_count, const uint32_t *neurons,
                                       const uint32_t *slots, uint32_t time_steps, uint32_t batch)
{
    struct activity *activity = xcalloc(1, sizeof *activity);
    activity->layer_count = layer_count;
    activity->time_steps = time_steps;
    activity->batch = batch;
    activity->layers = xcalloc(layer_count, sizeof *activity->layers);
    for (uint32_t i = 0; i < layer_count; i++) {
        activity->layers[i].neurons = neurons[i];
        activity->layers[i].slots = slots[i];
    }
    return activity;
}

struct activity *activity_create(uint32_t layer_count, const uint32_t *neurons,
                                 const uint32_t *slots, uint32_t time_steps, uint32_t batch)
{
    struct activity *activity =
        activity_create_blank(layer_count, neurons, slots, time_steps, batch);
    size_t vectors = (size_t)time_steps * batch;
    for (uint32_t i = 0; i < layer_count; i++) {
        struct activity_layer *layer = &activity->layers[i];
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
        drawn_ids_destroy(activity->layers[i].drawn);
    }
    free(activity->layers);
    free(activity);
}

void activity_send_all(struct activity *activity, uint32_t layer)
{
    struct activity_layer *all = &activity->layers[layer];
    free(all->counts);
    free(all->ids);
    drawn_ids_destroy(all->drawn);
    size_t words = (size_t)activity->batch * 2;
    *all = (struct activity_layer){.neurons = all->neurons,
                                   .slots = all->slots,
                                   .counts = xmalloc(words * sizeof *all->counts),
                                   .has_equal_counts = true};
    for (size_t i = 0; i < words; i++) {
        all->counts[i] = all->neurons;
    }
}

// --- parts --------------------------------------------------------------------------------------
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

static uint32_t *slice_counts(const struct activity *activity, const struct activity_layer *layer,
                              uint32_t first_sample, uint32_t samples)
{
    if (!layer->has_equal_counts) {
        return slice_rows(layer->counts, activity, first_sample, samples, 2);
    }
    size_t words = (size_t)samples * 2;
    uint32_t *counts = xmalloc(words * sizeof *counts);
    memcpy(counts, layer->counts + (size_t)first_sample * 2, words * sizeof *counts);
    return counts;
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
            .counts = slice_counts(activity, from, first_sample, samples),
            .ids = slice_rows(from->ids, activity, first_sample, samples, from->slots),
            .drawn = drawn_ids_slice(from->drawn, first_sample, samples),
            .has_equal_counts = from->has_equal_counts};
    }
    return slice;
}

struct activity *activity_pick(const struct activity *activity, const uint32_t *time_steps,
                               uint32_t count)
{
    uint32_t batch = activity->batch;
    struct activity *picked = xcalloc(1, sizeof *picked);
    *picked = (struct activity){.layer_count = activity->layer_count,
                                .time_steps = count,
                                .batch = batch,
                                .layers = xcalloc(activity->layer_count, sizeof *picked->layers)};
    for (uint32_t i = 0; i < activity->layer_count; i++) {
        const struct activity_layer *from = &activity->layers[i];
        size_t counts = (size_t)batch * 2, ids = (size_t)batch * from->slots;
        struct activity_layer *to = &picked->layers[i];
        *to = (struct activity_layer){.neurons = from->neurons, .slots = from->slots};
        to->counts = xmalloc(count * counts * sizeof *to->counts);
        to->ids = activity_has_ids(from) ? xmalloc(count * ids * sizeof *to->ids) : NULL;
        for (uint32_t t = 0; t < count; t++) {
            memcpy(to->counts + t * counts, activity_counts(from, batch, time_steps[t]),
                   counts * sizeof *to->counts);
            if (to->ids != NULL) {
                memcpy(to->ids + t * ids, activity_ids(from, batch, time_steps[t], 0),
                       ids * sizeof *to->ids);
            }
        }
    }
    return picked;
}

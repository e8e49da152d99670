#include "workloads/data/data.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "workloads/data/order.h"

#define X(name) &data_##name,
const struct data_source_kind *const data_sources[] = {DATA_SOURCES(X) NULL};
#undef X

struct spike_batch *spike_batch_create(uint32_t time_steps, uint32_t batch, uint32_t slots)
{
    struct spike_batch *spikes = xcalloc(1, sizeof *spikes);
    size_t vectors = (size_t)time_steps * batch;
    spikes->time_steps = time_steps;
    spikes->batch = batch;
    spikes->slots = slots;
    spikes->ids = xcalloc(vectors * slots, sizeof *spikes->ids);
    spikes->counts = xcalloc(vectors, sizeof *spikes->counts);
    spikes->labels = xcalloc(batch, sizeof *spikes->labels);
    return spikes;
}

struct spike_batch *spike_batch_create_analog(uint32_t time_steps, uint32_t batch, uint32_t inputs)
{
    struct spike_batch *values = xcalloc(1, sizeof *values);
    values->time_steps = time_steps;
    values->batch = batch;
    values->values = xcalloc((size_t)batch * inputs, sizeof *values->values);
    values->labels = xcalloc(batch, sizeof *values->labels);
    return values;
}

void spike_batch_destroy(struct spike_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    free(batch->ids);
    free(batch->values);
    free(batch->counts);
    free(batch->labels);
    free(batch);
}

struct data_source *data_open(const struct data_config *config,
                              const struct network_config *network, uint32_t time_steps,
                              uint64_t seed, struct err *err)
{
    struct data_source *source =
        data_sources[config->source]->open(config, network, time_steps, seed, err);
    if (source != NULL && network->input == INPUT_ANALOG && source->values == NULL) {
        err_at(err, &config->source_mark,
               "data.source: %s is made of spikes; network.input: analog needs values",
               source->kind->name);
        source->close(source);
        return NULL;
    }
    return source;
}

void data_close(struct data_source *source)
{
    if (source != NULL) {
        source->close(source);
    }
}

// What one place of a batch shows.
struct presentation {
    uint32_t index; // of the sample in its split
    uint32_t draw;  // epoch
    bool is_valid;  // counts for accuracy
};

static struct presentation presentation_at(const struct data_source *source, enum data_split split,
                                           uint64_t seed, uint64_t position)
{
    if (split == DATA_TEST) {
        bool is_valid = position < source->test_count;
        return (struct presentation){is_valid ? (uint32_t)position : 0, 0, is_valid};
    }
    uint32_t epoch = (uint32_t)(position / source->train_count);
    uint32_t place = (uint32_t)(position % source->train_count);
    return (struct presentation){order_permute(seed, epoch, place, source->train_count), epoch,
                                 true};
}

// Keeps a uniformly random `slots` of `count` ids in their order (selection sampling: Knuth, The
// Art of Computer Programming 2, 3.4.2, algorithm S).
static void keep_some(struct rng rng, const uint32_t *ids, uint32_t count, uint32_t *kept,
                      uint32_t slots)
{
    uint32_t wanted = slots;
    for (uint32_t i = 0; wanted > 0; i++) {
        if (rng_below(&rng, count - i) < wanted) {
            *kept++ = ids[i];
            wanted--;
        }
    }
}

// Moves one sample's spikes to place b of the batch.
static void place_sample(struct spike_batch *batch, uint32_t b, const uint32_t *ids,
                         const uint32_t *counts, uint32_t inputs, uint64_t sample_seed)
{
    for (uint32_t t = 0; t < batch->time_steps; t++) {
        const uint32_t *events = ids + (uint64_t)t * inputs;
        uint32_t *kept = batch->ids + ((uint64_t)t * batch->batch + b) * batch->slots;
        uint32_t count = counts[t];
        if (count > batch->slots) {
            struct rng rng = rng_create(sample_seed, RNG_INPUT_SLOTS, t, 0);
            keep_some(rng, events, count, kept, batch->slots);
            batch->dropped += count - batch->slots;
            count = batch->slots;
        } else {
            memcpy(kept, events, count * sizeof *kept);
        }
        memset(kept + count, 0, (batch->slots - count) * sizeof *kept);
        batch->counts[(uint64_t)t * batch->batch + b] = count;
    }
}

static void fill_values(const struct data_source *source, enum data_split split, uint64_t seed,
                        uint32_t number, struct spike_batch *batch)
{
    batch->valid = 0;
    for (uint32_t b = 0; b < batch->batch; b++) {
        uint64_t position = (uint64_t)number * batch->batch + b;
        struct presentation shown = presentation_at(source, split, seed, position);
        source->values(source, split, shown.index, batch->values + (size_t)b * source->inputs,
                       &batch->labels[b]);
        batch->valid += shown.is_valid;
    }
}

void data_fill_batch(const struct data_source *source, enum data_split split, uint64_t seed,
                     uint32_t number, uint32_t time_steps, struct spike_batch *batch)
{
    SIM_ASSERT(time_steps == batch->time_steps, "%u time steps, a batch of %u", time_steps,
               batch->time_steps);
    if (batch->values != NULL) {
        fill_values(source, split, seed, number, batch);
        return;
    }
    uint32_t *ids = xmalloc((size_t)time_steps * source->inputs * sizeof *ids);
    uint32_t *counts = xmalloc(time_steps * sizeof *counts);
    batch->dropped = 0;
    batch->valid = 0;
    for (uint32_t b = 0; b < batch->batch; b++) {
        uint64_t position = (uint64_t)number * batch->batch + b;
        struct presentation shown = presentation_at(source, split, seed, position);
        source->sample(source, split, shown.index, shown.draw, ids, counts, &batch->labels[b]);
        batch->valid += shown.is_valid;
        // Which events are kept is keyed by (split, position, time step).
        struct rng_words key = rng_philox(seed, RNG_INPUT_SLOTS, (uint32_t)split,
                                          (uint32_t)position, (uint32_t)(position >> 32));
        uint64_t sample_seed = key.word[0] | (uint64_t)key.word[1] << 32;
        place_sample(batch, b, ids, counts, source->inputs, sample_seed);
    }
    free(ids);
    free(counts);
}

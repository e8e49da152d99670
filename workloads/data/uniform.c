// Uniformly random spikes: every input spikes in every time step with probability data.rate
// (analog: its value is uniform in [0, 1)), and labels are random. Nothing to learn but the samples
// themselves; it sets an exact input activity.
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "workloads/data/data.h"
#include "workloads/data/encode.h"

#define TRAIN_SAMPLES 10000u // a choice, as are the test samples: no data set stands behind them
#define TEST_SAMPLES 2000u

struct uniform {
    struct data_source base; // first: see data.h
    struct rate_code code;
    uint8_t *pixels; // owned; a white picture: its rate code is uniform
    uint32_t time_steps;
    uint64_t seed;
};

// A sample looks the same each time it is shown: `draw` is not used.
static void sample(const struct data_source *base, enum data_split split, uint32_t index,
                   uint32_t draw, uint32_t *ids, uint32_t *counts, uint32_t *label)
{
    (void)draw;
    const struct uniform *source = (const struct uniform *)base;
    uint32_t key = index * 2 + (uint32_t)split;
    struct rng labels = rng_create(source->seed, RNG_LABELS, key, 0);
    *label = rng_below(&labels, source->base.classes);
    struct rng rng = rng_create(source->seed, RNG_DATA, key, 0);
    encode_rate(&source->code, &rng, source->pixels, source->base.inputs, source->time_steps, ids,
                counts);
}

// Every value is uniform in [0, 1).
static void values(const struct data_source *base, enum data_split split, uint32_t index,
                   float *values, uint32_t *label)
{
    const struct uniform *source = (const struct uniform *)base;
    uint32_t key = index * 2 + (uint32_t)split;
    struct rng labels = rng_create(source->seed, RNG_LABELS, key, 0);
    *label = rng_below(&labels, source->base.classes);
    struct rng rng = rng_create(source->seed, RNG_DATA, key, 0);
    for (uint32_t i = 0; i < source->base.inputs; i++) {
        values[i] = (float)rng_uniform(&rng);
    }
}

static void close_source(struct data_source *base)
{
    struct uniform *source = (struct uniform *)base;
    free(source->pixels);
    free(source);
}

static struct data_source *open_source(const struct data_config *config,
                                       const struct network_config *network, uint32_t time_steps,
                                       uint64_t seed, struct err *err)
{
    (void)err; // any number of inputs and outputs fits
    struct uniform *source = xcalloc(1, sizeof *source);
    source->base = (struct data_source){
        .kind = &data_uniform,
        .train_count = TRAIN_SAMPLES,
        .test_count = TEST_SAMPLES,
        .inputs = network->inputs,
        .classes = network->outputs,
        .sample = sample,
        .values = values,
        .close = close_source,
    };
    source->time_steps = time_steps;
    source->seed = seed;
    source->pixels = xmalloc(network->inputs);
    memset(source->pixels, 255, network->inputs);
    rate_code_init(&source->code, config->rate);
    return &source->base;
}

const struct data_source_kind data_uniform = {
    .name = "uniform",
    .description = "random spikes at data.rate per input and time step, random labels",
    .open = open_source,
};

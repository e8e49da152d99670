// Random manifolds: the synthetic spike data set of the field, generated, no download. Each class
// has one random manifold (manifold.h) per spike; a sample is one random point x of [0,
// 1]^dimension, and a unit's spike times are its manifold values at x, scaled to the time steps by
// the extremes of its class. Every unit spikes equally often in every sample: only the times carry
// the class. Samples are interleaved by class; the first 80 % are the training split.
#include <stdlib.h>

#include "sim/rng.h"
#include "workloads/data/data.h"
#include "workloads/data/manifold.h"

#define SCALE_EPSILON 1e-7 // randman's example generator: (y - min) / (max - min + 1e-7)
#define SAMPLES_MIN 2u     // one for each split

struct sheet { // one spike of every unit, in one class
    struct manifold manifold;
    double *lowest, *highest; // owned; [units], over the class's samples
};

struct randman {
    struct data_source base; // first: see data.h
    uint32_t dimension, spikes, time_steps;
    uint32_t samples; // of both splits
    uint64_t seed;
    struct sheet *sheets; // owned; [classes][spikes]
};

// Writes values[spikes][units] of sample `index` of both splits, not scaled. scratch: [units].
static void evaluate(const struct randman *source, uint32_t index, double *values, double *scratch)
{
    const uint32_t class = index % source->base.classes;
    double x[MANIFOLD_DIMENSIONS_MAX];
    struct rng rng = rng_create(source->seed, RNG_DATA, index, 0);
    for (uint32_t d = 0; d < source->dimension; d++) {
        x[d] = rng_uniform(&rng);
    }
    for (uint32_t s = 0; s < source->spikes; s++) {
        const struct sheet *sheet = &source->sheets[class * source->spikes + s];
        manifold_evaluate(&sheet->manifold, x, values + (size_t)s * source->base.inputs, scratch);
    }
}

static uint32_t time_step_of(const struct sheet *sheet, uint32_t unit, double value,
                             uint32_t time_steps)
{
    double low = sheet->lowest[unit], range = sheet->highest[unit] - low + SCALE_EPSILON;
    double scaled = (value - low) / range * time_steps;
    return scaled < time_steps - 1 ? (uint32_t)scaled : time_steps - 1;
}

// Two spikes of a unit in one time step would be one: the later drawn takes the next free time
// step, around the end. Units come in ascending order, so the last id of a time step tells whether
// the unit is there.
static void add_spike(uint32_t unit, uint32_t t, uint32_t inputs, uint32_t time_steps,
                      uint32_t *ids, uint32_t *counts)
{
    while (counts[t] > 0 && ids[(size_t)t * inputs + counts[t] - 1] == unit) {
        t = t + 1 < time_steps ? t + 1 : 0;
    }
    ids[(size_t)t * inputs + counts[t]] = unit;
    counts[t]++;
}

static void sample(const struct data_source *base, enum data_split split, uint32_t index,
                   uint32_t draw, uint32_t *ids, uint32_t *counts, uint32_t *label)
{
    (void)draw; // a sample looks the same each time it is shown
    const struct randman *source = (const struct randman *)base;
    const uint32_t units = base->inputs;
    const uint32_t both = split == DATA_TRAIN ? index : base->train_count + index;
    const uint32_t class = both % base->classes;
    double *values = xmalloc((size_t)units * (source->spikes + 1) * sizeof *values);
    evaluate(source, both, values, values + (size_t)units * source->spikes);
    for (uint32_t t = 0; t < source->time_steps; t++) {
        counts[t] = 0;
    }
    for (uint32_t u = 0; u < units; u++) {
        for (uint32_t s = 0; s < source->spikes; s++) {
            uint32_t t = time_step_of(&source->sheets[class * source->spikes + s], u,
                                      values[(size_t)s * units + u], source->time_steps);
            add_spike(u, t, units, source->time_steps, ids, counts);
        }
    }
    *label = class;
    free(values);
}

static void close_source(struct data_source *base)
{
    struct randman *source = (struct randman *)base;
    for (uint32_t i = 0; i < base->classes * source->spikes; i++) {
        manifold_free(&source->sheets[i].manifold);
        free(source->sheets[i].lowest);
        free(source->sheets[i].highest);
    }
    free(source->sheets);
    free(source);
}

static void create_sheets(struct randman *source, double alpha)
{
    const uint32_t units = source->base.inputs;
    source->sheets = xcalloc((size_t)source->base.classes * source->spikes, sizeof *source->sheets);
    for (uint32_t i = 0; i < source->base.classes * source->spikes; i++) {
        struct sheet *sheet = &source->sheets[i];
        struct rng rng =
            rng_create(source->seed, RNG_MANIFOLD, i / source->spikes, i % source->spikes);
        manifold_init(&sheet->manifold, units, source->dimension, alpha, &rng);
        sheet->lowest = xmalloc(units * sizeof *sheet->lowest);
        sheet->highest = xmalloc(units * sizeof *sheet->highest);
    }
}

// The extremes that scale a unit are those over the class's samples of both splits, as in the
// original.
static void find_extremes(struct randman *source)
{
    const uint32_t units = source->base.inputs, classes = source->base.classes;
    double *values = xmalloc((size_t)units * (source->spikes + 1) * sizeof *values);
    for (uint32_t index = 0; index < source->samples; index++) {
        evaluate(source, index, values, values + (size_t)units * source->spikes);
        for (uint32_t s = 0; s < source->spikes; s++) {
            struct sheet *sheet = &source->sheets[index % classes * source->spikes + s];
            const double *value = values + (size_t)s * units;
            for (uint32_t u = 0; u < units; u++) {
                bool is_first = index < classes;
                sheet->lowest[u] =
                    is_first || value[u] < sheet->lowest[u] ? value[u] : sheet->lowest[u];
                sheet->highest[u] =
                    is_first || value[u] > sheet->highest[u] ? value[u] : sheet->highest[u];
            }
        }
    }
    free(values);
}

static bool check_config(const struct data_config *config, const struct network_config *network,
                         uint32_t time_steps, struct err *err)
{
    bool is_right = true;
    if (config->manifold_spikes > time_steps) {
        is_right =
            err_at(err, &config->source_mark,
                   "data.source: randman: data.manifold_spikes: %u spikes per input do not fit "
                   "into %u time step%s",
                   config->manifold_spikes, time_steps, plural_ending(time_steps));
    }
    if (config->manifold_dimension > MANIFOLD_DIMENSIONS_MAX) {
        is_right = err_at(err, &config->source_mark,
                          "data.source: randman: data.manifold_dimension: %u is outside 1..%u",
                          config->manifold_dimension, MANIFOLD_DIMENSIONS_MAX);
    }
    uint64_t samples = (uint64_t)config->manifold_samples_per_class * network->outputs;
    if (samples < SAMPLES_MIN || samples > INT32_MAX) {
        is_right =
            err_at(err, &config->source_mark,
                   "data.source: randman: %u samples of each of %u classes are %llu; %u..%d are "
                   "possible",
                   config->manifold_samples_per_class, network->outputs,
                   (unsigned long long)samples, SAMPLES_MIN, INT32_MAX);
    }
    return is_right;
}

static struct data_source *open_source(const struct data_config *config,
                                       const struct network_config *network, uint32_t time_steps,
                                       uint64_t seed, struct err *err)
{
    if (!check_config(config, network, time_steps, err)) {
        return NULL;
    }
    struct randman *source = xcalloc(1, sizeof *source);
    source->samples = config->manifold_samples_per_class * network->outputs;
    uint32_t train_count = (uint32_t)((uint64_t)source->samples * 4 / 5);
    source->base = (struct data_source){
        .kind = &data_randman,
        .train_count = train_count,
        .test_count = source->samples - train_count,
        .inputs = network->inputs,
        .classes = network->outputs,
        .sample = sample,
        .close = close_source,
    };
    source->dimension = config->manifold_dimension;
    source->spikes = config->manifold_spikes;
    source->time_steps = time_steps;
    source->seed = seed;
    create_sheets(source, config->manifold_alpha);
    find_extremes(source);
    return &source->base;
}

const struct data_source_kind data_randman = {
    .name = "randman",
    .description = "random manifolds: classes that differ in spike times alone; generated",
    .open = open_source,
};

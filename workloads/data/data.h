// Data sources: where batches of input spikes and labels come from. One file per source.
// A batch is a function of (seed, split, number of the batch), never of what was asked before.
#ifndef TILESIM_WORKLOADS_DATA_DATA_H
#define TILESIM_WORKLOADS_DATA_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/err.h"
#include "workloads/network.h"

struct spike_batch {
    uint32_t time_steps, batch, slots;
    uint32_t *ids;    // owned; [time_steps][batch][slots], ascending; past the count: 0
    uint32_t *counts; // owned; [time_steps][batch]
    float *values; // owned; analog input, [batch][inputs], the same at every time step; else NULL
    uint32_t *labels; // owned; [batch]
    uint32_t valid;   // samples that count for accuracy (the last test batch may be short)
    uint64_t dropped; // input events that found no slot (a random subset is kept)
};

struct spike_batch *spike_batch_create(uint32_t time_steps, uint32_t batch, uint32_t slots);
// Analog input: values and labels alone.
struct spike_batch *spike_batch_create_analog(uint32_t time_steps, uint32_t batch, uint32_t inputs);
void spike_batch_destroy(struct spike_batch *batch);

enum data_split { DATA_TRAIN, DATA_TEST };
enum data_encoding { ENCODING_LATENCY, ENCODING_RATE, ENCODING_CONSTANT };

struct data_source;
struct data_source_kind {
    const char *name;
    const char *description; // one line
    // Opens the source. NULL and a message in err if files are missing or wrong, or if
    // network->inputs or outputs does not fit the data.
    struct data_source *(*open)(const struct data_config *config,
                                const struct network_config *network, uint32_t time_steps,
                                uint64_t seed, struct err *err);
};

// The one list of sources: X(name) declares data_<name>, defined in workloads/data/<name>.c.
#define DATA_SOURCES(X) \
    X(randman)          \
    X(fashion_mnist)    \
    X(uniform)

#define X(name) extern const struct data_source_kind data_##name;
DATA_SOURCES(X)
#undef X

extern const struct data_source_kind *const data_sources[]; // ends with NULL

// First member of every source's own struct.
struct data_source {
    const struct data_source_kind *kind;
    uint32_t train_count, test_count; // samples
    uint32_t inputs, classes;
    // Writes the spikes of one sample: ids[t * inputs .. ) ascending and distinct, counts[t].
    // `draw` numbers the presentation, so that random codes differ between epochs.
    void (*sample)(const struct data_source *source, enum data_split split, uint32_t index,
                   uint32_t draw, uint32_t *ids, uint32_t *counts, uint32_t *label);
    // Writes the inputs of one sample as numbers in [0, 1]; NULL: the source has none.
    void (*values)(const struct data_source *source, enum data_split split, uint32_t index,
                   float *values, uint32_t *label);
    void (*close)(struct data_source *source);
};

// A source without values is refused for a network with analog input.
struct data_source *data_open(const struct data_config *config,
                              const struct network_config *network, uint32_t time_steps,
                              uint64_t seed, struct err *err);
void data_close(struct data_source *source);
// Training: a new random order each epoch. Test: in order; the last batch repeats sample 0 past the
// end. A batch made for analog input gets values, another one spikes. If more than batch->slots
// events fall in a time step, a random batch->slots of them are kept.
void data_fill_batch(const struct data_source *source, enum data_split split, uint64_t seed,
                     uint32_t number, uint32_t time_steps, struct spike_batch *batch);

#endif

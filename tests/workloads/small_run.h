// A small network, its trainer and its batches, for the tests of whole training steps.
#ifndef TILESIM_TESTS_WORKLOADS_SMALL_RUN_H
#define TILESIM_TESTS_WORKLOADS_SMALL_RUN_H

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/neurons/neuron.h"
#include "workloads/run/trainer.h"

#define LAYERS 3u // spiking

static const uint32_t tiny[LAYERS + 1] = {9, 8, 7, 3};

struct setup {
    uint32_t neurons[LAYERS + 1], slots[LAYERS + 1];
    struct network_config network;
    struct training_config training;
    enum network_form form;
    uint32_t threads;
};

static inline uint32_t neuron_index(const struct neuron_model *model)
{
    uint32_t i = 0;
    while (neuron_models[i] != model) {
        i++;
    }
    return i;
}

// Weights and thresholds at which some neurons of every layer fire and some do not.
static inline void setup_init(struct setup *setup, const uint32_t neurons[LAYERS + 1],
                              uint32_t batch, uint32_t time_steps)
{
    memset(setup, 0, sizeof(*setup));
    memcpy(setup->neurons, neurons, sizeof(setup->neurons));
    memcpy(setup->slots, neurons, sizeof(setup->slots));
    setup->network = (struct network_config){.inputs = neurons[0],
                                             .outputs = neurons[LAYERS],
                                             .hidden_count = LAYERS - 1,
                                             .hidden = setup->neurons + 1,
                                             .layer_count = LAYERS + 1,
                                             .neurons = setup->neurons,
                                             .slots = setup->slots,
                                             .neuron = neuron_index(&neuron_lif),
                                             .alpha = 0.9,
                                             .beta = 0.8,
                                             .theta1 = 1.0,
                                             .theta2 = -1e30,
                                             .theta2_out = -1e30,
                                             .gain = 10.0,
                                             .reset = RESET_BY_MODEL,
                                             .surrogate_slope = 2.0,
                                             .layer_delay = 1,
                                             .weight_mul = 1.0,
                                             .weight_shift = 0.05};
    setup->training = (struct training_config){.batch = batch,
                                               .time_steps = time_steps,
                                               .optimizer = OPTIMIZER_ADAM,
                                               .learning_rate = 1e-2,
                                               .adam_beta1 = 0.9,
                                               .adam_beta2 = 0.999,
                                               .adam_epsilon = 1e-8};
    setup->form = FORM_SPARSE;
    setup->threads = 1;
}

struct run {
    struct training_graph *graph;
    struct trainer *trainer;
    struct activity *record;
};

static inline struct run run_create(const struct setup *setup)
{
    struct run run;
    run.graph = training_graph_create(&setup->network, setup->form, setup->training.batch,
                                      setup->training.time_steps);
    run.trainer = trainer_create(run.graph, &setup->training, 17, setup->threads);
    run.record = activity_create(LAYERS + 1, setup->neurons, setup->slots,
                                 setup->training.time_steps, setup->training.batch);
    return run;
}

static inline void run_destroy(struct run *run)
{
    activity_destroy(run->record);
    trainer_destroy(run->trainer);
    training_graph_destroy(run->graph);
}

// Each input spikes with probability `rate`; inputs of the sample's own class four times as often.
static inline struct spike_batch draw_batch(const struct setup *setup, double rate, uint32_t number)
{
    uint32_t inputs = setup->neurons[0], classes = setup->neurons[LAYERS];
    struct spike_batch batch = {.time_steps = setup->training.time_steps,
                                .batch = setup->training.batch,
                                .slots = inputs,
                                .valid = setup->training.batch};
    uint32_t rows = batch.time_steps * batch.batch;
    batch.ids = xcalloc((size_t)rows * inputs, sizeof(uint32_t));
    batch.counts = xcalloc(rows, sizeof(uint32_t));
    batch.labels = xcalloc(batch.batch, sizeof(uint32_t));
    struct rng rng = rng_create(23, RNG_TEST, number, 0);
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t label = batch.labels[row % batch.batch] = row % batch.batch % classes;
        for (uint32_t id = 0; id < inputs; id++) {
            if (rng_uniform(&rng) < (id % classes == label ? 4.0 : 1.0) * rate) {
                batch.ids[row * inputs + batch.counts[row]++] = id;
            }
        }
    }
    return batch;
}

// Every input is uniform in [0, 1), those of the sample's own class 1 more.
static inline struct spike_batch draw_analog_batch(const struct setup *setup, uint32_t number)
{
    uint32_t inputs = setup->neurons[0], classes = setup->neurons[LAYERS];
    struct spike_batch batch = {.time_steps = setup->training.time_steps,
                                .batch = setup->training.batch,
                                .valid = setup->training.batch};
    batch.values = xcalloc((size_t)batch.batch * inputs, sizeof(float));
    batch.labels = xcalloc(batch.batch, sizeof(uint32_t));
    struct rng rng = rng_create(29, RNG_TEST, number, 0);
    for (uint32_t b = 0; b < batch.batch; b++) {
        batch.labels[b] = b % classes;
        for (uint32_t i = 0; i < inputs; i++) {
            double own = i % classes == batch.labels[b] ? 1.0 : 0.0;
            batch.values[b * inputs + i] = (float)(rng_uniform(&rng) + own);
        }
    }
    return batch;
}

static inline void free_batch(struct spike_batch *batch)
{
    free(batch->ids);
    free(batch->values);
    free(batch->counts);
    free(batch->labels);
}

#endif

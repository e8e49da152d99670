// Tensors in and out of a run as NumPy files: --load and --dump.
// Names, types and shapes: docs/result-format.md#tensors.
#ifndef TILESIM_SIM_RUN_TENSOR_FILES_H
#define TILESIM_SIM_RUN_TENSOR_FILES_H

#include <stdbool.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "workloads/data/data.h"
#include "workloads/run/trainer.h"

struct loaded_tensors {
    struct spike_batch *batch; // owned
    uint32_t weight_count;     // layers without the input
    float **weights;           // owned, and each: of layer l at l - 1, [neurons][fan_in]
    float **biases;            // owned; [weight_count], each [neurons], or NULL without biases
};

// Reads w1.npy ..., labels.npy, and b1.npy ..., input.npy or input_ids.npy and input_counts.npy.
// NULL, with a message for every file that is missing or does not have the shape or the values that
// the experiment needs.
struct loaded_tensors *tensors_load(const char *directory, const struct experiment *experiment,
                                    struct err *err);
void loaded_tensors_destroy(struct loaded_tensors *loaded);

struct dump {                            // where the tensors of one training step go
    const char *directory;               // borrowed
    const struct experiment *experiment; // borrowed
    struct err *err;                     // messages about files that could not be written
};

// Makes the directory if it is missing. False, with a message, if it cannot.
bool dump_open(struct dump *dump, const char *directory, const struct experiment *experiment,
               struct err *err);
// Before the step: the weights and the batch.
bool dump_before_step(const struct dump *dump, const struct trainer *trainer,
                      const struct spike_batch *batch);
// After it: gradients, membranes, logits, counts, loss.
bool dump_after_step(const struct dump *dump, const struct trainer *trainer,
                     const struct activity *record, double loss);

#endif

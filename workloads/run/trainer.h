// The functional run: executes a training graph on the host, batch by batch.
// Results are the same to the bit for any number of threads.
#ifndef TILESIM_WORKLOADS_RUN_TRAINER_H
#define TILESIM_WORKLOADS_RUN_TRAINER_H

#include <stdint.h>

#include "sim/activity.h"
#include "workloads/data/data.h"
#include "workloads/graph/training_graph.h"

struct trainer;

// precision float32: fast kernels; float64: plain reference kernels; float16: the fast kernels,
// with what is stored rounded. See docs/numerics.md. training->checkpoints: the plan is executed.
// What a training step computes does not depend on it, to the bit, unless states are stored as
// float16 (state_bytes 2). Weights are drawn from the seed (Philox keyed by layer; the same for
// both forms).
struct trainer *trainer_create(const struct training_graph *graph,
                               const struct training_config *training, uint64_t seed,
                               uint32_t threads);
void trainer_destroy(struct trainer *trainer);

// One training step on one batch: forward over time, loss, backward over time; then, if `update`,
// the optimiser. Returns the mean loss. If record is not NULL it is filled (layers as in the
// graph's form).
double trainer_step(struct trainer *trainer, const struct spike_batch *batch, bool update,
                    struct activity *record);
// Forward only; returns the number of correct samples among batch->valid. A sample's class is the
// output with the largest logit (spike count, or summed membrane); among equals, the lowest.
uint32_t trainer_count_correct(struct trainer *trainer, const struct spike_batch *batch);
// The first layer with a weight, or a state after the last time step, that is not finite; 0: none.
// Of a loss of spike counts this cannot be seen: a membrane that is not a number never spikes.
uint32_t trainer_nonfinite_layer(const struct trainer *trainer);

// Copies out, converted to float32. layer = 1..L.
void trainer_get_weights(const struct trainer *trainer, uint32_t layer,
                         float *out); // [neurons][fan_in]
void trainer_set_weights(struct trainer *trainer, uint32_t layer,
                         const float *in); // [neurons][fan_in]
void trainer_get_gradient(const struct trainer *trainer, uint32_t layer, float *out); // last step's
// Biases, [neurons]; only of a network that has them.
void trainer_get_bias(const struct trainer *trainer, uint32_t layer, float *out);
void trainer_set_bias(struct trainer *trainer, uint32_t layer, const float *in);
void trainer_get_bias_gradient(const struct trainer *trainer, uint32_t layer, float *out);
void trainer_get_last_membrane(const struct trainer *trainer, uint32_t layer,
                               float *out);                         // [batch][neurons]
void trainer_get_logits(const struct trainer *trainer, float *out); // [batch][outputs]

#endif

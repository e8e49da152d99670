// Runs the stages of a training graph on the host: generic over neurons, forms and precisions.
// The time loop is cut into blocks of time steps of a fixed size; see schedule.h and storage.h.
#ifndef TILESIM_WORKLOADS_RUN_EXECUTOR_H
#define TILESIM_WORKLOADS_RUN_EXECUTOR_H

#include "sim/pool.h"
#include "workloads/run/kernels.h"
#include "workloads/run/storage.h"

struct executor;

// Runs on kernels_select() of form and precision. Float16: states of neurons and carries are rounded
// where a stage writes them. Graph and pool are borrowed.
struct executor *executor_create(const struct training_graph *graph, enum precision precision,
                                 struct pool *pool, uint64_t seed);
void executor_destroy(struct executor *executor);

// Input spikes of the batch: [time_steps][batch] lists. Borrowed until the next call.
void executor_set_input(struct executor *executor, const uint32_t *ids, const uint32_t *counts,
                        uint32_t slots);
// The same of a graph with analog input: [batch][inputs]. Copied.
void executor_set_analog_input(struct executor *executor, const float *values);
// training_step keys random overflow.
void executor_forward(struct executor *executor, uint32_t training_step);
// Clears the carries. The caller writes the loss's gradient to the logits into the view, one row
// per sample; then executor_backward.
struct view executor_begin_backward(struct executor *executor);
void executor_backward(struct executor *executor);

// One row per sample, outputs long.
struct view executor_logits(const struct executor *executor);
// Value of a tensor at the last time step of the forward pass.
struct view executor_last(const struct executor *executor, uint32_t tensor);
// A layer's spikes, l = 0: the input, from time step 0 on. They are kept for all time steps.
struct view executor_spikes(const struct executor *executor, uint32_t layer);
uint64_t executor_dropped(const struct executor *executor,
                          uint32_t layer); // of the last forward pass
struct matrix *executor_matrix(const struct executor *executor, uint32_t tensor);

#endif

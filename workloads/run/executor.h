// Runs a training graph on the host: forward and backward over time, with or without a checkpoint
// plan. The time loop is cut into blocks of time steps of a fixed size (block_runner.h).
#ifndef TILESIM_WORKLOADS_RUN_EXECUTOR_H
#define TILESIM_WORKLOADS_RUN_EXECUTOR_H

#include "sim/activity.h"
#include "sim/pool.h"
#include "workloads/checkpoint/plan.h"
#include "workloads/run/kernels.h"
#include "workloads/run/storage.h"

struct executor;

// Runs on kernels_select() of form and precision. The plan says what is kept of the forward pass;
// NULL: the history of all time steps. Graph, plan and pool are borrowed.
struct executor *executor_create(const struct training_graph *graph, enum precision precision,
                                 const struct checkpoint_plan *plan, struct pool *pool,
                                 uint64_t seed);
void executor_destroy(struct executor *executor);

// Input spikes of the batch: [time_steps][batch] lists. Borrowed until the next call.
void executor_set_input(struct executor *executor, const uint32_t *ids, const uint32_t *counts,
                        uint32_t slots);
// The same of a graph with analog input: [batch][inputs]. Copied.
void executor_set_analog_input(struct executor *executor, const float *values);
// training_step keys random overflow. The record may be NULL; its layers but the input are filled.
void executor_forward(struct executor *executor, uint32_t training_step, struct activity *record);
// Clears the carries. The caller writes the loss's gradient to the logits into the view, one row
// per sample; then executor_backward.
struct view executor_begin_backward(struct executor *executor);
void executor_backward(struct executor *executor);

// One row per sample, outputs long.
struct view executor_logits(const struct executor *executor);
// Value of a state-out at the last time step of the forward pass; without a plan, of any tensor.
struct view executor_last(const struct executor *executor, uint32_t tensor);
struct matrix *executor_matrix(const struct executor *executor, uint32_t tensor);

#endif

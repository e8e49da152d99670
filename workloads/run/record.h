// Fills an activity record from what the functional run computes.
#ifndef TILESIM_WORKLOADS_RUN_RECORD_H
#define TILESIM_WORKLOADS_RUN_RECORD_H

#include "sim/activity.h"
#include "workloads/data/data.h"
#include "workloads/run/kernels.h"

// Layer 0, all time steps.
void record_input(struct activity *record, const struct training_graph *graph,
                  const struct spike_batch *batch);
// Spikes of layer l, 1..L, at `time_steps` time steps from `first_time_step` on, with which the
// view starts.
void record_spikes(struct activity *record, uint32_t l, const struct view *spikes,
                   uint32_t first_time_step, uint32_t time_steps);

#endif

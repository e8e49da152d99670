// Executes a checkpoint plan: one training step in a windowed storage (storage.h), whose memory for
// the forward pass is what the plan keeps (snapshot.h) and a block of time steps in hand.
//
// Gradients are the same as without a plan, to the bit. Each value of a time step is: it is
// computed by the same code from the same values. The order in which gradients add up is, because
// blocks stay the unit (block_runner.h): of a block that a chunk's end cuts, the errors stay in the
// window of the backward pass, and so do the spikes that the gradients need, until its first time
// step has been run backward. At most one block is open, since time steps are run backward in
// order.
//
// Actions are executed block by block where that makes no difference: time steps of several FORWARD
// actions are run together, and so are those of several BACKWARD actions, as long as they lie in
// one block.
#ifndef TILESIM_WORKLOADS_RUN_PLAN_RUN_H
#define TILESIM_WORKLOADS_RUN_PLAN_RUN_H

#include "sim/activity.h"
#include "workloads/checkpoint/plan.h"
#include "workloads/run/block_runner.h"

struct plan_run;

// Both are borrowed; the runner's storage is windowed.
struct plan_run *plan_run_create(struct block_runner *runner, const struct checkpoint_plan *plan);
void plan_run_destroy(struct plan_run *run);

// Up to the loss. The record may be NULL; it gets the spikes of all time steps, which are thus kept
// in full for whoever asked for them, outside of what the plan keeps.
void plan_run_forward(struct plan_run *run, struct activity *record);
// From the loss on; the caller has cleared the carries and written the gradient of the logits.
void plan_run_backward(struct plan_run *run);
// A state of real numbers after the last time step; one row per sample.
struct view plan_run_last(const struct plan_run *run, uint32_t state);

#endif

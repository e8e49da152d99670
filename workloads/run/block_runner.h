// Runs the stages of a training graph over a block of time steps, or over a part of one: the passes
// of schedule.h and, when the backward pass of a block is complete, the gradients of parameters.
// Generic over neurons, forms and precisions.
//
// Blocks start at multiples of block_time_steps whatever part of them is run, and they are the unit
// in which gradients are added and products are cut into items. So results do not depend, to the
// bit, on the parts that the time steps are run in; see plan_run.h for what a block keeps until it
// is complete.
#ifndef TILESIM_WORKLOADS_RUN_BLOCK_RUNNER_H
#define TILESIM_WORKLOADS_RUN_BLOCK_RUNNER_H

#include "sim/pool.h"
#include "workloads/run/input.h"
#include "workloads/run/kernels.h"
#include "workloads/run/storage.h"

struct bound_stage;

struct phase {                  // forward or backward
    struct schedule *schedule;  // owned
    struct bound_stage *stages; // owned; by stage
};

struct time_range { // time steps [first, end) of the batch; never empty
    uint32_t first, end;
};

struct block_runner {
    const struct training_graph *graph; // borrowed
    const struct kernels *kernels;
    struct pool *pool; // borrowed
    struct run_context context;
    struct phase forward, backward;
    struct storage *storage; // owned
    struct batch_input input;
    struct event_lists *lists; // owned; by gradient; empty but for weights of spikes
    uint32_t **dropped;        // owned; [layer_count + 1][batch]; added to
    void **scratch;            // owned; by thread
    uint32_t block_time_steps; // of a full block
    // Of the block and the part of it that are being run:
    uint32_t time_steps;
    uint32_t first_time_step;
    struct time_range part; // from first_time_step on
};

// Runs on kernels_select() of form and precision. Float16: states of neurons and carries are
// rounded where a stage writes them. Graph and pool are borrowed. is_windowed: see storage.h.
struct block_runner *block_runner_create(const struct training_graph *graph,
                                         enum precision precision, struct pool *pool, uint64_t seed,
                                         bool is_windowed);
void block_runner_destroy(struct block_runner *runner);

// The time steps of the block of `time_step` (the last block may be shorter).
struct time_range block_runner_block(const struct block_runner *runner, uint32_t time_step);
// `part` lies in one block; its states, or carries and saved values, are where storage.h says.
void block_runner_forward(struct block_runner *runner, struct time_range part);
// Parts of a block are run last first. The one that completes it adds its gradients.
void block_runner_backward(struct block_runner *runner, struct time_range part);

#endif

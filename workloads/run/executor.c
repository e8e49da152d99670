#include "workloads/run/executor.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/run/block_runner.h"
#include "workloads/run/plan_run.h"
#include "workloads/run/record.h"

struct executor {
    const struct training_graph *graph; // borrowed
    struct block_runner *runner;        // owned
    struct plan_run *plan_run;          // owned; NULL: block after block, and all is kept
};

struct executor *executor_create(const struct training_graph *graph, enum precision precision,
                                 const struct checkpoint_plan *plan, struct pool *pool,
                                 uint64_t seed)
{
    struct executor *executor = xcalloc(1, sizeof(*executor));
    executor->graph = graph;
    executor->runner = block_runner_create(graph, precision, pool, seed, plan != NULL);
    executor->plan_run = plan ? plan_run_create(executor->runner, plan) : NULL;
    return executor;
}

void executor_destroy(struct executor *executor)
{
    if (!executor) {
        return;
    }
    plan_run_destroy(executor->plan_run);
    block_runner_destroy(executor->runner);
    free(executor);
}

void executor_set_analog_input(struct executor *executor, const float *values)
{
    input_set_values(executor->runner->storage, values);
}

void executor_set_input(struct executor *executor, const uint32_t *ids, const uint32_t *counts,
                        uint32_t slots)
{
    input_set_spikes(&executor->runner->input, executor->runner->storage, ids, counts, slots);
}

static struct time_range last_block(const struct executor *executor)
{
    return block_runner_block(executor->runner, executor->graph->time_steps - 1);
}

// --- forward ------------------------------------------------------------------------------------
static void clear_dropped(struct executor *executor)
{
    for (uint32_t l = 0; l <= executor->graph->layer_count; l++) {
        memset(executor->runner->dropped[l], 0, executor->graph->batch * sizeof(uint32_t));
    }
}

// Read before the loss: time steps that are run again after it drop the same spikes again.
static void record_dropped(const struct executor *executor, struct activity *record)
{
    for (uint32_t l = 1; l <= executor->graph->layer_count; l++) {
        record->layers[l].dropped_spikes = 0;
        for (uint32_t b = 0; b < executor->graph->batch; b++) {
            record->layers[l].dropped_spikes += executor->runner->dropped[l][b];
        }
    }
}

static void forward_blocks(struct executor *executor, struct activity *record)
{
    struct storage *storage = executor->runner->storage;
    storage_clear_states(storage, 0);
    for (uint32_t t = 0; t < executor->graph->time_steps;) {
        if (t > 0) {
            storage_pass_states(storage, executor->runner->block_time_steps);
        }
        struct time_range block = block_runner_block(executor->runner, t);
        block_runner_forward(executor->runner, block);
        t = block.end;
    }
    for (uint32_t l = 1; record && l <= executor->graph->layer_count; l++) {
        struct view spikes = storage_view(storage, executor->graph->layers[l - 1].spikes, 0);
        record_spikes(record, l, &spikes, 0, executor->graph->time_steps);
    }
}

void executor_forward(struct executor *executor, uint32_t training_step, struct activity *record)
{
    executor->runner->context.training_step = training_step;
    clear_dropped(executor);
    if (executor->plan_run) {
        plan_run_forward(executor->plan_run, record);
    } else {
        forward_blocks(executor, record);
    }
    if (record) {
        record_dropped(executor, record);
    }
}

// --- backward -----------------------------------------------------------------------------------
static void backward_blocks(struct executor *executor)
{
    for (uint32_t end = executor->graph->time_steps; end > 0;) {
        struct time_range block = block_runner_block(executor->runner, end - 1);
        if (end < executor->graph->time_steps) {
            storage_pass_carries(executor->runner->storage, block.end - block.first);
        }
        block_runner_backward(executor->runner, block);
        end = block.first;
    }
}

// The tensor's window or memory at the last time step.
static struct view view_at_end(const struct executor *executor, uint32_t tensor)
{
    uint32_t start = last_block(executor).first;
    struct view view = storage_view(executor->runner->storage, tensor, start);
    size_t reals = (executor->graph->time_steps - 1 - start) * view.time_stride;
    view.reals = (char *)view.reals + reals * executor->runner->kernels->real_bytes;
    return view;
}

struct view executor_begin_backward(struct executor *executor)
{
    const struct graph_state *logits = &executor->graph->states[executor->graph->logits_state];
    struct time_range block = last_block(executor);
    storage_clear_carries(executor->runner->storage, block.end - block.first);
    return view_at_end(executor, logits->carry_in);
}

void executor_backward(struct executor *executor)
{
    if (executor->plan_run) {
        plan_run_backward(executor->plan_run);
    } else {
        backward_blocks(executor);
    }
}

// --- queries ------------------------------------------------------------------------------------
struct view executor_last(const struct executor *executor, uint32_t tensor)
{
    if (!executor->plan_run) {
        return view_at_end(executor, tensor);
    }
    uint32_t state = 0;
    while (state < executor->graph->state_count && executor->graph->states[state].out != tensor) {
        state++;
    }
    SIM_ASSERT(state < executor->graph->state_count, "tensor %u is no state", tensor);
    return plan_run_last(executor->plan_run, state);
}

struct view executor_logits(const struct executor *executor)
{
    return executor_last(executor, executor->graph->states[executor->graph->logits_state].out);
}

struct matrix *executor_matrix(const struct executor *executor, uint32_t tensor)
{
    return &executor->runner->storage->matrices[tensor];
}

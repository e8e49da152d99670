// The order in which a block of time steps is run.
//
// Stages that depend on each other over time (a membrane on its past) must go time step by time
// step. A stage that does not, such as the product of a layer with spikes that are known for the
// whole block, is run for all time steps of the block at once. So the stages are sorted into the
// strongly connected components of their dependences over time; a product that is a component of
// its own is a block pass, and all else between two block passes is one stepwise pass. Feed-forward
// networks thus run layer by layer; a product inside a recurrence stays in the loop over time
// steps.
#ifndef TILESIM_WORKLOADS_RUN_SCHEDULE_H
#define TILESIM_WORKLOADS_RUN_SCHEDULE_H

#include "workloads/graph/training_graph.h"

struct pass {
    bool is_block;    // one product, all time steps at once
    bool has_product; // stepwise, with a product inside the recurrence
    uint32_t *stages; // owned; indices into the graph's forward or backward stages, ascending
    uint32_t stage_count;
};

struct schedule {
    const struct stage *stages; // borrowed from the graph
    uint32_t stage_count;
    struct pass *passes; // owned; gradients of parameters are in none of them
    uint32_t pass_count;
    uint32_t *gradients; // owned; stages; run at the end of each block
    uint32_t gradient_count;
    uint32_t *pass_of; // owned; by stage; UINT32_MAX: gradient
};

struct schedule *schedule_create(const struct training_graph *graph, enum op_phase phase);
void schedule_destroy(struct schedule *schedule);
// Tensors that a stage reads and writes. The arrays are borrowed; entries may be TENSOR_NONE.
void stage_inputs(const struct training_graph *graph, const struct stage *stage,
                  const uint32_t **tensors, uint32_t *count);
void stage_outputs(const struct training_graph *graph, const struct stage *stage,
                   const uint32_t **tensors, uint32_t *count);

#endif

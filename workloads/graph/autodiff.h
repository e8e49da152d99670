// Reverse-mode differentiation of the forward ops of a graph: every op has a rule that emits ops.
// Values that a rule needs are saved if they are states, inputs, spikes or products, and computed
// again from those if they come from elementwise ops.
#ifndef TILESIM_WORKLOADS_GRAPH_AUTODIFF_H
#define TILESIM_WORKLOADS_GRAPH_AUTODIFF_H

#include "workloads/graph/graph.h"

struct autodiff {
    struct graph *graph;
    uint32_t *adjoint;     // owned; per forward tensor: the tensor that holds its adjoint so far
    uint32_t *recomputed;  // owned; per forward tensor: its copy in the backward pass
    uint32_t tensor_count; // of the forward pass
};

// graph->phase must be OP_FORWARD and is OP_BACKWARD afterwards.
struct autodiff autodiff_begin(struct graph *graph);
// An adjoint that arrives from outside: the following time step, or the loss.
void autodiff_seed(struct autodiff *autodiff, uint32_t tensor, uint32_t adjoint);
// Emits the backward ops of all forward ops, last first. Some of them may lead nowhere (the adjoint
// of a mask, say): whoever knows which results count removes the rest.
void autodiff_run(struct autodiff *autodiff);
// The adjoint of a forward tensor after autodiff_run; TENSOR_NONE if nothing reaches it.
uint32_t autodiff_adjoint(const struct autodiff *autodiff, uint32_t tensor);
void autodiff_end(struct autodiff *autodiff);

#endif

// What the lowerings to tiles ask of a training graph: costs of elementwise work, what is saved.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_TILES_GRAPH_H
#define TILESIM_WORKLOADS_LOWER_LOWER_TILES_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/graph/training_graph.h"

struct elementwise_slots { // issue slots per element (or per vector of elements)
    uint32_t loads, stores, arithmetic;
};

// NULL where the layer has no such region.
const struct region *tiles_find_region(const struct training_graph *graph, enum region_kind kind,
                                       uint32_t layer);
// A whole region as one fused vertex: constants stay in registers.
struct elementwise_slots tiles_region_slots(const struct region *region);
// The neuron update inside F3: the current is in a register already; constants are tensors of the
// published op and are loaded for every neuron; the first state is stored by the codelet itself.
struct elementwise_slots tiles_update_slots(const struct training_graph *graph, uint32_t layer);
// Every elementwise and spike op of a layer and phase as one fused vertex (dense form).
struct elementwise_slots tiles_fused_slots(const struct training_graph *graph, enum op_phase phase,
                                           uint32_t layer);

// One dense op of the library; operands 0 where the op costs nothing.
struct library_op {
    uint32_t operands; // 1: with a constant or alone, 2: two tensors
    bool is_in_place;  // the first input is not needed afterwards
    bool copies_first; // in place on a copy, because the input comes from outside and is needed
                       // later
};
struct library_op tiles_library_op(const struct training_graph *graph, const struct region *region,
                                   uint32_t i);

// Float tensors of a layer that are kept for every time step; the i-th, or TENSOR_NONE past the
// last.
uint32_t tiles_saved_tensor(const struct training_graph *graph, uint32_t layer, uint32_t i);
uint32_t tiles_count_saved(const struct training_graph *graph, uint32_t layer);
// Backward slices of one saved tensor: its value at t, and, if it is a state, at t - 1.
uint32_t tiles_count_slices(const struct training_graph *graph, uint32_t tensor);
// Saved tensors of a layer whose value at t - 1 is read backward.
uint32_t tiles_count_saved_before(const struct training_graph *graph, uint32_t layer);
// Float states of a layer, and the adjoints of them that are carried between time steps.
uint32_t tiles_count_states(const struct training_graph *graph, uint32_t layer);
uint32_t tiles_count_carries(const struct training_graph *graph, uint32_t layer);

#endif

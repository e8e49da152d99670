// The training graph: one time step of a network, its derivative, and what is carried between
// steps.
//
// Backpropagation through time over it:
//   for t = 0 .. T-1:  run the forward stages; a state-in is the state-out of t-1 (zero at t = 0)
//   loss:              softmax cross-entropy on the logits: the output's spike counts, or its membranes
//                      summed over time; its gradient is the logits' carry-in
//   for t = T-1 .. 0:  run the backward stages; a carry-in is the carry-out of t+1 (zero at T-1)
//   update:            one optimiser step per parameter
#ifndef TILESIM_WORKLOADS_GRAPH_TRAINING_GRAPH_H
#define TILESIM_WORKLOADS_GRAPH_TRAINING_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/graph/graph.h"

struct graph_state {  // a state of the network and its adjoint
    uint32_t in, out; // tensors
    // Adjoints; TENSOR_NONE where the gradient never reaches the state.
    uint32_t carry_in, carry_out;
    uint32_t layer;
};

struct graph_layer { // a spiking layer
    uint32_t neurons, slots, fan_in;
    uint32_t fan_in_slots;
    double theta1, theta2;
    // Tensor that it reads: spikes (state-in of the layer before, if delayed), or float32.
    uint32_t input;
    bool is_input_dense; // analog input: connect_dense, connect_dense_weight_gradient
    uint32_t weights, weight_gradient;
    uint32_t bias, bias_gradient; // [1, neurons]; TENSOR_NONE without biases
    uint32_t current;        // output of connect, before the bias is added (by the update region)
    uint32_t membrane;       // tensor that fires (a state-out)
    uint32_t spikes;         // spikes tensor it emits, this time step
    uint32_t spike_gradient; // slots tensor: adjoint of `spikes`; TENSOR_NONE never
    uint32_t error;          // adjoint of `current`, and of the bias in every row
};

// A maximal run of elementwise ops of one layer that share no product or spike op in between: one
// fused kernel. What the ops load and store is counted once per tensor that crosses its border.
enum region_kind {
    REGION_UPDATE,         // forward: states and current -> states
    REGION_INPUT_GRADIENT, // backward: everything that the adjoint of `current` needs
    REGION_CARRY,          // backward: the rest: adjoints of the states for t-1
};

struct region {
    enum region_kind kind;
    uint32_t layer;
    uint32_t *ops; // owned; indices into graph.ops, in order
    uint32_t op_count;
    uint32_t *inputs; // owned; tensors read from outside
    uint32_t input_count;
    uint32_t *outputs; // owned; tensors used outside
    uint32_t output_count;
    uint32_t arithmetic_ops; // ops that cost an instruction (not straight_through, not detach)
};

// The order of execution within a time step.
struct stage {
    bool is_region;
    uint32_t index; // region, or op
};

struct training_graph {
    enum network_form form;
    struct network_config config; // arrays borrowed from the experiment
    uint32_t batch, time_steps;
    struct graph graph;
    uint32_t layer_count;       // spiking layers
    struct graph_layer *layers; // owned; [layer_count], layers[0] is layer 1
    struct graph_state *states; // owned
    uint32_t state_count;
    uint32_t logits_state;  // index in states: spike counts, or summed membranes, of the output
    struct region *regions; // owned
    uint32_t region_count;
    struct stage *forward; // owned
    uint32_t forward_count;
    struct stage *backward; // owned
    uint32_t backward_count;
    uint32_t input, labels; // tensors; input: spikes, or float32 and static
};

// `network` must outlive the graph. The dense form lists every neuron: slots = neurons of each
// layer.
struct training_graph *training_graph_create(const struct network_config *network,
                                             enum network_form form, uint32_t batch,
                                             uint32_t time_steps);
void training_graph_destroy(struct training_graph *training_graph);
// Slots of layer l (0: input) in this form.
uint32_t training_graph_slots(const struct training_graph *training_graph, uint32_t layer);
// Is the tensor read or written by an op, or given by the data? Others are left over from building.
bool training_graph_uses(const struct training_graph *training_graph, uint32_t tensor);

#endif

// Tensors and ops of one time step, forward and backward in one table.
//
// A tensor has a shape, a type and a role. `spikes` is a type of its own: per sample a list of ids
// with two counts (spikes sent k, listed g) and a capacity (slots); in the dense form every neuron
// is listed and the values are 0 or 1. `slots` holds one float per listed id of a spikes tensor:
// the adjoint of spikes is a slots tensor.
//
// Shapes: activations [batch, neurons]; weights [fan-in, neurons]; biases [1, neurons]; spikes
// [batch, neurons]; analog input [batch, inputs].
#ifndef TILESIM_WORKLOADS_GRAPH_GRAPH_H
#define TILESIM_WORKLOADS_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/network.h"

#define TENSOR_NONE UINT32_MAX
#define OP_INPUTS_MAX 4

enum tensor_type { TENSOR_FLOAT32, TENSOR_UINT32, TENSOR_SPIKES, TENSOR_SLOTS };
enum tensor_role {
    ROLE_INPUT,      // given by the data: input spikes or values, labels
    ROLE_PARAMETER,  // trained
    ROLE_STATE_IN,   // value at the end of the previous time step
    ROLE_STATE_OUT,  // value at the end of this time step
    ROLE_ACTIVATION, // lives within a time step
    ROLE_CARRY_IN,   // adjoint of a state-out, from the following time step
    ROLE_CARRY_OUT,  // adjoint of a state-in, for the preceding time step
    ROLE_ADJOINT,    // adjoint that lives within a time step
    ROLE_GRADIENT,   // of a parameter: summed over time steps and samples
};

struct tensor {
    char name[32]; // e.g. "u1", "spikes1", "d_u1"
    enum tensor_type type;
    enum tensor_role role;
    uint32_t rows, columns; // shape
    uint32_t slots;         // spikes and slots: capacity; columns in the dense form
    uint32_t layer;         // 1..L of the layer it belongs to; 0: the input
    uint32_t of;    // SLOTS: the spikes tensor whose listed ids it follows; else TENSOR_NONE
    bool is_saved;  // the backward pass reads it: kept for every time step
    bool is_static; // the same at every time step (analog input): kept and sent once
};

// name, inputs, class. Elementwise ops act on [batch, n] float32; `c` is the op's constant.
#define OPS(X)                                                                                     \
    X(add, 2, ELEMENTWISE)               /* a + b                                               */ \
    X(subtract, 2, ELEMENTWISE)          /* a - b                                               */ \
    X(multiply, 2, ELEMENTWISE)          /* a * b                                               */ \
    X(scale, 1, ELEMENTWISE)             /* a * c                                               */ \
    X(offset, 1, ELEMENTWISE)            /* a + c                                               */ \
    X(absolute, 1, ELEMENTWISE)          /* |a|                                                 */ \
    X(reciprocal, 1, ELEMENTWISE)        /* 1 / a                                               */ \
    X(positive_part, 1, ELEMENTWISE)     /* max(a, 0)                                           */ \
    X(sign, 1, ELEMENTWISE)              /* -1, 0, 1                                            */ \
    X(greater, 1, ELEMENTWISE)           /* a > c ? 1 : 0; gradient: none, or the surrogate     */ \
    X(less_equal, 1, ELEMENTWISE)        /* a <= c ? 1 : 0; gradient: none, or the surrogate    */ \
    X(straight_through, 2, ELEMENTWISE)  /* value of a; all of the gradient goes to b           */ \
    X(detach, 1, ELEMENTWISE)            /* value of a; no gradient                             */ \
    X(add_bias, 2, ELEMENTWISE)          /* (a, b [1, n]): a + b, the same b in every row       */ \
    X(connect, 2, LINEAR)                /* (spikes x, w): x w, [batch, neurons]                */ \
    X(connect_dense, 2, LINEAR)          /* (float32 x, w): x w; a matrix product in both forms */ \
    X(fire, 1, SPIKE)                    /* (u): spikes where u > theta1, listed above theta2   */ \
    X(count_spikes, 2, SPIKE)            /* (sum, spikes): sum + spikes as 0/1                  */ \
    X(connect_input_gradient, 3, LINEAR) /* (e, w, x): slots of x: e w^T at the listed ids     */  \
    X(connect_weight_gradient, 2, LINEAR) /* (x, e): gradient of w += x^T e, spikes only       */  \
    X(connect_dense_weight_gradient, 2, LINEAR) /* (float32 x, e): gradient of w += x^T e      */  \
    X(bias_gradient, 1, REDUCTION)    /* (e): gradient of b [1, n] += e summed over samples  */    \
    X(fire_gradient, 4, SPIKE)        /* (base or none, slots ds, u, spikes): base, and at   */    \
                                      /* listed ids + ds * surrogate(u - theta1)             */    \
    X(gather_slots, 2, SPIKE)         /* (dense d, spikes): d at the listed ids              */    \
    X(softmax_cross_entropy, 2, LOSS) /* (logits, labels): d_logits, and the mean loss       */    \
    X(update, 2, UPDATE)              /* (parameter, gradient): one optimiser step           */

enum op_class { OP_ELEMENTWISE, OP_LINEAR, OP_REDUCTION, OP_SPIKE, OP_LOSS, OP_UPDATE };
enum op_kind {
#define X(name, inputs, class) OP_##name,
    OPS(X)
#undef X
        OP_KIND_COUNT
};
enum op_phase { OP_FORWARD, OP_BACKWARD, OP_ONCE };

struct op {
    enum op_kind kind;
    enum op_phase phase;
    uint32_t inputs[OP_INPUTS_MAX]; // tensor indices; TENSOR_NONE where an input is absent
    uint32_t output;
    double constant;    // c; fire and fire_gradient: theta1
    double theta2;      // fire
    bool has_surrogate; // greater, less_equal: differentiate with the surrogate
    uint32_t layer;
};

struct graph {
    struct tensor *tensors; // owned
    uint32_t tensor_count, tensor_capacity;
    struct op *ops; // owned; forward, then backward, then once
    uint32_t op_count, op_capacity;
    enum op_phase phase; // of ops added now
    uint32_t layer;      // of ops and tensors added now
    enum surrogate_kind surrogate;
    double surrogate_slope;
};

void graph_init(struct graph *graph);
void graph_free(struct graph *graph);
const char *op_name(enum op_kind kind);
const char *tensor_type_name(enum tensor_type type); // "float32"
const char *tensor_role_name(enum tensor_role role); // "state in"
enum op_class op_class(enum op_kind kind);
uint32_t op_input_count(enum op_kind kind);
// True if the op makes the gradient of a parameter, a sum over time steps and samples.
bool op_is_gradient(enum op_kind kind);

// Adds a leaf. Returns its index.
uint32_t graph_add_tensor(struct graph *graph, const char *name, enum tensor_type type,
                          enum tensor_role role, uint32_t rows, uint32_t columns);
// Adds an op; the output tensor is made by the op's shape rule, named `name` (NULL: made up).
// Aborts (SIM_ASSERT) on shapes or types that do not fit: graphs are built by code, not by users.
uint32_t graph_add_op(struct graph *graph, const char *name, const struct op *op);
// The same, writing into a tensor that exists already and has the right shape.
void graph_add_op_into(struct graph *graph, const struct op *op, uint32_t output);
// Shorthands for equations; each returns the output tensor.
uint32_t graph_unary(struct graph *graph, enum op_kind kind, uint32_t a, double constant);
uint32_t graph_binary(struct graph *graph, enum op_kind kind, uint32_t a, uint32_t b);

#endif

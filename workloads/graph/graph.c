#include "workloads/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

struct op_entry {
    const char *name;
    uint32_t input_count;
    enum op_class class;
};

static const struct op_entry op_entries[OP_KIND_COUNT] = {
#define X(name, inputs, class) [OP_##name] = {#name, inputs, OP_##class},
    OPS(X)
#undef X
};

const char *tensor_type_name(enum tensor_type type)
{
    static const char *const names[] = {"float32", "uint32", "spikes", "slots"};
    return names[type];
}

const char *tensor_role_name(enum tensor_role role)
{
    static const char *const names[] = {"input",     "parameter",  "state in",
                                        "state out", "activation", "carry in",
                                        "carry out", "adjoint",    "gradient"};
    return names[role];
}

const char *op_name(enum op_kind kind)
{
    return op_entries[kind].name;
}

enum op_class op_class(enum op_kind kind)
{
    return op_entries[kind].class;
}

uint32_t op_input_count(enum op_kind kind)
{
    return op_entries[kind].input_count;
}

bool op_is_gradient(enum op_kind kind)
{
    return kind == OP_connect_weight_gradient || kind == OP_connect_dense_weight_gradient ||
           kind == OP_bias_gradient;
}

void graph_init(struct graph *graph)
{
    *graph = (struct graph){.phase = OP_FORWARD};
}

void graph_free(struct graph *graph)
{
    free(graph->tensors);
    free(graph->ops);
    graph_init(graph);
}

uint32_t graph_add_tensor(struct graph *graph, const char *name, enum tensor_type type,
                          enum tensor_role role, uint32_t rows, uint32_t columns)
{
    if (graph->tensor_count == graph->tensor_capacity) {
        graph->tensor_capacity = graph->tensor_capacity ? 2 * graph->tensor_capacity : 64;
        graph->tensors = xrealloc(graph->tensors, graph->tensor_capacity * sizeof(*graph->tensors));
    }
    uint32_t index = graph->tensor_count++;
    struct tensor *tensor = &graph->tensors[index];
    *tensor = (struct tensor){.type = type,
                              .role = role,
                              .rows = rows,
                              .columns = columns,
                              .layer = graph->layer,
                              .of = TENSOR_NONE};
    if (name) {
        snprintf(tensor->name, sizeof(tensor->name), "%s", name);
    } else {
        snprintf(tensor->name, sizeof(tensor->name), "t%u", index);
    }
    return index;
}

static const struct tensor *input_tensor(const struct graph *graph, const struct op *op, uint32_t i)
{
    SIM_ASSERT(op->inputs[i] < graph->tensor_count, "op %s: input %u is missing", op_name(op->kind),
               i);
    return &graph->tensors[op->inputs[i]];
}

static void check_elementwise(const struct graph *graph, const struct op *op)
{
    const struct tensor *a = input_tensor(graph, op, 0);
    if (op->kind == OP_add_bias) {
        const struct tensor *bias = input_tensor(graph, op, 1);
        SIM_ASSERT(a->type == TENSOR_FLOAT32 && bias->type == TENSOR_FLOAT32 && bias->rows == 1 &&
                       bias->columns == a->columns,
                   "add_bias: %s is no bias of %s", bias->name, a->name);
        return;
    }
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        const struct tensor *input = input_tensor(graph, op, i);
        SIM_ASSERT(
            input->type == a->type && input->rows == a->rows && input->columns == a->columns &&
                (a->type == TENSOR_FLOAT32 || a->type == TENSOR_SLOTS),
            "op %s: %s and %s differ in type or shape", op_name(op->kind), a->name, input->name);
    }
}

static void check_types(const struct graph *graph, const struct op *op,
                        const enum tensor_type *types)
{
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        if (op->inputs[i] == TENSOR_NONE) {
            continue;
        }
        const struct tensor *input = input_tensor(graph, op, i);
        SIM_ASSERT(input->type == types[i], "op %s: input %u, %s, has the wrong type",
                   op_name(op->kind), i, input->name);
    }
}

// A slots tensor follows the listed ids of `spikes`.
static uint32_t add_slots(struct graph *graph, const char *name, uint32_t spikes)
{
    uint32_t index = graph_add_tensor(graph, name, TENSOR_SLOTS, ROLE_ADJOINT,
                                      graph->tensors[spikes].rows, graph->tensors[spikes].slots);
    graph->tensors[index].of = spikes;
    graph->tensors[index].slots = graph->tensors[spikes].slots;
    graph->tensors[index].layer = graph->tensors[spikes].layer;
    return index;
}

static enum tensor_role result_role(const struct graph *graph)
{
    return graph->phase == OP_FORWARD ? ROLE_ACTIVATION : ROLE_ADJOINT;
}

static uint32_t linear_output(struct graph *graph, const char *name, const struct op *op)
{
    static const enum tensor_type connect[] = {TENSOR_SPIKES, TENSOR_FLOAT32};
    static const enum tensor_type connect_dense[] = {TENSOR_FLOAT32, TENSOR_FLOAT32};
    static const enum tensor_type input_gradient[] = {TENSOR_FLOAT32, TENSOR_FLOAT32,
                                                      TENSOR_SPIKES};
    const struct tensor *a = input_tensor(graph, op, 0);
    const struct tensor *b = input_tensor(graph, op, 1);
    switch (op->kind) {
    case OP_connect:
    case OP_connect_dense:
        check_types(graph, op, op->kind == OP_connect ? connect : connect_dense);
        SIM_ASSERT(a->columns == b->rows, "connect: %s has %u columns, %s %u rows", a->name,
                   a->columns, b->name, b->rows);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, result_role(graph), a->rows,
                                b->columns);
    case OP_connect_input_gradient:
        check_types(graph, op, input_gradient);
        SIM_ASSERT(a->columns == b->columns, "%s and %s differ in neurons", a->name, b->name);
        return add_slots(graph, name, op->inputs[2]);
    default: // connect_weight_gradient, connect_dense_weight_gradient
        check_types(graph, op, op->kind == OP_connect_weight_gradient ? connect : connect_dense);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, ROLE_GRADIENT, a->columns, b->columns);
    }
}

static uint32_t spike_output(struct graph *graph, const char *name, const struct op *op)
{
    static const enum tensor_type sum_and_spikes[] = {TENSOR_FLOAT32, TENSOR_SPIKES};
    static const enum tensor_type gradient[] = {TENSOR_FLOAT32, TENSOR_SLOTS, TENSOR_FLOAT32,
                                                TENSOR_SPIKES};
    switch (op->kind) {
    case OP_fire: {
        const struct tensor *u = input_tensor(graph, op, 0);
        return graph_add_tensor(graph, name, TENSOR_SPIKES, ROLE_ACTIVATION, u->rows, u->columns);
    }
    case OP_gather_slots:
        check_types(graph, op, sum_and_spikes);
        return add_slots(graph, name, op->inputs[1]);
    case OP_fire_gradient: {
        check_types(graph, op, gradient);
        const struct tensor *u = input_tensor(graph, op, 2);
        SIM_ASSERT(input_tensor(graph, op, 1)->of == op->inputs[3],
                   "fire_gradient: %s does not follow the spikes",
                   input_tensor(graph, op, 1)->name);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, ROLE_ADJOINT, u->rows, u->columns);
    }
    default: { // count_spikes
        check_types(graph, op, sum_and_spikes);
        const struct tensor *sum = input_tensor(graph, op, 0);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, result_role(graph), sum->rows,
                                sum->columns);
    }
    }
}

static uint32_t make_output(struct graph *graph, const char *name, const struct op *op)
{
    const struct tensor *a;
    switch (op_class(op->kind)) {
    case OP_ELEMENTWISE: {
        check_elementwise(graph, op);
        a = input_tensor(graph, op, 0);
        uint32_t of = a->of;
        uint32_t slots = a->slots;
        uint32_t index =
            graph_add_tensor(graph, name, a->type, result_role(graph), a->rows, a->columns);
        graph->tensors[index].of = of;
        graph->tensors[index].slots = slots;
        return index;
    }
    case OP_LINEAR:
        return linear_output(graph, name, op);
    case OP_REDUCTION: // bias_gradient
        a = input_tensor(graph, op, 0);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, ROLE_GRADIENT, 1, a->columns);
    case OP_SPIKE:
        return spike_output(graph, name, op);
    case OP_LOSS:
        a = input_tensor(graph, op, 0);
        return graph_add_tensor(graph, name, TENSOR_FLOAT32, ROLE_ADJOINT, a->rows, a->columns);
    case OP_UPDATE:
        return op->inputs[0]; // in place
    }
    SIM_ASSERT(false, "op %d has no class", (int)op->kind);
}

uint32_t graph_add_op(struct graph *graph, const char *name, const struct op *op)
{
    uint32_t output = make_output(graph, name, op);
    graph_add_op_into(graph, op, output);
    return output;
}

void graph_add_op_into(struct graph *graph, const struct op *op, uint32_t output)
{
    if (graph->op_count == graph->op_capacity) {
        graph->op_capacity = graph->op_capacity ? 2 * graph->op_capacity : 64;
        graph->ops = xrealloc(graph->ops, graph->op_capacity * sizeof(*graph->ops));
    }
    struct op *added = &graph->ops[graph->op_count++];
    *added = *op;
    added->phase = graph->phase;
    added->layer = graph->layer;
    added->output = output;
    for (uint32_t i = op_input_count(op->kind); i < OP_INPUTS_MAX; i++) {
        added->inputs[i] = TENSOR_NONE;
    }
}

uint32_t graph_unary(struct graph *graph, enum op_kind kind, uint32_t a, double constant)
{
    struct op op = {.kind = kind, .inputs = {a}, .constant = constant};
    return graph_add_op(graph, NULL, &op);
}

uint32_t graph_binary(struct graph *graph, enum op_kind kind, uint32_t a, uint32_t b)
{
    struct op op = {.kind = kind, .inputs = {a, b}};
    return graph_add_op(graph, NULL, &op);
}

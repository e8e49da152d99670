// The training graph as text: one tensor or op a line.
#include "workloads/graph/training_graph.h"

static const char *type_name(enum tensor_type type)
{
    static const char *const names[] = {"float32", "uint32", "spikes", "slots"};
    return names[type];
}

static const char *role_name(enum tensor_role role)
{
    static const char *const names[] = {"input",     "parameter",  "state in",
                                        "state out", "activation", "carry in",
                                        "carry out", "adjoint",    "gradient"};
    return names[role];
}

static void print_tensor(const struct tensor *tensor, FILE *stream)
{
    char slots[32] = "";
    if (tensor->slots > 0) {
        snprintf(slots, sizeof(slots), "%u slots", tensor->slots);
    }
    fprintf(stream, "  %-20s %-8s %-10s [%u, %u] %-12s %s\n", tensor->name, type_name(tensor->type),
            role_name(tensor->role), tensor->rows, tensor->columns, slots,
            tensor->is_static  ? "the same at every time step"
            : tensor->is_saved ? "saved for every time step"
                               : "");
}

static void print_op(const struct graph *graph, const struct op *op, FILE *stream)
{
    fprintf(stream, "  %-20s = %s(", graph->tensors[op->output].name, op_name(op->kind));
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        fprintf(stream, "%s%s", i ? ", " : "",
                op->inputs[i] == TENSOR_NONE ? "none" : graph->tensors[op->inputs[i]].name);
    }
    bool has_constant = op->kind == OP_scale || op->kind == OP_offset || op->kind == OP_greater ||
                        op->kind == OP_less_equal || op->kind == OP_fire ||
                        op->kind == OP_fire_gradient;
    if (has_constant) {
        fprintf(stream, "; %g", op->constant);
    }
    if (op->kind == OP_fire) {
        fprintf(stream, ", %g", op->theta2);
    }
    fputs(")\n", stream);
}

static void print_ops(const struct graph *graph, enum op_phase phase, const char *title,
                      FILE *stream)
{
    fprintf(stream, "%s\n", title);
    uint32_t layer = UINT32_MAX;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->phase != phase) {
            continue;
        }
        if (op->layer != layer) {
            layer = op->layer;
            fprintf(stream, "  -- layer %u\n", layer);
        }
        print_op(graph, op, stream);
    }
}

void training_graph_print(const struct training_graph *tg, FILE *stream)
{
    const struct graph *graph = &tg->graph;
    fprintf(stream, "tensors (%s form)\n", tg->form == FORM_SPARSE ? "sparse" : "dense");
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        bool is_used = graph->tensors[i].role == ROLE_INPUT;
        for (uint32_t k = 0; k < graph->op_count && !is_used; k++) {
            is_used = graph->ops[k].output == i;
            for (uint32_t j = 0; j < op_input_count(graph->ops[k].kind) && !is_used; j++) {
                is_used = graph->ops[k].inputs[j] == i;
            }
        }
        if (is_used) {
            print_tensor(&graph->tensors[i], stream);
        }
    }
    print_ops(graph, OP_FORWARD, "forward, each time step", stream);
    print_ops(graph, OP_BACKWARD, "backward, each time step", stream);
    print_ops(graph, OP_ONCE, "once per training step", stream);
}

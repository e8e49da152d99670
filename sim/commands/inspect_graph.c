#include "sim/commands/inspect_graph.h"

#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "sim/err.h"

static const char *const phase_titles[] = {[OP_FORWARD] = "forward, each time step",
                                           [OP_BACKWARD] = "backward, each time step",
                                           [OP_ONCE] = "once per training step"};
static const char *const phase_names[] = {
    [OP_FORWARD] = "forward", [OP_BACKWARD] = "backward", [OP_ONCE] = "once"};

static bool has_constant(enum op_kind kind)
{
    return kind == OP_scale || kind == OP_offset || kind == OP_greater || kind == OP_less_equal ||
           kind == OP_fire || kind == OP_fire_gradient;
}

static const char *input_name(const struct graph *graph, uint32_t tensor)
{
    return tensor == TENSOR_NONE ? "none" : graph->tensors[tensor].name;
}

// --- text ---------------------------------------------------------------------------------------
static const char *kept(const struct tensor *tensor)
{
    return tensor->is_static ? "once" : tensor->is_saved ? "every time step" : "";
}

static void print_tensors(const struct inspector *inspector, const struct training_graph *training)
{
    const char *const headings[] = {"tensor", "type", "role", "shape", "slots", "kept"};
    const uint32_t droppable[] = {1, 4};
    struct table *table = table_create(6);
    for (uint32_t i = 0; i < 6; i++) {
        table_add(table, "%s", headings[i]);
    }
    table_align_left(table, 1);
    table_align_left(table, 2);
    table_align_left(table, 5);
    for (uint32_t i = 0; i < training->graph.tensor_count; i++) {
        const struct tensor *tensor = &training->graph.tensors[i];
        if (!training_graph_uses(training, i)) {
            continue;
        }
        table_paint(table, tensor->role == ROLE_PARAMETER || tensor->role == ROLE_GRADIENT
                               ? "33"
                               : NULL); // what is trained
        table_add(table, "%s", tensor->name);
        table_add(table, "%s", tensor_type_name(tensor->type));
        table_add(table, "%s", tensor_role_name(tensor->role));
        table_add(table, "%u x %u", tensor->rows, tensor->columns);
        table_add(table, tensor->slots > 0 ? "%u" : "", tensor->slots);
        table_add(table, "%s", kept(tensor));
    }
    table_fit(table, inspector->width, droppable, 2);
    table_print(table, inspector->stream, inspector->has_colour);
    table_destroy(table);
    fputc('\n', inspector->stream);
}

static uint32_t name_width(const struct graph *graph)
{
    size_t width = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        size_t length = strlen(graph->tensors[graph->ops[i].output].name);
        width = length > width ? length : width;
    }
    return (uint32_t)width;
}

static void print_op(const struct graph *graph, const struct op *op, uint32_t width, FILE *stream)
{
    fprintf(stream, "    %-*s = %s(", (int)width, graph->tensors[op->output].name,
            op_name(op->kind));
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        fprintf(stream, "%s%s", i > 0 ? ", " : "", input_name(graph, op->inputs[i]));
    }
    if (has_constant(op->kind)) {
        fprintf(stream, "; %g", op->constant);
    }
    if (op->kind == OP_fire) {
        fprintf(stream, ", %g", op->theta2);
    }
    fputs(")\n", stream);
}

static void print_phase(const struct inspector *inspector, const struct graph *graph,
                        enum op_phase phase)
{
    const char *dim = inspector->has_colour ? "\033[2m" : "";
    const char *plain = inspector->has_colour ? "\033[0m" : "";
    uint32_t layer = UINT32_MAX;
    fprintf(inspector->stream, "%s  %s%s\n", dim, phase_titles[phase], plain);
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->phase != phase) {
            continue;
        }
        if (op->layer != layer) {
            layer = op->layer;
            fprintf(inspector->stream, "%s    layer %u%s\n", dim, layer, plain);
        }
        print_op(graph, op, name_width(graph), inspector->stream);
    }
    fputc('\n', inspector->stream);
}

void inspect_graph(const struct inspector *inspector, const struct training_graph *graph)
{
    print_tensors(inspector, graph);
    for (enum op_phase phase = OP_FORWARD; phase <= OP_ONCE; phase++) {
        print_phase(inspector, &graph->graph, phase);
    }
}

// --- JSON ---------------------------------------------------------------------------------------
static json_t *tensor_to_json(const struct tensor *tensor)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:[i, i]}", "name", tensor->name, "type", tensor_type_name(tensor->type),
        "role", tensor_role_name(tensor->role), "shape", (int)tensor->rows, (int)tensor->columns);
    json_object_set_new(object, "slots",
                        tensor->slots > 0 ? json_integer(tensor->slots) : json_null());
    json_object_set_new(object, "layer", json_integer(tensor->layer));
    json_object_set_new(object, "is_saved", json_boolean(tensor->is_saved));
    json_object_set_new(object, "is_static", json_boolean(tensor->is_static));
    return object;
}

static json_t *op_to_json(const struct graph *graph, const struct op *op)
{
    json_t *object =
        json_pack("{s:s, s:s, s:i, s:s}", "op", op_name(op->kind), "phase", phase_names[op->phase],
                  "layer", (int)op->layer, "output", graph->tensors[op->output].name);
    json_t *inputs = json_array();
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        bool is_absent = op->inputs[i] == TENSOR_NONE;
        json_array_append_new(inputs, is_absent ? json_null()
                                                : json_string(input_name(graph, op->inputs[i])));
    }
    json_object_set_new(object, "inputs", inputs);
    if (has_constant(op->kind)) {
        json_object_set_new(object, "constant", json_real(op->constant));
    }
    if (op->kind == OP_fire) {
        json_object_set_new(object, "theta2", json_real(op->theta2));
    }
    return object;
}

json_t *inspect_graph_json(const struct training_graph *training)
{
    const struct graph *graph = &training->graph;
    json_t *tensors = json_array(), *ops = json_array();
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        if (training_graph_uses(training, i)) {
            json_array_append_new(tensors, tensor_to_json(&graph->tensors[i]));
        }
    }
    for (uint32_t i = 0; i < graph->op_count; i++) {
        json_array_append_new(ops, op_to_json(graph, &graph->ops[i]));
    }
    return json_pack("{s:s, s:o, s:o}", "form", training->form == FORM_SPARSE ? "sparse" : "dense",
                     "tensors", tensors, "ops", ops);
}

// Convention: rule_<op>(autodiff, op, g) emits ops that add the contribution of g, the adjoint of
// the op's output, to the adjoints of the op's inputs.
#include "workloads/graph/autodiff.h"

#include <stdlib.h>

#include "sim/err.h"

struct autodiff autodiff_begin(struct graph *graph)
{
    struct autodiff autodiff = {.graph = graph, .tensor_count = graph->tensor_count};
    autodiff.adjoint = xmalloc(graph->tensor_count * sizeof(uint32_t));
    autodiff.recomputed = xmalloc(graph->tensor_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        autodiff.adjoint[i] = TENSOR_NONE;
        autodiff.recomputed[i] = TENSOR_NONE;
    }
    graph->phase = OP_BACKWARD;
    return autodiff;
}

void autodiff_seed(struct autodiff *autodiff, uint32_t tensor, uint32_t adjoint)
{
    autodiff->adjoint[tensor] = adjoint;
}

uint32_t autodiff_adjoint(const struct autodiff *autodiff, uint32_t tensor)
{
    return autodiff->adjoint[tensor];
}

void autodiff_end(struct autodiff *autodiff)
{
    free(autodiff->adjoint);
    free(autodiff->recomputed);
}

// Data, and what stands for it (ids of input spikes), has no gradient.
static bool is_differentiable(const struct graph *graph, uint32_t tensor)
{
    return graph->tensors[tensor].role != ROLE_INPUT;
}

static void add_adjoint(struct autodiff *autodiff, uint32_t tensor, uint32_t contribution)
{
    uint32_t *adjoint = &autodiff->adjoint[tensor];
    *adjoint = *adjoint == TENSOR_NONE
                   ? contribution
                   : graph_binary(autodiff->graph, OP_add, *adjoint, contribution);
}

static const struct op *forward_producer(const struct graph *graph, uint32_t tensor)
{
    for (uint32_t i = 0; i < graph->op_count && graph->ops[i].phase == OP_FORWARD; i++) {
        if (graph->ops[i].output == tensor) {
            return &graph->ops[i];
        }
    }
    return NULL;
}

// The value of a forward tensor in the backward pass.
static uint32_t value_of(struct autodiff *autodiff, uint32_t tensor)
{
    struct graph *graph = autodiff->graph;
    if (autodiff->recomputed[tensor] != TENSOR_NONE) {
        return autodiff->recomputed[tensor];
    }
    const struct op *producer = forward_producer(graph, tensor);
    bool is_state = graph->tensors[tensor].role == ROLE_STATE_OUT;
    if (!producer || is_state || op_class(producer->kind) != OP_ELEMENTWISE) {
        return autodiff->recomputed[tensor] = tensor;
    }
    if (producer->kind == OP_straight_through || producer->kind == OP_detach) {
        return autodiff->recomputed[tensor] = value_of(autodiff, producer->inputs[0]);
    }
    struct op copy = *producer;
    for (uint32_t i = 0; i < op_input_count(copy.kind); i++) {
        copy.inputs[i] = value_of(autodiff, copy.inputs[i]);
    }
    return autodiff->recomputed[tensor] = graph_add_op(graph, NULL, &copy);
}

// The surrogate derivative at x = value - threshold, as elementwise ops.
static uint32_t surrogate_of(struct autodiff *autodiff, uint32_t value, double threshold)
{
    struct graph *graph = autodiff->graph;
    double slope = graph->surrogate_slope;
    uint32_t x = graph_unary(graph, OP_offset, value, -threshold);
    uint32_t y;
    switch (graph->surrogate) {
    case SURROGATE_SUPERSPIKE: // 1 / (slope |x| + 1)^2
        x = graph_unary(graph, OP_absolute, x, 0);
        y = graph_unary(graph, OP_offset, graph_unary(graph, OP_scale, x, slope), 1);
        return graph_unary(graph, OP_reciprocal, graph_binary(graph, OP_multiply, y, y), 0);
    case SURROGATE_TRIANGLE: // max(0, 1 - slope |x|)
        x = graph_unary(graph, OP_absolute, x, 0);
        y = graph_unary(graph, OP_offset, graph_unary(graph, OP_scale, x, -slope), 1);
        return graph_unary(graph, OP_positive_part, y, 0);
    case SURROGATE_ARCTAN: // 1 / (1 + (slope x)^2)
        x = graph_unary(graph, OP_scale, x, slope);
        y = graph_unary(graph, OP_offset, graph_binary(graph, OP_multiply, x, x), 1);
        return graph_unary(graph, OP_reciprocal, y, 0);
    case SURROGATE_STRAIGHT_THROUGH: // 1: the rule leaves it out
        break;
    case SURROGATE_HEAVISIDE: // x > 0
        return graph_unary(graph, OP_greater, x, 0);
    }
    SIM_ASSERT(false, "surrogate %d is not known", (int)graph->surrogate);
}

static void rule_multiply(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t other = value_of(autodiff, op->inputs[1 - i]);
        add_adjoint(autodiff, op->inputs[i], graph_binary(autodiff->graph, OP_multiply, g, other));
    }
}

static void rule_compare(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    if (!op->has_surrogate) {
        return;
    }
    struct graph *graph = autodiff->graph;
    uint32_t product = g;
    if (graph->surrogate != SURROGATE_STRAIGHT_THROUGH) {
        uint32_t value = value_of(autodiff, op->inputs[0]);
        uint32_t slope = surrogate_of(autodiff, value, op->constant);
        product = graph_binary(graph, OP_multiply, g, slope);
    }
    if (op->kind == OP_less_equal) {
        product = graph_unary(graph, OP_scale, product, -1);
    }
    add_adjoint(autodiff, op->inputs[0], product);
}

// Every row of the sum has the same bias: its gradient is the sum of the rows.
static void rule_add_bias(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct op bias_gradient = {.kind = OP_bias_gradient, .inputs = {g}};
    add_adjoint(autodiff, op->inputs[0], g);
    add_adjoint(autodiff, op->inputs[1], graph_add_op(autodiff->graph, NULL, &bias_gradient));
}

static void rule_reciprocal(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct graph *graph = autodiff->graph;
    uint32_t inverse = value_of(autodiff, op->output); // d(1/a) = -(1/a)^2 da
    uint32_t square = graph_binary(graph, OP_multiply, inverse, inverse);
    uint32_t product = graph_binary(graph, OP_multiply, g, square);
    add_adjoint(autodiff, op->inputs[0], graph_unary(graph, OP_scale, product, -1));
}

static void rule_elementwise(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct graph *graph = autodiff->graph;
    uint32_t mask;
    switch (op->kind) {
    case OP_add:
        add_adjoint(autodiff, op->inputs[0], g);
        add_adjoint(autodiff, op->inputs[1], g);
        return;
    case OP_add_bias:
        rule_add_bias(autodiff, op, g);
        return;
    case OP_subtract:
        add_adjoint(autodiff, op->inputs[0], g);
        add_adjoint(autodiff, op->inputs[1], graph_unary(graph, OP_scale, g, -1));
        return;
    case OP_multiply:
        rule_multiply(autodiff, op, g);
        return;
    case OP_scale:
        add_adjoint(autodiff, op->inputs[0], graph_unary(graph, OP_scale, g, op->constant));
        return;
    case OP_offset:
        add_adjoint(autodiff, op->inputs[0], g);
        return;
    case OP_absolute:
        mask = graph_unary(graph, OP_sign, value_of(autodiff, op->inputs[0]), 0);
        add_adjoint(autodiff, op->inputs[0], graph_binary(graph, OP_multiply, g, mask));
        return;
    case OP_positive_part:
        mask = graph_unary(graph, OP_greater, value_of(autodiff, op->inputs[0]), 0);
        add_adjoint(autodiff, op->inputs[0], graph_binary(graph, OP_multiply, g, mask));
        return;
    case OP_reciprocal:
        rule_reciprocal(autodiff, op, g);
        return;
    case OP_greater:
    case OP_less_equal:
        rule_compare(autodiff, op, g);
        return;
    case OP_straight_through:
        add_adjoint(autodiff, op->inputs[1], g);
        return;
    default: // detach, sign: no gradient
        return;
    }
}

static void rule_connect(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct graph *graph = autodiff->graph;
    uint32_t x = op->inputs[0];
    uint32_t w = op->inputs[1];
    bool is_dense = op->kind == OP_connect_dense;
    struct op weight_gradient = {.kind = is_dense ? OP_connect_dense_weight_gradient
                                                  : OP_connect_weight_gradient,
                                 .inputs = {x, g}};
    add_adjoint(autodiff, w, graph_add_op(graph, NULL, &weight_gradient));
    if (is_differentiable(graph, x)) {
        SIM_ASSERT(!is_dense, "%s: only data goes into connect_dense", graph->tensors[x].name);
        struct op input_gradient = {.kind = OP_connect_input_gradient, .inputs = {g, w, x}};
        add_adjoint(autodiff, x, graph_add_op(graph, NULL, &input_gradient));
    }
}

// The membrane's adjoint so far is the base on which the listed ids add theirs.
static void rule_fire(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct graph *graph = autodiff->graph;
    uint32_t u = op->inputs[0];
    struct op gradient = {.kind = OP_fire_gradient,
                          .inputs = {autodiff->adjoint[u], g, u, op->output},
                          .constant = op->constant};
    autodiff->adjoint[u] = graph_add_op(graph, NULL, &gradient);
}

static void rule_count_spikes(struct autodiff *autodiff, const struct op *op, uint32_t g)
{
    struct graph *graph = autodiff->graph;
    add_adjoint(autodiff, op->inputs[0], g);
    struct op gather = {.kind = OP_gather_slots, .inputs = {g, op->inputs[1]}};
    add_adjoint(autodiff, op->inputs[1], graph_add_op(graph, NULL, &gather));
}

void autodiff_run(struct autodiff *autodiff)
{
    struct graph *graph = autodiff->graph;
    for (uint32_t i = graph->op_count; i-- > 0;) {
        if (graph->ops[i].phase != OP_FORWARD) {
            continue;
        }
        struct op op = graph->ops[i]; // a copy: the table grows while rules emit
        uint32_t g = autodiff->adjoint[op.output];
        if (g == TENSOR_NONE) {
            continue;
        }
        graph->layer = op.layer;
        switch (op.kind) {
        case OP_connect:
        case OP_connect_dense:
            rule_connect(autodiff, &op, g);
            break;
        case OP_fire:
            rule_fire(autodiff, &op, g);
            break;
        case OP_count_spikes:
            rule_count_spikes(autodiff, &op, g);
            break;
        default:
            SIM_ASSERT(op_class(op.kind) == OP_ELEMENTWISE, "op %s has no derivative",
                       op_name(op.kind));
            rule_elementwise(autodiff, &op, g);
        }
    }
}

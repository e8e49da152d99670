#include "workloads/lower/lower_tiles_graph.h"

#include <stdlib.h>

#include "sim/err.h"

#define RECIPROCAL_SLOTS 3u // ISA table 4.1: 1 / x in float32

const struct region *tiles_find_region(const struct training_graph *graph, enum region_kind kind,
                                       uint32_t layer)
{
    for (uint32_t i = 0; i < graph->region_count; i++) {
        if (graph->regions[i].kind == kind && graph->regions[i].layer == layer) {
            return &graph->regions[i];
        }
    }
    return NULL;
}

// f(x) = surrogate(u - theta1), x subtracted first. Divisions are reciprocals.
static uint32_t surrogate_slots(enum surrogate_kind kind)
{
    switch (kind) {
    case SURROGATE_SUPERSPIKE:
        return 1 + 1 + 1 + 1 +       // subtract, absolute value, slope, plus one
               RECIPROCAL_SLOTS + 1; // square
    case SURROGATE_TRIANGLE:
        return 1 + 1 + 1 + 1 + 1; // subtract, absolute value, slope, one minus, positive part
    case SURROGATE_ARCTAN:
        return 1 + 1 + 1 + 1 + // subtract, slope, square, plus one
               RECIPROCAL_SLOTS;
    case SURROGATE_STRAIGHT_THROUGH:
        return 0;
    case SURROGATE_HEAVISIDE:
        return 1; // compare with the threshold
    }
    return 0;
}

static uint32_t arithmetic_slots(const struct graph *graph, const struct op *op)
{
    switch (op->kind) {
    case OP_straight_through:
    case OP_detach:
    case OP_gather_slots: // dense: every neuron is listed, so a read
        return 0;
    case OP_reciprocal:
        return RECIPROCAL_SLOTS;
    case OP_fire_gradient:
        return surrogate_slots(graph->surrogate) + 1 + // times the spike gradient
               (op->inputs[0] != TENSOR_NONE);         // plus what came before
    default:
        return op->has_surrogate ? 1 + surrogate_slots(graph->surrogate) : 1;
    }
}

struct elementwise_slots tiles_region_slots(const struct region *region)
{
    return (struct elementwise_slots){.loads = region->input_count,
                                      .stores = region->output_count,
                                      .arithmetic = region->arithmetic_ops};
}

static bool has_constant(enum op_kind kind)
{
    return kind == OP_scale || kind == OP_offset || kind == OP_greater || kind == OP_less_equal;
}

struct elementwise_slots tiles_update_slots(const struct training_graph *graph, uint32_t layer)
{
    const struct region *region = tiles_find_region(graph, REGION_UPDATE, layer);
    struct elementwise_slots slots = {0};
    if (region == NULL) {
        return slots;
    }
    for (uint32_t i = 0; i < region->input_count; i++) {
        slots.loads += region->inputs[i] != graph->layers[layer - 1].current;
    }
    for (uint32_t i = 0; i < region->op_count; i++) {
        slots.loads += has_constant(graph->graph.ops[region->ops[i]].kind);
    }
    // a second state is one more store; memory slots are all alike
    slots.loads += region->output_count > 1 ? region->output_count - 1 : 0;
    slots.arithmetic = region->arithmetic_ops;
    return slots;
}

// --- a whole layer and phase as one vertex ------------------------------------------------------
static bool is_fused(const struct op *op, enum op_phase phase, uint32_t layer)
{
    enum op_class class = op_class(op->kind);
    return op->phase == phase && op->layer == layer &&
           (class == OP_ELEMENTWISE || class == OP_SPIKE);
}

// Inputs whose values the dense op reads. The spikes of a backward op say which neurons are listed:
// all.
static uint32_t value_inputs(const struct op *op, uint32_t inputs[OP_INPUTS_MAX])
{
    uint32_t limit = op->kind == OP_straight_through || op->kind == OP_gather_slots ? 1
                     : op->kind == OP_fire_gradient                                 ? 3
                                                    : op_input_count(op->kind);
    uint32_t count = 0;
    for (uint32_t k = 0; k < limit; k++) {
        if (op->inputs[k] != TENSOR_NONE) {
            inputs[count++] = op->inputs[k];
        }
    }
    return count;
}

static bool is_used_by_others(const struct training_graph *graph, uint32_t tensor,
                              enum op_phase phase, uint32_t layer)
{
    for (uint32_t i = 0; i < graph->graph.op_count; i++) {
        const struct op *op = &graph->graph.ops[i];
        uint32_t inputs[OP_INPUTS_MAX];
        uint32_t count = is_fused(op, phase, layer) ? 0 : value_inputs(op, inputs);
        for (uint32_t k = 0; k < count; k++) {
            if (inputs[k] == tensor) {
                return true;
            }
        }
    }
    for (uint32_t i = 0; i < graph->state_count; i++) {
        if (graph->states[i].out == tensor || graph->states[i].carry_out == tensor) {
            return true;
        }
    }
    return false;
}

struct elementwise_slots tiles_fused_slots(const struct training_graph *graph, enum op_phase phase,
                                           uint32_t layer)
{
    enum tensor_place { UNSEEN, IN_REGISTER };
    unsigned char *places = xcalloc(graph->graph.tensor_count, 1);
    struct elementwise_slots slots = {0};
    for (uint32_t i = 0; i < graph->graph.op_count; i++) {
        const struct op *op = &graph->graph.ops[i];
        if (!is_fused(op, phase, layer)) {
            continue;
        }
        uint32_t inputs[OP_INPUTS_MAX];
        uint32_t count = value_inputs(op, inputs);
        for (uint32_t k = 0; k < count; k++) {
            slots.loads += places[inputs[k]] == UNSEEN;
            places[inputs[k]] = IN_REGISTER;
        }
        slots.arithmetic += arithmetic_slots(&graph->graph, op);
        places[op->output] = IN_REGISTER;
        slots.stores += is_used_by_others(graph, op->output, phase, layer);
    }
    free(places);
    return slots;
}

// --- library ops --------------------------------------------------------------------------------
static bool reads(const struct op *op, uint32_t tensor)
{
    for (uint32_t k = 0; k < op_input_count(op->kind); k++) {
        if (op->inputs[k] == tensor) {
            return true;
        }
    }
    return false;
}

// A backward op other than those of the region up to i that reads the tensor afterwards. Backward
// regions of a layer run in the order error, products, carry.
static bool is_read_later(const struct training_graph *graph, const struct region *region,
                          uint32_t i, uint32_t tensor)
{
    for (uint32_t k = i + 1; k < region->op_count; k++) {
        if (reads(&graph->graph.ops[region->ops[k]], tensor)) {
            return true;
        }
    }
    if (region->kind == REGION_CARRY) {
        return false;
    }
    const struct region *carry = tiles_find_region(graph, REGION_CARRY, region->layer);
    for (uint32_t k = 0; carry != NULL && k < carry->op_count; k++) {
        if (reads(&graph->graph.ops[carry->ops[k]], tensor)) {
            return true;
        }
    }
    for (uint32_t s = 0; s < graph->state_count; s++) {
        if (graph->states[s].carry_out == tensor) {
            return true;
        }
    }
    return false;
}

struct library_op tiles_library_op(const struct training_graph *graph, const struct region *region,
                                   uint32_t i)
{
    const struct op *op = &graph->graph.ops[region->ops[i]];
    if (op->kind == OP_straight_through || op->kind == OP_detach) {
        return (struct library_op){0};
    }
    uint32_t input = op->inputs[0];
    enum tensor_role role = graph->graph.tensors[input].role;
    bool is_forward_value = role != ROLE_ADJOINT && role != ROLE_CARRY_IN && role != ROLE_CARRY_OUT;
    bool is_needed = is_forward_value || is_read_later(graph, region, i, input);
    bool is_from_outside = false;
    for (uint32_t k = 0; k < region->input_count; k++) {
        is_from_outside = is_from_outside || region->inputs[k] == input;
    }
    bool copies_first = op->kind == OP_scale && is_needed && is_from_outside;
    return (struct library_op){.operands = op_input_count(op->kind),
                               .is_in_place = !is_needed || copies_first,
                               .copies_first = copies_first};
}

// --- what is kept -------------------------------------------------------------------------------
uint32_t tiles_saved_tensor(const struct training_graph *graph, uint32_t layer, uint32_t i)
{
    for (uint32_t k = 0; k < graph->graph.tensor_count; k++) {
        const struct tensor *tensor = &graph->graph.tensors[k];
        if (tensor->is_saved && tensor->type == TENSOR_FLOAT32 && tensor->layer == layer &&
            tensor->role != ROLE_PARAMETER && i-- == 0) {
            return k;
        }
    }
    return TENSOR_NONE;
}

uint32_t tiles_count_saved(const struct training_graph *graph, uint32_t layer)
{
    uint32_t count = 0;
    while (tiles_saved_tensor(graph, layer, count) != TENSOR_NONE) {
        count++;
    }
    return count;
}

static bool is_read_backward(const struct training_graph *graph, uint32_t tensor)
{
    for (uint32_t i = 0; i < graph->graph.op_count; i++) {
        if (graph->graph.ops[i].phase == OP_BACKWARD && reads(&graph->graph.ops[i], tensor)) {
            return true;
        }
    }
    return false;
}

static bool is_read_before(const struct training_graph *graph, uint32_t tensor)
{
    for (uint32_t s = 0; s < graph->state_count; s++) {
        if (graph->states[s].out == tensor && is_read_backward(graph, graph->states[s].in)) {
            return true;
        }
    }
    return false;
}

uint32_t tiles_count_slices(const struct training_graph *graph, uint32_t tensor)
{
    return is_read_backward(graph, tensor) + is_read_before(graph, tensor);
}

uint32_t tiles_count_saved_before(const struct training_graph *graph, uint32_t layer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tiles_count_saved(graph, layer); i++) {
        count += is_read_before(graph, tiles_saved_tensor(graph, layer, i));
    }
    return count;
}

static bool is_float_of_layer(const struct training_graph *graph, uint32_t tensor, uint32_t layer)
{
    const struct tensor *at = &graph->graph.tensors[tensor];
    return at->type == TENSOR_FLOAT32 && at->layer == layer;
}

uint32_t tiles_count_states(const struct training_graph *graph, uint32_t layer)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < graph->state_count; s++) {
        count += s != graph->logits_state && is_float_of_layer(graph, graph->states[s].out, layer);
    }
    return count;
}

uint32_t tiles_count_carries(const struct training_graph *graph, uint32_t layer)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < graph->state_count; s++) {
        const struct graph_state *state = &graph->states[s];
        count += s != graph->logits_state && state->carry_out != TENSOR_NONE &&
                 is_float_of_layer(graph, state->out, layer);
    }
    return count;
}

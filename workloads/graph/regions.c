#include "workloads/graph/regions.h"

#include <stdlib.h>

#include "sim/err.h"

static bool contains(const uint32_t *list, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] == value) {
            return true;
        }
    }
    return false;
}

// Marks the elementwise backward ops that the adjoint of `current` of layer l needs.
static void mark_error_ops(const struct training_graph *tg, uint32_t layer, bool *is_needed)
{
    const struct graph *graph = &tg->graph;
    bool *needs_tensor = xcalloc(graph->tensor_count, sizeof(bool));
    uint32_t error = tg->layers[layer - 1].error;
    if (error != TENSOR_NONE) {
        needs_tensor[error] = true;
    }
    for (uint32_t i = graph->op_count; i-- > 0;) {
        const struct op *op = &graph->ops[i];
        if (op->phase != OP_BACKWARD || op->layer != layer || !needs_tensor[op->output] ||
            op_class(op->kind) != OP_ELEMENTWISE) {
            continue;
        }
        is_needed[i] = true;
        for (uint32_t k = 0; k < op_input_count(op->kind); k++) {
            needs_tensor[op->inputs[k]] = true;
        }
    }
    free(needs_tensor);
}

static bool is_used_outside(const struct training_graph *tg, const struct region *region,
                            uint32_t tensor)
{
    const struct graph *graph = &tg->graph;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        if (contains(region->ops, region->op_count, i)) {
            continue;
        }
        for (uint32_t k = 0; k < op_input_count(graph->ops[i].kind); k++) {
            if (graph->ops[i].inputs[k] == tensor) {
                return true;
            }
        }
    }
    for (uint32_t i = 0; i < tg->state_count; i++) {
        if (tg->states[i].out == tensor || tg->states[i].carry_out == tensor) {
            return true;
        }
    }
    return false;
}

static void find_borders(const struct training_graph *tg, struct region *region)
{
    const struct graph *graph = &tg->graph;
    region->inputs = xmalloc((size_t)region->op_count * OP_INPUTS_MAX * sizeof(uint32_t));
    region->outputs = xmalloc((size_t)region->op_count * sizeof(uint32_t));
    uint32_t *produced = xmalloc((size_t)region->op_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < region->op_count; i++) {
        const struct op *op = &graph->ops[region->ops[i]];
        uint32_t value_inputs = op->kind == OP_straight_through ? 1 : op_input_count(op->kind);
        for (uint32_t k = 0; k < value_inputs; k++) {
            if (!contains(produced, i, op->inputs[k]) &&
                !contains(region->inputs, region->input_count, op->inputs[k])) {
                region->inputs[region->input_count++] = op->inputs[k];
            }
        }
        produced[i] = op->output;
        region->arithmetic_ops += op->kind != OP_straight_through && op->kind != OP_detach;
        if (is_used_outside(tg, region, op->output)) {
            region->outputs[region->output_count++] = op->output;
        }
    }
    free(produced);
}

// Adds the region of (kind, layer), if it has any op; returns its index or UINT32_MAX.
static uint32_t add_region(struct training_graph *tg, enum region_kind kind, uint32_t layer,
                           const bool *is_error_op)
{
    const struct graph *graph = &tg->graph;
    struct region region = {.kind = kind, .layer = layer};
    region.ops = xmalloc(graph->op_count * sizeof(uint32_t));
    enum op_phase phase = kind == REGION_UPDATE ? OP_FORWARD : OP_BACKWARD;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->phase == phase && op->layer == layer && op_class(op->kind) == OP_ELEMENTWISE &&
            (kind == REGION_UPDATE || is_error_op[i] == (kind == REGION_INPUT_GRADIENT))) {
            region.ops[region.op_count++] = i;
        }
    }
    if (region.op_count == 0) {
        free(region.ops);
        return UINT32_MAX;
    }
    find_borders(tg, &region);
    tg->regions = xrealloc(tg->regions, (tg->region_count + 1) * sizeof(*tg->regions));
    tg->regions[tg->region_count] = region;
    return tg->region_count++;
}

static void add_stage(struct stage *stages, uint32_t *count, bool is_region, uint32_t index)
{
    if (index != UINT32_MAX) {
        stages[(*count)++] = (struct stage){.is_region = is_region, .index = index};
    }
}

// Products and spike ops of one layer and phase, in order; the first of `class` after which (or
// before which) regions go is handled by the caller through `class`.
static void add_ops(struct training_graph *tg, enum op_phase phase, uint32_t layer,
                    enum op_class class)
{
    const struct graph *graph = &tg->graph;
    bool is_forward = phase == OP_FORWARD;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->phase == phase && op->layer == layer && op_class(op->kind) == class) {
            add_stage(is_forward ? tg->forward : tg->backward,
                      is_forward ? &tg->forward_count : &tg->backward_count, false, i);
        }
    }
}

void regions_build(struct training_graph *tg)
{
    const struct graph *graph = &tg->graph;
    bool *is_error_op = xcalloc(graph->op_count, sizeof(bool));
    tg->forward = xmalloc((graph->op_count + tg->layer_count) * sizeof(*tg->forward));
    tg->backward = xmalloc((graph->op_count + 2 * tg->layer_count) * sizeof(*tg->backward));
    for (uint32_t layer = 1; layer <= tg->layer_count; layer++) {
        add_ops(tg, OP_FORWARD, layer, OP_LINEAR);
        uint32_t update = add_region(tg, REGION_UPDATE, layer, is_error_op);
        add_stage(tg->forward, &tg->forward_count, true, update);
        add_ops(tg, OP_FORWARD, layer, OP_SPIKE);
    }
    for (uint32_t layer = tg->layer_count; layer >= 1; layer--) {
        mark_error_ops(tg, layer, is_error_op);
        add_ops(tg, OP_BACKWARD, layer, OP_SPIKE);
        uint32_t error = add_region(tg, REGION_INPUT_GRADIENT, layer, is_error_op);
        add_stage(tg->backward, &tg->backward_count, true, error);
        add_ops(tg, OP_BACKWARD, layer, OP_LINEAR);
        add_ops(tg, OP_BACKWARD, layer, OP_REDUCTION);
        uint32_t carry = add_region(tg, REGION_CARRY, layer, is_error_op);
        add_stage(tg->backward, &tg->backward_count, true, carry);
    }
    free(is_error_op);
}

void regions_free(struct training_graph *tg)
{
    for (uint32_t i = 0; i < tg->region_count; i++) {
        free(tg->regions[i].ops);
        free(tg->regions[i].inputs);
        free(tg->regions[i].outputs);
    }
    free(tg->regions);
    free(tg->forward);
    free(tg->backward);
}

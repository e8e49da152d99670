#include "workloads/run/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

// While compiling: which operand holds a tensor's value.
struct names {
    uint32_t *tensors;  // by entry
    uint32_t *operands; // by entry
    uint32_t count;
};

static uint32_t operand_of(const struct names *names, uint32_t tensor)
{
    for (uint32_t i = names->count; i-- > 0;) {
        if (names->tensors[i] == tensor) {
            return names->operands[i];
        }
    }
    SIM_ASSERT(false, "region reads tensor %u before it is computed", tensor);
}

static void add_name(struct names *names, uint32_t tensor, uint32_t operand)
{
    names->tensors[names->count] = tensor;
    names->operands[names->count++] = operand;
}

static uint32_t output_operand(const struct region *region, uint32_t tensor)
{
    for (uint32_t i = 0; i < region->output_count; i++) {
        if (region->outputs[i] == tensor) {
            return region->input_count + i;
        }
    }
    return UINT32_MAX;
}

static void compile_op(struct region_program *program, struct names *names,
                       const struct region *region, const struct op *op)
{
    uint32_t out = output_operand(region, op->output);
    uint32_t a = operand_of(names, op->inputs[0]);
    bool is_renaming = op->kind == OP_straight_through || op->kind == OP_detach;
    if (is_renaming && out == UINT32_MAX) {
        add_name(names, op->output, a);
        return;
    }
    if (out == UINT32_MAX) {
        out = program->operand_count++;
    }
    bool has_b = !is_renaming && op_input_count(op->kind) > 1;
    program->ops[program->op_count++] =
        (struct region_op){.kind = is_renaming ? OP_detach : op->kind, // a copy to memory
                           .a = a,
                           .b = has_b ? operand_of(names, op->inputs[1]) : a,
                           .out = out,
                           .constant = op->constant};
    add_name(names, op->output, out);
}

struct region_program *region_compile(const struct training_graph *graph,
                                      const struct region *region, uint32_t **tensors)
{
    struct region_program *program = xcalloc(1, sizeof(*program));
    uint32_t entries = region->input_count + region->op_count;
    struct names names = {.tensors = xmalloc((entries + 1) * sizeof(uint32_t)),
                          .operands = xmalloc((entries + 1) * sizeof(uint32_t))};
    program->ops = xmalloc((region->op_count + 1) * sizeof(*program->ops));
    program->input_count = region->input_count;
    program->output_count = region->output_count;
    program->operand_count = region->input_count + region->output_count;
    program->columns = graph->graph.tensors[region->outputs[0]].columns;
    *tensors = xmalloc((program->operand_count + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < region->input_count; i++) {
        (*tensors)[i] = region->inputs[i];
        add_name(&names, region->inputs[i], i);
    }
    for (uint32_t i = 0; i < region->output_count; i++) {
        (*tensors)[region->input_count + i] = region->outputs[i];
    }
    for (uint32_t i = 0; i < region->op_count; i++) {
        compile_op(program, &names, region, &graph->graph.ops[region->ops[i]]);
    }
    SIM_ASSERT(program->operand_count <= REGION_OPERANDS_MAX, "region of layer %u has %u operands",
               region->layer, program->operand_count);
    free(names.tensors);
    free(names.operands);
    return program;
}

void region_program_destroy(struct region_program *program)
{
    if (program) {
        free(program->ops);
        free(program);
    }
}

// out[i] = expression of a[i], b[i], c; a loop that the compiler makes vectors of.
#define EACH(expression)                   \
    for (uint32_t i = 0; i < count; i++) { \
        out[i] = (expression);             \
    }                                      \
    break

static void run_op(const struct region_op *op, float *restrict out, const float *a, const float *b,
                   uint32_t count)
{
    float c = (float)op->constant;
    switch (op->kind) {
    case OP_add:
    case OP_add_bias: // the view of the bias has no strides
        EACH(a[i] + b[i]);
    case OP_subtract:
        EACH(a[i] - b[i]);
    case OP_multiply:
        EACH(a[i] * b[i]);
    case OP_scale:
        EACH(a[i] * c);
    case OP_offset:
        EACH(a[i] + c);
    case OP_absolute:
        EACH(fabsf(a[i]));
    case OP_reciprocal:
        EACH(1.0f / a[i]);
    case OP_positive_part:
        EACH(a[i] > 0.0f ? a[i] : 0.0f);
    case OP_sign:
        EACH((a[i] > 0.0f ? 1.0f : 0.0f) - (a[i] < 0.0f ? 1.0f : 0.0f));
    case OP_greater:
        EACH(a[i] > c ? 1.0f : 0.0f);
    case OP_less_equal:
        EACH(a[i] <= c ? 1.0f : 0.0f);
    case OP_detach:
        memcpy(out, a, count * sizeof(float));
        break;
    default:
        SIM_ASSERT(false, "%s is not elementwise", op_name(op->kind));
    }
}

void region_run_fast(const struct region_job *job, uint32_t time_step, uint32_t sample)
{
    const struct region_program *program = job->program;
    _Alignas(64) float scratch[REGION_OPERANDS_MAX][REGION_BLOCK];
    float *operands[REGION_OPERANDS_MAX];
    uint32_t in_memory = program->input_count + program->output_count;
    for (uint32_t i = 0; i < program->operand_count; i++) {
        operands[i] =
            i < in_memory ? view_floats(&job->views[i], time_step, sample) : scratch[i - in_memory];
    }
    for (uint32_t first = 0; first < program->columns; first += REGION_BLOCK) {
        uint32_t left = program->columns - first;
        uint32_t count = left < REGION_BLOCK ? left : REGION_BLOCK;
        for (uint32_t i = 0; i < program->op_count; i++) {
            const struct region_op *op = &program->ops[i];
            run_op(op, operands[op->out], operands[op->a], operands[op->b], count);
        }
        for (uint32_t i = 0; i < in_memory; i++) {
            operands[i] += REGION_BLOCK;
        }
    }
}

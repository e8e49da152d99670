#include "workloads/run/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

void stage_inputs(const struct training_graph *graph, const struct stage *stage,
                  const uint32_t **tensors, uint32_t *count)
{
    if (stage->is_region) {
        *tensors = graph->regions[stage->index].inputs;
        *count = graph->regions[stage->index].input_count;
    } else {
        const struct op *op = &graph->graph.ops[stage->index];
        *tensors = op->inputs;
        *count = op_input_count(op->kind);
    }
}

void stage_outputs(const struct training_graph *graph, const struct stage *stage,
                   const uint32_t **tensors, uint32_t *count)
{
    if (stage->is_region) {
        *tensors = graph->regions[stage->index].outputs;
        *count = graph->regions[stage->index].output_count;
    } else {
        *tensors = &graph->graph.ops[stage->index].output;
        *count = 1;
    }
}

static bool is_op_class(const struct training_graph *graph, const struct stage *stage,
                        enum op_class class)
{
    return !stage->is_region && op_class(graph->graph.ops[stage->index].kind) == class;
}

static bool is_gradient(const struct training_graph *graph, const struct stage *stage)
{
    return !stage->is_region && op_is_gradient(graph->graph.ops[stage->index].kind);
}

// The tensor that another time step produced under this name: a state-in is a state-out, a carry-in
// a carry-out.
static uint32_t source_tensor(const struct training_graph *graph, uint32_t tensor)
{
    for (uint32_t i = 0; i < graph->state_count; i++) {
        if (graph->states[i].in == tensor) {
            return graph->states[i].out;
        }
        if (graph->states[i].carry_in == tensor) {
            return graph->states[i].carry_out;
        }
    }
    return tensor;
}

static bool produces(const struct training_graph *graph, const struct stage *stage, uint32_t tensor)
{
    const uint32_t *outputs;
    uint32_t count;
    stage_outputs(graph, stage, &outputs, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i] == tensor) {
            return true;
        }
    }
    return false;
}

// reaches[i * n + j]: stage j needs, at this or another time step, what stage i makes.
static bool *find_dependences(const struct training_graph *graph, const struct schedule *schedule)
{
    uint32_t n = schedule->stage_count;
    bool *reaches = xcalloc((size_t)n * n + 1, sizeof(bool));
    for (uint32_t j = 0; j < n; j++) {
        const uint32_t *inputs;
        uint32_t count;
        stage_inputs(graph, &schedule->stages[j], &inputs, &count);
        for (uint32_t k = 0; k < count; k++) {
            if (inputs[k] == TENSOR_NONE) {
                continue;
            }
            uint32_t tensor = source_tensor(graph, inputs[k]);
            for (uint32_t i = 0; i < n && tensor != TENSOR_NONE; i++) {
                reaches[i * n + j] |= produces(graph, &schedule->stages[i], tensor);
            }
        }
    }
    for (uint32_t k = 0; k < n; k++) {
        for (uint32_t i = 0; i < n; i++) {
            for (uint32_t j = 0; reaches[i * n + k] && j < n; j++) {
                reaches[i * n + j] |= reaches[k * n + j];
            }
        }
    }
    return reaches;
}

static bool is_ready(const struct schedule *schedule, const bool *reaches, uint32_t stage)
{
    uint32_t n = schedule->stage_count;
    for (uint32_t i = 0; i < n; i++) {
        bool is_placed = schedule->pass_of[i] != UINT32_MAX;
        bool is_same_component = reaches[stage * n + i] && reaches[i * n + stage];
        if (reaches[i * n + stage] && !is_placed && !is_same_component) {
            return false;
        }
    }
    return true;
}

static void add_to_pass(struct schedule *schedule, uint32_t stage, bool is_block, bool is_product)
{
    bool opens = schedule->pass_count == 0 || is_block ||
                 schedule->passes[schedule->pass_count - 1].is_block;
    if (opens) {
        struct pass *pass = &schedule->passes[schedule->pass_count++];
        *pass = (struct pass){.is_block = is_block};
        pass->stages = xmalloc(schedule->stage_count * sizeof(uint32_t));
    }
    struct pass *pass = &schedule->passes[schedule->pass_count - 1];
    pass->has_product |= is_product;
    uint32_t place = pass->stage_count++;
    for (; place > 0 && pass->stages[place - 1] > stage; place--) {
        pass->stages[place] = pass->stages[place - 1];
    }
    pass->stages[place] = stage;
    schedule->pass_of[stage] = schedule->pass_count - 1;
}

// Adds `stage` and all stages of its component.
static void add_component(struct schedule *schedule, const struct training_graph *graph,
                          const bool *reaches, uint32_t stage)
{
    uint32_t n = schedule->stage_count;
    bool is_product = is_op_class(graph, &schedule->stages[stage], OP_LINEAR);
    if (is_product && !reaches[stage * n + stage]) {
        add_to_pass(schedule, stage, true, true);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (i == stage || (reaches[stage * n + i] && reaches[i * n + stage])) {
            add_to_pass(schedule, i, false, is_op_class(graph, &schedule->stages[i], OP_LINEAR));
        }
    }
}

// The first stage that is in no pass yet and whose needs are; stage_count if there is none.
static uint32_t next_ready(const struct training_graph *graph, const struct schedule *schedule,
                           const bool *reaches)
{
    uint32_t stage = 0;
    while (stage < schedule->stage_count &&
           (schedule->pass_of[stage] != UINT32_MAX ||
            is_gradient(graph, &schedule->stages[stage]) || !is_ready(schedule, reaches, stage))) {
        stage++;
    }
    return stage;
}

struct schedule *schedule_create(const struct training_graph *graph, enum op_phase phase)
{
    struct schedule *schedule = xcalloc(1, sizeof(*schedule));
    schedule->stages = phase == OP_FORWARD ? graph->forward : graph->backward;
    uint32_t n = phase == OP_FORWARD ? graph->forward_count : graph->backward_count;
    schedule->stage_count = n;
    schedule->passes = xcalloc(n + 1, sizeof(*schedule->passes));
    schedule->gradients = xmalloc((n + 1) * sizeof(uint32_t));
    schedule->pass_of = xmalloc((n + 1) * sizeof(uint32_t));
    memset(schedule->pass_of, 0xff, (n + 1) * sizeof(uint32_t));
    bool *reaches = find_dependences(graph, schedule);
    for (uint32_t i = 0; i < n; i++) {
        if (is_gradient(graph, &schedule->stages[i])) {
            schedule->gradients[schedule->gradient_count++] = i;
        }
    }
    uint32_t stage = next_ready(graph, schedule, reaches);
    for (; stage < n; stage = next_ready(graph, schedule, reaches)) {
        add_component(schedule, graph, reaches, stage);
    }
    free(reaches);
    return schedule;
}

void schedule_destroy(struct schedule *schedule)
{
    if (!schedule) {
        return;
    }
    for (uint32_t i = 0; i < schedule->pass_count; i++) {
        free(schedule->passes[i].stages);
    }
    free(schedule->passes);
    free(schedule->gradients);
    free(schedule->pass_of);
    free(schedule);
}

// Convention: t counts from the first time step of the block that is being run; a program (struct
// phase) is bound to a block before any thread starts on it and does not change while threads run.
#include "workloads/run/executor.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/run/aligned.h"
#include "workloads/run/event_lists.h"
#include "workloads/run/float16.h"
#include "workloads/run/region.h"
#include "workloads/run/schedule.h"

// (time step, sample) rows of a block: a strip of 64 errors of each is 256 kB, which leaves room in
// a second-level cache; and enough rows that a strip of weights fetched for a block is used many
// times.
#define BLOCK_ROWS 1024u
// Products of static input: fewer samples and OpenBLAS packs the weights too often.
#define STATIC_SAMPLES_PER_ITEM 64u

struct bound_stage { // a stage, bound to the current block
    struct op_job op;
    struct region_job region;
    struct region_program *program; // owned; NULL: an op
    uint32_t *tensors;              // owned; of the region's operands in memory
    struct view *views;             // owned
    uint32_t *rounded;              // owned; float16: which of the stage's outputs are stored so
    uint32_t rounded_count;
};

struct phase {                  // forward or backward
    struct schedule *schedule;  // owned
    struct bound_stage *stages; // owned; by stage
};

struct executor {
    const struct training_graph *graph;
    const struct kernels *kernels;
    struct pool *pool;
    struct run_context context;
    struct phase forward, backward;
    struct storage *storage;   // owned
    struct event_lists *lists; // owned; by gradient; empty but for weights of spikes
    uint32_t **dropped;        // owned; [layer_count + 1][batch]
    void **scratch;            // owned; by thread
    uint32_t block_time_steps; // of a full block
    uint32_t time_steps;       // of the current block
    uint32_t first_time_step;  // of the current block
    bool is_last_block;        // in time: the first that the backward pass runs
};

// Neuron states, and adjoints that are carried to the time step before. Spike counts stay exact.
static bool is_stored_across_time(const struct training_graph *graph, uint32_t tensor)
{
    for (uint32_t i = 0; i < graph->state_count; i++) {
        const struct graph_state *state = &graph->states[i];
        bool is_neuron_state =
            i != graph->logits_state && graph->graph.tensors[state->out].type != TENSOR_SPIKES;
        if ((state->out == tensor && is_neuron_state) || state->carry_out == tensor) {
            return true;
        }
    }
    return false;
}

static void find_rounded(struct bound_stage *bound, const struct training_graph *graph,
                         const struct stage *stage)
{
    const uint32_t *outputs;
    uint32_t count;
    stage_outputs(graph, stage, &outputs, &count);
    bound->rounded = xcalloc(count, sizeof(*bound->rounded));
    for (uint32_t i = 0; i < count; i++) {
        if (is_stored_across_time(graph, outputs[i])) {
            bound->rounded[bound->rounded_count++] = i;
        }
    }
}

static void phase_init(struct phase *phase, const struct training_graph *graph,
                       enum op_phase op_phase, enum precision precision)
{
    phase->schedule = schedule_create(graph, op_phase);
    uint32_t count = phase->schedule->stage_count;
    phase->stages = xcalloc(count + 1, sizeof(*phase->stages));
    for (uint32_t i = 0; i < count; i++) {
        const struct stage *stage = &phase->schedule->stages[i];
        struct bound_stage *bound = &phase->stages[i];
        if (stage->is_region) {
            bound->program = region_compile(graph, &graph->regions[stage->index], &bound->tensors);
            uint32_t views = bound->program->input_count + bound->program->output_count;
            bound->views = xcalloc(views, sizeof(*bound->views));
        }
        if (precision == PRECISION_FLOAT16) {
            find_rounded(bound, graph, stage);
        }
    }
}

static void phase_free(struct phase *phase)
{
    for (uint32_t i = 0; i < phase->schedule->stage_count; i++) {
        region_program_destroy(phase->stages[i].program);
        free(phase->stages[i].tensors);
        free(phase->stages[i].views);
        free(phase->stages[i].rounded);
    }
    free(phase->stages);
    schedule_destroy(phase->schedule);
}

static void create_lists(struct executor *executor)
{
    const struct schedule *schedule = executor->backward.schedule;
    executor->lists = xcalloc(schedule->gradient_count + 1, sizeof(*executor->lists));
    for (uint32_t i = 0; i < schedule->gradient_count; i++) {
        const struct stage *stage = &schedule->stages[schedule->gradients[i]];
        const struct op *op = &executor->graph->graph.ops[stage->index];
        if (op->kind == OP_connect_weight_gradient) {
            event_lists_init(&executor->lists[i],
                             executor->graph->graph.tensors[op->inputs[0]].columns);
        }
    }
}

struct executor *executor_create(const struct training_graph *graph, enum precision precision,
                                 struct pool *pool, uint64_t seed)
{
    const struct kernels *kernels = kernels_select(graph->form, precision);
    struct executor *executor = xcalloc(1, sizeof(*executor));
    *executor = (struct executor){.graph = graph, .kernels = kernels, .pool = pool};
    executor->context = (struct run_context){.graph = graph, .batch = graph->batch, .seed = seed};
    phase_init(&executor->forward, graph, OP_FORWARD, precision);
    phase_init(&executor->backward, graph, OP_BACKWARD, precision);
    uint32_t steps = BLOCK_ROWS / graph->batch;
    steps = steps < 1 ? 1 : steps;
    executor->block_time_steps = steps < graph->time_steps ? steps : graph->time_steps;
    executor->storage = storage_create(graph, kernels, executor->forward.schedule,
                                       executor->backward.schedule, executor->block_time_steps);
    create_lists(executor);
    executor->dropped = xcalloc(graph->layer_count + 1, sizeof(*executor->dropped));
    for (uint32_t l = 0; l <= graph->layer_count; l++) {
        executor->dropped[l] = xcalloc(graph->batch, sizeof(uint32_t));
    }
    size_t scratch_bytes =
        kernels_scratch_bytes(kernels, graph, executor->block_time_steps * graph->batch);
    executor->scratch = xcalloc(pool_threads(pool), sizeof(*executor->scratch));
    for (uint32_t i = 0; i < pool_threads(pool); i++) {
        executor->scratch[i] = aligned_create(scratch_bytes);
    }
    return executor;
}

void executor_destroy(struct executor *executor)
{
    if (!executor) {
        return;
    }
    for (uint32_t i = 0; i < pool_threads(executor->pool); i++) {
        aligned_destroy(executor->scratch[i]);
    }
    for (uint32_t l = 0; l <= executor->graph->layer_count; l++) {
        free(executor->dropped[l]);
    }
    for (uint32_t i = 0; i < executor->backward.schedule->gradient_count; i++) {
        event_lists_free(&executor->lists[i]);
    }
    free(executor->scratch);
    free(executor->dropped);
    free(executor->lists);
    storage_destroy(executor->storage);
    phase_free(&executor->forward);
    phase_free(&executor->backward);
    free(executor);
}

// --- binding to a block -------------------------------------------------------------------------
static uint32_t matrix_tensor(const struct op *op)
{
    return op_is_gradient(op->kind) ? op->output : op->inputs[1];
}

static void bind_op(struct executor *executor, const struct op *op, struct op_job *job)
{
    *job = (struct op_job){.op = op,
                           .context = &executor->context,
                           .first_time_step = executor->first_time_step,
                           .block_time_steps = executor->time_steps,
                           .dropped = executor->dropped[op->layer]};
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        job->in[i] = storage_view(executor->storage, op->inputs[i], executor->first_time_step);
    }
    job->out = storage_view(executor->storage, op->output, executor->first_time_step);
    if (op_class(op->kind) == OP_LINEAR || op_class(op->kind) == OP_REDUCTION) {
        job->matrix = executor->storage->matrices[matrix_tensor(op)];
    }
}

static void bind_region(struct executor *executor, struct bound_stage *bound)
{
    uint32_t views = bound->program->input_count + bound->program->output_count;
    for (uint32_t i = 0; i < views; i++) {
        bound->views[i] =
            storage_view(executor->storage, bound->tensors[i], executor->first_time_step);
        SIM_ASSERT(bound->views[i].reals, "tensor %u of a region has no place", bound->tensors[i]);
    }
    bound->region = (struct region_job){.program = bound->program, .views = bound->views};
}

static void bind_phase(struct executor *executor, struct phase *phase, uint32_t block)
{
    uint32_t total = executor->graph->time_steps;
    executor->first_time_step = block * executor->block_time_steps;
    executor->time_steps = total - executor->first_time_step;
    executor->is_last_block = executor->time_steps <= executor->block_time_steps;
    if (!executor->is_last_block) {
        executor->time_steps = executor->block_time_steps;
    }
    for (uint32_t i = 0; i < phase->schedule->stage_count; i++) {
        const struct stage *stage = &phase->schedule->stages[i];
        if (stage->is_region) {
            bind_region(executor, &phase->stages[i]);
        } else {
            bind_op(executor, &executor->graph->graph.ops[stage->index], &phase->stages[i].op);
        }
    }
}

// --- passes -------------------------------------------------------------------------------------
struct pass_run { // what the threads of a pass share
    const struct executor *executor;
    const struct phase *phase;
    const struct pass *pass;
    uint32_t item_count;
    bool is_backward;
    bool is_static; // a product that is the same at every time step: it is cut by samples
};

static void round_outputs(const struct bound_stage *bound, const struct span *span)
{
    for (uint32_t i = 0; i < bound->rounded_count; i++) {
        const struct view *view =
            bound->program ? &bound->views[bound->program->input_count + bound->rounded[i]]
                           : &bound->op.out;
        FOR_ROWS(span, t, b)
        {
            float16_round_all(view_floats(view, t, b), view->columns);
        }
    }
}

static bool is_connect(const struct op_job *job)
{
    return job->op->kind == OP_connect || job->op->kind == OP_connect_dense;
}

static void run_connect(const struct kernels *kernels, const struct op_job *job,
                        const struct span *span, uint32_t first_strip, uint32_t end_strip)
{
    if (job->op->kind == OP_connect) {
        kernels->connect(job, span, first_strip, end_strip);
    } else {
        kernels->connect_dense(job, span, first_strip, end_strip);
    }
}

static void run_stage(const struct executor *executor, const struct bound_stage *bound,
                      const struct span *span)
{
    if (bound->program) {
        for (uint32_t i = 0; i < span->samples; i++) {
            executor->kernels->region(&bound->region, span->first_time_step,
                                      span->first_sample + i);
        }
    } else if (is_connect(&bound->op)) {
        run_connect(executor->kernels, &bound->op, span, 0, matrix_strips(&bound->op.matrix));
    } else {
        executor->kernels->ops[bound->op.op->kind](&bound->op, span);
    }
    round_outputs(bound, span);
}

// Samples of an item, all time steps, one by one. Samples do not know each other.
static void run_stepwise_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    uint32_t batch = run->executor->context.batch;
    uint32_t steps = run->executor->time_steps;
    struct span span = {.time_steps = 1};
    span.first_sample = pool_part(batch, run->item_count, item);
    span.samples = pool_part(batch, run->item_count, item + 1) - span.first_sample;
    for (uint32_t i = 0; i < steps; i++) {
        span.first_time_step = run->is_backward ? steps - 1 - i : i;
        for (uint32_t k = 0; k < run->pass->stage_count; k++) {
            run_stage(run->executor, &run->phase->stages[run->pass->stages[k]], &span);
        }
    }
}

static void run_strip_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    const struct bound_stage *bound = &run->phase->stages[run->pass->stages[0]];
    struct span span = {.time_steps = run->executor->time_steps,
                        .samples = run->executor->context.batch};
    run_connect(run->executor->kernels, &bound->op, &span, item, item + 1);
}

// A part of the block's rows: of its time steps, or of the samples if there are more parts than
// these.
static void run_rows_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    uint32_t steps = run->executor->time_steps;
    uint32_t batch = run->executor->context.batch;
    struct span span = {.time_steps = steps, .samples = batch};
    if (run->item_count <= steps && !run->is_static) {
        span.first_time_step = pool_part(steps, run->item_count, item);
        span.time_steps = pool_part(steps, run->item_count, item + 1) - span.first_time_step;
    } else {
        span.first_sample = pool_part(batch, run->item_count, item);
        span.samples = pool_part(batch, run->item_count, item + 1) - span.first_sample;
    }
    run_stage(run->executor, &run->phase->stages[run->pass->stages[0]], &span);
}

static void run_pass(struct executor *executor, const struct phase *phase, const struct pass *pass,
                     bool is_backward)
{
    const struct kernels *kernels = executor->kernels;
    uint32_t batch = executor->context.batch;
    struct pass_run run = {
        .executor = executor, .phase = phase, .pass = pass, .is_backward = is_backward};
    if (!pass->is_block) {
        uint32_t samples = pass->has_product ? kernels->samples_per_item : 1;
        run.item_count = (batch + samples - 1) / samples;
        pool_run(executor->pool, run.item_count, run_stepwise_item, &run);
        return;
    }
    const struct bound_stage *bound = &phase->stages[pass->stages[0]];
    const struct op_job *job = &bound->op;
    // What is rounded is rounded by whole rows, in run_stage.
    if (is_connect(job) && kernels->connect_split == SPLIT_STRIPS && bound->rounded_count == 0) {
        run.item_count = matrix_strips(&job->matrix);
        pool_run(executor->pool, run.item_count, run_strip_item, &run);
        return;
    }
    run.is_static = job->op->kind == OP_connect_dense;
    uint32_t parts = executor->time_steps * batch / kernels->rows_per_item;
    uint32_t most = executor->time_steps > batch ? executor->time_steps : batch;
    parts = parts < 1 ? 1 : parts;
    run.item_count = parts < most ? parts : most;
    if (run.is_static) {
        run.item_count = (batch + STATIC_SAMPLES_PER_ITEM - 1) / STATIC_SAMPLES_PER_ITEM;
    }
    pool_run(executor->pool, run.item_count, run_rows_item, &run);
}

// --- gradients of parameters --------------------------------------------------------------------
static const struct op_job *gradient_job(const struct executor *executor, uint32_t i)
{
    const struct schedule *schedule = executor->backward.schedule;
    return &executor->backward.stages[schedule->gradients[i]].op;
}

static uint32_t gradient_items(const struct executor *executor, uint32_t i)
{
    const struct matrix *gradient = &gradient_job(executor, i)->matrix;
    if (gradient_job(executor, i)->op->kind == OP_bias_gradient) {
        return 1;
    }
    uint32_t rows = executor->kernels->gradient_rows_per_item;
    return rows ? (gradient->rows + rows - 1) / rows : matrix_strips(gradient);
}

static void fill_lists_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    struct executor *executor = context;
    const struct op_job *job = gradient_job(executor, item);
    if (job->op->kind == OP_connect_weight_gradient) {
        event_lists_fill(&executor->lists[item], job->matrix.rows, &job->in[0],
                         executor->time_steps * executor->context.batch);
    }
}

static void gradient_item(void *context, uint32_t item, uint32_t thread)
{
    struct executor *executor = context;
    uint32_t i = 0;
    for (; item >= gradient_items(executor, i); i++) {
        item -= gradient_items(executor, i);
    }
    const struct op_job *job = gradient_job(executor, i);
    const struct kernels *kernels = executor->kernels;
    bool adds = !executor->is_last_block;
    if (job->op->kind == OP_bias_gradient) {
        kernels->add_bias_gradient(job, adds);
    } else if (job->op->kind == OP_connect_dense_weight_gradient) {
        kernels->add_dense_weight_gradient(job, NULL, item, adds, executor->scratch[thread]);
    } else {
        kernels->add_weight_gradient(job, &executor->lists[i], item, adds,
                                     executor->scratch[thread]);
    }
}

static void run_gradients(struct executor *executor)
{
    uint32_t gradients = executor->backward.schedule->gradient_count;
    uint32_t items = 0;
    for (uint32_t i = 0; i < gradients; i++) {
        items += gradient_items(executor, i);
    }
    if (executor->kernels->has_event_lists) {
        pool_run(executor->pool, gradients, fill_lists_item, executor);
    }
    pool_run(executor->pool, items, gradient_item, executor);
}

// --- the whole ----------------------------------------------------------------------------------
static void fill_dense_input(struct executor *executor, struct buffer *input, const uint32_t *ids,
                             const uint32_t *counts, uint32_t slots)
{
    const struct training_graph *graph = executor->graph;
    size_t rows = (size_t)graph->time_steps * graph->batch;
    memset(input->reals, 0, rows * input->row_stride * executor->kernels->real_bytes);
    for (size_t row = 0; row < rows; row++) {
        for (uint32_t i = 0; i < counts[row]; i++) {
            size_t place = row * input->row_stride + ids[row * slots + i];
            if (executor->kernels->real_bytes == sizeof(float)) {
                ((float *)input->reals)[place] = 1.0f;
            } else {
                ((double *)input->reals)[place] = 1.0;
            }
        }
    }
}

// Real numbers, [batch][inputs], the same at every time step.
void executor_set_analog_input(struct executor *executor, const float *values)
{
    const struct training_graph *graph = executor->graph;
    const struct buffer *input =
        &executor->storage->buffers[executor->storage->buffer_of[graph->input]];
    for (uint32_t b = 0; b < graph->batch; b++) {
        for (uint32_t i = 0; i < input->columns; i++) {
            size_t place = b * input->row_stride + i;
            float value = values[(size_t)b * input->columns + i];
            if (executor->kernels->real_bytes == sizeof(float)) {
                ((float *)input->reals)[place] = value;
            } else {
                ((double *)input->reals)[place] = (double)value;
            }
        }
    }
}

void executor_set_input(struct executor *executor, const uint32_t *ids, const uint32_t *counts,
                        uint32_t slots)
{
    const struct training_graph *graph = executor->graph;
    struct storage *storage = executor->storage;
    struct buffer *input = &storage->buffers[storage->buffer_of[graph->input]];
    size_t rows = (size_t)graph->time_steps * graph->batch;
    for (size_t row = 0; row < rows; row++) {
        input->counts[row * 2] = counts[row];
        input->counts[row * 2 + 1] = counts[row];
    }
    if (input->is_borrowed) {
        input->ids = (uint32_t *)ids; // only read: nothing fires into the input
        input->row_stride = slots;
    } else {
        fill_dense_input(executor, input, ids, counts, slots);
    }
}

static uint32_t block_count(const struct executor *executor)
{
    return (executor->graph->time_steps + executor->block_time_steps - 1) /
           executor->block_time_steps;
}

static uint32_t last_block_start(const struct executor *executor)
{
    return (block_count(executor) - 1) * executor->block_time_steps;
}

struct view executor_last(const struct executor *executor, uint32_t tensor)
{
    uint32_t start = last_block_start(executor);
    struct view view = storage_view(executor->storage, tensor, start);
    size_t reals = (executor->graph->time_steps - 1 - start) * view.time_stride;
    view.reals = (char *)view.reals + reals * executor->kernels->real_bytes;
    return view;
}

void executor_forward(struct executor *executor, uint32_t training_step)
{
    executor->context.training_step = training_step;
    for (uint32_t l = 0; l <= executor->graph->layer_count; l++) {
        memset(executor->dropped[l], 0, executor->context.batch * sizeof(uint32_t));
    }
    storage_clear_states(executor->storage);
    for (uint32_t block = 0; block < block_count(executor); block++) {
        if (block > 0) {
            storage_pass_states(executor->storage, executor->block_time_steps);
        }
        bind_phase(executor, &executor->forward, block);
        for (uint32_t i = 0; i < executor->forward.schedule->pass_count; i++) {
            run_pass(executor, &executor->forward, &executor->forward.schedule->passes[i], false);
        }
    }
}

struct view executor_begin_backward(struct executor *executor)
{
    const struct graph_state *logits = &executor->graph->states[executor->graph->logits_state];
    uint32_t last_block_steps = executor->graph->time_steps - last_block_start(executor);
    storage_clear_carries(executor->storage, last_block_steps);
    return executor_last(executor, logits->carry_in);
}

void executor_backward(struct executor *executor)
{
    for (uint32_t block = block_count(executor); block-- > 0;) {
        bind_phase(executor, &executor->backward, block);
        if (!executor->is_last_block) {
            storage_pass_carries(executor->storage, executor->time_steps);
        }
        for (uint32_t i = 0; i < executor->backward.schedule->pass_count; i++) {
            run_pass(executor, &executor->backward, &executor->backward.schedule->passes[i], true);
        }
        run_gradients(executor);
    }
}

// --- queries ------------------------------------------------------------------------------------
struct view executor_logits(const struct executor *executor)
{
    return executor_last(executor, executor->graph->states[executor->graph->logits_state].out);
}

struct view executor_spikes(const struct executor *executor, uint32_t layer)
{
    uint32_t tensor = layer ? executor->graph->layers[layer - 1].spikes : executor->graph->input;
    return storage_view(executor->storage, tensor, 0);
}

uint64_t executor_dropped(const struct executor *executor, uint32_t layer)
{
    uint64_t dropped = 0;
    for (uint32_t b = 0; b < executor->context.batch; b++) {
        dropped += executor->dropped[layer][b];
    }
    return dropped;
}

struct matrix *executor_matrix(const struct executor *executor, uint32_t tensor)
{
    return &executor->storage->matrices[tensor];
}

// Convention: t counts from the first time step of the block that is being run; a program (struct
// phase) is bound to a block before any thread starts on it and does not change while threads run.
#include "workloads/run/block_runner.h"

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

static void create_lists(struct block_runner *runner)
{
    const struct schedule *schedule = runner->backward.schedule;
    runner->lists = xcalloc(schedule->gradient_count + 1, sizeof(*runner->lists));
    for (uint32_t i = 0; i < schedule->gradient_count; i++) {
        const struct stage *stage = &schedule->stages[schedule->gradients[i]];
        const struct op *op = &runner->graph->graph.ops[stage->index];
        if (op->kind == OP_connect_weight_gradient) {
            event_lists_init(&runner->lists[i],
                             runner->graph->graph.tensors[op->inputs[0]].columns);
        }
    }
}

struct block_runner *block_runner_create(const struct training_graph *graph,
                                         enum precision precision, struct pool *pool, uint64_t seed,
                                         bool is_windowed)
{
    const struct kernels *kernels = kernels_select(graph->form, precision);
    struct block_runner *runner = xcalloc(1, sizeof(*runner));
    *runner = (struct block_runner){.graph = graph, .kernels = kernels, .pool = pool};
    runner->context = (struct run_context){.graph = graph, .batch = graph->batch, .seed = seed};
    phase_init(&runner->forward, graph, OP_FORWARD, precision);
    phase_init(&runner->backward, graph, OP_BACKWARD, precision);
    uint32_t steps = BLOCK_ROWS / graph->batch;
    steps = steps < 1 ? 1 : steps;
    runner->block_time_steps = steps < graph->time_steps ? steps : graph->time_steps;
    runner->storage =
        storage_create(graph, kernels, runner->forward.schedule, runner->backward.schedule,
                       runner->block_time_steps, is_windowed);
    create_lists(runner);
    runner->dropped = xcalloc(graph->layer_count + 1, sizeof(*runner->dropped));
    for (uint32_t l = 0; l <= graph->layer_count; l++) {
        runner->dropped[l] = xcalloc(graph->batch, sizeof(uint32_t));
    }
    size_t scratch_bytes =
        kernels_scratch_bytes(kernels, graph, runner->block_time_steps * graph->batch);
    runner->scratch = xcalloc(pool_threads(pool), sizeof(*runner->scratch));
    for (uint32_t i = 0; i < pool_threads(pool); i++) {
        runner->scratch[i] = aligned_create(scratch_bytes);
    }
    return runner;
}

void block_runner_destroy(struct block_runner *runner)
{
    if (!runner) {
        return;
    }
    for (uint32_t i = 0; i < pool_threads(runner->pool); i++) {
        aligned_destroy(runner->scratch[i]);
    }
    for (uint32_t l = 0; l <= runner->graph->layer_count; l++) {
        free(runner->dropped[l]);
    }
    for (uint32_t i = 0; i < runner->backward.schedule->gradient_count; i++) {
        event_lists_free(&runner->lists[i]);
    }
    free(runner->scratch);
    free(runner->dropped);
    free(runner->lists);
    storage_destroy(runner->storage);
    phase_free(&runner->forward);
    phase_free(&runner->backward);
    free(runner);
}

// --- binding to a block -------------------------------------------------------------------------
static uint32_t matrix_tensor(const struct op *op)
{
    return op_is_gradient(op->kind) ? op->output : op->inputs[1];
}

static void bind_op(struct block_runner *runner, const struct op *op, struct op_job *job)
{
    *job = (struct op_job){.op = op,
                           .context = &runner->context,
                           .first_time_step = runner->first_time_step,
                           .block_time_steps = runner->time_steps,
                           .dropped = runner->dropped[op->layer]};
    for (uint32_t i = 0; i < op_input_count(op->kind); i++) {
        job->in[i] = storage_view(runner->storage, op->inputs[i], runner->first_time_step);
    }
    job->out = storage_view(runner->storage, op->output, runner->first_time_step);
    if (op_class(op->kind) == OP_LINEAR || op_class(op->kind) == OP_REDUCTION) {
        job->matrix = runner->storage->matrices[matrix_tensor(op)];
    }
}

static void bind_region(struct block_runner *runner, struct bound_stage *bound)
{
    uint32_t views = bound->program->input_count + bound->program->output_count;
    for (uint32_t i = 0; i < views; i++) {
        bound->views[i] = storage_view(runner->storage, bound->tensors[i], runner->first_time_step);
        SIM_ASSERT(bound->views[i].reals, "tensor %u of a region has no place", bound->tensors[i]);
    }
    bound->region = (struct region_job){.program = bound->program, .views = bound->views};
}

struct time_range block_runner_block(const struct block_runner *runner, uint32_t time_step)
{
    uint32_t first = time_step - time_step % runner->block_time_steps;
    uint32_t left = runner->graph->time_steps - first;
    uint32_t steps = left < runner->block_time_steps ? left : runner->block_time_steps;
    return (struct time_range){.first = first, .end = first + steps};
}

static void bind_phase(struct block_runner *runner, struct phase *phase, struct time_range part)
{
    struct time_range block = block_runner_block(runner, part.first);
    SIM_ASSERT(part.first < part.end && part.end <= block.end,
               "time steps %u to %u are no part of a block", part.first, part.end);
    runner->first_time_step = block.first;
    runner->time_steps = block.end - block.first;
    runner->part =
        (struct time_range){.first = part.first - block.first, .end = part.end - block.first};
    input_load(&runner->input, runner->storage, block.first, runner->time_steps);
    for (uint32_t i = 0; i < phase->schedule->stage_count; i++) {
        const struct stage *stage = &phase->schedule->stages[i];
        if (stage->is_region) {
            bind_region(runner, &phase->stages[i]);
        } else {
            bind_op(runner, &runner->graph->graph.ops[stage->index], &phase->stages[i].op);
        }
    }
}

// --- passes -------------------------------------------------------------------------------------
struct pass_run { // what the threads of a pass share
    const struct block_runner *runner;
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

static void run_stage(const struct block_runner *runner, const struct bound_stage *bound,
                      const struct span *span)
{
    if (bound->program) {
        for (uint32_t i = 0; i < span->samples; i++) {
            runner->kernels->region(&bound->region, span->first_time_step, span->first_sample + i);
        }
    } else if (is_connect(&bound->op)) {
        run_connect(runner->kernels, &bound->op, span, 0, matrix_strips(&bound->op.matrix));
    } else {
        runner->kernels->ops[bound->op.op->kind](&bound->op, span);
    }
    round_outputs(bound, span);
}

// Samples of an item, all time steps, one by one. Samples do not know each other.
static void run_stepwise_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    uint32_t batch = run->runner->context.batch;
    struct time_range part = run->runner->part;
    struct span span = {.time_steps = 1};
    span.first_sample = pool_part(batch, run->item_count, item);
    span.samples = pool_part(batch, run->item_count, item + 1) - span.first_sample;
    for (uint32_t i = 0; i < part.end - part.first; i++) {
        span.first_time_step = run->is_backward ? part.end - 1 - i : part.first + i;
        for (uint32_t k = 0; k < run->pass->stage_count; k++) {
            run_stage(run->runner, &run->phase->stages[run->pass->stages[k]], &span);
        }
    }
}

static void run_strip_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    const struct bound_stage *bound = &run->phase->stages[run->pass->stages[0]];
    struct time_range part = run->runner->part;
    struct span span = {.first_time_step = part.first,
                        .time_steps = part.end - part.first,
                        .samples = run->runner->context.batch};
    run_connect(run->runner->kernels, &bound->op, &span, item, item + 1);
}

// The time steps of `span` that lie in the part of the block that is run. A matrix product by a
// library is done for all of them if it is for one: the bits of a row depend on the rows that it is
// multiplied with. The rows past the part hold values of other runs, and nobody reads what becomes
// of them.
static void clip_to_part(const struct pass_run *run, struct span *span)
{
    struct time_range part = run->runner->part;
    uint32_t first = span->first_time_step, end = first + span->time_steps;
    uint32_t part_first = first > part.first ? first : part.first;
    uint32_t part_end = end < part.end ? end : part.end;
    if (part_first >= part_end) {
        span->time_steps = 0;
    } else if (run->is_static || !run->runner->kernels->multiplies_rows_together) {
        span->first_time_step = part_first;
        span->time_steps = part_end - part_first;
    }
}

// A share of the block's rows: of its time steps, or of the samples if there are more shares than
// these.
static void run_rows_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct pass_run *run = context;
    uint32_t steps = run->runner->time_steps;
    uint32_t batch = run->runner->context.batch;
    struct span span = {.time_steps = steps, .samples = batch};
    if (run->item_count <= steps && !run->is_static) {
        span.first_time_step = pool_part(steps, run->item_count, item);
        span.time_steps = pool_part(steps, run->item_count, item + 1) - span.first_time_step;
    } else {
        span.first_sample = pool_part(batch, run->item_count, item);
        span.samples = pool_part(batch, run->item_count, item + 1) - span.first_sample;
    }
    clip_to_part(run, &span);
    if (span.time_steps > 0) {
        run_stage(run->runner, &run->phase->stages[run->pass->stages[0]], &span);
    }
}

static void run_pass(struct block_runner *runner, const struct phase *phase,
                     const struct pass *pass, bool is_backward)
{
    const struct kernels *kernels = runner->kernels;
    uint32_t batch = runner->context.batch;
    struct pass_run run = {
        .runner = runner, .phase = phase, .pass = pass, .is_backward = is_backward};
    if (!pass->is_block) {
        uint32_t samples = pass->has_product ? kernels->samples_per_item : 1;
        run.item_count = (batch + samples - 1) / samples;
        pool_run(runner->pool, run.item_count, run_stepwise_item, &run);
        return;
    }
    const struct bound_stage *bound = &phase->stages[pass->stages[0]];
    const struct op_job *job = &bound->op;
    // What is rounded is rounded by whole rows, in run_stage.
    if (is_connect(job) && kernels->connect_split == SPLIT_STRIPS && bound->rounded_count == 0) {
        run.item_count = matrix_strips(&job->matrix);
        pool_run(runner->pool, run.item_count, run_strip_item, &run);
        return;
    }
    run.is_static = job->op->kind == OP_connect_dense;
    uint32_t parts = runner->time_steps * batch / kernels->rows_per_item;
    uint32_t most = runner->time_steps > batch ? runner->time_steps : batch;
    parts = parts < 1 ? 1 : parts;
    run.item_count = parts < most ? parts : most;
    if (run.is_static) {
        run.item_count = (batch + STATIC_SAMPLES_PER_ITEM - 1) / STATIC_SAMPLES_PER_ITEM;
    }
    pool_run(runner->pool, run.item_count, run_rows_item, &run);
}

// --- gradients of parameters --------------------------------------------------------------------
static const struct op_job *gradient_job(const struct block_runner *runner, uint32_t i)
{
    const struct schedule *schedule = runner->backward.schedule;
    return &runner->backward.stages[schedule->gradients[i]].op;
}

static uint32_t gradient_items(const struct block_runner *runner, uint32_t i)
{
    const struct matrix *gradient = &gradient_job(runner, i)->matrix;
    if (gradient_job(runner, i)->op->kind == OP_bias_gradient) {
        return 1;
    }
    uint32_t rows = runner->kernels->gradient_rows_per_item;
    return rows ? (gradient->rows + rows - 1) / rows : matrix_strips(gradient);
}

static void fill_lists_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    struct block_runner *runner = context;
    const struct op_job *job = gradient_job(runner, item);
    if (job->op->kind == OP_connect_weight_gradient) {
        event_lists_fill(&runner->lists[item], job->matrix.rows, &job->in[0],
                         runner->time_steps * runner->context.batch);
    }
}

static void gradient_item(void *context, uint32_t item, uint32_t thread)
{
    struct block_runner *runner = context;
    uint32_t i = 0;
    for (; item >= gradient_items(runner, i); i++) {
        item -= gradient_items(runner, i);
    }
    const struct op_job *job = gradient_job(runner, i);
    const struct kernels *kernels = runner->kernels;
    // The last block in time is the first that is added.
    bool adds = runner->first_time_step + runner->time_steps < runner->graph->time_steps;
    if (job->op->kind == OP_bias_gradient) {
        kernels->add_bias_gradient(job, adds);
    } else if (job->op->kind == OP_connect_dense_weight_gradient) {
        kernels->add_dense_weight_gradient(job, NULL, item, adds, runner->scratch[thread]);
    } else {
        kernels->add_weight_gradient(job, &runner->lists[i], item, adds, runner->scratch[thread]);
    }
}

static void run_gradients(struct block_runner *runner)
{
    uint32_t gradients = runner->backward.schedule->gradient_count;
    uint32_t items = 0;
    for (uint32_t i = 0; i < gradients; i++) {
        items += gradient_items(runner, i);
    }
    if (runner->kernels->has_event_lists) {
        pool_run(runner->pool, gradients, fill_lists_item, runner);
    }
    pool_run(runner->pool, items, gradient_item, runner);
}

// --- the whole ----------------------------------------------------------------------------------
void block_runner_forward(struct block_runner *runner, struct time_range part)
{
    bind_phase(runner, &runner->forward, part);
    for (uint32_t i = 0; i < runner->forward.schedule->pass_count; i++) {
        run_pass(runner, &runner->forward, &runner->forward.schedule->passes[i], false);
    }
}

void block_runner_backward(struct block_runner *runner, struct time_range part)
{
    bind_phase(runner, &runner->backward, part);
    for (uint32_t i = 0; i < runner->backward.schedule->pass_count; i++) {
        run_pass(runner, &runner->backward, &runner->backward.schedule->passes[i], true);
    }
    if (runner->part.first == 0) {
        run_gradients(runner);
    }
}

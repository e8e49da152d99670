#include "workloads/run/trainer.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/run/aligned.h"
#include "workloads/run/executor.h"
#include "workloads/run/float16.h"
#include "workloads/run/host_plan.h"
#include "workloads/run/record.h"

#define UPDATE_ITEM_ELEMENTS ((size_t)1 << 15) // of a parameter; a multiple of a vector

enum { WEIGHTS, BIAS, PARAMETERS_OF_LAYER };

struct parameter {
    struct matrix *weights, *gradient; // in the executor's storage; NULL: absent; not trained
    void *mean, *variance;             // owned; Adam
    float *master;                     // owned; float16: the weights before they were rounded
};

struct trainer {
    const struct training_graph *graph; // borrowed
    struct training_config training;
    const struct kernels *kernels;
    struct pool *pool;            // owned
    struct checkpoint_plan *plan; // owned; NULL: the history of all time steps is kept
    struct executor *executor;    // owned
    struct parameter *parameters; // owned; [layer_count][PARAMETERS_OF_LAYER]
    uint32_t parameter_count;
    uint32_t updates; // done so far
};

static struct parameter *parameter_at(const struct trainer *trainer, uint32_t layer, uint32_t kind)
{
    return &trainer->parameters[(layer - 1) * PARAMETERS_OF_LAYER + kind];
}

// --- elements of any precision ------------------------------------------------------------------
static double read_real(const struct trainer *trainer, const void *reals, size_t i)
{
    return trainer->kernels->real_bytes == sizeof(float) ? (double)((const float *)reals)[i]
                                                         : ((const double *)reals)[i];
}

// What is written here is stored across time steps: in float16 it is rounded.
static void write_real(const struct trainer *trainer, void *reals, size_t i, double value)
{
    if (trainer->training.precision == PRECISION_FLOAT16) {
        ((float *)reals)[i] = float16_round((float)value);
    } else if (trainer->kernels->real_bytes == sizeof(float)) {
        ((float *)reals)[i] = (float)value;
    } else {
        ((double *)reals)[i] = value;
    }
}

static void write_weight(const struct trainer *trainer, const struct parameter *parameter, size_t i,
                         float value)
{
    write_real(trainer, parameter->weights->data, i, (double)value);
    if (parameter->master) {
        parameter->master[i] = value;
    }
}

// --- creation -----------------------------------------------------------------------------------
// Uniform in +-weight_mul * sqrt(6 / fan_in) + weight_shift, rounded to float32 in every
// precision. The number of a weight is its place in [neurons][fan_in].
static void draw_weights(struct trainer *trainer, uint32_t layer, uint64_t seed)
{
    const struct network_config *network = &trainer->graph->config;
    const struct parameter *parameter = parameter_at(trainer, layer, WEIGHTS);
    const struct matrix *weights = parameter->weights;
    double range = network->weight_mul * sqrt(6.0 / weights->rows);
    struct rng rng = rng_create(seed, RNG_WEIGHTS, layer, 0);
    for (uint32_t neuron = 0; neuron < weights->columns; neuron++) {
        for (uint32_t input = 0; input < weights->rows; input++) {
            double weight = (2.0 * rng_uniform(&rng) - 1.0) * range + network->weight_shift;
            write_weight(trainer, parameter, matrix_index(weights, input, neuron), (float)weight);
        }
    }
}

// Uniform in +-bias_mul / sqrt(fan_in), rounded to float32 in every precision.
static void draw_bias(struct trainer *trainer, uint32_t layer, uint64_t seed)
{
    const struct parameter *parameter = parameter_at(trainer, layer, BIAS);
    if (!parameter->weights) {
        return;
    }
    double fan_in = trainer->graph->layers[layer - 1].fan_in;
    double range = trainer->graph->config.bias_mul / sqrt(fan_in);
    struct rng rng = rng_create(seed, RNG_WEIGHTS, layer, 1); // 0: the layer's weights
    for (uint32_t neuron = 0; neuron < parameter->weights->columns; neuron++) {
        double bias = (2.0 * rng_uniform(&rng) - 1.0) * range;
        write_weight(trainer, parameter, neuron, (float)bias);
    }
}

static void create_parameter(struct trainer *trainer, struct parameter *parameter, uint32_t tensor,
                             uint32_t gradient)
{
    if (tensor == TENSOR_NONE) {
        return;
    }
    parameter->weights = executor_matrix(trainer->executor, tensor);
    if (gradient == TENSOR_NONE) {
        return;
    }
    parameter->gradient = executor_matrix(trainer->executor, gradient);
    size_t bytes = matrix_elements(parameter->weights) * trainer->kernels->real_bytes;
    if (trainer->training.precision == PRECISION_FLOAT16) {
        parameter->master = aligned_create(bytes);
    }
    if (trainer->training.optimizer == OPTIMIZER_ADAM) {
        parameter->mean = aligned_create(bytes);
        parameter->variance = aligned_create(bytes);
    }
}

struct trainer *trainer_create(const struct training_graph *graph,
                               const struct training_config *training, uint64_t seed,
                               uint32_t threads)
{
    struct trainer *trainer = xcalloc(1, sizeof(*trainer));
    *trainer = (struct trainer){.graph = graph,
                                .training = *training,
                                .kernels = kernels_select(graph->form, training->precision)};
    openblas_set_num_threads(1); // the pool's threads each call it: no second layer of threads
    trainer->pool = pool_create(threads);
    trainer->plan = host_plan_create(&training->checkpoints, graph->time_steps);
    trainer->executor =
        executor_create(graph, training->precision, trainer->plan, trainer->pool, seed);
    trainer->parameter_count = graph->layer_count * PARAMETERS_OF_LAYER;
    trainer->parameters = xcalloc(trainer->parameter_count, sizeof(*trainer->parameters));
    for (uint32_t l = 1; l <= graph->layer_count; l++) {
        const struct graph_layer *layer = &graph->layers[l - 1];
        create_parameter(trainer, parameter_at(trainer, l, WEIGHTS), layer->weights,
                         layer->weight_gradient);
        create_parameter(trainer, parameter_at(trainer, l, BIAS), layer->bias,
                         layer->bias_gradient);
        draw_weights(trainer, l, seed);
        draw_bias(trainer, l, seed);
    }
    return trainer;
}

void trainer_destroy(struct trainer *trainer)
{
    if (!trainer) {
        return;
    }
    for (uint32_t i = 0; i < trainer->parameter_count; i++) {
        aligned_destroy(trainer->parameters[i].mean);
        aligned_destroy(trainer->parameters[i].variance);
        aligned_destroy(trainer->parameters[i].master);
    }
    executor_destroy(trainer->executor);
    plan_destroy(trainer->plan);
    pool_destroy(trainer->pool);
    free(trainer->parameters);
    free(trainer);
}

// --- a training step ----------------------------------------------------------------------------
// The record may be NULL.
static void run_forward(struct trainer *trainer, const struct spike_batch *batch,
                        struct activity *record)
{
    SIM_ASSERT(batch->time_steps == trainer->graph->time_steps &&
                   batch->batch == trainer->graph->batch,
               "batch of %u x %u for a graph of %u x %u", batch->time_steps, batch->batch,
               trainer->graph->time_steps, trainer->graph->batch);
    bool is_analog = trainer->graph->config.input == INPUT_ANALOG;
    SIM_ASSERT((batch->values != NULL) == is_analog, "a batch of the other kind of input");
    if (is_analog) {
        executor_set_analog_input(trainer->executor, batch->values);
    } else {
        executor_set_input(trainer->executor, batch->ids, batch->counts, batch->slots);
    }
    if (record) {
        record_input(record, trainer->graph, batch);
    }
    executor_forward(trainer->executor, trainer->updates, record);
}

// Loss of sample b, and its gradient to the logits divided by the batch. The largest logit is taken
// off before the exponentials, so that none overflows.
static double sample_loss(const struct trainer *trainer, const struct view *logits, uint32_t b,
                          uint32_t label, double *gradient)
{
    size_t row = b * logits->row_stride;
    double largest = -INFINITY, sum = 0.0;
    for (uint32_t n = 0; n < logits->columns; n++) {
        largest = fmax(largest, read_real(trainer, logits->reals, row + n));
    }
    for (uint32_t n = 0; n < logits->columns; n++) {
        gradient[n] = exp(read_real(trainer, logits->reals, row + n) - largest);
        sum += gradient[n];
    }
    for (uint32_t n = 0; n < logits->columns; n++) {
        gradient[n] = (gradient[n] / sum - (n == label ? 1.0 : 0.0)) / trainer->graph->batch;
    }
    return log(sum) + largest - read_real(trainer, logits->reals, row + label);
}

// Softmax cross-entropy, the mean over the samples. Writes the logits' adjoint if adjoint is not
// NULL.
static double batch_loss(const struct trainer *trainer, const struct spike_batch *batch,
                         struct view *adjoint)
{
    struct view logits = executor_logits(trainer->executor);
    double *gradient = xmalloc(logits.columns * sizeof(*gradient));
    double loss = 0.0;
    for (uint32_t b = 0; b < batch->batch; b++) {
        SIM_ASSERT(batch->labels[b] < logits.columns, "label %u of %u classes", batch->labels[b],
                   logits.columns);
        loss += sample_loss(trainer, &logits, b, batch->labels[b], gradient);
        for (uint32_t n = 0; n < logits.columns; n++) {
            write_real(trainer, adjoint->reals, b * adjoint->row_stride + n, gradient[n]);
        }
    }
    free(gradient);
    return loss / batch->batch;
}

// The rate of step s = 0, 1, ...; steps beyond the planned ones keep the last rate.
static double scheduled_rate(const struct training_config *training, uint64_t step)
{
    if (training->learning_rate_schedule == SCHEDULE_CONSTANT || training->steps == 0) {
        return training->learning_rate;
    }
    uint64_t last = training->steps - 1;
    double progress = (double)(step < last ? step : last) / training->steps;
    return training->learning_rate * 0.5 * (1.0 + cos(M_PI * progress));
}

struct update_run { // what the threads of an update share
    const struct trainer *trainer;
    const struct parameter *parameter;
};

static void update_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct update_run *run = context;
    const struct trainer *trainer = run->trainer;
    const struct parameter *parameter = run->parameter;
    float *master = parameter->master;
    struct update_job job = {.weights = master ? master : parameter->weights->data,
                             .gradient = parameter->gradient->data,
                             .mean = parameter->mean,
                             .variance = parameter->variance,
                             .training = &trainer->training,
                             .steps = trainer->updates,
                             .learning_rate =
                                 scheduled_rate(&trainer->training, trainer->updates - 1)};
    size_t elements = matrix_elements(parameter->weights);
    size_t first = item * UPDATE_ITEM_ELEMENTS;
    size_t left = elements - first;
    size_t count = left < UPDATE_ITEM_ELEMENTS ? left : UPDATE_ITEM_ELEMENTS;
    trainer->kernels->update(&job, first, count);
    if (master) {
        float *weights = (float *)parameter->weights->data + first;
        memcpy(weights, master + first, count * sizeof(float));
        float16_round_all(weights, count);
    }
}

static void update_parameters(struct trainer *trainer)
{
    trainer->updates++;
    for (uint32_t i = 0; i < trainer->parameter_count; i++) {
        const struct parameter *parameter = &trainer->parameters[i];
        struct update_run run = {.trainer = trainer, .parameter = parameter};
        if (parameter->gradient) {
            size_t elements = matrix_elements(parameter->weights);
            size_t items = (elements + UPDATE_ITEM_ELEMENTS - 1) / UPDATE_ITEM_ELEMENTS;
            pool_run(trainer->pool, (uint32_t)items, update_item, &run);
        }
    }
}

double trainer_step(struct trainer *trainer, const struct spike_batch *batch, bool update,
                    struct activity *record)
{
    run_forward(trainer, batch, record);
    struct view adjoint = executor_begin_backward(trainer->executor);
    double loss = batch_loss(trainer, batch, &adjoint);
    executor_backward(trainer->executor);
    if (update) {
        update_parameters(trainer);
    }
    return loss;
}

uint32_t trainer_count_correct(struct trainer *trainer, const struct spike_batch *batch)
{
    run_forward(trainer, batch, NULL);
    struct view logits = executor_logits(trainer->executor);
    uint32_t correct = 0;
    for (uint32_t b = 0; b < batch->valid; b++) {
        uint32_t best = 0;
        size_t row = b * logits.row_stride;
        for (uint32_t n = 1; n < logits.columns; n++) {
            if (read_real(trainer, logits.reals, row + n) >
                read_real(trainer, logits.reals, row + best)) {
                best = n;
            }
        }
        correct += best == batch->labels[b];
    }
    return correct;
}

// --- overflow -----------------------------------------------------------------------------------
static bool are_finite(const struct trainer *trainer, const void *reals, size_t first, size_t count)
{
    uint32_t largest = 0; // magnitude as bits; no early end, so that the loop becomes vectors
    for (size_t i = first; i < first + count; i++) {
        uint32_t bits = 0;
        if (trainer->kernels->real_bytes == sizeof(float)) {
            memcpy(&bits, (const float *)reals + i, sizeof(bits));
        } else {
            bits = isfinite(((const double *)reals)[i]) ? 0 : UINT32_MAX;
        }
        bits &= INT32_MAX;
        largest = largest > bits ? largest : bits;
    }
    return largest < FLOAT32_INFINITY;
}

static bool is_state_finite(const struct trainer *trainer, const struct graph_state *state)
{
    if (trainer->graph->graph.tensors[state->out].type == TENSOR_SPIKES) {
        return true;
    }
    // The last time step stands for all: a state that decays stays not finite.
    struct view view = executor_last(trainer->executor, state->out);
    bool is_finite = true;
    for (uint32_t b = 0; b < trainer->graph->batch; b++) {
        is_finite &= are_finite(trainer, view.reals, b * view.row_stride, view.columns);
    }
    return is_finite;
}

uint32_t trainer_nonfinite_layer(const struct trainer *trainer)
{
    const struct training_graph *graph = trainer->graph;
    uint32_t found = graph->layer_count + 1;
    for (uint32_t i = 0; i < graph->state_count; i++) {
        if (graph->states[i].layer < found && !is_state_finite(trainer, &graph->states[i])) {
            found = graph->states[i].layer;
        }
    }
    for (uint32_t layer = 1; layer < found; layer++) {
        for (uint32_t kind = 0; kind < PARAMETERS_OF_LAYER; kind++) {
            const struct matrix *weights = parameter_at(trainer, layer, kind)->weights;
            if (weights && !are_finite(trainer, weights->data, 0, matrix_elements(weights))) {
                found = layer;
            }
        }
    }
    return found <= graph->layer_count ? found : 0;
}

// --- tensors in and out -------------------------------------------------------------------------
static void copy_matrix_out(const struct trainer *trainer, const struct matrix *matrix, float *out)
{
    for (uint32_t neuron = 0; neuron < matrix->columns; neuron++) {
        for (uint32_t input = 0; input < matrix->rows; input++) {
            *out++ = (float)read_real(trainer, matrix->data, matrix_index(matrix, input, neuron));
        }
    }
}

void trainer_get_weights(const struct trainer *trainer, uint32_t layer, float *out)
{
    copy_matrix_out(trainer, parameter_at(trainer, layer, WEIGHTS)->weights, out);
}

void trainer_set_weights(struct trainer *trainer, uint32_t layer, const float *in)
{
    const struct parameter *parameter = parameter_at(trainer, layer, WEIGHTS);
    const struct matrix *weights = parameter->weights;
    for (uint32_t neuron = 0; neuron < weights->columns; neuron++) {
        for (uint32_t input = 0; input < weights->rows; input++) {
            write_weight(trainer, parameter, matrix_index(weights, input, neuron), *in++);
        }
    }
}

void trainer_get_gradient(const struct trainer *trainer, uint32_t layer, float *out)
{
    const struct matrix *gradient = parameter_at(trainer, layer, WEIGHTS)->gradient;
    if (gradient) {
        copy_matrix_out(trainer, gradient, out);
    } else {
        const struct graph_layer *shape = &trainer->graph->layers[layer - 1];
        memset(out, 0, (size_t)shape->neurons * shape->fan_in * sizeof(float));
    }
}

void trainer_get_bias(const struct trainer *trainer, uint32_t layer, float *out)
{
    copy_matrix_out(trainer, parameter_at(trainer, layer, BIAS)->weights, out);
}

void trainer_set_bias(struct trainer *trainer, uint32_t layer, const float *in)
{
    const struct parameter *parameter = parameter_at(trainer, layer, BIAS);
    for (uint32_t neuron = 0; neuron < parameter->weights->columns; neuron++) {
        write_weight(trainer, parameter, neuron, in[neuron]);
    }
}

void trainer_get_bias_gradient(const struct trainer *trainer, uint32_t layer, float *out)
{
    copy_matrix_out(trainer, parameter_at(trainer, layer, BIAS)->gradient, out);
}

static void copy_rows_out(const struct trainer *trainer, const struct view *view, float *out)
{
    for (uint32_t b = 0; b < trainer->graph->batch; b++) {
        for (uint32_t n = 0; n < view->columns; n++) {
            *out++ = (float)read_real(trainer, view->reals, b * view->row_stride + n);
        }
    }
}

void trainer_get_last_membrane(const struct trainer *trainer, uint32_t layer, float *out)
{
    struct view membrane =
        executor_last(trainer->executor, trainer->graph->layers[layer - 1].membrane);
    copy_rows_out(trainer, &membrane, out);
}

void trainer_get_logits(const struct trainer *trainer, float *out)
{
    struct view logits = executor_logits(trainer->executor);
    copy_rows_out(trainer, &logits, out);
}

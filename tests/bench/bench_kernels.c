// Speed of the functional run on one thread: the three sparse products, and a training step of both
// forms. Prints medians, with units. Sizes of the published network: 2312-1466-1466-10, 5 %
// activity, batch 48.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/run/aligned.h"
#include "workloads/run/event_lists.h"
#include "workloads/run/kernels.h"
#include "workloads/run/trainer.h"

#define BATCH 48u
#define TIME_STEPS 100u
#define REPEATS 9u
#define STEP_REPEATS 3u

// One thread: its time on the processor, which neighbours disturb less. Several: the wall clock's.
static double now_seconds(uint32_t threads)
{
    struct timespec now;
    clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, uint32_t count)
{
    qsort(values, count, sizeof(*values), compare_doubles);
    return values[count / 2];
}

// `count` distinct ids below `neurons`, ascending: one from each of `count` equal intervals.
static void draw_ids(uint32_t *ids, uint32_t count, uint32_t neurons, struct rng *rng)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = (uint32_t)((uint64_t)neurons * i / count);
        uint32_t end = (uint32_t)((uint64_t)neurons * (i + 1) / count);
        ids[i] = first + rng_below(rng, end - first);
    }
}

struct product {                 // one layer's product over a block of time steps
    struct training_graph graph; // only what the kernels read
    struct run_context context;
    struct op_job connect, input_gradient, weight_gradient;
    struct event_lists lists;
    struct span all;
    void *scratch;
};

static struct view float_view(uint32_t rows, uint32_t columns, uint32_t row_stride)
{
    return (struct view){.reals = aligned_create((size_t)rows * row_stride * sizeof(float)),
                         .row_stride = row_stride,
                         .time_stride = (size_t)BATCH * row_stride,
                         .columns = columns};
}

static struct product *product_create(uint32_t fan_in, uint32_t neurons, uint32_t active,
                                      uint32_t time_steps)
{
    struct product *product = xcalloc(1, sizeof(*product));
    uint32_t rows = BATCH * time_steps;
    uint32_t stride = (neurons + STRIP_COLUMNS_MAX - 1) / STRIP_COLUMNS_MAX * STRIP_COLUMNS_MAX;
    struct rng rng = rng_create(1, RNG_TEST, 0, 0);
    struct matrix matrix = {.rows = fan_in, .columns = neurons, .strip_columns = STRIP_COLUMNS_MAX};
    struct view spikes = {.ids = xmalloc((size_t)rows * active * sizeof(uint32_t)),
                          .counts = xmalloc((size_t)rows * 2 * sizeof(uint32_t)),
                          .row_stride = active,
                          .columns = active};
    for (uint32_t row = 0; row < rows; row++) {
        draw_ids(spikes.ids + row * active, active, fan_in, &rng);
        spikes.counts[row * 2] = spikes.counts[row * 2 + 1] = active;
    }
    matrix.data = aligned_create((size_t)fan_in * stride * sizeof(float));
    product->context = (struct run_context){.graph = &product->graph, .batch = BATCH};
    struct op_job job = {
        .context = &product->context, .matrix = matrix, .block_time_steps = time_steps};
    product->connect = product->input_gradient = product->weight_gradient = job;
    product->connect.in[0] = spikes;
    product->connect.out = float_view(rows, neurons, stride);
    product->input_gradient.in[0] = float_view(rows, neurons, stride);
    product->input_gradient.in[2] = spikes;
    product->input_gradient.out = float_view(rows, active, (active + 15) / 16 * 16);
    product->weight_gradient.in[0] = spikes;
    product->weight_gradient.in[1] = product->input_gradient.in[0];
    product->weight_gradient.matrix.data = aligned_create((size_t)fan_in * stride * sizeof(float));
    product->all = (struct span){.time_steps = time_steps, .samples = BATCH};
    product->scratch = aligned_create(kernels_scratch_bytes(&kernels_sparse, NULL, rows));
    event_lists_init(&product->lists, fan_in);
    return product;
}

static void product_destroy(struct product *product)
{
    aligned_destroy(product->connect.matrix.data);
    aligned_destroy(product->connect.out.reals);
    aligned_destroy(product->input_gradient.in[0].reals);
    aligned_destroy(product->input_gradient.out.reals);
    aligned_destroy(product->weight_gradient.matrix.data);
    aligned_destroy(product->scratch);
    free(product->connect.in[0].ids);
    free(product->connect.in[0].counts);
    event_lists_free(&product->lists);
    free(product);
}

static void run_connect(struct product *product)
{
    connect_sparse(&product->connect, &product->all, 0, matrix_strips(&product->connect.matrix));
}

static void run_input_gradient(struct product *product)
{
    connect_input_gradient_sparse(&product->input_gradient, &product->all);
}

static void run_weight_gradient(struct product *product)
{
    const struct op_job *job = &product->weight_gradient;
    event_lists_fill(&product->lists, job->matrix.rows, &job->in[0],
                     product->all.time_steps * BATCH);
    for (uint32_t strip = 0; strip < matrix_strips(&job->matrix); strip++) {
        add_weight_gradient_sparse(job, &product->lists, strip, true, product->scratch);
    }
}

static void measure_product(const char *name, void (*run)(struct product *product), uint32_t fan_in,
                            uint32_t active, uint32_t time_steps)
{
    struct product *product = product_create(fan_in, 1470, active, time_steps);
    uint32_t calls = 1 + 20 / time_steps; // short blocks are measured several at a time
    double adds = (double)BATCH * time_steps * active * 1470 * calls;
    double rates[REPEATS];
    run(product);
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds(1);
        for (uint32_t k = 0; k < calls; k++) {
            run(product);
        }
        rates[i] = adds / (now_seconds(1) - start);
    }
    printf("%-16s %3u active of %4u, 1470 neurons, batch 48, %2u time steps: %5.1f G adds/s\n",
           name, active, fan_in, time_steps, 1e-9 * median(rates, REPEATS));
    product_destroy(product);
}

static struct spike_batch *draw_batch(uint32_t time_steps, uint32_t inputs, uint32_t slots)
{
    struct spike_batch *batch = xcalloc(1, sizeof(*batch));
    uint32_t rows = time_steps * BATCH;
    *batch = (struct spike_batch){
        .time_steps = time_steps, .batch = BATCH, .slots = slots, .valid = BATCH};
    batch->ids = xcalloc((size_t)rows * slots, sizeof(uint32_t));
    batch->counts = xcalloc(rows, sizeof(uint32_t));
    batch->labels = xcalloc(BATCH, sizeof(uint32_t));
    struct rng rng = rng_create(2, RNG_TEST, 0, 0);
    for (uint32_t row = 0; row < rows; row++) {
        draw_ids(batch->ids + row * slots, slots, inputs, &rng);
        batch->counts[row] = slots;
    }
    for (uint32_t b = 0; b < BATCH; b++) {
        batch->labels[b] = b % 10;
    }
    return batch;
}

struct measured {
    uint32_t neurons[4], slots[4]; // the graph borrows them
    struct training_graph *graph;
    struct trainer *trainer;
};

// Weights at which the hidden layers of the sparse form fill 65 and 71 of their 72 slots with
// spikes.
static struct measured *measured_create(enum network_form form, uint32_t threads)
{
    struct measured *measured = xcalloc(1, sizeof(*measured));
    *measured = (struct measured){.neurons = {2312, 1466, 1466, 10}, .slots = {32, 72, 72, 2}};
    struct network_config network = {.inputs = 2312,
                                     .outputs = 10,
                                     .hidden_count = 2,
                                     .hidden = measured->neurons + 1,
                                     .layer_count = 4,
                                     .neurons = measured->neurons,
                                     .slots = measured->slots,
                                     .alpha = 0.95,
                                     .theta1 = 1.0,
                                     .theta2 = 0.9,
                                     .theta2_out = -100.0,
                                     .gain = 10.0,
                                     .surrogate_slope = 10.0,
                                     .layer_delay = 1,
                                     .weight_mul = 6.0,
                                     .weight_shift = 0.001};
    struct training_config training = {.batch = BATCH,
                                       .time_steps = TIME_STEPS,
                                       .optimizer = OPTIMIZER_ADAM,
                                       .learning_rate = 1e-6, // activity stays as it is
                                       .adam_beta1 = 0.9,
                                       .adam_beta2 = 0.999,
                                       .adam_epsilon = 1e-8};
    measured->graph = training_graph_create(&network, form, BATCH, TIME_STEPS);
    measured->trainer = trainer_create(measured->graph, &training, 3, threads);
    return measured;
}

static void print_activity(const struct activity *record)
{
    printf("; spikes per time step and sample:");
    for (uint32_t l = 1; l < record->layer_count; l++) {
        double spikes = 0;
        for (uint32_t row = 0; row < TIME_STEPS * BATCH; row++) {
            spikes += record->layers[l].counts[row * 2];
        }
        printf(" %.1f", spikes / (TIME_STEPS * BATCH));
    }
    printf("\n");
}

static double measure_step(enum network_form form, uint32_t threads)
{
    struct measured *measured = measured_create(form, threads);
    struct spike_batch *batch = draw_batch(TIME_STEPS, 2312, 32);
    struct activity *record =
        activity_create(4, measured->neurons, measured->slots, TIME_STEPS, BATCH);
    double seconds[STEP_REPEATS];
    trainer_step(measured->trainer, batch, true, record);
    for (uint32_t i = 0; i < STEP_REPEATS; i++) {
        double start = now_seconds(threads);
        trainer_step(measured->trainer, batch, true, NULL);
        seconds[i] = now_seconds(threads) - start;
    }
    double result = median(seconds, STEP_REPEATS);
    printf("training step, %-6s form, %u thread%s: %7.1f ms",
           form == FORM_SPARSE ? "sparse" : "dense", threads, threads > 1 ? "s" : "", 1e3 * result);
    print_activity(record);
    activity_destroy(record);
    free(batch->ids);
    free(batch->counts);
    free(batch->labels);
    free(batch);
    trainer_destroy(measured->trainer);
    training_graph_destroy(measured->graph);
    free(measured);
    return result;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    measure_product("forward", run_connect, 1470, 32, 1);
    measure_product("forward", run_connect, 1470, 32, 21);
    measure_product("forward", run_connect, 2312, 32, 21);
    measure_product("forward", run_connect, 1470, 72, 21);
    measure_product("weight gradient", run_weight_gradient, 1470, 32, 21);
    measure_product("weight gradient", run_weight_gradient, 1470, 72, 21);
    measure_product("spike gradient", run_input_gradient, 1470, 32, 21);
    measure_product("spike gradient", run_input_gradient, 1470, 72, 21);
    printf("network 2312-1466-1466-10, slots 32/72/72/2, batch 48, 100 time steps, Adam:\n");
    double sparse = measure_step(FORM_SPARSE, 1);
    double dense = measure_step(FORM_DENSE, 1);
    printf("dense / sparse: %.1f times\n", dense / sparse);
    measure_step(FORM_SPARSE, 2);
    measure_step(FORM_DENSE, 2);
    return 0;
}

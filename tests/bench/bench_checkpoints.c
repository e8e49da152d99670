// Memory and time of a training step under checkpoint plans, on one thread, each in a process of
// its own. Prints by how much the process grew at its peak beyond what the batch takes: parameters
// and the trainer's memory. Numbers of checkpoints are the trainer's own (host_plan.h).
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/run/trainer.h"

#define REPEATS 2u

struct size {
    const char *name;
    uint32_t neurons[4], slots[4]; // the graph borrows them
    uint32_t layer_count, batch;
    double input_rate;
};

// The first: of a published measurement (docs/checkpointing.md), 64 features, 128 hidden, batch 8.
static const struct size sizes[] = {
    {"64-128-128", {64, 128, 128}, {64, 128, 128}, 3, 8, 0.1},
    {"2312-1466-1466-10", {2312, 1466, 1466, 10}, {64, 72, 72, 2}, 4, 48, 0.014},
};

static struct spike_batch draw_batch(const struct size *size, uint32_t time_steps)
{
    uint32_t rows = time_steps * size->batch, slots = size->slots[0];
    struct spike_batch batch = {
        .time_steps = time_steps, .batch = size->batch, .slots = slots, .valid = size->batch};
    batch.ids = xcalloc((size_t)rows * slots, sizeof(uint32_t));
    batch.counts = xcalloc(rows, sizeof(uint32_t));
    batch.labels = xcalloc(size->batch, sizeof(uint32_t));
    struct rng rng = rng_create(5, RNG_TEST, 0, 0);
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t id = 0; id < size->neurons[0] && batch.counts[row] < slots; id++) {
            if (rng_uniform(&rng) < size->input_rate) {
                batch.ids[(size_t)row * slots + batch.counts[row]++] = id;
            }
        }
    }
    return batch;
}

static long peak_kilobytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct case_of {
    const struct size *size;
    enum network_form form;
    uint32_t time_steps;
    struct checkpoint_config checkpoints;
};

static void measure(const struct case_of *measured)
{
    struct size size = *measured->size;
    uint32_t time_steps = measured->time_steps;
    struct network_config network = {.inputs = size.neurons[0],
                                     .outputs = size.neurons[size.layer_count - 1],
                                     .hidden_count = size.layer_count - 2,
                                     .hidden = size.neurons + 1,
                                     .layer_count = size.layer_count,
                                     .neurons = size.neurons,
                                     .slots = size.slots,
                                     .alpha = 0.95,
                                     .theta1 = 1.0,
                                     .theta2 = 0.9,
                                     .theta2_out = 0.9,
                                     .gain = 10.0,
                                     .surrogate_slope = 10.0,
                                     .layer_delay = 1,
                                     .weight_mul = 6.0,
                                     .weight_shift = 0.001};
    struct training_config training = {.batch = size.batch,
                                       .time_steps = time_steps,
                                       .optimizer = OPTIMIZER_SGD,
                                       .learning_rate = 1e-6, // activity stays as it is
                                       .checkpoints = measured->checkpoints};
    struct training_graph *graph =
        training_graph_create(&network, measured->form, size.batch, time_steps);
    struct spike_batch batch = draw_batch(&size, time_steps);
    long before = peak_kilobytes();
    struct trainer *trainer = trainer_create(graph, &training, 3, 1);
    trainer_step(trainer, &batch, true, NULL);
    double start = now_seconds();
    for (uint32_t i = 0; i < REPEATS; i++) {
        trainer_step(trainer, &batch, true, NULL);
    }
    printf("  %-6s form, %5u time steps, %-8s: %7.1f MB, %7.1f ms\n",
           measured->form == FORM_SPARSE ? "sparse" : "dense", time_steps,
           checkpoint_kind_name(measured->checkpoints.kind),
           (double)(peak_kilobytes() - before) * 1024 / 1e6,
           1e3 * (now_seconds() - start) / REPEATS);
}

// A child for each: the peak is the process's, and never falls.
static void measure_kinds(const struct size *size, enum network_form form, uint32_t time_steps)
{
    static const enum checkpoint_kind kinds[] = {CHECKPOINT_NONE, CHECKPOINT_SINGLE,
                                                 CHECKPOINT_DOUBLE};
    for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct case_of measured = {size, form, time_steps, {.kind = kinds[i]}};
        pid_t child = fork();
        if (child == 0) {
            measure(&measured);
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("network %s, batch %u:\n", sizes[0].name, sizes[0].batch);
    for (uint32_t form = FORM_SPARSE; form <= FORM_DENSE; form++) {
        measure_kinds(&sizes[0], (enum network_form)form, 100);
        measure_kinds(&sizes[0], (enum network_form)form, 1000);
        measure_kinds(&sizes[0], (enum network_form)form, 5000);
    }
    printf("network %s, batch %u:\n", sizes[1].name, sizes[1].batch);
    measure_kinds(&sizes[1], FORM_SPARSE, 100);
    measure_kinds(&sizes[1], FORM_SPARSE, 1000);
    return 0;
}

// Host time of timing one training step on systems of 64 chips, and of a long sequence on one: from
// the lowered program to its time, with the clock, its child and the warm-up. Lowering and drawing
// apart. Wall times.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/run/form_run.h"
#include "sim/run/lowered.h"

#define REPEATS 5

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct seconds {
    double lower, compile, timing;
};

static struct seconds least(struct seconds a, struct seconds b)
{
    return (struct seconds){a.lower < b.lower ? a.lower : b.lower,
                            a.compile < b.compile ? a.compile : b.compile,
                            a.timing < b.timing ? a.timing : b.timing};
}

static struct seconds measure(const struct experiment *experiment, const struct form_run *form,
                              struct machine_time *time)
{
    const struct machine_config *config = &experiment->machines[0];
    struct seconds seconds;
    double begun = now_seconds();
    struct lowered lowered = lowered_create(config, experiment, form);
    if (lowered.program == NULL) {
        fprintf(stderr, "%s\n", lowered.why);
        exit(1);
    }
    double lowered_at = now_seconds();
    struct machine *machine = machine_create_of(config, lowered.program);
    double compiled_at = now_seconds();
    char *why = NULL;
    if (!machine_time_folded(machine, lowered.records, lowered.record_count, time, &why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    seconds.lower = lowered_at - begun;
    seconds.compile = compiled_at - lowered_at;
    seconds.timing = now_seconds() - compiled_at;
    machine_destroy(machine);
    lowered_free(&lowered);
    return seconds;
}

static void print_time(const struct machine_time *time, double clock_hz)
{
    printf(
        "  simulated %.3f ms: compute %.1f %%, exchange %.1f %%, sync %.1f %%, host %.1f %%, links "
        "%.1f %%, memory %.1f %%\n",
        1e3 * time->cycles / clock_hz, 100 * time->compute_cycles / time->cycles,
        100 * time->exchange_cycles / time->cycles, 100 * time->sync_cycles / time->cycles,
        100 * time->host_cycles / time->cycles, 100 * time->link_cycles / time->cycles,
        100 * time->memory_cycles / time->cycles);
}

static void bench_case(const char *what, const char *const *sets, uint32_t set_count)
{
    struct err *err = err_create();
    struct experiment *experiment =
        experiment_load("configs/experiments/sparse-bptt.yaml", sets, set_count, err);
    if (experiment == NULL) {
        err_print(err, stderr);
        exit(1);
    }
    const struct training_config *training = &experiment->training;
    struct form_run form = {.form = FORM_SPARSE, .is_needed = true};
    form.graph = training_graph_create(&experiment->network, FORM_SPARSE, training->batch,
                                       training->time_steps);
    form_run_draw(&form, experiment);
    struct seconds best = {1e9, 1e9, 1e9};
    struct machine_time time;
    for (uint32_t i = 0; i < REPEATS; i++) {
        best = least(best, measure(experiment, &form, &time));
        machine_time_free(&time);
    }
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("%s, T = %u, batch %u\n  lowering %.3f s, compiling %.3f s, timing %.3f s; %llu "
           "supersteps; peak "
           "memory %.0f MB, of a child %.0f MB\n",
           what, training->time_steps, training->batch, best.lower, best.compile, best.timing,
           (unsigned long long)time.supersteps, (double)self.ru_maxrss / 1024,
           (double)children.ru_maxrss / 1024);
    print_time(&time, experiment->machines[0].chip->clock_hz);
    form_run_free(&form);
    experiment_destroy(experiment);
    err_destroy(err);
}

// `layers` hidden layers of `neurons` neurons.
static char *hidden_layers(uint32_t layers, uint32_t neurons)
{
    char *text = xstrdup("network.hidden=[");
    for (uint32_t i = 0; i < layers; i++) {
        char *longer = xasprintf("%s%u%s", text, neurons, i + 1 < layers ? "," : "]");
        free(text);
        text = longer;
    }
    return text;
}

static void bench_model_parallel(uint32_t layers, uint32_t neurons)
{
    char *hidden = hidden_layers(layers, neurons);
    char *what = xasprintf("64 chips, model parallel, %u layers of %u", layers, neurons);
    const char *sets[] = {"machines=[{system: {base: pod64, chip: bow}, lowering: sparse}]", hidden,
                          "network.max_activity=0.01", "training.batch=24"};
    bench_case(what, sets, 4);
    free(hidden);
    free(what);
}

static void bench_data_parallel(void)
{
    const char *sets[] = {
        "machines=[{system: {base: pod64, chip: bow}, replicas: 64, lowering: sparse}]",
        "network.max_activity=0.01", "training.batch=3072"};
    bench_case("64 chips, data parallel", sets, 3);
}

// The published network. Its plan is chosen while it is lowered.
static void bench_long(void)
{
    const char *sets[] = {"machines=[{system: bow, lowering: sparse}]", "training.time_steps=10000",
                          "training.checkpointing=double"};
    bench_case("one chip, double checkpointing", sets, 3);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench_long(); // first: the peak memory of a process only rises
    bench_data_parallel();
    bench_model_parallel(126, 1466);
    bench_model_parallel(8, 11000);
    return 0;
}

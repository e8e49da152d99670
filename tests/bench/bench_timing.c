// Host time of timing one training step of the published benchmark, lowering and drawing apart.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "workloads/graph/training_graph.h"
#include "workloads/lower/lowering.h"

#define REPEATS 21
#define RECORDS 4 // drawn apart, so that no cache sees the same ids again at once

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *seconds, uint32_t count)
{
    qsort(seconds, count, sizeof *seconds, compare_doubles);
    return seconds[count / 2];
}

struct bench {
    struct experiment *experiment;
    struct chip_config chip; // copy of the experiment's, with tiles of its own
    struct training_graph *graph;
    struct program *program;
    struct machine *machine;
    struct activity *records[RECORDS];
    double lower_seconds, compile_seconds;
};

static struct experiment *load(const char *hidden, const char *max_activity)
{
    const char *sets[] = {hidden, max_activity};
    struct err *err = err_create();
    struct experiment *experiment =
        experiment_load("configs/experiments/sparse-bptt.yaml", sets, 2, err);
    if (experiment == NULL) {
        err_print(err, stderr);
        exit(1);
    }
    err_destroy(err);
    return experiment;
}

static void open_bench(struct bench *bench, struct experiment *experiment, uint32_t tiles)
{
    const struct training_config *training = &experiment->training;
    *bench = (struct bench){.experiment = experiment, .chip = *experiment->machines[0].chip};
    bench->chip.tiles = tiles;
    bench->chip.exchange.islands_per_column *= tiles / experiment->machines[0].chip->tiles;
    bench->graph = training_graph_create(&experiment->network, FORM_SPARSE, training->batch,
                                         training->time_steps);
    struct machine_view view = machine_view_of(&bench->chip);
    char *why = NULL;
    double start = now_seconds();
    bench->program =
        lower_sparse(bench->graph, training, &experiment->machines[0].lowering, &view, &why);
    bench->lower_seconds = now_seconds() - start;
    if (bench->program == NULL) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    start = now_seconds();
    bench->machine = machine_create(&bench->chip, bench->program);
    bench->compile_seconds = now_seconds() - start;
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct program *program = bench->program;
        bench->records[i] = activity_create(program->layer_count, program->neurons, program->slots,
                                            program->time_steps, program->batch);
        activity_draw(bench->records[i], &experiment->fill, experiment->seed, i);
    }
}

static void close_bench(struct bench *bench)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        activity_destroy(bench->records[i]);
    }
    machine_destroy(bench->machine);
    program_destroy(bench->program);
    training_graph_destroy(bench->graph);
}

static uint64_t count_ids(const struct activity *record)
{
    uint64_t ids = 0;
    for (uint32_t i = 0; i < record->layer_count; i++) {
        for (uint32_t j = 0; j < record->time_steps * record->batch; j++) {
            ids += record->layers[i].counts[2 * j + 1];
        }
    }
    return ids;
}

static double replay_seconds(struct bench *bench, struct machine_time *time)
{
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        *time = (struct machine_time){0};
        double start = now_seconds();
        machine_add_folded_cycles(bench->machine, bench->records[i % RECORDS], time);
        seconds[i] = now_seconds() - start;
    }
    return median(seconds, REPEATS);
}

// The same with the clock: a child, SimGrid, warm-up and one measured step.
static double run_seconds(struct bench *bench)
{
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        struct machine_time time;
        char *why = NULL;
        const struct activity *record = bench->records[i % RECORDS];
        if (!machine_time_folded(bench->machine, &record, 1, &time, &why)) {
            fprintf(stderr, "%s\n", why);
            exit(1);
        }
        seconds[i] = time.host_seconds;
        machine_time_free(&time);
    }
    return median(seconds, REPEATS);
}

static double bench_case(const char *hidden, const char *max_activity, uint32_t tiles)
{
    struct experiment *experiment = load(hidden, max_activity);
    struct bench bench;
    open_bench(&bench, experiment, tiles);
    struct machine_time time;
    double seconds = replay_seconds(&bench, &time);
    double chip_seconds = time.cycles / bench.chip.clock_hz;
    printf("%s %s, %u tiles: %llu supersteps, %llu ids\n", hidden, max_activity, tiles,
           (unsigned long long)time.supersteps, (unsigned long long)count_ids(bench.records[0]));
    printf("  one training step: %.2f ms (chip: %.2f ms), %.1f M supersteps/s; with clock and "
           "warm-up %.1f ms\n",
           1e3 * seconds, 1e3 * chip_seconds, 1e-6 * (double)time.supersteps / seconds,
           1e3 * run_seconds(&bench));
    printf("  once per program: lowering %.1f ms, compiling %.1f ms\n", 1e3 * bench.lower_seconds,
           1e3 * bench.compile_seconds);
    close_bench(&bench);
    experiment_destroy(experiment);
    return seconds;
}

// Nearly all of it is the search for splits of products.
static void bench_dense_lowering(const char *hidden, const char *max_activity)
{
    struct experiment *experiment = load(hidden, max_activity);
    const struct training_config *training = &experiment->training;
    struct training_graph *graph = training_graph_create(&experiment->network, FORM_DENSE,
                                                         training->batch, training->time_steps);
    struct machine_view view = machine_view_of(experiment->machines[0].chip);
    struct lowering_config config = experiment->machines[0].lowering;
    config.kind = LOWERING_DENSE;
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        char *why = NULL;
        double start = now_seconds();
        struct program *program = lower_dense(graph, training, &config, &view, &why);
        seconds[i] = now_seconds() - start;
        program_destroy(program);
    }
    printf("%s, dense: lowering %.2f ms\n", hidden, 1e3 * median(seconds, REPEATS));
    training_graph_destroy(graph);
    experiment_destroy(experiment);
}

static void print_peak_memory(void)
{
    struct rusage self, children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("peak memory: %.1f MB, of a timing run's child %.1f MB\n", (double)self.ru_maxrss / 1024,
           (double)children.ru_maxrss / 1024);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *five = "network.hidden=[588,586,586,586,586]";
    const char *two = "network.hidden=[1466,1466]";
    bench_case(five, "network.max_activity=0.01", 1472);
    print_peak_memory(); // before the larger records
    bench_case(five, "network.max_activity=0.05", 1472);
    bench_dense_lowering(two, "network.max_activity=0.05");
    bench_dense_lowering(five, "network.max_activity=0.05");
    double few = bench_case(two, "network.max_activity=0.05", 1472);
    bench_case(two, "network.max_activity=0.5", 1472);
    double many = bench_case(two, "network.max_activity=0.05", 94208);
    printf("94,208 tiles against 1,472: %.2f times the host time\n", many / few);
    return 0;
}

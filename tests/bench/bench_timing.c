// Host time of timing one training step of the published benchmark, lowering and drawing apart.
// Times are those of this thread on its processor, which neighbours disturb less than the wall
// clock's; only the run with its child is taken by the wall.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "tiles/sram.h"
#include "workloads/graph/training_graph.h"
#include "workloads/lower/lowering.h"

#define REPEATS 21
#define ONCE_REPEATS 9
#define RECORDS 4 // drawn apart, so that no cache sees the same ids again at once

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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
};

struct once { // what is done once per program
    double lower_seconds, compile_seconds, plan_seconds;
};

static struct experiment *load(const char *name, const char *const *sets, uint32_t set_count)
{
    struct err *err = err_create();
    char *path = xasprintf("configs/experiments/%s.yaml", name);
    struct experiment *experiment = experiment_load(path, sets, set_count, err);
    if (experiment == NULL) {
        err_print(err, stderr);
        exit(1);
    }
    free(path);
    err_destroy(err);
    return experiment;
}

static struct program *lower(const struct bench *bench, enum lowering_kind kind)
{
    struct machine_view view = machine_view_of(&bench->chip);
    struct lowering_config config = bench->experiment->machines[0].lowering;
    config.kind = kind;
    char *why = NULL;
    struct program *program = (kind == LOWERING_SPARSE ? lower_sparse : lower_dense)(
        bench->graph, &bench->experiment->training, &config, &view, &why);
    if (program == NULL) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    return program;
}

static struct once measure_once(const struct bench *bench, enum lowering_kind kind)
{
    double lower_seconds[ONCE_REPEATS], compile_seconds[ONCE_REPEATS], plan_seconds[ONCE_REPEATS];
    for (uint32_t i = 0; i < ONCE_REPEATS; i++) {
        double start = now_seconds();
        struct program *program = lower(bench, kind);
        double lowered = now_seconds();
        struct machine *machine = machine_create(&bench->chip, program);
        double compiled = now_seconds();
        struct sram_plan *plan = sram_plan_create(program, &bench->chip);
        plan_seconds[i] = now_seconds() - compiled;
        compile_seconds[i] = compiled - lowered;
        lower_seconds[i] = lowered - start;
        sram_plan_destroy(plan);
        machine_destroy(machine);
        program_destroy(program);
    }
    return (struct once){median(lower_seconds, ONCE_REPEATS), median(compile_seconds, ONCE_REPEATS),
                         median(plan_seconds, ONCE_REPEATS)};
}

static void print_once(const struct once *once)
{
    printf("  once per program: lowering %.2f ms, compiling %.2f ms, SRAM plan %.2f ms\n",
           1e3 * once->lower_seconds, 1e3 * once->compile_seconds, 1e3 * once->plan_seconds);
}

static void open_bench(struct bench *bench, struct experiment *experiment, uint32_t tiles)
{
    const struct training_config *training = &experiment->training;
    *bench = (struct bench){.experiment = experiment, .chip = *experiment->machines[0].chip};
    bench->chip.tiles = tiles;
    bench->chip.exchange.islands_per_column *= tiles / experiment->machines[0].chip->tiles;
    bench->graph = training_graph_create(&experiment->network, FORM_SPARSE, training->batch,
                                         training->time_steps);
    bench->program = lower(bench, LOWERING_SPARSE);
    bench->machine = machine_create(&bench->chip, bench->program);
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct program *program = bench->program;
        bench->records[i] = activity_create(program->layer_count, program->neurons, program->slots,
                                            program->time_steps, program->batch);
        activity_draw(bench->records[i], &experiment->fill, experiment->seed, i);
        activity_draw_ahead(bench->records[i]);
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
        for (uint32_t t = 0; t < record->time_steps; t++) {
            const uint32_t *counts = activity_counts(&record->layers[i], record->batch, t);
            for (uint32_t b = 0; b < record->batch; b++) {
                ids += counts[2 * b + 1];
            }
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

// Slots are filled as the experiment says, or all of them.
static double bench_case(const char *hidden, const char *max_activity, bool is_full, uint32_t tiles)
{
    const char *sets[] = {hidden, max_activity, "activity.fill.active_neurons=1",
                          "activity.fill.input_spikes=1"};
    struct experiment *experiment = load("sparse-bptt", sets, is_full ? 4 : 2);
    struct bench bench;
    open_bench(&bench, experiment, tiles);
    struct machine_time time;
    double seconds = replay_seconds(&bench, &time);
    double chip_seconds = time.cycles / bench.chip.clock_hz;
    printf("%s %s%s, %u tiles: %llu supersteps, %llu ids\n", hidden, max_activity,
           is_full ? ", full" : "", tiles, (unsigned long long)time.supersteps,
           (unsigned long long)count_ids(bench.records[0]));
    printf("  one training step: %.2f ms (chip: %.2f ms), %.1f M supersteps/s; with clock and "
           "warm-up %.1f ms\n",
           1e3 * seconds, 1e3 * chip_seconds, 1e-6 * (double)time.supersteps / seconds,
           1e3 * run_seconds(&bench));
    struct once once = measure_once(&bench, LOWERING_SPARSE);
    print_once(&once);
    close_bench(&bench);
    experiment_destroy(experiment);
    return seconds;
}

// A dense program takes nothing from a record: what it costs, it costs once.
static void bench_dense(const char *name, const char *hidden)
{
    struct experiment *experiment = load(name, &hidden, hidden != NULL);
    const struct training_config *training = &experiment->training;
    struct bench bench = {.experiment = experiment, .chip = *experiment->machines[0].chip};
    bench.graph = training_graph_create(&experiment->network, FORM_DENSE, training->batch,
                                        training->time_steps);
    printf("%s %s, dense, batch %u\n", name, hidden != NULL ? hidden : "", training->batch);
    struct once once = measure_once(&bench, LOWERING_DENSE);
    print_once(&once);
    training_graph_destroy(bench.graph);
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
    bench_case(five, "network.max_activity=0.01", false, 1472);
    print_peak_memory(); // before the larger records
    bench_case(five, "network.max_activity=0.01", true, 1472);
    bench_case(five, "network.max_activity=0.05", true, 1472);
    bench_dense("sparse-bptt", two);
    bench_dense("sparse-bptt", five);
    bench_dense("mnist-784-1000-10", NULL);
    double few = bench_case(two, "network.max_activity=0.05", true, 1472);
    bench_case(two, "network.max_activity=0.5", true, 1472);
    double many = bench_case(two, "network.max_activity=0.05", true, 94208);
    printf("94,208 tiles against 1,472: %.2f times the host time\n", many / few);
    return 0;
}

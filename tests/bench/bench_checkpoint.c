// Host time and memory of a long sequence under double checkpointing: lowering, SRAM plan,
// compiling, replay. Limit: 2 s and 200 MB for 10,000 time steps on one chip. Streams are not
// waited for: no clock runs. Whether the plan fits the chip is not asked: of 100,000 time steps the
// input alone does not.
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "tiles/sram.h"
#include "workloads/graph/training_graph.h"
#include "workloads/lower/lowering.h"

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double lap(double *since)
{
    double now = now_seconds(), seconds = now - *since;
    *since = now;
    return seconds;
}

static void run(const char *name, const struct experiment *experiment)
{
    const struct machine_config *config = &experiment->machines[0];
    struct machine_view view = machine_view_of(config->chip);
    view.has_streaming = true;
    struct training_graph *graph =
        training_graph_create(&experiment->network, FORM_SPARSE, experiment->training.batch,
                              experiment->training.time_steps);
    char *why = NULL;
    double since = now_seconds();
    struct program *program =
        lower_sparse(graph, &experiment->training, &config->lowering, &view, &why);
    SIM_ASSERT(program != NULL, "%s", why);
    double lower = lap(&since);
    struct sram_plan *plan = sram_plan_create(program, config->chip);
    double sram = lap(&since);
    struct machine *machine = machine_create(config->chip, program);
    double compile = lap(&since);
    struct activity *record =
        activity_create_blank(program->layer_count, program->neurons, program->slots,
                              program->time_steps, program->batch);
    activity_draw(record, &experiment->fill, 1, 0);
    struct machine_time time = {0};
    machine_add_folded_cycles(machine, record, &time);
    double replay = lap(&since);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s, batch %u, T = %u, double checkpointing: lower %.1f, SRAM plan %.1f, compile %.1f, "
           "replay %.1f ms, with drawing; %.0f MB; %u steps in the main part\n",
           name, program->batch, program->time_steps, 1e3 * lower, 1e3 * sram, 1e3 * compile,
           1e3 * replay, (double)usage.ru_maxrss / 1024, program->step_count - program->main_first);
    activity_destroy(record);
    machine_destroy(machine);
    sram_plan_destroy(plan);
    program_destroy(program);
    training_graph_destroy(graph);
}

static void bench(const char *name, const char *const *sets, uint32_t set_count, uint32_t local,
                  uint32_t remote)
{
    struct err *err = err_create();
    struct experiment *experiment =
        experiment_load("configs/experiments/sparse-bptt.yaml", sets, set_count, err);
    if (experiment == NULL) {
        err_print(err, stderr);
        exit(1);
    }
    experiment->training.checkpoints = (struct checkpoint_config){
        .kind = CHECKPOINT_DOUBLE, .local = local, .remote = remote, .state_bytes = 4};
    run(name, experiment);
    experiment_destroy(experiment);
    err_destroy(err);
}

int main(void)
{
    static const char *const small[] = {"training.time_steps=10000", "training.batch=24",
                                        "network.inputs=700",        "network.hidden=[128,128]",
                                        "network.outputs=20",        "network.max_activity=0.1"};
    static const char *const ten_thousand[] = {"training.time_steps=10000"};
    static const char *const hundred_thousand[] = {"training.time_steps=100000"};
    // by rising memory: that of a process never falls
    bench("700-128-128-20", small, 6, 21, 22);
    bench("2312-1466-1466-10", ten_thousand, 1, 21, 22);
    bench("2312-1466-1466-10", hundred_thousand, 1, 46, 47);
    return 0;
}

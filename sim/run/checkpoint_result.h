// What a checkpoint plan did in a training step that was timed, for the result.
#ifndef TILESIM_SIM_RUN_CHECKPOINT_RESULT_H
#define TILESIM_SIM_RUN_CHECKPOINT_RESULT_H

#include "report/result.h"
#include "sim/machine.h"
#include "sim/program.h"
#include "workloads/checkpoint/plan.h"
#include "workloads/graph/training_graph.h"

// asked: by the experiment; used: the plan of the program, every number given. machines: that run
// the program each, so many replicas. time: NULL where it does not fit.
struct checkpoint_run {
    const struct checkpoint_config *asked, *used;
    const struct program *program;
    const struct training_graph *graph; // of the program
    const struct machine_time *time;
    uint32_t replicas;
};

struct result_checkpoint checkpoint_result(const struct checkpoint_run *run);

#endif

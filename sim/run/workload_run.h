// Runs the microbenchmark of an experiment on its machines.
#ifndef TILESIM_SIM_RUN_WORKLOAD_RUN_H
#define TILESIM_SIM_RUN_WORKLOAD_RUN_H

#include "sim/run/experiment_run.h"

// Fills workload and machines of a result whose other fields are given. The experiment has a
// workload.
enum run_status workload_run(const struct experiment *experiment, const struct run_options *options,
                             struct result *result, struct err *err);

// One of its machines.
void workload_run_on(const struct workload *workload, const struct machine_config *machine,
                     struct result_machine *out);

#endif

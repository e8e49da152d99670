// Runs an experiment: trains or draws the activity of each form that is asked for, then times every
// machine on it, and fills a result.
#ifndef TILESIM_SIM_RUN_EXPERIMENT_RUN_H
#define TILESIM_SIM_RUN_EXPERIMENT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "report/result.h"
#include "sim/err.h"
#include "sim/experiment.h"

struct anatomy_request; // sim/run/anatomy.h
struct machine_clock;   // sim/machine.h

enum run_status { // the exit status of `tilesim run`
    RUN_DONE = 0,
    RUN_FAILED = 1,    // writing failed, values left the finite, this host has too little memory,
                       // or a fault of the simulator
    RUN_BAD_INPUT = 2, // a file is wrong or unreadable
    RUN_DOES_NOT_FIT = 3, // at least one machine; the result is complete
};

struct run_options {
    const char *load_directory; // NULL: weights are drawn, batches come from the data source
    const char *dump_directory; // NULL: no tensors are written
    const char *record_folder;  // NULL: none; else what was trained is kept there for later runs
    uint32_t threads;           // of the functional run; values do not depend on it
    bool has_progress;          // show progress on standard error
    bool has_sensitivity;       // vary every uncertain value
    // NULL: machines are timed in children. Else the last one is timed on this clock, in this
    // process, and all of them if is_clock_for_all. If it is spent after a RUN_FAILED, a fresh
    // process may succeed.
    struct machine_clock *clock;
    bool is_clock_for_all;
    bool is_without_config;          // the result's `config` stays NULL: who asks has it
    struct anatomy_request *anatomy; // NULL: nobody asks for the anatomy of a training step
};

// RUN_BAD_INPUT and RUN_FAILED put messages in err; *result is then not to be shown. Strings of the
// result borrow from the experiment, which must live as long.
enum run_status experiment_run(const struct experiment *experiment,
                               const struct run_options *options, struct result *result,
                               struct err *err);

#endif

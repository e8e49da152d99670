// Which guesses matter: every value of a list `uncertain` (of the experiment, of each machine's
// chip or GPU) is moved to both ends of its range, one at a time, and the machines are timed again.
#ifndef TILESIM_SIM_RUN_SENSITIVITY_H
#define TILESIM_SIM_RUN_SENSITIVITY_H

#include "sim/run/form_run.h"

// Fills sensitivity_of and the lists of the machines that fit. forms: those of the run, whose
// activity is kept while a chip or a GPU varies; NULL for a microbenchmark. False: messages in err.
bool sensitivity_run(const struct experiment *experiment, const struct run_options *options,
                     const struct form_run *forms, struct result *result, struct err *err);

#endif

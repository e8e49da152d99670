// What a lowering over several chips asks the machine when it chooses between programs
// (sim/program.h).
#ifndef TILESIM_SIM_RUN_PROGRAM_ESTIMATE_H
#define TILESIM_SIM_RUN_PROGRAM_ESTIMATE_H

#include "sim/experiment.h"
#include "sim/program.h"

// Into the view of a machine of a system, which the view borrows. For programs that take nothing
// from a record.
void program_estimate_offer(const struct machine_config *machine, struct machine_view *view);

#endif

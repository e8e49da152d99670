// What a lowering over several chips asks the machine when it chooses between programs (sim/program.h).
#ifndef TILESIM_SIM_RUN_PROGRAM_ESTIMATE_H
#define TILESIM_SIM_RUN_PROGRAM_ESTIMATE_H

#include "sim/experiment.h"
#include "sim/program.h"

// context: the machine_config, one of a system. For programs that take nothing from a record.
struct program_estimate program_estimate(const void *context, const struct program *program);

#endif

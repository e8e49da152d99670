// Memory of this host that a run needs at least, so that one far too large is refused with a
// sentence before it starts, rather than ended by the system in its midst.
// Counted: weights, their gradients and moments; the input batch; records of activity.
// Not counted: histories, buffers, data sets, programs of the modelled machines.
#ifndef TILESIM_SIM_RUN_HOST_MEMORY_H
#define TILESIM_SIM_RUN_HOST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/err.h"
#include "sim/experiment.h"

// forms: bit set of enum network_form that will be trained or drawn.
double host_memory_needed_bytes(const struct experiment *experiment, uint32_t forms);
// False, with a message, if this host has less.
bool host_memory_check(const struct experiment *experiment, uint32_t forms, struct err *err);

#endif

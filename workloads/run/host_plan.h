// The checkpoint plan of the functional run.
// Numbers that are left open are a machine's to choose, by its SRAM; one functional run serves all
// machines of an experiment. It takes numbers of its own for them, those that keep the host's
// memory small: what is computed does not depend on them (plan_run.h), unless states are stored as
// float16.
#ifndef TILESIM_WORKLOADS_RUN_HOST_PLAN_H
#define TILESIM_WORKLOADS_RUN_HOST_PLAN_H

#include "workloads/checkpoint/plan.h"

// NULL: kind none. plan_check() has no objection to the configuration. The caller destroys the
// plan.
struct checkpoint_plan *host_plan_create(const struct checkpoint_config *config,
                                         uint32_t time_steps);

#endif

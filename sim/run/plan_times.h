// The seconds that checkpoint plans are compared by: of a time step, of copies of states and of
// transfers, measured on programs of few time steps.
#ifndef TILESIM_SIM_RUN_PLAN_TIMES_H
#define TILESIM_SIM_RUN_PLAN_TIMES_H

#include "sim/run/plan_probe.h"
#include "workloads/checkpoint/planner.h"

struct plan_times {
    // forward: again, with no history kept. I/O tiles compute nothing, so that plans that stream
    // have costs of their own
    struct planner_costs costs, streaming_costs;
    // That a time step takes more over all its runs: the output's spikes are counted once, history
    // is kept once.
    double more_seconds;
    double once_seconds; // of the training step: input, loss, optimiser
    // Of none: of a time step, forward and backward, and once.
    double plain_seconds, plain_once_seconds;
};

// Seconds of a time step and of a transfer. record: of one replica, or NULL where nothing is
// replayed; a few of its time steps, evenly chosen, are replayed; several chips wait for each other
// as by the clock. The host is left out.
struct plan_times plan_measure_times(struct plan_prober *prober, const struct activity *record);
// Of a training step under a plan with all numbers given.
double plan_step_seconds(const struct plan_times *times, const struct checkpoint_config *config,
                         uint32_t time_steps);
const struct planner_costs *plan_costs_of(const struct plan_times *times,
                                          enum checkpoint_kind kind);

#endif

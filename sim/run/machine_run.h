// One machine of an experiment: lowers its form of the graph, times it, fills its part of the
// result.
#ifndef TILESIM_SIM_RUN_MACHINE_RUN_H
#define TILESIM_SIM_RUN_MACHINE_RUN_H

#include "report/result.h"
#include "sim/run/form_run.h"

struct machine_speed { // of the simulator itself, summed over the tile machines of a run
    double lower_seconds, timing_seconds, gpu_seconds; // host
    double simulated_seconds;
    double supersteps;
    struct machine_clock *clock; // given: of machine_time_here(); NULL: a child times the machine
};

// Forms that the machine runs: bit 1 << enum network_form.
uint32_t machine_forms(const struct machine_config *config);
// How many entries of the result it fills: 1 for tiles, one per baseline for a GPU.
uint32_t machine_entries(const struct machine_config *config);
// forms: [FORM_COUNT], those needed having run. False: the simulator failed, a message is in err.
bool machine_run(const struct machine_config *config, const struct experiment *experiment,
                 const struct form_run *forms, struct result_machine *entries,
                 struct machine_speed *speed, struct err *err);

#endif

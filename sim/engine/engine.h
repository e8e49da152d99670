// The clock, on SimGrid: one actor for the chip and two for its host (one feeds batches, one takes results),
// joined by a link in each direction. One simulated second is one cycle of the chip.
// SimGrid allows one engine per process: everything here runs in a child made for it (sim/engine/child.h).
#ifndef TILESIM_SIM_ENGINE_H
#define TILESIM_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/engine/replay.h"
#include "sim/engine/superstep.h"

struct engine_job {
    const struct chip_config *chip;
    const struct program *program;
    struct replay *replay;                 // folded; unused by the detailed engine
    const struct activity *const *records; // [record_count]
    uint32_t record_count;
    // results, added up over the records
    struct superstep_cycles total;
    uint64_t *share_cycles; // [superstep_count_shares()]
};

// Both replay the first record once before they measure, if the program has host transfers: from then on
// prefetch is in its steady state. False: the actors wait for each other for ever.
bool engine_run_folded(struct engine_job *job);
bool engine_run_detailed(struct engine_job *job);

#endif

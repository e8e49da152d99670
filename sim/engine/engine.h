// The clock, on SimGrid: one actor for the chip and two for its host (one feeds batches, one takes
// results), joined by a link in each direction. One simulated second is one cycle of the chip.
// SimGrid allows one engine per process and cannot forget its platform: a job runs in a child made
// for it (sim/engine/child.h), or in a process that has run jobs of the same platform and is still
// fit.
#ifndef TILESIM_SIM_ENGINE_H
#define TILESIM_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/engine/replay.h"
#include "sim/engine/superstep.h"
#include "sim/system.h"

struct engine_process { // what SimGrid has done in this process; zeroed where it has done nothing
    char *shape;        // owned; of the platform that was loaded; NULL: none was
    bool is_kept;       // given: other jobs may follow
    bool is_spent; // a deadlock was left, or the clock is too far on: no further job may run here
};

// How a step that left the chips went, on the first chip of a system, in the last record's run: in
// the order of the timeline (sim/engine/timeline.h).
struct engine_leave {
    uint64_t waited_cycles;
    // STREAM, of the transfer that it starts; since the run began
    uint64_t begin_cycles, end_cycles;
};

#define ENGINE_STOP_BYTES 1024u

struct engine_job {
    struct engine_process *process;
    const struct chip_config *chip;
    const struct system_config *system;     // NULL: the chip alone
    const struct parallel_config *parallel; // of a system
    const struct superstep_syncs *syncs;    // the same
    bool is_detailed;                       // the same: every tile is an actor
    const struct program *program;
    struct replay *replay; // folded; unused by the detailed engine
    // [record_count]; of a system whose replicas replay their own: [replica * record_count +
    // record]
    const struct activity *const *records;
    uint32_t record_count;
    // results, added up over the records
    struct superstep_cycles total;
    uint64_t *share_cycles;       // [superstep_count_shares()]
    struct engine_leave *leaves;  // of a system; NULL: nobody asks
    char stop[ENGINE_STOP_BYTES]; // who waits for what, if they do so for ever and it is known
};

// Both replay the first record once before they measure, if the program has host transfers: from
// then on prefetch is in its steady state. False: the actors wait for each other for ever, or
// process->is_spent says that another process has to do it.
bool engine_run_folded(struct engine_job *job);
bool engine_run_detailed(struct engine_job *job);
// The same for a program on the chips of a system, in a process where SimGrid has done nothing: no
// job may follow.
bool engine_run_system(struct engine_job *job);
bool engine_run_system_detailed(struct engine_job *job);

#endif

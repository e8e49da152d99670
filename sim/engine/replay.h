// Folded replay: a program compiled for a chip, so that replaying a record costs only what the
// record decides. Exchanges and compute sets that no record changes are constants; neighbours are
// added up, loops over them multiplied out. Knows no clock: cycles between two steps that leave the
// chip are handed to whoever keeps one.
#ifndef TILESIM_SIM_REPLAY_H
#define TILESIM_SIM_REPLAY_H

#include "sim/activity.h"
#include "sim/engine/superstep.h"

struct replay;

// syncs: zeros on one chip.
struct replay *replay_create(const struct chip_config *chip, const struct program *program,
                             const struct superstep_syncs *syncs);
void replay_destroy(struct replay *replay);

struct replay_run {
    const struct activity *record;
    struct superstep_cycles total; // added to; what the chip waits only by the clock
    uint64_t *share_cycles;        // [superstep_count_shares()], added to; NULL: not wanted
    // Called at every step that leaves the chip (HOST, STREAM, ALL_REDUCE, an EXCHANGE that
    // crosses) with the cycles of the chip since the last one, this step's own ones apart: its
    // sync_cycles and exchange_cycles. Returns the cycles that the chip waits beyond those. NULL:
    // it never waits.
    uint64_t (*leave)(void *clock, const struct superstep *superstep, uint64_t cycles_since);
    void *clock;
    uint64_t cycles_since; // of the chip since it was left last; what is left at the end
};

// Runs the program once. Allocates nothing.
void replay_once(struct replay *replay, struct replay_run *run);

// One superstep of a run, looked at. Cycles without the sync before it.
struct replay_event {
    const struct superstep *superstep; // that takes time, of the whole list
    int64_t time_step;
    uint64_t cycles, sync_cycles; // of a step that leaves the chip 0, for only the clock knows them
    bool is_constant;             // no record changes it
};
// Runs the program once, superstep by superstep, and calls for each: slower than replay_once(),
// equal cycles.
void replay_observe(struct replay *replay, const struct activity *record,
                    void (*observe)(void *context, const struct replay_event *event),
                    void *context);
// Executions of every share per run.
const uint64_t *replay_share_times(const struct replay *replay);

#endif

// What one replay comes to between the steps that leave the chip: cycles, step, cycles, step. It is
// made before the clock starts, and all chips that replay the same record go by the same one.
#ifndef TILESIM_SIM_TIMELINE_H
#define TILESIM_SIM_TIMELINE_H

#include "sim/activity.h"
#include "sim/engine/replay.h"
#include "sim/engine/superstep.h"

struct timeline_item {
    uint64_t cycles_before; // of the chips since the item before; this step's own ones apart
    const struct superstep *superstep; // the replay's; it leaves the chip
};

struct timeline {
    struct timeline_item *items; // owned
    uint32_t count;
    uint64_t cycles_after; // behind the last item
    // without what only the clock knows
    struct superstep_cycles total;
    uint64_t *share_cycles; // owned; [superstep_count_shares()]
};

struct timeline timeline_create(struct replay *replay, const struct activity *record,
                                uint32_t share_count);
void timeline_free(struct timeline *timeline);

#endif

#include "sim/engine/timeline.h"

#include <stdlib.h>

#include "sim/err.h"

struct writing {
    struct timeline *timeline;
    uint32_t room;
};

static uint64_t add_item(void *context, const struct superstep *superstep, uint64_t cycles_since)
{
    struct writing *writing = context;
    struct timeline *timeline = writing->timeline;
    if (timeline->count == writing->room) {
        writing->room = 2 * writing->room + 16;
        timeline->items = xrealloc(timeline->items, writing->room * sizeof *timeline->items);
    }
    timeline->items[timeline->count++] =
        (struct timeline_item){.cycles_before = cycles_since, .superstep = superstep};
    return 0; // waits are for the clock
}

struct timeline timeline_create(struct replay *replay, const struct activity *record,
                                uint32_t share_count)
{
    struct timeline timeline = {.share_cycles = xcalloc(share_count, sizeof(uint64_t))};
    struct writing writing = {.timeline = &timeline};
    struct replay_run run = {.record = record,
                             .share_cycles = timeline.share_cycles,
                             .leave = add_item,
                             .clock = &writing};
    replay_once(replay, &run);
    timeline.total = run.total;
    timeline.cycles_after = run.cycles_since;
    return timeline;
}

void timeline_free(struct timeline *timeline)
{
    free(timeline->items);
    free(timeline->share_cycles);
    *timeline = (struct timeline){0};
}

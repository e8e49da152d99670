// The child's side of a sweep: takes points one after the other and says what came of each. It ends
// early, for another to go on, where that costs little: so no point suffers from what the ones
// before it left behind.
#ifndef TILESIM_SIM_SWEEP_WORKER_H
#define TILESIM_SIM_SWEEP_WORKER_H

#include <stdatomic.h>

#include "report/store.h"
#include "sim/sweep/run.h"

struct sweep_queue {  // seen by all processes
    atomic_uint next; // place in the shard of the next point that nobody has taken
};

#define WORKER_NO_POINT UINT32_MAX

struct worker_job {
    const struct sweep *sweep;
    const struct sweep_points *points;
    const struct store *store; // asked store_has() alone
    const struct sweep_options *options;
    struct sweep_queue *queue;
    uint32_t count; // points of this shard
    int pipe;       // frames go here
    uint32_t first; // number of the point to begin with; WORKER_NO_POINT: the queue's next
};

// Number of the point at a place of the shard.
uint32_t worker_point_number(const struct sweep_options *options, uint32_t place);
// Reads what the children would read each for itself: call before they are forked.
void worker_prepare(const struct sweep *sweep, const struct sweep_points *points);
// Ends when no point is left, or when another process should go on. The process must then end.
void worker_run(const struct worker_job *job);

#endif

// The child's side of a sweep: takes points until one had to be run, and says what came of each.
#ifndef TILESIM_SIM_SWEEP_WORKER_H
#define TILESIM_SIM_SWEEP_WORKER_H

#include <stdatomic.h>

#include "report/store.h"
#include "sim/sweep/run.h"

struct sweep_queue {  // seen by all processes
    atomic_uint next; // place in the shard of the next point that nobody has taken
};

struct worker_job {
    const struct sweep *sweep;
    const struct sweep_points *points;
    const struct store *store; // asked store_has() alone
    const struct sweep_options *options;
    struct sweep_queue *queue;
    uint32_t count; // points of this shard
    int pipe;       // frames go here
};

// Number of the point at a place of the shard.
uint32_t worker_point_number(const struct sweep_options *options, uint32_t place);
// Reads what the children would read each for itself: call before they are forked.
void worker_prepare(const struct sweep *sweep, const struct sweep_points *points);
// Ends when a point was run or none is left. The process must then end.
void worker_run(const struct worker_job *job);

#endif

// Runs the points of a sweep in forked children, one point after the other: a point that crashes
// must not take the sweep with it. This process alone writes.
#ifndef TILESIM_SIM_SWEEP_RUN_H
#define TILESIM_SIM_SWEEP_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "report/store.h"
#include "sim/sweep/sweep.h"

#define SWEEP_JOBS_MAX 256u

struct sweep_options {
    uint32_t jobs;             // children at a time, 1..SWEEP_JOBS_MAX
    uint32_t shard, shards;    // this run takes the points `shard - 1`, `shard - 1 + shards`, ...
    const char *record_folder; // what was trained is kept there; NULL: nothing is
    uint64_t memory_bytes;     // of a child; 0: no limit
    double timeout_seconds;    // of a point; 0: no limit
    bool has_progress;         // on standard error: a bar, or lines where it is no terminal
};

#define SWEEP_REASONS_MAX 4u

struct sweep_summary {
    uint32_t total;                      // points of this shard
    uint32_t known;                      // the store had them
    uint32_t done, does_not_fit, failed; // computed now
    struct sweep_reason {                // why points failed: the first reasons that differ
        char *text;                      // owned
        uint32_t points;
    } reasons[SWEEP_REASONS_MAX];
    uint32_t reason_count;
    double host_seconds;
    bool is_interrupted; // SIGINT, SIGTERM or SIGHUP came
};

// False, with a sentence in *why (owned by the caller): the store could not be written, or no child
// be started. What was added stays.
bool sweep_run(const struct sweep *sweep, const struct sweep_points *points, struct store *store,
               const struct sweep_options *options, struct sweep_summary *summary, char **why);
void sweep_summary_free(struct sweep_summary *summary); // what it owns

#endif

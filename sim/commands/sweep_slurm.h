// `tilesim sweep --slurm`: the script that runs a sweep as an array of shards on a Slurm cluster.
#ifndef TILESIM_SIM_COMMANDS_SWEEP_SLURM_H
#define TILESIM_SIM_COMMANDS_SWEEP_SLURM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SLURM_SHARDS_MAX 1000 // a cluster's MaxArraySize is 1001 unless its owner changed it

struct slurm_job {
    const char *name; // of the sweep
    const char *path, *database;
    uint32_t shards, jobs;    // jobs: points at a time in a shard
    uint64_t memory_mib;      // of a point; 0: no limit
    uint64_t timeout_seconds; // of a point; 0: no limit
    bool is_sure;             // --yes
    const char *const *sets;
    uint32_t set_count;
};

// False, with a sentence in *why (owned by the caller): a path cannot be made absolute.
bool slurm_write_script(const struct slurm_job *job, FILE *stream, char **why);

#endif

// The same work on many items in forked processes: SimGrid allows one engine per process, and an
// item that crashes must not take the others with it.
#ifndef TILESIM_SIM_VALIDATION_FORK_MAP_H
#define TILESIM_SIM_VALIDATION_FORK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fork_map {
    uint32_t count, processes;
    // Fills result i, which is zero before. Nothing else that it changes is seen by the caller.
    void (*work)(const void *context, uint32_t i, void *result);
    const void *context;
    size_t result_bytes;
    const char *progress; // what to call the items on the terminal; NULL: no progress
};

// results: [count], of result_bytes each; stays zero where a process died. False: one could not be
// started or died, with a sentence in *why (owned by the caller).
bool fork_map_run(const struct fork_map *map, void *results, char **why);

#endif

// The time of one tile in one compute set, from the work of its vertices.
// Modelled:     worker contexts that issue in turn, one slot each per `contexts` cycles; supervisor work;
//               launch of the set and of each vertex.
// Not modelled: what supervisor and workers could overlap; memory port conflicts (placement avoids them).
#ifndef TILESIM_TILES_TILE_H
#define TILESIM_TILES_TILE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"

struct tile_work {
    uint64_t vertices;           // of both kinds
    bool has_workers;            // some vertex runs on one worker
    uint64_t supervisor_cycles;  // sum over vertices
    uint64_t busiest_millislots; // of the worker with most to do, multi-worker vertices included
};

// Cycles that do not depend on the workers: 0 for a tile without a vertex. The supervisor enters
// every vertex; it starts and awaits the workers of worker vertices, once for all, while a vertex
// that uses all workers does so itself and has it in its own cost.
uint64_t tile_fixed_cycles(const struct chip_config *chip, uint64_t vertices, bool has_workers,
                           uint64_t supervisor_cycles);
// A worker issues once every `contexts` cycles, whether or not the others have work.
uint64_t tile_worker_cycles(const struct chip_config *chip, uint64_t busiest_millislots);
uint64_t tile_cycles(const struct chip_config *chip, const struct tile_work *work);

#endif

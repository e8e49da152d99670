// The plain way of timing: one tile at a time, every vertex and every message by itself, straight
// from the definitions in sim/program.h and exchange/exchange.h. The detailed engine runs on it; it
// shares with the folded way only what a single vertex costs and how a tile's and an exchange's
// sums become cycles.
#ifndef TILESIM_SIM_VERTICES_H
#define TILESIM_SIM_VERTICES_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/exchange.h"
#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/program.h"

// Cycles of one tile in a compute set. worker_millislots: scratch, [contexts].
uint64_t vertices_tile_cycles(const struct chip_config *chip, const struct program *program,
                              const struct compute_set *set, const struct activity *record,
                              int64_t time_step, uint32_t tile, uint64_t *worker_millislots);

// --- for reports: a compute set looked at, tile by tile and vertex by vertex ----------------------
struct vertices_tile { // what one tile does in a compute set
    uint64_t cycles;
    uint64_t fixed_cycles; // of them: launch and supervisor, before the workers
    uint64_t vertices, worker_vertices;
    uint64_t busy_millislots; // issued by all its workers together
};

struct vertex_visit {
    const struct vertex_group *group;
    uint32_t worker; // VERTEX_ON_ALL_WORKERS: a multi-worker vertex
    uint64_t supervisor_cycles;
    uint64_t millislots; // of each worker that it runs on
    uint64_t count, hits;
};
#define VERTEX_ON_ALL_WORKERS UINT32_MAX

struct vertices_moment {
    const struct activity *record; // may be NULL where nothing depends on it
    int64_t time_step;
};

struct vertices_visitor {
    uint32_t tile;
    void (*visit)(void *context, const struct vertex_visit *vertex);
    void *context;
};

// A time step before all activity: what is left of a compute set's cycles is fixed.
#define VERTICES_WITHOUT_ACTIVITY INT32_MIN

// All tiles in one walk over the set. tiles: [program->tile_count]; worker_millislots: scratch,
// [tile_count * contexts].
void vertices_all_tiles(const struct chip_config *chip, const struct program *program,
                        const struct compute_set *set, const struct vertices_moment *moment,
                        struct vertices_tile *tiles, uint64_t *worker_millislots);
// Calls for every vertex of one tile, in order.
void vertices_visit(const struct chip_config *chip, const struct program *program,
                    const struct compute_set *set, const struct vertices_moment *moment,
                    const struct vertices_visitor *visitor);

// What every tile sends and receives in an exchange, in one walk over its messages. loads:
// [program->tile_count].
void messages_all_tiles(const struct chip_config *chip, const struct program *program,
                        const struct exchange_step *exchange, struct exchange_load *loads);

#endif

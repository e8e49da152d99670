// The plain way of timing: one tile at a time, every vertex and every message by itself, straight from the
// definitions in sim/program.h and exchange/exchange.h. The detailed engine runs on it; it shares with the
// folded way only what a single vertex costs and how a tile's and an exchange's sums become cycles.
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

// What one tile sends and receives in an exchange. is_heard: scratch, [program->tile_count].
struct exchange_load messages_tile_load(const struct chip_config *chip,
                                        const struct program *program,
                                        const struct exchange_step *exchange, uint32_t tile,
                                        bool *is_heard);

#endif

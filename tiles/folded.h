// Folded timing of a compute set: the cycles of the slowest tile, without visiting the tiles.
// Built once for a program and a chip: everything static becomes a constant. At run time only what
// the record adds is counted, by integer sums over workers, with maxima taken while ids are read.
// It gives the cycles that visiting every vertex would give, exactly.
#ifndef TILESIM_TILES_FOLDED_H
#define TILESIM_TILES_FOLDED_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/program.h"

struct folded_set;

// chip, program and compute_set must outlive it.
struct folded_set *folded_set_create(const struct chip_config *chip, const struct program *program,
                                     const struct compute_set *compute_set);
void folded_set_destroy(struct folded_set *set); // NULL is allowed

// True if no record changes its cycles; then folded_set_cycles ignores record and time step.
bool folded_set_is_constant(const struct folded_set *set);
// Groups whose cost depends on the record.
uint32_t folded_set_dynamic_groups(const struct folded_set *set);
// Those of them that fall back to the sums per tile, because their tiles are not alike: for reports
// and tests.
uint32_t folded_set_general_groups(const struct folded_set *set);
// Cycles at a time step of the record. Allocates nothing; changes scratch counters of the set.
uint64_t folded_set_cycles(struct folded_set *set, const struct activity *record,
                           int64_t time_step);

#endif

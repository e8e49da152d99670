// The SRAM plan of a program: every variable, vertex state, exchange buffer and code estimate has a
// place in a region and a lifetime; what is not live at the same time shares addresses.
// Modelled:     regions, lifetimes over program steps (a variable live across a loop's end is live in
//               the whole loop: the lowering says so), 8-byte alignment, code in executable regions.
// Not modelled: memory elements and their port constraints inside a region.
#ifndef TILESIM_TILES_SRAM_H
#define TILESIM_TILES_SRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/program.h"

#define SRAM_LARGEST 5

struct sram_item {
    char *name; // owned
    uint64_t bytes;
};

enum sram_role { // roles of variables, then what the chip itself needs
    SRAM_VERTEX_STATE = VARIABLE_ROLE_COUNT,
    SRAM_CODE, // codelets and control code
    SRAM_EXCHANGE_CODE,
    SRAM_STACK,
    SRAM_ROLE_COUNT
};
const char *sram_role_name(uint32_t role);

struct sram_plan {
    uint64_t limit_bytes; // of one tile, all regions
    uint64_t max_bytes; // highest use of any tile: sum over regions of the highest address in use,
                        // overflow included
    uint32_t max_tile; // the tile of max_bytes; where tiles do not fit, the one that overflows most
    uint64_t overflow_bytes; // on max_tile, beyond the ends of its regions
    // bytes on max_tile, shared addresses counted for each variable
    uint64_t by_role[SRAM_ROLE_COUNT];
    uint64_t sum_bytes; // on max_tile without sharing: what lifetimes save is sum - max
    struct sram_item largest[SRAM_LARGEST]; // on max_tile
    uint32_t largest_count;
    uint32_t tiles_used;     // tiles with at least one vertex or variable
    uint64_t *bytes_by_tile; // owned; [tile_count of the program]: as max_bytes, of every tile
    bool fits;
    char *why; // owned; NULL if it fits: tile, region, need, limit, largest variables
};

// What lies on one tile and when, largest first, for reports; without addresses.
struct sram_tenant {
    const char *name; // borrowed from the program
    uint32_t role;    // enum variable_role or enum sram_role
    uint64_t bytes;
    uint32_t first_step, last_step; // live in [first, last]; 0 .. UINT32_MAX: always
};
struct sram_tenants {
    struct sram_tenant *tenants; // owned
    uint32_t count;
};
struct sram_tenants sram_tenants_of(const struct program *program, const struct chip_config *chip,
                                    uint32_t tile);

struct sram_plan *sram_plan_create(const struct program *program, const struct chip_config *chip);
void sram_plan_destroy(struct sram_plan *plan);

#endif

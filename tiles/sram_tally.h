// What a program puts on each tile: vertices, exchange messages, variables; and which tiles are
// alike. Part of the SRAM planner (tiles/sram.h). Counts come from closed forms over ranges of
// tiles, so that the cost grows with the lists of the program and only mildly with the tiles of the
// chip.
#ifndef TILESIM_TILES_SRAM_TALLY_H
#define TILESIM_TILES_SRAM_TALLY_H

#include <stdint.h>

#include "sim/program.h"

struct sram_tally { // arrays of [tile_count], owned
    uint32_t tile_count;
    uint64_t *vertices;  // of all compute sets
    uint64_t *messages;  // sent or received, over all exchanges of the program text
    uint64_t *variables; // items of variables
    uint64_t *lists;     // sums that are equal where variables and codelets are (64-bit hash)
};

struct sram_tally *sram_tally_create(const struct program *program);
void sram_tally_destroy(struct sram_tally *tally);

// Lists one tile of every class of tiles that use any memory, lowest tile first; returns their
// number. tiles: room for tile_count. class_of: room for tile_count, the class of every tile,
// UINT32_MAX of those that use none.
uint32_t sram_tally_classify(const struct sram_tally *tally, uint32_t *tiles, uint32_t *class_of);

// Items of [first_item, first_item + items) that lie on the tile.
uint32_t sram_items_on_tile(const struct tile_map *map, uint32_t first_item, uint32_t items,
                            uint32_t tile);
// Bytes of all variables on every tile, whenever they live. Owned by the caller.
uint64_t *sram_variable_bytes(const struct program *program);

// What lies on each of some tiles, found in one pass over the lists of the program.
struct sram_share {
    uint32_t variable, items;
};
struct sram_census {
    uint32_t *first;           // owned; shares of the i-th tile: [first[i], first[i + 1])
    struct sram_share *shares; // owned; variables in their order
    uint64_t *codelets;        // owned; of the i-th tile, bit c: it has a vertex of codelet c
};
struct sram_census sram_census_create(const struct program *program, const uint32_t *rising_tiles,
                                      uint32_t tile_count);
void sram_census_free(struct sram_census *census);

#endif

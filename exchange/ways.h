// The way of a word over a compiled bus: where the tiles lie, and how long the first word is on its
// way. A part of exchange/compiled_bus.c, apart so that each is read on its own.
// Modelled:     linear in islands (measured) and along the spine (a guess), in thousandths of a cycle.
// Not modelled: which of several equally long ways a word takes.
#ifndef TILESIM_EXCHANGE_WAYS_H
#define TILESIM_EXCHANGE_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"

#define MILLICYCLES_PER_CYCLE 1000u

// Between two tiles. is_broadcast: the message goes to more than one tile.
uint64_t ways_between(const struct exchange_config *config, uint32_t from, uint32_t to,
                      bool is_broadcast);
uint64_t ways_farthest(const struct exchange_config *config); // of all places, one message

// The same for many pairs: places are looked up instead of divided out. Tile i lies on chip i /
// chip_tiles, at the place of i mod chip_tiles; between tiles of two chips there is no way here.
struct ways;
struct ways *ways_create(const struct exchange_config *config, uint32_t tile_count,
                         uint32_t chip_tiles);
void ways_destroy(struct ways *ways); // NULL is allowed

// Longest way among `count` pairs (from + i, to + i); `least` if none is longer.
uint64_t ways_longest_of_run(const struct ways *ways, uint32_t from, uint32_t to, uint32_t count,
                             uint64_t least);

struct tile_list {
    const uint32_t *tiles;
    uint32_t count;
};
// Longest way from a source to another destination; `least` if none is longer. Costs sources +
// destinations + chips.
uint64_t ways_longest_of_all(const struct ways *ways, struct tile_list sources,
                             struct tile_list destinations, bool is_broadcast, uint64_t least);

#endif

// Places blocks with lifetimes into the SRAM regions of one tile. Part of the SRAM planner
// (tiles/sram.h); apart so that a test can look at addresses.
// Method: constrained and always-live blocks first, then by falling size, each at the lowest free
// address
//         of the first region that takes it; if that does not fit, in other orders. Not optimal: dynamic
//         storage allocation is NP-hard.
#ifndef TILESIM_TILES_SRAM_PLACE_H
#define TILESIM_TILES_SRAM_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"

#define SRAM_ALIGN_BYTES 8u // natural alignment of the widest ordinary load (64 bit)

enum sram_need { SRAM_NEED_ANY, SRAM_NEED_EXECUTABLE, SRAM_NEED_INTERLEAVED };

struct sram_block {
    uint64_t bytes;                 // a multiple of SRAM_ALIGN_BYTES
    uint32_t first_step, last_step; // live in [first, last]; 0 .. UINT32_MAX: always
    enum sram_need need;
    uint32_t region;  // result
    uint64_t address; // result: offset in the region; may lie beyond its end
};

struct sram_use {
    uint64_t top_bytes[CHIP_REGIONS_MAX]; // highest address in use, overflow included
    uint64_t total_bytes;                 // sum of the tops
    uint64_t overflow_bytes;              // sum of what lies beyond the regions' ends
    bool has_region_for_all;              // false: some need is met by no region of the chip
};

static inline bool sram_blocks_live_together(const struct sram_block *a, const struct sram_block *b)
{
    return a->first_step <= b->last_step && b->first_step <= a->last_step;
}

// A region of the chip that meets a need.
bool sram_region_meets(const struct sram_region *region, enum sram_need need);

// Fills region and address of every block. What fits nowhere lies beyond the end of the region
// where the least sticks out, so that the need can be reported.
struct sram_use sram_place(const struct tile_config *tile, struct sram_block *blocks,
                           uint32_t block_count);

#endif

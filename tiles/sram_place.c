#include "tiles/sram_place.h"

#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

// Several orders are tried until one fits: each heuristic has its bad cases.
enum order { ORDER_SIZE, ORDER_AREA, ORDER_FIRST_STEP, ORDER_COUNT };

struct ranked { // a block's place in the order of placement
    uint32_t rank;
    double key; // larger first
    uint32_t block;
};

struct shelf {        // the blocks placed in one region, by rising address
    uint32_t *blocks; // owned
    uint32_t count;
};

bool sram_region_meets(const struct sram_region *region, enum sram_need need)
{
    switch (need) {
    case SRAM_NEED_EXECUTABLE:
        return region->is_executable;
    case SRAM_NEED_INTERLEAVED:
        return region->is_interleaved;
    default:
        return true;
    }
}

static bool is_always_live(const struct sram_block *block)
{
    return block->first_step == 0 && block->last_step == UINT32_MAX;
}

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    if (a->key > b->key || a->key < b->key) {
        return a->key > b->key ? -1 : 1;
    }
    return a->block < b->block ? -1 : a->block > b->block;
}

static struct ranked rank_block(const struct sram_block *block, uint32_t index, enum order order)
{
    struct ranked ranked = {.block = index, .key = (double)block->bytes};
    // what may lie in few places goes first, and what never moves goes below what comes and goes
    ranked.rank = (block->need == SRAM_NEED_ANY ? 2u : 0u) + (is_always_live(block) ? 0u : 1u);
    if (order == ORDER_AREA) {
        ranked.key *= (double)(block->last_step - block->first_step) + 1.0;
    } else if (order == ORDER_FIRST_STEP && !is_always_live(block)) {
        ranked.key = -(double)block->first_step;
    }
    return ranked;
}

// The lowest address of the region at which the block overlaps no block that is live with it.
static uint64_t find_address(const struct shelf *shelf, const struct sram_block *blocks,
                             const struct sram_block *block)
{
    uint64_t address = 0;
    for (uint32_t i = 0; i < shelf->count; i++) {
        const struct sram_block *placed = &blocks[shelf->blocks[i]];
        if (!sram_blocks_live_together(placed, block)) {
            continue;
        }
        if (placed->address >= address + block->bytes) {
            break; // the shelf is sorted: all that follows lies higher
        }
        address = max_u64(address, placed->address + placed->bytes);
    }
    return address;
}

static void shelve(struct shelf *shelf, const struct sram_block *blocks, uint32_t index)
{
    uint32_t at = shelf->count++;
    while (at > 0 && blocks[shelf->blocks[at - 1]].address > blocks[index].address) {
        shelf->blocks[at] = shelf->blocks[at - 1];
        at--;
    }
    shelf->blocks[at] = index;
}

// Chooses region and address: the first region that takes the block, else the one with least overflow.
static void place_block(const struct tile_config *tile, const struct shelf *shelves,
                        const struct sram_block *blocks, struct sram_block *block,
                        bool ignores_need)
{
    uint64_t least_overflow = UINT64_MAX;
    for (uint32_t r = 0; r < tile->region_count && least_overflow > 0; r++) {
        if (!ignores_need && !sram_region_meets(&tile->regions[r], block->need)) {
            continue;
        }
        uint64_t address = find_address(&shelves[r], blocks, block);
        uint64_t end = address + block->bytes;
        uint64_t overflow = end > tile->regions[r].bytes ? end - tile->regions[r].bytes : 0;
        if (overflow < least_overflow) {
            least_overflow = overflow;
            block->region = r;
            block->address = address;
        }
    }
}

static bool has_region_for(const struct tile_config *tile, enum sram_need need)
{
    for (uint32_t r = 0; r < tile->region_count; r++) {
        if (sram_region_meets(&tile->regions[r], need)) {
            return true;
        }
    }
    return false;
}

static struct sram_use measure_use(const struct tile_config *tile, const struct sram_block *blocks,
                                   uint32_t block_count)
{
    struct sram_use use = {.has_region_for_all = true};
    for (uint32_t i = 0; i < block_count; i++) {
        uint64_t *top = &use.top_bytes[blocks[i].region];
        *top = max_u64(*top, blocks[i].address + blocks[i].bytes);
        use.has_region_for_all &= has_region_for(tile, blocks[i].need);
    }
    for (uint32_t r = 0; r < tile->region_count; r++) {
        use.total_bytes += use.top_bytes[r];
        use.overflow_bytes += use.top_bytes[r] - min_u64(use.top_bytes[r], tile->regions[r].bytes);
    }
    return use;
}

static struct sram_use place_in_order(const struct tile_config *tile, struct sram_block *blocks,
                                      uint32_t block_count, enum order order)
{
    struct ranked *ranked = xmalloc(block_count * sizeof(*ranked));
    for (uint32_t i = 0; i < block_count; i++) {
        ranked[i] = rank_block(&blocks[i], i, order);
    }
    qsort(ranked, block_count, sizeof(*ranked), compare_ranked);
    struct shelf shelves[CHIP_REGIONS_MAX] = {0};
    for (uint32_t r = 0; r < tile->region_count; r++) {
        shelves[r].blocks = xmalloc(block_count * sizeof(uint32_t));
    }
    for (uint32_t i = 0; i < block_count; i++) {
        struct sram_block *block = &blocks[ranked[i].block];
        place_block(tile, shelves, blocks, block, !has_region_for(tile, block->need));
        shelve(&shelves[block->region], blocks, ranked[i].block);
    }
    for (uint32_t r = 0; r < tile->region_count; r++) {
        free(shelves[r].blocks);
    }
    free(ranked);
    return measure_use(tile, blocks, block_count);
}

static bool is_better(const struct sram_use *a, const struct sram_use *b)
{
    return a->overflow_bytes != b->overflow_bytes ? a->overflow_bytes < b->overflow_bytes
                                                  : a->total_bytes < b->total_bytes;
}

struct sram_use sram_place(const struct tile_config *tile, struct sram_block *blocks,
                           uint32_t block_count)
{
    SIM_ASSERT(tile->region_count >= 1 && tile->region_count <= CHIP_REGIONS_MAX, "%u SRAM regions",
               tile->region_count);
    if (block_count == 0) {
        return measure_use(tile, blocks, 0);
    }
    enum order best_order = ORDER_SIZE;
    struct sram_use best = place_in_order(tile, blocks, block_count, ORDER_SIZE);
    enum order last_order = ORDER_SIZE;
    for (enum order order = ORDER_AREA; best.overflow_bytes > 0 && order < ORDER_COUNT; order++) {
        struct sram_use use = place_in_order(tile, blocks, block_count, order);
        last_order = order;
        if (is_better(&use, &best)) {
            best = use;
            best_order = order;
        }
    }
    if (best_order != last_order) {
        best = place_in_order(tile, blocks, block_count, best_order);
    }
    return best;
}

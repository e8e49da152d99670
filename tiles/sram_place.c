#include "tiles/sram_place.h"

#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

// Several orders are tried until one fits: each heuristic has its bad cases.
enum order { ORDER_SIZE, ORDER_AREA, ORDER_FIRST_STEP, ORDER_COUNT };

// Where no order fits although what is live at once would, blocks that stuck out go earlier and all
// are placed anew. Programs that fill GC2's tiles to 99 % fitted in the second or third round.
#define REPAIR_ROUNDS 16

struct attempt {
    enum order order;
    bool is_last_region_first;
    const uint32_t *raised; // [block]; larger goes earlier; NULL: all alike
};

struct ranked { // a block's place in the order of placement
    uint32_t rank;
    uint32_t raised;
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
    if (a->raised != b->raised) {
        return a->raised > b->raised ? -1 : 1;
    }
    if (a->key > b->key || a->key < b->key) {
        return a->key > b->key ? -1 : 1;
    }
    return a->block < b->block ? -1 : a->block > b->block;
}

static struct ranked rank_block(const struct sram_block *block, uint32_t index,
                                const struct attempt *attempt)
{
    struct ranked ranked = {.block = index, .key = (double)block->bytes};
    enum order order = attempt->order;
    // what may lie in few places goes first, and what never moves goes below what comes and goes
    ranked.rank = (block->need == SRAM_NEED_ANY ? 2u : 0u) + (is_always_live(block) ? 0u : 1u);
    if (attempt->raised != NULL) {
        ranked.raised = attempt->raised[index];
        ranked.rank = ranked.raised > 0 && block->need == SRAM_NEED_ANY ? 2u : ranked.rank;
    }
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

static bool has_region_for(const struct tile_config *tile, enum sram_need need)
{
    for (uint32_t r = 0; r < tile->region_count; r++) {
        if (sram_region_meets(&tile->regions[r], need)) {
            return true;
        }
    }
    return false;
}

// Chooses region and address: the first region that takes the block, else the one with least
// overflow.
static void place_block(const struct tile_config *tile, const struct shelf *shelves,
                        const struct sram_block *blocks, struct sram_block *block,
                        bool is_last_region_first)
{
    uint64_t least_overflow = UINT64_MAX;
    bool ignores_need = !has_region_for(tile, block->need);
    for (uint32_t i = 0; i < tile->region_count && least_overflow > 0; i++) {
        uint32_t r = is_last_region_first ? tile->region_count - 1 - i : i;
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
                                      uint32_t block_count, const struct attempt *attempt)
{
    struct ranked *ranked = xmalloc(block_count * sizeof(*ranked));
    for (uint32_t i = 0; i < block_count; i++) {
        ranked[i] = rank_block(&blocks[i], i, attempt);
    }
    qsort(ranked, block_count, sizeof(*ranked), compare_ranked);
    struct shelf shelves[CHIP_REGIONS_MAX] = {0};
    for (uint32_t r = 0; r < tile->region_count; r++) {
        shelves[r].blocks = xmalloc(block_count * sizeof(uint32_t));
    }
    for (uint32_t i = 0; i < block_count; i++) {
        struct sram_block *block = &blocks[ranked[i].block];
        place_block(tile, shelves, blocks, block, attempt->is_last_region_first);
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

// Most bytes with a need (SRAM_NEED_ANY: of all blocks) that are live at once: none takes less.
static uint64_t most_live_bytes(const struct sram_block *blocks, uint32_t block_count,
                                enum sram_need need)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < block_count; i++) { // most are live where one of them begins
        uint64_t live = 0;
        for (uint32_t j = 0; j < block_count; j++) {
            bool is_live = blocks[j].first_step <= blocks[i].first_step &&
                           blocks[i].first_step <= blocks[j].last_step;
            bool is_counted = need == SRAM_NEED_ANY || blocks[j].need == need;
            live += is_live && is_counted ? blocks[j].bytes : 0;
        }
        most = max_u64(most, live);
    }
    return most;
}

// False: whatever the order of placement. Most programs that do not fit are too much for the
// regions that take code.
static bool may_fit(const struct tile_config *tile, const struct sram_block *blocks,
                    uint32_t block_count)
{
    for (enum sram_need need = SRAM_NEED_ANY; need <= SRAM_NEED_INTERLEAVED; need++) {
        uint64_t limit_bytes = 0;
        for (uint32_t r = 0; r < tile->region_count; r++) {
            bool is_met = sram_region_meets(&tile->regions[r], need);
            limit_bytes += is_met ? tile->regions[r].bytes : 0;
        }
        // a need that no region meets is ignored by the placement
        if (limit_bytes > 0 && most_live_bytes(blocks, block_count, need) > limit_bytes) {
            return false;
        }
    }
    return true;
}

// True if it found a placement without overflow.
static bool repair(const struct tile_config *tile, struct sram_block *blocks, uint32_t block_count,
                   bool is_last_region_first, struct sram_use *use)
{
    uint32_t *raised = xcalloc(block_count, sizeof(*raised));
    struct attempt attempt = {ORDER_SIZE, is_last_region_first, raised};
    bool is_placed = false;
    for (uint32_t round = 0; round < REPAIR_ROUNDS && !is_placed; round++) {
        *use = place_in_order(tile, blocks, block_count, &attempt);
        is_placed = use->overflow_bytes == 0;
        for (uint32_t i = 0; i < block_count; i++) {
            raised[i] +=
                blocks[i].address + blocks[i].bytes > tile->regions[blocks[i].region].bytes;
        }
    }
    free(raised);
    return is_placed;
}

// The best of the plain orders.
static struct sram_use place_plainly(const struct tile_config *tile, struct sram_block *blocks,
                                     uint32_t block_count)
{
    struct attempt attempt = {.order = ORDER_SIZE};
    enum order best_order = ORDER_SIZE;
    struct sram_use best = place_in_order(tile, blocks, block_count, &attempt);
    while (best.overflow_bytes > 0 && attempt.order + 1 < ORDER_COUNT) {
        attempt.order++;
        struct sram_use use = place_in_order(tile, blocks, block_count, &attempt);
        if (is_better(&use, &best)) {
            best = use;
            best_order = attempt.order;
        }
    }
    if (best_order != attempt.order) {
        attempt.order = best_order;
        best = place_in_order(tile, blocks, block_count, &attempt);
    }
    return best;
}

struct sram_use sram_place(const struct tile_config *tile, struct sram_block *blocks,
                           uint32_t block_count)
{
    SIM_ASSERT(tile->region_count >= 1 && tile->region_count <= CHIP_REGIONS_MAX, "%u SRAM regions",
               tile->region_count);
    if (block_count == 0) {
        return measure_use(tile, blocks, 0);
    }
    struct sram_use use = place_plainly(tile, blocks, block_count);
    if (use.overflow_bytes == 0 || !may_fit(tile, blocks, block_count)) {
        return use;
    }
    struct sram_use repaired;
    if (repair(tile, blocks, block_count, false, &repaired) ||
        repair(tile, blocks, block_count, true, &repaired)) {
        return repaired;
    }
    return place_plainly(tile, blocks, block_count);
}

// Convention: a way is base + per_island * (larger island of the two) + per_column * |difference of
// positions|. Places and costs are integers in thousandths of a cycle, so that sums do not depend
// on their order.
#include "exchange/ways.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

struct place {
    int64_t position; // along the spine
    int64_t island;   // 0 lies beside the spine
};

// The columns lie in two rows, one on either side of the spine, and are numbered around it: the
// first one lies opposite to the last, and those in the middle are the farthest from both (JIA).
static struct place place_of(const struct exchange_config *config, uint32_t tile)
{
    uint32_t column = 0, island = 0;
    if (config->tile_numbering == TILES_ALONG_COLUMNS) {
        uint32_t column_tiles = config->islands_per_column * config->tiles_per_island;
        column = tile / column_tiles % config->columns;
        island = tile % column_tiles / config->tiles_per_island;
    } else {
        uint32_t row_tiles = config->columns * config->tiles_per_island;
        column = tile % row_tiles / config->tiles_per_island;
        island = tile / row_tiles;
    }
    uint32_t from_end = config->columns - 1 - column;
    return (struct place){.position = column < from_end ? column : from_end, .island = island};
}

static int64_t to_millicycles(double cycles)
{
    return llround(cycles * MILLICYCLES_PER_CYCLE);
}

static int64_t island_millicycles(const struct exchange_config *config, bool is_broadcast)
{
    return to_millicycles(config->latency_cycles_per_island) +
           (is_broadcast ? to_millicycles(config->broadcast_cycles_per_island) : 0);
}

static uint64_t base_millicycles(const struct exchange_config *config)
{
    return (uint64_t)config->latency_base_cycles * MILLICYCLES_PER_CYCLE;
}

// Linear in islands as measured, linear along the spine by assumption. Of the two islands the
// farther one counts: were both added up, pairs all over the chip would take 36 cycles longer than
// they do (JIA: 264 cycles with their sync, for 76 pairs and for 1216).
static uint64_t way_millicycles(const struct exchange_config *config, int64_t islands,
                                int64_t columns, bool is_broadcast)
{
    return base_millicycles(config) +
           (uint64_t)(islands * island_millicycles(config, is_broadcast) +
                      columns * to_millicycles(config->latency_cycles_per_column));
}

uint64_t ways_between(const struct exchange_config *config, uint32_t from, uint32_t to,
                      bool is_broadcast)
{
    struct place source = place_of(config, from);
    struct place destination = place_of(config, to);
    int64_t columns = llabs(source.position - destination.position);
    int64_t islands = source.island > destination.island ? source.island : destination.island;
    return way_millicycles(config, islands, columns, is_broadcast);
}

// Between a first or last column and one in the middle, at the far end of one of them.
uint64_t ways_farthest(const struct exchange_config *config)
{
    return way_millicycles(config, (int64_t)config->islands_per_column - 1,
                           ((int64_t)config->columns - 1) / 2, false);
}

// --- many pairs ---------------------------------------------------------------------------------
// The two largest values on different tiles.
struct extreme {
    int64_t best, second;
    uint32_t tile; // of best
    bool has_best, has_second;
};

struct ways {
    uint32_t chip_tiles, chips;
    uint32_t *chip; // owned; [tile]
    uint64_t base_millicycles;
    int64_t *column_millicycles;    // owned; [tile] position along the spine
    int64_t *island_millicycles[2]; // owned; [is_broadcast][tile]
    uint64_t longest[2];            // [is_broadcast] no way is longer
    struct extreme *from, *to;      // owned; [chip]; scratch
};

struct ways *ways_create(const struct exchange_config *config, uint32_t tile_count,
                         uint32_t chip_tiles)
{
    struct ways *ways = xcalloc(1, sizeof *ways);
    ways->chip_tiles = chip_tiles;
    ways->chips = (uint32_t)div_ceil(tile_count, chip_tiles);
    ways->chip = xcalloc(tile_count, sizeof *ways->chip);
    ways->from = xcalloc(ways->chips, sizeof *ways->from);
    ways->to = xcalloc(ways->chips, sizeof *ways->to);
    ways->base_millicycles = base_millicycles(config);
    ways->column_millicycles = xcalloc(tile_count, sizeof *ways->column_millicycles);
    for (int i = 0; i < 2; i++) {
        ways->island_millicycles[i] = xcalloc(tile_count, sizeof(int64_t));
    }
    int64_t per_column = to_millicycles(config->latency_cycles_per_column);
    int64_t per_island[2] = {island_millicycles(config, false), island_millicycles(config, true)};
    struct place farthest = {0};
    for (uint32_t tile = 0; tile < tile_count; tile++) {
        struct place place = place_of(config, tile % chip_tiles);
        ways->chip[tile] = tile / chip_tiles;
        ways->column_millicycles[tile] = place.position * per_column;
        ways->island_millicycles[0][tile] = place.island * per_island[0];
        ways->island_millicycles[1][tile] = place.island * per_island[1];
        farthest.position = farthest.position > place.position ? farthest.position : place.position;
        farthest.island = farthest.island > place.island ? farthest.island : place.island;
    }
    for (int i = 0; i < 2; i++) {
        ways->longest[i] = way_millicycles(config, farthest.island, farthest.position, i == 1);
    }
    return ways;
}

void ways_destroy(struct ways *ways)
{
    if (ways == NULL) {
        return;
    }
    free(ways->column_millicycles);
    free(ways->island_millicycles[0]);
    free(ways->island_millicycles[1]);
    free(ways->chip);
    free(ways->from);
    free(ways->to);
    free(ways);
}

// Of a run that stays on one chip.
static uint64_t longest_on_chip(const struct ways *ways, uint32_t from, uint32_t to, uint32_t count,
                                uint64_t least)
{
    const int64_t *columns = ways->column_millicycles;
    const int64_t *islands = ways->island_millicycles[false];
    int64_t longest = 0;
    for (uint32_t i = 0; i < count; i++) { // without branches: the compiler makes vectors of it
        int64_t across = columns[from + i] - columns[to + i];
        int64_t island = islands[from + i] > islands[to + i] ? islands[from + i] : islands[to + i];
        int64_t way = island + (across < 0 ? -across : across);
        longest = way > longest ? way : longest;
    }
    return count > 0 ? max_u64(least, ways->base_millicycles + (uint64_t)longest) : least;
}

// Pairs left until the tile of one of the ends lies on the next chip.
static uint32_t pairs_on_chips(const struct ways *ways, uint32_t from, uint32_t to)
{
    uint32_t of_from = ways->chip_tiles - from % ways->chip_tiles;
    uint32_t of_to = ways->chip_tiles - to % ways->chip_tiles;
    return of_from < of_to ? of_from : of_to;
}

uint64_t ways_longest_of_run(const struct ways *ways, uint32_t from, uint32_t to, uint32_t count,
                             uint64_t least)
{
    if (ways->chips <= 1 && least < ways->longest[false]) {
        return longest_on_chip(ways, from, to, count, least);
    }
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < count && least < ways->longest[false]; i += pairs) {
        pairs = pairs_on_chips(ways, from + i, to + i);
        pairs = pairs < count - i ? pairs : count - i;
        if (ways->chip[from + i] == ways->chip[to + i]) {
            least = longest_on_chip(ways, from + i, to + i, pairs, least);
        }
    }
    return least;
}

static void extreme_add(struct extreme *extreme, int64_t value, uint32_t tile)
{
    if (!extreme->has_best || tile == extreme->tile) {
        extreme->best = extreme->has_best && extreme->best > value ? extreme->best : value;
        extreme->tile = tile;
        extreme->has_best = true;
    } else if (value > extreme->best) {
        extreme->second = extreme->best;
        extreme->has_second = true;
        extreme->best = value;
        extreme->tile = tile;
    } else if (!extreme->has_second || value > extreme->second) {
        extreme->second = value;
        extreme->has_second = true;
    }
}

// Largest sum of one value of each, from different tiles; `otherwise` if there is none.
static int64_t extreme_sum(const struct extreme *a, const struct extreme *b, int64_t otherwise)
{
    if (!a->has_best || !b->has_best) {
        return otherwise;
    }
    if (a->tile != b->tile) {
        return a->best + b->best;
    }
    int64_t sum = otherwise;
    if (b->has_second && a->best + b->second > sum) {
        sum = a->best + b->second;
    }
    if (a->has_second && a->second + b->best > sum) {
        sum = a->second + b->best;
    }
    return sum;
}

// One of the four ways to read the larger island and the absolute difference of positions. Each is
// a sum of a term of the source and one of the destination; the true way is the largest of the
// four.
struct reading {
    bool has_island; // this end's counts, else the other end's
    int64_t sign;    // of source position - destination position
};

// Of every chip's tiles in the list.
static void find_extremes(const struct ways *ways, struct tile_list list, struct reading reading,
                          bool is_broadcast, struct extreme *extremes)
{
    memset(extremes, 0, ways->chips * sizeof *extremes);
    int64_t has_island = reading.has_island;
    for (uint32_t i = 0; i < list.count; i++) {
        uint32_t tile = list.tiles[i];
        extreme_add(&extremes[ways->chip[tile]],
                    has_island * ways->island_millicycles[is_broadcast][tile] +
                        reading.sign * ways->column_millicycles[tile],
                    tile);
    }
}

uint64_t ways_longest_of_all(const struct ways *ways, struct tile_list sources,
                             struct tile_list destinations, bool is_broadcast, uint64_t least)
{
    if (least >= ways->longest[is_broadcast]) {
        return least;
    }
    int64_t longest = -1;
    for (int i = 0; i < 4; i++) {
        struct reading of_source = {i / 2 == 0, i % 2 == 0 ? 1 : -1};
        struct reading of_destination = {!of_source.has_island, -of_source.sign};
        find_extremes(ways, sources, of_source, is_broadcast, ways->from);
        find_extremes(ways, destinations, of_destination, is_broadcast, ways->to);
        for (uint32_t chip = 0; chip < ways->chips; chip++) {
            int64_t sum = extreme_sum(&ways->from[chip], &ways->to[chip], -1);
            longest = sum > longest ? sum : longest;
        }
    }
    // less than 0: no two tiles talk
    return longest >= 0 ? max_u64(least, ways->base_millicycles + (uint64_t)longest) : least;
}

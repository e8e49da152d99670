// Convention: the arrays hold differences while they are filled (add at the first tile of a range,
// take away after its last) and are summed once at the end; all sums are modulo 2^64. Every array
// has one element more than tiles for the range that ends at the last one.
#include "tiles/sram_tally.h"

#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

_Static_assert(CODELET_COUNT <= 64, "codelets of a tile are bits of one word");

struct vertex_run {        // items with equal numbers of vertices
    uint32_t first, items; // relative to the group's items
    uint64_t vertices;     // per item
};
#define VERTEX_RUNS_MAX 2

// --- positions ----------------------------------------------------------------------------------
// map->positions: it is none of those listed.
static uint32_t find_listed(const struct tile_map *map, uint32_t tile)
{
    uint32_t first = 0, end = map->positions;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (map->tiles[middle] < tile) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < map->positions && map->tiles[first] == tile ? first : map->positions;
}

uint32_t sram_items_on_tile(const struct tile_map *map, uint32_t first_item, uint32_t items,
                            uint32_t tile)
{
    if (tile < map->first) {
        return 0;
    }
    uint64_t offset = tile - map->first;
    uint64_t position = offset;
    if (map->is_spread) { // at most one position per tile: the span is not shorter than the positions
        position = div_ceil(offset * map->positions, map->span);
        if (position * map->span / map->positions != offset) {
            return 0;
        }
    } else if (map->tiles != NULL) {
        position = find_listed(map, tile);
    }
    if (position >= map->positions) {
        return 0;
    }
    // items below n whose remainder is the position: ceil((n - position) / positions)
    uint64_t last = (uint64_t)first_item + items;
    uint64_t below_last = last > position ? div_ceil(last - position, map->positions) : 0;
    uint64_t below_first =
        first_item > position ? div_ceil(first_item - position, map->positions) : 0;
    return (uint32_t)(below_last - below_first);
}

static void add_to_tile(uint64_t *differences, uint32_t tile, uint64_t amount)
{
    differences[tile] += amount;
    differences[tile + 1] -= amount;
}

static void add_to_positions(uint64_t *differences, const struct tile_map *map, uint32_t first,
                             uint32_t count, uint64_t amount)
{
    if (count == 0) {
        return;
    }
    if (map->tiles != NULL) {
        for (uint32_t i = first; i < first + count; i++) {
            add_to_tile(differences, map->tiles[i], amount);
        }
        return;
    }
    if (!map->is_spread || map->span == map->positions) {
        differences[map->first + first] += amount;
        differences[map->first + first + count] -= amount;
        return;
    }
    // position p lies on tile first + floor(p * span / positions): quotient and remainder go along
    uint64_t product = (uint64_t)first * map->span;
    uint32_t tile = map->first + (uint32_t)(product / map->positions);
    uint32_t over = (uint32_t)(product % map->positions);
    uint32_t whole = map->span / map->positions, rest = map->span % map->positions;
    for (uint32_t i = 0; i < count; i++) {
        differences[tile] += amount;
        differences[tile + 1] -= amount;
        bool is_carried = over >= map->positions - rest;
        tile += whole + is_carried;
        over = is_carried ? over - (map->positions - rest) : over + rest;
    }
}

// Adds amount to the tile of every item.
static void add_to_items(uint64_t *differences, const struct tile_map *map, uint32_t first_item,
                         uint32_t items, uint64_t amount)
{
    uint32_t start = first_item % map->positions;
    uint32_t rest = items % map->positions;
    uint32_t head = rest < map->positions - start ? rest : map->positions - start;
    add_to_positions(differences, map, 0, map->positions, amount * (items / map->positions));
    add_to_positions(differences, map, start, head, amount);
    add_to_positions(differences, map, 0, rest - head, amount);
}

// --- vertices -----------------------------------------------------------------------------------
static uint32_t vertex_runs_of(const struct program *program, const struct vertex_group *group,
                               struct vertex_run runs[VERTEX_RUNS_MAX])
{
    switch (group->dealing) {
    case DEAL_EVEN: {
        uint32_t extra = group->vertices % group->items;
        uint64_t each = group->vertices / group->items;
        runs[0] = (struct vertex_run){0, extra, each + 1};
        runs[1] = (struct vertex_run){extra, group->items - extra, each};
        return 2;
    }
    case DEAL_SAMPLES:
        runs[0] = (struct vertex_run){0, group->items,
                                      div_ceil(program->batch, group->samples_per_vertex)};
        return 1;
    case DEAL_SEGMENTS:
        runs[0] = (struct vertex_run){0, group->items, group->vertices};
        return 1;
    case DEAL_SLOTS: {
        uint64_t total = (uint64_t)program->batch * program->slots[group->layer] * group->groups;
        uint64_t chunk = max_u64(div_ceil(total, group->items), 1);
        uint32_t full = (uint32_t)(total / chunk);
        runs[0] = (struct vertex_run){0, full, chunk};
        runs[1] = (struct vertex_run){full, total % chunk ? 1 : 0, total % chunk};
        return 2;
    }
    }
    SIM_ASSERT(false, "dealing %u does not exist", (unsigned)group->dealing);
}

// A multiplier for entry `index` of a kind of list (splitmix64's finaliser).
static uint64_t multiplier_of(uint64_t kind, uint64_t index)
{
    uint64_t x = (kind << 48) + index + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void tally_group(struct sram_tally *tally, const struct program *program,
                        const struct vertex_group *group)
{
    struct vertex_run runs[VERTEX_RUNS_MAX];
    uint32_t run_count = vertex_runs_of(program, group, runs);
    for (uint32_t i = 0; i < run_count; i++) {
        uint32_t first = group->first_item + runs[i].first;
        add_to_items(tally->vertices, &group->place, first, runs[i].items, runs[i].vertices);
        add_to_items(tally->lists, &group->place, first, runs[i].items,
                     runs[i].vertices * multiplier_of(1, group->codelet));
    }
}

// --- messages -----------------------------------------------------------------------------------
static uint32_t destinations_on(const struct flow *flow, uint32_t tile)
{
    return sram_items_on_tile(&flow->destination, flow->first_destination, flow->destination_count,
                              tile);
}

// Every source sends to every destination but itself: one message per receiver, or, where all get
// the same, one for the sender.
static void tally_to_all(uint64_t *messages, const struct flow *flow)
{
    add_to_items(messages, &flow->destination, flow->first_destination, flow->destination_count,
                 flow->source_count);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        uint32_t tile = tile_map_at(&flow->source, flow->first_source + i);
        uint32_t own = destinations_on(flow, tile);
        uint32_t others = flow->destination_count - own;
        uint32_t sent = flow->kind == FLOW_BROADCAST && others > 0 ? 1 : others;
        add_to_tile(messages, tile, (uint64_t)sent - own);
    }
}

// From `count` consecutive tiles to as many others.
static void tally_run(uint64_t *messages, uint32_t from, uint32_t to, uint32_t count)
{
    if (from != to) {
        messages[from]++;
        messages[from + count]--;
        messages[to]++;
        messages[to + count]--;
    }
}

static void tally_pairs(uint64_t *messages, const struct flow *flow)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < flow->source_count; i += count) {
        uint32_t source = flow->first_source + i;
        uint32_t destination = flow->first_destination + i;
        count = tile_map_run(&flow->source, source, flow->source_count - i);
        count = tile_map_run(&flow->destination, destination, count);
        tally_run(messages, tile_map_at(&flow->source, source),
                  tile_map_at(&flow->destination, destination), count);
    }
}

// One message for every pair of a source and a destination that share words.
static void tally_redistribute(uint64_t *messages, const struct flow *flow)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    for (uint64_t word = 0; word < words;) {
        uint64_t source = word * flow->source_count / words;
        uint64_t destination = word * flow->destination_count / words;
        tally_run(messages, tile_map_at(&flow->source, flow->first_source + (uint32_t)source),
                  tile_map_at(&flow->destination, flow->first_destination + (uint32_t)destination),
                  1);
        word = min_u64(div_ceil((source + 1) * words, flow->source_count),
                       div_ceil((destination + 1) * words, flow->destination_count));
    }
}

static void tally_flow(uint64_t *messages, const struct flow *flow)
{
    switch (flow->kind) {
    case FLOW_BROADCAST:
    case FLOW_ALL_TO_ALL:
        tally_to_all(messages, flow);
        return;
    case FLOW_PAIRS:
        tally_pairs(messages, flow);
        return;
    case FLOW_REDISTRIBUTE:
        tally_redistribute(messages, flow);
        return;
    }
}

// --- the whole ----------------------------------------------------------------------------------
static void sum_differences(uint64_t *differences, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        differences[i] += differences[i - 1];
    }
}

struct sram_tally *sram_tally_create(const struct program *program)
{
    struct sram_tally *tally = xcalloc(1, sizeof(*tally));
    uint32_t count = program->tile_count;
    tally->tile_count = count;
    tally->vertices = xcalloc((size_t)count + 1, sizeof(uint64_t));
    tally->messages = xcalloc((size_t)count + 1, sizeof(uint64_t));
    tally->variables = xcalloc((size_t)count + 1, sizeof(uint64_t));
    tally->lists = xcalloc((size_t)count + 1, sizeof(uint64_t));
    for (uint32_t i = 0; i < program->group_count; i++) {
        tally_group(tally, program, &program->groups[i]);
    }
    for (uint32_t i = 0; i < program->flow_count; i++) {
        tally_flow(tally->messages, &program->flows[i]);
    }
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        add_to_items(tally->variables, &variable->place, variable->first_item, variable->items, 1);
        add_to_items(tally->lists, &variable->place, variable->first_item, variable->items,
                     multiplier_of(2, i));
    }
    sum_differences(tally->vertices, count);
    sum_differences(tally->messages, count);
    sum_differences(tally->variables, count);
    sum_differences(tally->lists, count);
    return tally;
}

void sram_tally_destroy(struct sram_tally *tally)
{
    if (!tally) {
        return;
    }
    free(tally->vertices);
    free(tally->messages);
    free(tally->variables);
    free(tally->lists);
    free(tally);
}

uint64_t *sram_variable_bytes(const struct program *program)
{
    uint64_t *bytes = xcalloc((size_t)program->tile_count + 1, sizeof *bytes);
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        add_to_items(bytes, &variable->place, variable->first_item, variable->items,
                     variable->bytes_per_item);
    }
    sum_differences(bytes, program->tile_count);
    return bytes;
}

static bool are_alike(const struct sram_tally *tally, uint32_t a, uint32_t b)
{
    return tally->lists[a] == tally->lists[b] && tally->vertices[a] == tally->vertices[b] &&
           tally->messages[a] == tally->messages[b];
}

uint32_t sram_tally_classify(const struct sram_tally *tally, uint32_t *tiles, uint32_t *class_of)
{
    uint64_t mask = 1;
    while (mask < 2 * (uint64_t)tally->tile_count) {
        mask *= 2;
    }
    uint32_t *table = xmalloc(mask * sizeof(uint32_t)); // open addressing; UINT32_MAX: free
    for (uint64_t i = 0; i < mask; i++) {
        table[i] = UINT32_MAX;
    }
    mask--;
    uint32_t class_count = 0;
    for (uint32_t tile = 0; tile < tally->tile_count; tile++) {
        class_of[tile] = UINT32_MAX;
        if (tally->vertices[tile] + tally->messages[tile] + tally->variables[tile] == 0) {
            continue;
        }
        uint64_t at = multiplier_of(3, tally->lists[tile] ^ tally->messages[tile]) & mask;
        while (table[at] != UINT32_MAX && !are_alike(tally, table[at], tile)) {
            at = (at + 1) & mask;
        }
        if (table[at] == UINT32_MAX) {
            table[at] = tile;
            class_of[tile] = class_count;
            tiles[class_count++] = tile;
        }
        class_of[tile] = class_of[table[at]];
    }
    free(table);
    return class_count;
}

// --- contents of some tiles ---------------------------------------------------------------------
struct tile_range { // of the list of tiles
    uint32_t first, end;
};

// The first that is not below `tile`.
static uint32_t find_tile(const uint32_t *rising_tiles, uint32_t tile_count, uint64_t tile)
{
    uint32_t first = 0, end = tile_count;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (rising_tiles[middle] < tile) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

// Those that the map may have items on.
static struct tile_range find_range(const uint32_t *rising_tiles, uint32_t tile_count,
                                    const struct tile_map *map)
{
    uint64_t end = (uint64_t)map->first + (map->is_spread ? map->span : map->positions);
    return (struct tile_range){find_tile(rising_tiles, tile_count, map->first),
                               find_tile(rising_tiles, tile_count, end)};
}

// Shares follow one another at the places that `next` has for the tiles; without shares they are
// counted there.
static void deal_variables(const struct program *program, const uint32_t *rising_tiles,
                           uint32_t tile_count, uint32_t *next, struct sram_share *shares)
{
    for (uint32_t v = 0; v < program->variable_count; v++) {
        const struct variable *variable = &program->variables[v];
        struct tile_range range = find_range(rising_tiles, tile_count, &variable->place);
        for (uint32_t i = range.first; i < range.end; i++) {
            uint32_t items = sram_items_on_tile(&variable->place, variable->first_item,
                                                variable->items, rising_tiles[i]);
            if (items > 0 && shares != NULL) {
                shares[next[i]] = (struct sram_share){v, items};
            }
            next[i] += items > 0;
        }
    }
}

static void note_codelets(const struct program *program, const uint32_t *rising_tiles,
                          uint32_t tile_count, uint64_t *codelets)
{
    for (uint32_t g = 0; g < program->group_count; g++) {
        const struct vertex_group *group = &program->groups[g];
        struct tile_range range = find_range(rising_tiles, tile_count, &group->place);
        struct vertex_run runs[VERTEX_RUNS_MAX];
        uint32_t run_count = vertex_runs_of(program, group, runs);
        for (uint32_t r = 0; r < run_count; r++) {
            for (uint32_t i = range.first; i < range.end && runs[r].vertices > 0; i++) {
                bool is_known = codelets[i] >> group->codelet & 1u; // few codelets do all the work
                if (!is_known &&
                    sram_items_on_tile(&group->place, group->first_item + runs[r].first,
                                       runs[r].items, rising_tiles[i]) > 0) {
                    codelets[i] |= UINT64_C(1) << group->codelet;
                }
            }
        }
    }
}

struct sram_census sram_census_create(const struct program *program, const uint32_t *rising_tiles,
                                      uint32_t tile_count)
{
    struct sram_census census = {.first = xcalloc((size_t)tile_count + 1, sizeof(uint32_t)),
                                 .codelets = xcalloc((size_t)tile_count + 1, sizeof(uint64_t))};
    uint32_t *next = xcalloc((size_t)tile_count + 1, sizeof *next);
    deal_variables(program, rising_tiles, tile_count, next, NULL);
    for (uint32_t i = 0; i < tile_count; i++) {
        census.first[i + 1] = census.first[i] + next[i];
        next[i] = census.first[i];
    }
    census.shares = xmalloc(((size_t)census.first[tile_count] + 1) * sizeof *census.shares);
    deal_variables(program, rising_tiles, tile_count, next, census.shares);
    note_codelets(program, rising_tiles, tile_count, census.codelets);
    free(next);
    return census;
}

void sram_census_free(struct sram_census *census)
{
    free(census->first);
    free(census->shares);
    free(census->codelets);
    *census = (struct sram_census){0};
}

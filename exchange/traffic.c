// Convention: a walk goes through items in runs that lie on one chip, found by division, so that it
// costs chips and not tiles, listed ones apart. Only the messages of a redistribution between two
// chips are counted one by one.
#include "exchange/traffic.h"

#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

// --- items on chips -----------------------------------------------------------------------------
struct chip_run {
    uint32_t chip;
    uint32_t items; // that follow one another on it
};

// The first position behind `position` that lies on another chip.
static uint64_t end_of_listed(const struct program *program, const struct tile_map *map,
                              uint32_t position)
{
    uint32_t end = position + 1;
    while (end < map->positions &&
           map->tiles[end] / program->chip_tiles == map->tiles[position] / program->chip_tiles) {
        end++;
    }
    return end;
}

// From `item` on, at most `limit` items and at most to the end of the map's turn.
static struct chip_run run_of(const struct program *program, const struct tile_map *map,
                              uint32_t item, uint32_t limit)
{
    uint32_t position = item % map->positions;
    uint32_t chip = tile_map_at(map, item) / program->chip_tiles;
    if (limit == 1) { // as in flows of one message, of which there may be millions
        return (struct chip_run){.chip = chip, .items = 1};
    }
    uint64_t left_behind = (uint64_t)(chip + 1) * program->chip_tiles - map->first; // tiles
    uint64_t end = map->is_spread ? div_ceil(left_behind * map->positions, map->span) : left_behind;
    end = min_u64(map->tiles != NULL ? end_of_listed(program, map, position) : end, map->positions);
    return (struct chip_run){.chip = chip, .items = (uint32_t)min_u64(end - position, limit)};
}

// [chips], owned by the caller: items of the map that lie on each.
static uint64_t *count_on_chips(const struct program *program, const struct tile_map *map,
                                uint32_t first, uint32_t count)
{
    uint64_t *on_chip = xcalloc(program->chips, sizeof *on_chip);
    uint32_t turns = count / map->positions;
    for (uint32_t i = 0; turns > 0 && i < map->positions;) { // all turns are alike
        struct chip_run run = run_of(program, map, i, map->positions - i);
        on_chip[run.chip] += (uint64_t)run.items * turns;
        i += run.items;
    }
    for (uint32_t i = turns * map->positions; i < count;) {
        struct chip_run run = run_of(program, map, first + i, count - i);
        on_chip[run.chip] += run.items;
        i += run.items;
    }
    return on_chip;
}

// The only chip that the items lie on; UINT32_MAX if there are several.
static uint32_t only_chip(const struct program *program, const struct tile_map *map, uint32_t first,
                          uint32_t count)
{
    uint32_t distinct = (uint32_t)min_u64(count, map->positions);
    uint32_t chip = tile_map_at(map, first) / program->chip_tiles;
    for (uint32_t i = 0; i < distinct;) {
        struct chip_run run = run_of(program, map, first + i, distinct - i);
        if (run.chip != chip) {
            return UINT32_MAX;
        }
        i += run.items;
    }
    return chip;
}

// --- walks --------------------------------------------------------------------------------------
// Part of a flow that goes from one chip to another, or stays.
struct passage {
    uint32_t from, to;
    uint64_t first, end; // PAIRS: pairs; REDISTRIBUTE: words
};
// False: the walk is to stop.
typedef bool passage_visit(void *context, const struct flow *flow, const struct passage *passage);

static bool walk_pairs(const struct program *program, const struct flow *flow, passage_visit *visit,
                       void *context)
{
    for (uint32_t i = 0; i < flow->source_count;) {
        struct chip_run from =
            run_of(program, &flow->source, flow->first_source + i, flow->source_count - i);
        struct chip_run to =
            run_of(program, &flow->destination, flow->first_destination + i, from.items);
        const struct passage passage = {
            .from = from.chip, .to = to.chip, .first = i, .end = i + to.items};
        if (!visit(context, flow, &passage)) {
            return false;
        }
        i += to.items;
    }
    return true;
}

struct flow_end { // of a flow's words
    const struct tile_map *map;
    uint32_t first, count; // items, which have the words in equal parts
    uint64_t words;
};

// First word behind the items that lie on a chip, beginning with the one that `word` belongs to.
static uint64_t end_of_words(const struct program *program, const struct flow_end *end,
                             uint64_t word, uint32_t *chip)
{
    uint32_t item = (uint32_t)(word * end->count / end->words);
    struct chip_run run = run_of(program, end->map, end->first + item, end->count - item);
    *chip = run.chip;
    return div_ceil((uint64_t)(item + run.items) * end->words, end->count);
}

static bool walk_words(const struct program *program, const struct flow *flow, passage_visit *visit,
                       void *context)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    const struct flow_end source = {&flow->source, flow->first_source, flow->source_count, words};
    const struct flow_end destination = {&flow->destination, flow->first_destination,
                                         flow->destination_count, words};
    for (uint64_t word = 0; word < words;) {
        struct passage passage = {.first = word};
        uint64_t end_of_source = end_of_words(program, &source, word, &passage.from);
        uint64_t end_of_destination = end_of_words(program, &destination, word, &passage.to);
        passage.end = min_u64(end_of_source, end_of_destination);
        if (!visit(context, flow, &passage)) {
            return false;
        }
        word = passage.end;
    }
    return true;
}

// --- crossing -----------------------------------------------------------------------------------
static bool stays(void *context, const struct flow *flow, const struct passage *passage)
{
    (void)context, (void)flow;
    return passage->from == passage->to;
}

static bool flow_crosses(const struct program *program, const struct flow *flow)
{
    if (flow->bytes == 0 || flow->source_count == 0 || flow->destination_count == 0) {
        return false;
    }
    if (flow->kind == FLOW_PAIRS) {
        return !walk_pairs(program, flow, stays, NULL);
    }
    if (flow->kind == FLOW_REDISTRIBUTE) {
        return !walk_words(program, flow, stays, NULL);
    }
    uint32_t from = only_chip(program, &flow->source, flow->first_source, flow->source_count);
    uint32_t to =
        only_chip(program, &flow->destination, flow->first_destination, flow->destination_count);
    return from == UINT32_MAX || from != to;
}

bool traffic_crosses(const struct program *program, const struct exchange_step *exchange)
{
    if (program->chips <= 1) {
        return false;
    }
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        if (flow_crosses(program, &program->flows[exchange->first_flow + i])) {
            return true;
        }
    }
    return false;
}

// --- measuring ----------------------------------------------------------------------------------
struct end_tiles {   // of messages from one chip to another: those that send, or those that receive
    uint64_t before; // tiles of earlier ranges
    uint32_t first, end; // the range that was touched last
};

struct matrix {
    const struct system_config *system;
    uint32_t chips;
    struct chip_traffic *entries;             // owned; [chips * chips]
    struct end_tiles *sources, *destinations; // owned; the same
};

static size_t place_of(const struct matrix *matrix, uint32_t from, uint32_t to)
{
    return (size_t)from * matrix->chips + to;
}

static void add(struct matrix *matrix, uint32_t from, uint32_t to, uint64_t messages,
                uint64_t bytes)
{
    struct chip_traffic *entry = &matrix->entries[place_of(matrix, from, to)];
    if (from != to) {
        entry->messages += messages;
        entry->bytes += bytes;
    }
}

// Tiles of the range that the last one had are not counted again.
static void touch(struct end_tiles *tiles, uint32_t first, uint32_t end)
{
    if (first <= tiles->end && end >= tiles->first && tiles->end > tiles->first) {
        tiles->first = first < tiles->first ? first : tiles->first;
        tiles->end = end > tiles->end ? end : tiles->end;
        return;
    }
    tiles->before += tiles->end - tiles->first;
    tiles->first = first;
    tiles->end = end;
}

// Of the items [first, first + count) of a map, which lie on one chip and in one turn.
static void touch_items(struct end_tiles *tiles, const struct tile_map *map, uint32_t first,
                        uint64_t count)
{
    uint32_t last_tile = tile_map_at(map, (uint32_t)(first + count - 1));
    uint32_t distinct = (uint32_t)min_u64(count, map->positions);
    touch(tiles, last_tile + 1 - distinct, last_tile + 1);
}

static uint64_t count_touched(const struct end_tiles *tiles)
{
    return tiles->before + (tiles->end - tiles->first);
}

// Takes the chips that ways from `from` pass out of those that hear a broadcast.
static void forget_passed(const struct system_config *system, uint32_t from, uint32_t chips,
                          bool *hears)
{
    for (uint32_t to = 0; to < chips; to++) {
        struct system_route route = {0};
        if (hears[to] && to != from) {
            route = system_route(system, from, to);
        }
        uint32_t at = from;
        for (uint32_t i = 0; i + 1 < route.count; i++) {
            const struct system_link *link = &system->links[route.links[i]];
            at = at == link->from ? link->to : link->from;
            if (at < chips) {
                hears[at] = false;
            }
        }
        system_route_free(&route);
    }
}

// Every source of a broadcast once to each chip at the end of a way.
static void add_broadcast(struct matrix *matrix, const struct program *program,
                          const struct flow *flow)
{
    uint64_t *sources =
        count_on_chips(program, &flow->source, flow->first_source, flow->source_count);
    uint64_t *destinations = count_on_chips(program, &flow->destination, flow->first_destination,
                                            flow->destination_count);
    bool *hears = xcalloc(program->chips, sizeof *hears);
    for (uint32_t i = 0; i < program->chips; i++) {
        for (uint32_t j = 0; j < program->chips; j++) {
            hears[j] = sources[i] > 0 && destinations[j] > 0;
        }
        forget_passed(matrix->system, i, program->chips, hears);
        for (uint32_t j = 0; j < program->chips; j++) {
            if (hears[j]) {
                add(matrix, i, j, sources[i], sources[i] * flow->bytes);
                matrix->sources[place_of(matrix, i, j)].before += sources[i];
                matrix->destinations[place_of(matrix, i, j)].before += destinations[j];
            }
        }
    }
    free(hears);
    free(sources);
    free(destinations);
}

// Every source of a chip to every destination of another.
static void add_all(struct matrix *matrix, const struct program *program, const struct flow *flow)
{
    uint64_t *sources =
        count_on_chips(program, &flow->source, flow->first_source, flow->source_count);
    uint64_t *destinations = count_on_chips(program, &flow->destination, flow->first_destination,
                                            flow->destination_count);
    for (uint32_t i = 0; i < program->chips; i++) {
        for (uint32_t j = 0; j < program->chips; j++) {
            uint64_t messages = sources[i] * destinations[j];
            if (messages > 0) { // else none of them sends to the other
                add(matrix, i, j, messages, messages * flow->bytes);
                matrix->sources[place_of(matrix, i, j)].before += sources[i];
                matrix->destinations[place_of(matrix, i, j)].before += destinations[j];
            }
        }
    }
    free(sources);
    free(destinations);
}

static bool add_pairs(void *context, const struct flow *flow, const struct passage *passage)
{
    struct matrix *matrix = context;
    uint64_t pairs = passage->end - passage->first;
    size_t place = place_of(matrix, passage->from, passage->to);
    add(matrix, passage->from, passage->to, pairs, pairs * flow->bytes);
    touch_items(&matrix->sources[place], &flow->source,
                flow->first_source + (uint32_t)passage->first, pairs);
    touch_items(&matrix->destinations[place], &flow->destination,
                flow->first_destination + (uint32_t)passage->first, pairs);
    return true;
}

// Messages that the words [first, end) are: one for every overlap of a source's part with a
// destination's.
static uint64_t count_overlaps(const struct flow *flow, uint64_t words, uint64_t first,
                               uint64_t end)
{
    uint64_t sources = flow->source_count, destinations = flow->destination_count;
    if (sources >= words || destinations >= words) { // no two words of one part
        return end - first;
    }
    uint64_t overlaps = 0;
    for (uint64_t word = first; word < end; overlaps++) {
        uint64_t end_of_source = div_ceil((word * sources / words + 1) * words, sources);
        uint64_t end_of_destination =
            div_ceil((word * destinations / words + 1) * words, destinations);
        word = min_u64(end_of_source, end_of_destination);
    }
    return overlaps;
}

static bool add_words(void *context, const struct flow *flow, const struct passage *passage)
{
    struct matrix *matrix = context;
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    if (passage->from != passage->to) {
        size_t place = place_of(matrix, passage->from, passage->to);
        uint64_t last = passage->end - 1;
        add(matrix, passage->from, passage->to,
            count_overlaps(flow, words, passage->first, passage->end),
            (passage->end - passage->first) * EXCHANGE_WORD_BYTES);
        matrix->sources[place].before +=
            last * flow->source_count / words - passage->first * flow->source_count / words + 1;
        matrix->destinations[place].before += last * flow->destination_count / words -
                                              passage->first * flow->destination_count / words + 1;
    }
    return true;
}

static void add_flow(struct matrix *matrix, const struct program *program, const struct flow *flow)
{
    switch (flow->kind) {
    case FLOW_BROADCAST:
        add_broadcast(matrix, program, flow);
        break;
    case FLOW_ALL_TO_ALL:
        add_all(matrix, program, flow);
        break;
    case FLOW_PAIRS:
        walk_pairs(program, flow, add_pairs, matrix);
        break;
    case FLOW_REDISTRIBUTE:
        walk_words(program, flow, add_words, matrix);
        break;
    }
}

static struct traffic_list list_entries(const struct matrix *matrix)
{
    size_t entries = (size_t)matrix->chips * matrix->chips;
    struct traffic_list list = {0};
    for (size_t i = 0; i < entries; i++) {
        list.count += matrix->entries[i].messages > 0;
    }
    list.items = xcalloc(list.count, sizeof *list.items);
    list.count = 0;
    for (size_t i = 0; i < entries; i++) {
        if (matrix->entries[i].messages > 0) {
            list.items[list.count] = matrix->entries[i];
            list.items[list.count].runs = min_u64(count_touched(&matrix->sources[i]),
                                                  count_touched(&matrix->destinations[i]));
            list.items[list.count].from = (uint32_t)(i / matrix->chips);
            list.items[list.count++].to = (uint32_t)(i % matrix->chips);
        }
    }
    return list;
}

struct traffic_list traffic_measure(const struct system_config *system,
                                    const struct program *program,
                                    const struct exchange_step *exchange)
{
    if (!traffic_crosses(program, exchange)) {
        return (struct traffic_list){0};
    }
    struct matrix matrix = {.system = system, .chips = program->chips};
    size_t entries = (size_t)matrix.chips * matrix.chips;
    matrix.entries = xcalloc(entries, sizeof *matrix.entries);
    matrix.sources = xcalloc(entries, sizeof *matrix.sources);
    matrix.destinations = xcalloc(entries, sizeof *matrix.destinations);
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        if (flow_crosses(program, flow)) {
            add_flow(&matrix, program, flow);
        }
    }
    struct traffic_list list = list_entries(&matrix);
    free(matrix.entries);
    free(matrix.sources);
    free(matrix.destinations);
    return list;
}

void traffic_free(struct traffic_list *list)
{
    free(list->items);
    *list = (struct traffic_list){0};
}

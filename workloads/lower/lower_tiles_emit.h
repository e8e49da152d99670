// Shorthands for emitting groups and flows.
// Items of a group are counted along its map, one vertex an item unless said otherwise.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_TILES_EMIT_H
#define TILESIM_WORKLOADS_LOWER_LOWER_TILES_EMIT_H

#include <stdint.h>

#include "sim/program.h"
#include "workloads/lower/placement.h"

// Consecutive items of a map.
struct item_range {
    struct tile_map map;
    uint32_t first, count;
};

static inline struct item_range whole_range(struct tile_map map)
{
    return (struct item_range){.map = map, .first = 0, .count = map.positions};
}

static inline struct item_range one_tile(uint32_t tile)
{
    return whole_range(tile_map_range(tile, 1));
}

// The same tiles, numbered from the middle on: for tensors that are mapped apart from each other
// but spread alike, so that words between them do move.
static inline struct item_range rotated_range(struct tile_map map)
{
    return (struct item_range){.map = map, .first = map.positions / 2, .count = map.positions};
}

struct vertex_sizes {
    uint32_t a, b, c, d; // sizes[0..3] of the codelet
};

// One vertex on every item. layer: the network layer that the work is for.
void emit_each(struct program *program, enum codelet codelet, struct item_range items,
               struct vertex_sizes sizes, uint32_t layer);
// `vertices` vertices dealt over the items.
void emit_dealt(struct program *program, enum codelet codelet, struct item_range items,
                uint32_t vertices, struct vertex_sizes sizes, uint32_t layer);
// Sum of `partials` for `outputs` values on every item, split over the workers of the tile.
struct reduction {
    struct item_range items;
    uint32_t partials, outputs, contexts;
};
void emit_reduction(struct program *program, const struct reduction *reduction, uint32_t layer);

void emit_flow(struct program *program, enum flow_kind kind, struct item_range source,
               struct item_range destination, uint64_t bytes);
// `words` that lie evenly over the sources, all of them to every destination: exactly `words`
// arrive.
void emit_broadcast(struct program *program, struct item_range source, uint32_t words,
                    struct item_range destination);

#endif

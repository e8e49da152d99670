// Inside tiles/folded*.c: one vertex group whose cost depends on the record.
#ifndef TILESIM_TILES_FOLDED_GROUP_H
#define TILESIM_TILES_FOLDED_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/program.h"
#include "tiles/codelets/codelets.h"

#define NO_CELL UINT32_MAX

// Shape of a group: what program.h says, with the divisions done.
struct group_shape {
    uint32_t vertices_per_item; // SAMPLES, SEGMENTS
    uint32_t part_ids;          // SEGMENTS: ids of a part
    uint32_t vertex_ids;        // SEGMENTS: ids of a vertex
    uint32_t slot_vertices;     // SLOTS: all vertices
    uint32_t chunk;             // SLOTS: vertices of an item
    uint32_t sample_vertices;   // SLOTS: vertices of a sample
};

// Tiles of one class have the same work from everything static.
struct tile_class {
    uint64_t *base_millislots; // owned by the group; [contexts]
    uint64_t base_busiest;     // their maximum
    uint64_t fixed_cycles;
    uint64_t full_cycles; // SLOTS: tile cycles with every vertex live
    bool is_used;
};

struct folded_group {
    const struct vertex_group *group;
    struct group_shape shape;
    struct vertex_cost cost;
    uint32_t batch, neurons, slots, contexts;
    bool has_counts, has_hits; // what of the record changes the cost
    bool is_uniform;           // its tiles are its own and fall into classes

    // owned; general path: row of sums that the item's tile has; NO_CELL: no vertex
    uint32_t *item_row;
    uint32_t *item_worker; // owned; worker of the item's first vertex

    // uniform; SAMPLES: one class. SEGMENTS: one class per part. SLOTS: full items, the last one
    struct tile_class *classes; // owned
    uint32_t class_count;
    uint32_t *cell_of_id;        // owned; [neurons]; SAMPLES: the item; SEGMENTS: part and worker
    uint32_t *worker_of_sample;  // owned; SAMPLES
    uint64_t *worker_millislots; // owned; [contexts], scratch
    uint32_t *counters; // owned; SAMPLES: [worker][item] counted above `epoch`; SEGMENTS: [cell]
    uint32_t counter_count;
    uint32_t epoch;          // SAMPLES: counters at or below it are from earlier steps
    uint32_t epoch_stride;   // SAMPLES: no worker is hit more often in a step
    uint32_t *base_counters; // owned; SEGMENTS: millislots of a cell before any hit
    uint32_t base_busiest;   // SEGMENTS: their maximum
    uint32_t *first_item;    // owned; SLOTS: item that holds the first vertex of a sample
    uint32_t *full_item_end; // owned; SLOTS: a sample live up to this vertex fills one item
    uint32_t full_items;     // SLOTS: items with `chunk` vertices
};

struct group_shape group_shape_of(const struct program *program, const struct vertex_group *group);
uint32_t group_item_vertices(const struct vertex_group *group, const struct group_shape *shape,
                             uint32_t item);
// Ids in the interval of one vertex of a part (DEAL_SEGMENTS).
uint32_t group_vertex_ids(const struct group_shape *shape, uint32_t neurons, uint32_t part,
                          uint32_t vertex);

// The part of a sample's ids that a list names.
struct list_range {
    uint32_t first, count;
};

static inline struct list_range list_range_of(const uint32_t *counts, enum record_list list)
{
    switch (list) {
    case LIST_SPIKES:
        return (struct list_range){0, counts[0]};
    case LIST_NEAR:
        return (struct list_range){counts[0], counts[1] - counts[0]};
    case LIST_LISTED:
        return (struct list_range){0, counts[1]};
    default:
        return (struct list_range){0, 0};
    }
}

// Counts [batch][2] that the group sees, or NULL before the first time step.
const uint32_t *group_counts(const struct folded_group *group, const struct activity *record,
                             int64_t time_step);
// Cycles of the slowest of the group's tiles, if it is uniform.
uint64_t folded_group_cycles(struct folded_group *group, const struct chip_config *chip,
                             const struct activity *record, int64_t time_step);
// Adds the group's dynamic work to millislots [row][contexts], if it is not.
void folded_group_add(const struct folded_group *group, const struct activity *record,
                      int64_t time_step, uint64_t *millislots);
// Tables for the uniform path, from classes that are filled in.
void folded_group_prepare(struct folded_group *group, const struct chip_config *chip);
void folded_group_free(struct folded_group *group);

#endif

// Convention: run_<dealing> takes the counts of the record at the group's time step, never NULL,
// and gives the cycles of the group's slowest tile. Sums are in thousandths of a worker slot.
#include "tiles/folded_group.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "tiles/tile.h"

struct group_shape group_shape_of(const struct program *program, const struct vertex_group *group)
{
    struct group_shape shape = {0};
    if (group->dealing == DEAL_SAMPLES) {
        shape.vertices_per_item = (uint32_t)div_ceil(program->batch, group->samples_per_vertex);
    } else if (group->dealing == DEAL_SEGMENTS) {
        shape.vertices_per_item = group->vertices;
        shape.part_ids = (uint32_t)div_ceil(program->neurons[group->layer], group->parts);
        shape.vertex_ids = (uint32_t)div_ceil(shape.part_ids, group->vertices);
    } else if (group->dealing == DEAL_SLOTS) {
        shape.sample_vertices = program->slots[group->layer] * group->groups;
        shape.slot_vertices = program->batch * shape.sample_vertices;
        shape.chunk = (uint32_t)div_ceil(shape.slot_vertices, group->items);
    }
    return shape;
}

uint32_t group_item_vertices(const struct vertex_group *group, const struct group_shape *shape,
                             uint32_t item)
{
    if (group->dealing == DEAL_EVEN) {
        return group->vertices / group->items + (item < group->vertices % group->items);
    }
    if (group->dealing == DEAL_SLOTS) {
        uint64_t first = (uint64_t)item * shape->chunk;
        return first >= shape->slot_vertices
                   ? 0
                   : (uint32_t)min_u64(shape->chunk, shape->slot_vertices - first);
    }
    return shape->vertices_per_item;
}

uint32_t group_vertex_ids(const struct group_shape *shape, uint32_t neurons, uint32_t part,
                          uint32_t vertex)
{
    uint64_t part_first = (uint64_t)part * shape->part_ids;
    uint64_t part_end = min_u64(neurons, part_first + shape->part_ids);
    uint64_t first = part_first + (uint64_t)vertex * shape->vertex_ids;
    uint64_t end = min_u64(part_end, first + shape->vertex_ids);
    return end > first ? (uint32_t)(end - first) : 0;
}

const uint32_t *group_counts(const struct folded_group *group, const struct activity *record,
                             int64_t time_step)
{
    int64_t seen = time_step + group->group->time_offset;
    if (seen < 0) {
        return NULL;
    }
    SIM_ASSERT(record != NULL, "%s reads a record, and there is none",
               codelet_name(group->group->codelet));
    SIM_ASSERT(seen < record->time_steps, "time step %lld of a record of %u", (long long)seen,
               record->time_steps);
    return activity_counts(&record->layers[group->group->layer], group->batch, (uint32_t)seen);
}

// ids of all samples at a time step: sample b begins at b * slots.
static const uint32_t *ids_at(const struct folded_group *group, const struct activity *record,
                              int64_t time_step)
{
    const struct activity_layer *layer = &record->layers[group->group->layer];
    SIM_ASSERT(activity_has_ids(layer), "%s needs ids of layer %u, and the record kept none",
               codelet_name(group->group->codelet), group->group->layer);
    return activity_ids(layer, group->batch, (uint32_t)(time_step + group->group->time_offset), 0);
}

// --- DEAL_SAMPLES -------------------------------------------------------------------------------
static void forget_old_counters(struct folded_group *group)
{
    if (group->epoch > UINT32_MAX - 2 * group->epoch_stride) {
        memset(group->counters, 0, group->counter_count * sizeof *group->counters);
        group->epoch = 0;
    }
}

// Counts hits of one sample on one worker of every tile; returns the highest counter seen.
static inline uint32_t count_hits(const uint32_t *ids, uint32_t count, const uint32_t *cell_of_id,
                                  uint32_t *counters, uint32_t epoch)
{
    uint32_t highest = epoch;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *counter = &counters[cell_of_id[ids[i]]];
        uint32_t value = (*counter > epoch ? *counter : epoch) + 1;
        *counter = value;
        highest = value > highest ? value : highest;
    }
    return highest;
}

// Every tile of the class has the same counts on the same workers; only hits differ. The slowest
// tile is found per worker: the maximum over tiles of a sum is that of the hits, for each worker by
// itself.
static void add_highest_hits(struct folded_group *group, const struct activity *record,
                             const uint32_t *counts, int64_t time_step, uint64_t *millislots)
{
    const uint32_t *ids = ids_at(group, record, time_step);
    uint32_t items = group->group->items;
    uint64_t reached[group->contexts];
    memset(reached, 0, sizeof reached);
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        struct list_range range = list_range_of(&counts[2 * sample], group->group->list);
        uint32_t worker = group->worker_of_sample[sample];
        uint32_t highest =
            count_hits(ids + (size_t)sample * group->slots + range.first, range.count,
                       group->cell_of_id, group->counters + (size_t)worker * items, group->epoch);
        reached[worker] = max_u64(reached[worker], highest - group->epoch);
    }
    for (uint32_t i = 0; i < group->contexts; i++) {
        millislots[i] += group->cost.hit_millislots * reached[i];
    }
    group->epoch += group->epoch_stride;
    forget_old_counters(group);
}

static uint64_t run_samples(struct folded_group *group, const struct chip_config *chip,
                            const struct activity *record, const uint32_t *counts,
                            int64_t time_step)
{
    const struct tile_class *class = &group->classes[0];
    uint64_t *millislots = group->worker_millislots;
    memcpy(millislots, class->base_millislots, group->contexts * sizeof *millislots);
    if (group->has_counts) {
        for (uint32_t sample = 0; sample < group->batch; sample++) {
            uint64_t count = list_range_of(&counts[2 * sample], group->group->list).count;
            millislots[group->worker_of_sample[sample]] += count * group->cost.count_millislots;
        }
    }
    if (group->has_hits) {
        add_highest_hits(group, record, counts, time_step, millislots);
    }
    uint64_t busiest = 0;
    for (uint32_t i = 0; i < group->contexts; i++) {
        busiest = max_u64(busiest, millislots[i]);
    }
    return class->fixed_cycles + tile_worker_cycles(chip, busiest);
}

// --- DEAL_SEGMENTS ------------------------------------------------------------------------------
// One sample's tiles are its own, so the sums of a sample start from the base again.
static uint64_t run_segments(struct folded_group *group, const struct chip_config *chip,
                             const struct activity *record, const uint32_t *counts,
                             int64_t time_step)
{
    uint32_t busiest = group->base_busiest;
    uint32_t hit = (uint32_t)group->cost.hit_millislots;
    enum record_list list = group->group->list;
    bool is_one_vertex = group->group->parts == 1 && group->shape.vertices_per_item == 1;
    const uint32_t *ids = is_one_vertex ? NULL : ids_at(group, record, time_step);
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        struct list_range range = list_range_of(&counts[2 * sample], list);
        if (is_one_vertex) { // all of the list is in its interval
            uint32_t value = group->base_counters[group->item_worker[0]] + hit * range.count;
            busiest = value > busiest ? value : busiest;
            continue;
        }
        for (uint32_t i = 0; i < group->counter_count; i++) {
            group->counters[i] = group->base_counters[i];
        }
        const uint32_t *sample_ids = ids + (size_t)sample * group->slots + range.first;
        for (uint32_t i = 0; i < range.count; i++) {
            uint32_t value = group->counters[group->cell_of_id[sample_ids[i]]] += hit;
            busiest = value > busiest ? value : busiest;
        }
    }
    return group->classes[0].fixed_cycles + tile_worker_cycles(chip, busiest);
}

// --- DEAL_SLOTS ---------------------------------------------------------------------------------
// Live vertices of a sample are consecutive, so a tile sees at most one run of each sample.
struct slots_sweep {
    const struct folded_group *group;
    uint64_t *live; // [contexts] live vertices of the item at hand
    uint32_t item;  // at hand
    bool has_item;
    uint64_t busiest[2]; // by class
};

static void sweep_close_item(struct slots_sweep *sweep)
{
    if (!sweep->has_item) {
        return;
    }
    const struct folded_group *group = sweep->group;
    uint32_t class = sweep->item < group->full_items ? 0 : 1;
    for (uint32_t i = 0; i < group->contexts; i++) {
        uint64_t millislots =
            group->classes[class].base_millislots[i] + sweep->live[i] * group->cost.hit_millislots;
        sweep->busiest[class] = max_u64(sweep->busiest[class], millislots);
        sweep->live[i] = 0;
    }
    sweep->has_item = false;
}

// Live vertices [first, end), all of one item.
static void sweep_add(struct slots_sweep *sweep, uint32_t item, uint32_t first, uint32_t end)
{
    const struct folded_group *group = sweep->group;
    if (sweep->has_item && item != sweep->item) {
        sweep_close_item(sweep);
    }
    sweep->item = item;
    sweep->has_item = true;
    uint32_t contexts = group->contexts;
    SIM_ASSERT(contexts > 0, "a tile without workers");
    uint32_t worker = (group->item_worker[item] + first - item * group->shape.chunk) % contexts;
    uint32_t turns = (end - first) / contexts;
    uint32_t rest = (end - first) % contexts;
    for (uint32_t i = 0; i < contexts; i++) {
        sweep->live[worker] += turns + (i < rest);
        worker = worker + 1 == contexts ? 0 : worker + 1;
    }
}

// If some item with all its vertices is live throughout, no other item can take longer.
static bool has_full_item(const struct folded_group *group, const uint32_t *counts)
{
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        uint32_t count = list_range_of(&counts[2 * sample], group->group->list).count;
        uint32_t live_end = sample * group->shape.sample_vertices + count * group->group->groups;
        if (live_end >= group->full_item_end[sample]) {
            return true;
        }
    }
    return false;
}

static uint64_t run_slots(struct folded_group *group, const struct chip_config *chip,
                          const uint32_t *counts)
{
    const struct tile_class *full = &group->classes[0];
    const struct tile_class *last = &group->classes[1];
    bool is_full_longest =
        full->is_used && (!last->is_used || last->full_cycles <= full->full_cycles);
    if (is_full_longest && has_full_item(group, counts)) {
        return full->full_cycles;
    }
    memset(group->worker_millislots, 0, group->contexts * sizeof *group->worker_millislots);
    struct slots_sweep sweep = {.group = group,
                                .live = group->worker_millislots,
                                .busiest = {full->base_busiest, last->base_busiest}};
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        uint32_t count = list_range_of(&counts[2 * sample], group->group->list).count;
        uint32_t vertex = sample * group->shape.sample_vertices;
        uint32_t end = vertex + count * group->group->groups;
        for (uint32_t item = group->first_item[sample]; vertex < end; item++) {
            uint64_t item_end = (uint64_t)(item + 1) * group->shape.chunk;
            uint32_t run_end = (uint32_t)min_u64(item_end, end);
            sweep_add(&sweep, item, vertex, run_end);
            vertex = run_end;
        }
    }
    sweep_close_item(&sweep);
    uint64_t cycles = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (group->classes[i].is_used) {
            cycles = max_u64(cycles, group->classes[i].fixed_cycles +
                                         tile_worker_cycles(chip, sweep.busiest[i]));
        }
    }
    return cycles;
}

uint64_t folded_group_cycles(struct folded_group *group, const struct chip_config *chip,
                             const struct activity *record, int64_t time_step)
{
    const uint32_t *counts = group_counts(group, record, time_step);
    if (counts == NULL) {
        uint64_t cycles = 0;
        for (uint32_t i = 0; i < group->class_count; i++) {
            const struct tile_class *class = &group->classes[i];
            if (class->is_used) {
                cycles = max_u64(cycles, class->fixed_cycles +
                                             tile_worker_cycles(chip, class->base_busiest));
            }
        }
        return cycles;
    }
    switch (group->group->dealing) {
    case DEAL_SAMPLES:
        return run_samples(group, chip, record, counts, time_step);
    case DEAL_SEGMENTS:
        return run_segments(group, chip, record, counts, time_step);
    default:
        return run_slots(group, chip, counts);
    }
}

// --- any tiles ----------------------------------------------------------------------------------
static void add_samples(const struct folded_group *group, const struct activity *record,
                        const uint32_t *counts, int64_t time_step, uint64_t *millislots)
{
    uint32_t contexts = group->contexts;
    const uint32_t *ids = group->has_hits ? ids_at(group, record, time_step) : NULL;
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        struct list_range range = list_range_of(&counts[2 * sample], group->group->list);
        uint32_t vertex = sample / group->group->samples_per_vertex;
        if (group->has_counts) {
            for (uint32_t item = 0; item < group->group->items; item++) {
                uint32_t worker = (group->item_worker[item] + vertex) % contexts;
                millislots[(size_t)group->item_row[item] * contexts + worker] +=
                    range.count * group->cost.count_millislots;
            }
        }
        for (uint32_t i = 0; group->has_hits && i < range.count; i++) {
            uint32_t id = ids[(size_t)sample * group->slots + range.first + i];
            uint32_t item = group->cell_of_id[id];
            if (item != NO_CELL) {
                uint32_t worker = (group->item_worker[item] + vertex) % contexts;
                millislots[(size_t)group->item_row[item] * contexts + worker] +=
                    group->cost.hit_millislots;
            }
        }
    }
}

static void add_segments(const struct folded_group *group, const struct activity *record,
                         const uint32_t *counts, int64_t time_step, uint64_t *millislots)
{
    uint32_t contexts = group->contexts;
    const uint32_t *ids = ids_at(group, record, time_step);
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        struct list_range range = list_range_of(&counts[2 * sample], group->group->list);
        for (uint32_t i = 0; i < range.count; i++) {
            uint32_t id = ids[(size_t)sample * group->slots + range.first + i];
            uint32_t part = id / group->shape.part_ids;
            uint32_t vertex = id % group->shape.part_ids / group->shape.vertex_ids;
            uint32_t item = sample * group->group->parts + part;
            uint32_t worker = (group->item_worker[item] + vertex) % contexts;
            millislots[(size_t)group->item_row[item] * contexts + worker] +=
                group->cost.hit_millislots;
        }
    }
}

static void add_slots(const struct folded_group *group, const uint32_t *counts,
                      uint64_t *millislots)
{
    uint32_t contexts = group->contexts;
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        uint32_t count = list_range_of(&counts[2 * sample], group->group->list).count;
        uint32_t vertex = sample * group->shape.sample_vertices;
        uint32_t end = vertex + count * group->group->groups;
        for (; vertex < end; vertex++) {
            uint32_t item = vertex / group->shape.chunk;
            uint32_t place = vertex % group->shape.chunk;
            uint32_t worker = (group->item_worker[item] + place) % contexts;
            millislots[(size_t)group->item_row[item] * contexts + worker] +=
                group->cost.hit_millislots;
        }
    }
}

void folded_group_add(const struct folded_group *group, const struct activity *record,
                      int64_t time_step, uint64_t *millislots)
{
    const uint32_t *counts = group_counts(group, record, time_step);
    if (counts == NULL) {
        return;
    }
    if (group->group->dealing == DEAL_SAMPLES) {
        add_samples(group, record, counts, time_step, millislots);
    } else if (group->group->dealing == DEAL_SEGMENTS) {
        add_segments(group, record, counts, time_step, millislots);
    } else {
        add_slots(group, counts, millislots);
    }
}

// Tables of the uniform path, made once from a group's classes.
#include <stdlib.h>

#include "sim/err.h"
#include "tiles/folded_group.h"
#include "tiles/tile.h"

static void prepare_samples(struct folded_group *group)
{
    const struct vertex_group *given = group->group;
    group->worker_of_sample = xcalloc(group->batch, sizeof *group->worker_of_sample);
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        uint32_t vertex = sample / given->samples_per_vertex;
        group->worker_of_sample[sample] = (group->item_worker[0] + vertex) % group->contexts;
    }
    if (!group->has_hits) {
        return;
    }
    uint64_t stride = (uint64_t)group->batch * group->slots + 1;
    SIM_ASSERT(stride < UINT32_MAX / 4, "a record of %u x %u ids is too large to count",
               group->batch, group->slots);
    group->epoch_stride = (uint32_t)stride;
    group->counter_count = given->items * group->contexts;
    group->counters = xcalloc(group->counter_count, sizeof *group->counters);
}

static void prepare_segments(struct folded_group *group)
{
    group->counter_count = group->group->parts * group->contexts;
    group->counters = xcalloc(group->counter_count, sizeof *group->counters);
    group->base_counters = xcalloc(group->counter_count, sizeof *group->base_counters);
    for (uint32_t part = 0; part < group->group->parts; part++) {
        const struct tile_class *class = &group->classes[part];
        for (uint32_t i = 0; i < group->contexts; i++) {
            group->base_counters[part * group->contexts + i] = (uint32_t) class->base_millislots[i];
        }
        group->base_busiest = (uint32_t)max_u64(group->base_busiest, class->base_busiest);
    }
    for (uint32_t id = 0; id < group->neurons; id++) {
        uint32_t part = id / group->shape.part_ids;
        uint32_t vertex = id % group->shape.part_ids / group->shape.vertex_ids;
        group->cell_of_id[id] =
            part * group->contexts + (group->item_worker[part] + vertex) % group->contexts;
    }
}

static void prepare_slots(struct folded_group *group, const struct chip_config *chip)
{
    const struct group_shape *shape = &group->shape;
    group->full_items = shape->slot_vertices / shape->chunk;
    group->first_item = xcalloc(group->batch, sizeof *group->first_item);
    group->full_item_end = xcalloc(group->batch, sizeof *group->full_item_end);
    for (uint32_t sample = 0; sample < group->batch; sample++) {
        uint32_t first = sample * shape->sample_vertices;
        uint64_t next_boundary = div_ceil(first, shape->chunk) * shape->chunk;
        group->first_item[sample] = first / shape->chunk;
        group->full_item_end[sample] = (uint32_t)min_u64(next_boundary + shape->chunk, UINT32_MAX);
    }
    for (uint32_t i = 0; i < group->class_count; i++) {
        struct tile_class *class = &group->classes[i];
        if (!class->is_used) {
            continue;
        }
        uint32_t vertices = i == 0 ? shape->chunk : shape->slot_vertices % shape->chunk;
        uint32_t worker = group->item_worker[i == 0 ? 0 : group->full_items];
        uint64_t busiest = 0;
        for (uint32_t j = 0; j < group->contexts; j++) {
            uint64_t own = vertices / group->contexts + (j < vertices % group->contexts);
            busiest =
                max_u64(busiest, class->base_millislots[worker] + own * group->cost.hit_millislots);
            worker = worker + 1 == group->contexts ? 0 : worker + 1;
        }
        class->full_cycles = class->fixed_cycles + tile_worker_cycles(chip, busiest);
    }
}

void folded_group_prepare(struct folded_group *group, const struct chip_config *chip)
{
    SIM_ASSERT(group->contexts > 0, "a tile without workers");
    for (uint32_t i = 0; i < group->class_count; i++) {
        struct tile_class *class = &group->classes[i];
        for (uint32_t j = 0; class->is_used && j < group->contexts; j++) {
            class->base_busiest = max_u64(class->base_busiest, class->base_millislots[j]);
        }
    }
    group->worker_millislots = xcalloc(group->contexts, sizeof *group->worker_millislots);
    switch (group->group->dealing) {
    case DEAL_SAMPLES:
        prepare_samples(group);
        break;
    case DEAL_SEGMENTS:
        prepare_segments(group);
        break;
    default:
        prepare_slots(group, chip);
        break;
    }
}

void folded_group_free(struct folded_group *group)
{
    for (uint32_t i = 0; i < group->class_count; i++) {
        free(group->classes[i].base_millislots);
    }
    free(group->classes);
    free(group->item_row);
    free(group->item_worker);
    free(group->cell_of_id);
    free(group->worker_of_sample);
    free(group->worker_millislots);
    free(group->counters);
    free(group->base_counters);
    free(group->first_item);
    free(group->full_item_end);
}

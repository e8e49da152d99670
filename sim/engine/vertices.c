#include "sim/engine/vertices.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"
#include "tiles/codelets/codelets.h"
#include "tiles/tile.h"

struct walk { // of one tile through one compute set
    const struct chip_config *chip;
    const struct program *program;
    const struct activity *record;
    int64_t time_step;
    uint64_t *worker_millislots;
    uint64_t multi_millislots;
    uint64_t vertices, worker_vertices, supervisor_cycles;
    const struct vertices_visitor *visitor; // NULL: nobody looks
};

// --- what the record says -----------------------------------------------------------------------
struct ids {
    const uint32_t *id; // NULL: the record kept none
    uint32_t count;
    uint32_t neurons; // of the layer
};

static struct ids ids_of(const struct walk *walk, const struct vertex_group *group, uint32_t sample)
{
    int64_t time_step = walk->time_step + group->time_offset;
    if (group->list == LIST_NONE || time_step < 0) {
        return (struct ids){0};
    }
    const struct activity_layer *layer = &walk->record->layers[group->layer];
    uint32_t batch = walk->program->batch;
    const uint32_t *counts = activity_counts(layer, batch, (uint32_t)time_step) + 2 * sample;
    uint32_t first = group->list == LIST_NEAR ? counts[0] : 0;
    uint32_t end = group->list == LIST_SPIKES ? counts[0] : counts[1];
    const uint32_t *id = !activity_has_ids(layer)
                             ? NULL
                             : activity_ids(layer, batch, (uint32_t)time_step, sample) + first;
    return (struct ids){.id = id, .count = end - first, .neurons = layer->neurons};
}

static uint64_t count_between(struct ids ids, uint64_t first, uint64_t end)
{
    if (first == 0 && end >= ids.neurons) {
        return ids.count; // known without the ids
    }
    SIM_ASSERT(ids.count == 0 || ids.id != NULL, "the record kept no ids to look at");
    uint64_t hits = 0;
    for (uint32_t i = 0; i < ids.count; i++) {
        hits += ids.id[i] >= first && ids.id[i] < end;
    }
    return hits;
}

// --- vertices of one item, in order -------------------------------------------------------------
static void run_vertex(struct walk *walk, const struct vertex_group *group,
                       const struct vertex_cost *cost, uint64_t count, uint64_t hits)
{
    uint64_t millislots =
        cost->fixed_millislots + count * cost->count_millislots + hits * cost->hit_millislots;
    uint64_t worker = walk->worker_vertices % walk->chip->tile.contexts;
    if (walk->visitor != NULL) {
        const struct vertex_visit visit = {.group = group,
                                           .worker = cost->is_multi ? VERTEX_ON_ALL_WORKERS
                                                                    : (uint32_t)worker,
                                           .supervisor_cycles = cost->supervisor_cycles,
                                           .millislots = millislots,
                                           .count = count,
                                           .hits = hits};
        walk->visitor->visit(walk->visitor->context, &visit);
    }
    walk->vertices++;
    walk->supervisor_cycles += cost->supervisor_cycles;
    if (cost->is_multi) {
        walk->multi_millislots += millislots;
        return;
    }
    walk->worker_millislots[worker] += millislots;
    walk->worker_vertices++;
}

static void run_even(struct walk *walk, const struct vertex_group *group,
                     const struct vertex_cost *cost, uint32_t item)
{
    uint32_t vertices = group->vertices / group->items;
    if (item < group->vertices % group->items) {
        vertices++;
    }
    for (uint32_t i = 0; i < vertices; i++) {
        run_vertex(walk, group, cost, 0, 0);
    }
}

static void run_samples(struct walk *walk, const struct vertex_group *group,
                        const struct vertex_cost *cost, uint32_t item)
{
    uint64_t first_id = (uint64_t)item * group->ids_per_item;
    uint32_t batch = walk->program->batch;
    for (uint32_t first = 0; first < batch; first += group->samples_per_vertex) {
        uint64_t count = 0, hits = 0;
        for (uint32_t i = first; i < first + group->samples_per_vertex && i < batch; i++) {
            struct ids ids = ids_of(walk, group, i);
            count += ids.count;
            if (group->ids_per_item > 0 && cost->hit_millislots > 0) {
                hits += count_between(ids, first_id, first_id + group->ids_per_item);
            }
        }
        run_vertex(walk, group, cost, count, hits);
    }
}

static void run_segments(struct walk *walk, const struct vertex_group *group,
                         const struct vertex_cost *cost, uint32_t item)
{
    uint64_t neurons = walk->program->neurons[group->layer];
    uint64_t part_ids = div_ceil(neurons, group->parts);
    uint64_t vertex_ids = div_ceil(part_ids, group->vertices);
    uint64_t part_first = item % group->parts * part_ids;
    uint64_t part_end = min_u64(neurons, part_first + part_ids);
    struct ids ids = ids_of(walk, group, item / group->parts);
    for (uint32_t i = 0; i < group->vertices; i++) {
        uint64_t first = part_first + i * vertex_ids;
        uint64_t end = min_u64(part_end, first + vertex_ids);
        uint64_t count = end > first ? end - first : 0;
        uint64_t hits = cost->hit_millislots > 0 ? count_between(ids, first, end) : 0;
        run_vertex(walk, group, cost, count, hits);
    }
}

static void run_slots(struct walk *walk, const struct vertex_group *group,
                      const struct vertex_cost *cost, uint32_t item)
{
    uint64_t slots = walk->program->slots[group->layer];
    uint64_t total = walk->program->batch * slots * group->groups;
    uint64_t chunk = div_ceil(total, group->items);
    for (uint64_t i = item * chunk; i < (item + 1) * chunk && i < total; i++) {
        uint64_t slot = i / group->groups % slots;
        uint32_t sample = (uint32_t)(i / group->groups / slots);
        run_vertex(walk, group, cost, 0, slot < ids_of(walk, group, sample).count);
    }
}

static void run_item(struct walk *walk, const struct vertex_group *group,
                     const struct vertex_cost *cost, uint32_t item)
{
    switch (group->dealing) {
    case DEAL_EVEN:
        run_even(walk, group, cost, item);
        break;
    case DEAL_SAMPLES:
        run_samples(walk, group, cost, item);
        break;
    case DEAL_SEGMENTS:
        run_segments(walk, group, cost, item);
        break;
    case DEAL_SLOTS:
        run_slots(walk, group, cost, item);
        break;
    }
}

static struct tile_work work_of(const struct walk *walk)
{
    uint64_t busiest = 0;
    for (uint32_t i = 0; i < walk->chip->tile.contexts; i++) {
        busiest = max_u64(busiest, walk->worker_millislots[i]);
    }
    return (struct tile_work){.vertices = walk->vertices,
                              .has_workers = walk->worker_vertices > 0,
                              .supervisor_cycles = walk->supervisor_cycles,
                              .busiest_millislots = busiest + walk->multi_millislots};
}

static void run_tile(struct walk *walk, const struct compute_set *set, uint32_t tile)
{
    memset(walk->worker_millislots, 0, walk->chip->tile.contexts * sizeof *walk->worker_millislots);
    for (uint32_t i = 0; i < set->group_count; i++) {
        const struct vertex_group *group = &walk->program->groups[set->first_group + i];
        struct vertex_cost cost = vertex_cost(group->codelet, group->sizes, walk->chip);
        for (uint32_t j = 0; j < group->items; j++) {
            if (tile_map_at(&group->place, group->first_item + j) == tile) {
                run_item(walk, group, &cost, j);
            }
        }
    }
}

uint64_t vertices_tile_cycles(const struct chip_config *chip, const struct program *program,
                              const struct compute_set *set, const struct activity *record,
                              int64_t time_step, uint32_t tile, uint64_t *worker_millislots)
{
    struct walk walk = {.chip = chip,
                        .program = program,
                        .record = record,
                        .time_step = time_step,
                        .worker_millislots = worker_millislots};
    run_tile(&walk, set, tile);
    struct tile_work work = work_of(&walk);
    return tile_cycles(chip, &work);
}

// --- for reports --------------------------------------------------------------------------------
void vertices_visit(const struct chip_config *chip, const struct program *program,
                    const struct compute_set *set, const struct vertices_moment *moment,
                    const struct vertices_visitor *visitor)
{
    struct walk walk = {.chip = chip,
                        .program = program,
                        .record = moment->record,
                        .time_step = moment->time_step,
                        .worker_millislots = xcalloc(chip->tile.contexts, sizeof(uint64_t)),
                        .visitor = visitor};
    run_tile(&walk, set, visitor->tile);
    free(walk.worker_millislots);
}

static void finish_tile(const struct walk *walk, struct vertices_tile *tile)
{
    struct tile_work work = work_of(walk);
    tile->cycles = tile_cycles(walk->chip, &work);
    tile->fixed_cycles =
        tile_fixed_cycles(walk->chip, work.vertices, work.has_workers, work.supervisor_cycles);
    tile->vertices = walk->vertices;
    tile->worker_vertices = walk->worker_vertices;
    tile->busy_millislots = walk->multi_millislots * walk->chip->tile.contexts;
    for (uint32_t i = 0; i < walk->chip->tile.contexts; i++) {
        tile->busy_millislots += walk->worker_millislots[i];
    }
}

// Items come group by group, each to the walk of its tile: a tile sees its vertices in the same
// order as alone.
void vertices_all_tiles(const struct chip_config *chip, const struct program *program,
                        const struct compute_set *set, const struct vertices_moment *moment,
                        struct vertices_tile *tiles, uint64_t *worker_millislots)
{
    uint32_t contexts = chip->tile.contexts;
    memset(worker_millislots, 0, (size_t)program->tile_count * contexts * sizeof(uint64_t));
    struct walk *walks = xcalloc(program->tile_count, sizeof *walks);
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        walks[tile] =
            (struct walk){.chip = chip,
                          .program = program,
                          .record = moment->record,
                          .time_step = moment->time_step,
                          .worker_millislots = &worker_millislots[(size_t)tile * contexts]};
    }
    for (uint32_t i = 0; i < set->group_count; i++) {
        const struct vertex_group *group = &program->groups[set->first_group + i];
        struct vertex_cost cost = vertex_cost(group->codelet, group->sizes, chip);
        for (uint32_t j = 0; j < group->items; j++) {
            run_item(&walks[tile_map_at(&group->place, group->first_item + j)], group, &cost, j);
        }
    }
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        finish_tile(&walks[tile], &tiles[tile]);
    }
    free(walks);
}

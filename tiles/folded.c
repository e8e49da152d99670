// Building a folded set: every group is dealt to its tiles once. `rows` are the tiles that have a
// vertex, each with its static work per worker. Then every dynamic group either finds its tiles
// alike (classes), or its tiles join `general`, where sums are kept per tile at run time.
#include "tiles/folded.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "tiles/folded_group.h"
#include "tiles/tile.h"

struct general_tiles {
    uint32_t count;
    uint64_t *base_millislots; // owned; [count][contexts]
    uint64_t *millislots;      // owned; the same, scratch
    uint64_t *fixed_cycles;    // owned; [count]
};

struct folded_set {
    const struct chip_config *chip;
    uint64_t constant_cycles;    // slowest of the tiles without dynamic work
    struct folded_group *groups; // owned; dynamic ones
    uint32_t group_count;
    uint32_t general_groups;
    struct general_tiles general;
};

struct row {
    uint32_t tile;
    uint32_t next_worker;   // of the next worker vertex
    uint32_t dynamic_items; // items of dynamic groups that have vertices here
    uint32_t general_row;   // NO_CELL: not in `general`
    uint64_t vertices, supervisor_cycles, multi_millislots;
    bool has_workers; // some vertex runs on one worker
};

struct builder {
    const struct chip_config *chip;
    const struct program *program;
    uint32_t contexts;
    uint32_t *row_of_tile; // owned; NO_CELL: none yet
    struct row *rows;      // owned
    uint64_t *millislots;  // owned; [row][contexts]
    uint32_t row_count;
};

// --- dealing ------------------------------------------------------------------------------------
static uint32_t row_at(struct builder *builder, uint32_t tile)
{
    uint32_t row = builder->row_of_tile[tile];
    if (row == NO_CELL) {
        row = builder->row_count++;
        builder->row_of_tile[tile] = row;
        builder->rows[row] = (struct row){.tile = tile, .general_row = NO_CELL};
        memset(&builder->millislots[(size_t)row * builder->contexts], 0,
               builder->contexts * sizeof *builder->millislots);
    }
    return row;
}

// `vertices` equal worker vertices: every worker gets its turns, the first ones one more.
static void deal_equal(struct builder *builder, uint32_t row, uint32_t vertices,
                       uint64_t vertex_millislots)
{
    uint32_t contexts = builder->contexts;
    uint64_t *millislots = &builder->millislots[(size_t)row * contexts];
    uint32_t worker = builder->rows[row].next_worker;
    for (uint32_t i = 0; i < contexts; i++) {
        uint64_t own = vertices / contexts + (i < vertices % contexts);
        millislots[worker] += own * vertex_millislots;
        worker = worker + 1 == contexts ? 0 : worker + 1;
    }
}

// What a vertex of segments scans is static: the ids of its interval.
static void deal_segments(struct builder *builder, const struct folded_group *group, uint32_t row,
                          uint32_t item)
{
    uint32_t contexts = builder->contexts;
    uint32_t part = item % group->group->parts;
    uint32_t worker = builder->rows[row].next_worker;
    for (uint32_t i = 0; i < group->shape.vertices_per_item; i++) {
        uint64_t scanned = group_vertex_ids(&group->shape, group->neurons, part, i);
        uint64_t millislots = group->cost.fixed_millislots + scanned * group->cost.count_millislots;
        builder->millislots[(size_t)row * contexts + worker] += millislots;
        worker = worker + 1 == contexts ? 0 : worker + 1;
    }
}

static void deal_item(struct builder *builder, struct folded_group *group, uint32_t item,
                      bool is_dynamic)
{
    uint32_t vertices = group_item_vertices(group->group, &group->shape, item);
    if (vertices == 0) {
        return;
    }
    uint32_t tile = tile_map_at(&group->group->place, group->group->first_item + item);
    uint32_t row_index = row_at(builder, tile);
    struct row *row = &builder->rows[row_index];
    row->vertices += vertices;
    row->supervisor_cycles += vertices * group->cost.supervisor_cycles;
    if (group->cost.is_multi) {
        row->multi_millislots += vertices * group->cost.fixed_millislots;
        return;
    }
    row->has_workers = true;
    if (is_dynamic) {
        group->item_row[item] = row_index;
        group->item_worker[item] = row->next_worker;
        row->dynamic_items++;
    }
    if (group->group->dealing == DEAL_SEGMENTS) {
        deal_segments(builder, group, row_index, item);
    } else {
        deal_equal(builder, row_index, vertices, group->cost.fixed_millislots);
    }
    SIM_ASSERT(builder->contexts > 0, "a tile without workers");
    row->next_worker = (row->next_worker + vertices) % builder->contexts;
}

static struct folded_group group_of(const struct builder *builder, const struct vertex_group *given)
{
    const struct program *program = builder->program;
    struct folded_group group = {
        .group = given,
        .shape = group_shape_of(program, given),
        .cost = vertex_cost(given->codelet, given->sizes, builder->chip),
        .batch = program->batch,
        .contexts = builder->contexts,
    };
    if (given->layer < program->layer_count) {
        group.neurons = program->neurons[given->layer];
        group.slots = program->slots[given->layer];
    }
    bool has_list = given->list != LIST_NONE && given->dealing != DEAL_EVEN;
    group.has_counts =
        has_list && given->dealing == DEAL_SAMPLES && group.cost.count_millislots > 0;
    group.has_hits = has_list && group.cost.hit_millislots > 0 &&
                     (given->dealing != DEAL_SAMPLES || given->ids_per_item > 0) &&
                     (given->dealing != DEAL_SLOTS || group.shape.slot_vertices > 0);
    return group;
}

// Which item an id belongs to: only hits of DEAL_SAMPLES ask by item.
static void fill_item_of_id(struct folded_group *group)
{
    group->cell_of_id = xcalloc(group->neurons, sizeof *group->cell_of_id);
    for (uint32_t id = 0; id < group->neurons && group->group->dealing == DEAL_SAMPLES; id++) {
        uint32_t item = id / group->group->ids_per_item;
        group->cell_of_id[id] = item < group->group->items ? item : NO_CELL;
    }
}

static void deal_group(struct builder *builder, struct folded_set *set,
                       const struct vertex_group *given)
{
    struct folded_group group = group_of(builder, given);
    bool is_dynamic = group.has_counts || group.has_hits;
    if (is_dynamic) {
        group.item_row = xcalloc(given->items, sizeof *group.item_row);
        group.item_worker = xcalloc(given->items, sizeof *group.item_worker);
        memset(group.item_row, 0xff, given->items * sizeof *group.item_row); // NO_CELL
        if (group.has_hits) {
            fill_item_of_id(&group);
        }
    }
    for (uint32_t item = 0; item < given->items; item++) {
        deal_item(builder, &group, item, is_dynamic);
    }
    if (is_dynamic) {
        set->groups[set->group_count++] = group;
    }
}

// --- classes ------------------------------------------------------------------------------------
static uint64_t row_fixed_cycles(const struct builder *builder, uint32_t row)
{
    return tile_fixed_cycles(builder->chip, builder->rows[row].vertices,
                             builder->rows[row].has_workers, builder->rows[row].supervisor_cycles);
}

static bool are_alike(const struct builder *builder, const struct folded_group *group,
                      uint32_t item, uint32_t other)
{
    uint32_t row = group->item_row[item], other_row = group->item_row[other];
    uint32_t contexts = builder->contexts;
    return group->item_worker[item] == group->item_worker[other] &&
           row_fixed_cycles(builder, row) == row_fixed_cycles(builder, other_row) &&
           memcmp(&builder->millislots[(size_t)row * contexts],
                  &builder->millislots[(size_t)other_row * contexts],
                  contexts * sizeof *builder->millislots) == 0;
}

// The item that stands for all items of the same class.
static uint32_t representative(const struct folded_group *group, uint32_t item)
{
    if (group->group->dealing == DEAL_SEGMENTS) {
        return item % group->group->parts;
    }
    if (group->group->dealing == DEAL_SLOTS) { // the last item may hold fewer vertices
        uint32_t full_items = group->shape.slot_vertices / group->shape.chunk;
        return item < full_items ? 0 : full_items;
    }
    return 0;
}

// Hits of segments are counted in 32 bits, on top of the base.
static bool is_countable(const struct builder *builder, const struct folded_group *group)
{
    for (uint32_t part = 0; part < group->group->parts; part++) {
        uint32_t row = group->item_row[part];
        if (row_fixed_cycles(builder, row) != row_fixed_cycles(builder, group->item_row[0])) {
            return false;
        }
        for (uint32_t i = 0; i < builder->contexts; i++) {
            uint64_t base = builder->millislots[(size_t)row * builder->contexts + i];
            if (base + group->slots * group->cost.hit_millislots > UINT32_MAX) {
                return false;
            }
        }
    }
    return true;
}

static bool is_uniform(const struct builder *builder, const struct folded_group *group)
{
    for (uint32_t item = 0; item < group->group->items; item++) {
        if (group->item_row[item] == NO_CELL) {
            continue;
        }
        if (builder->rows[group->item_row[item]].dynamic_items != 1 ||
            !are_alike(builder, group, item, representative(group, item))) {
            return false;
        }
    }
    if (group->group->dealing == DEAL_SEGMENTS) {
        return is_countable(builder, group);
    }
    bool asks_items = group->group->dealing == DEAL_SAMPLES && group->has_hits;
    return !asks_items || // every id belongs to some item
           (uint64_t)group->group->ids_per_item * group->group->items >= group->neurons;
}

static void fill_class(const struct builder *builder, const struct folded_group *group,
                       uint32_t class, uint32_t item)
{
    struct tile_class *to = &group->classes[class];
    uint32_t contexts = builder->contexts;
    uint32_t row = group->item_row[item];
    to->is_used = true;
    to->fixed_cycles = row_fixed_cycles(builder, row);
    to->base_millislots = xcalloc(contexts, sizeof *to->base_millislots);
    memcpy(to->base_millislots, &builder->millislots[(size_t)row * contexts],
           contexts * sizeof *to->base_millislots);
}

static void classify(const struct builder *builder, struct folded_group *group)
{
    enum dealing dealing = group->group->dealing;
    group->is_uniform = true;
    group->class_count = dealing == DEAL_SEGMENTS ? group->group->parts
                         : dealing == DEAL_SLOTS  ? 2
                                                  : 1;
    group->classes = xcalloc(group->class_count, sizeof *group->classes);
    if (dealing == DEAL_SLOTS) {
        uint32_t full_items = group->shape.slot_vertices / group->shape.chunk;
        if (full_items > 0) {
            fill_class(builder, group, 0, 0);
        }
        if (group->shape.slot_vertices % group->shape.chunk != 0) {
            fill_class(builder, group, 1, full_items);
        }
    } else {
        for (uint32_t i = 0; i < group->class_count; i++) {
            fill_class(builder, group, i, i);
        }
    }
    folded_group_prepare(group, builder->chip);
}

// --- general tiles ------------------------------------------------------------------------------
static void join_general(struct builder *builder, struct folded_set *set,
                         struct folded_group *group)
{
    set->general_groups++;
    for (uint32_t item = 0; item < group->group->items; item++) {
        if (group->item_row[item] == NO_CELL) {
            continue;
        }
        struct row *row = &builder->rows[group->item_row[item]];
        if (row->general_row == NO_CELL) {
            row->general_row = set->general.count++;
        }
        group->item_row[item] = row->general_row;
    }
}

static void fill_general(const struct builder *builder, struct general_tiles *general)
{
    uint32_t contexts = builder->contexts;
    size_t cells = (size_t)general->count * contexts;
    general->base_millislots = xcalloc(cells, sizeof *general->base_millislots);
    general->millislots = xcalloc(cells, sizeof *general->millislots);
    general->fixed_cycles = xcalloc(general->count, sizeof *general->fixed_cycles);
    for (uint32_t i = 0; i < builder->row_count; i++) {
        uint32_t to = builder->rows[i].general_row;
        if (to != NO_CELL) {
            general->fixed_cycles[to] = row_fixed_cycles(builder, i);
            memcpy(&general->base_millislots[(size_t)to * contexts],
                   &builder->millislots[(size_t)i * contexts],
                   contexts * sizeof *general->base_millislots);
        }
    }
}

static uint64_t busiest_of(const uint64_t *millislots, uint32_t contexts)
{
    uint64_t busiest = 0;
    for (uint32_t i = 0; i < contexts; i++) {
        busiest = max_u64(busiest, millislots[i]);
    }
    return busiest;
}

static uint64_t general_cycles(struct folded_set *set, const struct activity *record,
                               int64_t time_step)
{
    struct general_tiles *general = &set->general;
    uint32_t contexts = set->chip->tile.contexts;
    memcpy(general->millislots, general->base_millislots,
           (size_t)general->count * contexts * sizeof *general->millislots);
    for (uint32_t i = 0; i < set->group_count; i++) {
        if (!set->groups[i].is_uniform) {
            folded_group_add(&set->groups[i], record, time_step, general->millislots);
        }
    }
    uint64_t cycles = 0;
    for (uint32_t i = 0; i < general->count; i++) {
        uint64_t busiest = busiest_of(&general->millislots[(size_t)i * contexts], contexts);
        cycles = max_u64(cycles, general->fixed_cycles[i] + tile_worker_cycles(set->chip, busiest));
    }
    return cycles;
}

// --- the set ------------------------------------------------------------------------------------
// Most tiles that the groups together can reach: bounds the rows.
static uint32_t count_reachable(const struct program *program, const struct compute_set *set)
{
    uint64_t items = 0;
    for (uint32_t i = 0; i < set->group_count; i++) {
        items += program->groups[set->first_group + i].items;
    }
    return (uint32_t)min_u64(items, program->tile_count);
}

static void finish_rows(struct builder *builder, struct folded_set *set)
{
    uint32_t contexts = builder->contexts;
    for (uint32_t i = 0; i < builder->row_count; i++) {
        uint64_t *millislots = &builder->millislots[(size_t)i * contexts];
        for (uint32_t j = 0; j < contexts; j++) {
            millislots[j] += builder->rows[i].multi_millislots;
        }
        if (builder->rows[i].dynamic_items == 0) {
            uint64_t cycles = row_fixed_cycles(builder, i) +
                              tile_worker_cycles(set->chip, busiest_of(millislots, contexts));
            set->constant_cycles = max_u64(set->constant_cycles, cycles);
        }
    }
}

struct folded_set *folded_set_create(const struct chip_config *chip, const struct program *program,
                                     const struct compute_set *compute_set)
{
    struct folded_set *set = xcalloc(1, sizeof *set);
    set->chip = chip;
    set->groups = xcalloc(compute_set->group_count, sizeof *set->groups);
    uint32_t reachable = count_reachable(program, compute_set);
    struct builder builder = {
        .chip = chip,
        .program = program,
        .contexts = chip->tile.contexts,
        .row_of_tile = xmalloc(program->tile_count * sizeof *builder.row_of_tile),
        .rows = xmalloc(reachable * sizeof *builder.rows),
        .millislots = xmalloc((size_t)reachable * chip->tile.contexts * sizeof *builder.millislots),
    };
    memset(builder.row_of_tile, 0xff, program->tile_count * sizeof *builder.row_of_tile);
    for (uint32_t i = 0; i < compute_set->group_count; i++) {
        deal_group(&builder, set, &program->groups[compute_set->first_group + i]);
    }
    finish_rows(&builder, set);
    for (uint32_t i = 0; i < set->group_count; i++) {
        if (is_uniform(&builder, &set->groups[i])) {
            classify(&builder, &set->groups[i]);
        } else {
            join_general(&builder, set, &set->groups[i]);
        }
    }
    fill_general(&builder, &set->general);
    free(builder.row_of_tile);
    free(builder.rows);
    free(builder.millislots);
    return set;
}

void folded_set_destroy(struct folded_set *set)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->group_count; i++) {
        folded_group_free(&set->groups[i]);
    }
    free(set->groups);
    free(set->general.base_millislots);
    free(set->general.millislots);
    free(set->general.fixed_cycles);
    free(set);
}

bool folded_set_is_constant(const struct folded_set *set)
{
    return set->group_count == 0;
}

uint32_t folded_set_dynamic_groups(const struct folded_set *set)
{
    return set->group_count;
}

uint32_t folded_set_general_groups(const struct folded_set *set)
{
    return set->general_groups;
}

uint64_t folded_set_cycles(struct folded_set *set, const struct activity *record, int64_t time_step)
{
    uint64_t cycles = set->constant_cycles;
    for (uint32_t i = 0; i < set->group_count; i++) {
        if (set->groups[i].is_uniform) {
            cycles =
                max_u64(cycles, folded_group_cycles(&set->groups[i], set->chip, record, time_step));
        }
    }
    if (set->general.count > 0) {
        cycles = max_u64(cycles, general_cycles(set, record, time_step));
    }
    return cycles;
}

#include "sim/commands/inspect_count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

// --- tiles --------------------------------------------------------------------------------------
static void mark(bool *is_used, const struct tile_map *map, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        is_used[tile_map_at(map, first + i)] = true;
    }
}

// Clears the marks.
static struct tile_range take_range(bool *is_used, uint32_t tile_count)
{
    struct tile_range range = {0};
    for (uint32_t tile = 0; tile < tile_count; tile++) {
        if (is_used[tile]) {
            range.lowest = range.count == 0 ? tile : range.lowest;
            range.highest = tile;
            range.count++;
            is_used[tile] = false;
        }
    }
    return range;
}

struct tile_range group_tiles(const struct program *program, const struct vertex_group *group)
{
    bool *is_used = xcalloc(program->tile_count, sizeof(*is_used));
    mark(is_used, &group->place, group->first_item, group->items);
    struct tile_range range = take_range(is_used, program->tile_count);
    free(is_used);
    return range;
}

// --- vertices and bytes -------------------------------------------------------------------------
static uint64_t slot_vertices(const struct program *program, const struct vertex_group *group)
{
    return (uint64_t)program->batch * program->slots[group->layer] * group->groups;
}

uint64_t group_vertices(const struct program *program, const struct vertex_group *group)
{
    switch (group->dealing) {
    case DEAL_EVEN:
        return group->vertices;
    case DEAL_SAMPLES:
        return group->items * div_ceil(program->batch, group->samples_per_vertex);
    case DEAL_SEGMENTS:
        return (uint64_t)group->items * group->vertices;
    case DEAL_SLOTS:
        return slot_vertices(program, group);
    }
    return 0;
}

static uint64_t item_vertices(const struct program *program, const struct vertex_group *group,
                              uint32_t item)
{
    switch (group->dealing) {
    case DEAL_EVEN:
        return group->vertices / group->items + (item < group->vertices % group->items);
    case DEAL_SAMPLES:
        return div_ceil(program->batch, group->samples_per_vertex);
    case DEAL_SEGMENTS:
        return group->vertices;
    case DEAL_SLOTS: {
        uint64_t total = slot_vertices(program, group);
        uint64_t chunk = div_ceil(total, group->items);
        return min_u64(chunk, total - min_u64(total, item * chunk));
    }
    }
    return 0;
}

uint64_t group_vertices_on_tile(const struct program *program, const struct vertex_group *group,
                                uint32_t tile)
{
    uint64_t vertices = 0;
    for (uint32_t item = 0; item < group->items; item++) {
        if (tile_map_at(&group->place, group->first_item + item) == tile) {
            vertices += item_vertices(program, group, item);
        }
    }
    return vertices;
}

uint64_t flow_bytes(const struct flow *flow)
{
    switch (flow->kind) {
    case FLOW_BROADCAST:
    case FLOW_PAIRS:
        return flow->source_count * flow->bytes;
    case FLOW_ALL_TO_ALL:
        return flow->bytes * flow->source_count * flow->destination_count;
    case FLOW_REDISTRIBUTE:
        return flow->bytes;
    }
    return 0;
}

// --- steps --------------------------------------------------------------------------------------
static void sum_compute_set(const struct program *program, const struct program_step *step,
                            struct step_summary *out, bool *is_used)
{
    const struct compute_set *set = &program->compute_sets[step->index];
    out->name = set->name;
    for (uint32_t i = 0; i < set->group_count; i++) {
        const struct vertex_group *group = &program->groups[set->first_group + i];
        out->vertices += group_vertices(program, group);
        mark(is_used, &group->place, group->first_item, group->items);
    }
    out->tiles = take_range(is_used, program->tile_count);
}

static void sum_exchange(const struct program *program, const struct program_step *step,
                         struct step_summary *out, bool *is_used)
{
    const struct exchange_step *exchange = &program->exchanges[step->index];
    out->name = exchange->name;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        out->bytes += flow_bytes(flow);
        mark(is_used, &flow->source, flow->first_source, flow->source_count);
    }
    out->tiles = take_range(is_used, program->tile_count);
}

static void sum_step(const struct program *program, uint32_t number, struct step_summary *out,
                     bool *is_used)
{
    const struct program_step *step = &program->steps[number];
    out->number = number;
    out->kind = step->kind;
    if (step->kind == STEP_COMPUTE) {
        sum_compute_set(program, step, out, is_used);
    } else if (step->kind == STEP_EXCHANGE) {
        sum_exchange(program, step, out, is_used);
    } else if (step->kind == STEP_HOST) {
        out->name = step->host_direction == HOST_TO_CHIP ? "from the host" : "to the host";
        out->bytes = step->host_bytes;
    } else if (step->kind == STEP_STREAM || step->kind == STEP_ALL_REDUCE) {
        out->name = step->name;
        out->bytes = step->chip_bytes * program->chips;
    } else if (step->kind == STEP_CALL) {
        out->name = program->sections[step->index].name;
        out->loop_count = step->loop_count;
    } else {
        out->loop_count = step->loop_count;
    }
}

static void sum_steps(struct inspected *inspected, bool *is_used)
{
    const struct program *program = inspected->program;
    const struct machine_time *time = inspected->time;
    uint32_t depth = 0, share = 0; // the timing has a share for each step but those of loops
    inspected->steps = xcalloc((size_t)program->step_count + 1, sizeof(*inspected->steps));
    for (uint32_t i = 0; i < program->step_count; i++) {
        if (program->steps[i].kind == STEP_LOOP_END) {
            depth--;
            continue;
        }
        if (program->steps[i].kind == STEP_RETURN) {
            continue;
        }
        struct step_summary *out = &inspected->steps[inspected->step_count++];
        sum_step(program, i, out, is_used);
        out->depth = depth;
        if (program->steps[i].kind == STEP_LOOP_BEGIN) {
            depth++;
        } else if (program->steps[i].kind != STEP_CALL && time != NULL &&
                   share < time->share_count) {
            out->times = time->shares[share].times;
            out->cycles = time->shares[share++].cycles;
        }
    }
}

// --- layers -------------------------------------------------------------------------------------
static void sum_layer_vertices(struct inspected *inspected, uint32_t layer, bool *is_used)
{
    const struct program *program = inspected->program;
    struct layer_summary *out = &inspected->layers[layer];
    for (uint32_t i = 0; i < program->group_count; i++) {
        const struct vertex_group *group = &program->groups[i];
        if (group->network_layer == layer) {
            out->vertices += group_vertices(program, group);
            mark(is_used, &group->place, group->first_item, group->items);
        }
    }
    out->tiles = take_range(is_used, program->tile_count);
}

// Lowerings name what belongs to a layer "layer 2 weights".
static void sum_layer_variables(struct inspected *inspected, uint32_t layer, bool *is_used)
{
    const struct program *program = inspected->program;
    struct layer_summary *out = &inspected->layers[layer];
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        uint32_t of_layer;
        if (sscanf(variable->name, "layer %u ", &of_layer) != 1 || of_layer != layer) {
            continue;
        }
        out->bytes += variable->items * variable->bytes_per_item;
        if (variable->role == VARIABLE_PARAMETER) {
            mark(is_used, &variable->place, variable->first_item, variable->items);
        }
    }
    out->parameters = take_range(is_used, program->tile_count);
}

static void sum_layers(struct inspected *inspected, bool *is_used)
{
    const struct program *program = inspected->program;
    inspected->layers = xcalloc((size_t)program->layer_count + 1, sizeof(*inspected->layers));
    for (uint32_t layer = 0; layer < program->layer_count; layer++) {
        inspected->layers[layer].neurons = program->neurons[layer];
        inspected->layers[layer].slots = program->slots[layer];
        if (layer > 0) { // groups of no layer have 0
            sum_layer_vertices(inspected, layer, is_used);
            sum_layer_variables(inspected, layer, is_used);
        }
    }
}

void inspected_fill(struct inspected *inspected, uint32_t tile)
{
    const struct program *program = inspected->program;
    bool *is_used = xcalloc(program->tile_count, sizeof(*is_used));
    sum_steps(inspected, is_used);
    sum_layers(inspected, is_used);
    free(is_used);
    inspected->tile = tile == UINT32_MAX ? inspected->plan->max_tile : tile;
    inspected->tenants = sram_tenants_of(program, inspected->chip, inspected->tile);
}

void inspected_free(struct inspected *inspected)
{
    free(inspected->steps);
    free(inspected->layers);
    free(inspected->tenants.tenants);
}

#include "sim/commands/inspect_json.h"

#include "sim/err.h"

static void set(json_t *object, const char *key, json_t *value)
{
    SIM_ASSERT(json_object_set_new(object, key, value) == 0, "inspect key %s", key);
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *tiles_to_json(const struct tile_range *tiles)
{
    json_t *object = json_object();
    set(object, "count", integer(tiles->count));
    set(object, "lowest", tiles->count == 0 ? json_null() : integer(tiles->lowest));
    set(object, "highest", tiles->count == 0 ? json_null() : integer(tiles->highest));
    return object;
}

static void set_lifetime(json_t *object, uint32_t first, uint32_t last)
{
    bool is_always = last == UINT32_MAX;
    set(object, "first_step", is_always ? json_null() : integer(first));
    set(object, "last_step", is_always ? json_null() : integer(last));
}

// --- placement ----------------------------------------------------------------------------------
static json_t *layers_to_json(const struct inspected *inspected)
{
    json_t *array = json_array();
    for (uint32_t layer = 0; layer < inspected->program->layer_count; layer++) {
        const struct layer_summary *summary = &inspected->layers[layer];
        json_t *object = json_object();
        set(object, "layer", integer(layer));
        set(object, "neurons", integer(summary->neurons));
        set(object, "slots", integer(summary->slots));
        set(object, "parameter_tiles", tiles_to_json(&summary->parameters));
        set(object, "tiles", tiles_to_json(&summary->tiles));
        set(object, "vertices", integer(summary->vertices));
        set(object, "variable_bytes", integer(summary->bytes));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *variables_to_json(const struct program *program)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        struct vertex_group group = {
            .place = variable->place, .first_item = variable->first_item, .items = variable->items};
        struct tile_range tiles = group_tiles(program, &group);
        json_t *object = json_object();
        set(object, "name", json_string(variable->name));
        set(object, "role", json_string(variable_role_name(variable->role)));
        set(object, "tiles", tiles_to_json(&tiles));
        set(object, "items", integer(variable->items));
        set(object, "bytes_per_item", integer(variable->bytes_per_item));
        set_lifetime(object, variable->first_step, variable->last_step);
        json_array_append_new(array, object);
    }
    return array;
}

// --- steps --------------------------------------------------------------------------------------
static json_t *group_to_json(const struct inspected *inspected, const struct vertex_group *group)
{
    static const char *const dealings[] = {[DEAL_EVEN] = "even",
                                           [DEAL_SAMPLES] = "samples",
                                           [DEAL_SEGMENTS] = "segments",
                                           [DEAL_SLOTS] = "slots"};
    struct machine_view view = machine_view_of(inspected->chip);
    struct tile_range tiles = group_tiles(inspected->program, group);
    json_t *sizes = json_array();
    for (uint32_t i = 0; i < VERTEX_SIZES; i++) {
        json_array_append_new(sizes, integer(group->sizes[i]));
    }
    json_t *object = json_object();
    set(object, "codelet", json_string(codelet_name(group->codelet)));
    set(object, "dealing", json_string(dealings[group->dealing]));
    set(object, "layer", integer(group->network_layer));
    set(object, "tiles", tiles_to_json(&tiles));
    set(object, "vertices", integer(group_vertices(inspected->program, group)));
    set(object, "sizes", sizes);
    set(object, "vertex_static_cycles",
        integer(view.vertex_cycles(view.context, group->codelet, group->sizes)));
    return object;
}

static json_t *flow_to_json(const struct program *program, const struct flow *flow)
{
    static const char *const kinds[] = {[FLOW_BROADCAST] = "broadcast",
                                        [FLOW_ALL_TO_ALL] = "all_to_all",
                                        [FLOW_PAIRS] = "pairs",
                                        [FLOW_REDISTRIBUTE] = "redistribute"};
    struct vertex_group sources = {
        .place = flow->source, .first_item = flow->first_source, .items = flow->source_count};
    struct vertex_group destinations = {.place = flow->destination,
                                        .first_item = flow->first_destination,
                                        .items = flow->destination_count};
    struct tile_range from = group_tiles(program, &sources);
    struct tile_range to = group_tiles(program, &destinations);
    json_t *object = json_object();
    set(object, "kind", json_string(kinds[flow->kind]));
    set(object, "from", tiles_to_json(&from));
    set(object, "to", tiles_to_json(&to));
    set(object, "bytes_of_message", integer(flow->bytes));
    set(object, "bytes", integer(flow_bytes(flow)));
    return object;
}

static json_t *groups_to_json(const struct inspected *inspected, uint32_t compute_set)
{
    const struct compute_set *compute = &inspected->program->compute_sets[compute_set];
    json_t *array = json_array();
    for (uint32_t i = 0; i < compute->group_count; i++) {
        const struct vertex_group *group = &inspected->program->groups[compute->first_group + i];
        json_array_append_new(array, group_to_json(inspected, group));
    }
    return array;
}

static json_t *flows_to_json(const struct inspected *inspected, uint32_t exchange)
{
    const struct exchange_step *step = &inspected->program->exchanges[exchange];
    json_t *array = json_array();
    for (uint32_t i = 0; i < step->flow_count; i++) {
        const struct flow *flow = &inspected->program->flows[step->first_flow + i];
        json_array_append_new(array, flow_to_json(inspected->program, flow));
    }
    return array;
}

// Null: the main part.
static json_t *section_of(const struct program *program, uint32_t step)
{
    for (uint32_t i = 0; i < program->section_count; i++) {
        const struct program_section *section = &program->sections[i];
        if (step >= section->first_step && step < section->first_step + section->step_count) {
            return json_string(section->name);
        }
    }
    return json_null();
}

static json_t *step_to_json(const struct inspected *inspected, const struct step_summary *step)
{
    static const char *const kinds[] = {[STEP_LOOP_BEGIN] = "loop",
                                        [STEP_COMPUTE] = "compute",
                                        [STEP_EXCHANGE] = "exchange",
                                        [STEP_HOST] = "host",
                                        [STEP_CALL] = "call",
                                        [STEP_STREAM] = "stream",
                                        [STEP_ALL_REDUCE] = "all-reduce"};
    uint32_t index = inspected->program->steps[step->number].index;
    json_t *object = json_object();
    set(object, "step", integer(step->number));
    set(object, "kind", json_string(kinds[step->kind]));
    set(object, "depth", integer(step->depth));
    set(object, "section", section_of(inspected->program, step->number));
    if (step->kind != STEP_LOOP_BEGIN) {
        set(object, "name", json_string(step->name));
    }
    if (step->kind == STEP_LOOP_BEGIN || step->kind == STEP_CALL) {
        set(object, "loop_count", integer(step->loop_count));
        return object;
    }
    set(object, "times", inspected->time == NULL ? json_null() : integer(step->times));
    set(object, "cycles", inspected->time == NULL ? json_null() : json_real(step->cycles));
    if (step->kind == STEP_COMPUTE) {
        set(object, "tiles", tiles_to_json(&step->tiles));
        set(object, "vertices", integer(step->vertices));
        set(object, "groups", groups_to_json(inspected, index));
    } else {
        set(object, "bytes", integer(step->bytes));
    }
    if (step->kind == STEP_EXCHANGE) {
        set(object, "tiles", tiles_to_json(&step->tiles));
        set(object, "flows", flows_to_json(inspected, index));
    }
    return object;
}

static json_t *steps_to_json(const struct inspected *inspected)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < inspected->step_count; i++) {
        json_array_append_new(array, step_to_json(inspected, &inspected->steps[i]));
    }
    return array;
}

// --- SRAM ---------------------------------------------------------------------------------------
static json_t *tenants_to_json(const struct inspected *inspected)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < inspected->tenants.count; i++) {
        const struct sram_tenant *tenant = &inspected->tenants.tenants[i];
        json_t *object = json_object();
        set(object, "name", json_string(tenant->name));
        set(object, "role", json_string(sram_role_name(tenant->role)));
        set(object, "bytes", integer(tenant->bytes));
        set_lifetime(object, tenant->first_step, tenant->last_step);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *tile_vertices_to_json(const struct inspected *inspected)
{
    const struct program *program = inspected->program;
    json_t *array = json_array();
    for (uint32_t i = 0; i < inspected->step_count; i++) {
        const struct step_summary *step = &inspected->steps[i];
        if (step->kind != STEP_COMPUTE) {
            continue;
        }
        uint32_t index = program->steps[step->number].index;
        const struct compute_set *compute = &program->compute_sets[index];
        uint64_t vertices = 0;
        for (uint32_t g = 0; g < compute->group_count; g++) {
            vertices += group_vertices_on_tile(program, &program->groups[compute->first_group + g],
                                               inspected->tile);
        }
        if (vertices > 0) {
            json_t *object = json_object();
            set(object, "step", integer(step->number));
            set(object, "vertices", integer(vertices));
            json_array_append_new(array, object);
        }
    }
    return array;
}

static json_t *sram_to_json(const struct inspected *inspected)
{
    const struct sram_plan *plan = inspected->plan;
    json_t *roles = json_object(), *tiles = json_array();
    for (uint32_t role = 0; role < SRAM_ROLE_COUNT; role++) {
        set(roles, sram_role_name(role), integer(plan->by_role[role]));
    }
    for (uint32_t tile = 0; tile < inspected->program->tile_count; tile++) {
        json_array_append_new(tiles, integer(inspected->plan->bytes_by_tile[tile]));
    }
    json_t *object = json_object();
    set(object, "limit_bytes", integer(plan->limit_bytes));
    set(object, "max_bytes", integer(plan->max_bytes));
    set(object, "max_tile", integer(plan->max_tile));
    set(object, "unshared_bytes", integer(plan->sum_bytes));
    set(object, "by_role", roles);
    set(object, "bytes_by_tile", tiles);
    return object;
}

static json_t *cycles_to_json(const struct machine_time *time)
{
    if (time == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "total", json_real(time->cycles));
    set(object, "compute", json_real(time->compute_cycles));
    set(object, "exchange", json_real(time->exchange_cycles));
    set(object, "sync", json_real(time->sync_cycles));
    set(object, "links", json_real(time->link_cycles));
    set(object, "memory", json_real(time->memory_cycles));
    set(object, "host", json_real(time->host_cycles));
    set(object, "supersteps", integer(time->supersteps));
    return object;
}

json_t *inspect_program_json(const struct inspected *inspected)
{
    json_t *tile = json_object();
    set(tile, "tile", integer(inspected->tile));
    set(tile, "variables", tenants_to_json(inspected));
    set(tile, "vertices", tile_vertices_to_json(inspected));
    json_t *object = json_object();
    set(object, "name", json_string(inspected->name));
    set(object, "kind", json_string("tiles"));
    set(object, "hardware", json_string(inspected->chip->name));
    set(object, "program", json_string(inspected->program->name));
    set(object, "fits", json_boolean(inspected->plan->fits));
    set(object, "why",
        inspected->plan->why == NULL ? json_null() : json_string(inspected->plan->why));
    set(object, "clock_hz", json_real(inspected->chip->clock_hz));
    set(object, "tiles", integer(inspected->chip->tiles));
    set(object, "tiles_used", integer(inspected->plan->tiles_used));
    set(object, "cycles", cycles_to_json(inspected->time));
    set(object, "layers", layers_to_json(inspected));
    set(object, "steps", steps_to_json(inspected));
    set(object, "variables", variables_to_json(inspected->program));
    set(object, "sram", sram_to_json(inspected));
    set(object, "tile", tile);
    return object;
}

// --- GPU ----------------------------------------------------------------------------------------
json_t *inspect_kernels_json(const struct kernel_list *list)
{
    static const char *const phases[] = {
        [PHASE_FORWARD] = "forward", [PHASE_BACKWARD] = "backward", [PHASE_ONCE] = "once"};
    json_t *array = json_array();
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        json_t *object = json_object();
        set(object, "name", json_string(kernel->name));
        set(object, "phase", json_string(phases[kernel->phase]));
        set(object, "layer", integer(kernel->layer));
        set(object, "m", integer(kernel->m));
        set(object, "n", integer(kernel->n));
        set(object, "k", integer(kernel->k));
        set(object, "read_elements", integer(kernel->read_elements));
        set(object, "write_elements", integer(kernel->write_elements));
        json_array_append_new(array, object);
    }
    return array;
}

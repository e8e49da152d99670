#include "sim/program.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

// Arrays grow by doubling: `count` elements are in use, and the array is full where count is a
// power of two, so that no capacity has to be kept beside it.
static void *grow(void *array, uint32_t count, size_t element_bytes)
{
    if (count == 0) {
        return xmalloc(element_bytes);
    }
    if ((count & (count - 1)) == 0) {
        return xrealloc(array, (size_t)count * 2 * element_bytes);
    }
    return array;
}

const char *codelet_name(enum codelet codelet)
{
    static const char *const names[] = {
#define X(name, sizes_doc) [CODELET_##name] = #name,
        CODELETS(X)
#undef X
    };
    return (unsigned)codelet < CODELET_COUNT ? names[codelet] : NULL;
}

const char *codelet_sizes_doc(enum codelet codelet)
{
    static const char *const docs[] = {
#define X(name, sizes_doc) [CODELET_##name] = (sizes_doc),
        CODELETS(X)
#undef X
    };
    return (unsigned)codelet < CODELET_COUNT ? docs[codelet] : NULL;
}

const char *element_type_name(uint32_t type)
{
    static const char *const names[] = {
#define X(name, bytes) [TYPE_##name] = #name,
        ELEMENT_TYPES(X)
#undef X
    };
    return type < TYPE_COUNT ? names[type] : NULL;
}

uint32_t element_type_bytes(uint32_t type)
{
    static const uint32_t sizes_bytes[] = {
#define X(name, bytes) [TYPE_##name] = (bytes),
        ELEMENT_TYPES(X)
#undef X
    };
    return type < TYPE_COUNT ? sizes_bytes[type] : 0;
}

const char *operation_name(uint32_t operation)
{
    static const char *const names[] = {
#define X(name) [OPERATION_##name] = #name,
        OPERATIONS(X)
#undef X
    };
    return operation < OPERATION_COUNT ? names[operation] : NULL;
}

const char *variable_role_name(enum variable_role role)
{
    static const char *const names[VARIABLE_ROLE_COUNT] = {
        [VARIABLE_PARAMETER] = "parameter", [VARIABLE_GRADIENT] = "gradient",
        [VARIABLE_OPTIMIZER] = "optimizer", [VARIABLE_STATE] = "state",
        [VARIABLE_HISTORY] = "history",     [VARIABLE_EXCHANGE] = "exchange",
        [VARIABLE_SCRATCH] = "scratch",
    };
    SIM_ASSERT((unsigned)role < VARIABLE_ROLE_COUNT, "role %u does not exist", (unsigned)role);
    return names[role];
}

struct program *program_create(const char *name, uint32_t tile_count, uint32_t batch,
                               uint32_t time_steps, uint32_t layer_count, const uint32_t *neurons,
                               const uint32_t *slots)
{
    struct program *program = xcalloc(1, sizeof *program);
    program->name = xstrdup(name);
    program->tile_count = tile_count;
    program->chips = 1;
    program->chip_tiles = tile_count;
    program->batch = batch;
    program->time_steps = time_steps;
    program->layer_count = layer_count;
    program->neurons = xcalloc(layer_count, sizeof *neurons);
    program->slots = xcalloc(layer_count, sizeof *slots);
    for (uint32_t i = 0; i < layer_count; i++) {
        program->neurons[i] = neurons[i];
        program->slots[i] = slots[i];
    }
    return program;
}

void program_destroy(struct program *program)
{
    if (program == NULL) {
        return;
    }
    for (uint32_t i = 0; i < program->variable_count; i++) {
        free(program->variables[i].name);
    }
    free(program->name);
    free(program->neurons);
    free(program->slots);
    free(program->steps);
    free(program->sections);
    free(program->compute_sets);
    free(program->groups);
    free(program->exchanges);
    free(program->flows);
    free(program->variables);
    free(program);
}

static uint32_t add_step(struct program *program, const struct program_step *step)
{
    program->steps = grow(program->steps, program->step_count, sizeof *program->steps);
    program->steps[program->step_count] = *step;
    return program->step_count++;
}

void program_begin_loop(struct program *program, uint32_t count, int32_t first, int32_t stride)
{
    add_step(program, &(struct program_step){.kind = STEP_LOOP_BEGIN,
                                             .loop_count = count,
                                             .loop_first = first,
                                             .loop_stride = stride});
}

void program_end_loop(struct program *program)
{
    add_step(program, &(struct program_step){.kind = STEP_LOOP_END});
}

uint32_t program_begin_compute(struct program *program, const char *name)
{
    uint32_t index = program->compute_set_count;
    program->compute_sets = grow(program->compute_sets, index, sizeof *program->compute_sets);
    program->compute_sets[index] =
        (struct compute_set){.name = name, .first_group = program->group_count};
    program->compute_set_count++;
    return add_step(program, &(struct program_step){.kind = STEP_COMPUTE, .index = index});
}

void program_add_group(struct program *program, const struct vertex_group *group)
{
    SIM_ASSERT(program->compute_set_count > 0, "a vertex group outside any compute set");
    program->groups = grow(program->groups, program->group_count, sizeof *program->groups);
    program->groups[program->group_count++] = *group;
    program->compute_sets[program->compute_set_count - 1].group_count++;
}

uint32_t program_begin_exchange(struct program *program, const char *name)
{
    uint32_t index = program->exchange_count;
    program->exchanges = grow(program->exchanges, index, sizeof *program->exchanges);
    program->exchanges[index] =
        (struct exchange_step){.name = name, .first_flow = program->flow_count};
    program->exchange_count++;
    return add_step(program, &(struct program_step){.kind = STEP_EXCHANGE, .index = index});
}

void program_add_flow(struct program *program, const struct flow *flow)
{
    SIM_ASSERT(program->exchange_count > 0, "a flow outside any exchange");
    program->flows = grow(program->flows, program->flow_count, sizeof *program->flows);
    program->flows[program->flow_count++] = *flow;
    program->exchanges[program->exchange_count - 1].flow_count++;
}

uint32_t program_add_host(struct program *program, enum host_direction direction, uint64_t bytes)
{
    return add_step(program, &(struct program_step){.kind = STEP_HOST,
                                                    .host_bytes = bytes,
                                                    .host_direction = direction});
}

uint32_t program_begin_section(struct program *program, const char *name)
{
    uint32_t index = program->section_count;
    SIM_ASSERT(program->step_count == program->main_first, "section %s after the main part", name);
    program->sections = grow(program->sections, index, sizeof *program->sections);
    program->sections[index] =
        (struct program_section){.name = name, .first_step = program->step_count};
    program->section_count++;
    return index;
}

void program_end_section(struct program *program)
{
    SIM_ASSERT(program->section_count > 0, "no section to end");
    struct program_section *section = &program->sections[program->section_count - 1];
    add_step(program, &(struct program_step){.kind = STEP_RETURN});
    section->step_count = program->step_count - section->first_step;
    program->main_first = program->step_count;
}

uint32_t program_add_call(struct program *program, uint32_t section, uint32_t count, int32_t first,
                          int32_t stride)
{
    return add_step(program, &(struct program_step){.kind = STEP_CALL,
                                                    .index = section,
                                                    .loop_count = count,
                                                    .loop_first = first,
                                                    .loop_stride = stride});
}

uint32_t program_add_stream(struct program *program, const struct program_step *step)
{
    struct program_step stream = *step;
    stream.kind = STEP_STREAM;
    return add_step(program, &stream);
}

uint32_t program_add_all_reduce(struct program *program, const char *name, uint64_t chip_bytes)
{
    return add_step(program, &(struct program_step){
                                 .kind = STEP_ALL_REDUCE, .name = name, .chip_bytes = chip_bytes});
}

void program_place_on_chips(struct program *program, uint32_t chips, uint32_t chip_tiles)
{
    SIM_ASSERT(program->tile_count <= (uint64_t)chips * chip_tiles, "%u tiles on %u chips of %u",
               program->tile_count, chips, chip_tiles);
    program->chips = chips;
    program->chip_tiles = chip_tiles;
}

void program_add_variable(struct program *program, const struct variable *variable)
{
    uint32_t index = program->variable_count;
    program->variables = grow(program->variables, index, sizeof *program->variables);
    program->variables[index] = *variable;
    program->variables[index].name = xstrdup(variable->name);
    program->variable_count++;
}

// --- verification -------------------------------------------------------------------------------
static void verify_map(const struct program *program, const struct tile_map *map, const char *what)
{
    SIM_ASSERT(map->positions >= 1, "%s: a map without positions", what);
    SIM_ASSERT(!map->is_spread || map->span >= map->positions, "%s: %u positions over a span of %u",
               what, map->positions, map->span);
    for (uint32_t i = 0; map->tiles != NULL && i < map->positions; i++) {
        SIM_ASSERT(i == 0 ? map->tiles[i] == map->first : map->tiles[i] > map->tiles[i - 1],
                   "%s: listed tiles do not ascend from %u", what, map->first);
    }
    // the last position is the farthest: all forms of the map ascend
    uint32_t last = map->positions - 1;
    uint64_t farthest =
        map->first + (map->is_spread ? (uint64_t)last * map->span / map->positions : last);
    farthest = map->tiles != NULL ? map->tiles[last] : farthest;
    SIM_ASSERT(farthest < program->tile_count, "%s: tile %llu of %u", what,
               (unsigned long long)farthest, program->tile_count);
}

static void verify_items(const char *what, uint32_t first, uint32_t count)
{
    SIM_ASSERT(count <= UINT32_MAX - first, "%s: items %u + %u overflow", what, first, count);
}

static void verify_dealing(const struct program *program, const struct vertex_group *group,
                           const char *what)
{
    uint64_t neurons = group->layer < program->layer_count ? program->neurons[group->layer] : 0;
    switch (group->dealing) {
    case DEAL_EVEN:
        break;
    case DEAL_SAMPLES:
        SIM_ASSERT(group->samples_per_vertex >= 1, "%s: no samples per vertex", what);
        SIM_ASSERT((uint64_t)group->ids_per_item * group->items <= UINT32_MAX,
                   "%s: id intervals overflow", what);
        break;
    case DEAL_SEGMENTS:
        SIM_ASSERT(group->parts >= 1 && group->vertices >= 1, "%s: %u parts of %u vertices", what,
                   group->parts, group->vertices);
        SIM_ASSERT((uint64_t)group->parts * program->batch == group->items,
                   "%s: %u items are not %u samples x %u parts", what, group->items, program->batch,
                   group->parts);
        SIM_ASSERT(neurons > 0, "%s: segments of an empty layer", what);
        break;
    case DEAL_SLOTS:
        SIM_ASSERT(group->groups >= 1, "%s: no reduction groups", what);
        SIM_ASSERT((uint64_t)program->batch * program->slots[group->layer] * group->groups <=
                       UINT32_MAX,
                   "%s: vertex numbers overflow", what);
        break;
    default:
        SIM_ASSERT(false, "%s: dealing %u does not exist", what, (unsigned)group->dealing);
    }
}

// last_time_step: the highest time step of the record that the step around it can see.
static void verify_group(const struct program *program, const struct vertex_group *group,
                         const char *what, int64_t last_time_step)
{
    SIM_ASSERT((unsigned)group->codelet < CODELET_COUNT, "%s: codelet %u does not exist", what,
               (unsigned)group->codelet);
    SIM_ASSERT(group->items >= 1, "%s: a group without items", what);
    SIM_ASSERT(group->list <= LIST_LISTED, "%s: list %u does not exist", what,
               (unsigned)group->list);
    verify_map(program, &group->place, what);
    SIM_ASSERT(group->place.tiles == NULL, "%s: vertices on listed tiles", what);
    verify_items(what, group->first_item, group->items);
    bool reads_record = group->dealing != DEAL_EVEN &&
                        (group->list != LIST_NONE || group->dealing == DEAL_SEGMENTS ||
                         group->dealing == DEAL_SLOTS);
    if (reads_record) {
        SIM_ASSERT(group->layer < program->layer_count, "%s: layer %u of %u", what, group->layer,
                   program->layer_count);
        SIM_ASSERT(last_time_step + group->time_offset < (int64_t)program->time_steps,
                   "%s: reads time step %lld of %u", what,
                   (long long)(last_time_step + group->time_offset), program->time_steps);
    }
    verify_dealing(program, group, what);
}

static void verify_flow(const struct program *program, const struct flow *flow, const char *what)
{
    SIM_ASSERT(flow->kind <= FLOW_REDISTRIBUTE, "%s: flow kind %u does not exist", what,
               (unsigned)flow->kind);
    SIM_ASSERT(flow->source_count >= 1 && flow->destination_count >= 1,
               "%s: a flow of %u sources and %u destinations", what, flow->source_count,
               flow->destination_count);
    SIM_ASSERT(flow->kind != FLOW_PAIRS || flow->source_count == flow->destination_count,
               "%s: %u sources paired with %u destinations", what, flow->source_count,
               flow->destination_count);
    verify_map(program, &flow->source, what);
    verify_map(program, &flow->destination, what);
    verify_items(what, flow->first_source, flow->source_count);
    verify_items(what, flow->first_destination, flow->destination_count);
}

static void verify_step(const struct program *program, const struct program_step *step,
                        int64_t last_time_step)
{
    if (step->kind == STEP_COMPUTE) {
        SIM_ASSERT(step->index < program->compute_set_count, "compute set %u of %u", step->index,
                   program->compute_set_count);
        const struct compute_set *set = &program->compute_sets[step->index];
        SIM_ASSERT(set->name != NULL, "compute set %u has no name", step->index);
        SIM_ASSERT((uint64_t)set->first_group + set->group_count <= program->group_count,
                   "%s: groups %u + %u of %u", set->name, set->first_group, set->group_count,
                   program->group_count);
        for (uint32_t i = 0; i < set->group_count; i++) {
            verify_group(program, &program->groups[set->first_group + i], set->name,
                         last_time_step);
        }
    } else if (step->kind == STEP_EXCHANGE) {
        SIM_ASSERT(step->index < program->exchange_count, "exchange %u of %u", step->index,
                   program->exchange_count);
        const struct exchange_step *exchange = &program->exchanges[step->index];
        SIM_ASSERT(exchange->name != NULL, "exchange %u has no name", step->index);
        SIM_ASSERT((uint64_t)exchange->first_flow + exchange->flow_count <= program->flow_count,
                   "%s: flows %u + %u of %u", exchange->name, exchange->first_flow,
                   exchange->flow_count, program->flow_count);
        for (uint32_t i = 0; i < exchange->flow_count; i++) {
            verify_flow(program, &program->flows[exchange->first_flow + i], exchange->name);
        }
    } else if (step->kind == STEP_HOST) {
        SIM_ASSERT(step->host_direction <= CHIP_TO_HOST, "host direction %u does not exist",
                   (unsigned)step->host_direction);
    } else {
        SIM_ASSERT(step->kind == STEP_STREAM || step->kind == STEP_ALL_REDUCE,
                   "step kind %u does not exist", (unsigned)step->kind);
        SIM_ASSERT(step->name != NULL, "a transfer has no name");
        SIM_ASSERT(step->stream_phase <= STREAM_WAIT && step->stream_direction <= STREAM_IN,
                   "%s: phase %u, direction %u", step->name, (unsigned)step->stream_phase,
                   (unsigned)step->stream_direction);
    }
}

// The highest time step that a loop adds; a body that never runs sees none.
static int64_t highest_time_step(const struct program_step *loop)
{
    if (loop->loop_count == 0) {
        return INT32_MIN;
    }
    int64_t last = loop->loop_first + (int64_t)loop->loop_stride * ((int64_t)loop->loop_count - 1);
    return loop->loop_first > last ? loop->loop_first : last;
}

// What is verified, and how deep calls nest.
struct verification {
    const struct program *program;
    int64_t *highest; // owned; of each section, the highest time step of a call that was verified
};

static void verify_body(struct verification *verification, uint32_t *step, int64_t last_time_step);

// *step is the LOOP_BEGIN, and on return the LOOP_END.
static void verify_loop(struct verification *verification, uint32_t *step, int64_t last_time_step)
{
    const struct program *program = verification->program;
    uint32_t begin = (*step)++;
    int64_t highest = highest_time_step(&program->steps[begin]);
    verify_body(verification, step, last_time_step + highest);
    SIM_ASSERT(*step < program->step_count && program->steps[*step].kind == STEP_LOOP_END,
               "the loop at step %u does not end", begin);
}

// A section is gone through again only for a higher time step than any call before it had.
static void verify_call(struct verification *verification, const struct program_step *call,
                        uint32_t at, int64_t last_time_step)
{
    const struct program *program = verification->program;
    SIM_ASSERT(call->index < program->section_count, "section %u of %u", call->index,
               program->section_count);
    const struct program_section *section = &program->sections[call->index];
    SIM_ASSERT(section->step_count > 0 && section->first_step + section->step_count <= at,
               "section %s is called before its end", section->name);
    int64_t highest = last_time_step + highest_time_step(call);
    if (highest > verification->highest[call->index]) {
        verification->highest[call->index] = highest;
        uint32_t step = section->first_step;
        verify_body(verification, &step, highest);
        SIM_ASSERT(step + 1 == section->first_step + section->step_count,
                   "section %s does not end with its return", section->name);
    }
}

// Up to the LOOP_END or RETURN of the body, or the end. last_time_step: highest sum over the loops
// around it.
static void verify_body(struct verification *verification, uint32_t *step, int64_t last_time_step)
{
    const struct program *program = verification->program;
    for (; *step < program->step_count; (*step)++) {
        const struct program_step *at = &program->steps[*step];
        switch (at->kind) {
        case STEP_LOOP_END:
        case STEP_RETURN:
            return;
        case STEP_LOOP_BEGIN:
            verify_loop(verification, step, last_time_step);
            break;
        case STEP_CALL:
            verify_call(verification, at, *step, last_time_step);
            break;
        default:
            verify_step(program, at, last_time_step);
        }
    }
}

static void verify_steps(const struct program *program)
{
    struct verification verification = {
        .program = program, .highest = xcalloc(program->section_count + 1, sizeof(int64_t))};
    for (uint32_t i = 0; i < program->section_count; i++) {
        verification.highest[i] = INT64_MIN;
    }
    uint32_t step = program->main_first;
    verify_body(&verification, &step, 0);
    SIM_ASSERT(step == program->step_count, "step %u ends a loop that was not begun", step);
    free(verification.highest);
}

void program_verify(const struct program *program)
{
    SIM_ASSERT(program->tile_count >= 1, "a program without tiles");
    for (uint32_t i = 0; i < program->layer_count; i++) {
        SIM_ASSERT(program->neurons[i] >= 1, "layer %u has no neurons", i);
    }
    SIM_ASSERT(program->chips >= 1 &&
                   program->tile_count <= (uint64_t)program->chips * program->chip_tiles,
               "%u tiles on %u chips of %u", program->tile_count, program->chips,
               program->chip_tiles);
    verify_steps(program);
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        verify_map(program, &variable->place, variable->name);
        SIM_ASSERT(variable->place.tiles == NULL, "%s: on listed tiles", variable->name);
        verify_items(variable->name, variable->first_item, variable->items);
        SIM_ASSERT(variable->role < VARIABLE_ROLE_COUNT, "%s: role %u does not exist",
                   variable->name, (unsigned)variable->role);
        bool is_always = variable->first_step == LIVE_ALWAYS && variable->last_step == LIVE_ALWAYS;
        SIM_ASSERT(is_always || (variable->first_step <= variable->last_step &&
                                 variable->last_step < program->step_count),
                   "%s: live in steps %u..%u of %u", variable->name, variable->first_step,
                   variable->last_step, program->step_count);
    }
}

// One compute set of equal vertices: a program of one superstep, timed by the engine that times
// training steps. Counts and hits that the activity would give are made up as a record of their
// own.
#include <stdlib.h>
#include <string.h>

#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/workload.h"
#include "tiles/codelets/codelets.h"

struct vertex_workload {
    uint32_t codelet;
    uint32_t *sizes; // owned
    uint32_t size_count;
    uint32_t type, operation;
    uint32_t vertices, tiles, count, hits;
    double counter_cycles, flop;
};

static const char *codelet_name_at(uint32_t i)
{
    return codelet_name(i);
}

#define VERTEX(kind, ...) KEY_NUMBER(kind, struct vertex_workload, __VA_ARGS__)
static const struct key vertex_keys[] = {
    {.name = "codelet",
     .type = KEY_ENUM,
     .offset = offsetof(struct vertex_workload, codelet),
     .name_at = codelet_name_at,
     .default_text = "scaled_add",
     .doc = "what the vertices run; sizes: tilesim list codelets"},
    {.name = "sizes",
     .type = KEY_UINT_LIST,
     .offset = offsetof(struct vertex_workload, sizes),
     .count_offset = offsetof(struct vertex_workload, size_count),
     .max = UINT32_MAX,
     .default_text = "[]",
     .max_count = SIZE_TYPE,
     .doc = "of one vertex; those that are left out are 0"},
    {.name = "type",
     .type = KEY_ENUM,
     .offset = offsetof(struct vertex_workload, type),
     .name_at = element_type_name,
     .default_text = "float32",
     .doc = "of the elements, where the codelet is typed"},
    {.name = "operation",
     .type = KEY_ENUM,
     .offset = offsetof(struct vertex_workload, operation),
     .name_at = operation_name,
     .default_text = "add",
     .doc = "where the codelet has several"},
    VERTEX(KEY_UINT32, vertices, 1, 100000, "vertices", "1", "of one tile"),
    VERTEX(KEY_UINT32, tiles, 1, 1048576, "tiles", "1", "that run them"),
    VERTEX(KEY_UINT32, count, 0, 1e6, "units", "0", "dynamic count of every vertex"),
    VERTEX(KEY_UINT32, hits, 0, 1e6, "ids", "0", "dynamic hits of every vertex"),
    VERTEX(KEY_REAL, counter_cycles, 0, 1e6, "cycles", "0", "of the counter that a raw figure has"),
    VERTEX(KEY_REAL, flop, 0, 1e15, "FLOP", "0", "of one vertex; 0: no rate"),
    KEYS_END,
};

// --- the program --------------------------------------------------------------------------------
// Dynamic quantities come from a layer of `neurons` ids that every vertex goes through as a part of
// its own, and of which `listed` are listed: count = neurons, hits = listed.
struct lists {
    uint32_t neurons, listed;
};

static struct lists lists_of(const struct vertex_workload *workload)
{
    uint32_t neurons = workload->count > workload->hits ? workload->count : workload->hits;
    return (struct lists){.neurons = neurons > 0 ? neurons : 1, .listed = workload->hits};
}

static void fill_sizes(const struct vertex_workload *workload, uint32_t sizes[VERTEX_SIZES])
{
    memset(sizes, 0, VERTEX_SIZES * sizeof *sizes);
    for (uint32_t i = 0; i < workload->size_count; i++) {
        sizes[i] = workload->sizes[i];
    }
    sizes[SIZE_TYPE] = workload->type;
    sizes[SIZE_OPERATION] = workload->operation;
}

static struct program *make_program(const struct vertex_workload *workload, struct lists lists)
{
    bool is_dynamic = workload->count > 0 || workload->hits > 0;
    uint32_t samples = is_dynamic ? workload->tiles * workload->vertices : 1;
    struct program *program =
        program_create("vertex", workload->tiles, samples, 1, 1, &lists.neurons, &lists.neurons);
    struct vertex_group group = {
        .codelet = workload->codelet,
        .dealing = is_dynamic ? DEAL_SEGMENTS : DEAL_EVEN,
        .place = tile_map_range(0, workload->tiles),
        .items = is_dynamic ? samples : workload->tiles,
        .vertices = is_dynamic ? 1 : workload->tiles * workload->vertices,
        .parts = 1,
        .samples_per_vertex = 1,
        .groups = 1,
        .list = is_dynamic ? LIST_LISTED : LIST_NONE,
    };
    fill_sizes(workload, group.sizes);
    program_begin_compute(program, "vertices");
    program_add_group(program, &group);
    return program;
}

static struct activity *make_record(const struct program *program, struct lists lists)
{
    struct activity *record = activity_create(1, &lists.neurons, &lists.neurons, 1, program->batch);
    struct activity_layer *layer = &record->layers[0];
    for (uint32_t sample = 0; sample < program->batch; sample++) {
        layer->counts[2 * sample] = layer->counts[2 * sample + 1] = lists.listed;
        for (uint32_t i = 0; i < lists.listed; i++) {
            layer->ids[(uint64_t)sample * lists.neurons + i] = i;
        }
    }
    return record;
}

// The list of codelets says which are typed.
static bool is_typed(enum codelet codelet)
{
    return strstr(codelet_sizes_doc(codelet), "typed") != NULL;
}

// --- sizes --------------------------------------------------------------------------------------
// The list of codelets names them, with commas between them and remarks in brackets, up to a semicolon. What
// may be 0 is called so there, or is a choice, or a number of instructions or of hits.
static const char *const may_be_zero[] = {"0: ",    "0/1",    "form",   "placement", "kind",
                                          "kernel", "implem", "slots",  "loads",     "stores",
                                          "hits",   "iter",   "subgro", "-",         NULL};

// Where the name of a size ends: a comma, a semicolon or the end, outside of brackets.
static const char *name_end(const char *at)
{
    for (int depth = 0; *at != '\0' && (depth > 0 || (*at != ',' && *at != ';')); at++) {
        depth += (*at == '(') - (*at == ')');
    }
    return at;
}

static bool names_any(const char *name, const char *const *parts)
{
    for (; *parts != NULL; parts++) {
        if (strstr(name, *parts) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_elements(const char *name)
{
    static const char *const parts[] = {"element", "columns", "channels", "partials", NULL};
    return names_any(name, parts);
}

// Owned; NULL: the size may be that, as far as memory does not come into it.
static char *why_not_size(const struct vertex_workload *workload, const char *name, uint32_t size)
{
    const char *codelet = codelet_name(workload->codelet);
    bool is_bytes = strncmp(name, "bytes per element", strlen("bytes per element")) == 0;
    if (is_bytes && size != 2 && size != 4) {
        return xasprintf("%s: the size '%s' is %u", codelet, name, size);
    }
    if (strstr(name, "0/1") != NULL && size > 1) {
        return xasprintf("%s: the size '%s' is %u", codelet, name, size);
    }
    bool draws_nothing = workload->operation == OPERATION_set_seed;
    if (size == 0 && !draws_nothing && !names_any(name, may_be_zero)) {
        return xasprintf("%s: the size '%s' is 0; it is at least 1", codelet, name);
    }
    return NULL;
}

struct held { // by the tile that runs the vertex
    uint64_t tile_bytes;
    uint32_t element_bytes;
    uint64_t elements, rows; // of one operand; 0: not seen
};

// One operand alone must lie in the tile's memory: its elements, and with rows all of them. Other
// sizes count things of a byte at least.
static char *why_not_held(struct held *held, const char *codelet, const char *name, uint32_t size)
{
    bool is_element = is_elements(name);
    bool is_rows = strncmp(name, "rows", strlen("rows")) == 0;
    if (is_element && held->elements == 0) {
        held->elements = size;
    }
    held->rows = is_rows ? size : held->rows;
    bool is_product = is_rows || is_element;
    uint64_t others = is_rows ? held->elements : is_element ? held->rows : 1;
    others = others == 0 ? 1 : others;
    uint64_t most = held->tile_bytes / (is_product ? held->element_bytes : 1) / others;
    return size <= most
               ? NULL
               : xasprintf("%s: the size '%s' is %u; at most %llu lie in a tile of %llu bytes",
                           codelet, name, size, (unsigned long long)most,
                           (unsigned long long)held->tile_bytes);
}

// Owned; NULL: all sizes are right.
static char *why_not_sizes(const struct vertex_workload *workload, const struct chip_config *chip)
{
    uint32_t sizes[VERTEX_SIZES];
    fill_sizes(workload, sizes);
    const char *codelet = codelet_name(workload->codelet);
    // codelets without a type work on float32, a few on float16 as well
    uint32_t type = is_typed(workload->codelet) ? workload->type : TYPE_float16;
    struct held held = {.element_bytes = element_type_bytes(type)};
    for (uint32_t i = 0; i < chip->tile.region_count; i++) {
        held.tile_bytes += chip->tile.regions[i].bytes;
    }
    const char *at = codelet_sizes_doc(workload->codelet);
    uint32_t count = 0;
    char *why = NULL;
    while (why == NULL && strncmp(at, "none", 4) != 0 && *at != '\0' && *at != ';') {
        const char *end = name_end(at);
        char *name = xasprintf("%.*s", (int)(end - at), at);
        uint32_t size = sizes[count++];
        why = why_not_size(workload, name, size);
        why = why == NULL ? why_not_held(&held, codelet, name, size) : why;
        free(name);
        at = *end == ',' ? end + 2 : end;
    }
    if (why == NULL && workload->size_count > count) {
        why = xasprintf("%u sizes are given, and %s takes %u: %s", workload->size_count, codelet,
                        count, codelet_sizes_doc(workload->codelet));
    }
    return why;
}

// --- the run ------------------------------------------------------------------------------------
static bool can_run(const struct vertex_workload *workload, const struct chip_config *chip,
                    char **why)
{
    uint32_t sizes[VERTEX_SIZES];
    fill_sizes(workload, sizes);
    const char *codelet = codelet_name(workload->codelet);
    if (workload->tiles > chip->tiles) {
        *why = xasprintf("%u tiles are more than the chip's %u", workload->tiles, chip->tiles);
        return false;
    }
    if (!is_typed(workload->codelet) && (workload->type != 0 || workload->operation != 0)) {
        *why = xasprintf("%s has no type and no operation; its sizes: %s", codelet,
                         codelet_sizes_doc(workload->codelet));
        return false;
    }
    *why = why_not_sizes(workload, chip);
    if (*why != NULL) {
        return false;
    }
    if (!vertex_is_known(workload->codelet, sizes, chip)) {
        *why = xasprintf("no source gives the cost of %s for operation %s, type %s and these sizes",
                         codelet, operation_name(workload->operation),
                         element_type_name(workload->type));
        return false;
    }
    struct vertex_cost cost = vertex_cost(workload->codelet, sizes, chip);
    bool has_dynamic = cost.count_millislots > 0 || cost.hit_millislots > 0;
    if (!has_dynamic && (workload->count > 0 || workload->hits > 0)) {
        *why = xasprintf("%s has no dynamic count or hits", codelet);
        return false;
    }
    if (cost.count_millislots > 0 && workload->hits > workload->count) {
        *why = xasprintf("%s: %u hits are more than the %u ids that it counts", codelet,
                         workload->hits, workload->count);
        return false;
    }
    uint64_t ids = (uint64_t)workload->tiles * workload->vertices * lists_of(workload).neurons;
    if (has_dynamic && ids > 100000000) { // 400 MB
        *why = xasprintf("a record of %llu ids is too large", (unsigned long long)ids);
        return false;
    }
    return true;
}

static bool run_vertex(const void *config, const struct machine_config *machine,
                       struct workload_result *result, char **why)
{
    const struct vertex_workload *workload = config;
    const struct chip_config *chip = machine->chip;
    if (!can_run(workload, chip, why)) {
        return false;
    }
    struct lists lists = lists_of(workload);
    struct program *program = make_program(workload, lists);
    struct activity *record = make_record(program, lists);
    struct machine_time time = {0};
    workload_time(result, chip, program, record, &time);
    double cycles = time.cycles + workload->counter_cycles;
    double seconds = cycles_to_seconds(cycles, chip->clock_hz);
    workload_add_quantity(result, "cycles", "cycles", cycles);
    workload_add_quantity(result, "seconds", "seconds", seconds);
    if (workload->flop > 0 && seconds > 0) {
        double vertices = (double)workload->tiles * workload->vertices;
        workload_add_quantity(result, "flop_per_second", "FLOP/s",
                              workload->flop * vertices / seconds);
    }
    activity_destroy(record);
    program_destroy(program);
    return true;
}

static const char *work_name(const void *config)
{
    const struct vertex_workload *workload = config;
    return codelet_name(workload->codelet);
}

const struct workload_kind workload_vertex = {
    .name = "vertex",
    .doc = "one compute set of equal vertices",
    .keys = vertex_keys,
    .config_bytes = sizeof(struct vertex_workload),
    .run = run_vertex,
    .work_name = work_name,
};

#include "sim/commands/inspect_program.h"

#include <stdlib.h>

#include "report/table.h"
#include "sim/err.h"
#include "sim/units.h"

static void print_table(const struct inspector *inspector, struct table *table)
{
    table_print(table, inspector->stream, inspector->has_colour);
    table_destroy(table);
    fputc('\n', inspector->stream);
}

static struct table *create_table(const char *const *headings, uint32_t count)
{
    struct table *table = table_create(count);
    for (uint32_t i = 0; i < count; i++) {
        table_add(table, "%s", headings[i]);
    }
    return table;
}

#define TABLE_WITH(...)                              \
    create_table((const char *const[]){__VA_ARGS__}, \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void add_tile_range(struct table *table, uint32_t lowest, uint32_t highest)
{
    if (lowest == highest) {
        table_add(table, "%u", lowest);
    } else {
        table_add(table, "%u..%u", lowest, highest);
    }
}

static void mark_tiles(bool *is_used, const struct tile_map *map, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        is_used[tile_map_at(map, first + i)] = true;
    }
}

// Adds two cells, how many tiles are marked and their range, and clears the marks.
static void add_marked_tiles(struct table *table, bool *is_used, uint32_t tile_count)
{
    uint32_t count = 0, lowest = 0, highest = 0;
    for (uint32_t tile = 0; tile < tile_count; tile++) {
        if (is_used[tile]) {
            lowest = count == 0 ? tile : lowest;
            highest = tile;
            count++;
            is_used[tile] = false;
        }
    }
    table_add_count(table, count);
    if (count == 0) {
        table_add(table, "-");
    } else {
        add_tile_range(table, lowest, highest);
    }
}

void inspect_placement(const struct inspector *inspector, const struct program *program)
{
    struct table *table = TABLE_WITH("variable", "role", "tiles", "range", "items",
                                     "bytes per item", "live in steps");
    bool *is_used = xcalloc(program->tile_count, sizeof(*is_used));
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        table_add(table, "%s", variable->name);
        table_add(table, "%s", variable_role_name(variable->role));
        mark_tiles(is_used, &variable->place, variable->first_item, variable->items);
        add_marked_tiles(table, is_used, program->tile_count);
        table_add_count(table, variable->items);
        table_add_bytes(table, variable->bytes_per_item);
        if (variable->first_step == LIVE_ALWAYS) {
            table_add(table, "always");
        } else {
            table_add(table, "%u..%u", variable->first_step, variable->last_step);
        }
    }
    free(is_used);
    print_table(inspector, table);
}

// --- steps --------------------------------------------------------------------------------------
static uint64_t group_vertices(const struct program *program, const struct vertex_group *group)
{
    switch (group->dealing) {
    case DEAL_EVEN:
        return group->vertices;
    case DEAL_SAMPLES:
        return group->items * div_ceil(program->batch, group->samples_per_vertex);
    case DEAL_SEGMENTS:
        return (uint64_t)group->items * group->vertices;
    case DEAL_SLOTS:
        return (uint64_t)program->batch * program->slots[group->layer] * group->groups;
    }
    return 0;
}

static uint64_t flow_bytes(const struct flow *flow)
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

struct lister { // walks the steps of a program
    const struct program *program;
    const struct machine_time *time;
    struct table *table;
    bool *is_used;  // tiles of the row
    uint32_t depth; // of loops
    uint32_t share; // of the next step that takes time
};

// The cells of a row after its name: vertices or bytes, tiles, times, cycles.
static void add_share(struct lister *lister)
{
    if (lister->time == NULL) {
        table_add(lister->table, "-");
        table_add(lister->table, "-");
        return;
    }
    const struct machine_share *share = &lister->time->shares[lister->share++];
    table_add_count(lister->table, (double)share->times);
    table_add_count(lister->table, share->times == 0 ? 0 : share->cycles / (double)share->times);
}

static void add_compute_set(struct lister *lister, const struct compute_set *set)
{
    uint64_t vertices = 0;
    for (uint32_t i = 0; i < set->group_count; i++) {
        const struct vertex_group *group = &lister->program->groups[set->first_group + i];
        vertices += group_vertices(lister->program, group);
        mark_tiles(lister->is_used, &group->place, group->first_item, group->items);
    }
    char text[UNIT_TEXT_BYTES];
    table_add(lister->table, "%s vertices", text_of_count(text, (double)vertices));
    add_marked_tiles(lister->table, lister->is_used, lister->program->tile_count);
}

static void add_exchange(struct lister *lister, const struct exchange_step *exchange)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &lister->program->flows[exchange->first_flow + i];
        bytes += flow_bytes(flow);
        mark_tiles(lister->is_used, &flow->source, flow->first_source, flow->source_count);
    }
    char text[UNIT_TEXT_BYTES];
    table_add(lister->table, "%s sent", text_of_bytes(text, bytes));
    add_marked_tiles(lister->table, lister->is_used, lister->program->tile_count);
}

static void add_loop(struct lister *lister, const struct program_step *step)
{
    table_add(lister->table, "%*sloop %u times", (int)lister->depth * 2, "", step->loop_count);
    for (uint32_t i = 0; i < 5; i++) {
        table_add(lister->table, "%s", "");
    }
    lister->depth++;
}

static void add_step(struct lister *lister, uint32_t number)
{
    const struct program *program = lister->program;
    const struct program_step *step = &program->steps[number];
    int indent = (int)lister->depth * 2;
    char text[UNIT_TEXT_BYTES];
    switch (step->kind) {
    case STEP_LOOP_BEGIN:
        add_loop(lister, step);
        return;
    case STEP_LOOP_END:
        lister->depth--;
        return;
    case STEP_COMPUTE:
        table_add(lister->table, "%*s%u %s", indent, "", number,
                  program->compute_sets[step->index].name);
        add_compute_set(lister, &program->compute_sets[step->index]);
        break;
    case STEP_EXCHANGE:
        table_add(lister->table, "%*s%u %s", indent, "", number,
                  program->exchanges[step->index].name);
        add_exchange(lister, &program->exchanges[step->index]);
        break;
    case STEP_HOST:
        table_add(lister->table, "%*s%u %s", indent, "", number,
                  step->host_direction == HOST_TO_CHIP ? "from the host" : "to the host");
        table_add(lister->table, "%s", text_of_bytes(text, step->host_bytes));
        table_add(lister->table, "-");
        table_add(lister->table, "-");
        break;
    }
    add_share(lister);
}

void inspect_steps(const struct inspector *inspector, const struct program *program,
                   const struct machine_time *time)
{
    struct lister lister = {
        .program = program,
        .time = time,
        .table = TABLE_WITH("step", "what", "tiles", "range", "times", "cycles each"),
        .is_used = xcalloc(program->tile_count, sizeof(bool)),
    };
    for (uint32_t i = 0; i < program->step_count; i++) {
        add_step(&lister, i);
    }
    free(lister.is_used);
    print_table(inspector, lister.table);
}

// --- memory, kernels ----------------------------------------------------------------------------
void inspect_sram(const struct inspector *inspector, const struct sram_plan *plan)
{
    char used[UNIT_TEXT_BYTES], limit[UNIT_TEXT_BYTES], sum[UNIT_TEXT_BYTES];
    fprintf(inspector->stream, "  fullest tile %u: %s of %s; %s if no addresses were shared\n",
            plan->max_tile, text_of_bytes(used, plan->max_bytes),
            text_of_bytes(limit, plan->limit_bytes), text_of_bytes(sum, plan->sum_bytes));
    if (!plan->fits) {
        fprintf(inspector->stream, "  does not fit: %s\n", plan->why);
    }
    struct table *roles = TABLE_WITH("role on that tile", "bytes");
    for (uint32_t role = 0; role < SRAM_ROLE_COUNT; role++) {
        table_add(roles, "%s", sram_role_name(role));
        table_add_bytes(roles, plan->by_role[role]);
    }
    print_table(inspector, roles);
    struct table *largest = TABLE_WITH("largest variable on that tile", "bytes");
    for (uint32_t i = 0; i < plan->largest_count; i++) {
        table_add(largest, "%s", plan->largest[i].name);
        table_add_bytes(largest, plan->largest[i].bytes);
    }
    print_table(inspector, largest);
}

static const char *phase_name(enum kernel_phase phase)
{
    static const char *const names[] = {[PHASE_FORWARD] = "forward, per time step",
                                        [PHASE_BACKWARD] = "backward, per time step",
                                        [PHASE_ONCE] = "once per training step"};
    return names[phase];
}

void inspect_kernels(const struct inspector *inspector, const struct kernel_list *list)
{
    struct table *table =
        TABLE_WITH("kernel", "phase", "layer", "m", "n", "k", "elements read", "written");
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        bool has_shape = kernel->m > 0 && kernel->n > 0;
        table_add(table, "%s", kernel->name);
        table_add(table, "%s", phase_name(kernel->phase));
        table_add(table, "%u", kernel->layer);
        table_add(table, has_shape ? "%u" : "-", kernel->m);
        table_add(table, has_shape ? "%u" : "-", kernel->n);
        table_add(table, has_shape ? "%u" : "-", kernel->k);
        table_add_count(table, (double)kernel->read_elements);
        table_add_count(table, (double)kernel->write_elements);
    }
    print_table(inspector, table);
}

#include "sim/commands/inspect_program.h"

#include <stdlib.h>

#include "report/table.h"
#include "sim/err.h"
#include "sim/units.h"

#define BAR_CHARACTERS 20u
#define BINS 8u           // of the histogram of tiles
#define TENANTS_SHOWN 12u // of a tile that nobody asked for

// Colours of rows: what moves data, the host.
#define PAINT_EXCHANGE "36"
#define PAINT_HOST "35"
#define PAINT_LOOP "2"
#define PAINT_SECTION "1"

void inspect_heading(const struct inspector *inspector, const char *of, const char *what)
{
    fprintf(inspector->stream, inspector->has_colour ? "\033[1m%s: %s\033[0m\n" : "%s: %s\n", of,
            what);
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

static void print_table(const struct inspector *inspector, struct table *table)
{
    table_print(table, inspector->stream, inspector->has_colour);
    table_destroy(table);
    fputc('\n', inspector->stream);
}

static void fit(const struct inspector *inspector, struct table *table, const uint32_t *droppable,
                uint32_t count)
{
    table_fit(table, inspector->width, droppable, count);
}

// Two cells: how many, and which.
static void add_tiles(struct table *table, const struct tile_range *tiles)
{
    table_add_count(table, tiles->count);
    if (tiles->count == 0) {
        table_add(table, "-");
    } else if (tiles->lowest == tiles->highest) {
        table_add(table, "%u", tiles->lowest);
    } else {
        table_add(table, "%u..%u", tiles->lowest, tiles->highest);
    }
}

static void add_lifetime(struct table *table, uint32_t first, uint32_t last)
{
    if (last == UINT32_MAX) {
        table_add(table, "always");
    } else {
        table_add(table, "%u..%u", first, last);
    }
}

// A cell: a percentage and, behind it, a bar.
static void add_bar(struct table *table, double part, double whole)
{
    static const char bar[] = "####################";
    double share = whole > 0 ? part / whole : 0;
    double filled = share * BAR_CHARACTERS + 0.5;
    int length = filled > BAR_CHARACTERS ? (int)BAR_CHARACTERS : (int)filled;
    table_add(table, "%5.1f %%%s%.*s", 100 * share, length > 0 ? "  " : "", length, bar);
}

// Of a system alone.
static void print_waits(FILE *stream, const struct machine_time *time)
{
    if (time->link_cycles > 0) {
        fprintf(stream, ", links %.1f %%", 100 * time->link_cycles / time->cycles);
    }
    if (time->memory_cycles > 0) {
        fprintf(stream, ", streaming memory %.1f %%", 100 * time->memory_cycles / time->cycles);
    }
    fputc('\n', stream);
}

// --- summary ------------------------------------------------------------------------------------
void inspect_summary(const struct inspector *inspector, const struct inspected *inspected)
{
    const struct sram_plan *plan = inspected->plan;
    FILE *stream = inspector->stream;
    char text[UNIT_TEXT_BYTES], other[UNIT_TEXT_BYTES];
    fprintf(stream, "  chip         %s, %s tiles at %.4g GHz\n", inspected->chip->name,
            text_of_count(text, inspected->chip->tiles), inspected->chip->clock_hz / 1e9);
    fprintf(stream, "  in use       %s tiles", text_of_count(text, plan->tiles_used));
    fprintf(stream, "; %u compute sets, %u exchanges\n", inspected->program->compute_set_count,
            inspected->program->exchange_count);
    fprintf(stream, "  fullest tile %u, %s of %s%s\n", plan->max_tile,
            text_of_bytes(text, plan->max_bytes), text_of_bytes(other, plan->limit_bytes),
            plan->fits ? "" : ": does not fit");
    if (plan->why != NULL) {
        fprintf(stream, "  %s\n", plan->why);
    }
    if (inspected->time != NULL) {
        const struct machine_time *time = inspected->time;
        fprintf(stream, "  one pass     %s cycles", text_of_count(text, time->cycles));
        fprintf(stream, " in %s supersteps", text_of_count(text, (double)time->supersteps));
        fprintf(stream, ", %s\n",
                text_of_seconds(text, cycles_to_seconds(time->cycles, inspected->chip->clock_hz)));
        fprintf(
            stream, "  of them      compute %.1f %%, exchange %.1f %%, sync %.1f %%, host %.1f %%",
            100 * time->compute_cycles / time->cycles, 100 * time->exchange_cycles / time->cycles,
            100 * time->sync_cycles / time->cycles, 100 * time->host_cycles / time->cycles);
        print_waits(stream, time);
    }
    fputc('\n', stream);
}

// --- placement ----------------------------------------------------------------------------------
void inspect_layers(const struct inspector *inspector, const struct inspected *inspected)
{
    const uint32_t droppable[] = {6, 5};
    struct table *table = TABLE_WITH("layer", "neurons", "slots", "parameters on", "tiles",
                                     "works on tiles", "vertices", "variables");
    for (uint32_t layer = 0; layer < inspected->program->layer_count; layer++) {
        const struct layer_summary *summary = &inspected->layers[layer];
        table_add(table, layer == 0 ? "input" : "%u", layer);
        table_add_count(table, summary->neurons);
        table_add_count(table, summary->slots);
        add_tiles(table, &summary->parameters);
        table_add_count(table, summary->tiles.count);
        table_add_count(table, (double)summary->vertices);
        table_add_bytes(table, summary->bytes);
    }
    fit(inspector, table, droppable, 2);
    print_table(inspector, table);
}

static struct tile_range variable_tiles(const struct program *program,
                                        const struct variable *variable)
{
    struct vertex_group group = {
        .place = variable->place, .first_item = variable->first_item, .items = variable->items};
    return group_tiles(program, &group);
}

void inspect_variables(const struct inspector *inspector, const struct inspected *inspected)
{
    const uint32_t droppable[] = {4, 1, 3};
    const struct program *program = inspected->program;
    struct table *table = TABLE_WITH("variable", "role", "tiles", "range", "items",
                                     "bytes per item", "live in steps");
    table_align_left(table, 1);
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        struct tile_range tiles = variable_tiles(program, variable);
        table_add(table, "%s", variable->name);
        table_add(table, "%s", variable_role_name(variable->role));
        add_tiles(table, &tiles);
        table_add_count(table, variable->items);
        table_add_bytes(table, variable->bytes_per_item);
        add_lifetime(table, variable->first_step, variable->last_step);
    }
    fit(inspector, table, droppable, 3);
    print_table(inspector, table);
}

// --- steps --------------------------------------------------------------------------------------
static const char *paint_of(enum step_kind kind)
{
    switch (kind) {
    case STEP_EXCHANGE:
        return PAINT_EXCHANGE;
    case STEP_HOST:
    case STEP_STREAM:
    case STEP_ALL_REDUCE:
        return PAINT_HOST;
    case STEP_CALL:
    case STEP_LOOP_BEGIN:
        return PAINT_LOOP;
    default:
        return NULL;
    }
}

static void add_loop(struct table *table, const struct step_summary *step)
{
    bool is_call = step->kind == STEP_CALL;
    char times[32] = "";
    if (!is_call || step->loop_count != 1) {
        snprintf(times, sizeof(times), " %u times", step->loop_count);
    }
    table_add(table, "%*s%s%s%s", (int)step->depth * 2, "", is_call ? "call " : "loop",
              is_call ? step->name : "", times);
    for (uint32_t i = 0; i < 6; i++) {
        table_add(table, "%s", "");
    }
}

static void add_step(struct table *table, const struct step_summary *step,
                     const struct machine_time *time)
{
    char text[UNIT_TEXT_BYTES];
    table_add(table, "%*s%u %s", (int)step->depth * 2, "", step->number, step->name);
    if (step->kind == STEP_COMPUTE) {
        table_add(table, "%s vertices", text_of_count(text, (double)step->vertices));
    } else {
        table_add(table, "%s sent", text_of_bytes(text, step->bytes));
    }
    add_tiles(table, &step->tiles);
    if (time == NULL) {
        for (uint32_t i = 0; i < 3; i++) {
            table_add(table, "-");
        }
        return;
    }
    table_add_count(table, (double)step->times);
    table_add_count(table, step->times == 0 ? 0 : step->cycles / (double)step->times);
    add_bar(table, step->cycles, time->cycles);
}

// Of a section: how often it runs, what a run takes, and its share. It has at least one step.
static void add_section(struct table *table, const struct inspected *inspected, uint32_t first)
{
    const struct program_section *section = NULL;
    for (uint32_t i = 0; i < inspected->program->section_count && section == NULL; i++) {
        const struct program_section *one = &inspected->program->sections[i];
        uint32_t number = inspected->steps[first].number;
        section =
            number >= one->first_step && number < one->first_step + one->step_count ? one : NULL;
    }
    double cycles = 0;
    uint64_t runs = UINT64_MAX; // a step in a loop of the section has more
    for (uint32_t i = first; section != NULL && i < inspected->step_count; i++) {
        const struct step_summary *step = &inspected->steps[i];
        bool takes_time = step->kind != STEP_CALL && step->kind != STEP_LOOP_BEGIN;
        if (step->number < section->first_step + section->step_count && takes_time) {
            cycles += step->cycles;
            runs = min_u64(runs, step->times);
        }
    }
    table_add(table, section == NULL ? "main part" : "section: %s",
              section == NULL ? "" : section->name);
    for (uint32_t i = 0; i < 3; i++) {
        table_add(table, "%s", "");
    }
    if (section == NULL || inspected->time == NULL || runs == UINT64_MAX) {
        for (uint32_t i = 0; i < 3; i++) {
            table_add(table, "%s", "");
        }
        return;
    }
    table_add_count(table, (double)runs);
    table_add_count(table, runs == 0 ? 0 : cycles / (double)runs);
    add_bar(table, cycles, inspected->time->cycles);
}

static bool begins_section(const struct inspected *inspected, uint32_t place)
{
    const struct program *program = inspected->program;
    uint32_t number = inspected->steps[place].number;
    uint32_t before = place == 0 ? 0 : inspected->steps[place - 1].number;
    if (program->section_count == 0) {
        return false;
    }
    if (number >= program->main_first) {
        return place == 0 || before < program->main_first;
    }
    for (uint32_t i = 0; i < program->section_count; i++) {
        uint32_t first = program->sections[i].first_step;
        if (number >= first && (place == 0 || before < first)) {
            return true;
        }
    }
    return false;
}

void inspect_steps(const struct inspector *inspector, const struct inspected *inspected)
{
    const uint32_t droppable[] = {3, 1, 2};
    struct table *table =
        TABLE_WITH("step", "what", "tiles", "range", "times", "cycles each", "share of cycles");
    table_align_left(table, 6);
    for (uint32_t i = 0; i < inspected->step_count; i++) {
        const struct step_summary *step = &inspected->steps[i];
        if (begins_section(inspected, i)) {
            table_paint(table, PAINT_SECTION);
            add_section(table, inspected, i);
        }
        table_paint(table, paint_of(step->kind));
        if (step->kind == STEP_LOOP_BEGIN || step->kind == STEP_CALL) {
            add_loop(table, step);
        } else {
            add_step(table, step, inspected->time);
        }
    }
    fit(inspector, table, droppable, 3);
    print_table(inspector, table);
}

// --- SRAM ---------------------------------------------------------------------------------------
static void print_roles(const struct inspector *inspector, const struct sram_plan *plan)
{
    struct table *table = TABLE_WITH("role, on the fullest tile", "bytes", "of the tile");
    table_align_left(table, 2);
    for (uint32_t role = 0; role < SRAM_ROLE_COUNT; role++) {
        if (plan->by_role[role] > 0) {
            table_add(table, "%s", sram_role_name(role));
            table_add_bytes(table, plan->by_role[role]);
            add_bar(table, (double)plan->by_role[role], (double)plan->limit_bytes);
        }
    }
    if (plan->sum_bytes > plan->max_bytes) {
        table_add(table, "shared by what does not live at once");
        table_add_bytes(table, plan->sum_bytes - plan->max_bytes);
        add_bar(table, (double)(plan->sum_bytes - plan->max_bytes), (double)plan->limit_bytes);
    }
    fit(inspector, table, NULL, 0);
    print_table(inspector, table);
}

// How many tiles are how full.
static void print_histogram(const struct inspector *inspector, const struct inspected *inspected)
{
    uint64_t top = max_u64(inspected->plan->limit_bytes, inspected->plan->max_bytes);
    uint64_t step = max_u64(div_ceil(top, BINS), 1);
    uint32_t counts[BINS + 1] = {0}; // the last: tiles without anything
    char from[UNIT_TEXT_BYTES], to[UNIT_TEXT_BYTES];
    for (uint32_t tile = 0; tile < inspected->program->tile_count; tile++) {
        uint64_t bytes = inspected->plan->bytes_by_tile[tile];
        counts[bytes == 0 ? BINS : min_u64((bytes - 1) / step, BINS - 1)]++;
    }
    struct table *table = TABLE_WITH("SRAM of a tile", "tiles", "of the chip");
    table_align_left(table, 2);
    for (uint32_t bin = 0; bin <= BINS; bin++) {
        uint32_t i = bin == 0 ? BINS : bin - 1;
        if (counts[i] == 0) {
            continue;
        }
        if (i == BINS) {
            table_add(table, "nothing");
        } else {
            table_add(table, "%s to %s", text_of_bytes(from, i * step),
                      text_of_bytes(to, (i + 1) * step));
        }
        table_add_count(table, counts[i]);
        add_bar(table, counts[i], inspected->program->tile_count);
    }
    print_table(inspector, table);
}

static void print_tenants(const struct inspector *inspector, const struct inspected *inspected,
                          uint32_t shown)
{
    const uint32_t droppable[] = {1};
    char *title = xasprintf("largest on tile %u, of %u", inspected->tile, inspected->tenants.count);
    struct table *table = TABLE_WITH(title, "role", "bytes", "live in steps");
    table_align_left(table, 1);
    for (uint32_t i = 0; i < inspected->tenants.count && i < shown; i++) {
        const struct sram_tenant *tenant = &inspected->tenants.tenants[i];
        table_add(table, "%s", tenant->name);
        table_add(table, "%s", sram_role_name(tenant->role));
        table_add_bytes(table, tenant->bytes);
        add_lifetime(table, tenant->first_step, tenant->last_step);
    }
    free(title);
    fit(inspector, table, droppable, 1);
    print_table(inspector, table);
}

void inspect_sram(const struct inspector *inspector, const struct inspected *inspected)
{
    print_roles(inspector, inspected->plan);
    print_histogram(inspector, inspected);
    print_tenants(inspector, inspected, TENANTS_SHOWN);
}

// --- one tile -----------------------------------------------------------------------------------
void inspect_tile(const struct inspector *inspector, const struct inspected *inspected)
{
    const struct program *program = inspected->program;
    char text[UNIT_TEXT_BYTES];
    fprintf(inspector->stream, "  SRAM in use: %s\n",
            text_of_bytes(text, inspected->plan->bytes_by_tile[inspected->tile]));
    print_tenants(inspector, inspected, UINT32_MAX);
    struct table *table = TABLE_WITH("step", "codelet", "vertices", "of all");
    table_align_left(table, 1);
    for (uint32_t i = 0; i < inspected->step_count; i++) {
        const struct step_summary *step = &inspected->steps[i];
        if (step->kind != STEP_COMPUTE) {
            continue;
        }
        const struct compute_set *set = &program->compute_sets[program->steps[step->number].index];
        for (uint32_t g = 0; g < set->group_count; g++) {
            const struct vertex_group *group = &program->groups[set->first_group + g];
            uint64_t vertices = group_vertices_on_tile(program, group, inspected->tile);
            if (vertices > 0) {
                table_add(table, "%u %s", step->number, step->name);
                table_add(table, "%s", codelet_name(group->codelet));
                table_add_count(table, (double)vertices);
                table_add_count(table, (double)group_vertices(program, group));
            }
        }
    }
    fit(inspector, table, NULL, 0);
    print_table(inspector, table);
}

// --- GPU ----------------------------------------------------------------------------------------
static const char *phase_name(enum kernel_phase phase)
{
    static const char *const names[] = {[PHASE_FORWARD] = "forward, per time step",
                                        [PHASE_BACKWARD] = "backward, per time step",
                                        [PHASE_ONCE] = "once per training step"};
    return names[phase];
}

void inspect_kernels(const struct inspector *inspector, const struct kernel_list *list)
{
    const uint32_t droppable[] = {7, 6, 1};
    struct table *table =
        TABLE_WITH("kernel", "phase", "layer", "m", "n", "k", "elements read", "written");
    table_align_left(table, 1);
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
    fit(inspector, table, droppable, 3);
    print_table(inspector, table);
}

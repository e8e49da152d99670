#include "tiles/sram.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"
#include "tiles/sram_place.h"
#include "tiles/sram_tally.h"

// Blocks that the chip itself needs on a tile: vertex states, code, exchange code, stacks.
#define CHIP_BLOCKS 4

struct tile_contents {
    struct sram_block *blocks; // owned
    const char **names;        // owned array of borrowed names
    uint32_t *roles;           // owned
    uint32_t count;
};

struct view { // of a program on the tiles that are looked at
    const struct program *program;
    const struct chip_config *chip;
    const struct sram_tally *tally; // counts that are sums over the whole program
    const uint32_t *tiles;          // rising
    struct sram_census census;      // owned; of the tiles
};

const char *sram_role_name(uint32_t role)
{
    switch (role) {
    case SRAM_VERTEX_STATE:
        return "vertex_state";
    case SRAM_CODE:
        return "code";
    case SRAM_EXCHANGE_CODE:
        return "exchange_code";
    case SRAM_STACK:
        return "stack";
    default:
        return variable_role_name((enum variable_role)role);
    }
}

static void add_block(struct tile_contents *contents, const char *name, uint32_t role,
                      const struct sram_block *block)
{
    if (block->bytes == 0) {
        return;
    }
    uint32_t i = contents->count++;
    contents->blocks[i] = *block;
    contents->blocks[i].bytes = div_ceil(block->bytes, SRAM_ALIGN_BYTES) * SRAM_ALIGN_BYTES;
    contents->names[i] = name;
    contents->roles[i] = role;
}

// A need of the chip: live always, as programs and vertices stay loaded.
static void add_chip_block(struct tile_contents *contents, const char *name, enum sram_role role,
                           enum sram_need need, uint64_t bytes)
{
    struct sram_block block = {.bytes = bytes, .last_step = UINT32_MAX, .need = need};
    add_block(contents, name, role, &block);
}

// Every tile in use runs the whole control program: it must pass every sync and loop.
static uint64_t control_code_bytes(const struct program *program, const struct tile_config *tile)
{
    uint64_t steps = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        steps += program->steps[i].kind != STEP_LOOP_END; // a loop is one step
    }
    return steps * tile->control_code_bytes_per_step;
}

static void add_variable(struct tile_contents *contents, const struct variable *variable,
                         uint32_t items)
{
    bool is_always = variable->first_step == LIVE_ALWAYS;
    SIM_ASSERT(variable->first_step <= variable->last_step, "%s: live in steps %u..%u",
               variable->name, variable->first_step, variable->last_step);
    struct sram_block block = {
        .bytes = items * variable->bytes_per_item,
        .first_step = is_always ? 0 : variable->first_step,
        .last_step = is_always ? UINT32_MAX : variable->last_step,
        .need = variable->is_interleaved ? SRAM_NEED_INTERLEAVED : SRAM_NEED_ANY,
    };
    add_block(contents, variable->name, variable->role, &block);
}

// What lies on the i-th of the tiles that are looked at.
static void contents_gather(struct tile_contents *contents, const struct view *view, uint32_t i)
{
    const struct program *program = view->program;
    const struct tile_config *config = &view->chip->tile;
    uint32_t tile = view->tiles[i];
    uint64_t codelets = (uint64_t)__builtin_popcountll(view->census.codelets[i]);
    contents->count = 0;
    add_chip_block(contents, "vertex states", SRAM_VERTEX_STATE, SRAM_NEED_ANY,
                   view->tally->vertices[tile] * config->vertex_state_bytes);
    add_chip_block(contents, "codelets and control code", SRAM_CODE, SRAM_NEED_EXECUTABLE,
                   control_code_bytes(program, config) + codelets * config->code_bytes_per_codelet);
    add_chip_block(contents, "exchange code", SRAM_EXCHANGE_CODE, SRAM_NEED_EXECUTABLE,
                   view->tally->messages[tile] * view->chip->exchange.code_bytes_per_message);
    // one stack per worker context and one for the supervisor
    add_chip_block(contents, "stacks", SRAM_STACK, SRAM_NEED_ANY,
                   (uint64_t)(config->contexts + 1) * config->stack_bytes_per_context);
    for (uint32_t s = view->census.first[i]; s < view->census.first[i + 1]; s++) {
        const struct sram_share *share = &view->census.shares[s];
        add_variable(contents, &program->variables[share->variable], share->items);
    }
}

static struct sram_use plan_tile(struct tile_contents *contents, const struct view *view,
                                 uint32_t i)
{
    contents_gather(contents, view, i);
    return sram_place(&view->chip->tile, contents->blocks, contents->count);
}

// A tile that does not fit is reported before one that does, however full that one is.
static bool is_worse(const struct sram_use *a, const struct sram_use *b)
{
    if (a->has_region_for_all != b->has_region_for_all) {
        return !a->has_region_for_all;
    }
    if (a->overflow_bytes != b->overflow_bytes) {
        return a->overflow_bytes > b->overflow_bytes;
    }
    return a->total_bytes > b->total_bytes;
}

static void fill_largest(struct sram_plan *plan, const struct tile_contents *contents)
{
    bool *is_taken = xcalloc(contents->count + 1, sizeof(bool));
    while (plan->largest_count < SRAM_LARGEST && plan->largest_count < contents->count) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < contents->count; i++) {
            if (!is_taken[i] &&
                (best == UINT32_MAX || contents->blocks[i].bytes > contents->blocks[best].bytes)) {
                best = i;
            }
        }
        is_taken[best] = true;
        plan->largest[plan->largest_count++] = (struct sram_item){
            .name = xstrdup(contents->names[best]), .bytes = contents->blocks[best].bytes};
    }
    free(is_taken);
}

static char *describe_largest(const struct sram_plan *plan)
{
    char *text = xstrdup("");
    for (uint32_t i = 0; i < plan->largest_count; i++) {
        char *longer = xasprintf("%s%s%s %llu", text, i == 0 ? "" : ", ", plan->largest[i].name,
                                 (unsigned long long)plan->largest[i].bytes);
        free(text);
        text = longer;
    }
    return text;
}

// The region with the most overflow, in words.
static char *describe_overflow(const struct sram_plan *plan, const struct sram_use *use,
                               const struct tile_config *tile)
{
    uint32_t worst = 0;
    uint64_t worst_overflow = 0;
    for (uint32_t r = 0; r < tile->region_count; r++) {
        uint64_t overflow = use->top_bytes[r] - min_u64(use->top_bytes[r], tile->regions[r].bytes);
        if (overflow > worst_overflow) {
            worst = r;
            worst_overflow = overflow;
        }
    }
    char *largest = describe_largest(plan);
    char *why = xasprintf(
        "tile %u: SRAM region '%s' needs %llu bytes, its limit is %u (all regions: "
        "%llu of %llu bytes); largest on this tile, in bytes: %s",
        plan->max_tile, tile->regions[worst].name, (unsigned long long)use->top_bytes[worst],
        tile->regions[worst].bytes, (unsigned long long)plan->max_bytes,
        (unsigned long long)plan->limit_bytes, largest);
    free(largest);
    return why;
}

static char *describe_missing_region(const struct sram_plan *plan,
                                     const struct tile_contents *contents,
                                     const struct tile_config *tile)
{
    for (uint32_t i = 0; i < contents->count; i++) {
        enum sram_need need = contents->blocks[i].need;
        bool is_met = false;
        for (uint32_t r = 0; r < tile->region_count; r++) {
            is_met |= sram_region_meets(&tile->regions[r], need);
        }
        if (!is_met) {
            return xasprintf(
                "tile %u: '%s' (%llu bytes) must lie in an %s SRAM region, and the chip "
                "has none",
                plan->max_tile, contents->names[i], (unsigned long long)contents->blocks[i].bytes,
                need == SRAM_NEED_EXECUTABLE ? "executable" : "interleaved");
        }
    }
    SIM_ASSERT(false, "tile %u: every block has a region", plan->max_tile);
}

static void fill_report(struct sram_plan *plan, const struct tile_contents *contents,
                        const struct sram_use *use, const struct tile_config *tile)
{
    plan->max_bytes = use->total_bytes;
    plan->overflow_bytes = use->overflow_bytes;
    for (uint32_t i = 0; i < contents->count; i++) {
        plan->by_role[contents->roles[i]] += contents->blocks[i].bytes;
        plan->sum_bytes += contents->blocks[i].bytes;
    }
    fill_largest(plan, contents);
    plan->fits = use->has_region_for_all && use->overflow_bytes == 0;
    if (!use->has_region_for_all) {
        plan->why = describe_missing_region(plan, contents, tile);
    } else if (use->overflow_bytes > 0) {
        plan->why = describe_overflow(plan, use, tile);
    }
}

static void contents_init(struct tile_contents *contents, const struct program *program)
{
    size_t capacity = (size_t)program->variable_count + CHIP_BLOCKS;
    contents->blocks = xmalloc(capacity * sizeof(*contents->blocks));
    contents->names = xmalloc(capacity * sizeof(*contents->names));
    contents->roles = xmalloc(capacity * sizeof(*contents->roles));
}

static struct view view_create(const struct program *program, const struct chip_config *chip,
                               const struct sram_tally *tally, const uint32_t *tiles,
                               uint32_t tile_count)
{
    return (struct view){.program = program,
                         .chip = chip,
                         .tally = tally,
                         .tiles = tiles,
                         .census = sram_census_create(program, tiles, tile_count)};
}

static void contents_free(struct tile_contents *contents)
{
    free(contents->blocks);
    free(contents->names);
    free(contents->roles);
}

// The representative of the class that fills its SRAM most; notes what every tile uses.
static uint32_t find_worst_tile(struct tile_contents *contents, const struct program *program,
                                const struct chip_config *chip, const struct sram_tally *tally,
                                uint64_t *bytes_by_tile)
{
    uint32_t *tiles = xmalloc((size_t)program->tile_count * sizeof(uint32_t));
    uint32_t *class_of = xmalloc((size_t)program->tile_count * sizeof(uint32_t));
    uint32_t class_count = sram_tally_classify(tally, tiles, class_of);
    uint64_t *of_class = xcalloc((size_t)class_count + 1, sizeof(*of_class));
    struct view view = view_create(program, chip, tally, tiles, class_count);
    struct sram_use worst = {.has_region_for_all = true};
    uint32_t worst_tile = 0;
    for (uint32_t i = 0; i < class_count; i++) {
        struct sram_use use = plan_tile(contents, &view, i);
        if (is_worse(&use, &worst)) {
            worst = use;
            worst_tile = tiles[i];
        }
        of_class[i] = use.total_bytes;
    }
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        bytes_by_tile[tile] = class_of[tile] == UINT32_MAX ? 0 : of_class[class_of[tile]];
    }
    sram_census_free(&view.census);
    free(of_class);
    free(class_of);
    free(tiles);
    return worst_tile;
}

struct sram_plan *sram_plan_create(const struct program *program, const struct chip_config *chip)
{
    struct sram_plan *plan = xcalloc(1, sizeof(*plan));
    for (uint32_t r = 0; r < chip->tile.region_count; r++) {
        plan->limit_bytes += chip->tile.regions[r].bytes;
    }
    struct sram_tally *tally = sram_tally_create(program);
    bool is_in_use = false;
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        plan->tiles_used += tally->vertices[tile] + tally->variables[tile] > 0;
        is_in_use |= tally->vertices[tile] + tally->variables[tile] + tally->messages[tile] > 0;
    }
    plan->fits = true;
    plan->bytes_by_tile = xcalloc((size_t)program->tile_count + 1, sizeof(uint64_t));
    if (is_in_use) {
        struct tile_contents contents = {0};
        contents_init(&contents, program);
        plan->max_tile = find_worst_tile(&contents, program, chip, tally, plan->bytes_by_tile);
        struct view view = view_create(program, chip, tally, &plan->max_tile, 1);
        struct sram_use use = plan_tile(&contents, &view, 0);
        fill_report(plan, &contents, &use, &chip->tile);
        sram_census_free(&view.census);
        contents_free(&contents);
    }
    sram_tally_destroy(tally);
    return plan;
}

static int compare_tenants(const void *a, const void *b)
{
    const struct sram_tenant *left = a;
    const struct sram_tenant *right = b;
    if (left->bytes != right->bytes) {
        return left->bytes < right->bytes ? 1 : -1;
    }
    return strcmp(left->name, right->name);
}

struct sram_tenants sram_tenants_of(const struct program *program, const struct chip_config *chip,
                                    uint32_t tile)
{
    struct sram_tally *tally = sram_tally_create(program);
    struct tile_contents contents = {0};
    contents_init(&contents, program);
    struct view view = view_create(program, chip, tally, &tile, 1);
    contents_gather(&contents, &view, 0);
    sram_census_free(&view.census);
    struct sram_tenants out = {.tenants = xcalloc(contents.count + 1, sizeof(*out.tenants)),
                               .count = contents.count};
    for (uint32_t i = 0; i < contents.count; i++) {
        const struct sram_block *block = &contents.blocks[i];
        out.tenants[i] = (struct sram_tenant){.name = contents.names[i],
                                              .role = contents.roles[i],
                                              .bytes = block->bytes,
                                              .first_step = block->first_step,
                                              .last_step = block->last_step};
    }
    qsort(out.tenants, out.count, sizeof(*out.tenants), compare_tenants);
    contents_free(&contents);
    sram_tally_destroy(tally);
    return out;
}

void sram_plan_destroy(struct sram_plan *plan)
{
    if (!plan) {
        return;
    }
    for (uint32_t i = 0; i < plan->largest_count; i++) {
        free(plan->largest[i].name);
    }
    free(plan->bytes_by_tile);
    free(plan->why);
    free(plan);
}

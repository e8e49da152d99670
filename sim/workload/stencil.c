// A 3 x 3 stencil on an image of four channels, one step of it as a BSP program: halos between
// chips where there are several, halos on the chips, blocks made contiguous, compute, results put
// back. How the image is dealt: sim/workload/image_cut.h. Convention: every tile is timed as if it
// had the largest block of its chip, since the slowest tile counts. Halos between chips are exact,
// since links carry the sum of them.
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/image_cut.h"
#include "sim/workload/stream.h"
#include "sim/workload/workload.h"
#include "tiles/codelets/compiled.h"

struct stencil_workload {
    uint32_t rows, columns; // of the image
    uint32_t implementation;
    uint32_t iterations;
};

static const char *const implementations[] = {
    [STENCIL_HALF4] = "half4", [STENCIL_FLOAT2] = "float2", [STENCIL_FLOAT] = "float", NULL};

#define STENCIL(...) KEY_NUMBER(KEY_UINT32, struct stencil_workload, __VA_ARGS__)
static const struct key stencil_keys[] = {
    STENCIL(rows, 2, 1000000, "cells", "1944", "of the image"),
    STENCIL(columns, 2, 1000000, "cells", "2592", "of the image"),
    KEY_CHOICE(struct stencil_workload, "implementation", implementation, implementations, "float2",
               "element type and vector width; a cell has four channels"),
    STENCIL(iterations, 1, 1000000, "steps", "1", "steps that `seconds` covers"),
    KEYS_END,
};

struct building {
    const struct stencil_workload *workload;
    const struct chip_config *chip;
    struct image_cut cut;
    struct program *program; // owned
};

static uint32_t cell_bytes(const struct stencil_workload *workload)
{
    return STENCIL_CHANNELS * (workload->implementation == STENCIL_HALF4 ? 2 : 4);
}

static struct image_strips strips_of(const struct building *building, uint32_t chip)
{
    struct image_part part = image_part_of(&building->cut, chip);
    return image_strips_of(part.block_rows, part.block_columns, building->chip->tile.contexts);
}

// --- halos --------------------------------------------------------------------------------------
// Every tile sends its border to a neighbour: one flow for each row of tiles.
static void add_direction(struct building *building, uint32_t chip, int32_t down, int32_t right)
{
    struct image_part part = image_part_of(&building->cut, chip);
    uint32_t cells = (down == 0 ? part.block_rows : 1) * (right == 0 ? part.block_columns : 1);
    uint32_t pairs = part.grid_columns - (right != 0);
    for (uint32_t row = down < 0; row + (down > 0) < part.grid_rows && pairs > 0; row++) {
        uint32_t from = chip * building->cut.chip_tiles + row * part.grid_columns + (right < 0);
        uint32_t to = (uint32_t)((int32_t)(from + (uint32_t)down * part.grid_columns) + right);
        struct flow flow = {.kind = FLOW_PAIRS,
                            .source = tile_map_range(from, pairs),
                            .destination = tile_map_range(to, pairs),
                            .source_count = pairs,
                            .destination_count = pairs,
                            .bytes = (uint64_t)cells * cell_bytes(building->workload)};
        program_add_flow(building->program, &flow);
    }
}

static void add_halo_flows(struct building *building, uint32_t chip)
{
    for (int32_t down = -1; down <= 1; down++) {
        for (int32_t right = -1; right <= 1; right++) {
            if (down != 0 || right != 0) {
                add_direction(building, chip, down, right);
            }
        }
    }
}

// Tiles of a chip at the border to the next chip, or to the one before.
struct edge {
    uint32_t first_tile, stride;
    uint32_t tiles;
};

static struct edge edge_of(const struct image_cut *cut, uint32_t chip, bool is_last)
{
    struct image_part part = image_part_of(cut, chip);
    uint32_t first = chip * cut->chip_tiles;
    if (cut->is_by_rows) {
        uint32_t row = is_last ? part.grid_rows - 1 : 0;
        return (struct edge){first + row * part.grid_columns, 1, part.grid_columns};
    }
    uint32_t column = is_last ? part.grid_columns - 1 : 0;
    return (struct edge){first + column, part.grid_columns, part.grid_rows};
}

// Each tile of an edge wants the cells that its own touch, sides and corners: from all tiles of the
// other edge that have some.
static void add_border_flows(struct building *building, const struct edge *from,
                             const struct edge *to)
{
    const struct image_cut *cut = &building->cut;
    uint32_t cells = cut->is_by_rows ? cut->columns : cut->rows; // along the border
    uint32_t nearest = 0;                                        // tile that has the first wanted
    for (uint32_t i = 0; i < to->tiles; i++) {
        uint64_t first = image_piece_begin(cells, to->tiles, i);
        uint64_t wanted = first - (first > 0);
        uint64_t wanted_end = min_u64(image_piece_begin(cells, to->tiles, i + 1) + 1ull, cells);
        while (image_piece_begin(cells, from->tiles, nearest + 1) <= wanted) {
            nearest++; // pieces of both edges follow one another
        }
        for (uint32_t k = nearest;
             k < from->tiles && image_piece_begin(cells, from->tiles, k) < wanted_end; k++) {
            uint64_t begin = max_u64(wanted, image_piece_begin(cells, from->tiles, k));
            uint64_t end = min_u64(wanted_end, image_piece_begin(cells, from->tiles, k + 1));
            struct flow flow = {.kind = FLOW_PAIRS,
                                .source = tile_map_range(from->first_tile + k * from->stride, 1),
                                .destination = tile_map_range(to->first_tile + i * to->stride, 1),
                                .source_count = 1,
                                .destination_count = 1,
                                .bytes = (end - begin) * cell_bytes(building->workload)};
            program_add_flow(building->program, &flow);
        }
    }
}

static void add_crossing_flows(struct building *building)
{
    for (uint32_t chip = 0; chip + 1 < building->cut.chips; chip++) {
        struct edge here = edge_of(&building->cut, chip, true);
        struct edge there = edge_of(&building->cut, chip + 1, false);
        add_border_flows(building, &here, &there);
        add_border_flows(building, &there, &here);
    }
}

// --- compute sets -------------------------------------------------------------------------------
// The same on every tile of the chip that has a block.
static void add_group(struct building *building, uint32_t chip, const struct vertex_group *of_tile)
{
    struct image_part part = image_part_of(&building->cut, chip);
    uint32_t tiles = part.grid_rows * part.grid_columns;
    struct vertex_group group = *of_tile;
    group.dealing = DEAL_EVEN;
    group.place = tile_map_range(chip * building->cut.chip_tiles, tiles);
    group.items = tiles;
    group.vertices *= tiles;
    program_add_group(building->program, &group);
}

static void add_copy(struct building *building, const char *name)
{
    program_begin_compute(building->program, name);
    for (uint32_t chip = 0; chip < building->cut.chips; chip++) {
        struct image_part part = image_part_of(&building->cut, chip);
        uint32_t block_bytes =
            part.block_rows * part.block_columns * cell_bytes(building->workload);
        // A block's rows lie apart, strided by the image: its copy has a run for each.
        struct vertex_group copy = {.codelet = CODELET_on_tile_copy,
                                    .vertices = 1,
                                    .sizes = {block_bytes, part.block_rows}};
        add_group(building, chip, &copy);
    }
}

static void add_stencil(struct building *building)
{
    program_begin_compute(building->program, "stencil");
    for (uint32_t chip = 0; chip < building->cut.chips; chip++) {
        struct image_strips strips = strips_of(building, chip);
        struct vertex_group stencil = {
            .codelet = CODELET_stencil3x3,
            .vertices = strips.count,
            .sizes = {strips.rows, strips.columns, building->workload->implementation}};
        add_group(building, chip, &stencil);
    }
}

// Steps of the program, but for the exchange before them where there are several chips.
enum { SHARE_HALOS, SHARE_BEFORE, SHARE_COMPUTE, SHARE_AFTER, SHARE_COUNT };

static void build_program(struct building *building)
{
    const struct image_cut *cut = &building->cut;
    building->program =
        program_create("stencil", cut->chips * cut->chip_tiles, 1, 1, 0, NULL, NULL);
    if (cut->chips > 1) {
        program_place_on_chips(building->program, cut->chips, cut->chip_tiles);
        program_begin_exchange(building->program, "halos between chips");
        add_crossing_flows(building);
    }
    program_begin_exchange(building->program, "halos");
    for (uint32_t chip = 0; chip < cut->chips; chip++) {
        add_halo_flows(building, chip);
    }
    add_copy(building, "rearrange before");
    add_stencil(building);
    add_copy(building, "rearrange after");
}

// FLOP/s that memory bandwidth allows, each operand taken from memory once per use, at the
// library's STREAM triad.
static double ceiling_flop_per_second(const struct stencil_workload *workload,
                                      const struct chip_config *chip)
{
    struct stream_workload triad = {
        .kernel = STREAM_TRIAD,
        .implementation = STREAM_LIBRARY,
        .element_bytes = workload->implementation == STENCIL_HALF4 ? 2 : 4,
        .array_bytes = 65536, // as the default of `stream`
    };
    double bytes_per_second = (double)stream_bytes(&triad) * chip->tiles /
                              cycles_to_seconds(stream_cycles(&triad, chip, NULL), chip->clock_hz);
    double flop = STENCIL_ADDITIONS + STENCIL_PRODUCTS;
    double bytes = (STENCIL_NEIGHBOURS + 1) * triad.element_bytes; // one more for the result
    return bytes_per_second * flop / bytes;
}

// NULL: it can run. Owned.
static char *why_not_on_chip(const struct building *building, uint32_t chip)
{
    struct image_part part = image_part_of(&building->cut, chip);
    uint64_t block_bytes =
        (uint64_t)part.block_rows * part.block_columns * cell_bytes(building->workload);
    uint64_t sram_bytes = machine_view_of(building->chip).bytes_per_tile;
    // Old and new image never live whole at once with both copies: two blocks at a time.
    if (2 * block_bytes > sram_bytes) {
        return xasprintf("two blocks of %llu bytes do not fit into the %llu bytes of a tile",
                         (unsigned long long)block_bytes, (unsigned long long)sram_bytes);
    }
    struct image_strips strips = strips_of(building, chip);
    if (strips.rows < 2 || strips.columns < 2) {
        return xasprintf("a worker's %u x %u cells are no block: it needs 2 x 2 or more",
                         strips.rows, strips.columns);
    }
    return NULL;
}

static char *why_not(const struct building *building)
{
    const struct image_cut *cut = &building->cut;
    if (!image_cut_is_possible(cut)) {
        uint32_t lines = cut->is_by_rows ? cut->rows : cut->columns;
        return xasprintf("%u chips for %u %s%s of cells", cut->chips, lines,
                         cut->is_by_rows ? "row" : "column", plural_ending(lines));
    }
    char *why = NULL;
    for (uint32_t chip = 0; chip < cut->chips && why == NULL; chip++) {
        why = why_not_on_chip(building, chip);
    }
    return why;
}

// The shares of *time are the caller's, whatever is returned.
static bool time_step(const struct building *building, const struct machine_config *machine,
                      const struct workload_result *result, struct machine_time *time, char **why)
{
    if (building->cut.chips > 1) {
        return workload_time_on(result, machine, building->program, time, why);
    }
    time->share_count = SHARE_COUNT; // needs no clock
    time->shares = xcalloc(SHARE_COUNT, sizeof *time->shares);
    workload_time(result, building->chip, building->program, NULL, time);
    return true;
}

static void add_phases(struct workload_result *result, const struct building *building,
                       const struct machine_time *time)
{
    const struct machine_share *shares = time->shares + (time->share_count - SHARE_COUNT);
    // its sync is counted with the others
    double halo_cycles = shares[SHARE_HALOS].cycles - building->chip->exchange.sync_cycles;
    workload_add_quantity(result, "sync_cycles", "cycles", time->sync_cycles);
    if (building->cut.chips > 1) {
        workload_add_quantity(result, "global_exchange_cycles", "cycles",
                              time->exchange_cycles + time->link_cycles - halo_cycles);
    }
    workload_add_quantity(result, "exchange_cycles", "cycles", halo_cycles);
    workload_add_quantity(result, "before_cycles", "cycles", shares[SHARE_BEFORE].cycles);
    workload_add_quantity(result, "compute_cycles", "cycles", shares[SHARE_COMPUTE].cycles);
    workload_add_quantity(result, "after_cycles", "cycles", shares[SHARE_AFTER].cycles);
}

static void add_quantities(struct workload_result *result, const struct building *building,
                           const struct machine_time *time)
{
    const struct stencil_workload *workload = building->workload;
    const struct chip_config *chip = building->chip;
    struct image_part part = image_part_of(&building->cut, 0);
    double cycles = time->cycles * workload->iterations;
    workload_add_quantity(result, "cycles", "cycles", cycles);
    workload_add_quantity(result, "seconds", "seconds", cycles_to_seconds(cycles, chip->clock_hz));
    add_phases(result, building, time);
    workload_add_quantity(result, "cells_per_tile", "cells",
                          (double)part.block_rows * part.block_columns);
    workload_add_quantity(result, "ceiling_flop_per_second", "FLOP/s",
                          ceiling_flop_per_second(workload, chip));
}

static bool run_stencil(const void *config, const struct machine_config *machine,
                        struct workload_result *result, char **why)
{
    const struct stencil_workload *workload = config;
    struct building building = {.workload = workload,
                                .chip = machine->chip,
                                .cut =
                                    image_cut_make(workload->rows, workload->columns,
                                                   machine->parallel.chips, machine->chip->tiles)};
    *why = why_not(&building);
    if (*why != NULL) {
        return false;
    }
    build_program(&building);
    struct machine_time time = {0};
    bool is_done = time_step(&building, machine, result, &time, why);
    if (is_done) {
        add_quantities(result, &building, &time);
    }
    machine_time_free(&time);
    program_destroy(building.program);
    return is_done;
}

const struct workload_kind workload_stencil = {
    .name = "stencil",
    .doc =
        "steps of a 3 x 3 stencil on an image of four channels, by phase, on one chip or several",
    .keys = stencil_keys,
    .config_bytes = sizeof(struct stencil_workload),
    .takes_chips = true,
    .run = run_stencil,
};

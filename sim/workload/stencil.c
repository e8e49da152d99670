// A 3 x 3 stencil on an image of four channels, one step of it as a BSP program: halos over the
// exchange, blocks made contiguous, compute, results put back. How the image is dealt is that of
// LBM (thorbenlouw/lbm-graphcore, StructuredGridUtils): a grid of nearly square blocks on the
// tiles, six strips of a block on its workers, by rows or by columns.
#include <math.h>

#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
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

// The largest block: every tile is timed as if it had one, since the slowest tile counts.
struct blocks {
    uint32_t rows, columns;             // tiles that are used
    uint32_t block_rows, block_columns; // cells of one tile
    uint32_t strip_rows, strip_columns; // cells of one worker
    uint32_t strips;
    uint32_t cell_bytes;
};

static struct blocks deal_image(const struct stencil_workload *workload,
                                const struct chip_config *chip)
{
    double aspect = (double)workload->columns / workload->rows;
    struct blocks blocks = {0};
    blocks.columns = (uint32_t)min_u64((uint64_t)ceil(sqrt(chip->tiles * aspect)), chip->tiles);
    blocks.columns = (uint32_t)min_u64(blocks.columns, workload->columns);
    blocks.rows = (uint32_t)min_u64(chip->tiles / blocks.columns, workload->rows);
    blocks.block_rows = (uint32_t)div_ceil(workload->rows, blocks.rows);
    blocks.block_columns = (uint32_t)div_ceil(workload->columns, blocks.columns);
    uint32_t workers = chip->tile.contexts;
    double uneven_rows = (double)(blocks.block_rows % workers) / blocks.block_rows;
    double uneven_columns = (double)(blocks.block_columns % workers) / blocks.block_columns;
    blocks.strip_rows = blocks.block_rows;
    blocks.strip_columns = blocks.block_columns;
    if (uneven_rows <= uneven_columns) {
        blocks.strips = (uint32_t)min_u64(workers, blocks.block_rows);
        blocks.strip_rows = (uint32_t)div_ceil(blocks.block_rows, blocks.strips);
    } else {
        blocks.strips = (uint32_t)min_u64(workers, blocks.block_columns);
        blocks.strip_columns = (uint32_t)div_ceil(blocks.block_columns, blocks.strips);
    }
    blocks.cell_bytes = STENCIL_CHANNELS * (workload->implementation == STENCIL_HALF4 ? 2 : 4);
    return blocks;
}

// Every tile sends its border to its eight neighbours: one flow per row of tiles and direction.
static void add_halo_flows(struct program *program, const struct blocks *blocks)
{
    for (int32_t down = -1; down <= 1; down++) {
        for (int32_t right = -1; right <= 1; right++) {
            if (down == 0 && right == 0) {
                continue;
            }
            uint32_t cells =
                (down == 0 ? blocks->block_rows : 1) * (right == 0 ? blocks->block_columns : 1);
            uint32_t pairs = blocks->columns - (right != 0);
            for (uint32_t row = down < 0; row + (down > 0) < blocks->rows && pairs > 0; row++) {
                uint32_t from = row * blocks->columns + (right < 0);
                uint32_t to =
                    (uint32_t)((int32_t)(from + (uint32_t)down * blocks->columns) + right);
                struct flow flow = {.kind = FLOW_PAIRS,
                                    .source = tile_map_range(from, pairs),
                                    .destination = tile_map_range(to, pairs),
                                    .source_count = pairs,
                                    .destination_count = pairs,
                                    .bytes = (uint64_t)cells * blocks->cell_bytes};
                program_add_flow(program, &flow);
            }
        }
    }
}

static void add_set(struct program *program, const char *name, const struct blocks *blocks,
                    const struct vertex_group *of_tile)
{
    uint32_t tiles = blocks->rows * blocks->columns;
    struct vertex_group group = *of_tile;
    group.dealing = DEAL_EVEN;
    group.place = tile_map_range(0, tiles);
    group.items = tiles;
    group.vertices *= tiles;
    program_begin_compute(program, name);
    program_add_group(program, &group);
}

enum { SHARE_EXCHANGE, SHARE_BEFORE, SHARE_COMPUTE, SHARE_AFTER, SHARE_COUNT };

static struct program *stencil_program(const struct stencil_workload *workload,
                                       const struct blocks *blocks)
{
    uint32_t block_bytes = blocks->block_rows * blocks->block_columns * blocks->cell_bytes;
    // A block's rows lie apart, strided by the image: the copy of one block has a run per row.
    struct vertex_group copy = {
        .codelet = CODELET_on_tile_copy, .vertices = 1, .sizes = {block_bytes, blocks->block_rows}};
    struct vertex_group stencil = {
        .codelet = CODELET_stencil3x3,
        .vertices = blocks->strips,
        .sizes = {blocks->strip_rows, blocks->strip_columns, workload->implementation}};
    struct program *program =
        program_create("stencil", blocks->rows * blocks->columns, 1, 1, 0, NULL, NULL);
    program_begin_exchange(program, "halos");
    add_halo_flows(program, blocks);
    add_set(program, "rearrange before", blocks, &copy);
    add_set(program, "stencil", blocks, &stencil);
    add_set(program, "rearrange after", blocks, &copy);
    return program;
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

static bool run_stencil(const void *config, const struct machine_config *machine,
                        struct workload_result *result, char **why)
{
    const struct stencil_workload *workload = config;
    const struct chip_config *chip = machine->chip;
    struct blocks blocks = deal_image(workload, chip);
    uint64_t block_bytes = (uint64_t)blocks.block_rows * blocks.block_columns * blocks.cell_bytes;
    uint64_t sram_bytes = machine_view_of(chip).bytes_per_tile;
    // Old and new image never live whole at once with both copies: two blocks at a time.
    if (2 * block_bytes > sram_bytes) {
        *why = xasprintf("two blocks of %llu bytes do not fit into the %llu bytes of a tile",
                         (unsigned long long)block_bytes, (unsigned long long)sram_bytes);
        return false;
    }
    if (blocks.strip_rows < 2 || blocks.strip_columns < 2) {
        *why = xasprintf("a worker's %u x %u cells are no block: it needs 2 x 2 or more",
                         blocks.strip_rows, blocks.strip_columns);
        return false;
    }
    struct program *program = stencil_program(workload, &blocks);
    struct machine_share shares[SHARE_COUNT] = {{0}};
    struct machine_time time = {.shares = shares, .share_count = SHARE_COUNT};
    workload_time(result, chip, program, NULL, &time);
    program_destroy(program);

    workload_add_quantity(result, "cycles", "cycles", time.cycles * workload->iterations);
    workload_add_quantity(result, "seconds", "seconds",
                          cycles_to_seconds(time.cycles * workload->iterations, chip->clock_hz));
    workload_add_quantity(result, "sync_cycles", "cycles", time.sync_cycles);
    workload_add_quantity(result, "exchange_cycles", "cycles", time.exchange_cycles);
    workload_add_quantity(result, "before_cycles", "cycles", shares[SHARE_BEFORE].cycles);
    workload_add_quantity(result, "compute_cycles", "cycles", shares[SHARE_COMPUTE].cycles);
    workload_add_quantity(result, "after_cycles", "cycles", shares[SHARE_AFTER].cycles);
    workload_add_quantity(result, "cells_per_tile", "cells",
                          (double)blocks.block_rows * blocks.block_columns);
    workload_add_quantity(result, "ceiling_flop_per_second", "FLOP/s",
                          ceiling_flop_per_second(workload, chip));
    return true;
}

const struct workload_kind workload_stencil = {
    .name = "stencil",
    .doc = "steps of a 3 x 3 stencil on an image of four channels, by phase",
    .keys = stencil_keys,
    .config_bytes = sizeof(struct stencil_workload),
    .run = run_stencil,
};

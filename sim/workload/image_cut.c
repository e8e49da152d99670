#include "sim/workload/image_cut.h"

#include <math.h>

#include "sim/units.h"

// Of the cells, those that are left when every piece has as many.
static double uneven_share(uint32_t cells, uint32_t pieces)
{
    return (double)(cells % pieces) / cells;
}

struct image_cut image_cut_make(uint32_t rows, uint32_t columns, uint32_t chips,
                                uint32_t chip_tiles)
{
    return (struct image_cut){
        .rows = rows,
        .columns = columns,
        .chips = chips,
        .chip_tiles = chip_tiles,
        .is_by_rows = uneven_share(rows, chips) < uneven_share(columns, chips),
    };
}

bool image_cut_is_possible(const struct image_cut *cut)
{
    return cut->chips <= (cut->is_by_rows ? cut->rows : cut->columns);
}

uint32_t image_piece_begin(uint32_t cells, uint32_t pieces, uint32_t index)
{
    return index * (cells / pieces) + (uint32_t)min_u64(index, cells % pieces);
}

static uint32_t piece_cells(uint32_t cells, uint32_t pieces, uint32_t index)
{
    return image_piece_begin(cells, pieces, index + 1) - image_piece_begin(cells, pieces, index);
}

struct image_part image_part_of(const struct image_cut *cut, uint32_t chip)
{
    struct image_part part = {.rows = cut->rows, .columns = cut->columns};
    if (cut->is_by_rows) {
        part.rows = piece_cells(cut->rows, cut->chips, chip);
    } else {
        part.columns = piece_cells(cut->columns, cut->chips, chip);
    }
    double aspect = (double)part.columns / part.rows;
    uint64_t tiles = cut->chip_tiles;
    uint64_t grid_columns = min_u64((uint64_t)ceil(sqrt((double)tiles * aspect)), tiles);
    part.grid_columns = (uint32_t)min_u64(grid_columns, part.columns);
    part.grid_rows = (uint32_t)min_u64(tiles / part.grid_columns, part.rows);
    part.block_rows = (uint32_t)div_ceil(part.rows, part.grid_rows);
    part.block_columns = (uint32_t)div_ceil(part.columns, part.grid_columns);
    return part;
}

// By rows, unless columns are so many more that even a strip of columns is no taller than wide.
struct image_strips image_strips_of(uint32_t block_rows, uint32_t block_columns, uint32_t workers)
{
    struct image_strips strips = {.rows = block_rows, .columns = block_columns};
    if (block_columns < (uint64_t)block_rows * workers) {
        strips.count = (uint32_t)min_u64(workers, block_rows);
        strips.rows = (uint32_t)div_ceil(block_rows, strips.count);
    } else {
        strips.count = (uint32_t)min_u64(workers, block_columns);
        strips.columns = (uint32_t)div_ceil(block_columns, strips.count);
    }
    return strips;
}

// How an image is dealt to the chips of a system, to their tiles and workers: as the blur of LBM
// does (thorbenlouw/lbm-graphcore, StructuredGridUtils). A chip has a strip of whole columns, or of
// whole rows where those come out more even; a tile has a nearly square block of the strip, a
// worker some rows of the block. Pieces of anything differ by one cell at most, and the longer ones
// come first.
#ifndef TILESIM_SIM_WORKLOAD_IMAGE_CUT_H
#define TILESIM_SIM_WORKLOAD_IMAGE_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct image_cut {
    uint32_t rows, columns; // cells of the image
    uint32_t chips, chip_tiles;
    bool is_by_rows; // chips have strips of rows
};

// Of a chip. Tiles that have a block: the first ones of the chip, row by row of its grid.
struct image_part {
    uint32_t rows, columns;             // cells
    uint32_t grid_rows, grid_columns;   // tiles
    uint32_t block_rows, block_columns; // cells of the largest block, which the first tile has
};

// Of a block, for the workers of its tile.
struct image_strips {
    uint32_t count;
    uint32_t rows, columns; // cells of the largest
};

struct image_cut image_cut_make(uint32_t rows, uint32_t columns, uint32_t chips,
                                uint32_t chip_tiles);
// Every chip has cells; ask for parts only if so.
bool image_cut_is_possible(const struct image_cut *cut);
struct image_part image_part_of(const struct image_cut *cut, uint32_t chip);
// The source has cut blocks in two ways. This is its first one, and the one that its comment still
// tells; docs/validation.md says why.
struct image_strips image_strips_of(uint32_t block_rows, uint32_t block_columns, uint32_t workers);

// Where piece `index` of `pieces` begins; piece `pieces` would begin at the end.
uint32_t image_piece_begin(uint32_t cells, uint32_t pieces, uint32_t index);

#endif

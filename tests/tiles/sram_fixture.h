// A small chip and programs made by hand, for the tests of the SRAM planner.
#ifndef TILESIM_TESTS_TILES_SRAM_FIXTURE_H
#define TILESIM_TESTS_TILES_SRAM_FIXTURE_H

#include <stdint.h>

#include "sim/chip.h"
#include "sim/program.h"

#define TILES 16u

// A chip on which only variables take memory, so that sums are easy to see.
static inline struct chip_config bare_chip(void)
{
    struct chip_config chip = {.tiles = TILES};
    chip.tile.region_count = 2;
    chip.tile.regions[0] = (struct sram_region){
        .name = "ordinary", .bytes = 1000, .element_bytes = 100, .is_executable = true};
    chip.tile.regions[1] = (struct sram_region){
        .name = "interleaved", .bytes = 2000, .element_bytes = 100, .is_interleaved = true};
    chip.tile.contexts = 6;
    return chip;
}

static inline struct program *make_program(void)
{
    const uint32_t neurons[2] = {100, 10};
    const uint32_t slots[2] = {8, 4};
    return program_create("test", TILES, 6, 3, 2, neurons, slots);
}

static inline void add_variable(struct program *program, const char *name, uint64_t bytes,
                                uint32_t first, uint32_t last)
{
    struct variable variable = {.name = (char *)(uintptr_t)name,
                                .role = VARIABLE_SCRATCH,
                                .place = tile_map_range(2, 4),
                                .items = 4,
                                .bytes_per_item = bytes,
                                .first_step = first,
                                .last_step = last};
    program_add_variable(program, &variable);
}

#endif

// What a program comes to: its steps and layers with tiles, vertices, bytes and cycles added up.
// For `tilesim inspect`, as text and as JSON.
#ifndef TILESIM_SIM_COMMANDS_INSPECT_COUNT_H
#define TILESIM_SIM_COMMANDS_INSPECT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/machine.h"
#include "sim/program.h"
#include "tiles/sram.h"

struct tile_range { // tiles of a chip, those between may be missing
    uint32_t count, lowest, highest;
};

struct step_summary {
    uint32_t number; // in the program
    uint32_t depth;  // loops around it
    enum step_kind kind;
    const char *name;        // borrowed; of loops NULL
    uint32_t loop_count;     // LOOP_BEGIN
    uint64_t vertices;       // COMPUTE: of one execution
    uint64_t bytes;          // EXCHANGE, HOST: sent in one execution
    struct tile_range tiles; // COMPUTE: with vertices; EXCHANGE: that send
    uint64_t times;          // executions per training step; 0: not timed
    double cycles;           // per training step
};

struct layer_summary {
    uint32_t neurons, slots;
    struct tile_range parameters; // tiles that hold some
    struct tile_range tiles;      // that run vertices for the layer
    uint64_t vertices;            // for it, in one pass over the program, loops once
    uint64_t bytes;               // of its variables, on all tiles, as if all lived at once
};

// A program on its chip, with everything that is known of it.
struct inspected {
    const char *name; // of the machine
    const struct chip_config *chip;
    const struct program *program;
    const struct sram_plan *plan;
    const struct machine_time *time; // NULL: it does not fit
    struct step_summary *steps;      // owned; LOOP_END left out
    uint32_t step_count;
    struct layer_summary *layers; // owned; [program->layer_count], 0: the input
    uint32_t tile;                // whose contents are shown
    struct sram_tenants tenants;  // owned; of that tile, the largest first
};

// tile: UINT32_MAX: the fullest.
void inspected_fill(struct inspected *inspected, uint32_t tile);
void inspected_free(struct inspected *inspected);

uint64_t group_vertices(const struct program *program, const struct vertex_group *group);
// Of all items of the group that lie on a tile.
uint64_t group_vertices_on_tile(const struct program *program, const struct vertex_group *group,
                                uint32_t tile);
uint64_t flow_bytes(const struct flow *flow);
struct tile_range group_tiles(const struct program *program, const struct vertex_group *group);

#endif

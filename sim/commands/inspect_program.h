// What `tilesim inspect` prints of one machine.
#ifndef TILESIM_SIM_COMMANDS_INSPECT_PROGRAM_H
#define TILESIM_SIM_COMMANDS_INSPECT_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/commands/inspect_count.h"
#include "sim/kernel_list.h"

struct inspector {
    FILE *stream;
    bool has_colour;
    uint32_t width; // of the terminal; 0: any
};

void inspect_heading(const struct inspector *inspector, const char *of, const char *what);
// In a few lines: chip, tiles, supersteps, cycles, SRAM.
void inspect_summary(const struct inspector *inspector, const struct inspected *inspected);
// Where the work for each layer lies.
void inspect_layers(const struct inspector *inspector, const struct inspected *inspected);
// The program, loops indented: what runs where, how often, and its cycles.
void inspect_steps(const struct inspector *inspector, const struct inspected *inspected);
// Where each variable lies, and when it lives.
void inspect_variables(const struct inspector *inspector, const struct inspected *inspected);
// SRAM by role on the fullest tile, over the tiles, and what lies on the tile that is shown.
void inspect_sram(const struct inspector *inspector, const struct inspected *inspected);
// What the shown tile runs in each compute set.
void inspect_tile(const struct inspector *inspector, const struct inspected *inspected);
void inspect_kernels(const struct inspector *inspector, const struct kernel_list *list);

#endif

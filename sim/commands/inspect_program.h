// What `tilesim inspect` prints of one machine.
#ifndef TILESIM_SIM_COMMANDS_INSPECT_PROGRAM_H
#define TILESIM_SIM_COMMANDS_INSPECT_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/kernel_list.h"
#include "sim/machine.h"
#include "sim/program.h"
#include "tiles/sram.h"

struct inspector {
    FILE *stream;
    bool has_colour;
};

// Where each variable lies, and when it lives.
void inspect_placement(const struct inspector *inspector, const struct program *program);
// The program, loops indented: what runs where, how often, and its cycles in this timing (NULL: none).
void inspect_steps(const struct inspector *inspector, const struct program *program,
                   const struct machine_time *time);
void inspect_sram(const struct inspector *inspector, const struct sram_plan *plan);
void inspect_kernels(const struct inspector *inspector, const struct kernel_list *list);

#endif

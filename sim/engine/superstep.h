// The superstep loop: walks a program's steps in order and asks others what each of them takes.
// Compute sets are asked of the tiles, exchanges of the fabric, host transfers of the clock.
#ifndef TILESIM_SIM_SUPERSTEP_H
#define TILESIM_SIM_SUPERSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/program.h"

#define SUPERSTEP_LOOPS_MAX 16 // loops around a step

enum superstep_kind {
    SUPERSTEP_LOOP_BEGIN,
    SUPERSTEP_LOOP_END,
    SUPERSTEP_COMPUTE,
    SUPERSTEP_EXCHANGE,
    SUPERSTEP_HOST,
    SUPERSTEP_CONSTANT, // several steps whose cycles are known and added up
};

struct superstep_cycles {
    uint64_t compute, exchange, sync, host;
    uint64_t supersteps; // compute sets
};

struct superstep {
    enum superstep_kind kind;
    const struct program_step *step; // NULL: CONSTANT
    uint32_t share;                // COMPUTE, EXCHANGE, HOST: number among the steps of these kinds
    uint64_t sync_cycles;          // COMPUTE, EXCHANGE: of the sync before it
    struct superstep_cycles known; // CONSTANT
};

// One function for each kind of step that takes time. Those that a list has no step for may be NULL.
struct superstep_actions {
    void (*compute)(void *context, const struct superstep *superstep, int64_t time_step);
    void (*exchange)(void *context, const struct superstep *superstep);
    void (*host)(void *context, const struct superstep *superstep);
    void (*constant)(void *context, const struct superstep *superstep);
};

// Adds `cycles`, so many times.
void superstep_add(struct superstep_cycles *to, const struct superstep_cycles *cycles,
                   uint64_t times);
uint64_t superstep_sum(const struct superstep_cycles *cycles);

void superstep_run(const struct superstep *supersteps, uint32_t count,
                   const struct superstep_actions *actions, void *context);

// One superstep for every step of the program, with its sync: an exchange pays one; a compute set pays one
// if the chip's rule says so and the step before it in the program is not an exchange.
// Owned by the caller; program->step_count entries.
struct superstep *superstep_list_create(const struct program *program,
                                        const struct chip_config *chip);
// Steps that take time: the number of shares.
uint32_t superstep_count_shares(const struct program *program);

#endif

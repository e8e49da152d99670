// The superstep loop: walks a program's steps in order and asks others what each of them takes.
// Compute sets are asked of the tiles, exchanges of the fabric, all that leaves the chip of the
// clock.
#ifndef TILESIM_SIM_SUPERSTEP_H
#define TILESIM_SIM_SUPERSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/program.h"
#include "sim/system.h"

#define SUPERSTEP_LOOPS_MAX 64 // loops and calls around a step

enum superstep_kind {
    SUPERSTEP_LOOP_BEGIN,
    SUPERSTEP_LOOP_END,
    SUPERSTEP_COMPUTE,
    SUPERSTEP_EXCHANGE,
    SUPERSTEP_HOST,
    SUPERSTEP_CALL,
    SUPERSTEP_RETURN,
    SUPERSTEP_STREAM,
    SUPERSTEP_ALL_REDUCE,
    SUPERSTEP_CONSTANT, // several steps whose cycles are known and added up
};

// The waits are for the clock, beyond what else the chip had to do: `host` for batches and results,
// `links` for words between chips, `memory` for streaming memory.
struct superstep_cycles {
    uint64_t compute, exchange, sync, host, links, memory;
    uint64_t supersteps; // compute sets
};

struct superstep {
    enum superstep_kind kind;
    const struct program_step *step; // NULL: CONSTANT
    uint32_t share;                  // number among the steps that take time
    uint32_t target;                 // CALL: superstep that the section begins with
    bool crosses;                    // EXCHANGE: words go from chip to chip
    uint64_t sync_cycles;            // COMPUTE, EXCHANGE, ALL_REDUCE: of the sync before it
    uint64_t exchange_cycles;        // EXCHANGE that crosses: its part on the chips
    uint64_t first_cycles;           // the same: of it, until the first word leaves its chip
    uint64_t words_cycles;           // the same: about, from then on to the last word's arrival
    uint64_t least_cycles;         // the same: until the last word is there, however wide the links
    struct superstep_cycles known; // CONSTANT
};

// What steps over several chips take more than on a chip.
struct superstep_syncs {
    const struct system_config *system; // for exchanges that cross; NULL: nothing but the syncs
    uint64_t crossing_cycles;           // of an exchange that crosses: the chips of the program
    uint64_t all_cycles;                // of an all-reduce: the chips of all its replicas
};

// One function for each kind of step that takes time. Those that a list has no step for may be
// NULL.
struct superstep_actions {
    void (*compute)(void *context, const struct superstep *superstep, int64_t time_step);
    void (*exchange)(void *context, const struct superstep *superstep);
    void (*host)(void *context, const struct superstep *superstep);
    void (*stream)(void *context, const struct superstep *superstep);
    void (*all_reduce)(void *context, const struct superstep *superstep);
    void (*constant)(void *context, const struct superstep *superstep);
};

// Adds `cycles`, so many times.
void superstep_add(struct superstep_cycles *to, const struct superstep_cycles *cycles,
                   uint64_t times);
uint64_t superstep_sum(const struct superstep_cycles *cycles);
// Where waiting in a step of this kind, which leaves the chip, is counted.
uint64_t *superstep_wait(struct superstep_cycles *cycles, enum superstep_kind kind);

struct superstep_list {
    struct superstep *supersteps; // owned
    uint32_t count;
    uint32_t main_first; // where a run begins
};
void superstep_run(const struct superstep_list *list, const struct superstep_actions *actions,
                   void *context);

// One superstep for every step of the program, with its sync: an exchange and an all-reduce pay
// one; a compute set pays one if the chip's rule says so and the step before it in the program is
// not an exchange. One entry for every step of the program, in its order.
struct superstep_list superstep_list_create(const struct program *program,
                                            const struct chip_config *chip);
struct superstep_list superstep_list_create_over(const struct program *program,
                                                 const struct chip_config *chip,
                                                 const struct superstep_syncs *syncs);
void superstep_list_free(struct superstep_list *list);
// Steps that take time: the number of shares.
uint32_t superstep_count_shares(const struct program *program);
bool superstep_takes_time(const struct program_step *step);

#endif

// One tile machine running one program: the join of chip, program, tiles, exchange and clock.
// Everything that knows SimGrid stands behind this header (sim/engine/).
#ifndef TILESIM_SIM_MACHINE_H
#define TILESIM_SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/chip.h"
#include "sim/program.h"
#include "sim/system.h"

struct machine_share { // one step of the program, loops multiplied out
    const char *name;  // of its compute set or exchange; borrowed from the program
    enum step_kind kind;
    uint64_t times; // executions per training step
    double cycles;  // per training step, mean over the recorded steps
};

struct machine_time { // per training step, mean over the recorded steps
    double cycles;    // the sum of all below
    double compute_cycles, exchange_cycles, sync_cycles;
    double host_cycles;           // waiting for the host: what prefetch does not hide
    double link_cycles;           // waiting for words from other chips
    double memory_cycles;         // waiting for streaming memory
    uint64_t supersteps;          // compute sets executed
    struct machine_share *shares; // owned; [share_count], in program order
    uint32_t share_count;
    double host_seconds; // wall time that the timing took on this host (not simulated)
};

struct machine;

// Compiles the program for the chip: classes of tiles, constant costs. Done once, not per training
// step. Both must outlive the machine.
struct machine *machine_create(const struct chip_config *chip, const struct program *program);
// The same on the first parallel->chips chips of a system: the program is that of one replica, and
// takes the first of the chips of one. system and parallel must outlive the machine as well. A
// timing run wants the records of the first replica, or of all of them where each replays its own:
// [replica * record_count + record].
struct machine *machine_create_on(const struct system_config *system,
                                  const struct parallel_config *parallel,
                                  const struct program *program);
// On the system or the chip of an experiment's machine.
struct machine_config;
struct machine *machine_create_of(const struct machine_config *config,
                                  const struct program *program);
void machine_destroy(struct machine *machine);

// Times record_count training steps, one after the other, each replaying its record (NULL entries
// where a program takes nothing from a record), with the host feeding batches. SimGrid allows one
// engine per process, so this forks a child; false with a sentence in *why if the child failed.
bool machine_time_folded(struct machine *machine, const struct activity *const *records,
                         uint32_t record_count, struct machine_time *time, char **why);
bool machine_time_detailed(struct machine *machine, const struct activity *const *records,
                           uint32_t record_count, struct machine_time *time, char **why);

// How a step that left the chips went, in the order of execution: steps to the host, streams,
// all-reduces and exchanges that cross chips. Of the first chip of the first replica.
struct machine_leave {
    uint64_t waited_cycles; // beyond the chips' own
    // STREAM, of the transfer that it starts; since the training step began
    uint64_t begin_cycles, end_cycles;
};
struct machine_leaves {
    struct machine_leave *items; // owned; as many as the program's run has such steps, then zeros
    uint64_t count;              // 0: a chip that is no system's, whose waits nobody noted
};
// Folded, of one training step, with what only the clock knows; time and leaves are the first
// replica's. One record, whose samples stand for those of all replicas, or one of each.
bool machine_time_leaves(struct machine *machine, const struct activity *const *records,
                         uint32_t record_count, struct machine_time *time,
                         struct machine_leaves *leaves, char **why);

// A process that makes timing runs itself, without children, keeps one of these for all of them.
struct machine_clock;
struct machine_clock *machine_clock_create(void);
void machine_clock_destroy(struct machine_clock *clock);
// True: a timing run failed because this process could not make it, or not be trusted with it; and
// it can make no other. The same run in a fresh process may succeed, to the same cycle as any
// other.
bool machine_clock_is_spent(const struct machine_clock *clock);
// Timing runs of the machine are made in this process; NULL: in children, as without this call.
// One on a system is always timed in a child, of a process whose clock is fresh.
void machine_time_here(struct machine *machine, struct machine_clock *clock);
// No timing run was made on it.
bool machine_clock_is_fresh(const struct machine_clock *clock);
void machine_time_free(struct machine_time *time);

// The part of folded timing that needs no clock: adds the cycles of one replay into *time.
// No SimGrid, no fork, no allocation. For benchmarks, tests and lowerings.
void machine_add_folded_cycles(struct machine *machine, const struct activity *record,
                               struct machine_time *time);

// Cycles of one run of a program that takes nothing from a record. Without the clock: waits for
// links and for other replicas are estimated, those for the host and for streaming memory left out.
// Quick, to choose between programs.
uint64_t machine_estimate_cycles(struct machine *machine);

// A replay superstep by superstep, for reports (sim/engine/replay.h). No SimGrid, no fork.
struct replay_event;
void machine_observe(struct machine *machine, const struct activity *record,
                     void (*observe)(void *context, const struct replay_event *event),
                     void *context);

struct machine_view machine_view_of(const struct chip_config *chip);

#endif

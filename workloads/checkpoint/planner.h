// Which checkpoint plan is the cheapest that fits: of one kind with its numbers open, or of every
// kind.
// Modelled:     time steps run forward and backward, copies of states within SRAM, transfers to and from streaming memory
//               (added, or hidden behind what runs beside them), SRAM of the fullest tile, streaming memory.
// Not modelled: time steps that differ, sharing of a link by several chips: the timing engine has them. Closed forms:
//               docs/checkpointing.md.
// Plans are looked at through closed forms alone, all that there are, so that the answer is exact.
#ifndef TILESIM_WORKLOADS_CHECKPOINT_PLANNER_H
#define TILESIM_WORKLOADS_CHECKPOINT_PLANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/checkpoint/plan.h"

struct planner_costs {
    double forward_seconds, backward_seconds; // of one time step
    double state_seconds, history_seconds;    // of one state, one time step's history moved one way
    double save_seconds, restore_seconds;     // of one state within SRAM
    double head_seconds;                      // the copy at the beginning of a kept run
    double put_seconds, get_seconds; // the chip's own part of a state's transfer, never hidden
    double history_put_seconds, history_get_seconds;
    // That a forward time step takes more if it is the only run and keeps its history.
    double keep_seconds;
    bool is_overlapped; // transfers run beside the computation
    bool reads_before;  // a backward time step reads of the time step before it as well
};

// A plan's memory and time by closed forms.
struct planner_size {
    struct checkpoint_config config; // every number that the kind has
    uint32_t slots, history_steps, places;
    uint64_t forward_steps;
    uint64_t saves, kept_runs; // as many restores as saves; binomial: kept_runs - 1
    uint64_t sram_bytes;       // of the fullest tile
    uint64_t remote_bytes;
    double seconds; // of the batch
};

// Linear in the numbers of states; the largest of all tiles.
struct planner_memory {
    uint64_t base_bytes;       // without any state
    uint64_t slot_bytes;       // of a state in SRAM
    uint64_t history_bytes;    // of one time step
    uint32_t transfer_buffers; // states (offload: histories) on their way, in kinds with places
    uint64_t limit_bytes;
    // streaming memory; limit 0: there is none
    uint64_t remote_state_bytes, remote_history_bytes, remote_limit_bytes;
    // The last word on the SRAM, asked of few plans; NULL: the line above is right. *sram_bytes:
    // what the plan really needs, 0 if nobody knows; it may be within the limit and the plan not
    // fit all the same. A plan that the line says needs less than one that fits must fit as well.
    bool (*fits)(void *context, const struct planner_size *size, uint64_t *sram_bytes);
    void *context;
};

struct planner_answer {
    bool is_found;
    // Chosen; not found: the plan that needs the least SRAM, if there is any.
    struct planner_size size;
    uint32_t fits_calls;
};

// Numbers of `config` that are given stay; CHECKPOINT_AUTO takes every kind. plan_check() has no
// objection. The fewest seconds; of those the fewest transfers, and then the least SRAM.
struct planner_answer planner_choose(const struct checkpoint_config *config, uint32_t time_steps,
                                     const struct planner_memory *memory,
                                     const struct planner_costs *costs);
// Of a plan whose numbers are all given.
struct planner_size planner_size_of(const struct checkpoint_config *config, uint32_t time_steps,
                                    const struct planner_memory *memory,
                                    const struct planner_costs *costs);
// "double (12 remote, 9 local)"
void planner_describe(const struct checkpoint_config *config, char *text, uint32_t text_bytes);

#endif

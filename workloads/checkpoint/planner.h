// Which checkpoint plan is the cheapest that fits: of one kind with its numbers open, or of every kind.
// Modelled:     time steps run forward and backward, transfers to and from streaming memory (added, or hidden
//               behind the chunk that runs beside them), SRAM of the fullest tile, streaming memory.
// Not modelled: copies of states within SRAM, what a section's call costs, sharing of a link by several chips:
//               the timing engine has them. Closed forms: docs/checkpointing.md.
// Plans are looked at through closed forms alone, all that there are, so that the answer is exact.
#ifndef TILESIM_WORKLOADS_CHECKPOINT_PLANNER_H
#define TILESIM_WORKLOADS_CHECKPOINT_PLANNER_H

#include <stdbool.h>
#include <stdint.h>

#include "workloads/checkpoint/plan.h"

struct planner_costs {
    double forward_seconds, backward_seconds; // of one time step
    double state_seconds, history_seconds;    // of one state, one time step's history moved one way
    bool is_overlapped;                       // transfers run beside the computation
};

// A plan's memory and time by closed forms.
struct planner_size {
    struct checkpoint_config config; // every number that the kind has
    uint32_t slots, history_steps, places;
    uint64_t forward_steps;
    uint64_t sram_bytes; // of the fullest tile
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
    uint32_t tile; // that is the fullest: for the reason given
    // streaming memory; limit 0: there is none
    uint64_t remote_state_bytes, remote_history_bytes, remote_limit_bytes;
    // The last word on the SRAM, asked of few plans (tens at the most); NULL: the line above is right.
    // A plan that the line says needs less than one that fits must fit as well.
    bool (*fits)(void *context, const struct planner_size *size);
    void *context;
};

struct planner_answer {
    bool is_found;
    struct planner_size
        size; // chosen; not found: the plan that needs the least SRAM, if there is any
    uint32_t fits_calls;
    char why[320]; // one sentence
};

// Numbers of `config` that are given stay; CHECKPOINT_AUTO takes every kind. plan_check() has no objection.
// The fewest seconds; of those the least SRAM.
struct planner_answer planner_choose(const struct checkpoint_config *config, uint32_t time_steps,
                                     const struct planner_memory *memory,
                                     const struct planner_costs *costs);
// Of a plan whose numbers are all given.
struct planner_size planner_size_of(const struct checkpoint_config *config, uint32_t time_steps,
                                    const struct planner_memory *memory,
                                    const struct planner_costs *costs);
// "double with 12 remote and 9 local checkpoints"
void planner_describe(const struct checkpoint_config *config, char *text, uint32_t text_bytes);

#endif

// A machine and what it trains, under one checkpoint plan after another: does the plan fit, and how
// full is the SRAM? Every plan is lowered and its memory planned as for a run, so that the answer
// is exact; nothing is timed.
#ifndef TILESIM_SIM_RUN_PLAN_PROBE_H
#define TILESIM_SIM_RUN_PLAN_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/experiment.h"
#include "workloads/graph/training_graph.h"
#include "workloads/lower/lowering.h"

struct plan_probe {
    struct checkpoint_config config;
    bool is_lowered; // a network that cannot be placed has no memory plan either
    bool fits_sram, fits;
    uint64_t sram_bytes;     // of the fullest tile
    uint64_t overflow_bytes; // of the tile below: what it lacks in its regions
    uint32_t tile;           // that one; of those that do not fit, the one that overflows most
    uint32_t main_steps;     // of the control program beside its sections
    uint64_t remote_bytes;   // in the streaming memory of a machine
    char *why;               // owned by the prober; NULL: it fits
};

// Bytes of a state's slot and of the history of one time step, each on the tile where it takes
// most.
struct plan_weight {
    bool is_known;
    uint64_t slot_bytes, history_bytes;
};

struct plan_prober {
    const struct machine_config *machine; // with tiles
    struct training_graph *graph;         // owned; of one replica
    struct training_config training;      // of one replica
    // Of the placement that all plans are lowered to: weights, bytes and times of different ones do
    // not mix.
    struct machine_view view;
    struct lowering_config lowering;
    struct dense_placement *placements; // owned; those that a dense program may choose from
    uint32_t placement_count;           // 0: nothing is chosen
    uint32_t placement;                 // index
    uint64_t limit_bytes;               // SRAM of a tile
    uint64_t remote_limit_bytes;        // streaming memory of a machine; 0: none
    struct plan_weight weights[2];      // on all tiles; on those that are no I/O tiles
    uint64_t stream_bytes[2];           // of a state, of a time step's history; 0: not asked yet
    uint32_t program_chips;    // that a copy of the program lies on; known with stream_bytes
    struct plan_probe *probes; // owned; all that were asked
    uint32_t probe_count;
};

// Most chips of `group_chips` in a row that hold a part of the network, where a copy of the program
// lies on the first program_chips of its replica's.
uint32_t plan_chips_sharing(const struct machine_config *machine, uint32_t program_chips,
                            uint32_t group_chips);
// Those of one machine. Streaming memory is asked for as if each of them held as
// much as the fullest.
uint32_t plan_chips_sharing_memory(const struct machine_config *machine, uint32_t program_chips);
struct machine_view plan_machine_view(const struct machine_config *machine);
// A lowering with these has no choice but the placement.
void plan_place(const struct dense_placement *placement, struct lowering_config *lowering,
                struct machine_view *view);
enum network_form plan_form(const struct machine_config *machine);

// Under the first placement, if there is a choice.
struct plan_prober plan_prober_create(const struct machine_config *machine,
                                      const struct experiment *experiment);
void plan_prober_free(struct plan_prober *prober);
// From now on under another one; what was asked is forgotten. 0 is always one, to all machines.
void plan_prober_place(struct plan_prober *prober, uint32_t placement);
uint32_t plan_prober_placements(const struct plan_prober *prober);
// Under a plan whose numbers are all given. Owned by the caller; NULL and a sentence in *why (owned
// by the caller) if it cannot be lowered.
struct program *plan_prober_lower(const struct plan_prober *prober,
                                  const struct training_graph *graph,
                                  const struct checkpoint_config *config, char **why);
// Borrowed until the next probe. What was asked before is not lowered again.
const struct plan_probe *plan_prober_ask(struct plan_prober *prober,
                                         const struct checkpoint_config *config);
// NULL, or a sentence (owned by the caller): what does not fit under any plan, even if states and
// history took no room. Plain training was refused already if that is what the experiment asks for.
char *plan_prober_lack(struct plan_prober *prober);
// Measured on programs of few time steps. Not known: nothing can be lowered. With I/O tiles the
// others hold more.
struct plan_weight plan_prober_weigh(struct plan_prober *prober, bool streams);
// What the program moves at once in a STREAM step, of the chip that has most; 0: it has none.
uint64_t plan_stream_bytes(const struct program *program);
// The same of a state or of a time step's history, measured on a program of few time steps.
uint64_t plan_prober_stream_bytes(struct plan_prober *prober, bool is_history);
// The bytes that a program under the plan needs in the streaming memory of one machine.
uint64_t plan_remote_bytes(const struct machine_config *machine, const struct program *program,
                           const struct checkpoint_config *config, uint32_t time_steps);
// NULL, or a sentence (owned by the caller).
char *plan_remote_refusal(const struct machine_config *machine, const struct program *program,
                          const struct checkpoint_config *config, uint64_t remote_bytes);

#endif

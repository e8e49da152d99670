// A checkpoint plan: which states of the forward pass are kept, where, and what is run again.
// It is a list of actions that train one batch; the functional run executes it, the lowering to
// tiles writes it as calls of sections. Nothing here knows sizes in bytes.
//
// State t is all that time step t reads of the time steps before it (membranes, currents, delayed
// spikes); state 0 is zero. The history of time step t is what its backward time step reads. Kinds,
// with T time steps (cost model: docs/checkpointing.md):
//   none           the history of all T is kept
//   offload        the history of every time step goes to streaming memory and comes back
//   single         states at the heads of `local` chunks are kept in SRAM; a chunk runs again
//   single_remote  the same in streaming memory: `remote` chunks
//   double         `remote` chunks with their heads in streaming memory, each of `local` chunks with their
//                  heads in SRAM: every time step runs three times
//   nested         chunks in chunks, `levels` of them, all in SRAM: a chunk of every level but the last is cut
//                  into `local` chunks
//   binomial       at most `local` states in SRAM, the fewest time steps run again
// Rules that the closed forms count by, and so the plans:
//   - Every head that is run from again is stored, state 0 as well, in each level's own slots.
//   - A slot holds its state until that time step was run backward, or another SAVE takes the slot.
//   - Chunks are as even as can be: they differ by one time step at most, longer ones first.
//   - A chunk is run to its end before any of it runs again. With keeps_last the last chunk of the
//     innermost level keeps its history then, and is not run again: no memory, 1 / chunks of a pass less.
#ifndef TILESIM_WORKLOADS_CHECKPOINT_PLAN_H
#define TILESIM_WORKLOADS_CHECKPOINT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum checkpoint_kind {
    CHECKPOINT_NONE,
    CHECKPOINT_OFFLOAD,
    CHECKPOINT_SINGLE,
    CHECKPOINT_SINGLE_REMOTE,
    CHECKPOINT_DOUBLE,
    CHECKPOINT_NESTED,
    CHECKPOINT_BINOMIAL,
    CHECKPOINT_KINDS,
    CHECKPOINT_AUTO = CHECKPOINT_KINDS // the planner chooses; no plan is of this kind
};

// What a user may say; 0 of a number: the planner chooses.
struct checkpoint_config {
    enum checkpoint_kind kind;
    uint32_t local, remote; // checkpoints, as the kind counts them
    uint32_t levels;        // nested
    bool keeps_last;        // kinds with chunks: see above
    // One bit a neuron in place of ids, in states and history that are stored.
    bool has_packed_spikes;
    // Of a stored state's element: 4, or 2 (float16: gradients are then not the same).
    uint32_t state_bytes;
};

enum plan_verb {
    PLAN_FORWARD, // time steps first .. first + count - 1; the current state is state `first` before
    PLAN_LOSS,    // after time step T - 1 was run first
    PLAN_BACKWARD,    // time steps first, first - 1, .. first - count + 1; their history is there
    PLAN_SAVE,        // current state -> slot
    PLAN_RESTORE,     // slot -> current state
    PLAN_PUT,         // current state -> place in streaming memory
    PLAN_GET,         // place -> current state
    PLAN_PUT_HISTORY, // history of time step `first` -> place; its own memory is free then
    PLAN_GET_HISTORY,
};

// The current state is state 0 before the first action, and unknown after a BACKWARD.
struct plan_action {
    enum plan_verb verb;
    uint32_t first, count; // FORWARD, BACKWARD; of the others the time step of the state or history
    uint32_t slot;         // SAVE, RESTORE: slot; PUT, GET: place
    bool is_first_run;     // FORWARD: these time steps were never run before
    bool keeps_history;    // FORWARD
};

struct checkpoint_plan {
    struct checkpoint_config config; // numbers chosen, none 0 that the kind has
    uint32_t time_steps;
    struct plan_action *actions; // owned
    uint32_t action_count;
    uint32_t slots;         // in SRAM that SAVE uses
    uint32_t places;        // in streaming memory: states, or histories of one time step
    uint32_t history_steps; // time steps whose history is kept at the same time at the most
};

// What a plan costs, counted by going through its actions.
struct plan_cost {
    uint64_t forward_steps;      // time steps run forward, again ones included
    uint32_t peak_slots;         // states held in slots at the same time at the most
    uint32_t peak_history_steps; // histories held at the same time at the most
    uint32_t peak_states;        // slots and histories together, at the same time at the most
    uint64_t saves, restores;    // states moved within SRAM
    // Runs of time steps that keep history and do not go on from one that did: the first one's
    // backward time step reads the state before it, which is copied.
    uint64_t kept_runs;
    uint64_t puts, gets;                 // states moved to and from streaming memory
    uint64_t history_puts, history_gets; // histories of one time step moved
};

struct plan_numbers { // that a kind has
    bool has_local, has_remote, has_levels, has_chunks;
};

// All numbers that the kind has are given; the caller has checked them with plan_check().
struct checkpoint_plan *plan_create(const struct checkpoint_config *config, uint32_t time_steps);
void plan_destroy(struct checkpoint_plan *plan);
// NULL, or a sentence (owned by the caller) that says what is wrong: more checkpoints than time
// steps... *number: the field of the config that it is about, by name. Numbers left to the planner
// are right.
char *plan_check(const struct checkpoint_config *config, uint32_t time_steps, const char **number);
struct plan_cost plan_measure(const struct checkpoint_plan *plan);
struct plan_numbers plan_numbers_of(enum checkpoint_kind kind);
// To and from streaming memory: offload, single_remote, double.
bool plan_streams(enum checkpoint_kind kind);
// Is a number left open that the kind has, or the kind itself?
bool plan_is_open(const struct checkpoint_config *config);
// "single_remote"; "auto"; NULL past it
const char *checkpoint_kind_name(enum checkpoint_kind kind);
// Binomial: the fewest time steps run forward, the ones that keep history included, with `slots` >=
// 1 states in SRAM (closed form).
uint64_t plan_binomial_forward_steps(uint32_t time_steps, uint32_t slots);
// The states that the plan saves, the first one included (closed form).
uint64_t plan_binomial_saves(uint32_t time_steps, uint32_t slots);

#endif

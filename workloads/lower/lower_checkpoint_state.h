// What a stored state and a kept history are made of, for both lowerings to tiles: copies of them
// between the tiles' variables, slots and buffers (rows C3..C5 of docs/schedule.md), and their
// place in SRAM.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_CHECKPOINT_STATE_H
#define TILESIM_WORKLOADS_LOWER_LOWER_CHECKPOINT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/program.h"
#include "workloads/lower/lower_checkpoint.h"
#include "workloads/lower/lower_tiles_emit.h"

enum stored_kind {
    STORED_WORDS,
    STORED_FLOATS, // stored as float16 if the plan says so
    STORED_SPIKES, // one element for each neuron and sample; stored as bits if the plan says so
};

// One tensor of a layer, and how many of its kind are in a state, in the history of a time step,
// and among what a backward time step reads of the time step before its own.
struct stored_tensor {
    enum stored_kind kind;
    struct item_range items;
    uint32_t layer;
    uint32_t elements, words; // of an item; words: as time steps work with it
    uint32_t in_state, in_history, in_head;
};

struct stored_state {
    struct program *program;
    struct stored_tensor *tensors; // owned
    uint32_t tensor_count;
    uint32_t tiles; // of each chip that hold neurons; the others stream
    uint32_t float_bytes;
    bool packs_spikes; // of STORED_SPIKES
    enum streaming_kind streaming;
};

bool stored_reads_before(const struct stored_state *state);
// A state that is stored has another form than time steps work with.
bool stored_converts(const struct stored_state *state);
// Of the chip that has most: what a STREAM step moves.
uint64_t stored_state_bytes(const struct stored_state *state);
uint64_t stored_history_bytes(const struct stored_state *state);

void stored_emit_copy(const struct stored_state *state, enum state_copy copy);
void stored_emit_history_exchange(const struct stored_state *state, bool is_to_io);
// Elements into bits, or out of them, on every item, in the open compute set.
void stored_add_packing(struct program *program, struct item_range items, uint32_t elements,
                        bool is_stored, uint32_t layer);
// Slots, kept history, and buffers.
void stored_add_variables(const struct stored_state *state,
                          const struct checkpoint_schedule *schedule);

#endif

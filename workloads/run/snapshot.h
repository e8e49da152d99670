// What a checkpoint plan stores of a time step, as bytes: its state, or its history.
//
// State of t:    what time step t reads of those before it: membranes, currents, delayed spikes. Not the
//                logits: they are summed once.
// History of t:  what the backward time step t reads of the forward pass.
// Spikes are stored as they lie in memory (lists of ids, or 0 and 1), or packed: one bit a neuron that says
// whether it is listed, and of lists one bit more a slot that says whether the neuron spiked or came close.
// Both come back exactly. Real numbers may be rounded to float16.
#ifndef TILESIM_WORKLOADS_RUN_SNAPSHOT_H
#define TILESIM_WORKLOADS_RUN_SNAPSHOT_H

#include "workloads/run/storage.h"

struct snapshot_field { // a tensor
    uint32_t buffer;    // in the storage
    uint32_t ahead;     // places after the time step's own
    uint32_t neurons;
    bool is_spikes;
    size_t row_bytes; // of a sample
};

struct snapshot_format {
    const struct storage *storage; // borrowed
    struct snapshot_field *fields; // owned
    uint32_t field_count;
    bool has_packed_spikes;
    bool is_half; // real numbers as float16
    size_t bytes; // of a snapshot
};

struct snapshot_options {
    bool has_packed_spikes, is_half;
};

struct snapshot_format snapshot_format_state(const struct storage *storage,
                                             struct snapshot_options options);
struct snapshot_format snapshot_format_history(const struct storage *storage,
                                               const struct schedule *backward,
                                               struct snapshot_options options);
void snapshot_format_free(struct snapshot_format *format);

// `place`: of the time step, in the window of its block.
void snapshot_take(const struct snapshot_format *format, uint32_t place, void *snapshot);
void snapshot_put_back(const struct snapshot_format *format, uint32_t place, const void *snapshot);
// From one format to another that differs in is_half alone.
void snapshot_convert(const struct snapshot_format *from, const void *in,
                      const struct snapshot_format *to, void *out);

#endif

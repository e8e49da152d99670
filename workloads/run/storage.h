// Where the tensors of a training graph live while it runs.
//
// A tensor lives for one time step, for a block of time steps, or for the whole run (what the
// backward pass reads). State-in and state-out share a buffer of one more place: the value after
// time step t is at place t + 1, the value before it at place t. Carries likewise, the other way
// round. A static tensor has one place: its view has no time stride. So has a bias, without a
// stride between samples either.
//
// A windowed storage keeps nothing for the whole run, but for lists of input spikes, which belong
// to the batch: what else would live so lives for a block, and somebody saves it (snapshot.h). Of
// values of the forward pass that gradients of parameters read there are two windows, one for each
// pass: what the backward pass has read of a block stays until the block's gradients are added,
// whatever time steps are run forward again in between.
#ifndef TILESIM_WORKLOADS_RUN_STORAGE_H
#define TILESIM_WORKLOADS_RUN_STORAGE_H

#include "workloads/run/kernels.h"
#include "workloads/run/schedule.h"

enum lifetime { LIFETIME_STEP, LIFETIME_BLOCK, LIFETIME_RUN };

// Memory of a buffer: [places][batch] rows.
struct rows {
    void *reals;      // owned
    uint32_t *ids;    // owned unless borrowed
    uint32_t *counts; // owned; two a row
};

struct buffer {
    enum lifetime lifetime;
    enum op_phase phase;
    bool is_state;     // or a carry: its border places pass from block to block
    bool is_borrowed;  // ids belong to the batch
    uint32_t columns;  // neurons, or slots
    uint32_t places;   // time steps, and one more for states
    size_t row_stride; // reals, or ids, between samples
    void *reals;       // owned; [places][batch][row_stride]
    uint32_t *ids;     // owned unless borrowed; [places][batch][row_stride]
    uint32_t *counts;  // owned; [places][batch][2]
    struct rows other; // owned; windowed: the window of the pass that is not running, or nothing
};

struct storage {
    const struct training_graph *graph; // borrowed
    uint32_t real_bytes;
    bool is_strip_major;
    uint32_t block_time_steps;
    bool is_windowed;
    enum op_phase window;   // whose windows are in use
    struct buffer *buffers; // owned
    uint32_t buffer_count;
    uint32_t *buffer_of;     // owned; by tensor; UINT32_MAX: none
    uint32_t *places_ahead;  // owned; by tensor: 1 for state-out and carry-in
    struct matrix *matrices; // owned, and their data; by tensor; parameters and their gradients
};

struct storage *storage_create(const struct training_graph *graph, const struct kernels *kernels,
                               const struct schedule *forward, const struct schedule *backward,
                               uint32_t block_time_steps, bool is_windowed);
void storage_destroy(struct storage *storage);
// The tensor from time step `time_step`, the first of a block, on. TENSOR_NONE gives an empty view.
struct view storage_view(const struct storage *storage, uint32_t tensor, uint32_t time_step);
// Elements of a matrix with its padding.
size_t matrix_elements(const struct matrix *matrix);
// Windowed: views are of this pass's windows from now on.
void storage_use_windows(struct storage *storage, enum op_phase phase);

// States at `place`: zero, as before time step 0. Carries after the last time step: zero
// (`time_steps` of the last block).
void storage_clear_states(struct storage *storage, uint32_t place);
void storage_clear_carries(struct storage *storage, uint32_t time_steps);
// From the end of a block of `time_steps` to the start of the next.
void storage_pass_states(struct storage *storage, uint32_t time_steps);
// From the start of a block to the end of the one before it, which has `time_steps`.
void storage_pass_carries(struct storage *storage, uint32_t time_steps);

#endif

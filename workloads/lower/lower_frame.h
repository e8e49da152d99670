// The frame of a training step's program, for both lowerings to tiles: what comes before, between
// and after the time steps, and the time steps themselves. Without a checkpoint plan they are two
// loops; with one they are sections that the plan's actions call (lower_checkpoint.h).
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_FRAME_H
#define TILESIM_WORKLOADS_LOWER_LOWER_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/program.h"
#include "workloads/lower/lower_checkpoint.h"
#include "workloads/lower/lower_checkpoint_state.h"

// What rows and variables are asked for at the moment. The frame sets it, the form reads it.
struct frame_pass {
    const struct checkpoint_plan *plan; // NULL: the history of all time steps is kept
    const struct checkpoint_schedule *schedule;
    bool keeps_history, is_first_run; // of the forward time step that is being emitted
    struct step_span only_within; // if used: variables that live in other steps too are left out
};

// What the form brings.
struct lowering_frame {
    void *lowering; // passed back to the functions
    struct frame_pass *pass;
    struct program *program;
    const struct training_config *training;
    enum streaming_kind streaming;
    struct step_span *forward_loop, *backward_loop; // that the form's lifetimes hang on
    void *forward_rows; // where the form notes the steps of the rows of a forward time step
    size_t forward_rows_bytes;
    bool converts; // a stored state has another form, whatever its tensors say
    // START, FORWARD.., LOSS, BACKWARD, END: all rows of them. Without a plan FORWARD_KEPT.
    void (*emit_rows)(void *lowering, enum checkpoint_section section);
    void (*add_variables)(void *lowering);
    // With a plan:
    struct stored_state (*stored_state)(const void *lowering);
    // NULL: stored_emit_copy() is all
    void (*emit_copy)(void *lowering, const struct stored_state *state, enum state_copy copy);
};

// The whole program.
void lowering_frame_emit(const struct lowering_frame *frame);

#endif

// What both lowerings to tiles do with a checkpoint plan (workloads/checkpoint/plan.h): its actions
// become calls of sections, and repeated calls become loops. Which sections there are and in which
// order they lie is said here; what a time step and a stored state are, only the form knows.
//
// Lifetimes of variables are ranges of steps, so the order of sections is chosen for them: what is
// written in one section and read in another lives in all that lie between, and no others may run
// in the meantime.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_CHECKPOINT_H
#define TILESIM_WORKLOADS_LOWER_LOWER_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/program.h"
#include "workloads/checkpoint/plan.h"
#include "workloads/lower/lowering.h"

// X(name, text)
#define CHECKPOINT_SECTIONS(X)                   \
    X(START, "start")                            \
    X(FORWARD, "forward")                        \
    X(FORWARD_KEPT, "forward, history kept")     \
    X(PUT, "put state")                          \
    X(PUT_HISTORY, "put history")                \
    X(LOSS, "loss")                              \
    X(GET_START, "start of the first get")       \
    X(SAVE, "save state")                        \
    X(RESTORE, "restore state")                  \
    X(GET, "get state")                          \
    X(GET_LAST, "get the last state")            \
    X(AGAIN, "forward again")                    \
    X(HEAD, "state before the kept time steps")  \
    X(AGAIN_KEPT, "forward again, history kept") \
    X(GET_HISTORY, "get history")                \
    X(GET_HISTORY_LAST, "get the last history")  \
    X(BACKWARD, "backward")                      \
    X(END, "end")

enum checkpoint_section {
#define X(name, text) SECTION_##name,
    CHECKPOINT_SECTIONS(X)
#undef X
        SECTION_COUNT
};

static inline bool checkpoint_is_forward(enum checkpoint_section section)
{
    return section == SECTION_FORWARD || section == SECTION_FORWARD_KEPT ||
           section == SECTION_AGAIN || section == SECTION_AGAIN_KEPT;
}

enum state_copy { // of the current state
    STATE_TO_SLOT,
    STATE_FROM_SLOT,
    STATE_TO_BUFFER, // from where, or to where, it is streamed
    STATE_FROM_BUFFER,
    STATE_TO_HEAD, // beside the kept history: what its first backward time step reads of the one before
    STATE_COPIES
};

// What the form brings.
struct checkpoint_form {
    void *lowering; // passed back to the functions
    struct program *program;
    enum streaming_kind streaming;
    bool reads_before;      // a backward time step reads states or spikes of the time step before
    bool converts;          // a stored state is not in the form that time steps work with
    uint64_t state_bytes;   // stored, of every chip
    uint64_t history_bytes; // of one time step, of every chip
    // Rows of START, FORWARD.., LOSS, BACKWARD, END.
    void (*emit_rows)(void *lowering, enum checkpoint_section section);
    void (*emit_copy)(void *lowering, enum state_copy copy);
    // STREAMING_IO_TILES: the history of one time step, to I/O tiles or from them.
    void (*emit_history_exchange)(void *lowering, bool is_to_io);
};

struct step_span {
    uint32_t first, last; // steps
    bool is_used;
};

struct checkpoint_call {
    enum checkpoint_section section;
    uint32_t count;
    int32_t first, stride;
};

// The calls that run a plan, before they are folded into loops.
struct checkpoint_schedule {
    const struct checkpoint_plan *plan; // borrowed
    struct checkpoint_call *calls;      // owned
    uint32_t call_count;
    struct step_span spans[SECTION_COUNT]; // is_used at once, steps once they are emitted
    bool saves_before_loss;                // slots are in use in the first run already
};

struct checkpoint_schedule *checkpoint_schedule_create(const struct checkpoint_plan *plan,
                                                       const struct checkpoint_form *form);
void checkpoint_schedule_destroy(struct checkpoint_schedule *schedule);
// Emits the sections, then the main part.
void checkpoint_schedule_emit(struct checkpoint_schedule *schedule,
                              const struct checkpoint_form *form);

// Rows of a forward time step lie in up to four sections, and variables that live in such rows
// alone lie in each.
struct forward_rows {
    void *spans; // borrowed: where the lowering notes the steps of these rows
    size_t bytes;
    void *kept[SECTION_COUNT]; // owned; NULL: none
    uint32_t next;             // section
};

void forward_rows_begin(struct forward_rows *rows);
void forward_rows_keep(struct forward_rows *rows, enum checkpoint_section section);
// Puts back the rows of one section after the other; false: there are no more. *within: unused for
// the first one, then the steps of the section.
bool forward_rows_next(struct forward_rows *rows, const struct checkpoint_schedule *schedule,
                       struct step_span *within);

// NULL, or a sentence (owned by the caller): why a plan cannot be lowered to this machine.
char *checkpoint_refuse(const struct checkpoint_config *config,
                        const struct lowering_config *lowering, const struct machine_view *machine);

// Tiles of every chip that are set apart for streaming.
uint32_t checkpoint_io_tiles(const struct checkpoint_config *config,
                             const struct lowering_config *lowering);

// From the first step of section `from`, or of the first one behind it that is used, to the last of
// `to`, or of the last one before it that is used.
struct step_span checkpoint_between(const struct checkpoint_schedule *schedule,
                                    enum checkpoint_section from, enum checkpoint_section to);

#endif

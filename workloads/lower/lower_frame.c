#include "workloads/lower/lower_frame.h"

#include <stdlib.h>

// --- two loops ----------------------------------------------------------------------------------
static void emit_loop(const struct lowering_frame *frame, bool is_forward)
{
    struct step_span *span = is_forward ? frame->forward_loop : frame->backward_loop;
    uint32_t time_steps = frame->program->time_steps;
    int32_t last = (int32_t)time_steps - 1;
    span->first = frame->program->step_count;
    program_begin_loop(frame->program, time_steps, is_forward ? 0 : last, is_forward ? 1 : -1);
    frame->emit_rows(frame->lowering, is_forward ? SECTION_FORWARD_KEPT : SECTION_BACKWARD);
    span->last = frame->program->step_count;
    span->is_used = true;
    program_end_loop(frame->program);
}

static void emit_plain(const struct lowering_frame *frame)
{
    *frame->pass = (struct frame_pass){.keeps_history = true, .is_first_run = true};
    frame->emit_rows(frame->lowering, SECTION_START);
    emit_loop(frame, true);
    frame->emit_rows(frame->lowering, SECTION_LOSS);
    emit_loop(frame, false);
    frame->emit_rows(frame->lowering, SECTION_END);
    frame->add_variables(frame->lowering);
}

// --- sections -----------------------------------------------------------------------------------
struct checkpointing {
    const struct lowering_frame *frame;
    struct stored_state state;
    struct forward_rows rows;
};

static void emit_rows(void *context, enum checkpoint_section section)
{
    struct checkpointing *checkpointing = context;
    const struct lowering_frame *frame = checkpointing->frame;
    if (!checkpoint_is_forward(section)) {
        frame->emit_rows(frame->lowering, section);
        return;
    }
    frame->pass->keeps_history = section == SECTION_FORWARD_KEPT || section == SECTION_AGAIN_KEPT;
    frame->pass->is_first_run = section == SECTION_FORWARD || section == SECTION_FORWARD_KEPT;
    forward_rows_begin(&checkpointing->rows);
    frame->emit_rows(frame->lowering, section);
    forward_rows_keep(&checkpointing->rows, section);
}

static void emit_copy(void *context, enum state_copy copy)
{
    struct checkpointing *checkpointing = context;
    if (checkpointing->frame->emit_copy == NULL) {
        stored_emit_copy(&checkpointing->state, copy);
    } else {
        checkpointing->frame->emit_copy(checkpointing->frame->lowering, &checkpointing->state,
                                        copy);
    }
}

static void emit_history_exchange(void *context, bool is_to_io)
{
    stored_emit_history_exchange(&((struct checkpointing *)context)->state, is_to_io);
}

// All of them, with the rows of the first forward section; then what lives in the others' rows
// alone.
static void add_variables(struct checkpointing *checkpointing)
{
    const struct lowering_frame *frame = checkpointing->frame;
    struct frame_pass *pass = frame->pass;
    while (forward_rows_next(&checkpointing->rows, pass->schedule, &pass->only_within)) {
        frame->add_variables(frame->lowering);
    }
    stored_add_variables(&checkpointing->state, frame->pass->schedule);
}

static struct checkpoint_form form_of(struct checkpointing *checkpointing)
{
    const struct lowering_frame *frame = checkpointing->frame;
    const struct stored_state *state = &checkpointing->state;
    return (struct checkpoint_form){.lowering = checkpointing,
                                    .program = frame->program,
                                    .streaming = frame->streaming,
                                    .reads_before = stored_reads_before(state),
                                    .converts = stored_converts(state) || frame->converts,
                                    .state_bytes = stored_state_bytes(state),
                                    .history_bytes = stored_history_bytes(state),
                                    .emit_rows = emit_rows,
                                    .emit_copy = emit_copy,
                                    .emit_history_exchange = emit_history_exchange};
}

static void emit_checkpointed(const struct lowering_frame *frame)
{
    struct checkpoint_plan *plan =
        plan_create(&frame->training->checkpoints, frame->program->time_steps);
    *frame->pass = (struct frame_pass){.plan = plan};
    struct checkpointing checkpointing = {
        .frame = frame,
        .state = frame->stored_state(frame->lowering),
        .rows = {.spans = frame->forward_rows, .bytes = frame->forward_rows_bytes}};
    struct checkpoint_form form = form_of(&checkpointing);
    struct checkpoint_schedule *schedule = checkpoint_schedule_create(plan, &form);
    frame->pass->schedule = schedule;
    checkpoint_schedule_emit(schedule, &form);
    *frame->forward_loop = checkpoint_between(schedule, SECTION_FORWARD, SECTION_AGAIN_KEPT);
    *frame->backward_loop = schedule->spans[SECTION_BACKWARD];
    frame->forward_loop->is_used = frame->backward_loop->is_used = true;
    add_variables(&checkpointing);
    free(checkpointing.state.tensors);
    checkpoint_schedule_destroy(schedule);
    plan_destroy(plan);
}

void lowering_frame_emit(const struct lowering_frame *frame)
{
    if (frame->training->checkpoints.kind == CHECKPOINT_NONE) {
        emit_plain(frame);
    } else {
        emit_checkpointed(frame);
    }
}

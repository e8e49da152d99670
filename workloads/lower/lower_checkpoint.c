// Convention: calls are appended in the order of the plan's actions; streams that go on beside
// other work are started one get ahead, and a put's buffer is waited for before it is filled again.
#include "workloads/lower/lower_checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/lower/lower_loops.h"

enum { CHANNEL_OUT, CHANNEL_IN };

char *checkpoint_refuse(const struct checkpoint_config *config,
                        const struct lowering_config *lowering, const struct machine_view *machine)
{
    if (plan_streams(config->kind) && !machine->has_streaming) {
        return xasprintf("checkpointing %s needs streaming memory, and the machine has none",
                         checkpoint_kind_name(config->kind));
    }
    bool has_io_tiles = plan_streams(config->kind) && lowering->streaming == STREAMING_IO_TILES;
    if (has_io_tiles && (lowering->io_tiles == 0 || lowering->io_tiles >= machine->tiles)) {
        return xasprintf("%u I/O tiles of %u: at least one must stream, and one compute",
                         lowering->io_tiles, machine->tiles);
    }
    return NULL;
}

uint32_t checkpoint_io_tiles(const struct checkpoint_config *config,
                             const struct lowering_config *lowering)
{
    return plan_streams(config->kind) && lowering->streaming == STREAMING_IO_TILES
               ? lowering->io_tiles
               : 0;
}

// --- calls --------------------------------------------------------------------------------------
struct scheduling {
    struct checkpoint_schedule *schedule;
    const struct checkpoint_form *form;
    uint64_t gets_left, history_gets_left;
    bool has_history; // the call before kept the history of the time step before the next one
    const struct plan_action *held; // a backward run that waits for the history before its own
};

static void add_call(struct scheduling *scheduling, const struct checkpoint_call *call)
{
    struct checkpoint_schedule *schedule = scheduling->schedule;
    struct checkpoint_call *end = schedule->calls + schedule->call_count;
    struct checkpoint_call *last = schedule->call_count > 0 ? end - 1 : end;
    schedule->spans[call->section].is_used = true;
    bool goes_on = schedule->call_count > 0 && last->section == call->section &&
                   last->stride == call->stride && call->stride != 0 &&
                   call->first == last->first + (int32_t)last->count * last->stride;
    if (goes_on) {
        last->count += call->count;
    } else {
        *end = *call;
        schedule->call_count++;
    }
}

static void add_once(struct scheduling *scheduling, enum checkpoint_section section,
                     uint32_t time_step)
{
    add_call(scheduling, &(struct checkpoint_call){
                             .section = section, .count = 1, .first = (int32_t)time_step});
}

static void add_backward(struct scheduling *scheduling, const struct plan_action *action)
{
    add_call(scheduling, &(struct checkpoint_call){.section = SECTION_BACKWARD,
                                                   .count = action->count,
                                                   .first = (int32_t)action->first,
                                                   .stride = -1});
}

static void add_forward(struct scheduling *scheduling, const struct plan_action *action)
{
    static const enum checkpoint_section sections[2][2] = {{SECTION_AGAIN, SECTION_AGAIN_KEPT},
                                                           {SECTION_FORWARD, SECTION_FORWARD_KEPT}};
    if (action->keeps_history && !scheduling->has_history && scheduling->form->reads_before) {
        add_once(scheduling, SECTION_HEAD, action->first);
    }
    scheduling->has_history = action->keeps_history;
    add_call(scheduling, &(struct checkpoint_call){
                             .section = sections[action->is_first_run][action->keeps_history],
                             .count = action->count,
                             .first = (int32_t)action->first,
                             .stride = 1});
}

// The history that came last, and then the backward time step that needed it beside its own.
static void add_get_history(struct scheduling *scheduling, const struct plan_action *action)
{
    bool is_ahead = scheduling->form->streaming != STREAMING_BLOCKING;
    bool is_last = --scheduling->history_gets_left == 0;
    add_once(scheduling, is_ahead && is_last ? SECTION_GET_HISTORY_LAST : SECTION_GET_HISTORY,
             action->first);
    if (scheduling->held != NULL) {
        add_backward(scheduling, scheduling->held);
        scheduling->held = NULL;
    }
}

static void add_action(struct scheduling *scheduling, const struct plan_action *action)
{
    bool is_ahead = scheduling->form->streaming != STREAMING_BLOCKING;
    bool gets = scheduling->gets_left + scheduling->history_gets_left > 0;
    switch (action->verb) {
    case PLAN_FORWARD:
        add_forward(scheduling, action);
        return;
    case PLAN_LOSS:
        add_once(scheduling, SECTION_LOSS, 0);
        if (is_ahead && gets) {
            add_once(scheduling, SECTION_GET_START, 0);
        }
        return;
    case PLAN_BACKWARD:
        if (scheduling->history_gets_left > 0 && scheduling->form->reads_before) {
            scheduling->held = action;
        } else {
            add_backward(scheduling, action);
        }
        return;
    case PLAN_SAVE:
        add_once(scheduling, SECTION_SAVE, action->first);
        return;
    case PLAN_RESTORE:
        add_once(scheduling, SECTION_RESTORE, action->first);
        break;
    case PLAN_PUT:
        add_once(scheduling, SECTION_PUT, action->first);
        return;
    case PLAN_GET:
        add_once(scheduling,
                 --scheduling->gets_left == 0 && is_ahead ? SECTION_GET_LAST : SECTION_GET,
                 action->first);
        break;
    case PLAN_PUT_HISTORY:
        add_once(scheduling, SECTION_PUT_HISTORY, action->first);
        return;
    case PLAN_GET_HISTORY:
        add_get_history(scheduling, action);
        return;
    }
    scheduling->has_history = false; // another state is the current one
}

struct checkpoint_schedule *checkpoint_schedule_create(const struct checkpoint_plan *plan,
                                                       const struct checkpoint_form *form)
{
    struct checkpoint_schedule *schedule = xcalloc(1, sizeof *schedule);
    schedule->plan = plan;
    // an action is one call, with a head or the start of a get two; and start and end
    schedule->calls = xcalloc(2 * (size_t)plan->action_count + 2, sizeof *schedule->calls);
    struct plan_cost cost = plan_measure(plan);
    struct scheduling scheduling = {.schedule = schedule,
                                    .form = form,
                                    .gets_left = cost.gets,
                                    .history_gets_left = cost.history_gets};
    bool is_before_loss = true;
    add_once(&scheduling, SECTION_START, 0);
    for (uint32_t i = 0; i < plan->action_count; i++) {
        is_before_loss = is_before_loss && plan->actions[i].verb != PLAN_LOSS;
        schedule->saves_before_loss |= is_before_loss && plan->actions[i].verb == PLAN_SAVE;
        add_action(&scheduling, &plan->actions[i]);
    }
    add_once(&scheduling, SECTION_END, 0);
    return schedule;
}

void checkpoint_schedule_destroy(struct checkpoint_schedule *schedule)
{
    if (schedule != NULL) {
        free(schedule->calls);
        free(schedule);
    }
}

// --- sections -----------------------------------------------------------------------------------
static void add_stream(const struct checkpoint_form *form, bool is_history, enum stream_phase phase,
                       enum stream_direction direction)
{
    static const char *const names[2][2] = {{"put state", "get state"},
                                            {"put history", "get history"}};
    program_add_stream(form->program,
                       &(struct program_step){
                           .name = names[is_history][direction],
                           .chip_bytes = is_history ? form->history_bytes : form->state_bytes,
                           .stream_phase = phase,
                           .stream_direction = direction,
                           .stream_channel = direction == STREAM_OUT ? CHANNEL_OUT : CHANNEL_IN});
}

static void emit_put(const struct checkpoint_form *form)
{
    bool is_ahead = form->streaming != STREAMING_BLOCKING;
    if (is_ahead) {
        add_stream(form, false, STREAM_WAIT, STREAM_OUT); // the buffer is filled again
    }
    if (is_ahead || form->converts) {
        form->emit_copy(form->lowering, STATE_TO_BUFFER);
    }
    add_stream(form, false, is_ahead ? STREAM_START : STREAM_WHOLE, STREAM_OUT);
}

static void emit_get(const struct checkpoint_form *form, bool is_last)
{
    bool is_ahead = form->streaming != STREAMING_BLOCKING;
    add_stream(form, false, is_ahead ? STREAM_WAIT : STREAM_WHOLE, STREAM_IN);
    if (is_ahead || form->converts) {
        form->emit_copy(form->lowering, STATE_FROM_BUFFER);
    }
    if (is_ahead && !is_last) {
        add_stream(form, false, STREAM_START, STREAM_IN);
    }
}

// Histories are streamed from where they lie: with double buffers there is room for one more.
static void emit_put_history(const struct checkpoint_form *form)
{
    bool is_ahead = form->streaming != STREAMING_BLOCKING;
    if (is_ahead) {
        add_stream(form, true, STREAM_WAIT, STREAM_OUT);
    }
    if (form->streaming == STREAMING_IO_TILES) {
        form->emit_history_exchange(form->lowering, true);
    }
    add_stream(form, true, is_ahead ? STREAM_START : STREAM_WHOLE, STREAM_OUT);
}

static void emit_get_history(const struct checkpoint_form *form, bool is_last)
{
    bool is_ahead = form->streaming != STREAMING_BLOCKING;
    add_stream(form, true, is_ahead ? STREAM_WAIT : STREAM_WHOLE, STREAM_IN);
    if (form->streaming == STREAMING_IO_TILES) {
        form->emit_history_exchange(form->lowering, false);
    }
    if (is_ahead && !is_last) {
        add_stream(form, true, STREAM_START, STREAM_IN);
    }
}

static void emit_section(const struct checkpoint_schedule *schedule,
                         const struct checkpoint_form *form, enum checkpoint_section section)
{
    bool is_history = schedule->spans[SECTION_GET_HISTORY_LAST].is_used;
    switch (section) {
    case SECTION_PUT:
        emit_put(form);
        return;
    case SECTION_PUT_HISTORY:
        emit_put_history(form);
        return;
    case SECTION_GET_START: // what is put must have arrived
        add_stream(form, is_history, STREAM_WAIT, STREAM_OUT);
        add_stream(form, is_history, STREAM_START, STREAM_IN);
        return;
    case SECTION_GET:
    case SECTION_GET_LAST:
        emit_get(form, section == SECTION_GET_LAST);
        return;
    case SECTION_GET_HISTORY:
    case SECTION_GET_HISTORY_LAST:
        emit_get_history(form, section == SECTION_GET_HISTORY_LAST);
        return;
    case SECTION_SAVE:
        form->emit_copy(form->lowering, STATE_TO_SLOT);
        return;
    case SECTION_RESTORE:
        form->emit_copy(form->lowering, STATE_FROM_SLOT);
        return;
    case SECTION_HEAD:
        form->emit_copy(form->lowering, STATE_TO_HEAD);
        return;
    default:
        form->emit_rows(form->lowering, section);
    }
}

void checkpoint_schedule_emit(struct checkpoint_schedule *schedule,
                              const struct checkpoint_form *form)
{
    static const char *const names[] = {
#define X(name, text) [SECTION_##name] = (text),
        CHECKPOINT_SECTIONS(X)
#undef X
    };
    uint32_t numbers[SECTION_COUNT] = {0};
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        struct step_span *span = &schedule->spans[i];
        if (span->is_used) {
            span->first = form->program->step_count;
            numbers[i] = program_begin_section(form->program, names[i]);
            emit_section(schedule, form, (enum checkpoint_section)i);
            span->last = form->program->step_count;
            program_end_section(form->program);
        }
    }
    struct call_list list = call_list_create(schedule->call_count);
    for (uint32_t i = 0; i < schedule->call_count; i++) {
        const struct checkpoint_call *call = &schedule->calls[i];
        call_list_append(&list, &(struct call_node){.section = numbers[call->section],
                                                    .count = call->count,
                                                    .first = call->first,
                                                    .stride = call->stride});
    }
    call_list_fold(&list);
    call_list_emit(&list, form->program);
    call_list_free(&list);
}

// --- rows of forward sections -------------------------------------------------------------------
void forward_rows_begin(struct forward_rows *rows)
{
    memset(rows->spans, 0, rows->bytes);
}

void forward_rows_keep(struct forward_rows *rows, enum checkpoint_section section)
{
    rows->kept[section] = xmalloc(rows->bytes);
    memcpy(rows->kept[section], rows->spans, rows->bytes);
}

bool forward_rows_next(struct forward_rows *rows, const struct checkpoint_schedule *schedule,
                       struct step_span *within)
{
    bool is_first = rows->next == 0;
    while (rows->next < SECTION_COUNT && rows->kept[rows->next] == NULL) {
        rows->next++;
    }
    if (rows->next == SECTION_COUNT) {
        return false;
    }
    memcpy(rows->spans, rows->kept[rows->next], rows->bytes);
    free(rows->kept[rows->next]);
    *within = is_first ? (struct step_span){0} : schedule->spans[rows->next];
    rows->next++;
    return true;
}

struct step_span checkpoint_between(const struct checkpoint_schedule *schedule,
                                    enum checkpoint_section from, enum checkpoint_section to)
{
    while (from < to && !schedule->spans[from].is_used) {
        from++;
    }
    while (to > from && !schedule->spans[to].is_used) {
        to--;
    }
    return (struct step_span){.first = schedule->spans[from].first,
                              .last = schedule->spans[to].last,
                              .is_used = schedule->spans[from].is_used};
}

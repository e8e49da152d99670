// Convention: a place is one of the windows' (time step of the batch, less the first of its block).
#include "workloads/run/plan_run.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/run/aligned.h"
#include "workloads/run/record.h"
#include "workloads/run/snapshot.h"

#define NOWHERE UINT32_MAX

struct plan_run {
    struct block_runner *runner;                         // borrowed
    const struct checkpoint_plan *plan;                  // borrowed
    struct snapshot_format state_format;                 // of slots and places
    struct snapshot_format history_format, place_format; // of histories in SRAM, in places
    void **slots;                                        // owned; [plan->slots] states
    void **places;        // owned; [plan->places] states or histories, in streaming memory
    void **histories;     // owned; [plan->history_steps]
    uint32_t *history_of; // owned; by time step: which of histories; NOWHERE
    uint32_t *unused;     // owned; stack of those that hold nothing
    uint32_t unused_count;
    void **last;             // owned; by state: after the last time step; NULL: spikes
    struct activity *record; // borrowed, during a forward pass; NULL: none
    uint32_t next_action;
    bool is_past_loss;
    // Forward: the states at time steps `state` .. `computed` are in the window of `block`, and so
    // is the history between them. `state` is the current one; NOWHERE: none is.
    struct time_range block;
    uint32_t state, computed;
    // Backward: time steps whose history is in the window and that are not yet run; empty: first ==
    // end.
    struct time_range pending;
};

static struct storage *storage_of(const struct plan_run *run)
{
    return run->runner->storage;
}

// --- creation -----------------------------------------------------------------------------------
static void **create_memories(uint32_t count, size_t bytes)
{
    void **memories = xcalloc((size_t)count + 1, sizeof(*memories));
    for (uint32_t i = 0; i < count; i++) {
        memories[i] = aligned_create(bytes);
    }
    return memories;
}

static void destroy_memories(void **memories, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        aligned_destroy(memories[i]);
    }
    free(memories);
}

static size_t last_bytes(const struct plan_run *run, uint32_t state)
{
    const struct training_graph *graph = run->runner->graph;
    const struct storage *storage = storage_of(run);
    if (graph->graph.tensors[graph->states[state].out].type == TENSOR_SPIKES) {
        return 0;
    }
    const struct buffer *buffer = &storage->buffers[storage->buffer_of[graph->states[state].out]];
    return graph->batch * buffer->row_stride * storage->real_bytes;
}

static bool has_history_places(const struct checkpoint_plan *plan)
{
    for (uint32_t i = 0; i < plan->action_count; i++) {
        if (plan->actions[i].verb == PLAN_PUT_HISTORY) {
            return true;
        }
    }
    return false;
}

struct plan_run *plan_run_create(struct block_runner *runner, const struct checkpoint_plan *plan)
{
    const struct checkpoint_config *config = &plan->config;
    struct snapshot_options exact = {.has_packed_spikes = config->has_packed_spikes};
    struct snapshot_options stored = {.has_packed_spikes = config->has_packed_spikes,
                                      .is_half = config->state_bytes == sizeof(uint16_t)};
    struct plan_run *run = xcalloc(1, sizeof(*run));
    *run = (struct plan_run){.runner = runner, .plan = plan};
    run->state_format = snapshot_format_state(runner->storage, stored);
    run->history_format =
        snapshot_format_history(runner->storage, runner->backward.schedule, exact);
    run->place_format = snapshot_format_history(runner->storage, runner->backward.schedule, stored);
    run->slots = create_memories(plan->slots, run->state_format.bytes);
    run->places = create_memories(plan->places, has_history_places(plan) ? run->place_format.bytes
                                                                         : run->state_format.bytes);
    run->histories = create_memories(plan->history_steps, run->history_format.bytes);
    run->history_of = xmalloc(((size_t)plan->time_steps + 1) * sizeof(uint32_t));
    run->unused = xmalloc(((size_t)plan->history_steps + 1) * sizeof(uint32_t));
    run->last = xcalloc(runner->graph->state_count + 1, sizeof(*run->last));
    for (uint32_t i = 0; i < runner->graph->state_count; i++) {
        size_t bytes = last_bytes(run, i);
        run->last[i] = bytes > 0 ? aligned_create(bytes) : NULL;
    }
    return run;
}

void plan_run_destroy(struct plan_run *run)
{
    if (!run) {
        return;
    }
    destroy_memories(run->slots, run->plan->slots);
    destroy_memories(run->places, run->plan->places);
    destroy_memories(run->histories, run->plan->history_steps);
    destroy_memories(run->last, run->runner->graph->state_count);
    snapshot_format_free(&run->state_format);
    snapshot_format_free(&run->history_format);
    snapshot_format_free(&run->place_format);
    free(run->history_of);
    free(run->unused);
    free(run);
}

// --- histories ----------------------------------------------------------------------------------
static void *take_history_memory(struct plan_run *run, uint32_t time_step)
{
    SIM_ASSERT(run->unused_count > 0 && run->history_of[time_step] == NOWHERE,
               "no memory for the history of time step %u", time_step);
    run->history_of[time_step] = run->unused[--run->unused_count];
    return run->histories[run->history_of[time_step]];
}

static void *history_at(const struct plan_run *run, uint32_t time_step)
{
    SIM_ASSERT(run->history_of[time_step] != NOWHERE, "time step %u has no history", time_step);
    return run->histories[run->history_of[time_step]];
}

static void drop_history(struct plan_run *run, uint32_t time_step)
{
    run->unused[run->unused_count++] = run->history_of[time_step];
    run->history_of[time_step] = NOWHERE;
}

struct copy_run { // what the threads share that copy histories
    struct plan_run *run;
    uint32_t first_time_step, block_first;
};

static void take_history_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct copy_run *copy = context;
    uint32_t time_step = copy->first_time_step + item;
    snapshot_take(&copy->run->history_format, time_step - copy->block_first,
                  history_at(copy->run, time_step));
}

// Neighbours share a place, the state between them: even items are put back, then odd ones.
static void put_back_history_item(void *context, uint32_t item, uint32_t thread)
{
    (void)thread;
    const struct copy_run *copy = context;
    uint32_t time_step = copy->first_time_step + 2 * item;
    snapshot_put_back(&copy->run->history_format, time_step - copy->block_first,
                      history_at(copy->run, time_step));
}

// --- forward ------------------------------------------------------------------------------------
// The logits are summed in the first run alone. A later one adds to them in the window as well (they may
// share a fused region with a membrane), and nobody looks.
static void copy_last(struct plan_run *run, uint32_t state, uint32_t place, bool is_to_window)
{
    size_t bytes = last_bytes(run, state);
    if (bytes == 0) {
        return;
    }
    struct view in = storage_view(storage_of(run), run->runner->graph->states[state].in, 0);
    char *window = (char *)in.reals + place * bytes;
    if (is_to_window) {
        memcpy(window, run->last[state], bytes);
    } else {
        memcpy(run->last[state], window, bytes);
    }
}

static void record_part(const struct plan_run *run, struct time_range part)
{
    for (uint32_t l = 1; run->record && l <= run->runner->graph->layer_count; l++) {
        uint32_t tensor = run->runner->graph->layers[l - 1].spikes;
        struct view spikes = storage_view(storage_of(run), tensor, run->block.first);
        size_t rows = (size_t)(part.first - run->block.first) * run->runner->graph->batch;
        spikes.counts += rows * 2;
        spikes.ids = spikes.ids ? spikes.ids + rows * spikes.row_stride : NULL;
        record_spikes(run->record, l, &spikes, part.first, part.end - part.first);
    }
}

// The end of the time steps from `first` on that the actions from the next one on run forward, as
// far as they lie in the block: what stands between them only reads the windows.
static uint32_t end_of_forward(const struct plan_run *run, uint32_t first, bool is_first_run)
{
    uint32_t end = first;
    for (uint32_t i = run->next_action; i < run->plan->action_count && end < run->block.end; i++) {
        const struct plan_action *action = &run->plan->actions[i];
        if (action->verb == PLAN_FORWARD) {
            uint32_t action_end = action->first + action->count;
            bool continues = action->is_first_run == is_first_run && action->first <= end;
            if (!continues) {
                break;
            }
            end = action_end > end ? action_end : end;
        } else if (action->verb != PLAN_SAVE && action->verb != PLAN_PUT &&
                   action->verb != PLAN_PUT_HISTORY) {
            break;
        }
    }
    return end < run->block.end ? end : run->block.end;
}

// Runs what follows the last time step in the window.
static void compute(struct plan_run *run, bool is_first_run)
{
    struct time_range part = {.first = run->computed,
                              .end = end_of_forward(run, run->computed, is_first_run)};
    const struct training_graph *graph = run->runner->graph;
    copy_last(run, graph->logits_state, part.first - run->block.first, true);
    SIM_ASSERT(is_first_run || run->is_past_loss, "time step %u runs again before the loss",
               part.first);
    block_runner_forward(run->runner, part);
    run->computed = part.end;
    if (!is_first_run) {
        return;
    }
    record_part(run, part);
    for (uint32_t i = 0; i < graph->state_count; i++) {
        if (i == graph->logits_state || part.end == graph->time_steps) {
            copy_last(run, i, part.end - run->block.first, false);
        }
    }
}

// The current state, at the end of a block, becomes the start of the next one.
static void enter_next_block(struct plan_run *run)
{
    storage_pass_states(storage_of(run), run->block.end - run->block.first);
    run->block = block_runner_block(run->runner, run->state);
    run->computed = run->state;
}

static void keep_history(struct plan_run *run, struct time_range part)
{
    for (uint32_t t = part.first; t < part.end; t++) {
        take_history_memory(run, t);
    }
    struct copy_run copy = {
        .run = run, .first_time_step = part.first, .block_first = run->block.first};
    pool_run(run->runner->pool, part.end - part.first, take_history_item, &copy);
}

static void run_forward(struct plan_run *run, const struct plan_action *action)
{
    SIM_ASSERT(run->state == action->first, "time step %u is to be run from another state",
               action->first);
    uint32_t end = action->first + action->count;
    while (run->state < end) {
        if (run->state == run->block.end) {
            enter_next_block(run);
        }
        if (run->computed == run->state) {
            compute(run, action->is_first_run);
        }
        struct time_range part = {.first = run->state,
                                  .end = end < run->computed ? end : run->computed};
        if (action->keeps_history) {
            keep_history(run, part);
        }
        run->state = part.end;
    }
}

// --- backward -----------------------------------------------------------------------------------
static void run_pending(struct plan_run *run)
{
    struct time_range part = run->pending;
    run->pending = (struct time_range){0};
    if (part.first == part.end) {
        return;
    }
    block_runner_backward(run->runner, part);
    bool is_block_complete = part.first % run->runner->block_time_steps == 0;
    if (is_block_complete && part.first > 0) {
        storage_pass_carries(storage_of(run), run->runner->block_time_steps);
    }
}

// `part` lies in one block.
static void load_history(struct plan_run *run, struct time_range part)
{
    struct copy_run copy = {.run = run,
                            .first_time_step = part.first,
                            .block_first = block_runner_block(run->runner, part.first).first};
    uint32_t steps = part.end - part.first;
    pool_run(run->runner->pool, (steps + 1) / 2, put_back_history_item, &copy);
    copy.first_time_step++;
    pool_run(run->runner->pool, steps / 2, put_back_history_item, &copy);
    for (uint32_t t = part.first; t < part.end; t++) {
        drop_history(run, t);
    }
}

static void run_backward(struct plan_run *run, const struct plan_action *action)
{
    run->state = NOWHERE;
    storage_use_windows(storage_of(run), OP_BACKWARD);
    uint32_t end = action->first + 1, first = end - action->count;
    while (end > first) {
        struct time_range block = block_runner_block(run->runner, end - 1);
        struct time_range part = {.first = first > block.first ? first : block.first, .end = end};
        if (run->pending.first == run->pending.end) {
            run->pending = (struct time_range){.first = end, .end = end};
        }
        SIM_ASSERT(run->pending.first == end, "time step %u is run backward before %u", end - 1,
                   run->pending.first - 1);
        load_history(run, part);
        run->pending.first = part.first;
        if (part.first == block.first) {
            run_pending(run);
        }
        end = part.first;
    }
}

// --- states -------------------------------------------------------------------------------------
static void take_state(const struct plan_run *run, void *memory)
{
    SIM_ASSERT(run->state != NOWHERE, "no state is the current one");
    snapshot_take(&run->state_format, run->state - run->block.first, memory);
}

static void put_back_state(struct plan_run *run, uint32_t time_step, const void *memory)
{
    run_pending(run);
    storage_use_windows(storage_of(run), OP_FORWARD);
    run->block = block_runner_block(run->runner, time_step);
    run->state = run->computed = time_step;
    snapshot_put_back(&run->state_format, time_step - run->block.first, memory);
}

// --- the whole ----------------------------------------------------------------------------------
static void run_action(struct plan_run *run, const struct plan_action *action)
{
    switch (action->verb) {
    case PLAN_FORWARD:
        run_forward(run, action);
        break;
    case PLAN_BACKWARD:
        run_backward(run, action);
        break;
    case PLAN_SAVE:
        take_state(run, run->slots[action->slot]);
        break;
    case PLAN_PUT:
        take_state(run, run->places[action->slot]);
        break;
    case PLAN_RESTORE:
        put_back_state(run, action->first, run->slots[action->slot]);
        break;
    case PLAN_GET:
        put_back_state(run, action->first, run->places[action->slot]);
        break;
    case PLAN_PUT_HISTORY:
        snapshot_convert(&run->history_format, history_at(run, action->first), &run->place_format,
                         run->places[action->slot]);
        drop_history(run, action->first);
        break;
    case PLAN_GET_HISTORY:
        snapshot_convert(&run->place_format, run->places[action->slot], &run->history_format,
                         take_history_memory(run, action->first));
        break;
    case PLAN_LOSS:
        break;
    }
}

// The actions up to the loss, or to the end.
static void run_actions(struct plan_run *run)
{
    for (; run->next_action < run->plan->action_count; run->next_action++) {
        const struct plan_action *action = &run->plan->actions[run->next_action];
        if (action->verb == PLAN_LOSS) {
            run->next_action++;
            return;
        }
        run_action(run, action);
    }
}

void plan_run_forward(struct plan_run *run, struct activity *record)
{
    uint32_t logits = run->runner->graph->logits_state;
    storage_use_windows(storage_of(run), OP_FORWARD);
    storage_clear_states(storage_of(run), 0);
    memset(run->last[logits], 0, last_bytes(run, logits));
    memset(run->history_of, 0xff, run->plan->time_steps * sizeof(uint32_t)); // NOWHERE
    run->unused_count = 0;
    while (run->unused_count < run->plan->history_steps) {
        run->unused[run->unused_count] = run->unused_count;
        run->unused_count++;
    }
    run->block = block_runner_block(run->runner, 0);
    run->state = run->computed = 0;
    run->pending = (struct time_range){0};
    run->next_action = 0;
    run->is_past_loss = false;
    run->record = record;
    run_actions(run);
    run->record = NULL;
}

void plan_run_backward(struct plan_run *run)
{
    run->is_past_loss = true;
    run_actions(run);
    run_pending(run);
}

struct view plan_run_last(const struct plan_run *run, uint32_t state)
{
    struct view view = storage_view(storage_of(run), run->runner->graph->states[state].out, 0);
    return (struct view){
        .reals = run->last[state], .row_stride = view.row_stride, .columns = view.columns};
}

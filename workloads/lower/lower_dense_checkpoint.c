// The dense program under a checkpoint plan: rows of a time step become sections that the plan's actions call
// (lower_checkpoint.c). Everything that is stored lies where it is written: with the neurons.
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lower_checkpoint_state.h"
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

#define FORWARD_ROWS (size_t)(DENSE_D6 - DENSE_D1 + 1)

struct checkpointing {
    struct dense_lowering *lowering;
    struct stored_state state;
    struct forward_rows rows;
};

// --- what is stored -----------------------------------------------------------------------------
static struct stored_tensor floats_of(const struct dense_lowering *lowering, uint32_t l,
                                      uint32_t chip)
{
    const struct dense_layer *layer = &lowering->layers[l];
    return (struct stored_tensor){.kind = STORED_FLOATS,
                                  .items = dense_on_chip(lowering, dense_neurons(layer), chip),
                                  .layer = l,
                                  .elements = layer->elements,
                                  .words = layer->elements,
                                  .in_state = tiles_count_states(lowering->graph, l),
                                  .in_history = tiles_count_saved(lowering->graph, l),
                                  .in_head = tiles_count_saved_before(lowering->graph, l)};
}

// With a layer delay spikes are states that the next layer reads, and its weight gradient reads.
static struct stored_tensor spikes_of(const struct dense_lowering *lowering, uint32_t l,
                                      uint32_t chip)
{
    const struct dense_layer *layer = &lowering->layers[l];
    bool is_read = l < lowering->layer_count;
    return (struct stored_tensor){.kind = STORED_SPIKES,
                                  .items = dense_on_chip(lowering, dense_neurons(layer), chip),
                                  .layer = l,
                                  .elements = layer->elements,
                                  .words = dense_words(lowering, layer->elements),
                                  .in_state = is_read && lowering->is_delayed,
                                  .in_history = is_read,
                                  .in_head = is_read && lowering->is_delayed};
}

static struct stored_state stored_state_of(const struct dense_lowering *lowering)
{
    const struct checkpoint_config *config = &lowering->training->checkpoints;
    struct stored_state state = {
        .program = lowering->program,
        .tensors =
            xcalloc((size_t)lowering->layer_count * lowering->chips * 2, sizeof *state.tensors),
        .tiles = lowering->tiles,
        .float_bytes = config->state_bytes == 0 ? EXCHANGE_WORD_BYTES : config->state_bytes,
        .packs_spikes = config->has_packed_spikes,
        .streaming = lowering->streaming};
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        for (uint32_t chip = 0; chip < lowering->layers[l].chips; chip++) {
            state.tensors[state.tensor_count++] = floats_of(lowering, l, chip);
            state.tensors[state.tensor_count++] = spikes_of(lowering, l, chip);
        }
    }
    return state;
}

// --- sections -----------------------------------------------------------------------------------
static void emit_forward(struct checkpointing *checkpointing, enum checkpoint_section section)
{
    struct dense_lowering *lowering = checkpointing->lowering;
    lowering->keeps_history = section == SECTION_FORWARD_KEPT || section == SECTION_AGAIN_KEPT;
    lowering->is_first_run = section == SECTION_FORWARD || section == SECTION_FORWARD_KEPT;
    forward_rows_begin(&checkpointing->rows);
    dense_emit_forward_step(lowering);
    forward_rows_keep(&checkpointing->rows, section);
}

static void emit_rows(void *context, enum checkpoint_section section)
{
    struct checkpointing *checkpointing = context;
    struct dense_lowering *lowering = checkpointing->lowering;
    if (checkpoint_is_forward(section)) {
        emit_forward(checkpointing, section);
    } else if (section == SECTION_START) {
        dense_emit_start(lowering);
        dense_emit_static_product(lowering);
    } else if (section == SECTION_LOSS) {
        dense_emit_middle(lowering);
    } else if (section == SECTION_BACKWARD) {
        dense_emit_backward_step(lowering);
    } else {
        dense_emit_static_gradient(lowering);
        dense_emit_end(lowering);
    }
}

static void emit_copy(void *context, enum state_copy copy)
{
    stored_emit_copy(&((struct checkpointing *)context)->state, copy);
}

static void emit_history_exchange(void *context, bool is_to_io)
{
    stored_emit_history_exchange(&((struct checkpointing *)context)->state, is_to_io);
}

// --- the program --------------------------------------------------------------------------------
static void note_loops(struct dense_lowering *lowering)
{
    struct checkpoint_span forward =
        checkpoint_between(lowering->schedule, SECTION_FORWARD, SECTION_AGAIN_KEPT);
    struct checkpoint_span backward = lowering->schedule->spans[SECTION_BACKWARD];
    *dense_span(lowering, DENSE_FORWARD_LOOP, 0) =
        (struct dense_span){.first = forward.first, .last = forward.last, .is_used = true};
    *dense_span(lowering, DENSE_BACKWARD_LOOP, 0) =
        (struct dense_span){.first = backward.first, .last = backward.last, .is_used = true};
}

static void add_variables(struct checkpointing *checkpointing)
{
    struct dense_lowering *lowering = checkpointing->lowering;
    struct checkpoint_span within;
    while (forward_rows_next(&checkpointing->rows, lowering->schedule, &within)) {
        lowering->only_within = (struct dense_span){within.first, within.last, within.is_used};
        dense_add_variables(lowering);
    }
    stored_add_variables(&checkpointing->state, lowering->schedule);
}

void dense_emit_checkpointed(struct dense_lowering *lowering)
{
    struct checkpoint_plan *plan =
        plan_create(&lowering->training->checkpoints, lowering->time_steps);
    lowering->plan = plan;
    struct checkpointing checkpointing = {
        .lowering = lowering,
        .state = stored_state_of(lowering),
        .rows = {.spans = dense_span(lowering, DENSE_D1, 0),
                 .bytes = FORWARD_ROWS * (lowering->layer_count + 1) * sizeof(struct dense_span)}};
    const struct stored_state *state = &checkpointing.state;
    struct checkpoint_form form = {.lowering = &checkpointing,
                                   .program = lowering->program,
                                   .streaming = lowering->streaming,
                                   .reads_before = stored_reads_before(state),
                                   .converts = stored_converts(state),
                                   .state_bytes = stored_state_bytes(state),
                                   .history_bytes = stored_history_bytes(state),
                                   .emit_rows = emit_rows,
                                   .emit_copy = emit_copy,
                                   .emit_history_exchange = emit_history_exchange};
    struct checkpoint_schedule *schedule = checkpoint_schedule_create(plan, &form);
    lowering->schedule = schedule;
    checkpoint_schedule_emit(schedule, &form);
    note_loops(lowering);
    add_variables(&checkpointing);
    free(checkpointing.state.tensors);
    checkpoint_schedule_destroy(schedule);
    plan_destroy(plan);
}

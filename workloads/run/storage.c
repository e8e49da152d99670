#include "workloads/run/storage.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/run/aligned.h"

#define VECTOR_COLUMNS 16u // rows are padded to whole vectors, with zeros

static uint32_t round_up(uint32_t value, uint32_t step)
{
    return (value + step - 1) / step * step;
}

// Rows of activations are padded as the matrices that write them.
static uint32_t padded_columns(uint32_t columns)
{
    return round_up(columns, columns > STRIP_COLUMNS_MAX ? STRIP_COLUMNS_MAX : VECTOR_COLUMNS);
}

static const struct tensor *tensor_at(const struct storage *storage, uint32_t tensor)
{
    return &storage->graph->graph.tensors[tensor];
}

static uint32_t add_buffer(struct storage *storage, uint32_t tensor, enum lifetime lifetime,
                           enum op_phase phase, bool is_state)
{
    const struct tensor *shape = tensor_at(storage, tensor);
    bool is_list = shape->type == TENSOR_SPIKES && storage->graph->form == FORM_SPARSE;
    bool is_of_batch = is_list && shape->role == ROLE_INPUT;
    if (storage->is_windowed && lifetime == LIFETIME_RUN && !is_of_batch) {
        lifetime = LIFETIME_BLOCK;
    }
    struct buffer *buffer = &storage->buffers[storage->buffer_count];
    *buffer = (struct buffer){.lifetime = lifetime,
                              .phase = phase,
                              .is_state = is_state,
                              .columns = is_list ? shape->slots : shape->columns,
                              .places = 1};
    if (lifetime != LIFETIME_STEP) {
        buffer->places =
            1 + (lifetime == LIFETIME_RUN ? storage->graph->time_steps : storage->block_time_steps);
    }
    size_t rows = (size_t)buffer->places * storage->graph->batch;
    if (shape->type == TENSOR_SPIKES) {
        buffer->counts = aligned_create(rows * 2 * sizeof(uint32_t));
    }
    buffer->row_stride = is_list ? buffer->columns : padded_columns(buffer->columns);
    buffer->is_borrowed = is_of_batch;
    if (is_list && !buffer->is_borrowed) {
        buffer->ids = aligned_create(rows * buffer->row_stride * sizeof(uint32_t));
    } else if (!is_list) {
        buffer->reals = aligned_create(rows * buffer->row_stride * storage->real_bytes);
    }
    storage->buffer_of[tensor] = storage->buffer_count;
    return storage->buffer_count++;
}

static void share_buffer(struct storage *storage, uint32_t tensor, uint32_t buffer)
{
    SIM_ASSERT(storage->buffer_of[tensor] == UINT32_MAX, "%s is the value of two states",
               tensor_at(storage, tensor)->name);
    storage->buffer_of[tensor] = buffer;
    storage->places_ahead[tensor] = 1;
}

static bool reads(const struct storage *storage, const struct schedule *schedule, uint32_t stage,
                  uint32_t tensor)
{
    const uint32_t *inputs;
    uint32_t count;
    stage_inputs(storage->graph, &schedule->stages[stage], &inputs, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (inputs[i] == tensor) {
            return true;
        }
    }
    return false;
}

static bool writes(const struct storage *storage, const struct schedule *schedule, uint32_t stage,
                   uint32_t tensor)
{
    const uint32_t *outputs;
    uint32_t count;
    stage_outputs(storage->graph, &schedule->stages[stage], &outputs, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i] == tensor) {
            return true;
        }
    }
    return false;
}

// True if carry-out may overwrite carry-in: all who read the old value come before the writer in
// the loop over time steps of one pass. Then the carry stays in the fastest cache.
static bool is_carried_in_place(const struct storage *storage, const struct schedule *backward,
                                const struct graph_state *state)
{
    uint32_t writer = UINT32_MAX;
    for (uint32_t i = 0; i < storage->graph->state_count; i++) {
        const struct graph_state *other = &storage->graph->states[i];
        if (other != state && other->carry_out == state->carry_out) {
            return false;
        }
    }
    for (uint32_t i = 0; i < backward->stage_count; i++) {
        if (writes(storage, backward, i, state->carry_out)) {
            writer = i;
        }
    }
    if (writer == UINT32_MAX || backward->passes[backward->pass_of[writer]].is_block) {
        return false;
    }
    for (uint32_t i = 0; i < backward->stage_count; i++) {
        bool is_same_pass = backward->pass_of[i] == backward->pass_of[writer];
        if ((reads(storage, backward, i, state->carry_in) && (!is_same_pass || i >= writer)) ||
            (reads(storage, backward, i, state->carry_out) && (!is_same_pass || i <= writer))) {
            return false;
        }
    }
    return true;
}

static void add_state_buffers(struct storage *storage, const struct schedule *backward,
                              const struct graph_state *state)
{
    const struct tensor *in = tensor_at(storage, state->in);
    bool is_saved =
        in->is_saved || tensor_at(storage, state->out)->is_saved || in->type == TENSOR_SPIKES;
    uint32_t states =
        add_buffer(storage, state->in, is_saved ? LIFETIME_RUN : LIFETIME_BLOCK, OP_FORWARD, true);
    share_buffer(storage, state->out, states);
    if (state->carry_in == TENSOR_NONE) {
        return;
    }
    if (state->carry_in == state->carry_out) { // the same at every time step
        add_buffer(storage, state->carry_in, LIFETIME_STEP, OP_BACKWARD, true);
        return;
    }
    if (state->carry_out == TENSOR_NONE) { // zero at every time step
        SIM_ASSERT(state != &storage->graph->states[storage->graph->logits_state],
                   "the logits have no carry");
        add_buffer(storage, state->carry_in, LIFETIME_BLOCK, OP_BACKWARD, true);
        storage->places_ahead[state->carry_in] = 1;
        return;
    }
    uint32_t carries =
        storage->buffer_of[state->carry_out]; // of another state with the same adjoint
    if (carries == UINT32_MAX && is_carried_in_place(storage, backward, state)) {
        carries = add_buffer(storage, state->carry_out, LIFETIME_STEP, OP_BACKWARD, true);
        share_buffer(storage, state->carry_in, carries);
        storage->places_ahead[state->carry_in] = 0;
        return;
    }
    if (carries == UINT32_MAX) {
        carries = add_buffer(storage, state->carry_out, LIFETIME_BLOCK, OP_BACKWARD, true);
    }
    share_buffer(storage, state->carry_in, carries);
}

static void add_matrix(struct storage *storage, uint32_t tensor)
{
    const struct tensor *shape = tensor_at(storage, tensor);
    struct matrix *matrix = &storage->matrices[tensor];
    *matrix = (struct matrix){.rows = shape->rows,
                              .columns = shape->columns,
                              .strip_columns = padded_columns(shape->columns)};
    if (storage->is_strip_major && matrix->strip_columns > STRIP_COLUMNS_MAX) {
        matrix->strip_columns = STRIP_COLUMNS_MAX;
    }
    matrix->data = aligned_create(matrix_elements(matrix) * storage->real_bytes);
}

size_t matrix_elements(const struct matrix *matrix)
{
    return (size_t)matrix_strips(matrix) * matrix->rows * matrix->strip_columns;
}

// True if a stage outside pass `pass` reads the tensor.
static bool is_used_outside(const struct storage *storage, const struct schedule *schedule,
                            uint32_t tensor, uint32_t pass)
{
    for (uint32_t i = 0; i < schedule->stage_count; i++) {
        if (schedule->pass_of[i] != pass && reads(storage, schedule, i, tensor)) {
            return true;
        }
    }
    return false;
}

static void place_outputs(struct storage *storage, const struct schedule *schedule, uint32_t stage,
                          enum op_phase phase)
{
    const uint32_t *outputs;
    uint32_t count;
    stage_outputs(storage->graph, &schedule->stages[stage], &outputs, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct tensor *tensor = tensor_at(storage, outputs[i]);
        if (storage->buffer_of[outputs[i]] != UINT32_MAX || tensor->role == ROLE_GRADIENT) {
            continue;
        }
        enum lifetime lifetime = LIFETIME_STEP;
        if (tensor->is_saved || tensor->type == TENSOR_SPIKES) {
            lifetime = LIFETIME_RUN;
        } else if (is_used_outside(storage, schedule, outputs[i], schedule->pass_of[stage])) {
            lifetime = LIFETIME_BLOCK;
        }
        add_buffer(storage, outputs[i], lifetime, phase, false);
    }
}

static void add_matrices(struct storage *storage)
{
    for (uint32_t l = 0; l < storage->graph->layer_count; l++) {
        const struct graph_layer *layer = &storage->graph->layers[l];
        uint32_t matrices[] = {layer->weights, layer->weight_gradient, layer->bias,
                               layer->bias_gradient};
        for (size_t i = 0; i < sizeof(matrices) / sizeof(matrices[0]); i++) {
            if (matrices[i] != TENSOR_NONE) {
                add_matrix(storage, matrices[i]);
            }
        }
    }
}

// The second window of what gradients of parameters read of the forward pass; the input has none.
static void add_windows(struct storage *storage, const struct schedule *backward)
{
    for (uint32_t i = 0; i < backward->gradient_count; i++) {
        const struct stage *stage = &backward->stages[backward->gradients[i]];
        const struct op *op = &storage->graph->graph.ops[stage->index];
        for (uint32_t k = 0; k < op_input_count(op->kind); k++) {
            if (op->inputs[k] == storage->graph->input) {
                continue;
            }
            struct buffer *buffer = &storage->buffers[storage->buffer_of[op->inputs[k]]];
            size_t rows = (size_t)buffer->places * storage->graph->batch;
            bool has_two = buffer->other.reals || buffer->other.ids;
            if (buffer->phase != OP_FORWARD || has_two) {
                continue;
            }
            if (buffer->reals) {
                buffer->other.reals =
                    aligned_create(rows * buffer->row_stride * storage->real_bytes);
            }
            if (buffer->ids) {
                buffer->other.ids = aligned_create(rows * buffer->row_stride * sizeof(uint32_t));
            }
            if (buffer->counts) {
                buffer->other.counts = aligned_create(rows * 2 * sizeof(uint32_t));
            }
        }
    }
}

void storage_use_windows(struct storage *storage, enum op_phase phase)
{
    for (uint32_t i = 0; i < storage->buffer_count && storage->window != phase; i++) {
        struct buffer *buffer = &storage->buffers[i];
        if (buffer->other.reals || buffer->other.ids) {
            struct rows now = {buffer->reals, buffer->ids, buffer->counts};
            buffer->reals = buffer->other.reals;
            buffer->ids = buffer->other.ids;
            buffer->counts = buffer->other.counts;
            buffer->other = now;
        }
    }
    storage->window = phase;
}

struct storage *storage_create(const struct training_graph *graph, const struct kernels *kernels,
                               const struct schedule *forward, const struct schedule *backward,
                               uint32_t block_time_steps, bool is_windowed)
{
    struct storage *storage = xcalloc(1, sizeof(*storage));
    uint32_t tensors = graph->graph.tensor_count;
    *storage = (struct storage){.graph = graph,
                                .real_bytes = kernels->real_bytes,
                                .is_strip_major = kernels->is_strip_major,
                                .block_time_steps = block_time_steps,
                                .is_windowed = is_windowed,
                                .window = OP_FORWARD};
    storage->buffers = xcalloc(tensors, sizeof(*storage->buffers));
    storage->buffer_of = xmalloc(tensors * sizeof(uint32_t));
    memset(storage->buffer_of, 0xff, tensors * sizeof(uint32_t));
    storage->places_ahead = xcalloc(tensors, sizeof(uint32_t));
    storage->matrices = xcalloc(tensors, sizeof(*storage->matrices));
    add_buffer(storage, graph->input,
               graph->graph.tensors[graph->input].is_static ? LIFETIME_STEP : LIFETIME_RUN,
               OP_FORWARD, false);
    for (uint32_t i = 0; i < graph->state_count; i++) {
        add_state_buffers(storage, backward, &graph->states[i]);
    }
    for (uint32_t i = 0; i < forward->stage_count; i++) {
        place_outputs(storage, forward, i, OP_FORWARD);
    }
    for (uint32_t i = 0; i < backward->stage_count; i++) {
        place_outputs(storage, backward, i, OP_BACKWARD);
    }
    add_matrices(storage);
    if (is_windowed) {
        add_windows(storage, backward);
    }
    return storage;
}

void storage_destroy(struct storage *storage)
{
    if (!storage) {
        return;
    }
    for (uint32_t i = 0; i < storage->buffer_count; i++) {
        struct buffer *buffer = &storage->buffers[i];
        aligned_destroy(buffer->reals);
        aligned_destroy(buffer->counts);
        aligned_destroy(buffer->is_borrowed ? NULL : buffer->ids);
        aligned_destroy(buffer->other.reals);
        aligned_destroy(buffer->other.ids);
        aligned_destroy(buffer->other.counts);
    }
    for (uint32_t i = 0; i < storage->graph->graph.tensor_count; i++) {
        aligned_destroy(storage->matrices[i].data);
    }
    free(storage->buffers);
    free(storage->buffer_of);
    free(storage->places_ahead);
    free(storage->matrices);
    free(storage);
}

static bool is_bias(const struct storage *storage, uint32_t tensor)
{
    uint32_t layer = tensor_at(storage, tensor)->layer;
    return layer > 0 && storage->graph->layers[layer - 1].bias == tensor;
}

struct view storage_view(const struct storage *storage, uint32_t tensor, uint32_t time_step)
{
    if (tensor != TENSOR_NONE && is_bias(storage, tensor)) { // one row for all samples and steps
        return (struct view){.reals = storage->matrices[tensor].data,
                             .columns = storage->matrices[tensor].columns};
    }
    if (tensor == TENSOR_NONE || storage->buffer_of[tensor] == UINT32_MAX) {
        return (struct view){0};
    }
    const struct buffer *buffer = &storage->buffers[storage->buffer_of[tensor]];
    size_t place = storage->places_ahead[tensor];
    if (buffer->lifetime == LIFETIME_RUN) {
        place += time_step;
    }
    size_t row = place * storage->graph->batch;
    struct view view = {.row_stride = buffer->row_stride, .columns = buffer->columns};
    if (buffer->reals) {
        view.reals = (char *)buffer->reals + row * buffer->row_stride * storage->real_bytes;
    }
    if (buffer->ids) {
        view.ids = buffer->ids + row * buffer->row_stride;
    }
    if (buffer->counts) {
        view.counts = buffer->counts + row * 2;
    }
    if (buffer->lifetime != LIFETIME_STEP) {
        view.time_stride = storage->graph->batch * buffer->row_stride;
    }
    return view;
}

// Copies the rows of a place; from UINT32_MAX: zeros, which are empty lists.
static void fill_place(const struct storage *storage, struct buffer *buffer, uint32_t from,
                       uint32_t to)
{
    size_t batch = storage->graph->batch;
    struct {
        void *memory;
        size_t bytes;
    } parts[] = {{buffer->reals, batch * buffer->row_stride * storage->real_bytes},
                 {buffer->ids, batch * buffer->row_stride * sizeof(uint32_t)},
                 {buffer->counts, batch * 2 * sizeof(uint32_t)}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char *memory = parts[i].memory;
        if (memory && from == UINT32_MAX) {
            memset(memory + to * parts[i].bytes, 0, parts[i].bytes);
        } else if (memory) {
            memcpy(memory + to * parts[i].bytes, memory + from * parts[i].bytes, parts[i].bytes);
        }
    }
}

static void clear_place(struct storage *storage, enum op_phase phase, uint32_t place)
{
    for (uint32_t i = 0; i < storage->buffer_count; i++) {
        struct buffer *buffer = &storage->buffers[i];
        // Place 0 of a buffer for the whole run is never written: it stays zero.
        if (buffer->is_state && buffer->phase == phase && buffer->lifetime != LIFETIME_RUN) {
            fill_place(storage, buffer, UINT32_MAX, buffer->lifetime == LIFETIME_BLOCK ? place : 0);
        }
    }
}

static void copy_place(struct storage *storage, enum op_phase phase, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < storage->buffer_count; i++) {
        struct buffer *buffer = &storage->buffers[i];
        if (buffer->is_state && buffer->phase == phase && buffer->lifetime == LIFETIME_BLOCK) {
            fill_place(storage, buffer, from, to);
        }
    }
}

void storage_clear_states(struct storage *storage, uint32_t place)
{
    clear_place(storage, OP_FORWARD, place);
}

void storage_clear_carries(struct storage *storage, uint32_t time_steps)
{
    clear_place(storage, OP_BACKWARD, time_steps);
}

void storage_pass_states(struct storage *storage, uint32_t time_steps)
{
    copy_place(storage, OP_FORWARD, time_steps, 0);
}

void storage_pass_carries(struct storage *storage, uint32_t time_steps)
{
    copy_place(storage, OP_BACKWARD, 0, time_steps);
}

// The sparse program under a checkpoint plan: rows of a time step become sections that the plan's actions call
// (lower_checkpoint.c). What the plain program keeps of all time steps for the loss is a running sum here (C1),
// or gathered anew in each backward time step (C2). Rows: docs/schedule.md.
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

#define WORD ((uint64_t)EXCHANGE_WORD_BYTES)
#define FORWARD_ROWS (ROW_C1 - ROW_F1 + 1)

// --- what is stored -----------------------------------------------------------------------------
// One tensor of a layer: how many of its kind are in a state, in the history of a time step, and among what a
// backward time step reads of the one before.
struct stored_tensor {
    struct item_range items;
    uint32_t words; // of an item, one of its kind
    uint32_t layer;
    uint32_t in_state, in_history, in_head;
    bool is_float; // and so may be stored as float16
};

#define TENSORS_PER_LAYER 3u // float states, ids, counts

static uint32_t floats_of_before(const struct sparse_lowering *lowering, uint32_t l)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tiles_count_saved(lowering->graph, l); i++) {
        uint32_t tensor = tiles_saved_tensor(lowering->graph, l, i);
        count += tiles_reads_before(lowering->graph, tensor);
    }
    return count;
}

static struct stored_tensor stored_at(const struct sparse_lowering *lowering, uint32_t i)
{
    uint32_t l = 1 + i / TENSORS_PER_LAYER;
    const struct layer_place *layer = sparse_layer(lowering, l);
    if (i % TENSORS_PER_LAYER == 0) {
        return (struct stored_tensor){.items = whole_range(placement_neurons(layer)),
                                      .words = lowering->batch * layer->neurons_per_tile,
                                      .layer = l,
                                      .in_state = tiles_count_states(lowering->graph, l),
                                      .in_history = tiles_count_saved(lowering->graph, l),
                                      .in_head = floats_of_before(lowering, l),
                                      .is_float = true};
    }
    struct spread spread =
        i % TENSORS_PER_LAYER == 1 ? sparse_ids(lowering, l) : sparse_counts(lowering, l);
    bool is_delayed = lowering->is_delayed && l < lowering->layers;
    return (struct stored_tensor){.items = whole_range(spread.map),
                                  .words = spread.words_per_tile,
                                  .layer = l,
                                  .in_state = is_delayed,
                                  .in_history = l < lowering->layers || !lowering->is_on_membranes,
                                  .in_head = is_delayed};
}

static uint32_t stored_count(const struct sparse_lowering *lowering)
{
    return lowering->layers * TENSORS_PER_LAYER;
}

static uint32_t state_bytes(const struct sparse_lowering *lowering)
{
    uint32_t bytes = lowering->training->checkpoints.state_bytes;
    return bytes == 0 ? EXCHANGE_WORD_BYTES : bytes;
}

// Bytes that an item of the tensor has in one stored state.
static uint64_t slot_bytes(const struct sparse_lowering *lowering,
                           const struct stored_tensor *tensor)
{
    uint64_t element_bytes = tensor->is_float ? state_bytes(lowering) : EXCHANGE_WORD_BYTES;
    return tensor->in_state * div_ceil(tensor->words * element_bytes, WORD) * WORD;
}

// Of the chip that has most of it.
static uint64_t most_of_a_chip(const struct sparse_lowering *lowering, bool is_history)
{
    uint64_t most = 0;
    for (uint32_t chip = 0; chip < lowering->placement->chips; chip++) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < stored_count(lowering); i++) {
            struct stored_tensor tensor = stored_at(lowering, i);
            uint64_t item_bytes = is_history ? WORD * tensor.words * tensor.in_history
                                             : slot_bytes(lowering, &tensor);
            bool is_here = sparse_layer(lowering, tensor.layer)->chip == chip;
            bytes += is_here ? item_bytes * tensor.items.count : 0;
        }
        most = max_u64(most, bytes);
    }
    return most;
}

// --- copies of states ---------------------------------------------------------------------------
static void add_float_copy(struct sparse_lowering *lowering, const struct stored_tensor *tensor,
                           bool is_stored)
{
    uint32_t stored_bytes = state_bytes(lowering);
    if (stored_bytes == EXCHANGE_WORD_BYTES) {
        emit_each(lowering->program, CODELET_slice, tensor->items,
                  (struct vertex_sizes){tensor->words, 1, 0, 0}, tensor->layer);
        return;
    }
    struct vertex_group group = {
        .codelet = CODELET_cast,
        .dealing = DEAL_EVEN,
        .place = tensor->items.map,
        .items = tensor->items.count,
        .first_item = tensor->items.first,
        .sizes = {tensor->words, is_stored ? stored_bytes : EXCHANGE_WORD_BYTES},
        .vertices = tensor->items.count,
        .network_layer = tensor->layer};
    group.sizes[SIZE_TYPE] = is_stored ? TYPE_float32 : TYPE_float16;
    program_add_group(lowering->program, &group);
}

// One vertex for each tensor on each of its tiles, in one set: a program of one's own needs no set a tensor.
static void add_copies(struct sparse_lowering *lowering, enum state_copy copy)
{
    bool is_stored = copy == STATE_TO_SLOT || copy == STATE_TO_BUFFER;
    for (uint32_t i = 0; i < stored_count(lowering); i++) {
        struct stored_tensor tensor = stored_at(lowering, i);
        uint32_t count = copy == STATE_TO_HEAD ? tensor.in_head : tensor.in_state;
        for (uint32_t k = 0; k < count; k++) {
            if (tensor.is_float && copy != STATE_TO_HEAD) {
                add_float_copy(lowering, &tensor, is_stored);
            } else {
                emit_each(lowering->program, CODELET_slice, tensor.items,
                          (struct vertex_sizes){tensor.words, 1, 0, 0}, tensor.layer);
            }
        }
    }
}

// The number of the slot, from the first tile of every chip to all that hold states.
static void emit_slot_index(struct sparse_lowering *lowering)
{
    program_begin_compute(lowering->program, "C3 slot counter");
    sparse_count_loops(lowering);
    program_begin_exchange(lowering->program, "C3 slot index");
    for (uint32_t chip = 0; chip < lowering->placement->chips; chip++) {
        uint32_t first = chip * lowering->program->chip_tiles;
        emit_flow(lowering->program, FLOW_BROADCAST, one_tile(first),
                  whole_range(tile_map_range(first, lowering->tiles)), EXCHANGE_WORD_BYTES);
    }
}

// I/O tiles are the last ones of every chip.
static struct item_range io_range(const struct sparse_lowering *lowering, uint32_t l)
{
    return whole_range(tile_map_range(sparse_layer(lowering, l)->chip_tile + lowering->tiles,
                                      lowering->program->chip_tiles - lowering->tiles));
}

static void emit_io_exchange(struct sparse_lowering *lowering, bool is_history, bool is_to_io)
{
    program_begin_exchange(lowering->program, is_to_io ? "C4 to I/O tiles" : "C4 from I/O tiles");
    for (uint32_t i = 0; i < stored_count(lowering); i++) {
        struct stored_tensor tensor = stored_at(lowering, i);
        struct item_range io = io_range(lowering, tensor.layer);
        uint64_t bytes = tensor.items.count * (is_history ? WORD * tensor.words * tensor.in_history
                                                          : slot_bytes(lowering, &tensor));
        if (bytes > 0) {
            emit_flow(lowering->program, FLOW_REDISTRIBUTE, is_to_io ? tensor.items : io,
                      is_to_io ? io : tensor.items, bytes);
        }
    }
}

static void emit_history_exchange(void *context, bool is_to_io)
{
    emit_io_exchange(context, true, is_to_io);
}

static void emit_copy(void *context, enum state_copy copy)
{
    struct sparse_lowering *lowering = context;
    bool converts = state_bytes(lowering) != EXCHANGE_WORD_BYTES;
    bool is_slot = copy == STATE_TO_SLOT || copy == STATE_FROM_SLOT;
    bool is_buffer = copy == STATE_TO_BUFFER || copy == STATE_FROM_BUFFER;
    bool has_io = is_buffer && lowering->config->streaming == STREAMING_IO_TILES;
    if (is_slot) {
        emit_slot_index(lowering);
    }
    if (has_io && copy == STATE_FROM_BUFFER) {
        emit_io_exchange(lowering, false, false);
    }
    if (!has_io || converts) { // else words lie where the exchange reads or writes them
        static const char *const names[STATE_COPIES] = {"C3 save state", "C3 restore state",
                                                        "C4 fill buffer", "C4 empty buffer",
                                                        "C5 keep the state before"};
        program_begin_compute(lowering->program, names[copy]);
        add_copies(lowering, copy);
    }
    if (has_io && copy == STATE_TO_BUFFER) {
        emit_io_exchange(lowering, false, true);
    }
}

// --- the loss, a time step at a time ------------------------------------------------------------
static void add_output_scatter(struct sparse_lowering *lowering, enum record_list list,
                               uint32_t cleared_words)
{
    struct item_range samples = sparse_loss_samples(lowering);
    program_add_group(lowering->program, &(struct vertex_group){.codelet = CODELET_scatter_ids,
                                                                .dealing = DEAL_SEGMENTS,
                                                                .place = samples.map,
                                                                .items = samples.count,
                                                                .sizes = {cleared_words},
                                                                .vertices = 1,
                                                                .parts = 1,
                                                                .list = list,
                                                                .layer = lowering->layers,
                                                                .network_layer = lowering->layers});
}

static void emit_output_ids(struct sparse_lowering *lowering, enum sparse_row row, const char *name)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    sparse_exchange(lowering, row, name);
    emit_flow(lowering->program, FLOW_REDISTRIBUTE,
              whole_range(sparse_ids(lowering, lowering->layers).map),
              sparse_loss_samples(lowering), WORD * lowering->batch * (output->slots + 1));
}

static bool returns_spikes(const struct sparse_lowering *lowering)
{
    return lowering->config->host_output == HOST_OUTPUT_SPIKES;
}

// The output's ids and counts of all time steps, if the host wants them.
static void emit_returned_spikes(struct sparse_lowering *lowering)
{
    struct spread tensors[2] = {sparse_ids(lowering, lowering->layers),
                                sparse_counts(lowering, lowering->layers)};
    for (uint32_t i = 0; i < 2; i++) {
        sparse_index_broadcast(lowering, ROW_C1, whole_range(tensors[i].map), "C1 index");
        sparse_compute(lowering, ROW_C1, "C1 save output spikes");
        emit_each(lowering->program, CODELET_slice, whole_range(tensors[i].map),
                  (struct vertex_sizes){tensors[i].words_per_tile, 1, 0, 0}, lowering->layers);
    }
}

void sparse_emit_spike_count(struct sparse_lowering *lowering)
{
    uint32_t neurons = sparse_layer(lowering, lowering->layers)->neurons;
    lowering->first_layer = lowering->last_layer = lowering->layers;
    if (returns_spikes(lowering)) {
        emit_returned_spikes(lowering);
    }
    if (lowering->is_on_membranes) {
        return; // summed by the neuron update
    }
    emit_output_ids(lowering, ROW_C1, "C1 output ids to sample tiles");
    sparse_compute(lowering, ROW_C1, "C1 output spikes to dense");
    add_output_scatter(lowering, LIST_SPIKES, neurons);
    sparse_compute(lowering, ROW_C1, "C1 count spikes");
    emit_each(lowering->program, CODELET_elementwise, sparse_loss_samples(lowering),
              (struct vertex_sizes){neurons, 2, 1, 0}, lowering->layers);
}

void sparse_emit_output_gradient(struct sparse_lowering *lowering)
{
    const struct layer_place *output = sparse_layer(lowering, lowering->layers);
    lowering->first_layer = lowering->last_layer = lowering->layers;
    emit_output_ids(lowering, ROW_C2, "C2 output ids to sample tiles");
    sparse_compute(lowering, ROW_C2, "C2 gradient at listed ids");
    add_output_scatter(lowering, LIST_LISTED, output->slots);
    sparse_exchange(lowering, ROW_C2, "C2 output gradient to its tiles");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE, sparse_loss_samples(lowering),
              whole_range(sparse_ids(lowering, lowering->layers).map),
              WORD * lowering->batch * output->slots);
    lowering->first_layer = 1;
}

// --- sections -----------------------------------------------------------------------------------
// Rows of a forward time step are in up to four sections, and so are variables that live in such rows alone.
struct section_rows {
    struct step_span *spans[SECTION_COUNT]; // owned; [FORWARD_ROWS][layers + 1]; NULL: none
};

struct checkpointing {
    struct sparse_lowering *lowering;
    struct section_rows rows;
};

static size_t forward_rows_bytes(const struct sparse_lowering *lowering)
{
    return (size_t)FORWARD_ROWS * (lowering->layers + 1) * sizeof(struct step_span);
}

static void emit_forward(struct checkpointing *checkpointing, enum checkpoint_section section)
{
    struct sparse_lowering *lowering = checkpointing->lowering;
    size_t bytes = forward_rows_bytes(lowering);
    lowering->keeps_history = section == SECTION_FORWARD_KEPT || section == SECTION_AGAIN_KEPT;
    lowering->is_first_run = section == SECTION_FORWARD || section == SECTION_FORWARD_KEPT;
    memset(sparse_span(lowering, ROW_F1, 0), 0, bytes);
    sparse_emit_forward_step(lowering);
    if (lowering->is_first_run) {
        sparse_emit_spike_count(lowering);
    }
    checkpointing->rows.spans[section] = xmalloc(bytes);
    memcpy(checkpointing->rows.spans[section], sparse_span(lowering, ROW_F1, 0), bytes);
}

static void emit_rows(void *context, enum checkpoint_section section)
{
    struct checkpointing *checkpointing = context;
    struct sparse_lowering *lowering = checkpointing->lowering;
    if (checkpoint_is_forward(section)) {
        emit_forward(checkpointing, section);
    } else if (section == SECTION_START) {
        sparse_emit_start(lowering);
        sparse_emit_analog_input(lowering);
    } else if (section == SECTION_LOSS) {
        sparse_emit_middle(lowering);
    } else if (section == SECTION_BACKWARD) {
        sparse_emit_backward_step(lowering);
    } else {
        sparse_emit_analog_gradient(lowering);
        sparse_emit_end(lowering);
    }
}

static void emit_copy_of(void *context, enum state_copy copy)
{
    emit_copy(((struct checkpointing *)context)->lowering, copy);
}

static void emit_history_exchange_of(void *context, bool is_to_io)
{
    emit_history_exchange(((struct checkpointing *)context)->lowering, is_to_io);
}

// --- variables ----------------------------------------------------------------------------------
// All of them, with the rows of the first forward section; then what lives in the others' rows alone.
static void add_variables(struct checkpointing *checkpointing)
{
    struct sparse_lowering *lowering = checkpointing->lowering;
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        struct step_span *rows = checkpointing->rows.spans[i];
        if (rows == NULL) {
            continue;
        }
        memcpy(sparse_span(lowering, ROW_F1, 0), rows, forward_rows_bytes(lowering));
        sparse_add_variables(lowering);
        const struct checkpoint_span *others = lowering->schedule->spans;
        free(rows);
        checkpointing->rows.spans[i] = NULL;
        // the next forward section
        uint32_t next = i + 1;
        while (next < SECTION_COUNT && checkpointing->rows.spans[next] == NULL) {
            next++;
        }
        if (next < SECTION_COUNT) {
            lowering->only_within = (struct step_span){
                .first = others[next].first, .last = others[next].last, .is_used = true};
        }
    }
}

static struct checkpoint_span kept_span(const struct sparse_lowering *lowering)
{
    bool is_first = lowering->schedule->spans[SECTION_FORWARD_KEPT].is_used;
    return checkpoint_between(lowering->schedule, is_first ? SECTION_FORWARD_KEPT : SECTION_HEAD,
                              SECTION_BACKWARD);
}

static void add_stored(struct sparse_lowering *lowering, const char *name,
                       const struct stored_tensor *tensor, uint64_t bytes,
                       struct checkpoint_span span)
{
    if (bytes > 0) {
        sparse_add_variable(lowering, (struct variable_text){name, VARIABLE_HISTORY, tensor->layer},
                            tensor->items, bytes, span.first, span.last);
    }
}

static void add_histories(struct sparse_lowering *lowering, const struct stored_tensor *tensor)
{
    const struct checkpoint_plan *plan = lowering->plan;
    const struct checkpoint_schedule *schedule = lowering->schedule;
    struct checkpoint_span kept = kept_span(lowering);
    uint64_t step_bytes = WORD * tensor->words * tensor->in_history;
    struct checkpoint_span slots = checkpoint_between(
        schedule, schedule->saves_before_loss ? SECTION_FORWARD : SECTION_SAVE, SECTION_BACKWARD);
    bool has_room_to_stream = plan_measure(plan).history_puts > 0 &&
                              lowering->config->streaming == STREAMING_DOUBLE_BUFFERED;
    add_stored(lowering, tensor->is_float ? "state history" : "spike history", tensor,
               step_bytes * plan->history_steps, kept);
    add_stored(lowering, tensor->is_float ? "state history in flight" : "spike history in flight",
               tensor, has_room_to_stream ? step_bytes : 0, kept);
    add_stored(lowering,
               tensor->is_float ? "states before the history" : "spikes before the history", tensor,
               WORD * tensor->words * tensor->in_head, kept);
    add_stored(lowering, tensor->is_float ? "state slots" : "spike slots", tensor,
               slot_bytes(lowering, tensor) * plan->slots, slots);
}

// Where states are streamed from and to: beside the states themselves if they go on changing, or are stored in
// another form. In an I/O tile's SRAM the share of it.
struct buffer_kind {
    const char *name;
    bool is_used;
    struct checkpoint_span span;
};

static void add_buffer(struct sparse_lowering *lowering, const struct buffer_kind *kind,
                       bool is_history, bool has_io)
{
    for (uint32_t i = 0; i < stored_count(lowering) && kind->is_used; i++) {
        struct stored_tensor tensor = stored_at(lowering, i);
        uint64_t bytes =
            is_history ? WORD * tensor.words * tensor.in_history : slot_bytes(lowering, &tensor);
        if (has_io) {
            uint64_t words = div_ceil(bytes, WORD) * tensor.items.count;
            tensor.items = io_range(lowering, tensor.layer);
            bytes = WORD * div_ceil(words, tensor.items.count);
        }
        add_stored(lowering, kind->name, &tensor, bytes, kind->span);
    }
}

static void add_buffers(struct sparse_lowering *lowering)
{
    const struct checkpoint_schedule *schedule = lowering->schedule;
    enum streaming_kind streaming = lowering->config->streaming;
    struct plan_cost cost = plan_measure(lowering->plan);
    bool converts = state_bytes(lowering) != EXCHANGE_WORD_BYTES;
    bool has_io = streaming == STREAMING_IO_TILES;
    bool is_ahead = streaming != STREAMING_BLOCKING;
    bool is_history = cost.history_puts > 0;
    struct checkpoint_span out = checkpoint_between(schedule, SECTION_FORWARD, SECTION_GET_START);
    struct checkpoint_span in = checkpoint_between(schedule, SECTION_GET_START, SECTION_BACKWARD);
    struct checkpoint_span put = schedule->spans[SECTION_PUT];
    struct checkpoint_span get = checkpoint_between(schedule, SECTION_GET, SECTION_GET_LAST);
    bool has_beside = is_history ? has_io : cost.puts > 0 && is_ahead;
    struct buffer_kind beside[] = {{"buffer of puts", has_beside, out},
                                   {"buffer of gets", has_beside, in}};
    // in the stored form, for as long as it is converted: with double buffers these are the buffers
    bool has_form = cost.puts > 0 && converts && streaming != STREAMING_DOUBLE_BUFFERED;
    struct buffer_kind forms[] = {{"state to put", has_form, put},
                                  {"state that was got", has_form, get}};
    for (uint32_t i = 0; i < 2; i++) {
        add_buffer(lowering, &beside[i], is_history, has_io);
        add_buffer(lowering, &forms[i], false, false);
    }
}

// Input ids of all time steps stay: 4 B (S_0 + 1) bytes of a time step, over all tiles.
static void add_input(struct sparse_lowering *lowering)
{
    struct spread tensors[2] = {sparse_ids(lowering, 0), sparse_counts(lowering, 0)};
    for (uint32_t i = 0; i < 2 && !lowering->is_analog; i++) {
        struct item_range items = whole_range(tensors[i].map);
        uint64_t bytes = WORD * tensors[i].words_per_tile * lowering->time_steps;
        uint32_t cast = sparse_span(lowering, ROW_CAST_IN, 0)->first;
        sparse_add_variable(lowering,
                            (struct variable_text){"input spikes, floats", VARIABLE_HISTORY, 0},
                            items, bytes, sparse_span(lowering, ROW_HOST_IN, 0)->first, cast);
        sparse_add_variable(lowering, (struct variable_text){"input spikes", VARIABLE_HISTORY, 0},
                            items, bytes, cast, sparse_span(lowering, ROW_BACKWARD_LOOP, 0)->last);
    }
}

static void add_loss(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    const struct layer_place *output = sparse_layer(lowering, l);
    struct item_range samples = sparse_loss_samples(lowering);
    uint64_t row_bytes = WORD * output->neurons;
    const struct step_span *count = sparse_span(lowering, ROW_C1, l);
    const struct step_span *gather = sparse_span(lowering, ROW_C2, l);
    const struct step_span *loss = sparse_span(lowering, ROW_LOSS, 0);
    if (lowering->is_on_membranes) {
        return; // neurons have the sum, and its gradient
    }
    sparse_add_variable(lowering, (struct variable_text){"spike counts", VARIABLE_STATE, l},
                        samples, row_bytes, sparse_span(lowering, ROW_ZERO_STATES, 0)->first,
                        loss->last);
    sparse_add_variable(
        lowering, (struct variable_text){"gradient of the logits", VARIABLE_STATE, l}, samples,
        row_bytes, loss->first, sparse_span(lowering, ROW_BACKWARD_LOOP, 0)->last);
    sparse_add_variable(lowering, (struct variable_text){"output ids (C2)", VARIABLE_EXCHANGE, l},
                        samples, WORD * (output->slots + 1), gather->first, gather->last);
    sparse_add_variable(lowering,
                        (struct variable_text){"output gradient at ids", VARIABLE_SCRATCH, l},
                        samples, WORD * output->slots, gather->first, gather->last);
    if (!count->is_used) {
        return; // this section runs time steps again
    }
    sparse_add_variable(lowering, (struct variable_text){"output ids (C1)", VARIABLE_EXCHANGE, l},
                        samples, WORD * (output->slots + 1), count->first, count->last);
    sparse_add_variable(lowering,
                        (struct variable_text){"output spikes, dense", VARIABLE_SCRATCH, l},
                        samples, row_bytes, count->first, count->last);
}

static void add_returned_spikes(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    struct spread tensors[2] = {sparse_ids(lowering, l), sparse_counts(lowering, l)};
    for (uint32_t i = 0; i < 2 && returns_spikes(lowering); i++) {
        sparse_add_variable(
            lowering, (struct variable_text){"output spikes for the host", VARIABLE_HISTORY, l},
            whole_range(tensors[i].map), WORD * tensors[i].words_per_tile * lowering->time_steps,
            sparse_span(lowering, ROW_FORWARD_LOOP, 0)->first,
            sparse_span(lowering, ROW_HOST_OUT, 0)->last);
    }
}

void sparse_add_checkpoint_variables(struct sparse_lowering *lowering)
{
    for (uint32_t i = 0; i < stored_count(lowering); i++) {
        struct stored_tensor tensor = stored_at(lowering, i);
        add_histories(lowering, &tensor);
    }
    add_buffers(lowering);
    add_input(lowering);
    add_loss(lowering);
    add_returned_spikes(lowering);
}

// --- the program --------------------------------------------------------------------------------
static bool reads_before(const struct sparse_lowering *lowering)
{
    for (uint32_t i = 0; i < stored_count(lowering); i++) {
        if (stored_at(lowering, i).in_head > 0) {
            return true;
        }
    }
    return false;
}

static void note_loops(struct sparse_lowering *lowering)
{
    struct checkpoint_span forward =
        checkpoint_between(lowering->schedule, SECTION_FORWARD, SECTION_AGAIN_KEPT);
    struct checkpoint_span backward = lowering->schedule->spans[SECTION_BACKWARD];
    *sparse_span(lowering, ROW_FORWARD_LOOP, 0) =
        (struct step_span){.first = forward.first, .last = forward.last, .is_used = true};
    *sparse_span(lowering, ROW_BACKWARD_LOOP, 0) =
        (struct step_span){.first = backward.first, .last = backward.last, .is_used = true};
}

void sparse_emit_checkpointed(struct sparse_lowering *lowering)
{
    struct checkpoint_plan *plan =
        plan_create(&lowering->training->checkpoints, lowering->time_steps);
    struct checkpointing checkpointing = {.lowering = lowering};
    lowering->plan = plan;
    struct checkpoint_form form = {.lowering = &checkpointing,
                                   .program = lowering->program,
                                   .streaming = lowering->config->streaming,
                                   .reads_before = reads_before(lowering),
                                   .converts = state_bytes(lowering) != EXCHANGE_WORD_BYTES,
                                   .state_bytes = most_of_a_chip(lowering, false),
                                   .history_bytes = most_of_a_chip(lowering, true),
                                   .emit_rows = emit_rows,
                                   .emit_copy = emit_copy_of,
                                   .emit_history_exchange = emit_history_exchange_of};
    struct checkpoint_schedule *schedule = checkpoint_schedule_create(plan, &form);
    lowering->schedule = schedule;
    checkpoint_schedule_emit(schedule, &form);
    note_loops(lowering);
    add_variables(&checkpointing);
    checkpoint_schedule_destroy(schedule);
    plan_destroy(plan);
}

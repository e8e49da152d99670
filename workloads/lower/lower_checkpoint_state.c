// Convention: bytes are those of one item of a tensor, rounded up to words.
#include "workloads/lower/lower_checkpoint_state.h"

#include <stdio.h>

#include "sim/err.h"
#include "sim/units.h"

#define WORD ((uint64_t)EXCHANGE_WORD_BYTES)

enum stored_part { PART_STATE, PART_HISTORY, PART_HEAD };

static uint32_t count_in(const struct stored_tensor *tensor, enum stored_part part)
{
    return part == PART_STATE     ? tensor->in_state
           : part == PART_HISTORY ? tensor->in_history
                                  : tensor->in_head;
}

static uint64_t part_bytes(const struct stored_state *state, const struct stored_tensor *tensor,
                           enum stored_part part)
{
    uint64_t words = tensor->words;
    if (tensor->kind == STORED_SPIKES && state->packs_spikes) {
        words = div_ceil(tensor->elements, 8 * WORD);
    } else if (tensor->kind == STORED_FLOATS && part == PART_STATE) {
        words = div_ceil((uint64_t)tensor->elements * state->float_bytes, WORD);
    }
    return WORD * words * count_in(tensor, part);
}

static uint32_t chip_of(const struct stored_state *state, const struct stored_tensor *tensor)
{
    return tile_map_at(&tensor->items.map, tensor->items.first) / state->program->chip_tiles;
}

static uint64_t most_of_a_chip(const struct stored_state *state, enum stored_part part)
{
    uint64_t most = 0;
    for (uint32_t chip = 0; chip < state->program->chips; chip++) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < state->tensor_count; i++) {
            const struct stored_tensor *tensor = &state->tensors[i];
            if (chip_of(state, tensor) == chip) {
                bytes += part_bytes(state, tensor, part) * tensor->items.count;
            }
        }
        most = max_u64(most, bytes);
    }
    return most;
}

uint64_t stored_state_bytes(const struct stored_state *state)
{
    return most_of_a_chip(state, PART_STATE);
}

uint64_t stored_history_bytes(const struct stored_state *state)
{
    return most_of_a_chip(state, PART_HISTORY);
}

bool stored_reads_before(const struct stored_state *state)
{
    return most_of_a_chip(state, PART_HEAD) > 0;
}

bool stored_converts(const struct stored_state *state)
{
    bool has_other_form = state->float_bytes != EXCHANGE_WORD_BYTES;
    for (uint32_t i = 0; i < state->tensor_count; i++) {
        const struct stored_tensor *tensor = &state->tensors[i];
        has_other_form |=
            tensor->kind == STORED_SPIKES && tensor->in_state > 0 && state->packs_spikes;
    }
    return has_other_form;
}

// --- copies -------------------------------------------------------------------------------------
static void add_cast(const struct stored_state *state, const struct stored_tensor *tensor,
                     bool is_stored)
{
    struct vertex_group group = {
        .codelet = CODELET_cast,
        .dealing = DEAL_EVEN,
        .place = tensor->items.map,
        .items = tensor->items.count,
        .first_item = tensor->items.first,
        .sizes = {tensor->elements, is_stored ? state->float_bytes : EXCHANGE_WORD_BYTES},
        .vertices = tensor->items.count,
        .network_layer = tensor->layer};
    group.sizes[SIZE_TYPE] = is_stored ? TYPE_float32 : TYPE_float16;
    program_add_group(state->program, &group);
}

// Between an element and a bit of a word: a load, a shift and an or; a shift, an and and a store.
// The word itself is loaded or stored once for 32 elements: left out. A guess: no such codelet was
// measured.
void stored_add_packing(struct program *program, struct item_range items, uint32_t elements,
                        bool is_stored, uint32_t layer)
{
    emit_each(program, CODELET_fused_elementwise, items,
              (struct vertex_sizes){elements, is_stored, !is_stored, 2}, layer);
}

static void add_slice(const struct stored_state *state, const struct stored_tensor *tensor)
{
    emit_each(state->program, CODELET_slice, tensor->items,
              (struct vertex_sizes){tensor->words, 1, 0, 0}, tensor->layer);
}

static void add_copy(const struct stored_state *state, const struct stored_tensor *tensor,
                     bool is_stored)
{
    if (tensor->kind == STORED_SPIKES && state->packs_spikes) {
        stored_add_packing(state->program, tensor->items, tensor->elements, is_stored,
                           tensor->layer);
    } else {
        add_slice(state, tensor);
    }
}

// One vertex for each tensor on each of its tiles, in one set: a program of one's own needs no set
// a tensor.
static void add_copies(const struct stored_state *state, enum state_copy copy)
{
    bool is_stored = copy != STATE_FROM_SLOT && copy != STATE_FROM_BUFFER;
    enum stored_part part = copy == STATE_TO_HEAD ? PART_HEAD : PART_STATE;
    for (uint32_t i = 0; i < state->tensor_count; i++) {
        const struct stored_tensor *tensor = &state->tensors[i];
        bool is_cast = tensor->kind == STORED_FLOATS && part == PART_STATE &&
                       state->float_bytes != EXCHANGE_WORD_BYTES;
        for (uint32_t k = 0; k < count_in(tensor, part); k++) {
            if (is_cast) {
                add_cast(state, tensor, is_stored);
            } else {
                add_copy(state, tensor, is_stored);
            }
        }
    }
}

// The number of the slot, from the first tile of every chip to all that hold states.
static void emit_slot_index(const struct stored_state *state)
{
    struct program *program = state->program;
    program_begin_compute(program, "C3 slot counter");
    for (uint32_t chip = 0; chip < program->chips; chip++) {
        emit_each(program, CODELET_loop_counter, one_tile(chip * program->chip_tiles),
                  (struct vertex_sizes){0, 0, 0, 0}, 0);
    }
    program_begin_exchange(program, "C3 slot index");
    for (uint32_t chip = 0; chip < program->chips; chip++) {
        uint32_t first = chip * program->chip_tiles;
        emit_flow(program, FLOW_BROADCAST, one_tile(first),
                  whole_range(tile_map_range(first, state->tiles)), EXCHANGE_WORD_BYTES);
    }
}

// I/O tiles are the last ones of every chip.
static struct item_range io_range(const struct stored_state *state,
                                  const struct stored_tensor *tensor)
{
    uint32_t chip_tiles = state->program->chip_tiles;
    return whole_range(tile_map_range(chip_of(state, tensor) * chip_tiles + state->tiles,
                                      chip_tiles - state->tiles));
}

static void emit_io_exchange(const struct stored_state *state, enum stored_part part, bool is_to_io)
{
    program_begin_exchange(state->program, is_to_io ? "C4 to I/O tiles" : "C4 from I/O tiles");
    for (uint32_t i = 0; i < state->tensor_count; i++) {
        const struct stored_tensor *tensor = &state->tensors[i];
        struct item_range io = io_range(state, tensor);
        uint64_t bytes = tensor->items.count * part_bytes(state, tensor, part);
        if (bytes > 0) {
            emit_flow(state->program, FLOW_REDISTRIBUTE, is_to_io ? tensor->items : io,
                      is_to_io ? io : tensor->items, bytes);
        }
    }
}

void stored_emit_history_exchange(const struct stored_state *state, bool is_to_io)
{
    emit_io_exchange(state, PART_HISTORY, is_to_io);
}

void stored_emit_copy(const struct stored_state *state, enum state_copy copy)
{
    static const char *const names[STATE_COPIES] = {"C3 save state", "C3 restore state",
                                                    "C4 fill buffer", "C4 empty buffer",
                                                    "C5 keep the state before"};
    bool is_buffer = copy == STATE_TO_BUFFER || copy == STATE_FROM_BUFFER;
    bool has_io = is_buffer && state->streaming == STREAMING_IO_TILES;
    if (copy == STATE_TO_SLOT || copy == STATE_FROM_SLOT) {
        emit_slot_index(state);
    }
    if (has_io && copy == STATE_FROM_BUFFER) {
        emit_io_exchange(state, PART_STATE, false);
    }
    if (!has_io ||
        stored_converts(state)) { // else the exchange reads and writes words where they are
        program_begin_compute(state->program, names[copy]);
        add_copies(state, copy);
    }
    if (has_io && copy == STATE_TO_BUFFER) {
        emit_io_exchange(state, PART_STATE, true);
    }
}

// --- variables ----------------------------------------------------------------------------------
static void add_variable(const struct stored_state *state, const struct stored_tensor *tensor,
                         const char *text, uint64_t bytes, struct step_span span)
{
    if (bytes == 0) {
        return;
    }
    char name[64];
    snprintf(name, sizeof(name), "layer %u %s", tensor->layer, text);
    program_add_variable(state->program, &(struct variable){.name = name,
                                                            .role = VARIABLE_HISTORY,
                                                            .place = tensor->items.map,
                                                            .first_item = tensor->items.first,
                                                            .items = tensor->items.count,
                                                            .bytes_per_item = bytes,
                                                            .first_step = span.first,
                                                            .last_step = span.last});
}

static void add_kept(const struct stored_state *state, const struct checkpoint_schedule *schedule,
                     const struct stored_tensor *tensor)
{
    bool is_kept_at_once = schedule->spans[SECTION_FORWARD_KEPT].is_used;
    struct step_span kept = checkpoint_between(
        schedule, is_kept_at_once ? SECTION_FORWARD_KEPT : SECTION_HEAD, SECTION_BACKWARD);
    struct step_span slots = checkpoint_between(
        schedule, schedule->saves_before_loss ? SECTION_FORWARD : SECTION_SAVE, SECTION_BACKWARD);
    bool is_float = tensor->kind == STORED_FLOATS;
    bool has_more = schedule->spans[SECTION_PUT_HISTORY].is_used &&
                    state->streaming == STREAMING_DOUBLE_BUFFERED;
    uint64_t step_bytes = part_bytes(state, tensor, PART_HISTORY);
    add_variable(state, tensor, is_float ? "state history" : "spike history",
                 step_bytes * schedule->plan->history_steps, kept);
    add_variable(state, tensor, is_float ? "state history in flight" : "spike history in flight",
                 has_more ? step_bytes : 0, kept);
    add_variable(state, tensor,
                 is_float ? "states before the history" : "spikes before the history",
                 part_bytes(state, tensor, PART_HEAD), kept);
    add_variable(state, tensor, is_float ? "state slots" : "spike slots",
                 part_bytes(state, tensor, PART_STATE) * schedule->plan->slots, slots);
}

// From where words are streamed, and to where, if not the variables themselves.
struct buffer {
    const char *name;
    bool is_used, is_on_io;
    enum stored_part part;
    struct step_span span;
};

static void add_buffer(const struct stored_state *state, const struct buffer *buffer)
{
    for (uint32_t i = 0; i < state->tensor_count && buffer->is_used; i++) {
        struct stored_tensor tensor = state->tensors[i];
        uint64_t bytes = part_bytes(state, &tensor, buffer->part);
        if (buffer->is_on_io) {
            uint64_t words = bytes / WORD * tensor.items.count;
            tensor.items = io_range(state, &tensor);
            bytes = WORD * div_ceil(words, tensor.items.count);
        }
        add_variable(state, &tensor, buffer->name, bytes, buffer->span);
    }
}

// Beside other work: what goes out may change in the meantime, and what comes in is not wanted yet.
static void add_buffers_beside(const struct stored_state *state,
                               const struct checkpoint_schedule *schedule)
{
    bool is_on_io = state->streaming == STREAMING_IO_TILES;
    bool puts_states = schedule->spans[SECTION_PUT].is_used;
    bool puts_histories = schedule->spans[SECTION_PUT_HISTORY].is_used && is_on_io;
    bool is_used = state->streaming != STREAMING_BLOCKING && (puts_states || puts_histories);
    enum stored_part part = puts_states ? PART_STATE : PART_HISTORY;
    struct step_span out = checkpoint_between(schedule, SECTION_FORWARD, SECTION_GET_START);
    struct step_span in = checkpoint_between(schedule, SECTION_GET_START, SECTION_BACKWARD);
    add_buffer(state, &(struct buffer){"buffer of puts", is_used, is_on_io, part, out});
    add_buffer(state, &(struct buffer){"buffer of gets", is_used, is_on_io, part, in});
}

// A state in its stored form, as long as it is converted. With double buffers those have it.
static void add_buffers_of_form(const struct stored_state *state,
                                const struct checkpoint_schedule *schedule)
{
    bool is_used = schedule->spans[SECTION_PUT].is_used && stored_converts(state) &&
                   state->streaming != STREAMING_DOUBLE_BUFFERED;
    struct step_span put = schedule->spans[SECTION_PUT];
    struct step_span get = checkpoint_between(schedule, SECTION_GET, SECTION_GET_LAST);
    add_buffer(state, &(struct buffer){"state to put", is_used, false, PART_STATE, put});
    add_buffer(state, &(struct buffer){"state that was got", is_used, false, PART_STATE, get});
}

void stored_add_variables(const struct stored_state *state,
                          const struct checkpoint_schedule *schedule)
{
    for (uint32_t i = 0; i < state->tensor_count; i++) {
        add_kept(state, schedule, &state->tensors[i]);
    }
    add_buffers_beside(state, schedule);
    add_buffers_of_form(state, schedule);
}

#include "workloads/run/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"
#include "workloads/run/float16.h"

#define ROW_ALIGNMENT \
    sizeof(double) // bytes; of the rows of a snapshot: their elements are read in place

// --- formats ------------------------------------------------------------------------------------
static size_t bits_bytes(uint32_t bits)
{
    return (bits + 7) / 8;
}

static size_t stored_real_bytes(const struct snapshot_format *format)
{
    return format->is_half ? sizeof(uint16_t) : format->storage->real_bytes;
}

static size_t field_row_bytes(const struct snapshot_format *format,
                              const struct snapshot_field *field)
{
    const struct buffer *buffer = &format->storage->buffers[field->buffer];
    if (!field->is_spikes) {
        return buffer->columns * stored_real_bytes(format);
    }
    if (format->has_packed_spikes) {
        return bits_bytes(field->neurons) + (buffer->ids ? bits_bytes(buffer->columns) : 0);
    }
    return buffer->ids ? (2 + (size_t)buffer->columns) * sizeof(uint32_t)
                       : buffer->columns * format->storage->real_bytes;
}

// Adds a tensor of the forward pass, unless it is there already.
static void add_field(struct snapshot_format *format, uint32_t tensor)
{
    const struct storage *storage = format->storage;
    const struct tensor *shape = &storage->graph->graph.tensors[tensor];
    struct snapshot_field field = {.buffer = storage->buffer_of[tensor],
                                   .ahead = storage->places_ahead[tensor],
                                   .neurons = shape->columns,
                                   .is_spikes = shape->type == TENSOR_SPIKES};
    for (uint32_t i = 0; i < format->field_count; i++) {
        if (format->fields[i].buffer == field.buffer && format->fields[i].ahead == field.ahead) {
            return;
        }
    }
    SIM_ASSERT(storage->buffers[field.buffer].lifetime == LIFETIME_BLOCK,
               "%s is not kept for a block", shape->name);
    field.row_bytes = div_ceil(field_row_bytes(format, &field), ROW_ALIGNMENT) * ROW_ALIGNMENT;
    format->bytes += storage->graph->batch * field.row_bytes;
    format->fields = xrealloc(format->fields, (format->field_count + 1) * sizeof(*format->fields));
    format->fields[format->field_count++] = field;
}

struct snapshot_format snapshot_format_state(const struct storage *storage,
                                             struct snapshot_options options)
{
    struct snapshot_format format = {.storage = storage,
                                     .has_packed_spikes = options.has_packed_spikes,
                                     .is_half = options.is_half};
    for (uint32_t i = 0; i < storage->graph->state_count; i++) {
        if (i != storage->graph->logits_state) {
            add_field(&format, storage->graph->states[i].in);
        }
    }
    return format;
}

struct snapshot_format snapshot_format_history(const struct storage *storage,
                                               const struct schedule *backward,
                                               struct snapshot_options options)
{
    struct snapshot_format format = {.storage = storage,
                                     .has_packed_spikes = options.has_packed_spikes,
                                     .is_half = options.is_half};
    for (uint32_t i = 0; i < backward->stage_count; i++) {
        const uint32_t *inputs;
        uint32_t count;
        stage_inputs(storage->graph, &backward->stages[i], &inputs, &count);
        for (uint32_t k = 0; k < count; k++) {
            bool is_stored = inputs[k] != TENSOR_NONE && inputs[k] != storage->graph->input &&
                             storage->buffer_of[inputs[k]] != UINT32_MAX;
            if (is_stored && storage->buffers[storage->buffer_of[inputs[k]]].phase == OP_FORWARD) {
                add_field(&format, inputs[k]);
            }
        }
    }
    return format;
}

void snapshot_format_free(struct snapshot_format *format)
{
    free(format->fields);
    *format = (struct snapshot_format){0};
}

// --- rows ---------------------------------------------------------------------------------------
static bool get_bit(const uint8_t *bits, uint32_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static void set_bit(uint8_t *bits, uint32_t i)
{
    bits[i / 8] |= (uint8_t)(1u << i % 8);
}

static float real_at(const void *reals, uint32_t real_bytes, size_t i)
{
    return real_bytes == sizeof(float) ? ((const float *)reals)[i]
                                       : (float)((const double *)reals)[i];
}

static void write_real(void *reals, uint32_t real_bytes, size_t i, float value)
{
    if (real_bytes == sizeof(float)) {
        ((float *)reals)[i] = value;
    } else {
        ((double *)reals)[i] = (double)value;
    }
}

static void round_reals(const void *reals, uint32_t real_bytes, size_t count, uint16_t *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = float16_bits(float16_round(real_at(reals, real_bytes, i)));
    }
}

static void pack_values(const void *values, uint32_t real_bytes, uint32_t neurons, uint8_t *bits)
{
    memset(bits, 0, bits_bytes(neurons));
    for (uint32_t n = 0; n < neurons; n++) {
        if (real_at(values, real_bytes, n) > 0.0f) {
            set_bit(bits, n);
        }
    }
}

static void unpack_values(const uint8_t *bits, uint32_t neurons, void *values, uint32_t real_bytes)
{
    for (uint32_t n = 0; n < neurons; n++) {
        write_real(values, real_bytes, n, get_bit(bits, n) ? 1.0f : 0.0f);
    }
}

// Both parts of a list are ascending: which neurons are listed, and which of these spiked, says
// all.
static void pack_list(const uint32_t *ids, const uint32_t counts[2], uint32_t neurons,
                      uint32_t slots, uint8_t *listed)
{
    uint8_t *spiked = listed + bits_bytes(neurons);
    uint32_t spike = 0, near = counts[0];
    memset(listed, 0, bits_bytes(neurons) + bits_bytes(slots));
    for (uint32_t i = 0; i < counts[1]; i++) {
        bool is_spike = near == counts[1] || (spike < counts[0] && ids[spike] < ids[near]);
        set_bit(listed, is_spike ? ids[spike++] : ids[near++]);
        if (is_spike) {
            set_bit(spiked, i);
        }
    }
}

static void unpack_list(const uint8_t *listed, uint32_t neurons, uint32_t slots, uint32_t *ids,
                        uint32_t counts[2])
{
    const uint8_t *spiked = listed + bits_bytes(neurons);
    uint32_t spikes = 0, found = 0;
    for (uint32_t i = 0; i < slots; i++) {
        spikes += get_bit(spiked, i);
    }
    counts[0] = spikes;
    uint32_t spike = 0, near = spikes;
    for (uint32_t byte = 0; byte < bits_bytes(neurons); byte++) {
        for (uint32_t bits = listed[byte]; bits != 0; bits &= bits - 1) {
            uint32_t id = byte * 8 + (uint32_t)__builtin_ctz(bits);
            ids[get_bit(spiked, found) ? spike++ : near++] = id;
            found++;
        }
    }
    counts[1] = found;
}

static void take_row(const struct snapshot_format *format, const struct snapshot_field *field,
                     size_t row, void *out)
{
    const struct buffer *buffer = &format->storage->buffers[field->buffer];
    uint32_t real_bytes = format->storage->real_bytes;
    const char *reals = (const char *)buffer->reals + row * buffer->row_stride * real_bytes;
    bool is_packed = field->is_spikes && format->has_packed_spikes;
    if (buffer->ids) {
        const uint32_t *ids = buffer->ids + row * buffer->row_stride;
        const uint32_t *counts = buffer->counts + row * 2;
        if (is_packed) {
            pack_list(ids, counts, field->neurons, buffer->columns, out);
            return;
        }
        uint32_t *list = out;
        memcpy(list, counts, 2 * sizeof(uint32_t));
        memcpy(list + 2, ids, counts[1] * sizeof(uint32_t));
    } else if (is_packed) {
        pack_values(reals, real_bytes, field->neurons, out);
    } else if (format->is_half && !field->is_spikes) {
        round_reals(reals, real_bytes, buffer->columns, out);
    } else {
        memcpy(out, reals, (size_t)buffer->columns * real_bytes);
    }
}

static void put_back_row(const struct snapshot_format *format, const struct snapshot_field *field,
                         size_t row, const void *in)
{
    const struct buffer *buffer = &format->storage->buffers[field->buffer];
    uint32_t real_bytes = format->storage->real_bytes;
    char *reals = (char *)buffer->reals + row * buffer->row_stride * real_bytes;
    bool is_packed = field->is_spikes && format->has_packed_spikes;
    if (buffer->ids) {
        uint32_t *ids = buffer->ids + row * buffer->row_stride;
        uint32_t *counts = buffer->counts + row * 2;
        if (is_packed) {
            unpack_list(in, field->neurons, buffer->columns, ids, counts);
            return;
        }
        const uint32_t *list = in;
        memcpy(counts, list, 2 * sizeof(uint32_t));
        memcpy(ids, list + 2, counts[1] * sizeof(uint32_t));
    } else if (is_packed) {
        unpack_values(in, field->neurons, reals, real_bytes);
    } else if (format->is_half && !field->is_spikes) {
        for (uint32_t i = 0; i < buffer->columns; i++) {
            write_real(reals, real_bytes, i, float16_from_bits(((const uint16_t *)in)[i]));
        }
    } else {
        memcpy(reals, in, (size_t)buffer->columns * real_bytes);
    }
}

// --- snapshots ----------------------------------------------------------------------------------
void snapshot_take(const struct snapshot_format *format, uint32_t place, void *snapshot)
{
    uint32_t batch = format->storage->graph->batch;
    char *out = snapshot;
    for (uint32_t i = 0; i < format->field_count; i++) {
        const struct snapshot_field *field = &format->fields[i];
        for (uint32_t b = 0; b < batch; b++) {
            take_row(format, field, ((size_t)place + field->ahead) * batch + b, out);
            out += field->row_bytes;
        }
    }
}

void snapshot_put_back(const struct snapshot_format *format, uint32_t place, const void *snapshot)
{
    uint32_t batch = format->storage->graph->batch;
    const char *in = snapshot;
    for (uint32_t i = 0; i < format->field_count; i++) {
        const struct snapshot_field *field = &format->fields[i];
        for (uint32_t b = 0; b < batch; b++) {
            put_back_row(format, field, ((size_t)place + field->ahead) * batch + b, in);
            in += field->row_bytes;
        }
    }
}

// The real numbers of a row, rounded or as they are.
static void convert_row(const struct snapshot_format *from, const void *in,
                        const struct snapshot_format *to, void *out, uint32_t columns)
{
    uint32_t real_bytes = from->storage->real_bytes;
    for (uint32_t i = 0; i < columns; i++) {
        if (to->is_half) {
            ((uint16_t *)out)[i] = float16_bits(float16_round(real_at(in, real_bytes, i)));
        } else {
            write_real(out, real_bytes, i, float16_from_bits(((const uint16_t *)in)[i]));
        }
    }
}

void snapshot_convert(const struct snapshot_format *from, const void *in,
                      const struct snapshot_format *to, void *out)
{
    const char *source = in;
    char *target = out;
    for (uint32_t i = 0; i < from->field_count; i++) {
        const struct snapshot_field *field = &from->fields[i];
        uint32_t columns = from->storage->buffers[field->buffer].columns;
        for (uint32_t b = 0; b < from->storage->graph->batch; b++) {
            if (field->is_spikes || from->is_half == to->is_half) {
                memcpy(target, source, field->row_bytes);
            } else {
                convert_row(from, source, to, target, columns);
            }
            source += field->row_bytes;
            target += to->fields[i].row_bytes;
        }
    }
}

#include "workloads/run/input.h"

#include <string.h>

static struct buffer *input_buffer(const struct storage *storage)
{
    return &storage->buffers[storage->buffer_of[storage->graph->input]];
}

static void write_real(const struct storage *storage, const struct buffer *buffer, size_t place,
                       float value)
{
    if (storage->real_bytes == sizeof(float)) {
        ((float *)buffer->reals)[place] = value;
    } else {
        ((double *)buffer->reals)[place] = (double)value;
    }
}

// Time steps [first, first + time_steps) of the batch, from the buffer's first place on.
static void write_out(const struct batch_input *input, const struct storage *storage,
                      uint32_t first_time_step, uint32_t time_steps)
{
    struct buffer *buffer = input_buffer(storage);
    size_t first = (size_t)first_time_step * storage->graph->batch;
    size_t rows = (size_t)time_steps * storage->graph->batch;
    memset(buffer->reals, 0, rows * buffer->row_stride * storage->real_bytes);
    for (size_t row = 0; row < rows; row++) {
        uint32_t count = input->counts[first + row];
        const uint32_t *ids = input->ids + (first + row) * input->slots;
        for (uint32_t i = 0; i < count; i++) {
            write_real(storage, buffer, row * buffer->row_stride + ids[i], 1.0f);
        }
        buffer->counts[row * 2] = count;
        buffer->counts[row * 2 + 1] = count;
    }
}

void input_set_values(struct storage *storage, const float *values)
{
    const struct buffer *buffer = input_buffer(storage);
    for (uint32_t b = 0; b < storage->graph->batch; b++) {
        for (uint32_t i = 0; i < buffer->columns; i++) {
            write_real(storage, buffer, b * buffer->row_stride + i,
                       values[(size_t)b * buffer->columns + i]);
        }
    }
}

void input_set_spikes(struct batch_input *input, struct storage *storage, const uint32_t *ids,
                      const uint32_t *counts, uint32_t slots)
{
    struct buffer *buffer = input_buffer(storage);
    size_t rows = (size_t)storage->graph->time_steps * storage->graph->batch;
    *input =
        (struct batch_input){.ids = ids, .counts = counts, .slots = slots, .loaded = UINT32_MAX};
    if (!buffer->is_borrowed) {
        if (!storage->is_windowed) {
            write_out(input, storage, 0, storage->graph->time_steps);
        }
        return;
    }
    for (size_t row = 0; row < rows; row++) {
        buffer->counts[row * 2] = counts[row];
        buffer->counts[row * 2 + 1] = counts[row];
    }
    buffer->ids = (uint32_t *)ids; // only read: nothing fires into the input
    buffer->row_stride = slots;
}

void input_load(struct batch_input *input, struct storage *storage, uint32_t first_time_step,
                uint32_t time_steps)
{
    bool is_written_out = storage->is_windowed && input->ids && !input_buffer(storage)->is_borrowed;
    if (is_written_out && input->loaded != first_time_step) {
        write_out(input, storage, first_time_step, time_steps);
        input->loaded = first_time_step;
    }
}

#include "sim/sweep/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/err.h"
#include "sim/pipe.h"

#define READ_BYTES 65536u

bool frame_send(int file, struct frame *frame)
{
    size_t bytes = sizeof(*frame);
    for (uint32_t i = 0; i < FRAME_TEXT_COUNT; i++) {
        frame->text_bytes[i] = frame->texts[i] == NULL ? 0 : strlen(frame->texts[i]) + 1;
        bytes += frame->text_bytes[i];
    }
    char *message = xmalloc(bytes);
    memcpy(message, frame, sizeof(*frame));
    size_t used = sizeof(*frame);
    for (uint32_t i = 0; i < FRAME_TEXT_COUNT; i++) {
        if (frame->texts[i] != NULL) {
            memcpy(message + used, frame->texts[i], frame->text_bytes[i]);
            used += frame->text_bytes[i];
        }
    }
    bool is_sent = pipe_write_all(file, message, bytes);
    free(message);
    return is_sent;
}

bool frame_buffer_fill(struct frame_buffer *buffer, int file)
{
    if (buffer->taken > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->taken, buffer->used - buffer->taken);
        buffer->used -= buffer->taken;
        buffer->taken = 0;
    }
    if (buffer->capacity - buffer->used < READ_BYTES) {
        buffer->capacity = 2 * buffer->capacity + READ_BYTES;
        buffer->bytes = xrealloc(buffer->bytes, buffer->capacity);
    }
    ssize_t got = read(file, buffer->bytes + buffer->used, buffer->capacity - buffer->used);
    if (got > 0) {
        buffer->used += (size_t)got;
    }
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

bool frame_buffer_take(struct frame_buffer *buffer, struct frame *frame)
{
    size_t left = buffer->used - buffer->taken;
    if (left < sizeof(*frame)) {
        return false;
    }
    memcpy(frame, buffer->bytes + buffer->taken, sizeof(*frame));
    size_t bytes = sizeof(*frame);
    for (uint32_t i = 0; i < FRAME_TEXT_COUNT; i++) {
        size_t begin = bytes;
        bytes += frame->text_bytes[i];
        frame->texts[i] = frame->text_bytes[i] == 0 ? NULL : buffer->bytes + buffer->taken + begin;
    }
    if (left < bytes) {
        return false;
    }
    buffer->taken += bytes;
    return true;
}

void frame_buffer_free(struct frame_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct frame_buffer){0};
}

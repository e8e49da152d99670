// What a child says of its point, as one message on a pipe: a fixed head and some texts.
#ifndef TILESIM_SIM_SWEEP_FRAME_H
#define TILESIM_SIM_SWEEP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_kind {
    FRAME_STARTED,  // works on point `number`
    FRAME_RESOLVED, // key, settings, config and seed are known
    FRAME_KNOWN,    // key, settings: the store has this point
    FRAME_ENDED,    // what FRAME_RESOLVED did not say; the child ends, or takes another point
    FRAME_AGAIN,    // the child ends, and a fresh one has to run the point
};

enum frame_text {
    FRAME_KEY,
    FRAME_SETTINGS,
    FRAME_WHY,
    FRAME_CONFIG,
    FRAME_RESULT,
    FRAME_TEXT_COUNT
};

struct frame {
    uint32_t kind;   // enum frame_kind
    uint32_t number; // of the point
    uint32_t status; // enum point_status
    uint64_t seed, peak_rss_bytes;
    double host_seconds;
    uint64_t text_bytes[FRAME_TEXT_COUNT]; // with the NUL; 0: NULL. Filled by frame_send()
    const char *texts[FRAME_TEXT_COUNT];   // borrowed
};

bool frame_send(int file, struct frame *frame);

struct frame_buffer { // bytes that arrived so far
    char *bytes;      // owned
    size_t used, capacity;
    size_t taken; // of those, by frames that were read
};

// Reads what is there. False: the other end is closed, or broken.
bool frame_buffer_fill(struct frame_buffer *buffer, int file);
// The next whole frame; its texts live until the next call of either. False: none yet.
bool frame_buffer_take(struct frame_buffer *buffer, struct frame *frame);
void frame_buffer_free(struct frame_buffer *buffer);

#endif

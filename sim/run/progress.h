// A line of progress on a terminal: rate, a value, time left. And the wall clock.
#ifndef TILESIM_SIM_RUN_PROGRESS_H
#define TILESIM_SIM_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool is_shown;
    const char *what; // borrowed, e.g. "sparse"
    uint32_t total;
    double started_seconds, shown_seconds;
};

double wall_seconds(void); // monotonic
struct progress progress_start(bool is_shown, const char *what, uint32_t total);
// `done` of `total` steps; text is appended, e.g. "loss 0.42". Draws at most ten times a second.
void progress_update(struct progress *progress, uint32_t done, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void progress_end(const struct progress *progress); // clears the line

#endif

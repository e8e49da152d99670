#include "sim/run/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define REDRAW_SECONDS 0.1

double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct progress progress_start(bool is_shown, const char *what, uint32_t total)
{
    return (struct progress){
        .is_shown = is_shown, .what = what, .total = total, .started_seconds = wall_seconds()};
}

void progress_update(struct progress *progress, uint32_t done, const char *format, ...)
{
    double now_seconds = wall_seconds();
    if (!progress->is_shown || now_seconds - progress->shown_seconds < REDRAW_SECONDS) {
        return;
    }
    progress->shown_seconds = now_seconds;
    double elapsed_seconds = now_seconds - progress->started_seconds;
    double rate = elapsed_seconds > 0 ? done / elapsed_seconds : 0; // steps per second
    fprintf(stderr, "\r\033[K%s: %u of %u, %.1f per second, %.0f s left, ", progress->what, done,
            progress->total, rate, rate > 0 ? (progress->total - done) / rate : 0);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fflush(stderr);
}

void progress_end(const struct progress *progress)
{
    if (progress->is_shown) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
}

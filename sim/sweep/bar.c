#include "sim/sweep/bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/run/progress.h"

#define BAR_CELLS 24u
#define REDRAW_SECONDS 0.1
#define FIRST_LINE_SECONDS 0.5 // elsewhere than on a terminal
#define LINE_SECONDS 5.0
#define TIME_TEXT_BYTES 32

struct bar bar_start(bool is_shown)
{
    return (struct bar){.is_shown = is_shown,
                        .is_terminal = isatty(STDERR_FILENO) == 1,
                        .started_seconds = wall_seconds()};
}

static const char *text_of_time(char *text, double seconds)
{
    if (seconds < 100) {
        snprintf(text, TIME_TEXT_BYTES, "%.0f s", seconds);
    } else if (seconds < 6000) {
        snprintf(text, TIME_TEXT_BYTES, "%.0f min", seconds / 60);
    } else {
        snprintf(text, TIME_TEXT_BYTES, "%.1f h", seconds / 3600);
    }
    return text;
}

static void print_counts(const struct sweep_summary *summary)
{
    fprintf(stderr, "%u done, %u do not fit, %u failed", summary->done, summary->does_not_fit,
            summary->failed);
    if (summary->known > 0) {
        fprintf(stderr, ", %u known", summary->known);
    }
}

static bool is_time(const struct bar *bar, double now_seconds)
{
    if (bar->is_terminal) {
        return now_seconds - bar->shown_seconds >= REDRAW_SECONDS;
    }
    return bar->shown_seconds == 0 ? now_seconds - bar->started_seconds >= FIRST_LINE_SECONDS
                                   : now_seconds - bar->shown_seconds >= LINE_SECONDS;
}

void bar_update(struct bar *bar, const struct sweep_summary *summary)
{
    double now_seconds = wall_seconds();
    if (!bar->is_shown || !is_time(bar, now_seconds)) {
        return;
    }
    bar->shown_seconds = now_seconds;
    uint32_t computed = summary->done + summary->does_not_fit + summary->failed;
    uint32_t finished = computed + summary->known;
    double elapsed_seconds = now_seconds - bar->started_seconds;
    double rate = elapsed_seconds > 0 ? computed / elapsed_seconds : 0; // known ones cost nothing
    if (bar->is_terminal) {
        char cells[BAR_CELLS + 1];
        uint32_t full =
            (uint32_t)((uint64_t)BAR_CELLS * finished / (summary->total > 0 ? summary->total : 1));
        memset(cells, '.', BAR_CELLS);
        memset(cells, '#', full);
        cells[BAR_CELLS] = '\0';
        fprintf(stderr, "\r\033[K[%s] ", cells);
    }
    fprintf(stderr, "%u of %u points", finished, summary->total);
    if (rate > 0) {
        char left[TIME_TEXT_BYTES];
        fprintf(stderr, ", %.1f per second, %s left", rate,
                text_of_time(left, (summary->total - finished) / rate));
    }
    fputs(": ", stderr);
    print_counts(summary);
    fputs(bar->is_terminal ? "" : "\n", stderr);
    fflush(stderr);
}

void bar_end(const struct bar *bar)
{
    if (bar->is_shown && bar->is_terminal) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
}

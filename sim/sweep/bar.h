// Progress of a sweep: a bar on a terminal, a line now and then elsewhere.
#ifndef TILESIM_SIM_SWEEP_BAR_H
#define TILESIM_SIM_SWEEP_BAR_H

#include <stdbool.h>

#include "sim/sweep/run.h"

struct bar {
    bool is_shown, is_terminal;
    double started_seconds, shown_seconds; // shown: 0, not yet
};

struct bar bar_start(bool is_shown);
// Draws if it is time to. `summary` counts what is there so far.
void bar_update(struct bar *bar, const struct sweep_summary *summary);
void bar_end(const struct bar *bar); // clears the line of a terminal

#endif

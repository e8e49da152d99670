// What SimGrid knows of the hardware: hosts, links between them, routes. Hosts compute one flop per
// cycle and second, since one simulated second is one cycle. The shape is loaded once per process,
// for SimGrid cannot forget it; the figures of its links may change between two runs.
#ifndef TILESIM_SIM_ENGINE_PLATFORM_H
#define TILESIM_SIM_ENGINE_PLATFORM_H

#include <stdint.h>

#include "sim/chip.h"

struct platform_link {
    const char *name; // as in the shape; static text
    double bytes_per_cycle, latency_cycles;
};

struct platform {
    // SimGrid's XML; what it says of bandwidths and latencies is of no consequence.
    const char *shape;
    uint32_t link_count;
    struct platform_link links[2];
};

// A chip, its host, and a link in each direction between them.
struct platform platform_of_chip(const struct chip_config *chip);
// Starts SimGrid with the shape: once per process.
void platform_start(const struct platform *platform);
// Gives the links their figures. Nothing may be running.
void platform_set_links(const struct platform *platform);

#endif

// Inside sim/engine/: what SimGrid knows of a system. Hosts "chip 0", ..., "slot 0" (of chips'
// host), "memory 0" (of a machine's streaming memory); every direction of a link is a link; only
// routes that something takes. The latency of links between chips is not in them: SimGrid would
// give messages on short ways more of a link that they share. Whoever sends one waits for
// system_ways_latency() first; the order of latency and words is the same.
#ifndef TILESIM_SIM_ENGINE_SYSTEM_PLATFORM_H
#define TILESIM_SIM_ENGINE_SYSTEM_PLATFORM_H

#include <stdbool.h>

#include "sim/system.h"

struct system_ways; // between chips

// Of the first `chips` chips; none is taken yet.
struct system_ways *system_ways_create(const struct system_config *system, uint32_t chips);
void system_ways_destroy(struct system_ways *ways); // NULL is allowed
void system_ways_take(struct system_ways *ways, uint32_t from, uint32_t to);
// Of a way that is taken: cycles until its first word is there.
double system_ways_latency(const struct system_ways *ways, uint32_t from, uint32_t to);
// Do two chips a and b of different groups of `group_chips` share a direction of a link with their
// ways?
bool system_ways_meet(const struct system_ways *ways, uint32_t group_chips);

struct system_uses { // what else is there besides chips
    bool host, memory;
};
// SimGrid's XML, owned by the caller. All ways have been taken.
char *system_platform_shape(const struct system_ways *ways, struct system_uses uses);

#endif

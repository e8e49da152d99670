// Inside sim/engine/: a chip's way to the streaming memory of its machine. Transfers of one channel
// and direction follow one another; channels and directions go side by side, and share what links
// they share.
#ifndef TILESIM_SIM_ENGINE_STREAM_PORT_H
#define TILESIM_SIM_ENGINE_STREAM_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/engine/timeline.h"

struct stream_port;

// A direction of a channel of the program, as its timeline uses it.
struct stream_lane {
    uint32_t channel;
    enum stream_direction direction;
};
struct stream_lanes {
    struct stream_lane *items; // owned
    uint32_t count;
};
struct stream_lanes stream_lanes_of(const struct timeline *timeline);

// A transfer that the lane carries starts there.
bool stream_is_of_lane(const struct stream_lane *lane, const struct superstep *superstep);

struct stream_port *stream_port_create(uint32_t chip, const struct stream_lanes *lanes);
void stream_port_destroy(struct stream_port *port); // NULL is allowed

// For the chip. Start returns at once, the others when the chip may go on.
void stream_port_start(struct stream_port *port, const struct program_step *step);
void stream_port_move(struct stream_port *port, const struct program_step *step); // whole
bool stream_port_must_wait(const struct stream_port *port, uint32_t channel);
void stream_port_wait(struct stream_port *port, uint32_t channel); // for the oldest of the channel
void stream_port_finish(struct stream_port *port);                 // for all that were started

// For the actor at the memory that serves one lane: all transfers of a replay. ends: SimGrid's
// clock at the end of each, [timeline->count]; NULL: nobody asks.
void stream_port_serve(struct stream_port *port, const struct stream_lane *lane,
                       const struct timeline *timeline, double *ends);

#endif

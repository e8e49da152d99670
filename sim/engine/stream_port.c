#include "sim/engine/stream_port.h"

#include <simgrid/comm.h>
#include <simgrid/engine.h>
#include <simgrid/mailbox.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/err.h"

struct started { // transfers of a channel, either direction, not yet waited for
    uint32_t channel;
    sg_comm_t *comms; // owned; [room]
    uint32_t first, count, room;
};

struct stream_port {
    const struct stream_lanes *lanes;
    sg_mailbox_t *mailboxes;  // owned; of the lanes
    struct started *channels; // owned
    uint32_t channel_count;
    void *payload; // nobody reads it
};

static bool is_transfer(const struct superstep *superstep)
{
    return superstep->kind == SUPERSTEP_STREAM && superstep->step->stream_phase != STREAM_WAIT;
}

static bool is_of_lane(const struct stream_lane *lane, const struct program_step *step)
{
    return lane->channel == step->stream_channel && lane->direction == step->stream_direction;
}

bool stream_is_of_lane(const struct stream_lane *lane, const struct superstep *superstep)
{
    return is_transfer(superstep) && is_of_lane(lane, superstep->step);
}

struct stream_lanes stream_lanes_of(const struct timeline *timeline)
{
    struct stream_lanes lanes = {0};
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct program_step *step = timeline->items[i].superstep->step;
        uint32_t lane = 0;
        while (lane < lanes.count && !is_of_lane(&lanes.items[lane], step)) {
            lane++;
        }
        if (is_transfer(timeline->items[i].superstep) && lane == lanes.count) {
            lanes.items = xrealloc(lanes.items, (lanes.count + 1) * sizeof *lanes.items);
            lanes.items[lanes.count++] =
                (struct stream_lane){step->stream_channel, step->stream_direction};
        }
    }
    return lanes;
}

static struct started *find_channel(const struct stream_port *port, uint32_t channel)
{
    for (uint32_t i = 0; i < port->channel_count; i++) {
        if (port->channels[i].channel == channel) {
            return &port->channels[i];
        }
    }
    return NULL;
}

struct stream_port *stream_port_create(uint32_t chip, const struct stream_lanes *lanes)
{
    struct stream_port *port = xcalloc(1, sizeof *port);
    port->lanes = lanes;
    port->mailboxes = xcalloc(lanes->count, sizeof *port->mailboxes);
    port->channels = xcalloc(lanes->count, sizeof *port->channels);
    for (uint32_t i = 0; i < lanes->count; i++) {
        char name[64];
        snprintf(name, sizeof name, "memory %s chip %u channel %u",
                 lanes->items[i].direction == STREAM_IN ? "to" : "from", chip,
                 lanes->items[i].channel);
        port->mailboxes[i] = sg_mailbox_by_name(name);
        if (find_channel(port, lanes->items[i].channel) == NULL) {
            port->channels[port->channel_count++].channel = lanes->items[i].channel;
        }
    }
    return port;
}

void stream_port_destroy(struct stream_port *port)
{
    if (port == NULL) {
        return;
    }
    for (uint32_t i = 0; i < port->channel_count; i++) {
        free(port->channels[i].comms);
    }
    free(port->channels);
    free(port->mailboxes);
    free(port);
}

static sg_comm_t begin(struct stream_port *port, const struct program_step *step)
{
    uint32_t lane = 0;
    while (lane < port->lanes->count && !is_of_lane(&port->lanes->items[lane], step)) {
        lane++;
    }
    SIM_ASSERT(lane < port->lanes->count, "%s: channel %u has no lane", step->name,
               step->stream_channel);
    return step->stream_direction == STREAM_OUT
               ? sg_mailbox_put_async(port->mailboxes[lane], port, (long)step->chip_bytes)
               : sg_mailbox_get_async(port->mailboxes[lane], &port->payload);
}

void stream_port_start(struct stream_port *port, const struct program_step *step)
{
    struct started *channel = find_channel(port, step->stream_channel);
    SIM_ASSERT(channel != NULL, "%s: no channel %u", step->name, step->stream_channel);
    if (channel->first > 0 && channel->first == channel->count) {
        channel->first = channel->count = 0;
    }
    if (channel->count == channel->room) {
        channel->room = 2 * channel->room + 4;
        channel->comms = xrealloc(channel->comms, channel->room * sizeof *channel->comms);
    }
    channel->comms[channel->count++] = begin(port, step);
}

void stream_port_move(struct stream_port *port, const struct program_step *step)
{
    sg_comm_wait(begin(port, step));
}

bool stream_port_must_wait(const struct stream_port *port, uint32_t channel)
{
    const struct started *started = find_channel(port, channel);
    return started != NULL && started->first < started->count;
}

void stream_port_wait(struct stream_port *port, uint32_t channel)
{
    struct started *started = find_channel(port, channel);
    sg_comm_wait(started->comms[started->first++]);
}

void stream_port_finish(struct stream_port *port)
{
    for (uint32_t i = 0; i < port->channel_count; i++) {
        while (stream_port_must_wait(port, port->channels[i].channel)) {
            stream_port_wait(port, port->channels[i].channel);
        }
    }
}

void stream_port_serve(struct stream_port *port, const struct stream_lane *lane,
                       const struct timeline *timeline, double *ends)
{
    uint32_t number = (uint32_t)(lane - port->lanes->items);
    for (uint32_t i = 0; i < timeline->count; i++) {
        const struct superstep *superstep = timeline->items[i].superstep;
        if (!stream_is_of_lane(lane, superstep)) {
            continue;
        }
        if (lane->direction == STREAM_OUT) {
            sg_mailbox_get(port->mailboxes[number]);
        } else {
            sg_mailbox_put(port->mailboxes[number], port, (long)superstep->step->chip_bytes);
        }
        if (ends != NULL) {
            ends[i] = simgrid_get_clock();
        }
    }
}

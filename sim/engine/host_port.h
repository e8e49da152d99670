// Inside sim/engine/: a chip's way to its host. Batches may come ahead of their use, results may
// leave behind it, both by as many training steps as the chip file's prefetch depth says.
#ifndef TILESIM_SIM_ENGINE_HOST_PORT_H
#define TILESIM_SIM_ENGINE_HOST_PORT_H

#include <stdint.h>

struct host_port;

struct host_port_config {
    uint32_t chip;                                 // number, for the names of its mailboxes
    uint64_t received_per_replay, sent_per_replay; // transfers, from the chip's side
    uint32_t replays;                              // that the chip runs
    // Whose batches the host feeds; those of more are on their way while the chip runs.
    uint32_t fed_replays;
    uint32_t prefetch_depth;
};

struct host_port *host_port_create(const struct host_port_config *config);
void host_port_destroy(struct host_port *port);

// For the chip. Each returns when the chip may go on.
void host_port_receive(struct host_port *port);
void host_port_send(struct host_port *port, uint64_t bytes);
// Lets the last results arrive, and batches asked for.
void host_port_finish(struct host_port *port);

// For actors on the host: the link takes one batch at a time, and a batch leaves when the chip has
// room for it.
void host_port_feed(struct host_port *port, uint64_t bytes);
void host_port_take(struct host_port *port);

#endif

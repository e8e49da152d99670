#include "sim/engine/host_port.h"

#include <simgrid/comm.h>
#include <simgrid/mailbox.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

struct transfers {    // of one direction that the chip has asked for and not yet waited for
    sg_comm_t *comms; // owned; ring
    void **payloads;  // owned; ring
    uint32_t capacity;
    uint64_t asked, waited; // since the start
    sg_mailbox_t mailbox;
};

struct host_port {
    struct host_port_config config;
    struct transfers inbound, outbound;
};

// Batches that are asked for ahead: no more than are waited for later, so that from the second
// replay on there is one more to ask for whenever one has come.
static uint64_t batches_ahead(const struct host_port_config *config)
{
    return config->received_per_replay * min_u64(config->prefetch_depth, config->replays - 1);
}

static void open_transfers(struct transfers *transfers, uint64_t ahead, const char *direction,
                           uint32_t chip)
{
    char name[48];
    snprintf(name, sizeof name, "host %s chip %u", direction, chip);
    transfers->mailbox = sg_mailbox_by_name(name);
    transfers->capacity = (uint32_t)(ahead + 1);
    transfers->comms = xcalloc(transfers->capacity, sizeof(sg_comm_t));
    transfers->payloads = xcalloc(transfers->capacity, sizeof(void *));
}

struct host_port *host_port_create(const struct host_port_config *config)
{
    struct host_port *port = xcalloc(1, sizeof *port);
    port->config = *config;
    open_transfers(&port->inbound, batches_ahead(config), "to", config->chip);
    open_transfers(&port->outbound, config->sent_per_replay * config->prefetch_depth, "from",
                   config->chip);
    return port;
}

void host_port_destroy(struct host_port *port)
{
    if (port == NULL) {
        return;
    }
    free(port->inbound.comms);
    free(port->inbound.payloads);
    free(port->outbound.comms);
    free(port->outbound.payloads);
    free(port);
}

static void ask_for_batch(struct host_port *port)
{
    struct transfers *inbound = &port->inbound;
    uint32_t place = (uint32_t)(inbound->asked++ % inbound->capacity);
    inbound->comms[place] = sg_mailbox_get_async(inbound->mailbox, &inbound->payloads[place]);
}

static void wait_for_oldest(struct transfers *transfers)
{
    sg_comm_wait(transfers->comms[transfers->waited++ % transfers->capacity]);
}

void host_port_receive(struct host_port *port)
{
    struct transfers *inbound = &port->inbound;
    if (inbound->asked == inbound->waited) { // no prefetch, or the first batch
        ask_for_batch(port);
    }
    uint64_t all = port->config.received_per_replay * port->config.fed_replays;
    uint64_t ahead = batches_ahead(&port->config);
    if (inbound->waited == 0) { // the chip begins: all its room is free
        while (inbound->asked < ahead && inbound->asked < all) {
            ask_for_batch(port);
        }
    }
    wait_for_oldest(inbound);
    if (inbound->asked < inbound->waited + ahead && inbound->asked < all) {
        ask_for_batch(port);
    }
}

// A result leaves while the chip goes on, unless too many are still on their way.
void host_port_send(struct host_port *port, uint64_t bytes)
{
    struct transfers *outbound = &port->outbound;
    uint64_t ahead = port->config.sent_per_replay * port->config.prefetch_depth;
    uint32_t place = (uint32_t)(outbound->asked++ % outbound->capacity);
    outbound->comms[place] = sg_mailbox_put_async(outbound->mailbox, port, (long)bytes);
    while (outbound->asked - outbound->waited > ahead) {
        wait_for_oldest(outbound);
    }
}

void host_port_finish(struct host_port *port)
{
    while (port->outbound.waited < port->outbound.asked) {
        wait_for_oldest(&port->outbound);
    }
    while (port->inbound.waited < port->inbound.asked) {
        wait_for_oldest(&port->inbound);
    }
}

void host_port_feed(struct host_port *port, uint64_t bytes)
{
    sg_mailbox_put(port->inbound.mailbox, port, (long)bytes);
}

void host_port_take(struct host_port *port)
{
    sg_mailbox_get(port->outbound.mailbox);
}

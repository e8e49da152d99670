// Convention: send_<kind> and receive_<kind> visit every message that leaves or reaches the tile at hand.
#include <string.h>

#include "sim/engine/vertices.h"
#include "sim/units.h"

struct port {
    const struct exchange_config *config;
    const struct fabric *fabric;
    uint32_t tile_count, chip_tiles;
    uint32_t tile;
    bool *is_heard; // [tile_count]: destinations of the broadcast at hand
    struct exchange_load load;
};

static uint32_t source_tile(const struct flow *flow, uint32_t item)
{
    return tile_map_at(&flow->source, flow->first_source + item);
}

static uint32_t destination_tile(const struct flow *flow, uint32_t item)
{
    return tile_map_at(&flow->destination, flow->first_destination + item);
}

static void send_to(struct port *port, uint32_t to, bool is_broadcast)
{
    if (to / port->chip_tiles != port->tile / port->chip_tiles) {
        return; // how long a link takes is the clock's business
    }
    uint64_t latency = port->fabric->latency_millicycles(
        port->config, port->tile % port->chip_tiles, to % port->chip_tiles, is_broadcast);
    port->load.latency_millicycles = max_u64(port->load.latency_millicycles, latency);
}

static void send_message(struct port *port, uint32_t to, uint64_t bytes)
{
    if (to == port->tile) {
        return;
    }
    port->load.sent_messages++;
    port->load.out_cycles += exchange_port_cycles(port->config, bytes);
    send_to(port, to, false);
}

static void receive_message(struct port *port, uint32_t from, uint64_t bytes)
{
    if (from == port->tile) {
        return;
    }
    port->load.received_messages++;
    port->load.in_cycles += exchange_port_cycles(port->config, bytes);
}

// --- broadcast ----------------------------------------------------------------------------------
static bool is_on_bus_of(const struct port *port, uint32_t tile, uint32_t other)
{
    uint32_t share = port->config->bus_sharing, tiles = port->chip_tiles;
    return tile / tiles == other / tiles && tile % tiles / share == other % tiles / share;
}

// Are all tiles of the receiver's bus destinations?
static bool is_bus_complete(const struct port *port, uint32_t receiver)
{
    uint32_t share = port->config->bus_sharing;
    uint32_t first = receiver - receiver % port->chip_tiles % share;
    for (uint32_t i = first; i < first + share; i++) {
        if (i >= port->tile_count || !is_on_bus_of(port, receiver, i) || !port->is_heard[i]) {
            return false;
        }
    }
    return true;
}

// Does the source send at the width of a bus? Tiles of its own bus have no say in it.
static bool is_sent_wide(const struct port *port, uint32_t source)
{
    bool is_any = false;
    for (uint32_t i = 0; i < port->tile_count; i++) {
        if (port->is_heard[i] && !is_on_bus_of(port, source, i)) {
            is_any = true;
            if (!is_bus_complete(port, i)) {
                return false;
            }
        }
    }
    return is_any;
}

static void send_broadcast(struct port *port, const struct flow *flow)
{
    uint32_t destinations = 0;
    for (uint32_t i = 0; i < port->tile_count; i++) {
        destinations += port->is_heard[i];
    }
    for (uint32_t i = 0; i < port->tile_count; i++) {
        if (port->is_heard[i] && i != port->tile) {
            send_to(port, i, destinations > 1);
        }
    }
    if (destinations > port->is_heard[port->tile]) { // others than the sender
        port->load.sent_messages++;
        port->load.out_cycles += is_sent_wide(port, port->tile)
                                     ? exchange_shared_port_cycles(port->config, flow->bytes)
                                     : exchange_port_cycles(port->config, flow->bytes);
    }
}

static void receive_broadcast(struct port *port, const struct flow *flow, uint32_t source)
{
    bool is_wide = is_on_bus_of(port, source, port->tile) ? is_sent_wide(port, source)
                                                          : is_bus_complete(port, port->tile);
    port->load.received_messages++;
    port->load.in_cycles += is_wide ? exchange_shared_port_cycles(port->config, flow->bytes)
                                    : exchange_port_cycles(port->config, flow->bytes);
}

static void broadcast(struct port *port, const struct flow *flow)
{
    memset(port->is_heard, 0, port->tile_count * sizeof *port->is_heard);
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        port->is_heard[destination_tile(flow, i)] = true;
    }
    for (uint32_t i = 0; i < flow->source_count; i++) {
        uint32_t source = source_tile(flow, i);
        if (source == port->tile) {
            send_broadcast(port, flow);
        } else if (port->is_heard[port->tile]) {
            receive_broadcast(port, flow, source);
        }
    }
}

// --- the other kinds ----------------------------------------------------------------------------
static void all_to_all(struct port *port, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        for (uint32_t j = 0; j < flow->destination_count && source_tile(flow, i) == port->tile;
             j++) {
            send_message(port, destination_tile(flow, j), flow->bytes);
        }
    }
    for (uint32_t j = 0; j < flow->destination_count; j++) {
        for (uint32_t i = 0; i < flow->source_count && destination_tile(flow, j) == port->tile;
             i++) {
            receive_message(port, source_tile(flow, i), flow->bytes);
        }
    }
}

static void pairs(struct port *port, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        if (source_tile(flow, i) == port->tile) {
            send_message(port, destination_tile(flow, i), flow->bytes);
        }
        if (destination_tile(flow, i) == port->tile) {
            receive_message(port, source_tile(flow, i), flow->bytes);
        }
    }
}

// Words of one source item, in order: as long as they go to one destination item they are one message.
static void redistribute_source(struct port *port, const struct flow *flow, uint32_t item)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    uint64_t run_words = 0, run_destination = 0;
    for (uint64_t i = item * words / flow->source_count;
         i < words && i * flow->source_count / words <= item; i++) {
        if (i * flow->source_count / words < item) {
            continue;
        }
        uint64_t destination = i * flow->destination_count / words;
        if (run_words > 0 && destination != run_destination) {
            send_message(port, destination_tile(flow, (uint32_t)run_destination),
                         run_words * EXCHANGE_WORD_BYTES);
            run_words = 0;
        }
        run_destination = destination;
        run_words++;
    }
    if (run_words > 0) {
        send_message(port, destination_tile(flow, (uint32_t)run_destination),
                     run_words * EXCHANGE_WORD_BYTES);
    }
}

static void redistribute_destination(struct port *port, const struct flow *flow, uint32_t item)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    uint64_t run_words = 0, run_source = 0;
    for (uint64_t i = item * words / flow->destination_count;
         i < words && i * flow->destination_count / words <= item; i++) {
        if (i * flow->destination_count / words < item) {
            continue;
        }
        uint64_t source = i * flow->source_count / words;
        if (run_words > 0 && source != run_source) {
            receive_message(port, source_tile(flow, (uint32_t)run_source),
                            run_words * EXCHANGE_WORD_BYTES);
            run_words = 0;
        }
        run_source = source;
        run_words++;
    }
    if (run_words > 0) {
        receive_message(port, source_tile(flow, (uint32_t)run_source),
                        run_words * EXCHANGE_WORD_BYTES);
    }
}

static void redistribute(struct port *port, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        if (source_tile(flow, i) == port->tile) {
            redistribute_source(port, flow, i);
        }
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        if (destination_tile(flow, i) == port->tile) {
            redistribute_destination(port, flow, i);
        }
    }
}

// Between the lowest and the highest tile of these items? A quick no: most flows have nothing to do
// with most tiles.
static bool is_within(const struct tile_map *map, uint32_t first, uint32_t count, uint32_t tile)
{
    if (count == 0) {
        return false;
    }
    bool is_whole = first % map->positions + (uint64_t)count > map->positions; // it wraps around
    uint32_t lowest = tile_map_at(map, is_whole ? 0 : first);
    uint32_t highest = tile_map_at(map, is_whole ? map->positions - 1 : first + count - 1);
    return tile >= lowest && tile <= highest;
}

static bool may_touch(const struct flow *flow, uint32_t tile)
{
    return flow->bytes > 0 &&
           (is_within(&flow->source, flow->first_source, flow->source_count, tile) ||
            is_within(&flow->destination, flow->first_destination, flow->destination_count, tile));
}

struct exchange_load messages_tile_load(const struct chip_config *chip,
                                        const struct program *program,
                                        const struct exchange_step *exchange, uint32_t tile,
                                        bool *is_heard)
{
    struct port port = {.config = &chip->exchange,
                        .fabric = exchange_fabric(chip->exchange.fabric),
                        .tile_count = program->tile_count,
                        .chip_tiles = program->chip_tiles,
                        .tile = tile,
                        .is_heard = is_heard};
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        if (!may_touch(flow, tile)) {
            continue;
        }
        switch (flow->kind) {
        case FLOW_BROADCAST:
            broadcast(&port, flow);
            break;
        case FLOW_ALL_TO_ALL:
            all_to_all(&port, flow);
            break;
        case FLOW_PAIRS:
            pairs(&port, flow);
            break;
        case FLOW_REDISTRIBUTE:
            redistribute(&port, flow);
            break;
        }
    }
    return port.load;
}

// Convention: count_<kind> visits every message of a flow once, and adds it to the tile that sends
// it and to the one that receives it.
#include <stdlib.h>
#include <string.h>

#include "sim/engine/vertices.h"
#include "sim/err.h"
#include "sim/units.h"

struct hearing_tile { // a destination of the broadcast at hand
    uint32_t tile;
    uint32_t bus;     // its first tile
    bool is_complete; // all tiles of the bus are destinations
};

struct counting {
    const struct exchange_config *config;
    const struct fabric *fabric;
    uint32_t tile_count, chip_tiles;
    struct exchange_load *loads;  // [tile_count]
    bool *is_heard;               // owned; [tile_count]: destinations of the broadcast at hand
    struct hearing_tile *hearing; // owned; [tile_count]: the same, each once
    uint32_t hearing_count;
};

static uint32_t source_tile(const struct flow *flow, uint32_t item)
{
    return tile_map_at(&flow->source, flow->first_source + item);
}

static uint32_t destination_tile(const struct flow *flow, uint32_t item)
{
    return tile_map_at(&flow->destination, flow->first_destination + item);
}

// The way of a word within a chip: how long a link takes is the clock's business.
static void add_way(struct counting *counting, uint32_t from, uint32_t to, bool is_broadcast)
{
    uint32_t chip = from / counting->chip_tiles;
    if (chip != to / counting->chip_tiles) {
        return;
    }
    uint32_t first = chip * counting->chip_tiles;
    uint64_t latency = counting->fabric->latency_millicycles(counting->config, from - first,
                                                             to - first, is_broadcast);
    struct exchange_load *load = &counting->loads[from];
    load->latency_millicycles = max_u64(load->latency_millicycles, latency);
}

static void add_sent(struct counting *counting, uint32_t from, uint64_t cycles)
{
    counting->loads[from].sent_messages++;
    counting->loads[from].out_cycles += cycles;
}

static void add_received(struct counting *counting, uint32_t to, uint64_t cycles)
{
    counting->loads[to].received_messages++;
    counting->loads[to].in_cycles += cycles;
}

static void add_message(struct counting *counting, uint32_t from, uint32_t to, uint64_t bytes)
{
    if (from == to) {
        return;
    }
    uint64_t cycles = exchange_port_cycles(counting->config, bytes);
    add_sent(counting, from, cycles);
    add_received(counting, to, cycles);
    add_way(counting, from, to, false);
}

// --- broadcast ----------------------------------------------------------------------------------
// First tile of the bus that a tile is on.
static uint32_t bus_of(const struct counting *counting, uint32_t tile)
{
    return tile - tile % counting->chip_tiles % counting->config->bus_sharing;
}

// Are all tiles of the bus destinations?
static bool is_bus_complete(const struct counting *counting, uint32_t bus)
{
    for (uint32_t i = bus; i < bus + counting->config->bus_sharing; i++) {
        if (i >= counting->tile_count || bus_of(counting, i) != bus || !counting->is_heard[i]) {
            return false;
        }
    }
    return true;
}

static void begin_broadcast(struct counting *counting, const struct flow *flow)
{
    counting->hearing_count = 0;
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        uint32_t tile = destination_tile(flow, i);
        if (!counting->is_heard[tile]) {
            counting->is_heard[tile] = true;
            counting->hearing[counting->hearing_count++] =
                (struct hearing_tile){.tile = tile, .bus = bus_of(counting, tile)};
        }
    }
    for (uint32_t i = 0; i < counting->hearing_count; i++) {
        struct hearing_tile *hearing = &counting->hearing[i];
        hearing->is_complete = is_bus_complete(counting, hearing->bus);
    }
}

static void end_broadcast(struct counting *counting)
{
    for (uint32_t i = 0; i < counting->hearing_count; i++) {
        counting->is_heard[counting->hearing[i].tile] = false;
    }
}

// Does the source send at the width of a bus? Tiles of its own bus have no say in it.
static bool is_sent_wide(const struct counting *counting, uint32_t source)
{
    uint32_t bus = bus_of(counting, source);
    bool is_any = false;
    for (uint32_t i = 0; i < counting->hearing_count; i++) {
        if (counting->hearing[i].bus != bus) {
            is_any = true;
            if (!counting->hearing[i].is_complete) {
                return false;
            }
        }
    }
    return is_any;
}

static void count_source(struct counting *counting, const struct flow *flow, uint32_t source)
{
    uint64_t full = exchange_port_cycles(counting->config, flow->bytes);
    uint64_t shared = exchange_shared_port_cycles(counting->config, flow->bytes);
    bool is_wide = is_sent_wide(counting, source);
    uint32_t bus = bus_of(counting, source);
    for (uint32_t i = 0; i < counting->hearing_count; i++) {
        const struct hearing_tile *hearing = &counting->hearing[i];
        if (hearing->tile != source) {
            bool comes_wide = hearing->bus == bus ? is_wide : hearing->is_complete;
            add_received(counting, hearing->tile, comes_wide ? shared : full);
            add_way(counting, source, hearing->tile, counting->hearing_count > 1);
        }
    }
    if (counting->hearing_count > counting->is_heard[source]) { // others than the sender
        add_sent(counting, source, is_wide ? shared : full);
    }
}

static void count_broadcast(struct counting *counting, const struct flow *flow)
{
    begin_broadcast(counting, flow);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        count_source(counting, flow, source_tile(flow, i));
    }
    end_broadcast(counting);
}

// --- the other kinds ----------------------------------------------------------------------------
static void count_all_to_all(struct counting *counting, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        for (uint32_t j = 0; j < flow->destination_count; j++) {
            add_message(counting, source_tile(flow, i), destination_tile(flow, j), flow->bytes);
        }
    }
}

static void count_pairs(struct counting *counting, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        add_message(counting, source_tile(flow, i), destination_tile(flow, i), flow->bytes);
    }
}

// Word by word: as long as they go from one source item to one destination item they are one
// message.
static void count_redistribution(struct counting *counting, const struct flow *flow)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    for (uint64_t first = 0, end = 0; first < words; first = end) {
        uint64_t source = first * flow->source_count / words;
        uint64_t destination = first * flow->destination_count / words;
        while (end < words && end * flow->source_count / words == source &&
               end * flow->destination_count / words == destination) {
            end++;
        }
        add_message(counting, source_tile(flow, (uint32_t)source),
                    destination_tile(flow, (uint32_t)destination),
                    (end - first) * EXCHANGE_WORD_BYTES);
    }
}

static void count_flow(struct counting *counting, const struct flow *flow)
{
    switch (flow->kind) {
    case FLOW_BROADCAST:
        count_broadcast(counting, flow);
        break;
    case FLOW_ALL_TO_ALL:
        count_all_to_all(counting, flow);
        break;
    case FLOW_PAIRS:
        count_pairs(counting, flow);
        break;
    case FLOW_REDISTRIBUTE:
        count_redistribution(counting, flow);
        break;
    }
}

void messages_all_tiles(const struct chip_config *chip, const struct program *program,
                        const struct exchange_step *exchange, struct exchange_load *loads)
{
    struct counting counting = {.config = &chip->exchange,
                                .fabric = exchange_fabric(chip->exchange.fabric),
                                .tile_count = program->tile_count,
                                .chip_tiles = program->chip_tiles,
                                .loads = loads,
                                .is_heard = xcalloc(program->tile_count, sizeof *counting.is_heard),
                                .hearing = xcalloc(program->tile_count, sizeof *counting.hearing)};
    memset(loads, 0, program->tile_count * sizeof *loads);
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        if (flow->bytes > 0) {
            count_flow(&counting, flow);
        }
    }
    free(counting.is_heard);
    free(counting.hearing);
}

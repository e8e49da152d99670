// Convention: `ports` holds one entry per tile. A flow adds to it through functions add_<kind>,
// which cost (sources + destinations), never sources x destinations. Where tiles follow one another
// a whole run of messages costs as much as one: `steps` holds what changes from a tile to the next.
#include "exchange/compiled_bus.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/ways.h"
#include "sim/err.h"
#include "sim/units.h"

struct port { // of one tile; in `steps`: what it has more than the tile before, modulo 2^64
    uint64_t out_cycles, in_cycles;
    uint64_t sent, received;
};

struct items { // of the flow at hand that lie on a tile
    uint32_t sources, destinations;
};

struct tile_buffer { // owned
    uint32_t *tiles;
    uint32_t room;
};

struct measuring {
    const struct exchange_config *config;
    const struct program *program;
    struct ways *ways;               // owned
    struct port *ports;              // owned; [tile]; all zero between exchanges
    struct port *steps;              // owned; [tile + 1]; the same
    bool has_steps;                  // else all of them are zero
    uint32_t first_tile, end_tile;   // no flow of the exchange at hand touches any other
    struct items *items;             // owned; [tile]; all zero between flows
    struct tile_buffer sources;      // tiles of the items of the flow at hand
    struct tile_buffer destinations; // the same
    struct exchange_load *load;
};

// --- words on the ports -------------------------------------------------------------------------
// Tiles of the items of the flow at hand, looked up once.
static void list_tiles(struct tile_buffer *buffer, const struct tile_map *map, uint32_t first,
                       uint32_t count)
{
    if (count > buffer->room) {
        free(buffer->tiles);
        buffer->tiles = xmalloc(count * sizeof *buffer->tiles);
        buffer->room = count;
    }
    for (uint32_t i = 0; i < count; i++) {
        buffer->tiles[i] = tile_map_at(map, first + i);
    }
}

static void count_items(struct measuring *measuring, const struct flow *flow)
{
    list_tiles(&measuring->sources, &flow->source, flow->first_source, flow->source_count);
    list_tiles(&measuring->destinations, &flow->destination, flow->first_destination,
               flow->destination_count);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        measuring->items[measuring->sources.tiles[i]].sources++;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        measuring->items[measuring->destinations.tiles[i]].destinations++;
    }
}

static void forget_items(struct measuring *measuring, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        measuring->items[measuring->sources.tiles[i]].sources = 0;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        measuring->items[measuring->destinations.tiles[i]].destinations = 0;
    }
}

static void add_farthest_pair(struct measuring *measuring, const struct flow *flow,
                              bool is_broadcast)
{
    struct tile_list sources = {measuring->sources.tiles, flow->source_count};
    struct tile_list destinations = {measuring->destinations.tiles, flow->destination_count};
    struct exchange_load *load = measuring->load;
    load->latency_millicycles = ways_longest_of_all(measuring->ways, sources, destinations,
                                                    is_broadcast, load->latency_millicycles);
}

struct bus {
    uint32_t first, end; // tiles
};

// That `tile` belongs to. The last one of a chip, and of the program, may be short of tiles.
static struct bus bus_of(const struct measuring *measuring, uint32_t tile)
{
    const struct program *program = measuring->program;
    uint32_t share = measuring->config->bus_sharing;
    uint32_t on_chip = tile % program->chip_tiles;
    uint32_t first_of_chip = tile - on_chip;
    uint64_t first = tile - on_chip % share;
    uint64_t end_of_chip = (uint64_t)first_of_chip + program->chip_tiles;
    uint64_t end = min_u64(min_u64(first + share, end_of_chip), program->tile_count);
    return (struct bus){.first = (uint32_t)first, .end = (uint32_t)end};
}

// Destination tiles among those of the bus that `tile` belongs to.
static uint32_t count_on_bus(const struct measuring *measuring, uint32_t tile)
{
    struct bus bus = bus_of(measuring, tile);
    uint32_t count = 0;
    for (uint32_t i = bus.first; i < bus.end; i++) {
        count += measuring->items[i].destinations > 0;
    }
    return count;
}

// Source items that lie on other tiles of the bus of `tile`.
static uint32_t count_sources_beside(const struct measuring *measuring, uint32_t tile)
{
    struct bus bus = bus_of(measuring, tile);
    uint32_t sources = 0;
    for (uint32_t i = bus.first; i < bus.end; i++) {
        sources += i != tile ? measuring->items[i].sources : 0;
    }
    return sources;
}

struct audience {              // of one broadcast, its sources included where they are destinations
    uint32_t tiles;            // distinct destination tiles
    uint32_t buses;            // of which some tiles are destinations
    uint32_t incomplete_buses; // of which some are, but not all
};

static struct audience count_audience(const struct measuring *measuring, const struct flow *flow)
{
    struct audience audience = {0};
    uint32_t share = measuring->config->bus_sharing;
    // positions repeat after one turn of the map: distinct tiles come from distinct positions
    uint32_t distinct = flow->destination_count < flow->destination.positions
                            ? flow->destination_count
                            : flow->destination.positions;
    for (uint32_t i = 0; i < distinct; i++) {
        uint32_t tile = measuring->destinations.tiles[i];
        audience.tiles++;
        uint32_t on_bus = count_on_bus(measuring, tile);
        bool is_first_of_bus = true;
        for (uint32_t other = bus_of(measuring, tile).first; other < tile; other++) {
            is_first_of_bus = is_first_of_bus && measuring->items[other].destinations == 0;
        }
        audience.buses += is_first_of_bus;
        audience.incomplete_buses += is_first_of_bus && on_bus < share;
    }
    return audience;
}

// Does what a source on the bus of `tile` sends have the width of a bus?
static bool is_sent_wide(const struct measuring *measuring, struct audience audience, uint32_t tile)
{
    uint32_t on_bus = count_on_bus(measuring, tile);
    bool is_incomplete = on_bus > 0 && on_bus < measuring->config->bus_sharing;
    return audience.incomplete_buses == is_incomplete && audience.buses > (on_bus > 0);
}

static void add_broadcast_sources(struct measuring *measuring, const struct flow *flow,
                                  struct audience audience)
{
    const struct exchange_config *config = measuring->config;
    uint64_t full = exchange_port_cycles(config, flow->bytes);
    uint64_t shared = exchange_shared_port_cycles(config, flow->bytes);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        uint32_t tile = measuring->sources.tiles[i];
        struct port *port = &measuring->ports[tile];
        uint32_t receivers = audience.tiles - (measuring->items[tile].destinations > 0);
        if (receivers > 0) {
            port->sent++;
            port->out_cycles += is_sent_wide(measuring, audience, tile) ? shared : full;
        }
    }
}

static void add_broadcast(struct measuring *measuring, const struct flow *flow,
                          struct audience audience)
{
    const struct exchange_config *config = measuring->config;
    uint64_t full = exchange_port_cycles(config, flow->bytes);
    uint64_t shared = exchange_shared_port_cycles(config, flow->bytes);
    add_broadcast_sources(measuring, flow, audience);
    uint32_t distinct = flow->destination_count < flow->destination.positions
                            ? flow->destination_count
                            : flow->destination.positions;
    for (uint32_t i = 0; i < distinct; i++) {
        uint32_t tile = measuring->destinations.tiles[i];
        struct port *port = &measuring->ports[tile];
        uint64_t beside = count_sources_beside(measuring, tile);
        uint64_t others = flow->source_count - measuring->items[tile].sources - beside;
        bool is_complete = count_on_bus(measuring, tile) == config->bus_sharing;
        port->received += others + beside;
        port->in_cycles += others * (is_complete ? shared : full);
        port->in_cycles += beside * (is_sent_wide(measuring, audience, tile) ? shared : full);
    }
}

static void add_all_to_all(struct measuring *measuring, const struct flow *flow)
{
    uint64_t cycles = exchange_port_cycles(measuring->config, flow->bytes);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        uint32_t tile = measuring->sources.tiles[i];
        struct port *port = &measuring->ports[tile];
        uint64_t messages = flow->destination_count - measuring->items[tile].destinations;
        port->sent += messages;
        port->out_cycles += messages * cycles;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        uint32_t tile = measuring->destinations.tiles[i];
        struct port *port = &measuring->ports[tile];
        uint64_t messages = flow->source_count - measuring->items[tile].sources;
        port->received += messages;
        port->in_cycles += messages * cycles;
    }
}

static void add_message(struct measuring *measuring, uint32_t from, uint32_t to, uint64_t bytes)
{
    if (from == to) {
        return;
    }
    uint64_t cycles = exchange_port_cycles(measuring->config, bytes);
    struct exchange_load *load = measuring->load;
    measuring->ports[from].sent++;
    measuring->ports[from].out_cycles += cycles;
    measuring->ports[to].received++;
    measuring->ports[to].in_cycles += cycles;
    load->latency_millicycles =
        ways_longest_of_run(measuring->ways, from, to, 1, load->latency_millicycles);
}

// Messages of equal size from `count` consecutive tiles to as many others.
static void add_run(struct measuring *measuring, uint32_t from, uint32_t to, uint32_t count,
                    uint64_t bytes)
{
    if (from == to) {
        return;
    }
    uint64_t cycles = exchange_port_cycles(measuring->config, bytes);
    struct port *steps = measuring->steps;
    measuring->has_steps = true;
    steps[from].sent++;
    steps[from].out_cycles += cycles;
    steps[from + count].sent--;
    steps[from + count].out_cycles -= cycles;
    steps[to].received++;
    steps[to].in_cycles += cycles;
    steps[to + count].received--;
    steps[to + count].in_cycles -= cycles;
    struct exchange_load *load = measuring->load;
    load->latency_millicycles =
        ways_longest_of_run(measuring->ways, from, to, count, load->latency_millicycles);
}

static void add_pairs(struct measuring *measuring, const struct flow *flow)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < flow->source_count; i += count) {
        uint32_t source = flow->first_source + i;
        uint32_t destination = flow->first_destination + i;
        count = tile_map_run(&flow->source, source, flow->source_count - i);
        count = tile_map_run(&flow->destination, destination, count);
        add_run(measuring, tile_map_at(&flow->source, source),
                tile_map_at(&flow->destination, destination), count, flow->bytes);
    }
}

// Ends of the parts of a division of `words` words, one after the other: part i holds the words w
// with floor(w * parts / words) = i, so that it ends before word ceil((i + 1) * words / parts).
struct division {
    uint64_t end, parts;
    uint64_t whole, rest; // words / parts and words % parts
    uint64_t over;        // end * parts - (parts so far) * words: what rounding up has added
};

static void next_part(struct division *division)
{
    division->end += division->whole;
    if (division->over >= division->rest) {
        division->over -= division->rest;
    } else {
        division->over += division->parts - division->rest;
        division->end++;
    }
}

static struct division divide(uint64_t words, uint32_t parts)
{
    struct division division = {.parts = parts, .whole = words / parts, .rest = words % parts};
    next_part(&division);
    return division;
}

// Walks both divisions of the words side by side: one message for every overlap of two parts.
static void add_redistribution(struct measuring *measuring, const struct flow *flow)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    struct division source = divide(words, flow->source_count);
    struct division destination = divide(words, flow->destination_count);
    uint32_t source_item = flow->first_source, destination_item = flow->first_destination;
    uint64_t word = 0;
    while (word < words) {
        uint64_t end = min_u64(source.end, destination.end);
        if (end > word) {
            add_message(measuring, tile_map_at(&flow->source, source_item),
                        tile_map_at(&flow->destination, destination_item),
                        (end - word) * EXCHANGE_WORD_BYTES);
            word = end;
        }
        bool is_source_done = source.end == end, is_destination_done = destination.end == end;
        if (is_source_done) {
            next_part(&source);
            source_item++;
        }
        if (is_destination_done) {
            next_part(&destination);
            destination_item++;
        }
    }
}

static void add_flow(struct measuring *measuring, const struct flow *flow)
{
    if (flow->bytes == 0) {
        return;
    }
    struct audience audience;
    switch (flow->kind) {
    case FLOW_BROADCAST:
        count_items(measuring, flow);
        audience = count_audience(measuring, flow);
        add_broadcast(measuring, flow, audience);
        forget_items(measuring, flow);
        add_farthest_pair(measuring, flow, audience.tiles > 1);
        break;
    case FLOW_ALL_TO_ALL:
        count_items(measuring, flow);
        add_all_to_all(measuring, flow);
        forget_items(measuring, flow);
        add_farthest_pair(measuring, flow, false);
        break;
    case FLOW_PAIRS:
        add_pairs(measuring, flow);
        break;
    case FLOW_REDISTRIBUTE:
        add_redistribution(measuring, flow);
        break;
    }
}

static void widen(struct measuring *measuring, const struct tile_map *map)
{
    uint32_t end = tile_map_at(map, map->positions - 1) + 1; // all forms of the map ascend
    measuring->first_tile = map->first < measuring->first_tile ? map->first : measuring->first_tile;
    measuring->end_tile = end > measuring->end_tile ? end : measuring->end_tile;
}

static void sum_steps(struct measuring *measuring)
{
    struct port sum = {0};
    for (uint32_t i = measuring->first_tile; i < measuring->end_tile; i++) {
        const struct port *step = &measuring->steps[i];
        struct port *port = &measuring->ports[i];
        sum.out_cycles += step->out_cycles;
        sum.in_cycles += step->in_cycles;
        sum.sent += step->sent;
        sum.received += step->received;
        port->out_cycles += sum.out_cycles;
        port->in_cycles += sum.in_cycles;
        port->sent += sum.sent;
        port->received += sum.received;
    }
    size_t tiles = measuring->end_tile - measuring->first_tile;
    memset(&measuring->steps[measuring->first_tile], 0, (tiles + 1) * sizeof *measuring->steps);
    measuring->has_steps = false;
}

// Takes the maxima and leaves everything zero for the next exchange.
static void close_ports(struct measuring *measuring)
{
    struct exchange_load *load = measuring->load;
    if (measuring->has_steps) {
        sum_steps(measuring);
    }
    for (uint32_t i = measuring->first_tile; i < measuring->end_tile; i++) {
        struct port *port = &measuring->ports[i];
        load->out_cycles = max_u64(load->out_cycles, port->out_cycles);
        load->in_cycles = max_u64(load->in_cycles, port->in_cycles);
        load->sent_messages = max_u64(load->sent_messages, port->sent);
        load->received_messages = max_u64(load->received_messages, port->received);
        *port = (struct port){0};
    }
}

static void measure(struct measuring *measuring, const struct exchange_step *exchange,
                    struct exchange_load *load)
{
    measuring->load = load;
    measuring->first_tile = UINT32_MAX;
    measuring->end_tile = 0;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &measuring->program->flows[exchange->first_flow + i];
        widen(measuring, &flow->source);
        widen(measuring, &flow->destination);
        add_flow(measuring, flow);
    }
    close_ports(measuring);
}

static struct measuring *measuring_create(const struct exchange_config *config,
                                          const struct program *program)
{
    struct measuring *measuring = xcalloc(1, sizeof *measuring);
    measuring->config = config;
    measuring->program = program;
    measuring->ways = ways_create(config, program->tile_count, program->chip_tiles);
    measuring->ports = xcalloc(program->tile_count, sizeof *measuring->ports);
    measuring->items = xcalloc(program->tile_count, sizeof *measuring->items);
    measuring->steps = xcalloc((size_t)program->tile_count + 1, sizeof *measuring->steps);
    return measuring;
}

static void measuring_destroy(struct measuring *measuring)
{
    ways_destroy(measuring->ways);
    free(measuring->ports);
    free(measuring->steps);
    free(measuring->items);
    free(measuring->sources.tiles);
    free(measuring->destinations.tiles);
    free(measuring);
}

// --- the rule -----------------------------------------------------------------------------------
// Way of the first word, fixed cost by pattern, words on the busiest port. docs/validation.md says
// how closely it follows the collectives measured by JIA.
static uint64_t cycles(const struct exchange_config *config, const struct exchange_load *load)
{
    if (load->sent_messages == 0) {
        return 0;
    }
    uint64_t way_cycles = div_ceil(load->latency_millicycles, MILLICYCLES_PER_CYCLE);
    uint64_t first_cycles = way_cycles + config->fixed_cycles;
    uint64_t busiest_cycles = max_u64(load->out_cycles, load->in_cycles);
    if (load->sent_messages > 1 && load->received_messages <= 1) {
        // Measured scatters cost the same beside their words for 2 tiles and for 608: the fixed
        // part covers every way on the chip.
        return max_u64(first_cycles, config->fan_out_fixed_cycles) + busiest_cycles;
    }
    if (load->sent_messages <= 1 && load->received_messages > 1) {
        // The receiver takes near words while far ones are on their way: the longer one counts.
        return max_u64(first_cycles + load->out_cycles,
                       config->fan_in_fixed_cycles + busiest_cycles);
    }
    return first_cycles + busiest_cycles;
}

const struct fabric compiled_bus_fabric = {
    .name = "compiled_bus",
    .latency_millicycles = ways_between,
    .farthest_millicycles = ways_farthest,
    .measuring_create = measuring_create,
    .measuring_destroy = measuring_destroy,
    .measure = measure,
    .cycles = cycles,
};

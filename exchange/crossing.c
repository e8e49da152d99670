// Convention: all functions work on the flows or on the traffic of the exchange at hand; seconds
// inside, cycles outside.
#include "exchange/crossing.h"

#include <math.h>
#include <stdlib.h>

#include "exchange/exchange.h"
#include "exchange/ways.h"
#include "sim/err.h"
#include "sim/units.h"

// --- ports of tiles -----------------------------------------------------------------------------
// Most items of a map that lie on one tile.
static uint64_t items_on_tile(const struct tile_map *map, uint32_t count)
{
    return div_ceil(count, map->positions);
}

// Of the sources, those that lie on other chips than a destination does: for the destination that
// has most of them.
static uint64_t count_from_afar(const struct program *program, const struct flow *flow)
{
    uint64_t *sources = xcalloc(program->chips, sizeof *sources);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        sources[tile_map_at(&flow->source, flow->first_source + i) / program->chip_tiles]++;
    }
    uint64_t near = flow->source_count;
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        uint32_t tile = tile_map_at(&flow->destination, flow->first_destination + i);
        near = min_u64(near, sources[tile / program->chip_tiles]);
    }
    free(sources);
    return flow->source_count - near;
}

// Cycles of the busiest port of a flow that crosses. A message from another chip has `arrival`
// words more there.
static uint64_t port_cycles(const struct system_config *system, const struct program *program,
                            const struct flow *flow)
{
    const struct exchange_config *exchange = &system->chip->exchange;
    uint64_t message = exchange_port_cycles(exchange, flow->bytes);
    uint64_t arrival =
        exchange_port_cycles(exchange, (uint64_t)system->arrival_words * EXCHANGE_WORD_BYTES);
    uint64_t sending = items_on_tile(&flow->source, flow->source_count);
    uint64_t receiving = items_on_tile(&flow->destination, flow->destination_count);
    switch (flow->kind) {
    case FLOW_BROADCAST:
        return max_u64(sending * message,
                       flow->source_count * exchange_shared_port_cycles(exchange, flow->bytes) +
                           count_from_afar(program, flow) * arrival);
    case FLOW_ALL_TO_ALL:
        return max_u64(
            sending * flow->destination_count * message,
            receiving * (flow->source_count * message + count_from_afar(program, flow) * arrival));
    case FLOW_PAIRS:
        return max_u64(sending * message, receiving * (message + arrival));
    case FLOW_REDISTRIBUTE:
        break;
    }
    uint64_t ends = min_u64(flow->source_count, flow->destination_count);
    return exchange_port_cycles(exchange, div_ceil(flow->bytes, ends)) +
           arrival * div_ceil(flow->source_count, flow->destination_count);
}

// A broadcast that comes over a link reaches the tiles there as one of their own chip does, which
// takes longer than the way of a word to the nearest tile: as from the sender's place, for where
// links enter is not known.
static uint64_t spread_cycles(const struct system_config *system, const struct program *program,
                              const struct flow *flow)
{
    if (flow->kind != FLOW_BROADCAST) {
        return 0;
    }
    const struct exchange_config *exchange = &system->chip->exchange;
    const struct fabric *fabric = exchange_fabric(exchange->fabric);
    uint32_t from = tile_map_at(&flow->source, flow->first_source);
    uint64_t farthest = 0;
    uint64_t tiles = min_u64(flow->destination_count, flow->destination.positions);
    for (uint32_t i = 0; i < tiles; i++) {
        uint32_t to = tile_map_at(&flow->destination, flow->first_destination + i);
        if (to / program->chip_tiles != from / program->chip_tiles) {
            farthest =
                max_u64(farthest, fabric->latency_millicycles(exchange, from % program->chip_tiles,
                                                              to % program->chip_tiles, tiles > 1));
        }
    }
    uint64_t nearest = fabric->latency_millicycles(exchange, 0, 0, false);
    return div_ceil(farthest - min_u64(farthest, nearest), MILLICYCLES_PER_CYCLE);
}

// --- ways ---------------------------------------------------------------------------------------
struct way {
    const struct chip_traffic *traffic;
    struct system_route route; // owned
    bool has_rung;             // crossed together with the first rail: see hop_of()
};

static struct way way_of(const struct system_config *system, const struct chip_traffic *traffic)
{
    struct way way = {.traffic = traffic,
                      .route = system_route(system, traffic->from, traffic->to)};
    if (system->route_rule == ROUTE_RUNG_FIRST && way.route.count > 0) {
        const struct system_link *first = &system->links[way.route.links[0]];
        way.has_rung = first->from / 2 == first->to / 2;
    }
    return way;
}

// Runs that come over a rung go on along the rail as they come: the narrower of the two holds them
// up.
static uint32_t hop_of(const struct way *way, uint32_t link)
{
    return link - (way->has_rung && link > 0);
}

static double rate_of(const struct system_config *system, const struct way *way, uint32_t link)
{
    return system_link_rate(system, &system->links[way->route.links[link]]);
}

// Of what one run carries: one tile of a chip to one of another. Every link costs it the same share
// of its rate.
static double stream_seconds(const struct system_config *system, const struct way *way)
{
    double port = system->chip->exchange.bytes_per_cycle * system->chip->clock_hz;
    double rate = port * pow(system->stream_efficiency, way->route.count);
    return (double)way->traffic->bytes / (double)way->traffic->runs / rate;
}

struct ways {
    const struct system_config *system;
    struct way *items; // owned
    uint32_t count;
    double *busy_seconds; // owned; [lane]; all zero between uses
};

// The busiest lane of those added to, and all are zero again.
static double take_longest(const struct ways *ways)
{
    double longest = 0;
    for (uint32_t i = 0; i < 2 * ways->system->link_count; i++) {
        longest = fmax(longest, ways->busy_seconds[i]);
        ways->busy_seconds[i] = 0;
    }
    return longest;
}

static double hop_seconds(const struct ways *ways, uint32_t hop, double packet_bytes)
{
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct way *way = &ways->items[i];
        for (uint32_t k = hop; k < way->route.count && hop_of(way, k) <= hop; k++) {
            if (hop_of(way, k) == hop) {
                ways->busy_seconds[way->route.lanes[k]] +=
                    (double)way->traffic->runs * packet_bytes / rate_of(ways->system, way, k);
            }
        }
    }
    return take_longest(ways);
}

static double start_seconds(const struct ways *ways)
{
    uint32_t links = 0;
    for (uint32_t i = 0; i < ways->count; i++) {
        links = ways->items[i].route.count > links ? ways->items[i].route.count : links;
    }
    const struct system_config *system = ways->system;
    double packet_bytes = system->packet_bytes + (links > 1 ? system->route_bytes : 0);
    double seconds = 0;
    for (uint32_t hop = 0; hop < links; hop++) {
        seconds += hop_seconds(ways, hop, packet_bytes);
    }
    return seconds;
}

// Of all words that go over the busiest link, at its full rate.
static double words_seconds(const struct ways *ways)
{
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct way *way = &ways->items[i];
        double bytes = (double)crossing_link_bytes(ways->system, way->traffic);
        for (uint32_t k = 0; k < way->route.count; k++) {
            ways->busy_seconds[way->route.lanes[k]] += bytes / rate_of(ways->system, way, k);
        }
    }
    return take_longest(ways);
}

uint64_t crossing_link_bytes(const struct system_config *system, const struct chip_traffic *traffic)
{
    uint64_t further = traffic->messages - min_u64(traffic->messages, traffic->runs);
    return max_u64(traffic->bytes, (uint64_t)((double)further * system->message_bytes));
}

// Of the busiest tile.
static uint64_t longest_port_cycles(const struct system_config *system,
                                    const struct program *program,
                                    const struct exchange_step *exchange)
{
    uint64_t cycles = 0;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        struct exchange_step alone = {exchange->name, exchange->first_flow + i, 1};
        if (traffic_crosses(program, &alone)) {
            const struct flow *flow = &program->flows[alone.first_flow];
            cycles = max_u64(cycles, port_cycles(system, program, flow) +
                                         spread_cycles(system, program, flow));
        }
    }
    return cycles;
}

struct crossing crossing_measure(const struct system_config *system, const struct program *program,
                                 const struct exchange_step *exchange)
{
    struct traffic_list list = traffic_measure(system, program, exchange);
    if (list.count == 0) {
        return (struct crossing){0};
    }
    struct ways ways = {.system = system,
                        .items = xcalloc(list.count, sizeof *ways.items),
                        .count = list.count,
                        .busy_seconds = xcalloc(2 * (size_t)system->link_count, sizeof(double))};
    double latency = 0;
    double stream = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        ways.items[i] = way_of(system, &list.items[i]);
        latency = fmax(latency, ways.items[i].route.latency_seconds);
        stream = fmax(stream, stream_seconds(system, &ways.items[i]));
    }
    double clock_hz = system->chip->clock_hz;
    uint64_t port = longest_port_cycles(system, program, exchange);
    struct crossing crossing = {
        .start_cycles = seconds_to_cycles(start_seconds(&ways), clock_hz),
        .least_cycles = seconds_to_cycles(latency, clock_hz) +
                        max_u64(port, seconds_to_cycles(stream, clock_hz)),
        .words_cycles = seconds_to_cycles(latency + words_seconds(&ways), clock_hz),
    };
    for (uint32_t i = 0; i < list.count; i++) {
        system_route_free(&ways.items[i].route);
    }
    free(ways.items);
    free(ways.busy_seconds);
    traffic_free(&list);
    return crossing;
}

// Convention: all functions work on the flows or on the traffic of the exchange at hand; seconds inside, cycles outside.
#include "exchange/crossing.h"

#include <math.h>
#include <stdlib.h>

#include "exchange/exchange.h"
#include "sim/err.h"
#include "sim/units.h"

// --- ports of tiles -----------------------------------------------------------------------------
// Most items of a map that lie on one tile.
static uint64_t items_on_tile(const struct tile_map *map, uint32_t count)
{
    return div_ceil(count, map->positions);
}

// Of the sources, those that lie on other chips than a destination does: for the destination that has most of them.
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

// Cycles of the busiest port of a flow that crosses. A message from another chip has `arrival` words more there.
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

// --- ways ---------------------------------------------------------------------------------------
struct way {
    const struct chip_traffic *traffic;
    struct system_route
        route; // owned; links are lanes by direction: 2 * lane + 1 from the higher chip to the lower
    uint32_t first_hop; // number of the first link's, among all that goes on in the system
};

static struct way way_of(const struct system_config *system, const struct chip_traffic *traffic)
{
    struct way way = {.traffic = traffic,
                      .route = system_route(system, traffic->from, traffic->to)};
    // what crosses a rung does it before anything goes along a rail
    way.first_hop = system->route_rule == ROUTE_RUNG_FIRST && traffic->from % 2 == traffic->to % 2;
    uint32_t at = traffic->from;
    for (uint32_t i = 0; i < way.route.count; i++) {
        const struct system_link *link = &system->links[way.route.links[i]];
        bool is_backwards = at == link->to;
        at = is_backwards ? link->from : link->to;
        way.route.links[i] = 2 * link->lane + is_backwards;
    }
    return way;
}

// Both links of a lane are of one kind.
static const struct system_link *link_of(const struct system_config *system, const struct way *way,
                                         uint32_t i)
{
    return &system->links[way->route.links[i] / 2];
}

static double latency_of(const struct system_config *system, const struct way *way)
{
    double seconds = system->crossing_seconds;
    for (uint32_t i = 0; i < way->route.count; i++) {
        seconds += system->kinds[link_of(system, way, i)->kind].latency_seconds;
    }
    return seconds;
}

// Of what one run carries: one tile of a chip to one of another. Every link costs it the same share of its rate.
static double stream_seconds(const struct system_config *system, const struct way *way)
{
    double port = system->chip->exchange.bytes_per_cycle * system->chip->clock_hz;
    double rate = port * pow(system->stream_efficiency, way->route.count);
    return (double)way->traffic->bytes / (double)way->traffic->runs / rate;
}

static double hop_seconds(const struct system_config *system, const struct way *ways,
                          uint32_t way_count, uint32_t hop, double *busy_seconds)
{
    double longest = 0;
    for (uint32_t i = 0; i < way_count; i++) {
        const struct way *way = &ways[i];
        if (hop >= way->first_hop && hop < way->first_hop + way->route.count) {
            uint32_t at = hop - way->first_hop;
            double *busy = &busy_seconds[way->route.links[at]];
            *busy += (double)way->traffic->runs * system->packet_bytes /
                     system_link_rate(system, link_of(system, way, at));
            longest = fmax(longest, *busy);
        }
    }
    for (uint32_t i = 0; i < 2 * system->link_count; i++) {
        busy_seconds[i] = 0;
    }
    return longest;
}

static double start_seconds(const struct system_config *system, const struct way *ways,
                            uint32_t way_count)
{
    uint32_t hops = 0;
    for (uint32_t i = 0; i < way_count; i++) {
        uint32_t end = ways[i].first_hop + ways[i].route.count;
        hops = end > hops ? end : hops;
    }
    double *busy_seconds = xcalloc(2 * (size_t)system->link_count, sizeof *busy_seconds);
    double seconds = 0;
    for (uint32_t i = 0; i < hops; i++) {
        seconds += hop_seconds(system, ways, way_count, i, busy_seconds);
    }
    free(busy_seconds);
    return seconds;
}

// Of all words that go over the busiest link, at its full rate.
static double words_seconds(const struct system_config *system, const struct way *ways,
                            uint32_t way_count)
{
    double *busy_seconds = xcalloc(2 * (size_t)system->link_count, sizeof *busy_seconds);
    double longest = 0;
    for (uint32_t i = 0; i < way_count; i++) {
        for (uint32_t k = 0; k < ways[i].route.count; k++) {
            double *busy = &busy_seconds[ways[i].route.links[k]];
            *busy += (double)ways[i].traffic->bytes /
                     system_link_rate(system, link_of(system, &ways[i], k));
            longest = fmax(longest, *busy);
        }
    }
    free(busy_seconds);
    return longest;
}

struct crossing crossing_measure(const struct system_config *system, const struct program *program,
                                 const struct exchange_step *exchange)
{
    struct traffic_list list = traffic_measure(program, exchange);
    struct way *ways = xcalloc(list.count, sizeof *ways);
    double latency = 0;
    double stream = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        ways[i] = way_of(system, &list.items[i]);
        latency = fmax(latency, latency_of(system, &ways[i]));
        stream = fmax(stream, stream_seconds(system, &ways[i]));
    }
    double clock_hz = system->chip->clock_hz;
    uint64_t port = 0;
    for (uint32_t i = 0; list.count > 0 && i < exchange->flow_count; i++) {
        struct exchange_step alone = {exchange->name, exchange->first_flow + i, 1};
        if (traffic_crosses(program, &alone)) {
            const struct flow *flow = &program->flows[alone.first_flow];
            port = max_u64(port, port_cycles(system, program, flow));
        }
    }
    struct crossing crossing = {
        .start_cycles = seconds_to_cycles(start_seconds(system, ways, list.count), clock_hz),
        .least_cycles = seconds_to_cycles(latency, clock_hz) +
                        max_u64(port, seconds_to_cycles(stream, clock_hz)),
        .words_cycles =
            seconds_to_cycles(latency + words_seconds(system, ways, list.count), clock_hz),
    };
    for (uint32_t i = 0; i < list.count; i++) {
        system_route_free(&ways[i].route);
    }
    free(ways);
    traffic_free(&list);
    return crossing;
}

// Convention: `ports` holds one entry per tile. A flow adds to it through functions add_<kind>,
// which cost (sources + destinations), never sources x destinations. Places and costs are integers
// in thousandths of a cycle, so that sums do not depend on their order.
#include "exchange/compiled_bus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

#define MILLICYCLES_PER_CYCLE 1000u

struct port {
    uint64_t out_cycles, in_cycles;
    uint64_t sent, received;
    uint32_t sources, destinations; // items of the flow at hand that lie on this tile
};

struct measuring {
    const struct exchange_config *config;
    struct port *ports; // owned; [tile]
    uint32_t tile_count;
    struct exchange_load *load;
};

// --- place and latency --------------------------------------------------------------------------
struct place {
    int64_t position; // along the spine
    int64_t island;   // 0 lies beside the spine
};

// The columns lie in two rows, one on either side of the spine, and are numbered around it: the
// first one lies opposite to the last, and those in the middle are the farthest from both (JIA).
static struct place place_of(const struct exchange_config *config, uint32_t tile)
{
    uint32_t column = 0, island = 0;
    if (config->tile_numbering == TILES_ALONG_COLUMNS) {
        uint32_t column_tiles = config->islands_per_column * config->tiles_per_island;
        column = tile / column_tiles % config->columns;
        island = tile % column_tiles / config->tiles_per_island;
    } else {
        uint32_t row_tiles = config->columns * config->tiles_per_island;
        column = tile % row_tiles / config->tiles_per_island;
        island = tile / row_tiles;
    }
    uint32_t from_end = config->columns - 1 - column;
    return (struct place){.position = column < from_end ? column : from_end, .island = island};
}

static int64_t to_millicycles(double cycles)
{
    return llround(cycles * MILLICYCLES_PER_CYCLE);
}

static int64_t island_millicycles(const struct exchange_config *config, bool is_broadcast)
{
    return to_millicycles(config->latency_cycles_per_island) +
           (is_broadcast ? to_millicycles(config->broadcast_cycles_per_island) : 0);
}

// The way of a word. Linear in islands as measured, linear along the spine by assumption. Of the
// two islands the farther one counts: were both added up, pairs all over the chip would take 36
// cycles longer than they do (JIA: 264 cycles with their sync, for 76 pairs and for 1216).
static uint64_t way_millicycles(const struct exchange_config *config, int64_t islands,
                                int64_t columns, bool is_broadcast)
{
    return (uint64_t)config->latency_base_cycles * MILLICYCLES_PER_CYCLE +
           (uint64_t)(islands * island_millicycles(config, is_broadcast) +
                      columns * to_millicycles(config->latency_cycles_per_column));
}

static uint64_t latency_millicycles(const struct exchange_config *config, uint32_t from,
                                    uint32_t to, bool is_broadcast)
{
    struct place source = place_of(config, from);
    struct place destination = place_of(config, to);
    int64_t columns = llabs(source.position - destination.position);
    int64_t islands = source.island > destination.island ? source.island : destination.island;
    return way_millicycles(config, islands, columns, is_broadcast);
}

// Between a first or last column and one in the middle, at the far end of one of them.
static uint64_t farthest_millicycles(const struct exchange_config *config)
{
    return way_millicycles(config, (int64_t)config->islands_per_column - 1,
                           ((int64_t)config->columns - 1) / 2, false);
}

// The two largest values on different tiles.
struct extreme {
    int64_t best, second;
    uint32_t tile; // of best
    bool has_best, has_second;
};

static void extreme_add(struct extreme *extreme, int64_t value, uint32_t tile)
{
    if (!extreme->has_best || tile == extreme->tile) {
        extreme->best = extreme->has_best && extreme->best > value ? extreme->best : value;
        extreme->tile = tile;
        extreme->has_best = true;
    } else if (value > extreme->best) {
        extreme->second = extreme->best;
        extreme->has_second = true;
        extreme->best = value;
        extreme->tile = tile;
    } else if (!extreme->has_second || value > extreme->second) {
        extreme->second = value;
        extreme->has_second = true;
    }
}

// Largest sum of one value of each, from different tiles; `otherwise` if there is none.
static int64_t extreme_sum(const struct extreme *a, const struct extreme *b, int64_t otherwise)
{
    if (a->tile != b->tile) {
        return a->best + b->best;
    }
    int64_t sum = otherwise;
    if (b->has_second && a->best + b->second > sum) {
        sum = a->best + b->second;
    }
    if (a->has_second && a->second + b->best > sum) {
        sum = a->second + b->best;
    }
    return sum;
}

// One of the four ways to read the larger island and the absolute difference of positions. Each is
// a sum of a term of the source and one of the destination; the true way is the largest of the
// four.
struct reading {
    bool has_island; // this end's counts, else the other end's
    int64_t sign;    // of source position - destination position
    int64_t per_island_millicycles;
};

static struct extreme extreme_of(const struct exchange_config *config, const struct tile_map *map,
                                 uint32_t first, uint32_t count, struct reading reading)
{
    int64_t per_column = to_millicycles(config->latency_cycles_per_column);
    struct extreme extreme = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tile = tile_map_at(map, first + i);
        struct place place = place_of(config, tile);
        int64_t island = reading.has_island ? place.island * reading.per_island_millicycles : 0;
        extreme_add(&extreme, island + reading.sign * place.position * per_column, tile);
    }
    return extreme;
}

// Farthest pair of a source and another destination.
static void add_farthest_pair(struct measuring *measuring, const struct flow *flow,
                              bool is_broadcast)
{
    const struct exchange_config *config = measuring->config;
    int64_t per_island = island_millicycles(config, is_broadcast);
    int64_t farthest = -1;
    for (int i = 0; i < 4; i++) {
        struct reading of_source = {i / 2 == 0, i % 2 == 0 ? 1 : -1, per_island};
        struct reading of_destination = {!of_source.has_island, -of_source.sign, per_island};
        struct extreme sources =
            extreme_of(config, &flow->source, flow->first_source, flow->source_count, of_source);
        struct extreme destinations =
            extreme_of(config, &flow->destination, flow->first_destination, flow->destination_count,
                       of_destination);
        int64_t sum = extreme_sum(&sources, &destinations, -1);
        farthest = sum > farthest ? sum : farthest;
    }
    if (farthest >= 0) { // else no two tiles talk
        uint64_t base = (uint64_t)config->latency_base_cycles * MILLICYCLES_PER_CYCLE;
        measuring->load->latency_millicycles =
            max_u64(measuring->load->latency_millicycles, base + (uint64_t)farthest);
    }
}

// --- words on the ports -------------------------------------------------------------------------
static void count_items(struct measuring *measuring, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        measuring->ports[tile_map_at(&flow->source, flow->first_source + i)].sources++;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        measuring->ports[tile_map_at(&flow->destination, flow->first_destination + i)]
            .destinations++;
    }
}

static void forget_items(struct measuring *measuring, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        measuring->ports[tile_map_at(&flow->source, flow->first_source + i)].sources = 0;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        measuring->ports[tile_map_at(&flow->destination, flow->first_destination + i)]
            .destinations = 0;
    }
}

// Destination tiles among those of the bus that `tile` belongs to.
static uint32_t count_on_bus(const struct measuring *measuring, uint32_t tile)
{
    uint32_t share = measuring->config->bus_sharing;
    uint32_t first = tile - tile % share;
    uint32_t count = 0;
    for (uint32_t i = first; i < first + share && i < measuring->tile_count; i++) {
        count += measuring->ports[i].destinations > 0;
    }
    return count;
}

// Source items that lie on other tiles of the bus of `tile`.
static uint32_t count_sources_beside(const struct measuring *measuring, uint32_t tile)
{
    uint32_t share = measuring->config->bus_sharing;
    uint32_t first = tile - tile % share;
    uint32_t sources = 0;
    for (uint32_t i = first; i < first + share && i < measuring->tile_count; i++) {
        sources += i != tile ? measuring->ports[i].sources : 0;
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
        uint32_t tile = tile_map_at(&flow->destination, flow->first_destination + i);
        audience.tiles++;
        uint32_t on_bus = count_on_bus(measuring, tile);
        bool is_first_of_bus = true;
        for (uint32_t other = tile - tile % share; other < tile; other++) {
            is_first_of_bus = is_first_of_bus && measuring->ports[other].destinations == 0;
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
        uint32_t tile = tile_map_at(&flow->source, flow->first_source + i);
        struct port *port = &measuring->ports[tile];
        uint32_t receivers = audience.tiles - (port->destinations > 0);
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
        uint32_t tile = tile_map_at(&flow->destination, flow->first_destination + i);
        struct port *port = &measuring->ports[tile];
        uint64_t beside = count_sources_beside(measuring, tile);
        uint64_t others = flow->source_count - port->sources - beside;
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
        uint32_t tile = tile_map_at(&flow->source, flow->first_source + i);
        struct port *port = &measuring->ports[tile];
        uint64_t messages = flow->destination_count - port->destinations;
        port->sent += messages;
        port->out_cycles += messages * cycles;
    }
    for (uint32_t i = 0; i < flow->destination_count; i++) {
        uint32_t tile = tile_map_at(&flow->destination, flow->first_destination + i);
        struct port *port = &measuring->ports[tile];
        uint64_t messages = flow->source_count - port->sources;
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
        max_u64(load->latency_millicycles, latency_millicycles(measuring->config, from, to, false));
}

static void add_pairs(struct measuring *measuring, const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        add_message(measuring, tile_map_at(&flow->source, flow->first_source + i),
                    tile_map_at(&flow->destination, flow->first_destination + i), flow->bytes);
    }
}

// First word of `words` that lies at or behind part i of `parts`: w is in part floor(w * parts /
// words).
static uint64_t first_word_of_part(uint64_t words, uint64_t parts, uint64_t i)
{
    return div_ceil(i * words, parts);
}

// Walks both divisions of the words side by side: one message for every overlap of two parts.
static void add_redistribution(struct measuring *measuring, const struct flow *flow)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    uint32_t source = 0, destination = 0;
    uint64_t word = 0;
    while (word < words) {
        uint64_t source_end = first_word_of_part(words, flow->source_count, source + 1);
        uint64_t destination_end =
            first_word_of_part(words, flow->destination_count, destination + 1);
        uint64_t end = min_u64(source_end, destination_end);
        if (end > word) {
            add_message(measuring, tile_map_at(&flow->source, flow->first_source + source),
                        tile_map_at(&flow->destination, flow->first_destination + destination),
                        (end - word) * EXCHANGE_WORD_BYTES);
            word = end;
        }
        source += source_end == end;
        destination += destination_end == end;
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

static void measure(const struct exchange_config *config, const struct program *program,
                    const struct exchange_step *exchange, struct exchange_load *load)
{
    struct measuring measuring = {.config = config,
                                  .ports = xcalloc(program->tile_count, sizeof(struct port)),
                                  .tile_count = program->tile_count,
                                  .load = load};
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        add_flow(&measuring, &program->flows[exchange->first_flow + i]);
    }
    for (uint32_t i = 0; i < program->tile_count; i++) {
        const struct port *port = &measuring.ports[i];
        load->out_cycles = max_u64(load->out_cycles, port->out_cycles);
        load->in_cycles = max_u64(load->in_cycles, port->in_cycles);
        load->sent_messages = max_u64(load->sent_messages, port->sent);
        load->received_messages = max_u64(load->received_messages, port->received);
    }
    free(measuring.ports);
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
    .latency_millicycles = latency_millicycles,
    .farthest_millicycles = farthest_millicycles,
    .measure = measure,
    .cycles = cycles,
};

#include "sim/engine/system_platform.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/err.h"

struct way {
    bool is_taken;
    struct system_route route; // owned
};

struct system_ways {
    const struct system_config *system;
    uint32_t chips;
    struct way *ways; // owned; [from * chips + to]
};

struct system_ways *system_ways_create(const struct system_config *system, uint32_t chips)
{
    struct system_ways *ways = xcalloc(1, sizeof *ways);
    ways->system = system;
    ways->chips = chips;
    ways->ways = xcalloc((size_t)chips * chips, sizeof *ways->ways);
    return ways;
}

void system_ways_destroy(struct system_ways *ways)
{
    if (ways == NULL) {
        return;
    }
    for (size_t i = 0; i < (size_t)ways->chips * ways->chips; i++) {
        system_route_free(&ways->ways[i].route);
    }
    free(ways->ways);
    free(ways);
}

static const struct way *way_between(const struct system_ways *ways, uint32_t from, uint32_t to)
{
    return &ways->ways[(size_t)from * ways->chips + to];
}

void system_ways_take(struct system_ways *ways, uint32_t from, uint32_t to)
{
    struct way *way = &ways->ways[(size_t)from * ways->chips + to];
    if (!way->is_taken) {
        *way = (struct way){true, system_route(ways->system, from, to)};
    }
}

double system_ways_latency(const struct system_ways *ways, uint32_t from, uint32_t to)
{
    const struct way *way = way_between(ways, from, to);
    SIM_ASSERT(way->is_taken, "chips %u and %u have no way", from, to);
    return way->route.latency_seconds * ways->system->chip->clock_hz;
}

bool system_ways_meet(const struct system_ways *ways, uint32_t group_chips)
{
    uint32_t directions = 2 * ways->system->link_count;
    uint32_t *group_of = xmalloc((directions + 1) * sizeof *group_of);
    for (uint32_t i = 0; i < directions; i++) {
        group_of[i] = UINT32_MAX;
    }
    bool is_shared = false;
    for (uint32_t from = 0; from < ways->chips; from++) {
        uint32_t group = from / group_chips;
        for (uint32_t to = group * group_chips; to < (group + 1) * group_chips; to++) {
            const struct way *way = way_between(ways, from, to);
            for (uint32_t i = 0; i < way->route.count; i++) {
                uint32_t *owner = &group_of[way->route.lanes[i]];
                is_shared |= *owner != UINT32_MAX && *owner != group;
                *owner = group;
            }
        }
    }
    free(group_of);
    return is_shared;
}

// --- SimGrid's XML ------------------------------------------------------------------------------
struct xml {
    FILE *stream;
    const struct system_ways *ways;
    double clock_hz;
};

static void write_host(const struct xml *xml, const char *kind, uint32_t number)
{
    fprintf(xml->stream, "<host id=\"%s %u\" speed=\"1f\"/>\n", kind, number);
}

// Both directions. One second is one cycle.
static void write_links(const struct xml *xml, const char *kind, uint32_t number,
                        double bytes_per_second, double latency_seconds)
{
    static const char signs[] = {'+', '-'};
    for (uint32_t i = 0; i < 2; i++) {
        fprintf(xml->stream, "<link id=\"%s %u%c\" bandwidth=\"%.17gBps\" latency=\"%.17gs\"/>\n",
                kind, number, signs[i], bytes_per_second / xml->clock_hz,
                latency_seconds * xml->clock_hz);
    }
}

#define PASSED_MAX 4u

struct outside { // what a chip is joined to besides other chips
    const char *host;
    uint32_t number;
    struct passed { // on the way there; both directions
        const char *link;
        uint32_t number;
    } passed[PASSED_MAX];
    uint32_t count;
};

static void pass(struct outside *outside, const char *link, uint32_t number)
{
    outside->passed[outside->count++] = (struct passed){link, number};
}

static void write_passed(const struct xml *xml, const struct outside *outside, char sign)
{
    for (uint32_t i = 0; i < outside->count; i++) {
        fprintf(xml->stream, "<link_ctn id=\"%s %u%c\"/>", outside->passed[i].link,
                outside->passed[i].number, sign);
    }
    fprintf(xml->stream, "</route>\n");
}

static void write_outside_routes(const struct xml *xml, const struct outside *outside,
                                 uint32_t chip)
{
    fprintf(xml->stream, "<route src=\"chip %u\" dst=\"%s %u\" symmetrical=\"NO\">", chip,
            outside->host, outside->number);
    write_passed(xml, outside, '+');
    fprintf(xml->stream, "<route src=\"%s %u\" dst=\"chip %u\" symmetrical=\"NO\">", outside->host,
            outside->number, chip);
    write_passed(xml, outside, '-');
}

static void write_slots(const struct xml *xml)
{
    const struct system_config *system = xml->ways->system;
    const struct host_config *host = &system->chip->host;
    uint32_t chips = xml->ways->chips;
    for (uint32_t i = 0; i * system->chips_per_slot < chips; i++) {
        write_host(xml, "slot", i);
        write_links(xml, "of slot", i, system->slot_bytes_per_second, 0);
    }
    for (uint32_t i = 0; i < chips; i++) {
        write_links(xml, "to slot", i, host->bytes_per_second, host->latency_seconds);
    }
}

static void write_memories(const struct xml *xml)
{
    const struct system_config *system = xml->ways->system;
    const struct streaming_config *streaming = &system->streaming;
    uint32_t chips = xml->ways->chips;
    for (uint32_t i = 0; i * system->chips_per_machine < chips; i++) {
        write_host(xml, "memory", i);
        write_links(xml, "of memory", i, streaming->bytes_per_second, streaming->latency_seconds);
    }
    for (uint32_t i = 0; streaming->chip_bytes_per_second > 0 && i < chips; i++) {
        write_links(xml, "to memory", i, streaming->chip_bytes_per_second, 0);
    }
}

static void pass_slot(const struct xml *xml, struct outside *outside, uint32_t chip)
{
    pass(outside, "to slot", chip);
    pass(outside, "of slot", chip / xml->ways->system->chips_per_slot);
}

static void write_slot_routes(const struct xml *xml, uint32_t chip)
{
    struct outside slot = {.host = "slot", .number = chip / xml->ways->system->chips_per_slot};
    pass_slot(xml, &slot, chip);
    write_outside_routes(xml, &slot, chip);
}

static void write_memory_routes(const struct xml *xml, uint32_t chip)
{
    const struct system_config *system = xml->ways->system;
    struct outside memory = {.host = "memory", .number = chip / system->chips_per_machine};
    if (system->streaming.is_over_host) {
        pass_slot(xml, &memory, chip);
    }
    if (system->streaming.chip_bytes_per_second > 0) {
        pass(&memory, "to memory", chip);
    }
    pass(&memory, "of memory", memory.number);
    write_outside_routes(xml, &memory, chip);
}

static void write_chips(const struct xml *xml)
{
    const struct system_ways *ways = xml->ways;
    const struct system_config *system = ways->system;
    for (uint32_t i = 0; i < ways->chips; i++) {
        write_host(xml, "chip", i);
    }
    for (uint32_t i = 0; i < system->link_count; i++) {
        write_links(xml, "link", i, system_link_rate(system, &system->links[i]), 0);
    }
}

static void write_chip_routes(const struct xml *xml)
{
    const struct system_ways *ways = xml->ways;
    for (uint32_t from = 0; from < ways->chips; from++) {
        for (uint32_t to = 0; to < ways->chips; to++) {
            const struct way *way = way_between(ways, from, to);
            if (!way->is_taken) {
                continue;
            }
            fprintf(xml->stream, "<route src=\"chip %u\" dst=\"chip %u\" symmetrical=\"NO\">", from,
                    to);
            for (uint32_t i = 0; i < way->route.count; i++) {
                fprintf(xml->stream, "<link_ctn id=\"link %u%c\"/>", way->route.lanes[i] / 2,
                        way->route.lanes[i] % 2 == 0 ? '+' : '-');
            }
            fprintf(xml->stream, "</route>\n");
        }
    }
}

char *system_platform_shape(const struct system_ways *ways, struct system_uses uses)
{
    char *text = NULL;
    size_t bytes = 0;
    struct xml xml = {open_memstream(&text, &bytes), ways, ways->system->chip->clock_hz};
    SIM_ASSERT(xml.stream != NULL, "no memory for the platform");
    fprintf(xml.stream, "<?xml version='1.0'?>\n"
                        "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
                        "<platform version=\"4.1\"><zone id=\"world\" routing=\"Full\">\n");
    write_chips(&xml);
    if (uses.host || (uses.memory && ways->system->streaming.is_over_host)) {
        write_slots(&xml);
    }
    if (uses.memory) {
        write_memories(&xml);
    }
    write_chip_routes(&xml); // routes behind all hosts and links: SimGrid's grammar
    for (uint32_t i = 0; i < ways->chips; i++) {
        if (uses.host) {
            write_slot_routes(&xml, i);
        }
        if (uses.memory) {
            write_memory_routes(&xml, i);
        }
    }
    fprintf(xml.stream, "</zone></platform>\n");
    bool is_written = fclose(xml.stream) == 0;
    SIM_ASSERT(is_written, "no memory for the platform");
    return text;
}

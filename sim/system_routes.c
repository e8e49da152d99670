// Links of a system from what its file says, ways along them, and the sync over several chips.
#include <stdlib.h>
#include <string.h>

#include "sim/system.h"
#include "sim/units.h"

// --- links --------------------------------------------------------------------------------------
uint32_t system_find_kind(const struct system_config *system, const char *name)
{
    for (uint32_t i = 0; i < system->kind_count; i++) {
        if (strcmp(system->kinds[i].name, name) == 0) {
            return i;
        }
    }
    return system->kind_count;
}

static void add_link(struct system_config *system, uint32_t from, uint32_t to, const char *kind)
{
    uint32_t number = system->link_count++;
    system->links[number] = (struct system_link){from < to ? from : to, from < to ? to : from,
                                                 system_find_kind(system, kind), number};
}

static void add_ladder(struct system_config *system)
{
    for (uint32_t chip = 0; chip + 1 < system->chips; chip += 2) {
        add_link(system, chip, chip + 1, system->rung);
        bool leaves = chip / system->chips_per_machine != (chip + 2) / system->chips_per_machine;
        const char *rail =
            leaves && system->machine_rail != NULL ? system->machine_rail : system->rail;
        if (chip + 3 < system->chips) {
            add_link(system, chip, chip + 2, rail);
            add_link(system, chip + 1, chip + 3, rail);
            system->links[system->link_count - 1].lane -= system->rails_share;
        }
    }
}

static void add_ring(struct system_config *system)
{
    for (uint32_t chip = 0; chip + 1 < system->chips; chip++) {
        add_link(system, chip, chip + 1, system->link);
    }
    if (system->chips > 2) { // two chips are joined already
        add_link(system, 0, system->chips - 1, system->link);
    }
}

static void add_all(struct system_config *system)
{
    for (uint32_t from = 0; from < system->chips; from++) {
        for (uint32_t to = from + 1; to < system->chips; to++) {
            add_link(system, from, to, system->link);
        }
    }
}

static size_t count_generated(const struct system_config *system)
{
    size_t chips = system->chips;
    switch ((enum system_topology)system->topology) {
    case TOPOLOGY_LINKS:
        return 0;
    case TOPOLOGY_LADDER:
    case TOPOLOGY_RING:
        return 2 * chips; // at the most
    case TOPOLOGY_ALL:
        return chips * (chips - 1) / 2;
    }
    return 0;
}

static int compare_ends(const void *a, const void *b)
{
    const struct link_end *one = a;
    const struct link_end *other = b;
    if (one->chip != other->chip) {
        return one->chip < other->chip ? -1 : 1;
    }
    return one->link < other->link ? -1 : one->link > other->link;
}

static void fill_ends(struct system_config *system)
{
    system->first_end = xcalloc((size_t)system->chips + 1, sizeof(*system->first_end));
    system->ends = xcalloc(2 * (size_t)system->link_count + 1, sizeof(*system->ends));
    for (uint32_t i = 0; i < system->link_count; i++) {
        system->first_end[system->links[i].from + 1]++;
        system->first_end[system->links[i].to + 1]++;
    }
    for (uint32_t chip = 0; chip < system->chips; chip++) {
        system->first_end[chip + 1] += system->first_end[chip];
    }
    uint32_t *next = xcalloc(system->chips, sizeof(*next));
    for (uint32_t i = 0; i < system->link_count; i++) {
        const struct system_link *link = &system->links[i];
        system->ends[system->first_end[link->from] + next[link->from]++] =
            (struct link_end){link->to, i};
        system->ends[system->first_end[link->to] + next[link->to]++] =
            (struct link_end){link->from, i};
    }
    for (uint32_t chip = 0; chip < system->chips; chip++) {
        qsort(system->ends + system->first_end[chip], next[chip], sizeof(*system->ends),
              compare_ends);
    }
    free(next);
}

void system_derive(struct system_config *system)
{
    system->link_count = 0;
    system->links =
        xcalloc(count_generated(system) + system->listed_count + 1, sizeof(*system->links));
    switch ((enum system_topology)system->topology) {
    case TOPOLOGY_LINKS:
        break;
    case TOPOLOGY_LADDER:
        add_ladder(system);
        break;
    case TOPOLOGY_RING:
        add_ring(system);
        break;
    case TOPOLOGY_ALL:
        add_all(system);
        break;
    }
    for (uint32_t i = 0; i < system->listed_count; i++) {
        const struct listed_link *link = &system->listed[i];
        add_link(system, link->from, link->to, link->kind);
    }
    fill_ends(system);
}

void system_forget_derived(struct system_config *system)
{
    free(system->links);
    free(system->ends);
    free(system->first_end);
    system->links = NULL;
    system->ends = NULL;
    system->first_end = NULL;
    system->link_count = 0;
}

double system_link_rate(const struct system_config *system, const struct system_link *link)
{
    const struct link_kind *kind = &system->kinds[link->kind];
    return kind->bytes_per_second * kind->efficiency;
}

// --- ways ---------------------------------------------------------------------------------------
static int compare_end_to_chip(const void *chip, const void *end)
{
    uint32_t one = *(const uint32_t *)chip;
    uint32_t other = ((const struct link_end *)end)->chip;
    return one < other ? -1 : one > other;
}

static uint32_t link_between(const struct system_config *system, uint32_t from, uint32_t to)
{
    uint32_t first = system->first_end[from];
    const struct link_end *end =
        bsearch(&to, system->ends + first, system->first_end[from + 1] - first, sizeof(*end),
                compare_end_to_chip);
    SIM_ASSERT(end != NULL, "no link joins chips %u and %u of %s", from, to, system->name);
    return end->link;
}

static void add_hop(const struct system_config *system, struct system_route *route, uint32_t *at,
                    uint32_t next)
{
    route->links[route->count++] = link_between(system, *at, next);
    *at = next;
}

static void go_rung_first(const struct system_config *system, struct system_route *route,
                          uint32_t from, uint32_t to)
{
    uint32_t at = from;
    if (at % 2 != to % 2) {
        add_hop(system, route, &at, at ^ 1u); // 2i <-> 2i + 1
    }
    while (at != to) {
        add_hop(system, route, &at, at < to ? at + 2 : at - 2);
    }
}

// Links to `to` from every chip, as far as `from`: UINT32_MAX where they were not asked for.
static uint32_t *distances_to(const struct system_config *system, uint32_t to, uint32_t from)
{
    uint32_t *distances = xmalloc(system->chips * sizeof(*distances));
    uint32_t *queue = xmalloc(system->chips * sizeof(*queue));
    memset(distances, 0xff, system->chips * sizeof(*distances));
    uint32_t count = 1;
    queue[0] = to;
    distances[to] = 0;
    for (uint32_t head = 0; head < count && distances[from] == UINT32_MAX; head++) {
        uint32_t chip = queue[head];
        for (uint32_t i = system->first_end[chip]; i < system->first_end[chip + 1]; i++) {
            uint32_t other = system->ends[i].chip;
            if (distances[other] == UINT32_MAX) {
                distances[other] = distances[chip] + 1;
                queue[count++] = other;
            }
        }
    }
    free(queue);
    return distances;
}

// Every chip that is nearer to `to` than `from` has its distance when that of `from` is found.
static void go_shortest(const struct system_config *system, struct system_route *route,
                        uint32_t from, uint32_t to)
{
    uint32_t *distances = distances_to(system, to, from);
    SIM_ASSERT(distances[from] != UINT32_MAX, "no way from chip %u to %u of %s", from, to,
               system->name);
    for (uint32_t at = from; at != to;) {
        uint32_t i = system->first_end[at];
        while (distances[system->ends[i].chip] != distances[at] - 1) {
            i++;
        }
        route->links[route->count++] = system->ends[i].link; // ends are sorted: the lowest chip
        at = system->ends[i].chip;
    }
    free(distances);
}

static const struct listed_route *find_listed(const struct system_config *system, uint32_t from,
                                              uint32_t to)
{
    for (uint32_t i = 0; i < system->route_count; i++) {
        if (system->routes[i].from == from && system->routes[i].to == to) {
            return &system->routes[i];
        }
    }
    return NULL;
}

static void go_listed(const struct system_config *system, struct system_route *route,
                      const struct listed_route *listed, uint32_t from)
{
    bool is_back = from != listed->from;
    uint32_t at = from;
    for (uint32_t i = 0; i < listed->via_count; i++) {
        add_hop(system, route, &at, listed->via[is_back ? listed->via_count - 1 - i : i]);
    }
    add_hop(system, route, &at, is_back ? listed->from : listed->to);
}

// Lanes and latency of the links that were found.
static void follow(const struct system_config *system, struct system_route *route, uint32_t from)
{
    uint32_t *lanes = route->links + system->chips;
    route->lanes = lanes;
    route->latency_seconds = system->crossing_seconds;
    for (uint32_t i = 0; i < route->count; i++) {
        const struct system_link *link = &system->links[route->links[i]];
        bool is_backwards = from == link->to;
        from = is_backwards ? link->from : link->to;
        lanes[i] = 2 * link->lane + is_backwards;
        route->latency_seconds += system->kinds[link->kind].latency_seconds;
    }
}

struct system_route system_route(const struct system_config *system, uint32_t from, uint32_t to)
{
    SIM_ASSERT(from < system->chips && to < system->chips, "chips %u and %u of %u", from, to,
               system->chips);
    struct system_route route = {.links = xmalloc(2 * system->chips * sizeof(*route.links))};
    const struct listed_route *listed = find_listed(system, from, to);
    if (listed == NULL) {
        listed = find_listed(system, to, from);
    }
    if (listed != NULL) {
        go_listed(system, &route, listed, from);
    } else if (system->route_rule == ROUTE_RUNG_FIRST) {
        go_rung_first(system, &route, from, to);
    } else {
        go_shortest(system, &route, from, to);
    }
    follow(system, &route, from);
    return route;
}

void system_route_free(struct system_route *route)
{
    free(route->links);
    *route = (struct system_route){0};
}

// --- sync ---------------------------------------------------------------------------------------
uint64_t system_sync_cycles(const struct system_config *system, uint32_t chips)
{
    uint32_t hops = 1 + chips / 2 / 2;
    double seconds = 2.0 * hops * system->sync_hop_seconds; // there and back
    return chips < 2 ? 0 : seconds_to_cycles(seconds, system->chip->clock_hz);
}

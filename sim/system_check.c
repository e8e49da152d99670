// What is wrong with a system beyond what its keys say one by one: kinds without a name, ends that
// no chip has, parts that no way joins, ways along no links.
#include <stdlib.h>

#include "sim/config/config_keys.h"
#include "sim/system.h"
#include "sim/uncertain.h"

#define NAMED_CHIPS 4u // in the message about those that no link reaches

// --- checks -------------------------------------------------------------------------------------
static const char *kind_name_at(const void *system, uint32_t i)
{
    const struct system_config *of = system;
    return i < of->kind_count ? of->kinds[i].name : NULL;
}

// Is `name` a link kind? path: of the key that names it.
static void check_kind(const struct system_config *system, const struct node *node,
                       const char *path, const char *name, struct err *err)
{
    if (system_find_kind(system, name) < system->kind_count) {
        return;
    }
    struct mark mark = config_mark(node, path);
    char *suggestion = config_suggest(name, kind_name_at, system);
    err_at(err, &mark, "%s: link_kinds has no '%s'%s", path, name, suggestion);
    free(suggestion);
}

static void check_kinds(const struct system_config *system, const struct node *node,
                        struct err *err)
{
    for (uint32_t i = 0; i < system->kind_count; i++) {
        uint32_t first = system_find_kind(system, system->kinds[i].name);
        if (first < i) {
            char *path = xasprintf("link_kinds.%u.name", i);
            struct mark mark = config_mark(node, path);
            err_at(err, &mark, "%s: '%s' is the name of link_kinds.%u too", path,
                   system->kinds[i].name, first);
            free(path);
        }
    }
}

struct generated { // a key that names the kind of some generated links
    const char *path, *kind;
    const char *owner; // topology that it belongs to, if that is another one
    bool is_needed;
};

// Given where it is needed, and only there.
static void check_generated(const struct system_config *system, const struct node *node,
                            const struct generated *key, struct err *err)
{
    struct mark mark = config_mark(node, key->path);
    if (key->owner != NULL) {
        if (key->kind != NULL) {
            err_at(err, &mark, "%s: belongs to topology: %s; set it to null", key->path,
                   key->owner);
        }
    } else if (key->kind != NULL) {
        check_kind(system, node, key->path, key->kind, err);
    } else if (key->is_needed) {
        mark = config_mark(node, "topology");
        err_at(err, &mark, "%s: missing; topology: %s needs a link kind for it", key->path,
               system_topology_name(system->topology));
    }
}

static void check_topology(const struct system_config *system, const struct node *node,
                           struct err *err)
{
    bool is_ladder = system->topology == TOPOLOGY_LADDER;
    bool is_even = system->topology == TOPOLOGY_RING || system->topology == TOPOLOGY_ALL;
    const char *ladder = is_ladder ? NULL : "ladder";
    const struct generated keys[] = {
        {"rung", system->rung, ladder, system->chips > 1},
        {"rail", system->rail, ladder, system->chips > 2},
        {"machine_rail", system->machine_rail, ladder, false},
        {"link", system->link, is_even ? NULL : "ring, or all", system->chips > 1},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        check_generated(system, node, &keys[i], err);
    }
    if (is_ladder && system->chips % 2 != 0) {
        struct mark mark = config_mark(node, "chips");
        err_at(err, &mark, "chips: %u is odd; every rung of a ladder has two chips", system->chips);
    }
    if (!is_ladder && system->route_rule == ROUTE_RUNG_FIRST) {
        struct mark mark = config_mark(node, "routing");
        err_at(err, &mark, "routing: rung_first needs topology: ladder, not %s",
               system_topology_name(system->topology));
    }
}

static void check_end(const struct system_config *system, const struct node *node, uint32_t link,
                      const char *end, uint32_t chip, struct err *err)
{
    if (chip >= system->chips) {
        char *path = xasprintf("links.%u.%s", link, end);
        struct mark mark = config_mark(node, path);
        char *chips = config_name_elsewhere(node, "chips", "chips", &mark);
        err_at(err, &mark, "%s: there is no chip %u; the %u of the system are 0..%u%s", path, chip,
               system->chips, system->chips - 1, chips);
        free(chips);
        free(path);
    }
}

static void check_listed(const struct system_config *system, const struct node *node,
                         struct err *err)
{
    for (uint32_t i = 0; i < system->listed_count; i++) {
        const struct listed_link *link = &system->listed[i];
        check_end(system, node, i, "from", link->from, err);
        check_end(system, node, i, "to", link->to, err);
        char *path = xasprintf("links.%u.kind", i);
        check_kind(system, node, path, link->kind, err);
        free(path);
        if (link->from == link->to) {
            char *item = xasprintf("links.%u", i);
            struct mark mark = config_mark(node, item);
            err_at(err, &mark, "%s: joins chip %u to itself", item, link->from);
            free(item);
        }
    }
}

// Of all links between the same two chips the first.
static uint32_t first_between(const struct system_config *derived, uint32_t from, uint32_t to)
{
    uint32_t first = derived->link_count;
    for (uint32_t i = derived->first_end[from]; i < derived->first_end[from + 1]; i++) {
        const struct link_end *end = &derived->ends[i];
        first = end->chip == to && end->link < first ? end->link : first;
    }
    return first;
}

static void check_duplicates(const struct system_config *derived, const struct node *node,
                             struct err *err)
{
    uint32_t generated = derived->link_count - derived->listed_count;
    for (uint32_t i = generated; i < derived->link_count; i++) {
        const struct system_link *link = &derived->links[i];
        uint32_t first = first_between(derived, link->from, link->to);
        if (first == i) {
            continue;
        }
        char *path = xasprintf("links.%u", i - generated);
        char *other = first < generated
                          ? xasprintf("topology: %s", system_topology_name(derived->topology))
                          : xasprintf("links.%u", first - generated);
        struct mark mark = config_mark(node, path);
        err_at(err, &mark,
               "%s: chips %u and %u are joined by %s already; links side by side are one with "
               "their bandwidths added",
               path, link->from, link->to, other);
        free(other);
        free(path);
    }
}

// "5, 6 (and 3 more)". Owned. NULL: every chip is reached from chip 0.
static char *name_unreached(const struct system_config *derived)
{
    bool *is_reached = xcalloc(derived->chips, sizeof(*is_reached));
    uint32_t *queue = xcalloc(derived->chips, sizeof(*queue));
    uint32_t count = 1;
    is_reached[0] = true;
    for (uint32_t head = 0; head < count; head++) {
        uint32_t chip = queue[head];
        for (uint32_t i = derived->first_end[chip]; i < derived->first_end[chip + 1]; i++) {
            uint32_t other = derived->ends[i].chip;
            if (!is_reached[other]) {
                is_reached[other] = true;
                queue[count++] = other;
            }
        }
    }
    char *names = NULL;
    uint32_t left = derived->chips - count;
    for (uint32_t chip = 0, named = 0; chip < derived->chips && named < NAMED_CHIPS; chip++) {
        if (!is_reached[chip]) {
            char *longer =
                xasprintf("%s%s%u", names == NULL ? "" : names, names == NULL ? "" : ", ", chip);
            free(names);
            names = longer;
            named++;
        }
    }
    if (left > NAMED_CHIPS) {
        char *longer = xasprintf("%s (and %u more)", names, left - NAMED_CHIPS);
        free(names);
        names = longer;
    }
    free(queue);
    free(is_reached);
    return names;
}

// The chip at a place of a way: its beginning, those of via, its end.
static uint32_t chip_on_route(const struct listed_route *route, uint32_t place)
{
    if (place == 0) {
        return route->from;
    }
    return place <= route->via_count ? route->via[place - 1] : route->to;
}

// Which key says that chip. Owned.
static char *path_on_route(uint32_t number, const struct listed_route *route, uint32_t place)
{
    if (place > 0 && place <= route->via_count) {
        return xasprintf("routes.%u.via.%u", number, place - 1);
    }
    return xasprintf("routes.%u.%s", number, place == 0 ? "from" : "to");
}

// NULL: the way may go on to the chip at `place`. Owned.
static char *why_not_on_route(const struct system_config *derived, const struct listed_route *route,
                              uint32_t place)
{
    uint32_t chip = chip_on_route(route, place);
    if (chip >= derived->chips) {
        return xasprintf("there is no chip %u; the %u of the system are 0..%u", chip,
                         derived->chips, derived->chips - 1);
    }
    for (uint32_t i = 0; i < place; i++) {
        if (chip_on_route(route, i) == chip) {
            return xasprintf("the way has been at chip %u already", chip);
        }
    }
    uint32_t before = place > 0 ? chip_on_route(route, place - 1) : chip;
    if (place > 0 && first_between(derived, before, chip) == derived->link_count) {
        return xasprintf("no link joins chips %u and %u", before, chip);
    }
    return NULL;
}

static void check_route(const struct system_config *derived, const struct node *node,
                        uint32_t number, struct err *err)
{
    const struct listed_route *route = &derived->routes[number];
    char *why = NULL;
    for (uint32_t place = 0; place < route->via_count + 2 && why == NULL; place++) {
        why = why_not_on_route(derived, route, place);
        if (why != NULL) {
            char *path = path_on_route(number, route, place);
            struct mark mark = config_mark(node, path);
            err_at(err, &mark, "%s: %s", path, why);
            free(path);
        }
    }
    free(why);
    for (uint32_t i = 0; i < number; i++) {
        if (derived->routes[i].from == route->from && derived->routes[i].to == route->to) {
            char *path = xasprintf("routes.%u", number);
            struct mark mark = config_mark(node, path);
            err_at(err, &mark, "%s: routes.%u leads from chip %u to %u already", path, i,
                   route->from, route->to);
            free(path);
            return;
        }
    }
}

static void check_joined(const struct system_config *system, const struct node *node,
                         struct err *err)
{
    struct system_config derived = *system; // the links are this copy's own
    system_derive(&derived);
    check_duplicates(&derived, node, err);
    char *unreached = name_unreached(&derived);
    if (unreached != NULL) {
        struct mark mark = config_mark(node, config_is_given(node, "links") ? "links" : "topology");
        char *chips = config_name_elsewhere(node, "chips", "chips", &mark);
        err_at(err, &mark, "links: the system is in parts; no way leads from chip 0 to chip %s%s",
               unreached, chips);
        free(chips);
    }
    free(unreached);
    for (uint32_t i = 0; i < system->route_count; i++) {
        check_route(&derived, node, i, err);
    }
    system_forget_derived(&derived);
}

static void check_streaming(const struct system_config *system, const struct node *node,
                            struct err *err)
{
    const struct streaming_config *streaming = &system->streaming;
    if (streaming->bytes > 0 && !(streaming->bytes_per_second > 0)) {
        struct mark mark = config_mark(node, "streaming.bytes_per_second");
        err_at(err, &mark, "streaming.bytes_per_second: 0 bytes/s for %llu bytes of memory",
               (unsigned long long)streaming->bytes);
    } else if (streaming->chip_bytes_per_second > streaming->bytes_per_second) {
        struct mark mark = config_mark(node, "streaming.chip_bytes_per_second");
        err_at(err, &mark,
               "streaming.chip_bytes_per_second: %g is more than the %g bytes/s of the machine",
               streaming->chip_bytes_per_second, streaming->bytes_per_second);
    }
}

void system_check(const void *section, const struct node *node, struct err *err)
{
    const struct system_config *system = section;
    size_t faults = err_count(err);
    if (system->chip == NULL) {
        struct mark mark = config_mark(node, "chip");
        err_at(err, &mark, "chip: missing");
    }
    check_kinds(system, node, err);
    check_topology(system, node, err);
    check_listed(system, node, err);
    check_streaming(system, node, err);
    struct uncertain_scope scope = {system_keys, system, node, system->uncertain,
                                    system->uncertain_count};
    uncertain_check(&scope, err);
    if (err_count(err) == faults) {
        check_joined(system, node, err);
    }
}

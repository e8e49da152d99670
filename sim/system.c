// The keys of a system file and the checks across them. What is not given in a file has no source, so most
// keys are required; those of one topology are asked for only there.
#include "sim/system.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_keys.h"
#include "sim/uncertain.h"

#define BYTES_PER_SECOND_MAX 1e15
#define KINDS_MAX 64u
#define LISTED_MAX 4096u
#define NAMED_CHIPS 4u // in the message about those that no link reaches

// --- keys ---------------------------------------------------------------------------------------
#define KIND(...) KEY_NUMBER(KEY_REAL, struct link_kind, __VA_ARGS__)
static const struct key kind_keys[] = {
    KEY_TEXT(struct link_kind, "name", name, NULL, "by which links name it"),
    KIND(bytes_per_second, 1, BYTES_PER_SECOND_MAX, "bytes/s", NULL,
         "raw, in each direction; of all that run side by side between two chips"),
    KIND(efficiency, 1e-3, 1, "of the raw bandwidth", NULL, "what messages get of it"),
    KIND(latency_seconds, 0, 1, "s", NULL, "of one link on the way"),
    KEYS_END,
};

#define LINK(field, doc) \
    KEY_NUMBER(KEY_UINT32, struct listed_link, field, 0, UINT32_MAX, "chip", NULL, doc)
static const struct key link_keys[] = {
    LINK(from, "one end; both directions are the same link"),
    LINK(to, "the other end"),
    KEY_TEXT(struct listed_link, "kind", kind, NULL, "name of a link kind"),
    KEYS_END,
};

#define STREAMING(...) KEY_NUMBER(KEY_REAL, struct streaming_config, __VA_ARGS__)
static const struct key streaming_keys[] = {
    KEY_NUMBER(KEY_UINT64, struct streaming_config, bytes, 0, 1e15, "bytes", "0",
               "of a machine; 0: it has no streaming memory"),
    STREAMING(bytes_per_second, 0, BYTES_PER_SECOND_MAX, "bytes/s", "0",
              "in each direction, shared by the machine's chips"),
    STREAMING(latency_seconds, 0, 1, "s", "0", "of one transfer"),
    STREAMING(chip_bytes_per_second, 0, BYTES_PER_SECOND_MAX, "bytes/s", "0",
              "what one chip alone can reach; 0: the whole"),
    KEY_TRUTH(
        struct streaming_config, "over_host", is_over_host, "false",
        "it lies behind the chips' way to the host: transfers take chip.host and the slot too"),
    KEYS_END,
};

static const char *const topologies[] = {[TOPOLOGY_LINKS] = "links",
                                         [TOPOLOGY_LADDER] = "ladder",
                                         [TOPOLOGY_RING] = "ring",
                                         [TOPOLOGY_ALL] = "all",
                                         NULL};
static const char *const route_rules[] = {
    [ROUTE_SHORTEST] = "shortest", [ROUTE_RUNG_FIRST] = "rung_first", NULL};

const char *system_topology_name(uint32_t topology)
{
    return topologies[topology];
}

#define SYSTEM(kind, ...) KEY_NUMBER(kind, struct system_config, __VA_ARGS__)
#define KIND_NAME(field, doc) KEY_TEXT(struct system_config, #field, field, "null", doc)
const struct key system_keys[] = {
    KEY_TEXT(struct system_config, "name", name, NULL, "by default the file's name"),
    {.name = "chip",
     .type = KEY_SECTION,
     .offset = offsetof(struct system_config, chip),
     .keys = chip_keys,
     .struct_bytes = sizeof(struct chip_config),
     .is_pointer = true,
     .folder = "chips",
     .default_text = "null",
     .check = chip_check,
     .doc = "name of a chip file, or {base: name, key: value}; required; all chips are alike"},
    SYSTEM(KEY_UINT32, chips, 1, SYSTEM_CHIPS_MAX, "chips", NULL, "of the whole system"),
    KEY_CHOICE(struct system_config, "topology", topology, topologies, "links",
               "how chips are joined; links: only as listed"),
    KEY_CHOICE(struct system_config, "routing", route_rule, route_rules, "shortest",
               "fewest links, or of a ladder the rung and then the rail"),
    KIND_NAME(rung, "ladder: link kind between chips 2i and 2i + 1"),
    KIND_NAME(rail, "ladder: link kind between chips i and i + 2"),
    KIND_NAME(machine_rail, "ladder: the same where the two are of different machines; null: rail"),
    KIND_NAME(link, "ring, all: link kind"),
    {.name = "link_kinds",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct system_config, kinds),
     .count_offset = offsetof(struct system_config, kind_count),
     .keys = kind_keys,
     .struct_bytes = sizeof(struct link_kind),
     .is_pointer = true,
     .default_text = "[]",
     .max_count = KINDS_MAX,
     .doc = "what links there are"},
    {.name = "links",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct system_config, listed),
     .count_offset = offsetof(struct system_config, listed_count),
     .keys = link_keys,
     .struct_bytes = sizeof(struct listed_link),
     .is_pointer = true,
     .default_text = "[]",
     .max_count = LISTED_MAX,
     .doc = "one by one, beside those of the topology"},
    KEY_TRUTH(struct system_config, "rails_share", rails_share, "false",
              "ladder: the two rails from one rung to the next have together the rate of one"),
    SYSTEM(
        KEY_REAL, packet_bytes, 0, 1e6, "bytes", "0",
        "of each link on its way, for every run of messages from one tile or to one, hop by hop"),
    SYSTEM(KEY_REAL, route_bytes, 0, 1e6, "bytes", "0",
           "more of every packet, if any message of the exchange takes several links"),
    SYSTEM(KEY_REAL, message_bytes, 0, 1e6, "bytes", "0",
           "of each link on its way, at least, for every further message of a run"),
    SYSTEM(KEY_REAL, stream_efficiency, 0.01, 1, "of the rate", "1",
           "of a tile's port, that messages from one tile keep over each link"),
    SYSTEM(KEY_UINT32, arrival_words, 0, 1000, "words", "0",
           "more, of a message from another chip, at the port where it arrives"),
    SYSTEM(KEY_REAL, crossing_seconds, 0, 1, "s", NULL,
           "of a message that leaves its chip, once, whatever links it takes"),
    SYSTEM(KEY_REAL, sync_hop_seconds, 0, 1, "s", NULL,
           "of a sync over several chips: one hop, one way"),
    SYSTEM(KEY_UINT32, chips_per_slot, 1, SYSTEM_CHIPS_MAX, "chips", NULL,
           "that share a way to the host"),
    SYSTEM(KEY_REAL, slot_bytes_per_second, 1, BYTES_PER_SECOND_MAX, "bytes/s", NULL,
           "of that way; one chip alone has at most chip.host.bytes_per_second of it"),
    SYSTEM(KEY_UINT32, chips_per_machine, 1, SYSTEM_CHIPS_MAX, "chips", NULL,
           "that share streaming memory"),
    KEY_PART(struct system_config, streaming, streaming_keys, "memory of a machine, off the chips"),
    KEY_UNCERTAIN(struct system_config),
    KEYS_END,
};

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

double system_stream_seconds(const struct system_config *system, uint64_t bytes, uint32_t chips)
{
    const struct streaming_config *streaming = &system->streaming;
    double seconds = streaming->latency_seconds;
    double rate = streaming->bytes_per_second / fmin(chips, system->chips_per_machine);
    if (streaming->chip_bytes_per_second > 0) {
        rate = fmin(rate, streaming->chip_bytes_per_second);
    }
    if (streaming->is_over_host) {
        const struct host_config *host = &system->chip->host;
        seconds += host->latency_seconds;
        rate = fmin(rate, host->bytes_per_second);
        rate = fmin(rate, system->slot_bytes_per_second / fmin(chips, system->chips_per_slot));
    }
    return seconds + (double)bytes / rate;
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

// --- files --------------------------------------------------------------------------------------
struct system_config *system_load(const char *name, const struct mark *asked_at,
                                  struct config *config, struct err *err)
{
    size_t faults = err_count(err);
    const struct node *root = config_read_named(config, name, "systems", asked_at, err);
    if (root == NULL) {
        return NULL;
    }
    struct system_config *system = xcalloc(1, sizeof(*system));
    if (config_bind(config, system_keys, root, "", system, err)) {
        system_check(system, root, err);
    }
    if (err_count(err) > faults) {
        system_destroy(system);
        return NULL;
    }
    system_derive(system);
    return system;
}

void system_destroy(struct system_config *system)
{
    if (system != NULL) {
        system_forget_derived(system);
        config_free(system_keys, system);
        free(system);
    }
}

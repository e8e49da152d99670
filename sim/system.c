// The keys of a system file. What is not given in a file has no source, so most keys are required;
// those of one topology are asked for only there, by sim/system_check.c.
#include "sim/system.h"

#include <math.h>
#include <stdlib.h>

#include "sim/config/config_keys.h"

#define BYTES_PER_SECOND_MAX 1e15
#define KINDS_MAX 64u
#define LISTED_MAX 4096u

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

#define ROUTE_END(field, doc) \
    KEY_NUMBER(KEY_UINT32, struct listed_route, field, 0, UINT32_MAX, "chip", NULL, doc)
static const struct key route_keys[] = {
    ROUTE_END(from, "first chip"),
    ROUTE_END(to, "last chip; the way back is the same, if it has none of its own"),
    {.name = "via",
     .type = KEY_UINT_LIST,
     .offset = offsetof(struct listed_route, via),
     .count_offset = offsetof(struct listed_route, via_count),
     .max = UINT32_MAX,
     .unit = "chip",
     .default_text = "[]",
     .max_count = SYSTEM_CHIPS_MAX,
     .doc = "the chips between, in order, each joined to the next by a link"},
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
    {.name = "routes",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct system_config, routes),
     .count_offset = offsetof(struct system_config, route_count),
     .keys = route_keys,
     .struct_bytes = sizeof(struct listed_route),
     .is_pointer = true,
     .default_text = "[]",
     .max_count = LISTED_MAX,
     .doc = "one by one, in place of those that `routing` finds"},
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

// --- sums ---------------------------------------------------------------------------------------
double system_stream_seconds(const struct system_config *system, uint64_t bytes,
                             uint32_t machine_chips, uint32_t slot_chips)
{
    const struct streaming_config *streaming = &system->streaming;
    double seconds = streaming->latency_seconds;
    double rate = streaming->bytes_per_second / machine_chips;
    if (streaming->chip_bytes_per_second > 0) {
        rate = fmin(rate, streaming->chip_bytes_per_second);
    }
    if (streaming->is_over_host) {
        const struct host_config *host = &system->chip->host;
        seconds += host->latency_seconds;
        rate = fmin(rate, host->bytes_per_second);
        rate = fmin(rate, system->slot_bytes_per_second / slot_chips);
    }
    return seconds + (double)bytes / rate;
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

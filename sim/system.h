// The system file: what configs/systems/*.yaml may say. Equal chips, the links between them, hosts
// and streaming memory. Plain data, immutable after load; the tables of keys are in sim/system.c.
// Modelled:     links with bandwidth, efficiency, latency and routes; what chips share of a host's slot and of
//               a machine's streaming memory; sync over several chips.
// Not modelled: gateways beyond a link kind, failures, chips of different kinds.
#ifndef TILESIM_SIM_SYSTEM_H
#define TILESIM_SIM_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/config/config.h"
#include "sim/err.h"
#include "sim/program.h"

#define SYSTEM_CHIPS_MAX 1024u

struct link_kind { // each direction has these
    char *name;
    double bytes_per_second; // raw
    double efficiency;       // of what is raw, 0..1
    double latency_seconds;
};

struct listed_link { // as the file lists it
    uint32_t from, to;
    char *kind; // owned; name of a link kind
};

struct listed_route { // as the file lists it; takes the place of the rule's, there and back
    uint32_t from, to;
    uint32_t via_count;
    uint32_t *via; // owned; the chips between, in order
};

struct system_link {   // both directions
    uint32_t from, to; // chips, from < to
    uint32_t kind;
    uint32_t lane; // the link whose bandwidth it has a part of: itself, or a rail that it shares
};

struct link_end { // what a chip is joined to
    uint32_t chip, link;
};

enum system_topology {
    TOPOLOGY_LINKS,  // as listed
    TOPOLOGY_LADDER, // chips 2i and 2i + 1 are a rung, rungs side by side are joined by two rails
    TOPOLOGY_RING,
    TOPOLOGY_ALL, // every pair
};                // listed links come on top of generated ones

enum route_rule {
    ROUTE_SHORTEST,   // fewest links; among equals the lowest chips first
    ROUTE_RUNG_FIRST, // ladder: over the rung, then along the rail
};

struct streaming_config { // of a machine, shared by its chips; bytes 0: there is none
    uint64_t bytes;
    double bytes_per_second; // each direction
    double latency_seconds;
    double chip_bytes_per_second; // what one chip alone can reach; 0: the whole
    bool is_over_host; // it lies behind the chips' way to the host, which input batches take too
};

struct system_config {
    char *name;
    struct chip_config *chip; // owned
    uint32_t chips;
    uint32_t topology, route_rule;    // enums
    char *rung, *rail, *machine_rail; // owned; kinds of a ladder; machine_rail NULL: as rail
    char *link;                       // owned; the kind of a ring and of all
    uint32_t kind_count;
    struct link_kind *kinds; // owned
    uint32_t listed_count;
    struct listed_link *listed; // owned
    uint32_t route_count;
    struct listed_route *routes; // owned
    bool rails_share;            // ladder: both rails from a rung to the next have the rate of one
    double packet_bytes;         // of a link, for a run of small messages: see exchange/crossing.h
    double route_bytes;          // more, if any message of the exchange takes several links
    double message_bytes;        // of a link, at least, for every further message of a run
    double stream_efficiency;    // of a tile's port, that one stream keeps over each link
    uint32_t arrival_words;      // more, of a message from another chip, where it arrives
    double crossing_seconds;     // of what leaves its chip, once, however many links it then takes
    double sync_hop_seconds;     // of the sync over several chips: one hop, one way
    uint32_t chips_per_slot;     // of a host: chips that share its bandwidth
    double slot_bytes_per_second;
    uint32_t chips_per_machine; // that share streaming memory
    struct streaming_config streaming;
    struct uncertain *uncertain; // owned
    uint32_t uncertain_count;
    // derived, by system_derive()
    uint32_t link_count;
    struct system_link *links; // owned; generated ones first, then those listed
    struct link_end *ends;     // owned; of chip i: first_end[i] .. first_end[i + 1] - 1, by chip
    uint32_t *first_end;       // owned
};

// How a program is spread over a system.
enum all_reduce_kind {
    ALL_REDUCE_RING,
    ALL_REDUCE_TREE,
    ALL_REDUCE_TWO_LEVEL, // chunks summed within each machine, each chunk over the machines, then back
};

struct parallel_config {
    uint32_t chips;    // of the system that take part; the first ones
    uint32_t replicas; // copies of the network; each has chips / replicas chips, in a row
    enum all_reduce_kind all_reduce;
    bool replays_each; // every replica replays its own samples; else the first one's stand for all
};

extern const struct key system_keys[]; // ends with an empty name
// What the keys alone cannot say: links to chips that do not exist, chips that no link reaches, ...
void system_check(const void *section, const struct node *node, struct err *err);

// Loads configs/systems/NAME.yaml, or the file itself. NULL and messages in err if it is wrong.
struct system_config *system_load(const char *name, const struct mark *asked_at,
                                  struct config *config, struct err *err);
void system_destroy(struct system_config *system);
// The links from what the file says, for a system that was read as part of an experiment and is
// right; system_load() does it itself. Forgetting them leaves what the keys own.
void system_derive(struct system_config *system);
void system_forget_derived(struct system_config *system);
uint32_t system_find_kind(const struct system_config *system, const char *name); // kind_count: none
const char *system_topology_name(uint32_t topology);                             // "ladder"

struct system_route {
    uint32_t *links;       // owned; in order; index in system->links
    const uint32_t *lanes; // [count]; 2 * lane, + 1 from its higher chip to the lower
    uint32_t count;
    double latency_seconds; // until the first word is there
};
// As listed; else back along the one that is listed for the other direction; else by the system's
// rule. A route from a chip to itself has no links. system_derive() came before.
struct system_route system_route(const struct system_config *system, uint32_t from, uint32_t to);
void system_route_free(struct system_route *route);
// Of `bytes` to or from streaming memory, while machine_chips chips of the machine move as much each,
// slot_chips of them over the slot that is in the way of memory behind the host, and nobody anything else.
double system_stream_seconds(const struct system_config *system, uint64_t bytes,
                             uint32_t machine_chips, uint32_t slot_chips);
// Bytes per second that one direction of the link carries.
double system_link_rate(const struct system_config *system, const struct system_link *link);
// Cycles that a sync over the first `chips` chips takes more than one on a chip: 15 ns per hop,
// there and back; 1 + floor(floor(n / 2) / 2) hops for n chips (poplibs, poplibs_test/Util.cpp). 0
// for one chip.
uint64_t system_sync_cycles(const struct system_config *system, uint32_t chips);

#endif

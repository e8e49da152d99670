// What an exchange over several chips takes beside the bytes that its links carry: setting links
// for small messages, the way there, and the ports and streams of single tiles. Times of the system
// alone: no contention of anything else is in them, for that is the clock's.
#ifndef TILESIM_EXCHANGE_CROSSING_H
#define TILESIM_EXCHANGE_CROSSING_H

#include "exchange/traffic.h"
#include "sim/system.h"

struct crossing {
    // Every run of messages (exchange/traffic.h) takes a packet of system.packet_bytes on each link
    // of its way, longer by system.route_bytes if any way has several links. Runs go hop by hop:
    // all have made the first before any makes the second; a rung and the first rail behind it are
    // one hop. The busiest link of each hop counts.
    uint64_t start_cycles;
    // From then on, until the last word is there, however wide the links are: the longest way, and
    // what the busiest tile sends or receives, or one stream can carry.
    uint64_t least_cycles;
    // About what the clock will say from then on: the longest way, and the words of the busiest
    // link.
    uint64_t words_cycles;
};

// What links carry of this traffic: its bytes, or system.message_bytes for all of its messages that
// follow others of their run.
uint64_t crossing_link_bytes(const struct system_config *system,
                             const struct chip_traffic *traffic);

// Zero for an exchange that does not cross.
struct crossing crossing_measure(const struct system_config *system, const struct program *program,
                                 const struct exchange_step *exchange);

#endif

// What an exchange sends from chip to chip: flows of a program on several chips in, bytes on ways
// out. A broadcast crosses to another chip once, however many of its tiles hear it, and a chip that
// it passes on its way to another hears it there: it has entries only for chips at the ends of its
// ways.
#ifndef TILESIM_EXCHANGE_TRAFFIC_H
#define TILESIM_EXCHANGE_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/program.h"
#include "sim/system.h"

struct chip_traffic { // from one chip to another
    uint32_t from, to;
    uint64_t bytes;
    uint64_t messages; // distinct ones of tiles
    // Messages that follow one another from one tile, or to one, count once: the fewer of the tiles
    // that send and of those that receive. Flows that touch the same run of tiles, one after the
    // other, count them once.
    uint64_t runs;
};

struct traffic_list {
    struct chip_traffic *items; // owned; ascending by (from, to); no entry without messages
    uint32_t count;
};

// Empty for a program on one chip.
struct traffic_list traffic_measure(const struct system_config *system,
                                    const struct program *program,
                                    const struct exchange_step *exchange);
void traffic_free(struct traffic_list *list);
// Does any word leave its chip? Quicker than measuring.
bool traffic_crosses(const struct program *program, const struct exchange_step *exchange);

#endif

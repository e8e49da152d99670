// What an exchange on one chip costs: flows of a program in, cycles out. Between chips: not here.
// Modelled:     words on the busiest port, fixed cost by pattern, latency by place, shared buses.
// Not modelled: contention (the schedule is compiled, none was measured), instructions per word.
// Definitions that every way of counting keeps (the detailed engine counts them again by itself):
//   - A tile sends nothing to itself. A message of no bytes is no message.
//   - A broadcast reaches a tile once, however many items lie on it; other kinds count items.
//   - A message of n bytes holds a port for ceil(n / bytes_per_cycle) cycles. A broadcast holds a
//     receiving port for ceil(n / (bytes_per_cycle * bus_sharing)) if all tiles of the receiver's
//     bus (tiles i * bus_sharing ...) are destinations, and the sending port if that is so for all
//     buses but the sender's, and there is one. On the sender's own bus it holds a receiving port
//     as long as the sending one. (JIA: broadcasts from a tile to itself and 3 others, and to the
//     whole chip, have the width of a bus; one to itself and a neighbour has not.)
//   - The sync before an exchange is not part of these cycles. One without messages takes 0.
#ifndef TILESIM_EXCHANGE_EXCHANGE_H
#define TILESIM_EXCHANGE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/program.h"

// A new fabric: one file beside the others, one line here, one table in it.
#define EXCHANGE_FABRICS(X) \
    X(compiled_bus) // every tile hears every other; one word per cycle and port

enum fabric_kind {
#define X(name) FABRIC_##name,
    EXCHANGE_FABRICS(X)
#undef X
        FABRIC_COUNT
};

// All that the time of an exchange depends on: maxima over the tiles.
struct exchange_load {
    uint64_t out_cycles;          // busiest sending port
    uint64_t in_cycles;           // busiest receiving port
    uint64_t sent_messages;       // distinct messages of the tile that sends most
    uint64_t received_messages;   // messages of the tile that receives most
    uint64_t latency_millicycles; // farthest pair of tiles that talk
};

struct measuring; // each fabric has its own

struct fabric {
    const char *name;
    // Thousandths of a cycle from the first word sent to the same word received. is_broadcast: the
    // flow is a broadcast to more than one tile, the sender counted if it is a destination.
    uint64_t (*latency_millicycles)(const struct exchange_config *config, uint32_t from,
                                    uint32_t to, bool is_broadcast);
    uint64_t (*farthest_millicycles)(const struct exchange_config *config); // of all places
    // What the exchanges of one program are counted with; config and program must outlive it.
    struct measuring *(*measuring_create)(const struct exchange_config *config,
                                          const struct program *program);
    void (*measuring_destroy)(struct measuring *measuring);
    // Counts an exchange by closed forms, without visiting every pair of tiles.
    void (*measure)(struct measuring *measuring, const struct exchange_step *exchange,
                    struct exchange_load *load);
    uint64_t (*cycles)(const struct exchange_config *config, const struct exchange_load *load);
};

const struct fabric *exchange_fabric(uint32_t kind);
const char *exchange_fabric_name(uint32_t kind); // NULL past the last one

// Cycles of the exchanges of one program, without their syncs. chip and program must outlive it.
struct exchange_meter;
struct exchange_meter *exchange_meter_create(const struct chip_config *chip,
                                             const struct program *program);
void exchange_meter_destroy(struct exchange_meter *meter);
uint64_t exchange_meter_cycles(struct exchange_meter *meter, const struct exchange_step *exchange);
// Of them, those before the first word is where it goes: what is left if no port had to move any.
uint64_t exchange_meter_first_cycles(struct exchange_meter *meter,
                                     const struct exchange_step *exchange);
// Cycles of an exchange in which the busiest port moves `bytes` of one message, sync included.
uint64_t exchange_estimate_cycles(const struct chip_config *chip, uint64_t bytes);

static inline uint64_t exchange_port_cycles(const struct exchange_config *config, uint64_t bytes)
{
    return bytes / config->bytes_per_cycle + (bytes % config->bytes_per_cycle != 0);
}

static inline uint64_t exchange_shared_port_cycles(const struct exchange_config *config,
                                                   uint64_t bytes)
{
    uint64_t width = (uint64_t)config->bytes_per_cycle * config->bus_sharing;
    return bytes / width + (bytes % width != 0);
}

#endif

// How gradients are summed over the replicas of a program: the messages and additions of every
// chip, by algorithm. Chips at the same place of their replica sum with each other; the groups do
// it side by side.
//   ring       2 (n - 1) steps: chunks of 1/n go around, summed in the first n - 1 and copied in the others
//   tree       whole gradients to the first chip by halving the number of chips, then back by doubling it
//   two_level  the summing half of a ring in each machine; of the chunk that a chip then has, a ring over the chips
//              with the same one in the other machines; the copying half. A plain ring where machines have
//              unequal numbers of replicas
// Modelled:     messages as they depend on each other, additions on the tiles.
// Not modelled: the exchange between a chip's tiles and its links, overlap of a chunk's parts.
#ifndef TILESIM_SIM_ENGINE_ALL_REDUCE_H
#define TILESIM_SIM_ENGINE_ALL_REDUCE_H

#include "sim/system.h"

#define ALL_REDUCE_PHASES 4u

// Of one chip: it sends and receives at the same time, waits for both, then adds.
struct all_reduce_step {
    bool sends, receives;
    uint32_t to, from; // chips
    uint64_t sent_bytes;
    uint64_t added_bytes; // of what was received
    uint32_t phase;       // messages of different phases do not meet
};

// Calls for every step of the chip, in order.
void all_reduce_walk(const struct system_config *system, const struct parallel_config *parallel,
                     uint32_t chip, uint64_t chip_bytes,
                     void (*visit)(void *context, const struct all_reduce_step *step),
                     void *context);
// About what it takes where the first `places` chips of every replica have `chip_bytes` each:
// messages of the same time share links, those of other times do not meet. Two levels are taken for
// the ring.
uint64_t all_reduce_estimate_cycles(const struct system_config *system,
                                    const struct parallel_config *parallel, uint32_t places,
                                    uint64_t chip_bytes);
// Cycles of adding so many bytes of float32, spread over all tiles of the chip, to others.
uint64_t all_reduce_add_cycles(const struct chip_config *chip, uint64_t bytes);

#endif

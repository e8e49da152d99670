// What a vertex costs: one pure function per codelet, from its static sizes and the chip.
// The result is linear in what the activity adds, so that sums of costs are sums of integers.
// A slot is one issue of one worker: a bundle of one memory or control instruction and one
// arithmetic instruction. On the tile it takes `contexts` cycles, in which the other workers issue
// too. Formulas named (PL file) are those of the vendor's library estimators, as collected in
// docs/machine.md#codelets; they hold for its assembly. The costs of the sparse codelets, which are
// compiled C++, come from the chip file (`costs`) and are estimates until they are calibrated.
#ifndef TILESIM_TILES_CODELETS_CODELETS_H
#define TILESIM_TILES_CODELETS_CODELETS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/chip.h"
#include "sim/codelet_list.h"
#include "sim/program.h"
#include "sim/units.h"

struct vertex_cost {
    uint64_t supervisor_cycles; // tile cycles beside the workers
    uint64_t fixed_millislots;  // of its worker; of every worker if is_multi
    uint64_t count_millislots;  // for each unit of the dynamic count
    uint64_t hit_millislots;    // for each dynamic hit
    bool is_multi;              // runs on all workers and takes no place among worker vertices;
                                // has no dynamic cost, and starts and awaits its workers itself
    bool is_unknown;            // no source gives a cost for this operation and type
};

// False where no source gives a cost for the operation and the type in `sizes`.
bool vertex_is_known(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                     const struct chip_config *chip);
// Cost of one vertex, which must be known, the chip's additive correction of the codelet included.
struct vertex_cost vertex_cost(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                               const struct chip_config *chip);
// Tile cycles of one vertex alone on its tile, launch included; dynamic quantities are 0.
uint64_t vertex_cycles_alone(enum codelet codelet, const uint32_t sizes[VERTEX_SIZES],
                             const struct chip_config *chip);

#define X(name, sizes_doc)                                             \
    struct vertex_cost name##_cost(const uint32_t sizes[VERTEX_SIZES], \
                                   const struct chip_config *chip);
CODELETS(X)
#undef X

#define WORD_BYTES 4u

static inline uint64_t slots_to_millislots(double slots)
{
    return (uint64_t)llround(slots * MILLISLOTS_PER_SLOT);
}

static inline struct vertex_cost all_workers(uint64_t supervisor_cycles, uint64_t slots)
{
    return (struct vertex_cost){.is_multi = true,
                                .supervisor_cycles = supervisor_cycles,
                                .fixed_millislots = slots * MILLISLOTS_PER_SLOT};
}

static inline struct vertex_cost one_worker(uint64_t slots)
{
    return (struct vertex_cost){.fixed_millislots = slots * MILLISLOTS_PER_SLOT};
}

static inline struct vertex_cost unknown_cost(void)
{
    return (struct vertex_cost){.is_unknown = true};
}

// float32 elements of one vector instruction: 2 where a vector is 64 bits.
static inline uint64_t words_per_vector(const struct chip_config *chip)
{
    return chip->tile.vector_bytes / WORD_BYTES;
}

// Elements of the vertex's type in one vector; 0: no such type.
static inline uint64_t elements_per_vector(const struct chip_config *chip,
                                           const uint32_t sizes[VERTEX_SIZES])
{
    uint32_t bytes = element_type_bytes(sizes[SIZE_TYPE]);
    return bytes == 0 ? 0 : max_u64(chip->tile.vector_bytes / bytes, 1);
}

static inline bool is_floating(uint32_t type)
{
    return type == TYPE_float32 || type == TYPE_float16;
}

#endif

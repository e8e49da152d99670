// Loads one after the other, as benchmarks of the memory do.
#include "tiles/codelets/codelets.h"

// Guess: a compiler unrolls and pays one bundle of loop control per 64 loads. Loops in assembly
// that repeat by hardware (`rpt`, ISA) pay none. JIA's compiled loops lie 1 to 3 % below the
// assembly's peak.
#define COMPILED_LOADS_PER_BRANCH 64u

// One worker reads a block; a load is one slot (JIA: one per issue, whatever its width).
// sizes: bytes of the block, bits of a load, compiled 0/1. Loads of two widths of the data path
// need interleaved memory, and compilers do not use them (JIA: C++ float4 reads no faster than
// float2).
struct vertex_cost read_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    bool is_compiled = sizes[2] != 0;
    uint64_t widest_bytes = (uint64_t)chip->tile.load_bytes_per_slot * (is_compiled ? 1 : 2);
    uint64_t load_bytes = max_u64(min_u64(sizes[1] / 8, widest_bytes), 1);
    uint64_t loads = div_ceil(sizes[0], load_bytes);
    uint64_t branches = is_compiled ? div_ceil(loads, COMPILED_LOADS_PER_BRANCH) : 0;
    return (struct vertex_cost){
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start) +
                            (loads + branches) * MILLISLOTS_PER_SLOT,
    };
}

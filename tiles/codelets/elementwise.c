// Multi-worker vertices over a vector of float32 words: each worker takes ceil(n / contexts)
// elements in vectors of 64 bits. W stands for slots of one worker.
#include "tiles/codelets/codelets.h"

static uint64_t vectors_per_worker(uint64_t elements, const struct chip_config *chip)
{
    return div_ceil(div_ceil(elements, chip->tile.contexts), words_per_vector(chip));
}

// Dense elementwise operation of the library, float32 add, subtract or multiply.
// sizes: elements; operands (1: by a scalar, 2: two tensors); in place 0/1.
// Source: PL popops/popopsCycleEstimators, held by the library to 10 % of its cycle simulator.
struct vertex_cost elementwise_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    uint64_t vectors = vectors_per_worker(sizes[0], chip);
    bool is_by_scalar = sizes[1] <= 1;
    bool is_in_place = sizes[2] != 0;
    uint64_t slots_per_vector = is_by_scalar ? 1 + 1  // load with multiply, store
                                             : 1 + 2; // store with add, two loads
    uint64_t prologue_slots = is_by_scalar  ? 20      // broadcast 1D, in place the same
                              : is_in_place ? 58      // BinaryOp 1D in place
                                            : 29;     // BinaryOp 1D, float32
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 11, // common overhead of an elementwise multi-worker vertex
        .fixed_millislots = (prologue_slots + vectors * slots_per_vector) * MILLISLOTS_PER_SLOT,
    };
}

// One generated vertex for a whole chain of elementwise operations.
// sizes: elements; loads, stores and arithmetic slots per vector.
// Memory and arithmetic instructions share a bundle, so the longer of the two streams counts, as in
// the library's own loops; a compiled loop adds one slot for its branch (ISA: only loops of dual
// bundles are free).
struct vertex_cost fused_elementwise_cost(const uint32_t sizes[VERTEX_SIZES],
                                          const struct chip_config *chip)
{
    uint64_t vectors = vectors_per_worker(sizes[0], chip);
    uint64_t memory_slots = (uint64_t)sizes[1] + sizes[2];
    uint64_t slots_per_vector = max_u64(memory_slots, sizes[3]) + 1; // loop branch
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 11,                                            // as elementwise
        .fixed_millislots = slots_to_millislots(chip->costs.vertex_start) + // compiled C++
                            vectors * slots_per_vector * MILLISLOTS_PER_SLOT,
    };
}

// Softmax, cross-entropy and its derivative, rows dealt to workers. sizes: classes, samples.
// Library costs per vector of two float32 (PL popopsCycleEstimators), an estimate as a whole.
struct vertex_cost softmax_loss_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    uint64_t vectors = div_ceil(sizes[0], words_per_vector(chip));
    uint64_t rows = div_ceil(sizes[1], chip->tile.contexts);
    uint64_t row_slots = 4 * 20 +               // prologues of four passes over the row
                         vectors * (3 +         // running maximum
                                    2 + 6 + 1 + // subtract it, exponential, sum
                                    2 +         // times the inverse of the sum
                                    2) +        // store the derivative
                         3 +
                         6 + // inverse and logarithm of the sum (ISA 4.1)
                         4;  // subtract 1 at the label, add to the loss
    return (struct vertex_cost){
        .is_multi = true,
        .supervisor_cycles = 11,
        .fixed_millislots =
            slots_to_millislots(chip->costs.vertex_start) + rows * row_slots * MILLISLOTS_PER_SLOT,
    };
}

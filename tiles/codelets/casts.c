// Conversions and fills of the library. W stands for slots of one worker.
// Source: PL popops/PerformanceEstimation, written for its assembly.
#include "tiles/codelets/codelets.h"

struct conversion {
    uint32_t from_bytes, to_bytes;
    bool is_floating; // else compiled C++ in the memory and integer pipeline
};

// Pipelined loop over four elements, then the ones that are left.
static uint64_t atom_loop_slots(uint64_t elements, uint64_t first_slots, uint64_t slots,
                                const uint64_t rest_slots[4])
{
    uint64_t atoms = elements / 4;
    return (atoms == 0 ? 0 : first_slots + (atoms - 1) * slots) + rest_slots[elements % 4];
}

static uint64_t log2_floor(uint64_t value)
{
    uint64_t bits = 0;
    while (value > 1) {
        value /= 2;
        bits++;
    }
    return bits;
}

// Between float32 and float16: as wide as two loads and one store allow.
static uint64_t floating_slots(struct conversion conversion, uint64_t elements,
                               const struct chip_config *chip)
{
    uint64_t loaded = chip->tile.vector_bytes / conversion.from_bytes;
    uint64_t stored = chip->tile.vector_bytes / conversion.to_bytes;
    uint64_t width = max_u64(min_u64(2 * loaded, stored), 1);
    uint64_t vector_slots = max_u64(width / max_u64(min_u64(width, loaded), 1), 1);
    uint64_t left = elements % width;
    uint64_t rest_slots = log2_floor(width); // a test for every power of two
    for (uint64_t bit = 1; bit < width; bit *= 2) {
        rest_slots += (left & bit) != 0 ? 2 : 0; // convert, store
    }
    return 19 + vector_slots * (elements / width) + rest_slots;
}

static uint64_t worker_slots(struct conversion conversion, uint64_t elements,
                             const struct chip_config *chip)
{
    static const uint64_t from_byte_rest[4] = {2, 12, 14, 22};
    static const uint64_t to_byte_rest[4] = {2, 14, 21, 29};
    if (conversion.is_floating && conversion.from_bytes == 1) {
        return 4 + atom_loop_slots(elements, 14, 9, from_byte_rest);
    }
    if (conversion.is_floating && conversion.to_bytes == 1) {
        return 4 + 4 + atom_loop_slots(elements, 19, 16, to_byte_rest); // set-up of the clamping
    }
    if (conversion.is_floating) {
        return floating_slots(conversion, elements, chip);
    }
    return 19 + 2 * elements; // load with convert, store: the estimator's own guess
}

// Type: of what is converted. int8 goes to float16, float16 to int8; float32 and float16 to each
// other; what stays 4 bytes wide is between int32 and float32.
// sizes: elements (2D: of a row), bytes of a result, rows (0: 1D).
struct vertex_cost cast_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    struct conversion conversion = {.from_bytes = element_type_bytes(sizes[SIZE_TYPE]),
                                    .to_bytes = sizes[1] == 0 ? 4 : sizes[1]};
    uint32_t from = conversion.from_bytes, to = conversion.to_bytes;
    bool is_known = (from == 4 && (to == 4 || to == 2)) || (from == 2 && (to == 4 || to == 1)) ||
                    (from == 1 && to == 2);
    if (!is_known) {
        return unknown_cost();
    }
    conversion.is_floating = sizes[SIZE_TYPE] != TYPE_int32 && from != to;
    if (sizes[2] > 0) {
        return one_worker(5 + sizes[2] * (11 + worker_slots(conversion, sizes[0], chip)));
    }
    uint64_t elements = div_ceil(sizes[0], chip->tile.contexts);
    return all_workers(12, worker_slots(conversion, elements, chip) + 18); // 18: entry of a worker
}

// Fill with a constant, all workers. sizes: words.
// Source: PL popops/FillModelling: the 64-bit fill, 5 + n W, of max(ceil(grains / 6), 2) grains.
struct vertex_cost fill_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t grains = div_ceil(sizes[0], 2); // of 64 bits
    return all_workers(0, 5 + max_u64(div_ceil(grains, chip->tile.contexts), 2));
}

// Fill with a constant, one worker. sizes: elements.
struct vertex_cost memset_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t elements = sizes[0];
    uint64_t width = elements_per_vector(chip, sizes);
    switch (element_type_bytes(sizes[SIZE_TYPE])) {
    case 4: // 16 before the loop, 6 after it, 1 for the mean alignment
        return one_worker(23 + elements / width + elements % width);
    case 2:
        return one_worker(elements == 1 ? 15 : elements == 2 ? 21 : 26 + elements / width);
    case 1: // 32-bit stores, from 64 bytes on 64-bit ones
        return one_worker(elements < 64 ? 28 + elements / 4 : 39 + elements / 8);
    default:
        return unknown_cost();
    }
}

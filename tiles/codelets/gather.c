// Rows picked from a table by indices, and written or added back. Every worker looks at indices of
// its own (slice, update) or at all of them for a range of rows of its own (add), so what misses is
// paid for. Hits are static here, as the library's planner takes them: of the worker that has most.
// Source: PL popops/PerformanceEstimation and popopsCycleEstimators. W stands for slots of one
// worker.
#include "tiles/codelets/codelets.h"

static uint64_t log2_ceil(uint64_t value)
{
    uint64_t bits = 0;
    while ((UINT64_C(1) << bits) < value) {
        bits++;
    }
    return bits;
}

// Lower and upper end of a worker's range among sorted indices, each index once in the table.
static uint64_t search_slots(uint64_t indices)
{
    return 2 * log2_ceil(indices) * 10 + // two searches
           15 +                          // repeated entries
           9;                            // entry of both
}

// Rows of an element type: elements and slots of one step of the copy loop.
static uint64_t copy_slots(uint32_t type, uint64_t elements, bool is_shared,
                           const struct chip_config *chip)
{
    uint64_t bytes = element_type_bytes(type);
    uint64_t step_elements = bytes == 1 ? 4 : 2;
    uint64_t step_slots = bytes == 1 ? 3 : 2;
    uint64_t steps = div_ceil(elements, step_elements);
    if (is_shared) { // a single row is split over the workers
        steps = div_ceil(steps, chip->tile.contexts);
    }
    return steps * step_slots;
}

// sizes: row elements, indices, hits of a worker, sorted 0/1.
static struct vertex_cost rows_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip, uint64_t prologue_slots)
{
    if (element_type_bytes(sizes[SIZE_TYPE]) == 0 || sizes[2] > sizes[1]) {
        return unknown_cost();
    }
    uint64_t indices = sizes[1], hits = sizes[2];
    bool is_sorted = sizes[3] != 0;
    uint64_t misses = is_sorted ? 0 : indices - hits;
    uint64_t hit_slots = 19 + copy_slots(sizes[SIZE_TYPE], sizes[0], indices == 1, chip);
    uint64_t sorted_slots = is_sorted ? search_slots(indices) + 20 : 0;
    return all_workers(0, prologue_slots + sorted_slots + hits * hit_slots + misses * 8);
}

struct vertex_cost multi_slice_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    return rows_cost(sizes, chip, 30);
}

struct vertex_cost multi_update_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    return rows_cost(sizes, chip, 29);
}

// Slots of one row that is added, 0: a row that some word of is written in part, which costs 20 an
// element.
static uint64_t add_slots(const uint32_t sizes[VERTEX_SIZES])
{
    bool is_word = element_type_bytes(sizes[SIZE_TYPE]) == 4;
    bool is_scaled = sizes[SIZE_OPERATION] == OPERATION_scale;
    uint64_t atom_elements = is_word ? 1 : 2; // of the smallest store, 32 bits
    if (is_scaled && is_word && (sizes[0] == 2 || sizes[0] == 4)) {
        return sizes[0] == 2 ? 8 : 16; // rows of 64 and 128 bits have a path of their own
    }
    if (is_scaled && !is_word && sizes[0] == 4) {
        return 9;
    }
    uint64_t row_slots = is_word ? 11 : 12 + is_scaled;
    if (sizes[0] % atom_elements != 0) {
        return row_slots + 20 * (uint64_t)sizes[0];
    }
    return row_slots + (sizes[0] / atom_elements - 1) * 3; // load, load, store with the add
}

// sizes: row elements (at least one), indices, hits of a worker, sorted 0/1. Operation: add, or
// scale and add.
struct vertex_cost multi_update_add_cost(const uint32_t sizes[VERTEX_SIZES],
                                         const struct chip_config *chip)
{
    (void)chip;
    bool is_scaled = sizes[SIZE_OPERATION] == OPERATION_scale;
    bool is_known = (is_scaled || sizes[SIZE_OPERATION] == OPERATION_add) &&
                    element_type_bytes(sizes[SIZE_TYPE]) >= 2 && sizes[2] <= sizes[1] &&
                    sizes[0] > 0;
    if (!is_known) {
        return unknown_cost();
    }
    bool is_word = element_type_bytes(sizes[SIZE_TYPE]) == 4;
    bool is_special =
        is_scaled && ((is_word && (sizes[0] == 2 || sizes[0] == 4)) || (!is_word && sizes[0] == 4));
    bool is_sorted = sizes[3] != 0;
    uint64_t slots = 3 + // size, leave if there is nothing
                     (is_word ? 29u : 30u) -
                     (is_special ? 1u : 0u) + // before the loop over indices
                     (!is_scaled ? 0u
                      : is_word  ? 6u
                                 : 4u) + // the scale, tests of the row's size
                     (is_sorted ? search_slots(sizes[1]) + 15 : 0) + // own range
                     sizes[2] * add_slots(sizes) +
                     (is_sorted ? 0 : (sizes[1] - sizes[2]) * 5); // misses
    return all_workers(0, slots);
}

// Dynamic slice or update of one dimension. sizes: region elements, slices.
// Source: PL popopsCycleEstimators: 25 + 6 * (39 + slices * (24 + 2 per vector)); 8 bit 76 and 72.
struct vertex_cost slice_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t width = elements_per_vector(chip, sizes);
    if (width == 0) {
        return unknown_cost();
    }
    bool is_byte = element_type_bytes(sizes[SIZE_TYPE]) == 1;
    uint64_t vectors = div_ceil(sizes[0], chip->tile.contexts) / width;
    uint64_t slice_slots = (is_byte ? 72 : 24) + // offset, bounds, pointers of one slice
                           2 * vectors;          // load, store
    return all_workers(11 + 14,                  // elementwise overhead, set entry
                       (is_byte ? 76 : 39) + sizes[1] * slice_slots);
}

// The same for regions that lie apart, on one worker. sizes: region elements, regions.
struct vertex_cost slice_2d_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t width = elements_per_vector(chip, sizes);
    if (width == 0) {
        return unknown_cost();
    }
    uint64_t vectors = div_ceil(sizes[0], width);
    uint64_t bytes = element_type_bytes(sizes[SIZE_TYPE]);
    uint64_t region_slots = bytes == 4   ? 29 + vectors
                            : bytes == 2 ? 31 + 2 * vectors
                                         : 50 + 2 * vectors;
    return one_worker(40 + sizes[1] * region_slots);
}

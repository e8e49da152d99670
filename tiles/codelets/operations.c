// Elementwise operations of the library (PL popops/popopsCycleEstimators): one function for a
// shape, one table for what an operation costs per vector. W stands for slots of one worker.
// The table holds W per step and elements per step. Operations that have no entry for a type are
// unknown: the library compiles them, and no table gives their cost.
#include "tiles/codelets/codelets.h"

#include "sim/err.h"

struct step {
    uint16_t slots, elements; // 0 elements: no entry
};

struct operation_cost {
    enum operation operation;
    struct step float32, float16, int32, int8;
};

// Of two tensors. Ranges (integer comparison 22 to 26) are entered at their upper end.
static const struct operation_cost of_tensors[] = {
    {OPERATION_add, {3, 2}, {3, 4}, {7, 1}, {0, 0}}, // two loads, one store with the arithmetic
    {OPERATION_subtract, {3, 2}, {3, 4}, {7, 1}, {0, 0}},
    {OPERATION_multiply, {3, 2}, {3, 4}, {7, 1}, {0, 0}},
    {OPERATION_divide, {10, 2}, {21, 4}, {277, 1}, {0, 0}},
    {OPERATION_maximum, {3, 2}, {4, 4}, {7, 1}, {0, 0}},
    {OPERATION_minimum, {3, 2}, {4, 4}, {7, 1}, {0, 0}},
    {OPERATION_compare, {14, 4}, {9, 4}, {26, 4}, {0, 0}},
    {OPERATION_not_equal, {20, 4}, {11, 4}, {26, 4}, {0, 0}},
    {OPERATION_logical, {0, 0}, {0, 0}, {0, 0}, {5, 4}},
    {OPERATION_shift, {0, 0}, {0, 0}, {7, 1}, {0, 0}},
    {OPERATION_power, {312, 1}, {0, 0}, {0, 0}, {0, 0}},
    {OPERATION_atan2, {272, 2}, {578, 4}, {0, 0}, {0, 0}},
};

// Where it differs in place. With the operand in interleaved memory both loads are one.
static const struct operation_cost in_place[] = {
    {OPERATION_maximum, {4, 2}, {4, 4}, {7, 1}, {0, 0}},
    {OPERATION_minimum, {4, 2}, {4, 4}, {7, 1}, {0, 0}},
};
static const struct operation_cost in_place_interleaved[] = {
    {OPERATION_add, {2, 2}, {2, 4}, {7, 1}, {0, 0}},
    {OPERATION_subtract, {2, 2}, {2, 4}, {7, 1}, {0, 0}},
    {OPERATION_multiply, {2, 2}, {2, 4}, {7, 1}, {0, 0}},
};

static const struct operation_cost by_scalar[] = {
    {OPERATION_add, {2, 2}, {2, 4}, {6, 1}, {0, 0}}, // load, store with the arithmetic
    {OPERATION_subtract, {2, 2}, {2, 4}, {6, 1}, {0, 0}},
    {OPERATION_multiply, {2, 2}, {2, 4}, {6, 1}, {0, 0}},
    {OPERATION_divide, {6, 2}, {8, 2}, {0, 0}, {0, 0}},
    {OPERATION_maximum, {3, 2}, {3, 4}, {0, 0}, {0, 0}},
    {OPERATION_minimum, {3, 2}, {3, 4}, {0, 0}, {0, 0}},
    {OPERATION_compare, {12, 4}, {8, 4}, {20, 4}, {0, 0}},
};
static const struct operation_cost by_scalar_interleaved[] = {
    {OPERATION_add, {1, 2}, {1, 4}, {6, 1}, {0, 0}}, // load and store in one bundle
    {OPERATION_subtract, {1, 2}, {1, 4}, {6, 1}, {0, 0}},
    {OPERATION_multiply, {1, 2}, {1, 4}, {6, 1}, {0, 0}},
};

// One operand. The transcendental unit gives the float32 costs: two elements at its latency (ISA
// 4.1).
static const struct operation_cost of_one[] = {
    {OPERATION_exp, {6, 2}, {4, 4}, {0, 0}, {0, 0}},
    {OPERATION_log, {12, 2}, {4, 4}, {0, 0}, {0, 0}},
    {OPERATION_tanh, {12, 2}, {4, 4}, {0, 0}, {0, 0}},
    {OPERATION_sigmoid, {12, 2}, {6, 4}, {0, 0}, {0, 0}},
    {OPERATION_sqrt, {10, 2}, {23, 4}, {0, 0}, {0, 0}},
    {OPERATION_rsqrt, {8, 2}, {19, 4}, {0, 0}, {0, 0}},
    {OPERATION_inverse, {6, 2}, {15, 4}, {0, 0}, {0, 0}},
    {OPERATION_relu, {3, 2}, {3, 4}, {0, 0}, {0, 0}},
    {OPERATION_negate, {2, 2}, {2, 4}, {0, 0}, {0, 0}},
    {OPERATION_square, {2, 2}, {2, 4}, {0, 0}, {0, 0}},
    {OPERATION_sin, {2300, 1}, {25, 4}, {0, 0}, {0, 0}}, // float32: a library function
    {OPERATION_cos, {2300, 1}, {25, 4}, {0, 0}, {0, 0}},
};

struct table {
    const struct operation_cost *costs;
    uint32_t count;
};
#define TABLE(name) ((struct table){(name), sizeof(name) / sizeof *(name)})

static struct step step_of(struct table table, const uint32_t sizes[VERTEX_SIZES])
{
    for (uint32_t i = 0; i < table.count; i++) {
        const struct operation_cost *cost = &table.costs[i];
        if (cost->operation == sizes[SIZE_OPERATION]) {
            const struct step steps[TYPE_COUNT] = {[TYPE_float32] = cost->float32,
                                                   [TYPE_float16] = cost->float16,
                                                   [TYPE_int32] = cost->int32,
                                                   [TYPE_int8] = cost->int8};
            return sizes[SIZE_TYPE] < TYPE_COUNT ? steps[sizes[SIZE_TYPE]] : (struct step){0, 0};
        }
    }
    return (struct step){0, 0};
}

static struct step binary_step(const uint32_t sizes[VERTEX_SIZES])
{
    struct step step = {0, 0};
    switch (sizes[1]) {
    case FORM_IN_PLACE_INTERLEAVED:
        step = step_of(TABLE(in_place_interleaved), sizes);
        break;
    case FORM_IN_PLACE:
        step = step_of(TABLE(in_place), sizes);
        break;
    case FORM_BY_SCALAR_INTERLEAVED:
        step = step_of(TABLE(by_scalar_interleaved), sizes);
        break;
    case FORM_BY_SCALAR:
        return step_of(TABLE(by_scalar), sizes);
    case FORM_TENSORS:
        break;
    default:
        return step;
    }
    if (step.elements > 0 || sizes[1] == FORM_BY_SCALAR_INTERLEAVED) {
        return step;
    }
    return step_of(TABLE(of_tensors), sizes); // placement changes nothing
}

static uint64_t loop_slots(struct step step, uint64_t elements)
{
    return div_ceil(elements, step.elements) * step.slots;
}

// One row on all workers. sizes: elements, form.
struct vertex_cost binary_op_cost(const uint32_t sizes[VERTEX_SIZES],
                                  const struct chip_config *chip)
{
    struct step step = binary_step(sizes);
    if (step.elements == 0) {
        return unknown_cost();
    }
    uint64_t prologue_slots = sizes[SIZE_TYPE] == TYPE_float32 ? 29 : 26;
    if (sizes[1] == FORM_IN_PLACE || sizes[1] == FORM_IN_PLACE_INTERLEAVED) {
        prologue_slots = 58;
    } else if (sizes[1] != FORM_TENSORS) {
        prologue_slots = 20; // broadcast, in place the same
    }
    return all_workers(11, // common overhead of an elementwise multi-worker vertex
                       prologue_slots + loop_slots(step, div_ceil(sizes[0], chip->tile.contexts)));
}

// Rows on one worker. sizes: columns, form, rows.
struct vertex_cost binary_op_2d_cost(const uint32_t sizes[VERTEX_SIZES],
                                     const struct chip_config *chip)
{
    (void)chip;
    struct step step = binary_step(sizes);
    if (step.elements == 0) {
        return unknown_cost();
    }
    bool is_by_scalar = sizes[1] == FORM_BY_SCALAR || sizes[1] == FORM_BY_SCALAR_INTERLEAVED;
    uint64_t prologue_slots = sizes[1] == FORM_TENSORS ? 5 : 20;
    uint64_t row_slots = is_by_scalar ? 28 : 0; // the scalar, pointers of the row
    return one_worker(prologue_slots + sizes[2] * (row_slots + loop_slots(step, sizes[0])));
}

// One scalar for every row, columns over the workers ("vector outer"). sizes: columns, rows.
struct vertex_cost broadcast_rows_cost(const uint32_t sizes[VERTEX_SIZES],
                                       const struct chip_config *chip)
{
    struct step step = step_of(TABLE(by_scalar), sizes);
    uint64_t width = elements_per_vector(chip, sizes);
    if (step.elements == 0 || width == 0) {
        return unknown_cost();
    }
    bool is_assembly = sizes[SIZE_OPERATION] <= OPERATION_multiply;
    uint64_t row_slots = is_assembly ? 7 : 25; // scalar, pointers, loop entry
    uint64_t columns = div_ceil(sizes[0], chip->tile.contexts);
    return all_workers(11, 15 + sizes[1] * (row_slots + loop_slots(step, columns)));
}

// sizes: elements, in place 0/1.
struct vertex_cost unary_op_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    struct step step = step_of(TABLE(of_one), sizes);
    if (step.elements == 0) {
        return unknown_cost();
    }
    uint64_t prologue_slots = sizes[1] != 0 ? 55 : sizes[SIZE_OPERATION] == OPERATION_exp ? 33 : 17;
    return all_workers(20,
                       prologue_slots + loop_slots(step, div_ceil(sizes[0], chip->tile.contexts)));
}

// sizes: columns, in place 0/1 (of one cost), rows.
struct vertex_cost unary_op_2d_cost(const uint32_t sizes[VERTEX_SIZES],
                                    const struct chip_config *chip)
{
    (void)chip;
    struct step step = step_of(TABLE(of_one), sizes);
    return step.elements == 0 ? unknown_cost()
                              : one_worker(20 + sizes[2] * loop_slots(step, sizes[0]));
}

// --- three operands, and products of rows -------------------------------------------------------
// sizes: columns, form, rows.
struct vertex_cost select_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    (void)chip;
    uint64_t columns = sizes[0], rows = sizes[2];
    uint64_t element_bytes = element_type_bytes(sizes[SIZE_TYPE]);
    uint64_t row_bytes = columns * element_bytes;
    if (element_bytes == 0) {
        return unknown_cost();
    }
    switch (sizes[1]) {
    case SELECT_BY_MASK:
        return one_worker(5 + rows * (6 + 5 * columns));
    case SELECT_OF_SCALARS:
        if (element_bytes == 1) {
            return one_worker(10 + rows * (66 + 17 * (columns / 4)));
        }
        return one_worker(10 + rows * ((element_bytes == 4 ? 8 : 30) + 4 * columns));
    case SELECT_ROWS: // words, then the bytes that are left, one by one
        return one_worker(12 + rows * (35 + row_bytes / 4 + 5 * (row_bytes % 4)));
    default:
        return unknown_cost();
    }
}

// sizes: columns, -, rows.
struct vertex_cost clamp_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t width = elements_per_vector(chip, sizes);
    if (sizes[SIZE_TYPE] == TYPE_int32) {
        return one_worker(5 + sizes[2] * (6 + 7 * (uint64_t)sizes[0])); // compares and branches
    }
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    return one_worker(5 + sizes[2] * (6 + 2 * div_ceil(sizes[0], width))); // load, store with clamp
}

// sizes: columns, -, rows.
struct vertex_cost hadamard_cost(const uint32_t sizes[VERTEX_SIZES], const struct chip_config *chip)
{
    uint64_t width = elements_per_vector(chip, sizes);
    if (!is_floating(sizes[SIZE_TYPE])) {
        return unknown_cost();
    }
    return one_worker(5 + sizes[2] * (6 + 2 * div_ceil(sizes[0], width)));
}

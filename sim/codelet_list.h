// The one list of codelets: what a vertex may run. Its cost stands in tiles/codelets/.
// sizes[] are the static sizes that a vertex group gives; "count" and "hits" are what the activity
// adds.
// Codelets marked "typed" take an element type in sizes[SIZE_TYPE] and an operation in
// sizes[SIZE_OPERATION] (0: float32, add); "1D" ones use all workers, "2D" ones take one.
// Row letters (F3, B7, ...) are those of docs/schedule.md.
#ifndef TILESIM_SIM_CODELET_LIST_H
#define TILESIM_SIM_CODELET_LIST_H

#include <stdint.h>

// X(name, sizes[0] and on; dynamic quantities, row of the schedule)
#define CODELETS(X)                                                                                \
    X(slice, "region elements, slices; typed")                                                     \
    X(on_tile_copy, "bytes, contiguous runs")                                                      \
    X(fill, "words")                                                                               \
    X(cast, "elements, bytes of a result (0: 4), rows (2D; 0: 1D); typed")                         \
    X(lif_update, "neurons, load slots, arithmetic slots (F3); count: spikes in")                  \
    X(threshold_flags, "none: one neuron and sample (F4)")                                         \
    X(random_uniform, "integers (F5)")                                                             \
    X(compact_flags, "none (F6); count: flags scanned; hits: ids")                                 \
    X(combine_parts, "none (F7); hits: ids copied")                                                \
    X(combine_samples, "parts (F8); hits: ids copied")                                             \
    X(loop_counter, "none (B1)")                                                                   \
    X(elementwise, "elements, operands (1: by scalar, 2: two tensors), in place 0/1")              \
    X(fused_elementwise, "elements, loads, stores, arithmetic slots per vector")                   \
    X(state_gradient, "neurons (B4 new); count: ids scanned; hits: own ids")                       \
    X(state_gradient_sample, "neurons of the layer (B4 old); hits: ids listed")                    \
    X(weight_gradient, "neurons (B7); count: spikes in")                                           \
    X(spike_gradient, "neurons (B8); count: listed ids")                                           \
    X(reduce_stage1, "partials (B9); hits: 1 if live")                                             \
    X(reduce_many, "partials, outputs, strides (0: 1); typed (B10)")                               \
    X(scatter_ids, "neurons (sparse to dense of one vector); hits: ids")                           \
    X(softmax_loss, "classes, samples")                                                            \
    X(optimizer, "elements, kind (0 SGD, 1 Adam)")                                                 \
    X(matmul_partial, "rows, in channels, out channels, bytes per element (2 or 4)")               \
    X(read, "bytes of a block, bits of a load, compiled 0/1")                                      \
    X(transpose, "rows, columns, matrices of a worker (0: 1); typed")                              \
    /* the library beyond what lowerings use */                                                    \
    X(binary_op, "elements, form (0 tensors, 1 in place, 2 and interleaved, 3 by scalar, 4 and "   \
                 "interleaved); typed")                                                            \
    X(binary_op_2d, "columns, form (as binary_op), rows; typed")                                   \
    X(broadcast_rows, "columns, rows: one scalar per row; typed")                                  \
    X(unary_op, "elements, in place 0/1; typed")                                                   \
    X(unary_op_2d, "columns, in place 0/1, rows; typed")                                           \
    X(scaled_add,                                                                                  \
      "elements, placement (0 anywhere, 1 apart, 2 interleaved); typed (add, subtract, combine)")  \
    X(scaled_add_2d, "columns, placement (as scaled_add), rows; typed")                            \
    X(select, "columns, form (0 by mask, 1 of scalars, 2 rows), rows; typed")                      \
    X(clamp, "columns, -, rows; typed")                                                            \
    X(hadamard, "columns, -, rows; typed")                                                         \
    X(memset, "elements; typed")                                                                   \
    X(reduce_scalar, "elements, interleaved 0/1; typed")                                           \
    X(reduce_pieces, "elements of a piece, interleaved 0/1, pieces; typed")                        \
    X(reduce_general, "partials, outputs of a reduction, reductions; typed")                       \
    X(reduce_add, "partials, outputs, blocks of inputs (0: 1); typed")                             \
    X(multi_slice, "row elements, indices, hits of a worker, sorted 0/1; typed")                   \
    X(multi_update, "row elements, indices, hits of a worker, sorted 0/1; typed")                  \
    X(multi_update_add, "row elements, indices, hits of a worker, sorted 0/1; typed (add, scale)") \
    X(slice_2d, "region elements, regions; typed")                                                 \
    X(sparse_forward, "rows, non-zeros of a row, batch columns, subgroups (0: 1); typed")          \
    X(sparse_gradient_input, "rows, non-zeros of a row, batch columns, subgroups; typed")          \
    X(sparse_transposed, "rows, non-zeros of a row, batch columns, subgroups; typed")              \
    X(sparse_gradient_weight, "rows, non-zeros of a row, batch columns, subgroups; typed")         \
    X(sparse_block, "rows of blocks, blocks of a row, batch columns, block side; typed")           \
    X(sparse_gather, "non-zeros; typed")                                                           \
    X(random, "elements, iterations (truncated_normal); typed (a distribution)")                   \
    /* without a published schedule */                                                             \
    X(stream, "elements, kernel, implementation, bytes per element (codelets/compiled.h)")         \
    X(stencil3x3, "rows, columns, implementation (codelets/compiled.h)")                           \
    X(rotation_2d, "elements of a row")                                                            \
    X(householder_row, "elements")

enum codelet {
#define X(name, sizes_doc) CODELET_##name,
    CODELETS(X)
#undef X
        CODELET_COUNT
};

const char *codelet_name(enum codelet codelet);      // NULL past the last one
const char *codelet_sizes_doc(enum codelet codelet); // the same

#define SIZE_TYPE 4      // index into sizes[] of a typed codelet
#define SIZE_OPERATION 5 // the same

// X(name, bytes)
#define ELEMENT_TYPES(X) X(float32, 4) X(float16, 2) X(int32, 4) X(int8, 1)

enum element_type {
#define X(name, bytes) TYPE_##name,
    ELEMENT_TYPES(X)
#undef X
        TYPE_COUNT
};
const char *element_type_name(uint32_t type); // NULL past the last one
uint32_t element_type_bytes(uint32_t type);   // 0 past the last one

// `compare` is any of < <= > >= ==; `logical` and, or of truths; `combine` a x + b y; `scale` an
// addend times a number; the last ones are distributions of `random`.
// clang-format off
#define OPERATIONS(X)                                                                          \
    X(add) X(subtract) X(multiply) X(divide) X(maximum) X(minimum) X(compare) X(not_equal)     \
    X(logical) X(shift) X(power) X(atan2) X(exp) X(log) X(tanh) X(sigmoid) X(sqrt) X(rsqrt)    \
    X(inverse) X(relu) X(negate) X(square) X(sin) X(cos) X(combine) X(scale) X(log_add)        \
    X(normal) X(truncated_normal) X(uniform) X(bernoulli) X(dropout) X(set_seed)
// clang-format on

enum operation {
#define X(name) OPERATION_##name,
    OPERATIONS(X)
#undef X
        OPERATION_COUNT
};
const char *operation_name(uint32_t operation); // NULL past the last one

enum operation_form { // of a binary operation
    FORM_TENSORS,
    FORM_IN_PLACE,
    FORM_IN_PLACE_INTERLEAVED, // the operand lies in interleaved memory
    FORM_BY_SCALAR,
    FORM_BY_SCALAR_INTERLEAVED, // in place
};

enum operand_placement { // what the compiler promises of two operands
    PLACED_ANYWHERE,
    PLACED_APART,       // in distinct memory elements
    PLACED_INTERLEAVED, // and one in interleaved memory
};

enum select_form {
    SELECT_BY_MASK,    // a mask tensor
    SELECT_OF_SCALARS, // of two scalars, by a mask
    SELECT_ROWS,       // whole rows by a scalar
};

#endif

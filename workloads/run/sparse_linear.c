// Products with spikes as lists of ids, float32.
//
// All three gather: a strip of up to 64 columns of many rows is read, its sums stay in registers.
//   forward           current[t, b]  = sum over spikes j of (t, b) of w[j]
//   weight gradient   dw[j]          = sum over (t, b) where j spiked of error[t, b]
//   spike gradients   ds[t, b, slot] = w[listed id] . error[t, b]
// Strip outermost: a strip of the gathered matrix stays in the second-level cache for a whole block
// of time steps. Measured figures: docs/performance.md (make bench).
#include <string.h>

#include "workloads/run/kernels.h"

// Sums of a gather are kept in the machine's own vectors: wider ones, which the compiler would
// emulate, live in memory and are four times slower. Each column has its own sum, so the width
// changes no bit.
#if defined(__AVX512F__)
#define GATHER_FLOATS 16u
#elif defined(__AVX__)
#define GATHER_FLOATS 8u
#else
#define GATHER_FLOATS 4u
#endif
#define VECTOR_FLOATS 16u // of dot products, and the padding of rows
// All functions with vectors are inlined: no call passes one.
#pragma GCC diagnostic ignored "-Wpsabi"

typedef float gather_vector __attribute__((vector_size(4 * GATHER_FLOATS), may_alias));
typedef float vector16 __attribute__((vector_size(64), may_alias));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// out = (adds ? out : 0) + sum of the listed rows of base. Rows have `columns` floats, which is a
// constant where this is inlined, so that the sums are registers.
ALWAYS_INLINE void gather_rows(float *out, const float *base, const uint32_t *ids, uint32_t count,
                               bool adds, uint32_t columns)
{
    gather_vector sums[STRIP_COLUMNS_MAX / GATHER_FLOATS];
    gather_vector *target = (gather_vector *)out;
    uint32_t vectors = columns / GATHER_FLOATS;
    for (uint32_t v = 0; v < vectors; v++) {
        sums[v] = adds ? target[v] : (gather_vector){0};
    }
    for (uint32_t i = 0; i < count; i++) {
        const gather_vector *row = (const gather_vector *)(base + (size_t)ids[i] * columns);
        for (uint32_t v = 0; v < vectors; v++) {
            sums[v] += row[v];
        }
    }
    for (uint32_t v = 0; v < vectors; v++) {
        target[v] = sums[v];
    }
}

// One strip of the forward product; the strip's rows start at `strip`, its columns at
// `first_column`.
ALWAYS_INLINE void connect_strip(const struct op_job *job, const struct span *span,
                                 const float *strip, uint32_t first_column, uint32_t vectors)
{
    const struct view *x = &job->in[0];
    for (uint32_t i = 0; i < span->time_steps; i++) {
        uint32_t t = span->first_time_step + i;
        for (uint32_t k = 0; k < span->samples; k++) {
            uint32_t b = span->first_sample + k;
            size_t row = job_row(job, t, b);
            gather_rows(view_floats(&job->out, t, b) + first_column, strip,
                        x->ids + row * x->row_stride, x->counts[row * 2], false,
                        vectors * VECTOR_FLOATS);
        }
    }
}

void connect_sparse(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip)
{
    const struct matrix *w = &job->matrix;
    for (uint32_t s = first_strip; s < end_strip; s++) {
        const float *strip = (const float *)w->data + (size_t)s * w->rows * w->strip_columns;
        uint32_t first_column = s * w->strip_columns;
        switch (w->strip_columns / VECTOR_FLOATS) {
        case 1:
            connect_strip(job, span, strip, first_column, 1);
            break;
        case 2:
            connect_strip(job, span, strip, first_column, 2);
            break;
        case 3:
            connect_strip(job, span, strip, first_column, 3);
            break;
        default:
            connect_strip(job, span, strip, first_column, 4);
        }
    }
}

ALWAYS_INLINE vector16 multiply_row(const float *row, const vector16 *error, uint32_t vectors)
{
    const vector16 *weights = (const vector16 *)row;
    vector16 sum = weights[0] * error[0];
    for (uint32_t v = 1; v < vectors; v++) {
        sum += weights[v] * error[v];
    }
    return sum;
}

// Each result lane adds two neighbouring lanes (or pairs, or groups of four) of a, then of b.
ALWAYS_INLINE vector16 add_neighbours(vector16 a, vector16 b)
{
    return __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14,
                                   30) +
           __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
}

ALWAYS_INLINE vector16 add_pairs(vector16 a, vector16 b)
{
    return __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
           __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30,
                                   31);
}

ALWAYS_INLINE vector16 add_quarters(vector16 a, vector16 b)
{
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
           __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30,
                                   31);
}

// Rows ids[0..3]: lane 4 k + i of the result is a quarter of the dot product of row i.
ALWAYS_INLINE vector16 dot_four(const float *strip, const uint32_t *ids, const vector16 *error,
                                uint32_t vectors)
{
    uint32_t columns = vectors * VECTOR_FLOATS;
    vector16 rows[4];
    for (uint32_t i = 0; i < 4; i++) {
        rows[i] = multiply_row(strip + (size_t)ids[i] * columns, error, vectors);
    }
    return add_pairs(add_neighbours(rows[0], rows[1]), add_neighbours(rows[2], rows[3]));
}

// Up to sixteen rows (`rows` rounded up to fours) share the steps that add up the lanes: about
// three instructions a row instead of eight.
ALWAYS_INLINE vector16 dot_sixteen(const float *strip, const uint32_t *ids, uint32_t rows,
                                   const vector16 *error, uint32_t vectors)
{
    vector16 fours[4];
    for (uint32_t i = 0; i < 4; i++) {
        fours[i] = 4 * i < rows ? dot_four(strip, ids + 4 * i, error, vectors) : (vector16){0};
    }
    return add_quarters(add_quarters(fours[0], fours[1]), add_quarters(fours[2], fours[3]));
}

// out[i] (+)= row ids[i] of the strip . error
ALWAYS_INLINE void dot_rows(float *out, const float *strip, const uint32_t *ids, uint32_t count,
                            const float *error_row, bool adds, uint32_t vectors)
{
    vector16 error[STRIP_COLUMNS_MAX / VECTOR_FLOATS];
    for (uint32_t v = 0; v < vectors; v++) {
        error[v] = ((const vector16 *)error_row)[v];
    }
    for (uint32_t i = 0; i < count; i += VECTOR_FLOATS) {
        uint32_t left = count - i < VECTOR_FLOATS ? count - i : VECTOR_FLOATS;
        float *target = out + i; // rows of slots are padded to whole vectors
        vector16 before = {0};
        if (adds) {
            before = *(const vector16 *)target;
        }
        if (left == VECTOR_FLOATS) {
            *(vector16 *)target =
                before + dot_sixteen(strip, ids + i, VECTOR_FLOATS, error, vectors);
            continue;
        }
        uint32_t rest[VECTOR_FLOATS] = {0}; // row 0 stands in for rows past the last
        memcpy(rest, ids + i, left * sizeof(uint32_t));
        *(vector16 *)target = before + dot_sixteen(strip, rest, left, error, vectors);
    }
}

ALWAYS_INLINE void input_gradient_strip(const struct op_job *job, const struct span *span,
                                        uint32_t s, uint32_t vectors)
{
    const struct matrix *w = &job->matrix;
    const struct view *x = &job->in[2];
    const float *strip = (const float *)w->data + (size_t)s * w->rows * w->strip_columns;
    for (uint32_t i = 0; i < span->time_steps; i++) {
        uint32_t t = span->first_time_step + i;
        for (uint32_t k = 0; k < span->samples; k++) {
            uint32_t b = span->first_sample + k;
            size_t row = job_row(job, t, b);
            const float *error = view_floats(&job->in[0], t, b) + s * w->strip_columns;
            // The next sample's errors lie on another page: fetch them while this one's rows are
            // read.
            for (uint32_t v = 0; v < vectors; v++) {
                __builtin_prefetch(error + job->in[0].row_stride + v * VECTOR_FLOATS);
            }
            dot_rows(view_floats(&job->out, t, b), strip, x->ids + row * x->row_stride,
                     x->counts[row * 2 + 1], error, s > 0, vectors);
        }
    }
}

void connect_input_gradient_sparse(const struct op_job *job, const struct span *span)
{
    for (uint32_t s = 0; s < matrix_strips(&job->matrix); s++) {
        switch (job->matrix.strip_columns / VECTOR_FLOATS) {
        case 1:
            input_gradient_strip(job, span, s, 1);
            break;
        case 2:
            input_gradient_strip(job, span, s, 2);
            break;
        case 3:
            input_gradient_strip(job, span, s, 3);
            break;
        default:
            input_gradient_strip(job, span, s, 4);
        }
    }
}

ALWAYS_INLINE void weight_gradient_strip(float *strip, const float *errors,
                                         const struct event_lists *lists, uint32_t rows, bool adds,
                                         uint32_t vectors)
{
    for (uint32_t id = 0; id < rows; id++) {
        const uint32_t *events = lists->events + lists->offsets[id];
        uint32_t count = lists->offsets[id + 1] - lists->offsets[id];
        if (count > 0 || !adds) {
            gather_rows(strip + (size_t)id * vectors * VECTOR_FLOATS, errors, events, count, adds,
                        vectors * VECTOR_FLOATS);
        }
    }
}

// The strip of all errors of the block, packed: it is gathered many times.
static void pack_errors(const struct op_job *job, uint32_t first_column, uint32_t columns,
                        float *packed)
{
    for (uint32_t t = 0; t < job->block_time_steps; t++) {
        for (uint32_t b = 0; b < job->context->batch; b++) {
            memcpy(packed, view_floats(&job->in[1], t, b) + first_column, columns * sizeof(float));
            packed += columns;
        }
    }
}

void add_weight_gradient_sparse(const struct op_job *job, const struct event_lists *lists,
                                uint32_t item, bool adds, void *scratch)
{
    const struct matrix *gradient = &job->matrix;
    uint32_t columns = gradient->strip_columns;
    float *strip = (float *)gradient->data + (size_t)item * gradient->rows * columns;
    pack_errors(job, item * columns, columns, scratch);
    switch (columns / VECTOR_FLOATS) {
    case 1:
        weight_gradient_strip(strip, scratch, lists, gradient->rows, adds, 1);
        break;
    case 2:
        weight_gradient_strip(strip, scratch, lists, gradient->rows, adds, 2);
        break;
    case 3:
        weight_gradient_strip(strip, scratch, lists, gradient->rows, adds, 3);
        break;
    default:
        weight_gradient_strip(strip, scratch, lists, gradient->rows, adds, 4);
    }
}

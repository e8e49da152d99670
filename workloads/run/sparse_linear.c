// Products with spikes as lists of ids, float32.
//
// All three gather: a strip of up to 64 columns of many rows is read, its sums stay in registers.
//   forward           current[t, b]  = sum over spikes j of (t, b) of w[j]
//   weight gradient   dw[j]          = sum over (t, b) where j spiked of error[t, b]
//   spike gradients   ds[t, b, slot] = w[listed id] . error[t, b]
// Strip outermost: a strip of the gathered matrix stays in the second-level cache for a whole block of
// time steps. Measured figures: docs/performance.md (make bench).
#include <string.h>

#include "workloads/run/kernels.h"

#define VECTOR_FLOATS 16u

typedef float vector16 __attribute__((vector_size(64), may_alias));
typedef float vector8 __attribute__((vector_size(32), may_alias));
typedef float vector4 __attribute__((vector_size(16), may_alias));
typedef int32_t lanes4 __attribute__((vector_size(16)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// out = (adds ? out : 0) + sum of the listed rows of base; `vectors` is a constant where this is inlined,
// so that the sums are registers.
ALWAYS_INLINE void gather_rows(float *out, const float *base, const uint32_t *ids, uint32_t count,
                               bool adds, uint32_t vectors)
{
    vector16 sums[STRIP_COLUMNS_MAX / VECTOR_FLOATS];
    vector16 *target = (vector16 *)out;
    for (uint32_t v = 0; v < vectors; v++) {
        sums[v] = adds ? target[v] : (vector16){0};
    }
    for (uint32_t i = 0; i < count; i++) {
        const vector16 *row = (const vector16 *)(base + (size_t)ids[i] * vectors * VECTOR_FLOATS);
        for (uint32_t v = 0; v < vectors; v++) {
            sums[v] += row[v];
        }
    }
    for (uint32_t v = 0; v < vectors; v++) {
        target[v] = sums[v];
    }
}

// One strip of the forward product; the strip's rows start at `strip`, its columns at `first_column`.
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
                        x->ids + row * x->row_stride, x->counts[row * 2], false, vectors);
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

// 16 lanes added up to 4; the rest of the sum is shared by four rows, see dot_rows.
ALWAYS_INLINE vector4 fold(vector16 sum)
{
    union {
        vector16 whole;
        vector8 half[2];
    } sixteen = {.whole = sum};
    union {
        vector8 whole;
        vector4 half[2];
    } eight = {.whole = sixteen.half[0] + sixteen.half[1]};
    return eight.half[0] + eight.half[1];
}

ALWAYS_INLINE vector4 multiply_row(const float *row, const vector16 *error, uint32_t vectors)
{
    const vector16 *weights = (const vector16 *)row;
    vector16 sum = weights[0] * error[0];
    for (uint32_t v = 1; v < vectors; v++) {
        sum += weights[v] * error[v];
    }
    return fold(sum);
}

// out[i] (+)= row ids[i] of the strip . error
ALWAYS_INLINE void dot_rows(float *out, const float *strip, const uint32_t *ids, uint32_t count,
                            const float *error_row, bool adds, uint32_t vectors)
{
    vector16 error[STRIP_COLUMNS_MAX / VECTOR_FLOATS];
    for (uint32_t v = 0; v < vectors; v++) {
        error[v] = ((const vector16 *)error_row)[v];
    }
    uint32_t columns = vectors * VECTOR_FLOATS;
    uint32_t i = 0;
    for (; i + 4 <= count; i += 4) {
        vector4 a = multiply_row(strip + (size_t)ids[i] * columns, error, vectors);
        vector4 b = multiply_row(strip + (size_t)ids[i + 1] * columns, error, vectors);
        vector4 c = multiply_row(strip + (size_t)ids[i + 2] * columns, error, vectors);
        vector4 d = multiply_row(strip + (size_t)ids[i + 3] * columns, error, vectors);
        vector4 ab = __builtin_shuffle(a, b, (lanes4){0, 4, 1, 5}) +
                     __builtin_shuffle(a, b, (lanes4){2, 6, 3, 7});
        vector4 cd = __builtin_shuffle(c, d, (lanes4){0, 4, 1, 5}) +
                     __builtin_shuffle(c, d, (lanes4){2, 6, 3, 7});
        vector4 dots = __builtin_shuffle(ab, cd, (lanes4){0, 1, 4, 5}) +
                       __builtin_shuffle(ab, cd, (lanes4){2, 3, 6, 7});
        vector4 before = {0};
        if (adds) {
            memcpy(&before, out + i, sizeof(before));
        }
        before += dots;
        memcpy(out + i, &before, sizeof(before));
    }
    for (; i < count; i++) {
        vector4 a = multiply_row(strip + (size_t)ids[i] * columns, error, vectors);
        out[i] = (adds ? out[i] : 0.0f) + ((a[0] + a[2]) + (a[1] + a[3]));
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
            // The next sample's errors lie on another page: fetch them while this one's rows are read.
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
                        vectors);
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

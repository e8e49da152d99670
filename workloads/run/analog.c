// Analog input and biases, float32: products of real numbers by OpenBLAS, in both forms; they differ in
// the layout of weights (strips) and in how work is cut. The library runs on one thread.
#include <cblas.h>
#include <string.h>

#include "workloads/run/kernels.h"

static uint32_t strip_width(const struct matrix *matrix, uint32_t strip)
{
    uint32_t left = matrix->columns - strip * matrix->strip_columns;
    return left < matrix->strip_columns ? left : matrix->strip_columns;
}

static float *strip_floats(const struct matrix *matrix, uint32_t strip)
{
    return (float *)matrix->data + (size_t)strip * matrix->rows * matrix->strip_columns;
}

// The samples of `span` at one time step, one strip of columns.
static void connect_strip(const struct op_job *job, const struct span *span, uint32_t time_step,
                          uint32_t strip)
{
    const struct matrix *w = &job->matrix;
    const float *x = view_floats(&job->in[0], time_step, span->first_sample);
    float *out = view_floats(&job->out, time_step, span->first_sample) + strip * w->strip_columns;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)span->samples,
                (int)strip_width(w, strip), (int)w->rows, 1.0f, x, (int)job->in[0].row_stride,
                strip_floats(w, strip), (int)w->strip_columns, 0.0f, out, (int)job->out.row_stride);
}

static void copy_strip(const struct op_job *job, const struct span *span, uint32_t from,
                       uint32_t to, uint32_t strip)
{
    size_t column = (size_t)strip * job->matrix.strip_columns;
    size_t bytes = strip_width(&job->matrix, strip) * sizeof(float);
    for (uint32_t i = 0; i < span->samples; i++) {
        uint32_t b = span->first_sample + i;
        memcpy(view_floats(&job->out, to, b) + column, view_floats(&job->out, from, b) + column,
               bytes);
    }
}

// An input that is the same at every time step has the same product: it is computed once a span.
void connect_analog(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip)
{
    bool is_static = job->in[0].time_stride == 0;
    uint32_t first = span->first_time_step;
    for (uint32_t strip = first_strip; strip < end_strip; strip++) {
        for (uint32_t t = first; t < first + span->time_steps; t++) {
            if (t > first && is_static) {
                copy_strip(job, span, first, t, strip);
            } else {
                connect_strip(job, span, t, strip);
            }
        }
    }
}

// Rows [first, first + rows) of one strip: x^T e, time step by time step.
static void add_rows(const struct op_job *job, uint32_t first, uint32_t rows, uint32_t strip,
                     bool adds)
{
    const struct matrix *gradient = &job->matrix;
    size_t column = (size_t)strip * gradient->strip_columns;
    for (uint32_t t = 0; t < job->block_time_steps; t++) {
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows,
                    (int)strip_width(gradient, strip), (int)job->context->batch, 1.0f,
                    view_floats(&job->in[0], t, 0) + first, (int)job->in[0].row_stride,
                    view_floats(&job->in[1], t, 0) + column, (int)job->in[1].row_stride,
                    adds || t > 0 ? 1.0f : 0.0f,
                    strip_floats(gradient, strip) + (size_t)first * gradient->strip_columns,
                    (int)gradient->strip_columns);
    }
}

void add_weight_gradient_analog_strip(const struct op_job *job, const struct event_lists *lists,
                                      uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    (void)scratch;
    add_rows(job, 0, job->matrix.rows, item, adds);
}

void add_weight_gradient_analog_rows(const struct op_job *job, const struct event_lists *lists,
                                     uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    (void)scratch;
    uint32_t first = item * kernels_dense.gradient_rows_per_item;
    uint32_t left = job->matrix.rows - first;
    uint32_t rows = kernels_dense.gradient_rows_per_item;
    add_rows(job, first, left < rows ? left : rows, 0, adds);
}

void add_bias_gradient_fast(const struct op_job *job, bool adds)
{
    float *restrict gradient = job->matrix.data; // one row: strips lie side by side
    uint32_t columns = job->matrix.columns;
    if (!adds) {
        memset(gradient, 0, columns * sizeof(float));
    }
    struct span all = {.time_steps = job->block_time_steps, .samples = job->context->batch};
    FOR_ROWS(&all, t, b)
    {
        const float *error = view_floats(&job->in[0], t, b);
        for (uint32_t n = 0; n < columns; n++) {
            gradient[n] += error[n];
        }
    }
}

// Analog input and biases, float32: products of real numbers by OpenBLAS, in both forms; they
// differ in the layout of weights (strips) and in how work is cut. The library runs on one thread.
#include <cblas.h>
#include <string.h>

#include "sim/err.h"
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

// The input is the same at every time step, and so is the product: it is computed once a span.
void connect_analog(const struct op_job *job, const struct span *span, uint32_t first_strip,
                    uint32_t end_strip)
{
    uint32_t first = span->first_time_step;
    SIM_ASSERT(job->in[0].time_stride == 0, "analog input that changes with time");
    for (uint32_t strip = first_strip; strip < end_strip; strip++) {
        connect_strip(job, span, first, strip);
        for (uint32_t t = first + 1; t < first + span->time_steps; t++) {
            copy_strip(job, span, first, t, strip);
        }
    }
}

// The errors of one strip's columns, summed over the block's time steps: [batch][strip columns].
static void sum_errors(const struct op_job *job, uint32_t strip, float *restrict sums)
{
    const struct matrix *gradient = &job->matrix;
    size_t column = (size_t)strip * gradient->strip_columns;
    uint32_t width = strip_width(gradient, strip);
    for (uint32_t b = 0; b < job->context->batch; b++) {
        float *restrict sum = sums + (size_t)b * gradient->strip_columns;
        memcpy(sum, view_floats(&job->in[1], 0, b) + column, width * sizeof(float));
        for (uint32_t t = 1; t < job->block_time_steps; t++) {
            const float *error = view_floats(&job->in[1], t, b) + column;
            for (uint32_t n = 0; n < width; n++) {
                sum[n] += error[n];
            }
        }
    }
}

// Rows [first, first + rows) of one strip: x^T e. An input that is the same at every time step
// needs one product with the sum of the errors.
static void add_rows(const struct op_job *job, uint32_t first, uint32_t rows, uint32_t strip,
                     bool adds, float *sums)
{
    const struct matrix *gradient = &job->matrix;
    SIM_ASSERT(job->in[0].time_stride == 0, "analog input that changes with time");
    sum_errors(job, strip, sums);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows,
                (int)strip_width(gradient, strip), (int)job->context->batch, 1.0f,
                view_floats(&job->in[0], 0, 0) + first, (int)job->in[0].row_stride, sums,
                (int)gradient->strip_columns, adds ? 1.0f : 0.0f,
                strip_floats(gradient, strip) + (size_t)first * gradient->strip_columns,
                (int)gradient->strip_columns);
}

void add_weight_gradient_analog_strip(const struct op_job *job, const struct event_lists *lists,
                                      uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    add_rows(job, 0, job->matrix.rows, item, adds, scratch);
}

void add_weight_gradient_analog_rows(const struct op_job *job, const struct event_lists *lists,
                                     uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    uint32_t first = item * kernels_dense.gradient_rows_per_item;
    uint32_t left = job->matrix.rows - first;
    uint32_t rows = kernels_dense.gradient_rows_per_item;
    add_rows(job, first, left < rows ? left : rows, 0, adds, scratch);
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

// The dense form, float32: spikes are 0 and 1, every neuron is listed, products are OpenBLAS's.
// The library runs on one thread; the cuts into items are fixed by sizes (see executor.c).
#include <cblas.h>
#include <string.h>

#include "workloads/run/kernels.h"
#include "workloads/run/surrogate.h"

// Calls product(job, t, b, rows) for runs of rows that lie one behind the other in memory.
static void for_row_runs(const struct op_job *job, const struct span *span,
                         void (*product)(const struct op_job *job, uint32_t t, uint32_t b,
                                         uint32_t rows))
{
    if (span->samples == job->context->batch) {
        product(job, span->first_time_step, 0, span->time_steps * span->samples);
        return;
    }
    for (uint32_t i = 0; i < span->time_steps; i++) {
        product(job, span->first_time_step + i, span->first_sample, span->samples);
    }
}

static void connect_rows(const struct op_job *job, uint32_t t, uint32_t b, uint32_t rows)
{
    const struct matrix *w = &job->matrix;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)w->columns, (int)w->rows,
                1.0f, view_floats(&job->in[0], t, b), (int)job->in[0].row_stride, w->data,
                (int)w->strip_columns, 0.0f, view_floats(&job->out, t, b),
                (int)job->out.row_stride);
}

static void connect_dense(const struct op_job *job, const struct span *span, uint32_t first_strip,
                          uint32_t end_strip)
{
    (void)first_strip; // the matrix is one strip
    (void)end_strip;
    for_row_runs(job, span, connect_rows);
}

static void input_gradient_rows(const struct op_job *job, uint32_t t, uint32_t b, uint32_t rows)
{
    const struct matrix *w = &job->matrix;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)w->rows, (int)w->columns,
                1.0f, view_floats(&job->in[0], t, b), (int)job->in[0].row_stride, w->data,
                (int)w->strip_columns, 0.0f, view_floats(&job->out, t, b),
                (int)job->out.row_stride);
}

static void connect_input_gradient_dense(const struct op_job *job, const struct span *span)
{
    for_row_runs(job, span, input_gradient_rows);
}

static void add_weight_gradient_dense(const struct op_job *job, const struct event_lists *lists,
                                      uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    (void)scratch;
    const struct matrix *gradient = &job->matrix;
    uint32_t first = item * kernels_dense.gradient_rows_per_item;
    uint32_t rows = gradient->rows - first;
    if (rows > kernels_dense.gradient_rows_per_item) {
        rows = kernels_dense.gradient_rows_per_item;
    }
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)gradient->columns,
                (int)(job->block_time_steps * job->context->batch), 1.0f,
                view_floats(&job->in[0], 0, 0) + first, (int)job->in[0].row_stride,
                view_floats(&job->in[1], 0, 0), (int)job->in[1].row_stride, adds ? 1.0f : 0.0f,
                (float *)gradient->data + (size_t)first * gradient->strip_columns,
                (int)gradient->strip_columns);
}

static void fire_dense(const struct op_job *job, const struct span *span)
{
    float theta1 = (float)job->op->constant;
    uint32_t neurons = job->in[0].columns;
    FOR_ROWS(span, t, b)
    {
        const float *u = view_floats(&job->in[0], t, b);
        float *restrict spikes = view_floats(&job->out, t, b);
        uint32_t count = 0;
        for (uint32_t i = 0; i < neurons; i++) {
            spikes[i] = u[i] > theta1 ? 1.0f : 0.0f;
            count += u[i] > theta1;
        }
        uint32_t *counts = job->out.counts + job_row(job, t, b) * 2;
        counts[0] = count;
        counts[1] = neurons;
    }
}

static void fire_gradient_row(float *restrict out, const float *base, const float *gradients,
                              const float *u, const struct op_job *job)
{
    enum surrogate_kind kind = job->context->graph->graph.surrogate;
    float slope = (float)job->context->graph->graph.surrogate_slope;
    float theta1 = (float)job->op->constant;
    uint32_t neurons = job->out.columns;
    // The kind is a constant in each loop, so that the compiler makes vectors of it.
    switch (kind) {
    case SURROGATE_SUPERSPIKE:
        for (uint32_t i = 0; i < neurons; i++) {
            out[i] = gradients[i] * surrogate_float(SURROGATE_SUPERSPIKE, slope, u[i] - theta1);
        }
        break;
    case SURROGATE_TRIANGLE:
        for (uint32_t i = 0; i < neurons; i++) {
            out[i] = gradients[i] * surrogate_float(SURROGATE_TRIANGLE, slope, u[i] - theta1);
        }
        break;
    case SURROGATE_ARCTAN:
        for (uint32_t i = 0; i < neurons; i++) {
            out[i] = gradients[i] * surrogate_float(SURROGATE_ARCTAN, slope, u[i] - theta1);
        }
        break;
    case SURROGATE_STRAIGHT_THROUGH:
        memcpy(out, gradients, neurons * sizeof(float));
        break;
    case SURROGATE_HEAVISIDE:
        for (uint32_t i = 0; i < neurons; i++) {
            out[i] = u[i] > theta1 ? gradients[i] : 0.0f;
        }
        break;
    }
    for (uint32_t i = 0; base && i < neurons; i++) {
        out[i] += base[i];
    }
}

static void fire_gradient_dense(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        const float *base = job->in[0].reals ? view_floats(&job->in[0], t, b) : NULL;
        fire_gradient_row(view_floats(&job->out, t, b), base, view_floats(&job->in[1], t, b),
                          view_floats(&job->in[2], t, b), job);
    }
}

static void gather_slots_dense(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        memcpy(view_floats(&job->out, t, b), view_floats(&job->in[0], t, b),
               job->out.columns * sizeof(float));
    }
}

static void count_spikes_dense(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        const float *sum = view_floats(&job->in[0], t, b);
        const float *spikes = view_floats(&job->in[1], t, b);
        float *restrict out = view_floats(&job->out, t, b);
        for (uint32_t i = 0; i < job->out.columns; i++) {
            out[i] = sum[i] + spikes[i];
        }
    }
}

const struct kernels kernels_dense = {
    .real_bytes = sizeof(float),
    .multiplies_rows_together = true,
    .connect_split = SPLIT_ROWS,
    .rows_per_item = 240, // fewer rows and OpenBLAS packs the weights too often
    .samples_per_item = 16,
    .gradient_rows_per_item = 256,
    .connect = connect_dense,
    .connect_dense = connect_analog,
    .ops = {[OP_connect_input_gradient] = connect_input_gradient_dense,
            [OP_fire] = fire_dense,
            [OP_fire_gradient] = fire_gradient_dense,
            [OP_gather_slots] = gather_slots_dense,
            [OP_count_spikes] = count_spikes_dense},
    .add_weight_gradient = add_weight_gradient_dense,
    .add_dense_weight_gradient = add_weight_gradient_analog_rows,
    .add_bias_gradient = add_bias_gradient_fast,
    .region = region_run_fast,
    .update = update_fast,
};

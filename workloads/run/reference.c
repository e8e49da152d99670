// The reference: float64, one plain loop per op, nothing blocked, nothing reordered.
// Written for reading; the fast kernels are tested against it.
#include "sim/err.h"
#include "workloads/run/kernels.h"
#include "workloads/run/surrogate.h"

#define GRADIENT_ROWS_PER_ITEM 64u

static const uint32_t *ids_of(const struct op_job *job, const struct view *spikes, uint32_t t,
                              uint32_t b)
{
    return spikes->ids + job_row(job, t, b) * spikes->row_stride;
}

static uint32_t spike_count(const struct op_job *job, const struct view *spikes, uint32_t t,
                            uint32_t b)
{
    return spikes->counts[job_row(job, t, b) * 2];
}

static uint32_t listed_count(const struct op_job *job, const struct view *spikes, uint32_t t,
                             uint32_t b)
{
    return spikes->counts[job_row(job, t, b) * 2 + 1];
}

static double weight_at(const struct matrix *w, uint32_t row, uint32_t column)
{
    return ((const double *)w->data)[matrix_index(w, row, column)];
}

static double dot_error(const struct matrix *w, uint32_t row, const double *error)
{
    double sum = 0.0;
    for (uint32_t n = 0; n < w->columns; n++) {
        sum += weight_at(w, row, n) * error[n];
    }
    return sum;
}

// --- products, sparse ---------------------------------------------------------------------------
static void connect_ids(const struct op_job *job, const struct span *span, uint32_t first_strip,
                        uint32_t end_strip)
{
    (void)first_strip; // the matrix is one strip
    (void)end_strip;
    FOR_ROWS(span, t, b)
    {
        const uint32_t *ids = ids_of(job, &job->in[0], t, b);
        double *current = view_doubles(&job->out, t, b);
        for (uint32_t n = 0; n < job->matrix.columns; n++) {
            current[n] = 0.0;
            for (uint32_t i = 0; i < spike_count(job, &job->in[0], t, b); i++) {
                current[n] += weight_at(&job->matrix, ids[i], n);
            }
        }
    }
}

static void connect_input_gradient_ids(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        const uint32_t *ids = ids_of(job, &job->in[2], t, b);
        double *out = view_doubles(&job->out, t, b);
        for (uint32_t i = 0; i < listed_count(job, &job->in[2], t, b); i++) {
            out[i] = dot_error(&job->matrix, ids[i], view_doubles(&job->in[0], t, b));
        }
    }
}

// Rows [item * GRADIENT_ROWS_PER_ITEM, ..) of the gradient: their first row and the one after the
// last.
static uint32_t clear_gradient_rows(const struct matrix *gradient, uint32_t item, bool adds)
{
    uint32_t first = item * GRADIENT_ROWS_PER_ITEM;
    uint32_t end = first + GRADIENT_ROWS_PER_ITEM;
    end = end < gradient->rows ? end : gradient->rows;
    for (uint32_t row = first; !adds && row < end; row++) {
        for (uint32_t n = 0; n < gradient->columns; n++) {
            ((double *)gradient->data)[matrix_index(gradient, row, n)] = 0.0;
        }
    }
    return end;
}

static void add_error(const struct matrix *gradient, uint32_t row, double x, const double *error)
{
    for (uint32_t n = 0; n < gradient->columns; n++) {
        ((double *)gradient->data)[matrix_index(gradient, row, n)] += x * error[n];
    }
}

static void add_weight_gradient_ids(const struct op_job *job, const struct event_lists *lists,
                                    uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    (void)scratch;
    uint32_t first = item * GRADIENT_ROWS_PER_ITEM;
    uint32_t end = clear_gradient_rows(&job->matrix, item, adds);
    struct span all = {.time_steps = job->block_time_steps, .samples = job->context->batch};
    FOR_ROWS(&all, t, b)
    {
        const uint32_t *ids = ids_of(job, &job->in[0], t, b);
        for (uint32_t i = 0; i < spike_count(job, &job->in[0], t, b); i++) {
            if (ids[i] >= first && ids[i] < end) {
                add_error(&job->matrix, ids[i], 1.0, view_doubles(&job->in[1], t, b));
            }
        }
    }
}

// --- products, dense ----------------------------------------------------------------------------
static void connect_values(const struct op_job *job, const struct span *span, uint32_t first_strip,
                           uint32_t end_strip)
{
    (void)first_strip; // the matrix is one strip
    (void)end_strip;
    FOR_ROWS(span, t, b)
    {
        const double *x = view_doubles(&job->in[0], t, b);
        double *current = view_doubles(&job->out, t, b);
        for (uint32_t n = 0; n < job->matrix.columns; n++) {
            current[n] = 0.0;
            for (uint32_t row = 0; row < job->matrix.rows; row++) {
                current[n] += x[row] * weight_at(&job->matrix, row, n);
            }
        }
    }
}

static void connect_input_gradient_values(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        double *out = view_doubles(&job->out, t, b);
        for (uint32_t row = 0; row < job->matrix.rows; row++) {
            out[row] = dot_error(&job->matrix, row, view_doubles(&job->in[0], t, b));
        }
    }
}

static void add_weight_gradient_values(const struct op_job *job, const struct event_lists *lists,
                                       uint32_t item, bool adds, void *scratch)
{
    (void)lists;
    (void)scratch;
    uint32_t first = item * GRADIENT_ROWS_PER_ITEM;
    uint32_t end = clear_gradient_rows(&job->matrix, item, adds);
    struct span all = {.time_steps = job->block_time_steps, .samples = job->context->batch};
    FOR_ROWS(&all, t, b)
    {
        const double *x = view_doubles(&job->in[0], t, b);
        for (uint32_t row = first; row < end; row++) {
            add_error(&job->matrix, row, x[row], view_doubles(&job->in[1], t, b));
        }
    }
}

// --- biases -------------------------------------------------------------------------------------
static void add_bias_gradient_plain(const struct op_job *job, bool adds)
{
    double *gradient = job->matrix.data;
    for (uint32_t n = 0; n < job->matrix.columns; n++) {
        gradient[n] = adds ? gradient[n] : 0.0;
    }
    struct span all = {.time_steps = job->block_time_steps, .samples = job->context->batch};
    FOR_ROWS(&all, t, b)
    {
        for (uint32_t n = 0; n < job->matrix.columns; n++) {
            gradient[n] += view_doubles(&job->in[0], t, b)[n];
        }
    }
}

// --- spike ops, sparse --------------------------------------------------------------------------
// Adds to ids the neurons with low < u <= high, up to `room` of them, in the order of a scan that
// starts at `start`, but listed ascending. Returns how many there are; *taken says how many found
// room.
static uint32_t select_ids(const struct op_job *job, const double *u, double low, double high,
                           uint32_t start, uint32_t room, uint32_t *ids, uint32_t *taken)
{
    uint32_t neurons = job->in[0].columns;
    uint32_t found = 0, found_high = 0; // high: ids from start on, scanned first
    for (uint32_t n = 0; n < neurons; n++) {
        bool is_selected = u[n] > low && u[n] <= high;
        found += is_selected;
        found_high += is_selected && n >= start;
    }
    uint32_t room_high = found_high < room ? found_high : room;
    uint32_t room_low = room - room_high;
    *taken = 0;
    for (uint32_t n = 0; n < neurons; n++) {
        uint32_t *room_here = n >= start ? &room_high : &room_low;
        if (u[n] > low && u[n] <= high && *room_here > 0) {
            (*room_here)--;
            ids[(*taken)++] = n;
        }
    }
    return found;
}

static void fire_ids(const struct op_job *job, const struct span *span)
{
    double theta1 = job->op->constant;
    uint32_t slots = job->out.columns;
    FOR_ROWS(span, t, b)
    {
        const double *u = view_doubles(&job->in[0], t, b);
        size_t row = job_row(job, t, b);
        uint32_t *ids = job->out.ids + row * job->out.row_stride;
        uint32_t start = overflow_start(job, t, b, job->in[0].columns);
        uint32_t spikes, near;
        uint32_t found = select_ids(job, u, theta1, INFINITY, start, slots, ids, &spikes);
        select_ids(job, u, job->op->theta2, theta1, start, slots - spikes, ids + spikes, &near);
        job->out.counts[row * 2] = spikes;
        job->out.counts[row * 2 + 1] = spikes + near;
        job->dropped[b] += found - spikes;
    }
}

static double surrogate_at(const struct op_job *job, double u)
{
    const struct graph *graph = &job->context->graph->graph;
    return surrogate_double(graph->surrogate, graph->surrogate_slope, u - job->op->constant);
}

static void copy_base(const struct op_job *job, uint32_t t, uint32_t b)
{
    double *out = view_doubles(&job->out, t, b);
    for (uint32_t n = 0; n < job->out.columns; n++) {
        out[n] = job->in[0].reals ? view_doubles(&job->in[0], t, b)[n] : 0.0;
    }
}

static void fire_gradient_ids(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        copy_base(job, t, b);
        const uint32_t *ids = ids_of(job, &job->in[3], t, b);
        for (uint32_t i = 0; i < listed_count(job, &job->in[3], t, b); i++) {
            view_doubles(&job->out, t, b)[ids[i]] +=
                view_doubles(&job->in[1], t, b)[i] *
                surrogate_at(job, view_doubles(&job->in[2], t, b)[ids[i]]);
        }
    }
}

static void gather_slots_ids(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        const uint32_t *ids = ids_of(job, &job->in[1], t, b);
        for (uint32_t i = 0; i < listed_count(job, &job->in[1], t, b); i++) {
            view_doubles(&job->out, t, b)[i] = view_doubles(&job->in[0], t, b)[ids[i]];
        }
    }
}

static void count_spikes_ids(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        copy_base(job, t, b);
        const uint32_t *ids = ids_of(job, &job->in[1], t, b);
        for (uint32_t i = 0; i < spike_count(job, &job->in[1], t, b); i++) {
            view_doubles(&job->out, t, b)[ids[i]] += 1.0;
        }
    }
}

// --- spike ops, dense ---------------------------------------------------------------------------
static void fire_values(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        const double *u = view_doubles(&job->in[0], t, b);
        double *spikes = view_doubles(&job->out, t, b);
        uint32_t *counts = job->out.counts + job_row(job, t, b) * 2;
        counts[0] = 0;
        counts[1] = job->out.columns;
        for (uint32_t n = 0; n < job->out.columns; n++) {
            spikes[n] = u[n] > job->op->constant ? 1.0 : 0.0;
            counts[0] += u[n] > job->op->constant;
        }
    }
}

static void fire_gradient_values(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        copy_base(job, t, b);
        for (uint32_t n = 0; n < job->out.columns; n++) {
            view_doubles(&job->out, t, b)[n] +=
                view_doubles(&job->in[1], t, b)[n] *
                surrogate_at(job, view_doubles(&job->in[2], t, b)[n]);
        }
    }
}

static void gather_slots_values(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        copy_base(job, t, b);
    }
}

static void count_spikes_values(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        copy_base(job, t, b);
        for (uint32_t n = 0; n < job->out.columns; n++) {
            view_doubles(&job->out, t, b)[n] += view_doubles(&job->in[1], t, b)[n];
        }
    }
}

// --- elementwise and optimiser ------------------------------------------------------------------
static double apply(const struct region_op *op, double a, double b)
{
    switch (op->kind) {
    case OP_add:
    case OP_add_bias:
        return a + b;
    case OP_subtract:
        return a - b;
    case OP_multiply:
        return a * b;
    case OP_scale:
        return a * op->constant;
    case OP_offset:
        return a + op->constant;
    case OP_absolute:
        return fabs(a);
    case OP_reciprocal:
        return 1.0 / a;
    case OP_positive_part:
        return a > 0.0 ? a : 0.0;
    case OP_sign:
        return (double)((a > 0.0) - (a < 0.0));
    case OP_greater:
        return a > op->constant ? 1.0 : 0.0;
    case OP_less_equal:
        return a <= op->constant ? 1.0 : 0.0;
    case OP_detach:
        return a;
    default:
        SIM_ASSERT(false, "%s is not elementwise", op_name(op->kind));
    }
}

static void region_run_plain(const struct region_job *job, uint32_t time_step, uint32_t sample)
{
    const struct region_program *program = job->program;
    double values[REGION_OPERANDS_MAX];
    for (uint32_t n = 0; n < program->columns; n++) {
        for (uint32_t i = 0; i < program->input_count; i++) {
            values[i] = view_doubles(&job->views[i], time_step, sample)[n];
        }
        for (uint32_t i = 0; i < program->op_count; i++) {
            const struct region_op *op = &program->ops[i];
            values[op->out] = apply(op, values[op->a], values[op->b]);
        }
        for (uint32_t i = program->input_count; i < program->input_count + program->output_count;
             i++) {
            view_doubles(&job->views[i], time_step, sample)[n] = values[i];
        }
    }
}

static void update_plain(const struct update_job *job, size_t first, size_t count)
{
    const struct training_config *training = job->training;
    double *weights = job->weights, *mean = job->mean, *variance = job->variance;
    const double *gradient = job->gradient;
    for (size_t i = first; i < first + count; i++) {
        if (training->optimizer == OPTIMIZER_SGD) {
            weights[i] -= job->learning_rate * gradient[i];
            continue;
        }
        double beta1 = training->adam_beta1, beta2 = training->adam_beta2;
        mean[i] = beta1 * mean[i] + (1.0 - beta1) * gradient[i];
        variance[i] = beta2 * variance[i] + (1.0 - beta2) * gradient[i] * gradient[i];
        double mean_corrected = mean[i] / (1.0 - pow(beta1, (double)job->steps));
        double variance_corrected = variance[i] / (1.0 - pow(beta2, (double)job->steps));
        weights[i] -= job->learning_rate * mean_corrected /
                      (sqrt(variance_corrected) + training->adam_epsilon);
    }
}

const struct kernels kernels_reference_sparse = {
    .real_bytes = sizeof(double),
    .connect_split = SPLIT_ROWS,
    .rows_per_item = 16,
    .samples_per_item = 1,
    .gradient_rows_per_item = GRADIENT_ROWS_PER_ITEM,
    .connect = connect_ids,
    .connect_dense = connect_values,
    .ops = {[OP_connect_input_gradient] = connect_input_gradient_ids,
            [OP_fire] = fire_ids,
            [OP_fire_gradient] = fire_gradient_ids,
            [OP_gather_slots] = gather_slots_ids,
            [OP_count_spikes] = count_spikes_ids},
    .add_weight_gradient = add_weight_gradient_ids,
    .add_dense_weight_gradient = add_weight_gradient_values,
    .add_bias_gradient = add_bias_gradient_plain,
    .region = region_run_plain,
    .update = update_plain,
};

const struct kernels kernels_reference_dense = {
    .real_bytes = sizeof(double),
    .connect_split = SPLIT_ROWS,
    .rows_per_item = 16,
    .samples_per_item = 1,
    .gradient_rows_per_item = GRADIENT_ROWS_PER_ITEM,
    .connect = connect_values,
    .connect_dense = connect_values,
    .ops = {[OP_connect_input_gradient] = connect_input_gradient_values,
            [OP_fire] = fire_values,
            [OP_fire_gradient] = fire_gradient_values,
            [OP_gather_slots] = gather_slots_values,
            [OP_count_spikes] = count_spikes_values},
    .add_weight_gradient = add_weight_gradient_values,
    .add_dense_weight_gradient = add_weight_gradient_values,
    .add_bias_gradient = add_bias_gradient_plain,
    .region = region_run_plain,
    .update = update_plain,
};

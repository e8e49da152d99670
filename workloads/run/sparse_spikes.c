// Spike ops with spikes as lists of ids, float32.
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "sim/rng.h"
#include "workloads/run/kernels.h"
#include "workloads/run/surrogate.h"

#define SCAN_FLOATS 16u // neurons compared at a time

// The list that a scan fills. Spikes grow from the front. Near-threshold ids grow from the back, so that
// later spikes can take the slot of the near id found last; finish_list turns them around.
struct list {
    uint32_t *ids;
    uint32_t slots;
    uint32_t spikes, near;             // in the list
    uint32_t spikes_found, near_found; // in all
    float theta1, theta2;
};

static void add_spike(struct list *list, uint32_t id)
{
    list->spikes_found++;
    if (list->spikes < list->slots) {
        list->near -= list->spikes + list->near == list->slots;
        list->ids[list->spikes++] = id;
    }
}

static void add_near(struct list *list, uint32_t id)
{
    list->near_found++;
    if (list->spikes + list->near < list->slots) {
        list->ids[list->slots - ++list->near] = id;
    }
}

// Bit i of the result: u[i] > threshold.
static inline uint32_t compare_16(const float *u, float threshold)
{
#ifdef __AVX512F__
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(u), _mm512_set1_ps(threshold), _CMP_GT_OQ);
#else
    uint32_t bits = 0;
    for (uint32_t i = 0; i < SCAN_FLOATS; i++) {
        bits |= (uint32_t)(u[i] > threshold) << i;
    }
    return bits;
#endif
}

// Neurons [first, end) in order.
static void scan(struct list *list, const float *u, uint32_t first, uint32_t end)
{
    uint32_t i = first;
    for (; i + SCAN_FLOATS <= end; i += SCAN_FLOATS) {
        uint32_t spikes = compare_16(u + i, list->theta1);
        uint32_t near = compare_16(u + i, list->theta2) & ~spikes;
        for (; spikes; spikes &= spikes - 1) {
            add_spike(list, i + (uint32_t)__builtin_ctz(spikes));
        }
        if (list->spikes + list->near == list->slots) {
            list->near_found += (uint32_t)__builtin_popcount(near);
            continue;
        }
        for (; near; near &= near - 1) {
            add_near(list, i + (uint32_t)__builtin_ctz(near));
        }
    }
    for (; i < end; i++) {
        if (u[i] > list->theta1) {
            add_spike(list, i);
        } else if (u[i] > list->theta2) {
            add_near(list, i);
        }
    }
}

static void reverse(uint32_t *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        uint32_t id = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = id;
    }
}

// A scan that started at `start` found [start ..), then [0 .. start): ascending again.
static void rotate_to_ascending(uint32_t *ids, uint32_t count, uint32_t start)
{
    uint32_t high = 0;
    while (high < count && ids[high] >= start) {
        high++;
    }
    reverse(ids, high);
    reverse(ids + high, count - high);
    reverse(ids, count);
}

static void finish_list(struct list *list, uint32_t start)
{
    uint32_t *near = list->ids + list->slots - list->near;
    reverse(near, list->near);
    memmove(list->ids + list->spikes, near, list->near * sizeof(*near));
    if (start > 0) {
        rotate_to_ascending(list->ids, list->spikes, start);
        rotate_to_ascending(list->ids + list->spikes, list->near, start);
    }
}

uint32_t overflow_start(const struct op_job *job, uint32_t time_step, uint32_t sample,
                        uint32_t neurons)
{
    const struct run_context *context = job->context;
    if (context->graph->config.overflow != OVERFLOW_DROP_RANDOM) {
        return 0;
    }
    uint32_t row = (job->first_time_step + time_step) * context->batch + sample;
    struct rng_words words =
        rng_philox(context->seed, RNG_OVERFLOW, context->training_step, job->op->layer, row);
    return (uint32_t)(((uint64_t)words.word[0] * neurons) >> 32);
}

static void fire_row(const struct op_job *job, uint32_t t, uint32_t b)
{
    uint32_t neurons = job->in[0].columns;
    size_t row = job_row(job, t, b);
    const float *u = view_floats(&job->in[0], t, b);
    struct list empty = {.ids = job->out.ids + row * job->out.row_stride,
                         .slots = job->out.columns,
                         .theta1 = (float)job->op->constant,
                         .theta2 = (float)job->op->theta2};
    struct list list = empty;
    uint32_t start = 0;
    scan(&list, u, 0, neurons);
    if (list.spikes_found + list.near_found > list.slots) {
        start = overflow_start(job, t, b, neurons);
        if (start > 0) {
            list = empty;
            scan(&list, u, start, neurons);
            scan(&list, u, 0, start);
        }
    }
    finish_list(&list, start);
    job->out.counts[row * 2] = list.spikes;
    job->out.counts[row * 2 + 1] = list.spikes + list.near;
    job->dropped[b] += list.spikes_found - list.spikes;
}

void fire_sparse(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        fire_row(job, t, b);
    }
}

void fire_gradient_sparse(const struct op_job *job, const struct span *span)
{
    enum surrogate_kind kind = job->context->graph->graph.surrogate;
    float slope = (float)job->context->graph->graph.surrogate_slope;
    float theta1 = (float)job->op->constant;
    size_t row_bytes = job->out.columns * sizeof(float);
    FOR_ROWS(span, t, b)
    {
        float *out = view_floats(&job->out, t, b);
        if (job->in[0].reals) {
            memcpy(out, view_floats(&job->in[0], t, b), row_bytes);
        } else {
            memset(out, 0, row_bytes);
        }
        size_t row = job_row(job, t, b);
        const float *gradients = view_floats(&job->in[1], t, b);
        const float *u = view_floats(&job->in[2], t, b);
        const uint32_t *ids = job->in[3].ids + row * job->in[3].row_stride;
        for (uint32_t i = 0; i < job->in[3].counts[row * 2 + 1]; i++) {
            out[ids[i]] += gradients[i] * surrogate_float(kind, slope, u[ids[i]] - theta1);
        }
    }
}

void gather_slots_sparse(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        size_t row = job_row(job, t, b);
        const float *dense = view_floats(&job->in[0], t, b);
        const uint32_t *ids = job->in[1].ids + row * job->in[1].row_stride;
        float *out = view_floats(&job->out, t, b);
        for (uint32_t i = 0; i < job->in[1].counts[row * 2 + 1]; i++) {
            out[i] = dense[ids[i]];
        }
    }
}

void count_spikes_sparse(const struct op_job *job, const struct span *span)
{
    FOR_ROWS(span, t, b)
    {
        size_t row = job_row(job, t, b);
        float *out = view_floats(&job->out, t, b);
        memcpy(out, view_floats(&job->in[0], t, b), job->out.columns * sizeof(float));
        const uint32_t *ids = job->in[1].ids + row * job->in[1].row_stride;
        for (uint32_t i = 0; i < job->in[1].counts[row * 2]; i++) {
            out[ids[i]] += 1.0f;
        }
    }
}

// Spike ops with spikes as lists of ids, float32.
#include <math.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "sim/rng.h"
#include "workloads/run/kernels.h"
#include "workloads/run/surrogate.h"

#define SCAN_NEURONS 16u // compared at a time

struct list {
    uint32_t *ids;
    uint32_t room;  // ids that fit
    uint32_t taken; // ids in the list
    uint32_t found; // neurons that belong in it, whether there was room or not
};

// Bit i of the result: low < u[i] <= high.
static inline uint32_t compare_16(const float *u, float low, float high)
{
#ifdef __AVX512F__
    __m512 values = _mm512_loadu_ps(u);
    __mmask16 above = _mm512_cmp_ps_mask(values, _mm512_set1_ps(low), _CMP_GT_OQ);
    return _mm512_mask_cmp_ps_mask(above, values, _mm512_set1_ps(high), _CMP_LE_OQ);
#else
    uint32_t bits = 0;
    for (uint32_t i = 0; i < SCAN_NEURONS; i++) {
        bits |= (uint32_t)(u[i] > low && u[i] <= high) << i;
    }
    return bits;
#endif
}

// Adds first + the number of each set bit, lowest first, while there is room.
static inline void add_bits(struct list *list, uint32_t first, uint32_t bits)
{
    uint32_t count = (uint32_t)__builtin_popcount(bits);
    list->found += count;
#ifdef __AVX512F__
    if (list->taken + count <= list->room) { // no loop whose length nobody can guess
        const __m512i numbers =
            _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        _mm512_mask_compressstoreu_epi32(list->ids + list->taken, (__mmask16)bits,
                                         _mm512_add_epi32(numbers, _mm512_set1_epi32((int)first)));
        list->taken += count;
        return;
    }
#endif
    for (; bits && list->taken < list->room; bits &= bits - 1) {
        list->ids[list->taken++] = first + (uint32_t)__builtin_ctz(bits);
    }
}

// Neurons of [first, end) with low < u <= high, in order.
static void scan(struct list *list, const float *u, float low, float high, uint32_t first,
                 uint32_t end)
{
    uint32_t i = first;
    for (; i + SCAN_NEURONS <= end; i += SCAN_NEURONS) {
        add_bits(list, i, compare_16(u + i, low, high));
    }
    for (; i < end; i++) {
        add_bits(list, i, u[i] > low && u[i] <= high);
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

// The neurons with low < u <= high; if there are more than fit, those that a scan from `start`
// meets first.
static struct list select_ids(const float *u, uint32_t neurons, float low, float high,
                              uint32_t start, uint32_t *ids, uint32_t room)
{
    struct list list = {.ids = ids, .room = room};
    scan(&list, u, low, high, 0, neurons);
    if (list.found > room && start > 0) {
        list.taken = list.found = 0;
        scan(&list, u, low, high, start, neurons);
        scan(&list, u, low, high, 0, start);
        rotate_to_ascending(ids, list.taken, start);
    }
    return list;
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
    uint32_t slots = job->out.columns;
    size_t row = job_row(job, t, b);
    const float *u = view_floats(&job->in[0], t, b);
    uint32_t *ids = job->out.ids + row * job->out.row_stride;
    float theta1 = (float)job->op->constant;
    float theta2 = (float)job->op->theta2;
    uint32_t start = overflow_start(job, t, b, neurons);
    struct list spikes = select_ids(u, neurons, theta1, INFINITY, start, ids, slots);
    uint32_t near = 0;
    if (spikes.taken < slots && theta2 < theta1) {
        uint32_t room = slots - spikes.taken;
        near = select_ids(u, neurons, theta2, theta1, start, ids + spikes.taken, room).taken;
    }
    job->out.counts[row * 2] = spikes.taken;
    job->out.counts[row * 2 + 1] = spikes.taken + near;
    job->dropped[b] += spikes.found - spikes.taken;
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

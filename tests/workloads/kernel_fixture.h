// Random operands for kernels, each twice: in float32 for the fast ones, in float64 for the plain
// ones. Values are float32, so both see the same numbers; thresholds are exact in both.
#ifndef TILESIM_TESTS_WORKLOADS_KERNEL_FIXTURE_H
#define TILESIM_TESTS_WORKLOADS_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/run/aligned.h"
#include "workloads/run/kernels.h"

#define TIME_STEPS 3u
#define BATCH 4u
#define ROWS (TIME_STEPS * BATCH)

// One tensor in both precisions.
struct twin {
    struct view fast, plain;
    size_t reals;
};

static inline uint32_t pad(uint32_t columns)
{
    uint32_t step = columns > STRIP_COLUMNS_MAX ? STRIP_COLUMNS_MAX : 16;
    return (columns + step - 1) / step * step;
}

static inline struct twin twin_create(uint32_t columns)
{
    struct twin twin = {.reals = (size_t)ROWS * pad(columns)};
    twin.fast = (struct view){.reals = aligned_create(twin.reals * sizeof(float)),
                              .row_stride = pad(columns),
                              .time_stride = BATCH * pad(columns),
                              .columns = columns};
    twin.plain = twin.fast;
    twin.plain.reals = aligned_create(twin.reals * sizeof(double));
    return twin;
}

static inline void twin_free(struct twin *twin)
{
    aligned_destroy(twin->fast.reals);
    aligned_destroy(twin->plain.reals);
}

// -2 .. 2 in steps of 2^-10: thresholds are hit exactly.
static inline double draw_value(struct rng *rng)
{
    return (double)rng_below(rng, 4097) / 1024.0 - 2.0;
}

static inline void twin_draw(struct twin *twin, struct rng *rng)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t n = 0; n < twin->fast.columns; n++) {
            double value = draw_value(rng);
            size_t place = row * twin->fast.row_stride + n;
            ((float *)twin->fast.reals)[place] = (float)value;
            ((double *)twin->plain.reals)[place] = value;
        }
    }
}

static inline void twin_check(const struct twin *twin, uint32_t columns, uint32_t row,
                              double tolerance)
{
    for (uint32_t n = 0; n < columns; n++) {
        size_t place = row * twin->fast.row_stride + n;
        double fast = (double)((float *)twin->fast.reals)[place];
        double plain = ((double *)twin->plain.reals)[place];
        if (!(fabs(fast - plain) <= tolerance * (1.0 + fabs(plain)))) {
            fail_msg("row %u, column %u: %.9g, not %.9g", row, n, fast, plain);
        }
    }
}

static inline void twin_check_all(const struct twin *twin, double tolerance)
{
    for (uint32_t row = 0; row < ROWS; row++) {
        twin_check(twin, twin->fast.columns, row, tolerance);
    }
}

// Spikes in all forms: lists, and 0 and 1.
struct spikes {
    struct view list;
    struct twin values; // of sent spikes
};

static inline struct spikes spikes_create(uint32_t neurons, uint32_t slots)
{
    struct spikes spikes = {.values = twin_create(neurons)};
    spikes.list = (struct view){.ids = xcalloc((size_t)ROWS * slots + 1, sizeof(uint32_t)),
                                .counts = xcalloc(ROWS * 2, sizeof(uint32_t)),
                                .row_stride = slots,
                                .columns = slots};
    spikes.values.fast.counts = spikes.values.plain.counts = spikes.list.counts;
    return spikes;
}

static inline void spikes_free(struct spikes *spikes)
{
    free(spikes->list.ids);
    free(spikes->list.counts);
    twin_free(&spikes->values);
}

// Random lists: the first row empty, the second as full as it can be.
static inline void spikes_draw(struct spikes *spikes, struct rng *rng)
{
    uint32_t neurons = spikes->values.fast.columns;
    uint32_t slots = spikes->list.columns;
    uint32_t most = slots < neurons ? slots : neurons;
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t listed = row == 0 ? 0 : row == 1 ? most : rng_below(rng, most + 1);
        uint32_t sent = row == 1 ? most : rng_below(rng, listed + 1);
        uint32_t first = rng_below(rng, neurons);
        for (uint32_t i = 0; i < listed; i++) {
            uint32_t id = (first + i) % neurons;
            spikes->list.ids[row * slots + i] = id;
            size_t place = row * spikes->values.fast.row_stride + id;
            ((float *)spikes->values.fast.reals)[place] = i < sent ? 1.0f : 0.0f;
            ((double *)spikes->values.plain.reals)[place] = i < sent ? 1.0 : 0.0;
        }
        spikes->list.counts[row * 2] = sent;
        spikes->list.counts[row * 2 + 1] = listed;
    }
}

// The same weights for three kernels: in strips, in rows, and in rows of doubles.
struct weights {
    struct matrix strips, rows, plain;
};

static inline struct weights weights_create(uint32_t fan_in, uint32_t neurons, struct rng *rng)
{
    uint32_t width = pad(neurons);
    struct matrix shape = {.rows = fan_in, .columns = neurons, .strip_columns = width};
    struct weights weights = {shape, shape, shape};
    weights.strips.strip_columns = width > STRIP_COLUMNS_MAX ? STRIP_COLUMNS_MAX : width;
    size_t elements = (size_t)fan_in * width;
    weights.strips.data = aligned_create(elements * sizeof(float));
    weights.rows.data = aligned_create(elements * sizeof(float));
    weights.plain.data = aligned_create(elements * sizeof(double));
    for (uint32_t row = 0; rng && row < fan_in; row++) {
        for (uint32_t n = 0; n < neurons; n++) {
            double value = draw_value(rng);
            ((float *)weights.strips.data)[matrix_index(&weights.strips, row, n)] = (float)value;
            ((float *)weights.rows.data)[matrix_index(&weights.rows, row, n)] = (float)value;
            ((double *)weights.plain.data)[matrix_index(&weights.plain, row, n)] = value;
        }
    }
    return weights;
}

static inline void weights_free(struct weights *weights)
{
    aligned_destroy(weights->strips.data);
    aligned_destroy(weights->rows.data);
    aligned_destroy(weights->plain.data);
}

static inline void weights_check(const struct matrix *fast, const struct matrix *plain)
{
    for (uint32_t row = 0; row < plain->rows; row++) {
        for (uint32_t n = 0; n < plain->columns; n++) {
            double found = (double)((float *)fast->data)[matrix_index(fast, row, n)];
            double wanted = ((double *)plain->data)[matrix_index(plain, row, n)];
            assert_true(fabs(found - wanted) <= 1e-5 * (1.0 + fabs(wanted)));
        }
    }
}

// Everything that a trial needs.
struct trial {
    struct rng rng;
    struct training_graph graph;
    struct run_context context;
    struct op op;
    struct op_job job; // context and op set; copies get their tensors
    uint32_t neurons, fan_in, slots, fan_in_slots;
    uint32_t dropped_fast[BATCH], dropped_plain[BATCH];
    struct span all;
};

static inline struct trial *trial_create(uint32_t number)
{
    static const uint32_t sizes[] = {1, 5, 16, 17, 33, 48, 63, 64, 65, 100, 130, 257};
    struct trial *trial = xcalloc(1, sizeof(*trial));
    trial->rng = rng_create(11, RNG_TEST, number, 0);
    trial->neurons = sizes[number % 12];
    trial->fan_in = sizes[rng_below(&trial->rng, 12)];
    trial->slots = 1 + rng_below(&trial->rng, trial->neurons + 2);
    trial->fan_in_slots = 1 + rng_below(&trial->rng, trial->fan_in + 2);
    trial->graph.batch = BATCH;
    trial->graph.graph.surrogate = (enum surrogate_kind)(number % 3);
    trial->graph.graph.surrogate_slope = 10.0;
    trial->graph.config.overflow = number % 2 ? OVERFLOW_DROP_RANDOM : OVERFLOW_DROP_HIGHEST;
    trial->context =
        (struct run_context){.graph = &trial->graph, .batch = BATCH, .seed = 5, .training_step = 7};
    trial->op = (struct op){.constant = 1.0, .theta2 = number % 5 ? 0.5 : -1e30, .layer = 2};
    trial->job = (struct op_job){
        .op = &trial->op, .context = &trial->context, .block_time_steps = TIME_STEPS};
    trial->all = (struct span){.time_steps = TIME_STEPS, .samples = BATCH};
    return trial;
}

#endif

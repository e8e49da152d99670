// The fast float32 kernels against the plain float64 ones, on random shapes.
// Inputs are float32 values, so both see the same numbers; thresholds are exact in both.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/err.h"
#include "sim/rng.h"
#include "workloads/run/aligned.h"
#include "workloads/run/event_lists.h"
#include "workloads/run/kernels.h"

#define TIME_STEPS 3u
#define BATCH 4u
#define ROWS (TIME_STEPS * BATCH)
#define TRIALS 60u

// One tensor in both precisions.
struct twin {
    struct view fast, plain;
    size_t reals;
};

static uint32_t pad(uint32_t columns)
{
    uint32_t step = columns > STRIP_COLUMNS_MAX ? STRIP_COLUMNS_MAX : 16;
    return (columns + step - 1) / step * step;
}

static struct twin twin_create(uint32_t columns)
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

static void twin_free(struct twin *twin)
{
    aligned_destroy(twin->fast.reals);
    aligned_destroy(twin->plain.reals);
}

static double draw_value(struct rng *rng) // -2 .. 2 in steps of 2^-10: thresholds are hit exactly
{
    return (double)rng_below(rng, 4097) / 1024.0 - 2.0;
}

static void twin_draw(struct twin *twin, struct rng *rng)
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

static void twin_check(const struct twin *twin, uint32_t columns, uint32_t row, double tolerance)
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

static void twin_check_all(const struct twin *twin, double tolerance)
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

static struct spikes spikes_create(uint32_t neurons, uint32_t slots)
{
    struct spikes spikes = {.values = twin_create(neurons)};
    spikes.list = (struct view){.ids = xcalloc((size_t)ROWS * slots + 1, sizeof(uint32_t)),
                                .counts = xcalloc(ROWS * 2, sizeof(uint32_t)),
                                .row_stride = slots,
                                .columns = slots};
    spikes.values.fast.counts = spikes.values.plain.counts = spikes.list.counts;
    return spikes;
}

static void spikes_free(struct spikes *spikes)
{
    free(spikes->list.ids);
    free(spikes->list.counts);
    twin_free(&spikes->values);
}

// Random lists: the first row empty, the second as full as it can be.
static void spikes_draw(struct spikes *spikes, struct rng *rng)
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

static struct weights weights_create(uint32_t fan_in, uint32_t neurons, struct rng *rng)
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

static void weights_free(struct weights *weights)
{
    aligned_destroy(weights->strips.data);
    aligned_destroy(weights->rows.data);
    aligned_destroy(weights->plain.data);
}

static void weights_check(const struct matrix *fast, const struct matrix *plain)
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

static struct trial *trial_create(uint32_t number)
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

static void the_forward_product_is_that_of_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct spikes x = spikes_create(trial->fan_in, trial->fan_in_slots);
        spikes_draw(&x, &trial->rng);
        struct weights w = weights_create(trial->fan_in, trial->neurons, &trial->rng);
        struct twin current = twin_create(trial->neurons);
        struct op_job fast = trial->job, plain = trial->job;
        fast.in[0] = plain.in[0] = x.list;
        fast.matrix = w.strips;
        plain.matrix = w.plain;
        fast.out = current.fast;
        plain.out = current.plain;
        kernels_sparse.connect(&fast, &trial->all, 0, matrix_strips(&w.strips));
        kernels_reference_sparse.connect(&plain, &trial->all, 0, 1);
        twin_check_all(&current, 1e-5);
        fast.in[0] = x.values.fast;
        plain.in[0] = x.values.plain;
        fast.matrix = w.rows;
        memset(current.fast.reals, 0xff, current.reals * sizeof(float));
        memset(current.plain.reals, 0xff, current.reals * sizeof(double));
        struct span part = {.first_time_step = 1, .time_steps = 2, .first_sample = 1, .samples = 2};
        kernels_dense.connect(&fast, &trial->all, 0, 1);
        kernels_dense.connect(&fast, &part, 0, 1);
        kernels_reference_dense.connect(&plain, &trial->all, 0, 1);
        twin_check_all(&current, 1e-5);
        spikes_free(&x);
        weights_free(&w);
        twin_free(&current);
        free(trial);
    }
}

static void the_spike_gradients_are_those_of_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct spikes x = spikes_create(trial->fan_in, trial->fan_in_slots);
        spikes_draw(&x, &trial->rng);
        struct weights w = weights_create(trial->fan_in, trial->neurons, &trial->rng);
        struct twin error = twin_create(trial->neurons);
        struct twin slots = twin_create(trial->fan_in_slots);
        struct twin values = twin_create(trial->fan_in);
        twin_draw(&error, &trial->rng);
        struct op_job fast = trial->job, plain = trial->job;
        fast.in[0] = error.fast;
        plain.in[0] = error.plain;
        fast.in[2] = plain.in[2] = x.list;
        fast.matrix = w.strips;
        plain.matrix = w.plain;
        fast.out = slots.fast;
        plain.out = slots.plain;
        kernels_sparse.ops[OP_connect_input_gradient](&fast, &trial->all);
        kernels_reference_sparse.ops[OP_connect_input_gradient](&plain, &trial->all);
        for (uint32_t row = 0; row < ROWS; row++) {
            twin_check(&slots, x.list.counts[row * 2 + 1], row, 1e-4);
        }
        fast.matrix = w.rows;
        fast.out = values.fast;
        plain.out = values.plain;
        kernels_dense.ops[OP_connect_input_gradient](&fast, &trial->all);
        kernels_reference_dense.ops[OP_connect_input_gradient](&plain, &trial->all);
        twin_check_all(&values, 1e-4);
        spikes_free(&x);
        weights_free(&w);
        twin_free(&error);
        twin_free(&slots);
        twin_free(&values);
        free(trial);
    }
}

static void add_plain_gradient(const struct kernels *kernels, const struct op_job *job, bool adds)
{
    uint32_t rows = kernels->gradient_rows_per_item;
    for (uint32_t item = 0; item * rows < job->matrix.rows; item++) {
        kernels->add_weight_gradient(job, NULL, item, adds, NULL);
    }
}

static void the_weight_gradient_is_that_of_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct spikes x = spikes_create(trial->fan_in, trial->fan_in_slots);
        spikes_draw(&x, &trial->rng);
        struct weights dw = weights_create(trial->fan_in, trial->neurons, &trial->rng);
        struct twin error = twin_create(trial->neurons);
        twin_draw(&error, &trial->rng);
        struct event_lists lists;
        event_lists_init(&lists, trial->fan_in);
        event_lists_fill(&lists, trial->fan_in, &x.list, ROWS);
        void *scratch = aligned_create(kernels_scratch_bytes(&kernels_sparse, NULL, ROWS));
        struct op_job fast = trial->job, dense = trial->job, plain = trial->job;
        fast.in[0] = plain.in[0] = x.list;
        dense.in[0] = x.values.fast;
        fast.in[1] = dense.in[1] = error.fast;
        plain.in[1] = error.plain;
        fast.matrix = dw.strips;
        dense.matrix = dw.rows;
        plain.matrix = dw.plain;
        for (uint32_t pass = 0; pass < 2; pass++) { // first over old values, then on top
            bool adds = (pass + i) % 2;
            for (uint32_t strip = 0; strip < matrix_strips(&dw.strips); strip++) {
                kernels_sparse.add_weight_gradient(&fast, &lists, strip, adds, scratch);
            }
            add_plain_gradient(&kernels_dense, &dense, adds);
            add_plain_gradient(&kernels_reference_sparse, &plain, adds);
            weights_check(&dw.strips, &dw.plain);
            weights_check(&dw.rows, &dw.plain);
        }
        plain.in[0] = x.values.plain; // the dense reference, over what the sparse one made
        add_plain_gradient(&kernels_reference_dense, &plain, true);
        add_plain_gradient(&kernels_dense, &dense, true);
        weights_check(&dw.rows, &dw.plain);
        event_lists_free(&lists);
        aligned_destroy(scratch);
        spikes_free(&x);
        weights_free(&dw);
        twin_free(&error);
        free(trial);
    }
}

static void check_ascending(const struct view *list, uint32_t row)
{
    const uint32_t *ids = list->ids + row * list->row_stride;
    uint32_t sent = list->counts[row * 2];
    for (uint32_t i = 1; i < list->counts[row * 2 + 1]; i++) {
        assert_true(i == sent || ids[i - 1] < ids[i]);
    }
}

static void neurons_are_listed_as_by_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3 * TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct twin u = twin_create(trial->neurons);
        twin_draw(&u, &trial->rng);
        struct spikes found = spikes_create(trial->neurons, trial->slots);
        struct spikes wanted = spikes_create(trial->neurons, trial->slots);
        struct op_job fast = trial->job, plain = trial->job;
        fast.in[0] = u.fast;
        plain.in[0] = u.plain;
        fast.out = found.list;
        plain.out = wanted.list;
        fast.dropped = trial->dropped_fast;
        plain.dropped = trial->dropped_plain;
        kernels_sparse.ops[OP_fire](&fast, &trial->all);
        kernels_reference_sparse.ops[OP_fire](&plain, &trial->all);
        assert_memory_equal(found.list.counts, wanted.list.counts, ROWS * 2 * sizeof(uint32_t));
        for (uint32_t row = 0; row < ROWS; row++) {
            check_ascending(&found.list, row);
            size_t bytes = found.list.counts[row * 2 + 1] * sizeof(uint32_t);
            assert_memory_equal(found.list.ids + row * trial->slots,
                                wanted.list.ids + row * trial->slots, bytes);
        }
        assert_memory_equal(trial->dropped_fast, trial->dropped_plain, sizeof(trial->dropped_fast));
        fast.out = found.values.fast;
        plain.out = wanted.values.plain;
        kernels_dense.ops[OP_fire](&fast, &trial->all);
        kernels_reference_dense.ops[OP_fire](&plain, &trial->all);
        assert_memory_equal(found.list.counts, wanted.list.counts, ROWS * 2 * sizeof(uint32_t));
        struct twin values = {.fast = found.values.fast, .plain = wanted.values.plain};
        twin_check_all(&values, 0.0);
        free(trial);
        twin_free(&u);
        spikes_free(&found);
        spikes_free(&wanted);
    }
}

// A list too short for its spikes, with a random start: over many time steps every neuron is
// dropped at times, and the highest ids are kept at times.
static void a_random_start_drops_no_neuron_for_ever(void **state)
{
    (void)state;
    struct trial *trial = trial_create(1);
    assert_int_equal(trial->graph.config.overflow, OVERFLOW_DROP_RANDOM);
    struct twin u = twin_create(20);
    for (size_t place = 0; place < u.reals; place++) {
        ((float *)u.fast.reals)[place] = 2.0f;
    }
    struct spikes found = spikes_create(20, 4);
    uint32_t kept[20] = {0};
    for (uint32_t step = 0; step < 40; step++) {
        struct op_job job = trial->job;
        job.in[0] = u.fast;
        job.out = found.list;
        job.dropped = trial->dropped_fast;
        job.first_time_step = step * TIME_STEPS;
        kernels_sparse.ops[OP_fire](&job, &trial->all);
        for (uint32_t place = 0; place < ROWS * 4; place++) {
            kept[found.list.ids[place]]++;
        }
    }
    for (uint32_t n = 0; n < 20; n++) { // 96 of 480 each on average
        assert_in_range(kept[n], 48, 150);
    }
    assert_int_equal(trial->dropped_fast[0], 40 * TIME_STEPS * 16);
    twin_free(&u);
    spikes_free(&found);
    free(trial);
}

// What the spike ops below read and write, drawn.
struct spike_operands {
    struct spikes list;
    struct twin base, membranes, slot_gradients, gradients, out, slots_out;
};

static struct spike_operands operands_create(struct trial *trial)
{
    struct spike_operands operands = {
        .list = spikes_create(trial->neurons, trial->slots),
        .base = twin_create(trial->neurons),
        .membranes = twin_create(trial->neurons),
        .slot_gradients = twin_create(trial->slots),
        .gradients = twin_create(trial->neurons),
        .out = twin_create(trial->neurons),
        .slots_out = twin_create(trial->slots),
    };
    spikes_draw(&operands.list, &trial->rng);
    twin_draw(&operands.base, &trial->rng);
    twin_draw(&operands.membranes, &trial->rng);
    twin_draw(&operands.slot_gradients, &trial->rng);
    twin_draw(&operands.gradients, &trial->rng);
    return operands;
}

static void operands_free(struct spike_operands *operands)
{
    struct twin *twins[] = {&operands->base,      &operands->membranes, &operands->slot_gradients,
                            &operands->gradients, &operands->out,       &operands->slots_out};
    for (uint32_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        twin_free(twins[i]);
    }
    spikes_free(&operands->list);
}

struct op_pair {
    struct op_job fast, plain;
};

static void pair_input(struct op_pair *pair, uint32_t input, const struct twin *twin)
{
    pair->fast.in[input] = twin->fast;
    pair->plain.in[input] = twin->plain;
}

static void pair_output(struct op_pair *pair, const struct twin *twin)
{
    pair->fast.out = twin->fast;
    pair->plain.out = twin->plain;
}

static void pair_run(const struct op_pair *pair, const struct trial *trial, enum op_kind op,
                     bool is_sparse)
{
    const struct kernels *fast = is_sparse ? &kernels_sparse : &kernels_dense;
    const struct kernels *plain = is_sparse ? &kernels_reference_sparse : &kernels_reference_dense;
    fast->ops[op](&pair->fast, &trial->all);
    plain->ops[op](&pair->plain, &trial->all);
}

static void the_gradient_of_firing_is_that_of_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct spike_operands operands = operands_create(trial);
        struct op_pair pair = {trial->job, trial->job};
        if (i % 4) { // else without a base
            pair_input(&pair, 0, &operands.base);
        }
        pair_input(&pair, 2, &operands.membranes);
        pair.fast.in[3] = pair.plain.in[3] = operands.list.list;
        pair_output(&pair, &operands.out);
        pair_input(&pair, 1, &operands.slot_gradients);
        pair_run(&pair, trial, OP_fire_gradient, true);
        twin_check_all(&operands.out, 1e-5);
        pair_input(&pair, 1, &operands.gradients);
        pair_run(&pair, trial, OP_fire_gradient, false);
        twin_check_all(&operands.out, 1e-5);
        operands_free(&operands);
        free(trial);
    }
}

static void counted_spikes_and_gathered_slots_are_those_of_the_reference(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TRIALS; i++) {
        struct trial *trial = trial_create(i);
        struct spike_operands operands = operands_create(trial);
        struct op_pair pair = {trial->job, trial->job};
        pair_input(&pair, 0, &operands.base);
        pair.fast.in[1] = pair.plain.in[1] = operands.list.list;
        pair_output(&pair, &operands.out);
        pair_run(&pair, trial, OP_count_spikes, true);
        twin_check_all(&operands.out, 1e-6);
        pair_output(&pair, &operands.slots_out);
        pair_run(&pair, trial, OP_gather_slots, true);
        for (uint32_t row = 0; row < ROWS; row++) {
            twin_check(&operands.slots_out, operands.list.list.counts[row * 2 + 1], row, 0.0);
        }
        pair_input(&pair, 1, &operands.list.values);
        pair_output(&pair, &operands.out);
        pair_run(&pair, trial, OP_count_spikes, false);
        twin_check_all(&operands.out, 1e-6);
        pair_run(&pair, trial, OP_gather_slots, false);
        twin_check_all(&operands.out, 0.0);
        operands_free(&operands);
        free(trial);
    }
}

// Every elementwise op, then two on top of it, over rows longer and shorter than the interpreter's
// block.
static void fused_regions_are_those_of_the_reference(void **state)
{
    (void)state;
    static const uint32_t widths[] = {1, 15, 255, 256, 257, 700};
    struct rng rng = rng_create(13, RNG_TEST, 0, 0);
    for (enum op_kind kind = 0; kind < OP_KIND_COUNT; kind++) {
        if (op_class(kind) != OP_ELEMENTWISE || kind == OP_straight_through) {
            continue;
        }
        for (uint32_t i = 0; i < 6; i++) {
            struct twin a = twin_create(widths[i]), b = twin_create(widths[i]);
            struct twin x = twin_create(widths[i]), y = twin_create(widths[i]);
            twin_draw(&a, &rng);
            twin_draw(&b, &rng);
            for (size_t k = 0; kind == OP_reciprocal && k < a.reals; k++) { // away from zero
                ((float *)a.fast.reals)[k] = fabsf(((float *)a.fast.reals)[k]) + 0.25f;
                ((double *)a.plain.reals)[k] = fabs(((double *)a.plain.reals)[k]) + 0.25;
            }
            struct region_op ops[] = {
                {kind, 0, 1, 2, 0.5},        // x = op(a, b)
                {OP_multiply, 2, 1, 4, 0.0}, // scratch = x b
                {OP_subtract, 4, 0, 3, 0.0}, // y = scratch - a
            };
            struct region_program program = {.ops = ops,
                                             .op_count = 3,
                                             .input_count = 2,
                                             .output_count = 2,
                                             .operand_count = 5,
                                             .columns = widths[i]};
            struct view fast[] = {a.fast, b.fast, x.fast, y.fast};
            struct view plain[] = {a.plain, b.plain, x.plain, y.plain};
            struct region_job fast_job = {&program, fast}, plain_job = {&program, plain};
            for (uint32_t row = 0; row < ROWS; row++) {
                kernels_sparse.region(&fast_job, row / BATCH, row % BATCH);
                kernels_reference_sparse.region(&plain_job, row / BATCH, row % BATCH);
            }
            twin_check_all(&x, 1e-6);
            twin_check_all(&y, 1e-5);
            twin_free(&a);
            twin_free(&b);
            twin_free(&x);
            twin_free(&y);
        }
    }
}

static const struct training_config adam = {.optimizer = OPTIMIZER_ADAM,
                                            .learning_rate = 0.1,
                                            .adam_beta1 = 0.9,
                                            .adam_beta2 = 0.999,
                                            .adam_epsilon = 1e-8};

// w = 1; gradients 0.5, -1, 0.25. By hand: m = 0.05, -0.055, -0.0245; v = 0.00025, 0.00124975,
// 0.00131100025; each divided by 1 - beta^t.
static void adam_takes_the_steps_computed_by_hand(void **state)
{
    (void)state;
    static const double gradients[] = {0.5, -1.0, 0.25};
    static const double wanted[] = {0.900000002, 0.9366103542405653, 0.950279420338976};
    float *fast[4];
    double *plain[4];
    for (uint32_t i = 0; i < 4; i++) {
        fast[i] = aligned_create(32 * sizeof(float));
        plain[i] = aligned_create(32 * sizeof(double));
    }
    fast[0][17] = 1.0f;
    plain[0][17] = 1.0;
    for (uint32_t step = 0; step < 3; step++) {
        fast[1][17] = (float)gradients[step];
        plain[1][17] = gradients[step];
        struct update_job job = {fast[0], fast[1],  fast[2],           fast[3],
                                 &adam,   step + 1, adam.learning_rate};
        kernels_sparse.update(&job, 16, 16);
        job = (struct update_job){plain[0], plain[1], plain[2],          plain[3],
                                  &adam,    step + 1, adam.learning_rate};
        kernels_reference_sparse.update(&job, 16, 16);
        assert_true(fabs((double)fast[0][17] - wanted[step]) < 1e-6);
        assert_true(fabs(plain[0][17] - wanted[step]) < 1e-12);
        assert_true(fast[0][16] == 0.0f && fast[0][0] == 0.0f); // no gradient: no step
    }
    for (uint32_t i = 0; i < 4; i++) {
        aligned_destroy(fast[i]);
        aligned_destroy(plain[i]);
    }
}

static void sgd_steps_against_the_gradient(void **state)
{
    (void)state;
    struct training_config sgd = {.optimizer = OPTIMIZER_SGD, .learning_rate = 0.25};
    float fast[2] = {1.0f, 2.0f}, fast_gradient[2] = {4.0f, -2.0f};
    double plain[2] = {1.0, 2.0}, plain_gradient[2] = {4.0, -2.0};
    struct update_job job = {.weights = fast,
                             .gradient = fast_gradient,
                             .training = &sgd,
                             .learning_rate = sgd.learning_rate};
    kernels_sparse.update(&job, 0, 2);
    job.weights = plain;
    job.gradient = plain_gradient;
    kernels_reference_sparse.update(&job, 0, 2);
    assert_true(fast[0] == 0.0f && fast[1] == 2.5f);
    assert_true(plain[0] == 0.0 && plain[1] == 2.5);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forward_product_is_that_of_the_reference),
        cmocka_unit_test(the_spike_gradients_are_those_of_the_reference),
        cmocka_unit_test(the_weight_gradient_is_that_of_the_reference),
        cmocka_unit_test(neurons_are_listed_as_by_the_reference),
        cmocka_unit_test(a_random_start_drops_no_neuron_for_ever),
        cmocka_unit_test(the_gradient_of_firing_is_that_of_the_reference),
        cmocka_unit_test(counted_spikes_and_gathered_slots_are_those_of_the_reference),
        cmocka_unit_test(fused_regions_are_those_of_the_reference),
        cmocka_unit_test(adam_takes_the_steps_computed_by_hand),
        cmocka_unit_test(sgd_steps_against_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

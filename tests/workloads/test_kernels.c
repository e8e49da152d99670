// The fast float32 kernels against the plain float64 ones, on random shapes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/workloads/kernel_fixture.h"
#include "workloads/run/aligned.h"
#include "workloads/run/event_lists.h"
#include "workloads/run/kernels.h"

#define TRIALS 60u

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

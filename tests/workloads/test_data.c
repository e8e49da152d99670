// Batches, their order and truncation, and the two generated sources.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "workloads/data/data.h"
#include "workloads/data/manifold.h"
#include "workloads/data/order.h"

enum { TIME_STEPS = 40, BATCH = 6 };

static const struct data_config test_config = {
    .rate = 0.1,
    .manifold_dimension = 2,
    .manifold_spikes = 2,
    .manifold_samples_per_class = 50,
    .manifold_alpha = 2,
};
static const struct network_config test_network = {.inputs = 60, .outputs = 4};

static uint32_t source_named(const char *name)
{
    uint32_t i = 0;
    while (data_sources[i] != NULL && strcmp(data_sources[i]->name, name) != 0) {
        i++;
    }
    assert_non_null(data_sources[i]);
    return i;
}

static struct data_source *open_named(const char *name, const struct data_config *base,
                                      uint64_t seed)
{
    struct err *err = err_create();
    struct data_config config = *base;
    config.source = source_named(name);
    struct data_source *source = data_open(&config, &test_network, TIME_STEPS, seed, err);
    assert_non_null(source);
    assert_int_equal(err_count(err), 0);
    err_destroy(err);
    return source;
}

static struct spike_batch *fill(const struct data_source *source, enum data_split split,
                                uint64_t seed, uint32_t number, uint32_t slots)
{
    struct spike_batch *batch = spike_batch_create(TIME_STEPS, BATCH, slots);
    memset(batch->ids, 0xff,
           (size_t)TIME_STEPS * BATCH * slots * sizeof *batch->ids); // of a batch before
    batch->dropped = 77;
    data_fill_batch(source, split, seed, number, TIME_STEPS, batch);
    return batch;
}

static bool is_same_batch(const struct spike_batch *a, const struct spike_batch *b)
{
    size_t vectors = (size_t)TIME_STEPS * BATCH;
    return memcmp(a->ids, b->ids, vectors * a->slots * sizeof *a->ids) == 0 &&
           memcmp(a->counts, b->counts, vectors * sizeof *a->counts) == 0 &&
           memcmp(a->labels, b->labels, BATCH * sizeof *a->labels) == 0;
}

static void every_listed_source_has_a_name_and_a_description(void **state)
{
    (void)state;
    uint32_t count = 0;
    for (; data_sources[count] != NULL; count++) {
        assert_true(strlen(data_sources[count]->name) > 0);
        assert_true(strlen(data_sources[count]->description) > 0);
        assert_null(strchr(data_sources[count]->description, '\n'));
    }
    assert_int_equal(count, 3);
}

static void the_order_of_an_epoch_is_a_permutation(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 4, 5, 17, 1000, 60000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        bool *seen = calloc(counts[i], sizeof *seen);
        for (uint32_t p = 0; p < counts[i]; p++) {
            uint32_t entry = order_permute(1, 0, p, counts[i]);
            assert_true(entry < counts[i]);
            assert_false(seen[entry]);
            seen[entry] = true;
        }
        free(seen);
    }
}

static void orders_are_as_likely_as_each_other(void **state)
{
    (void)state;
    uint32_t hits[3][3] = {{0}};
    for (uint32_t epoch = 0; epoch < 9000; epoch++) {
        for (uint32_t p = 0; p < 3; p++) {
            hits[p][order_permute(2, epoch, p, 3)]++;
        }
    }
    for (uint32_t i = 0; i < 9; i++) {
        assert_true(abs((int)hits[i / 3][i % 3] - 3000) < 224); // 5 standard deviations
    }
}

// Over one epoch every sample is shown once; batches may straddle the boundary between epochs.
static void each_epoch_shows_each_sample_once_in_a_new_order(void **state)
{
    (void)state;
    struct data_source *source = open_named("randman", &test_config, 1);
    uint32_t labels[2][160];
    assert_int_equal(source->train_count, 160);
    for (uint32_t i = 0; i < 320; i += BATCH) {
        struct spike_batch *batch = fill(source, DATA_TRAIN, 1, i / BATCH, 60);
        assert_int_equal(batch->valid, BATCH);
        for (uint32_t b = 0; b < BATCH && i + b < 320; b++) {
            labels[(i + b) / 160][(i + b) % 160] = batch->labels[b];
        }
        spike_batch_destroy(batch);
    }
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        uint32_t of_class[4] = {0};
        for (uint32_t i = 0; i < 160; i++) {
            of_class[labels[epoch][i]]++;
        }
        for (uint32_t class = 0; class < 4; class ++) {
            assert_int_equal(of_class[class], 40);
        }
    }
    assert_memory_not_equal(labels[0], labels[1], sizeof labels[0]);
    data_close(source);
}

static void a_batch_depends_on_seed_split_and_number_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"randman", "uniform"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct data_source *source = open_named(names[i], &test_config, 1);
        struct data_source *again = open_named(names[i], &test_config, 1);
        struct spike_batch *base = fill(source, DATA_TRAIN, 1, 5, 3);
        struct spike_batch *others[] = {fill(again, DATA_TRAIN, 1, 6, 3),
                                        fill(again, DATA_TRAIN, 2, 5, 3),
                                        fill(again, DATA_TEST, 1, 5, 3)};
        struct spike_batch *same = fill(again, DATA_TRAIN, 1, 5, 3);
        assert_true(is_same_batch(base, same));
        assert_int_equal(base->dropped, same->dropped);
        for (uint32_t k = 0; k < 3; k++) {
            assert_false(is_same_batch(base, others[k]));
            spike_batch_destroy(others[k]);
        }
        spike_batch_destroy(base);
        spike_batch_destroy(same);
        data_close(source);
        data_close(again);
    }
}

static void test_batches_come_in_order_and_the_last_may_be_short(void **state)
{
    (void)state;
    struct data_source *source = open_named("randman", &test_config, 1);
    assert_int_equal(source->test_count, 40);
    struct spike_batch *first = fill(source, DATA_TEST, 1, 0, 60);
    struct spike_batch *last = fill(source, DATA_TEST, 9, 6, 60); // samples 36..41 of 40
    struct spike_batch *past = fill(source, DATA_TEST, 1, 7, 60);
    assert_int_equal(first->valid, BATCH);
    assert_int_equal(last->valid, 4);
    assert_int_equal(past->valid, 0);
    for (uint32_t b = 0; b < BATCH; b++) {
        assert_int_equal(first->labels[b], b % 4); // interleaved by class; 160 is a multiple of 4
        assert_int_equal(past->labels[b], 0);
    }
    for (uint32_t t = 0; t < TIME_STEPS; t++) { // sample 0 fills the places past the end
        const uint32_t *zero = first->ids + (size_t)t * BATCH * 60;
        assert_memory_equal(last->ids + ((size_t)t * BATCH + 5) * 60, zero, 60 * sizeof *zero);
    }
    spike_batch_destroy(first);
    spike_batch_destroy(last);
    spike_batch_destroy(past);
    data_close(source);
}

// Order, splits and short batches are those of spikes.
static void analog_batches_hold_the_samples_that_batches_of_spikes_show(void **state)
{
    (void)state;
    struct data_source *source = open_named("uniform", &test_config, 1);
    struct spike_batch *analog = spike_batch_create_analog(TIME_STEPS, BATCH, 60);
    struct spike_batch *again = spike_batch_create_analog(TIME_STEPS, BATCH, 60);
    struct spike_batch *spikes = fill(source, DATA_TRAIN, 1, 5, 60);
    data_fill_batch(source, DATA_TRAIN, 1, 5, TIME_STEPS, analog);
    data_fill_batch(source, DATA_TRAIN, 1, 4, TIME_STEPS, again);
    double sum = 0.0;
    for (uint32_t i = 0; i < BATCH * 60; i++) {
        assert_true(analog->values[i] >= 0.0f && analog->values[i] <= 1.0f);
        sum += (double)analog->values[i];
    }
    assert_true(fabs(sum / (BATCH * 60) - 0.5) < 0.1); // 6 standard errors
    assert_memory_equal(analog->labels, spikes->labels, BATCH * sizeof(uint32_t));
    assert_int_equal(analog->valid, BATCH);
    assert_memory_not_equal(analog->values, again->values, BATCH * 60 * sizeof(float));
    data_fill_batch(source, DATA_TRAIN, 1, 5, TIME_STEPS, again);
    assert_memory_equal(analog->values, again->values, BATCH * 60 * sizeof(float));
    data_fill_batch(source, DATA_TEST, 1, 2000 / BATCH, TIME_STEPS, again);
    assert_int_equal(again->valid, 2000 % BATCH);
    spike_batch_destroy(analog);
    spike_batch_destroy(again);
    spike_batch_destroy(spikes);
    data_close(source);
}

static void a_source_of_spikes_alone_is_no_analog_input(void **state)
{
    (void)state;
    struct err *err = err_create();
    struct data_config config = test_config;
    struct network_config network = test_network;
    config.source = source_named("randman");
    network.input = INPUT_ANALOG;
    assert_null(data_open(&config, &network, TIME_STEPS, 1, err));
    assert_int_equal(err_count(err), 1);
    assert_string_equal(
        err_message(err, 0),
        "data.source: randman is made of spikes; network.input: analog needs values");
    err_destroy(err);
}

static void events_beyond_the_slots_are_dropped_and_counted(void **state)
{
    (void)state;
    struct data_source *source = open_named("uniform", &test_config, 1);
    struct spike_batch *wide = fill(source, DATA_TRAIN, 1, 3, 60);
    struct spike_batch *narrow = fill(source, DATA_TRAIN, 1, 3, 5);
    uint64_t dropped = 0;
    for (uint32_t v = 0; v < TIME_STEPS * BATCH; v++) {
        const uint32_t *all = wide->ids + (size_t)v * 60, *kept = narrow->ids + (size_t)v * 5;
        uint32_t expected = wide->counts[v] < 5 ? wide->counts[v] : 5;
        assert_int_equal(narrow->counts[v], expected);
        dropped += wide->counts[v] - expected;
        uint32_t at = 0; // every kept id stands in the whole list, in the same order
        for (uint32_t i = 0; i < expected; i++, at++) {
            while (at < wide->counts[v] && all[at] != kept[i]) {
                at++;
            }
            assert_true(at < wide->counts[v]);
        }
        for (uint32_t i = expected; i < 5; i++) {
            assert_int_equal(kept[i], 0);
        }
    }
    assert_int_equal(wide->dropped, 0);
    assert_int_equal(narrow->dropped, dropped);
    assert_true(dropped > 100);
    spike_batch_destroy(wide);
    spike_batch_destroy(narrow);
    data_close(source);
}

static void which_events_are_kept_is_random_and_fair(void **state)
{
    (void)state;
    struct data_config config = test_config;
    config.rate = 1; // all 60 inputs spike in every time step; 15 are kept
    struct data_source *source = open_named("uniform", &config, 1);
    uint32_t hits[60] = {0};
    for (uint32_t number = 0; number < 50; number++) {
        struct spike_batch *batch = fill(source, DATA_TRAIN, 1, number, 15);
        for (uint32_t i = 0; i < TIME_STEPS * BATCH * 15; i++) {
            hits[batch->ids[i]]++;
        }
        spike_batch_destroy(batch);
    }
    for (uint32_t i = 0; i < 60;
         i++) { // 12,000 vectors, probability 1/4: 5 standard deviations are 237
        assert_true(abs((int)hits[i] - 3000) < 237);
    }
    data_close(source);
}

static void uniform_spikes_have_the_given_rate(void **state)
{
    (void)state;
    struct data_source *source = open_named("uniform", &test_config, 1);
    uint64_t spikes = 0;
    uint32_t labels[4] = {0};
    for (uint32_t number = 0; number < 100; number++) {
        struct spike_batch *batch = fill(source, DATA_TRAIN, 1, number, 60);
        for (uint32_t v = 0; v < TIME_STEPS * BATCH; v++) {
            spikes += batch->counts[v];
        }
        for (uint32_t b = 0; b < BATCH; b++) {
            labels[batch->labels[b]]++;
        }
        spike_batch_destroy(batch);
    }
    double rate = (double)spikes / (100.0 * TIME_STEPS * BATCH * 60);
    assert_true(fabs(rate - 0.1) < 0.0013); // 5 standard deviations
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(abs((int)labels[i] - 150) < 54);
    }
    data_close(source);
}

static void count_spikes_by_unit(const struct spike_batch *batch, uint32_t b, uint32_t spikes[60])
{
    memset(spikes, 0, 60 * sizeof *spikes);
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        size_t vector = (size_t)t * BATCH + b;
        const uint32_t *ids = batch->ids + vector * batch->slots;
        for (uint32_t i = 0; i < batch->counts[vector]; i++) {
            assert_true(ids[i] < 60 && (i == 0 || ids[i - 1] < ids[i]));
            spikes[ids[i]]++;
        }
    }
}

static void every_randman_unit_fires_exactly_its_spikes(void **state)
{
    (void)state;
    static const uint32_t cases[] = {1, 2, 5, TIME_STEPS}; // the last: in every time step
    for (uint32_t c = 0; c < 4; c++) {
        struct data_config config = test_config;
        config.manifold_spikes = cases[c];
        struct data_source *source = open_named("randman", &config, 1);
        struct spike_batch *batch = fill(source, DATA_TEST, 1, 0, 60);
        for (uint32_t b = 0; b < BATCH; b++) {
            uint32_t spikes[60];
            count_spikes_by_unit(batch, b, spikes);
            for (uint32_t u = 0; u < 60; u++) {
                assert_int_equal(spikes[u], cases[c]);
            }
        }
        spike_batch_destroy(batch);
        data_close(source);
    }
}

// The plain formula, with libm's sine, in the order of the original.
static double manifold_by_formula(const struct manifold *manifold, uint32_t unit, const double *x)
{
    const double pi = 3.14159265358979323846;
    double product = 1;
    for (uint32_t d = 0; d < manifold->dimensions; d++) {
        double sum = 0;
        for (uint32_t i = 1; i <= manifold->terms; i++) {
            size_t at = ((size_t)d * manifold->terms + i - 1) * manifold->units + unit;
            double turns = i * x[d] * (double)manifold->frequency[at] + (double)manifold->phase[at];
            sum += (double)manifold->amplitude[at] * sin(2 * pi * turns);
        }
        product *= sum;
    }
    return product;
}

static void a_manifold_has_the_published_formula(void **state)
{
    (void)state;
    struct rng rng = rng_create(1, RNG_TEST, 0, 0);
    struct manifold manifold;
    manifold_init(&manifold, 37, 3, 2.0, &rng);
    assert_int_equal(manifold.terms, 31); // 32 terms at alpha 2; the first has the factor 0
    for (uint32_t at = 0; at < 3 * 31 * 37; at++) {
        double fall_off = pow(at / 37 % 31 + 2, -2.0);
        assert_true(manifold.amplitude[at] >= 0 && (double)manifold.amplitude[at] <= fall_off);
    }
    for (uint32_t i = 0; i < 100; i++) {
        double x[3] = {i / 100.0, rng_uniform(&rng), rng_uniform(&rng)}, values[37], scratch[37];
        manifold_evaluate(&manifold, x, values, scratch);
        for (uint32_t u = 0; u < 37; u++) {
            assert_true(fabs(values[u] - manifold_by_formula(&manifold, u, x)) < 1e-10);
        }
    }
    manifold_free(&manifold);
}

// Over the samples of a class each unit's spike takes the first and the last time step.
static void randman_times_span_the_time_steps(void **state)
{
    (void)state;
    struct data_config config = test_config;
    config.manifold_spikes = 1;
    struct data_source *source = open_named("randman", &config, 1);
    uint32_t *ids = calloc(TIME_STEPS * 60, sizeof *ids), counts[TIME_STEPS], label = 0;
    bool first[4][60] = {{false}}, last[4][60] = {{false}};
    for (uint32_t i = 0; i < 200; i++) {
        enum data_split split = i < 160 ? DATA_TRAIN : DATA_TEST;
        source->sample(source, split, i < 160 ? i : i - 160, 0, ids, counts, &label);
        assert_int_equal(label, i % 4);
        for (uint32_t k = 0; k < counts[0]; k++) {
            first[label][ids[k]] = true;
        }
        for (uint32_t k = 0; k < counts[TIME_STEPS - 1]; k++) {
            last[label][ids[(TIME_STEPS - 1) * 60 + k]] = true;
        }
    }
    for (uint32_t i = 0; i < 4 * 60; i++) {
        assert_true(first[i / 60][i % 60] && last[i / 60][i % 60]);
    }
    free(ids);
    data_close(source);
}

static void spike_times_of(const struct data_source *source, enum data_split split, uint32_t index,
                           double times[60], uint32_t *label)
{
    uint32_t ids[TIME_STEPS * 60], counts[TIME_STEPS];
    source->sample(source, split, index, 0, ids, counts, label);
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        for (uint32_t i = 0; i < counts[t]; i++) {
            times[ids[t * 60 + i]] = t;
        }
    }
}

static uint32_t nearest_centroid(const double centroids[4][60], const double times[60])
{
    uint32_t nearest = 0;
    double least = INFINITY;
    for (uint32_t class = 0; class < 4; class ++) {
        double distance = 0;
        for (uint32_t u = 0; u < 60; u++) {
            distance += (times[u] - centroids[class][u]) * (times[u] - centroids[class][u]);
        }
        if (distance < least) {
            least = distance;
            nearest = class;
        }
    }
    return nearest;
}

// The nearest mean of spike times finds the class of most test samples: of 200, chance would find
// 50.
static void randman_classes_can_be_told_apart(void **state)
{
    (void)state;
    struct data_config config = test_config;
    config.manifold_spikes = 1;
    config.manifold_dimension = 1;
    config.manifold_samples_per_class = 250;
    struct data_source *source = open_named("randman", &config, 1);
    double centroids[4][60] = {{0}}, times[60];
    uint32_t label = 0, correct = 0;
    for (uint32_t i = 0; i < source->train_count; i++) {
        spike_times_of(source, DATA_TRAIN, i, times, &label);
        for (uint32_t u = 0; u < 60; u++) {
            centroids[label][u] += times[u] / (source->train_count / 4.0);
        }
    }
    for (uint32_t i = 0; i < source->test_count; i++) {
        spike_times_of(source, DATA_TEST, i, times, &label);
        correct += nearest_centroid(centroids, times) == label;
    }
    print_message("nearest centroid: %u of %u\n", correct, source->test_count);
    assert_true(correct >= 110); // guessing: 10 standard deviations
    data_close(source);
}

static void randman_that_cannot_be_generated_is_refused(void **state)
{
    (void)state;
    struct err *err = err_create();
    struct data_config config = test_config;
    config.source = source_named("randman");
    config.manifold_spikes = TIME_STEPS + 1;
    config.manifold_dimension = 17;
    config.manifold_samples_per_class = 1000000000;
    assert_null(data_open(&config, &test_network, TIME_STEPS, 1, err));
    assert_int_equal(err_count(err), 3);
    assert_string_equal(err_message(err, 0),
                        "data.source: randman: data.manifold_spikes: 41 spikes "
                        "per input do not fit into 40 time steps");
    assert_string_equal(err_message(err, 1),
                        "data.source: randman: data.manifold_dimension: 17 is outside 1..16");
    assert_string_equal(err_message(err, 2),
                        "data.source: randman: 1000000000 samples of each of 4 classes are "
                        "4000000000; 2..2147483647 are possible");
    err_destroy(err);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_source_has_a_name_and_a_description),
        cmocka_unit_test(the_order_of_an_epoch_is_a_permutation),
        cmocka_unit_test(orders_are_as_likely_as_each_other),
        cmocka_unit_test(each_epoch_shows_each_sample_once_in_a_new_order),
        cmocka_unit_test(a_batch_depends_on_seed_split_and_number_alone),
        cmocka_unit_test(test_batches_come_in_order_and_the_last_may_be_short),
        cmocka_unit_test(analog_batches_hold_the_samples_that_batches_of_spikes_show),
        cmocka_unit_test(a_source_of_spikes_alone_is_no_analog_input),
        cmocka_unit_test(events_beyond_the_slots_are_dropped_and_counted),
        cmocka_unit_test(which_events_are_kept_is_random_and_fair),
        cmocka_unit_test(uniform_spikes_have_the_given_rate),
        cmocka_unit_test(every_randman_unit_fires_exactly_its_spikes),
        cmocka_unit_test(a_manifold_has_the_published_formula),
        cmocka_unit_test(randman_times_span_the_time_steps),
        cmocka_unit_test(randman_classes_can_be_told_apart),
        cmocka_unit_test(randman_that_cannot_be_generated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

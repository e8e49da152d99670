#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/activity.h"

enum { TIME_STEPS = 20, BATCH = 6, LAYERS = 4 };

static const uint32_t test_neurons[LAYERS] = {300, 129, 64, 10};
static const struct activity_fill test_fill = {
    .spikes = 0.5, .listed = 0.9, .input_spikes = 0.75, .active_neurons = 1.0};

static struct activity *draw(const uint32_t slots[LAYERS], const struct activity_fill *fill,
                             uint64_t seed, uint32_t training_step)
{
    struct activity *activity = activity_create(LAYERS, test_neurons, slots, TIME_STEPS, BATCH);
    activity_draw(activity, fill, seed, training_step);
    return activity;
}

static void assert_ascending(const uint32_t *ids, uint32_t count, uint32_t neurons)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(ids[i] < neurons);
        assert_true(i == 0 || ids[i - 1] < ids[i]);
    }
}

static void assert_counts(const struct activity *activity, uint32_t l, uint32_t spikes,
                          uint32_t listed)
{
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        const uint32_t *counts = activity_counts(&activity->layers[l], BATCH, t);
        for (uint32_t b = 0; b < BATCH; b++) {
            assert_int_equal(counts[2 * b + 0], spikes);
            assert_int_equal(counts[2 * b + 1], listed);
        }
    }
}

static void assert_lists_are_sound(const struct activity *activity)
{
    for (uint32_t l = 0; l < LAYERS; l++) {
        const struct activity_layer *layer = &activity->layers[l];
        for (uint32_t t = 0; t < TIME_STEPS; t++) {
            for (uint32_t b = 0; b < BATCH; b++) {
                const uint32_t *counts = activity_counts(layer, BATCH, t) + 2 * b;
                const uint32_t *ids = activity_ids(layer, BATCH, t, b);
                bool seen[300] = {false};
                assert_ascending(ids, counts[0], layer->neurons);
                assert_ascending(ids + counts[0], counts[1] - counts[0], layer->neurons);
                for (uint32_t i = 0; i < counts[1]; i++) {
                    assert_false(seen[ids[i]]);
                    seen[ids[i]] = true;
                }
            }
        }
    }
}

static void ids_are_distinct_and_each_sub_list_ascends(void **state)
{
    (void)state;
    const uint32_t sparse[LAYERS] = {32, 12, 6, 2};
    const uint32_t half[LAYERS] = {166, 71, 35,
                                   6}; // 0.9 of the slots: just under and over one half
    const uint32_t full[LAYERS] = {300, 129, 64, 10};
    const uint32_t *const cases[] = {sparse, half, full};
    for (size_t i = 0; i < 3; i++) {
        struct activity *activity = draw(cases[i], &test_fill, 1, 0);
        assert_lists_are_sound(activity);
        activity_destroy(activity);
    }
}

static void counts_are_the_fill_of_the_slots_rounded(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {30, 13, 6, 2};
    struct activity *activity = draw(slots, &test_fill, 1, 0);
    assert_counts(activity, 0, 23, 23); // round(22.5); the input lists its spikes alone
    assert_counts(activity, 1, 7, 12);  // round(6.5), round(11.7)
    assert_counts(activity, 2, 3, 5);   // round(3), round(5.4)
    assert_counts(activity, 3, 1, 2);   // round(1), round(1.8)
    activity_destroy(activity);
}

static void counts_never_exceed_the_neurons(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {1000, 129, 100, 64};
    const struct activity_fill fill = {
        .spikes = 0.5, .listed = 1.0, .input_spikes = 1.0, .active_neurons = 1.0};
    struct activity *activity = draw(slots, &fill, 1, 0);
    assert_counts(activity, 0, 300, 300);
    assert_counts(activity, 1, 65, 129);
    assert_counts(activity, 2, 50, 64);
    assert_counts(activity, 3, 10, 10);
    assert_lists_are_sound(activity);
    activity_destroy(activity);
}

static void listed_ids_are_at_least_the_spikes(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {30, 12, 6, 2};
    const struct activity_fill fill = {
        .spikes = 0.5, .listed = 0.25, .input_spikes = 1.0, .active_neurons = 1.0};
    struct activity *activity = draw(slots, &fill, 1, 0);
    assert_counts(activity, 1, 6, 6);
    activity_destroy(activity);
}

static void active_neurons_leave_slots_empty(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {30, 12, 6, 2};
    const struct activity_fill fill = {
        .spikes = 1.0, .listed = 1.0, .input_spikes = 1.0, .active_neurons = 0.07};
    struct activity *activity = draw(slots, &fill, 1, 0);
    assert_counts(activity, 0, 30, 30); // not the input
    assert_counts(activity, 1, 9, 9);   // 0.07 x 129 = 9.03
    assert_counts(activity, 2, 4, 4);   // 0.07 x 64 = 4.48
    assert_counts(activity, 3, 2, 2);   // not the output layer
    assert_lists_are_sound(activity);
    activity_destroy(activity);
}

static bool is_same(const struct activity *a, const struct activity *b, uint32_t l)
{
    bool is_same = true;
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        for (uint32_t v = 0; v < BATCH; v++) {
            uint32_t listed = activity_counts(&a->layers[l], BATCH, t)[2 * v + 1];
            is_same = is_same && memcmp(activity_ids(&a->layers[l], BATCH, t, v),
                                        activity_ids(&b->layers[l], BATCH, t, v),
                                        listed * sizeof(uint32_t)) == 0;
        }
    }
    return is_same;
}

static void the_draw_depends_on_seed_and_training_step_alone(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {32, 12, 6, 4};
    struct activity *base = draw(slots, &test_fill, 1, 7);
    struct activity *again = draw(slots, &test_fill, 1, 6);
    activity_draw(again, &test_fill, 1, 7); // what was there before leaves no trace
    struct activity *other_seed = draw(slots, &test_fill, 2, 7);
    struct activity *other_step = draw(slots, &test_fill, 1, 8);
    for (uint32_t l = 0; l < LAYERS; l++) {
        assert_true(is_same(base, again, l));
        assert_false(is_same(base, other_seed, l));
        assert_false(is_same(base, other_step, l));
    }
    activity_destroy(base);
    activity_destroy(again);
    activity_destroy(other_seed);
    activity_destroy(other_step);
}

static void a_vector_does_not_depend_on_the_batch_around_it(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {32, 12, 6, 4};
    struct activity *wide = draw(slots, &test_fill, 1, 0);
    struct activity *narrow = activity_create(LAYERS, test_neurons, slots, 3, 2);
    activity_draw(narrow, &test_fill, 1, 0);
    for (uint32_t l = 0; l < LAYERS; l++) {
        uint32_t listed = activity_counts(&wide->layers[l], BATCH, 2)[2 * 1 + 1];
        assert_memory_equal(activity_ids(&wide->layers[l], BATCH, 2, 1),
                            activity_ids(&narrow->layers[l], 2, 2, 1), listed * sizeof(uint32_t));
    }
    activity_destroy(wide);
    activity_destroy(narrow);
}

static void vectors_of_a_record_differ(void **state)
{
    (void)state;
    const uint32_t neurons[LAYERS] = {300, 300, 300, 300}, slots[LAYERS] = {32, 32, 32, 32};
    const struct activity_fill fill = {
        .spikes = 1.0, .listed = 1.0, .input_spikes = 1.0, .active_neurons = 1.0};
    struct activity *activity = activity_create(LAYERS, neurons, slots, TIME_STEPS, BATCH);
    activity_draw(activity, &fill, 1, 0);
    const uint32_t *first = activity_ids(&activity->layers[0], BATCH, 0, 0);
    const size_t bytes = 32 * sizeof(uint32_t);
    assert_memory_not_equal(first, activity_ids(&activity->layers[0], BATCH, 0, 1), bytes);
    assert_memory_not_equal(first, activity_ids(&activity->layers[0], BATCH, 1, 0), bytes);
    assert_memory_not_equal(first, activity_ids(&activity->layers[1], BATCH, 0, 0), bytes);
    activity_destroy(activity);
}

static void of_analog_input_every_neuron_is_sent_and_no_id_is_kept(void **state)
{
    (void)state;
    const uint32_t slots[LAYERS] = {32, 12, 6, 4};
    struct activity *activity = draw(slots, &test_fill, 1, 0);
    activity_send_all(activity, 0);
    assert_counts(activity, 0, 300, 300);
    assert_false(activity_has_ids(&activity->layers[0]));
    assert_true(activity_has_ids(&activity->layers[1]));
    activity_destroy(activity);
}

// --- what is kept -------------------------------------------------------------------------------
enum { LONG = 3000, WIDE = 96 }; // 88 MB of ids: more than a record keeps

// Of what is listed in all layers at a time step (FNV-1a).
static uint64_t digest(const struct activity *activity, uint32_t time_step)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (uint32_t l = 0; l < activity->layer_count; l++) {
        const struct activity_layer *layer = &activity->layers[l];
        const uint32_t *counts = activity_counts(layer, activity->batch, time_step);
        for (uint32_t b = 0; b < activity->batch; b++) {
            const uint32_t *ids = activity_ids(layer, activity->batch, time_step, b);
            for (uint32_t i = 0; i < counts[2 * b + 1]; i++) {
                sum = (sum ^ ids[i]) * 0x100000001b3u;
            }
        }
    }
    return sum;
}

static const uint32_t wide_slots[LAYERS] = {32, 24, 16, 4};

static struct activity *draw_long(void)
{
    struct activity *activity = activity_create_blank(LAYERS, test_neurons, wide_slots, LONG, WIDE);
    activity_draw(activity, &test_fill, 5, 3);
    return activity;
}

static void a_long_record_keeps_some_time_steps_and_a_short_one_all(void **state)
{
    (void)state;
    assert_int_equal(activity_kept_time_steps(36096, 100), 100);
    assert_int_equal(activity_kept_time_steps(36096, 100000), 929); // 32 MiB / 36096
    assert_int_equal(activity_kept_time_steps(1u << 30, 100000), 8);
    assert_int_equal(activity_kept_time_steps(0, 100000), 100000);
    assert_true(activity_kept_time_steps((32 + 24 + 16 + 4) * WIDE * 4, LONG) < LONG);
}

static void a_long_record_is_the_same_in_whatever_order_it_is_read(void **state)
{
    (void)state;
    struct activity *activity = draw_long();
    uint64_t *digests = calloc(LONG, sizeof *digests);
    for (uint32_t t = 0; t < LONG; t++) {
        digests[t] = digest(activity, t);
        assert_true(t == 0 || digests[t] != digests[t - 1]);
    }
    for (uint32_t t = LONG; t-- > 0;) {
        assert_true(digest(activity, t) == digests[t]);
    }
    for (uint32_t i = 0; i < LONG; i++) {
        uint32_t t = i * 1009 % LONG;
        assert_true(digest(activity, t) == digests[t]);
    }
    free(digests);
    activity_destroy(activity);
}

static void a_time_step_does_not_depend_on_the_length_of_the_record(void **state)
{
    (void)state;
    struct activity *activity = draw_long();
    struct activity *kept = activity_create(LAYERS, test_neurons, wide_slots, TIME_STEPS, WIDE);
    activity_draw(kept, &test_fill, 5, 3);
    digest(activity, LONG - 1);
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        assert_true(digest(activity, t) == digest(kept, t));
    }
    activity_destroy(kept);
    activity_destroy(activity);
}

// When records were drawn whole: numbers of that program.
static void what_is_drawn_is_what_was_drawn_whole(void **state)
{
    (void)state;
    struct activity *activity = draw_long();
    assert_true(digest(activity, 0) == 0xc25b337dbb50a48au);
    assert_true(digest(activity, 17) == 0x1d7de169afdb74a7u);
    activity_destroy(activity);
}

static void picked_time_steps_are_those_of_the_record(void **state)
{
    (void)state;
    const uint32_t time_steps[] = {2, 700, LONG - 1};
    struct activity *activity = draw_long();
    activity_send_all(activity, 3);
    struct activity *picked = activity_pick(activity, time_steps, 3);
    assert_int_equal(picked->time_steps, 3);
    assert_false(activity_has_ids(&picked->layers[3]));
    for (uint32_t t = 0; t < 3; t++) {
        for (uint32_t l = 0; l < LAYERS; l++) {
            assert_memory_equal(activity_counts(&picked->layers[l], WIDE, t),
                                activity_counts(&activity->layers[l], WIDE, time_steps[t]),
                                WIDE * 2 * sizeof(uint32_t));
        }
        for (uint32_t l = 0; l < 3; l++) {
            uint32_t listed = activity_counts(&activity->layers[l], WIDE, time_steps[t])[1];
            assert_memory_equal(activity_ids(&picked->layers[l], WIDE, t, 7),
                                activity_ids(&activity->layers[l], WIDE, time_steps[t], 7),
                                listed * sizeof(uint32_t));
        }
    }
    activity_destroy(picked);
    activity_destroy(activity);
}

enum { VECTOR_BATCH = 100, VECTOR_STEPS = 200 };

// Chi-square of how often each id is among the spikes (or near-threshold ids) of many vectors.
// Without replacement the statistic shrinks by (1 - drawn / neurons) * neurons / (neurons - 1).
static double scaled_chi_square(const struct activity_layer *layer, uint32_t vectors, bool near)
{
    uint32_t *hits = calloc(layer->neurons, sizeof *hits);
    uint32_t first = near ? layer->counts[0] : 0;
    uint32_t last = near ? layer->counts[1] : layer->counts[0];
    for (uint32_t v = 0; v < vectors; v++) {
        for (uint32_t i = first; i < last; i++) {
            hits[activity_ids(layer, VECTOR_BATCH, v / VECTOR_BATCH, v % VECTOR_BATCH)[i]]++;
        }
    }
    double expected = (double)vectors * (last - first) / layer->neurons, sum = 0;
    for (uint32_t i = 0; i < layer->neurons; i++) {
        sum += (hits[i] - expected) * (hits[i] - expected) / expected;
    }
    free(hits);
    return sum / (1.0 - (double)(last - first) / layer->neurons) * (layer->neurons - 1) /
           layer->neurons;
}

static void check_uniform(uint32_t slots_of_101)
{
    const uint32_t neurons[] = {5, 101}, slots[] = {1, slots_of_101};
    const struct activity_fill fill = {
        .spikes = 0.4, .listed = 1.0, .input_spikes = 1.0, .active_neurons = 1.0};
    struct activity *activity = activity_create(2, neurons, slots, VECTOR_STEPS, VECTOR_BATCH);
    activity_draw(activity, &fill, 3, 0);
    for (int near = 0; near < 2; near++) {
        double chi_square = scaled_chi_square(&activity->layers[1], 20000, near);
        // 100 degrees of freedom: 0.001 and 0.999 quantiles are 61.9 and 149.4.
        assert_true(chi_square > 61.9 && chi_square < 149.4);
    }
    activity_destroy(activity);
}

static void sparse_draws_are_uniform(void **state)
{
    (void)state;
    check_uniform(10);
    check_uniform(50); // as full as rejection gets
}

static void dense_draws_are_uniform(void **state)
{
    (void)state;
    check_uniform(51);
    check_uniform(95);
}

static void pairs_of_ids_are_uniform(void **state)
{
    (void)state;
    const uint32_t neurons[] = {6}, cases[] = {2, 3}; // rejection: 2 and 3 of 6
    for (uint32_t c = 0; c < 2; c++) {
        const struct activity_fill fill = {.input_spikes = 1.0, .active_neurons = 1.0};
        struct activity *activity =
            activity_create(1, neurons, &cases[c], VECTOR_STEPS, VECTOR_BATCH);
        activity_draw(activity, &fill, 4, 0);
        uint32_t pairs[36] = {0};
        for (uint32_t v = 0; v < 20000; v++) {
            const uint32_t *ids = activity_ids(&activity->layers[0], VECTOR_BATCH, v / VECTOR_BATCH,
                                               v % VECTOR_BATCH);
            pairs[ids[0] * 6 + ids[1]]++;
        }
        if (cases[c] == 2) { // 15 pairs, each 1333 times: 5 standard deviations are 176
            for (uint32_t i = 0; i < 36; i++) {
                assert_true(i / 6 < i % 6 ? abs((int)pairs[i] - 1333) < 176 : pairs[i] == 0);
            }
        } else { // the two lowest of three: {0,1} stands 4 times of 20, {3,4} once
            assert_true(abs((int)pairs[0 * 6 + 1] - 4000) < 283);
            assert_true(abs((int)pairs[3 * 6 + 4] - 1000) < 155);
        }
        activity_destroy(activity);
    }
}

static void a_slice_has_the_rows_of_its_samples_at_every_time_step(void **state)
{
    (void)state;
    const uint32_t neurons[] = {30, 20}, slots[] = {5, 4};
    const struct activity_fill fill = {
        .spikes = 0.5, .listed = 1, .input_spikes = 0.6, .active_neurons = 1};
    struct activity *whole = activity_create(2, neurons, slots, 3, 6);
    activity_draw(whole, &fill, 7, 0);
    struct activity *slice = activity_slice(whole, 4, 2);
    assert_int_equal(slice->batch, 2);
    for (uint32_t l = 0; l < 2; l++) {
        for (uint32_t t = 0; t < 3; t++) {
            for (uint32_t b = 0; b < 2; b++) {
                assert_memory_equal(activity_ids(&slice->layers[l], 2, t, b),
                                    activity_ids(&whole->layers[l], 6, t, 4 + b),
                                    slots[l] * sizeof(uint32_t));
            }
            assert_memory_equal(activity_counts(&slice->layers[l], 2, t),
                                activity_counts(&whole->layers[l], 6, t) + 4 * 2,
                                2 * 2 * sizeof(uint32_t));
        }
    }
    activity_destroy(slice);
    activity_destroy(whole);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_distinct_and_each_sub_list_ascends),
        cmocka_unit_test(counts_are_the_fill_of_the_slots_rounded),
        cmocka_unit_test(counts_never_exceed_the_neurons),
        cmocka_unit_test(listed_ids_are_at_least_the_spikes),
        cmocka_unit_test(active_neurons_leave_slots_empty),
        cmocka_unit_test(the_draw_depends_on_seed_and_training_step_alone),
        cmocka_unit_test(a_vector_does_not_depend_on_the_batch_around_it),
        cmocka_unit_test(vectors_of_a_record_differ),
        cmocka_unit_test(of_analog_input_every_neuron_is_sent_and_no_id_is_kept),
        cmocka_unit_test(a_long_record_keeps_some_time_steps_and_a_short_one_all),
        cmocka_unit_test(a_long_record_is_the_same_in_whatever_order_it_is_read),
        cmocka_unit_test(a_time_step_does_not_depend_on_the_length_of_the_record),
        cmocka_unit_test(what_is_drawn_is_what_was_drawn_whole),
        cmocka_unit_test(picked_time_steps_are_those_of_the_record),
        cmocka_unit_test(sparse_draws_are_uniform),
        cmocka_unit_test(dense_draws_are_uniform),
        cmocka_unit_test(pairs_of_ids_are_uniform),
        cmocka_unit_test(a_slice_has_the_rows_of_its_samples_at_every_time_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

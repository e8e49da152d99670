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

#include "workloads/data/encode.h"

static void a_brighter_pixel_never_spikes_later(void **state)
{
    (void)state;
    struct latency_code code;
    latency_code_init(&code, 20, 0.2, 100);
    for (uint32_t level = 52; level < 255; level++) {
        assert_true(code.time_step[level + 1] <= code.time_step[level]);
    }
    assert_true(code.time_step[255] < code.time_step[128]);
    assert_true(code.time_step[128] < code.time_step[64]);
}

// t = 20 ln(x / (x - 0.2)): x = 1: 4.46; x = 128/255: 10.16; x = 64/255: 31.88; x = 52/255: 79.02.
static void a_pixel_spikes_when_the_charging_curve_reaches_the_threshold(void **state)
{
    (void)state;
    struct latency_code code;
    latency_code_init(&code, 20, 0.2, 100);
    assert_int_equal(code.time_step[255], 4);
    assert_int_equal(code.time_step[128], 10);
    assert_int_equal(code.time_step[64], 31);
    assert_int_equal(code.time_step[52], 79);
}

static void pixels_up_to_the_threshold_stay_silent(void **state)
{
    (void)state;
    struct latency_code code;
    latency_code_init(&code, 20, 0.2, 100); // 0.2 is level 51
    assert_int_equal(code.time_step[0], ENCODE_NEVER);
    assert_int_equal(code.time_step[51], ENCODE_NEVER);
    assert_int_not_equal(code.time_step[52], ENCODE_NEVER);
    latency_code_init(&code, 20, 1.0, 100);
    assert_int_equal(code.time_step[255], ENCODE_NEVER);
    latency_code_init(&code, 20, 0.0, 100);
    assert_int_equal(code.time_step[0], ENCODE_NEVER);
    assert_int_equal(code.time_step[1], 0);
}

static void late_pixels_spike_in_the_last_time_step(void **state)
{
    (void)state;
    struct latency_code code;
    latency_code_init(&code, 20, 0.2, 8);
    assert_int_equal(code.time_step[255], 4);
    assert_int_equal(code.time_step[128], 7);
    assert_int_equal(code.time_step[52], 7);
}

static void latency_lists_each_bright_pixel_once_in_ascending_order(void **state)
{
    (void)state;
    enum { PIXELS = 9, TIME_STEPS = 40 };
    const uint8_t pixels[PIXELS] = {0, 255, 128, 51, 64, 255, 52, 128, 255};
    struct latency_code code;
    latency_code_init(&code, 20, 0.2, TIME_STEPS);
    uint32_t ids[TIME_STEPS * PIXELS], counts[TIME_STEPS], total = 0;
    memset(counts, 0xff, sizeof counts); // what was there does not matter
    encode_latency(&code, pixels, PIXELS, TIME_STEPS, ids, counts);
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        total += counts[t];
    }
    assert_int_equal(total, 7);
    assert_int_equal(counts[4], 3);
    assert_memory_equal(ids + 4 * PIXELS, ((uint32_t[]){1, 5, 8}), 3 * sizeof *ids);
    assert_int_equal(counts[10], 2);
    assert_memory_equal(ids + 10 * PIXELS, ((uint32_t[]){2, 7}), 2 * sizeof *ids);
    assert_int_equal(counts[31], 1);
    assert_int_equal(ids[31 * PIXELS], 4);
    assert_int_equal(counts[39], 1); // 79, cut to the last
    assert_int_equal(ids[39 * PIXELS], 6);
}

enum {
    RATE_PIXELS = 1030,
    RATE_TIME_STEPS = 400
}; // more than one buffer of random words, and a rest

static void each_pixel_spikes_in_proportion_to_its_brightness(void **state)
{
    (void)state;
    uint8_t pixels[RATE_PIXELS];
    uint32_t *ids = calloc((size_t)RATE_TIME_STEPS * RATE_PIXELS, sizeof *ids);
    uint32_t counts[RATE_TIME_STEPS], spikes[PIXEL_LEVELS] = {0}, shown[PIXEL_LEVELS] = {0};
    for (uint32_t i = 0; i < RATE_PIXELS; i++) {
        pixels[i] = (uint8_t)(i % 3 * 127); // a period that no buffer shares
        shown[pixels[i] % PIXEL_LEVELS]++;
    }
    struct rate_code code;
    rate_code_init(&code, 0.4);
    struct rng rng = rng_create(1, RNG_TEST, 0, 0);
    encode_rate(&code, &rng, pixels, RATE_PIXELS, RATE_TIME_STEPS, ids, counts);
    for (uint32_t t = 0; t < RATE_TIME_STEPS; t++) {
        for (uint32_t k = 0; k < counts[t]; k++) {
            uint32_t id = ids[(size_t)t * RATE_PIXELS + k];
            assert_true(id < RATE_PIXELS);
            assert_true(k == 0 || ids[(size_t)t * RATE_PIXELS + k - 1] < id);
            spikes[pixels[id]]++;
        }
    }
    for (uint32_t level = 0; level < PIXEL_LEVELS; level++) {
        double trials = (double)shown[level] * RATE_TIME_STEPS;
        double probability = 0.4 * level / 255;
        double deviation = sqrt(trials * probability * (1 - probability));
        assert_true(fabs(spikes[level] - trials * probability) <= 5 * deviation);
    }
    free(ids);
}

static void black_pixels_never_spike_and_white_ones_may_always(void **state)
{
    (void)state;
    enum { PIXELS = 300, TIME_STEPS = 50 };
    uint8_t pixels[PIXELS];
    uint32_t ids[TIME_STEPS * PIXELS], counts[TIME_STEPS];
    for (uint32_t i = 0; i < PIXELS; i++) {
        pixels[i] = i % 2 ? 255 : 0;
    }
    struct rate_code code;
    rate_code_init(&code, 1.0);
    struct rng rng = rng_create(1, RNG_TEST, 0, 0);
    encode_rate(&code, &rng, pixels, PIXELS, TIME_STEPS, ids, counts);
    for (uint32_t t = 0; t < TIME_STEPS; t++) {
        assert_int_equal(counts[t], PIXELS / 2);
        for (uint32_t k = 0; k < PIXELS / 2; k++) {
            assert_int_equal(ids[t * PIXELS + k], 2 * k + 1);
        }
    }
}

// A longer run begins with the spikes of a shorter one; another key gives other spikes.
static void rate_spikes_depend_on_the_key_and_not_on_the_length(void **state)
{
    (void)state;
    enum { PIXELS = 30, SHORT = 5, LONG = 9 };
    uint8_t pixels[PIXELS];
    memset(pixels, 200, sizeof pixels);
    uint32_t ids[3][LONG * PIXELS], counts[3][LONG];
    memset(ids, 0, sizeof ids);
    struct rate_code code;
    rate_code_init(&code, 0.5);
    struct rng rng = rng_create(1, RNG_TEST, 7, 0), other = rng_create(1, RNG_TEST, 8, 0);
    encode_rate(&code, &rng, pixels, PIXELS, LONG, ids[0], counts[0]);
    encode_rate(&code, &rng, pixels, PIXELS, SHORT, ids[1], counts[1]);
    encode_rate(&code, &other, pixels, PIXELS, LONG, ids[2], counts[2]);
    assert_memory_equal(counts[0], counts[1], SHORT * sizeof counts[0][0]);
    assert_memory_not_equal(counts[0], counts[2], sizeof counts[0]);
    for (uint32_t t = 0; t < SHORT; t++) {
        assert_memory_equal(ids[0] + t * PIXELS, ids[1] + t * PIXELS,
                            counts[0][t] * sizeof ids[0][0]);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_brighter_pixel_never_spikes_later),
        cmocka_unit_test(a_pixel_spikes_when_the_charging_curve_reaches_the_threshold),
        cmocka_unit_test(pixels_up_to_the_threshold_stay_silent),
        cmocka_unit_test(late_pixels_spike_in_the_last_time_step),
        cmocka_unit_test(latency_lists_each_bright_pixel_once_in_ascending_order),
        cmocka_unit_test(each_pixel_spikes_in_proportion_to_its_brightness),
        cmocka_unit_test(black_pixels_never_spike_and_white_ones_may_always),
        cmocka_unit_test(rate_spikes_depend_on_the_key_and_not_on_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/rng.h"

// Rows "philox4x32 10" of the file kat_vectors in the Random123 distribution (tests/ or examples/).
static void philox_gives_the_published_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t seed = rows[i].key[0] | (uint64_t)rows[i].key[1] << 32;
        const uint32_t *counter = rows[i].counter;
        struct rng_words got =
            rng_philox(seed, (enum rng_purpose)counter[0], counter[1], counter[2], counter[3]);
        assert_memory_equal(got.word, rows[i].answer, sizeof got.word);
    }
}

static void a_stream_is_the_blocks_of_its_counter_in_order(void **state)
{
    (void)state;
    struct rng rng = rng_create(0x123456789abcdefu, RNG_TEST, 7, 9);
    for (uint32_t block = 0; block < 5; block++) {
        struct rng_words words = rng_philox(0x123456789abcdefu, RNG_TEST, 7, 9, block);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(rng_next(&rng), words.word[i]);
        }
    }
}

static void filling_gives_the_words_of_the_stream_wherever_it_starts(void **state)
{
    (void)state;
    uint32_t all[4 * 100], part[4 * 100];
    struct rng rng = rng_create(0xfedcba9876543210u, RNG_TEST, 0xffffffff, 3);
    for (uint32_t i = 0; i < 400; i++) {
        all[i] = rng_next(&rng);
    }
    for (uint32_t first = 0; first < 100; first += 9) {
        for (uint32_t count = 0; first + count <= 100;
             count++) { // below, at and above a lane group
            memset(part, 0, sizeof part);
            rng_fill(&rng, first, count, part);
            assert_memory_equal(part, all + 4 * first, 16 * count);
            assert_int_equal(count < 100 ? part[4 * count] : 0, 0);
        }
    }
}

static void the_last_block_is_followed_by_the_first(void **state)
{
    (void)state;
    struct rng rng = rng_create(5, RNG_TEST, 0, 0);
    uint32_t words[4 * 32], first[4];
    rng_fill(&rng, UINT32_MAX - 3, 32, words);
    rng_fill(&rng, 0, 1, first);
    assert_memory_equal(words + 4 * 4, first, sizeof first);
}

static void every_part_of_the_key_changes_the_numbers(void **state)
{
    (void)state;
    struct rng_words base = rng_philox(1, RNG_WEIGHTS, 2, 3, 4);
    const struct rng_words others[] = {
        rng_philox(2, RNG_WEIGHTS, 2, 3, 4),
        rng_philox(1 | (uint64_t)1 << 32, RNG_WEIGHTS, 2, 3, 4),
        rng_philox(1, RNG_ACTIVITY, 2, 3, 4),
        rng_philox(1, RNG_WEIGHTS, 3, 3, 4),
        rng_philox(1, RNG_WEIGHTS, 2, 4, 4),
        rng_philox(1, RNG_WEIGHTS, 2, 3, 5),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_memory_not_equal(base.word, others[i].word, sizeof base.word);
    }
}

static void numbers_below_a_bound_are_uniform(void **state)
{
    (void)state;
    enum { BOUND = 100, DRAWS = 1000000 };
    uint32_t hits[BOUND] = {0};
    struct rng rng = rng_create(11, RNG_TEST, 0, 0);
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t value = rng_below(&rng, BOUND);
        assert_true(value < BOUND);
        hits[value]++;
    }
    double chi_square = 0, expected = (double)DRAWS / BOUND;
    for (uint32_t i = 0; i < BOUND; i++) {
        chi_square += (hits[i] - expected) * (hits[i] - expected) / expected;
    }
    // 99 degrees of freedom: 0.001 and 0.999 quantiles are 60.0 and 148.2.
    assert_true(chi_square > 60.0 && chi_square < 148.2);
}

static void uniform_numbers_fill_zero_to_one(void **state)
{
    (void)state;
    struct rng rng = rng_create(12, RNG_TEST, 0, 0);
    double sum = 0, lowest = 1, highest = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        double value = rng_uniform(&rng);
        assert_true(value >= 0 && value < 1);
        sum += value;
        lowest = value < lowest ? value : lowest;
        highest = value > highest ? value : highest;
    }
    assert_true(sum / 1e5 > 0.496 &&
                sum / 1e5 < 0.504); // 4 standard deviations of the mean: 0.0037
    assert_true(lowest < 2e-4 && highest > 1 - 2e-4);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_known_answers),
        cmocka_unit_test(a_stream_is_the_blocks_of_its_counter_in_order),
        cmocka_unit_test(filling_gives_the_words_of_the_stream_wherever_it_starts),
        cmocka_unit_test(the_last_block_is_followed_by_the_first),
        cmocka_unit_test(every_part_of_the_key_changes_the_numbers),
        cmocka_unit_test(numbers_below_a_bound_are_uniform),
        cmocka_unit_test(uniform_numbers_fill_zero_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

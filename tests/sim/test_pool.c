#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/pool.h"

#define ITEMS 1000u

struct shared {
    uint32_t runs[ITEMS];
    uint32_t threads; // of the pool
    uint32_t strangers[ITEMS];
};

static void count_item(void *context, uint32_t item, uint32_t thread)
{
    struct shared *shared = context;
    shared->runs[item]++; // no other thread has this item
    shared->strangers[item] = thread >= shared->threads;
}

static void every_item_runs_once_in_every_round(void **state)
{
    (void)state;
    for (uint32_t threads = 0; threads <= 5; threads++) {
        struct pool *pool = pool_create(threads);
        struct shared shared = {.threads = pool_threads(pool)};
        assert_int_equal(shared.threads, threads > 1 ? threads : 1);
        for (uint32_t round = 1; round <= 200; round++) {
            uint32_t items = round % 2 ? ITEMS : round % 5; // also none, and fewer than threads
            uint32_t before[ITEMS];
            for (uint32_t i = 0; i < ITEMS; i++) {
                before[i] = shared.runs[i];
            }
            pool_run(pool, items, count_item, &shared);
            for (uint32_t i = 0; i < ITEMS; i++) {
                assert_int_equal(shared.runs[i], before[i] + (i < items));
                assert_int_equal(shared.strangers[i], 0);
            }
        }
        pool_destroy(pool);
    }
    pool_destroy(NULL);
}

static void parts_cover_all_elements_evenly(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 40; count++) {
        for (uint32_t parts = 1; parts < 12; parts++) {
            assert_int_equal(pool_part(count, parts, 0), 0);
            assert_int_equal(pool_part(count, parts, parts), count);
            for (uint32_t part = 0; part < parts; part++) {
                uint32_t elements =
                    pool_part(count, parts, part + 1) - pool_part(count, parts, part);
                assert_in_range(elements, count / parts, (count + parts - 1) / parts);
            }
        }
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_runs_once_in_every_round),
        cmocka_unit_test(parts_cover_all_elements_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

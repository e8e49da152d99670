// Programs timed by both engines, which must agree to the cycle.
#ifndef TILESIM_TESTS_SIM_ENGINES_FIXTURE_H
#define TILESIM_TESTS_SIM_ENGINES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>

#include "sim/machine.h"

static inline void expect_equal_times(const struct machine_time *folded,
                                      const struct machine_time *detailed, uint32_t number)
{
    if (folded->cycles != detailed->cycles) {
        print_error("program %u: folded %.2f, detailed %.2f\n", number, folded->cycles,
                    detailed->cycles);
    }
    assert_int_equal(folded->share_count, detailed->share_count);
    double sum_cycles = 0;
    for (uint32_t i = 0; i < folded->share_count; i++) {
        if (folded->shares[i].cycles != detailed->shares[i].cycles) {
            print_error("program %u, share %u (%s)\n", number, i, folded->shares[i].name);
        }
        assert_true(folded->shares[i].cycles == detailed->shares[i].cycles);
        assert_int_equal(folded->shares[i].times, detailed->shares[i].times);
        sum_cycles += folded->shares[i].cycles;
    }
    assert_true(fabs(sum_cycles - folded->cycles) <=
                1e-9 * folded->cycles); // means are not rounded
    assert_true(folded->cycles == detailed->cycles);
    assert_true(folded->compute_cycles == detailed->compute_cycles);
    assert_true(folded->exchange_cycles == detailed->exchange_cycles);
    assert_true(folded->sync_cycles == detailed->sync_cycles);
    assert_true(folded->host_cycles == detailed->host_cycles);
    assert_true(folded->link_cycles == detailed->link_cycles);
    assert_true(folded->memory_cycles == detailed->memory_cycles);
    assert_int_equal(folded->supersteps, detailed->supersteps);
}

#endif

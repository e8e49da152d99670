// How one product is split over tiles: what the search finds, and what it may leave out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"
#include "tests/sim/fixture_chip.h"
#include "tests/workloads/lower_fixture.h"
#include "workloads/lower/matmul_split.h"

static void a_split_covers_the_product_and_stays_within_its_tiles(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        struct rng rng = rng_create(3, RNG_TEST, i, 1);
        struct machine_view machine = fixture_machine(1472);
        struct matmul_problem problem = {.rows = 1 + rng_below(&rng, 100),
                                         .in = 1 + rng_below(&rng, 600),
                                         .out = 1 + rng_below(&rng, 600),
                                         .element_bytes = rng_below(&rng, 2) ? 2 : 4,
                                         .tiles = 1 + rng_below(&rng, 1472),
                                         .resident =
                                             rng_below(&rng, 2) ? RESIDENT_SUM : RESIDENT_WEIGHTS};
        struct matmul_split split = matmul_split_choose(&problem, &machine);
        assert_true((uint64_t)split.parts_m * split.rows >= problem.rows);
        assert_true((uint64_t)split.parts_k * split.in >= problem.in);
        assert_true((uint64_t)split.parts_n * split.out >= problem.out);
        // no part is empty
        assert_true((uint64_t)(split.parts_m - 1) * split.rows < problem.rows);
        assert_true((uint64_t)(split.parts_k - 1) * split.in < problem.in);
        assert_true((uint64_t)(split.parts_n - 1) * split.out < problem.out);
        assert_true(matmul_split_tiles(&split) <= problem.tiles);
    }
}

struct best_of_all {
    uint64_t cycles, bytes; // the least of any split
    uint32_t tiles;         // the fewest with the least cycles
};

static struct best_of_all try_all(const struct matmul_problem *problem,
                                  const struct machine_view *machine)
{
    struct best_of_all best = {.cycles = UINT64_MAX, .bytes = UINT64_MAX};
    for (uint32_t m = 1; m <= problem->rows; m++) {
        for (uint32_t k = 1; k <= problem->in; k++) {
            for (uint32_t n = 1; n <= problem->out && m * k * n <= problem->tiles; n++) {
                struct matmul_split split = matmul_split_cost(problem, machine, m, k, n);
                uint64_t cycles = matmul_split_cycles(&split);
                uint64_t bytes = split.resident_bytes + split.moving_bytes;
                if (cycles < best.cycles || (cycles == best.cycles && m * k * n < best.tiles)) {
                    best.tiles = m * k * n;
                    best.cycles = cycles;
                }
                best.bytes = bytes < best.bytes ? bytes : best.bytes;
            }
        }
    }
    return best;
}

static void no_other_split_of_a_small_product_takes_fewer_cycles_or_tiles(void **state)
{
    (void)state;
    struct machine_view machine = fixture_machine(64);
    for (uint32_t i = 0; i < 60; i++) {
        struct rng rng = rng_create(4, RNG_TEST, i, 1);
        struct matmul_problem problem = {.rows = 1 + rng_below(&rng, 30),
                                         .in = 1 + rng_below(&rng, 40),
                                         .out = 1 + rng_below(&rng, 40),
                                         .element_bytes = 4,
                                         .tiles = 1 + rng_below(&rng, 16),
                                         .resident = RESIDENT_WEIGHTS};
        struct matmul_split split = matmul_split_choose(&problem, &machine);
        struct best_of_all best = try_all(&problem, &machine);
        assert_int_equal(matmul_split_cycles(&split), best.cycles);
        assert_int_equal(matmul_split_tiles(&split), best.tiles);
    }
}

static bool is_better(const struct matmul_split *split, const struct matmul_split *best,
                      uint32_t bytes_per_tile)
{
    const struct matmul_split *both[2] = {split, best};
    uint64_t bytes[2], cycles[2];
    bool fits[2];
    for (uint32_t i = 0; i < 2; i++) {
        bytes[i] = both[i]->resident_bytes + both[i]->moving_bytes;
        cycles[i] = matmul_split_cycles(both[i]);
        fits[i] = both[i]->resident_bytes <= bytes_per_tile / 8 &&
                  both[i]->moving_bytes <= bytes_per_tile / 4;
    }
    if (fits[0] != fits[1]) {
        return fits[0];
    }
    if (!fits[0] && bytes[0] != bytes[1]) {
        return bytes[0] < bytes[1];
    }
    return cycles[0] != cycles[1] ? cycles[0] < cycles[1]
                                  : matmul_split_tiles(split) < matmul_split_tiles(best);
}

static uint32_t next_parts(uint32_t length, uint32_t parts)
{
    uint64_t block = div_ceil(length, parts);
    return block <= 1 ? length + 1 : (uint32_t)div_ceil(length, block - 1);
}

// The same set of splits one by one, in the same order, none left out.
static struct matmul_split choose_exhaustively(const struct matmul_problem *problem,
                                               const struct machine_view *machine)
{
    struct matmul_split best = matmul_split_cost(problem, machine, 1, 1, 1);
    for (uint32_t m = 1; m <= problem->rows && m <= problem->tiles;
         m = next_parts(problem->rows, m)) {
        for (uint32_t k = 1; k <= problem->in && m * k <= problem->tiles;
             k = next_parts(problem->in, k)) {
            uint32_t most = (uint32_t)min_u64(problem->tiles / (m * k), problem->out);
            uint32_t fewest = most <= 16 ? 1 : most / 2;
            uint32_t n = (uint32_t)div_ceil(problem->out, div_ceil(problem->out, fewest));
            for (; n <= most; n = next_parts(problem->out, n)) {
                struct matmul_split split = matmul_split_cost(problem, machine, m, k, n);
                if (is_better(&split, &best, machine->bytes_per_tile)) {
                    best = split;
                }
            }
        }
    }
    return best;
}

static void what_the_search_leaves_out_would_not_have_won(void **state)
{
    (void)state;
    static const uint32_t tiles[] = {1, 16, 200, 1472};
    struct chip_config chip = fixture_chip();
    chip.tiles = 1472;
    for (uint32_t i = 0; i < 400; i++) {
        struct rng rng = rng_create(5, RNG_TEST, i, 1);
        struct machine_view machine =
            rng_below(&rng, 2) ? fixture_machine(1472) : machine_view_of(&chip);
        machine.bytes_per_tile = 1024u << rng_below(&rng, 11);
        struct matmul_problem problem = {.rows = 1 + rng_below(&rng, 150),
                                         .in = 1 + rng_below(&rng, 900),
                                         .out = 1 + rng_below(&rng, rng_below(&rng, 2) ? 20 : 900),
                                         .element_bytes = rng_below(&rng, 2) ? 2 : 4,
                                         .tiles = tiles[rng_below(&rng, 4)],
                                         .resident =
                                             rng_below(&rng, 2) ? RESIDENT_SUM : RESIDENT_WEIGHTS};
        struct matmul_split split = matmul_split_choose(&problem, &machine);
        struct matmul_split expected = choose_exhaustively(&problem, &machine);
        assert_memory_equal(&split, &expected, sizeof split);
    }
}

// What the search takes for granted when it leaves splits out.
static void no_cost_of_a_split_falls_as_its_blocks_get_more_columns(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    for (uint32_t units = 0; units <= 16; units += 8) { // 0: no matrix unit
        chip.matrix.conv_units_float32 = chip.matrix.conv_units_float16 = units;
        struct machine_view machine = machine_view_of(&chip);
        for (uint32_t i = 0; i < 300; i++) {
            struct rng rng = rng_create(6, RNG_TEST, i, units);
            uint32_t rows = 1 + rng_below(&rng, 100), in = 1 + rng_below(&rng, 300);
            uint32_t bytes = rng_below(&rng, 2) ? 2 : 4;
            uint64_t before[3] = {0};
            for (uint32_t out = 1; out < 80; out++) {
                const uint32_t product[VERTEX_SIZES] = {rows, in, out, bytes};
                const uint32_t sum[VERTEX_SIZES] = {in, out, 0, 0};
                uint64_t now[3] = {
                    machine.vertex_cycles(machine.context, CODELET_matmul_partial, product),
                    machine.vertex_cycles(machine.context, CODELET_reduce_many, sum),
                    machine.exchange_cycles(machine.context, (uint64_t)rows * out)};
                for (uint32_t k = 0; k < 3; k++) {
                    assert_true(now[k] >= before[k]);
                    before[k] = now[k];
                }
            }
        }
    }
}

static void less_sram_makes_smaller_blocks(void **state)
{
    (void)state;
    struct machine_view machine = fixture_machine(1472);
    struct matmul_problem problem = {.rows = 48,
                                     .in = 2000,
                                     .out = 1000,
                                     .element_bytes = 4,
                                     .tiles = 1472,
                                     .resident = RESIDENT_WEIGHTS};
    machine.bytes_per_tile = 64 * 1024; // an eighth for weights: 8 KiB
    struct matmul_split split = matmul_split_choose(&problem, &machine);
    assert_true(split.resident_bytes <= 8 * 1024);
    assert_true(split.moving_bytes <= 16 * 1024);
    assert_int_equal(split.resident_bytes, 4 * split.in * split.out);
}

static void without_room_anywhere_the_smallest_blocks_are_taken(void **state)
{
    (void)state;
    struct machine_view machine = fixture_machine(4);
    machine.bytes_per_tile = 1024;
    struct matmul_problem problem = {.rows = 8,
                                     .in = 100,
                                     .out = 100,
                                     .element_bytes = 4,
                                     .tiles = 4,
                                     .resident = RESIDENT_WEIGHTS};
    struct matmul_split split = matmul_split_choose(&problem, &machine);
    struct best_of_all best = try_all(&problem, &machine);
    assert_int_equal(split.resident_bytes + split.moving_bytes, best.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_covers_the_product_and_stays_within_its_tiles),
        cmocka_unit_test(no_other_split_of_a_small_product_takes_fewer_cycles_or_tiles),
        cmocka_unit_test(what_the_search_leaves_out_would_not_have_won),
        cmocka_unit_test(no_cost_of_a_split_falls_as_its_blocks_get_more_columns),
        cmocka_unit_test(less_sram_makes_smaller_blocks),
        cmocka_unit_test(without_room_anywhere_the_smallest_blocks_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

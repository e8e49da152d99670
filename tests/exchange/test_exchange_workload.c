// The workloads `exchange` and `memory` on a chip of 16 tiles: a sync of 100 cycles, exchanges of
// 60 beside their words, launches for nothing.
#include "tests/sim/workload_fixture.h"

#include "tests/sim/fixture_system.h"

static void expect_cycles(const char *text, double cycles)
{
    expect_quantity(&workload_exchange, text, "cycles", cycles);
}

static void every_pattern_is_a_sync_a_fixed_part_and_words(void **state)
{
    (void)state;
    expect_cycles("{pattern: pair, bytes: 64}", 100 + 60 + 16);
    expect_cycles("{pattern: gather, tiles: 8}", 100 + 60 + 7);
    expect_cycles("{pattern: scatter, tiles: 8}", 100 + 60 + 8);
    expect_cycles("{pattern: scatter, tiles: 16}", 100 + 60 + 15); // there are no more others
    expect_cycles("{pattern: broadcast, tiles: 8, bytes: 400}", 100 + 60 + 50);
    expect_cycles("{pattern: all_to_all, tiles: 5}", 100 + 60 + 4);
}

static void drawn_pairs_give_no_tile_two_messages(void **state)
{
    (void)state;
    expect_cycles("{pattern: pairs, pairs: 1, bytes: 64}", 100 + 60 + 16);
    expect_cycles("{pattern: pairs, pairs: 8, bytes: 64}", 100 + 60 + 16);
    expect_cycles("{pattern: pairs, pairs: 9, bytes: 64}", 100 + 60 + 16);
    expect_cycles("{pattern: pairs, pairs: 16, bytes: 64}", 100 + 60 + 16);
}

static void bandwidth_counts_what_receivers_get(void **state)
{
    (void)state;
    const struct workload_kind *kind = &workload_exchange;
    double seconds = (100 + 60 + 100) * 1e-9; // 400 bytes at 4 bytes a cycle
    expect_quantity(kind, "{pattern: pairs, pairs: 4, bytes: 400}", "bytes_per_second",
                    4 * 400 / seconds);
    expect_quantity(kind, "{pattern: pairs, pairs: 4, bytes: 400}", "tile_bytes_per_second",
                    400 / seconds);
    expect_quantity(kind, "{pattern: pair, bytes: 400}", "peak_fraction", 100.0 / 260);
    expect_quantity(kind, "{pattern: pair, bytes: 400}", "exchange_seconds", 160e-9);
    // a broadcast's peak is that of a bus, two words
    expect_quantity(kind, "{pattern: broadcast, tiles: 16, bytes: 400}", "peak_fraction",
                    50.0 / 210);
}

// Up to 32 sums go to one tile at once: 16 tiles are a gather of 15 words, 7 of 6; on one tile
// there is nothing to exchange.
static void a_reduction_of_few_tiles_is_one_gather(void **state)
{
    (void)state;
    const struct workload_kind *kind = &workload_exchange;
    expect_quantity(kind, "{pattern: reduction, tiles: 16}", "exchange_seconds", 75e-9);
    expect_quantity(kind, "{pattern: reduction, tiles: 7}", "exchange_seconds", 66e-9);
    expect_quantity(kind, "{pattern: reduction, tiles: 1, operands: 60}", "exchange_seconds", 0);
    double few =
        workload_quantity_of(kind, "{pattern: reduction, tiles: 1, operands: 60}", "cycles");
    double more =
        workload_quantity_of(kind, "{pattern: reduction, tiles: 1, operands: 660}", "cycles");
    assert_true(more - few == 600); // six workers, one operand each in six cycles
}

// 200 sums are 67, 67 and 66, on the first three tiles, then 3. 2432 are 38 times 64, which are
// still too many: one tile sums them.
static void a_reduction_sums_64_at_a_tile_until_32_are_left(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.tiles = 2432;
    const char *const texts[] = {"{pattern: reduction, tiles: 200}",
                                 "{pattern: reduction, tiles: 2432}"};
    const double expected_seconds[] = {(60 + 67 + 60 + 2) * 1e-9, (60 + 64 + 60 + 37) * 1e-9};
    for (uint32_t i = 0; i < 2; i++) {
        double seconds =
            workload_quantity_on(&chip, &workload_exchange, texts[i], "exchange_seconds");
        assert_true(fabs(seconds - expected_seconds[i]) < 1e-15);
    }
}

static void a_pattern_on_one_tile_exchanges_nothing_and_is_refused(void **state)
{
    (void)state;
    expect_refused(&workload_exchange, "{pattern: broadcast, tiles: 1}",
                   "the pattern 'broadcast' needs at least 2 tiles");
    expect_refused(&workload_exchange, "{pattern: gather, tiles: 1}",
                   "the pattern 'gather' needs at least 2 tiles");
    expect_refused(&workload_exchange, "{pattern: all_to_all, tiles: 1}",
                   "the pattern 'all_to_all' needs at least 2 tiles");
    expect_refused(&workload_exchange, "{pattern: pair, from: 3, to: 3}",
                   "the pattern 'pair' needs two tiles, and from and to are both 3");
    expect_cycles("{pattern: scatter, tiles: 1}", 100 + 60 + 1); // to one other
}

// All tiles of both chips are one flow; of some, each pair is: those of 2,049 would be 4 million.
static void all_to_all_of_too_many_but_not_all_tiles_of_chips_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"{pattern: all_to_all, tiles: 30}",
                                 "{pattern: all_to_all, tiles: 2049}",
                                 "{pattern: all_to_all, tiles: 2400}"};
    for (uint32_t i = 0; i < 3; i++) {
        struct fixture_system fixture;
        fixture_system_open(&fixture, 2, TOPOLOGY_ALL);
        fixture.chip.tiles = 1200;
        struct machine_config machine = {.name = (char *)"fixture",
                                         .chip = &fixture.chip,
                                         .system = &fixture.system,
                                         .parallel = {.chips = 2, .replicas = 1}};
        struct workload_result result = {0};
        char *why;
        run_workload_at(&machine, &workload_exchange, texts[i], &result, &why);
        assert_int_equal(why != NULL, i == 1);
        assert_true(i != 1 || strstr(why, "all_to_all of 2049 of 2400 tiles") == why);
        free(why);
        fixture_system_close(&fixture);
    }
}

static void a_pattern_needs_its_tiles(void **state)
{
    (void)state;
    char *why;
    run_workload(&workload_exchange, "{pattern: pair, from: 16}", &why);
    assert_string_equal(why, "the pattern 'pair' needs 17 tiles, and the chip has 16");
    free(why);
    run_workload(&workload_exchange, "{pattern: gather, tiles: 17}", &why);
    assert_string_equal(why, "the pattern 'gather' needs 17 tiles, and the chip has 16");
    free(why);
    run_workload(&workload_memory, "{tiles: 17}", &why);
    assert_string_equal(why, "reading on 17 tiles, and the chip has 16");
    free(why);
    run_workload(&workload_memory, "{block_bytes: 16384}", &why);
    assert_string_equal(
        why, "6 workers with blocks of 16384 bytes: more than the 65536 bytes of a tile");
    free(why);
}

static void a_load_that_waits_for_the_last_takes_a_turn_of_all_workers(void **state)
{
    (void)state;
    expect_quantity(&workload_memory, "{access: latency}", "latency_cycles", 6);
}

// A vertex starts in 10 slots; 800 bytes are 50, 100 or 200 loads.
static void reading_takes_one_slot_a_load(void **state)
{
    (void)state;
    const struct workload_kind *kind = &workload_memory;
    expect_quantity(kind, "{block_bytes: 800}", "cycles", 6 * (10 + 100));
    expect_quantity(kind, "{block_bytes: 800, load_bits: 128}", "cycles", 6 * (10 + 50));
    expect_quantity(kind, "{block_bytes: 800, load_bits: 32}", "cycles", 6 * (10 + 200));
    expect_quantity(kind, "{block_bytes: 800, tiles: 4}", "bytes_per_second",
                    4 * 4800 / (6 * 110 * 1e-9));
    expect_quantity(kind, "{block_bytes: 800}", "peak_fraction", 100.0 / 110);
}

static void compiled_loops_branch_and_have_no_loads_of_128_bit(void **state)
{
    (void)state;
    const struct workload_kind *kind = &workload_memory;
    expect_quantity(kind, "{block_bytes: 800, implementation: compiled}", "cycles",
                    6 * (10 + 100 + 2));
    expect_quantity(kind, "{block_bytes: 800, implementation: compiled, load_bits: 128}", "cycles",
                    6 * (10 + 100 + 2));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_is_a_sync_a_fixed_part_and_words),
        cmocka_unit_test(drawn_pairs_give_no_tile_two_messages),
        cmocka_unit_test(bandwidth_counts_what_receivers_get),
        cmocka_unit_test(a_reduction_of_few_tiles_is_one_gather),
        cmocka_unit_test(a_reduction_sums_64_at_a_tile_until_32_are_left),
        cmocka_unit_test(a_pattern_on_one_tile_exchanges_nothing_and_is_refused),
        cmocka_unit_test(all_to_all_of_too_many_but_not_all_tiles_of_chips_is_refused),
        cmocka_unit_test(a_pattern_needs_its_tiles),
        cmocka_unit_test(a_load_that_waits_for_the_last_takes_a_turn_of_all_workers),
        cmocka_unit_test(reading_takes_one_slot_a_load),
        cmocka_unit_test(compiled_loops_branch_and_have_no_loads_of_128_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

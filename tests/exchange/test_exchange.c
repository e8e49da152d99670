// Exchanges against closed forms, and against the collectives measured on GC2 (arXiv 1912.03413).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/exchange.h"
#include "sim/err.h"
#include "sim/rng.h"
#include "tests/sim/fixture_chip.h"

static struct tile_map tiles(uint32_t first, uint32_t count)
{
    return tile_map_range(first, count);
}

static struct flow flow_of(enum flow_kind kind, struct tile_map source, struct tile_map destination,
                           uint64_t bytes)
{
    return (struct flow){.kind = kind,
                         .source = source,
                         .source_count = source.positions,
                         .destination = destination,
                         .destination_count = destination.positions,
                         .bytes = bytes};
}

static uint64_t cycles_of(const struct chip_config *chip, const struct flow *flows, uint32_t count)
{
    struct program *program = program_create("test", chip->tiles, 1, 1, 0, NULL, NULL);
    program_begin_exchange(program, "exchange");
    for (uint32_t i = 0; i < count; i++) {
        program_add_flow(program, &flows[i]);
    }
    program_verify(program);
    struct exchange_meter *meter = exchange_meter_create(chip, program);
    uint64_t cycles = exchange_meter_cycles(meter, &program->exchanges[0]);
    // nothing is left behind: the next exchange takes as long as the first
    assert_int_equal(exchange_meter_cycles(meter, &program->exchanges[0]), cycles);
    exchange_meter_destroy(meter);
    program_destroy(program);
    return cycles;
}

static uint64_t one(const struct chip_config *chip, enum flow_kind kind, struct tile_map source,
                    struct tile_map destination, uint64_t bytes)
{
    struct flow flow = flow_of(kind, source, destination, bytes);
    return cycles_of(chip, &flow, 1);
}

// The fixture takes 60 cycles beside the words, whatever the pattern.
static void one_message_costs_its_words_rounded_up(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 64), 60 + 16);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 65), 60 + 17);
}

static void any_number_of_pairs_costs_as_much_as_one(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 8), tiles(8, 8), 64), 60 + 16);
}

static void a_tile_sends_nothing_to_itself(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(3, 1), tiles(3, 1), 64), 0);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(3, 1), tiles(3, 1), 64), 0);
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 4), tiles(0, 4), 4), 60 + 3);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 0), 0);
}

static void a_broadcast_costs_its_words_once_and_half_for_paired_receivers(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(4, 1), 400), 60 + 100);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(4, 4), 400), 60 + 50);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(4, 3), 400), 60 + 100);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(5, 2), 400), 60 + 100);
    // the sender's own bus goes with the others, 6 and 7; without others it has no full width
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 1), tiles(4, 4), 400), 60 + 50);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 1), tiles(5, 3), 400), 60 + 50);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 1), tiles(4, 3), 400), 60 + 100);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 1), tiles(4, 2), 400), 60 + 100);
    chip.exchange.bus_sharing = 1;
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(4, 4), 400), 60 + 100);
}

static void two_broadcasts_to_the_same_pairs_share_their_ports(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 2), tiles(4, 4), 400), 60 + 2 * 50);
    // each of four tiles hears three others, all at full width
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 4), tiles(4, 4), 400), 60 + 3 * 50);
    // tile 6 is alone on its bus: it hears both at half width, and 4 and 5 each other
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(4, 2), tiles(4, 3), 400), 60 + 2 * 100);
}

static void items_that_wrap_onto_a_tile_share_its_port(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct flow flow = flow_of(FLOW_ALL_TO_ALL, tiles(0, 1), tiles(4, 3), 40);
    flow.destination_count = 7;
    assert_int_equal(cycles_of(&chip, &flow, 1), 60 + 70); // the sender's port
    flow = flow_of(FLOW_PAIRS, tiles(0, 8), tiles(8, 3), 40);
    flow.destination_count = 8;
    assert_int_equal(cycles_of(&chip, &flow, 1), 60 + 30); // three messages to one tile
    flow = flow_of(FLOW_BROADCAST, tiles(0, 1), tiles(4, 3), 40);
    flow.destination_count = 7;
    assert_int_equal(cycles_of(&chip, &flow, 1), 60 + 10); // a broadcast arrives once
}

static void a_redistribution_moves_only_words_that_change_tile(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    // 12 words: tiles 0 1 hold 6 each, tiles 0 1 2 get 4 each
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(0, 2), tiles(0, 3), 48), 60 + 4);
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(0, 3), tiles(0, 3), 48), 0);
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(0, 3), tiles(4, 1), 48), 60 + 12);
    // 3 words from 5 sources: floor(w * 5 / 3) = 0 1 3: all but word 0 change tile
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(0, 5),
                         (struct tile_map){.positions = 5, .span = 16, .is_spread = true}, 12),
                     60 + 1);
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(3, 5), tiles(6, 1), 12), 60 + 2);
    assert_int_equal(one(&chip, FLOW_REDISTRIBUTE, tiles(0, 5), tiles(8, 5), 12), 60 + 1);
}

static void flows_of_one_exchange_add_up_on_the_busiest_port(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    const struct flow flows[] = {
        flow_of(FLOW_PAIRS, tiles(0, 1), tiles(4, 1), 40),
        flow_of(FLOW_PAIRS, tiles(1, 1), tiles(4, 1), 20),
        flow_of(FLOW_PAIRS, tiles(2, 1), tiles(5, 1), 48),
    };
    assert_int_equal(cycles_of(&chip, flows, 3), 60 + 15);
}

// Tiles 1 and 99,999; a reader of the span alone would go on to tile 199,997.
static void a_spread_map_may_span_more_tiles_than_the_chip_has(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.tiles = 100000;
    struct tile_map spread = {.first = 1, .positions = 2, .span = 199996, .is_spread = true};
    assert_int_equal(one(&chip, FLOW_PAIRS, spread, tiles(2, 2), 40),
                     one(&chip, FLOW_PAIRS, tiles(8, 2), tiles(2, 2), 40));
}

static void latency_is_that_of_the_farthest_pair_that_talks(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.exchange.tiles_per_island = 2; // four columns, around the spine: 0 and 3 lie side by side
    chip.exchange.columns = 4;
    chip.exchange.latency_cycles_per_island = 2;
    chip.exchange.latency_cycles_per_column = 3.5;
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 4), 61);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(2, 1), 4), 61 + 4); // 3.5 round up
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(4, 1), 4), 61 + 4); // column 2
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(6, 1), 4), 61);     // column 3
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(8, 1), 4), 61 + 2);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(8, 1), tiles(10, 1), 4), 61 + 6); // 2 + 3.5
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(0, 16), 4), 61 + 6);
    // tile 8 is the only one of its island: it does not talk to itself
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(8, 1),
                         (struct tile_map){.positions = 2, .span = 16, .is_spread = true}, 4),
                     61 + 2);
    chip.exchange.tile_numbering =
        TILES_ALONG_COLUMNS; // tiles 0 to 3 are column 0, 4 to 7 column 1
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(2, 1), 4), 61 + 2);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(4, 1), 4), 61 + 4);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(12, 1), 4), 61);
}

// --- measured collectives -----------------------------------------------------------------------
// The exchange of configs/chips/gc2.yaml. docs/validation.md has all measurements; here is the
// rule.
static struct chip_config measured_chip(void)
{
    struct chip_config chip = fixture_chip();
    chip.tiles = 1216;
    chip.exchange = (struct exchange_config){.bytes_per_cycle = 4,
                                             .bus_sharing = 2,
                                             .fixed_cycles = 0,
                                             .fan_in_fixed_cycles = 29,
                                             .fan_out_fixed_cycles = 195,
                                             .tile_numbering = TILES_ALONG_COLUMNS,
                                             .columns = 16,
                                             .islands_per_column = 19,
                                             .tiles_per_island = 4,
                                             .latency_base_cycles = 59,
                                             .latency_cycles_per_island = 2,
                                             .latency_cycles_per_column = 11.4,
                                             .broadcast_cycles_per_island = 1.7,
                                             .sync_cycles = 90};
    return chip;
}

static void expect_within(uint64_t cycles, double measured_seconds, double tolerance)
{
    double measured_cycles = measured_seconds * 1.6e9;
    double error = ((double)cycles - measured_cycles) / measured_cycles;
    if (error < -tolerance || error > tolerance) {
        fail_msg("%llu cycles against %.1f measured: %+.1f %%", (unsigned long long)cycles,
                 measured_cycles, 100 * error);
    }
}

static void a_gather_takes_near_words_while_far_ones_are_on_their_way(void **state)
{
    (void)state;
    struct chip_config chip = measured_chip();
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1216), tiles(0, 1), 4), 29 + 1215);
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 8), tiles(0, 1), 4), 59 + 2 + 1);
    expect_within(90 + one(&chip, FLOW_ALL_TO_ALL, tiles(0, 152), tiles(0, 1), 4), 169e-9, 0.005);
    expect_within(90 + one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1216), tiles(0, 1), 4), 835e-9, 0.005);
}

static void a_scatter_costs_its_fixed_part_and_its_words_wherever_they_go(void **state)
{
    (void)state;
    struct chip_config chip = measured_chip();
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1), tiles(0, 16), 4), 195 + 15);
    expect_within(90 + one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1), tiles(0, 16), 4), 191e-9, 0.02);
    expect_within(90 + one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1), tiles(0, 608), 4), 555e-9, 0.02);
    chip.exchange.latency_base_cycles = 300; // a way longer than that shows
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 1), tiles(0, 4), 4), 300 + 3);
}

// Column 7, island 18, to column 0: 7 columns of 11.4 and 18 islands of 2 are 115.8.
static void an_all_to_all_costs_the_farthest_way_and_its_words(void **state)
{
    (void)state;
    struct chip_config chip = measured_chip();
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 608), tiles(0, 608), 4), 59 + 116 + 607);
    assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, tiles(0, 4), tiles(0, 4), 4), 59 + 3);
    expect_within(90 + one(&chip, FLOW_ALL_TO_ALL, tiles(0, 608), tiles(0, 608), 4), 552e-9, 0.02);
}

// Tiles anywhere on the chip, as the workload draws them.
static void all_to_all_of_listed_tiles_costs_what_its_pairs_cost(void **state)
{
    (void)state;
    enum { TILES_MOST = 40 };
    struct chip_config chip = measured_chip();
    for (uint32_t i = 0; i < 30; i++) {
        struct rng rng = rng_create(1, RNG_TEST, i, 0);
        uint32_t count = 2 + rng_below(&rng, TILES_MOST - 1), listed[TILES_MOST];
        struct flow *pairs = xcalloc((size_t)count * count, sizeof *pairs);
        uint32_t pair_count = 0;
        for (uint32_t j = 0; j < count; j++) {
            listed[j] = (j > 0 ? listed[j - 1] + 1 : 0) + rng_below(&rng, 29);
        }
        for (uint32_t j = 0; j < count * count; j++) {
            if (j / count != j % count) {
                pairs[pair_count++] = flow_of(FLOW_PAIRS, tiles(listed[j / count], 1),
                                              tiles(listed[j % count], 1), 4 * i);
            }
        }
        struct tile_map map = tile_map_list(listed, count);
        assert_int_equal(one(&chip, FLOW_ALL_TO_ALL, map, map, 4 * i),
                         cycles_of(&chip, pairs, pair_count));
        free(pairs);
    }
}

// 1.7 cycles more for each island: 16 tiles reach island 3, a column island 18.
static void a_broadcast_pays_more_for_islands_than_a_message(void **state)
{
    (void)state;
    struct chip_config chip = measured_chip();
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(0, 16), 4), 59 + 12 + 1);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(0, 76), 4), 59 + 67 + 1);
    assert_int_equal(one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(72, 1), 4), 59 + 36 + 1);
    expect_within(90 + one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(0, 76), 4), 136e-9, 0.05);
    expect_within(90 + one(&chip, FLOW_BROADCAST, tiles(0, 1), tiles(0, 1216), 4), 194e-9, 0.06);
}

// JIA, without sync: 37 ns to the island beside the spine, 59 ns to the farthest of a column, 98 ns
// from tile 646 to tile 0. Each is the way and one word.
static void one_pair_takes_the_way_between_its_places(void **state)
{
    (void)state;
    struct chip_config chip = measured_chip();
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 4), 59 + 1);
    assert_int_equal(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(72, 1), 4), 59 + 36 + 1);
    expect_within(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(1, 1), 4), 37e-9, 0.02);
    expect_within(one(&chip, FLOW_PAIRS, tiles(0, 1), tiles(72, 1), 4), 59e-9, 0.02);
    expect_within(one(&chip, FLOW_PAIRS, tiles(646, 1), tiles(0, 1), 4), 98e-9, 0.02);
}

static void an_estimate_holds_sync_fixed_cost_latency_and_words(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    assert_int_equal(exchange_estimate_cycles(&chip, 41), 100 + 60 + 11);
    chip = measured_chip(); // from an outer column to a middle one: 7 of 11.4 and 18 of 2 are 115.8
    assert_int_equal(exchange_estimate_cycles(&chip, 41), 90 + 59 + 116 + 11);
}

static void every_fabric_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(exchange_fabric_name(FABRIC_compiled_bus), "compiled_bus");
    assert_null(exchange_fabric_name(FABRIC_COUNT));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message_costs_its_words_rounded_up),
        cmocka_unit_test(any_number_of_pairs_costs_as_much_as_one),
        cmocka_unit_test(a_tile_sends_nothing_to_itself),
        cmocka_unit_test(a_broadcast_costs_its_words_once_and_half_for_paired_receivers),
        cmocka_unit_test(two_broadcasts_to_the_same_pairs_share_their_ports),
        cmocka_unit_test(items_that_wrap_onto_a_tile_share_its_port),
        cmocka_unit_test(a_redistribution_moves_only_words_that_change_tile),
        cmocka_unit_test(flows_of_one_exchange_add_up_on_the_busiest_port),
        cmocka_unit_test(a_spread_map_may_span_more_tiles_than_the_chip_has),
        cmocka_unit_test(latency_is_that_of_the_farthest_pair_that_talks),
        cmocka_unit_test(a_gather_takes_near_words_while_far_ones_are_on_their_way),
        cmocka_unit_test(a_scatter_costs_its_fixed_part_and_its_words_wherever_they_go),
        cmocka_unit_test(an_all_to_all_costs_the_farthest_way_and_its_words),
        cmocka_unit_test(all_to_all_of_listed_tiles_costs_what_its_pairs_cost),
        cmocka_unit_test(a_broadcast_pays_more_for_islands_than_a_message),
        cmocka_unit_test(one_pair_takes_the_way_between_its_places),
        cmocka_unit_test(an_estimate_holds_sync_fixed_cost_latency_and_words),
        cmocka_unit_test(every_fabric_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// What crossing takes beside the bytes on links, by hand: a ladder of GC2's figures in round
// numbers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "exchange/crossing.h"
#include "tests/sim/fixture_chip.h"

#define CHIP_TILES 16u

struct ladder { // stays where it is: its parts point at each other
    struct chip_config chip;
    struct link_kind kinds[2];
    struct system_config system;
};

// Of the fixture's 1e9 cycles per second: a rung carries 4 bytes per cycle and takes 20 cycles, a
// rail 2 and 30. A packet of 8 bytes holds a rung for 2 cycles and a rail for 4.
static void open_ladder(struct ladder *ladder, bool rails_share)
{
    *ladder = (struct ladder){
        .chip = fixture_chip(),
        .kinds =
            {{.name = "rung", .bytes_per_second = 4e9, .efficiency = 1, .latency_seconds = 20e-9},
             {.name = "rail",
              .bytes_per_second = 4e9,
              .efficiency = 0.5,
              .latency_seconds = 30e-9}},
    };
    ladder->system = (struct system_config){
        .name = "ladder",
        .chip = &ladder->chip,
        .chips = 8,
        .topology = TOPOLOGY_LADDER,
        .route_rule = ROUTE_RUNG_FIRST,
        .rung = "rung",
        .rail = "rail",
        .kind_count = 2,
        .kinds = ladder->kinds,
        .rails_share = rails_share,
        .packet_bytes = 8,
        .route_bytes = 4,
        .message_bytes = 10,
        .stream_efficiency = 0.5,
        .arrival_words = 1,
        .crossing_seconds = 100e-9,
        .chips_per_slot = 1,
        .slot_bytes_per_second = 1e9,
        .chips_per_machine = 1,
    };
    system_derive(&ladder->system);
}

static struct program *program_on(uint32_t chips)
{
    struct program *program = program_create("ladder", chips * CHIP_TILES, 1, 1, 0, NULL, NULL);
    program_place_on_chips(program, chips, CHIP_TILES);
    program_begin_exchange(program, "x");
    return program;
}

static void add(struct program *program, enum flow_kind kind, struct tile_map from,
                struct tile_map to, uint64_t bytes)
{
    program_add_flow(program, &(struct flow){.kind = kind,
                                             .source = from,
                                             .source_count = from.positions,
                                             .destination = to,
                                             .destination_count = to.positions,
                                             .bytes = bytes});
}

static struct tile_map chip(uint32_t number)
{
    return tile_map_range(number * CHIP_TILES, CHIP_TILES);
}

static struct crossing measure(const struct ladder *ladder, struct program *program)
{
    struct crossing crossing = crossing_measure(&ladder->system, program, &program->exchanges[0]);
    program_destroy(program);
    return crossing;
}

static void what_stays_on_its_chip_crosses_nothing(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    struct program *program = program_on(2);
    add(program, FLOW_PAIRS, tile_map_range(0, 4), tile_map_range(4, 4), 400);
    struct crossing crossing = measure(&ladder, program);
    assert_int_equal(crossing.start_cycles, 0);
    assert_int_equal(crossing.least_cycles, 0);
    system_forget_derived(&ladder.system);
}

// 16 runs go on along the rail as they come over the rung; each is a packet of 8 bytes and 4 of its
// route. One word and one of arrival, and the way: 100 + 20 + 30.
static void a_rung_and_the_first_rail_behind_it_are_one_hop(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    struct program *program = program_on(4);
    add(program, FLOW_PAIRS, chip(0), chip(3), 4);
    struct crossing crossing = measure(&ladder, program);
    assert_int_equal(crossing.start_cycles, 16 * 6);
    assert_int_equal(crossing.least_cycles,
                     150 + 4); // a stream keeps a quarter of a word per cycle over two links
    system_forget_derived(&ladder.system);
}

// Both odd chips of two rungs send to the even chip of a third: 32 runs meet on the second rail,
// behind 16 on each rung.
static void the_narrower_of_a_rung_and_the_rail_behind_it_holds_runs_up(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    ladder.kinds[0].bytes_per_second = 1e9; // a rung carries a byte per cycle, a rail 2
    struct program *program = program_on(8);
    add(program, FLOW_PAIRS, chip(1), chip(4), 4);
    add(program, FLOW_PAIRS, chip(3), chip(4), 4);
    struct crossing crossing = measure(&ladder, program);
    // first hop: 16 on each rung and on the rails 0 to 2 and 2 to 4; second: those of chip 1 on the
    // rail 2 to 4
    assert_int_equal(crossing.start_cycles, 16 * 12 + 16 * 6);
    system_forget_derived(&ladder.system);
}

// A gather from 16 tiles: one run, 15 messages that follow. Long ones take their own bytes.
static void messages_that_follow_others_of_their_run_take_a_least_share_of_a_link(void **state)
{
    (void)state;
    const struct chip_traffic few = {.bytes = 64, .messages = 16, .runs = 1};
    const struct chip_traffic many = {.bytes = 16 * 80, .messages = 16, .runs = 1};
    const struct chip_traffic apart = {.bytes = 64, .messages = 16, .runs = 16};
    struct ladder ladder;
    open_ladder(&ladder, false);
    assert_int_equal(crossing_link_bytes(&ladder.system, &few), 150);
    assert_int_equal(crossing_link_bytes(&ladder.system, &many), 16 * 80);
    assert_int_equal(crossing_link_bytes(&ladder.system, &apart), 64);
    system_forget_derived(&ladder.system);
}

// Chips 0 and 1 both send to their like one rung on: rails of their own, or one for both.
static void rails_that_share_take_the_runs_of_both(void **state)
{
    (void)state;
    for (uint32_t share = 0; share < 2; share++) {
        struct ladder ladder;
        open_ladder(&ladder, share == 1);
        struct program *program = program_on(4);
        add(program, FLOW_PAIRS, chip(0), chip(2), 4);
        add(program, FLOW_PAIRS, chip(1), chip(3), 4);
        add(program, FLOW_PAIRS, chip(2), chip(0), 4); // the other direction disturbs neither
        struct crossing crossing = measure(&ladder, program);
        assert_int_equal(crossing.start_cycles, share == 1 ? 32 * 4 : 16 * 4);
        system_forget_derived(&ladder.system);
    }
}

// From chip 0 along three rails and from chip 2 along two: at the first hop on rails of their own,
// at the second on the one from 2 to 4 and from 4 to 6.
static void every_hop_waits_for_the_busiest_link_of_the_one_before(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    struct program *program = program_on(8);
    add(program, FLOW_PAIRS, chip(0), chip(6), 4);
    add(program, FLOW_PAIRS, chip(2), chip(6), 4);
    struct crossing crossing = measure(&ladder, program);
    assert_int_equal(crossing.start_cycles, (16 + 16 + 16) * 6);
    system_forget_derived(&ladder.system);
}

// 32 words reach tile 0: 16 of its chip in a cycle each, 16 from the other in two; the messages to
// one tile are one run.
static void a_gather_pays_arrivals_at_its_one_port(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    struct program *program = program_on(2);
    add(program, FLOW_ALL_TO_ALL, tile_map_range(0, 32), tile_map_range(0, 1), 4);
    struct crossing crossing = measure(&ladder, program);
    assert_int_equal(crossing.start_cycles, 2);
    assert_int_equal(crossing.least_cycles, 120 + 32 + 16);
    system_forget_derived(&ladder.system);
}

static void a_scatter_pays_a_cycle_a_word_where_it_is_sent(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    struct program *program = program_on(2);
    add(program, FLOW_ALL_TO_ALL, tile_map_range(0, 1), tile_map_range(0, 32), 4);
    struct crossing crossing = measure(&ladder, program);
    assert_int_equal(crossing.start_cycles, 2);
    assert_int_equal(crossing.least_cycles, 120 + 32);
    system_forget_derived(&ladder.system);
}

// As on its own chip the farthest tile is 3 islands of 5 + 2 cycles farther than a word's way to
// the nearest; over one link.
static void a_broadcast_spreads_where_it_arrives(void **state)
{
    (void)state;
    struct ladder ladder;
    open_ladder(&ladder, false);
    ladder.chip.exchange.tile_numbering = TILES_ALONG_COLUMNS;
    ladder.chip.exchange.latency_cycles_per_island = 5;
    ladder.chip.exchange.broadcast_cycles_per_island = 2;
    const struct exchange_config *exchange = &ladder.chip.exchange;
    uint64_t islands = exchange->islands_per_column - 1;
    struct program *program = program_on(2);
    add(program, FLOW_BROADCAST, tile_map_range(0, 1), chip(1), 4);
    struct crossing crossing = measure(&ladder, program);
    // a word, one of arrival
    assert_int_equal(crossing.least_cycles, 120 + 2 + islands * 7);
    system_forget_derived(&ladder.system);
}

// 4000 bytes hold a port for 1000 cycles; over one link a stream has half of that rate, over two a
// quarter.
static void a_stream_loses_a_share_at_every_link(void **state)
{
    (void)state;
    const uint32_t to[] = {1, 3};
    const uint64_t expected_cycles[] = {120 + 2000, 150 + 4000};
    for (uint32_t i = 0; i < 2; i++) {
        struct ladder ladder;
        open_ladder(&ladder, false);
        struct program *program = program_on(4);
        add(program, FLOW_PAIRS, tile_map_range(0, 1), tile_map_range(to[i] * CHIP_TILES, 1), 4000);
        struct crossing crossing = measure(&ladder, program);
        assert_int_equal(crossing.least_cycles, expected_cycles[i]);
        system_forget_derived(&ladder.system);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_on_its_chip_crosses_nothing),
        cmocka_unit_test(a_rung_and_the_first_rail_behind_it_are_one_hop),
        cmocka_unit_test(the_narrower_of_a_rung_and_the_rail_behind_it_holds_runs_up),
        cmocka_unit_test(messages_that_follow_others_of_their_run_take_a_least_share_of_a_link),
        cmocka_unit_test(rails_that_share_take_the_runs_of_both),
        cmocka_unit_test(every_hop_waits_for_the_busiest_link_of_the_one_before),
        cmocka_unit_test(a_gather_pays_arrivals_at_its_one_port),
        cmocka_unit_test(a_scatter_pays_a_cycle_a_word_where_it_is_sent),
        cmocka_unit_test(a_stream_loses_a_share_at_every_link),
        cmocka_unit_test(a_broadcast_spreads_where_it_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

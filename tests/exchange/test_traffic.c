// What crosses from chip to chip, against a count over every pair of items.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "exchange/exchange.h"
#include "exchange/traffic.h"
#include "sim/rng.h"
#include "sim/units.h"
#include "tests/sim/fixture_system.h"

#define SEED 20250711u
#define RANDOM_EXCHANGES 4000u
#define CHIPS_MAX 5u
#define CHIP_TILES_MAX 12u

struct counted { // one visit per message: by hand, chip by chip
    uint64_t bytes[CHIPS_MAX][CHIPS_MAX], messages[CHIPS_MAX][CHIPS_MAX];
};

static uint32_t chip_of(const struct program *program, const struct tile_map *map, uint32_t item)
{
    return tile_map_at(map, item) / program->chip_tiles;
}

static void count_message(struct counted *counted, uint32_t from, uint32_t to, uint64_t bytes)
{
    if (from != to) {
        counted->messages[from][to]++;
        counted->bytes[from][to] += bytes;
    }
}

static void count_broadcast(struct counted *counted, const struct program *program,
                            const struct flow *flow)
{
    for (uint32_t i = 0; i < flow->source_count; i++) {
        bool is_heard[CHIPS_MAX] = {false};
        for (uint32_t j = 0; j < flow->destination_count; j++) {
            is_heard[chip_of(program, &flow->destination, flow->first_destination + j)] = true;
        }
        for (uint32_t chip = 0; chip < program->chips; chip++) {
            if (is_heard[chip]) {
                count_message(counted, chip_of(program, &flow->source, flow->first_source + i),
                              chip, flow->bytes);
            }
        }
    }
}

static void count_words(struct counted *counted, const struct program *program,
                        const struct flow *flow)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    for (uint32_t i = 0; i < flow->source_count; i++) {
        for (uint32_t j = 0; j < flow->destination_count; j++) {
            uint64_t shared = 0;
            for (uint64_t word = 0; word < words; word++) {
                shared += word * flow->source_count / words == i &&
                          word * flow->destination_count / words == j;
            }
            if (shared > 0) {
                count_message(counted, chip_of(program, &flow->source, flow->first_source + i),
                              chip_of(program, &flow->destination, flow->first_destination + j),
                              shared * EXCHANGE_WORD_BYTES);
            }
        }
    }
}

static void count_flow(struct counted *counted, const struct program *program,
                       const struct flow *flow)
{
    if (flow->bytes == 0) {
        return;
    }
    if (flow->kind == FLOW_BROADCAST) {
        count_broadcast(counted, program, flow);
    } else if (flow->kind == FLOW_REDISTRIBUTE) {
        count_words(counted, program, flow);
    } else {
        for (uint32_t i = 0; i < flow->source_count; i++) {
            for (uint32_t j = 0; j < flow->destination_count; j++) {
                if (flow->kind == FLOW_ALL_TO_ALL || i == j) {
                    count_message(counted, chip_of(program, &flow->source, flow->first_source + i),
                                  chip_of(program, &flow->destination, flow->first_destination + j),
                                  flow->bytes);
                }
            }
        }
    }
}

// --- random exchanges ---------------------------------------------------------------------------
static uint32_t draw_listed(struct rng *rng, uint32_t tiles, uint32_t *listed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tiles; i++) {
        if (rng_below(rng, 3) > 0) {
            listed[count++] = i;
        }
    }
    return count;
}

static struct tile_map draw_map(struct rng *rng, uint32_t tiles, const uint32_t *listed,
                                uint32_t listed_count)
{
    if (listed_count > 0 && rng_below(rng, 3) == 0) {
        uint32_t begin = rng_below(rng, listed_count);
        return tile_map_list(listed + begin, 1 + rng_below(rng, listed_count - begin));
    }
    struct tile_map map = {.first = rng_below(rng, tiles)};
    uint32_t room = tiles - map.first;
    map.positions = 1 + rng_below(rng, room);
    map.span = map.positions;
    if (rng_below(rng, 2) == 0) {
        map.is_spread = true;
        map.span = map.positions + rng_below(rng, room - map.positions + 1);
    }
    return map;
}

// listed: [CHIPS_MAX * CHIP_TILES_MAX], filled with some of the program's tiles.
static struct program *draw_program(struct rng *rng, uint32_t *listed)
{
    uint32_t chips = 1 + rng_below(rng, CHIPS_MAX);
    uint32_t chip_tiles = 1 + rng_below(rng, CHIP_TILES_MAX);
    uint32_t tiles = 1 + rng_below(rng, chips * chip_tiles);
    struct program *program = program_create("random", tiles, 1, 1, 0, NULL, NULL);
    program_place_on_chips(program, chips, chip_tiles);
    program_begin_exchange(program, "x");
    uint32_t count = draw_listed(rng, tiles, listed);
    for (uint32_t flows = rng_below(rng, 4); flows > 0; flows--) {
        struct flow flow = {.kind = rng_below(rng, 4),
                            .source = draw_map(rng, tiles, listed, count),
                            .destination = draw_map(rng, tiles, listed, count),
                            .first_source = rng_below(rng, 70),
                            .source_count = 1 + rng_below(rng, 90),
                            .first_destination = rng_below(rng, 70),
                            .destination_count = 1 + rng_below(rng, 90),
                            .bytes = rng_below(rng, 8) == 0 ? 0 : rng_below(rng, 700)};
        if (flow.kind == FLOW_PAIRS) {
            flow.destination_count = flow.source_count;
        }
        program_add_flow(program, &flow);
    }
    program_verify(program);
    return program;
}

static uint64_t expect_counted(const struct program *program, uint32_t number)
{
    struct counted counted;
    memset(&counted, 0, sizeof counted);
    const struct exchange_step *exchange = &program->exchanges[0];
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        count_flow(&counted, program, &program->flows[exchange->first_flow + i]);
    }
    struct fixture_system fixture;
    fixture_system_open(&fixture, CHIPS_MAX, TOPOLOGY_ALL); // no way passes a chip
    struct traffic_list list = traffic_measure(&fixture.system, program, exchange);
    fixture_system_close(&fixture);
    uint32_t next = 0;
    uint64_t messages = 0;
    for (uint32_t from = 0; from < program->chips; from++) {
        for (uint32_t to = 0; to < program->chips; to++) {
            if (counted.messages[from][to] == 0) {
                continue;
            }
            if (next >= list.count || list.items[next].from != from || list.items[next].to != to ||
                list.items[next].bytes != counted.bytes[from][to] ||
                list.items[next].messages != counted.messages[from][to]) {
                fail_msg("exchange %u: chip %u to %u", number, from, to);
            }
            messages += list.items[next++].messages;
        }
    }
    assert_int_equal(next, list.count);
    assert_int_equal(traffic_crosses(program, exchange), list.count > 0);
    traffic_free(&list);
    return messages;
}

static void closed_forms_count_what_visiting_every_pair_counts(void **state)
{
    (void)state;
    uint32_t crossing = 0, staying = 0;
    for (uint32_t i = 0; i < RANDOM_EXCHANGES; i++) {
        struct rng rng = rng_create(SEED, RNG_TEST, i, 0);
        uint32_t listed[CHIPS_MAX * CHIP_TILES_MAX];
        struct program *program = draw_program(&rng, listed);
        uint64_t messages = expect_counted(program, i);
        crossing += messages > 0;
        staying += messages == 0 && program->chips > 1 && program->exchanges[0].flow_count > 0;
        program_destroy(program);
    }
    assert_true(crossing > RANDOM_EXCHANGES / 4);
    assert_true(staying > RANDOM_EXCHANGES / 20);
}

// --- by hand ------------------------------------------------------------------------------------
static struct program *exchange_on_chips(uint32_t chips, uint32_t chip_tiles,
                                         const struct flow *flow)
{
    struct program *program = program_create("hand", chips * chip_tiles, 1, 1, 0, NULL, NULL);
    program_place_on_chips(program, chips, chip_tiles);
    program_begin_exchange(program, "x");
    program_add_flow(program, flow);
    program_verify(program);
    return program;
}

// Tiles of one chip send to those of another as often in one flow as in one for every pair, in any
// order of the pairs.
static void all_to_all_of_whole_chips_is_told_as_its_pairs_are(void **state)
{
    (void)state;
    enum { CHIPS = 3, CHIP_TILES = 7, TILES = CHIPS * CHIP_TILES };
    const struct flow flow = {.kind = FLOW_ALL_TO_ALL,
                              .source = tile_map_range(0, TILES),
                              .source_count = TILES,
                              .destination = tile_map_range(0, TILES),
                              .destination_count = TILES,
                              .bytes = 12};
    struct program *whole = exchange_on_chips(CHIPS, CHIP_TILES, &flow);
    struct program *pairs = program_create("pairs", TILES, 1, 1, 0, NULL, NULL);
    program_place_on_chips(pairs, CHIPS, CHIP_TILES);
    program_begin_exchange(pairs, "x");
    for (uint32_t i = 0; i < TILES * TILES; i++) { // 5 and 21 have no divisor in common
        if (i / TILES != i % TILES) {
            program_add_flow(pairs,
                             &(struct flow){.kind = FLOW_PAIRS,
                                            .source = tile_map_range(i / TILES * 5 % TILES, 1),
                                            .source_count = 1,
                                            .destination = tile_map_range(i % TILES * 5 % TILES, 1),
                                            .destination_count = 1,
                                            .bytes = 12});
        }
    }
    struct fixture_system fixture;
    fixture_system_open(&fixture, CHIPS, TOPOLOGY_ALL);
    struct traffic_list expected = traffic_measure(&fixture.system, pairs, &pairs->exchanges[0]);
    struct traffic_list list = traffic_measure(&fixture.system, whole, &whole->exchanges[0]);
    fixture_system_close(&fixture);
    assert_int_equal(list.count, CHIPS * (CHIPS - 1));
    assert_int_equal(list.count, expected.count);
    for (uint32_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].bytes, expected.items[i].bytes);
        assert_int_equal(list.items[i].messages, expected.items[i].messages);
        assert_int_equal(list.items[i].runs, expected.items[i].runs);
    }
    traffic_free(&expected);
    traffic_free(&list);
    program_destroy(whole);
    program_destroy(pairs);
}

static struct flow all_to_all_of(uint32_t from, uint32_t sources, uint32_t to,
                                 uint32_t destinations)
{
    return (struct flow){.kind = FLOW_ALL_TO_ALL,
                         .source = tile_map_range(from, sources),
                         .source_count = sources,
                         .destination = tile_map_range(to, destinations),
                         .destination_count = destinations,
                         .bytes = 12};
}

static void tiles_that_send_to_another_chip_make_no_runs_to_this_one(void **state)
{
    (void)state;
    const struct flow first = all_to_all_of(0, 1, 4, 4), second = all_to_all_of(1, 2, 8, 1);
    struct program *program = exchange_on_chips(3, 4, &first);
    program_add_flow(program, &second);
    struct fixture_system fixture;
    fixture_system_open(&fixture, 3, TOPOLOGY_ALL);
    struct traffic_list list = traffic_measure(&fixture.system, program, &program->exchanges[0]);
    fixture_system_close(&fixture);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].messages, 4);
    assert_int_equal(list.items[0].runs, 1); // tile 0 alone
    assert_int_equal(list.items[1].messages, 2);
    assert_int_equal(list.items[1].runs, 1);
    traffic_free(&list);
    program_destroy(program);
}

// All three hear three tiles, two of the first chip and one of the next.
static void expect_broadcast(enum system_topology topology, const struct chip_traffic *expected,
                             uint32_t count)
{
    const struct flow flow = {.kind = FLOW_BROADCAST,
                              .source = tile_map_range(2, 3),
                              .source_count = 3,
                              .destination = tile_map_range(0, 12),
                              .destination_count = 12,
                              .bytes = 10};
    struct program *program = exchange_on_chips(3, 4, &flow);
    struct fixture_system fixture;
    fixture_system_open(&fixture, 3, topology);
    if (topology == TOPOLOGY_LINKS) { // a chain
        fixture_system_list(&fixture, 0, 1);
        fixture_system_list(&fixture, 1, 2);
    }
    struct traffic_list list = traffic_measure(&fixture.system, program, &program->exchanges[0]);
    fixture_system_close(&fixture);
    assert_int_equal(list.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(list.items[i].from, expected[i].from);
        assert_int_equal(list.items[i].to, expected[i].to);
        assert_int_equal(list.items[i].bytes, expected[i].bytes);
        assert_int_equal(list.items[i].messages, expected[i].messages);
        assert_int_equal(list.items[i].runs, expected[i].runs);
    }
    traffic_free(&list);
    program_destroy(program);
}

static void a_broadcast_crosses_once_to_every_other_chip(void **state)
{
    (void)state;
    const struct chip_traffic expected[] = {
        {0, 1, 20, 2, 2}, {0, 2, 20, 2, 2}, {1, 0, 10, 1, 1}, {1, 2, 10, 1, 1}};
    expect_broadcast(TOPOLOGY_ALL, expected, 4);
}

static void a_broadcast_is_heard_by_the_chips_that_it_passes(void **state)
{
    (void)state;
    const struct chip_traffic expected[] = {{0, 2, 20, 2, 2}, {1, 0, 10, 1, 1}, {1, 2, 10, 1, 1}};
    expect_broadcast(TOPOLOGY_LINKS, expected, 3);
}

static void all_tiles_of_64_chips_talk_to_all_others(void **state)
{
    (void)state;
    const uint32_t chips = 64, chip_tiles = 1472;
    const struct flow flow = {.kind = FLOW_ALL_TO_ALL,
                              .source = tile_map_range(0, chips * chip_tiles),
                              .source_count = chips * chip_tiles,
                              .destination = tile_map_range(0, chips * chip_tiles),
                              .destination_count = chips * chip_tiles,
                              .bytes = 4};
    struct program *program = exchange_on_chips(chips, chip_tiles, &flow);
    struct fixture_system fixture;
    fixture_system_open(&fixture, chips, TOPOLOGY_RING);
    struct traffic_list list = traffic_measure(&fixture.system, program, &program->exchanges[0]);
    fixture_system_close(&fixture);
    assert_int_equal(list.count, chips * (chips - 1));
    for (uint32_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].messages, (uint64_t)chip_tiles * chip_tiles);
        assert_int_equal(list.items[i].bytes, 4 * (uint64_t)chip_tiles * chip_tiles);
    }
    traffic_free(&list);
    program_destroy(program);
}

// --- the part of it on the chips ----------------------------------------------------------------
static uint64_t cycles_of(const struct chip_config *chip, struct program *program)
{
    struct exchange_meter *meter = exchange_meter_create(chip, program);
    uint64_t cycles = exchange_meter_cycles(meter, &program->exchanges[0]);
    exchange_meter_destroy(meter);
    program_destroy(program);
    return cycles;
}

static uint64_t cycles_of_pairs(const struct chip_config *chip, uint32_t from, uint32_t to,
                                uint32_t count)
{
    const struct flow flow = {.kind = FLOW_PAIRS,
                              .source = tile_map_range(from, count),
                              .source_count = count,
                              .destination = tile_map_range(to, count),
                              .destination_count = count,
                              .bytes = 40};
    return cycles_of(chip, exchange_on_chips(2, 16, &flow));
}

// 50 fixed, 10 words, and a way of 10 + 5 per island; tiles 4 to 7 and 12 to 15 are on the second
// island.
static void places_repeat_on_every_chip_and_a_crossing_word_has_no_place(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.exchange.latency_cycles_per_island = 5;
    chip.exchange.tile_numbering = TILES_ALONG_COLUMNS;
    assert_int_equal(cycles_of_pairs(&chip, 0, 4, 1), 50 + 10 + 15);
    assert_int_equal(cycles_of_pairs(&chip, 16, 20, 1), 50 + 10 + 15);
    assert_int_equal(cycles_of_pairs(&chip, 16, 17, 1), 50 + 10 + 10);
    // its words hold the ports as long, and the links know the way
    assert_int_equal(cycles_of_pairs(&chip, 0, 20, 1), 50 + 10);
    // the last of the pairs 15 -> 16, 14 -> 15 crosses: the other one is far
    assert_int_equal(cycles_of_pairs(&chip, 14, 15, 2), 50 + 10 + 15);
}

static void a_bus_ends_with_its_chip(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.exchange.bus_sharing = 2;
    struct flow flow = {.kind = FLOW_BROADCAST,
                        .source = tile_map_range(0, 1),
                        .source_count = 1,
                        .destination = tile_map_range(2, 2),
                        .destination_count = 2,
                        .bytes = 400};
    assert_int_equal(cycles_of(&chip, exchange_on_chips(2, 4, &flow)), 60 + 50);
    // 2 alone on its chip's last bus, 3 on the next chip
    assert_int_equal(cycles_of(&chip, exchange_on_chips(2, 3, &flow)), 60 + 100);
    flow.destination = tile_map_range(3, 2); // the first two of the second chip share a bus
    assert_int_equal(cycles_of(&chip, exchange_on_chips(2, 3, &flow)), 50 + 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_forms_count_what_visiting_every_pair_counts),
        cmocka_unit_test(all_to_all_of_whole_chips_is_told_as_its_pairs_are),
        cmocka_unit_test(tiles_that_send_to_another_chip_make_no_runs_to_this_one),
        cmocka_unit_test(a_broadcast_crosses_once_to_every_other_chip),
        cmocka_unit_test(a_broadcast_is_heard_by_the_chips_that_it_passes),
        cmocka_unit_test(all_tiles_of_64_chips_talk_to_all_others),
        cmocka_unit_test(places_repeat_on_every_chip_and_a_crossing_word_has_no_place),
        cmocka_unit_test(a_bus_ends_with_its_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

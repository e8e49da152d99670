// What lies on each tile: messages and vertices by the lists of a program, tiles with equal lists.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tiles/sram_fixture.h"
#include "tiles/sram.h"
#include "tiles/sram_tally.h"

static uint64_t messages_on(const struct flow *flow, uint32_t tile)
{
    struct program *program = make_program();
    program_begin_exchange(program, "x");
    program_add_flow(program, flow);
    struct sram_tally *tally = sram_tally_create(program);
    uint64_t messages = tally->messages[tile];
    sram_tally_destroy(tally);
    program_destroy(program);
    return messages;
}

static void messages_are_counted_at_both_ends_of_every_kind_of_flow(void **state)
{
    (void)state;
    struct flow flow = {.kind = FLOW_ALL_TO_ALL,
                        .source = tile_map_range(0, 4),
                        .destination = tile_map_range(2, 4),
                        .source_count = 4,
                        .destination_count = 4,
                        .bytes = 40};
    assert_int_equal(messages_on(&flow, 0), 4);     // sends to 2 3 4 5
    assert_int_equal(messages_on(&flow, 2), 3 + 3); // nothing to itself
    assert_int_equal(messages_on(&flow, 5), 4);
    flow.kind = FLOW_BROADCAST;
    assert_int_equal(messages_on(&flow, 0), 1);
    assert_int_equal(messages_on(&flow, 2), 1 + 3);
    flow.kind = FLOW_PAIRS;
    assert_int_equal(messages_on(&flow, 1), 1);
    assert_int_equal(messages_on(&flow, 3), 2);
    flow.kind = FLOW_REDISTRIBUTE; // 10 words leave 3 3 2 2 tiles and arrive at 2 tiles, 5 and 5
    flow.destination = tile_map_range(8, 2);
    flow.destination_count = 2;
    assert_int_equal(messages_on(&flow, 0), 1); // words 0-2
    assert_int_equal(messages_on(&flow, 1), 1); // words 3-4
    assert_int_equal(messages_on(&flow, 8), 2);
    flow.source_count = 3; // words 0-3, 4-6, 7-9: the second has words for both
    assert_int_equal(messages_on(&flow, 1), 2);
    assert_int_equal(messages_on(&flow, 9), 2);
}

static void messages_between_listed_tiles_are_theirs_alone(void **state)
{
    (void)state;
    static const uint32_t tiles[] = {1, 2, 6};
    struct flow flow = {.kind = FLOW_ALL_TO_ALL,
                        .source = tile_map_list(tiles, 3),
                        .destination = tile_map_list(tiles, 3),
                        .source_count = 3,
                        .destination_count = 3,
                        .bytes = 40};
    assert_int_equal(messages_on(&flow, 2), 2 + 2);
    assert_int_equal(messages_on(&flow, 3), 0); // within 1 .. 3, and not listed
    assert_int_equal(messages_on(&flow, 6), 2 + 2);
    flow.kind = FLOW_BROADCAST;
    assert_int_equal(messages_on(&flow, 6), 1 + 2);
    flow.destination_count = 4; // tile 1 again
    assert_int_equal(messages_on(&flow, 1), 1 + 2 * 2);
}

static void tiles_with_equal_lists_are_one_class(void **state)
{
    (void)state;
    struct program *program = make_program();
    add_variable(program, "a", 8, 0, 1); // tiles 2..5
    program_begin_compute(program, "first");
    struct vertex_group group = {
        .codelet = CODELET_fill, .place = tile_map_range(4, 4), .items = 4, .vertices = 4};
    program_add_group(program, &group); // tiles 4..7
    struct sram_tally *tally = sram_tally_create(program);
    uint32_t tiles[TILES], class_of[TILES];
    assert_int_equal(sram_tally_classify(tally, tiles, class_of), 3);
    assert_int_equal(tiles[0], 2);
    assert_int_equal(tiles[1], 4);
    assert_int_equal(tiles[2], 6);
    assert_int_equal(class_of[0], UINT32_MAX);
    assert_int_equal(class_of[3], class_of[2]);
    assert_int_equal(class_of[5], 1);
    sram_tally_destroy(tally);
    program_destroy(program);
}

// Maps of every kind, some with more items than positions; codelets with vertices on some items.
static struct program *draw_program(void)
{
    struct program *program = make_program();
    program_begin_compute(program, "drawn");
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t positions = 1 + (uint32_t)rand() % 5, first = (uint32_t)rand() % 3;
        bool is_spread = rand() % 2 == 0;
        struct tile_map place = {.first = first,
                                 .positions = positions,
                                 .span = is_spread ? TILES - first : positions,
                                 .is_spread = is_spread};
        program_add_variable(program, &(struct variable){.name = (char *)(uintptr_t) "drawn",
                                                         .place = place,
                                                         .first_item = (uint32_t)rand() % 4,
                                                         .items = 1 + (uint32_t)rand() % 9,
                                                         .bytes_per_item = 8 + i,
                                                         .last_step = 3});
        program_add_group(program, &(struct vertex_group){.codelet = (enum codelet)i,
                                                          .place = place,
                                                          .items = positions,
                                                          .vertices = (uint32_t)rand() % 5});
    }
    return program;
}

static bool has_vertex(const struct vertex_group *group, uint32_t tile)
{
    for (uint32_t item = 0; item < group->items; item++) {
        if (item < group->vertices && tile_map_at(&group->place, item) == tile) {
            return true; // one for each of the first items, before any has two
        }
    }
    return false;
}

static void expect_census(const struct program *program, const struct sram_census *census,
                          uint32_t i, uint32_t tile)
{
    uint32_t at = census->first[i];
    uint64_t bytes = 0, codelets = 0;
    for (uint32_t v = 0; v < program->variable_count; v++) {
        const struct variable *variable = &program->variables[v];
        uint32_t items = 0;
        for (uint32_t item = 0; item < variable->items; item++) {
            items += tile_map_at(&variable->place, variable->first_item + item) == tile;
        }
        bytes += items * variable->bytes_per_item;
        if (items > 0) {
            assert_true(at < census->first[i + 1]);
            assert_int_equal(census->shares[at].variable, v);
            assert_int_equal(census->shares[at++].items, items);
        }
    }
    assert_int_equal(at, census->first[i + 1]);
    for (uint32_t g = 0; g < program->group_count; g++) {
        const struct vertex_group *group = &program->groups[g];
        codelets |= has_vertex(group, tile) ? UINT64_C(1) << group->codelet : 0;
    }
    assert_int_equal(census->codelets[i], codelets);
    uint64_t *of_tiles = sram_variable_bytes(program);
    assert_int_equal(of_tiles[tile], bytes);
    free(of_tiles);
}

static void a_census_of_some_tiles_finds_what_the_maps_put_on_each(void **state)
{
    (void)state;
    srand(5);
    for (uint32_t trial = 0; trial < 200; trial++) {
        struct program *program = draw_program();
        uint32_t tiles[TILES], count = 0;
        for (uint32_t tile = 0; tile < TILES; tile++) {
            if (rand() % 3 > 0) {
                tiles[count++] = tile;
            }
        }
        struct sram_census census = sram_census_create(program, tiles, count);
        for (uint32_t i = 0; i < count; i++) {
            expect_census(program, &census, i, tiles[i]);
        }
        sram_census_free(&census);
        program_destroy(program);
    }
}

static void vertices_of_every_dealing_add_up_to_what_the_program_says(void **state)
{
    (void)state;
    struct program *program = make_program(); // batch 6, slots 8
    program_begin_compute(program, "all");
    struct vertex_group group = {.dealing = DEAL_SAMPLES,
                                 .place = tile_map_range(0, 4),
                                 .items = 4,
                                 .samples_per_vertex = 4}; // 2 per item
    program_add_group(program, &group);
    group = (struct vertex_group){.dealing = DEAL_SEGMENTS,
                                  .place = tile_map_range(4, 4),
                                  .items = 12, // 6 samples x 2 parts: 3 items per tile
                                  .parts = 2,
                                  .vertices = 5};
    program_add_group(program, &group);
    group = (struct vertex_group){
        .dealing = DEAL_SLOTS, .place = tile_map_range(8, 5), .items = 5, .groups = 1};
    program_add_group(program, &group); // 48 slots in chunks of 10: 10 10 10 10 8
    struct sram_tally *tally = sram_tally_create(program);
    assert_int_equal(tally->vertices[3], 2);
    assert_int_equal(tally->vertices[4], 15);
    assert_int_equal(tally->vertices[11], 10);
    assert_int_equal(tally->vertices[12], 8);
    assert_int_equal(tally->vertices[13], 0);
    sram_tally_destroy(tally);
    program_destroy(program);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_counted_at_both_ends_of_every_kind_of_flow),
        cmocka_unit_test(messages_between_listed_tiles_are_theirs_alone),
        cmocka_unit_test(tiles_with_equal_lists_are_one_class),
        cmocka_unit_test(a_census_of_some_tiles_finds_what_the_maps_put_on_each),
        cmocka_unit_test(vertices_of_every_dealing_add_up_to_what_the_program_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

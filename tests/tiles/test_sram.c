// The SRAM planner: closed-form sizes on a small chip, sharing by lifetimes, refusals, and
// properties of random placements.
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
#include "tiles/sram_place.h"
#include "tiles/sram_tally.h"

static void two_variables_that_are_never_live_together_take_the_space_of_the_larger(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "a", 400, 0, 3);
    add_variable(program, "b", 296, 4, 7);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_true(plan->fits);
    assert_null(plan->why);
    assert_int_equal(plan->max_bytes, 400);
    assert_int_equal(plan->sum_bytes, 696);
    assert_int_equal(plan->by_role[VARIABLE_SCRATCH], 696);
    assert_int_equal(plan->limit_bytes, 3000);
    assert_int_equal(plan->max_tile, 2);
    assert_int_equal(plan->tiles_used, 4);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void two_variables_live_in_one_common_step_take_the_sum(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "a", 400, 0, 4);
    add_variable(program, "b", 296, 4, 7);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_int_equal(plan->max_bytes, 696);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void a_variable_that_is_always_live_shares_with_nothing(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "weights", 400, LIVE_ALWAYS, LIVE_ALWAYS);
    add_variable(program, "a", 100, 0, 0);
    add_variable(program, "b", 96, 9, 9);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_int_equal(plan->max_bytes, 400 + 104); // 100 is rounded up to 8 bytes
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void both_regions_are_used_before_a_program_is_refused(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "a", 1000, 0, 1);
    add_variable(program, "b", 1200, 0, 1);
    add_variable(program, "c", 800, 0, 1);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_true(plan->fits); // 1000 in one region, 1200 + 800 in the other: not a byte is left
    assert_int_equal(plan->max_bytes, 3000);
    sram_plan_destroy(plan);
    add_variable(program, "d", 8, 1, 1);
    plan = sram_plan_create(program, &chip);
    assert_false(plan->fits);
    assert_int_equal(plan->max_bytes, 3008);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void a_refusal_names_tile_region_need_limit_and_the_five_largest_variables(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "a", 640, 0, 9);
    add_variable(program, "b", 648, 0, 9);
    add_variable(program, "c", 656, 0, 9);
    add_variable(program, "d", 664, 0, 9);
    add_variable(program, "e", 672, 0, 9);
    add_variable(program, "f", 16, 0, 9);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_false(plan->fits);
    // 672 lies alone in the ordinary region (with 16); 664 + 656 + 648 stand 1968 high in the
    // other; 640 sticks out least in the ordinary one: 312 against 608
    assert_string_equal(
        plan->why, "tile 2: SRAM region 'ordinary' needs 1312 bytes, its limit is 1000 (all "
                   "regions: 3296 of 3000 bytes); largest on this tile, in bytes: e 672, d 664, "
                   "c 656, b 648, a 640");
    assert_int_equal(plan->largest_count, 5);
    assert_string_equal(plan->largest[4].name, "a");
    assert_int_equal(plan->largest[4].bytes, 640);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void interleaved_variables_lie_in_interleaved_regions_only(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    struct variable variable = {.name = (char *)(uintptr_t) "coefficients",
                                .place = tile_map_range(5, 1),
                                .items = 1,
                                .bytes_per_item = 2008,
                                .first_step = 1,
                                .last_step = 2,
                                .is_interleaved = true};
    program_add_variable(program, &variable);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_false(plan->fits); // 2008 of 2000, though 1000 ordinary bytes are free
    assert_non_null(strstr(plan->why, "tile 5: SRAM region 'interleaved' needs 2008 bytes"));
    sram_plan_destroy(plan);
    chip.tile.regions[1].is_interleaved = false;
    plan = sram_plan_create(program, &chip);
    assert_false(plan->fits);
    assert_string_equal(plan->why, "tile 5: 'coefficients' (2008 bytes) must lie in an interleaved "
                                   "SRAM region, and the chip has none");
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void a_variable_that_wraps_around_lies_twice_on_its_first_tiles(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    struct variable variable = {.name = (char *)(uintptr_t) "lists",
                                .place = tile_map_range(3, 4),
                                .first_item = 2, // items 2..7: tiles 5 6 3 4 5 6
                                .items = 6,
                                .bytes_per_item = 16,
                                .last_step = 1};
    program_add_variable(program, &variable);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_int_equal(plan->max_bytes, 32);
    assert_int_equal(plan->max_tile, 5);
    assert_int_equal(plan->tiles_used, 4);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void items_on_a_tile_agree_with_the_map_item_by_item(void **state)
{
    (void)state;
    srand(7);
    for (uint32_t trial = 0; trial < 2000; trial++) {
        struct tile_map map = {.first = (uint32_t)rand() % 5, .is_spread = rand() % 2};
        map.positions = 1 + (uint32_t)rand() % 9;
        map.span = map.positions + (uint32_t)rand() % 12;
        uint32_t first = (uint32_t)rand() % 20;
        uint32_t items = (uint32_t)rand() % 40;
        for (uint32_t tile = 0; tile < 30; tile++) {
            uint32_t expected = 0;
            for (uint32_t i = first; i < first + items; i++) {
                expected += tile_map_at(&map, i) == tile;
            }
            assert_int_equal(sram_items_on_tile(&map, first, items, tile), expected);
        }
    }
}

static void
code_states_stacks_and_exchange_code_are_charged_to_the_tiles_that_need_them(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    chip.tile.vertex_state_bytes = 24;
    chip.tile.code_bytes_per_codelet = 200;
    chip.tile.control_code_bytes_per_step = 8;
    chip.tile.stack_bytes_per_context = 32;
    chip.exchange.code_bytes_per_message = 16;
    struct program *program = make_program();
    program_begin_loop(program, 3, 0, 1);
    program_begin_compute(program, "first");
    struct vertex_group group = {.codelet = CODELET_fill,
                                 .place = tile_map_range(1, 3),
                                 .items = 3,
                                 .vertices = 7}; // 3, 2, 2
    program_add_group(program, &group);
    group.codelet = CODELET_cast;
    group.items = 1;
    group.vertices = 1; // tile 1 has a second codelet
    program_add_group(program, &group);
    program_begin_exchange(program, "send");
    struct flow flow = {.kind = FLOW_BROADCAST,
                        .source = tile_map_range(1, 2),
                        .destination = tile_map_range(1, 3),
                        .source_count = 2,
                        .destination_count = 3,
                        .bytes = 8};
    program_add_flow(program, &flow);
    program_end_loop(program);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_int_equal(plan->max_tile, 1);
    assert_int_equal(plan->by_role[SRAM_VERTEX_STATE], 4 * 24);
    assert_int_equal(plan->by_role[SRAM_CODE], 2 * 200 + 3 * 8); // loop, compute set, exchange
    assert_int_equal(plan->by_role[SRAM_STACK], 7 * 32);         // six workers and the supervisor
    assert_int_equal(plan->by_role[SRAM_EXCHANGE_CODE], 2 * 16); // sends one, receives tile 2's
    assert_int_equal(plan->max_bytes, 96 + 424 + 224 + 32);
    assert_int_equal(plan->tiles_used, 3);
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void code_that_exceeds_the_executable_region_is_refused(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    chip.tile.code_bytes_per_codelet = 1008;
    struct program *program = make_program();
    program_begin_compute(program, "first");
    struct vertex_group group = {
        .codelet = CODELET_fill, .place = tile_map_range(9, 1), .items = 1, .vertices = 1};
    program_add_group(program, &group);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    assert_false(plan->fits);
    assert_int_equal(plan->overflow_bytes, 8);
    assert_string_equal(
        plan->why, "tile 9: SRAM region 'ordinary' needs 1008 bytes, its limit is 1000 (all "
                   "regions: 1008 of 3000 bytes); largest on this tile, in bytes: codelets and "
                   "control code 1008");
    sram_plan_destroy(plan);
    program_destroy(program);
}

// --- properties of placement --------------------------------------------------------------------
#define BLOCKS_MAX 60
#define STEPS 40

static uint32_t draw_blocks(struct sram_block *blocks)
{
    uint32_t count = 1 + (uint32_t)rand() % BLOCKS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t first = (uint32_t)rand() % STEPS;
        uint32_t last = first + (uint32_t)rand() % (STEPS - first);
        bool is_always = rand() % 5 == 0;
        blocks[i] = (struct sram_block){.bytes = 8 * (1 + (uint64_t)rand() % 20),
                                        .first_step = is_always ? 0 : first,
                                        .last_step = is_always ? UINT32_MAX : last,
                                        .need = (enum sram_need)(rand() % 3)};
    }
    return count;
}

static uint64_t most_live_bytes(const struct sram_block *blocks, uint32_t count)
{
    uint64_t most = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < count; i++) {
            bool is_live = blocks[i].first_step <= step && step <= blocks[i].last_step;
            live += is_live ? blocks[i].bytes : 0;
        }
        most = live > most ? live : most;
    }
    return most;
}

static void no_two_blocks_that_are_live_together_overlap(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct sram_block blocks[BLOCKS_MAX];
    srand(11);
    uint32_t fitting = 0;
    for (uint32_t trial = 0; trial < 2000; trial++) {
        uint32_t count = draw_blocks(blocks);
        struct sram_use use = sram_place(&chip.tile, blocks, count);
        assert_true(use.total_bytes >= most_live_bytes(blocks, count));
        assert_true(use.has_region_for_all);
        fitting += use.overflow_bytes == 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct sram_region *region = &chip.tile.regions[blocks[i].region];
            assert_true(sram_region_meets(region, blocks[i].need));
            assert_int_equal(blocks[i].address % SRAM_ALIGN_BYTES, 0);
            assert_true(blocks[i].address + blocks[i].bytes <= region->bytes ||
                        use.overflow_bytes > 0);
            for (uint32_t j = 0; j < i; j++) {
                bool is_apart = blocks[i].region != blocks[j].region ||
                                blocks[i].address >= blocks[j].address + blocks[j].bytes ||
                                blocks[j].address >= blocks[i].address + blocks[i].bytes;
                assert_true(is_apart || !sram_blocks_live_together(&blocks[i], &blocks[j]));
            }
        }
    }
    assert_true(fitting > 200 && fitting < 1900); // the draw reaches both outcomes
}

// As a dense program on GC2: what is live throughout would fill the executable region, and two
// histories leave the other one too small for the sums. It fits with the sums placed first.
static void a_block_that_stuck_out_goes_first_before_a_program_is_refused(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    chip.tile.regions[1].bytes = 1096;
    struct sram_block blocks[] = {
        {.bytes = 96, .last_step = UINT32_MAX, .need = SRAM_NEED_EXECUTABLE}, // code
        {.bytes = 304, .last_step = UINT32_MAX},                              // moments
        {.bytes = 152, .last_step = UINT32_MAX},                              // weights
        {.bytes = 32, .last_step = UINT32_MAX},                               // stacks
        {.bytes = 504, .first_step = 4, .last_step = 35},                     // history
        {.bytes = 504, .first_step = 4, .last_step = 35},                     // history
        {.bytes = 280, .first_step = 31, .last_step = 32},                    // operands
        {.bytes = 152, .first_step = 21, .last_step = 37},                    // sums
    };
    const uint32_t count = sizeof(blocks) / sizeof(blocks[0]);
    struct sram_use use = sram_place(&chip.tile, blocks, count);
    assert_int_equal(use.overflow_bytes, 0);
    assert_int_equal(blocks[0].region, 0); // the only one that may hold code
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            bool is_apart = blocks[i].region != blocks[j].region ||
                            blocks[i].address + blocks[i].bytes <= blocks[j].address ||
                            blocks[j].address + blocks[j].bytes <= blocks[i].address;
            assert_true(is_apart || !sram_blocks_live_together(&blocks[i], &blocks[j]));
        }
    }
    blocks[6].bytes += 48; // 2072 of 2096 bytes in all, but no two sums of sizes fit both regions
    assert_int_not_equal(sram_place(&chip.tile, blocks, count).overflow_bytes, 0);
}

static void tiles_without_anything_use_no_sram(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    struct program *program = make_program();
    add_variable(program, "a", 400, 0, 3); // tiles 2..5
    add_variable(program, "b", 296, 4, 7);
    struct sram_plan *plan = sram_plan_create(program, &chip);
    for (uint32_t tile = 0; tile < TILES; tile++) {
        assert_int_equal(plan->bytes_by_tile[tile], tile >= 2 && tile <= 5 ? 400 : 0);
    }
    sram_plan_destroy(plan);
    program_destroy(program);
}

static void the_plan_of_a_large_chip_is_that_of_a_small_one_with_the_same_lists(void **state)
{
    (void)state;
    struct chip_config chip = bare_chip();
    uint64_t max_bytes[2];
    const uint32_t tiles[2] = {64, 4096};
    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t one = 1;
        struct program *program = program_create("large", tiles[i], 1, 1, 1, &one, &one);
        struct variable variable = {.name = (char *)(uintptr_t) "v",
                                    .place = tile_map_range(0, tiles[i]),
                                    .items = tiles[i],
                                    .bytes_per_item = 64,
                                    .last_step = 3};
        program_add_variable(program, &variable);
        variable.place =
            (struct tile_map){.positions = tiles[i] / 3, .span = tiles[i], .is_spread = true};
        variable.items = tiles[i] / 3;
        program_add_variable(program, &variable);
        struct sram_plan *plan = sram_plan_create(program, &chip);
        max_bytes[i] = plan->max_bytes;
        const uint64_t *by_tile = plan->bytes_by_tile;
        for (uint32_t tile = 0; tile < tiles[i]; tile++) { // the second lies on every third
            assert_int_equal(by_tile[tile], tile % 3 == 0 && tile / 3 < tiles[i] / 3 ? 128 : 64);
        }
        assert_int_equal(plan->tiles_used, tiles[i]);
        sram_plan_destroy(plan);
        program_destroy(program);
    }
    assert_int_equal(max_bytes[0], 128);
    assert_int_equal(max_bytes[1], 128);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_variables_that_are_never_live_together_take_the_space_of_the_larger),
        cmocka_unit_test(two_variables_live_in_one_common_step_take_the_sum),
        cmocka_unit_test(a_variable_that_is_always_live_shares_with_nothing),
        cmocka_unit_test(both_regions_are_used_before_a_program_is_refused),
        cmocka_unit_test(a_refusal_names_tile_region_need_limit_and_the_five_largest_variables),
        cmocka_unit_test(interleaved_variables_lie_in_interleaved_regions_only),
        cmocka_unit_test(a_variable_that_wraps_around_lies_twice_on_its_first_tiles),
        cmocka_unit_test(items_on_a_tile_agree_with_the_map_item_by_item),
        cmocka_unit_test(
            code_states_stacks_and_exchange_code_are_charged_to_the_tiles_that_need_them),
        cmocka_unit_test(code_that_exceeds_the_executable_region_is_refused),
        cmocka_unit_test(no_two_blocks_that_are_live_together_overlap),
        cmocka_unit_test(a_block_that_stuck_out_goes_first_before_a_program_is_refused),
        cmocka_unit_test(tiles_without_anything_use_no_sram),
        cmocka_unit_test(the_plan_of_a_large_chip_is_that_of_a_small_one_with_the_same_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The workload `stencil` over two chips of 16 tiles, by hand. 69 x 35 cells: the first chip has 35
// rows in 4 x 4 tiles, the second 34 in 3 x 5; 35 cells lie along the border between them. Along it
// the tiles 12 to 15 have 9, 9, 9 and 8 columns, the tiles 16 to 20 seven each.
#include "tests/sim/workload_fixture.h"

#include "sim/program.h"
#include "tests/sim/fixture_system.h"

#define IMAGE "{rows: 69, columns: 35, implementation: half4}\n"
#define CELL_BYTES 8u
#define TILES 32u

struct seen {
    uint64_t cells[TILES][TILES]; // from one tile to another, in the exchange between chips
    uint32_t stay;                // messages of it that stay on their chip
};

static void look(void *context, const struct program *program, const struct activity *record)
{
    struct seen *seen = context;
    (void)record;
    assert_int_equal(program->chips, 2);
    const struct exchange_step *exchange = &program->exchanges[0];
    assert_string_equal(exchange->name, "halos between chips");
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        assert_int_equal(flow->kind, FLOW_PAIRS);
        for (uint32_t k = 0; k < flow->source_count; k++) {
            uint32_t from = tile_map_at(&flow->source, flow->first_source + k);
            uint32_t to = tile_map_at(&flow->destination, flow->first_destination + k);
            seen->cells[from][to] += flow->bytes / CELL_BYTES;
            seen->stay += from / program->chip_tiles == to / program->chip_tiles;
        }
    }
}

// result->watch is given. Image of half4 cells.
static void run_on_chips(const char *text, struct workload_result *result, char **why)
{
    struct fixture_system fixture;
    fixture_system_open(&fixture, 2, TOPOLOGY_ALL);
    struct machine_config machine = {.name = (char *)"fixture",
                                     .chip = &fixture.chip,
                                     .system = &fixture.system,
                                     .parallel = {.chips = 2, .replicas = 1}};
    run_workload_at(&machine, &workload_stencil, text, result, why);
    fixture_system_close(&fixture);
}

static uint64_t received(const struct seen *seen, uint32_t to)
{
    uint64_t cells = 0;
    for (uint32_t from = 0; from < TILES; from++) {
        cells += seen->cells[from][to];
    }
    return cells;
}

static void tiles_at_a_border_hear_the_cells_that_their_own_touch(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct workload_result result = {.watch = look, .watch_context = &seen};
    char *why;
    run_on_chips(IMAGE, &result, &why);
    assert_null(why);
    assert_int_equal(seen.stay, 0);
    assert_int_equal(seen.cells[12][16], 8); // columns 0 to 7: its own seven and a corner
    assert_int_equal(seen.cells[12][17], 3); // 6 to 8 of 6 to 14
    assert_int_equal(seen.cells[13][17], 6);
    assert_int_equal(seen.cells[15][20], 8); // 27 to 34: no cell behind the last
    assert_int_equal(seen.cells[16][12], 7); // 0 to 9
    assert_int_equal(seen.cells[17][12], 3);
    const uint64_t down[] = {8, 9, 9, 9, 8}, up[] = {10, 11, 11, 9};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(received(&seen, 16 + i), down[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(received(&seen, 12 + i), up[i]);
    }
    assert_int_equal(received(&seen, 21), 0); // second row of the second chip
    assert_int_equal(received(&seen, 11), 0);
}

// 43 cells go down and 41 up, over links of 2 bytes a cycle, each way its own.
static void halos_between_chips_take_the_links_and_a_sync_over_all(void **state)
{
    (void)state;
    struct workload_result result = {0};
    char *why;
    run_on_chips(IMAGE, &result, &why);
    assert_null(why);
    double cycles = 0;
    const char *const phases[] = {"sync_cycles",   "global_exchange_cycles", "exchange_cycles",
                                  "before_cycles", "compute_cycles",         "after_cycles"};
    for (uint32_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        cycles += workload_quantity(&result, phases[i]);
    }
    assert_true(fabs(workload_quantity(&result, "cycles") - cycles) < 1e-9);
    // a hop of 15, there and back
    assert_true(workload_quantity(&result, "sync_cycles") == 100 + 100 + 30);
    // begin the exchange, leave the chip, the link's way, words
    double links = 50 + 100 + 30 + 43 * CELL_BYTES / 2.0;
    assert_true(workload_quantity(&result, "global_exchange_cycles") == links);
}

// The slower of two chips: the first has blocks of 9 x 9 cells, the second of 12 x 7.
static void the_chip_with_the_slowest_tile_counts(void **state)
{
    (void)state;
    struct workload_result result = {0};
    char *why;
    run_on_chips(IMAGE, &result, &why);
    assert_null(why);
    assert_true(workload_quantity(&result, "cells_per_tile") == 81);
    // as on one chip whose tiles have such blocks: 2 x 9 cells a worker; 12 rows of 7 cells to copy
    expect_quantity(&workload_stencil, "{rows: 36, columns: 36, implementation: half4}\n",
                    "compute_cycles", workload_quantity(&result, "compute_cycles"));
    double copy = 6 * 67 + 12 * 7 * CELL_BYTES / 8 + 6 * 2 * 2;
    assert_true(workload_quantity(&result, "before_cycles") == copy);
}

static void an_image_with_fewer_cells_than_chips_is_refused(void **state)
{
    (void)state;
    struct fixture_system fixture;
    fixture_system_open(&fixture, 4, TOPOLOGY_ALL);
    struct machine_config machine = {.name = (char *)"fixture",
                                     .chip = &fixture.chip,
                                     .system = &fixture.system,
                                     .parallel = {.chips = 4, .replicas = 1}};
    struct workload_result result = {0};
    char *why;
    run_workload_at(&machine, &workload_stencil, "{rows: 3, columns: 3}\n", &result, &why);
    assert_string_equal(why, "4 chips for 3 columns of cells");
    free(why);
    fixture_system_close(&fixture);
}

int main(void)
{
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_at_a_border_hear_the_cells_that_their_own_touch),
        cmocka_unit_test(halos_between_chips_take_the_links_and_a_sync_over_all),
        cmocka_unit_test(the_chip_with_the_slowest_tile_counts),
        cmocka_unit_test(an_image_with_fewer_cells_than_chips_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

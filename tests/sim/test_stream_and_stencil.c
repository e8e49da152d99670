// The workloads `stream` and `stencil` against numbers worked out on paper for a chip of 16 tiles.
#include "tests/sim/workload_fixture.h"

static void expect(const struct workload_result *result, const char *name, double value)
{
    double given = workload_quantity(result, name);
    if (fabs(given - value) > 1e-12 * value) {
        fail_msg("%s is %.17g, not %.17g", name, given, value);
    }
}

static struct workload_result result_of(const struct workload_kind *kind, const char *text)
{
    char *why;
    struct workload_result result = run_workload(kind, text, &why);
    assert_null(why);
    return result;
}

static void a_triad_moves_three_arrays_on_every_tile(void **state)
{
    (void)state;
    struct workload_result result = result_of(&workload_stream, "array_bytes: 2400\n");
    double cycles = 6 * (10 + 7 + 100 * 6); // 100 floats a worker, 6 slots each
    expect(&result, "cycles", cycles);
    expect(&result, "seconds", cycles * 1e-9);
    expect(&result, "bytes_per_second", 16 * 3 * 2400 / (cycles * 1e-9));
}

static void assembly_moves_24_bytes_in_a_cycle_but_for_its_start(void **state)
{
    (void)state;
    struct workload_result result =
        result_of(&workload_stream, "{implementation: assembly, array_bytes: 16800}\n");
    // 350 vectors a worker, each in one slot
    expect(&result, "bytes_per_cycle_and_tile", 24.0 * 350 / (350 + 17));
}

static void arrays_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    expect_refused(&workload_stream, "array_bytes: 21848\n", // 3 x: 8 too many
                   "3 arrays of 21848 bytes do not fit into the 65536 bytes of a tile");
    result_of(&workload_stream, "{kernel: copy, array_bytes: 21848}\n");
}

// 24 x 40 cells on 16 tiles: 6 columns and 2 rows of tiles, blocks of 12 x 7, strips of 2 x 7.
static void a_stencil_step_has_its_phases(void **state)
{
    (void)state;
    struct workload_result result =
        result_of(&workload_stencil, "{rows: 24, columns: 40, implementation: half4}\n");
    expect(&result, "cells_per_tile", 84);
    expect(&result, "sync_cycles", 100);
    // a tile with five neighbours: 12 + 12 + 7 + 1 + 1 cells of 8 bytes at 4 bytes a cycle
    expect(&result, "exchange_cycles", 60 + 33 * 2);
    // 672 bytes at 8 a cycle; eleven further rows, two of them on one worker
    expect(&result, "before_cycles", 6 * 67 + 84 + 6 * 2 * 2);
    expect(&result, "after_cycles", 6 * 67 + 84 + 6 * 2 * 2);
    // start and 12 fields; two rows of five cells and their addresses; four corners
    expect(&result, "compute_cycles", 6 * (22 + 2 * (9 + 5 * 13) + 4 * (11 + 9)));
}

static void the_phases_add_up_to_the_step(void **state)
{
    (void)state;
    struct workload_result result =
        result_of(&workload_stencil, "{rows: 100, columns: 90, iterations: 7}\n");
    double cycles =
        workload_quantity(&result, "sync_cycles") + workload_quantity(&result, "exchange_cycles") +
        workload_quantity(&result, "before_cycles") + workload_quantity(&result, "compute_cycles") +
        workload_quantity(&result, "after_cycles");
    expect(&result, "cycles", 7 * cycles);
    expect(&result, "seconds", 7 * cycles * 1e-9);
}

static void a_picture_too_large_or_too_small_is_refused(void **state)
{
    (void)state;
    expect_refused(&workload_stencil, "{rows: 300, columns: 300}\n",
                   "two blocks of 90000 bytes do not fit into the 65536 bytes of a tile");
    expect_refused(&workload_stencil, "{rows: 24, columns: 24}\n",
                   "a worker's 1 x 6 cells are no block: it needs 2 x 2 or more");
}

int main(void)
{
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_triad_moves_three_arrays_on_every_tile),
        cmocka_unit_test(assembly_moves_24_bytes_in_a_cycle_but_for_its_start),
        cmocka_unit_test(arrays_that_do_not_fit_are_refused),
        cmocka_unit_test(a_stencil_step_has_its_phases),
        cmocka_unit_test(the_phases_add_up_to_the_step),
        cmocka_unit_test(a_picture_too_large_or_too_small_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

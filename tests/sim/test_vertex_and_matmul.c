// The workloads `vertex` and `matmul` against numbers worked out on paper for a chip of 16 tiles.
#include "tests/sim/config_fixture.h"

#include <math.h>

#include "sim/workload/workload.h"
#include "tests/sim/fixture_chip.h"

struct yield {
    struct workload_result result;
    bool is_done;
    char *why; // owned
};

// text: the keys of the section `workload`, without `kind`.
static struct yield run_on(const struct workload_kind *kind, const char *text, uint32_t tiles)
{
    write_text("workload.yaml", text);
    struct err *err = err_create();
    struct config *config = config_create();
    const struct node *root = config_read(config, "workload.yaml", NULL, err);
    void *workload = xcalloc(1, kind->config_bytes);
    assert_true(root != NULL && config_bind(config, kind->keys, root, "", workload, err));
    struct chip_config chip = fixture_chip();
    chip.tiles = tiles;
    struct machine_config machine = {.name = (char *)"fixture", .chip = &chip};
    struct yield yield = {.why = NULL};
    yield.is_done = kind->run(workload, &machine, &yield.result, &yield.why);
    config_free(kind->keys, workload);
    free(workload);
    config_destroy(config);
    err_destroy(err);
    return yield;
}

static double quantity(const struct workload_kind *kind, const char *text, uint32_t tiles,
                       const char *name)
{
    struct yield yield = run_on(kind, text, tiles);
    assert_true(yield.is_done);
    for (uint32_t i = 0; i < yield.result.quantity_count; i++) {
        if (strcmp(yield.result.quantities[i].name, name) == 0) {
            return yield.result.quantities[i].value;
        }
    }
    fail_msg("no quantity '%s'", name);
    return 0;
}

static void assert_cycles(const struct workload_kind *kind, const char *text, uint32_t tiles,
                          double cycles)
{
    double given = quantity(kind, text, tiles, "cycles");
    if (given != cycles) {
        fail_msg("%s takes %g cycles, not %g", text, given, cycles);
    }
}

static void assert_refused(const struct workload_kind *kind, const char *text, const char *why)
{
    struct yield yield = run_on(kind, text, 16);
    assert_false(yield.is_done);
    assert_string_equal(yield.why, why);
    free(yield.why);
}

// --- vertex -------------------------------------------------------------------------------------
static void a_seventh_vertex_waits_for_a_worker(void **state)
{
    (void)state;
    // 23 + 50 slots each
    assert_cycles(&workload_vertex, "{codelet: memset, sizes: [100], vertices: 6}", 16, 6 * 73);
    assert_cycles(&workload_vertex, "{codelet: memset, sizes: [100], vertices: 7, tiles: 16}", 16,
                  6 * 146);
}

static void counts_and_hits_are_those_of_every_vertex(void **state)
{
    (void)state;
    // 10 to start, 5 a flag, 3 a flag set; twice on the first worker
    assert_cycles(&workload_vertex,
                  "{codelet: compact_flags, count: 40, hits: 3, vertices: 8, tiles: 3}", 16,
                  6 * 2 * (10 + 40 * 5 + 3 * 3));
    assert_cycles(&workload_vertex, "{codelet: combine_parts, hits: 7}", 16, 6 * (10 + 7 * 4));
}

static void a_raw_figure_has_the_counter_in_it(void **state)
{
    (void)state;
    assert_cycles(&workload_vertex, "{codelet: scaled_add, sizes: [64], counter_cycles: 45}", 16,
                  333 + 45);
    // 333 cycles at 1 GHz, 128 operations on 16 tiles
    double rate =
        quantity(&workload_vertex, "{codelet: scaled_add, sizes: [64], tiles: 16, flop: 128}", 16,
                 "flop_per_second");
    assert_true(fabs(rate / (16 * 128 / 333e-9) - 1) < 1e-12);
}

static void a_vertex_that_nothing_is_known_of_is_refused(void **state)
{
    (void)state;
    assert_refused(&workload_vertex,
                   "{codelet: binary_op, sizes: [96], type: float16, operation: power}",
                   "no source gives the cost of binary_op for operation power, type float16 and "
                   "these sizes");
    assert_refused(&workload_vertex, "{codelet: fill, sizes: [96], type: float16}",
                   "fill has no type and no operation; its sizes: words");
    assert_refused(&workload_vertex, "{codelet: fill, sizes: [96], hits: 2}",
                   "fill has no dynamic count or hits");
    assert_refused(&workload_vertex, "{codelet: compact_flags, count: 2, hits: 3}",
                   "compact_flags: 3 hits are more than the 2 ids that it counts");
    assert_refused(&workload_vertex, "{codelet: fill, sizes: [96], tiles: 17}",
                   "17 tiles are more than the chip's 16");
}

static void sizes_that_no_vertex_can_have_are_refused(void **state)
{
    (void)state;
    assert_refused(&workload_vertex, "{codelet: scaled_add, sizes: []}",
                   "scaled_add: the size 'elements' is 0; it is at least 1");
    assert_refused(&workload_vertex, "{codelet: reduce_many, sizes: [4, 0]}",
                   "reduce_many: the size 'outputs' is 0; it is at least 1");
    assert_refused(&workload_vertex, "{codelet: matmul_partial, sizes: [16, 16, 16, 9]}",
                   "matmul_partial: the size 'bytes per element (2 or 4)' is 9");
    assert_refused(&workload_vertex, "{codelet: scaled_add, sizes: [4294967295]}",
                   "scaled_add: the size 'elements' is 4294967295; at most 16384 lie in a tile "
                   "of 65536 bytes");
    assert_refused(&workload_vertex, "{codelet: scaled_add_2d, sizes: [128, 0, 129]}",
                   "scaled_add_2d: the size 'rows' is 129; at most 128 lie in a tile of 65536 "
                   "bytes");
    assert_refused(&workload_vertex, "{codelet: reduce_scalar, sizes: [64, 2]}",
                   "reduce_scalar: the size 'interleaved 0/1' is 2");
    assert_refused(&workload_vertex, "{codelet: fill, sizes: [96, 1]}",
                   "2 sizes are given, and fill takes 1: words");
    // as large as the tile, and 0 where it says something
    quantity(&workload_vertex, "{codelet: scaled_add, sizes: [16384]}", 16, "cycles");
    quantity(&workload_vertex, "{codelet: transpose, sizes: [16, 16]}", 16, "cycles");
    quantity(&workload_vertex, "{codelet: cast, sizes: [600]}", 16, "cycles");
}

// --- matmul -------------------------------------------------------------------------------------
static void a_product_on_one_tile_is_one_vertex(void **state)
{
    (void)state;
    // 18 rows of 8 terms, 16 columns: 3 rows a worker. 50 + 13 + 11 + 18 + 7 + 64 + 6 * (46 + 2 +
    // 24) + 14
    assert_cycles(&workload_matmul, "{m: 18, k: 8, n: 16}", 1, 609);
}

static void operands_that_lie_elsewhere_are_sent_first(void **state)
{
    (void)state;
    const char *in_place = "{m: 256, k: 128, n: 16, type: float16}";
    const char *elsewhere = "{m: 256, k: 128, n: 16, type: float16, in_place: false}";
    assert_true(quantity(&workload_matmul, elsewhere, 16, "cycles") >
                quantity(&workload_matmul, in_place, 16, "cycles"));
    assert_true(quantity(&workload_matmul, elsewhere, 16, "exchange_share") >
                quantity(&workload_matmul, in_place, 16, "exchange_share"));
}

// C alone is 4 MiB of float32 in 1 MiB.
static void a_product_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct yield yield = run_on(&workload_matmul, "{m: 1024, k: 8, n: 1024}", 16);
    assert_false(yield.is_done);
    assert_non_null(strstr(yield.why, "bytes a tile of 65536"));
    free(yield.why);
}

// 64 MiB of operations at 32 FLOP a cycle and tile is the most that 16 tiles can do.
static void no_product_beats_the_peak(void **state)
{
    (void)state;
    double rate = quantity(&workload_matmul, "{m: 256, k: 256, n: 256}", 16, "flop_per_second");
    assert_true(rate < 16 * 32 * 1e9);
    assert_true(rate > 16 * 32 * 1e9 * 0.3);
}

int main(void)
{
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seventh_vertex_waits_for_a_worker),
        cmocka_unit_test(counts_and_hits_are_those_of_every_vertex),
        cmocka_unit_test(a_raw_figure_has_the_counter_in_it),
        cmocka_unit_test(a_vertex_that_nothing_is_known_of_is_refused),
        cmocka_unit_test(sizes_that_no_vertex_can_have_are_refused),
        cmocka_unit_test(a_product_on_one_tile_is_one_vertex),
        cmocka_unit_test(operands_that_lie_elsewhere_are_sent_first),
        cmocka_unit_test(a_product_that_does_not_fit_is_refused),
        cmocka_unit_test(no_product_beats_the_peak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Where neurons, compaction and reduction of the sparse program lie on one chip.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"
#include "workloads/lower/placement.h"

static void compaction_takes_as_many_tiles_as_the_published_log_says(void **state)
{
    (void)state;
    static const uint32_t published[4][6] = {
        {4, 4, 1}, {3, 3, 3, 1}, {2, 2, 2, 2, 1}, {2, 2, 2, 2, 2, 1}};
    for (uint32_t hidden = 2; hidden <= 5; hidden++) {
        struct fixture fixture = fixture_published(hidden, 0.05);
        for (uint32_t l = 1; l < fixture.layer_count; l++) {
            assert_int_equal(placement_parts(fixture.neurons[l], 6), published[hidden - 2][l - 1]);
        }
    }
}

static void one_worker_too_many_does_not_ask_for_another_tile(void **state)
{
    (void)state;
    assert_int_equal(placement_parts(7 * 64, 6), 1);      // seven workers' flags on six
    assert_int_equal(placement_parts(8 * 64, 6), 2);      // two left over
    assert_int_equal(placement_parts(7 * 64 + 33, 6), 2); // more than half a worker's flags
    assert_int_equal(placement_parts(1, 6), 1);
}

static struct placement *place(const struct fixture *fixture, char **why)
{
    struct placement_request request = {.layer_count = fixture->layer_count,
                                        .neurons = fixture->neurons,
                                        .slots = fixture->slots,
                                        .batch = fixture->batch,
                                        .tiles = fixture->tiles,
                                        .contexts = 6};
    return placement_create(&request, why);
}

static void two_neurons_a_tile_fill_the_chip_but_tile_0(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    char *why = NULL;
    struct placement *placement = place(&fixture, &why);
    assert_int_equal(placement->neurons_per_tile, 2);
    assert_int_equal(placement->layers[1].first_tile, 1);
    assert_int_equal(placement->layers[1].tiles, 733);
    assert_int_equal(placement->layers[2].first_tile, 734);
    assert_int_equal(placement->layers[3].first_tile, 1467);
    assert_int_equal(placement->layers[3].tiles, 5);
    placement_destroy(placement);
}

static void neurons_per_tile_rise_in_twos_until_all_layers_fit(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    char *why = NULL;
    fixture.neurons[1] = 1468; // one tile too many
    struct placement *placement = place(&fixture, &why);
    assert_int_equal(placement->neurons_per_tile, 4);
    assert_int_equal(placement->layers[1].tiles, 367);
    assert_int_equal(placement->layers[2].tiles, 367);
    placement_destroy(placement);
    fixture.neurons[1] = 5 * 1466;
    placement = place(&fixture, &why);
    assert_int_equal(placement->neurons_per_tile, 6);
    assert_int_equal(placement->layers[1].tiles, 1222);
    placement_destroy(placement);
}

static void more_layers_than_tiles_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(5, 0.05);
    char *why = NULL;
    fixture.tiles = 7; // six layers and tile 0
    struct placement *placement = place(&fixture, &why);
    assert_non_null(placement);
    placement_destroy(placement);
    fixture.tiles = 6;
    assert_null(fixture_lower(&fixture, LOWERING_SPARSE, &why));
    assert_string_equal(why,
                        "6 layers need a tile each, and tile 0 is left free: the chip has 6 tiles");
    free(why);
}

static void reduction_tiles_are_shared_by_the_published_rule_without_overlap(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(5, 0.05);
    char *why = NULL;
    struct placement *placement = place(&fixture, &why);
    uint32_t next = 1;
    for (uint32_t l = 2; l <= 6; l++) {
        assert_int_equal(placement->layers[l].reduce_first_tile, next);
        next += placement->layers[l].reduce_tiles;
    }
    assert_int_equal(next, 1472);
    // 293^0.8 against 5^0.8, equal slots: 94.1 to 3.6, so 364.3 and 14.0 tiles of 1471
    assert_in_range(placement->layers[3].reduce_tiles, 364, 365);
    assert_int_equal(placement->layers[6].reduce_tiles, 14);
    placement_destroy(placement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_takes_as_many_tiles_as_the_published_log_says),
        cmocka_unit_test(one_worker_too_many_does_not_ask_for_another_tile),
        cmocka_unit_test(two_neurons_a_tile_fill_the_chip_but_tile_0),
        cmocka_unit_test(neurons_per_tile_rise_in_twos_until_all_layers_fit),
        cmocka_unit_test(more_layers_than_tiles_are_refused_with_a_reason),
        cmocka_unit_test(reduction_tiles_are_shared_by_the_published_rule_without_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

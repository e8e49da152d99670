// Costs of codelets against numbers worked out by hand from the published formulas.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/sim/fixture_chip.h"
#include "tiles/codelets/codelets.h"

static uint64_t alone(enum codelet codelet, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    struct chip_config chip = fixture_chip();
    const uint32_t sizes[VERTEX_SIZES] = {a, b, c, d};
    return vertex_cycles_alone(codelet, sizes, &chip);
}

static struct vertex_cost cost_of(enum codelet codelet, uint32_t a, uint32_t b, uint32_t c)
{
    struct chip_config chip = fixture_chip();
    const uint32_t sizes[VERTEX_SIZES] = {a, b, c, 0};
    return vertex_cost(codelet, sizes, &chip);
}

static void a_slice_takes_25_and_6_times_39_and_24_and_2_per_vector(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_slice, 96, 1, 0, 0), 25 + 6 * (39 + 24 + 2 * 8));
    assert_int_equal(alone(CODELET_slice, 1, 1, 0, 0), 403);
    assert_int_equal(alone(CODELET_slice, 96, 3, 0, 0), 979);
}

static void elementwise_follows_the_library_formula_of_each_form(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_elementwise, 96, 1, 0, 0), 227); // 11 + 6 * (20 + 8 * 2)
    assert_int_equal(alone(CODELET_elementwise, 96, 1, 1, 0), 227);
    assert_int_equal(alone(CODELET_elementwise, 96, 2, 0, 0), 329); // 11 + 6 * (29 + 8 * 3)
    assert_int_equal(alone(CODELET_elementwise, 96, 2, 1, 0), 503); // 11 + 6 * (58 + 8 * 3)
    assert_int_equal(alone(CODELET_elementwise, 97, 1, 0, 0), 239); // one vector more for all
}

static void a_fused_vertex_pays_the_longer_of_memory_and_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_fused_elementwise, 96, 3, 2, 4), 11 + 6 * (10 + 8 * 6));
    assert_int_equal(alone(CODELET_fused_elementwise, 96, 3, 2, 9), 11 + 6 * (10 + 8 * 10));
}

static void casts_fills_and_copies_follow_their_formulas(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_cast, 96, 0, 0, 0), 282); // 12 + 6 * (19 + 8 + 18)
    assert_int_equal(alone(CODELET_fill, 100, 0, 0, 0), 84); // 6 * (5 + 9)
    assert_int_equal(alone(CODELET_fill, 2, 0, 0, 0), 42);   // at least two grains
    assert_int_equal(alone(CODELET_on_tile_copy, 4800, 1, 0, 0), 402 + 600);
    assert_int_equal(alone(CODELET_on_tile_copy, 4800, 13, 0, 0), 402 + 600 + 6 * 2 * 2);
    assert_int_equal(alone(CODELET_transpose, 2, 2, 0, 0), 181); // 7 + 6 * 29
    assert_int_equal(alone(CODELET_transpose, 8, 8, 0, 0), 721); // 7 + 6 * (47 + 4 * 18)
    assert_int_equal(alone(CODELET_transpose, 8, 2, 0, 0), 7 + 6 * (62 + 3 * 2));
}

// The library's estimate for one tile, as checked against hardware: 41 cycles less at each size (ipu-214).
static void sgd_is_one_scaled_add(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_optimizer, 64, 0, 0, 0), 291);
    assert_int_equal(alone(CODELET_optimizer, 128, 0, 0, 0), 381);
    assert_int_equal(alone(CODELET_optimizer, 256, 0, 0, 0), 579);
    assert_int_equal(alone(CODELET_optimizer, 512, 0, 0, 0), 957);
}

static void adam_is_three_scaled_adds_and_five_operations(void **state)
{
    (void)state;
    // 64 elements: 6 vectors a worker; scaled add 39 slots
    assert_int_equal(alone(CODELET_optimizer, 64, 1, 0, 0),
                     3 * 57 + 5 * 11 + 6 * (3 * 39 + 100 + 6 * 26));
}

// Measured on Bow for N x 16 by 16 x 16 in float16: 461.4, 716, 8525 cycles for N = 32, 96, 2048.
static void a_float16_product_is_within_one_percent_of_hardware(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_matmul_partial, 32, 16, 16, 2), 457);
    assert_int_equal(alone(CODELET_matmul_partial, 96, 16, 16, 2), 711);
    assert_int_equal(alone(CODELET_matmul_partial, 2048, 16, 16, 2), 8521);
}

static void a_float16_product_settles_at_64_macs_per_cycle(void **state)
{
    (void)state;
    uint64_t small = alone(CODELET_matmul_partial, 600, 16, 16, 2);
    uint64_t large = alone(CODELET_matmul_partial, 1200, 16, 16, 2);
    assert_int_equal(large - small, 600 * 16 * 16 / 64);
}

static void further_input_channels_add_passes_that_read_the_partials(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_matmul_partial, 96, 32, 16, 2), 1345);
    assert_int_equal(alone(CODELET_matmul_partial, 96, 8, 16, 4), 1899); // float32: 8 x 16 a pass
}

static void without_a_matrix_unit_a_product_is_dot_products(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.matrix = (struct matrix_config){0};
    const uint32_t sizes[VERTEX_SIZES] = {12, 8, 5, 4}; // 10 outputs a worker, 3 + 4 slots each
    assert_int_equal(vertex_cycles_alone(CODELET_matmul_partial, sizes, &chip), 48 + 6 * 70);
}

static void library_scalars_and_reductions_follow_their_formulas(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_random_uniform, 100, 0, 0, 0), 436); // 4 + 6 * (22 + 50)
    assert_int_equal(alone(CODELET_loop_counter, 0, 0, 0, 0), 258);
    assert_int_equal(alone(CODELET_reduce_many, 31, 4, 0, 0), 588); // 6 * (16 + 2 * 41)
    assert_int_equal(alone(CODELET_softmax_loss, 10, 6, 0, 0), 1109);
    assert_int_equal(alone(CODELET_softmax_loss, 10, 7, 0, 0), 1109 + 6 * 173); // a second row
}

static void sparse_codelets_are_linear_in_what_the_record_says(void **state)
{
    (void)state;
    struct vertex_cost cost = cost_of(CODELET_lif_update, 2, 5, 4);
    assert_int_equal(cost.fixed_millislots, 1000 * (10 + 2 * (5 + 4 + 1 + 3)));
    assert_int_equal(cost.count_millislots, 2000);
    assert_int_equal(cost_of(CODELET_lif_update, 4, 5, 4).count_millislots, 4000);
    assert_int_equal(cost_of(CODELET_threshold_flags, 0, 0, 0).fixed_millislots, 20000);
    cost = cost_of(CODELET_compact_flags, 0, 0, 0);
    assert_int_equal(cost.count_millislots, 5000);
    assert_int_equal(cost.hit_millislots, 3000);
    cost = cost_of(CODELET_state_gradient, 2, 0, 0);
    assert_int_equal(cost.count_millislots, 5000);
    assert_int_equal(cost.hit_millislots, 40000);
    assert_int_equal(cost_of(CODELET_weight_gradient, 4, 0, 0).count_millislots, 12000);
    assert_int_equal(cost_of(CODELET_spike_gradient, 4, 0, 0).count_millislots, 14000);
    assert_int_equal(cost_of(CODELET_combine_samples, 8, 0, 0).fixed_millislots, 42000);
    assert_int_equal(cost_of(CODELET_scatter_ids, 100, 0, 0).fixed_millislots, 83000);
}

static void a_live_reduction_costs_its_pairs_and_a_dead_one_its_exit(void **state)
{
    (void)state;
    struct vertex_cost cost = cost_of(CODELET_reduce_stage1, 24, 0, 0);
    assert_int_equal(cost.fixed_millislots, 8000);
    assert_int_equal(cost.fixed_millislots + cost.hit_millislots, 15000 + 12 * 2500);
}

static void a_correction_adds_tile_cycles_and_never_goes_below_nothing(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    const uint32_t sizes[VERTEX_SIZES] = {96, 1, 0, 0};
    chip.corrections[CODELET_slice] = 40.6;
    assert_int_equal(vertex_cycles_alone(CODELET_slice, sizes, &chip), 499 + 41);
    chip.corrections[CODELET_slice] = -10000;
    assert_int_equal(vertex_cycles_alone(CODELET_slice, sizes, &chip), 499 - 25);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_takes_25_and_6_times_39_and_24_and_2_per_vector),
        cmocka_unit_test(elementwise_follows_the_library_formula_of_each_form),
        cmocka_unit_test(a_fused_vertex_pays_the_longer_of_memory_and_arithmetic),
        cmocka_unit_test(casts_fills_and_copies_follow_their_formulas),
        cmocka_unit_test(sgd_is_one_scaled_add),
        cmocka_unit_test(adam_is_three_scaled_adds_and_five_operations),
        cmocka_unit_test(a_float16_product_is_within_one_percent_of_hardware),
        cmocka_unit_test(a_float16_product_settles_at_64_macs_per_cycle),
        cmocka_unit_test(further_input_channels_add_passes_that_read_the_partials),
        cmocka_unit_test(without_a_matrix_unit_a_product_is_dot_products),
        cmocka_unit_test(library_scalars_and_reductions_follow_their_formulas),
        cmocka_unit_test(sparse_codelets_are_linear_in_what_the_record_says),
        cmocka_unit_test(a_live_reduction_costs_its_pairs_and_a_dead_one_its_exit),
        cmocka_unit_test(a_correction_adds_tile_cycles_and_never_goes_below_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

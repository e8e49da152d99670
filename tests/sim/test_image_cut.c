// Images dealt by hand: to chips, to a grid of tiles, to workers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/workload/image_cut.h"

static void expect_part(const struct image_part *part, uint32_t rows, uint32_t columns,
                        uint32_t grid_rows, uint32_t grid_columns)
{
    assert_int_equal(part->rows, rows);
    assert_int_equal(part->columns, columns);
    assert_int_equal(part->grid_rows, grid_rows);
    assert_int_equal(part->grid_columns, grid_columns);
}

static void pieces_fill_the_whole_and_the_longer_come_first(void **state)
{
    (void)state;
    const uint32_t begins[] = {0, 3, 6, 8, 10, 12}; // 12 cells in five
    for (uint32_t i = 0; i <= 5; i++) {
        assert_int_equal(image_piece_begin(12, 5, i), begins[i]);
    }
}

// ceil(sqrt(1216 x 4 / 3)) = 41 columns of tiles, 29 rows of them in 1216 tiles.
static void one_chip_has_the_whole_image_in_nearly_square_blocks(void **state)
{
    (void)state;
    struct image_cut cut = image_cut_make(1944, 2592, 1, 1216);
    struct image_part part = image_part_of(&cut, 0);
    expect_part(&part, 1944, 2592, 29, 41);
    assert_int_equal(part.block_rows, 68);
    assert_int_equal(part.block_columns, 64);
}

// 162 columns each; a twelfth as wide as tall: ceil(sqrt(1216 / 12)) = 11 columns of tiles.
static void sixteen_chips_have_strips_of_columns(void **state)
{
    (void)state;
    struct image_cut cut = image_cut_make(1944, 2592, 16, 1216);
    assert_false(cut.is_by_rows);
    for (uint32_t chip = 0; chip < 16; chip++) {
        struct image_part part = image_part_of(&cut, chip);
        expect_part(&part, 1944, 162, 110, 11);
        assert_int_equal(part.block_rows, 18);
        assert_int_equal(part.block_columns, 15);
    }
}

static void chips_have_strips_of_rows_where_those_are_more_even(void **state)
{
    (void)state;
    struct image_cut cut = image_cut_make(69, 35, 2, 16); // one left of 69 is less than one of 35
    assert_true(cut.is_by_rows);
    struct image_part first = image_part_of(&cut, 0), second = image_part_of(&cut, 1);
    expect_part(&first, 35, 35, 4, 4);
    expect_part(&second, 34, 35, 3, 5); // a little wider than tall
    cut = image_cut_make(35, 69, 2, 16);
    assert_false(cut.is_by_rows);
    first = image_part_of(&cut, 0);
    assert_int_equal(first.columns, 35);
}

static void a_grid_has_no_tiles_without_cells(void **state)
{
    (void)state;
    struct image_cut cut = image_cut_make(3, 2, 1, 1216);
    struct image_part part = image_part_of(&cut, 0);
    expect_part(&part, 3, 2, 3, 2);
    assert_int_equal(part.block_rows * part.block_columns, 1);
}

static void more_chips_than_cells_are_impossible(void **state)
{
    (void)state;
    struct image_cut enough = image_cut_make(4, 4, 4, 16), one_less = image_cut_make(3, 3, 4, 16);
    assert_true(image_cut_is_possible(&enough));
    assert_false(image_cut_is_possible(&one_less));
}

static void expect_strips(uint32_t block_rows, uint32_t block_columns, uint32_t count,
                          uint32_t rows, uint32_t columns)
{
    struct image_strips strips = image_strips_of(block_rows, block_columns, 6);
    assert_int_equal(strips.count, count);
    assert_int_equal(strips.rows, rows);
    assert_int_equal(strips.columns, columns);
}

static void workers_have_rows_unless_a_block_is_six_times_as_wide_as_tall(void **state)
{
    (void)state;
    expect_strips(18, 15, 6, 3, 15);
    expect_strips(17, 15, 6, 3, 15); // columns would come out more even
    expect_strips(4, 23, 4, 1, 23);
    expect_strips(4, 24, 6, 4, 4);
    expect_strips(1, 3, 1, 1, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_fill_the_whole_and_the_longer_come_first),
        cmocka_unit_test(one_chip_has_the_whole_image_in_nearly_square_blocks),
        cmocka_unit_test(sixteen_chips_have_strips_of_columns),
        cmocka_unit_test(chips_have_strips_of_rows_where_those_are_more_even),
        cmocka_unit_test(a_grid_has_no_tiles_without_cells),
        cmocka_unit_test(more_chips_than_cells_are_impossible),
        cmocka_unit_test(workers_have_rows_unless_a_block_is_six_times_as_wide_as_tall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

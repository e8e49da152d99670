// Tables of the terminal, and numbers with their units.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/table.h"

static void seconds_are_shown_in_the_unit_that_fits(void **state)
{
    (void)state;
    char text[UNIT_TEXT_BYTES];
    assert_string_equal(text_of_seconds(text, 0), "0 s");
    assert_string_equal(text_of_seconds(text, 2.5e-9), "2.5 ns");
    assert_string_equal(text_of_seconds(text, 1.5e-6), "1.50 us");
    assert_string_equal(text_of_seconds(text, 1.2345e-3), "1.234 ms");
    assert_string_equal(text_of_seconds(text, 12), "12.00 s");
}

static void bytes_are_shown_in_binary_units(void **state)
{
    (void)state;
    char text[UNIT_TEXT_BYTES];
    assert_string_equal(text_of_bytes(text, 1023), "1023 B");
    assert_string_equal(text_of_bytes(text, 624 * 1024), "624.0 KiB");
    assert_string_equal(text_of_bytes(text, 80ull << 30), "80.0 GiB");
}

static void thousands_are_set_apart(void **state)
{
    (void)state;
    char text[UNIT_TEXT_BYTES];
    assert_string_equal(text_of_count(text, 0), "0");
    assert_string_equal(text_of_count(text, 999), "999");
    assert_string_equal(text_of_count(text, 1000), "1,000");
    assert_string_equal(text_of_count(text, 1234567.4), "1,234,567");
    assert_string_equal(text_of_count(text, 1e25), "1e+25");
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    struct table *table = table_create(2);
    table_add(table, "name");
    table_add(table, "n");
    table_add(table, "a");
    table_add_count(table, 1000);
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    table_print(table, stream, false);
    fclose(stream);
    table_destroy(table);
    assert_string_equal(text, "  name      n\n"
                              "  a     1,000\n");
    free(text);
}

static char *print(struct table *table)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    table_print(table, stream, false);
    fclose(stream);
    table_destroy(table);
    return text;
}

static struct table *three_columns(void)
{
    const char *const cells[] = {
        "variable", "tiles", "role", "weights of the first layer", "733", "p", "µ", "1", "state"};
    struct table *table = table_create(3);
    for (uint32_t i = 0; i < 9; i++) {
        table_add(table, "%s", cells[i]);
    }
    table_align_left(table, 2);
    return table;
}

static void a_text_column_is_aligned_left_and_characters_count(void **state)
{
    (void)state;
    char *text = print(three_columns());
    assert_string_equal(text, "  variable                    tiles  role\n"
                              "  weights of the first layer    733  p\n"
                              "  µ                               1  state\n");
    free(text);
}

static void a_table_that_is_too_wide_loses_columns_then_names(void **state)
{
    (void)state;
    const uint32_t droppable[] = {2};
    struct table *table = three_columns();
    table_fit(table, 42, droppable, 1); // it is 42 wide
    char *text = print(table);
    assert_non_null(strstr(text, "role"));
    free(text);
    table = three_columns();
    table_fit(table, 41, droppable, 1);
    text = print(table);
    assert_string_equal(text, "  variable                    tiles\n"
                              "  weights of the first layer    733\n"
                              "  µ                               1\n"
                              "  (a wider terminal also shows: role)\n");
    free(text);
    table = three_columns();
    table_fit(table, 30, droppable, 1);
    text = print(table);
    assert_string_equal(text, "  variable               tiles\n"
                              "  weights of the first~    733\n"
                              "  µ                          1\n"
                              "  (a wider terminal also shows: role)\n");
    free(text);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_shown_in_the_unit_that_fits),
        cmocka_unit_test(bytes_are_shown_in_binary_units),
        cmocka_unit_test(thousands_are_set_apart),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_text_column_is_aligned_left_and_characters_count),
        cmocka_unit_test(a_table_that_is_too_wide_loses_columns_then_names),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

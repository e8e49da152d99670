// Tables of the terminal, and numbers with their units.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

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

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_shown_in_the_unit_that_fits),
        cmocka_unit_test(bytes_are_shown_in_binary_units),
        cmocka_unit_test(thousands_are_set_apart),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

#include "report/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

struct table {
    uint32_t columns;
    uint32_t cell_count, cell_capacity;
    char **cells; // owned, and each
};

struct table *table_create(uint32_t columns)
{
    struct table *table = xcalloc(1, sizeof(*table));
    table->columns = columns;
    return table;
}

void table_destroy(struct table *table)
{
    if (table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
}

void table_add(struct table *table, const char *format, ...)
{
    if (table->cell_count == table->cell_capacity) {
        table->cell_capacity = table->cell_capacity * 2 + 64;
        table->cells = xrealloc(table->cells, table->cell_capacity * sizeof(*table->cells));
    }
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    SIM_ASSERT(length >= 0, "out of memory");
    table->cells[table->cell_count++] = text;
}

void table_add_seconds(struct table *table, double seconds)
{
    char text[UNIT_TEXT_BYTES];
    table_add(table, "%s", text_of_seconds(text, seconds));
}

void table_add_bytes(struct table *table, uint64_t bytes)
{
    char text[UNIT_TEXT_BYTES];
    table_add(table, "%s", text_of_bytes(text, bytes));
}

void table_add_count(struct table *table, double count)
{
    char text[UNIT_TEXT_BYTES];
    table_add(table, "%s", text_of_count(text, count));
}

void table_print(const struct table *table, FILE *stream, bool has_colour)
{
    uint32_t columns = table->columns;
    size_t *widths = xcalloc(columns, sizeof(*widths));
    for (uint32_t i = 0; i < table->cell_count; i++) {
        widths[i % columns] = max_u64(widths[i % columns], strlen(table->cells[i]));
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        uint32_t column = i % columns;
        int width = (int)widths[column];
        bool is_heading = i < columns && has_colour;
        if (column == 0) {
            fprintf(stream, "%s  %-*s", is_heading ? "\033[2m" : "", width, table->cells[i]);
        } else {
            fprintf(stream, "  %*s", width, table->cells[i]);
        }
        if (column + 1 == columns) {
            fprintf(stream, "%s\n", is_heading ? "\033[0m" : "");
        }
    }
    free(widths);
}

const char *text_of_seconds(char *text, double seconds)
{
    double size = fabs(seconds);
    if (size == 0) {
        snprintf(text, UNIT_TEXT_BYTES, "0 s");
    } else if (size < 1e-6) {
        snprintf(text, UNIT_TEXT_BYTES, "%.1f ns", seconds * 1e9);
    } else if (size < 1e-3) {
        snprintf(text, UNIT_TEXT_BYTES, "%.2f us", seconds * 1e6);
    } else if (size < 1) {
        snprintf(text, UNIT_TEXT_BYTES, "%.3f ms", seconds * 1e3);
    } else {
        snprintf(text, UNIT_TEXT_BYTES, "%.2f s", seconds);
    }
    return text;
}

const char *text_of_bytes(char *text, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    uint32_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, UNIT_TEXT_BYTES, "%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
    return text;
}

const char *text_of_count(char *text, double count)
{
    char digits[UNIT_TEXT_BYTES];
    int length = snprintf(digits, sizeof(digits), "%.0f", count);
    if (length > 20 || count < 0) { // beyond reading digit by digit
        snprintf(text, UNIT_TEXT_BYTES, "%.3g", count);
        return text;
    }
    char *out = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

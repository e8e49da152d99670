#include "report/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

struct column {
    uint32_t width; // characters of the widest cell
    uint32_t limit; // characters shown; 0: all
    bool is_left, is_hidden;
};

struct table {
    uint32_t columns;
    struct column *layout; // owned; [columns]
    uint32_t cell_count, cell_capacity;
    char **cells;       // owned, and each
    const char **paint; // owned array; [cell_count], of the cells of a row alike; NULL: none
    const char *colour; // of the cells to come
};

struct table *table_create(uint32_t columns)
{
    struct table *table = xcalloc(1, sizeof(*table));
    table->columns = columns;
    table->layout = xcalloc(columns, sizeof(*table->layout));
    table->layout[0].is_left = true;
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
    free(table->paint);
    free(table->layout);
    free(table);
}

void table_add(struct table *table, const char *format, ...)
{
    if (table->cell_count == table->cell_capacity) {
        table->cell_capacity = table->cell_capacity * 2 + 64;
        table->cells = xrealloc(table->cells, table->cell_capacity * sizeof(*table->cells));
        table->paint = xrealloc(table->paint, table->cell_capacity * sizeof(*table->paint));
    }
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    SIM_ASSERT(length >= 0, "out of memory");
    table->paint[table->cell_count] = table->colour;
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

// --- layout ---------------------------------------------------------------------------------------
#define GAP 2u                 // blanks before every column
#define FIRST_COLUMN_LEAST 16u // characters that stay of a shortened first column

static uint32_t characters(const char *text) // UTF-8: every byte but those that continue one
{
    uint32_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static void measure(struct table *table)
{
    for (uint32_t c = 0; c < table->columns; c++) {
        table->layout[c].width = 0;
    }
    for (uint32_t i = 0; i < table->cell_count; i++) {
        struct column *column = &table->layout[i % table->columns];
        column->width = (uint32_t)max_u64(column->width, characters(table->cells[i]));
    }
}

void table_paint(struct table *table, const char *colour)
{
    table->colour = colour;
}

void table_align_left(struct table *table, uint32_t column)
{
    table->layout[column].is_left = true;
}

void table_fit(struct table *table, uint32_t width, const uint32_t *droppable, uint32_t count)
{
    measure(table);
    uint32_t total = 0;
    for (uint32_t c = 0; c < table->columns; c++) {
        total += GAP + table->layout[c].width;
    }
    for (uint32_t i = 0; width > 0 && total > width && i < count; i++) {
        table->layout[droppable[i]].is_hidden = true;
        total -= GAP + table->layout[droppable[i]].width;
    }
    uint32_t first = table->layout[0].width;
    if (width > 0 && total > width && first > FIRST_COLUMN_LEAST) {
        uint32_t excess = (uint32_t)min_u64(total - width, first - FIRST_COLUMN_LEAST);
        table->layout[0].limit = first - excess;
    }
}

static void print_blanks(FILE *stream, uint32_t count)
{
    fprintf(stream, "%*s", (int)count, "");
}

// At most `limit` characters, the last a '~' where more follow.
static void print_shortened(FILE *stream, const char *text, uint32_t limit)
{
    if (characters(text) <= limit) {
        fputs(text, stream);
        return;
    }
    for (uint32_t shown = 0; shown + 1 < limit || ((unsigned char)*text & 0xc0) == 0x80; text++) {
        shown += ((unsigned char)*text & 0xc0) != 0x80;
        fputc(*text, stream);
    }
    fputc('~', stream);
}

// *blanks: those that wait for a text behind them.
static void print_cell(const struct table *table, uint32_t c, const char *text, uint32_t *blanks,
                       FILE *stream)
{
    const struct column *column = &table->layout[c];
    uint32_t width = column->limit > 0 ? column->limit : column->width;
    uint32_t shown = (uint32_t)min_u64(characters(text), width);
    *blanks += GAP + (column->is_left ? 0 : width - shown);
    if (shown > 0) {
        print_blanks(stream, *blanks);
        print_shortened(stream, text, width);
        *blanks = 0;
    }
    *blanks += column->is_left ? width - shown : 0;
}

static void print_left_out(const struct table *table, FILE *stream)
{
    bool is_first = true;
    for (uint32_t c = 0; c < table->columns && c < table->cell_count; c++) {
        if (table->layout[c].is_hidden) {
            fprintf(stream, "%s%s", is_first ? "  (a wider terminal also shows: " : ", ",
                    table->cells[c]);
            is_first = false;
        }
    }
    fputs(is_first ? "" : ")\n", stream);
}

void table_print(struct table *table, FILE *stream, bool has_colour)
{
    measure(table);
    uint32_t blanks = 0;
    for (uint32_t i = 0; i < table->cell_count; i++) {
        uint32_t c = i % table->columns;
        const char *colour = i < table->columns ? "2" : table->paint[i]; // headings are dim
        bool is_painted = has_colour && colour != NULL;
        if (c == 0) {
            blanks = 0;
            if (is_painted) {
                fprintf(stream, "\033[%sm", colour);
            }
        }
        if (!table->layout[c].is_hidden) {
            print_cell(table, c, table->cells[i], &blanks, stream);
        }
        if (c + 1 == table->columns) {
            fprintf(stream, "%s\n", is_painted ? "\033[0m" : "");
        }
    }
    print_left_out(table, stream);
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

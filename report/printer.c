#include "report/printer.h"

void print_heading(const struct printer *printer, const char *text)
{
    fprintf(printer->stream, printer->has_colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

void print_table(const struct printer *printer, struct table *table)
{
    table_print(table, printer->stream, printer->has_colour);
    table_destroy(table);
}

void add_headings(struct table *table, const char *const *headings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        table_add(table, "%s", headings[i]);
    }
}

struct table *table_with(const char *const *headings, uint32_t count)
{
    struct table *table = table_create(count);
    add_headings(table, headings, count);
    return table;
}

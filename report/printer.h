// Blocks on the terminal: a heading, then a table. What the printers of results share.
#ifndef TILESIM_REPORT_PRINTER_H
#define TILESIM_REPORT_PRINTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/table.h"

struct printer {
    FILE *stream;
    bool has_colour;
};

void print_heading(const struct printer *printer, const char *text);
void print_table(const struct printer *printer, struct table *table); // and destroys it
void add_headings(struct table *table, const char *const *headings, uint32_t count);
struct table *table_with(const char *const *headings, uint32_t count); // a column for each
#define TABLE_WITH(...)                            \
    table_with((const char *const[]){__VA_ARGS__}, \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#endif

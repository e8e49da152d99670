// A plain table for the terminal: cells of text, columns as wide as their widest cell.
// The first column is aligned left, the others right unless they are texts. Also: numbers with
// their units.
#ifndef TILESIM_REPORT_TABLE_H
#define TILESIM_REPORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct table;

struct table *table_create(uint32_t columns);
void table_destroy(struct table *table);
// Adds the next cell, row by row. The first row is the heading.
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_add_seconds(struct table *table, double seconds); // "1.234 ms"
void table_add_bytes(struct table *table, uint64_t bytes);   // "611.3 KiB"
void table_add_count(struct table *table, double count);     // "12,345"
void table_print(struct table *table, FILE *stream, bool has_colour);
// Rows begun from now on have this colour (SGR, "36"; NULL: none) where colours are shown.
void table_paint(struct table *table, const char *colour);
void table_align_left(struct table *table, uint32_t column);
// Makes the table at most `width` characters wide (0: leaves it as it is): leaves out columns, in
// the order of `droppable` (`count` of them), as far as needed, and then shortens the first one, if
// not below 16 characters. A line below the table names what was left out.
void table_fit(struct table *table, uint32_t width, const uint32_t *droppable, uint32_t count);

#define UNIT_TEXT_BYTES 32
// Write into `text` (UNIT_TEXT_BYTES) and return it.
const char *text_of_seconds(char *text, double seconds);
const char *text_of_bytes(char *text, uint64_t bytes);
const char *text_of_count(char *text, double count); // rounded, thousands apart

#endif

// One column of a page's data: numbers or shared texts, one a row, written as compactly as they
// allow:
//   {"c": value}             every row the same
//   {"d": [...], "i": [...]} few values: row -> place in d
//   [...]                    otherwise
// Texts are kept once, in `texts`, which all columns of a page share: a row holds the place there.
#ifndef TILESIM_REPORT_PAGE_COLUMN_H
#define TILESIM_REPORT_PAGE_COLUMN_H

#include <jansson.h>
#include <stdint.h>

struct texts;
struct texts *texts_create(void);
void texts_destroy(struct texts *texts);
// The place of a text. NULL has the place -1.
int32_t texts_add(struct texts *texts, const char *text);
uint32_t texts_count(const struct texts *texts);
const char *texts_at(const struct texts *texts, uint32_t place);
json_t *texts_to_json(const struct texts *texts);

struct column {     // zero it before use
    double *values; // owned; NAN: null
    uint32_t count, room;
};

void column_add(struct column *column, double value);
void column_free(struct column *column);
// digits: significant ones that are kept; integers keep all of theirs
json_t *column_to_json(const struct column *column, uint32_t digits);

#endif

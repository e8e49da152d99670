// The swept paths of a page's points: the distinct values of each, and which of them every point
// has.
#ifndef TILESIM_REPORT_PAGE_SWEEP_AXES_H
#define TILESIM_REPORT_PAGE_SWEEP_AXES_H

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct axes;
struct axes *axes_create(void);
void axes_destroy(struct axes *axes);
// All paths before the first point. label may be NULL.
void axes_add(struct axes *axes, const char *path, const char *label);
// The next point. settings: a query of the point `id`, with a row of path and value for each; it is
// reset.
bool axes_add_point(struct axes *axes, sqlite3_stmt *settings, int64_t id);
// An array of objects: `path`, `label` if it has one, `values`, and `of`: by point the place in
// `values`, or null.
json_t *axes_to_json(const struct axes *axes, uint32_t digits);

#endif

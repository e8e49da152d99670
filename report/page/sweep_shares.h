// How a training step's cycles are shared among the parts of its schedule, for all machines of a
// sweep. Names are kept once for each schedule, and of every part its cycles in ten-thousandths of
// the step.
#ifndef TILESIM_REPORT_PAGE_SWEEP_SHARES_H
#define TILESIM_REPORT_PAGE_SWEEP_SHARES_H

#include <jansson.h>
#include <stdbool.h>

struct shares;
// has_parts: every part by itself; otherwise the parts of a schedule's row ("F3 ...") together, and
// what belongs to no row as "other".
struct shares *shares_create(bool has_parts);
void shares_destroy(struct shares *shares);
// One machine. list: text of the result's `shares`, or NULL; cycles of the whole step, or NAN.
void shares_add(struct shares *shares, const char *list, double cycles);
// Adds `schedules`, arrays of names, and by machine `schedule` (place, or null) and `shares`: an
// array over the names.
void shares_add_to_json(const struct shares *shares, json_t *object);

#endif

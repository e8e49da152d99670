// Which uncertain values move a result most: as tables and as JSON. Inside report/ only.
#ifndef TILESIM_REPORT_SENSITIVITY_H
#define TILESIM_REPORT_SENSITIVITY_H

#include "report/result.h"

#define SENSITIVITY_SHOWN 0.005 // relative; smaller changes share one line

// A table per machine, the largest change first. Nothing if it was not asked for.
void sensitivity_print(const struct result *result, FILE *stream, bool has_colour);
// New references.
json_t *sensitivity_to_json(const struct result_machine *machine);
// The values that move a speed-up most, through either machine or, of the experiment, both.
json_t *sensitivity_of_speedup_to_json(const struct result *result,
                                       const struct result_speedup *speedup);

#endif

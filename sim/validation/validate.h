// Runs every point of some series that has a value (a claim has none: claim.h) and compares: what
// `tilesim validate` does.
#ifndef TILESIM_SIM_VALIDATION_VALIDATE_H
#define TILESIM_SIM_VALIDATION_VALIDATE_H

#include "report/validation_result.h"
#include "sim/validation/series.h"

// False: messages in err about wrong files, or a process died; *result is then not to be shown.
// Texts of the result borrow from the list, which must live as long.
bool validate_run(const struct series_list *list, uint32_t processes, bool has_progress,
                  struct validation_result *result, struct err *err);

#endif

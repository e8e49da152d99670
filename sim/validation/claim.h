// Runs the points of series that have a claim in place of measured values: all machines of each.
#ifndef TILESIM_SIM_VALIDATION_CLAIM_H
#define TILESIM_SIM_VALIDATION_CLAIM_H

#include "report/claim.h"
#include "sim/validation/series.h"

bool series_is_claim(const struct series *series);
// Texts of the result borrow from the list, which must live as long. False: messages in err.
bool claim_run(const struct series_list *list, uint32_t processes, bool has_progress,
               struct claim_result *result, struct err *err);

#endif

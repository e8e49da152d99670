// The data of a sweep's page: everything that its charts and tables show, column by column, small
// enough for 10,000 rows in a page. What each member means: docs/report-page.md, "The data island".
#ifndef TILESIM_REPORT_PAGE_SWEEP_MODEL_H
#define TILESIM_REPORT_PAGE_SWEEP_MODEL_H

#include <jansson.h>

#include "report/store.h"

// Owned by the caller. NULL: a sentence in *why.
json_t *sweep_model_create(struct store *store, char **why);

#endif

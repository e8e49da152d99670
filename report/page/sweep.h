// `tilesim report --html`: a sweep on one page, docs/report-page.md.
#ifndef TILESIM_REPORT_PAGE_SWEEP_H
#define TILESIM_REPORT_PAGE_SWEEP_H

#include <stdbool.h>

#include "report/store.h"

// path: "-" is standard output. False: a sentence in *why (owned by the caller), and no file.
bool sweep_page_write(struct store *store, const char *path, char **why);

#endif

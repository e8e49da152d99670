// What the report says of points whose configuration changed outside of what is swept: a chip's
// file was edited, and the sweep was run again on the same database.
#ifndef TILESIM_REPORT_SUPERSEDED_H
#define TILESIM_REPORT_SUPERSEDED_H

#include "report/store.h"

// Sentences of a line each, "" if there is nothing to say: how many points of each sweep are
// superseded and what differs, and which points that stand still have the old values. Owned by the
// caller. NULL: a sentence in *why.
char *superseded_describe(struct store *store, char **why);

#endif

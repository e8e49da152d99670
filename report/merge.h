// Joins results files, and says where they disagree: the same configuration must give the same
// result, unless another version of the program ran it.
#ifndef TILESIM_REPORT_MERGE_H
#define TILESIM_REPORT_MERGE_H

#include "report/store.h"

struct merge;

struct merge *merge_create(void);
void merge_destroy(struct merge *merge);
// Notes the points of a file that is part of the whole already, or will be. False: a sentence in
// *why.
bool merge_note(struct merge *merge, const char *path, struct store *store, char **why);
// Notes the points of the file, and adds them to the store.
bool merge_file(struct merge *merge, const char *path, struct store *into, char **why);
uint32_t merge_conflict_count(const struct merge *merge);
// A sentence about each of the first of them; NULL: past the last one that is kept.
const char *merge_conflict(const struct merge *merge, uint32_t i);
// "0.1.0 (git abc), 40 points; 0.1.0 (git def), 2 points"; NULL if all come from one. Owned by the
// caller.
char *merge_describe_versions(const struct merge *merge);

#endif

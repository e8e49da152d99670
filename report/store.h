// Results of sweeps in one SQLite file. One writer at a time; every point is one transaction, so
// that a program that is killed loses at most the points then in flight, and the file is never
// corrupt. Tables, view and how to read them: docs/results-database.md. Every function that fails
// returns NULL or false and sets *why (owned by the caller) to one sentence that begins with the
// path.
#ifndef TILESIM_REPORT_STORE_H
#define TILESIM_REPORT_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct store;

enum point_status { POINT_DONE, POINT_DOES_NOT_FIT, POINT_FAILED };

struct store_point {
    const char *key;      // 32 hex digits: hash of the resolved configuration
    const char *sweep;    // name of the sweep
    uint32_t number;      // place in the sweep's order
    const char *settings; // JSON object, swept path -> value
    enum point_status status;
    const char *why;    // NULL, or the reason of status
    const char *config; // resolved configuration, JSON text; NULL if it could not be resolved
    const char *result; // the result JSON of `run --json` without `config`; NULL if POINT_FAILED
    const char *version, *git;
    uint64_t seed;
    double host_seconds;
    uint64_t peak_rss_bytes;
    const char *finished; // UTC, ISO 8601
    bool is_superseded;   // a later point has its sweep and settings, and another configuration
};

// Creates the file if there is none or an empty one; ":memory:" is a store without a file. Refused,
// and then untouched: a file that is no results database, one that another process writes to, one
// of a newer version.
struct store *store_open_to_write(const char *path, char **why);
// Works beside a writer, and sees the points that were added before each read.
struct store *store_open_to_read(const char *path, char **why);

// Is there a point of this key that is done or does not fit? Failed ones run again. From memory:
// may be asked in a forked child, which must call nothing else of the store.
bool store_has(const struct store *store, const char *key);
// Takes the place of a failed point of the same key, or of the same sweep and settings, and
// supersedes others of the same sweep and settings. A point that store_has() stays as it is; if its
// settings are others it stands beside it under its own, with the same result.
bool store_add(struct store *store, const struct store_point *point, char **why);
// A sweep came upon a point that the store has: settings that the row lacks are added to it, and if
// it is of this sweep its number becomes `number`. Where settings differ, it gets a row of its own
// instead.
bool store_place(struct store *store, const char *key, const char *sweep, uint32_t number,
                 const char *settings, char **why);
// What to call a swept path on a chart.
bool store_set_label(struct store *store, const char *path, const char *label, char **why);
// Adds the points of another file, in one transaction. Of equal keys the point that is done stays.
bool store_merge(struct store *into, const char *path, char **why);
// Also of a store that was opened to be read. The store is gone whatever is returned.
bool store_close(struct store *store, char **why);

// Reading, in the order of sweep and number. Texts live until visit returns; visit returns false to
// stop.
bool store_each(struct store *store, bool (*visit)(void *context, const struct store_point *point),
                void *context, char **why);
// Every path that was swept, with its label or NULL, in the order in which they were first added.
bool store_each_path(struct store *store,
                     void (*visit)(void *context, const char *path, const char *label),
                     void *context, char **why);
// Every version and git revision of the program that points which are known were computed with, ""
// if unknown, and how many they are; those of most points first.
bool store_each_revision(struct store *store,
                         void (*visit)(void *context, const char *version, const char *git,
                                       uint32_t points),
                         void *context, char **why);
// Are superseded points among those of store_each()? Not unless it was said.
bool store_show_superseded(struct store *store, bool is_shown, char **why);
uint32_t store_count(const struct store *store, enum point_status status);
const char *point_status_name(enum point_status status); // "done", "does_not_fit", "failed"

#endif

// What the parts of the store (store*.c) share: its file, its tables, the points that it has.
#ifndef TILESIM_REPORT_STORE_TABLES_H
#define TILESIM_REPORT_STORE_TABLES_H

#include <jansson.h>
#include <sqlite3.h>

#include "report/store.h"
#include "report/store_pieces.h"

#define STORE_KEY_DIGITS 32u

#define STORE_POINT_COLUMNS                                                                \
    "(point INTEGER PRIMARY KEY, key TEXT NOT NULL, sweep TEXT NOT NULL, "                 \
    "number INTEGER NOT NULL, status TEXT NOT NULL, why TEXT, settings TEXT NOT NULL, "    \
    "seed INTEGER, version TEXT, git TEXT, run_seconds REAL, run_peak_rss_bytes INTEGER, " \
    "finished TEXT, config TEXT, result TEXT, superseded INTEGER NOT NULL DEFAULT 0, "     \
    "UNIQUE (sweep, settings, key))"

struct store_known {                // one slot of a hash table
    char key[STORE_KEY_DIGITS + 1]; // "": empty
    enum point_status status;
};

struct store {
    char *path;      // owned; for messages
    char *lock_path; // owned; NULL: no lock is held
    int lock_file;
    sqlite3 *database;
    uint32_t format;             // of the file
    struct store_pieces *pieces; // owned
    sqlite3_stmt *add_point, *add_machine, *add_setting, *find_settings, *remove_failed,
        *supersede;            // owned; NULL: not used yet
    struct store_known *known; // owned; [known_slots], a power of two; NULL: opened to be read
    uint32_t known_slots, known_count;
    char **paths; // owned, and each: swept paths that the view has columns for
    uint32_t path_count;
    double checkpoint_seconds; // when the log was last written into the file; monotonic
};

// One sentence from the database's last error. Always false.
bool store_fail(const struct store *store, const char *what, char **why);
bool store_run_sql(struct store *store, const char *sql, const char *what, char **why);

enum point_status store_status_of(const char *name); // POINT_FAILED: no other name

// The tables of a new file.
bool store_create_tables(sqlite3 *database);
extern const char store_insert_machine[]; // SQL
// SQL: columns of machines that files of formats before 4 lack; the same as nulls of a SELECT.
extern const char store_add_later_columns[], store_later_nulls[];
// Binds the columns of a machine, the text of an object of the result's `machines`, from parameter
// 3 on.
void store_bind_machine(sqlite3_stmt *statement, const char *machine);
bool store_copy_machines(struct store *store, sqlite3_int64 from, sqlite3_int64 to); // of a point
// The view `results` anew, with a column for every swept path.
bool store_rebuild_view(struct store *store, char **why);
void store_bind_json(sqlite3_stmt *statement, int parameter, const json_t *value);

// Prepares a statement that is kept, or makes it ready again.
bool store_prepare(struct store *store, sqlite3_stmt **statement, const char *sql);
bool store_run_once(sqlite3_stmt *statement); // one that yields no row
bool store_add_settings(struct store *store, sqlite3_int64 point, json_t *settings);
// Ends a transaction; undoes it if something of it failed.
bool store_end_transaction(struct store *store, bool is_done, const char *what, char **why);
void store_roll_back(struct store *store);

// --- store_place.c --------------------------------------------------------------------------------
// A point whose key the store has: if no row of the key has its settings, it gets one of its own, with the
// result of the other.
bool store_add_alike(struct store *store, const struct store_point *point, char **why);
// The row was added, or asked for again: rows of its sweep and settings with another configuration
// are superseded.
bool store_supersede(struct store *store, sqlite3_int64 row, const struct store_point *point);
// Likewise of a row of a file that is joined: of those that stand the one that was finished last
// does.
bool store_join_row(struct store *store, sqlite3_int64 row, const struct store_point *point);
// --- store_format.c -------------------------------------------------------------------------------
extern const char store_point_tables[];              // SQL: points and pieces of a new file
bool store_convert(struct store *store, char **why); // brings an older file to the present format
bool store_has_pieces(const struct store *store);    // else texts are in the rows
// The temporary views `shown_points` and `shown_machines`, which everyone reads; its texts are for
// store_text_of().
bool store_show(struct store *store, bool has_superseded, char **why);
// The text that a column stands for, in the buffer or where it is. NULL for NULL, or if it is
// broken.
const char *store_text_of(struct store *store, const char *column, struct store_text *buffer);

// One writer: the lock of PATH.lock, released when the process ends, however it ends.
bool store_lock(struct store *store, char **why);
void store_unlock(struct store *store);

#endif

// What the parts of the store (store*.c) share: its file, its tables, the points that it has.
#ifndef TILESIM_REPORT_STORE_TABLES_H
#define TILESIM_REPORT_STORE_TABLES_H

#include <jansson.h>
#include <sqlite3.h>

#include "report/store.h"

#define STORE_KEY_DIGITS 32u

struct store_known {                // one slot of a hash table
    char key[STORE_KEY_DIGITS + 1]; // "": empty
    enum point_status status;
};

struct store {
    char *path;      // owned; for messages
    char *lock_path; // owned; NULL: no lock is held
    int lock_file;
    sqlite3 *database;
    sqlite3_stmt *add_point, *add_machine, *add_setting, *find_settings,
        *remove_failed;        // owned; NULL: not used yet
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
// Binds the columns of a machine, an object of the result's `machines`, from parameter 3 on.
void store_bind_machine(sqlite3_stmt *statement, const json_t *machine);
// The view `results` anew, with a column for every swept path.
bool store_rebuild_view(struct store *store, char **why);
void store_bind_json(sqlite3_stmt *statement, int parameter, const json_t *value);

// One writer: the lock of PATH.lock, released when the process ends, however it ends.
bool store_lock(struct store *store, char **why);
void store_unlock(struct store *store);

#endif

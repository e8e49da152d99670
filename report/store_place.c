// Rows and configurations. Points that are configured alike run once, and every one of them has a
// row: that of its own settings. Points of one place, configured otherwise (a file that the
// experiment names was changed), have rows too, of which one stands and the others are superseded.
#include <stdlib.h>
#include <string.h>

#include "report/store_tables.h"
#include "sim/err.h"

// --- which row stands -----------------------------------------------------------------------------
static bool stands(struct store *store, sqlite3_int64 row, const char *sweep, const char *settings)
{
    const char sql[] = "UPDATE stored_points SET superseded = (point <> ?1) WHERE sweep = ?2 AND "
                       "settings = ?3 AND superseded <> (point <> ?1)";
    if (!store_prepare(store, &store->supersede, sql)) {
        return false;
    }
    sqlite3_bind_int64(store->supersede, 1, row);
    sqlite3_bind_text(store->supersede, 2, sweep, -1, SQLITE_STATIC);
    sqlite3_bind_text(store->supersede, 3, settings, -1, SQLITE_STATIC);
    return store_run_once(store->supersede);
}

// Is a row of the same place that was finished later there already?
static bool has_later(struct store *store, sqlite3_int64 row, const struct store_point *point)
{
    char *sql =
        sqlite3_mprintf("SELECT 1 FROM stored_points WHERE sweep = %Q AND settings = %Q AND point "
                        "<> %lld AND NOT superseded AND finished > %Q",
                        point->sweep, point->settings, row, point->finished);
    sqlite3_stmt *query = NULL;
    bool is_found = sqlite3_prepare_v2(store->database, sql, -1, &query, NULL) == SQLITE_OK &&
                    sqlite3_step(query) == SQLITE_ROW;
    sqlite3_finalize(query);
    sqlite3_free(sql);
    return is_found;
}

bool store_join_row(struct store *store, sqlite3_int64 row, const struct store_point *point)
{
    if (!point->is_superseded && !has_later(store, row, point)) {
        return stands(store, row, point->sweep, point->settings);
    }
    char *sql = sqlite3_mprintf("UPDATE stored_points SET superseded = 1 WHERE point = %lld", row);
    bool is_done = sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(sql);
    return is_done;
}

bool store_supersede(struct store *store, sqlite3_int64 row, const struct store_point *point)
{
    return stands(store, row, point->sweep, point->settings);
}

// --- points that are there already ----------------------------------------------------------------
struct row { // of a key
    sqlite3_int64 id;
    uint32_t number;
    bool is_own, is_superseded;
    char *settings; // owned
};

// Settings of `more` that `settings` lacks are added. New reference. NULL: the two contradict.
static json_t *join_settings(const char *settings, const char *more)
{
    json_t *joined = json_loads(settings, 0, NULL);
    json_t *others = json_loads(more, 0, NULL);
    const char *path;
    json_t *value;
    bool is_same = true;
    joined = joined == NULL ? json_object() : joined;
    json_object_update_missing(joined, others);
    json_object_foreach(others, path, value)
    {
        is_same = is_same && json_equal(value, json_object_get(joined, path));
    }
    json_decref(others);
    if (!is_same) {
        json_decref(joined);
        return NULL;
    }
    return joined;
}

// The row of the key that the settings do not contradict; else the last one, and *joined is NULL.
// False: there is none, or it could not be read.
static bool find_row(struct store *store, const char *key, const char *sweep, const char *settings,
                     struct row *row, json_t **joined)
{
    const char sql[] =
        "SELECT point, sweep = ?2, number, superseded, settings FROM stored_points WHERE "
        "key = ?1 AND status <> 'failed' ORDER BY settings = ?3 DESC, "
        "sweep = ?2 DESC, number";
    *row = (struct row){0};
    *joined = NULL;
    if (!store_prepare(store, &store->find_settings, sql)) {
        return false;
    }
    sqlite3_stmt *found = store->find_settings;
    sqlite3_bind_text(found, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(found, 2, sweep, -1, SQLITE_STATIC);
    sqlite3_bind_text(found, 3, settings, -1, SQLITE_STATIC);
    while (*joined == NULL && sqlite3_step(found) == SQLITE_ROW) {
        free(row->settings);
        *row =
            (struct row){sqlite3_column_int64(found, 0), (uint32_t)sqlite3_column_int64(found, 2),
                         sqlite3_column_int(found, 1) != 0, sqlite3_column_int(found, 3) != 0,
                         xstrdup((const char *)sqlite3_column_text(found, 4))};
        *joined = join_settings(row->settings, settings);
    }
    sqlite3_reset(found);
    return row->settings != NULL;
}

static bool update_place(struct store *store, const struct row *row, const char *sweep,
                         uint32_t number, json_t *joined, const char *settings)
{
    json_t *given = json_loads(settings, 0, NULL);
    char *text = json_equal(given, joined) ? xstrdup(settings) : json_dumps(joined, JSON_COMPACT);
    char *sql =
        sqlite3_mprintf("UPDATE stored_points SET number = %u, settings = %Q WHERE point = %lld",
                        number, text, row->id);
    bool is_done = sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK &&
                   store_add_settings(store, row->id, joined) &&
                   (!row->is_own || stands(store, row->id, sweep, text));
    sqlite3_free(sql);
    free(text);
    json_decref(given);
    return is_done;
}

// A row like another one, at a place of its own.
static bool copy_row(struct store *store, const struct row *from, const char *sweep,
                     uint32_t number, const char *settings)
{
    char *sql = sqlite3_mprintf(
        "DELETE FROM stored_points WHERE status = 'failed' AND sweep = %Q AND settings = %Q;"
        "INSERT INTO stored_points (key, sweep, number, status, why, settings, seed, version, git, "
        "run_seconds, run_peak_rss_bytes, finished, config, result) SELECT key, %Q, %u, status, "
        "why, %Q, seed, version, git, run_seconds, run_peak_rss_bytes, finished, config, result "
        "FROM stored_points WHERE point = %lld",
        sweep, settings, sweep, number, settings, from->id);
    bool is_done = sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_int64 row = sqlite3_last_insert_rowid(store->database);
    json_t *values = json_loads(settings, 0, NULL);
    is_done = is_done && store_copy_machines(store, from->id, row) &&
              store_add_settings(store, row, values) && stands(store, row, sweep, settings);
    json_decref(values);
    sqlite3_free(sql);
    return is_done;
}

static bool place_row(struct store *store, const struct row *row, json_t *joined,
                      const struct store_point *point)
{
    return joined == NULL
               ? copy_row(store, row, point->sweep, point->number, point->settings)
               : update_place(store, row, point->sweep, row->is_own ? point->number : row->number,
                              joined, point->settings);
}

static bool is_in_place(const struct row *row, const json_t *joined,
                        const struct store_point *point)
{
    return joined != NULL && row->number == point->number && !row->is_superseded &&
           strcmp(row->settings, point->settings) == 0;
}

bool store_add_alike(struct store *store, const struct store_point *point, char **why)
{
    struct row row;
    json_t *joined;
    bool is_done = true;
    bool is_nested = sqlite3_get_autocommit(store->database) == 0; // of a merge: equal points once
    if (find_row(store, point->key, point->sweep, point->settings, &row, &joined) &&
        (is_nested ? joined == NULL : !is_in_place(&row, joined, point))) {
        if (is_nested) {
            is_done =
                place_row(store, &row, joined, point) || store_fail(store, "change a point", why);
        } else {
            is_done = store_run_sql(store, "BEGIN IMMEDIATE", "change a point", why) &&
                      store_end_transaction(store, place_row(store, &row, joined, point),
                                            "change a point", why);
        }
    }
    json_decref(joined);
    free(row.settings);
    return is_done;
}

bool store_place(struct store *store, const char *key, const char *sweep, uint32_t number,
                 const char *settings, char **why)
{
    struct store_point point = {.key = key, .sweep = sweep, .number = number, .settings = settings};
    return store_add_alike(store, &point, why);
}

// Formats of the file. 4: machines have columns for links, streaming memory, checkpoints. 3: the
// texts of points are in pieces (store_pieces.h). 2: as they are, in a table `points`. 1: one row a
// key. Older ones are read as they are, and brought to the present one to be written.
#include <stdlib.h>

#include "report/store_tables.h"
#include "sim/err.h"

#define FIRST_WITH_SUPERSEDED 2u
#define FIRST_WITH_PIECES 3u
#define FIRST_WITH_LATER_COLUMNS 4u

// A text of a row of stored_points, from its pieces.
#define JOINED(column)                                                                 \
    "(SELECT group_concat(text, '') FROM (SELECT pieces.text FROM json_each(s." column \
    ") AS each CROSS JOIN pieces ON pieces.piece = each.value ORDER BY each.key)) AS " column

#define INDICES                                          \
    "CREATE INDEX points_by_key ON stored_points (key);" \
    "CREATE INDEX points_in_order ON stored_points (sweep, number);"

#define PIECES                                                                                \
    "CREATE TABLE pieces (piece INTEGER PRIMARY KEY, text TEXT NOT NULL);"                    \
    "CREATE VIEW points AS SELECT point, key, sweep, number, status, why, settings, seed, "   \
    "version, git, run_seconds, run_peak_rss_bytes, finished, " JOINED("config") ", " JOINED( \
        "result") ", superseded FROM stored_points s;"

const char store_point_tables[] =
    "CREATE TABLE stored_points " STORE_POINT_COLUMNS ";" INDICES PIECES;

bool store_has_pieces(const struct store *store)
{
    return store->format >= FIRST_WITH_PIECES;
}

static bool has_later_columns(const struct store *store)
{
    return store->format >= FIRST_WITH_LATER_COLUMNS;
}

static void read_format(struct store *store)
{
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(store->database, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        store->format = (uint32_t)sqlite3_column_int64(query, 0);
    }
    sqlite3_finalize(query);
}

// --- what is shown --------------------------------------------------------------------------------
bool store_show(struct store *store, bool has_superseded, char **why)
{
    read_format(store);
    bool is_old = store->format < FIRST_WITH_SUPERSEDED;
    char *sql = sqlite3_mprintf("DROP VIEW IF EXISTS temp.shown_points;"
                                "CREATE TEMP VIEW shown_points AS SELECT *%s FROM %s%s;"
                                "DROP VIEW IF EXISTS temp.shown_machines;"
                                "CREATE TEMP VIEW shown_machines AS SELECT *%s FROM machines",
                                is_old ? ", 0 AS superseded" : "",
                                store_has_pieces(store) ? "stored_points" : "points",
                                is_old || has_superseded ? "" : " WHERE NOT superseded",
                                has_later_columns(store) ? "" : store_later_nulls);
    bool is_done = store_run_sql(store, sql, "read the points", why);
    sqlite3_free(sql);
    return is_done;
}

bool store_show_superseded(struct store *store, bool is_shown, char **why)
{
    return store_show(store, is_shown, why);
}

const char *store_text_of(struct store *store, const char *column, struct store_text *buffer)
{
    return column == NULL || !store_has_pieces(store)
               ? column
               : store_join_text(store->pieces, column, buffer);
}

// --- older files ----------------------------------------------------------------------------------
// Format 1 did not know which of two rows stands: the one that was finished last.
static const char from_1_to_2[] =
    "CREATE TABLE points_2 " STORE_POINT_COLUMNS ";"
    "INSERT INTO points_2 SELECT point, key, sweep, number, status, why, settings, seed, "
    "version, git, run_seconds, run_peak_rss_bytes, finished, config, result, 0 FROM points;"
    "DROP TABLE points; ALTER TABLE points_2 RENAME TO points;"
    "UPDATE points AS p SET superseded = EXISTS (SELECT 1 FROM points q WHERE "
    "q.sweep = p.sweep AND q.settings = p.settings AND "
    "(coalesce(q.finished, ''), q.point) > (coalesce(p.finished, ''), p.point));";

// Machines and settings refer to the table by its new name then.
static const char from_2_to_3[] =
    "DROP INDEX IF EXISTS points_by_key; DROP INDEX IF EXISTS points_in_order;"
    "ALTER TABLE points RENAME TO stored_points;" INDICES PIECES;

static bool split_row(struct store *store, sqlite3_stmt *row, sqlite3_stmt *update)
{
    bool is_done = true;
    for (int i = 0; i < 2; i++) {
        const char *text = (const char *)sqlite3_column_text(row, i + 1);
        char *list = text == NULL ? NULL : store_split_text(store->pieces, text);
        is_done = is_done && (text == NULL || list != NULL);
        sqlite3_bind_text(update, i + 1, list, -1, free);
    }
    sqlite3_bind_int64(update, 3, sqlite3_column_int64(row, 0));
    return store_run_once(update) && is_done;
}

static bool split_texts(struct store *store)
{
    sqlite3_stmt *row = NULL, *update = NULL;
    int code = sqlite3_prepare_v2(store->database,
                                  "SELECT point, config, result FROM stored_points WHERE point > ?",
                                  -1, &row, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_prepare_v2(store->database,
                                  "UPDATE stored_points SET config = ?, result = ? WHERE point = ?",
                                  -1, &update, NULL);
    }
    // one row a query: what a query that goes on sees of rows that are changed meanwhile is
    // undefined
    sqlite3_int64 point = INT64_MIN;
    while (code == SQLITE_OK) {
        sqlite3_bind_int64(row, 1, point);
        code = sqlite3_step(row);
        if (code == SQLITE_ROW) {
            point = sqlite3_column_int64(row, 0);
            code = split_row(store, row, update) ? SQLITE_OK : SQLITE_ERROR;
        }
        sqlite3_reset(row);
    }
    sqlite3_finalize(row);
    sqlite3_finalize(update);
    return code == SQLITE_DONE;
}

static bool convert(struct store *store)
{
    const char *const steps[] = {
        "BEGIN IMMEDIATE; DROP VIEW IF EXISTS results; DROP INDEX IF EXISTS points_failed",
        store->format < FIRST_WITH_SUPERSEDED ? from_1_to_2 : "",
        store_has_pieces(store) ? "" : from_2_to_3, store_add_later_columns};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (sqlite3_exec(store->database, steps[i], NULL, NULL, NULL) != SQLITE_OK) {
            return false;
        }
    }
    return (store_has_pieces(store) || split_texts(store)) &&
           sqlite3_exec(store->database, "PRAGMA user_version=4; COMMIT", NULL, NULL, NULL) ==
               SQLITE_OK;
}

bool store_convert(struct store *store, char **why)
{
    read_format(store);
    if (has_later_columns(store)) {
        return true;
    }
    if (!store_run_sql(store, "PRAGMA foreign_keys=OFF", "bring it to the present format", why)) {
        return false;
    }
    if (!convert(store)) {
        store_fail(store, "bring it to the present format", why);
        store_roll_back(store);
        return false;
    }
    // gives back what the texts took; a file that cannot be rewritten now is as good
    sqlite3_exec(store->database, "VACUUM", NULL, NULL, NULL);
    return true;
}

// Reading a store, and adding one to another.
#include <stdlib.h>
#include <string.h>

#include "report/store_tables.h"
#include "sim/err.h"

static const char *text_of(sqlite3_stmt *row, int column)
{
    return (const char *)sqlite3_column_text(row, column);
}

// texts: two buffers
static struct store_point read_point(struct store *store, sqlite3_stmt *row,
                                     struct store_text *texts)
{
    return (struct store_point){
        .key = text_of(row, 0),
        .sweep = text_of(row, 1),
        .number = (uint32_t)sqlite3_column_int64(row, 2),
        .settings = text_of(row, 3),
        .status = store_status_of(text_of(row, 4)),
        .why = text_of(row, 5),
        .config = store_text_of(store, text_of(row, 6), &texts[0]),
        .result = store_text_of(store, text_of(row, 7), &texts[1]),
        .version = text_of(row, 8),
        .git = text_of(row, 9),
        .seed = (uint64_t)sqlite3_column_int64(row, 10),
        .host_seconds = sqlite3_column_double(row, 11),
        .peak_rss_bytes = (uint64_t)sqlite3_column_int64(row, 12),
        .finished = text_of(row, 13),
        .is_superseded = sqlite3_column_int(row, 14) != 0,
    };
}

static bool has_texts(sqlite3_stmt *row, const struct store_point *point)
{
    return (point->config != NULL || sqlite3_column_type(row, 6) == SQLITE_NULL) &&
           (point->result != NULL || sqlite3_column_type(row, 7) == SQLITE_NULL);
}

bool store_each(struct store *store, bool (*visit)(void *context, const struct store_point *point),
                void *context, char **why)
{
    const char sql[] = "SELECT key, sweep, number, settings, status, why, config, result, version, "
                       "git, seed, run_seconds, run_peak_rss_bytes, finished, superseded "
                       "FROM shown_points ORDER BY sweep, number, superseded, key";
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &row, NULL);
    struct store_text texts[2] = {{0}};
    bool goes_on = code == SQLITE_OK, is_whole = true;
    while (goes_on) {
        code = sqlite3_step(row);
        goes_on = code == SQLITE_ROW;
        if (goes_on) {
            struct store_point point = read_point(store, row, texts);
            is_whole = has_texts(row, &point);
            goes_on = is_whole && visit(context, &point);
        }
    }
    bool is_read = code == SQLITE_DONE || code == SQLITE_ROW;
    if (!is_whole) {
        *why = xasprintf("%s: cannot read the points: a piece of a text is missing", store->path);
    } else if (!is_read) {
        store_fail(store, "read the points", why);
    }
    sqlite3_finalize(row);
    store_text_free(&texts[0]);
    store_text_free(&texts[1]);
    return is_read && is_whole;
}

bool store_each_path(struct store *store,
                     void (*visit)(void *context, const char *path, const char *label),
                     void *context, char **why)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->database, "SELECT path, label FROM paths ORDER BY rowid",
                                  -1, &row, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        visit(context, text_of(row, 0), text_of(row, 1));
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE || store_fail(store, "read the swept paths", why);
}

bool store_each_revision(struct store *store,
                         void (*visit)(void *context, const char *version, const char *git,
                                       uint32_t points),
                         void *context, char **why)
{
    const char sql[] = "SELECT coalesce(version, ''), coalesce(git, ''), count(*) FROM points "
                       "WHERE status <> 'failed' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2";
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &row, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        visit(context, text_of(row, 0), text_of(row, 1), (uint32_t)sqlite3_column_int64(row, 2));
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE || store_fail(store, "read the points", why);
}

// --- merging --------------------------------------------------------------------------------------
struct merge {
    struct store *into;
    char **why;
    bool is_right;
};

static bool merge_point(void *context, const struct store_point *point)
{
    struct merge *merge = context;
    merge->is_right = store_add(merge->into, point, merge->why);
    return merge->is_right;
}

static void merge_path(void *context, const char *path, const char *label)
{
    struct merge *merge = context;
    if (merge->is_right && label != NULL) {
        merge->is_right = store_set_label(merge->into, path, label, merge->why);
    }
}

bool store_merge(struct store *into, const char *path, char **why)
{
    struct store *from = store_open_to_read(path, why);
    if (from == NULL) {
        return false;
    }
    struct merge merge = {into, why, true};
    bool is_done = store_show_superseded(from, true, why) &&
                   store_run_sql(into, "BEGIN IMMEDIATE", "add points", why);
    if (is_done) {
        is_done = store_each_path(from, merge_path, &merge, why) && merge.is_right &&
                  store_each(from, merge_point, &merge, why) && merge.is_right;
        if (is_done) {
            is_done = store_run_sql(into, "COMMIT", "add points", why);
        }
        if (!is_done) {
            store_roll_back(into);
        }
    }
    char *unused = NULL;
    store_close(from, &unused);
    free(unused);
    return is_done;
}

#include "report/superseded.h"

#include <stdlib.h>
#include <string.h>

#include "report/store_tables.h"
#include "sim/err.h"

#define PAIRS_LOOKED_AT 16 // of a sweep: an edit of a file changes all of its points alike
#define CHANGES_SHOWN 4u   // paths named

struct change {
    char *path;                // owned; "machines.0.chip.exchange.bytes_per_cycle"
    char *sql;                 // owned; the same for json_extract()
    char *old_text, *new_text; // owned
};

struct changes {
    struct change list[CHANGES_SHOWN];
    uint32_t shown, count; // of those found
};

static void append(char **text, char *more) // takes `more`
{
    char *longer = xasprintf("%s%s", *text, more);
    free(*text);
    free(more);
    *text = longer;
}

// --- what differs ---------------------------------------------------------------------------------
static char *value_text(const json_t *value)
{
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    char *shown = text == NULL ? xstrdup("nothing") : xasprintf("%.40s", text);
    free(text);
    return shown;
}

static void add_change(struct changes *changes, const char *path, const char *sql,
                       const json_t *old, const json_t *new)
{
    for (uint32_t i = 0; i < changes->shown; i++) {
        if (strcmp(changes->list[i].path, path) == 0) {
            return;
        }
    }
    changes->count++;
    if (changes->shown < CHANGES_SHOWN) {
        changes->list[changes->shown++] =
            (struct change){xstrdup(path), xstrdup(sql), value_text(old), value_text(new)};
    }
}

static void find_changes(struct changes *changes, const char *path, const char *sql, json_t *old,
                         json_t *new);

static void find_in_list(struct changes *changes, const char *path, const char *sql, json_t *old,
                         json_t *new)
{
    for (size_t i = 0; i < json_array_size(old); i++) {
        char *below = xasprintf("%s.%zu", path, i), *sql_below = xasprintf("%s[%zu]", sql, i);
        find_changes(changes, below, sql_below, json_array_get(old, i), json_array_get(new, i));
        free(below);
        free(sql_below);
    }
}

static void find_in_object(struct changes *changes, const char *path, const char *sql, json_t *old,
                           json_t *new)
{
    const char *key;
    json_t *value;
    json_t *all = json_copy(old);
    json_object_update_missing(all, new);
    json_object_foreach(all, key, value)
    {
        char *below = xasprintf("%s%s%s", path, *path == '\0' ? "" : ".", key);
        char *sql_below = xasprintf("%s.\"%s\"", sql, key);
        find_changes(changes, below, sql_below, json_object_get(old, key),
                     json_object_get(new, key));
        free(below);
        free(sql_below);
    }
    json_decref(all);
}

static void find_changes(struct changes *changes, const char *path, const char *sql, json_t *old,
                         json_t *new)
{
    if (json_equal(old, new)) {
        return;
    }
    if (json_is_object(old) && json_is_object(new)) {
        find_in_object(changes, path, sql, old, new);
    } else if (json_is_array(old) && json_array_size(old) == json_array_size(new)) {
        find_in_list(changes, path, sql, old, new);
    } else {
        add_change(changes, path, sql, old, new);
    }
}

static bool find_in_sweep(struct store *store, const char *sweep, struct changes *changes,
                          char **why)
{
    const char sql[] =
        "SELECT o.config, n.config FROM points o JOIN points n ON n.sweep = o.sweep AND "
        "n.settings = o.settings AND NOT n.superseded WHERE o.superseded AND o.sweep = ? AND "
        "o.config IS NOT NULL AND n.config IS NOT NULL LIMIT ?";
    sqlite3_stmt *pair = NULL;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &pair, NULL);
    sqlite3_bind_text(pair, 1, sweep, -1, SQLITE_STATIC);
    sqlite3_bind_int(pair, 2, PAIRS_LOOKED_AT);
    while (code == SQLITE_OK && (code = sqlite3_step(pair)) == SQLITE_ROW) {
        json_t *old = json_loads((const char *)sqlite3_column_text(pair, 0), 0, NULL);
        json_t *new = json_loads((const char *)sqlite3_column_text(pair, 1), 0, NULL);
        find_changes(changes, "", "$", old, new);
        json_decref(old);
        json_decref(new);
        code = SQLITE_OK;
    }
    sqlite3_finalize(pair);
    return code == SQLITE_DONE || store_fail(store, "compare the points", why);
}

// --- sentences ------------------------------------------------------------------------------------
// The swept path that chooses what was changed ("machines.0.chip" of "machines.0.chip.clock_hz"), as json_extract() of
// the settings wants it; one that no settings have, if there is none. Owned; NULL: `why`.
static char *find_chooser(struct store *store, const char *changed, char **why)
{
    const char sql[] = "SELECT path FROM paths WHERE substr(?1, 1, length(path) + 1) = path || '.' "
                       "ORDER BY length(path) DESC LIMIT 1";
    sqlite3_stmt *row = NULL;
    char *chooser = NULL;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &row, NULL);
    sqlite3_bind_text(row, 1, changed, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        chooser = xasprintf("$.\"%s\"", (const char *)sqlite3_column_text(row, 0));
    } else if (code == SQLITE_DONE) {
        chooser = xstrdup("$.\"\"");
    } else {
        store_fail(store, "compare the points", why);
    }
    sqlite3_finalize(row);
    return chooser;
}

// Points that stand and have the old value: their values are no longer in the sweep's file, or it
// was stopped before it came to them. Not those that chose something else, a chip that was not
// edited.
static bool count_stale(struct store *store, const char *sweep, const struct changes *changes,
                        uint32_t *points, char **why)
{
    *points = 0;
    if (changes->shown == 0) {
        return true;
    }
    char *chooser = find_chooser(store, changes->list[0].path, why);
    if (chooser == NULL) {
        return false;
    }
    const char sql[] = // json_extract: of a list or an object its text
        "SELECT count(*) FROM points p WHERE NOT superseded AND sweep = ?1 AND config IS NOT NULL "
        "AND (json_extract(config, ?2), coalesce(json_extract(settings, ?3), '')) IN "
        "(SELECT DISTINCT json_extract(o.config, ?2), coalesce(json_extract(o.settings, ?3), '') "
        "FROM points o WHERE o.sweep = ?1 AND o.superseded AND o.config IS NOT NULL) AND NOT "
        "EXISTS "
        "(SELECT 1 FROM points o WHERE o.sweep = ?1 AND o.superseded AND o.settings = p.settings)";
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &row, NULL);
    sqlite3_bind_text(row, 1, sweep, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, changes->list[0].sql, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 3, chooser, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        *points = (uint32_t)sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    free(chooser);
    return code == SQLITE_ROW || store_fail(store, "compare the points", why);
}

static char *list_changes(const struct changes *changes)
{
    char *text = xstrdup("");
    for (uint32_t i = 0; i < changes->shown; i++) {
        const struct change *change = &changes->list[i];
        append(&text, xasprintf("%s%s %s, now %s", i == 0 ? "" : "; ", change->path,
                                change->old_text, change->new_text));
    }
    if (changes->count > changes->shown) {
        append(&text, xasprintf("; and %u more", changes->count - changes->shown));
    }
    return text;
}

static void free_changes(struct changes *changes)
{
    for (uint32_t i = 0; i < changes->shown; i++) {
        free(changes->list[i].path);
        free(changes->list[i].sql);
        free(changes->list[i].old_text);
        free(changes->list[i].new_text);
    }
}

static bool describe_sweep(struct store *store, const char *sweep, uint32_t points, char **text,
                           char **why)
{
    struct changes changes = {0};
    uint32_t stale = 0;
    bool is_read = find_in_sweep(store, sweep, &changes, why) &&
                   count_stale(store, sweep, &changes, &stale, why);
    if (is_read) {
        char *list = list_changes(&changes);
        append(text, xasprintf("%u point%s of sweep %s %s computed again with another configuration"
                               "%s%s%s; the newest of each counts, --all shows the old ones too\n",
                               points, points == 1 ? "" : "s", sweep, points == 1 ? "was" : "were",
                               *list == '\0' ? "" : " (", list, *list == '\0' ? "" : ")"));
        free(list);
    }
    if (is_read && stale > 0) {
        append(text, xasprintf("%u point%s of sweep %s %s not: %s not comparable with the others\n",
                               stale, stale == 1 ? "" : "s", sweep, stale == 1 ? "was" : "were",
                               stale == 1 ? "it is" : "they are"));
    }
    free_changes(&changes);
    return is_read;
}

char *superseded_describe(struct store *store, char **why)
{
    const char has_column[] = "SELECT 1 FROM pragma_table_info('points') WHERE name = 'superseded'";
    const char sql[] = "SELECT sweep, count(*) FROM points WHERE superseded GROUP BY sweep";
    char *text = xstrdup("");
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(store->database, has_column, -1, &row, NULL);
    bool is_old = code == SQLITE_OK && sqlite3_step(row) == SQLITE_DONE; // format 1 does not know
    sqlite3_finalize(row);
    if (is_old) {
        return text;
    }
    bool is_read = true;
    code = sqlite3_prepare_v2(store->database, sql, -1, &row, NULL);
    while (is_read && code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        is_read = describe_sweep(store, (const char *)sqlite3_column_text(row, 0),
                                 (uint32_t)sqlite3_column_int64(row, 1), &text, why);
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    if (is_read && (code == SQLITE_DONE || store_fail(store, "compare the points", why))) {
        return text;
    }
    free(text);
    return NULL;
}

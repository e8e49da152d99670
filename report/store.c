// Opening, adding and closing. The file is made whole beside its name and renamed, so that a file
// of that name always is a results database; the points that it has are kept in memory as well
// (`known`).
#include "report/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/page/json_scan.h"
#include "report/store_tables.h"
#include "sim/err.h"

#define APPLICATION_ID 0x74736d31 // "tsm1" in the file's header, so that `file` and we know it
#define APPLICATION_ID_OFFSET 68u // sqlite.org/fileformat.html, 1.3
#define USER_VERSION_OFFSET 60u
#define SCHEMA_VERSION 4u
#define HEADER_BYTES 100u
#define BUSY_MILLISECONDS 10000 // a reader may hold the file for a moment
#define CHECKPOINT_SECONDS 1.0  // rows older than this survive a loss of power too
#define MEMORY_PATH ":memory:"

const char *point_status_name(enum point_status status)
{
    static const char *const names[] = {
        [POINT_DONE] = "done", [POINT_DOES_NOT_FIT] = "does_not_fit", [POINT_FAILED] = "failed"};
    return names[status];
}

bool store_fail(const struct store *store, const char *what, char **why)
{
    int error = sqlite3_system_errno(store->database);
    bool has_errno = error != 0 && (sqlite3_errcode(store->database) & 0xff) != SQLITE_FULL;
    *why = xasprintf("%s: cannot %s: %s%s%s", store->path, what, sqlite3_errmsg(store->database),
                     has_errno ? ": " : "", has_errno ? strerror(error) : "");
    return false;
}

bool store_run_sql(struct store *store, const char *sql, const char *what, char **why)
{
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           store_fail(store, what, why);
}

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// --- the points that it has -----------------------------------------------------------------------
// The slot of a key, or the empty one where it belongs. Keys are hashes already.
static struct store_known *find_slot(struct store_known *known, uint32_t slots, const char *key)
{
    char digits[9];
    snprintf(digits, sizeof(digits), "%.8s", key);
    uint32_t slot = (uint32_t)strtoul(digits, NULL, 16) & (slots - 1);
    while (known[slot].key[0] != '\0' && strcmp(known[slot].key, key) != 0) {
        slot = (slot + 1) & (slots - 1);
    }
    return &known[slot];
}

static void grow_known(struct store *store)
{
    uint32_t slots = store->known_slots == 0 ? 1024 : store->known_slots * 2;
    struct store_known *known = xcalloc(slots, sizeof(*known));
    for (uint32_t i = 0; i < store->known_slots; i++) {
        if (store->known[i].key[0] != '\0') {
            *find_slot(known, slots, store->known[i].key) = store->known[i];
        }
    }
    free(store->known);
    store->known = known;
    store->known_slots = slots;
}

static void remember(struct store *store, const char *key, enum point_status status)
{
    if (store->known_count * 2 >= store->known_slots) {
        grow_known(store);
    }
    struct store_known *slot = find_slot(store->known, store->known_slots, key);
    store->known_count += slot->key[0] == '\0';
    snprintf(slot->key, sizeof(slot->key), "%s", key);
    slot->status = status;
}

bool store_has(const struct store *store, const char *key)
{
    if (store->known_slots == 0) {
        return false;
    }
    const struct store_known *slot = find_slot(store->known, store->known_slots, key);
    return slot->key[0] != '\0' && slot->status != POINT_FAILED;
}

uint32_t store_count(const struct store *store, enum point_status status)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < store->known_slots; i++) {
        count += store->known[i].key[0] != '\0' && store->known[i].status == status;
    }
    return count;
}

enum point_status store_status_of(const char *name)
{
    enum point_status status = POINT_DONE;
    while (status != POINT_FAILED && strcmp(point_status_name(status), name) != 0) {
        status++;
    }
    return status;
}

// Keys of the points, and the swept paths.
static bool load_known(struct store *store, char **why)
{
    sqlite3_stmt *statement = NULL;
    int code =
        sqlite3_prepare_v2(store->database, "SELECT key, status FROM points", -1, &statement, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        const char *status = (const char *)sqlite3_column_text(statement, 1);
        if (key != NULL && status != NULL) {
            remember(store, key, store_status_of(status));
        }
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) {
        return store_fail(store, "read the points", why);
    }
    code = sqlite3_prepare_v2(store->database, "SELECT path FROM paths ORDER BY rowid", -1,
                              &statement, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        store->paths = xrealloc(store->paths, (store->path_count + 1) * sizeof(*store->paths));
        const char *path = (const char *)sqlite3_column_text(statement, 0);
        store->paths[store->path_count++] = xstrdup(path == NULL ? "" : path);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE || store_fail(store, "read the swept paths", why);
}

// --- opening --------------------------------------------------------------------------------------
enum file_state { FILE_ABSENT, FILE_RESULTS, FILE_FOREIGN };

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Looks at the header itself: the library would change a file that it opens.
static enum file_state look_at(const char *path, char **why)
{
    unsigned char header[HEADER_BYTES] = {0};
    struct stat status;
    if (stat(path, &status) != 0) {
        *why = xasprintf("%s: %s", path, strerror(errno));
        return errno == ENOENT ? FILE_ABSENT : FILE_FOREIGN;
    }
    if (S_ISREG(status.st_mode) && status.st_size == 0) {
        *why = xasprintf("%s: empty: not a results database", path);
        return FILE_ABSENT; // as SQLite has it: its shell leaves one where it found no file
    }
    FILE *stream = S_ISREG(status.st_mode) ? fopen(path, "rbe") : NULL;
    size_t got = stream == NULL ? 0 : fread(header, 1, sizeof(header), stream);
    if (stream != NULL) {
        fclose(stream);
    } else if (S_ISREG(status.st_mode)) {
        *why = xasprintf("%s: %s", path, strerror(errno));
        return FILE_FOREIGN;
    }
    if (got < sizeof(header) || memcmp(header, "SQLite format 3", 16) != 0 ||
        big_endian(header + APPLICATION_ID_OFFSET) != APPLICATION_ID) {
        *why = xasprintf("%s: not a results database of tilesim", path);
        return FILE_FOREIGN;
    }
    uint32_t version = big_endian(header + USER_VERSION_OFFSET);
    if (version < 1 || version > SCHEMA_VERSION) {
        *why = xasprintf("%s: written in format %u; this program knows formats 1 to %u", path,
                         version, SCHEMA_VERSION);
        return FILE_FOREIGN;
    }
    return FILE_RESULTS;
}

// Fills an open, empty database.
static bool fill_empty(struct store *store, char **why)
{
    char *sql = sqlite3_mprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
                                SCHEMA_VERSION);
    bool is_done = sqlite3_exec(store->database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
                   sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK &&
                   store_create_tables(store->database) &&
                   sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(sql);
    return is_done || store_fail(store, "make the tables", why);
}

static bool create_file(struct store *store, char **why)
{
    char *temporary = xasprintf("%s.new", store->path);
    unlink(temporary); // of a program that was killed; the lock is ours
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool is_done = sqlite3_open_v2(temporary, &store->database, flags, NULL) == SQLITE_OK
                       ? fill_empty(store, why)
                       : store_fail(store, "create it", why);
    sqlite3_close(store->database);
    store->database = NULL;
    if (is_done && rename(temporary, store->path) != 0) {
        *why = xasprintf("%s: cannot create it: %s", store->path, strerror(errno));
        is_done = false;
    }
    if (!is_done) {
        unlink(temporary);
    }
    free(temporary);
    return is_done;
}

static bool open_database(struct store *store, int flags, char **why)
{
    if (sqlite3_open_v2(store->path, &store->database, flags, NULL) != SQLITE_OK) {
        return store_fail(store, "open it", why);
    }
    sqlite3_busy_timeout(store->database, BUSY_MILLISECONDS);
    store->pieces = store_pieces_create(store->database);
    return true;
}

// Everything of it but its lock.
static bool open_file(struct store *store, char **why)
{
    bool is_memory = strcmp(store->path, MEMORY_PATH) == 0;
    if (!is_memory) {
        char *unused = NULL;
        enum file_state state = look_at(store->path, &unused);
        if (state == FILE_FOREIGN) {
            *why = unused;
            return false;
        }
        free(unused);
        if (state == FILE_ABSENT && !create_file(store, why)) {
            return false;
        }
    }
    int flags = SQLITE_OPEN_READWRITE | (is_memory ? SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY : 0);
    const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                            "PRAGMA foreign_keys=ON; PRAGMA cache_size=-32768"; // KiB
    return open_database(store, flags, why) && (!is_memory || fill_empty(store, why)) &&
           store_convert(store, why) && store_run_sql(store, settings, "open it", why) &&
           load_known(store, why) && store_rebuild_view(store, why) &&
           store_show(store, false, why);
}

static void finalize_statements(struct store *store)
{
    sqlite3_stmt **const statements[] = {&store->add_point,     &store->add_machine,
                                         &store->add_setting,   &store->find_settings,
                                         &store->remove_failed, &store->supersede};
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    store_pieces_destroy(store->pieces);
    store->pieces = NULL;
}

static void store_free(struct store *store)
{
    finalize_statements(store);
    sqlite3_close(store->database);
    store_unlock(store);
    for (uint32_t i = 0; i < store->path_count; i++) {
        free(store->paths[i]);
    }
    free(store->paths);
    free(store->known);
    free(store->path);
    free(store);
}

struct store *store_open_to_write(const char *path, char **why)
{
    struct store *store = xcalloc(1, sizeof(*store));
    store->path = xstrdup(path);
    char *foreign = NULL;
    bool is_memory = strcmp(path, MEMORY_PATH) == 0;
    if (!is_memory && look_at(path, &foreign) == FILE_FOREIGN) { // before a lock stands beside it
        *why = foreign;
        store_free(store);
        return NULL;
    }
    free(foreign);
    if ((!is_memory && !store_lock(store, why)) || !open_file(store, why)) {
        store_free(store);
        return NULL;
    }
    return store;
}

struct store *store_open_to_read(const char *path, char **why)
{
    char *sentence = NULL;
    if (look_at(path, &sentence) != FILE_RESULTS) {
        *why = sentence;
        return NULL;
    }
    struct store *store = xcalloc(1, sizeof(*store));
    store->path = xstrdup(path);
    if (!open_database(store, SQLITE_OPEN_READONLY, why) || !load_known(store, why) ||
        !store_show(store, false, why)) {
        store_free(store);
        return NULL;
    }
    return store;
}

bool store_close(struct store *store, char **why)
{
    bool is_closed = true;
    if (store->lock_path != NULL) {
        // One plain file again, which can be copied and read where nothing may be written. Not
        // while somebody reads, nor on a full disk: the rows are then in PATH-wal, which belongs to
        // it.
        finalize_statements(store);
        sqlite3_busy_timeout(store->database, 0);
        sqlite3_exec(store->database, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
        is_closed = sqlite3_close(store->database) == SQLITE_OK;
        if (!is_closed) {
            store_fail(store, "close it", why);
        } else {
            store->database = NULL;
        }
    }
    store_free(store);
    return is_closed;
}

// --- adding ---------------------------------------------------------------------------------------
bool store_prepare(struct store *store, sqlite3_stmt **statement, const char *sql)
{
    if (*statement != NULL) {
        sqlite3_reset(*statement);
        return true;
    }
    return sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement,
                              NULL) == SQLITE_OK;
}

bool store_run_once(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code == SQLITE_DONE;
}

static bool knows_path(const struct store *store, const char *path)
{
    for (uint32_t i = 0; i < store->path_count; i++) {
        if (strcmp(store->paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}

// A swept path that is new to the file gets a column of the view.
static bool add_path(struct store *store, const char *path)
{
    if (knows_path(store, path)) {
        return true;
    }
    sqlite3_stmt *statement = NULL;
    bool is_done =
        store_prepare(store, &statement, "INSERT OR IGNORE INTO paths (path) VALUES (?)");
    if (is_done) {
        sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
        is_done = store_run_once(statement);
    }
    sqlite3_finalize(statement);
    store->paths = xrealloc(store->paths, (store->path_count + 1) * sizeof(*store->paths));
    store->paths[store->path_count++] = xstrdup(path);
    return is_done;
}

bool store_add_settings(struct store *store, sqlite3_int64 point, json_t *settings)
{
    const char *path;
    json_t *value;
    uint32_t paths = store->path_count;
    if (!store_prepare(store, &store->add_setting,
                       "INSERT OR REPLACE INTO settings VALUES (?, ?, ?)")) {
        return false;
    }
    json_object_foreach(settings, path, value)
    {
        sqlite3_bind_int64(store->add_setting, 1, point);
        sqlite3_bind_text(store->add_setting, 2, path, -1, SQLITE_TRANSIENT);
        store_bind_json(store->add_setting, 3, value);
        if (!add_path(store, path) || !store_run_once(store->add_setting)) {
            return false;
        }
    }
    char *unused = NULL;
    bool is_done = store->path_count == paths || store_rebuild_view(store, &unused);
    free(unused);
    return is_done;
}

static bool add_machines(struct store *store, sqlite3_int64 point, const char *result)
{
    const char *machine = json_scan_first(json_scan_member(result, "machines"));
    bool is_done = store_prepare(store, &store->add_machine, store_insert_machine);
    for (int i = 0; is_done && machine != NULL; i++, machine = json_scan_next(machine)) {
        sqlite3_bind_int64(store->add_machine, 1, point);
        sqlite3_bind_int64(store->add_machine, 2, i);
        store_bind_machine(store->add_machine, machine);
        is_done = store_run_once(store->add_machine);
    }
    return is_done;
}

// A text as the list of its pieces.
static bool bind_pieces(struct store *store, int parameter, const char *text)
{
    char *list = text == NULL ? NULL : store_split_text(store->pieces, text);
    sqlite3_bind_text(store->add_point, parameter, list, -1, free); // NULL: null
    return text == NULL || list != NULL;
}

static bool add_row(struct store *store, const struct store_point *point)
{
    const char sql[] =
        "INSERT INTO stored_points (key, sweep, number, status, why, settings, seed, "
        "version, git, run_seconds, run_peak_rss_bytes, finished, config, result) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    if (!store_prepare(store, &store->add_point, sql)) {
        return false;
    }
    const char *const texts[] = {point->key, point->sweep,
                                 NULL,       point_status_name(point->status),
                                 point->why, point->settings,
                                 NULL,       point->version,
                                 point->git, NULL,
                                 NULL,       point->finished};
    for (int i = 0; i < (int)(sizeof(texts) / sizeof(texts[0])); i++) {
        sqlite3_bind_text(store->add_point, i + 1, texts[i], -1, SQLITE_STATIC); // NULL: null
    }
    bool is_split = bind_pieces(store, 13, point->config) && bind_pieces(store, 14, point->result);
    sqlite3_bind_int64(store->add_point, 3, point->number);
    sqlite3_bind_int64(store->add_point, 7, (sqlite3_int64)point->seed);
    sqlite3_bind_double(store->add_point, 10, point->host_seconds);
    sqlite3_bind_int64(store->add_point, 11, (sqlite3_int64)point->peak_rss_bytes);
    return is_split && store_run_once(store->add_point);
}

// A failed point in whose place this one comes. Failed before it was resolved, it had another key;
// failed beside a point that is configured alike, it stays until one of the two is done.
static bool remove_failed(struct store *store, const struct store_point *point)
{
    const char sql[] = "DELETE FROM stored_points WHERE status = 'failed' AND point IN "
                       "(SELECT point FROM stored_points WHERE key = ?1 AND (?4 <> 'failed' OR "
                       "(sweep = ?2 AND number = ?5)) UNION ALL "
                       "SELECT point FROM stored_points WHERE status = 'failed' AND sweep = ?2 AND "
                       "settings = ?3)";
    if (!store_prepare(store, &store->remove_failed, sql)) {
        return false;
    }
    sqlite3_bind_text(store->remove_failed, 1, point->key, -1, SQLITE_STATIC);
    sqlite3_bind_text(store->remove_failed, 2, point->sweep, -1, SQLITE_STATIC);
    sqlite3_bind_text(store->remove_failed, 3, point->settings, -1, SQLITE_STATIC);
    sqlite3_bind_text(store->remove_failed, 4, point_status_name(point->status), -1, SQLITE_STATIC);
    sqlite3_bind_int64(store->remove_failed, 5, point->number);
    return store_run_once(store->remove_failed);
}

static bool add_all(struct store *store, const struct store_point *point, bool is_joined)
{
    json_t *settings = json_loads(point->settings, 0, NULL);
    bool is_done = remove_failed(store, point) && add_row(store, point);
    sqlite3_int64 row = sqlite3_last_insert_rowid(store->database);
    is_done = is_done && add_machines(store, row, point->result) &&
              store_add_settings(store, row, settings) &&
              (is_joined ? store_join_row(store, row, point) : store_supersede(store, row, point));
    json_decref(settings);
    return is_done;
}

static void checkpoint(struct store *store)
{
    double now_seconds = monotonic_seconds();
    if (now_seconds - store->checkpoint_seconds > CHECKPOINT_SECONDS) {
        sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        store->checkpoint_seconds = now_seconds;
    }
}

void store_roll_back(struct store *store)
{
    sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    store_forget_pieces(store->pieces);
}

bool store_end_transaction(struct store *store, bool is_done, const char *what, char **why)
{
    if (is_done && sqlite3_exec(store->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
        return true;
    }
    store_fail(store, what, why);
    store_roll_back(store);
    return false;
}

bool store_add(struct store *store, const struct store_point *point, char **why)
{
    if (store_has(store, point->key)) {
        return store_add_alike(store, point, why);
    }
    bool is_nested = sqlite3_get_autocommit(store->database) == 0; // of a merge
    if (is_nested) {
        if (!add_all(store, point, true)) {
            return store_fail(store, "add a point", why);
        }
    } else if (!store_run_sql(store, "BEGIN IMMEDIATE", "add a point", why) ||
               !store_end_transaction(store, add_all(store, point, false), "add a point", why)) {
        return false;
    }
    remember(store, point->key, point->status);
    if (!is_nested) {
        checkpoint(store);
    }
    return true;
}

// --- labels ---------------------------------------------------------------------------------------
bool store_set_label(struct store *store, const char *path, const char *label, char **why)
{
    char *sql = sqlite3_mprintf("INSERT INTO paths (path, label) VALUES (%Q, %Q) "
                                "ON CONFLICT (path) DO UPDATE SET label = excluded.label",
                                path, label);
    bool is_done = store_run_sql(store, sql, "add a label", why);
    sqlite3_free(sql);
    if (is_done && !knows_path(store, path)) {
        store->paths = xrealloc(store->paths, (store->path_count + 1) * sizeof(*store->paths));
        store->paths[store->path_count++] = xstrdup(path);
        is_done = store_rebuild_view(store, why);
    }
    return is_done;
}

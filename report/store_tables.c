// Tables and view of a results database. One list of a machine's columns makes the table, the
// insertion and the view.
#include "report/store_tables.h"

#include <stdlib.h>
#include <string.h>

#include "report/page/json_scan.h"
#include "sim/err.h"

// Column, type, and where the result's JSON has it. A machine of a microbenchmark has few of them.
#define MACHINE_COLUMNS(X)                                   \
    X(name, "TEXT NOT NULL", "name")                         \
    MACHINE_TIMES(X)                                         \
    X(cycles, "INTEGER", "cycles_per_training_step")         \
    X(supersteps, "INTEGER", "supersteps_per_training_step") \
    MACHINE_SIZES(X)                                         \
    MACHINE_LATER(X)
#define MACHINE_TIMES(X)                                      \
    X(kind, "TEXT", "kind")                                   \
    X(hardware, "TEXT", "hardware")                           \
    X(variant, "TEXT", "variant")                             \
    X(form, "TEXT", "form")                                   \
    X(fits, "INTEGER", "fits")                                \
    X(machine_why, "TEXT", "why")                             \
    X(clock_hz, "REAL", "clock_hz")                           \
    X(step_seconds, "REAL", "step_seconds")                   \
    X(samples_per_second, "REAL", "samples_per_second")       \
    X(error_band, "REAL", "error_band")                       \
    X(compute_seconds, "REAL", "breakdown_seconds.compute")   \
    X(exchange_seconds, "REAL", "breakdown_seconds.exchange") \
    X(sync_seconds, "REAL", "breakdown_seconds.sync")         \
    X(host_seconds, "REAL", "breakdown_seconds.host")         \
    X(launch_seconds, "REAL", "breakdown_seconds.launch")     \
    X(loop_seconds, "REAL", "breakdown_seconds.loop")         \
    X(input_copy_seconds, "REAL", "input_copy_seconds")
// A file of an older format has them behind all others.
#define MACHINE_LATER(X)                                  \
    X(links_seconds, "REAL", "breakdown_seconds.links")   \
    X(memory_seconds, "REAL", "breakdown_seconds.memory") \
    X(bound, "TEXT", "bound")                             \
    X(chips, "INTEGER", "chips")                          \
    X(replicas, "INTEGER", "replicas")                    \
    X(checkpointing, "TEXT", "checkpoint.kind")           \
    X(checkpoint, "TEXT", "checkpoint")
#define MACHINE_SIZES(X)                               \
    X(tiles_used, "INTEGER", "tiles_used")             \
    X(sram_limit_bytes, "INTEGER", "sram.limit_bytes") \
    X(sram_max_bytes, "INTEGER", "sram.max_bytes")     \
    X(sram_max_tile, "INTEGER", "sram.max_tile")       \
    X(sram_by_role, "TEXT", "sram.by_role")            \
    X(energy_joules, "REAL", "energy_joules")          \
    X(quantities, "TEXT", "quantities")

static const char tables[] =
    "CREATE TABLE machines ("
    " point INTEGER NOT NULL REFERENCES stored_points ON DELETE CASCADE, place INTEGER NOT NULL"
#define X(column, type, at) ", " #column " " type
    MACHINE_COLUMNS(X)
#undef X
        ", PRIMARY KEY (point, place)) WITHOUT ROWID;"
        "CREATE TABLE settings ("
        " point INTEGER NOT NULL REFERENCES stored_points ON DELETE CASCADE, key TEXT NOT NULL, "
        "value,"
        " PRIMARY KEY (point, key)) WITHOUT ROWID;"
        "CREATE TABLE paths (path TEXT PRIMARY KEY, label TEXT);";

const char store_insert_machine[] = "INSERT INTO machines (point, place"
#define X(column, type, at) ", " #column
    MACHINE_COLUMNS(X)
#undef X
        ") VALUES (?, ?"
#define X(column, type, at) ", ?"
    MACHINE_COLUMNS(X)
#undef X
        ")";

#define MEMBERS_MAX 64u // of a machine in a result: twice what it has

static const char *const machine_places[] = {
#define X(column, type, at) at,
    MACHINE_COLUMNS(X)
#undef X
};

#define POINT_COLUMNS                                                                       \
    "p.point AS row, p.key, p.sweep, p.number, p.status, p.why, p.seed, p.version, p.git, " \
    "p.run_seconds, p.run_peak_rss_bytes, p.finished, p.superseded"

// A row of both is named as in CSV: `machine`, where a row of the machines' table has its `name`.
#define X(column, type, at) ", m." #column
static const char view_head[] =
    "CREATE VIEW results AS SELECT " POINT_COLUMNS ", m.name AS machine" MACHINE_TIMES(
        X) ", m.cycles AS cycles_per_training_step, m.supersteps AS "
           "supersteps_per_training_step" MACHINE_SIZES(X) MACHINE_LATER(X);
#undef X

bool store_copy_machines(struct store *store, sqlite3_int64 from, sqlite3_int64 to)
{
    const char sql[] = "INSERT INTO machines (point, place"
#define X(column, type, at) ", " #column
        MACHINE_COLUMNS(X)
#undef X
            ") SELECT %lld, place"
#define X(column, type, at) ", " #column
        MACHINE_COLUMNS(X)
#undef X
            " FROM machines WHERE point = %lld";
    char *text = sqlite3_mprintf(sql, to, from);
    bool is_done = sqlite3_exec(store->database, text, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(text);
    return is_done;
}

// A path that is named like a column, such as `seed`, has that column already.
static bool is_column(const char *path)
{
    static const char *const names[] = {"row",
                                        "key",
                                        "sweep",
                                        "number",
                                        "status",
                                        "why",
                                        "seed",
                                        "version",
                                        "git",
                                        "run_seconds",
                                        "run_peak_rss_bytes",
                                        "finished",
                                        "superseded",
                                        "machine",
                                        "cycles_per_training_step",
                                        "supersteps_per_training_step",
#define X(column, type, at) #column,
                                        MACHINE_TIMES(X) MACHINE_SIZES(X) MACHINE_LATER(X)
#undef X
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], path) == 0) {
            return true;
        }
    }
    return false;
}

const char store_add_later_columns[] =
#define X(column, type, at) "ALTER TABLE machines ADD COLUMN " #column " " type ";"
    MACHINE_LATER(X)
#undef X
    ;
const char store_later_nulls[] =
#define X(column, type, at) ", NULL AS " #column
    MACHINE_LATER(X)
#undef X
    ;

bool store_create_tables(sqlite3 *database)
{
    return sqlite3_exec(database, store_point_tables, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(database, tables, NULL, NULL, NULL) == SQLITE_OK;
}

bool store_rebuild_view(struct store *store, char **why)
{
    sqlite3_str *sql = sqlite3_str_new(store->database);
    sqlite3_str_appendall(sql, "DROP VIEW IF EXISTS results; ");
    sqlite3_str_appendall(sql, view_head);
    for (uint32_t i = 0; i < store->path_count; i++) {
        if (!is_column(store->paths[i])) {
            sqlite3_str_appendf(sql,
                                ", (SELECT value FROM settings s WHERE s.point = p.point AND "
                                "s.key = %Q) AS \"%w\"",
                                store->paths[i], store->paths[i]);
        }
    }
    sqlite3_str_appendall(sql, " FROM stored_points p LEFT JOIN machines m ON m.point = p.point "
                               "ORDER BY p.sweep, p.number, m.place");
    char *text = sqlite3_str_finish(sql);
    bool is_done = text != NULL && store_run_sql(store, text, "make the view", why);
    if (text == NULL) {
        store_fail(store, "make the view", why);
    }
    sqlite3_free(text);
    return is_done;
}

void store_bind_json(sqlite3_stmt *statement, int parameter, const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        sqlite3_bind_null(statement, parameter);
    } else if (json_is_boolean(value)) {
        sqlite3_bind_int(statement, parameter, json_is_true(value));
    } else if (json_is_integer(value)) {
        sqlite3_bind_int64(statement, parameter, json_integer_value(value));
    } else if (json_is_real(value)) {
        sqlite3_bind_double(statement, parameter, json_real_value(value));
    } else if (json_is_string(value)) {
        sqlite3_bind_text(statement, parameter, json_string_value(value), -1, SQLITE_TRANSIENT);
    } else {
        char *text = json_dumps(value, JSON_COMPACT);
        sqlite3_bind_text(statement, parameter, text, -1, SQLITE_TRANSIENT);
        free(text);
    }
}

struct members { // of a machine
    struct json_member list[MEMBERS_MAX];
    uint32_t count;
};

// The value at a path such as sram.by_role; NULL: there is none.
static const char *value_at(const struct members *members, const char *path)
{
    size_t length = strcspn(path, ".");
    for (uint32_t i = 0; i < members->count; i++) {
        const struct json_member *member = &members->list[i];
        if (member->key_bytes == length && memcmp(member->key, path, length) == 0) {
            return path[length] == '\0' ? member->value
                                        : json_scan_member(member->value, path + length + 1);
        }
    }
    return NULL;
}

// Makes JSON of those members alone that are columns: they are a tenth of a machine.
void store_bind_machine(sqlite3_stmt *statement, const char *machine)
{
    struct members members;
    members.count = json_scan_members(machine, members.list, MEMBERS_MAX);
    for (size_t i = 0; i < sizeof(machine_places) / sizeof(machine_places[0]); i++) {
        json_t *value = json_scan_value(value_at(&members, machine_places[i]));
        store_bind_json(statement, (int)i + 3, value);
        json_decref(value);
    }
}

// The file of results: what it keeps, what it refuses, what a full disk does to it.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "report/store.h"
#include "sim/err.h"
#include "tests/report/store_fixture.h"

#define KEY_BYTES 33
#define TEXT_BYTES 128 // a key, and behind it settings

static const char result_text[] =
    "{\"machines\": [{\"name\": \"bow/sparse\", \"kind\": \"tiles\", \"fits\": true, "
    "\"step_seconds\": 0.5, \"breakdown_seconds\": {\"compute\": 0.25}, "
    "\"cycles_per_training_step\": 7, \"sram\": {\"by_role\": {\"weights\": 3}}}, "
    "{\"name\": \"a100/b1\", \"kind\": \"gpu\", \"fits\": true, \"step_seconds\": 2}]}";

static struct store_point make_point(char *key, uint32_t i, enum point_status status)
{
    snprintf(key, KEY_BYTES, "%08x%024x", i * 2654435761u, i);
    snprintf(key + KEY_BYTES, TEXT_BYTES - KEY_BYTES,
             "{\"training.batch\":6,\"machines.0.chip\":\"bow\",\"seed\":%u}", i);
    return (struct store_point){
        .key = key,
        .sweep = "toy",
        .number = i,
        .settings = key + KEY_BYTES,
        .status = status,
        .why = status == POINT_DONE ? NULL : "a reason",
        .config = "{\"seed\":1}",
        .result = status == POINT_FAILED ? NULL : result_text,
        .version = "0.1",
        .git = "abc",
        .seed = 1,
        .host_seconds = 0.5,
        .peak_rss_bytes = 12,
        .finished = "2026-01-01T00:00:00Z",
    };
}

static void add(struct store *store, uint32_t i, enum point_status status)
{
    char key[TEXT_BYTES];
    char *why = NULL;
    struct store_point point = make_point(key, i, status);
    if (!store_add(store, &point, &why)) {
        fail_msg("%s", why);
    }
}

static bool has(const struct store *store, uint32_t i)
{
    char key[TEXT_BYTES];
    make_point(key, i, POINT_DONE);
    return store_has(store, key);
}

// First column of the first row, as text. Owned.
static char *ask(const char *path, const char *sql)
{
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    char *answer = xstrdup(text == NULL ? "NULL" : text);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return answer;
}

static void assert_answer(const char *path, const char *sql, const char *expected)
{
    char *answer = ask(path, sql);
    assert_string_equal(answer, expected);
    free(answer);
}

struct seen {
    uint32_t count;
    uint32_t numbers[16];
    enum point_status statuses[16];
};

static bool see(void *context, const struct store_point *point)
{
    struct seen *seen = context;
    seen->numbers[seen->count] = point->number;
    seen->statuses[seen->count++] = point->status;
    assert_string_equal(point->config, "{\"seed\":1}");
    assert_int_equal(point->peak_rss_bytes, 12);
    return true;
}

static struct seen read_all(const char *path)
{
    char *why = NULL;
    struct seen seen = {0};
    struct store *store = store_open_to_read(path, &why);
    assert_non_null(store);
    assert_true(store_each(store, see, &seen, &why));
    close_store(store);
    return seen;
}

static void points_come_back_in_the_order_of_the_sweep(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    add(store, 3, POINT_DONE);
    add(store, 1, POINT_FAILED);
    add(store, 2, POINT_DOES_NOT_FIT);
    assert_true(has(store, 3));
    assert_false(has(store, 1)); // failed: runs again
    assert_true(has(store, 2));
    assert_false(has(store, 4));
    close_store(store);
    struct seen seen = read_all(places.path);
    assert_int_equal(seen.count, 3);
    assert_memory_equal(seen.numbers, ((uint32_t[]){1, 2, 3}), 12);
    assert_int_equal(seen.statuses[0], POINT_FAILED);
    assert_int_equal(seen.statuses[1], POINT_DOES_NOT_FIT);
    free_places(&places);
}

static void a_file_that_is_opened_again_knows_its_points(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    for (uint32_t i = 0; i < 3000; i++) { // more than the table of keys begins with
        add(store, i, i % 3 == 0 ? POINT_FAILED : POINT_DONE);
    }
    close_store(store);
    store = open_to_write(places.path);
    for (uint32_t i = 0; i < 3000; i++) {
        assert_int_equal(has(store, i), i % 3 != 0);
    }
    assert_int_equal(store_count(store, POINT_FAILED), 1000);
    assert_int_equal(store_count(store, POINT_DONE), 2000);
    close_store(store);
    free_places(&places);
}

static void the_view_has_a_row_for_every_machine_and_a_column_for_every_path(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    add(store, 1, POINT_DONE);
    add(store, 2, POINT_FAILED);
    close_store(store);
    assert_answer(places.path, "SELECT count(*) FROM results", "3"); // two machines, and a failure
    assert_answer(places.path, "SELECT \"training.batch\" FROM results WHERE number = 1", "6");
    assert_answer(places.path, "SELECT typeof(\"training.batch\") FROM results", "integer");
    assert_answer(places.path, "SELECT \"machines.0.chip\" FROM results WHERE number = 2", "bow");
    assert_answer(places.path, "SELECT compute_seconds FROM results WHERE machine = 'bow/sparse'",
                  "0.25");
    assert_answer(places.path, "SELECT sram_by_role FROM results WHERE machine = 'bow/sparse'",
                  "{\"weights\":3}");
    assert_answer(places.path,
                  "SELECT cycles_per_training_step FROM results WHERE machine = 'a100/b1'", "NULL");
    assert_answer(places.path, "SELECT why FROM results WHERE status = 'failed'", "a reason");
    assert_answer(places.path, "PRAGMA integrity_check", "ok");
    free_places(&places);
}

static void a_point_that_failed_gives_way_and_one_that_is_done_stays(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    add(store, 1, POINT_FAILED);
    add(store, 1, POINT_DONE);
    add(store, 1, POINT_FAILED);
    close_store(store);
    assert_answer(places.path, "SELECT group_concat(status) FROM points", "done");
    assert_answer(places.path, "SELECT count(*) FROM machines", "2");
    free_places(&places);
}

static void a_failure_before_it_had_a_key_gives_way_by_its_settings(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    add(store, 1, POINT_FAILED);
    char key[TEXT_BYTES], other[TEXT_BYTES];
    struct store_point point = make_point(key, 7, POINT_DONE);
    point.settings = make_point(other, 1, POINT_DONE).settings;
    char *why = NULL;
    assert_true(store_add(store, &point, &why));
    close_store(store);
    assert_answer(places.path, "SELECT group_concat(status) FROM points", "done");
    free_places(&places);
}

static void a_point_that_another_grid_comes_upon_gains_its_settings(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    char key[TEXT_BYTES];
    char *why = NULL;
    make_point(key, 1, POINT_DONE);
    add(store, 1, POINT_DONE);
    assert_true(store_place(store, key, "toy", 9, "{\"seed.of\":4,\"training.batch\":6}", &why));
    assert_true(store_place(store, key, "toy", 11, "{\"training.batch\":8}", &why)); // differs
    assert_true(store_place(store, key, "another", 5, "{\"x\":1}", &why));
    close_store(store);
    // "another" does not take the place in "toy"
    assert_answer(places.path, "SELECT group_concat(number) FROM points", "9,11");
    assert_answer(places.path, "SELECT \"seed.of\" FROM results WHERE number = 9", "4");
    assert_answer(places.path, "SELECT \"training.batch\" FROM results WHERE number = 9", "6");
    assert_answer(places.path, "SELECT x FROM results WHERE number = 9", "1");
    free_places(&places);
}

static void points_that_are_configured_alike_have_a_row_each(void **state)
{
    (void)state;
    struct places places = make_places(), other = make_places();
    struct store *store = open_to_write(places.path);
    char key[TEXT_BYTES];
    char *why = NULL;
    struct store_point point = make_point(key, 1, POINT_FAILED);
    assert_true(store_add(store, &point, &why));
    point.number = 2;
    point.settings = "{\"training.batch\":\"fill\"}";
    assert_true(store_add(store, &point, &why)); // failed as well: both stay
    point = make_point(key, 1, POINT_DONE);
    assert_true(store_add(store, &point, &why));
    for (uint32_t i = 0; i < 2; i++) { // the second time it is there
        assert_true(store_place(store, key, "toy", 2, "{\"training.batch\":\"fill\"}", &why));
    }
    close_store(store);
    assert_answer(places.path, "SELECT group_concat(number || status) FROM points", "1done,2done");
    assert_answer(places.path, "SELECT count(DISTINCT key) FROM points", "1");
    assert_answer(places.path, "SELECT count(*) FROM results WHERE \"training.batch\" = 'fill'",
                  "2");
    assert_answer(places.path, "SELECT sum(superseded) FROM points", "0");
    store = open_to_write(other.path);
    assert_true(store_merge(store, places.path, &why));
    close_store(store);
    assert_answer(other.path, "SELECT group_concat(number || status) FROM points", "1done,2done");
    free_places(&places);
    free_places(&other);
}

static void the_same_settings_configured_anew_supersede_the_old(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    char old_key[TEXT_BYTES], new_key[TEXT_BYTES];
    char *why = NULL;
    struct store_point old = make_point(old_key, 1, POINT_DONE);
    struct store_point new = make_point(new_key, 2, POINT_DONE);
    new.settings = old.settings;
    new.number = 1;
    add(store, 3, POINT_DONE);
    assert_true(store_add(store, &old, &why) && store_add(store, &new, &why));
    struct seen seen = {0};
    assert_true(store_each(store, see, &seen, &why));
    assert_int_equal(seen.count, 2);
    assert_true(store_show_superseded(store, true, &why));
    assert_true(store_each(store, see, &seen, &why));
    assert_int_equal(seen.count, 5);
    close_store(store);
    char *standing =
        xasprintf("SELECT key = '%s' FROM points WHERE number = 1 AND NOT superseded", new_key);
    assert_answer(places.path, standing, "1");
    store = open_to_write(places.path); // the file is as it was: the first one stands again
    assert_true(store_place(store, old_key, "toy", 1, old.settings, &why));
    close_store(store);
    assert_answer(places.path, standing, "0");
    assert_answer(places.path, "SELECT sum(superseded) FROM points", "1");
    free(standing);
    free_places(&places);
}

// As the first program wrote them: one row a key, and nothing to say which of two rows stands.
static const char old_format[] =
    "CREATE TABLE points (point INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sweep TEXT NOT NULL,"
    " number INTEGER NOT NULL, status TEXT NOT NULL, why TEXT, settings TEXT NOT NULL,"
    " seed INTEGER, version TEXT, git TEXT, run_seconds REAL, run_peak_rss_bytes INTEGER,"
    " finished TEXT, config TEXT, result TEXT);"
    "CREATE INDEX points_in_order ON points (sweep, number);"
    "CREATE INDEX points_failed ON points (sweep, settings) WHERE status = 'failed';"
    "CREATE TABLE settings (point INTEGER NOT NULL REFERENCES points ON DELETE CASCADE, key TEXT "
    "NOT "
    "NULL, value, PRIMARY KEY (point, key)) WITHOUT ROWID;"
    "CREATE TABLE paths (path TEXT PRIMARY KEY, label TEXT);"
    "CREATE TABLE machines (point INTEGER NOT NULL REFERENCES points ON DELETE CASCADE, "
    "place INTEGER NOT NULL, name, kind, hardware, variant, form, fits, "
    "machine_why, clock_hz, step_seconds, samples_per_second, error_band, "
    "compute_seconds, exchange_seconds, sync_seconds, host_seconds, "
    "launch_seconds, loop_seconds, input_copy_seconds, cycles, supersteps, "
    "tiles_used, sram_limit_bytes, sram_max_bytes, sram_max_tile, sram_by_role, "
    "energy_joules, quantities, "
    "PRIMARY KEY (point, place)) WITHOUT ROWID;"
    "INSERT INTO points (key, sweep, number, status, settings, finished, config, "
    "run_peak_rss_bytes) VALUES "
    "('a', 's', 0, 'done', '{}', '2026-01-02', '{\"seed\":1}', 12), ('b', 's', 0, 'done', '{}', "
    "'2026-01-01', '{\"seed\":1}', 12);"
    "INSERT INTO settings VALUES (1, 'x', 3);"
    "PRAGMA application_id=1953721649; PRAGMA user_version=1";

static void a_file_of_the_first_format_is_read_and_is_converted_to_write(void **state)
{
    (void)state;
    struct places places = make_places();
    sqlite3 *database;
    assert_int_equal(sqlite3_open(places.path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, old_format, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    char *why = NULL;
    struct seen seen = {0};
    struct store *store = store_open_to_read(places.path, &why);
    assert_non_null(store);
    assert_true(store_each(store, see, &seen, &why));
    assert_int_equal(seen.count, 2);
    close_store(store);
    assert_answer(places.path, "PRAGMA user_version", "1"); // reading changes nothing
    close_store(open_to_write(places.path));
    assert_answer(places.path, "PRAGMA user_version", "4");
    assert_answer(places.path, "SELECT group_concat(key || superseded) FROM points", "a0,b1");
    assert_answer(places.path, "SELECT count(*) FROM settings", "1");
    assert_answer(places.path, "PRAGMA integrity_check", "ok");
    free_places(&places);
}

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

static void a_file_that_is_something_else_is_refused_and_stays_as_it_is(void **state)
{
    (void)state;
    struct places places = make_places();
    char *why = NULL;
    write_text(places.path, "precious text");
    assert_null(store_open_to_write(places.path, &why));
    char *expected = xasprintf("%s: not a results database of tilesim", places.path);
    assert_string_equal(why, expected);
    free(why);
    assert_null(store_open_to_read(places.path, &why));
    assert_string_equal(why, expected);
    free(why);
    free(expected);
    struct stat status;
    assert_int_equal(stat(places.path, &status), 0);
    assert_int_equal(status.st_size, strlen("precious text"));
    free_places(&places); // and no lock lies beside it
}

static void another_program_s_database_is_refused(void **state)
{
    (void)state;
    struct places places = make_places();
    sqlite3 *database;
    char *why = NULL;
    assert_int_equal(sqlite3_open(places.path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_null(store_open_to_write(places.path, &why));
    assert_non_null(strstr(why, "not a results database of tilesim"));
    free(why);
    free_places(&places);
}

static void a_missing_file_cannot_be_read(void **state)
{
    (void)state;
    char *why = NULL;
    assert_null(store_open_to_read("/nonexistent/results.db", &why));
    assert_string_equal(why, "/nonexistent/results.db: No such file or directory");
    free(why);
    assert_null(store_open_to_write("/nonexistent/results.db", &why));
    assert_non_null(strstr(why, "/nonexistent/results.db.lock: No such file or directory"));
    free(why);
}

// What another process is told that opens the file to write. Owned.
static char *refusal_in_child(const char *path)
{
    int ends[2];
    char text[512] = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char *why = NULL;
        struct store *store = store_open_to_write(path, &why);
        const char *answer = store == NULL ? why : "opened";
        _exit(write(ends[1], answer, strlen(answer)) < 0);
    }
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return xstrdup(text);
}

static void a_second_writer_is_refused_while_the_first_is_there(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    char *said = refusal_in_child(places.path);
    char *expected = xasprintf("%s: another process (%ld) writes to it and holds the lock %s.lock",
                               places.path, (long)getpid(), places.path);
    assert_string_equal(said, expected);
    free(said);
    free(expected);
    add(store, 1, POINT_DONE);
    assert_int_equal(read_all(places.path).count, 1); // a reader is welcome
    close_store(store);
    free_places(&places);
}

static void a_writer_that_was_killed_leaves_its_points_and_no_lock(void **state)
{
    (void)state;
    struct places places = make_places();
    pid_t child = fork();
    if (child == 0) {
        struct store *store = open_to_write(places.path);
        for (uint32_t i = 0; i < 10; i++) {
            add(store, i, POINT_DONE);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(read_all(places.path).count, 10);
    struct store *store = open_to_write(places.path);
    assert_true(has(store, 9));
    close_store(store);
    free_places(&places);
}

// A limit on the size of files does to a writer what a full disk does.
static void a_full_disk_is_said_and_leaves_the_file_whole(void **state)
{
    (void)state;
    struct places places = make_places();
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){400000, 400000});
        struct store *store = open_to_write(places.path);
        char *why = NULL;
        char key[TEXT_BYTES];
        uint32_t added = 0;
        for (; added < 10000 && why == NULL; added += why == NULL) {
            struct store_point point = make_point(key, added, POINT_DONE);
            store_add(store, &point, &why);
        }
        bool is_said = why != NULL && strncmp(why, places.path, strlen(places.path)) == 0 &&
                       strstr(why, "cannot add a point") != NULL;
        bool goes_on = store_has(store, "00000000000000000000000000000000"); // the first point
        store_close(store, &why);
        _exit(is_said && goes_on ? (int)(added / 10) : 255);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 1, 254); // some were added, then it was said
    assert_answer(places.path, "PRAGMA integrity_check", "ok");
    char *count = ask(places.path, "SELECT count(*) FROM points");
    assert_int_equal(atoi(count) / 10, WEXITSTATUS(status)); // all that store_add() said it added
    free(count);
    close_store(open_to_write(places.path)); // takes in what was left beside it
    free_places(&places);
}

static void a_merge_adds_what_is_new(void **state)
{
    (void)state;
    struct places first = make_places(), second = make_places();
    char *why = NULL;
    struct store *store = open_to_write(second.path);
    add(store, 1, POINT_DONE);
    add(store, 2, POINT_DONE);
    assert_true(store_set_label(store, "training.batch", "samples", &why));
    close_store(store);
    store = open_to_write(first.path);
    add(store, 1, POINT_FAILED);
    add(store, 5, POINT_DONE);
    assert_true(store_merge(store, second.path, &why));
    assert_false(store_merge(store, "/nonexistent.db", &why));
    free(why);
    close_store(store);
    assert_answer(first.path, "SELECT group_concat(number || status) FROM points",
                  "5done,1done,2done");
    assert_answer(first.path, "SELECT label FROM paths WHERE path = 'training.batch'", "samples");
    free_places(&first);
    free_places(&second);
}

static void a_store_in_memory_takes_points_of_files(void **state)
{
    (void)state;
    struct places places = make_places();
    struct store *store = open_to_write(places.path);
    add(store, 1, POINT_DONE);
    close_store(store);
    char *why = NULL;
    struct seen seen = {0};
    store = open_to_write(":memory:");
    assert_true(store_merge(store, places.path, &why));
    assert_true(store_each(store, see, &seen, &why));
    assert_int_equal(seen.count, 1);
    close_store(store);
    free_places(&places);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_come_back_in_the_order_of_the_sweep),
        cmocka_unit_test(a_file_that_is_opened_again_knows_its_points),
        cmocka_unit_test(the_view_has_a_row_for_every_machine_and_a_column_for_every_path),
        cmocka_unit_test(a_point_that_failed_gives_way_and_one_that_is_done_stays),
        cmocka_unit_test(a_failure_before_it_had_a_key_gives_way_by_its_settings),
        cmocka_unit_test(a_point_that_another_grid_comes_upon_gains_its_settings),
        cmocka_unit_test(points_that_are_configured_alike_have_a_row_each),
        cmocka_unit_test(the_same_settings_configured_anew_supersede_the_old),
        cmocka_unit_test(a_file_of_the_first_format_is_read_and_is_converted_to_write),
        cmocka_unit_test(a_file_that_is_something_else_is_refused_and_stays_as_it_is),
        cmocka_unit_test(another_program_s_database_is_refused),
        cmocka_unit_test(a_missing_file_cannot_be_read),
        cmocka_unit_test(a_second_writer_is_refused_while_the_first_is_there),
        cmocka_unit_test(a_writer_that_was_killed_leaves_its_points_and_no_lock),
        cmocka_unit_test(a_full_disk_is_said_and_leaves_the_file_whole),
        cmocka_unit_test(a_merge_adds_what_is_new),
        cmocka_unit_test(a_store_in_memory_takes_points_of_files),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

// Long texts in a file of results: equal parts are there once, and every text comes back as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "report/page/sweep_model.h"
#include "report/store.h"
#include "sim/err.h"
#include "tests/report/store_fixture.h"

#define PARTS 200u

// 20 KB that differ by point in one of many parts. Odd spaces and escapes are the text's own.
static char *make_text(const char *what, uint32_t point)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fprintf(stream, "{\"what\":\"%s \\\"]}, \\\\\" , \"machines\":[{\"name\":\"m\", \"shares\":[",
            what);
    for (uint32_t i = 0; i < PARTS; i++) {
        fprintf(stream, "%s{\"name\":\"a part of the schedule, the %uth\",\"cycles\":%u}",
                i == 0       ? ""
                : i % 2 == 0 ? ","
                             : ", ",
                i, i == point ? 1000000 + point : i);
    }
    fprintf(stream, "]}]}");
    fclose(stream);
    return text;
}

static bool try_to_add(struct store *store, uint32_t i, char **why)
{
    char key[33];
    snprintf(key, sizeof(key), "%08x%024x", i * 2654435761u, i);
    char *config = make_text("config", i), *result = make_text("result", i);
    char *settings = xasprintf("{\"seed\":%u}", i);
    struct store_point point = {.key = key,
                                .sweep = "s",
                                .number = i,
                                .settings = settings,
                                .status = POINT_DONE,
                                .config = config,
                                .result = result,
                                .finished = "2026-01-01T00:00:00Z"};
    bool is_added = store_add(store, &point, why);
    free(config);
    free(result);
    free(settings);
    return is_added;
}

static void add(struct store *store, uint32_t i)
{
    char *why = NULL;
    assert_true(try_to_add(store, i, &why));
}

static bool see(void *context, const struct store_point *point)
{
    uint32_t *count = context;
    char *config = make_text("config", point->number), *result = make_text("result", point->number);
    assert_string_equal(point->config, config);
    assert_string_equal(point->result, result);
    (*count)++;
    free(config);
    free(result);
    return true;
}

static uint32_t read_all(const char *path)
{
    char *why = NULL;
    uint32_t count = 0;
    struct store *store = store_open_to_read(path, &why);
    assert_non_null(store);
    assert_true(store_each(store, see, &count, &why));
    close_store(store);
    return count;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static char *ask(const char *path, const char *sql)
{
    sqlite3 *database;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(row, 0);
    char *answer = xstrdup(text == NULL ? "NULL" : text);
    sqlite3_finalize(row);
    sqlite3_close(database);
    return answer;
}

static void assert_answer(const char *path, const char *sql, const char *expected)
{
    char *answer = ask(path, sql);
    assert_string_equal(answer, expected);
    free(answer);
}

static void texts_come_back_as_they_were_in_c_and_in_sql(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    for (uint32_t i = 0; i < 50; i++) {
        add(store, i);
    }
    uint32_t count = 0;
    char *why = NULL;
    assert_true(store_each(store, see, &count, &why)); // the one that writes reads too
    assert_int_equal(count, 50);
    close_store(store);
    assert_int_equal(read_all(file.path), 50);
    char *config = make_text("config", 7), *result = make_text("result", 7);
    assert_answer(file.path, "SELECT config FROM points WHERE number = 7", config);
    assert_answer(file.path, "SELECT result FROM points WHERE number = 7", result);
    free(config);
    free(result);
    free_places(&file);
}

static void equal_parts_are_stored_once(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    add(store, 1);
    char *first = ask(file.path, "SELECT count(*) FROM pieces");
    for (uint32_t i = 2; i < 50; i++) {
        add(store, i);
    }
    close_store(store);
    store = open_to_write(file.path); // it knows the pieces that are there
    for (uint32_t i = 50; i < 100; i++) {
        add(store, i);
    }
    close_store(store);
    // of each further point one part of its schedule, which its two texts share, and what the first
    // one had there
    char *expected = xasprintf("%d", atoi(first) + 99);
    assert_answer(file.path, "SELECT count(*) FROM pieces", expected);
    assert_answer(file.path, "SELECT count(*) - count(DISTINCT text) FROM pieces", "0");
    struct stat status;
    assert_int_equal(stat(file.path, &status), 0);
    assert_true(status.st_size < 100 * 8000); // of 30 KB of text a point
    assert_int_equal(read_all(file.path), 99);
    free(first);
    free(expected);
    free_places(&file);
}

// The pieces of a point that could not be added are gone with it: the next one must not count on
// them.
static void pieces_of_a_point_that_was_undone_are_written_again(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    char *why = NULL;
    run_sql(file.path, "CREATE TRIGGER no BEFORE INSERT ON machines BEGIN "
                       "SELECT raise(ABORT, 'the disk is full'); END");
    assert_false(try_to_add(store, 1, &why));
    assert_non_null(strstr(why, "cannot add a point: the disk is full"));
    free(why);
    run_sql(file.path, "DROP TRIGGER no");
    add(store, 2);
    add(store, 1);
    close_store(store);
    assert_int_equal(read_all(file.path), 2);
    free_places(&file);
}

static void a_missing_piece_is_said(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    add(store, 1);
    close_store(store);
    run_sql(file.path, "DELETE FROM pieces WHERE piece = 9");
    char *why = NULL;
    uint32_t count = 0;
    store = store_open_to_read(file.path, &why);
    assert_false(store_each(store, see, &count, &why));
    char *expected =
        xasprintf("%s: cannot read the points: a piece of a text is missing", file.path);
    assert_string_equal(why, expected);
    free(expected);
    free(why);
    close_store(store);
    free_places(&file);
}

// What this program wrote, as formats 3 and 2 had it.
#define AS_FORMAT_3                                                                   \
    "DROP VIEW results; ALTER TABLE machines DROP COLUMN links_seconds;"              \
    "ALTER TABLE machines DROP COLUMN memory_seconds;"                                \
    "ALTER TABLE machines DROP COLUMN bound; ALTER TABLE machines DROP COLUMN chips;" \
    "ALTER TABLE machines DROP COLUMN replicas;"                                      \
    "ALTER TABLE machines DROP COLUMN checkpointing;"                                 \
    "ALTER TABLE machines DROP COLUMN checkpoint; PRAGMA user_version=3;"
static const char as_format_2[] =
    "PRAGMA foreign_keys=OFF;" AS_FORMAT_3 "CREATE TABLE old AS SELECT * FROM points;"
    "DROP VIEW points; DROP TABLE pieces; DELETE FROM stored_points;"
    "INSERT INTO stored_points SELECT * FROM old; DROP TABLE old;"
    "ALTER TABLE stored_points RENAME TO points; PRAGMA user_version=2";

static void a_file_of_whole_texts_is_read_and_is_converted_to_write(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    for (uint32_t i = 0; i < 20; i++) {
        add(store, i);
    }
    close_store(store);
    run_sql(file.path, as_format_2);
    struct stat before, after;
    assert_int_equal(stat(file.path, &before), 0);
    assert_int_equal(read_all(file.path), 20);
    assert_answer(file.path, "PRAGMA user_version", "2"); // reading changes nothing
    store = open_to_write(file.path);
    add(store, 20);
    close_store(store);
    assert_answer(file.path, "PRAGMA user_version", "4");
    assert_answer(file.path, "SELECT count(*) FROM pragma_foreign_key_check", "0");
    assert_int_equal(read_all(file.path), 21);
    assert_int_equal(stat(file.path, &after), 0);
    assert_true(after.st_size < before.st_size / 3);
    run_sql(file.path, "PRAGMA foreign_keys=ON; DELETE FROM stored_points WHERE number < 20");
    assert_answer(file.path, "SELECT count(*) FROM machines", "1"); // they went with their points
    free_places(&file);
}

static void a_file_without_columns_of_links_gets_them_when_it_is_written_to(void **state)
{
    (void)state;
    struct places file = make_places();
    struct store *store = open_to_write(file.path);
    add(store, 0);
    close_store(store);
    run_sql(file.path, "UPDATE machines SET name = 'a', hardware = 'bow';" AS_FORMAT_3);
    char *why = NULL;
    store = store_open_to_read(file.path, &why);
    assert_non_null(store);
    json_t *page = sweep_model_create(store, &why); // asks for every column
    assert_non_null(page);
    json_decref(page);
    close_store(store);
    assert_answer(file.path, "PRAGMA user_version", "3");
    store = open_to_write(file.path);
    add(store, 1);
    close_store(store);
    assert_answer(file.path, "PRAGMA user_version", "4");
    assert_int_equal(read_all(file.path), 2);
    assert_answer(file.path, "SELECT count(*) FROM machines WHERE links_seconds IS NULL", "2");
    assert_answer(file.path, "SELECT count(name) FROM machines", "2");
    free_places(&file);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back_as_they_were_in_c_and_in_sql),
        cmocka_unit_test(equal_parts_are_stored_once),
        cmocka_unit_test(pieces_of_a_point_that_was_undone_are_written_again),
        cmocka_unit_test(a_missing_piece_is_said),
        cmocka_unit_test(a_file_of_whole_texts_is_read_and_is_converted_to_write),
        cmocka_unit_test(a_file_without_columns_of_links_gets_them_when_it_is_written_to),
    };
    return cmocka_run_group_tests_name("store_pieces", tests, NULL, NULL);
}

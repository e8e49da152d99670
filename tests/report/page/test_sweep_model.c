// The data of a sweep's page, out of a store that is made here.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/page/column.h"
#include "report/page/json_scan.h"
#include "report/page/sweep.h"
#include "report/page/sweep_model.h"
#include "report/page/sweep_shares.h"
#include "sim/err.h"

// --- scanning -------------------------------------------------------------------------------------
static void a_member_is_found_behind_texts_that_look_like_structure(void **state)
{
    (void)state;
    const char object[] = "{ \"a\\\"}\": \"]}{\\\\\", \"b\" : [1, {\"c\": \"x\"}], \"c\": -2.5e3 }";
    assert_int_equal((int)strtod(json_scan_member(object, "c"), NULL), -2500);
    const char *item = json_scan_first(json_scan_member(object, "b"));
    assert_memory_equal(item, "1,", 2);
    item = json_scan_next(item);
    assert_memory_equal(json_scan_member(item, "c"), "\"x\"", 3);
    assert_null(json_scan_next(item));
    assert_null(json_scan_member(object, "d"));
    assert_null(json_scan_first("[ ]"));
    assert_null(json_scan_member("[1]", "c"));
    assert_null(json_scan_member(NULL, "c"));
}

static void a_text_that_was_cut_off_ends_the_scan(void **state)
{
    (void)state;
    assert_null(json_scan_member("{\"a\": [1, {\"b\": \"never", "z"));
    assert_null(json_scan_member("{\"a\"", "a"));
    assert_null(json_scan_member("{", "a"));
    assert_null(json_scan_next(json_scan_first("[\"x\\")));
}

// --- columns --------------------------------------------------------------------------------------
static void check_column(const double *values, uint32_t count, uint32_t digits,
                         const char *expected)
{
    struct column column = {0};
    for (uint32_t i = 0; i < count; i++) {
        column_add(&column, values[i]);
    }
    json_t *json = column_to_json(&column, digits);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
    column_free(&column);
}

static void a_column_takes_the_least_room(void **state)
{
    (void)state;
    check_column((double[]){7, 7, 7}, 3, 5, "{\"c\":7}");
    check_column((double[]){1, 2, 1, 2, 1, 2, 1}, 7, 5, "{\"d\":[1,2],\"i\":[0,1,0,1,0,1,0]}");
    check_column((double[]){0.123456789, NAN, 1e-9}, 3, 5, "[0.12346,null,1e-9]");
    check_column((double[]){123456789, 2}, 2, 5, "[123456789,2]"); // integers stay whole
    check_column((double[]){NAN, NAN}, 2, 5, "{\"c\":null}");
    check_column(NULL, 0, 5, "[]");
}

static void equal_texts_are_kept_once(void **state)
{
    (void)state;
    struct texts *texts = texts_create();
    for (uint32_t i = 0; i < 3000; i++) { // past the first growth of the table
        char name[16];
        snprintf(name, sizeof(name), "text %u", i % 1000);
        assert_int_equal(texts_add(texts, name), i % 1000);
    }
    assert_int_equal(texts_count(texts), 1000);
    assert_int_equal(texts_add(texts, NULL), -1);
    assert_string_equal(texts_at(texts, 999), "text 999");
    texts_destroy(texts);
}

// --- shares ---------------------------------------------------------------------------------------
static const char parts[] =
    "[{\"name\": \"F3 move\", \"cycles\": 300}, {\"name\":\"F3 update\",\"cycles\":200},"
    "{\"name\": \"say \\\"x\\\"\", \"cycles\": 500}]";

static json_t *shares_of(bool has_parts)
{
    struct shares *shares = shares_create(has_parts);
    shares_add(shares, parts, 1000);
    shares_add(shares, NULL, NAN); // a GPU
    json_t *json = json_object();
    shares_add_to_json(shares, json);
    shares_destroy(shares);
    return json;
}

static void check_json(const json_t *json, const char *key, const char *expected)
{
    char *text = json_dumps(json_object_get(json, key),
                            JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void shares_are_ten_thousandths_of_the_step(void **state)
{
    (void)state;
    json_t *json = shares_of(true);
    check_json(json, "schedules", "[[\"F3 move\",\"F3 update\",\"say \\\"x\\\"\"]]");
    check_json(json, "schedule", "[0,null]");
    check_json(json, "shares", "[[3000,2000,5000],0]");
    json_decref(json);
}

static void in_large_sweeps_parts_of_a_row_are_added_up(void **state)
{
    (void)state;
    json_t *json = shares_of(false);
    check_json(json, "schedules", "[[\"F3\",\"other\"]]");
    check_json(json, "shares", "[[5000,5000],0]");
    json_decref(json);
}

// --- the model ------------------------------------------------------------------------------------
static const char done_result[] =
    "{\"training\": [{\"form\": \"sparse\", \"steps\": 2, \"loss\": [2.5, 1.25], \"accuracy\": "
    "0.75}],"
    "\"activity\": [{\"form\": \"sparse\", \"layer\": 0, \"neurons\": 24, "
    "\"spikes_per_time_step_per_sample\": 3.0},"
    "{\"form\": \"sparse\", \"layer\": 1, \"neurons\": 10, \"spikes_per_time_step_per_sample\": "
    "2.0},"
    "{\"form\": \"sparse\", \"layer\": 2, \"neurons\": 4, \"spikes_per_time_step_per_sample\": "
    "1.0}],"
    "\"machines\": [{\"name\": \"toy/sparse\", \"kind\": \"tiles\", \"hardware\": \"toy\", "
    "\"variant\": \"sparse\","
    "\"form\": \"sparse\", \"fits\": true, \"why\": null, \"step_seconds\": 0.5, "
    "\"samples_per_second\": 12.0,"
    "\"error_band\": 0.1, \"cycles_per_training_step\": 1000, \"tiles_used\": 3,"
    "\"breakdown_seconds\": {\"compute\": 0.3, \"exchange\": 0.2, \"memory\": 0.05},"
    "\"sram\": {\"limit_bytes\": 100, \"max_bytes\": 60, \"by_role\": {\"code\": 40, \"stack\": "
    "20},"
    "\"by_tile\": {\"bytes\": [10, 60], \"tiles\": [1, 0, -1]}},"
    "\"shares\": [{\"name\": \"F1 index\", \"cycles\": 250}, {\"name\": \"B1 index\", \"cycles\": "
    "750}]},"
    "{\"name\": \"gpu/b0\", \"kind\": \"gpu\", \"hardware\": \"gpu\", \"variant\": \"b0\", "
    "\"form\": \"dense\","
    "\"fits\": true, \"step_seconds\": 1.0, \"sram\": {\"by_role\": {}, \"by_tile\": null}, "
    "\"shares\": []}]}";
static const char misfit_result[] =
    "{\"machines\": [{\"name\": \"toy/sparse\", \"kind\": \"tiles\", \"hardware\": \"toy\", "
    "\"variant\": \"sparse\","
    "\"form\": \"sparse\", \"fits\": false, \"why\": \"tile 3 is full\", \"step_seconds\": null,"
    "\"sram\": {\"limit_bytes\": 100, \"max_bytes\": 130, \"by_role\": {\"code\": 40, \"stack\": "
    "90}},"
    "\"shares\": []}]}";
static const char config[] =
    "{\"experiment\": \"x\", \"network\": {\"inputs\": 5, \"hidden\": [8, 6]}, \"machines\": "
    "[{\"name\": \"toy/sparse\", \"chip\": {\"name\": "
    "\"toy\", \"tiles\": 3}}, {\"name\": \"gpu\", \"gpu\": {\"name\": \"gpu\"}}]}";

static void add_point(struct store *store, uint32_t number, const char *settings,
                      enum point_status status, const char *result)
{
    char key[33];
    snprintf(key, sizeof(key), "%032x", number + 1);
    struct store_point point = {.key = key,
                                .sweep = "small </script><b>",
                                .number = number,
                                .settings = settings,
                                .status = status,
                                .why = status == POINT_DONE ? NULL : "for a reason",
                                .config = result == NULL ? NULL : config,
                                .result = result,
                                .version = "1.0",
                                .git = "abc",
                                .seed = 1,
                                .host_seconds = 0.25,
                                .finished =
                                    number == 0 ? "2026-01-02T00:00:00Z" : "2026-01-01T00:00:00Z"};
    char *why = NULL;
    assert_true(store_add(store, &point, &why));
}

static struct store *make_store(void)
{
    char *why = NULL;
    struct store *store = store_open_to_write(":memory:", &why);
    assert_non_null(store);
    add_point(store, 0, "{\"network.max_activity\": 0.5, \"network.hidden\": [8, 8]}", POINT_DONE,
              done_result);
    add_point(store, 1, "{\"network.max_activity\": 1, \"network.hidden\": [8, 8]}",
              POINT_DOES_NOT_FIT, misfit_result);
    add_point(store, 2, "{\"network.max_activity\": \"1\"}", POINT_FAILED, NULL);
    assert_true(store_set_label(store, "network.max_activity", "cap", &why));
    return store;
}

static void close_store(struct store *store)
{
    char *why = NULL;
    assert_true(store_close(store, &why));
}

static json_t *make_model(void)
{
    struct store *store = make_store();
    char *why = NULL;
    json_t *model = sweep_model_create(store, &why);
    assert_non_null(model);
    close_store(store);
    return model;
}

static void every_point_is_there_with_its_status(void **state)
{
    (void)state;
    json_t *model = make_model();
    const json_t *points = json_object_get(model, "points");
    check_json(points, "count", "3");
    check_json(points, "status", "[0,1,2]");
    check_json(points, "density", "[0.2,null,null]");
    check_json(points, "layers",
               "[1,2,null]"); // the second has no activity: its configuration tells
    check_json(points, "neurons", "[10,14,null]");
    check_json(points, "inputs", "[24,5,null]");
    check_json(points, "accuracy", "[0.75,null,null]");
    check_json(points, "loss", "[1.25,null,null]");
    check_json(model, "first", "\"2026-01-01T00:00:00Z\"");
    check_json(model, "last", "\"2026-01-02T00:00:00Z\"");
    json_decref(model);
}

static void an_axis_tells_a_number_from_its_text(void **state)
{
    (void)state;
    json_t *model = make_model();
    const json_t *axis = json_array_get(json_object_get(model, "axes"), 0);
    check_json(axis, "path", "\"network.max_activity\"");
    check_json(axis, "label", "\"cap\"");
    check_json(axis, "values", "[0.5,1,\"1\"]");
    check_json(axis, "of", "[0,1,2]");
    axis = json_array_get(json_object_get(model, "axes"), 1);
    check_json(axis, "values", "[[8,8]]");
    check_json(axis, "of", "[0,0,null]"); // the third point does not set it
    json_decref(model);
}

static void a_machine_is_a_row_and_a_failed_point_has_none(void **state)
{
    (void)state;
    json_t *model = make_model();
    const json_t *rows = json_object_get(model, "rows");
    check_json(rows, "count", "3");
    check_json(rows, "point", "[0,0,1]");
    check_json(rows, "fits", "[1,1,0]");
    check_json(rows, "step", "[0.5,1,null]");
    check_json(rows, "sram", "[60,null,130]");
    check_json(rows, "memory", "[0,1,2]"); // a place in `memory`, not seconds
    check_json(rows, "streaming", "[0.05,null,null]");
    check_json(rows, "map", "[0,-1,-1]");
    check_json(rows, "shares", "[[2500,7500],0,0]");
    check_json(model, "roles", "[\"code\",\"stack\"]");
    check_json(model, "memory", "[[40,20],[],[40,90]]");
    check_json(model, "maps", "[{\"bytes\":[10,60],\"tiles\":[1,0,-1]}]");
    const json_t *hardware = json_object_get(model, "hardware");
    check_json(hardware, "toy", "{\"name\":\"toy\",\"tiles\":3}");
    check_json(hardware, "gpu", "{\"name\":\"gpu\"}");
    json_decref(model);
}

// --- the page -------------------------------------------------------------------------------------
static char *read_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    char *text = xcalloc(1, 4u << 20);
    assert_true(fread(text, 1, (4u << 20) - 1, stream) > 0);
    fclose(stream);
    return text;
}

static void names_cannot_end_the_island(void **state)
{
    (void)state;
    char path[] = "/tmp/tilesim-page-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    struct store *store = make_store();
    char *why = NULL;
    assert_true(sweep_page_write(store, path, &why));
    close_store(store);
    char *page = read_file(path);
    const char *island = strstr(page, "<script type=\"application/json\"");
    assert_non_null(island);
    const char *end = strstr(island, "</script>");
    assert_non_null(strstr(island, "small \\u003c/script>\\u003cb>"));
    json_t *data =
        json_loadb(strchr(island, '>') + 1, (size_t)(end - strchr(island, '>') - 1), 0, NULL);
    assert_non_null(data); // the whole of it
    json_decref(data);
    assert_non_null(strstr(end, "Chart.js v3")); // the library is inside
    assert_null(strstr(page, "src="));
    free(page);
    unlink(path);
}

static void a_page_that_cannot_be_written_is_said_so(void **state)
{
    (void)state;
    struct store *store = make_store();
    char *why = NULL;
    assert_false(sweep_page_write(store, "/nowhere/page.html", &why));
    assert_string_equal(why,
                        "/nowhere/page.html: cannot write the page: No such file or directory");
    free(why);
    close_store(store);
}

static void an_empty_store_has_a_page(void **state)
{
    (void)state;
    char *why = NULL;
    struct store *store = store_open_to_write(":memory:", &why);
    json_t *model = sweep_model_create(store, &why);
    assert_non_null(model);
    check_json(json_object_get(model, "points"), "count", "0");
    json_decref(model);
    close_store(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_behind_texts_that_look_like_structure),
        cmocka_unit_test(a_text_that_was_cut_off_ends_the_scan),
        cmocka_unit_test(a_column_takes_the_least_room),
        cmocka_unit_test(equal_texts_are_kept_once),
        cmocka_unit_test(shares_are_ten_thousandths_of_the_step),
        cmocka_unit_test(in_large_sweeps_parts_of_a_row_are_added_up),
        cmocka_unit_test(every_point_is_there_with_its_status),
        cmocka_unit_test(an_axis_tells_a_number_from_its_text),
        cmocka_unit_test(a_machine_is_a_row_and_a_failed_point_has_none),
        cmocka_unit_test(names_cannot_end_the_island),
        cmocka_unit_test(a_page_that_cannot_be_written_is_said_so),
        cmocka_unit_test(an_empty_store_has_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

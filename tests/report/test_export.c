// Tables, CSV and JSON of a store; joining stores that disagree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/export.h"
#include "report/merge.h"
#include "sim/err.h"

#define SETTINGS(cap, hidden) "{\"network.max_activity\":" cap ",\"network.hidden\":" hidden "}"
#define MACHINE(name, kind, seconds, band)                                                  \
    "{\"name\":\"" name "\",\"kind\":\"" kind "\",\"hardware\":\"bow\",\"fits\":true,"      \
    "\"step_seconds\":" seconds ",\"samples_per_second\":48000,\"error_band\":" band        \
    ",\"why\":\"energy, \\\"joules\\\": none\",\"breakdown_seconds\":{\"compute\":0.00025," \
    "\"host\":0},\"cycles_per_training_step\":1850000,\"tiles_used\":1472,"                 \
    "\"sram\":{\"max_bytes\":1000,\"limit_bytes\":638976}}"
#define MISFIT                                                                         \
    "{\"name\":\"bow/sparse\",\"kind\":\"tiles\",\"hardware\":\"bow\",\"fits\":false," \
    "\"step_seconds\":null,\"why\":\"tile 3: too small\"}"
#define RESULT(machines) "{\"tilesim\":{\"git\":\"x\"},\"machines\":[" machines "],\"simulator\":7}"

static const char both[] = RESULT(MACHINE("bow/sparse", "tiles", "0.001", "0.3") "," MACHINE(
    "a100/b1", "gpu", "0.01", "0.4") "," MACHINE("a100/b4", "gpu", "0.004", "null"));
static const char misfit[] = RESULT(MISFIT "," MACHINE("a100/b1", "gpu", "0.01", "0.4"));

static struct store_point make_point(const char *key, uint32_t number, const char *settings,
                                     const char *result)
{
    return (struct store_point){
        .key = key,
        .sweep = "caps",
        .number = number,
        .settings = settings,
        .status = result == NULL     ? POINT_FAILED
                  : result == misfit ? POINT_DOES_NOT_FIT
                                     : POINT_DONE,
        .why = result == both ? NULL : "killed by signal 11",
        .config = "{\"seed\":1}",
        .result = result,
        .version = "0.1.0",
        .git = "abc",
        .seed = 1,
        .host_seconds = 0.5,
        .peak_rss_bytes = 4096,
        .finished = "2026-01-01T00:00:00Z",
    };
}

#define KEY(digit) "0000000000000000000000000000000" digit

static void add(struct store *store, const struct store_point *point)
{
    char *why = NULL;
    if (!store_add(store, point, &why)) {
        fail_msg("%s", why);
    }
}

static struct store *open_store(const char *path)
{
    char *why = NULL;
    struct store *store = store_open_to_write(path, &why);
    assert_non_null(store);
    return store;
}

static void close_store(struct store *store)
{
    char *why = NULL;
    assert_true(store_close(store, &why));
}

static struct store *three_points(void)
{
    struct store *store = open_store(":memory:");
    struct store_point fits = make_point(KEY("1"), 0, SETTINGS("0.005", "[8,6]"), both);
    struct store_point misfits = make_point(KEY("2"), 1, SETTINGS("0.1", "[9]"), misfit);
    struct store_point fails = make_point(KEY("3"), 2, SETTINGS("0.1", "[10]"), NULL);
    add(store, &fails);
    add(store, &misfits);
    add(store, &fits);
    return store;
}

static struct export *read_export(struct store *store, const char *baseline)
{
    char *why = NULL;
    struct export *export = export_read(store, &why);
    assert_non_null(export);
    assert_true(export_choose_baseline(export, baseline, &why));
    return export;
}

static char *print(const struct export *export, bool has_colour, uint32_t width)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    export_print(export, stream, has_colour, width);
    fclose(stream);
    return text;
}

static void assert_prints(const struct export *export, uint32_t width, const char *expected)
{
    char *text = print(export, false, width);
    assert_string_equal(text, expected);
    free(text);
}

static void a_table_has_a_row_for_every_point_and_machine(void **state)
{
    (void)state;
    struct store *store = three_points();
    struct export *export = read_export(store, NULL);
    assert_prints(export, 0,
                  "3 points, 1 with a machine that does not fit, 1 failed\n"
                  "  point  max_activity  hidden  machine             step  samples/s    band  "
                  "speed-up     over\n"
                  "  0             0.005   [8,6]  bow/sparse      1.000 ms     48,000  +-30 %      "
                  "  4x  a100/b4\n"
                  "  0             0.005   [8,6]  a100/b1        10.000 ms     48,000  +-40 %      "
                  "0.4x  a100/b4\n"
                  "  0             0.005   [8,6]  a100/b4         4.000 ms     48,000       -      "
                  "  1x  a100/b4\n"
                  "  1               0.1     [9]  bow/sparse  does not fit          -       -      "
                  "   -        -\n"
                  "  1               0.1     [9]  a100/b1        10.000 ms     48,000  +-40 %      "
                  "  1x  a100/b1\n"
                  "  2               0.1    [10]  -                 failed          -       -      "
                  "   -        -\n"
                  "\n"
                  "  point 1, bow/sparse: tile 3: too small\n"
                  "  point 2: killed by signal 11\n");
    export_destroy(export);
    close_store(store);
}

static void a_narrow_terminal_gets_fewer_columns(void **state)
{
    (void)state;
    struct store *store = three_points();
    struct export *export = read_export(store, "a100/b1");
    assert_prints(export, 70,
                  "3 points, 1 with a machine that does not fit, 1 failed\n"
                  "  point  max_activity  hidden  machine             step  over a100/b1\n"
                  "  0             0.005   [8,6]  bow/sparse      1.000 ms           10x\n"
                  "  0             0.005   [8,6]  a100/b1        10.000 ms            1x\n"
                  "  0             0.005   [8,6]  a100/b4         4.000 ms          2.5x\n"
                  "  1               0.1     [9]  bow/sparse  does not fit             -\n"
                  "  1               0.1     [9]  a100/b1        10.000 ms            1x\n"
                  "  2               0.1    [10]  -                 failed             -\n"
                  "  (a wider terminal also shows: samples/s, band)\n"
                  "\n"
                  "  point 1, bow/sparse: tile 3: too small\n"
                  "  point 2: killed by signal 11\n");
    export_destroy(export);
    close_store(store);
}

#define LONG_LIST "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"

static void long_values_are_cut_on_the_terminal_alone(void **state)
{
    (void)state;
    struct store *store = open_store(":memory:");
    const char *const settings[] = {"{\"network.inputs\":" LONG_LIST ",17]}",
                                    "{\"network.inputs\":" LONG_LIST ",18]}",
                                    "{\"network.inputs\":\"/some/where/far/away/net.yaml\"}",
                                    "{\"network.inputs\":0.0107721734502}"};
    const char *const keys[] = {KEY("1"), KEY("2"), KEY("3"), KEY("4")};
    for (uint32_t i = 0; i < 4; i++) {
        struct store_point point = make_point(keys[i], i, settings[i], NULL);
        add(store, &point);
    }
    struct export *export = read_export(store, NULL);
    char *text = print(export, false, 0);
    assert_non_null(strstr(text, "[1,2,3,4,5,6,7,8,9,10,1~"));
    assert_null(strstr(text, ",17]"));
    assert_non_null(strstr(text, " net.yaml "));
    assert_null(strstr(text, "away"));
    assert_non_null(strstr(text, " 0.0107722 "));
    const char *first = strstr(text, "10,1~"), *second = strstr(first + 1, "10,1~");
    assert_int_not_equal(strncmp(first, second, strlen("10,1~abcd")), 0); // not alike
    free(text);
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    export_write_csv(export, stream);
    fclose(stream);
    assert_non_null(strstr(text, LONG_LIST ",17]"));
    assert_non_null(strstr(text, "0.0107721734502"));
    free(text);
    export_destroy(export);
    close_store(store);
}

static void a_baseline_that_no_point_has_is_refused(void **state)
{
    (void)state;
    struct store *store = three_points();
    char *why = NULL;
    struct export *export = export_read(store, &why);
    assert_false(export_choose_baseline(export, "h100/b1", &why));
    assert_string_equal(why, "no point has a machine named 'h100/b1'; there are: bow/sparse, "
                             "a100/b1, a100/b4");
    free(why);
    export_destroy(export);
    close_store(store);
}

static void csv_quotes_what_needs_it_and_keeps_every_digit(void **state)
{
    (void)state;
    struct store *store = three_points();
    struct export *export = read_export(store, "a100/b1");
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    export_write_csv(export, stream);
    fclose(stream);
    const char *const rows[] = {
        "sweep,number,status,why,network.max_activity,network.hidden,machine,kind,hardware,fits,"
        "machine_why,"
        "step_seconds,samples_per_second,error_band,speedup,speedup_over,speedup_error_band,"
        "compute_seconds,exchange_seconds,sync_seconds,links_seconds,memory_seconds,host_seconds,"
        "launch_seconds,loop_seconds,bound,chips,replicas,checkpointing,"
        "cycles_per_training_step,supersteps_per_training_step,tiles_used,sram_max_bytes,"
        "sram_limit_bytes,seed,version,git,superseded,run_seconds,run_peak_rss_bytes,finished,"
        "key\r\n",
        "caps,0,done,,0.005,\"[8,6]\",bow/sparse,tiles,bow,true,\"energy, \"\"joules\"\": none\","
        "0.001,48000,0.3,10,a100/"
        "b1,0.5,0.00025,,,,,0,,,,,,,1850000,,1472,1000,638976,1,0.1.0,abc,false,0.5,"
        "4096,2026-01-01T00:00:00Z,00000000000000000000000000000001\r\n",
        "caps,1,does_not_fit,killed by signal 11,0.1,[9],bow/sparse,tiles,bow,false,tile 3: too "
        "small,,,,,,,,,,,,,,,,,,,,,,,,"
        "1,0.1.0,abc,false,0.5,4096,2026-01-01T00:00:00Z,00000000000000000000000000000002\r\n",
        "caps,2,failed,killed by signal "
        "11,0.1,[10],,,,,,,,,,,,,,,,,,,,,,,,,,,,,1,0.1.0,abc,false,0.5,4096,"
        "2026-01-01T00:00:00Z,00000000000000000000000000000003\r\n"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strstr(text, rows[i]) == NULL) {
            fail_msg("no row %zu in:\n%s", i, text);
        }
    }
    assert_int_equal(strncmp(text, rows[0], strlen(rows[0])), 0);
    free(text);
    export_destroy(export);
    close_store(store);
}

static void json_holds_configuration_and_result_of_every_point(void **state)
{
    (void)state;
    struct store *store = three_points();
    char *text = NULL, *why = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    assert_true(export_write_json(store, stream, &why));
    fclose(stream);
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    assert_non_null(json);
    const json_t *points = json_object_get(json, "points");
    assert_int_equal(json_array_size(points), 3);
    const json_t *first = json_array_get(points, 0);
    assert_string_equal(json_string_value(json_object_get(first, "status")), "done");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(first, "config"), "seed")),
                     1);
    const json_t *machines = json_object_get(json_object_get(first, "result"), "machines");
    assert_int_equal(json_array_size(machines), 3);
    assert_true(json_is_null(json_object_get(json_array_get(points, 2), "result")));
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(json, "paths"), 0), "path")),
                        "network.max_activity");
    json_decref(json);
    free(text);
    close_store(store);
}

static void a_microbenchmark_shows_its_quantities(void **state)
{
    (void)state;
    struct store *store = open_store(":memory:");
    static const char result[] =
        "{\"machines\":[{\"name\":\"bow\",\"kind\":\"tiles\",\"hardware\":\"bow\",\"fits\":true,"
        "\"error_band\":null,\"why\":null,\"quantities\":{\"cycles\":1200,\"seconds\":1e-6}}]}";
    struct store_point point = make_point(KEY("1"), 0, "{\"workload.bytes\":4}", result);
    point.status = POINT_DONE;
    add(store, &point);
    struct export *export = read_export(store, NULL);
    assert_prints(export, 0,
                  "1 point\n"
                  "  point  bytes  machine     time  cycles\n"
                  "  0          4  bow      1.00 us    1200\n");
    export_destroy(export);
    close_store(store);
}

// --- joining ------------------------------------------------------------------------------------
static void write_file(const char *path, const struct store_point *points, uint32_t count)
{
    struct store *store = open_store(path);
    for (uint32_t i = 0; i < count; i++) {
        add(store, &points[i]);
    }
    close_store(store);
}

static void shards_are_joined_and_disagreement_is_said(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-export-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    struct store_point points[2] = {make_point(KEY("1"), 0, SETTINGS("1", "[8]"), both),
                                    make_point(KEY("2"), 1, SETTINGS("2", "[8]"), both)};
    write_file("a.db", points, 2);
    points[0].result = misfit; // as if the model had changed
    points[0].status = POINT_DOES_NOT_FIT;
    points[0].git = "def";
    points[1].host_seconds = 99; // the same result, made on a slower day
    points[1].result = "{\"tilesim\":{\"git\":\"y\"},\"machines\":[" MACHINE(
        "bow/sparse", "tiles", "0.001",
        "0.3") "," MACHINE("a100/b1", "gpu", "0.01",
                           "0.4") "," MACHINE("a100/b4", "gpu", "0.004",
                                              "null") "],\"simulator\":8}";
    struct store_point third = make_point(KEY("3"), 2, SETTINGS("3", "[8]"), both);
    third.git = "def";
    struct store_point of_b[3] = {points[0], points[1], third};
    write_file("b.db", of_b, 3);
    struct store *into = open_store(":memory:");
    struct merge *merge = merge_create();
    char *why = NULL;
    assert_true(merge_file(merge, "a.db", into, &why));
    assert_int_equal(merge_conflict_count(merge), 0);
    assert_null(merge_describe_versions(merge));
    assert_true(merge_file(merge, "b.db", into, &why));
    assert_int_equal(merge_conflict_count(merge), 1);
    assert_string_equal(
        merge_conflict(merge, 0),
        "a.db (git abc) and b.db (git def) have different results of one "
        "configuration, point 0 of sweep caps (key " KEY("1") "); the former stays");
    assert_null(merge_conflict(merge, 1));
    char *versions = merge_describe_versions(merge);
    assert_string_equal(versions, "0.1.0 (git abc), 2 points; 0.1.0 (git def), 1 point");
    free(versions);
    assert_int_equal(store_count(into, POINT_DONE), 3);
    assert_int_equal(store_count(into, POINT_DOES_NOT_FIT), 0);
    merge_destroy(merge);
    close_store(into);
    assert_int_equal(unlink("a.db") | unlink("b.db") | chdir("/") | rmdir(folder), 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_a_row_for_every_point_and_machine),
        cmocka_unit_test(a_narrow_terminal_gets_fewer_columns),
        cmocka_unit_test(long_values_are_cut_on_the_terminal_alone),
        cmocka_unit_test(a_baseline_that_no_point_has_is_refused),
        cmocka_unit_test(csv_quotes_what_needs_it_and_keeps_every_digit),
        cmocka_unit_test(json_holds_configuration_and_result_of_every_point),
        cmocka_unit_test(a_microbenchmark_shows_its_quantities),
        cmocka_unit_test(shards_are_joined_and_disagreement_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The trace writer: valid JSON whatever the names, whole files or none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/trace.h"

static void names_with_quotes_and_control_characters_stay_what_they_are(void **state)
{
    (void)state;
    char path[] = "/tmp/tilesim-trace-XXXXXX";
    close(mkstemp(path));
    static const char name[] = "a \"name\" \\ with\ttabs and </script>";
    char *why = NULL;
    struct trace *trace = trace_open(path, &why);
    assert_non_null(trace);
    uint32_t process = trace_add_process(trace, name);
    uint32_t track = trace_add_track(trace, name);
    const struct trace_slice slice = {.process = process,
                                      .track = track,
                                      .name = name,
                                      .category = "compute",
                                      .begin_nanoseconds = 1234567,
                                      .end_nanoseconds = 1234570,
                                      .values = {{"cycles", 18446744073709551u}, {name, 2}}};
    trace_add_slice(trace, &slice);
    assert_true(trace_close(trace, &why));
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    json_t *events = json_object_get(json, "traceEvents");
    assert_int_equal(json_array_size(events), 5); // two names, two places, one slice
    json_t *event = json_array_get(events, 4);
    assert_string_equal(json_string_value(json_object_get(event, "name")), name);
    assert_true(json_number_value(json_object_get(event, "ts")) == 1234.567);
    assert_true(json_number_value(json_object_get(event, "dur")) == 0.003);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "args"), name)), 2);
    json_decref(json);
    assert_int_equal(unlink(path), 0);
}

static void a_trace_without_events_is_an_empty_list(void **state)
{
    (void)state;
    char path[] = "/tmp/tilesim-trace-XXXXXX";
    close(mkstemp(path));
    char *why = NULL;
    struct trace *trace = trace_open(path, &why);
    assert_true(trace_close(trace, &why));
    json_t *json = json_load_file(path, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "traceEvents")), 0);
    json_decref(json);
    assert_int_equal(unlink(path), 0);
}

static void a_discarded_trace_leaves_nothing(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-trace-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/trace.json", folder);
    char *why = NULL;
    struct trace *trace = trace_open(path, &why);
    assert_non_null(trace);
    trace_discard(trace);
    assert_int_equal(rmdir(folder), 0); // it is empty
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    char *why = NULL;
    struct trace *trace = trace_open("/dev/full", &why);
    assert_non_null(trace);
    assert_false(trace_close(trace, &why));
    assert_non_null(strstr(why, "/dev/full: cannot write the trace"));
    free(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_with_quotes_and_control_characters_stay_what_they_are),
        cmocka_unit_test(a_trace_without_events_is_an_empty_list),
        cmocka_unit_test(a_discarded_trace_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

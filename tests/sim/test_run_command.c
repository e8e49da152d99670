// tilesim run as a process: where its output goes, and what it refuses before any work.
#include <argp.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sim/commands/command.h"
#include "sim/err.h"

#define TOY "configs/experiments/toy.yaml"

// Exit status of `tilesim run ARGUMENTS` with standard output in one file and standard error in
// another.
static int run_in_child(char **arguments, const char *out, const char *errors)
{
    int count = 0;
    while (arguments[count] != NULL) {
        count++;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        argp_err_exit_status = EXIT_BAD_INPUT; // as main does
        program_invocation_short_name = arguments[0];
        if (freopen(out, "w", stdout) == NULL || freopen(errors, "w", stderr) == NULL) {
            _exit(99);
        }
        exit(command_run(count, arguments));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool has_text(const char *path, const char *text)
{
    char line[1024];
    bool is_found = false;
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    while (fgets(line, sizeof line, stream) != NULL) {
        is_found = is_found || strstr(line, text) != NULL;
    }
    fclose(stream);
    return is_found;
}

struct places { // of a test, in a folder of its own
    char folder[32];
    char *out, *errors;
};

static struct places make_places(void)
{
    struct places places = {.folder = "/tmp/tilesim-command-XXXXXX"};
    assert_non_null(mkdtemp(places.folder));
    places.out = xasprintf("%s/out", places.folder);
    places.errors = xasprintf("%s/errors", places.folder);
    return places;
}

static void free_places(struct places *places)
{
    assert_int_equal(unlink(places->out), 0);
    assert_int_equal(unlink(places->errors), 0);
    assert_int_equal(rmdir(places->folder), 0); // nothing else was left there
    free(places->out);
    free(places->errors);
}

static void json_on_standard_output_by_its_other_name_is_not_mixed_with_the_table(void **state)
{
    (void)state;
    struct places places = make_places();
    char *arguments[] = {"tilesim run", TOY, "--json", places.out, NULL}; // its own standard output
    assert_int_equal(run_in_child(arguments, places.out, places.errors), EXIT_DONE);
    json_error_t error;
    json_t *json = json_load_file(places.out, 0, &error); // whole, and nothing after it
    assert_non_null(json);
    json_decref(json);
    assert_false(has_text(places.errors, "Machines")); // the table is left out
    free_places(&places);
}

static void empty_names_are_refused(void **state)
{
    (void)state;
    char *options[] = {"--json", "--dump", "--load"};
    for (size_t i = 0; i < 3; i++) {
        struct places places = make_places();
        char *arguments[] = {"tilesim run", TOY, options[i], "", NULL};
        char *message = xasprintf("tilesim run: %s: the name is empty", options[i]);
        assert_int_equal(run_in_child(arguments, places.out, places.errors), EXIT_BAD_INPUT);
        assert_true(has_text(places.errors, message));
        free(message);
        free_places(&places);
    }
}

static void a_place_for_the_result_that_is_none_is_reported_before_the_work(void **state)
{
    (void)state;
    struct places places = make_places();
    char *arguments[] = {"tilesim run", TOY, "--json", "/nonexistent/result.json", NULL};
    assert_int_equal(run_in_child(arguments, places.out, places.errors), EXIT_FAULT);
    assert_true(has_text(places.errors, "tilesim: /nonexistent/result.json: cannot write"));
    assert_false(has_text(places.out, "Machines")); // no table: nothing ran
    free_places(&places);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_on_standard_output_by_its_other_name_is_not_mixed_with_the_table),
        cmocka_unit_test(empty_names_are_refused),
        cmocka_unit_test(a_place_for_the_result_that_is_none_is_reported_before_the_work),
    };
    return cmocka_run_group_tests_name("run command", tests, NULL, NULL);
}

// For the tests of the configuration: texts become files in a folder of their own, so that messages
// read "e.yaml:3:5: ...". Presets come from the repository's configs/.
#ifndef TILESIM_TESTS_SIM_CONFIG_FIXTURE_H
#define TILESIM_TESTS_SIM_CONFIG_FIXTURE_H

// cmocka wants these before it
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/experiment.h"

static pid_t config_fixture_process;

// A test that dies leaves its folder to be looked at.
static inline void remove_own_folder(void)
{
    static const char *const is_own = "/tmp/tilesim-config-";
    char *folder = getcwd(NULL, 0);
    bool is_parent = getpid() == config_fixture_process; // not a child that a test has forked
    if (is_parent && folder != NULL && strncmp(folder, is_own, strlen(is_own)) == 0) {
        char *command = xasprintf("rm -r $(dirname %s)", folder);
        if (chdir("/") != 0 || system(command) != 0) {
            perror(folder);
        }
        free(command);
    }
    free(folder);
}

// Called first in main, in the root of the repository. Later paths are relative to an empty folder,
// in another one: names are looked up in ../chips as well.
static inline void enter_empty_folder(void)
{
    char *root = getcwd(NULL, 0);
    char *configs = xasprintf("%s/configs", root);
    char folder[] = "/tmp/tilesim-config-XXXXXX";
    if (setenv("TILESIM_CONFIGS", configs, 1) != 0 || mkdtemp(folder) == NULL ||
        chdir(folder) != 0 || mkdir("experiments", 0777) != 0 || chdir("experiments") != 0) {
        perror(folder);
        exit(1);
    }
    config_fixture_process = getpid();
    atexit(remove_own_folder);
    free(configs);
    free(root);
}

static inline void write_bytes(const char *path, const char *text, size_t bytes)
{
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, bytes, stream), bytes);
    assert_int_equal(fclose(stream), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

// Loads e.yaml with one --set (NULL: none) and demands exactly these messages, in any order; the
// list ends with NULL. An empty list demands that it loads.
static inline void expect_messages(const char *set, const char *const *expected)
{
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", &set, set == NULL ? 0 : 1, err);
    size_t count = 0;
    for (; expected[count] != NULL; count++) {
        bool is_found = false;
        for (size_t i = 0; i < err_count(err); i++) {
            is_found = is_found || strcmp(err_message(err, i), expected[count]) == 0;
        }
        if (!is_found) {
            print_error("not said: %s\n", expected[count]);
        }
    }
    bool is_same = count == err_count(err);
    for (size_t i = 0; i < err_count(err); i++) {
        bool is_wanted = false;
        for (size_t j = 0; j < count; j++) {
            is_wanted = is_wanted || strcmp(err_message(err, i), expected[j]) == 0;
        }
        is_same = is_same && is_wanted;
    }
    if (!is_same) {
        err_print(err, stderr);
    }
    assert_true(is_same);
    assert_int_equal(experiment == NULL, count > 0);
    experiment_destroy(experiment);
    err_destroy(err);
}

#define EXPECT(set, ...) expect_messages(set, (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_FILE(text, ...)      \
    do {                            \
        write_text("e.yaml", text); \
        EXPECT(NULL, __VA_ARGS__);  \
    } while (0)

// Of configs/experiments.
static inline struct experiment *load_shipped(const char *name, const char *const *sets,
                                              uint32_t count)
{
    char *path = xasprintf("%s/experiments/%s.yaml", getenv("TILESIM_CONFIGS"), name);
    struct err *err = err_create();
    struct experiment *experiment = experiment_load(path, sets, count, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    err_destroy(err);
    free(path);
    return experiment;
}

#endif

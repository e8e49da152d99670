// Sweep files: which points they have, in which order, and what is said of a wrong one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/config/config_tree.h"
#include "sim/err.h"
#include "sim/sweep/sweep.h"

#define BASE "base: toy\n"
#define MESSAGE_BYTES 4096

struct file {       // of a test, in a folder of its own
    char outer[32]; // names are looked up in its folder chips as well
    char *folder, *path;
};

static struct file write_file(const char *text)
{
    struct file file = {.outer = "/tmp/tilesim-sweep-XXXXXX"};
    assert_non_null(mkdtemp(file.outer));
    file.folder = xasprintf("%s/sweeps", file.outer);
    assert_int_equal(mkdir(file.folder, 0777), 0);
    file.path = xasprintf("%s/s.yaml", file.folder);
    FILE *stream = fopen(file.path, "w");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
    return file;
}

static void remove_file(struct file *file)
{
    assert_int_equal(unlink(file->path), 0);
    assert_int_equal(rmdir(file->folder), 0);
    assert_int_equal(rmdir(file->outer), 0);
    free(file->folder);
    free(file->path);
}

// The settings of every point, a line each. Owned.
static char *list(const char *text)
{
    struct file file = write_file(text);
    struct err *err = err_create();
    struct sweep *sweep = sweep_load(file.path, NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(sweep);
    struct sweep_points points = sweep_expand(sweep);
    char *lines = xstrdup("");
    for (uint32_t i = 0; i < points.count; i++) {
        json_t *settings = sweep_point_settings(sweep, &points.points[i], NULL);
        char *line = json_dumps(settings, JSON_COMPACT | JSON_REAL_PRECISION(12));
        char *longer = xasprintf("%s%s\n", lines, line);
        free(line);
        free(lines);
        json_decref(settings);
        lines = longer;
    }
    sweep_points_free(&points);
    sweep_destroy(sweep);
    err_destroy(err);
    remove_file(&file);
    return lines;
}

static void assert_points(const char *text, const char *expected)
{
    char *lines = list(text);
    assert_string_equal(lines, expected);
    free(lines);
}

// The file is refused, and the first message is this one, without the file's folder.
static void assert_refused(const char *text, const char *expected)
{
    struct file file = write_file(text);
    struct err *err = err_create();
    assert_null(sweep_load(file.path, NULL, 0, err));
    assert_true(err_count(err) > 0);
    const char *message = err_message(err, 0);
    char *prefix = xasprintf("%s/", file.folder);
    if (strncmp(message, prefix, strlen(prefix)) == 0) {
        message += strlen(prefix);
    }
    assert_string_equal(message, expected);
    free(prefix);
    err_destroy(err);
    remove_file(&file);
}

static void a_grid_has_every_combination_and_the_last_key_is_fastest(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {training.batch: [6, 12], seed: [1, 2, 3]}\n",
                  "{\"training.batch\":6,\"seed\":1}\n"
                  "{\"training.batch\":6,\"seed\":2}\n"
                  "{\"training.batch\":6,\"seed\":3}\n"
                  "{\"training.batch\":12,\"seed\":1}\n"
                  "{\"training.batch\":12,\"seed\":2}\n"
                  "{\"training.batch\":12,\"seed\":3}\n");
}

static void values_may_be_lists_texts_and_mappings(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {network.hidden: [[12, 8], [4]]}\n",
                  "{\"network.hidden\":[12,8]}\n{\"network.hidden\":[4]}\n");
    assert_points(BASE "sweep: {machines.0.chip: [toy, {base: bow, clock_hz: 1e9}]}\n",
                  "{\"machines.0.chip\":\"toy\"}\n"
                  "{\"machines.0.chip\":{\"base\":\"bow\",\"clock_hz\":1000000000.0}}\n");
}

static void a_linear_range_reaches_its_end(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {network.max_activity: {from: 0.1, to: 0.3, step: 0.1}}\n",
                  "{\"network.max_activity\":0.1}\n{\"network.max_activity\":0.2}\n"
                  "{\"network.max_activity\":0.3}\n");
    assert_points(BASE "sweep: {network.gain: {from: 0, to: 1, points: 3}}\n",
                  "{\"network.gain\":0}\n{\"network.gain\":0.5}\n{\"network.gain\":1}\n");
    assert_points(BASE "sweep: {seed: {from: 7, to: 3, step: -2}}\n",
                  "{\"seed\":7}\n{\"seed\":5}\n{\"seed\":3}\n");
}

static void a_logarithmic_range_has_equal_ratios(void **state)
{
    (void)state;
    assert_points(BASE
                  "sweep: {network.max_activity: {from: 0.005, to: 0.5, points: 3, scale: log}}\n",
                  "{\"network.max_activity\":0.005}\n{\"network.max_activity\":0.05}\n"
                  "{\"network.max_activity\":0.5}\n");
}

static void integers_stay_integers_and_come_once(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {training.batch: {from: 1, to: 4, points: 7}}\n",
                  "{\"training.batch\":1}\n{\"training.batch\":2}\n"
                  "{\"training.batch\":3}\n{\"training.batch\":4}\n");
    assert_points(BASE "sweep: {training.batch: {from: 1, to: 100, points: 5, scale: log}}\n",
                  "{\"training.batch\":1}\n{\"training.batch\":3}\n{\"training.batch\":10}\n"
                  "{\"training.batch\":32}\n{\"training.batch\":100}\n");
}

static void a_zip_goes_side_by_side_and_is_one_axis(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {seed: [1, 2]}\n"
                       "zip:\n  - {network.inputs: [24, 30], network.input_slots: [4, 5]}\n",
                  "{\"seed\":1,\"network.inputs\":24,\"network.input_slots\":4}\n"
                  "{\"seed\":1,\"network.inputs\":30,\"network.input_slots\":5}\n"
                  "{\"seed\":2,\"network.inputs\":24,\"network.input_slots\":4}\n"
                  "{\"seed\":2,\"network.inputs\":30,\"network.input_slots\":5}\n");
}

static void a_point_is_skipped_if_all_conditions_of_an_entry_hold(void **state)
{
    (void)state;
    assert_points(BASE "sweep: {seed: [1, 2, 3], machines.0.chip: [toy, bow]}\n"
                       "skip:\n  - {seed: \"> 1\", machines.0.chip: bow}\n  - {seed: 3}\n",
                  "{\"seed\":1,\"machines.0.chip\":\"toy\"}\n"
                  "{\"seed\":1,\"machines.0.chip\":\"bow\"}\n"
                  "{\"seed\":2,\"machines.0.chip\":\"toy\"}\n");
}

static void conditions_compare_in_every_way(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *left;
    } cases[] = {{"\"< 2\"", "23"}, {"\"<= 2\"", "3"},    {"\"> 2\"", "12"}, {"\">= 2\"", "1"},
                 {"\"!= 2\"", "2"}, {"\"= 2\"", "13"},    {"2", "13"},       {"2.0", "13"},
                 {"[1, 3]", "2"},   {"[1, \"> 2\"]", "2"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text =
            xasprintf(BASE "sweep: {seed: [1, 2, 3]}\nskip: [{seed: %s}]\n", cases[i].condition);
        char *expected = xstrdup("");
        for (const char *seed = cases[i].left; *seed != '\0'; seed++) {
            char *longer = xasprintf("%s{\"seed\":%c}\n", expected, *seed);
            free(expected);
            expected = longer;
        }
        assert_points(text, expected);
        free(text);
        free(expected);
    }
}

static void blocks_come_one_after_the_other_and_equal_points_once(void **state)
{
    (void)state;
    assert_points(BASE "blocks:\n"
                       "  - sweep: {seed: [1, 2]}\n"
                       "  - set: {training.batch: 12}\n    sweep: {seed: [2, 3]}\n"
                       "  - sweep: {training.batch: [6, 12], seed: [2]}\n",
                  "{\"seed\":1,\"training.batch\":6}\n" // the experiment says 6
                  "{\"seed\":2,\"training.batch\":6}\n"
                  "{\"seed\":2,\"training.batch\":12}\n"
                  "{\"seed\":3,\"training.batch\":12}\n");
}

static void what_stands_at_the_top_belongs_to_every_block(void **state)
{
    (void)state;
    assert_points(BASE "set: {training.batch: 12}\nsweep: {seed: [1, 2]}\nskip: [{seed: 2}]\n"
                       "blocks:\n"
                       "  - sweep: {training.time_steps: [3]}\n"
                       "  - set: {training.batch: 24}\n",
                  "{\"seed\":1,\"training.time_steps\":3,\"training.batch\":12}\n"
                  "{\"seed\":1,\"training.time_steps\":4,\"training.batch\":24}\n");
}

static void points_are_counted_before_they_are_listed(void **state)
{
    (void)state;
    struct file file =
        write_file(BASE "sweep:\n  seed: {from: 1, to: 1000000, points: 1000000}\n"
                        "  training.batch: {from: 1, to: 60000, points: 60000}\n"
                        "  training.learning_rate: {from: 0.1, to: 1, points: 1000000}\n"
                        "  network.gain: {from: 0.1, to: 1, points: 1000000}\n");
    struct err *err = err_create();
    struct sweep *sweep = sweep_load(file.path, NULL, 0, err);
    assert_non_null(sweep);
    assert_true(sweep_count_combinations(sweep) == UINT64_MAX); // saturates
    sweep_destroy(sweep);
    err_destroy(err);
    remove_file(&file);
}

static void wrong_files_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused("sweep: {seed: [1]}\n",
                   "s.yaml:1:1: base: missing; it names the experiment that is swept");
    assert_refused("base: toyy\nsweep: {seed: [1]}\n",
                   "s.yaml:1:7: there is no 'toyy' in configs/experiments; did you mean 'toy'? "
                   "(there are: fashion-mnist, golden, mnist-784-1000-10, multi-chip, randman, "
                   "sparse-bptt, toy)");
    assert_refused(BASE, "s.yaml:1:1: sweep: missing; no key of the experiment is swept");
    assert_refused(BASE "swep: {seed: [1]}\n",
                   "s.yaml:2:1: swep: unknown key of a sweep; did you mean 'sweep'?; legal: name, "
                   "base, blocks, labels, set, sweep, zip, skip");
    assert_refused(BASE "sweep: {training.bach: [1, 2]}\n",
                   "s.yaml:2:9: training.bach: unknown key; did you mean 'batch'?");
    assert_refused(BASE "sweep: {training.batch: [6, 0]}\n",
                   "s.yaml:2:29: training.batch: 0 is outside 1..65536 samples");
    assert_refused(BASE "sweep: {training.batch: 6}\n",
                   "s.yaml:2:25: training.batch: values are needed here ([a, b], or {from: a, to: "
                   "b, points: n}), not a single value");
    assert_refused(BASE "sweep: {training.batch: []}\n",
                   "s.yaml:2:25: training.batch: values are needed here ([a, b], or {from: a, to: "
                   "b, points: n}), not an empty list");
    assert_refused(BASE "sweep: {machines.3.chip: [toy]}\n",
                   "s.yaml:2:9: machines.3.chip: '3' is no item of this list; it has 2, counted "
                   "from 0");
    assert_refused(BASE "sweep: {machines.0.chip: [toy, bo]}\n",
                   "s.yaml:2:32: there is no 'bo' in configs/chips; did you mean 'bow'? (there "
                   "are: bow, gc2, gc200, toy)");
    assert_refused(BASE "sweep: {seed: [1]}\nskip: [{sed: 1}]\n",
                   "s.yaml:3:9: skip: sed is not swept; did you mean 'seed'?");
    assert_refused(BASE "sweep: {seed: [1]}\nskip: [{seed: \"> x\"}]\n",
                   "s.yaml:3:15: skip: seed: 'x' is no number to compare with");
    assert_refused(BASE "sweep: {seed: [1]}\nzip: [{seed: [2]}]\n",
                   "s.yaml:3:8: seed: swept twice in one grid");
    assert_refused(BASE "zip: [{seed: [1, 2], training.batch: [6]}]\n",
                   "s.yaml:2:38: zip: training.batch has 1 values, but seed has 2; they go "
                   "together one by one");
    assert_refused(BASE "sweep: {seed: [1]}\nlabels: {seeed: x}\n",
                   "s.yaml:3:10: labels: seeed is not swept; did you mean 'seed'?");
}

static void wrong_ranges_are_refused(void **state)
{
    (void)state;
    assert_refused(BASE "sweep: {seed: {from: 5, to: 1, step: 1}}\n",
                   "s.yaml:2:15: seed: empty: no step of 1 leads from 5 to 1");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 5}}\n",
                   "s.yaml:2:15: seed: a range has points or a step, and this has neither");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 5, points: 0}}\n",
                   "s.yaml:2:15: seed: points must be at least 1");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 5, points: 3, step: 1}}\n",
                   "s.yaml:2:15: seed: a range has points or a step, not both");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 5, step: 0}}\n",
                   "s.yaml:2:15: seed: empty: no step of 0 leads from 1 to 5");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 5, points: 1}}\n",
                   "s.yaml:2:15: seed: one point cannot be from 1 and to 5");
    assert_refused(BASE "sweep: {seed: {from: 0, to: 5, points: 3, scale: log}}\n",
                   "s.yaml:2:15: seed: a range of scale log is above 0");
    assert_refused(BASE "sweep: {seed: {from: 1, to: 9, step: 1, scale: log}}\n",
                   "s.yaml:2:15: seed: a range of scale log has points, not a step");
    assert_refused(BASE "sweep: {seed: {frm: 1, to: 5, step: 1}}\n",
                   "s.yaml:2:16: seed.frm: unknown key; did you mean 'from'?");
    assert_refused(BASE "sweep: {training.batch: {from: 1, to: 1e6, points: 9}}\n",
                   "s.yaml:2:25: training.batch: 1000000 is outside 1..65536 samples");
}

// A chip's tiles and columns are right only together: neither value may be refused for itself.
static void values_that_are_right_only_together_are_not_refused(void **state)
{
    (void)state;
    assert_points(BASE "set: {machines: [{chip: toy}]}\n"
                       "sweep: {machines.0.chip.tiles: [32], "
                       "machines.0.chip.exchange.columns: [4]}\n",
                  "{\"machines.0.chip.tiles\":32,\"machines.0.chip.exchange.columns\":4}\n");
}

static struct sweep *load_with(const char *text, const char *set, struct err *err)
{
    struct file file = write_file(text);
    struct sweep *sweep = sweep_load(file.path, &set, 1, err);
    remove_file(&file);
    return sweep;
}

static void the_command_line_comes_after_what_the_file_sets(void **state)
{
    (void)state;
    struct err *err = err_create();
    struct sweep *sweep = load_with(BASE "set: {training.batch: 12, machines: [{chip: bow}]}\n"
                                         "sweep: {seed: [1]}\n",
                                    "training.batch=3", err);
    assert_non_null(sweep);
    struct sweep_points points = sweep_expand(sweep);
    const struct node *batch = sweep_point_value(sweep, &points.points[0], "training.batch");
    assert_string_equal(batch->text, "3");
    sweep_points_free(&points);
    sweep_destroy(sweep);
    err_destroy(err);
}

static void what_the_points_give_values_cannot_be_set_for_all(void **state)
{
    (void)state;
    const char *const files[] = {BASE "sweep: {training.batch: [6, 12]}\n",
                                 BASE "sweep: {seed: [1]}\nblocks: [{set: {training.batch: 6}}]\n"};
    for (size_t i = 0; i < 2; i++) {
        struct err *err = err_create();
        assert_null(load_with(files[i], "training.batch=3", err));
        assert_int_equal(err_count(err), 1);
        assert_string_equal(err_message(err, 0),
                            "--set training.batch: the sweep gives training.batch "
                            "values of its own; change them in its file");
        err_destroy(err);
    }
}

static void faults_of_all_keys_are_found_at_once(void **state)
{
    (void)state;
    struct err *err = err_create();
    assert_null(
        load_with(BASE "sweep: {training.bach: [1], training.batch: [0]}\n", "seed=2", err));
    assert_int_equal(err_count(err), 2);
    err_destroy(err);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("TILESIM_CONFIGS", "configs", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_has_every_combination_and_the_last_key_is_fastest),
        cmocka_unit_test(values_may_be_lists_texts_and_mappings),
        cmocka_unit_test(a_linear_range_reaches_its_end),
        cmocka_unit_test(a_logarithmic_range_has_equal_ratios),
        cmocka_unit_test(integers_stay_integers_and_come_once),
        cmocka_unit_test(a_zip_goes_side_by_side_and_is_one_axis),
        cmocka_unit_test(a_point_is_skipped_if_all_conditions_of_an_entry_hold),
        cmocka_unit_test(conditions_compare_in_every_way),
        cmocka_unit_test(blocks_come_one_after_the_other_and_equal_points_once),
        cmocka_unit_test(what_stands_at_the_top_belongs_to_every_block),
        cmocka_unit_test(points_are_counted_before_they_are_listed),
        cmocka_unit_test(wrong_files_are_refused_with_their_place),
        cmocka_unit_test(wrong_ranges_are_refused),
        cmocka_unit_test(values_that_are_right_only_together_are_not_refused),
        cmocka_unit_test(the_command_line_comes_after_what_the_file_sets),
        cmocka_unit_test(what_the_points_give_values_cannot_be_set_for_all),
        cmocka_unit_test(faults_of_all_keys_are_found_at_once),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}

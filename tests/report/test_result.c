// The result's contract with scripts (docs/result-format.md), its file, and its tables.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/result.h"
#include "sim/err.h"

#define ESCAPE '\033'

// --- a result with one of everything ------------------------------------------------------------
static struct result_machine tiles_machine(const char *form, double step_seconds)
{
    struct result_machine machine = {
        .name = xasprintf("bow/%s", form),
        .hardware = xstrdup("bow"),
        .kind = "tiles",
        .variant = form,
        .form = form,
        .chips = 1,
        .chips_asked = 1,
        .replicas = 1,
        .clock_hz = 1.85e9,
        .step_seconds = step_seconds,
        .samples_per_second = 48 / step_seconds,
        .error_band = RESULT_NOTHING,
        .fits = true,
        .why = xstrdup("error_band: unknown"),
        .compute_seconds = step_seconds * 0.75,
        .exchange_seconds = step_seconds * 0.25,
        .cycles = (uint64_t)(step_seconds * 1.85e9),
        .supersteps = 1000,
        .tiles_used = 1472,
        .sram_limit_bytes = 638976,
        .sram_max_bytes = 200000,
        .sram_max_tile = 7,
        .energy_joules = RESULT_NOTHING,
        .energy_why = xstrdup("no power values"),
    };
    machine.by_role_count = machine.largest_count = machine.share_count = 1;
    machine.by_role = xcalloc(1, sizeof(*machine.by_role));
    machine.by_role[0] = (struct result_memory){.name = xstrdup("parameter"), .bytes = 1024};
    machine.largest = xcalloc(1, sizeof(*machine.largest));
    machine.largest[0] = (struct result_memory){.name = xstrdup("layer 1 weights"), .bytes = 512};
    machine.shares = xcalloc(1, sizeof(*machine.shares));
    machine.shares[0] = (struct result_share){
        .name = xstrdup("F3 LIF update"), .seconds = 1e-4, .cycles = 185000, .times = 100};
    return machine;
}

static struct result_machine gpu_machine(const char *baseline, double step_seconds)
{
    return (struct result_machine){
        .name = xasprintf("a100-80/%s", baseline),
        .hardware = xstrdup("a100-80"),
        .kind = "gpu",
        .variant = baseline,
        .form = "dense",
        .chips = 1,
        .chips_asked = 1,
        .replicas = 1,
        .step_seconds = step_seconds,
        .samples_per_second = 48 / step_seconds,
        .error_band = 0.5,
        .fits = true,
        .compute_seconds = step_seconds,
        .energy_joules = RESULT_NOTHING,
        .energy_why = xstrdup("no power values"),
    };
}

static struct result make_result(void)
{
    struct result result = {.version = "0.1.0",
                            .git = "abc",
                            .experiment = "one-of-everything",
                            .seed = 7,
                            .batch = 48,
                            .time_steps = 100,
                            .config = json_object(),
                            .training_count = 1,
                            .activity_count = 1,
                            .machine_count = 4,
                            .supersteps_per_second = 1e6,
                            .slowdown = 0.5,
                            .peak_rss_bytes = 1 << 20};
    result.training = xcalloc(1, sizeof(*result.training));
    result.training[0] = (struct result_training){
        .form = "sparse", .mode = "functional", .steps = 2, .accuracy = RESULT_NOTHING};
    result.training[0].loss = xcalloc(2, sizeof(double));
    result.training[0].loss[0] = 2.5;
    result.training[0].loss[1] = 0.1;
    result.activity = xcalloc(1, sizeof(*result.activity));
    result.activity[0] = (struct result_activity){.form = "sparse",
                                                  .layer = 1,
                                                  .neurons = 100,
                                                  .slots = 10,
                                                  .spikes = 5,
                                                  .listed = 9,
                                                  .sparsity = 0.95};
    result.machines = xcalloc(4, sizeof(*result.machines));
    result.machines[0] = tiles_machine("sparse", 1e-3);
    result.machines[1] = tiles_machine("dense", 4e-3);
    result.machines[2] = gpu_machine("b0", 8e-3);
    result.machines[3] = tiles_machine("sparse", 1e-3);
    result.machines[3].fits = false;
    free(result.machines[3].name);
    result.machines[3].name = xstrdup("small/sparse");
    result_compute_speedups(&result);
    return result;
}

// --- JSON ---------------------------------------------------------------------------------------
struct expected_key {
    const char *key;
    const char *types; // of: o object, a array, s string, i integer, r real, b bool, n null
};

static char type_letter(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return 'o';
    case JSON_ARRAY:
        return 'a';
    case JSON_STRING:
        return 's';
    case JSON_INTEGER:
        return 'i';
    case JSON_REAL:
        return 'r';
    case JSON_NULL:
        return 'n';
    default:
        return 'b';
    }
}

static void expect_keys(const json_t *object, const struct expected_key *keys)
{
    for (; keys->key != NULL; keys++) {
        const json_t *value = json_object_get(object, keys->key);
        if (value == NULL) {
            fail_msg("no key %s", keys->key);
        }
        if (strchr(keys->types, type_letter(value)) == NULL) {
            fail_msg("%s: type %c, expected one of %s", keys->key, type_letter(value), keys->types);
        }
    }
}

// docs/result-format.md
static const struct expected_key keys_of_top[] = {
    {"tilesim", "o"},   {"experiment", "s"}, {"seed", "i"},     {"config", "o"},
    {"training", "a"},  {"activity", "a"},   {"machines", "a"}, {"speedups", "a"},
    {"simulator", "o"}, {NULL, NULL}};
static const struct expected_key keys_of_training[] = {
    {"form", "s"}, {"steps", "i"}, {"loss", "a"}, {"accuracy", "rn"}, {"mode", "s"}, {NULL, NULL}};
static const struct expected_key keys_of_activity[] = {{"form", "s"},
                                                       {"layer", "i"},
                                                       {"neurons", "i"},
                                                       {"slots", "i"},
                                                       {"spikes_per_time_step_per_sample", "r"},
                                                       {"listed_per_time_step_per_sample", "r"},
                                                       {"dropped_per_time_step_per_sample", "r"},
                                                       {"sparsity", "r"},
                                                       {NULL, NULL}};
static const struct expected_key keys_of_machine[] = {{"name", "s"},
                                                      {"kind", "s"},
                                                      {"variant", "s"},
                                                      {"form", "s"},
                                                      {"chips", "i"},
                                                      {"chips_asked", "i"},
                                                      {"replicas", "i"},
                                                      {"bound", "sn"},
                                                      {"checkpoint", "on"},
                                                      {"step_seconds", "rn"},
                                                      {"samples_per_second", "rn"},
                                                      {"error_band", "rn"},
                                                      {"fits", "b"},
                                                      {"why", "sn"},
                                                      {"breakdown_seconds", "on"},
                                                      {"cycles_per_training_step", "in"},
                                                      {"supersteps_per_training_step", "in"},
                                                      {"tiles_used", "in"},
                                                      {"sram", "o"},
                                                      {"energy_joules", "rn"},
                                                      {NULL, NULL}};
static const struct expected_key keys_of_sram[] = {
    {"limit_bytes", "i"}, {"max_bytes", "i"}, {"max_tile", "i"}, {"by_role", "o"}, {NULL, NULL}};
static const struct expected_key keys_of_breakdown[] = {
    {"compute", "r"}, {"exchange", "r"}, {"sync", "r"}, {"links", "r"},
    {"memory", "r"},  {"host", "r"},     {NULL, NULL}};
static const struct expected_key keys_of_simulator[] = {{"host_seconds", "o"},
                                                        {"supersteps_per_second", "rn"},
                                                        {"slowdown", "rn"},
                                                        {"peak_rss_bytes", "i"},
                                                        {NULL, NULL}};
static const struct expected_key keys_of_seconds[] = {
    {"total", "r"},  {"functional", "r"}, {"draw", "r"}, {"lower", "r"},
    {"timing", "r"}, {"gpu", "r"},        {NULL, NULL}};

static void every_key_of_the_contract_is_there_with_its_type(void **state)
{
    (void)state;
    struct result result = make_result();
    json_t *json = result_to_json(&result);
    expect_keys(json, keys_of_top);
    expect_keys(json_array_get(json_object_get(json, "training"), 0), keys_of_training);
    expect_keys(json_array_get(json_object_get(json, "activity"), 0), keys_of_activity);
    json_t *first = json_array_get(json_object_get(json, "machines"), 0);
    for (size_t i = 0; i < 4; i++) {
        expect_keys(json_array_get(json_object_get(json, "machines"), i), keys_of_machine);
    }
    expect_keys(json_object_get(first, "sram"), keys_of_sram);
    expect_keys(json_object_get(first, "breakdown_seconds"), keys_of_breakdown);
    expect_keys(json_object_get(json, "simulator"), keys_of_simulator);
    expect_keys(json_object_get(json_object_get(json, "simulator"), "host_seconds"),
                keys_of_seconds);
    json_decref(json);
    result_free(&result);
}

static void the_largest_part_of_a_step_bounds_it(void **state)
{
    (void)state;
    struct result_machine machine = {.fits = true, .compute_seconds = 3, .memory_seconds = 2};
    assert_string_equal(result_bound(&machine), "compute");
    machine.memory_seconds = 4; // transfers beside the computation, and waited for
    assert_string_equal(result_bound(&machine), "memory");
    machine.links_seconds = 5;
    assert_string_equal(result_bound(&machine), "links");
    machine.fits = false;
    assert_null(result_bound(&machine));
}

static void a_checkpoint_plan_is_null_or_has_its_numbers(void **state)
{
    (void)state;
    struct result result = make_result();
    result.machines[0].checkpoint = (struct result_checkpoint){.kind = "double",
                                                               .local = 3,
                                                               .remote = 4,
                                                               .forward_steps_per_time_step = 3,
                                                               .forward_share = 0.25,
                                                               .overhead = 0.5,
                                                               .streamed_out_bytes = 77,
                                                               .notes = {"of no use"},
                                                               .note_count = 1};
    json_t *json = result_to_json(&result);
    json_t *machines = json_object_get(json, "machines");
    json_t *plan = json_object_get(json_array_get(machines, 0), "checkpoint");
    assert_string_equal(json_string_value(json_object_get(plan, "kind")), "double");
    assert_int_equal(json_integer_value(json_object_get(plan, "remote")), 4);
    assert_true(json_is_null(json_object_get(plan, "levels")));
    assert_int_equal(json_integer_value(json_object_get(plan, "streamed_out_bytes")), 77);
    json_t *notes = json_object_get(plan, "notes");
    assert_int_equal(json_array_size(notes), 1);
    assert_string_equal(json_string_value(json_array_get(notes, 0)), "of no use");
    assert_true(json_is_null(json_object_get(json_array_get(machines, 1), "checkpoint")));
    json_decref(json);
    result_free(&result);
}

static void what_is_null_has_its_reason_in_why(void **state)
{
    (void)state;
    struct result result = make_result();
    json_t *json = result_to_json(&result);
    json_t *machines = json_object_get(json, "machines");
    json_t *tiles = json_array_get(machines, 0);
    json_t *gpu = json_array_get(machines, 2);
    assert_true(json_is_null(json_object_get(tiles, "energy_joules")));
    assert_string_equal(json_string_value(json_object_get(tiles, "why")),
                        "error_band: unknown; energy_joules: no power values");
    assert_string_equal(json_string_value(json_object_get(gpu, "why")),
                        "energy_joules: no power values");
    assert_true(json_is_null(json_object_get(gpu, "cycles_per_training_step")));
    assert_true(json_is_null(json_object_get(json_object_get(gpu, "sram"), "max_tile")));
    json_decref(json);
    result_free(&result);
}

static void a_machine_that_does_not_fit_has_no_times(void **state)
{
    (void)state;
    struct result result = make_result();
    json_t *json = result_to_json(&result);
    json_t *machine = json_array_get(json_object_get(json, "machines"), 3);
    assert_true(json_is_false(json_object_get(machine, "fits")));
    assert_true(json_is_null(json_object_get(machine, "step_seconds")));
    assert_true(json_is_null(json_object_get(machine, "breakdown_seconds")));
    assert_true(json_is_null(json_object_get(machine, "cycles_per_training_step")));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(machine, "sram"), "limit_bytes")),
        638976);
    json_decref(json);
    result_free(&result);
}

static void tiles_are_compared_with_every_gpu_and_sparse_with_dense(void **state)
{
    (void)state;
    struct result result = make_result();
    static const struct result_speedup expected[] = {{"bow/sparse", "bow/dense", 4, -1},
                                                     {"bow/sparse", "a100-80/b0", 8, -1},
                                                     {"bow/dense", "a100-80/b0", 2, -1}};
    assert_int_equal(result.speedup_count, 3); // not what does not fit
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(result.speedups[i].of, expected[i].of);
        assert_string_equal(result.speedups[i].over, expected[i].over);
        assert_float_equal(result.speedups[i].ratio, expected[i].ratio, 1e-9);
    }
    result_free(&result);
}

// --- the file -----------------------------------------------------------------------------------
static char *read_text(const char *path)
{
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    char *text = xcalloc(1, 1 << 16);
    size_t bytes = fread(text, 1, (1 << 16) - 1, stream);
    text[bytes] = '\0';
    fclose(stream);
    return text;
}

static void the_file_holds_the_result(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-result-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = xasprintf("%s/result.json", folder);
    struct result result = make_result();
    char *why = NULL;
    assert_true(result_write_json(&result, path, &why));
    json_error_t error;
    json_t *read = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    json_t *expected = result_to_json(&result);
    assert_true(json_equal(read, expected));
    json_decref(read);
    json_decref(expected);
    result_free(&result);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); // nothing else was left there
    free(path);
}

static void a_write_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-result-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = xasprintf("%s/result.json", folder);
    FILE *old = fopen(path, "w");
    fputs("old", old);
    fclose(old);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 100, .rlim_max = before.rlim_max}; // bytes
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct result result = make_result();
    char *why = NULL;
    bool is_written = result_write_json(&result, path, &why);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_false(is_written);
    char *expected = xasprintf("%s: cannot write the result: File too large", path);
    assert_string_equal(why, expected);
    char *text = read_text(path);
    assert_string_equal(text, "old");
    free(text);
    free(expected);
    free(why);
    result_free(&result);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    free(path);
}

static void a_link_stays_a_link_and_its_target_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-result-XXXXXX", cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("deep", 0777), 0);
    assert_int_equal(symlink("other.json", "deep/second"), 0); // relative to its own folder
    assert_int_equal(symlink("deep/second", "first"), 0);
    struct result result = make_result();
    char *why = NULL;
    struct stat status;
    for (int i = 0; i < 2; i++) { // a target that is not there yet, and one that is
        assert_true(result_write_json(&result, "first", &why));
        assert_int_equal(lstat("first", &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        assert_int_equal(lstat("deep/second", &status), 0);
        assert_true(S_ISLNK(status.st_mode));
        char *text = read_text("deep/other.json");
        assert_memory_equal(text, "{\n", 2);
        free(text);
    }
    assert_int_equal(unlink("first") + unlink("deep/second") + unlink("deep/other.json"), 0);
    assert_int_equal(rmdir("deep"), 0); // nothing else was left there
    assert_int_equal(chdir(cwd), 0);
    assert_int_equal(rmdir(folder), 0);
    result_free(&result);
}

static void a_place_is_tried_without_a_trace(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-result-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *inside = xasprintf("%s/r.json", folder), *below = xasprintf("%s/no/r.json", folder);
    char *why = NULL;
    assert_true(result_can_write_json(inside, &why));
    assert_true(result_can_write_json("-", &why));
    assert_true(result_can_write_json("/dev/full", &why)); // only writing would tell
    assert_null(why);
    assert_false(result_can_write_json(below, &why));
    assert_non_null(strstr(why, "no/r.json: cannot write the result: No such file or directory"));
    free(why);
    assert_false(result_can_write_json(folder, &why));
    assert_non_null(strstr(why, ": cannot write the result: Is a directory"));
    free(why);
    assert_int_equal(rmdir(folder), 0); // it is empty
    free(inside);
    free(below);
}

static void a_full_device_is_reported(void **state)
{
    (void)state;
    struct result result = make_result();
    char *why = NULL;
    assert_false(result_write_json(&result, "/dev/full", &why));
    assert_string_equal(why, "/dev/full: cannot write the result: No space left on device");
    free(why);
    result_free(&result);
}

// --- the tables ---------------------------------------------------------------------------------
static char *print_to_text(const struct result *result, bool has_colour)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    result_print(result, stream, has_colour);
    fclose(stream);
    return text;
}

static void tables_name_every_part_and_carry_no_colour_unasked(void **state)
{
    (void)state;
    static const char *const parts[] = {"one-of-everything",
                                        "2.5000",
                                        "95.0 %",
                                        "bow/sparse",
                                        "1.000 ms",
                                        "48,000",
                                        "+-50 %",
                                        "4.00 x",
                                        "750.00 us  75.0 %",
                                        "F3 LIF update",
                                        "195.3 KiB of 624.0 KiB (31.3 %)",
                                        "parameter 1.0 KiB",
                                        "1,000,000 supersteps/s",
                                        "small/sparse does not fit"};
    struct result result = make_result();
    char *text = print_to_text(&result, false);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("no \"%s\" in:\n%s", parts[i], text);
        }
    }
    assert_null(strchr(text, ESCAPE));
    char *coloured = print_to_text(&result, true);
    assert_non_null(strchr(coloured, ESCAPE));
    free(coloured);
    free(text);
    result_free(&result);
}

static void a_result_without_machines_prints(void **state)
{
    (void)state;
    struct result result = {.version = "0.1.0",
                            .git = "abc",
                            .experiment = "empty",
                            .supersteps_per_second = RESULT_NOTHING,
                            .slowdown = RESULT_NOTHING};
    result_compute_speedups(&result);
    char *text = print_to_text(&result, false);
    assert_null(strstr(text, "Machines"));
    free(text);
    result_free(&result);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_contract_is_there_with_its_type),
        cmocka_unit_test(the_largest_part_of_a_step_bounds_it),
        cmocka_unit_test(a_checkpoint_plan_is_null_or_has_its_numbers),
        cmocka_unit_test(what_is_null_has_its_reason_in_why),
        cmocka_unit_test(a_machine_that_does_not_fit_has_no_times),
        cmocka_unit_test(tiles_are_compared_with_every_gpu_and_sparse_with_dense),
        cmocka_unit_test(the_file_holds_the_result),
        cmocka_unit_test(a_write_that_fails_leaves_the_old_file_and_nothing_else),
        cmocka_unit_test(a_link_stays_a_link_and_its_target_is_replaced),
        cmocka_unit_test(a_place_is_tried_without_a_trace),
        cmocka_unit_test(a_full_device_is_reported),
        cmocka_unit_test(tables_name_every_part_and_carry_no_colour_unasked),
        cmocka_unit_test(a_result_without_machines_prints),
    };
    return cmocka_run_group_tests_name("result", tests, NULL, NULL);
}

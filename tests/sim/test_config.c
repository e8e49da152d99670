// What a configuration file may not say, and the exact words that answer it.
#include <sys/stat.h>

#include "tests/sim/config_fixture.h"

#define BEGIN "machines: []\n" // line 1 of most texts: no chip has to be read

static void a_misspelt_optional_key_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "network:\n  surogate_slope: 5\n",
                "e.yaml:3:3: network.surogate_slope: unknown key; did you mean 'surrogate_slope'?");
    EXPECT_FILE("nework: {}\nmachines: []\n", "e.yaml:1:1: nework: unknown key; did you mean "
                                              "'network'?");
    EXPECT_FILE(BEGIN "timing: {pace: 5}\n",
                "e.yaml:2:10: timing.pace: unknown key; legal: engine, training_steps");
}

static void a_misspelt_threshold_is_refused(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "network: {thata2: 0.9}\n",
                "e.yaml:2:11: network.thata2: unknown key; did you mean 'theta2'?");
    EXPECT_FILE(BEGIN "network: {thtea1: 0.9}\n",
                "e.yaml:2:11: network.thtea1: unknown key; did you mean 'theta1'?");
}

static void numbers_outside_the_legal_range_name_range_and_unit(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "network: {inputs: -24}\n",
                "e.yaml:2:19: network.inputs: -24 is outside 1..1048576 neurons");
    EXPECT_FILE(BEGIN "network:\n  hidden: [16, -3]\n",
                "e.yaml:3:16: network.hidden.1: -3 is outside 1..1048576 neurons");
    EXPECT_FILE(BEGIN "network: {alpha: 1.5}\n",
                "e.yaml:2:18: network.alpha: 1.5 is outside 0..1 per time step");
    EXPECT_FILE(BEGIN "training: {batch: 99999999999999999999999}\n",
                "e.yaml:2:19: training.batch: 99999999999999999999999 is outside 1..65536 samples");
}

static void a_negative_energy_is_refused(void **state)
{
    (void)state;
    EXPECT_FILE("machines:\n  - chip: {base: bow, power: {joules_per_flop: -1e-12}}\n",
                "e.yaml:2:48: chip.power.joules_per_flop: -1e-12 is outside 0..1 J");
}

static void whole_numbers_are_compared_whole(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "seed: 9007199254740992\n", NULL);
    EXPECT_FILE(BEGIN "seed: 9007199254740993\n", // the limit, if it were rounded to a double
                "e.yaml:2:7: seed: 9007199254740993 is outside 0..9007199254740992");
    EXPECT_FILE(BEGIN "seed: 18446744073709551615\n",
                "e.yaml:2:7: seed: 18446744073709551615 is outside 0..9007199254740992");
}

static void a_word_is_no_number(void **state)
{
    (void)state;
    EXPECT_FILE(
        BEGIN "network: {inputs: many, alpha: high}\n",
        "e.yaml:2:19: network.inputs: 'many' is not a whole number; legal: 1..1048576 neurons",
        "e.yaml:2:32: network.alpha: 'high' is not a number; legal: 0..1 per time step");
    EXPECT_FILE(BEGIN "training: {batch: 48x, time_steps: 1.5}\n",
                "e.yaml:2:19: training.batch: '48x' is not a whole number; legal: 1..65536 samples",
                "e.yaml:2:36: training.time_steps: '1.5' is not a whole number; legal: 1..100000 "
                "time steps");
    EXPECT_FILE(
        BEGIN "training: {batch: \"48\"}\n",
        "e.yaml:2:19: training.batch: '48' in quotes is not a whole number; legal: 1..65536 "
        "samples");
    EXPECT_FILE(BEGIN "training: {batch: , both_forms: yes}\n",
                "e.yaml:2:19: training.batch: a whole number is needed here, not null; legal: "
                "1..65536 samples",
                "e.yaml:2:33: training.both_forms: 'yes' is neither true nor false");
}

static void infinite_numbers_are_refused(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "network: {theta1: .inf, theta2: .nan, gain: 1e999}\n",
                "e.yaml:2:19: network.theta1: '.inf' is not a finite number; legal: "
                "-1000000..1000000 of membrane",
                "e.yaml:2:33: network.theta2: '.nan' is not a finite number; legal: "
                "-1000000..1000000 of membrane",
                "e.yaml:2:45: network.gain: 1e999 is outside -1000000..1000000");
}

static void whole_numbers_may_be_written_in_other_ways(void **state)
{
    (void)state;
    write_text("e.yaml", BEGIN "training: {steps: 1e3, batch: 0x10, time_steps: 4.8e1, "
                               "test_samples: 0o17}\nseed: 1e9\n");
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    assert_int_equal(experiment->training.steps, 1000);
    assert_int_equal(experiment->training.batch, 16);
    assert_int_equal(experiment->training.time_steps, 48);
    assert_int_equal(experiment->training.test_samples, 15);
    assert_int_equal(experiment->seed, 1000000000);
    experiment_destroy(experiment);
    err_destroy(err);
}

static void an_unknown_enumerator_gets_the_list_and_the_nearest(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "data: {source: fashion_mnits}\n",
                "e.yaml:2:16: data.source: 'fashion_mnits' is not one of: randman, fashion_mnist, "
                "uniform; did you mean 'fashion_mnist'?");
    EXPECT_FILE(BEGIN "training: {optimizer: lion}\n",
                "e.yaml:2:23: training.optimizer: 'lion' is not one of: sgd, adam");
    EXPECT_FILE(
        "machines: [{gpu: a100-80, baselines: [b1, b9]}]\n",
        "e.yaml:1:43: machines.0.baselines.1: 'b9' is not one of: b0, b1, b2, b3, b4; did you "
        "mean 'b0'?");
}

static void the_wrong_kind_of_value_is_named(void **state)
{
    (void)state;
    EXPECT_FILE(
        "machines: 5\nnetwork: [1]\ntraining: {batch: {a: 1}}\ndata: {source: [x]}\n",
        "e.yaml:1:11: machines: a list is needed here ([a, b]), not a single value",
        "e.yaml:2:10: network: keys are needed here (key: value), not a list",
        "e.yaml:3:19: training.batch: a whole number is needed here, not a mapping; legal: "
        "1..65536 samples",
        "e.yaml:4:16: data.source: 'a list' is not one of: randman, fashion_mnist, uniform");
    EXPECT_FILE("- machines\n", "e.yaml:1:1: a file of keys is needed (key: value), not a list");
}

static void a_missing_key_is_named_with_its_range(void **state)
{
    (void)state;
    assert_int_equal(
        system("cp $TILESIM_CONFIGS/../tests/fixtures/config/incomplete-chip.yaml mine.yaml"), 0);
    EXPECT_FILE("machines: [{chip: mine.yaml}]\n",
                "mine.yaml:2:1: chip.clock_hz: missing; legal: 1000000..1000000000000 Hz",
                "mine.yaml:4:3: chip.tile.regions: missing",
                "mine.yaml:21:3: chip.exchange.sync_cycles: missing; legal: 0..1000000 cycles");
}

static void a_key_given_twice_is_refused(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "training:\n  batch: 4\n  batch: 5\n",
                "e.yaml:4:3: 'batch' is given twice; the first is at 3:3");
}

static void broken_yaml_is_refused_where_it_breaks(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "network: {inputs: 5\n",
                "e.yaml:3:1: broken YAML: did not find expected ',' or '}' (while parsing a flow "
                "mapping that began at 2:10)");
    EXPECT_FILE(BEGIN "\tnetwork: 5\n",
                "e.yaml:2:1: broken YAML: found character that cannot start any token (while "
                "scanning for the next token that began at 2:1)");
    EXPECT_FILE("seed: \"\xff\"\n", "e.yaml:1:8: broken YAML: invalid leading UTF-8 octet");
    EXPECT_FILE("", "e.yaml: nothing is written here");
    EXPECT_FILE(BEGIN "---\nseed: 2\n", "e.yaml:2:1: a second document begins here; only one is "
                                        "allowed");
    EXPECT_FILE(BEGIN "? [a]\n: 5\n", "e.yaml:2:3: a key must be a single word");
}

static void a_nul_and_a_tag_are_refused(void **state)
{
    (void)state;
    EXPECT_FILE(BEGIN "experiment: \"a\\0b\"\n",
                "e.yaml:2:13: a value must not hold a NUL character");
    EXPECT_FILE(BEGIN "seed: !!int 5\n",
                "e.yaml:2:7: the tag 'tag:yaml.org,2002:int' is not allowed; "
                "write the plain value");
}

static void all_errors_are_reported_in_one_run(void **state)
{
    (void)state;
    EXPECT_FILE(
        "network: {inputs: -1, alpha: x}\ntraining: {mode: drwn, bath: 5}\nseed: 1\nseed: 2\n"
        "machines: [{chip: bwo}, {gpu: a100-80, precision: fp8}]\n",
        "e.yaml:1:19: network.inputs: -1 is outside 1..1048576 neurons",
        "e.yaml:1:30: network.alpha: 'x' is not a number; legal: 0..1 per time step",
        "e.yaml:2:18: training.mode: 'drwn' is not one of: functional, drawn; did you mean "
        "'drawn'?",
        "e.yaml:2:24: training.bath: unknown key; did you mean 'batch'?",
        "e.yaml:4:1: 'seed' is given twice; the first is at 3:1",
        "e.yaml:5:19: there is no 'bwo' in configs/chips; did you mean 'bow'? (there are: bow, "
        "gc2, gc200, toy)",
        "e.yaml:5:51: machines.1.precision: 'fp8' is not one of: float32, tf32, bfloat16");
}

static void a_wrong_chip_file_used_twice_is_reported_once(void **state)
{
    (void)state;
    write_text("mine.yaml", "base: bow\nclock_hz: fast\n");
    EXPECT_FILE(
        "machines:\n  - {chip: mine.yaml, lowering: sparse}\n"
        "  - {chip: mine.yaml, lowering: dense}\n",
        "mine.yaml:2:11: chip.clock_hz: 'fast' is not a number; legal: 1000000..1000000000000 "
        "Hz");
}

// --- base, aliases, limits ----------------------------------------------------------------------
static void a_file_may_derive_from_another(void **state)
{
    (void)state;
    write_text("below.yaml",
               "network: {inputs: 7, hidden: [5, 5], slots: [3, 2, 2, 2]}\nmachines: []\n"
               "training: {batch: 3}\n");
    write_text("e.yaml", "base: below.yaml\nnetwork: {hidden: [9, 9]}\n");
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    assert_int_equal(experiment->network.inputs, 7);
    assert_int_equal(experiment->network.hidden_count, 2);
    assert_int_equal(experiment->network.hidden[1], 9);
    assert_int_equal(experiment->training.batch, 3);
    assert_string_equal(experiment->name, "e");
    experiment_destroy(experiment);
    err_destroy(err);
}

static void errors_in_a_base_point_into_the_base(void **state)
{
    (void)state;
    write_text("below.yaml", "machines: []\nseed: x\n");
    EXPECT_FILE("base: below.yaml\nnetwork: {alhpa: 1}\n",
                "below.yaml:2:7: seed: 'x' is not a whole number; legal: 0..9007199254740992",
                "e.yaml:2:11: network.alhpa: unknown key; did you mean 'alpha'?");
    EXPECT_FILE("base: nowhere.yaml\n", "e.yaml:1:7: nowhere.yaml: No such file or directory");
    EXPECT_FILE("base: [a]\n" BEGIN,
                "e.yaml:1:7: base: the name of a file is needed here, not a list");
}

static void a_circle_of_bases_is_refused(void **state)
{
    (void)state;
    write_text("other.yaml", "base: ./e.yaml\n");
    EXPECT_FILE("base: other.yaml\n", "other.yaml:1:7: base: ./e.yaml derives from itself");
    EXPECT_FILE("base: e.yaml\n", "e.yaml:1:7: base: e.yaml derives from itself");
}

static void too_many_bases_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        char *path = xasprintf("b%d.yaml", i);
        char *text = xasprintf("base: b%d.yaml\n", i + 1);
        write_text(path, text);
        free(text);
        free(path);
    }
    EXPECT_FILE("base: b0.yaml\n", "b6.yaml:1:7: base: more than 8 files derive from each other");
}

static void an_alias_keeps_the_place_of_its_use(void **state)
{
    (void)state;
    EXPECT_FILE("x-common: &big 99999999\ntraining: {batch: *big}\nmachines: []\n",
                "e.yaml:2:19: training.batch: 99999999 is outside 1..65536 samples");
    EXPECT_FILE("training: {batch: *none}\nmachines: []\n",
                "e.yaml:1:19: the alias '*none' has no complete anchor '&none' before it",
                "e.yaml:1:19: training.batch: a whole number is needed here, not null; legal: "
                "1..65536 samples");
}

static void merge_keys_fill_in_what_is_not_given(void **state)
{
    (void)state;
    write_text("e.yaml", "x-a: &a {batch: 5, steps: 6}\nx-b: &b {batch: 7, time_steps: 8}\n"
                         "training: {<<: [*a, *b], steps: 9}\nmachines: []\n");
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    assert_int_equal(experiment->training.batch, 5); // the earlier mapping wins
    assert_int_equal(experiment->training.steps, 9); // its own key wins
    assert_int_equal(experiment->training.time_steps, 8);
    experiment_destroy(experiment);
    err_destroy(err);
    EXPECT_FILE(BEGIN "training: {<<: 5}\n",
                "e.yaml:2:16: '<<' needs a mapping or a list of mappings, not a single value");
}

static void an_alias_bomb_is_refused(void **state)
{
    (void)state;
    char text[4096] = "x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
    for (char c = 'b'; c < 'k'; c++) {
        char line[128];
        char p = (char)(c - 1);
        snprintf(line, sizeof(line), "x-%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c,
                 c, p, p, p, p, p, p, p, p, p);
        strcat(text, line);
    }
    EXPECT_FILE(text, "e.yaml:5:14: more than 20000 values in one file, aliases counted");
}

static void an_alias_inside_its_own_anchor_is_refused(void **state)
{
    (void)state;
    EXPECT_FILE("x-a: &a [*a]\nmachines: []\n",
                "e.yaml:1:10: the alias '*a' has no complete anchor '&a' before it");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    size_t levels = 100000; // quadratic in libyaml if it were read to the end
    char *text = xmalloc(levels + 6);
    memcpy(text, "x-a: ", 5);
    memset(text + 5, '[', levels);
    text[levels + 5] = '\0';
    EXPECT_FILE(text, "e.yaml:1:37: nested deeper than 32 levels");
    free(text);
}

static void aliases_cannot_nest_deeper_either(void **state)
{
    (void)state;
    EXPECT_FILE("x-a: &a [[[[[[[[[[[[1]]]]]]]]]]]]\nx-b: &b [[[[[[[[[[[[*a]]]]]]]]]]]]\n"
                "x-c: [[[[[[[[[[[[*b]]]]]]]]]]]]\n",
                "e.yaml:3:18: nested deeper than 32 levels");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    EXPECT_FILE("\xef\xbb\xbfmachines: []\nseed: 1\n", NULL);
    EXPECT_FILE("\xef\xbb\xbfsead: 1\nmachines: []\n",
                "e.yaml:1:1: sead: unknown key; did you mean 'seed'?");
    EXPECT_FILE("\xef\xbb\xbf", "e.yaml: nothing is written here");
}

static void large_files_are_refused(void **state)
{
    (void)state;
    size_t bytes = (1u << 20) + 1;
    char *text = xmalloc(bytes);
    memset(text, '\n', bytes);
    write_bytes("e.yaml", text, bytes);
    EXPECT(NULL, "e.yaml: larger than 1 MiB: not a configuration");
    free(text);
}

static void unreadable_files_say_why(void **state)
{
    (void)state;
    struct err *err = err_create();
    assert_null(experiment_load("none.yaml", NULL, 0, err));
    assert_string_equal(err_message(err, 0), "none.yaml: No such file or directory");
    assert_null(experiment_load("/tmp", NULL, 0, err));
    assert_string_equal(err_message(err, 1), "/tmp: a folder, not a file");
    err_destroy(err);
}

// --- what is printed ----------------------------------------------------------------------------
static void a_message_shows_its_line_and_a_caret(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: []\n\nnetwork: {\"\xc3\xa4\": 1,\talpah: 2}\n");
    struct err *err = err_create();
    assert_null(experiment_load("e.yaml", NULL, 0, err));
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    err_print(err, stream);
    fclose(stream);
    assert_non_null(strstr(text, "e.yaml:3:19: network.alpah: unknown key; did you mean 'alpha'?\n"
                                 "    network: {\"\xc3\xa4\": 1,\talpah: 2}\n"
                                 "                     \t^\n"));
    free(text);
    err_destroy(err);
}

static void control_characters_of_a_file_never_reach_the_terminal(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: []\nseed: \"\\e[31mred\"\n");
    struct err *err = err_create();
    assert_null(experiment_load("e.yaml", NULL, 0, err));
    assert_string_equal(err_message(err, 0),
                        "e.yaml:2:7: seed: '?[31mred' in quotes is not a whole "
                        "number; legal: 0..9007199254740992");
    err_destroy(err);
}

static void the_beginning_of_a_name_suggests_it(void **state)
{
    (void)state;
    EXPECT_FILE(
        "machines: [{gpu: a100}]\n", // h100 is one letter away, but nobody mistypes that one
        "e.yaml:1:18: there is no 'a100' in configs/gpus; did you mean 'a100-40'? "
        "(there are: a100-40, a100-80, h100, h200)");
    EXPECT_FILE(BEGIN "training: {learning: 1}\n",
                "e.yaml:2:12: training.learning: unknown key; did you mean 'learning_rate'?");
}

static void swapped_neighbours_count_as_one_mistake(void **state)
{
    (void)state;
    assert_int_equal(config_word_distance("theta1", "theta1"), 0);
    assert_int_equal(config_word_distance("thtea1", "theta1"), 1);
    assert_int_equal(config_word_distance("theta", "theta1"), 1);
    assert_int_equal(config_word_distance("theat1x", "theta1"), 2);
    assert_int_equal(config_word_distance("", "abc"), 3);
    assert_int_equal(config_word_distance("ca", "abc"),
                     3); // restricted: a swap is not edited again
}

static void the_table_prints_a_reference(void **state)
{
    (void)state;
    char *text = NULL;
    size_t bytes;
    FILE *stream = open_memstream(&text, &bytes);
    config_print_reference(chip_keys, stream);
    fclose(stream);
    assert_non_null(strstr(text, "clock_hz: number 1000000..1000000000000 Hz; required. of the "
                                 "tiles\n"));
    assert_non_null(strstr(text, "  sync_rule: one of before_exchange, before_every_set; default "
                                 "before_exchange. where a sync is needed\n"));
    free(text);
}

#define TEST(name) cmocka_unit_test(name)
int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        TEST(a_misspelt_optional_key_is_refused_with_the_nearest_name),
        TEST(a_misspelt_threshold_is_refused),
        TEST(numbers_outside_the_legal_range_name_range_and_unit),
        TEST(a_negative_energy_is_refused),
        TEST(whole_numbers_are_compared_whole),
        TEST(a_word_is_no_number),
        TEST(infinite_numbers_are_refused),
        TEST(whole_numbers_may_be_written_in_other_ways),
        TEST(an_unknown_enumerator_gets_the_list_and_the_nearest),
        TEST(the_wrong_kind_of_value_is_named),
        TEST(a_missing_key_is_named_with_its_range),
        TEST(a_key_given_twice_is_refused),
        TEST(broken_yaml_is_refused_where_it_breaks),
        TEST(a_nul_and_a_tag_are_refused),
        TEST(all_errors_are_reported_in_one_run),
        TEST(a_wrong_chip_file_used_twice_is_reported_once),
        TEST(a_file_may_derive_from_another),
        TEST(errors_in_a_base_point_into_the_base),
        TEST(a_circle_of_bases_is_refused),
        TEST(too_many_bases_are_refused),
        TEST(an_alias_keeps_the_place_of_its_use),
        TEST(merge_keys_fill_in_what_is_not_given),
        TEST(an_alias_bomb_is_refused),
        TEST(an_alias_inside_its_own_anchor_is_refused),
        TEST(deep_nesting_is_refused),
        TEST(aliases_cannot_nest_deeper_either),
        TEST(a_byte_order_mark_is_skipped),
        TEST(large_files_are_refused),
        TEST(unreadable_files_say_why),
        TEST(a_message_shows_its_line_and_a_caret),
        TEST(control_characters_of_a_file_never_reach_the_terminal),
        TEST(the_beginning_of_a_name_suggests_it),
        TEST(swapped_neighbours_count_as_one_mistake),
        TEST(the_table_prints_a_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

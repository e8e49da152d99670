// --set key.path=value: what a deriving file could say, with errors that point into the argument.
#include "tests/sim/config_fixture.h"

static struct experiment *load_with(const char *const *sets, uint32_t count)
{
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", sets, count, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    err_destroy(err);
    return experiment;
}

static void a_set_overrides_the_file(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: []\nnetwork: {inputs: 9, hidden: [4]}\n");
    const char *const sets[] = {"network.inputs=7",    "network.hidden=[3, 5]",
                                "network.hidden.1=6",  "experiment=other=name",
                                "training={batch: 3}", "training.steps=4"};
    struct experiment *experiment = load_with(sets, 6);
    assert_int_equal(experiment->network.inputs, 7);
    assert_int_equal(experiment->network.hidden_count, 2);
    assert_int_equal(experiment->network.hidden[0], 3);
    assert_int_equal(experiment->network.hidden[1], 6);
    assert_string_equal(experiment->name, "other=name");
    assert_int_equal(experiment->training.batch, 3);
    assert_int_equal(experiment->training.steps, 4);
    experiment_destroy(experiment);
}

static void a_set_reaches_into_a_chip_that_is_only_named(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: [{chip: bow}, {chip: {base: gc200, tiles: 7}}]\n");
    const char *const sets[] = {"machines.0.chip.tiles=2944",
                                "machines.0.chip.exchange.sync_cycles=5",
                                "machines.1.chip.tile.regions.0.bytes=20480"};
    struct experiment *experiment = load_with(sets, 3);
    const struct chip_config *bow = experiment->machines[0].chip;
    const struct chip_config *gc200 = experiment->machines[1].chip;
    assert_int_equal(bow->tiles, 2944);
    assert_int_equal(bow->exchange.sync_cycles, 5);
    assert_true(bow->clock_hz == 1.85e9);
    assert_string_equal(experiment->machines[0].name, "bow/sparse");
    assert_int_equal(gc200->tiles, 7);
    assert_int_equal(gc200->tile.regions[0].bytes, 20480);
    assert_int_equal(gc200->tile.regions[1].bytes, 425984);
    experiment_destroy(experiment);
}

static void a_set_may_change_an_item_of_a_default_list(void **state)
{
    (void)state;
    write_text("e.yaml", "seed: 1\n");
    const char *const sets[] = {"machines.0.chip=gc2", "machines.2.gpu=h200",
                                "network.hidden.0=10"};
    struct experiment *experiment = load_with(sets, 3);
    assert_int_equal(experiment->machine_count, 3);
    assert_string_equal(experiment->machines[0].name, "gc2/sparse");
    assert_string_equal(experiment->machines[1].name, "bow/dense");
    assert_string_equal(experiment->machines[2].name, "h200");
    assert_int_equal(experiment->network.hidden[0], 10);
    assert_int_equal(experiment->network.hidden[1], 1466);
    experiment_destroy(experiment);
}

static void a_set_goes_through_the_same_checks(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: [{chip: toy}]\n");
    EXPECT("network.thata2=1", "--set:1:9: network.thata2: unknown key; did you mean 'theta2'?");
    EXPECT("network.inputs=-3", "--set:1:16: network.inputs: -3 is outside 1..1048576 neurons");
    EXPECT("network.hidden=[5, no]",
           "--set:1:20: network.hidden.1: 'no' is not a whole number; legal: 1..1048576 neurons");
    EXPECT("machines.0.chip.power.idle_watts=-1",
           "--set:1:34: chip.power.idle_watts: -1 is outside 0..1000000 W");
    EXPECT("machines.0.chip=bwo", "--set:1:17: there is no 'bwo' in configs/chips; did you mean "
                                  "'bow'? (there are: bow, gc2, gc200, toy)");
    EXPECT("machines.0.chip=x/y.yaml", "--set:1:17: x/y.yaml: No such file or directory");
}

static void a_set_that_is_no_assignment_is_refused(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: [{chip: toy}]\n");
    EXPECT("seed", "--set:1:1: 'seed' has no '='; write key.path=value");
    EXPECT("=5", "--set:1:1: a key is missing here");
    EXPECT("network..alpha=1", "--set:1:9: a key is missing here");
    EXPECT("network.=1", "--set:1:9: a key is missing here");
    EXPECT("seed=", "--set:1:6: seed: a value is missing here; write null for none");
    EXPECT("network.alpha= ",
           "--set:1:15: network.alpha: a value is missing here; write null for none");
    EXPECT("base=other.yaml", "--set:1:1: base: only a file can derive from another");
    EXPECT("machines.0.chip.base=bow",
           "--set:1:17: base cannot be set; set the key before it to a name");
}

static void a_set_on_nothing_is_refused(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: [{chip: toy}]\nseed: 3\n");
    EXPECT("machines.1.chip=bow",
           "--set:1:10: machines.1.chip: '1' is no item of this list; it has 1, counted from 0");
    EXPECT("machines.first.chip=bow", "--set:1:10: machines.first.chip: 'first' is no item of this "
                                      "list; it has 1, counted from 0");
    EXPECT("seed.low=1", "--set:1:6: seed.low: the key before 'low' is a single value");
}

static void a_path_without_an_end_is_refused(void **state)
{
    (void)state;
    size_t levels = 60000; // the longest that fits into an argument; the walk along it is recursive
    char *argument = xmalloc(2 * levels + 4);
    for (size_t i = 0; i < levels; i++) {
        memcpy(argument + 2 * i, "a.", 2);
    }
    memcpy(argument + 2 * levels, "a=1", 4);
    write_text("e.yaml", "machines: []\n");
    EXPECT(argument, "--set:1:65: nested deeper than 32 levels");
    free(argument);
}

static void a_broken_value_is_refused_where_it_breaks(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: []\n");
    EXPECT("network.hidden=[1, 2",
           "--set:1:21: broken YAML: did not find expected ',' or ']' (while "
           "parsing a flow sequence that began at 1:16)");
}

static void every_wrong_set_is_reported(void **state)
{
    (void)state;
    write_text("e.yaml", "machines: []\nnetwork: {alhpa: 1}\n");
    const char *const sets[] = {"seed=x", "nothing", "data.rate=2"};
    struct err *err = err_create();
    assert_null(experiment_load("e.yaml", sets, 3, err));
    assert_int_equal(err_count(err), 4);
    err_destroy(err);
}

#define TEST(name) cmocka_unit_test(name)
int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        TEST(a_set_overrides_the_file),
        TEST(a_set_reaches_into_a_chip_that_is_only_named),
        TEST(a_set_may_change_an_item_of_a_default_list),
        TEST(a_set_goes_through_the_same_checks),
        TEST(a_set_that_is_no_assignment_is_refused),
        TEST(a_set_on_nothing_is_refused),
        TEST(a_path_without_an_end_is_refused),
        TEST(a_broken_value_is_refused_where_it_breaks),
        TEST(every_wrong_set_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

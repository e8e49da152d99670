// The shipped configurations load and say what they should; derived sizes; checks across keys.
#include <math.h>

#include "tests/sim/config_fixture.h"

static void every_shipped_file_is_right(void **state)
{
    (void)state;
    const char *const folders[] = {"experiments", "chips", "gpus", "networks", "systems"};
    for (size_t i = 0; i < 5; i++) {
        char **names = config_list_names(folders[i]);
        assert_non_null(names[0]);
        for (size_t j = 0; names[j] != NULL; j++) {
            char *path =
                xasprintf("%s/%s/%s.yaml", getenv("TILESIM_CONFIGS"), folders[i], names[j]);
            struct err *err = err_create();
            struct experiment *experiment;
            bool is_right = experiment_check_file(path, &experiment, err);
            err_print(err, stderr);
            experiment_destroy(experiment);
            assert_true(is_right);
            err_destroy(err);
            free(path);
            free(names[j]);
        }
        free(names);
    }
}

// Messages of a check of a file, joined by newlines. Owned by the caller.
static char *check_text(const char *path, const char *text)
{
    struct err *err = err_create();
    struct experiment *experiment;
    write_text(path, text);
    experiment_check_file(path, &experiment, err);
    experiment_destroy(experiment);
    char *all = xstrdup("");
    for (size_t i = 0; i < err_count(err); i++) {
        char *longer = xasprintf("%s%s\n", all, err_message(err, i));
        free(all);
        all = longer;
    }
    err_destroy(err);
    return all;
}

static void a_file_is_checked_as_what_its_keys_say(void **state)
{
    (void)state;
    const struct {
        const char *path, *text, *messages;
    } files[] = {
        {"c.yaml", "base: bow\ntiles: 7\n", ""},
        {"c.yaml", "base: gc2\nname: x\n", ""},
        {"chip", "base: bow\ntiles: -7\n", "./chip:2:8: tiles: -7 is outside 1..1048576 tiles\n"},
        {"g.yaml", "base: h100\nname: x\n", ""},
        {"g.yaml", "base: h100\nmemory_bytes: x\n",
         "g.yaml:2:15: memory_bytes: 'x' is not a number; legal: 1..1000000000000000 bytes\n"},
        {"n.yaml", "base: nmnist-2l\nhidden: [4]\n", ""},
        {"n.yaml", "inputs: 0\nhidden: [4]\n",
         "n.yaml:1:9: network.inputs: 0 is outside 1..1048576 neurons\n"},
        {"e.yaml", "base: toy\nseed: 2\n", ""}, // a chip is called toy too
        {"e.yaml", "base: toy\n", ""},
        {"e.yaml", "base: toy\ntrainning: {}\n",
         "e.yaml:2:1: trainning: unknown key; did you mean 'training'?\n"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *messages = check_text(files[i].path, files[i].text);
        assert_string_equal(messages, files[i].messages);
        free(messages);
    }
}

static struct experiment *load_text(const char *text, const char *set)
{
    struct err *err = err_create();
    write_text("e.yaml", text);
    struct experiment *experiment = experiment_load("e.yaml", &set, set == NULL ? 0 : 1, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    err_destroy(err);
    return experiment;
}

static void a_network_may_be_a_file_with_or_without_other_keys(void **state)
{
    (void)state;
    write_text("below.yaml", "network: nmnist-3l\nmachines: []\n");
    const struct {
        const char *text, *set;
        uint32_t hidden_count, first_hidden, slots;
    } cases[] = {
        {"network: nmnist-3l\nmachines: []\n", NULL, 3, 978, 48},
        {"network: {base: nmnist-3l, max_activity: 0.1}\nmachines: []\n", NULL, 3, 978, 96},
        {"network: nmnist-3l\nmachines: []\n", "network.max_activity=0.1", 3, 978, 96},
        {"network: nmnist-3l\nmachines: []\n", "network=shd-2l", 2, 1462, 72},
        {"base: ./below.yaml\nnetwork: {max_activity: 0.1}\n", NULL, 3, 978, 96},
        {"base: ./below.yaml\nnetwork: {base: shd-2l}\n", NULL, 2, 1462, 72},
        {"base: toy\nnetwork: {base: shd-2l}\nmachines: []\n", NULL, 2, 1462, 72},
        {"base: toy\nnetwork: shd-2l\nmachines: []\n", NULL, 2, 1462, 72},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct experiment *experiment = load_text(cases[i].text, cases[i].set);
        assert_int_equal(experiment->network.hidden_count, cases[i].hidden_count);
        assert_int_equal(experiment->network.hidden[0], cases[i].first_hidden);
        assert_int_equal(experiment->network.slots[1], cases[i].slots);
        experiment_destroy(experiment);
    }
}

static void what_a_networks_file_says_is_checked_with_the_rest(void **state)
{
    (void)state;
    write_text("net.yaml", "inputs: 9\nslots: [9, 4, 3]\nhidden: [8]\noutputs: 3\n");
    write_text("e.yaml", "network: {base: ./net.yaml, max_activity: 0.5}\nmachines: []\n");
    const char *const excluded[] = {"./net.yaml:2:8: network.slots and network.max_activity "
                                    "(e.yaml:1:43) exclude each other; set "
                                    "one of them to null",
                                    NULL};
    expect_messages(NULL, excluded);
}

static void analog_input_is_constant_and_sends_every_input(void **state)
{
    (void)state;
    const char *const spikes[] = {
        "e.yaml:2:18: data.encoding: makes spikes; network.input: analog needs constant", NULL};
    write_text("e.yaml", "network: {input: analog}\ndata: {encoding: rate}\nmachines: []\n");
    expect_messages(NULL, spikes);
    const char *const constant[] = {
        "e.yaml:1:18: data.encoding: constant makes no spikes; it needs network.input: analog",
        NULL};
    write_text("e.yaml", "data: {encoding: constant}\nmachines: []\n");
    expect_messages(NULL, constant);
    const char *const slots[] = {
        "e.yaml:1:54: network.input_slots: 5, but analog input sends all 9 inputs", NULL};
    write_text("e.yaml", "network: {input: analog, inputs: 9,     input_slots: 5}\nmachines: []\n");
    expect_messages(NULL, slots);
    struct experiment *experiment =
        load_text("network: {input: analog, inputs: 99}\nmachines: []\n", NULL);
    assert_int_equal(experiment->network.slots[0], 99);
    experiment_destroy(experiment);
}

static void a_default_source_of_data_has_no_place(void **state)
{
    (void)state;
    write_text("e.yaml", "data: {rate: 1}\nmachines: []\n");
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    assert_non_null(experiment);
    assert_null(experiment->data.source_mark.source);
    experiment_destroy(experiment);
    write_text("e.yaml", "data: {rate: 1,\n source: uniform}\nmachines: []\n");
    experiment = experiment_load("e.yaml", NULL, 0, err);
    assert_non_null(experiment);
    assert_int_equal(experiment->data.source_mark.line, 2);
    experiment_destroy(experiment);
    err_destroy(err);
}

static void a_pipe_is_read_once(void **state)
{
    (void)state;
    int ends[2];
    const char text[] = "machines: []\nexperiment: piped\n";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    char *path = xasprintf("/dev/fd/%d", ends[0]);
    struct err *err = err_create();
    struct experiment *experiment;
    assert_true(experiment_check_file(path, &experiment, err));
    assert_string_equal(experiment->name, "piped");
    experiment_destroy(experiment);
    err_destroy(err);
    free(path);
    close(ends[0]);
}

static void the_benchmark_is_the_published_one(void **state)
{
    (void)state;
    struct experiment *experiment = load_shipped("sparse-bptt", NULL, 0);
    const struct network_config *network = &experiment->network;
    const uint32_t neurons[] = {2312, 1466, 1466, 10};
    const uint32_t slots[] = {32, 72, 72, 2}; // 2 floor(0.05 * 1466 / 2) = 72
    assert_int_equal(network->layer_count, 4);
    assert_memory_equal(network->neurons, neurons, sizeof(neurons));
    assert_memory_equal(network->slots, slots, sizeof(slots));
    assert_int_equal(experiment->training.mode, MODE_DRAWN);
    assert_int_equal(experiment->training.batch, 48);
    assert_int_equal(experiment->training.time_steps, 100);
    assert_int_equal(experiment->machine_count, 3);
    assert_string_equal(experiment->machines[0].name, "bow/sparse");
    assert_string_equal(experiment->machines[1].name, "bow/dense");
    assert_string_equal(experiment->machines[2].name, "a100-80");
    assert_int_equal(experiment->machines[2].baselines, 0x1f);
    assert_int_equal(experiment->machines[2].precision, GPU_TF32);
    assert_int_equal(experiment->machines[1].lowering.matmul_bytes, 4);
    assert_int_equal(experiment->machines[0].chip->tiles, 1472);
    experiment_destroy(experiment);
}

static void slots_follow_the_published_formula(void **state)
{
    (void)state;
    const char *const sets[] = {"network.hidden=[978,978,976]", "network.max_activity=0.05"};
    struct experiment *experiment = load_shipped("sparse-bptt", sets, 2);
    const uint32_t slots[] = {32, 48, 48, 48, 2};
    assert_memory_equal(experiment->network.slots, slots, sizeof(slots));
    experiment_destroy(experiment);
    // 0.58 * 100 is 57.99999999999999 in binary: still 58 slots; outputs are capped by their number
    const char *const odd[] = {"network.hidden=[100, 3]", "network.max_activity=0.58",
                               "network.outputs=1", "network.inputs=20"};
    experiment = load_shipped("sparse-bptt", odd, 4);
    const uint32_t odd_slots[] = {20, 58, 2, 1};
    assert_memory_equal(experiment->network.slots, odd_slots, sizeof(odd_slots));
    experiment_destroy(experiment);
}

static void golden_cases_can_be_set_on_the_command_line(void **state)
{
    (void)state;
    const char *const sets[] = {"network.inputs=37",         "network.hidden=[29, 23]",
                                "network.outputs=5",         "network.slots=[12,3,5,2]",
                                "network.alpha=0.95",        "network.theta1=1.0",
                                "network.theta2=-100",       "network.theta2_out=-100",
                                "network.gain=10.0",         "network.surrogate_slope=10.0",
                                "training.batch=5",          "training.time_steps=10",
                                "training.precision=float64"};
    struct experiment *experiment = load_shipped("golden", sets, 13);
    const struct network_config *network = &experiment->network;
    const uint32_t slots[] = {12, 3, 5, 2};
    assert_memory_equal(network->slots, slots, sizeof(slots));
    assert_int_equal(network->slots_count, 4);
    assert_true(isnan(network->max_activity));
    assert_true(network->theta2_out == -100);
    assert_int_equal(experiment->training.precision, PRECISION_FLOAT64);
    assert_int_equal(experiment->training.steps, 1);
    assert_int_equal(experiment->machine_count, 0);
    experiment_destroy(experiment);
}

static void an_empty_experiment_has_all_defaults(void **state)
{
    (void)state;
    write_text("e.yaml", "{}\n");
    struct err *err = err_create();
    struct experiment *experiment = experiment_load("e.yaml", NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    assert_int_equal(experiment->network.slots[1], 72);
    assert_true(experiment->network.theta2_out == 0.9); // theta2
    assert_int_equal(experiment->machine_count, 3);
    assert_int_equal(experiment->network.reset, RESET_BY_MODEL);
    experiment_destroy(experiment);
    err_destroy(err);
}

static void slots_and_max_activity_exclude_each_other(void **state)
{
    (void)state;
    EXPECT_FILE(
        "machines: []\nnetwork: {max_activity: 0.1, slots: [5, 5, 5, 5]}\n",
        "e.yaml:2:37: network.slots and network.max_activity (e.yaml:2:25) exclude each other; "
        "set one of them to null");
    write_text("e.yaml", "machines: []\nnetwork: {max_activity: 0.1}\n");
    EXPECT("network.slots=[5,5,5,5]", "--set:1:15: network.slots and network.max_activity "
                                      "(e.yaml:2:25) exclude each other; set one of them to null");
    EXPECT("network={slots: [5, 5, 5, 5], max_activity: null}", NULL);
    EXPECT("network.max_activity=null",
           "--set:1:22: network: neither slots nor max_activity says how many ids are kept");
}

static void input_slots_do_not_contradict_slots(void **state)
{
    (void)state;
    EXPECT_FILE("machines: []\nnetwork: {slots: [5, 5, 5, 5], input_slots: 6}\n",
                "e.yaml:2:45: network.input_slots: 6, but network.slots gives the input 5");
    EXPECT_FILE("machines: []\nnetwork: {slots: [5, 5, 5, 5], input_slots: 5}\n", NULL);
}

static void slots_must_fit_their_layers(void **state)
{
    (void)state;
    EXPECT_FILE("machines: []\nnetwork: {inputs: 8, hidden: [6], outputs: 4, slots: [9, 6, 5]}\n",
                "e.yaml:2:55: network.slots.0: 9 is outside 1..8 slots, the neurons of layer 0",
                "e.yaml:2:61: network.slots.2: 5 is outside 1..4 slots, the neurons of layer 2");
    EXPECT_FILE("machines: []\nnetwork: {slots: [9, 6, 5]}\n",
                "e.yaml:2:18: network.slots: 3 items for 4 layers (input, 2 hidden, output)");
    EXPECT_FILE("machines: []\nnetwork: {slots: [9, 0, 5, 5]}\n",
                "e.yaml:2:22: network.slots.1: 0 is outside 1..1048576 slots");
    EXPECT_FILE(
        "machines: []\nnetwork: {inputs: 8, input_slots: 9}\n",
        "e.yaml:2:35: network.input_slots: 9 is outside 1..8 slots, the neurons of layer 0");
}

static void the_second_threshold_is_not_above_the_first(void **state)
{
    (void)state;
    EXPECT_FILE(
        "machines: []\nnetwork: {theta1: 0.5, theta2: 0.6, theta2_out: 0.7}\n",
        "e.yaml:2:32: network.theta2: 0.6 is above network.theta1 = 0.5; a neuron above theta1 "
        "spikes",
        "e.yaml:2:49: network.theta2_out: 0.7 is above network.theta1 = 0.5; a neuron above "
        "theta1 spikes");
}

static void checkpoints_are_numbers_that_the_kind_has(void **state)
{
    (void)state;
    EXPECT_FILE("machines: []\ntraining:\n  time_steps: 50\n  checkpointing: single\n"
                "  checkpoints: {local: 51}\n",
                "e.yaml:5:24: training.checkpoints.local: 51 checkpoints, more than 50 time steps");
    EXPECT("training.time_steps=40",
           "e.yaml:5:24: training.checkpoints.local: 51 checkpoints, more than 40 time steps "
           "(--set:1:21: training.time_steps)");
    EXPECT_FILE("machines: []\ntraining:\n  checkpointing: single\n  checkpoints: {remote: 5}\n",
                "e.yaml:4:25: training.checkpoints.remote: single has no number of remote "
                "checkpoints");
    EXPECT_FILE("machines: []\ntraining: {checkpointing: nested, checkpoints: {levels: 9}}\n",
                "e.yaml:2:57: training.checkpoints.levels: 9 levels of at least 2 chunks each need "
                "more than 100 time steps");
    EXPECT_FILE("machines: []\ntraining: {checkpointing: single, checkpoints: {local: none}}\n",
                "e.yaml:2:56: training.checkpoints.local: 'none' is not a whole number; legal: "
                "1..100000 checkpoints, or auto");
    EXPECT_FILE("machines: []\ntraining: {checkpointing: double, checkpoints: {local: auto, "
                "remote: 7}}\n",
                NULL);
}

// The numbers that are left to the planner are words in the resolved configuration.
static void checkpoints_left_open_are_said_so(void **state)
{
    (void)state;
    const char *const sets[] = {"training.checkpointing=double", "training.checkpoints.remote=7",
                                "training.checkpoints.state_type=float16"};
    struct experiment *experiment = load_shipped("sparse-bptt", sets, 3);
    json_t *json = experiment_to_json(experiment);
    json_t *checkpoints = json_object_get(json_object_get(json, "training"), "checkpoints");
    assert_int_equal(experiment->training.checkpoints.local, 0);
    assert_int_equal(experiment->training.checkpoints.state_bytes, 2);
    assert_string_equal(json_string_value(json_object_get(checkpoints, "local")), "auto");
    assert_int_equal(json_integer_value(json_object_get(checkpoints, "remote")), 7);
    json_decref(json);
    experiment_destroy(experiment);
}

static void a_machine_is_one_chip_or_one_gpu(void **state)
{
    (void)state;
    EXPECT_FILE("machines:\n  - {lowering: sparse}\n  - {chip: toy, gpu: h100}\n"
                "  - {gpu: h200, lowering: dense}\n  - {chip: toy, precision: tf32}\n",
                "e.yaml:2:5: machines.0: has no chip, system or gpu; a machine is one of them",
                "e.yaml:3:5: machines.1: has a chip and a gpu; a machine is one of them",
                "e.yaml:4:27: machines.2.lowering: belongs to a machine with a chip",
                "e.yaml:5:28: machines.3.precision: belongs to a machine with a gpu");
    EXPECT_FILE("machines: [{chip: toy}, null]\n", // found by damaged files: it crashed
                "e.yaml:1:25: machines.1: has no chip, system or gpu; a machine is one of them");
}

static void machines_have_different_names(void **state)
{
    (void)state;
    EXPECT_FILE("machines: [{chip: toy}, {chip: {base: toy, tiles: 8}}]\n",
                "e.yaml:1:25: machines.1: 'toy/sparse' is the name of machines.0 too; give a name");
    EXPECT_FILE("machines: [{chip: toy}, {chip: {base: toy, tiles: 8}, name: half}]\n", NULL);
}

static void other_contradictions_are_refused(void **state)
{
    (void)state;
    EXPECT_FILE(
        "machines: []\nactivity: {fill: {spikes: 0.5, listed: 0.4}}\n"
        "training: {steps: 3}\ntiming: {training_steps: 4}\n",
        "e.yaml:2:40: activity.fill.listed: 0.4 is below activity.fill.spikes = 0.5",
        "e.yaml:4:26: timing.training_steps: 4 steps cannot be recorded of training.steps = 3");
    EXPECT_FILE("machines: [toy, {gpu: h100, baselines: [b0, b4, b0]}]\n",
                "e.yaml:1:12: machines.0: keys are needed here (key: value), not a single value",
                "e.yaml:1:49: machines.1.baselines.2: 'b0' is given twice");
    EXPECT_FILE(
        "machines:\n  - chip:\n      base: toy\n      tile:\n        regions:\n"
        "          - {name: a, bytes: 64, element_bytes: 128}\n"
        "          - {name: a, bytes: 64, element_bytes: 64}\n",
        "e.yaml:6:49: tile.regions.0.element_bytes: 128 bytes are more than the 64 bytes of the "
        "region",
        "e.yaml:7:20: tile.regions.1.name: two regions are named 'a'",
        "e.yaml:6:11: tile.regions: no region is executable; code must lie somewhere");
}

static void a_chip_derives_in_three_lines(void **state)
{
    (void)state;
    write_text("mine.yaml", "base: bow\ntiles: 64\nexchange: {sync_cycles: 1}\n");
    struct config *config = config_create();
    struct err *err = err_create();
    struct chip_config *chip = chip_load("mine.yaml", NULL, config, err);
    err_print(err, stderr);
    assert_non_null(chip);
    assert_string_equal(chip->name, "mine");
    assert_int_equal(chip->tiles, 64);
    assert_int_equal(chip->exchange.sync_cycles, 1);
    assert_int_equal(chip->exchange.bytes_per_cycle, 4);
    assert_true(isnan(chip->power.idle_watts));
    chip_destroy(chip);
    err_destroy(err);
    config_destroy(config);
}

static void the_resolved_configuration_holds_every_key(void **state)
{
    (void)state;
    struct experiment *experiment = load_shipped("sparse-bptt", NULL, 0);
    json_t *json = experiment_to_json(experiment);
    json_t *network = json_object_get(json, "network");
    json_t *machines = json_object_get(json, "machines");
    json_t *chip = json_object_get(json_array_get(machines, 0), "chip");
    json_t *gpu = json_object_get(json_array_get(machines, 2), "gpu");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(network, "slots"), 1)), 72);
    assert_string_equal(json_string_value(json_object_get(network, "surrogate")), "superspike");
    assert_true(json_real_value(json_object_get(network, "theta2_out")) == 0.9);
    assert_int_equal(json_integer_value(json_object_get(chip, "tiles")), 1472);
    assert_true(json_is_null(json_object_get(json_object_get(chip, "power"), "idle_watts")));
    assert_string_equal(json_string_value(json_object_get(gpu, "name")), "a100-80");
    assert_null(json_object_get(json_array_get(machines, 2), "lowering"));
    assert_null(json_object_get(json_array_get(machines, 0), "precision"));
    json_decref(json);
    experiment_destroy(experiment);
}

static void a_resolved_configuration_can_be_read_again(void **state)
{
    (void)state;
    const char *const names[] = {"golden", "toy", "sparse-bptt"}; // slots; max_activity; machines
    for (size_t i = 0; i < 3; i++) {
        struct experiment *experiment = load_shipped(names[i], NULL, 0);
        json_t *json = experiment_to_json(experiment);
        assert_int_equal(json_dump_file(json, "e.yaml", 0), 0); // JSON is YAML
        struct err *err = err_create();
        struct experiment *again = experiment_load("e.yaml", NULL, 0, err);
        err_print(err, stderr);
        assert_non_null(again);
        json_t *json_again = experiment_to_json(again);
        assert_true(json_equal(json, json_again));
        json_decref(json);
        json_decref(json_again);
        experiment_destroy(experiment);
        experiment_destroy(again);
        err_destroy(err);
    }
}

#define TEST(name) cmocka_unit_test(name)
int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        TEST(every_shipped_file_is_right),
        TEST(a_file_is_checked_as_what_its_keys_say),
        TEST(a_network_may_be_a_file_with_or_without_other_keys),
        TEST(what_a_networks_file_says_is_checked_with_the_rest),
        TEST(analog_input_is_constant_and_sends_every_input),
        TEST(a_default_source_of_data_has_no_place),
        TEST(a_pipe_is_read_once),
        TEST(the_benchmark_is_the_published_one),
        TEST(slots_follow_the_published_formula),
        TEST(golden_cases_can_be_set_on_the_command_line),
        TEST(an_empty_experiment_has_all_defaults),
        TEST(slots_and_max_activity_exclude_each_other),
        TEST(input_slots_do_not_contradict_slots),
        TEST(slots_must_fit_their_layers),
        TEST(the_second_threshold_is_not_above_the_first),
        TEST(checkpoints_are_numbers_that_the_kind_has),
        TEST(checkpoints_left_open_are_said_so),
        TEST(a_machine_is_one_chip_or_one_gpu),
        TEST(machines_have_different_names),
        TEST(other_contradictions_are_refused),
        TEST(a_chip_derives_in_three_lines),
        TEST(the_resolved_configuration_holds_every_key),
        TEST(a_resolved_configuration_can_be_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

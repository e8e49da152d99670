// network.hidden: fill, as many neurons as a chip or a replica's chips have room for.
#include "tests/sim/config_fixture.h"

static void expect_filled(const char *const *sets, uint32_t count, const uint32_t *hidden,
                          uint32_t hidden_count)
{
    struct experiment *experiment = load_shipped("sparse-bptt", sets, count);
    const struct network_config *network = &experiment->network;
    assert_int_equal(network->hidden_count, hidden_count);
    assert_int_equal(network->hidden_layers, hidden_count);
    assert_memory_equal(network->hidden, hidden, hidden_count * sizeof(*hidden));
    json_t *json = experiment_to_json(experiment); // says the numbers, not the word
    const json_t *list = json_object_get(json_object_get(json, "network"), "hidden");
    assert_int_equal(json_array_size(list), hidden_count);
    for (uint32_t i = 0; i < hidden_count; i++) {
        assert_int_equal(json_integer_value(json_array_get(list, i)), hidden[i]);
    }
    json_decref(json);
    experiment_destroy(experiment);
}

static void hidden_layers_that_fill_the_chip_are_the_published_ones(void **state)
{
    (void)state;
    const struct {
        const char *layers, *outputs, *tiles;
        uint32_t hidden[8], hidden_count;
    } networks[] = {
        {"2", "10", "1472", {1466, 1466}, 2}, // configs/networks/nmnist-*l.yaml
        {"3", "10", "1472", {978, 978, 976}, 3},
        {"4", "10", "1472", {734, 734, 732, 732}, 4},
        {"5", "10", "1472", {588, 586, 586, 586, 586}, 5},
        {"2", "20", "1472", {1462, 1460}, 2}, // configs/networks/shd-*l.yaml
        {"3", "20", "1472", {974, 974, 974}, 3},
        {"4", "20", "1472", {732, 730, 730, 730}, 4},
        {"5", "20", "1472", {586, 584, 584, 584, 584}, 5},
        {"2", "10", "736", {730, 730}, 2}, // 730 tiles of 2 neurons, 5 of outputs, 1 left free
        {"3", "10", "5888", {3922, 3922, 3920}, 3},
        {"1", "11", "8", {2}, 1}, // an odd output takes a tile of its own
        {"8", "1", "1472", {368, 368, 368, 368, 368, 368, 366, 366}, 8},
    };
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        char *layers = xasprintf("network.hidden_layers=%s", networks[i].layers);
        char *outputs = xasprintf("network.outputs=%s", networks[i].outputs);
        char *tiles = xasprintf("machines.0.chip.tiles=%s", networks[i].tiles);
        const char *const sets[] = {"network.hidden=fill", layers, outputs, tiles};
        expect_filled(sets, 4, networks[i].hidden, networks[i].hidden_count);
        free(layers);
        free(outputs);
        free(tiles);
    }
    const char *const only_the_word[] = {"network.hidden=fill"};
    expect_filled(only_the_word, 1, (const uint32_t[]){1466, 1466}, 2);
}

static void filling_a_chip_needs_a_chip_that_is_large_enough(void **state)
{
    (void)state;
    EXPECT_FILE("network: {hidden: fill, outputs: 10}\nmachines: [{gpu: a100-80}]\n",
                "e.yaml:1:19: network.hidden: fill needs a machine with a chip; it fills the first "
                "one");
    // 5 tiles of outputs and tile 0 leave one; two layers need two
    EXPECT_FILE("network: {hidden: fill, outputs: 10}\n"
                "machines: [{gpu: a100-80}, {chip: {base: toy, tiles: 7}}]\n",
                "e.yaml:1:19: network.hidden: fill: 2 hidden layers and 10 outputs need more tiles "
                "than the 7 of machines.1 ('toy')");
    EXPECT_FILE("network: {hidden: fill, outputs: 10}\n"
                "machines: [{system: toy-4}]\n",
                "e.yaml:1:19: network.hidden: fill: 2 hidden layers are fewer than the 4 chips of "
                "machines.0 ('toy-4') that a replica has");
    write_text("e.yaml", "network: {hidden: fill, outputs: 10}\n"
                         "machines: [{chip: {base: toy, tiles: 8}}]\n");
    expect_messages(NULL, (const char *const[]){NULL});
    EXPECT_FILE("network: {hidden: fill, hidden_layers: 1}\n"
                "machines: [{chip: {base: toy, tiles: 600000}}]\n",
                "e.yaml:1:19: network.hidden: fill: 1199988 neurons are outside 1..1048576 of a "
                "layer; give more network.hidden_layers");
    // the first of the four has 15 tiles, the second 16
    EXPECT_FILE("network: {hidden: fill, hidden_layers: 4, fill_neurons_per_tile: 69904}\n"
                "machines: [{system: toy-4}]\n",
                "e.yaml:1:19: network.hidden: fill: 1118464 neurons are outside 1..1048576 of a "
                "layer; give more network.hidden_layers");
    // 4,097 tiles: 2^20 more than 32 bits hold
    EXPECT_FILE("network: {hidden: fill, hidden_layers: 1, fill_neurons_per_tile: 1048576}\n"
                "machines: [{chip: {base: toy, tiles: 4099}}]\n",
                "e.yaml:1:19: network.hidden: fill: 4294967295 neurons are outside 1..1048576 of "
                "a layer; give more network.hidden_layers");
    EXPECT_FILE("network: {hidden: full}\n",
                "e.yaml:1:19: network.hidden: a list is needed here ([a, b]) or the word fill, not "
                "a single value");
    EXPECT_FILE("network: {hidden: [4, 4], hidden_layers: 3}\n",
                "e.yaml:1:42: network.hidden_layers: 3, but network.hidden lists 2; set "
                "network.hidden_layers to 2 as well, or network.hidden to fill");
    write_text("e.yaml", "network: {hidden: fill, hidden_layers: 3}\n");
    EXPECT("network.hidden=[4]",
           "e.yaml:1:40: network.hidden_layers: 3, but network.hidden lists 1 (--set:1:16: "
           "network.hidden); set network.hidden_layers to 1 as well, or network.hidden to fill");
    EXPECT_FILE("network: {hidden: fill, hidden_layers: 1}\nmachines: [{system: toy-4}]\n",
                "e.yaml:1:19: network.hidden: fill: 1 hidden layer is fewer than the 4 chips of "
                "machines.0 ('toy-4') that a replica has");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_layers_that_fill_the_chip_are_the_published_ones),
        cmocka_unit_test(filling_a_chip_needs_a_chip_that_is_large_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

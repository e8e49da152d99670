// The sparse program over several chips: what lies where, what crosses, and what replicas add.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"
#include "workloads/lower/placement.h"

// Layers of 300, 450, 250 and 15 tiles on chips of 600: one, one, and two together.
static struct fixture three_chips(void)
{
    return (struct fixture){.layer_count = 5,
                            .neurons = {50, 600, 900, 500, 30},
                            .slots = {8, 12, 14, 10, 4},
                            .batch = 6,
                            .time_steps = 5,
                            .neuron = "lif",
                            .layer_delay = 1,
                            .tiles = 600,
                            .chips = 3};
}

static struct placement *place(const struct fixture *fixture, uint32_t chips)
{
    struct placement_request request = {.layer_count = fixture->layer_count,
                                        .neurons = fixture->neurons,
                                        .slots = fixture->slots,
                                        .batch = fixture->batch,
                                        .tiles = fixture->tiles,
                                        .contexts = 6,
                                        .chips = chips};
    char *why = NULL;
    struct placement *placement = placement_create(&request, &why);
    assert_non_null(placement);
    return placement;
}

static void a_layer_never_crosses_chips_and_the_next_chip_is_filled(void **state)
{
    (void)state;
    struct fixture fixture = three_chips();
    struct placement *placement = place(&fixture, 3);
    assert_int_equal(placement->neurons_per_tile, 2);
    assert_int_equal(placement->chips, 3);
    assert_int_equal(placement->layers[1].first_tile, 1);    // tiles 1..300
    assert_int_equal(placement->layers[2].first_tile, 600);  // 450 tiles do not fit behind it
    assert_int_equal(placement->layers[3].first_tile, 1200); // 250 do not either
    assert_int_equal(placement->layers[4].first_tile, 1450);
    assert_int_equal(placement->layers[4].chip_place, 1);
    assert_int_equal(placement->layers[4].chip_layers, 2);
    placement_destroy(placement);
    placement = place(&fixture, 1); // the same network on one chip: four neurons a tile
    assert_int_equal(placement->neurons_per_tile, 4);
    assert_int_equal(placement->chips, 1);
    placement_destroy(placement);
}

static void chips_are_filled_with_equal_numbers_of_layers(void **state)
{
    (void)state;
    uint32_t hidden[6];
    const struct placement_filling filling = {
        .chips = 2, .tiles = 1472, .outputs = 20, .hidden_count = 6, .neurons_per_tile = 2};
    assert_true(placement_fill(&filling, hidden));
    const uint32_t expected[] = {982, 980, 980,
                                 976, 974, 974}; // 1471 tiles; 1462 beside the outputs
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(hidden[i], expected[i]);
    }
    const struct placement_filling few = {
        .chips = 4, .tiles = 1472, .outputs = 20, .hidden_count = 3, .neurons_per_tile = 2};
    assert_false(placement_fill(&few, hidden)); // a chip without a layer
}

// As published: twice the neurons on a tile are twice the layers, of the same widths.
static void more_neurons_on_a_tile_are_more_layers_of_the_same_width(void **state)
{
    (void)state;
    uint32_t hidden[24];
    const struct placement_filling filling = {
        .chips = 2, .tiles = 1472, .outputs = 20, .hidden_count = 24, .neurons_per_tile = 8};
    assert_true(placement_fill(&filling, hidden));
    uint32_t tiles = 1 + 3; // tile 0, outputs
    for (uint32_t i = 0; i < 24; i++) {
        assert_in_range(hidden[i], 976, 984);
        assert_int_equal(hidden[i] % 8, 0);
        tiles += hidden[i] / 8;
    }
    assert_int_equal(tiles, 2 * 1472);
}

// Bytes that the exchange of a name sends from one chip to another, each broadcast once.
static uint64_t crossing_bytes(const struct program *program, const char *name, uint32_t from,
                               uint32_t to)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->exchange_count; i++) {
        const struct exchange_step *exchange = &program->exchanges[i];
        for (uint32_t j = 0; strcmp(exchange->name, name) == 0 && j < exchange->flow_count; j++) {
            const struct flow *flow = &program->flows[exchange->first_flow + j];
            bool is_between = chip_of_items(program, &flow->source, flow->first_source,
                                            flow->source_count) == from &&
                              chip_of_items(program, &flow->destination, flow->first_destination,
                                            flow->destination_count) == to;
            uint64_t messages = flow->kind == FLOW_BROADCAST ? flow->source_count : 1;
            bytes += is_between ? messages * flow->bytes : 0;
        }
    }
    return bytes;
}

static void spikes_and_slot_gradients_alone_cross_chips(void **state)
{
    (void)state;
    struct program *program = fixture_program(three_chips(), LOWERING_SPARSE);
    assert_int_equal(program->chips, 3);
    assert_int_equal(program->chip_tiles, 600);
    for (uint32_t i = 0; i < program->exchange_count; i++) {
        const struct exchange_step *exchange = &program->exchanges[i];
        for (uint32_t j = 0; j < exchange->flow_count; j++) {
            const struct flow *flow = &program->flows[exchange->first_flow + j];
            uint32_t from =
                chip_of_items(program, &flow->source, flow->first_source, flow->source_count);
            uint32_t to = chip_of_items(program, &flow->destination, flow->first_destination,
                                        flow->destination_count);
            bool may_cross = strncmp(exchange->name, "F2", 2) == 0 ||
                             strncmp(exchange->name, "B4", 2) == 0 ||
                             strncmp(exchange->name, "B6", 2) == 0;
            assert_true(from == to || (may_cross && (from == to + 1 || to == from + 1)));
        }
    }
    // 4 B (S + 1) forward; 4 B S backward; ids and two counts to the weights' gradient
    assert_int_equal(crossing_bytes(program, "F2 spikes to next layer", 0, 1), 4 * 6 * (12 + 1));
    assert_int_equal(crossing_bytes(program, "F2 spikes to next layer", 1, 2), 4 * 6 * (14 + 1));
    assert_int_equal(crossing_bytes(program, "F2 spikes to next layer", 1, 0), 0);
    assert_int_equal(crossing_bytes(program, "B4 ids and gradients to neurons", 1, 0), 4 * 6 * 12);
    assert_int_equal(crossing_bytes(program, "B4 ids and gradients to neurons", 2, 1), 4 * 6 * 14);
    assert_int_equal(crossing_bytes(program, "B6 input spikes to neurons", 0, 1), 4 * 6 * (12 + 2));
    program_destroy(program);
}

static void vertices_of_a_layer_and_its_memory_stay_on_its_chip(void **state)
{
    (void)state;
    struct fixture fixture = three_chips();
    struct placement *placement = place(&fixture, 3);
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    for (uint32_t i = 0; i < program->group_count; i++) {
        const struct vertex_group *group = &program->groups[i];
        uint32_t chip = chip_of_items(program, &group->place, group->first_item, group->items);
        if (group->network_layer > 0) {
            assert_int_equal(chip, placement->layers[group->network_layer].chip);
        }
    }
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        chip_of_items(program, &variable->place, variable->first_item, variable->items);
    }
    program_destroy(program);
    placement_destroy(placement);
}

static const struct program_step *find_all_reduce(const struct program *program, uint32_t *at)
{
    for (*at = 0; *at < program->step_count; (*at)++) {
        if (program->steps[*at].kind == STEP_ALL_REDUCE) {
            return &program->steps[*at];
        }
    }
    return NULL;
}

static void replicas_sum_the_gradients_of_the_fullest_chip_before_the_update(void **state)
{
    (void)state;
    uint32_t at;
    struct fixture fixture = three_chips();
    struct program *alone = fixture_program(fixture, LOWERING_SPARSE);
    assert_null(find_all_reduce(alone, &at));
    fixture.replicas = 4;
    fixture.has_bias = true;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    const struct program_step *step = find_all_reduce(program, &at);
    assert_non_null(step);
    assert_int_equal(step->chip_bytes, 4 * (600 + 1) * 900); // layer 2; layers 3 and 4: 465,500
    assert_string_equal(program->compute_sets[step[-1].index].name, "sum gradient copies");
    assert_string_equal(program->compute_sets[step[1].index].name, "optimizer");
    fixture.chips = 1;
    fixture.has_bias = false;
    struct program *dense = fixture_program(fixture, LOWERING_DENSE);
    step = find_all_reduce(dense, &at);
    assert_non_null(step);
    assert_int_equal(step->chip_bytes, 4 * (50 * 600 + 600 * 900 + 900 * 500 + 500 * 30));
    program_destroy(alone);
    program_destroy(program);
    program_destroy(dense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_never_crosses_chips_and_the_next_chip_is_filled),
        cmocka_unit_test(chips_are_filled_with_equal_numbers_of_layers),
        cmocka_unit_test(more_neurons_on_a_tile_are_more_layers_of_the_same_width),
        cmocka_unit_test(spikes_and_slot_gradients_alone_cross_chips),
        cmocka_unit_test(vertices_of_a_layer_and_its_memory_stay_on_its_chip),
        cmocka_unit_test(replicas_sum_the_gradients_of_the_fullest_chip_before_the_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

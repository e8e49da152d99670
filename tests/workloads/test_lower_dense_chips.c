// The dense program over several chips: what lies where, what crosses, and how chips are shared.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"

#define CHIP_TILES 64u

// Four layers with as many multiply-adds each; every width divides by four.
static struct fixture four_chips(uint32_t layer_chips)
{
    return (struct fixture){.layer_count = 5,
                            .neurons = {64, 64, 64, 64, 64},
                            .slots = {8, 8, 8, 8, 8},
                            .batch = 8,
                            .time_steps = 6,
                            .neuron = "lif",
                            .layer_delay = 1,
                            .tiles = CHIP_TILES,
                            .chips = 4,
                            .config = {.layer_chips = layer_chips}};
}

static uint32_t source_chip(const struct program *program, const struct flow *flow)
{
    return chip_of_items(program, &flow->source, flow->first_source, flow->source_count);
}

static uint32_t destination_chip(const struct program *program, const struct flow *flow)
{
    return chip_of_items(program, &flow->destination, flow->first_destination,
                         flow->destination_count);
}

// Bytes that an exchange sends from one chip to another, or within one, each broadcast once.
static uint64_t bytes_between(const struct program *program, const char *name, uint32_t from,
                              uint32_t to)
{
    const struct exchange_step *exchange = find_exchange(program, name);
    assert_non_null(exchange);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        bool is_between =
            source_chip(program, flow) == from && destination_chip(program, flow) == to;
        uint64_t messages = flow->kind == FLOW_BROADCAST ? flow->source_count : 1;
        bytes += is_between ? messages * flow->bytes : 0;
    }
    return bytes;
}

static bool crosses(const struct program *program, const struct exchange_step *exchange)
{
    bool is_crossed = false;
    for (uint32_t i = 0; i < exchange->flow_count; i++) {
        const struct flow *flow = &program->flows[exchange->first_flow + i];
        is_crossed |= source_chip(program, flow) != destination_chip(program, flow);
    }
    return is_crossed;
}

static void every_chip_of_a_layer_has_its_part_of_the_columns_on_the_same_tiles(void **state)
{
    (void)state;
    struct program *program = fixture_program(four_chips(4), LOWERING_DENSE);
    assert_int_equal(program->chips, 4);
    assert_int_equal(program->tile_count, 4 * CHIP_TILES);
    const struct compute_set *set = find_set(program, "D3 products");
    assert_int_equal(set->group_count, 4 * 4); // layers, chips
    for (uint32_t l = 1; l <= 4; l++) {
        const struct vertex_group *first = find_group(program, "D3 products", l);
        for (uint32_t chip = 0; chip < 4; chip++) {
            const struct vertex_group *group =
                &program->groups[set->first_group + 4 * (l - 1) + chip];
            assert_int_equal(group->place.first, first->place.first + chip * CHIP_TILES);
            assert_int_equal(group->items, first->items);
            uint64_t multiplies =
                (uint64_t)group->vertices * group->sizes[0] * group->sizes[1] * group->sizes[2];
            assert_in_range(multiplies, 8 * 64 * 16, 8 * 64 * 16 * 3 / 2); // blocks round up
        }
    }
    program_destroy(program);
}

static void layers_on_chips_of_their_own_have_everything_there(void **state)
{
    (void)state;
    struct program *program = fixture_program(four_chips(1), LOWERING_DENSE);
    assert_int_equal(program->chips, 4);
    for (uint32_t i = 0; i < program->group_count; i++) {
        const struct vertex_group *group = &program->groups[i];
        uint32_t chip = chip_of_items(program, &group->place, group->first_item, group->items);
        if (group->network_layer > 0) {
            assert_int_equal(chip, group->network_layer - 1);
        }
    }
    program_destroy(program);
}

static void inputs_and_spike_gradients_alone_cross_in_a_time_step(void **state)
{
    (void)state;
    for (uint32_t layer_chips = 1; layer_chips <= 4; layer_chips *= 2) {
        struct program *program = fixture_program(four_chips(layer_chips), LOWERING_DENSE);
        for (uint32_t i = 0; i < program->exchange_count; i++) {
            const struct exchange_step *exchange = &program->exchanges[i];
            bool may_cross = strncmp(exchange->name, "D2", 2) == 0 ||
                             strncmp(exchange->name, "E2", 2) == 0 ||
                             strncmp(exchange->name, "E4", 2) == 0;
            bool is_loss =
                strstr(exchange->name, "counts") != NULL || strstr(exchange->name, "loss") != NULL;
            if (may_cross) {
                assert_true(crosses(program, exchange));
            } else if (!is_loss || layer_chips == 1) {
                assert_false(crosses(program, exchange));
            }
        }
        program_destroy(program);
    }
}

static void what_crosses_is_counted_in_words(void **state)
{
    (void)state;
    const uint64_t layer_bytes = 4 * 8 * 64; // spikes of a layer, B N
    struct program *program = fixture_program(four_chips(1), LOWERING_DENSE);
    assert_in_range(bytes_between(program, "D2", 0, 1), layer_bytes, layer_bytes * 5 / 4);
    assert_int_equal(bytes_between(program, "D2", 1, 0), 0);
    assert_int_equal(bytes_between(program, "D2", 0, 2), 0);
    assert_int_equal(bytes_between(program, "E2", 1, 0), layer_bytes);
    assert_int_equal(bytes_between(program, "E2", 0, 1), 0);
    assert_in_range(bytes_between(program, "E4", 2, 3), layer_bytes, layer_bytes * 5 / 4);
    program_destroy(program);
    // on all chips: of each of three layers every chip sends its quarter to each other one, and
    // gets from each a part of its quarter of the spike gradients
    program = fixture_program(four_chips(4), LOWERING_DENSE);
    assert_in_range(bytes_between(program, "D2", 0, 3), 3 * layer_bytes / 4, 3 * layer_bytes / 3);
    assert_in_range(bytes_between(program, "D2", 3, 0), 3 * layer_bytes / 4, 3 * layer_bytes / 3);
    assert_int_equal(bytes_between(program, "E2", 2, 1), 3 * layer_bytes / 4);
    program_destroy(program);
}

// Of all variables of a name.
static uint64_t bytes_of(const struct program *program, const char *name, uint32_t chip)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        uint32_t at =
            chip_of_items(program, &variable->place, variable->first_item, variable->items);
        if (strcmp(variable->name, name) == 0 && at == chip) {
            bytes += variable->items * variable->bytes_per_item;
        }
    }
    return bytes;
}

static void every_chip_holds_its_part_of_a_layer_and_its_sums(void **state)
{
    (void)state;
    struct program *program = fixture_program(four_chips(4), LOWERING_DENSE);
    for (uint32_t chip = 0; chip < 4; chip++) {
        uint64_t part = 4 * 64 * 16; // weights; tiles that share rows of them have copies
        assert_in_range(bytes_of(program, "layer 2 Adam moments", chip), 2 * part, 3 * part);
        assert_true(bytes_of(program, "layer 2 weights", chip) >= part);
        assert_int_equal(bytes_of(program, "layer 2 weights", chip),
                         bytes_of(program, "layer 2 weights", 0));
        part = 4 * 8 * 16; // floats of a time step; a gradient of them comes from each chip
        assert_in_range(bytes_of(program, "layer 2 spike gradients", chip), 4 * part, 6 * part);
    }
    struct fixture alone = four_chips(0);
    alone.chips = 1;
    struct program *one = fixture_program(alone, LOWERING_DENSE);
    uint64_t fullest = 0, fullest_alone = 0;
    for (uint32_t tile = 0; tile < CHIP_TILES; tile++) {
        fullest = max_u64(fullest, peak_bytes(program, CHIP_TILES + tile)); // of chip 1
        fullest_alone = max_u64(fullest_alone, peak_bytes(one, tile));
    }
    assert_true(fullest < fullest_alone);
    program_destroy(program);
    program_destroy(one);
}

// The neuron update adds up what comes from the chips of the layer above.
static void gradients_from_several_chips_are_added_where_they_arrive(void **state)
{
    (void)state;
    struct program *apart = fixture_program(four_chips(1), LOWERING_DENSE),
                   *split = fixture_program(four_chips(4), LOWERING_DENSE);
    const struct vertex_group *one = find_group(apart, "E3 adjoints", 2);
    const struct vertex_group *four = find_group(split, "E3 adjoints", 2);
    assert_int_equal(four->sizes[1], one->sizes[1] + 3); // loads
    assert_int_equal(four->sizes[3], one->sizes[3] + 3); // additions
    assert_int_equal(find_group(split, "E3 adjoints", 4)->sizes[1],
                     find_group(apart, "E3 adjoints", 4)->sizes[1]);
    program_destroy(apart);
    program_destroy(split);
}

static void every_chip_of_the_first_layer_gets_the_input_from_the_host(void **state)
{
    (void)state;
    const uint64_t ids = (uint64_t)6 * 8 * (8 + 1), labels = 8; // T B (S + 1)
    for (uint32_t layer_chips = 1; layer_chips <= 4; layer_chips *= 2) {
        struct program *program = fixture_program(four_chips(layer_chips), LOWERING_DENSE);
        assert_int_equal(program->steps[0].kind, STEP_HOST);
        assert_int_equal(program->steps[0].host_bytes, 4 * (layer_chips * ids + labels));
        program_destroy(program);
    }
}

static void replicas_sum_what_the_fullest_chip_has(void **state)
{
    (void)state;
    struct fixture fixture = four_chips(2); // two layers on each pair of chips
    fixture.replicas = 2;
    fixture.has_bias = true;
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        bytes += program->steps[i].kind == STEP_ALL_REDUCE ? program->steps[i].chip_bytes : 0;
    }
    assert_int_equal(bytes, 4 * 2 * (64 + 1) * 32);
    program_destroy(program);
}

static void chips_stream_their_parts_of_a_state_side_by_side(void **state)
{
    (void)state;
    uint64_t streamed[2];
    for (uint32_t i = 0; i < 2; i++) {
        struct fixture fixture = four_chips(i == 0 ? 1 : 4);
        fixture.layer_delay = 0;
        fixture.has_streaming = true;
        fixture.checkpoints =
            (struct checkpoint_config){.kind = CHECKPOINT_SINGLE_REMOTE, .remote = 2};
        struct program *program = fixture_program(fixture, LOWERING_DENSE);
        streamed[i] = 0;
        for (uint32_t step = 0; step < program->step_count; step++) {
            streamed[i] = max_u64(streamed[i], program->steps[step].chip_bytes);
        }
        program_destroy(program);
    }
    const uint64_t chip_bytes =
        4 * 8 * 64; // one state of a LIF: of a layer, or of a quarter of four
    assert_in_range(streamed[0], chip_bytes, chip_bytes * 5 / 4);
    assert_in_range(streamed[1], chip_bytes, chip_bytes * 5 / 4);
}

// --- random networks ----------------------------------------------------------------------------
static struct fixture draw_network(struct rng *rng)
{
    static const uint32_t chips[] = {2, 3, 4, 6};
    struct fixture fixture = fixture_random(rng);
    fixture.tiles = 16 + rng_below(rng, 60);
    fixture.chips = chips[rng_below(rng, 4)];
    do {
        fixture.config.layer_chips = 1 + rng_below(rng, fixture.chips);
    } while (fixture.chips % fixture.config.layer_chips != 0);
    if (rng_below(rng, 2) && fixture.time_steps > 2) {
        fixture.has_streaming = true;
        fixture.config.streaming = STREAMING_IO_TILES;
        fixture.config.io_tiles = 3;
        fixture.checkpoints = (struct checkpoint_config){
            .kind = CHECKPOINT_DOUBLE, .remote = 1, .local = 2, .has_packed_spikes = true};
    }
    return fixture;
}

static void nothing_spans_chips_but_flows_and_io_tiles_only_stream(void **state)
{
    (void)state;
    uint32_t with_io_tiles = 0;
    for (uint32_t i = 0; i < 150; i++) {
        struct rng rng = rng_create(43, RNG_TEST, i, 0);
        struct fixture fixture = draw_network(&rng);
        struct program *program = fixture_program(fixture, LOWERING_DENSE);
        assert_true(program->chips <= fixture.chips);
        for (uint32_t j = 0; j < program->group_count; j++) {
            const struct vertex_group *group = &program->groups[j];
            chip_of_items(program, &group->place, group->first_item, group->items);
            for (uint32_t item = 0; item < group->items; item++) {
                uint32_t tile = tile_map_at(&group->place, group->first_item + item);
                assert_true(tile % fixture.tiles < fixture.tiles - fixture.config.io_tiles);
            }
        }
        for (uint32_t j = 0; j < program->exchange_count; j++) {
            crosses(program, &program->exchanges[j]);
        }
        for (uint32_t j = 0; j < program->variable_count; j++) {
            const struct variable *variable = &program->variables[j];
            chip_of_items(program, &variable->place, variable->first_item, variable->items);
        }
        with_io_tiles += fixture.config.io_tiles > 0;
        program_destroy(program);
    }
    assert_true(with_io_tiles > 20);
}

// --- the choice ---------------------------------------------------------------------------------
static uint32_t layer_chips_of(const struct program *program)
{
    uint32_t chips = 0;
    for (uint32_t chip = 0; chip < program->chips; chip++) {
        chips += bytes_of(program, "layer 1 weights", chip) > 0;
    }
    return chips;
}

// A machine on which a program takes so many cycles for each chip of a layer, and for each chip,
// and fits if these are at least so many.
struct priced {
    int64_t layer_chip_cycles, chip_cycles;
    uint32_t least_layer_chips, least_chips;
    uint32_t *times_asked; // NULL: not counted
};

static uint64_t priced_cycles(const void *context, const struct program *program)
{
    const struct priced *priced = context;
    if (priced->times_asked != NULL) {
        (*priced->times_asked)++;
    }
    return (uint64_t)(1000000 + priced->layer_chip_cycles * layer_chips_of(program) +
                      priced->chip_cycles * program->chips);
}

static bool priced_fits(const void *context, const struct program *program)
{
    const struct priced *priced = context;
    return layer_chips_of(program) >= priced->least_layer_chips &&
           program->chips >= priced->least_chips;
}

struct placed {
    uint32_t layer_chips, chips;
};

static struct placed place_on(uint32_t chips, uint32_t layer_chips, const struct priced *priced)
{
    struct fixture fixture = four_chips(0);
    struct training_graph *graph = fixture_graph(&fixture, FORM_DENSE);
    struct training_config training = {.batch = fixture.batch, .time_steps = fixture.time_steps};
    struct lowering_config config = {
        .kind = LOWERING_DENSE, .matmul_bytes = 4, .layer_chips = layer_chips};
    struct machine_view machine = fixture_machine(CHIP_TILES);
    machine.chips = chips;
    machine.run_cycles = priced_cycles;
    machine.fits = priced_fits;
    machine.system_context = priced;
    char *why = NULL;
    struct program *program = lower_dense(graph, &training, &config, &machine, &why);
    program_verify(program);
    struct placed placed = {layer_chips_of(program), program->chips};
    program_destroy(program);
    training_graph_destroy(graph);
    return placed;
}

static void layers_are_split_over_the_chips_that_are_fastest_of_those_that_fit(void **state)
{
    (void)state;
    static const uint32_t chosen[][2] = {// that fit from, that are taken
                                         {1, 1},
                                         {2, 2},
                                         {3, 3}, // of the four, one is left empty
                                         {4, 4},
                                         {9, 1}}; // none fits: the SRAM plan will say so
    for (uint32_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        struct priced priced = {.layer_chip_cycles = 100, .least_layer_chips = chosen[i][0]};
        assert_int_equal(place_on(4, 0, &priced).layer_chips, chosen[i][1]);
    }
}

static void chips_are_left_empty_where_fewer_are_faster(void **state)
{
    (void)state;
    for (uint32_t least = 1; least <= 4; least++) {
        struct priced dear = {.chip_cycles = 100, .layer_chip_cycles = 1, .least_chips = least};
        assert_int_equal(place_on(4, 0, &dear).chips, least);
        struct priced cheap = {.chip_cycles = -100, .least_chips = least};
        assert_int_equal(place_on(4, 0, &cheap).chips, 4);
    }
    struct priced free_of_charge = {0}; // as many cycles: nothing is won by more chips
    assert_int_equal(place_on(4, 0, &free_of_charge).chips, 1);
}

static void what_does_not_fit_is_refused_on_all_chips(void **state)
{
    (void)state;
    struct priced priced = {.chip_cycles = 100, .least_chips = 99};
    assert_int_equal(place_on(4, 0, &priced).chips, 4);
}

static void a_number_of_chips_of_a_layer_that_is_given_is_obeyed_on_all_chips(void **state)
{
    (void)state;
    for (uint32_t layer_chips = 1; layer_chips <= 4; layer_chips *= 2) {
        uint32_t times = 0;
        struct priced priced = {
            .chip_cycles = 100, .layer_chip_cycles = 100, .times_asked = &times};
        struct placed placed = place_on(4, layer_chips, &priced);
        assert_int_equal(placed.layer_chips, layer_chips);
        assert_int_equal(placed.chips, 4);
        assert_int_equal(times, 0);
    }
}

// Every number of few chips, powers of two of many: a step is then no slower on more of them.
static void more_chips_offer_what_fewer_do_for_few_trials(void **state)
{
    (void)state;
    for (uint32_t chips = 1; chips <= 8; chips++) {
        struct priced priced = {.layer_chip_cycles = 100, .least_layer_chips = chips};
        assert_int_equal(place_on(8, 0, &priced).layer_chips, chips);
    }
    for (uint32_t chips = 16; chips <= 64; chips *= 2) {
        uint32_t times = 0;
        struct priced priced = {
            .layer_chip_cycles = 100, .least_layer_chips = 16, .times_asked = &times};
        assert_int_equal(place_on(chips, 0, &priced).layer_chips, 16);
        assert_in_range(times, 5, 40); // of all: more than 50
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chip_of_a_layer_has_its_part_of_the_columns_on_the_same_tiles),
        cmocka_unit_test(layers_on_chips_of_their_own_have_everything_there),
        cmocka_unit_test(inputs_and_spike_gradients_alone_cross_in_a_time_step),
        cmocka_unit_test(what_crosses_is_counted_in_words),
        cmocka_unit_test(every_chip_holds_its_part_of_a_layer_and_its_sums),
        cmocka_unit_test(gradients_from_several_chips_are_added_where_they_arrive),
        cmocka_unit_test(every_chip_of_the_first_layer_gets_the_input_from_the_host),
        cmocka_unit_test(replicas_sum_what_the_fullest_chip_has),
        cmocka_unit_test(chips_stream_their_parts_of_a_state_side_by_side),
        cmocka_unit_test(nothing_spans_chips_but_flows_and_io_tiles_only_stream),
        cmocka_unit_test(layers_are_split_over_the_chips_that_are_fastest_of_those_that_fit),
        cmocka_unit_test(chips_are_left_empty_where_fewer_are_faster),
        cmocka_unit_test(what_does_not_fit_is_refused_on_all_chips),
        cmocka_unit_test(a_number_of_chips_of_a_layer_that_is_given_is_obeyed_on_all_chips),
        cmocka_unit_test(more_chips_offer_what_fewer_do_for_few_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// The dense program: rows, volumes, what options change.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"

static struct fixture small_network(void)
{
    return (struct fixture){.layer_count = 4,
                            .neurons = {300, 200, 100, 10},
                            .slots = {30, 20, 10, 4},
                            .batch = 48,
                            .time_steps = 20,
                            .neuron = "lif",
                            .layer_delay = 1,
                            .tiles = 200};
}

// --- rows ---------------------------------------------------------------------------------------
static void every_product_of_the_graph_runs_whole_in_every_time_step(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    uint64_t multiplies[2] = {0, 0}, expected[2] = {0, 0};
    const char *const sets[2] = {"D3 products", "E5 products"};
    uint32_t groups[2] = {0, 0};
    for (uint32_t pass = 0; pass < 2; pass++) {
        const struct compute_set *set = find_set(program, sets[pass]);
        for (uint32_t i = 0; i < set->group_count; i++) {
            const struct vertex_group *group = &program->groups[set->first_group + i];
            groups[pass]++;
            multiplies[pass] +=
                (uint64_t)group->vertices * group->sizes[0] * group->sizes[1] * group->sizes[2];
        }
    }
    for (uint32_t l = 1; l < fixture.layer_count; l++) {
        uint64_t product = 48 * (uint64_t)fixture.neurons[l - 1] * fixture.neurons[l];
        expected[0] += product;
        expected[1] += l > 1 ? 2 * product : product; // weight and input gradient
    }
    for (uint32_t pass = 0; pass < 2; pass++) {
        assert_true(multiplies[pass] >= expected[pass]);
        assert_true(multiplies[pass] < expected[pass] * 3 / 2); // blocks round up
    }
    assert_int_equal(groups[0], 3);
    assert_int_equal(groups[1], 3 + 2);
    program_destroy(program);
}

static void delayed_layers_lie_side_by_side_and_fill_the_chip(void **state)
{
    (void)state;
    struct program *program = fixture_program(small_network(), LOWERING_DENSE);
    const struct compute_set *set = find_set(program, "D3 products");
    uint32_t next = 0, tiles = 0;
    for (uint32_t i = 0; i < set->group_count; i++) {
        const struct vertex_group *group = &program->groups[set->first_group + i];
        assert_true(group->place.first >= next);
        next = group->place.first + group->items;
        tiles += group->items;
    }
    assert_true(next <= 200);
    assert_true(tiles > 150);
    program_destroy(program);
}

static void layers_without_a_delay_take_the_whole_chip_in_turn(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    fixture.layer_delay = 0;
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    assert_int_equal(count_named_sets(program, "D3 products"), 3);
    assert_int_equal(count_named_sets(program, "E3 adjoints"), 3);
    assert_int_equal(find_set(program, "D3 products")->group_count, 1);
    assert_int_equal(find_group(program, "D3 products", 1)->place.first, 0);
    program_destroy(program);
}

static void nothing_depends_on_the_record(void **state)
{
    (void)state;
    struct program *program = fixture_program(small_network(), LOWERING_DENSE);
    for (uint32_t i = 0; i < program->group_count; i++) {
        assert_int_equal(program->groups[i].dealing, DEAL_EVEN);
        assert_int_equal(program->groups[i].list, LIST_NONE);
    }
    program_destroy(program);
}

static void weights_are_transposed_once_per_training_step(void **state)
{
    (void)state;
    struct program *program = fixture_program(small_network(), LOWERING_DENSE);
    uint32_t first_loop = fixture_loop(program, 0).first;
    assert_int_equal(count_named_sets(program, "transpose weights"), 1);
    uint32_t at = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        if (step->kind == STEP_COMPUTE &&
            strcmp(program->compute_sets[step->index].name, "transpose weights") == 0) {
            at = i;
        }
    }
    assert_in_range(at, 1, first_loop);
    assert_null(find_group(program, "transpose weights", 1)); // nothing below layer 1
    assert_non_null(find_group(program, "transpose weights", 2));
    program_destroy(program);
}

static void the_host_sends_ids_and_the_chip_expands_them_in_both_loops(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    assert_int_equal(program->steps[0].host_bytes, 4 * (20 * 48 * (30 + 1) + 48));
    assert_int_equal(count_named_sets(program, "set input"), 2);
    const struct vertex_group *set_input = find_group(program, "set input", 1);
    assert_int_equal(set_input->items, 48);
    assert_int_equal(set_input->sizes[1], 30);
    assert_int_equal(total_received_bytes(program, "input ids to sample"), 4 * 48 * 31);
    program_destroy(program);
}

// --- volumes ------------------------------------------------------------------------------------
static void spikes_reach_every_tile_of_a_product_in_whole_blocks(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    for (uint32_t bytes = 2; bytes <= 4; bytes += 2) {
        fixture.config.matmul_bytes = bytes;
        struct program *program = fixture_program(fixture, LOWERING_DENSE);
        for (uint32_t l = 1; l <= 3; l++) {
            const struct vertex_group *group = find_group(program, "D3 products", l);
            uint64_t block_bytes = (uint64_t)group->sizes[0] * group->sizes[1] * bytes;
            assert_int_equal(group->sizes[3], bytes);
            for (uint32_t i = 0; i < group->items; i++) {
                uint64_t landed = received_bytes(program, "D2 ", group->place.first + i);
                // the block, each message rounded up to whole bytes
                assert_in_range(landed, block_bytes, block_bytes + 64);
            }
        }
        program_destroy(program);
    }
}

static void partial_sums_are_exchanged_between_the_tiles_of_a_block(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    const struct vertex_group *product = find_group(program, "D3 products", 1);
    const struct vertex_group *sum = find_group(program, "D4 add up", 1);
    assert_non_null(sum);
    uint32_t parts_k = sum->sizes[0];
    assert_int_equal(parts_k, div_ceil(300, product->sizes[1]));
    uint64_t outputs = div_ceil((uint64_t)product->sizes[0] * product->sizes[2], parts_k);
    assert_int_equal(received_bytes(program, "D4 ", product->place.first),
                     4 * (parts_k - 1) * outputs);
    // all outputs are added up by somebody
    assert_true((uint64_t)sum->vertices * sum->sizes[1] >= 48 * 200);
    program_destroy(program);
}

static void half_precision_keeps_float32_weights_and_halves_what_moves(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    struct program *full = fixture_program(fixture, LOWERING_DENSE);
    fixture.config.matmul_bytes = 2;
    struct program *half = fixture_program(fixture, LOWERING_DENSE);
    assert_null(find_variable(full, "layer 1 weights, float32"));
    assert_non_null(find_variable(half, "layer 1 weights, float32"));
    assert_int_equal(count_named_sets(full, "cast weights"), 0);
    assert_int_equal(count_named_sets(half, "cast weights"), 1);
    assert_true(find_group(half, "set input", 1)->sizes[0] * 2 ==
                find_group(full, "set input", 1)->sizes[0]);
    program_destroy(full);
    program_destroy(half);
}

static void another_neuron_model_costs_what_its_equations_say(void **state)
{
    (void)state;
    struct fixture fixture = small_network();
    struct program *lif = fixture_program(fixture, LOWERING_DENSE);
    fixture.neuron = "cuba_lif";
    struct program *cuba = fixture_program(fixture, LOWERING_DENSE);
    // forward: u and the current; five ops and the firing; u and the spikes
    const struct vertex_group *update = find_group(lif, "D5 neuron update", 1);
    assert_int_equal(update->sizes[1], 2);
    assert_int_equal(update->sizes[2], 2);
    assert_int_equal(update->sizes[3], 6);
    // the output layer counts its spikes as well
    const struct vertex_group *output = find_group(lif, "D5 neuron update", 3);
    assert_int_equal(output->sizes[1], 3);
    assert_int_equal(output->sizes[3], 7);
    assert_true(find_group(cuba, "D5 neuron update", 1)->sizes[3] > update->sizes[3]);
    assert_true(find_group(cuba, "E3 adjoints", 1)->sizes[3] >
                find_group(lif, "E3 adjoints", 1)->sizes[3]);
    program_destroy(lif);
    program_destroy(cuba);
}

// --- analog input, biases, loss on membranes ----------------------------------------------------
static struct fixture analog_network(void)
{
    struct fixture fixture = small_network();
    fixture.neuron = "leaky";
    fixture.layer_delay = 0;
    fixture.input = INPUT_ANALOG;
    fixture.loss = LOSS_ON_MEMBRANES;
    fixture.has_bias = true;
    return fixture;
}

// Without a layer delay every layer has a set of its own, of the same name.
static const struct vertex_group *group_of(const struct program *program, const char *set,
                                           uint32_t layer)
{
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        const struct compute_set *found = &program->compute_sets[i];
        for (uint32_t k = 0; k < found->group_count && strcmp(found->name, set) == 0; k++) {
            const struct vertex_group *group = &program->groups[found->first_group + k];
            if (group->network_layer == layer) {
                return group;
            }
        }
    }
    return NULL;
}

// Steps of a kind inside a loop.
static uint32_t count_steps(const struct program *program, struct loop_range range,
                            enum step_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        count += program->steps[i].kind == kind;
    }
    return count;
}

static void an_analog_input_is_sent_once_and_leaves_its_tiles_in_every_time_step(void **state)
{
    (void)state;
    struct program *program = fixture_program(analog_network(), LOWERING_DENSE);
    assert_int_equal(program->steps[0].host_bytes, 4 * (48 * 300 + 48)); // values, labels
    assert_null(find_set(program, "set input"));
    assert_int_equal(find_variable(program, "input")->bytes_per_item, 4 * 72); // 48 x 300 / 200
    const struct vertex_group *product = group_of(program, "D3 products", 1);
    uint64_t block_bytes = 4 * (uint64_t)product->sizes[0] * product->sizes[1];
    for (uint32_t i = 0; i < product->items; i++) {
        uint64_t landed = received_bytes(program, "D2 ", product->place.first + i);
        assert_in_range(landed, block_bytes - 4 * 72, block_bytes + 256); // own words stay
    }
    program_destroy(program);
}

static void a_hoisted_product_leaves_both_loops(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *in_loop = fixture_program(fixture, LOWERING_DENSE);
    fixture.config.hoists_static_input = true;
    struct program *hoisted = fixture_program(fixture, LOWERING_DENSE);
    const struct vertex_group *once = group_of(hoisted, "H2 static product", 1);
    const struct vertex_group *every = group_of(in_loop, "D3 products", 1);
    assert_memory_equal(once->sizes, every->sizes, sizeof once->sizes);
    assert_null(group_of(hoisted, "D3 products", 1));
    assert_null(group_of(hoisted, "E5 products", 1));
    const struct vertex_group *gradient = group_of(hoisted, "H5 static weight gradient", 1);
    assert_int_equal(gradient->codelet, CODELET_matmul_partial);
    // forward: D2 and D3 and, where the product is split over k, D4 twice; backward: E4, E5
    bool is_summed = group_of(in_loop, "D4 add up", 1) != NULL;
    struct loop_range loops[2][2];
    for (uint32_t i = 0; i < 2; i++) {
        loops[0][i] = fixture_loop(in_loop, i);
        loops[1][i] = fixture_loop(hoisted, i);
    }
    uint32_t fewer[2] = {1u + is_summed, 1};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(count_steps(in_loop, loops[0][i], STEP_COMPUTE) - fewer[i],
                         count_steps(hoisted, loops[1][i], STEP_COMPUTE));
        assert_int_equal(count_steps(in_loop, loops[0][i], STEP_EXCHANGE) - fewer[i],
                         count_steps(hoisted, loops[1][i], STEP_EXCHANGE));
    }
    // one addition and one load more: errors are summed over time
    const uint32_t *with = group_of(hoisted, "E3 adjoints", 1)->sizes;
    const uint32_t *without = group_of(in_loop, "E3 adjoints", 1)->sizes;
    assert_int_equal(with[1], without[1] + 1);
    assert_int_equal(with[2], without[2]);
    assert_int_equal(with[3], without[3] + 1);
    program_destroy(in_loop);
    program_destroy(hoisted);
}

static void what_hoisting_keeps_lives_from_the_product_to_the_end_of_the_loop(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    fixture.config.hoists_static_input = true;
    struct program *program = fixture_program(fixture, LOWERING_DENSE);
    uint32_t elements = group_of(program, "D5 neuron update", 1)->sizes[0];
    struct loop_range forward = fixture_loop(program, 0), backward = fixture_loop(program, 1);
    const struct variable *currents = find_variable(program, "layer 1 static currents");
    const struct variable *errors = find_variable(program, "layer 1 sum of errors");
    const struct variable *input = find_variable(program, "input");
    assert_int_equal(currents->bytes_per_item, 4 * elements);
    assert_int_equal(errors->bytes_per_item, 4 * elements);
    assert_true(currents->first_step < forward.first && currents->last_step >= forward.end);
    assert_true(errors->first_step < backward.first && errors->last_step > backward.end);
    assert_true(input->first_step == 0 && input->last_step > backward.end);
    assert_null(find_variable(program, "layer 1 error"));
    program_destroy(program);
}

static void biases_are_loaded_by_the_update_and_summed_over_the_samples_of_a_tile(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *with = fixture_program(fixture, LOWERING_DENSE);
    fixture.has_bias = false;
    struct program *without = fixture_program(fixture, LOWERING_DENSE);
    for (uint32_t l = 1; l <= 3; l++) {
        const struct vertex_group *update = group_of(with, "D5 neuron update", l);
        const struct vertex_group *bare = group_of(without, "D5 neuron update", l);
        assert_int_equal(update->sizes[1], bare->sizes[1] + 1);
        assert_int_equal(update->sizes[3], bare->sizes[3] + 1);
        const struct vertex_group *product = group_of(with, "D3 products", l);
        uint32_t columns = product->sizes[2], elements = update->sizes[0];
        columns = columns < elements ? columns : elements;
        const struct vertex_group *sum = NULL;
        for (uint32_t i = 0; i < with->group_count; i++) {
            const struct vertex_group *group = &with->groups[i];
            bool is_sum = group->codelet == CODELET_reduce_many && group->network_layer == l &&
                          group->sizes[0] == div_ceil(elements, columns) + 1;
            sum = is_sum ? group : sum;
        }
        assert_non_null(sum);
        assert_true((uint64_t)sum->vertices * sum->sizes[1] >= (uint64_t)product->items * columns);
    }
    program_destroy(with);
    program_destroy(without);
}

static void tiles_with_the_same_biases_share_them_and_their_gradients(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *with = fixture_program(fixture, LOWERING_DENSE);
    fixture.has_bias = false;
    struct program *without = fixture_program(fixture, LOWERING_DENSE);
    uint64_t expected = 0;
    for (uint32_t l = 1; l <= 3; l++) {
        const struct vertex_group *product = group_of(with, "D3 products", l);
        uint32_t columns = product->sizes[2];
        uint32_t copies = product->items / (uint32_t)div_ceil(fixture.neurons[l], columns);
        uint64_t own = div_ceil(columns, copies);
        char name[40];
        snprintf(name, sizeof name, "layer %u biases", l);
        assert_int_equal(find_variable(with, name)->bytes_per_item, 4 * columns);
        snprintf(name, sizeof name, "layer %u Adam moments of biases", l);
        assert_int_equal(find_variable(with, name)->bytes_per_item, 2 * 4 * own);
        expected += 4 * own * product->items * (copies - 1); // each to each of the others
    }
    const char *const exchanges[2] = {"copies of weights", "partial weight gradients"};
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t before = find_exchange(without, exchanges[i]) == NULL
                              ? 0
                              : total_received_bytes(without, exchanges[i]);
        assert_int_equal(total_received_bytes(with, exchanges[i]) - before, expected);
    }
    program_destroy(with);
    program_destroy(without);
}

static void a_loss_on_membranes_moves_what_spike_counts_moved(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *membranes = fixture_program(fixture, LOWERING_DENSE);
    assert_int_equal(total_received_bytes(membranes, "summed membranes"), 4 * 48 * 10);
    // forward: u, current, bias, the sum; five ops of the update, the bias, the sum, firing
    const uint32_t *update = group_of(membranes, "D5 neuron update", 3)->sizes;
    assert_int_equal(update[1], 4);
    assert_int_equal(update[2], 2); // u, the sum: nobody reads the spikes
    // backward: the gradient of the logits and the carried adjoint, no surrogate
    const uint32_t *adjoints = group_of(membranes, "E3 adjoints", 3)->sizes;
    assert_int_equal(adjoints[1], 2);
    assert_int_equal(adjoints[3], 2); // their sum; its decay
    program_destroy(membranes);
}

static void output_spikes_are_kept_where_the_host_wants_them(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *loss = fixture_program(fixture, LOWERING_DENSE);
    fixture.config.host_output = HOST_OUTPUT_SPIKES;
    struct program *spikes = fixture_program(fixture, LOWERING_DENSE);
    assert_int_equal(loss->steps[loss->step_count - 1].host_bytes, 4);
    assert_int_equal(spikes->steps[spikes->step_count - 1].host_bytes, 4 * (1 + 20 * 48 * 10));
    assert_null(find_variable(loss, "layer 3 spike history"));
    assert_int_equal(find_variable(spikes, "layer 3 spike history")->last_step,
                     spikes->step_count - 1);
    program_destroy(loss);
    program_destroy(spikes);
}

// --- any network --------------------------------------------------------------------------------
static void any_network_lowers_to_a_legal_program(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 150; i++) {
        struct rng rng = rng_create(23, RNG_TEST, i, 0);
        struct fixture fixture = fixture_random(&rng);
        struct program *program = fixture_program(fixture, LOWERING_DENSE);
        uint64_t weights_bytes = 0;
        for (uint32_t v = 0; v < program->variable_count; v++) {
            const struct variable *variable = &program->variables[v];
            if (variable->role == VARIABLE_OPTIMIZER) { // spread without copies
                weights_bytes += variable->bytes_per_item * variable->items / 2;
            }
        }
        uint64_t expected_bytes = 0;
        for (uint32_t l = 1; l < fixture.layer_count; l++) {
            expected_bytes += 4 * (uint64_t)fixture.neurons[l - 1] * fixture.neurons[l];
            expected_bytes += fixture.has_bias ? 4 * (uint64_t)fixture.neurons[l] : 0;
        }
        assert_true(weights_bytes >= expected_bytes);
        program_destroy(program);
    }
}

static void the_published_network_fits_bow(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_DENSE);
    for (uint32_t tile = 0; tile < 1472; tile += 53) {
        assert_true(peak_bytes(program, tile) < 638976);
    }
    program_destroy(program);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_product_of_the_graph_runs_whole_in_every_time_step),
        cmocka_unit_test(delayed_layers_lie_side_by_side_and_fill_the_chip),
        cmocka_unit_test(layers_without_a_delay_take_the_whole_chip_in_turn),
        cmocka_unit_test(nothing_depends_on_the_record),
        cmocka_unit_test(weights_are_transposed_once_per_training_step),
        cmocka_unit_test(the_host_sends_ids_and_the_chip_expands_them_in_both_loops),
        cmocka_unit_test(spikes_reach_every_tile_of_a_product_in_whole_blocks),
        cmocka_unit_test(partial_sums_are_exchanged_between_the_tiles_of_a_block),
        cmocka_unit_test(half_precision_keeps_float32_weights_and_halves_what_moves),
        cmocka_unit_test(another_neuron_model_costs_what_its_equations_say),
        cmocka_unit_test(an_analog_input_is_sent_once_and_leaves_its_tiles_in_every_time_step),
        cmocka_unit_test(a_hoisted_product_leaves_both_loops),
        cmocka_unit_test(what_hoisting_keeps_lives_from_the_product_to_the_end_of_the_loop),
        cmocka_unit_test(biases_are_loaded_by_the_update_and_summed_over_the_samples_of_a_tile),
        cmocka_unit_test(tiles_with_the_same_biases_share_them_and_their_gradients),
        cmocka_unit_test(a_loss_on_membranes_moves_what_spike_counts_moved),
        cmocka_unit_test(output_spikes_are_kept_where_the_host_wants_them),
        cmocka_unit_test(any_network_lowers_to_a_legal_program),
        cmocka_unit_test(the_published_network_fits_bow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

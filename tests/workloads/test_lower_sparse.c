// The sparse program against the published schedule: rows, volumes, places and lifetimes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"

#define CHIP_BYTES 638976u // Bow: 624 KiB a tile

// --- rows ---------------------------------------------------------------------------------------
static void a_forward_step_has_8_plus_4_sets_a_layer(void **state)
{
    (void)state;
    for (uint32_t hidden = 2; hidden <= 5; hidden++) {
        struct program *program = fixture_program(fixture_published(hidden, 0.05), LOWERING_SPARSE);
        uint32_t layers = hidden + 1;
        assert_int_equal(count_sets(program, fixture_loop(program, 0)), 8 + 4 * layers);
        program_destroy(program);
    }
}

// The number of the time step lies on tile 0, and no set can keep it for the next.
static void every_set_of_slices_fetches_the_index_before_it(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    uint32_t slices = 0;
    for (uint32_t i = 1; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        if (step->kind != STEP_COMPUTE) {
            continue;
        }
        const struct compute_set *set = &program->compute_sets[step->index];
        if (program->groups[set->first_group].codelet == CODELET_slice) {
            const struct program_step *before = &program->steps[i - 1];
            assert_int_equal(before->kind, STEP_EXCHANGE);
            assert_non_null(strstr(program->exchanges[before->index].name, "index"));
            slices++;
        }
    }
    assert_int_equal(slices, 2 + 3 * 3 + 5 * 3 + 1); // F1, F9, B2
    program_destroy(program);
}

static void a_backward_step_has_7_plus_7_sets_a_layer_a_copy_and_the_second_reduction(void **state)
{
    (void)state;
    for (uint32_t hidden = 2; hidden <= 5; hidden++) {
        struct program *program = fixture_program(fixture_published(hidden, 0.05), LOWERING_SPARSE);
        uint32_t layers = hidden + 1;
        assert_int_equal(count_sets(program, fixture_loop(program, 1)), 7 + 7 * layers + 1 + 1);
        assert_int_equal(count_named_sets(program, "B2 "), 5 * layers + 1);
        assert_int_equal(count_named_sets(program, "B5 copy"), 1);
        assert_int_equal(count_named_sets(program, "B10 "), 1);
        program_destroy(program);
    }
}

static void rearrangement_adds_a_set_to_five_rows(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    struct program *plain = fixture_program(fixture, LOWERING_SPARSE);
    fixture.config.has_rearrangement = true;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    for (uint32_t loop = 0; loop < 2; loop++) {
        uint32_t added = count_sets(program, fixture_loop(program, loop)) -
                         count_sets(plain, fixture_loop(plain, loop));
        assert_int_equal(added, loop == 0 ? 2 : 3); // F3, F6; B4, B6, B9
    }
    // 48 rows of 72 ids and a count, for a tile of the second hidden layer
    const struct vertex_group *group = find_group(program, "F3 rearrange", 2);
    assert_int_equal(group->sizes[0], 14016);
    assert_int_equal(group->sizes[1], 48);
    program_destroy(plain);
    program_destroy(program);
}

static void fusion_leaves_one_set_for_all_layers_of_b3_and_of_b5(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    fixture.config.elementwise = ELEMENTWISE_FUSED;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    assert_int_equal(count_named_sets(program, "B3"), 1);
    assert_int_equal(count_named_sets(program, "B5"), 1);
    assert_int_equal(find_set(program, "B5 error")->group_count, 3);
    program_destroy(program);
}

static void without_a_layer_delay_layers_run_one_after_the_other(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    fixture.layer_delay = 0;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    assert_int_equal(count_named_sets(program, "F3 neuron update"), 3);
    assert_int_equal(count_named_sets(program, "B4 state gradient"), 3);
    assert_int_equal(find_set(program, "F3 neuron update")->group_count, 1);
    // no slices of t-1, and layer 2 reads the spikes of its own time step
    assert_int_equal(count_named_sets(program, "B2 "), 3 * 3 + 2 + 1);
    uint32_t last_layer = 0;
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        const struct compute_set *set = &program->compute_sets[i];
        const struct vertex_group *group = &program->groups[set->first_group];
        if (strcmp(set->name, "F3 neuron update") == 0) {
            assert_int_equal(group->network_layer, ++last_layer);
            assert_int_equal(group->time_offset, 0);
        } else if (strcmp(set->name, "B4 state gradient") == 0) {
            assert_int_equal(group->network_layer, last_layer--);
        }
    }
    program_destroy(program);
}

static void a_delayed_layer_reads_the_spikes_of_the_step_before(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    static const char *const sets[] = {"F3 neuron update", "B7 weight gradient"};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(find_group(program, sets[i], 1)->time_offset, 0);
        assert_int_equal(find_group(program, sets[i], 1)->layer, 0);
        assert_int_equal(find_group(program, sets[i], 2)->time_offset, -1);
        assert_int_equal(find_group(program, sets[i], 2)->layer, 1);
        assert_int_equal(find_group(program, sets[i], 2)->list, LIST_SPIKES);
    }
    assert_null(find_group(program, "B8 spike gradient", 1));
    assert_int_equal(find_group(program, "B8 spike gradient", 2)->list, LIST_LISTED);
    assert_int_equal(find_group(program, "B8 spike gradient", 2)->time_offset, -1);
    assert_int_equal(find_group(program, "B4 state gradient", 2)->time_offset, 0);
    assert_int_equal(find_group(program, "B4 state gradient", 2)->ids_per_item, 2);
    program_destroy(program);
}

static void loops_run_over_all_time_steps_upwards_and_downwards(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    const struct program_step *forward = &program->steps[fixture_loop(program, 0).first];
    const struct program_step *backward = &program->steps[fixture_loop(program, 1).first];
    assert_int_equal(forward->loop_count, 100);
    assert_int_equal(forward->loop_first, 0);
    assert_int_equal(forward->loop_stride, 1);
    assert_int_equal(backward->loop_count, 100);
    assert_int_equal(backward->loop_first, 99);
    assert_int_equal(backward->loop_stride, -1);
    program_destroy(program);
}

static void the_host_sends_ids_counts_and_labels_and_gets_the_loss(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    const struct program_step *first = &program->steps[0];
    const struct program_step *last = &program->steps[program->step_count - 1];
    assert_int_equal(first->kind, STEP_HOST);
    assert_int_equal(first->host_direction, HOST_TO_CHIP);
    assert_int_equal(first->host_bytes, 4 * (100 * 48 * 33 + 48)); // 0.63 MB
    assert_int_equal(last->kind, STEP_HOST);
    assert_int_equal(last->host_direction, CHIP_TO_HOST);
    assert_int_equal(last->host_bytes, 4);
    program_destroy(program);
}

// --- vertices -----------------------------------------------------------------------------------
static void vertices_of_each_row_are_those_of_the_published_table(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    uint64_t tiles = 1471, batch = 48;
    assert_int_equal(count_set_vertices(program, "F3 neuron update"), tiles * batch);
    assert_int_equal(count_set_vertices(program, "F4 threshold flags"), tiles * batch * 2);
    uint64_t parts = 4 + 4 + 1;
    assert_int_equal(count_set_vertices(program, "F6 compact flags"), 2 * batch * 6 * parts);
    assert_int_equal(count_set_vertices(program, "F7 combine segments"), 2 * batch * parts);
    assert_int_equal(count_set_vertices(program, "F8 combine lists"), 3 * batch);
    assert_int_equal(count_set_vertices(program, "B4 state gradient"), tiles * batch);
    assert_int_equal(count_set_vertices(program, "B7 weight gradient"), tiles * 6);
    assert_int_equal(count_set_vertices(program, "B8 spike gradient"), 738 * batch);
    assert_int_equal(find_group(program, "B7 weight gradient", 1)->samples_per_vertex, 8);
    // F5 draws 2 * 6 * 4 * 48 integers for a hidden layer
    const struct vertex_group *random = find_group(program, "F5 random offsets", 1);
    assert_int_equal(random->vertices * random->sizes[0], 2 * 6 * 4 * 48);
    program_destroy(program);
}

static void ten_neurons_need_one_compaction_tile_with_six_vertices(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    const struct vertex_group *group = find_group(program, "F6 compact flags", 3);
    assert_int_equal(group->parts, 1);
    assert_int_equal(group->vertices, 6);
    program_destroy(program);
    struct fixture fixture = fixture_published(2, 0.05);
    fixture.neurons[3] = 4;
    fixture.slots[3] = 2;
    program = fixture_program(fixture, LOWERING_SPARSE);
    assert_int_equal(find_group(program, "F6 compact flags", 3)->vertices, 4);
    program_destroy(program);
}

// --- volumes ------------------------------------------------------------------------------------
struct volume_case {
    uint32_t hidden;
    double activity;
    uint64_t f3, b4, b6;                 // bytes on a tile of the second hidden layer
    double b9_megabytes;                 // of all tiles
    uint32_t b9_tile_bytes, b9_vertices; // mean of a tile
    uint32_t b10_kilobytes;
};

static void volumes_are_those_of_the_published_examples(void **state)
{
    (void)state;
    static const struct volume_case cases[] = {
        {2, 0.01, 2880, 5568, 3072, 1.98, 1349, 14, 83},
        {2, 0.05, 14016, 27840, 14208, 10.2, 6935, 73, 429},
        {2, 0.10, 28224, 56256, 28416, 20.7, 14064, 148, 869},
        {5, 0.01, 960, 1728, 1152, 0.90, 615, 6, 38},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct volume_case *expected = &cases[i];
        struct fixture fixture = fixture_published(expected->hidden, expected->activity);
        struct program *program = fixture_program(fixture, LOWERING_SPARSE);
        uint32_t tile = find_group(program, "F3 neuron update", 2)->place.first;
        assert_int_equal(received_bytes(program, "F3 ", tile), expected->f3);
        assert_int_equal(received_bytes(program, "B4 ", tile), expected->b4);
        assert_int_equal(received_bytes(program, "B6 ", tile), expected->b6);
        double b9_bytes = (double)total_received_bytes(program, "B9 ");
        assert_true(b9_bytes / 1e6 > expected->b9_megabytes - 0.06);
        assert_true(b9_bytes / 1e6 < expected->b9_megabytes + 0.06);
        assert_int_equal((uint32_t)(b9_bytes / 1471 + 0.5), expected->b9_tile_bytes);
        double vertices = (double)count_set_vertices(program, "B9 reduce stage 1") / 1471;
        assert_int_equal((uint32_t)(vertices + 0.5), expected->b9_vertices);
        // the output layer's single group needs no second stage; the table counts it
        uint64_t slots = fixture.slots[fixture.layer_count - 2];
        uint64_t b10_bytes = total_received_bytes(program, "B10 ") + 4 * 48 * slots;
        assert_int_equal((b10_bytes + 500) / 1000, expected->b10_kilobytes);
        program_destroy(program);
    }
}

static void layer_1_hears_the_input_with_one_count_and_copies_one_count(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    assert_int_equal(received_bytes(program, "F3 ", 1), 4 * 48 * 33);
    assert_int_equal(received_bytes(program, "B6 ", 1), 4 * 48 * 33);
    assert_int_equal(received_bytes(program, "B4 ", 1), 4 * 48 * (2 * 72 + 1));
    program_destroy(program);
}

static void flags_leave_a_neuron_tile_twice_and_fill_every_compaction_tile(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    uint64_t out_bytes = exchange_bytes(program, "F6 ", 5, false);
    assert_int_equal(out_bytes, 8 * 2 * 48);
    assert_int_equal(total_received_bytes(program, "F6 "), 8 * 48 * (1466 + 1466 + 10));
    uint64_t most = 0;
    for (uint32_t tile = 0; tile < 1472; tile++) {
        most = max_u64(most, received_bytes(program, "F6 ", tile));
    }
    assert_int_equal(most, 4 * 367); // ceil(1466 / 4)
    program_destroy(program);
}

static void lists_of_parts_reach_one_tile_for_each_layer_and_sample(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    const struct vertex_group *group = find_group(program, "F8 combine lists", 1);
    uint32_t tile = tile_map_at(&group->place, group->first_item + 7);
    assert_int_equal(received_bytes(program, "F8 ", tile), 2 * 4 * 72 * 4);
    assert_int_equal(exchange_bytes(program, "F9 ", tile, false), 4 * (72 + 2));
    program_destroy(program);
}

static void the_older_state_gradient_gathers_whole_layers_and_sends_delta_back(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    fixture.config.state_gradient = STATE_GRADIENT_PER_SAMPLE;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    const struct vertex_group *group = find_group(program, "B4 state gradient", 2);
    assert_int_equal(tile_map_at(&group->place, group->first_item), 1 + 48);
    assert_int_equal(group->items, 48);
    assert_int_equal(group->sizes[0], 1466);
    uint64_t states_bytes = 3 * 4 * 1466;
    uint64_t lists_bytes = 4 * (2 * 72 + 1);
    assert_int_equal(received_bytes(program, "B4 states", 1 + 48), states_bytes + lists_bytes);
    assert_int_equal(received_bytes(program, "B4 delta", 800), 4 * 2 * 48);
    assert_int_equal(exchange_bytes(program, "B4 delta", 1 + 48, false), 4 * 1466);
    program_destroy(program);
}

// --- costs that follow the neuron model ---------------------------------------------------------
static void another_neuron_model_costs_what_its_equations_say(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.05);
    struct program *lif = fixture_program(fixture, LOWERING_SPARSE);
    fixture.neuron = "cuba_lif";
    struct program *cuba = fixture_program(fixture, LOWERING_SPARSE);
    const struct vertex_group *update = find_group(lif, "F3 neuron update", 1);
    // u, and the tensors theta, alpha and gain; compare, select, two scales, add
    assert_int_equal(update->sizes[1], 4);
    assert_int_equal(update->sizes[2], 5);
    const struct vertex_group *longer = find_group(cuba, "F3 neuron update", 1);
    assert_true(longer->sizes[1] > update->sizes[1]);
    assert_true(longer->sizes[2] > update->sizes[2]);
    assert_int_equal(count_named_sets(lif, "B3 carry"), 3);
    assert_true(count_named_sets(cuba, "B3 carry") + count_named_sets(cuba, "B5 error") > 6);
    assert_int_equal(find_variable(lif, "layer 1 states")->bytes_per_item, 4 * 48 * 2);
    assert_int_equal(find_variable(cuba, "layer 1 states")->bytes_per_item, 2 * 4 * 48 * 2);
    program_destroy(lif);
    program_destroy(cuba);
}

static void the_published_library_ops_work_in_place(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    const struct vertex_group *carry = find_group(program, "B3 carry", 1);
    const struct vertex_group *error = find_group(program, "B5 error", 1);
    assert_int_equal(carry->sizes[0], 96);
    assert_int_equal(carry->sizes[1], 1); // by a scalar
    assert_int_equal(carry->sizes[2], 1); // in place
    assert_int_equal(error->sizes[2], 1); // on the copy
    assert_int_equal(find_group(program, "B5 copy", 1)->sizes[0], 4 * 96);
    program_destroy(program);
}

// --- memory -------------------------------------------------------------------------------------
static void a_tile_of_layer_1_holds_the_published_variables(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    assert_int_equal(find_variable(program, "layer 1 weights")->bytes_per_item, 18496);
    assert_int_equal(find_variable(program, "layer 1 gradient copies")->bytes_per_item, 110976);
    assert_int_equal(find_variable(program, "layer 1 state history")->bytes_per_item, 38400);
    assert_int_equal(find_variable(program, "layer 1 Adam moments")->bytes_per_item, 36992);
    assert_int_equal(find_variable(program, "layer 1 weights")->first_step, LIVE_ALWAYS);
    program_destroy(program);
}

static void half_activity_fits_only_because_lifetimes_are_shared(void **state)
{
    (void)state;
    struct fixture fixture = fixture_published(2, 0.5);
    fixture.config.has_rearrangement = true;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    uint64_t most = 0, sum_there = 0;
    for (uint32_t tile = 0; tile < 1472; tile += 37) {
        uint64_t peak = peak_bytes(program, tile);
        if (peak > most) {
            most = peak;
            sum_there = live_bytes(program, tile, UINT32_MAX);
        }
    }
    assert_true(most < CHIP_BYTES);
    assert_true(sum_there > CHIP_BYTES);
    program_destroy(program);
}

static void landing_buffers_of_different_rows_share_addresses(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    static const char *const names[] = {"layer 2 input ids (F3)", "layer 2 listed ids (B4)",
                                        "layer 2 input ids (B6)",
                                        "layer 2 partial spike gradients (B9)"};
    for (uint32_t i = 0; i + 1 < 4; i++) {
        const struct variable *before = find_variable(program, names[i]);
        const struct variable *after = find_variable(program, names[i + 1]);
        assert_true(before->last_step < after->first_step);
    }
    program_destroy(program);
}

static void what_crosses_the_back_edge_lives_over_the_whole_loop(void **state)
{
    (void)state;
    struct program *program = fixture_program(fixture_published(2, 0.05), LOWERING_SPARSE);
    struct loop_range forward = fixture_loop(program, 0);
    struct loop_range backward = fixture_loop(program, 1);
    const struct variable *states = find_variable(program, "layer 1 states");
    const struct variable *carried = find_variable(program, "layer 1 carried adjoints");
    const struct variable *slots =
        find_variable(program, "layer 2 slot gradients for the layer below");
    assert_true(states->first_step <= forward.first && states->last_step >= forward.end);
    assert_true(carried->first_step <= backward.first && carried->last_step >= backward.end);
    assert_true(slots->first_step <= backward.first && slots->last_step >= backward.end);
    program_destroy(program);
}

// --- any network --------------------------------------------------------------------------------
static void check_random_program(struct fixture *fixture, const struct program *program)
{
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        // of an output whose loss is on membranes no state is read again
        assert_true(variable->bytes_per_item > 0 || strstr(variable->name, "carried") != NULL ||
                    strstr(variable->name, "state") != NULL);
    }
    uint64_t b9_bytes = 0;
    for (uint32_t l = 1; l < fixture->layer_count && fixture->layer_delay; l++) {
        const struct vertex_group *group = find_group(program, "F3 neuron update", l);
        assert_true(group->place.first >= 1);
        assert_true((uint64_t)group->items * group->sizes[0] >= fixture->neurons[l]);
        uint64_t bytes = 4 * (uint64_t)fixture->batch * (fixture->slots[l - 1] + 1);
        bool is_analog = l == 1 && fixture->input == INPUT_ANALOG;
        assert_int_equal(received_bytes(program, "F3 ", group->place.first), is_analog ? 0 : bytes);
        b9_bytes += l > 1 ? 4 * (uint64_t)group->items * fixture->batch * fixture->slots[l - 1] : 0;
    }
    if (fixture->layer_delay) {
        assert_int_equal(total_received_bytes(program, "B9 "), b9_bytes);
    }
}

static void any_network_lowers_to_a_legal_program(void **state)
{
    (void)state;
    uint32_t lowered = 0;
    for (uint32_t i = 0; i < 400; i++) {
        struct rng rng = rng_create(17, RNG_TEST, i, 0);
        struct fixture fixture = fixture_random(&rng);
        char *why = NULL;
        struct program *program = fixture_lower(&fixture, LOWERING_SPARSE, &why);
        assert_non_null(program);
        program_verify(program);
        check_random_program(&fixture, program);
        program_destroy(program);
        lowered++;
    }
    assert_int_equal(lowered, 400);
}

static void compaction_wraps_around_where_the_chip_is_too_small(void **state)
{
    (void)state;
    struct fixture fixture = {.layer_count = 3,
                              .neurons = {30, 20, 5},
                              .slots = {8, 6, 2},
                              .batch = 48,
                              .time_steps = 3,
                              .neuron = "lif",
                              .layer_delay = 1,
                              .tiles = 16};
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    const struct vertex_group *group = find_group(program, "F6 compact flags", 2);
    assert_int_equal(group->place.positions, 16);
    assert_true(group->first_item + group->items > 16);
    assert_int_equal(total_received_bytes(program, "F6 "), 8 * 48 * (20 + 5));
    program_destroy(program);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forward_step_has_8_plus_4_sets_a_layer),
        cmocka_unit_test(every_set_of_slices_fetches_the_index_before_it),
        cmocka_unit_test(a_backward_step_has_7_plus_7_sets_a_layer_a_copy_and_the_second_reduction),
        cmocka_unit_test(rearrangement_adds_a_set_to_five_rows),
        cmocka_unit_test(fusion_leaves_one_set_for_all_layers_of_b3_and_of_b5),
        cmocka_unit_test(without_a_layer_delay_layers_run_one_after_the_other),
        cmocka_unit_test(a_delayed_layer_reads_the_spikes_of_the_step_before),
        cmocka_unit_test(loops_run_over_all_time_steps_upwards_and_downwards),
        cmocka_unit_test(the_host_sends_ids_counts_and_labels_and_gets_the_loss),
        cmocka_unit_test(vertices_of_each_row_are_those_of_the_published_table),
        cmocka_unit_test(ten_neurons_need_one_compaction_tile_with_six_vertices),
        cmocka_unit_test(volumes_are_those_of_the_published_examples),
        cmocka_unit_test(layer_1_hears_the_input_with_one_count_and_copies_one_count),
        cmocka_unit_test(flags_leave_a_neuron_tile_twice_and_fill_every_compaction_tile),
        cmocka_unit_test(lists_of_parts_reach_one_tile_for_each_layer_and_sample),
        cmocka_unit_test(the_older_state_gradient_gathers_whole_layers_and_sends_delta_back),
        cmocka_unit_test(another_neuron_model_costs_what_its_equations_say),
        cmocka_unit_test(the_published_library_ops_work_in_place),
        cmocka_unit_test(a_tile_of_layer_1_holds_the_published_variables),
        cmocka_unit_test(half_activity_fits_only_because_lifetimes_are_shared),
        cmocka_unit_test(landing_buffers_of_different_rows_share_addresses),
        cmocka_unit_test(what_crosses_the_back_edge_lives_over_the_whole_loop),
        cmocka_unit_test(any_network_lowers_to_a_legal_program),
        cmocka_unit_test(compaction_wraps_around_where_the_chip_is_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

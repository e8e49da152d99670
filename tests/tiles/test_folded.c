// Folded compute sets against numbers worked out by hand. Agreement with visiting every vertex is
// tested in tests/sim/test_engines_agree.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/sim/fixture_chip.h"
#include "tiles/folded.h"

// One layer of 12 neurons in 6 slots, batch 2, 2 time steps. Time step 0: sample 0 lists 0 1 4 (two
// spikes), sample 1 lists 11 (no spike). Time step 1: nothing.
struct fixture {
    struct chip_config chip;
    struct program *program;
    struct activity *record;
};

static struct fixture open_fixture(void)
{
    const uint32_t neurons = 12, slots = 6;
    struct fixture fixture = {.chip = fixture_chip(),
                              .program = program_create("test", 16, 2, 2, 1, &neurons, &slots),
                              .record = activity_create(1, &neurons, &slots, 2, 2)};
    struct activity_layer *layer = &fixture.record->layers[0];
    const uint32_t counts[] = {2, 3, 0, 1};
    const uint32_t sample0[] = {0, 1, 4}, sample1[] = {11};
    memcpy(layer->counts, counts, sizeof counts);
    memcpy(layer->ids, sample0, sizeof sample0);
    memcpy(layer->ids + slots, sample1, sizeof sample1);
    program_begin_compute(fixture.program, "set");
    return fixture;
}

// Cycles of the set at a time step.
static uint64_t cycles_at(const struct fixture *fixture, int64_t time_step)
{
    program_verify(fixture->program);
    struct folded_set *set =
        folded_set_create(&fixture->chip, fixture->program, &fixture->program->compute_sets[0]);
    uint64_t cycles = folded_set_cycles(set, fixture->record, time_step);
    // a second time, as counters of the first must not count
    assert_int_equal(folded_set_cycles(set, fixture->record, time_step), cycles);
    folded_set_destroy(set);
    return cycles;
}

static void close_fixture(struct fixture *fixture)
{
    program_destroy(fixture->program);
    activity_destroy(fixture->record);
}

static struct vertex_group even(enum codelet codelet, uint32_t tiles, uint32_t vertices)
{
    return (struct vertex_group){.codelet = codelet,
                                 .dealing = DEAL_EVEN,
                                 .place = tile_map_range(0, tiles),
                                 .items = tiles,
                                 .vertices = vertices};
}

// A state gradient vertex: 10 slots, 5 per listed id of the sample, 40 per own id.
static struct vertex_group state_gradient(uint32_t tiles)
{
    return (struct vertex_group){.codelet = CODELET_state_gradient,
                                 .dealing = DEAL_SAMPLES,
                                 .place = tile_map_range(0, tiles),
                                 .items = tiles,
                                 .samples_per_vertex = 1,
                                 .ids_per_item = 12 / tiles,
                                 .list = LIST_LISTED};
}

static void a_seventh_vertex_costs_a_second_turn_of_six_workers(void **state)
{
    (void)state;
    for (uint32_t vertices = 1; vertices <= 13; vertices++) {
        struct fixture fixture = open_fixture();
        struct vertex_group group = even(CODELET_loop_counter, 1, vertices);
        program_add_group(fixture.program, &group);
        assert_int_equal(cycles_at(&fixture, 0), 258 * ((vertices + 5) / 6));
        close_fixture(&fixture);
    }
}

static void the_slowest_tile_decides_and_an_empty_set_takes_nothing(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    assert_int_equal(cycles_at(&fixture, 0), 0);
    struct vertex_group group = even(CODELET_loop_counter, 4, 25); // 7 6 6 6
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 2 * 258);
    close_fixture(&fixture);
}

static void launches_cost_per_set_and_per_vertex(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    fixture.chip.tile.launch_cycles = 18;
    fixture.chip.tile.vertex_launch_cycles = 7;
    struct vertex_group group = even(CODELET_loop_counter, 1, 3);
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 18 + 3 * 7 + 258);
    close_fixture(&fixture);
}

static void a_multi_worker_vertex_adds_to_every_worker_and_takes_no_place(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group counters = even(CODELET_loop_counter, 1, 3);
    struct vertex_group multi = even(CODELET_elementwise, 1, 1);
    multi.sizes[0] = 96;
    multi.sizes[1] = 1;
    program_add_group(fixture.program, &counters);
    program_add_group(fixture.program, &multi);
    program_add_group(fixture.program, &counters); // workers 3, 4, 5
    assert_int_equal(cycles_at(&fixture, 0), 258 + 227);
    close_fixture(&fixture);
}

static void hits_on_one_worker_of_one_tile_decide(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = state_gradient(6); // two ids each: tile 0 owns 0 and 1
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 6 * (10 + 3 * 5 + 2 * 40));
    assert_int_equal(cycles_at(&fixture, 1), 6 * 10);
    close_fixture(&fixture);
}

static void hits_of_two_samples_add_up_where_they_share_a_worker(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = state_gradient(1);
    group.samples_per_vertex = 2;
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 6 * (10 + 4 * 5 + 4 * 40));
    close_fixture(&fixture);
}

static void before_the_first_time_step_there_is_nothing_to_read(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = state_gradient(6);
    group.time_offset = -1;
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 6 * 10);
    assert_int_equal(cycles_at(&fixture, 1), 6 * (10 + 3 * 5 + 2 * 40)); // sees time step 0
    close_fixture(&fixture);
}

// Two parts of 6 ids, two vertices of 3: 10 slots, 5 per id of the interval, 3 per id of the list
// in it.
static void segments_scan_their_interval_and_count_hits_in_it(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = {.codelet = CODELET_compact_flags,
                                 .dealing = DEAL_SEGMENTS,
                                 .place = tile_map_range(0, 4),
                                 .items = 4,
                                 .parts = 2,
                                 .vertices = 2,
                                 .list = LIST_SPIKES};
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 6 * (10 + 3 * 5 + 2 * 3)); // 0 and 1 in one interval
    fixture.program->groups[0].list = LIST_NEAR;
    assert_int_equal(cycles_at(&fixture, 0), 6 * (10 + 3 * 5 + 1 * 3));
    // behind a vertex of 43 slots on worker 0
    struct vertex_group counters = even(CODELET_loop_counter, 4, 4);
    fixture.program->groups[0].list = LIST_SPIKES;
    program_add_group(fixture.program, &counters);
    struct vertex_group first = fixture.program->groups[0];
    fixture.program->groups[0] = fixture.program->groups[1];
    fixture.program->groups[1] = first;
    fixture.chip.tile.contexts =
        2; // interval 0 on worker 1, interval 1 with the counter on worker 0
    assert_int_equal(cycles_at(&fixture, 0), 2 * (43 + 10 + 3 * 5));
    fixture.chip.costs.flag_hit = 20;
    assert_int_equal(cycles_at(&fixture, 0), 2 * 68); // 10 + 15 + 2 x 20 = 65 is still less
    fixture.chip.costs.flag_hit = 22;
    assert_int_equal(cycles_at(&fixture, 0), 2 * 69);
    close_fixture(&fixture);
}

// 2 samples x 6 slots on 4 tiles: 3 vertices a tile; 8 slots dead, 45 alive. Slots 0 1 2 and 6 are
// alive.
static void only_slots_in_use_are_reduced(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = {.codelet = CODELET_reduce_stage1,
                                 .dealing = DEAL_SLOTS,
                                 .place = tile_map_range(0, 4),
                                 .items = 4,
                                 .groups = 1,
                                 .sizes = {24, 0, 0, 0},
                                 .list = LIST_LISTED};
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 6 * 45);
    assert_int_equal(cycles_at(&fixture, 1), 6 * 8);
    fixture.chip.tile.contexts = 2; // workers have 2 and 1 vertices; tile 0 has all 3 alive
    assert_int_equal(cycles_at(&fixture, 0), 2 * 90);
    fixture.program->groups[0].list = LIST_SPIKES; // only slots 0 and 1
    assert_int_equal(cycles_at(&fixture, 0), 2 * (45 + 8));
    close_fixture(&fixture);
}

static uint32_t count_general(const struct fixture *fixture)
{
    struct folded_set *set =
        folded_set_create(&fixture->chip, fixture->program, &fixture->program->compute_sets[0]);
    uint32_t general = folded_set_general_groups(set);
    folded_set_destroy(set);
    return general;
}

static void groups_that_share_a_tile_are_summed_there(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    struct vertex_group group = state_gradient(6);
    program_add_group(fixture.program, &group);
    assert_int_equal(count_general(&fixture), 0);
    program_add_group(fixture.program, &group); // workers 2 and 3 of the same tiles
    assert_int_equal(count_general(&fixture), 2);
    assert_int_equal(cycles_at(&fixture, 0), 6 * (10 + 3 * 5 + 2 * 40));
    fixture.chip.tile.contexts = 2; // now both groups' vertices of sample 0 run on worker 0
    assert_int_equal(cycles_at(&fixture, 0), 2 * 2 * (10 + 3 * 5 + 2 * 40));
    close_fixture(&fixture);
}

static void items_that_wrap_around_their_map_are_summed_on_their_tile(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    fixture.chip.tile.contexts = 1;
    struct vertex_group group = state_gradient(6);
    group.place = tile_map_range(3, 3); // items 0 and 3, 1 and 4, 2 and 5
    program_add_group(fixture.program, &group);
    assert_int_equal(count_general(&fixture), 1);
    // two items of two vertices: 4 x 10, 2 x (3 + 1) x 5; ids 0 and 1 lie on the first tile
    assert_int_equal(cycles_at(&fixture, 0), 40 + 40 + 80);
    close_fixture(&fixture);
}

static void fractions_of_slots_round_up_once_for_the_set(void **state)
{
    (void)state;
    struct fixture fixture = open_fixture();
    fixture.chip.costs.threshold_flags = 0.3;
    struct vertex_group group = even(CODELET_threshold_flags, 1, 7);
    program_add_group(fixture.program, &group);
    assert_int_equal(cycles_at(&fixture, 0), 4); // 6 x 0.6 = 3.6, not 2 x ceil(1.8)
    close_fixture(&fixture);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seventh_vertex_costs_a_second_turn_of_six_workers),
        cmocka_unit_test(the_slowest_tile_decides_and_an_empty_set_takes_nothing),
        cmocka_unit_test(launches_cost_per_set_and_per_vertex),
        cmocka_unit_test(a_multi_worker_vertex_adds_to_every_worker_and_takes_no_place),
        cmocka_unit_test(hits_on_one_worker_of_one_tile_decide),
        cmocka_unit_test(hits_of_two_samples_add_up_where_they_share_a_worker),
        cmocka_unit_test(before_the_first_time_step_there_is_nothing_to_read),
        cmocka_unit_test(segments_scan_their_interval_and_count_hits_in_it),
        cmocka_unit_test(only_slots_in_use_are_reduced),
        cmocka_unit_test(groups_that_share_a_tile_are_summed_there),
        cmocka_unit_test(items_that_wrap_around_their_map_are_summed_on_their_tile),
        cmocka_unit_test(fractions_of_slots_round_up_once_for_the_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

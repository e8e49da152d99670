// The anatomy of programs made by hand, against sums by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/engine/vertices.h"
#include "sim/run/anatomy.h"
#include "tests/sim/fixture_chip.h"

// Two tiles of 3 and 8 vertices of 20 slots: on six workers one and two rounds.
static void the_slower_of_two_tiles_is_named_with_its_vertices(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct program *program =
        program_create("by hand", 2, 1, 1, 1, (uint32_t[]){8}, (uint32_t[]){8});
    program_begin_compute(program, "flags");
    struct vertex_group group = {.codelet = CODELET_threshold_flags,
                                 .dealing = DEAL_EVEN,
                                 .place = tile_map_range(0, 1),
                                 .items = 1,
                                 .vertices = 3};
    program_add_group(program, &group);
    group.place = tile_map_range(1, 1);
    group.vertices = 8;
    program_add_group(program, &group);
    struct machine *machine = machine_create(&chip, program);
    const struct activity *no_record = NULL;
    const struct observed_tiles observed = {.name = "by hand",
                                            .chip = &chip,
                                            .program = program,
                                            .machine = machine,
                                            .records = &no_record,
                                            .record_count = 1};
    struct anatomy anatomy = {0};
    char *why = NULL;
    assert_true(anatomy_observe_tiles(&observed, &anatomy, &why));
    const struct anatomy_step *step = &anatomy.machines[0].steps[0];
    assert_int_equal(step->cycles, 240); // 2 of 20 slots on workers 0 and 1, 6 cycles a slot
    assert_int_equal(step->tile.slowest_tile, 1);
    assert_int_equal(step->tile.tiles, 2);
    assert_int_equal(step->tile.fixed_cycles, 240);
    assert_int_equal(step->tile.activity_cycles, 0);
    assert_int_equal(step->tile.work[0].vertices, 8);
    assert_string_equal(step->tile.work[0].codelet, "threshold_flags");
    assert_true(fabs(step->tile.slowest_occupancy - 160.0 / 240) < 1e-12);
    assert_true(fabs(step->tile.mean_occupancy - (160.0 + 60) / 480) < 1e-12);
    assert_true(fabs(step->tile.mean_cycles - (240 + 120) / 2.0) < 1e-12);
    assert_true(step->tile.worker_slots[1] == 40 && step->tile.worker_slots[2] == 20);
    assert_int_equal(anatomy.machines[0].busy_cycles[0], 120);
    anatomy_free(&anatomy);
    machine_destroy(machine);
    program_destroy(program);
}

// State gradients of 12 neurons on two tiles, whose ids are drawn: which tile is slower changes.
static struct program *gradients_of(uint32_t time_steps)
{
    const uint32_t neurons = 12, slots = 6;
    struct program *program = program_create("gradients", 2, 2, time_steps, 1, &neurons, &slots);
    program_begin_loop(program, time_steps, 0, 1);
    program_begin_compute(program, "state gradient");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_state_gradient,
                                                      .dealing = DEAL_SAMPLES,
                                                      .place = tile_map_range(0, 2),
                                                      .items = 2,
                                                      .samples_per_vertex = 1,
                                                      .ids_per_item = 6,
                                                      .list = LIST_LISTED});
    program_end_loop(program);
    return program;
}

// The most that a tile's busy cycles differ from those of all its executions.
static double busy_error(uint32_t time_steps)
{
    const uint32_t neurons = 12, slots = 6;
    struct chip_config chip = fixture_chip();
    struct program *program = gradients_of(time_steps);
    struct activity *record = activity_create_blank(1, &neurons, &slots, time_steps, 2);
    activity_draw(record, &(struct activity_fill){.input_spikes = 0.5}, 1, 0);
    struct machine *machine = machine_create(&chip, program);
    const struct activity *replayed = record;
    const struct observed_tiles observed = {.name = "gradients",
                                            .chip = &chip,
                                            .program = program,
                                            .machine = machine,
                                            .records = &replayed,
                                            .record_count = 1};
    struct anatomy anatomy = {0};
    char *why = NULL;
    assert_true(anatomy_observe_tiles(&observed, &anatomy, &why));
    double error = 0;
    for (uint32_t tile = 0; tile < 2; tile++) {
        uint64_t scratch[6], busy_cycles = anatomy.machines[0].busy_cycles[tile], all_cycles = 0;
        assert_int_equal(chip.tile.contexts, 6);
        for (uint32_t t = 0; t < time_steps; t++) {
            all_cycles += vertices_tile_cycles(&chip, program, &program->compute_sets[0], record, t,
                                               tile, scratch);
        }
        assert_true(busy_cycles <= anatomy.machines[0].compute_cycles);
        error = fmax(error, fabs((double)busy_cycles / (double)all_cycles - 1));
    }
    anatomy_free(&anatomy);
    machine_destroy(machine);
    activity_destroy(record);
    program_destroy(program);
    return error;
}

// By hand: a broadcast, which its sender hears as well; three words of two tiles to three others;
// one message to a tile itself and one to the next.
static void every_tile_has_the_messages_that_it_sends_and_receives(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip(); // 4 bytes a cycle, two tiles on a bus
    struct program *program = program_create("by hand", 5, 1, 1, 0, NULL, NULL);
    program_begin_exchange(program, "x");
    program_add_flow(program, &(struct flow){.kind = FLOW_BROADCAST,
                                             .source = tile_map_range(0, 1),
                                             .source_count = 1,
                                             .destination = tile_map_range(0, 3),
                                             .destination_count = 4, // tile 0 again
                                             .bytes = 40});
    program_add_flow(program, &(struct flow){.kind = FLOW_REDISTRIBUTE,
                                             .source = tile_map_range(0, 2),
                                             .source_count = 2,
                                             .destination = tile_map_range(2, 3),
                                             .destination_count = 3,
                                             .bytes = 12});
    program_add_flow(program, &(struct flow){.kind = FLOW_ALL_TO_ALL,
                                             .source = tile_map_range(4, 1),
                                             .source_count = 1,
                                             .destination = tile_map_range(3, 2),
                                             .destination_count = 2,
                                             .bytes = 8});
    struct exchange_load loads[5];
    messages_all_tiles(&chip, program, &program->exchanges[0], loads);
    // words 0 and 1 leave tile 0 for tiles 2 and 3, word 2 leaves tile 1 for tile 4
    static const uint64_t sent[] = {1 + 2, 1, 0, 0, 1}, received[] = {0, 1, 1 + 1, 1 + 1, 1};
    static const uint64_t out_cycles[] = {10 + 2, 1, 0, 0, 2},
                          in_cycles[] = {0, 10, 10 + 1, 1 + 2, 1};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(loads[i].sent_messages, sent[i]);
        assert_int_equal(loads[i].received_messages, received[i]);
        assert_int_equal(loads[i].out_cycles, out_cycles[i]);
        assert_int_equal(loads[i].in_cycles, in_cycles[i]);
    }
    program_destroy(program);
}

static void of_a_long_sequence_some_executions_stand_for_all(void **state)
{
    (void)state;
    assert_true(busy_error(250) == 0);
    assert_true(busy_error(251) > 0);
    assert_true(busy_error(251) < 0.1);
    assert_true(busy_error(4001) < 0.1);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slower_of_two_tiles_is_named_with_its_vertices),
        cmocka_unit_test(every_tile_has_the_messages_that_it_sends_and_receives),
        cmocka_unit_test(of_a_long_sequence_some_executions_stand_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

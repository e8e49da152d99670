// What the parent says of a timing run in a child process that fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/child.h"
#include "sim/machine.h"
#include "tests/sim/fixture_chip.h"

static void a_child_that_dies_is_reported_with_its_signal(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    uint32_t neurons = 4, slots = 2;
    struct program *program = program_create("needs a record", 16, 1, 1, 1, &neurons, &slots);
    program_begin_compute(program, "reads");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_lif_update,
                                                      .dealing = DEAL_SAMPLES,
                                                      .place = tile_map_range(0, 2),
                                                      .items = 2,
                                                      .sizes = {2, 4, 4, 0},
                                                      .samples_per_vertex = 1,
                                                      .list = LIST_SPIKES});
    struct machine *machine = machine_create(&chip, program);
    const struct activity *no_record = NULL;
    struct machine_time time;
    char *why = NULL;
    assert_false(machine_time_folded(machine, &no_record, 1, &time, &why));
    assert_string_equal(why, "the folded timing run died of signal 6 (Aborted)");
    free(why);
    machine_destroy(machine);
    program_destroy(program);
}

static bool wait_for_ever(void *context, void *result)
{
    (void)context, (void)result;
    return false; // what the engines say of a deadlock
}

static void a_deadlock_is_reported_as_one(void **state)
{
    (void)state;
    char *why = NULL;
    assert_false(child_run(wait_for_ever, NULL, NULL, 0, "the run", &why));
    assert_string_equal(why, "the run stopped before its end: its actors wait for each other");
    free(why);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_dies_is_reported_with_its_signal),
        cmocka_unit_test(a_deadlock_is_reported_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

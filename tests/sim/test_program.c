// Building programs, counting their supersteps, and refusing wrong ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/child.h"
#include "sim/program.h"

static const uint32_t neurons[] = {10, 20}, slots[] = {4, 6};

// A small program that uses every kind of step and dealing, and is right.
static struct program *right_program(void)
{
    struct program *program = program_create("right", 16, 3, 5, 2, neurons, slots);
    program_add_host(program, HOST_TO_CHIP, 100);
    program_begin_loop(program, 5, 0, 1);
    program_begin_compute(program, "dynamic");
    const struct vertex_group groups[] = {
        {.dealing = DEAL_SAMPLES,
         .items = 10,
         .samples_per_vertex = 2,
         .ids_per_item = 2,
         .list = LIST_LISTED,
         .layer = 1,
         .place = tile_map_range(6, 10)},
        {.dealing = DEAL_SEGMENTS,
         .items = 6,
         .parts = 2,
         .vertices = 3,
         .list = LIST_SPIKES,
         .place = {.first = 1, .positions = 5, .span = 15, .is_spread = true}},
        {.dealing = DEAL_SLOTS,
         .items = 4,
         .groups = 2,
         .list = LIST_NEAR,
         .time_offset = -1,
         .place = tile_map_range(0, 4)},
    };
    for (uint32_t i = 0; i < 3; i++) {
        program_add_group(program, &groups[i]);
    }
    program_begin_exchange(program, "exchange");
    const struct flow flow = {.kind = FLOW_PAIRS,
                              .source = tile_map_range(0, 8),
                              .source_count = 8,
                              .destination = tile_map_range(8, 8),
                              .destination_count = 8,
                              .bytes = 4};
    program_add_flow(program, &flow);
    program_end_loop(program);
    const struct variable variable = {.name = (char *)"weights",
                                      .role = VARIABLE_PARAMETER,
                                      .place = tile_map_range(0, 16),
                                      .items = 16,
                                      .first_step = LIVE_ALWAYS,
                                      .last_step = LIVE_ALWAYS};
    program_add_variable(program, &variable);
    return program;
}

static void a_built_program_holds_what_was_added_in_order(void **state)
{
    (void)state;
    struct program *program = right_program();
    program_verify(program);
    assert_int_equal(program->step_count, 5);
    assert_int_equal(program->steps[1].kind, STEP_LOOP_BEGIN);
    assert_int_equal(program->steps[2].kind, STEP_COMPUTE);
    assert_int_equal(program->compute_sets[0].group_count, 3);
    assert_int_equal(program->groups[1].dealing, DEAL_SEGMENTS);
    assert_int_equal(program->exchanges[0].flow_count, 1);
    assert_string_equal(program->variables[0].name, "weights");
    program_destroy(program);
}

static void arrays_keep_their_content_while_they_grow(void **state)
{
    (void)state;
    struct program *program = program_create("long", 1, 1, 1, 0, NULL, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(program_begin_compute(program, "set"), i);
        program_add_group(program, &(struct vertex_group){
                                       .items = 1, .place = tile_map_range(0, 1), .vertices = i});
    }
    program_verify(program);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(program->compute_sets[i].first_group, i);
        assert_int_equal(program->groups[i].vertices, i);
    }
    program_destroy(program);
}

static void maps_place_items_in_a_row_or_spread_and_wrap_around(void **state)
{
    (void)state;
    const struct tile_map row = tile_map_range(3, 4);
    assert_int_equal(tile_map_at(&row, 2), 5);
    assert_int_equal(tile_map_at(&row, 6), 5);
    const struct tile_map spread = {.first = 1, .positions = 4, .span = 10, .is_spread = true};
    const uint32_t expected[] = {1, 3, 6, 8, 1};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(tile_map_at(&spread, i), expected[i]);
    }
}

// --- wrong programs -----------------------------------------------------------------------------
static bool verify_quietly(void *program, void *result)
{
    (void)result;
    return freopen("/dev/null", "w", stderr) != NULL && (program_verify(program), true);
}

// program_verify aborts on it. Destroys the program.
static void expect_refused(struct program *program, const char *what)
{
    char *why = NULL;
    char nothing;
    if (child_run(verify_quietly, program, &nothing, 0, "verify", &why)) {
        fail_msg("%s was not refused", what);
    }
    if (strstr(why, "signal 6") == NULL) {
        fail_msg("%s: %s", what, why);
    }
    free(why);
    program_destroy(program);
}

// Damages one field of the right program, and expects that it is refused.
#define REFUSES(lvalue, value)                         \
    do {                                               \
        struct program *program = right_program();     \
        lvalue = value;                                \
        expect_refused(program, #lvalue " = " #value); \
    } while (0)

static void groups_that_leave_the_chip_or_the_record_are_refused(void **state)
{
    (void)state;
    REFUSES(program->groups[0].place.positions, 11);
    REFUSES(program->groups[0].place.positions, 0);
    REFUSES(program->groups[1].place.span, 20);
    REFUSES(program->groups[1].place.span, 4); // fewer tiles than positions
    REFUSES(program->groups[0].layer, 2);
    REFUSES(program->groups[0].time_offset, 1); // the last turn would read time step 5 of 5
    REFUSES(program->groups[0].items, 0);
    REFUSES(program->groups[0].codelet, CODELET_COUNT);
    REFUSES(program->groups[0].samples_per_vertex, 0);
    REFUSES(program->groups[1].items, 7); // not batch x parts
    REFUSES(program->groups[1].vertices, 0);
    REFUSES(program->groups[2].groups, 0);
}

static void flows_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    REFUSES(program->flows[0].destination.positions, 9);
    REFUSES(program->flows[0].destination_count, 7); // pairs of unequal number
    REFUSES(program->flows[0].source_count, 0);
    REFUSES(program->exchanges[0].flow_count, 2);
}

static void listed_tiles_ascend_on_the_chip_and_are_for_flows_alone(void **state)
{
    (void)state;
    static const uint32_t right[] = {0, 2, 5}, twice[] = {0, 2, 2}, far[] = {0, 2, 16};
    REFUSES(program->flows[0].destination, tile_map_list(twice, 3));
    REFUSES(program->flows[0].destination, tile_map_list(far, 3));
    REFUSES(program->groups[0].place, tile_map_list(right, 3));
    REFUSES(program->variables[0].place, tile_map_list(right, 3));
    struct program *program = right_program();
    program->flows[0].destination = tile_map_list(right, 3);
    program_verify(program);
    program_destroy(program);
}

static void steps_and_loops_that_do_not_close_are_refused(void **state)
{
    (void)state;
    REFUSES(program->step_count, 4);                // the loop does not end
    REFUSES(program->steps[1].kind, STEP_LOOP_END); // ends what was not begun
    REFUSES(program->steps[2].index, 1);
    REFUSES(program->steps[1].loop_first, 1); // would read beyond the record
    REFUSES(program->compute_sets[0].group_count, 4);
}

static void variables_outside_chip_or_program_are_refused(void **state)
{
    (void)state;
    REFUSES(program->variables[0].place.positions, 17);
    REFUSES(program->variables[0].last_step, 3);
    REFUSES(program->variables[0].role, VARIABLE_ROLE_COUNT);
}

static void a_loop_of_no_turns_may_read_anything(void **state)
{
    (void)state;
    struct program *program = right_program();
    program->steps[1].loop_count = 0;
    program->groups[0].time_offset = 1;
    program_verify(program);
    program_destroy(program);
}

static void codelets_and_roles_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(codelet_name(CODELET_lif_update), "lif_update");
    assert_non_null(codelet_name(CODELET_COUNT - 1));
    assert_null(codelet_name(CODELET_COUNT));
    assert_string_equal(codelet_sizes_doc(CODELET_fill), "words");
    assert_string_equal(element_type_name(TYPE_float16), "float16");
    assert_int_equal(element_type_bytes(TYPE_float16), 2);
    assert_string_equal(operation_name(OPERATION_log_add), "log_add");
    assert_null(operation_name(OPERATION_COUNT));
    assert_string_equal(variable_role_name(VARIABLE_HISTORY), "history");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_built_program_holds_what_was_added_in_order),
        cmocka_unit_test(arrays_keep_their_content_while_they_grow),
        cmocka_unit_test(maps_place_items_in_a_row_or_spread_and_wrap_around),
        cmocka_unit_test(groups_that_leave_the_chip_or_the_record_are_refused),
        cmocka_unit_test(flows_that_do_not_fit_are_refused),
        cmocka_unit_test(listed_tiles_ascend_on_the_chip_and_are_for_flows_alone),
        cmocka_unit_test(steps_and_loops_that_do_not_close_are_refused),
        cmocka_unit_test(variables_outside_chip_or_program_are_refused),
        cmocka_unit_test(a_loop_of_no_turns_may_read_anything),
        cmocka_unit_test(codelets_and_roles_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

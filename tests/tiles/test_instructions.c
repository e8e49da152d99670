// Costs counted from instructions, against numbers worked out by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/sim/fixture_chip.h"
#include "tiles/codelets/codelets.h"
#include "tiles/codelets/compiled.h"
#include "tiles/codelets/instructions.h"

static uint64_t millislots(struct instructions instructions, enum schedule schedule)
{
    struct chip_config chip = fixture_chip();
    return instructions_millislots(&instructions, schedule, &chip);
}

static uint64_t alone(enum codelet codelet, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    struct chip_config chip = fixture_chip();
    const uint32_t sizes[VERTEX_SIZES] = {a, b, c, d};
    return vertex_cycles_alone(codelet, sizes, &chip);
}

static void the_fuller_of_the_two_streams_counts(void **state)
{
    (void)state;
    struct instructions memory = {.loads = 2, .stores = 1, .floats = 2};
    assert_int_equal(millislots(memory, SCHEDULE_REPEAT), 3000);
    struct instructions arithmetic = {.loads = 2, .stores = 1, .floats = 4 * FLOAT_SLOTS_DIVIDE};
    assert_int_equal(millislots(arithmetic, SCHEDULE_REPEAT), 12000);
}

static void a_compiled_loop_pays_its_control_in_the_main_stream(void **state)
{
    (void)state;
    struct instructions triad = {.loads = 2, .stores = 1, .floats = 2};
    assert_int_equal(millislots(triad, SCHEDULE_LOOP), 6000);
    triad.floats = 6; // hidden behind memory and control
    assert_int_equal(millislots(triad, SCHEDULE_LOOP), 6000);
    triad.floats = 7;
    assert_int_equal(millislots(triad, SCHEDULE_LOOP), 7000);
}

static void a_half_store_reads_merges_and_writes_a_word(void **state)
{
    (void)state;
    struct instructions whole = {.loads = 2, .stores = 1, .floats = 2};
    struct instructions half = {.loads = 2, .half_stores = 1, .floats = 2};
    assert_int_equal(millislots(half, SCHEDULE_LOOP), millislots(whole, SCHEDULE_LOOP) + 2000);
}

static void the_first_value_beyond_the_registers_costs_a_store_and_a_load(void **state)
{
    (void)state;
    struct instructions fits = {.loads = 4, .stores = 1, .live_integers = 12, .live_floats = 8};
    assert_int_equal(millislots(fits, SCHEDULE_LOOP), 8000);
    struct instructions spills = fits;
    spills.live_floats = 9;
    assert_int_equal(millislots(spills, SCHEDULE_LOOP), 10000);
    spills.live_integers = 13;
    assert_int_equal(millislots(spills, SCHEDULE_LOOP), 12000);
}

static void assembly_combines_what_the_placement_allows(void **state)
{
    (void)state;
    struct instructions triad = {.loads = 2, .stores = 1, .floats = 1};
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT), 3000);
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_APART), 2000);
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_INTERLEAVED), 1000);
    triad.loads = 3;
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_APART), 3000);
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_INTERLEAVED), 2000);
    triad = (struct instructions){.loads = 1, .stores = 2, .floats = 1};
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_APART), 2000);
    assert_int_equal(millislots(triad, SCHEDULE_REPEAT_INTERLEAVED), 2000);
}

// Parendi's regression on hardware (arXiv 2403.04714): 4.17 for a 32-bit and, or, xor of two values
// in memory, 8.17 for a 64-bit one.
static void generated_logic_costs_its_loads_its_operation_and_its_store(void **state)
{
    (void)state;
    struct instructions word = {.loads = 2, .stores = 1, .integers = 1};
    assert_int_equal(millislots(word, SCHEDULE_STRAIGHT), 4000);
    struct instructions two_words = {.loads = 4, .stores = 2, .integers = 2};
    assert_int_equal(millislots(two_words, SCHEDULE_STRAIGHT), 8000);
}

static void a_chain_of_instructions_that_wait_bounds_an_iteration(void **state)
{
    (void)state;
    struct instructions chained = {.loads = 4, .stores = 1, .floats = 10, .chain = 12};
    assert_int_equal(millislots(chained, SCHEDULE_STRAIGHT), 12000);
    chained.chain = 3;
    assert_int_equal(millislots(chained, SCHEDULE_STRAIGHT), 10000);
}

// Loops of sparse BPTT, as their published C++ has them; docs/machine.md holds them beside the chip
// file's costs. A counter that the source keeps in memory, or a value that a store may have
// changed, is loaded again.
static void loops_of_sparse_bptt_count_to(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct instructions instructions;
        enum schedule schedule;
        uint32_t slots;
    } loops[] = {
        {"F3, id and pair", {.loads = 2, .floats = 1, .chain = 3}, SCHEDULE_LOOP, 5},
        {"F6, flag", {.loads = 1, .integers = 2}, SCHEDULE_LOOP, 6},
        {"F6, flag set", {.stores = 1, .integers = 3}, SCHEDULE_STRAIGHT, 4},
        {"F7 and F8, id", {.loads = 1, .stores = 1, .integers = 1}, SCHEDULE_LOOP, 6},
        {"B4, id scanned", {.loads = 2, .integers = 3}, SCHEDULE_LOOP, 8},
        {"B4, own id",
         {.loads = 4, .stores = 1, .floats = 7 + FLOAT_SLOTS_DIVIDE, .chain = 12},
         SCHEDULE_STRAIGHT,
         12},
        {"B7, id and pair", {.loads = 3, .stores = 1, .floats = 1, .chain = 4}, SCHEDULE_LOOP, 7},
        {"B8, id and pair", {.loads = 4, .stores = 1, .floats = 2, .chain = 5}, SCHEDULE_LOOP, 8},
        {"B9, pair of partials", {.loads = 1, .floats = 1}, SCHEDULE_LOOP, 4},
    };
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        uint64_t slots = millislots(loops[i].instructions, loops[i].schedule) / 1000;
        if (slots != loops[i].slots) {
            fail_msg("%s: %u slots", loops[i].name, (unsigned)slots);
        }
    }
}

// --- vertices -----------------------------------------------------------------------------------
static void triads_cost_what_their_loops_say(void **state)
{
    (void)state;
    // vertex start 10, two words each of three arrays and the factor 7
    assert_int_equal(alone(CODELET_stream, 100, STREAM_TRIAD, STREAM_COMPILED, 4),
                     6 * (17 + 100 * 6));
    assert_int_equal(alone(CODELET_stream, 100, STREAM_TRIAD, STREAM_COMPILED, 2),
                     6 * (17 + 100 * 8));
    // all workers: 11 cycles; 4 integers more; 100 vectors of 64 bits a worker
    assert_int_equal(alone(CODELET_stream, 1200, STREAM_TRIAD, STREAM_LIBRARY, 4),
                     11 + 6 * (21 + 100 * 6));
    assert_int_equal(alone(CODELET_stream, 2400, STREAM_TRIAD, STREAM_LIBRARY, 2),
                     11 + 6 * (21 + 100 * 6));
    assert_int_equal(alone(CODELET_stream, 200, STREAM_TRIAD, STREAM_ASSEMBLY, 4), 6 * (17 + 100));
    assert_int_equal(alone(CODELET_stream, 200, STREAM_TRIAD, STREAM_ASSEMBLY_APART, 4),
                     6 * (17 + 200));
    assert_int_equal(alone(CODELET_stream, 200, STREAM_TRIAD, STREAM_ASSEMBLY_ANYWHERE, 4),
                     6 * (17 + 300));
}

static void a_copy_has_one_operand_and_no_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(alone(CODELET_stream, 100, STREAM_COPY, STREAM_COMPILED, 4),
                     6 * (15 + 100 * 5));
    assert_int_equal(alone(CODELET_stream, 100, STREAM_SCALE, STREAM_COMPILED, 4),
                     6 * (15 + 100 * 5));
}

static void the_library_copies_scales_and_adds_in_one_two_and_three_slots(void **state)
{
    (void)state;
    const enum stream_kernel kernels[] = {STREAM_COPY, STREAM_SCALE, STREAM_ADD};
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t shorter = alone(CODELET_stream, 1200, kernels[i], STREAM_LIBRARY, 4);
        uint64_t longer = alone(CODELET_stream, 2400, kernels[i], STREAM_LIBRARY, 4);
        assert_int_equal(longer - shorter, 6 * 100 * (i + 1));
    }
}

static void a_stencil_counts_nine_loads_and_a_store_per_vector(void **state)
{
    (void)state;
    // One more column: two rows of the edge and those between, one cell each.
    uint64_t narrow = alone(CODELET_stencil3x3, 12, 64, STENCIL_HALF4, 0);
    assert_int_equal(alone(CODELET_stencil3x3, 12, 65, STENCIL_HALF4, 0) - narrow, 6 * 12 * 13);
    narrow = alone(CODELET_stencil3x3, 12, 64, STENCIL_FLOAT2, 0);
    assert_int_equal(alone(CODELET_stencil3x3, 12, 65, STENCIL_FLOAT2, 0) - narrow, 6 * 12 * 23);
    narrow = alone(CODELET_stencil3x3, 12, 64, STENCIL_FLOAT, 0);
    assert_int_equal(alone(CODELET_stencil3x3, 12, 65, STENCIL_FLOAT, 0) - narrow,
                     6 * 12 * (4 * 11)); // arithmetic is the longer by one slot
}

static void a_stencil_of_two_by_two_is_four_corners(void **state)
{
    (void)state;
    // start 10, 12 fields; a corner: 9 loads, 1 store, or 11 of arithmetic, and 9 of addresses; two
    // rows of no cells compute their addresses
    assert_int_equal(alone(CODELET_stencil3x3, 2, 2, STENCIL_HALF4, 0),
                     6 * (22 + 2 * 9 + 4 * (11 + 9)));
}

// TESS, measured on hardware less the 45 cycles of the counter: 1391 and 638.
static void rows_of_linear_algebra_step_by_vectors_of_a_worker(void **state)
{
    (void)state;
    uint64_t cycles = alone(CODELET_rotation_2d, 504, 0, 0, 0); // 42 vectors a worker
    assert_int_equal(alone(CODELET_rotation_2d, 505, 0, 0, 0) - cycles, 6 * 2 * 2);
    cycles = alone(CODELET_householder_row, 252, 0, 0, 0); // 21 vectors a worker
    assert_int_equal(alone(CODELET_householder_row, 253, 0, 0, 0) - cycles, 6 * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fuller_of_the_two_streams_counts),
        cmocka_unit_test(a_compiled_loop_pays_its_control_in_the_main_stream),
        cmocka_unit_test(a_half_store_reads_merges_and_writes_a_word),
        cmocka_unit_test(the_first_value_beyond_the_registers_costs_a_store_and_a_load),
        cmocka_unit_test(assembly_combines_what_the_placement_allows),
        cmocka_unit_test(generated_logic_costs_its_loads_its_operation_and_its_store),
        cmocka_unit_test(a_chain_of_instructions_that_wait_bounds_an_iteration),
        cmocka_unit_test(loops_of_sparse_bptt_count_to),
        cmocka_unit_test(triads_cost_what_their_loops_say),
        cmocka_unit_test(a_copy_has_one_operand_and_no_arithmetic),
        cmocka_unit_test(the_library_copies_scales_and_adds_in_one_two_and_three_slots),
        cmocka_unit_test(a_stencil_counts_nine_loads_and_a_store_per_vector),
        cmocka_unit_test(a_stencil_of_two_by_two_is_four_corners),
        cmocka_unit_test(rows_of_linear_algebra_step_by_vectors_of_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

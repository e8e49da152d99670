// The clock of one chip: what prefetch hides and what it does not, which sets pay a sync, and what
// shares tell.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/sim/engines_fixture.h"
#include "tests/sim/fixture_chip.h"

// One set of `compute_vertices` behind a batch of `bytes`.
static struct program *fed_program(uint32_t compute_vertices, uint64_t bytes)
{
    struct program *program = program_create("fed", 16, 1, 1, 0, NULL, NULL);
    program_add_host(program, HOST_TO_CHIP, bytes);
    program_begin_compute(program, "work");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_loop_counter,
                                                      .dealing = DEAL_EVEN,
                                                      .place = tile_map_range(0, 1),
                                                      .items = 1,
                                                      .vertices = compute_vertices});
    return program;
}

static struct machine_time time_fed(const struct chip_config *chip, struct program *program,
                                    uint32_t record_count)
{
    struct machine *machine = machine_create(chip, program);
    const struct activity *records[8] = {NULL};
    struct machine_time folded, detailed;
    char *why = NULL;
    assert_true(machine_time_folded(machine, records, record_count, &folded, &why));
    assert_true(machine_time_detailed(machine, records, record_count, &detailed, &why));
    expect_equal_times(&folded, &detailed, 0);
    machine_time_free(&detailed);
    machine_time_free(&folded);
    machine_destroy(machine);
    program_destroy(program);
    return folded;
}

// 6 vertices of 43 slots, one on each worker: 258 cycles. 1 byte per cycle.
static void prefetch_hides_a_batch_that_is_shorter_than_the_step(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct machine_time time = time_fed(&chip, fed_program(6, 200), 1);
    assert_true(time.compute_cycles == 258);
    assert_true(time.host_cycles == 0);
}

static void a_batch_longer_than_the_step_sets_the_pace(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct machine_time time = time_fed(&chip, fed_program(6, 1000), 1);
    assert_true(time.cycles == 1000);
    assert_true(time.host_cycles == 1000 - 258);
    time = time_fed(&chip, fed_program(6, 1000), 8);
    assert_true(time.cycles == 1000);
}

static void without_prefetch_the_chip_waits_for_latency_and_bytes(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.host.prefetch_depth = 0;
    chip.host.latency_seconds = 50e-9;
    struct machine_time time = time_fed(&chip, fed_program(6, 200), 2);
    assert_true(time.host_cycles == 250);
    assert_true(time.cycles == 250 + 258);
}

static void a_fractional_transfer_ends_at_the_next_whole_cycle(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    chip.host.prefetch_depth = 0;
    chip.host.bytes_per_second = 3e9; // 100 bytes take 33.3 cycles
    struct machine_time time = time_fed(&chip, fed_program(6, 100), 3);
    assert_true(time.host_cycles == 34);
}

static void results_leave_while_the_next_step_runs(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct program *program = fed_program(6, 10);
    program_add_host(program, CHIP_TO_HOST, 100);
    assert_true(time_fed(&chip, program, 4).host_cycles == 0);
    chip.host.prefetch_depth = 0;
    program = fed_program(6, 10);
    program_add_host(program, CHIP_TO_HOST, 100);
    assert_true(time_fed(&chip, program, 4).host_cycles == 110);
}

// --- sync and shares ----------------------------------------------------------------------------
// compute, then 3 turns of (exchange, compute, compute): 7 compute sets of 258 cycles.
static struct program *synced_program(void)
{
    struct program *program = program_create("synced", 16, 1, 1, 0, NULL, NULL);
    const struct vertex_group group = {.codelet = CODELET_loop_counter,
                                       .dealing = DEAL_EVEN,
                                       .place = tile_map_range(0, 1),
                                       .items = 1,
                                       .vertices = 1};
    program_begin_compute(program, "first");
    program_add_group(program, &group);
    program_begin_loop(program, 3, 0, 0);
    program_begin_exchange(program, "exchange");
    program_begin_compute(program, "second");
    program_add_group(program, &group);
    program_begin_compute(program, "third");
    program_add_group(program, &group);
    program_end_loop(program);
    return program;
}

static void an_exchange_pays_a_sync_and_a_set_only_if_the_chip_says_so(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct machine_time time = time_fed(&chip, synced_program(), 2);
    assert_true(time.compute_cycles == 7 * 258);
    assert_true(time.sync_cycles == 3 * 100); // an exchange without messages still pays
    assert_int_equal(time.supersteps, 7);
    chip.exchange.sync_rule = SYNC_BEFORE_EVERY_SET;
    time = time_fed(&chip, synced_program(), 2);
    assert_true(time.sync_cycles == (1 + 3 + 3) * 100); // first, exchange, third: not second
}

static void shares_name_every_step_and_add_up_to_the_total(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct program *program = synced_program();
    program_add_host(program, HOST_TO_CHIP, 10000);
    struct machine *machine = machine_create(&chip, program);
    const struct activity *records[3] = {NULL};
    struct machine_time time;
    char *why = NULL;
    assert_true(machine_time_folded(machine, records, 3, &time, &why));
    const char *const names[] = {"first", "exchange", "second", "third", "host to chip"};
    const uint64_t times[] = {1, 3, 3, 3, 1}, cycles[] = {258, 300, 774, 774, 10000 - 2106};
    assert_int_equal(time.share_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(time.shares[i].name, names[i]);
        assert_int_equal(time.shares[i].times, times[i]);
        assert_true(time.shares[i].cycles == (double)cycles[i]);
    }
    assert_true(time.cycles == 10000);
    machine_time_free(&time);
    machine_destroy(machine);
    program_destroy(program);
}

static void replays_without_a_clock_add_up(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    struct program *program = synced_program();
    struct machine *machine = machine_create(&chip, program);
    struct machine_time time = {0};
    machine_add_folded_cycles(machine, NULL, &time);
    machine_add_folded_cycles(machine, NULL, &time);
    assert_true(time.cycles == 2 * (7 * 258 + 300));
    assert_int_equal(time.supersteps, 14);
    machine_destroy(machine);
    program_destroy(program);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefetch_hides_a_batch_that_is_shorter_than_the_step),
        cmocka_unit_test(a_batch_longer_than_the_step_sets_the_pace),
        cmocka_unit_test(without_prefetch_the_chip_waits_for_latency_and_bytes),
        cmocka_unit_test(a_fractional_transfer_ends_at_the_next_whole_cycle),
        cmocka_unit_test(results_leave_while_the_next_step_runs),
        cmocka_unit_test(an_exchange_pays_a_sync_and_a_set_only_if_the_chip_says_so),
        cmocka_unit_test(shares_name_every_step_and_add_up_to_the_total),
        cmocka_unit_test(replays_without_a_clock_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

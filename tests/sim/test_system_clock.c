// Programs on several chips against closed forms: what crosses, what streams, what all chips share
// and sum.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/all_reduce.h"
#include "sim/engine/system_run.h"
#include "sim/err.h"
#include "sim/machine.h"
#include "tests/sim/fixture_system.h"

#define CHIP_TILES 16u
#define TEST(test) cmocka_unit_test_setup_teardown(test, create_fixture, free_fixture)

static struct machine_time time_on(struct fixture_system *fixture, struct parallel_config parallel,
                                   struct program *program, uint32_t record_count)
{
    struct machine *machine = machine_create_on(&fixture->system, &parallel, program);
    const struct activity *records[16] = {NULL};
    struct machine_time time;
    char *why = NULL;
    if (!machine_time_folded(machine, records, record_count, &time, &why)) {
        fail_msg("%s", why);
    }
    double sum_cycles = 0;
    for (uint32_t i = 0; i < time.share_count; i++) {
        sum_cycles += time.shares[i].cycles;
    }
    assert_true(fabs(sum_cycles - time.cycles) <= 1e-9 * time.cycles);
    assert_true(fabs(time.cycles - time.compute_cycles - time.exchange_cycles - time.sync_cycles -
                     time.host_cycles - time.link_cycles - time.memory_cycles) <=
                1e-9 * time.cycles);
    machine_time_free(&time);
    machine_destroy(machine);
    program_destroy(program);
    return time;
}

static struct program *program_on(uint32_t chips)
{
    struct program *program = program_create("systems", chips * CHIP_TILES, 1, 1, 0, NULL, NULL);
    program_place_on_chips(program, chips, CHIP_TILES);
    return program;
}

static void add_pair(struct program *program, uint32_t from, uint32_t to, uint64_t bytes)
{
    program_add_flow(program, &(struct flow){.kind = FLOW_PAIRS,
                                             .source = tile_map_range(from, 1),
                                             .source_count = 1,
                                             .destination = tile_map_range(to, 1),
                                             .destination_count = 1,
                                             .bytes = bytes});
}

// 258 cycles for up to 6 vertices.
static void add_work(struct program *program, uint32_t vertices)
{
    program_begin_compute(program, "work");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_loop_counter,
                                                      .dealing = DEAL_EVEN,
                                                      .place = tile_map_range(0, 1),
                                                      .items = 1,
                                                      .vertices = vertices});
}

static struct parallel_config parallel_of(uint32_t chips, uint32_t replicas)
{
    return (struct parallel_config){.chips = chips, .replicas = replicas};
}

// The state of every test: a system.
static int create_fixture(void **state)
{
    *state = xcalloc(1, sizeof(struct fixture_system));
    return 0;
}

static int free_fixture(void **state)
{
    fixture_system_close(*state);
    free(*state);
    return 0;
}

static struct fixture_system *open_system(void **state, uint32_t chips,
                                          enum system_topology topology)
{
    struct fixture_system *fixture = *state;
    fixture_system_close(fixture); // of the turn before, in a loop
    fixture_system_open(fixture, chips, topology);
    return fixture;
}

// --- words between chips ------------------------------------------------------------------------
// The first word leaves its chip after 50 cycles; 400 bytes hold the ports for 100.
static void a_message_takes_its_way_and_its_words_at_the_rate_of_the_link(void **state)
{
    struct fixture_system *fixture = open_system(state, 2, TOPOLOGY_ALL);
    struct program *program = program_on(2);
    program_begin_exchange(program, "x");
    add_pair(program, 0, CHIP_TILES, 400);
    struct machine_time time = time_on(fixture, parallel_of(2, 1), program, 2);
    assert_true(time.sync_cycles == 100 + 30); // a hop of 15 ns, there and back
    assert_true(time.exchange_cycles == 50 + 100);
    assert_true(time.link_cycles == 50 + 100 + 30 + 200 - 150);
}

static void ports_slower_than_the_link_hide_it(void **state)
{
    struct fixture_system *fixture = open_system(state, 2, TOPOLOGY_ALL);
    struct program *program = program_on(2);
    program_begin_exchange(program, "x");
    add_pair(program, 0, CHIP_TILES, 4);
    add_pair(program, 1, 2, 4000);
    struct machine_time time = time_on(fixture, parallel_of(2, 1), program, 2);
    assert_true(time.exchange_cycles == 60 + 1000);
    assert_true(time.link_cycles == 0);
}

// On a ring of four, chip 0 talks to 2 over 1 and 1 talks to 2: one link of both ways is the same.
// The nearer message has it alone for 30 cycles, then they share.
static void messages_that_share_a_link_share_its_rate(void **state)
{
    struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
    struct program *program = program_on(4);
    program_begin_exchange(program, "x");
    add_pair(program, 0, 2 * CHIP_TILES, 400);
    add_pair(program, CHIP_TILES, 2 * CHIP_TILES + 1, 400);
    struct machine_time time = time_on(fixture, parallel_of(4, 1), program, 2);
    // 800 bytes at 2 bytes per cycle from cycle 50 + 130 on
    assert_true(time.exchange_cycles + time.link_cycles == 50 + 130 + 400);
}

static void messages_on_opposite_ways_do_not_disturb_each_other(void **state)
{
    struct fixture_system *fixture = open_system(state, 2, TOPOLOGY_ALL);
    struct program *program = program_on(2);
    program_begin_loop(program, 5, 0, 0);
    program_begin_exchange(program, "x");
    add_pair(program, 0, CHIP_TILES, 400);
    add_pair(program, CHIP_TILES, 0, 400);
    program_end_loop(program);
    struct machine_time time = time_on(fixture, parallel_of(2, 1), program, 3);
    assert_true(time.link_cycles == 5 * (50 + 130 + 200 - 150));
    assert_true(time.sync_cycles == 5 * 130);
}

// --- host ---------------------------------------------------------------------------------------
// Without a way to host ahead of time: two chips share a slot of 2 bytes per cycle, each alone reaches 1.5.
static void chips_of_a_slot_share_its_rate(void **state)
{
    const double host_cycles[] = {600, 800, 800, 800}; // of chips 1, 2, 3, 4
    for (uint32_t chips = 1; chips <= 4; chips++) {
        struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
        fixture->chip.host.bytes_per_second = 1.5e9;
        fixture->chip.host.latency_seconds = 0;
        fixture->chip.host.prefetch_depth = 0;
        struct program *program = program_on(1);
        program_add_host(program, HOST_TO_CHIP, 800);
        add_work(program, 1);
        struct machine_time time =
            time_on(fixture, parallel_of(chips, chips), program, 2); // one chip each
        // 800 / 1.5 = 533.3 alone
        assert_true(time.host_cycles == (chips == 1 ? 534 : host_cycles[chips - 1]));
    }
}

static struct program *fed_program(uint64_t bytes_in, uint64_t bytes_out)
{
    struct program *program = program_on(1);
    program_add_host(program, HOST_TO_CHIP, bytes_in);
    add_work(program, 6);
    program_add_host(program, CHIP_TO_HOST, bytes_out);
    return program;
}

static void a_system_of_one_chip_is_the_chip(void **state)
{
    for (uint32_t i = 0; i < 12; i++) {
        struct fixture_system *fixture = open_system(state, 1, TOPOLOGY_LINKS);
        fixture->chip.host.bytes_per_second = 0.3e9 + 0.17e9 * (i % 5);
        fixture->chip.host.latency_seconds = 1e-9 * (i % 3) * 77;
        fixture->chip.host.prefetch_depth = i % 3;
        struct machine_time on_system =
            time_on(fixture, parallel_of(1, 1), fed_program(100 + 90 * i, 30 * i), 5);
        struct program *program = fed_program(100 + 90 * i, 30 * i);
        struct machine *machine = machine_create(&fixture->chip, program);
        const struct activity *records[5] = {NULL};
        struct machine_time alone;
        char *why = NULL;
        assert_true(machine_time_folded(machine, records, 5, &alone, &why));
        assert_true(alone.cycles == on_system.cycles);
        assert_true(alone.host_cycles == on_system.host_cycles);
        machine_time_free(&alone);
        machine_destroy(machine);
        program_destroy(program);
    }
}

// --- streaming memory ---------------------------------------------------------------------------
static void add_stream(struct program *program, enum stream_phase phase,
                       enum stream_direction direction, uint64_t chip_bytes)
{
    program_add_stream(program, &(struct program_step){.name = "stream",
                                                       .chip_bytes = chip_bytes,
                                                       .stream_phase = phase,
                                                       .stream_direction = direction});
}

static void a_stream_takes_latency_and_bytes_and_chips_share_the_memory(void **state)
{
    // of a machine of two chips: one alone reaches 3 bytes per cycle, two share 4; other machines
    // have their own
    const double memory_cycles[] = {50 + 400, 50 + 600, 50 + 600, 50 + 600};
    for (uint32_t chips = 1; chips <= 4; chips++) {
        struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
        struct program *program = program_on(chips);
        add_stream(program, STREAM_WHOLE, STREAM_OUT, 1200);
        struct machine_time time = time_on(fixture, parallel_of(chips, 1), program, 2);
        assert_true(time.memory_cycles == memory_cycles[chips - 1]);
    }
}

// With nothing outside, a host, memory: every part of the platform may be missing, and no sum has a
// way to itself.
static void one_chip_of_every_topology_runs(void **state)
{
    const enum system_topology topologies[] = {TOPOLOGY_LINKS, TOPOLOGY_RING, TOPOLOGY_ALL};
    for (uint32_t i = 0; i < 3; i++) {
        struct fixture_system *fixture = open_system(state, 1, topologies[i]);
        struct program *program = program_on(1);
        add_work(program, 6);
        const struct parallel_config alone = parallel_of(1, 1);
        struct machine *machine = machine_create_on(&fixture->system, &alone, program);
        const struct activity *records[2] = {NULL};
        struct machine_time time;
        char *why = NULL;
        assert_true(machine_time_detailed(machine, records, 2, &time, &why));
        assert_true(time.cycles > 0);
        machine_time_free(&time);
        machine_destroy(machine);
        program_destroy(program);
        program = program_on(1);
        add_stream(program, STREAM_WHOLE, STREAM_OUT, 800);
        assert_true(time_on(fixture, parallel_of(1, 1), program, 2).memory_cycles > 0);
        for (uint32_t kind = ALL_REDUCE_RING; kind <= ALL_REDUCE_TWO_LEVEL; kind++) {
            program = fed_program(1000, 3000);
            program_begin_exchange(program, "x");
            add_pair(program, 0, 1, 400);
            program_add_all_reduce(program, "gradients", 800);
            struct parallel_config parallel = parallel_of(1, 1);
            parallel.all_reduce = kind;
            assert_true(time_on(fixture, parallel, program, 2).host_cycles > 0);
        }
    }
}

// Memory behind the way to the host: results leave over the chip's 1.5 bytes per cycle of it while
// states do.
static void memory_behind_the_host_shares_its_way_with_batches(void **state)
{
    for (uint32_t over_host = 0; over_host < 2; over_host++) {
        struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
        fixture->chip.host.bytes_per_second = 1.5e9;
        fixture->chip.host.latency_seconds = 20e-9;
        fixture->chip.host.prefetch_depth = 1;
        fixture->system.streaming.is_over_host = over_host;
        struct program *program = program_on(1);
        program_add_host(program, CHIP_TO_HOST, 600); // goes on while the stream does
        add_stream(program, STREAM_WHOLE, STREAM_OUT, 1200);
        add_work(program, 1);
        struct machine_time time = time_on(fixture, parallel_of(1, 1), program, 1);
        // alone: 50 + 1200 / 3; behind: both latencies, 50 * 1.5 bytes of the result before, then
        // both share
        assert_true(time.memory_cycles == (over_host ? 70 + (600 - 75 + 1200) / 1.5 : 450));
    }
}

// A batch comes ahead while a state goes back in: both have half of the way, training step after
// training step.
static void batches_that_come_ahead_slow_states_behind_the_same_way(void **state)
{
    for (uint32_t depth = 0; depth < 3; depth++) {
        struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
        fixture->chip.host.bytes_per_second = 1.5e9;
        fixture->chip.host.latency_seconds = 0;
        fixture->chip.host.prefetch_depth = depth;
        fixture->system.streaming.is_over_host = true;
        fixture->system.streaming.latency_seconds = 0;
        for (uint32_t steps = 1; steps < 5; steps++) {
            struct program *program = program_on(1);
            program_add_host(program, HOST_TO_CHIP, 600);
            add_stream(program, STREAM_WHOLE, STREAM_IN, 1200);
            add_work(program, 1);
            struct machine_time time = time_on(fixture, parallel_of(1, 1), program, steps);
            assert_true(time.memory_cycles == (depth > 0 ? 1200 : 800));
            assert_true(time.host_cycles == (depth > 0 ? 0 : 400));
        }
    }
}

// Without batches the closed form that plans are chosen by says the same.
static void seconds_of_a_stream_are_those_of_the_clock(void **state)
{
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t chips = 1 + i % 4;
        struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
        fixture->chip.host.bytes_per_second = 0.7e9 + 0.4e9 * (i % 3);
        fixture->chip.host.latency_seconds = 20e-9;
        fixture->system.streaming.is_over_host = i / 4 % 2;
        fixture->system.streaming.chip_bytes_per_second = i / 8 * 2.5e9;
        struct program *program = program_on(1);
        add_stream(program, STREAM_WHOLE, STREAM_OUT, 1200 + 7 * i);
        fixture->system.chips_per_slot = i % 2 == 0 ? 2 : 4;
        uint32_t of_slot =
            chips < fixture->system.chips_per_slot ? chips : fixture->system.chips_per_slot;
        double seconds =
            system_stream_seconds(&fixture->system, 1200 + 7 * i, chips < 2 ? 1 : 2, of_slot);
        struct machine_time time = time_on(fixture, parallel_of(chips, chips), program, 1);
        assert_true(time.memory_cycles == ceil(seconds * 1e9 - 1e-6));
    }
}

static void four_chips_share_the_rate_of_their_memory(void **state)
{
    struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_RING);
    fixture->system.chips_per_machine = 4;
    struct program *program = program_on(1);
    add_stream(program, STREAM_WHOLE, STREAM_IN, 1000);
    assert_true(time_on(fixture, parallel_of(4, 4), program, 3).memory_cycles == 50 + 1000);
}

static struct program *hiding_program(uint64_t bytes)
{
    struct program *program = program_on(1);
    add_stream(program, STREAM_START, STREAM_OUT, bytes);
    add_work(program, 6); // 258 cycles
    add_stream(program, STREAM_WAIT, STREAM_OUT, 0);
    return program;
}

// 3 bytes per cycle and 50 cycles: 624 bytes take 258 cycles.
static void a_put_behind_compute_takes_only_what_is_left_of_it(void **state)
{
    struct fixture_system *fixture = open_system(state, 1, TOPOLOGY_LINKS);
    assert_true(time_on(fixture, parallel_of(1, 1), hiding_program(624), 2).memory_cycles == 0);
    assert_true(time_on(fixture, parallel_of(1, 1), hiding_program(627), 2).memory_cycles == 1);
    struct machine_time time = time_on(fixture, parallel_of(1, 1), hiding_program(3000), 2);
    assert_true(time.memory_cycles == 50 + 1000 - 258);
    assert_true(time.cycles == 50 + 1000);
}

static void transfers_of_a_channel_are_waited_for_in_order(void **state)
{
    struct fixture_system *fixture = open_system(state, 1, TOPOLOGY_LINKS);
    struct program *program = program_on(1);
    add_stream(program, STREAM_WAIT, STREAM_IN, 0); // nothing was started: no wait
    add_stream(program, STREAM_START, STREAM_OUT, 300);
    add_stream(program, STREAM_START, STREAM_OUT, 600);
    add_stream(program, STREAM_WAIT, STREAM_OUT, 0);
    add_stream(program, STREAM_WAIT, STREAM_OUT, 0);
    const struct parallel_config parallel = parallel_of(1, 1);
    struct machine *machine = machine_create_on(&fixture->system, &parallel, program);
    const struct activity *records[1] = {NULL};
    struct machine_time time;
    char *why = NULL;
    assert_true(machine_time_folded(machine, records, 1, &time, &why));
    assert_true(time.shares[0].cycles == 0);
    assert_true(time.shares[3].cycles == 50 + 100);
    assert_true(time.shares[4].cycles == 50 + 200);
    machine_time_free(&time);
    machine_destroy(machine);
    program_destroy(program);
}

// Everything at once: host, memory and words between chips, with nothing in each other's way.
static void links_host_and_memory_do_not_disturb_each_other(void **state)
{
    struct fixture_system *fixture = open_system(state, 2, TOPOLOGY_ALL);
    fixture->chip.host.prefetch_depth = 0;
    struct program *program = program_on(2);
    program_add_host(program, HOST_TO_CHIP, 400); // 200 each, 1 byte per cycle
    add_stream(program, STREAM_START, STREAM_OUT, 1200);
    program_begin_exchange(program, "x");
    add_pair(program, 0, CHIP_TILES, 400);
    add_stream(program, STREAM_WAIT, STREAM_OUT, 0);
    struct machine_time time = time_on(fixture, parallel_of(2, 1), program, 2);
    assert_true(time.host_cycles == 200);
    assert_true(time.link_cycles == 230);
    assert_true(time.memory_cycles == 650 - (130 + 150 + 230));
}

// --- all-reduce ---------------------------------------------------------------------------------
static struct program *reducing_program(uint64_t bytes)
{
    struct program *program = program_on(1);
    add_work(program, 6);
    program_add_all_reduce(program, "gradients", bytes);
    return program;
}

static void a_ring_takes_2_n_minus_1_chunks_and_their_ways(void **state)
{
    for (uint32_t chips = 2; chips <= 8; chips *= 2) {
        struct fixture_system *fixture = open_system(state, chips, TOPOLOGY_RING);
        uint64_t chunk = 4096;
        struct machine_time time =
            time_on(fixture, parallel_of(chips, chips), reducing_program(chunk * chips), 3);
        double steps = 2.0 * (chips - 1);
        double expected = steps * ((double)chunk / 2 + 130) +
                          (double)((chips - 1) * all_reduce_add_cycles(&fixture->chip, chunk));
        assert_true(fabs(time.link_cycles - expected) <= 1e-9 * expected);
        assert_true(time.sync_cycles == 100 + 30.0 * (1 + chips / 2 / 2));
    }
}

// Every pair has links of its own: no message waits for another.
static void a_tree_takes_two_messages_a_level(void **state)
{
    struct fixture_system *fixture = open_system(state, 8, TOPOLOGY_ALL);
    struct parallel_config parallel = parallel_of(8, 8);
    parallel.all_reduce = ALL_REDUCE_TREE;
    struct machine_time time = time_on(fixture, parallel, reducing_program(8192), 1);
    double expected =
        2 * 3 * (130 + 8192.0 / 2) + 3 * (double)all_reduce_add_cycles(&fixture->chip, 8192);
    assert_true(time.link_cycles == expected);
}

// Machines of two chips: a ring of two, a ring over three machines, one message back.
static void two_levels_are_half_a_ring_rings_of_chunks_and_the_other_half(void **state)
{
    struct fixture_system *fixture = open_system(state, 6, TOPOLOGY_ALL);
    struct parallel_config parallel = parallel_of(6, 6);
    parallel.all_reduce = ALL_REDUCE_TWO_LEVEL;
    uint64_t bytes = 6 * 1024;
    struct machine_time time = time_on(fixture, parallel, reducing_program(bytes), 1);
    double inside = 2 * (130 + (double)bytes / 2 / 2) +
                    (double)all_reduce_add_cycles(&fixture->chip, bytes / 2);
    double over = 4 * (130 + (double)bytes / 6 / 2) + // two groups of three, a half each
                  2 * (double)all_reduce_add_cycles(&fixture->chip, bytes / 6);
    assert_true(time.link_cycles == inside + over);
}

static void replicas_of_several_chips_sum_place_by_place(void **state)
{
    struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_ALL);
    struct program *program = program_on(2);
    program_add_all_reduce(program, "gradients", 800);
    struct machine_time time = time_on(fixture, parallel_of(4, 2), program, 1);
    double expected = 2 * (130 + 200.0) + (double)all_reduce_add_cycles(&fixture->chip, 400);
    assert_true(time.link_cycles == expected); // 0 with 2, and 1 with 3 at the same time
}

// Replicas on chips 0, 1 and 2, 3 of 0 - 2 - 1 - 3: both pass the link from 2 to 1, and begin
// together.
static void replicas_whose_ways_share_a_link_share_its_rate(void **state)
{
    struct fixture_system *fixture = open_system(state, 4, TOPOLOGY_LINKS);
    fixture_system_list(fixture, 0, 2);
    fixture_system_list(fixture, 2, 1);
    fixture_system_list(fixture, 1, 3);
    struct program *program = program_on(2);
    program_begin_exchange(program, "x");
    add_pair(program, 0, CHIP_TILES, 400);
    struct machine_time time = time_on(fixture, parallel_of(4, 2), program, 1);
    assert_true(time.link_cycles == 50 + 160 + 400 - 150); // two links each: 160, and half the rate
}

// --- deadlock -----------------------------------------------------------------------------------
static void actors_that_wait_for_ever_are_named_with_what_they_wait_for(void **state)
{
    (void)state;
    struct system_actor actors[] = {
        {.kind = ACTOR_CHIP, .chip = 2, .waits_for = "words of other chips", .step = "spikes"},
        {.kind = ACTOR_CHIP, .chip = 3, .has_ended = true},
        {.kind = ACTOR_CHIP, .chip = 4, .waits_for = "streaming memory", .step = "get state"},
        {.kind = ACTOR_FEEDER, .chip = 2, .waits_for = "room for a batch on the chip"},
        {.kind = ACTOR_MEMORY, .chip = 4, .waits_for = "a transfer of the chip"},
        {.kind = ACTOR_TAKER, .chip = 2, .waits_for = "a result of the chip"},
    };
    for (uint32_t i = 0; i < 6; i++) {
        actors[i].channel = i == 2 || i == 4 ? 1 : ACTOR_NO_CHANNEL;
    }
    const struct system_run run = {.actors = actors, .actor_count = 6};
    char *why = system_actors_explain(&run);
    assert_string_equal(why, "chip 2 waits for words of other chips in 'spikes'; "
                             "chip 4 waits for streaming memory in 'get state' (channel 1); "
                             "host's feeder of chip 2 waits for room for a batch on the chip; "
                             "memory's actor of chip 4 waits for a transfer of the chip (channel 1)"
                             "; and 1 more");
    free(why);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        TEST(a_message_takes_its_way_and_its_words_at_the_rate_of_the_link),
        TEST(ports_slower_than_the_link_hide_it),
        TEST(messages_that_share_a_link_share_its_rate),
        TEST(messages_on_opposite_ways_do_not_disturb_each_other),
        TEST(chips_of_a_slot_share_its_rate),
        TEST(a_system_of_one_chip_is_the_chip),
        TEST(one_chip_of_every_topology_runs),
        TEST(a_stream_takes_latency_and_bytes_and_chips_share_the_memory),
        TEST(memory_behind_the_host_shares_its_way_with_batches),
        TEST(batches_that_come_ahead_slow_states_behind_the_same_way),
        TEST(seconds_of_a_stream_are_those_of_the_clock),
        TEST(four_chips_share_the_rate_of_their_memory),
        TEST(a_put_behind_compute_takes_only_what_is_left_of_it),
        TEST(transfers_of_a_channel_are_waited_for_in_order),
        TEST(links_host_and_memory_do_not_disturb_each_other),
        TEST(a_ring_takes_2_n_minus_1_chunks_and_their_ways),
        TEST(a_tree_takes_two_messages_a_level),
        TEST(two_levels_are_half_a_ring_rings_of_chunks_and_the_other_half),
        TEST(replicas_of_several_chips_sum_place_by_place),
        TEST(replicas_whose_ways_share_a_link_share_its_rate),
        cmocka_unit_test(actors_that_wait_for_ever_are_named_with_what_they_wait_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

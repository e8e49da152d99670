// Dense networks over several chips on a whole system: both engines agree, chips and their links
// are timed together, and what the lowering is told when it chooses is what the clock then says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sim/run/plan_probe.h"
#include "tests/sim/engines_fixture.h"
#include "tests/sim/fixture_system.h"
#include "tests/workloads/lower_fixture.h"

#define CHIP_TILES 16u

struct timed {
    struct machine_time folded; // shares are freed
    uint64_t estimated_cycles;
    uint32_t chips;
};

static struct timed time_on(struct fixture *fixture, enum all_reduce_kind all_reduce,
                            bool has_detailed)
{
    struct timed timed = {0};
    struct machine_time detailed = {0};
    struct fixture_system system;
    uint32_t replicas = fixture->replicas == 0 ? 1 : fixture->replicas;
    const struct parallel_config parallel = {
        .chips = fixture->chips * replicas, .replicas = replicas, .all_reduce = all_reduce};
    fixture_system_open(&system, parallel.chips, TOPOLOGY_RING);
    char *why = NULL;
    struct program *program = fixture_program(*fixture, LOWERING_DENSE);
    timed.chips = program->chips;
    struct machine *machine = machine_create_on(&system.system, &parallel, program);
    const struct activity *records[1] = {NULL};
    timed.estimated_cycles = machine_estimate_cycles(machine);
    if (!machine_time_folded(machine, records, 1, &timed.folded, &why) ||
        (has_detailed && !machine_time_detailed(machine, records, 1, &detailed, &why))) {
        fail_msg("%s", why);
    }
    assert_true((detailed.shares != NULL) == has_detailed);
    if (detailed.shares != NULL) {
        expect_equal_times(&timed.folded, &detailed, 0);
    }
    machine_time_free(&timed.folded);
    machine_time_free(&detailed);
    machine_destroy(machine);
    program_destroy(program);
    fixture_system_close(&system);
    return timed;
}

static struct fixture draw_network(struct rng *rng)
{
    static const uint32_t chips[] = {2, 3, 4};
    struct fixture fixture = fixture_random(rng);
    fixture.batch = 1 + fixture.batch % 9;
    fixture.tiles = CHIP_TILES;
    fixture.chips = chips[rng_below(rng, 3)];
    fixture.replicas = 1 + rng_below(rng, 2);
    do {
        fixture.config.layer_chips = 1 + rng_below(rng, fixture.chips);
    } while (fixture.chips % fixture.config.layer_chips != 0);
    for (uint32_t l = 0; l < fixture.layer_count; l++) {
        fixture.neurons[l] = 1 + fixture.neurons[l] % 40;
        bool is_analog = l == 0 && fixture.input == INPUT_ANALOG;
        fixture.slots[l] =
            is_analog ? fixture.neurons[l] : 1 + fixture.slots[l] % fixture.neurons[l];
    }
    if (fixture.time_steps > 2 && rng_below(rng, 2)) {
        fixture.has_streaming = true;
        fixture.config.streaming = (enum streaming_kind)rng_below(rng, 3);
        fixture.config.io_tiles = fixture.config.streaming == STREAMING_IO_TILES ? 2 : 0;
        fixture.checkpoints = (struct checkpoint_config){.kind = CHECKPOINT_DOUBLE,
                                                         .remote = 1,
                                                         .local = 2,
                                                         .state_bytes = rng_below(rng, 2) ? 2 : 4};
    }
    return fixture;
}

static void networks_over_chips_take_equal_cycles_in_both_engines(void **state)
{
    (void)state;
    uint32_t split = 0, apart = 0, streamed = 0, replicated = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct rng rng = rng_create(53, RNG_TEST, i, 0);
        struct fixture fixture = draw_network(&rng);
        struct timed timed = time_on(&fixture, ALL_REDUCE_RING, true);
        assert_true(timed.folded.cycles > 0);
        split += fixture.config.layer_chips > 1;
        apart += fixture.config.layer_chips == 1 && timed.chips > 1;
        streamed += fixture.has_streaming;
        replicated += fixture.replicas > 1;
    }
    assert_true(split > 8 && apart > 8 && streamed > 8 && replicated > 8);
}

static struct fixture wide_network(uint32_t chips, uint32_t layer_chips)
{
    return (struct fixture){.layer_count = 5,
                            .neurons = {200, 240, 240, 240, 20},
                            .slots = {20, 20, 20, 20, 4},
                            .batch = 16,
                            .time_steps = 10,
                            .neuron = "lif",
                            .layer_delay = 1,
                            .tiles = CHIP_TILES,
                            .chips = chips,
                            .config = {.layer_chips = layer_chips}};
}

// Nothing but the first and last words of the host is left out; a tenth is far less than what ways
// to share chips differ by.
static void an_estimate_is_near_what_the_clock_says(void **state)
{
    (void)state;
    for (uint32_t chips = 2; chips <= 4; chips *= 2) {
        for (uint32_t layer_chips = 1; layer_chips <= chips; layer_chips *= 2) {
            struct fixture fixture = wide_network(chips, layer_chips);
            struct timed timed = time_on(&fixture, ALL_REDUCE_RING, false);
            double clock_cycles = timed.folded.cycles - timed.folded.host_cycles;
            assert_int_equal(timed.chips, chips);
            assert_true(timed.folded.link_cycles > 0);
            assert_true((double)timed.estimated_cycles > 0.9 * clock_cycles);
            assert_true((double)timed.estimated_cycles < 1.1 * clock_cycles);
        }
    }
}

static void replicas_that_wait_for_each_other_are_in_the_estimate(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 12; i++) {
        struct fixture fixture = wide_network(1 + i % 2, 0);
        fixture.time_steps = 1;
        fixture.replicas = 2 + i / 4;
        enum all_reduce_kind kind = i / 2 % 2 == 0 ? ALL_REDUCE_RING : ALL_REDUCE_TREE;
        struct timed timed = time_on(&fixture, kind, false);
        double clock_cycles = timed.folded.cycles - timed.folded.host_cycles;
        assert_true(timed.folded.link_cycles > clock_cycles / 4);
        double tolerance =
            kind == ALL_REDUCE_RING ? 0.01 : 0.15; // a tree's messages do not all meet
        assert_true((double)timed.estimated_cycles > (1 - tolerance) * clock_cycles);
        assert_true((double)timed.estimated_cycles < (1 + tolerance) * clock_cycles);
    }
}

// --- the choice ---------------------------------------------------------------------------------
// Of so many chips of the system, by what the lowering is told.
static struct timed time_chosen(struct fixture *fixture, const struct system_config *system,
                                uint32_t chips)
{
    struct timed timed = {0};
    struct training_graph *graph = fixture_graph(fixture, FORM_DENSE);
    const struct training_config training = {
        .optimizer = OPTIMIZER_ADAM, .batch = fixture->batch, .time_steps = fixture->time_steps};
    const struct machine_config config = {
        .chip = system->chip,
        .system = (struct system_config *)system,
        .parallel = {.chips = chips, .replicas = 1},
        .lowering = {.kind = LOWERING_DENSE, .matmul_bytes = 4},
    };
    struct machine_view view = plan_machine_view(&config);
    char *why = NULL;
    struct program *program = lower_dense(graph, &training, &config.lowering, &view, &why);
    assert_non_null(program);
    timed.chips = program->chips;
    struct machine *machine = machine_create_of(&config, program);
    const struct activity *records[1] = {NULL};
    timed.estimated_cycles = machine_estimate_cycles(machine);
    if (!machine_time_folded(machine, records, 1, &timed.folded, &why)) {
        fail_msg("%s", why);
    }
    machine_time_free(&timed.folded);
    machine_destroy(machine);
    program_destroy(program);
    training_graph_destroy(graph);
    return timed;
}

#define CHIPS_MAX 6u

// Returns how many chips are taken of most.
static uint32_t take_chips(struct fixture fixture)
{
    struct fixture_system system;
    fixture_system_open(&system, CHIPS_MAX, TOPOLOGY_RING);
    system.chip.tile.regions[0].bytes = 1000000; // it fits on one chip
    struct timed fewer = time_chosen(&fixture, &system.system, 1);
    assert_int_equal(fewer.chips, 1);
    for (uint32_t chips = 2; chips <= CHIPS_MAX; chips++) {
        struct timed more = time_chosen(&fixture, &system.system, chips);
        assert_true(more.estimated_cycles <= fewer.estimated_cycles);
        assert_true(more.chips <= chips);
        assert_true((more.folded.link_cycles > 0) == (more.chips > 1));
        if (more.chips == fewer.chips && more.estimated_cycles == fewer.estimated_cycles) {
            assert_true(more.folded.cycles == fewer.folded.cycles);
        }
        fewer = more;
    }
    fixture_system_close(&system);
    return fewer.chips;
}

static void a_network_is_no_slower_on_more_chips(void **state)
{
    (void)state;
    struct fixture small = wide_network(0, 0);
    for (uint32_t l = 0; l < small.layer_count; l++) {
        small.neurons[l] = 20;
        small.slots[l] = 4;
    }
    assert_int_equal(take_chips(small), 1);
    struct fixture wide = wide_network(0, 0);
    assert_true(take_chips(wide) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_over_chips_take_equal_cycles_in_both_engines),
        cmocka_unit_test(an_estimate_is_near_what_the_clock_says),
        cmocka_unit_test(replicas_that_wait_for_each_other_are_in_the_estimate),
        cmocka_unit_test(a_network_is_no_slower_on_more_chips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

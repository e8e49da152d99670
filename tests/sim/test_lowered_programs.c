// The folded and the detailed engine on programs of random networks, sparse and dense: equal to the
// cycle.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sim/activity.h"
#include "sim/machine.h"
#include "tests/sim/fixture_chip.h"
#include "tests/sim/fixture_system.h"
#include "tests/workloads/lower_fixture.h"

#ifdef __SANITIZE_ADDRESS__
#define RANDOM_NETWORKS 20u // four times as slow
#else
#define RANDOM_NETWORKS 60u
#endif

static struct activity *draw_record(const struct program *program)
{
    struct activity *record = activity_create(program->layer_count, program->neurons,
                                              program->slots, program->time_steps, program->batch);
    struct activity_fill fill = {.spikes = 0.5, .listed = 1, .input_spikes = 0.8};
    fill.active_neurons = 1;
    activity_draw(record, &fill, 1, 0);
    return record;
}

static void check_engines(struct fixture *fixture, enum lowering_kind kind,
                          const struct chip_config *chip)
{
    char *why = NULL;
    struct program *program = fixture_program(*fixture, kind);
    struct machine *machine = machine_create(chip, program);
    struct activity *record = draw_record(program);
    const struct activity *records[1] = {kind == LOWERING_SPARSE ? record : NULL};
    struct machine_time folded, detailed;
    assert_true(machine_time_folded(machine, records, 1, &folded, &why));
    assert_true(machine_time_detailed(machine, records, 1, &detailed, &why));
    assert_true(folded.cycles > 0);
    assert_true(folded.cycles == detailed.cycles);
    assert_int_equal(folded.supersteps, detailed.supersteps);
    for (uint32_t i = 0; i < folded.share_count; i++) {
        if (folded.shares[i].cycles != detailed.shares[i].cycles) {
            fail_msg("%s: folded %g, detailed %g cycles", folded.shares[i].name,
                     folded.shares[i].cycles, detailed.shares[i].cycles);
        }
    }
    machine_time_free(&folded);
    machine_time_free(&detailed);
    machine_destroy(machine);
    activity_destroy(record);
    program_destroy(program);
}

// Small ones: the detailed engine has an actor for every tile.
static struct fixture draw_network(uint32_t number)
{
    struct rng rng = rng_create(29, RNG_TEST, number, 0);
    struct fixture fixture = fixture_random(&rng);
    fixture.batch = 1 + fixture.batch % 9;
    fixture.tiles = 16;
    for (uint32_t l = 0; l < fixture.layer_count; l++) {
        fixture.neurons[l] = 1 + fixture.neurons[l] % 40;
        bool is_analog = l == 0 && fixture.input == INPUT_ANALOG;
        fixture.slots[l] =
            is_analog ? fixture.neurons[l] : 1 + fixture.slots[l] % fixture.neurons[l];
    }
    return fixture;
}

static void networks_take_equal_cycles_in_both_engines(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    uint32_t analog = 0, hoisted = 0, biased = 0, on_membranes = 0;
    for (uint32_t i = 0; i < RANDOM_NETWORKS; i++) {
        struct fixture fixture = draw_network(i);
        check_engines(&fixture, LOWERING_SPARSE, &chip);
        check_engines(&fixture, LOWERING_DENSE, &chip);
        analog += fixture.input == INPUT_ANALOG;
        hoisted += fixture.input == INPUT_ANALOG && fixture.config.hoists_static_input;
        biased += fixture.has_bias;
        on_membranes += fixture.loss == LOSS_ON_MEMBRANES;
    }
    const uint32_t some = RANDOM_NETWORKS / 6;
    assert_true(analog > some && biased > some && on_membranes > some && hoisted > some / 2);
}

// Plans that need no streaming memory.
static struct checkpoint_config draw_plan(struct rng *rng, uint32_t time_steps)
{
    static const enum checkpoint_kind kinds[] = {CHECKPOINT_SINGLE, CHECKPOINT_NESTED,
                                                 CHECKPOINT_BINOMIAL};
    enum checkpoint_kind kind = kinds[rng_below(rng, 3)];
    struct plan_numbers has = plan_numbers_of(kind);
    struct checkpoint_config config = {.kind = kind,
                                       .local = has.has_local ? 2 + rng_below(rng, 2) : 0,
                                       .levels = has.has_levels ? 2 + rng_below(rng, 2) : 0,
                                       .keeps_last = has.has_chunks && rng_below(rng, 2),
                                       .state_bytes = rng_below(rng, 2) ? 2 : 4,
                                       .has_packed_spikes = rng_below(rng, 2)};
    const char *number;
    char *why = plan_check(&config, time_steps, &number);
    if (why != NULL) { // more checkpoints than time steps
        config = (struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = 1};
    }
    free(why);
    return config;
}

static void checkpointed_programs_take_equal_cycles_in_both_engines(void **state)
{
    (void)state;
    struct chip_config chip = fixture_chip();
    uint32_t kinds[CHECKPOINT_KINDS] = {0};
    for (uint32_t i = 0; i < RANDOM_NETWORKS; i++) {
        struct rng rng = rng_create(37, RNG_TEST, i, 0);
        struct fixture fixture = draw_network(i);
        fixture.time_steps = 1 + rng_below(&rng, 20);
        fixture.checkpoints = draw_plan(&rng, fixture.time_steps);
        kinds[fixture.checkpoints.kind]++;
        check_engines(&fixture, LOWERING_SPARSE, &chip);
        check_engines(&fixture, LOWERING_DENSE, &chip);
    }
    assert_true(kinds[CHECKPOINT_SINGLE] > RANDOM_NETWORKS / 12);
    assert_true(kinds[CHECKPOINT_NESTED] > RANDOM_NETWORKS / 12);
}

// --- streams ------------------------------------------------------------------------------------
struct streamed {
    double cycles, memory_cycles;
    uint64_t transfers, bytes; // each way together
};

static void count_streams(const struct program *program, const struct machine_time *time,
                          struct streamed *streamed)
{
    uint32_t share = 0; // of every step that takes time
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        bool takes_time = step->kind != STEP_LOOP_BEGIN && step->kind != STEP_LOOP_END &&
                          step->kind != STEP_CALL && step->kind != STEP_RETURN;
        if (step->kind == STEP_STREAM && step->stream_phase != STREAM_WAIT) {
            streamed->transfers += time->shares[share].times;
            streamed->bytes += time->shares[share].times * step->chip_bytes;
        }
        share += takes_time;
    }
}

// On a system of one chip with streaming memory: 50 cycles, 3 bytes per cycle.
static struct streamed time_streamed(struct fixture *fixture, enum lowering_kind kind)
{
    struct fixture_system system;
    struct parallel_config one = {.chips = 1, .replicas = 1};
    char *why = NULL;
    fixture_system_open(&system, 1, TOPOLOGY_LINKS);
    struct program *program = fixture_program(*fixture, kind);
    struct machine *machine = machine_create_on(&system.system, &one, program);
    struct activity *record = draw_record(program);
    const struct activity *records[1] = {kind == LOWERING_SPARSE ? record : NULL};
    struct machine_time time;
    if (!machine_time_folded(machine, records, 1, &time, &why)) {
        fail_msg("%s", why);
    }
    struct streamed streamed = {.cycles = time.cycles, .memory_cycles = time.memory_cycles};
    count_streams(program, &time, &streamed);
    machine_time_free(&time);
    machine_destroy(machine);
    activity_destroy(record);
    program_destroy(program);
    fixture_system_close(&system);
    return streamed;
}

// Nothing else runs while a stream is blocked on: the chip waits for all of every transfer.
static void check_blocking(const struct streamed *streamed)
{
    double expected = 50.0 * (double)streamed->transfers + (double)streamed->bytes / 3.0;
    assert_true(streamed->memory_cycles >= expected - (double)streamed->transfers);
    assert_true(streamed->memory_cycles <= expected + (double)streamed->transfers);
}

static void streams_beside_the_work_are_waited_for_less(void **state)
{
    (void)state;
    static const struct checkpoint_config plans[] = {
        {.kind = CHECKPOINT_OFFLOAD},
        {.kind = CHECKPOINT_SINGLE_REMOTE, .remote = 4},
        {.kind = CHECKPOINT_DOUBLE, .remote = 3, .local = 2, .has_packed_spikes = true},
        {.kind = CHECKPOINT_DOUBLE, .remote = 3, .local = 2, .state_bytes = 2}};
    for (uint32_t i = 0; i < 4; i++) {
        for (enum lowering_kind kind = LOWERING_SPARSE; kind <= LOWERING_DENSE; kind++) {
            struct fixture fixture = draw_network(i + 1);
            fixture.time_steps = 12;
            fixture.has_streaming = true;
            fixture.checkpoints = plans[i];
            fixture.config.io_tiles = 2;
            struct streamed streamed[3];
            for (uint32_t streaming = 0; streaming < 3; streaming++) {
                fixture.config.streaming = (enum streaming_kind)streaming;
                streamed[streaming] = time_streamed(&fixture, kind);
            }
            check_blocking(&streamed[STREAMING_BLOCKING]);
            for (uint32_t ahead = STREAMING_DOUBLE_BUFFERED; ahead < 3; ahead++) {
                assert_int_equal(streamed[ahead].transfers, streamed[0].transfers);
                assert_true(streamed[ahead].memory_cycles < streamed[0].memory_cycles);
            }
        }
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_take_equal_cycles_in_both_engines),
        cmocka_unit_test(checkpointed_programs_take_equal_cycles_in_both_engines),
        cmocka_unit_test(streams_beside_the_work_are_waited_for_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

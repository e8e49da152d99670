// One clock for many machines: what was timed on it before changes no cycle of what is timed now.
// Fresh clocks first: a process whose SimGrid has started can fork no child without one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/engine/child.h"
#include "sim/err.h"
#include "sim/machine.h"
#include "sim/rng.h"
#include "tests/sim/fixture_chip.h"

#define CASES 200u
#define RECORDS 3u

struct drawn {
    struct chip_config chip;
    struct program *program; // owned
};

static void add_work(struct program *program, const char *name, uint32_t vertices)
{
    program_begin_compute(program, name);
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_loop_counter,
                                                      .dealing = DEAL_EVEN,
                                                      .place = tile_map_range(0, 4),
                                                      .items = 1,
                                                      .vertices = vertices});
}

// Host links whose transfers end anywhere between two cycles, in both directions.
static struct drawn draw_case(uint32_t number)
{
    struct rng rng = rng_create(11, RNG_TEST, number, 0);
    struct drawn drawn = {.chip = fixture_chip()};
    drawn.chip.clock_hz = 1e9 * (0.5 + rng_uniform(&rng));
    drawn.chip.host.bytes_per_second = 1e8 + 1e10 * rng_uniform(&rng);
    drawn.chip.host.latency_seconds = rng_below(&rng, 3) == 0 ? 0 : 3e-6 * rng_uniform(&rng);
    drawn.chip.host.prefetch_depth = rng_below(&rng, 4);
    drawn.program = program_create("drawn", 16, 1, 1, 0, NULL, NULL);
    program_add_host(drawn.program, HOST_TO_CHIP, 1 + rng_below(&rng, 5000));
    add_work(drawn.program, "first", 1 + rng_below(&rng, 50));
    if (rng_below(&rng, 2) == 0) {
        program_add_host(drawn.program, CHIP_TO_HOST, 1 + rng_below(&rng, 5000));
        add_work(drawn.program, "second", 1 + rng_below(&rng, 50));
        program_add_host(drawn.program, HOST_TO_CHIP, 1 + rng_below(&rng, 500));
    }
    return drawn;
}

// clock: NULL: a fresh one, in a child.
static struct machine_time time_case(uint32_t number, struct machine_clock *clock, bool is_detailed)
{
    struct drawn drawn = draw_case(number);
    struct machine *machine = machine_create(&drawn.chip, drawn.program);
    const struct activity *records[RECORDS] = {NULL};
    struct machine_time time;
    char *why = NULL;
    machine_time_here(machine, clock);
    if (!(is_detailed ? machine_time_detailed : machine_time_folded)(machine, records, RECORDS,
                                                                     &time, &why)) {
        fail_msg("case %u: %s", number, why);
    }
    machine_time_free(&time);
    machine_destroy(machine);
    program_destroy(drawn.program);
    return time;
}

// All cases on one clock, the detailed engine in between. In a child of the test.
static bool time_all(void *context, void *result)
{
    (void)context;
    struct machine_time *times = result;
    struct machine_clock *clock = machine_clock_create();
    for (uint32_t i = CASES; i-- > 0;) {
        times[i] = time_case(i, clock, false);
        struct machine_time detailed = time_case(i, clock, true);
        assert_true(detailed.cycles == times[i].cycles);
    }
    assert_false(machine_clock_is_spent(clock));
    machine_clock_destroy(clock);
    return true;
}

static void a_used_clock_gives_the_cycles_of_a_fresh_one(void **state)
{
    (void)state;
    struct machine_time *times = xcalloc(CASES, sizeof(*times));
    char *why = NULL;
    uint32_t waits = 0;
    if (!child_run(time_all, NULL, times, CASES * sizeof(*times), "the clock", &why)) {
        fail_msg("%s", why);
    }
    for (uint32_t i = 0; i < CASES; i++) {
        struct machine_time fresh = time_case(i, NULL, false);
        assert_true(times[i].cycles == fresh.cycles);
        assert_true(times[i].host_cycles == fresh.host_cycles);
        assert_true(times[i].compute_cycles == fresh.compute_cycles);
        waits += fresh.host_cycles > 0;
    }
    assert_true(waits > CASES / 2);
    free(times);
}

// --- a clock that is not fit ----------------------------------------------------------------------
struct verdicts {
    bool is_timed[3], is_spent[3];
};

static struct program *fed_program(uint32_t turns)
{
    struct program *program = program_create("fed", 16, 1, 1, 0, NULL, NULL);
    program_add_host(program, HOST_TO_CHIP, 200);
    program_begin_loop(program, turns, 0, 0);
    add_work(program, "work", 6);
    program_end_loop(program);
    return program;
}

static void judge(const struct chip_config *chip, uint32_t turns, struct machine_clock *clock,
                  uint32_t place, struct verdicts *verdicts)
{
    struct program *program = fed_program(turns);
    struct machine *machine = machine_create(chip, program);
    const struct activity *records[] = {NULL};
    struct machine_time time;
    char *why = NULL;
    machine_time_here(machine, clock);
    verdicts->is_timed[place] = machine_time_folded(machine, records, 1, &time, &why);
    verdicts->is_spent[place] = machine_clock_is_spent(clock);
    machine_time_free(&time);
    free(why);
    machine_destroy(machine);
    program_destroy(program);
}

// 258 cycles a turn: two runs of a million turns, of which the first is a warm-up, come to 2^28.9
// cycles.
static bool time_long(void *context, void *result)
{
    (void)context;
    struct chip_config chip = fixture_chip();
    struct machine_clock *clock = machine_clock_create();
    judge(&chip, 1, clock, 0, result);
    judge(&chip, 1000000, clock, 1, result);
    judge(&chip, 1, clock, 2, result);
    machine_clock_destroy(clock);
    return true;
}

static void a_clock_that_is_too_far_on_refuses(void **state)
{
    (void)state;
    struct verdicts verdicts;
    char *why = NULL;
    assert_true(child_run(time_long, NULL, &verdicts, sizeof(verdicts), "the clock", &why));
    assert_true(verdicts.is_timed[0] && !verdicts.is_spent[0]);
    assert_true(verdicts.is_timed[1] && !verdicts.is_spent[1]);
    assert_true(!verdicts.is_timed[2] && verdicts.is_spent[2]);
}

// Transfers end a millionth of a cycle behind a whole one: rounded down or up, by the last bits of
// the clock.
static bool time_doubtful(void *context, void *result)
{
    (void)context;
    struct chip_config chip = fixture_chip();
    chip.host.prefetch_depth = 0;
    chip.host.latency_seconds = 50.000001e-9;
    struct machine_clock *clock = machine_clock_create();
    judge(&chip, 1, clock, 0, result);
    judge(&chip, 1, clock, 1, result);
    machine_clock_destroy(clock);
    return true;
}

static void a_time_that_a_used_clock_may_round_otherwise_is_refused(void **state)
{
    (void)state;
    struct verdicts verdicts;
    char *why = NULL;
    assert_true(child_run(time_doubtful, NULL, &verdicts, sizeof(verdicts), "the clock", &why));
    assert_true(verdicts.is_timed[0] && !verdicts.is_spent[0]);
    assert_true(!verdicts.is_timed[1] && verdicts.is_spent[1]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_used_clock_gives_the_cycles_of_a_fresh_one),
        cmocka_unit_test(a_clock_that_is_too_far_on_refuses),
        cmocka_unit_test(a_time_that_a_used_clock_may_round_otherwise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

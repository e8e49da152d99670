// The anatomy of a training step: it adds up, it says why, and its trace is one that a viewer can
// draw.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sim/engine/vertices.h"
#include "sim/experiment.h"
#include "sim/run/anatomy.h"
#include "sim/run/experiment_run.h"
#include "tests/sim/fixture_chip.h"

#define TOY "configs/experiments/toy.yaml"
#define ALL_MACHINES "machines=[{chip: toy}, {chip: toy, lowering: dense}, {gpu: a100-80}]"

struct outcome {
    struct experiment *experiment; // owned
    struct result result;          // owned
    struct anatomy anatomy;        // owned
    enum run_status status;
    struct err *err; // owned
};

// trace_path: NULL: none
static struct outcome run(const char *const *sets, uint32_t set_count, const char *trace_path,
                          const struct trace_options *options)
{
    struct outcome outcome = {.err = err_create()};
    outcome.experiment = experiment_load(TOY, sets, set_count, outcome.err);
    if (outcome.experiment == NULL) {
        err_print(outcome.err, stdout);
        fail_msg("the toy experiment");
    }
    char *why = NULL;
    struct anatomy_request request = {.anatomy = &outcome.anatomy, .trace_options = *options};
    request.trace = trace_path == NULL ? NULL : trace_open(trace_path, &why);
    const struct run_options run_options = {.threads = 1, .anatomy = &request};
    outcome.status = experiment_run(outcome.experiment, &run_options, &outcome.result, outcome.err);
    if (request.trace != NULL) {
        assert_true(trace_close(request.trace, &why));
    }
    return outcome;
}

static void free_outcome(struct outcome *outcome)
{
    anatomy_free(&outcome->anatomy);
    result_free(&outcome->result);
    experiment_destroy(outcome->experiment);
    err_destroy(outcome->err);
}

static const struct trace_options two_steps = {.steps = 2};

// --- sums ---------------------------------------------------------------------------------------
static void cycles_of_steps_and_executions_add_up_to_the_result(void **state)
{
    (void)state;
    const char *const sets[] = {ALL_MACHINES};
    struct outcome outcome = run(sets, 1, NULL, &two_steps);
    assert_int_equal(outcome.status, RUN_DONE);
    assert_int_equal(outcome.anatomy.machine_count, 2);
    assert_int_equal(outcome.anatomy.gpu_count, 5);
    for (uint32_t i = 0; i < outcome.anatomy.machine_count; i++) {
        const struct anatomy_machine *machine = &outcome.anatomy.machines[i];
        uint64_t of_steps = 0;
        uint64_t of_events = 0;
        for (uint32_t j = 0; j < machine->step_count; j++) {
            of_steps += machine->steps[j].cycles + machine->steps[j].sync_cycles;
        }
        for (uint32_t j = 0; j < machine->event_count; j++) {
            of_events += machine->events[j].cycles + machine->events[j].sync_cycles;
        }
        assert_string_equal(machine->name, outcome.result.machines[i].name);
        assert_int_equal(anatomy_total_cycles(machine), outcome.result.machines[i].cycles);
        assert_int_equal(of_steps, outcome.result.machines[i].cycles);
        assert_int_equal(of_events, outcome.result.machines[i].cycles);
    }
    free_outcome(&outcome);
}

static void waiting_for_a_slow_host_is_part_of_the_sum(void **state)
{
    (void)state;
    const char *const sets[] = {"machines.0.chip.host.prefetch_depth=0"};
    struct outcome outcome = run(sets, 1, NULL, &two_steps);
    assert_int_equal(outcome.status, RUN_DONE);
    const struct anatomy_machine *machine = &outcome.anatomy.machines[0];
    assert_true(machine->host_cycles > 0);
    assert_int_equal(anatomy_total_cycles(machine), outcome.result.machines[0].cycles);
    free_outcome(&outcome);
}

static void no_tile_is_busy_longer_than_the_step(void **state)
{
    (void)state;
    struct outcome outcome = run(NULL, 0, NULL, &two_steps);
    for (uint32_t i = 0; i < outcome.anatomy.machine_count; i++) {
        const struct anatomy_machine *machine = &outcome.anatomy.machines[i];
        for (uint32_t tile = 0; tile < machine->tile_count; tile++) {
            assert_true(machine->busy_cycles[tile] <= machine->compute_cycles);
            assert_true(machine->port_cycles[tile] <= machine->exchange_cycles);
            assert_true(machine->busy_cycles[tile] <= machine->busy_cycles[machine->slowest_tile]);
        }
    }
    free_outcome(&outcome);
}

static void the_slowest_tile_explains_every_compute_set(void **state)
{
    (void)state;
    struct outcome outcome = run(NULL, 0, NULL, &two_steps);
    uint32_t with_activity = 0;
    for (uint32_t i = 0; i < outcome.anatomy.machine_count; i++) {
        const struct anatomy_machine *machine = &outcome.anatomy.machines[i];
        for (uint32_t j = 0; j < machine->step_count; j++) {
            const struct anatomy_step *step = &machine->steps[j];
            if (step->kind != ANATOMY_COMPUTE) {
                continue;
            }
            const struct anatomy_tile_work *tile = &step->tile;
            double slots = 0;
            double slots_of_workers = 0;
            for (uint32_t k = 0; k < tile->work_count; k++) {
                slots += tile->work[k].slots;
            }
            for (uint32_t k = 0; k < machine->contexts; k++) {
                slots_of_workers += tile->worker_slots[k];
            }
            assert_int_equal(tile->launch_cycles + tile->fixed_cycles + tile->activity_cycles,
                             step->middle_cycles);
            assert_int_equal(tile->tile_cycles[ANATOMY_QUANTILES - 1], step->middle_cycles);
            assert_true(fabs(slots - slots_of_workers) < 1e-6);
            double used = (double)step->middle_cycles * tile->slowest_occupancy;
            assert_true(fabs(used - slots) < 1e-6 * (slots + 1));
            assert_true(tile->mean_occupancy <= 1 && tile->slowest_occupancy <= 1);
            with_activity += tile->activity_cycles > 0;
        }
    }
    assert_true(with_activity >= 4); // F3, F6, B4, B7 at least
    free_outcome(&outcome);
}

static void what_is_live_fits_the_plan_of_the_fullest_tile(void **state)
{
    (void)state;
    struct outcome outcome = run(NULL, 0, NULL, &two_steps);
    for (uint32_t i = 0; i < outcome.anatomy.machine_count; i++) {
        const struct anatomy_machine *machine = &outcome.anatomy.machines[i];
        const struct result_machine *result = &outcome.result.machines[i];
        const struct anatomy_memory *fullest = &machine->memories[0];
        assert_int_equal(fullest->tile, result->sram_max_tile);
        uint64_t most_bytes = 0;
        for (uint32_t step = 0; step < machine->step_count; step++) {
            uint64_t bytes = 0;
            for (uint32_t role = 0; role < machine->role_count; role++) {
                bytes += fullest->by_step[step * machine->role_count + role];
                assert_true(fullest->by_step[step * machine->role_count + role] <=
                            result->by_role[role].bytes);
            }
            most_bytes = bytes > most_bytes ? bytes : most_bytes;
        }
        assert_true(most_bytes <= result->sram_max_bytes);
        assert_true(most_bytes > result->sram_max_bytes / 2); // the plan is not that bad
        assert_int_equal(fullest->variables[0].bytes, result->largest[0].bytes);
    }
    free_outcome(&outcome);
}

static void a_gpu_step_is_its_kernels_and_what_is_outside_them(void **state)
{
    (void)state;
    const char *const sets[] = {ALL_MACHINES};
    struct outcome outcome = run(sets, 1, NULL, &two_steps);
    for (uint32_t i = 0; i < outcome.anatomy.gpu_count; i++) {
        const struct anatomy_gpu *gpu = &outcome.anatomy.gpus[i];
        double seconds = gpu->loop_seconds + gpu->sync_seconds + gpu->host_seconds;
        for (uint32_t j = 0; j < gpu->kernel_count; j++) {
            const struct anatomy_kernel *kernel = &gpu->kernels[j];
            double parts = 0;
            for (uint32_t bound = 0; bound < ANATOMY_BOUNDS; bound++) {
                assert_true(kernel->parts[bound] > -1e-6);
                parts += kernel->parts[bound];
            }
            assert_true(fabs(parts - 1) < 2e-3);
            seconds += kernel->seconds;
        }
        assert_true(fabs(seconds - gpu->step_seconds) < 1e-9 * gpu->step_seconds);
        assert_true(fabs(gpu->step_seconds - outcome.result.machines[2 + i].step_seconds) <
                    1e-9 * gpu->step_seconds);
    }
    free_outcome(&outcome);
}

static void a_machine_that_does_not_fit_has_no_anatomy(void **state)
{
    (void)state;
    const char *const sets[] = {"network.hidden=[4000, 8]"};
    struct outcome outcome = run(sets, 1, NULL, &two_steps);
    assert_int_equal(outcome.status, RUN_DOES_NOT_FIT);
    assert_true(outcome.anatomy.machine_count < 2);
    free_outcome(&outcome);
}

// --- the trace ----------------------------------------------------------------------------------
#define TRACKS_MAX 128u
#define DEPTH_MAX 8u

struct track { // slices that are open, the innermost last
    uint64_t ends[DEPTH_MAX];
    uint32_t depth;
    uint64_t last_begin;
};

static uint64_t nanoseconds_of(const json_t *event, const char *key)
{
    return (uint64_t)llround(json_number_value(json_object_get(event, key)) * 1000);
}

static const char *text_of(const json_t *event, const char *key)
{
    return json_string_value(json_object_get(event, key));
}

// Adds the slice to its track: it begins no earlier than the one before, and lies inside what is
// open.
static void nest(struct track *track, const json_t *event)
{
    uint64_t begin = nanoseconds_of(event, "ts");
    uint64_t end = begin + nanoseconds_of(event, "dur");
    assert_true(begin >= track->last_begin);
    track->last_begin = begin;
    while (track->depth > 0 && track->ends[track->depth - 1] <= begin) {
        track->depth--;
    }
    if (track->depth > 0 && end > track->ends[track->depth - 1]) {
        fail_msg("%s ends behind the slice that it lies in", text_of(event, "name"));
    }
    assert_true(track->depth < DEPTH_MAX);
    track->ends[track->depth++] = end;
}

struct sums { // of one machine, the process of that number
    uint64_t whole_cycles, leaf_cycles, slices;
};

static bool is_leaf_of_chip(const char *category)
{
    static const char *const leaves[] = {"compute", "exchange",  "host",      "sync",
                                         "stream",  "aggregate", "all_reduce"};
    for (uint32_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        if (strcmp(category, leaves[i]) == 0) {
            return true;
        }
    }
    return false;
}

static struct sums check_trace(const char *path, json_int_t process)
{
    json_t *trace = json_load_file(path, 0, NULL);
    assert_non_null(trace);
    struct track tracks[TRACKS_MAX] = {0};
    struct sums sums = {0};
    size_t i;
    json_t *event;
    json_array_foreach(json_object_get(trace, "traceEvents"), i, event)
    {
        bool is_slice = strcmp(text_of(event, "ph"), "X") == 0;
        if (json_integer_value(json_object_get(event, "pid")) != process || !is_slice) {
            continue;
        }
        json_int_t number = json_integer_value(json_object_get(event, "tid"));
        assert_true(number >= 1 && number < TRACKS_MAX);
        nest(&tracks[number], event);
        sums.slices++;
        json_t *cycles = json_object_get(json_object_get(event, "args"), "cycles");
        if (number == 1 && strcmp(text_of(event, "cat"), "training step") == 0) {
            sums.whole_cycles = (uint64_t)json_integer_value(cycles);
        } else if (number == 1 && is_leaf_of_chip(text_of(event, "cat"))) {
            sums.leaf_cycles += (uint64_t)json_integer_value(cycles);
        }
    }
    json_decref(trace);
    return sums;
}

static void slices_nest_and_add_up_to_the_result(void **state)
{
    (void)state;
    const char *const sets[] = {ALL_MACHINES, "machines.0.chip.host.prefetch_depth=0"};
    char path[] = "/tmp/tilesim-trace-XXXXXX";
    close(mkstemp(path));
    const uint32_t more_tiles[] = {0, 3, 900};
    const struct trace_options options[] = {
        {.steps = 2},
        {.steps = 1, .tiles = more_tiles, .tile_count = 3},
        {.steps = TRACE_EVERY_STEP, .tiles = more_tiles, .tile_count = 3}};
    uint64_t slices[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct outcome outcome = run(sets, 2, path, &options[i]);
        assert_int_equal(outcome.status, RUN_DONE);
        slices[i] = 0;
        for (uint32_t machine = 0; machine < 2; machine++) {
            struct sums sums = check_trace(path, machine + 1);
            assert_int_equal(sums.whole_cycles, outcome.result.machines[machine].cycles);
            assert_int_equal(sums.leaf_cycles, outcome.result.machines[machine].cycles);
            slices[i] += sums.slices;
        }
        for (uint32_t gpu = 0; gpu < 5; gpu++) {
            assert_true(check_trace(path, 3 + gpu).slices > 3);
        }
        free_outcome(&outcome);
    }
    assert_true(slices[1] < slices[2]);
    assert_int_equal(unlink(path), 0);
}

// --- sections, streaming memory, several chips ---------------------------------------------------
#define SLOW_MEMORY \
    "{base: bow, streaming: {bytes_per_second: 2.0e7, chip_bytes_per_second: 2.0e7}}"
static const char *const checkpointed[] = {
    "machines=[{name: blocking, system: " SLOW_MEMORY ", streaming: blocking}, {name: double, "
    "system: " SLOW_MEMORY ", streaming: double_buffered}]",
    "training.time_steps=8", "training.checkpointing=double", "training.checkpoints.local=2",
    "training.checkpoints.remote=2"};

static const struct anatomy_section *find_section(const struct anatomy_machine *machine,
                                                  const char *name)
{
    for (uint32_t i = 0; i < machine->section_count; i++) {
        if (strcmp(machine->sections[i].name, name) == 0) {
            return &machine->sections[i];
        }
    }
    fail_msg("no section %s", name);
    return NULL;
}

static void sections_are_counted_as_the_plan_calls_them(void **state)
{
    (void)state;
    struct outcome outcome = run(checkpointed, 5, NULL, &two_steps);
    assert_int_equal(outcome.status, RUN_DONE);
    const struct anatomy_machine *machine = &outcome.anatomy.machines[0];
    assert_int_equal(find_section(machine, "forward")->times, 8);
    assert_int_equal(find_section(machine, "forward again")->times, 8);
    assert_int_equal(find_section(machine, "forward again, history kept")->times, 8);
    assert_int_equal(find_section(machine, "backward")->times, 8);
    assert_int_equal(find_section(machine, "put state")->times, 2);
    uint64_t of_sections = 0;
    for (uint32_t i = 0; i < machine->section_count; i++) {
        of_sections += machine->sections[i].cycles;
    }
    assert_int_equal(of_sections, outcome.result.machines[0].cycles);
    assert_true(machine->call_count < 24); // repeated calls are loops
    free_outcome(&outcome);
}

static uint64_t sum_of(const struct anatomy_spans *spans)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < spans->count; i++) {
        sum += spans->items[i].end_cycles - spans->items[i].begin_cycles;
    }
    return sum;
}

static void transfers_are_waited_for_unless_something_runs_beside_them(void **state)
{
    (void)state;
    struct outcome outcome = run(checkpointed, 5, NULL, &two_steps);
    const struct anatomy_machine *blocking = &outcome.anatomy.machines[0];
    const struct anatomy_machine *beside = &outcome.anatomy.machines[1];
    assert_int_equal(blocking->transfers.count, 4);
    assert_int_equal(sum_of(&blocking->transfers), blocking->memory_cycles);
    assert_int_equal(sum_of(&blocking->memory_waits), blocking->memory_cycles);
    assert_int_equal(sum_of(&beside->memory_waits), beside->memory_cycles);
    assert_true(sum_of(&beside->transfers) > beside->memory_cycles);
    assert_true(beside->memory_cycles > 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(anatomy_total_cycles(&outcome.anatomy.machines[i]),
                         outcome.result.machines[i].cycles);
        assert_int_equal(sum_of(&outcome.anatomy.machines[i].stretches),
                         outcome.result.machines[i].cycles);
    }
    free_outcome(&outcome);
}

static void waiting_for_other_chips_is_part_of_the_sum_and_of_the_trace(void **state)
{
    (void)state;
    const char *const sets[] = {
        "machines=[{name: r, system: toy-4, replicas: 2}, {name: n, system: toy-4, chips: 4}]",
        "network.hidden=[24, 24, 24]"};
    char path[] = "/tmp/tilesim-trace-XXXXXX";
    close(mkstemp(path));
    struct outcome outcome = run(sets, 2, path, &two_steps);
    assert_int_equal(outcome.status, RUN_DONE);
    for (uint32_t i = 0; i < 2; i++) {
        const struct anatomy_machine *machine = &outcome.anatomy.machines[i];
        assert_true(machine->links_cycles > 0);
        assert_int_equal(sum_of(&machine->links_waits), machine->links_cycles);
        assert_int_equal(anatomy_total_cycles(machine), outcome.result.machines[i].cycles);
        struct sums sums = check_trace(path, i + 1);
        assert_int_equal(sums.leaf_cycles, outcome.result.machines[i].cycles);
    }
    free_outcome(&outcome);
    assert_int_equal(unlink(path), 0);
}

static void the_first_of_replicas_with_their_own_samples_adds_up(void **state)
{
    (void)state;
    const char *const sets[] = {
        "machines=[{name: own, system: toy-4, chips: 2, replicas: 2, replays_each: true}, "
        "{name: first, system: toy-4, chips: 2, replicas: 2}]",
        "training.batch=2", "network.hidden=[24, 24]"};
    struct outcome outcome =
        run(sets, 3, NULL, &two_steps); // sums are checked where it is observed
    assert_int_equal(outcome.status, RUN_DONE);
    const struct anatomy_machine *own = &outcome.anatomy.machines[0];
    const struct anatomy_machine *alike = &outcome.anatomy.machines[1];
    assert_true(own->has_own_samples);
    assert_false(alike->has_own_samples);
    // the all-reduce and the update end together
    assert_int_equal(anatomy_total_cycles(own), outcome.result.machines[0].cycles);
    assert_int_equal(anatomy_total_cycles(alike), outcome.result.machines[1].cycles);
    // as much computed by the first replica, another wait for the other
    assert_int_equal(own->compute_cycles, alike->compute_cycles);
    assert_int_not_equal(own->links_cycles, alike->links_cycles);
    free_outcome(&outcome);
}

static void a_trace_of_sections_nests_and_has_the_transfers(void **state)
{
    (void)state;
    char path[] = "/tmp/tilesim-trace-XXXXXX";
    close(mkstemp(path));
    struct outcome outcome = run(checkpointed, 5, path, &two_steps);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(check_trace(path, i + 1).leaf_cycles, outcome.result.machines[i].cycles);
    }
    free_outcome(&outcome);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles_of_steps_and_executions_add_up_to_the_result),
        cmocka_unit_test(waiting_for_a_slow_host_is_part_of_the_sum),
        cmocka_unit_test(no_tile_is_busy_longer_than_the_step),
        cmocka_unit_test(the_slowest_tile_explains_every_compute_set),
        cmocka_unit_test(what_is_live_fits_the_plan_of_the_fullest_tile),
        cmocka_unit_test(a_gpu_step_is_its_kernels_and_what_is_outside_them),
        cmocka_unit_test(a_machine_that_does_not_fit_has_no_anatomy),
        cmocka_unit_test(slices_nest_and_add_up_to_the_result),
        cmocka_unit_test(sections_are_counted_as_the_plan_calls_them),
        cmocka_unit_test(transfers_are_waited_for_unless_something_runs_beside_them),
        cmocka_unit_test(waiting_for_other_chips_is_part_of_the_sum_and_of_the_trace),
        cmocka_unit_test(the_first_of_replicas_with_their_own_samples_adds_up),
        cmocka_unit_test(a_trace_of_sections_nests_and_has_the_transfers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

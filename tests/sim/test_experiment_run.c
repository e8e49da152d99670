// A run from experiment to result: what adds up, what repeats, what is refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/npy.h"
#include "sim/experiment.h"
#include "sim/run/experiment_run.h"
#include "sim/run/host_memory.h"

#define TOY "configs/experiments/toy.yaml"
#define GOLDEN "configs/experiments/golden.yaml"
#define GOLDEN_TENSORS "tests/golden/lif_small"
#define COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))

struct outcome {
    enum run_status status;
    struct experiment *experiment; // owned
    struct result result;          // owned
    struct err *err;               // owned
};

static struct outcome run(const char *path, const char *const *sets, uint32_t set_count,
                          const struct run_options *options)
{
    struct outcome outcome = {.err = err_create()};
    outcome.experiment = experiment_load(path, sets, set_count, outcome.err);
    if (outcome.experiment == NULL) {
        err_print(outcome.err, stdout);
        fail_msg("%s", path);
    }
    outcome.status = experiment_run(outcome.experiment, options, &outcome.result, outcome.err);
    return outcome;
}

static void free_outcome(struct outcome *outcome)
{
    result_free(&outcome->result);
    experiment_destroy(outcome->experiment);
    err_destroy(outcome->err);
}

static const struct run_options one_thread = {.threads = 1};

// Everything of the result but how fast the simulator was, as text. Owned by the caller.
static char *text_of(const struct outcome *outcome)
{
    json_t *json = result_to_json(&outcome->result);
    json_object_del(json, "simulator");
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

static void parts_of_a_step_add_up_to_it(void **state)
{
    (void)state;
    const char *const sets[] = {
        "machines=[{chip: toy}, {chip: toy, lowering: dense}, {gpu: a100-80}]",
        "timing.training_steps=3"};
    struct outcome outcome = run(TOY, sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.status, RUN_DONE);
    assert_int_equal(outcome.result.machine_count, 7);
    for (uint32_t i = 0; i < outcome.result.machine_count; i++) {
        const struct result_machine *machine = &outcome.result.machines[i];
        double sum_seconds = machine->compute_seconds + machine->exchange_seconds +
                             machine->sync_seconds + machine->host_seconds +
                             machine->launch_seconds + machine->loop_seconds;
        assert_true(machine->step_seconds > 0);
        assert_true(fabs(sum_seconds - machine->step_seconds) <= 1e-9 * machine->step_seconds);
        assert_true(fabs(machine->samples_per_second * machine->step_seconds - 6) < 1e-9);
    }
    free_outcome(&outcome);
}

static void shares_of_a_tile_machine_add_up_to_its_cycles(void **state)
{
    (void)state;
    struct outcome outcome = run(TOY, NULL, 0, &one_thread);
    for (uint32_t i = 0; i < outcome.result.machine_count; i++) {
        const struct result_machine *machine = &outcome.result.machines[i];
        uint64_t sum_cycles = 0;
        for (uint32_t j = 0; j < machine->share_count; j++) {
            sum_cycles += machine->shares[j].cycles;
        }
        assert_int_equal(sum_cycles, machine->cycles);
    }
    free_outcome(&outcome);
}

static void the_same_run_twice_gives_the_same_bytes_at_any_number_of_threads(void **state)
{
    (void)state;
    const char *const sets[] = {"machines=[{chip: toy}, {gpu: h100}]", "training.steps=3",
                                "training.both_forms=true", "training.test_samples=10"};
    const struct run_options three_threads = {.threads = 3};
    struct outcome first = run(GOLDEN, sets, COUNT(sets), &one_thread);
    struct outcome second = run(GOLDEN, sets, COUNT(sets), &three_threads);
    char *first_text = text_of(&first);
    char *second_text = text_of(&second);
    assert_int_equal(first.status, RUN_DONE);
    assert_true(first.result.training[0].accuracy >= 0);
    assert_string_equal(first_text, second_text);
    free(first_text);
    free(second_text);
    free_outcome(&first);
    free_outcome(&second);
}

static void both_timing_engines_give_the_same_cycles(void **state)
{
    (void)state;
    const char *const sets[] = {"timing.engine=detailed"};
    struct outcome folded = run(TOY, NULL, 0, &one_thread);
    struct outcome detailed = run(TOY, sets, COUNT(sets), &one_thread);
    for (uint32_t i = 0; i < folded.result.machine_count; i++) {
        assert_true(folded.result.machines[i].cycles > 0);
        assert_int_equal(folded.result.machines[i].cycles, detailed.result.machines[i].cycles);
    }
    free_outcome(&folded);
    free_outcome(&detailed);
}

static void a_machine_that_does_not_fit_leaves_the_others_their_result(void **state)
{
    (void)state;
    const char *const sets[] = {"machines=[{chip: toy}, {chip: bow}]", "network.hidden=[1466]",
                                "network.max_activity=0.05"};
    struct outcome outcome = run(TOY, sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.status, RUN_DOES_NOT_FIT);
    assert_false(outcome.result.machines[0].fits);
    assert_non_null(outcome.result.machines[0].why);
    assert_true(outcome.result.machines[1].fits);
    assert_true(outcome.result.machines[1].step_seconds > 0);
    free_outcome(&outcome);
}

static void without_machines_the_sparse_form_is_trained(void **state)
{
    (void)state;
    struct outcome outcome = run(GOLDEN, NULL, 0, &one_thread);
    assert_int_equal(outcome.status, RUN_DONE);
    assert_int_equal(outcome.result.training_count, 1);
    assert_string_equal(outcome.result.training[0].form, "sparse");
    assert_true(outcome.result.training[0].loss[0] > 0);
    assert_true(outcome.result.training[0].accuracy == RESULT_NOTHING); // test_samples: 0
    assert_int_equal(outcome.result.activity_count, 4);
    free_outcome(&outcome);
}

static void a_dense_machine_alone_trains_the_dense_form_alone(void **state)
{
    (void)state;
    const char *const sets[] = {"machines=[{chip: toy, lowering: dense}]"};
    struct outcome outcome = run(GOLDEN, sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.result.training_count, 1);
    assert_string_equal(outcome.result.training[0].form, "dense");
    assert_int_equal(outcome.result.activity[1].slots, 16); // every neuron is listed
    assert_float_equal(outcome.result.activity[1].listed, 16, 0);
    free_outcome(&outcome);
}

static void drawn_activity_fills_the_slots_as_asked(void **state)
{
    (void)state;
    const char *const sets[] = {"activity.fill.spikes=0.5", "activity.fill.listed=1"};
    struct outcome outcome = run(TOY, sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.result.activity[1].slots, 6);
    assert_float_equal(outcome.result.activity[1].spikes, 3, 0);
    assert_float_equal(outcome.result.activity[1].listed, 6, 0);
    assert_null(outcome.result.training[0].loss);
    free_outcome(&outcome);
}

static bool has_message(const struct err *err, const char *text)
{
    for (size_t i = 0; i < err_count(err); i++) {
        if (strstr(err_message(err, i), text) != NULL) {
            return true;
        }
    }
    return false;
}

static void loaded_tensors_of_another_shape_are_refused_with_both_shapes(void **state)
{
    (void)state;
    const char *const sets[] = {"network.hidden=[15, 12]", "training.batch=5"};
    const struct run_options options = {.threads = 1, .load_directory = GOLDEN_TENSORS};
    struct outcome outcome = run(GOLDEN, sets, COUNT(sets), &options);
    assert_int_equal(outcome.status, RUN_BAD_INPUT);
    assert_true(has_message(outcome.err,
                            "/w1.npy: holds '<f4' of shape (16, 24); expected '<f4' of "
                            "shape (15, 24)"));
    assert_true(has_message(outcome.err, "/w2.npy: "));
    assert_false(has_message(outcome.err, "/w3.npy: ")); // of a shape that is right
    assert_true(has_message(outcome.err, "/labels.npy: "));
    free_outcome(&outcome);
}

static void loaded_ids_that_are_no_inputs_are_refused(void **state)
{
    (void)state;
    const char *const sets[] = {"network.inputs=20"};
    const struct run_options options = {.threads = 1, .load_directory = GOLDEN_TENSORS};
    struct outcome outcome = run(GOLDEN, sets, COUNT(sets), &options);
    assert_int_equal(outcome.status, RUN_BAD_INPUT);
    assert_true(has_message(outcome.err, "ids are below network.inputs, 20"));
    free_outcome(&outcome);
}

static void a_directory_that_is_not_there_gives_one_message(void **state)
{
    (void)state;
    const char *const places[] = {"/nonexistent", GOLDEN_TENSORS "/w1.npy"};
    const char *const reasons[] = {"No such file or directory", "not a directory"};
    for (size_t i = 0; i < 2; i++) {
        const struct run_options options = {.threads = 1, .load_directory = places[i]};
        struct outcome outcome = run(GOLDEN, NULL, 0, &options);
        char *expected = xasprintf("%s: cannot be loaded from: %s", places[i], reasons[i]);
        assert_int_equal(outcome.status, RUN_BAD_INPUT);
        assert_int_equal(err_count(outcome.err), 1);
        assert_string_equal(err_message(outcome.err, 0), expected);
        free(expected);
        free_outcome(&outcome);
    }
}

static void loaded_weights_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-run-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct run_options dump = {.threads = 1, .dump_directory = folder};
    struct outcome outcome = run(GOLDEN, NULL, 0, &dump);
    assert_int_equal(outcome.status, RUN_DONE);
    free_outcome(&outcome);
    char *path = xasprintf("%s/w2.npy", folder);
    FILE *stream = fopen(path, "r+b");
    const float nothing = NAN;
    assert_int_equal(fseek(stream, 128 + 4 * (3 * 16 + 5), SEEK_SET), 0); // after the header
    assert_int_equal(fwrite(&nothing, sizeof nothing, 1, stream), 1);
    assert_int_equal(fclose(stream), 0);
    const struct run_options load = {.threads = 1, .load_directory = folder};
    outcome = run(GOLDEN, NULL, 0, &load);
    assert_int_equal(outcome.status, RUN_BAD_INPUT);
    assert_true(
        has_message(outcome.err, "/w2.npy: the weight at (3, 5) is nan; it must be finite"));
    free_outcome(&outcome);
    free(path);
    char *command = xasprintf("rm -r %s", folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static void check_file(const char *folder, const char *name, const struct npy_shape *shape)
{
    char *path = xasprintf("%s/%s.npy", folder, name), *why = NULL;
    void *items = NULL;
    assert_true(npy_read_shaped(path, NPY_FLOAT32, shape, &items, &why));
    free(items);
    free(path);
}

// Biases and values come back as they went out: the same step from them has the same loss.
static void analog_tensors_can_be_loaded_again(void **state)
{
    (void)state;
    char folder[] = "/tmp/tilesim-run-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *sets[] = {
        "machines=[]", "network={slots: null, max_activity: 1, input: analog, bias: true}",
        "network.neuron=leaky", "training={loss: membranes, test_samples: 0}", "seed=3"};
    const struct run_options dump = {.threads = 1, .dump_directory = folder};
    struct outcome dumped = run(GOLDEN, sets, COUNT(sets), &dump);
    assert_int_equal(dumped.status, RUN_DONE);
    sets[4] = "seed=4"; // other weights, another batch
    const struct run_options load = {.threads = 1, .load_directory = folder};
    struct outcome loaded = run(GOLDEN, sets, COUNT(sets), &load);
    assert_int_equal(loaded.status, RUN_DONE);
    struct outcome fresh = run(GOLDEN, sets, COUNT(sets), &one_thread);
    double loss = dumped.result.training[0].loss[0];
    assert_true(loss > 0.0 && loaded.result.training[0].loss[0] == loss);
    assert_true(fresh.result.training[0].loss[0] != loss);
    check_file(folder, "b1", &(struct npy_shape){1, {16}});
    check_file(folder, "db3", &(struct npy_shape){1, {4}});
    check_file(folder, "input", &(struct npy_shape){3, {6, 1, 24}});
    free_outcome(&dumped);
    free_outcome(&loaded);
    free_outcome(&fresh);
    char *command = xasprintf("rm -r %s", folder);
    assert_int_equal(system(command), 0);
    free(command);
}

static void a_dump_that_cannot_be_written_is_a_fault(void **state)
{
    (void)state;
    const struct run_options options = {.threads = 1, .dump_directory = "/dev/null/dump"};
    struct outcome outcome = run(GOLDEN, NULL, 0, &options);
    assert_int_equal(outcome.status, RUN_FAILED);
    assert_true(has_message(outcome.err, "/dev/null/dump: cannot make the directory"));
    free_outcome(&outcome);
}

static void membranes_beyond_float16_end_the_run_with_one_message(void **state)
{
    (void)state;
    const char *const sets[] = {"training.precision=float16", "network.gain=1e6"};
    struct outcome outcome = run(GOLDEN, sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.status, RUN_FAILED);
    assert_int_equal(err_count(outcome.err), 1);
    assert_string_equal(
        err_message(outcome.err, 0),
        "training step 1: weights or states of layer 1 are not finite (precision float16)");
    free_outcome(&outcome);
    outcome = run(GOLDEN, sets + 1, COUNT(sets) - 1, &one_thread);
    assert_int_equal(outcome.status, RUN_DONE); // float32 goes further
    free_outcome(&outcome);
}

static void a_run_that_no_host_can_hold_is_refused_before_it_starts(void **state)
{
    (void)state;
    const char *const sets[][2] = {
        {"network.inputs=1048576", "network.hidden=[1048576]"},
        // of the ids of 8 time steps at least: 330 GB
        {"training.batch=65536", "network.hidden=[1048576,1048576,1048576]"},
    };
    const char *const files[] = {GOLDEN, TOY}; // functional, drawn
    for (size_t i = 0; i < 2; i++) {
        const char *slots[] = {"network.slots=null", "network.max_activity=0.05", sets[i][0],
                               sets[i][1], "timing.training_steps=1"};
        struct outcome outcome = run(files[i], slots, COUNT(slots), &one_thread);
        assert_int_equal(outcome.status, RUN_FAILED);
        assert_int_equal(err_count(outcome.err), 1);
        assert_true(has_message(outcome.err, "GiB of this host's memory, which has"));
        free_outcome(&outcome);
    }
}

static void needed_memory_is_counted_by_hand(void **state)
{
    (void)state;
    const char *const sets[] = {"timing.training_steps=1"};
    struct err *err = err_create();
    struct experiment *golden = experiment_load(GOLDEN, sets, 1, err);
    struct experiment *toy = experiment_load(TOY, sets, 1, err);
    assert_int_equal(err_count(err), 0);
    const double weights = 24 * 16 + 16 * 12 + 12 * 4;
    const double record = 12 * 6 * (6 + 8 + 8 + 4 + 4 * 2) * 4, batch = 12 * 6 * (6 + 1) * 4;
    assert_true(host_memory_needed_bytes(golden, 1u << FORM_SPARSE) ==
                weights * 4 * 4 + record + batch);
    // of all 4 time steps ids are kept, counts are equal at all; the dense form is not drawn
    const double drawn = 6 * (4 * (4 + 6 + 4 + 2) + 4 * 2) * 4;
    assert_true(host_memory_needed_bytes(toy, 1u << FORM_SPARSE | 1u << FORM_DENSE) == drawn);
    const char *const analog_sets[] = {"timing.training_steps=1", "network.slots.0=24",
                                       "network.input=analog", "network.bias=true"};
    struct experiment *analog = experiment_load(GOLDEN, analog_sets, COUNT(analog_sets), err);
    assert_int_equal(err_count(err), 0);
    const double analog_record = 12 * 6 * (8 + 8 + 4 + 4 * 2) * 4; // no ids of the input
    assert_true(host_memory_needed_bytes(analog, 1u << FORM_SPARSE) ==
                (weights + 16 + 12 + 4) * 4 * 4 + analog_record + 6 * 24 * 4);
    experiment_destroy(golden);
    experiment_destroy(toy);
    experiment_destroy(analog);
    err_destroy(err);
}

static void missing_data_is_bad_input(void **state)
{
    (void)state;
    const char *const sets[] = {"data.directory=/nonexistent"};
    struct outcome outcome =
        run("configs/experiments/fashion-mnist.yaml", sets, COUNT(sets), &one_thread);
    assert_int_equal(outcome.status, RUN_BAD_INPUT);
    assert_true(has_message(outcome.err, "/nonexistent"));
    free_outcome(&outcome);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_step_add_up_to_it),
        cmocka_unit_test(shares_of_a_tile_machine_add_up_to_its_cycles),
        cmocka_unit_test(the_same_run_twice_gives_the_same_bytes_at_any_number_of_threads),
        cmocka_unit_test(both_timing_engines_give_the_same_cycles),
        cmocka_unit_test(a_machine_that_does_not_fit_leaves_the_others_their_result),
        cmocka_unit_test(without_machines_the_sparse_form_is_trained),
        cmocka_unit_test(a_dense_machine_alone_trains_the_dense_form_alone),
        cmocka_unit_test(drawn_activity_fills_the_slots_as_asked),
        cmocka_unit_test(loaded_tensors_of_another_shape_are_refused_with_both_shapes),
        cmocka_unit_test(loaded_ids_that_are_no_inputs_are_refused),
        cmocka_unit_test(a_directory_that_is_not_there_gives_one_message),
        cmocka_unit_test(loaded_weights_that_are_no_numbers_are_refused),
        cmocka_unit_test(analog_tensors_can_be_loaded_again),
        cmocka_unit_test(a_dump_that_cannot_be_written_is_a_fault),
        cmocka_unit_test(membranes_beyond_float16_end_the_run_with_one_message),
        cmocka_unit_test(a_run_that_no_host_can_hold_is_refused_before_it_starts),
        cmocka_unit_test(needed_memory_is_counted_by_hand),
        cmocka_unit_test(missing_data_is_bad_input),
    };
    return cmocka_run_group_tests_name("experiment run", tests, NULL, NULL);
}

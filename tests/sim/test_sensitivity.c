// Sensitivity: what an uncertain value does at the ends of its range, against runs with that value.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/experiment.h"
#include "sim/run/experiment_run.h"

#define TOY "configs/experiments/toy.yaml"
#define GATHER "configs/validation/exchange/gather.yaml"
#define UNCERTAIN "uncertain=[{key: activity.fill.input_spikes, low: 0.25, high: 1}]"

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

struct done {
    struct experiment *experiment;
    struct result result;
};

static struct done run(const char *path, const char *const *sets, uint32_t set_count,
                       const struct run_options *options)
{
    struct err *err = err_create();
    struct done done = {.experiment = experiment_load(path, sets, set_count, err)};
    assert_non_null(done.experiment);
    assert_int_equal(experiment_run(done.experiment, options, &done.result, err), RUN_DONE);
    err_destroy(err);
    return done;
}

static void done_free(struct done *done)
{
    result_free(&done->result);
    experiment_destroy(done->experiment);
}

static const struct result_sensitivity *find(const struct result_machine *machine, const char *key)
{
    for (uint32_t i = 0; i < machine->sensitivity_count; i++) {
        if (strcmp(machine->sensitivity[i].key, key) == 0) {
            return &machine->sensitivity[i];
        }
    }
    fail_msg("no sensitivity to %s", key);
    return NULL;
}

static double step_seconds_with(const char *set)
{
    const struct run_options options = {.threads = 1};
    struct done done = run(TOY, &set, 1, &options);
    double seconds = done.result.machines[0].step_seconds;
    done_free(&done);
    return seconds;
}

static void an_end_is_what_a_run_with_that_value_gives(void **state)
{
    (void)state;
    const char *sets[] = {UNCERTAIN};
    const struct run_options options = {.threads = 2, .has_sensitivity = true};
    struct done done = run(TOY, sets, 1, &options);
    const struct result_machine *sparse = &done.result.machines[0];
    const struct result_sensitivity *sync = find(sparse, "exchange.sync_cycles");
    assert_string_equal(done.result.sensitivity_of, "step_seconds");
    assert_string_equal(sync->of, "chip");
    assert_close(sync->at_low, step_seconds_with("machines.0.chip.exchange.sync_cycles=60"));
    assert_close(sync->at_high, step_seconds_with("machines.0.chip.exchange.sync_cycles=123"));
    assert_close(sync->change_low, sync->at_low / sparse->step_seconds - 1);
    assert_true(sync->change_low < 0 && sync->change_high > 0);
    const struct result_sensitivity *fill = find(sparse, "activity.fill.input_spikes");
    assert_string_equal(fill->of, "experiment");
    assert_close(fill->at_low, step_seconds_with("activity.fill.input_spikes=0.25"));
    assert_true(fill->change_low < 0); // fewer ids
    done_free(&done);
}

static void the_largest_change_comes_first_for_any_number_of_processes(void **state)
{
    (void)state;
    const struct run_options one = {.threads = 1, .has_sensitivity = true};
    const struct run_options three = {.threads = 3, .has_sensitivity = true};
    struct done a = run(TOY, NULL, 0, &one);
    struct done b = run(TOY, NULL, 0, &three);
    const struct result_machine *machine = &a.result.machines[0];
    assert_int_equal(machine->sensitivity_count, a.experiment->machines[0].chip->uncertain_count);
    double last = INFINITY; // where an end does not run
    for (uint32_t i = 0; i < machine->sensitivity_count; i++) {
        const struct result_sensitivity *entry = &machine->sensitivity[i];
        const struct result_sensitivity *other = &b.result.machines[0].sensitivity[i];
        bool runs = !isnan(entry->change_low) && !isnan(entry->change_high);
        double weight = runs ? fmax(fabs(entry->change_low), fabs(entry->change_high)) : INFINITY;
        assert_true(weight <= last);
        last = weight;
        assert_string_equal(entry->key, other->key);
        assert_true(entry->at_low == other->at_low && entry->at_high == other->at_high);
    }
    done_free(&a);
    done_free(&b);
}

static void the_run_itself_is_not_changed(void **state)
{
    (void)state;
    const struct run_options plain = {.threads = 1};
    const struct run_options varied = {.threads = 1, .has_sensitivity = true};
    struct done a = run(TOY, NULL, 0, &plain);
    struct done b = run(TOY, NULL, 0, &varied);
    assert_true(a.result.machines[0].step_seconds == b.result.machines[0].step_seconds);
    assert_null(a.result.sensitivity_of);
    assert_int_equal(a.result.machines[0].sensitivity_count, 0);
    assert_int_equal(b.experiment->machines[0].chip->exchange.sync_cycles,
                     a.experiment->machines[0].chip->exchange.sync_cycles);
    done_free(&a);
    done_free(&b);
}

static void a_microbenchmark_watches_the_quantity_of_its_validation(void **state)
{
    (void)state;
    const struct run_options options = {.threads = 2, .has_sensitivity = true};
    struct done done = run(GATHER, NULL, 0, &options);
    assert_string_equal(done.result.sensitivity_of, "seconds");
    assert_true(find(&done.result.machines[0], "exchange.sync_cycles")->change_high > 0.01);
    done_free(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_is_what_a_run_with_that_value_gives),
        cmocka_unit_test(the_largest_change_comes_first_for_any_number_of_processes),
        cmocka_unit_test(the_run_itself_is_not_changed),
        cmocka_unit_test(a_microbenchmark_watches_the_quantity_of_its_validation),
    };
    return cmocka_run_group_tests_name("sensitivity", tests, NULL, NULL);
}

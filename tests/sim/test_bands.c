// Error bands of results: of presets, of what users make of them, of speed-ups.
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

// set: NULL for none.
static struct done run(const char *path, const char *set)
{
    struct err *err = err_create();
    const char *sets[] = {set};
    const struct run_options options = {.threads = 1};
    struct done done = {.experiment = experiment_load(path, sets, set != NULL, err)};
    assert_non_null(done.experiment);
    assert_int_equal(experiment_run(done.experiment, &options, &done.result, err), RUN_DONE);
    err_destroy(err);
    return done;
}

static void done_free(struct done *done)
{
    result_free(&done->result);
    experiment_destroy(done->experiment);
}

static void assert_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

static double band_in_file(const struct done *done, const char *of)
{
    const struct chip_config *chip = done->experiment->machines[0].chip;
    const struct error_band *band = error_band_find(chip->error_bands, chip->error_band_count, of);
    assert_non_null(band);
    return band->relative;
}

static void a_preset_has_the_band_of_its_file(void **state)
{
    (void)state;
    struct done done = run(TOY, NULL);
    const struct result_machine *sparse = &done.result.machines[0];
    assert_close(sparse->error_band, band_in_file(&done, "sparse"));
    assert_text(sparse->why, "error_band: estimate: the measured runs had the older B4; 4 times");
    assert_close(done.result.machines[1].error_band, band_in_file(&done, "dense"));
    done_free(&done);
}

static void a_changed_chip_gets_twice_the_band_and_names_the_key(void **state)
{
    (void)state;
    struct done done = run(TOY, "machines.0.chip.clock_hz=2e9");
    const struct result_machine *changed = &done.result.machines[0];
    assert_close(changed->error_band, 2 * band_in_file(&done, "sparse"));
    assert_text(changed->why, "twice the band of toy, from which 1 key differs: clock_hz (");
    assert_close(done.result.machines[1].error_band,
                 band_in_file(&done, "dense")); // the other machine is as in the file
    done_free(&done);
}

static void a_chip_of_another_name_is_still_compared(void **state)
{
    (void)state;
    struct done done =
        run(TOY, "machines=[{chip: {base: toy, name: mine, exchange: {sync_cycles: 80}, tile: "
                 "{launch_cycles: 20}}}]");
    assert_text(done.result.machines[0].why, "2 keys differ: tile.launch_cycles, "
                                             "exchange.sync_cycles");
    done_free(&done);
    done = run(TOY, "machines=[{chip: {base: toy, name: mine}}]"); // a name changes no time
    assert_close(done.result.machines[0].error_band, band_in_file(&done, "sparse"));
    done_free(&done);
}

static void a_microbenchmark_has_the_band_of_its_kind(void **state)
{
    (void)state;
    struct done done = run(GATHER, NULL);
    assert_close(done.result.machines[0].error_band, band_in_file(&done, "exchange"));
    assert_text(done.result.machines[0].why, "error_band: exchange");
    done_free(&done);
}

static void a_gpu_says_why_its_band_is_what_it_is(void **state)
{
    (void)state;
    struct done done = run(TOY, "machines=[{chip: toy}, {gpu: a100-80, baselines: [b0, b3]}]");
    for (uint32_t i = 1; i < 3; i++) {
        assert_true(done.result.machines[i].error_band > 0);
        assert_true(strlen(done.result.machines[i].why) > strlen("error_band: the GPU file gives "
                                                                 "it"));
    }
    const struct result_speedup *speedup = &done.result.speedups[0];
    double tiles = done.result.machines[0].error_band;
    double gpu = done.result.machines[1].error_band;
    assert_close(speedup->error_band, sqrt(tiles * tiles + gpu * gpu));
    done_free(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_preset_has_the_band_of_its_file),
        cmocka_unit_test(a_changed_chip_gets_twice_the_band_and_names_the_key),
        cmocka_unit_test(a_chip_of_another_name_is_still_compared),
        cmocka_unit_test(a_microbenchmark_has_the_band_of_its_kind),
        cmocka_unit_test(a_gpu_says_why_its_band_is_what_it_is),
    };
    return cmocka_run_group_tests_name("error bands", tests, NULL, NULL);
}

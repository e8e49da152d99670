// Runs a workload kind on the fixture's chip from the text of its keys. Include before anything
// else.
#ifndef TILESIM_TESTS_SIM_WORKLOAD_FIXTURE_H
#define TILESIM_TESTS_SIM_WORKLOAD_FIXTURE_H

#include "tests/sim/config_fixture.h"

#include <math.h>

#include "sim/experiment.h"
#include "sim/workload/workload.h"
#include "tests/sim/fixture_chip.h"

// text: the keys of the section `workload`, without `kind`. *why: NULL, or owned.
static inline void run_workload_at(const struct machine_config *machine,
                                   const struct workload_kind *kind, const char *text,
                                   struct workload_result *result, char **why)
{
    write_text("workload.yaml", text);
    struct err *err = err_create();
    struct config *config = config_create();
    const struct node *root = config_read(config, "workload.yaml", NULL, err);
    void *workload = xcalloc(1, kind->config_bytes);
    assert_true(root != NULL && config_bind(config, kind->keys, root, "", workload, err));
    *why = NULL;
    bool is_done = kind->run(workload, machine, result, why);
    assert_int_equal(is_done, *why == NULL);
    config_free(kind->keys, workload);
    free(workload);
    config_destroy(config);
    err_destroy(err);
}

static inline struct workload_result run_workload_on(struct chip_config *chip,
                                                     const struct workload_kind *kind,
                                                     const char *text, char **why)
{
    struct machine_config machine = {
        .name = (char *)"fixture", .chip = chip, .parallel = {.chips = 1, .replicas = 1}};
    struct workload_result result = {0};
    run_workload_at(&machine, kind, text, &result, why);
    return result;
}

static inline struct workload_result run_workload(const struct workload_kind *kind,
                                                  const char *text, char **why)
{
    struct chip_config chip = fixture_chip();
    return run_workload_on(&chip, kind, text, why);
}

static inline double workload_quantity(const struct workload_result *result, const char *name)
{
    for (uint32_t i = 0; i < result->quantity_count; i++) {
        if (strcmp(result->quantities[i].name, name) == 0) {
            return result->quantities[i].value;
        }
    }
    fail_msg("no quantity '%s'", name);
    return 0;
}

static inline double workload_quantity_on(struct chip_config *chip,
                                          const struct workload_kind *kind, const char *text,
                                          const char *name)
{
    char *why;
    struct workload_result result = run_workload_on(chip, kind, text, &why);
    assert_null(why);
    return workload_quantity(&result, name);
}

static inline double workload_quantity_of(const struct workload_kind *kind, const char *text,
                                          const char *name)
{
    struct chip_config chip = fixture_chip();
    return workload_quantity_on(&chip, kind, text, name);
}

static inline void expect_refused(const struct workload_kind *kind, const char *text,
                                  const char *expected)
{
    char *why;
    run_workload(kind, text, &why);
    assert_non_null(why);
    assert_string_equal(why, expected);
    free(why);
}

static inline void expect_quantity(const struct workload_kind *kind, const char *text,
                                   const char *name, double value)
{
    double given = workload_quantity_of(kind, text, name);
    if (fabs(given - value) > 1e-12 * value) {
        fail_msg("%s: %s is %.17g, not %.17g", text, name, given, value);
    }
}

#endif

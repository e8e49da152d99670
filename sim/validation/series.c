#include "sim/validation/series.h"

#include <stdlib.h>
#include <string.h>

#include "sim/run/experiment_run.h"
#include "sim/run/workload_run.h"

#define FOLDER "validation"

// --- files --------------------------------------------------------------------------------------
static void series_free(struct series *series)
{
    validation_destroy(series->validation);
    config_destroy(series->config);
    free(series->path);
}

static bool read_series(const char *path, const char *group, struct series *series, struct err *err)
{
    *series = (struct series){.path = xstrdup(path), .config = config_create()};
    const struct node *root = config_read(series->config, path, "experiments", err);
    series->validation = root == NULL ? NULL : validation_read(series->config, root, err);
    if (series->validation != NULL) {
        series->quantity_mark = config_mark(root, "validation.quantity");
        series->root = config_without(series->config, root, "validation");
        if (strcmp(series->validation->group, group) == 0) {
            return true;
        }
        struct mark mark = config_mark(root, "validation.group");
        err_at(err, &mark, "validation.group: '%s', but the file is in the folder of '%s'",
               series->validation->group, group);
    }
    series_free(series);
    return false;
}

static void read_file(const char *name, const char *group, const char *wanted,
                      struct series_list *list, struct err *err)
{
    struct series series;
    char *folder = xasprintf(FOLDER "/%s", group);
    char *path = config_find_file(name, folder);
    if (path != NULL && read_series(path, group, &series, err)) {
        if (wanted == NULL || strcmp(series.validation->series, wanted) == 0) {
            list->series = xrealloc(list->series, (list->count + 1) * sizeof(*list->series));
            list->series[list->count++] = series;
        } else {
            series_free(&series);
        }
    }
    free(path);
    free(folder);
}

static void read_group(const char *group, const char *wanted, struct series_list *list,
                       struct err *err)
{
    char *folder = xasprintf(FOLDER "/%s", group);
    char **names = config_list_names(folder);
    for (char **name = names; *name != NULL; name++) {
        read_file(*name, group, wanted, list, err);
        free(*name);
    }
    free(names);
    free(folder);
}

static const char *text_at(const void *texts, uint32_t i)
{
    return ((char *const *)texts)[i];
}

static void report_nothing(const char *group, const char *series, char *const *groups,
                           struct err *err)
{
    char *suggestion = group == NULL ? xstrdup("") : config_suggest(group, text_at, groups);
    if (series != NULL) {
        err_at(err, NULL, "there is no series '%s' in configs/" FOLDER "/%s%s", series, group,
               suggestion);
    } else if (group != NULL) {
        err_at(err, NULL, "there is no group '%s' in configs/" FOLDER "%s", group, suggestion);
    } else {
        err_at(err, NULL, "there are no points in configs/" FOLDER);
    }
    free(suggestion);
}

bool series_read_all(const char *group, const char *series, struct series_list *list,
                     struct err *err)
{
    size_t faults = err_count(err);
    char **groups = config_list_folders(FOLDER);
    *list = (struct series_list){0};
    for (char **name = groups; *name != NULL; name++) {
        if (group == NULL || strcmp(*name, group) == 0) {
            read_group(*name, series, list, err);
        }
    }
    if (list->count == 0 && err_count(err) == faults) {
        report_nothing(group, series, groups, err);
    }
    for (char **name = groups; *name != NULL; name++) {
        free(*name);
    }
    free(groups);
    if (err_count(err) > faults) {
        series_list_free(list);
        return false;
    }
    return true;
}

void series_list_free(struct series_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        series_free(&list->series[i]);
    }
    free(list->series);
    *list = (struct series_list){0};
}

// --- points -------------------------------------------------------------------------------------
struct experiment *series_bind(const struct series *series, const struct validation_point *point,
                               struct err *err)
{
    return experiment_bind(config_create_on(series->config), series->root,
                           (const char *const *)point->set, point->set_count, err);
}

static const struct {
    const char *name;
    size_t offset;
} training_quantities[] = {
    {"step_seconds", offsetof(struct result_machine, step_seconds)},
    {"samples_per_second", offsetof(struct result_machine, samples_per_second)},
    {"compute_seconds", offsetof(struct result_machine, compute_seconds)},
    {"exchange_seconds", offsetof(struct result_machine, exchange_seconds)},
    {"sync_seconds", offsetof(struct result_machine, sync_seconds)},
    {"links_seconds", offsetof(struct result_machine, links_seconds)},
    {"memory_seconds", offsetof(struct result_machine, memory_seconds)},
    {"host_seconds", offsetof(struct result_machine, host_seconds)},
    {"launch_seconds", offsetof(struct result_machine, launch_seconds)},
    {"loop_seconds", offsetof(struct result_machine, loop_seconds)},
};
#define TRAINING_QUANTITIES (sizeof(training_quantities) / sizeof(training_quantities[0]))

static bool find_quantity(const struct result *result, const char *name, double *value)
{
    const struct result_machine *machine = &result->machines[0];
    for (uint32_t i = 0; i < machine->quantity_count; i++) {
        if (strcmp(machine->quantities[i].name, name) == 0) {
            *value = machine->quantities[i].value;
            return true;
        }
    }
    for (size_t i = 0; result->workload == NULL && i < TRAINING_QUANTITIES; i++) {
        if (strcmp(training_quantities[i].name, name) == 0) {
            memcpy(value, (const char *)machine + training_quantities[i].offset, sizeof(*value));
            return true;
        }
    }
    if (result->workload == NULL && strcmp(name, "cycles") == 0) {
        *value = (double)machine->cycles;
        return true;
    }
    return false;
}

// Names of what could have been asked for. Owned.
static char *list_quantities(const struct result *result)
{
    const struct result_machine *machine = &result->machines[0];
    bool trains = result->workload == NULL;
    char *all = xstrdup(trains ? "cycles" : "");
    size_t count = trains ? TRAINING_QUANTITIES : machine->quantity_count;
    for (size_t i = 0; i < count; i++) {
        const char *name = trains ? training_quantities[i].name : machine->quantities[i].name;
        char *longer = xasprintf("%s%s%s", all, all[0] == '\0' ? "" : ", ", name);
        free(all);
        all = longer;
    }
    return all;
}

static void take_value(const struct series *series, const struct result *result,
                       struct point_run *out, struct err *err)
{
    const char *name = series->validation->quantity;
    if (result->machine_count == 0) {
        err_at(err, NULL, "%s: a point needs a machine", series->path);
        out->is_bad_input = true;
    } else if (!result->machines[0].fits) {
        err_at(err, NULL, "%s does not fit: %s", result->machines[0].name, result->machines[0].why);
    } else if (!find_quantity(result, name, &out->value)) {
        char *all = list_quantities(result);
        err_at(err, &series->quantity_mark, "validation.quantity: there is no '%s'; there are: %s",
               name, all);
        free(all);
        out->is_bad_input = true;
    } else {
        out->is_done = true;
    }
}

// What a microbenchmark costs beside its own work matters: there are hundreds. So no resolved
// configuration is made for it.
static enum run_status run_one(const struct experiment *experiment, struct result *result,
                               struct err *err)
{
    const struct run_options options = {.threads = 1};
    *result = (struct result){0};
    return experiment->workload.kind != NULL ? workload_run(experiment, &options, result, err)
                                             : experiment_run(experiment, &options, result, err);
}

static void say_why(struct point_run *out, const struct err *err)
{
    if (!out->is_done && err_count(err) > 0) {
        snprintf(out->why, sizeof(out->why), "%s", err_message(err, 0));
    }
}

void series_run_bound(const struct series *series, const struct experiment *experiment,
                      struct point_run *out)
{
    struct err *err = err_create();
    struct result result;
    *out = (struct point_run){.is_done = false};
    enum run_status status = run_one(experiment, &result, err);
    if (status == RUN_DONE || status == RUN_DOES_NOT_FIT) {
        take_value(series, &result, out, err);
    } else {
        out->is_bad_input = status == RUN_BAD_INPUT;
    }
    result_free(&result);
    say_why(out, err);
    err_destroy(err);
}

void series_run_point(const struct series *series, uint32_t point, struct point_run *out)
{
    struct err *err = err_create();
    struct experiment *experiment = series_bind(series, &series->validation->points[point], err);
    if (experiment != NULL) {
        series_run_bound(series, experiment, out);
        experiment_destroy(experiment);
    } else {
        *out = (struct point_run){.is_bad_input = true};
        say_why(out, err);
    }
    err_destroy(err);
}

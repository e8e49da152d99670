#include "sim/validation/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run/progress.h"
#include "sim/validation/claim.h"
#include "sim/validation/fork_map.h"
#include "sim/validation/parameters.h"
#include "sim/version.h"

struct job { // one point
    const struct series *series;
    uint32_t point;
};

static void run_job(const void *context, uint32_t i, void *result)
{
    const struct job *jobs = context;
    series_run_point(jobs[i].series, jobs[i].point, result);
}

static uint32_t list_jobs(const struct series_list *list, struct job **jobs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        count += list->series[i].validation->point_count;
    }
    *jobs = xcalloc(count + 1, sizeof(**jobs));
    count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t points = list->series[i].validation->point_count;
        for (uint32_t j = 0; !series_is_claim(&list->series[i]) && j < points; j++) {
            (*jobs)[count++] = (struct job){&list->series[i], j};
        }
    }
    return count;
}

static bool is_said(const struct point_run *runs, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++) {
        if (runs[j].is_bad_input && strcmp(runs[j].why, runs[i].why) == 0) {
            return true;
        }
    }
    return false;
}

// A file that is wrong ends the validation; a point that a machine cannot run does not. What is
// wrong with a chip is wrong with all points on it, and said once.
static void report_bad_input(const struct job *jobs, const struct point_run *runs, uint32_t count,
                             struct err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i].is_bad_input && !is_said(runs, i)) {
            err_at(err, NULL, "%s --point %s: %s", jobs[i].series->path,
                   jobs[i].series->validation->points[jobs[i].point].id, runs[i].why);
        }
    }
}

static char *join_sets(const struct validation_point *point)
{
    char *all = xstrdup("");
    for (uint32_t i = 0; i < point->set_count; i++) {
        char *longer = xasprintf("%s%s%s", all, i == 0 ? "" : " ", point->set[i]);
        free(all);
        all = longer;
    }
    return all;
}

static void fill_point(const struct validation_point *point, const struct point_run *run,
                       struct validated_point *out)
{
    bool is_hand = isnan(point->measured);
    *out = (struct validated_point){
        .id = point->id,
        .note = point->note,
        .set = join_sets(point),
        .is_hand = is_hand,
        .reference = is_hand ? point->hand : point->measured,
        .modelled = run->value,
    };
    out->error = out->modelled / out->reference - 1;
    if (!run->is_done) {
        out->why = xstrdup(run->why[0] == '\0' ? "its process died" : run->why);
    }
}

static void fill_series(const struct series *series, const struct point_run *runs,
                        struct validated_series *out)
{
    const struct validation *validation = series->validation;
    *out = (struct validated_series){
        .series = validation->series,
        .quantity = validation->quantity,
        .source = validation->source,
        .path = series->path,
        .points = xcalloc(validation->point_count + 1, sizeof(*out->points)),
        .point_count = validation->point_count,
    };
    for (uint32_t i = 0; i < validation->point_count; i++) {
        fill_point(&validation->points[i], &runs[i], &out->points[i]);
    }
}

static bool fill_fitted(const struct series_list *list, struct validated_group *group,
                        struct err *err)
{
    struct parameter_list parameters;
    bool is_right = parameters_find(list, group->group, NULL, &parameters, err);
    group->fitted = xcalloc(parameters.count + 1, sizeof(*group->fitted));
    group->fitted_count = parameters.count;
    for (uint32_t i = 0; i < parameters.count; i++) {
        const struct parameter *from = &parameters.parameters[i];
        group->fitted[i] = (struct fitted_parameter){
            .file = xstrdup(from->value_file),
            .key = xstrdup(from->key),
            .fitted_to = xstrdup(from->fitted_to),
            .value = from->value,
            .low = from->low,
            .high = from->high,
            .rows = parameter_count_rows(from, list),
            .residual = from->residual,
            .left_out = from->left_out,
        };
    }
    parameters_free(&parameters);
    return is_right;
}

// Series come sorted by group.
static bool fill_result(const struct series_list *list, const struct point_run *runs,
                        struct validation_result *result, struct err *err)
{
    bool is_right = true;
    result->groups = xcalloc(list->count + 1, sizeof(*result->groups));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct validation *validation = list->series[i].validation;
        if (series_is_claim(&list->series[i])) {
            continue;
        }
        bool is_new =
            i == 0 || strcmp(list->series[i - 1].validation->group, validation->group) != 0;
        struct validated_group *group = &result->groups[result->group_count - !is_new];
        if (is_new) {
            result->group_count++;
            group->group = validation->group;
            group->series = xcalloc(list->count, sizeof(*group->series));
            is_right = fill_fitted(list, group, err) && is_right;
        }
        fill_series(&list->series[i], runs, &group->series[group->series_count++]);
        runs += validation->point_count;
    }
    return is_right;
}

bool validate_run(const struct series_list *list, uint32_t processes, bool has_progress,
                  struct validation_result *result, struct err *err)
{
    double started_seconds = wall_seconds();
    struct job *jobs;
    uint32_t count = list_jobs(list, &jobs);
    struct point_run *runs = xcalloc(count + 1, sizeof(*runs));
    struct fork_map map = {
        .count = count,
        .processes = processes,
        .work = run_job,
        .context = jobs,
        .result_bytes = sizeof(*runs),
        .progress = has_progress ? "points" : NULL,
    };
    char *why = NULL;
    size_t faults = err_count(err);
    *result = (struct validation_result){.version = TILESIM_VERSION, .git = version_git()};
    if (!fork_map_run(&map, runs, &why)) {
        err_at(err, NULL, "%s", why);
        free(why);
    }
    report_bad_input(jobs, runs, count, err);
    if (err_count(err) == faults && fill_result(list, runs, result, err)) {
        validation_result_summarise(result);
        result->host_seconds = wall_seconds() - started_seconds;
    }
    free(runs);
    free(jobs);
    return err_count(err) == faults;
}

#include "sim/validation/claim.h"

#include <stdlib.h>
#include <string.h>

#include "sim/run/experiment_run.h"
#include "sim/validation/fork_map.h"

struct claim_job { // one point
    const struct series *series;
    uint32_t point;
};

bool series_is_claim(const struct series *series)
{
    return series->validation->claimed != NULL;
}

static void copy_name(char *to, const char *from)
{
    snprintf(to, CLAIM_NAME_BYTES, "%s", from);
}

static void take_machine(const struct result_machine *from, struct claim_machine *to)
{
    *to = (struct claim_machine){
        .is_tiles = strcmp(from->kind, "tiles") == 0,
        .fits = from->fits,
        .step_seconds = from->step_seconds,
        .compute = from->compute_seconds,
        .exchange = from->exchange_seconds,
        .sync = from->sync_seconds,
        .launch = from->launch_seconds,
        .loop = from->loop_seconds,
    };
    copy_name(to->name, from->name);
    double most_seconds = 0;
    for (uint32_t i = 0; i < from->share_count; i++) {
        if (from->shares[i].seconds > most_seconds) {
            most_seconds = from->shares[i].seconds;
            copy_name(to->largest, from->shares[i].name);
        }
    }
    to->largest_part = from->fits ? most_seconds / from->step_seconds : 0;
}

static void run_point(const void *context, uint32_t i, void *out)
{
    const struct claim_job *job = &((const struct claim_job *)context)[i];
    const struct validation_point *point = &job->series->validation->points[job->point];
    const struct run_options options = {.threads = 1};
    struct claim_point *claim = out;
    struct err *err = err_create();
    struct result result = {0};
    struct experiment *experiment = series_bind(job->series, point, err);
    enum run_status status =
        experiment == NULL ? RUN_BAD_INPUT : experiment_run(experiment, &options, &result, err);
    if (status == RUN_DONE || status == RUN_DOES_NOT_FIT) {
        for (uint32_t j = 0; j < result.machine_count && j < CLAIM_MACHINES_MAX; j++) {
            take_machine(&result.machines[j], &claim->machines[claim->machine_count++]);
        }
    } else {
        snprintf(claim->why, sizeof(claim->why), "%s",
                 err_count(err) > 0 ? err_message(err, 0) : "it failed");
    }
    result_free(&result);
    experiment_destroy(experiment);
    err_destroy(err);
}

static uint32_t list_claims(const struct series_list *list, struct claim_job *jobs)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct series *series = &list->series[i];
        for (uint32_t j = 0; series_is_claim(series) && j < series->validation->point_count; j++) {
            if (jobs != NULL) {
                jobs[count] = (struct claim_job){series, j};
            }
            count++;
        }
    }
    return count;
}

bool claim_run(const struct series_list *list, uint32_t processes, bool has_progress,
               struct claim_result *result, struct err *err)
{
    uint32_t count = list_claims(list, NULL);
    struct claim_job *jobs = xcalloc(count + 1, sizeof(*jobs));
    list_claims(list, jobs);
    *result = (struct claim_result){.points = xcalloc(count + 1, sizeof(*result->points)),
                                    .point_count = count};
    struct fork_map map = {
        .count = count,
        .processes = processes,
        .work = run_point,
        .context = jobs,
        .result_bytes = sizeof(*result->points),
        .progress = has_progress ? "points of the claim" : NULL,
    };
    char *why = NULL;
    bool is_done = fork_map_run(&map, result->points, &why);
    if (!is_done) {
        err_at(err, NULL, "%s", why);
        free(why);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct validation *validation = jobs[i].series->validation;
        result->points[i].series = validation->series;
        result->points[i].id = validation->points[jobs[i].point].id;
        result->failed += result->points[i].why[0] != '\0';
        result->claimed = validation->claimed;
        result->claimed_count = validation->claimed_count;
        result->source = validation->source;
    }
    free(jobs);
    return is_done;
}

#include "sim/sweep/worker.h"

#include <stdlib.h>
#include <string.h>

#include "report/result.h"
#include "sim/experiment.h"
#include "sim/fingerprint.h"
#include "sim/run/bands.h"
#include "sim/run/experiment_run.h"
#include "sim/run/progress.h"
#include "sim/sweep/frame.h"
#include "sim/sweep/sweep.h"

uint32_t worker_point_number(const struct sweep_options *options, uint32_t place)
{
    return place * options->shards + options->shard - 1;
}

// All messages, in one text. Owned.
static char *join_messages(const struct err *err)
{
    char *text = xstrdup(err_count(err) == 0 ? "failed without a message" : err_message(err, 0));
    for (size_t i = 1; i < err_count(err); i++) {
        char *longer = xasprintf("%s; %s", text, err_message(err, i));
        free(text);
        text = longer;
    }
    return text;
}

// What does not fit, and why. Owned.
static char *join_misfits(const struct result *result)
{
    char *text = xstrdup("");
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (!machine->fits) {
            char *longer = xasprintf("%s%s%s: %s", text, *text == '\0' ? "" : "; ", machine->name,
                                     machine->why == NULL ? "does not fit" : machine->why);
            free(text);
            text = longer;
        }
    }
    return text;
}

// Runs the resolved experiment and sends what came of it.
static void run_point(const struct worker_job *job, const struct experiment *experiment,
                      struct frame *frame, struct err *err)
{
    const struct run_options options = {.threads = 1, // the other cores have points of their own
                                        .ends_process = true,
                                        .is_without_config = true,
                                        .record_folder = job->options->record_folder};
    struct result result;
    char *why = NULL, *text = NULL;
    double started_seconds = wall_seconds();
    enum run_status status = experiment_run(experiment, &options, &result, err);
    if (status == RUN_DONE || status == RUN_DOES_NOT_FIT) {
        json_t *json = result_to_json(&result);
        json_object_del(json, "config"); // null, and a column of its own
        text = json_dumps(json, JSON_COMPACT);
        frame->status = status == RUN_DONE ? POINT_DONE : POINT_DOES_NOT_FIT;
        why = status == RUN_DONE ? NULL : join_misfits(&result);
    } else {
        frame->status = POINT_FAILED;
        why = join_messages(err);
    }
    frame->kind = FRAME_ENDED;
    frame->peak_rss_bytes = result.peak_rss_bytes;
    frame->host_seconds = wall_seconds() - started_seconds;
    frame->texts[FRAME_WHY] = why;
    frame->texts[FRAME_RESULT] = text;
    frame_send(job->pipe, frame); // what else there is ends with the process, which is quicker
}

// A hash of the configuration without its name, which says nothing of the result, and with the cap on
// activity, which the resolved one has turned into slots: two caps that come to equal slots are two points.
// Returns the configuration with its name, as text. Owned.
static char *make_key(const struct experiment *experiment, json_t *config, char *key)
{
    json_object_del(config, "experiment");
    char *nameless = json_dumps(config, JSON_COMPACT); // the one time that it is written
    json_t *name = json_string(experiment->name);
    char *name_text = json_dumps(name, JSON_COMPACT | JSON_ENCODE_ANY);
    char *hashed = xasprintf("%.17g%s", experiment->network.max_activity, nameless);
    char *text = xasprintf("{\"experiment\":%s,%s", name_text, nameless + 1);
    fingerprint(hashed, key);
    free(hashed);
    free(name_text);
    free(nameless);
    json_decref(name);
    return text;
}

// Fills key, settings and configuration, and sends them. True: it has to be run.
static bool send_resolved(const struct worker_job *job, const struct sweep_point *point,
                          const struct experiment *experiment, struct frame *frame, char *key)
{
    json_t *config = experiment_to_json(experiment);
    json_t *settings = sweep_point_settings(job->sweep, point, config);
    char *config_text = make_key(experiment, config, key);
    bool is_known = store_has(job->store, key);
    frame->kind = is_known ? FRAME_KNOWN : FRAME_RESOLVED;
    frame->seed = experiment->seed;
    frame->texts[FRAME_KEY] = key;
    frame->texts[FRAME_SETTINGS] = json_dumps(settings, JSON_COMPACT);
    frame->texts[FRAME_CONFIG] = config_text;
    frame_send(job->pipe, frame);
    json_decref(settings);
    json_decref(config);
    return !is_known;
}

// The point could not be resolved: what its values are together is wrong.
static void send_unresolved(const struct worker_job *job, const struct sweep_point *point,
                            const struct err *err, struct frame *frame)
{
    char key[FINGERPRINT_BYTES];
    json_t *settings = sweep_point_settings(job->sweep, point, NULL);
    char *text = json_dumps(settings, JSON_COMPACT);
    char *why = join_messages(err);
    fingerprint(text, key);
    frame->kind = FRAME_ENDED;
    frame->status = POINT_FAILED;
    frame->texts[FRAME_KEY] = key;
    frame->texts[FRAME_SETTINGS] = text;
    frame->texts[FRAME_WHY] = why;
    frame_send(job->pipe, frame);
    free(why);
    free(text);
    json_decref(settings);
}

// True: it was run, and this process must not run another.
static bool take_point(const struct worker_job *job, uint32_t number)
{
    const struct sweep_point *point = &job->points->points[number];
    struct config *config = config_create_on(job->sweep->config);
    struct err *err = err_create();
    struct frame frame = {.kind = FRAME_STARTED, .number = number};
    char key[FINGERPRINT_BYTES];
    frame_send(job->pipe, &frame);
    const struct node *root = sweep_point_root(job->sweep, point, config, err);
    struct experiment *experiment = NULL;
    if (root != NULL) {
        experiment = experiment_bind(config, root, NULL, 0, err);
    } else {
        config_destroy(config);
    }
    bool is_run = experiment != NULL && send_resolved(job, point, experiment, &frame, key);
    if (is_run) {
        run_point(job, experiment, &frame, err);
        return true;
    }
    if (experiment == NULL) {
        send_unresolved(job, point, err, &frame);
    }
    if (experiment != NULL) {
        free((void *)(uintptr_t)frame.texts[FRAME_SETTINGS]);
        free((void *)(uintptr_t)frame.texts[FRAME_CONFIG]);
    }
    experiment_destroy(experiment);
    err_destroy(err);
    return false;
}

void worker_prepare(const struct sweep *sweep, const struct sweep_points *points)
{
    uint32_t block = UINT32_MAX;
    for (uint32_t i = 0; i < points->count; i++) {
        if (points->points[i].block == block) {
            continue; // the first of every block tells
        }
        block = points->points[i].block;
        struct err *unused = err_create(); // the point itself says what is wrong
        struct config *config = config_create_on(sweep->config);
        const struct node *root = sweep_point_root(sweep, &points->points[i], config, unused);
        if (root == NULL) {
            config_destroy(config);
        } else {
            struct experiment *experiment = experiment_bind(config, root, NULL, 0, unused);
            if (experiment != NULL) {
                bands_prepare(experiment);
            }
            experiment_destroy(experiment);
        }
        err_destroy(unused);
    }
}

void worker_run(const struct worker_job *job)
{
    for (;;) {
        uint32_t place = atomic_fetch_add(&job->queue->next, 1);
        if (place >= job->count || take_point(job, worker_point_number(job->options, place))) {
            return;
        }
    }
}

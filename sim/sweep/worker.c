#include "sim/sweep/worker.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/result.h"
#include "sim/experiment.h"
#include "sim/fingerprint.h"
#include "sim/machine.h"
#include "sim/run/bands.h"
#include "sim/run/experiment_run.h"
#include "sim/run/progress.h"
#include "sim/sweep/frame.h"
#include "sim/sweep/sweep.h"

// A process goes on after points whose machines move the clock by no more than this: a thousandth
// of what the engine bears (ORIGIN_TRANSFERS_MAX), while a point that moves it by more takes longer
// than a fork.
#define SMALL_POINT_CYCLES 1048576.0
// After so long a new process costs little (some 5 ms), and this one may hold memory that nobody
// uses any more.
#define WORKER_SECONDS 1.0
// malloc() keeps what a point frees, for the next one: giving it back and taking it again are page
// faults.
#define KEPT_BYTES (256 << 20)
#define MAPPED_BYTES (4 << 20) // larger pieces go back at once

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

// --- a point --------------------------------------------------------------------------------------
struct worker_state {
    const struct worker_job *job;
    struct machine_clock *clock; // owned
    uint32_t points_run;         // in this process
    bool is_small;               // the last of them moved the clock little
    bool must_end;               // another process must go on
    double started_seconds;
};

// The next point's peak memory begins at what the process holds now, which is more than nothing:
// what the points before it freed is still there. Without the file the peak is that of the process.
static void forget_peak_memory(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        bool unused = write(file, "5", 1) == 1; // 5: the high-water mark alone
        (void)unused;
        close(file);
    }
}

// What the machines together move the clock by, if all of them are timed on it.
static double clock_cycles(const struct experiment *experiment, const struct result *result)
{
    double cycles = 0;
    for (uint32_t i = 0; i < result->machine_count; i++) {
        cycles += (double)result->machines[i].cycles;
    }
    return cycles * (experiment->timing.training_steps + 1.0); // and a warm-up
}

// The point failed because this process is not a fresh one, or might have.
static bool deserves_fresh_process(const struct worker_state *state, enum run_status status)
{
    bool has_memory_limit = state->job->options->memory_bytes > 0;
    return status == RUN_FAILED && state->points_run > 0 &&
           (has_memory_limit || machine_clock_is_spent(state->clock));
}

static void send_again(const struct worker_state *state, uint32_t number)
{
    struct frame again = {.kind = FRAME_AGAIN, .number = number};
    frame_send(state->job->pipe, &again);
}

static void send_result(const struct worker_state *state, struct result *result,
                        enum run_status status, const struct err *err, struct frame *frame)
{
    char *why = NULL, *text = NULL;
    if (status == RUN_DONE || status == RUN_DOES_NOT_FIT) {
        json_t *json = result_to_json(result);
        json_object_del(json, "config"); // null, and a column of its own
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        frame->status = status == RUN_DONE ? POINT_DONE : POINT_DOES_NOT_FIT;
        why = status == RUN_DONE ? NULL : join_misfits(result);
    } else {
        frame->status = POINT_FAILED;
        why = join_messages(err);
    }
    frame->kind = FRAME_ENDED;
    frame->peak_rss_bytes = result->peak_rss_bytes;
    memset(frame->texts, 0, sizeof(frame->texts)); // FRAME_RESOLVED had the others
    frame->texts[FRAME_WHY] = why;
    frame->texts[FRAME_RESULT] = text;
    frame_send(state->job->pipe, frame);
    free(why);
    free(text);
}

// Runs the resolved experiment and sends what came of it. The first point of a process tells
// whether others may share its clock: large ones would soon have to be run again.
static void run_point(struct worker_state *state, const struct experiment *experiment,
                      struct frame *frame, struct err *err)
{
    const struct run_options options = {.threads = 1, // the other cores have points of their own
                                        .clock = state->clock,
                                        .is_clock_for_all = state->is_small,
                                        .is_without_config = true,
                                        .record_folder = state->job->options->record_folder};
    struct result result;
    double started_seconds = wall_seconds();
    forget_peak_memory();
    enum run_status status = experiment_run(experiment, &options, &result, err);
    frame->host_seconds = wall_seconds() - started_seconds;
    if (deserves_fresh_process(state, status)) {
        send_again(state, frame->number);
        state->must_end = true;
    } else {
        send_result(state, &result, status, err, frame);
    }
    state->points_run++;
    state->is_small = clock_cycles(experiment, &result) <= SMALL_POINT_CYCLES;
    result_free(&result);
}

// A hash of the configuration without its name, which says nothing of the result, and with the cap
// on activity, which the resolved one has turned into slots: two caps that come to equal slots are
// two points. Returns the configuration with its name, as text. Owned.
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

// Fills key, settings (owned) and configuration (owned), and sends them. True: it has to be run.
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

// What earlier points printed is not the reason of this one's end.
static void forget_complaints(void)
{
    bool is_empty = ftruncate(STDERR_FILENO, 0) == 0 && lseek(STDERR_FILENO, 0, SEEK_SET) == 0;
    (void)is_empty; // else the reason is a poorer one
}

static void take_point(struct worker_state *state, uint32_t number)
{
    const struct worker_job *job = state->job;
    const struct sweep_point *point = &job->points->points[number];
    struct config *config = config_create_on(job->sweep->config);
    struct err *err = err_create();
    struct frame frame = {.kind = FRAME_STARTED, .number = number};
    char key[FINGERPRINT_BYTES];
    forget_complaints();
    frame_send(job->pipe, &frame);
    const struct node *root = sweep_point_root(job->sweep, point, config, err);
    struct experiment *experiment = NULL;
    if (root != NULL) {
        experiment = experiment_bind(config, root, NULL, 0, err);
    } else {
        config_destroy(config);
    }
    if (experiment == NULL) {
        send_unresolved(job, point, err, &frame);
    } else {
        bool has_to_run = send_resolved(job, point, experiment, &frame, key);
        char *settings = (char *)(uintptr_t)frame.texts[FRAME_SETTINGS];
        char *config_text = (char *)(uintptr_t)frame.texts[FRAME_CONFIG];
        if (has_to_run) {
            run_point(state, experiment, &frame, err);
        }
        free(settings);
        free(config_text);
    }
    experiment_destroy(experiment);
    err_destroy(err);
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

// What another process does better: points of a fresh clock, memory that only they hold.
static bool should_end(const struct worker_state *state)
{
    return state->must_end || machine_clock_is_spent(state->clock) ||
           (state->points_run > 0 && !state->is_small) ||
           (state->points_run > 0 && wall_seconds() - state->started_seconds > WORKER_SECONDS);
}

void worker_run(const struct worker_job *job)
{
    struct worker_state state = {
        .job = job, .clock = machine_clock_create(), .started_seconds = wall_seconds()};
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    if (job->first != WORKER_NO_POINT) {
        take_point(&state, job->first);
    }
    while (!should_end(&state)) {
        uint32_t place = atomic_fetch_add(&job->queue->next, 1);
        if (place >= job->count) {
            break;
        }
        take_point(&state, worker_point_number(job->options, place));
    }
    machine_clock_destroy(state.clock);
}

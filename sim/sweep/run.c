// The parent's side of a sweep. Children take points from a queue in shared memory and send frames;
// a child that ends without the frame that ends its point crashed, was killed, or ran out of
// memory: the point in flight fails, and another child goes on with the next.
#include "sim/sweep/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/fingerprint.h"
#include "sim/run/progress.h"
#include "sim/sweep/bar.h"
#include "sim/sweep/frame.h"
#include "sim/sweep/memory_limit.h"
#include "sim/sweep/worker.h"
#include "sim/version.h"

#define POLL_MILLISECONDS 100
#define COMPLAINT_BYTES 2000u // of what a child printed, as the reason of its end

struct worker {    // a child
    pid_t process; // 0: none
    int pipe;
    int complaints; // a file in memory: what it prints
    struct frame_buffer buffer;
    bool has_point, is_timed_out;
    bool is_used, is_killed; // a point ended in it; it was told to end for a point's time
    bool has_again;          // the next child in this place begins with the point `again`
    uint32_t again;
    double started_seconds; // of the point
    uint32_t number;
    uint64_t seed;
    char *key, *settings, *config; // owned; of the point; NULL: not resolved
};

struct runner {
    const struct sweep *sweep;
    const struct sweep_points *points;
    const struct sweep_options *options;
    struct store *store;
    struct sweep_queue *queue; // shared
    struct sweep_summary *summary;
    struct worker workers[SWEEP_JOBS_MAX];
    int signals; // a signalfd
    sigset_t old_mask;
    bool is_stopping;
    char *why; // owned; NULL: nothing is wrong
};

static void stop(struct runner *runner)
{
    runner->is_stopping = true;
    for (uint32_t i = 0; i < runner->options->jobs; i++) {
        if (runner->workers[i].process != 0) {
            kill(-runner->workers[i].process, SIGKILL); // and what it forked
        }
    }
}

static void now_text(char *text, size_t bytes)
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, bytes, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

// --- rows -----------------------------------------------------------------------------------------
static void count_status(struct sweep_summary *summary, enum point_status status)
{
    summary->done += status == POINT_DONE;
    summary->does_not_fit += status == POINT_DOES_NOT_FIT;
    summary->failed += status == POINT_FAILED;
}

static void count_reason(struct sweep_summary *summary, const char *why)
{
    uint32_t i = 0;
    while (i < summary->reason_count && strcmp(summary->reasons[i].text, why) != 0) {
        i++;
    }
    if (i == SWEEP_REASONS_MAX) {
        return; // `failed` counts it
    }
    if (i == summary->reason_count) {
        summary->reasons[summary->reason_count++].text = xstrdup(why);
    }
    summary->reasons[i].points++;
}

void sweep_summary_free(struct sweep_summary *summary)
{
    for (uint32_t i = 0; i < summary->reason_count; i++) {
        free(summary->reasons[i].text);
    }
    summary->reason_count = 0;
}

static void add_point(struct runner *runner, const struct frame *frame)
{
    char finished[32];
    now_text(finished, sizeof(finished));
    struct store_point point = {
        .key = frame->texts[FRAME_KEY],
        .sweep = runner->sweep->name,
        .number = frame->number,
        .settings = frame->texts[FRAME_SETTINGS],
        .status = frame->status,
        .why = frame->texts[FRAME_WHY],
        .config = frame->texts[FRAME_CONFIG],
        .result = frame->texts[FRAME_RESULT],
        .version = TILESIM_VERSION,
        .git = version_git(),
        .seed = frame->seed,
        .host_seconds = frame->host_seconds,
        .peak_rss_bytes = frame->peak_rss_bytes,
        .finished = finished,
    };
    if (runner->why != NULL) {
        return;
    }
    if (store_add(runner->store, &point, &runner->why)) {
        count_status(runner->summary, frame->status);
        if (frame->status == POINT_FAILED) {
            count_reason(runner->summary, point.why);
        }
    } else {
        stop(runner);
    }
}

static void place_known(struct runner *runner, const struct frame *frame)
{
    runner->summary->known++;
    if (runner->why == NULL &&
        !store_place(runner->store, frame->texts[FRAME_KEY], runner->sweep->name, frame->number,
                     frame->texts[FRAME_SETTINGS], &runner->why)) {
        stop(runner);
    }
}

static void forget_point(struct worker *worker)
{
    free(worker->key);
    free(worker->settings);
    free(worker->config);
    worker->key = worker->settings = worker->config = NULL;
    worker->has_point = worker->is_timed_out = false;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

// The last line that the child printed, or "". Owned.
static char *last_complaint(const struct worker *worker)
{
    char text[COMPLAINT_BYTES + 1];
    off_t bytes = lseek(worker->complaints, 0, SEEK_END);
    off_t begin = bytes > (off_t)COMPLAINT_BYTES ? bytes - (off_t)COMPLAINT_BYTES : 0;
    ssize_t got = pread(worker->complaints, text, COMPLAINT_BYTES, begin);
    got = got < 0 ? 0 : got;
    while (got > 0 && text[got - 1] == '\n') {
        got--;
    }
    text[got] = '\0';
    char *line = strrchr(text, '\n');
    return xstrdup(line == NULL ? text : line + 1);
}

// A machine that was timed in a process of its own may have wanted memory, of which the point knows
// no more than that process's end. Owned; NULL: the reason stands.
static char *explain_by_memory(const struct runner *runner, const struct worker *worker,
                               const struct frame *frame)
{
    if (frame->status != POINT_FAILED || runner->options->memory_bytes == 0) {
        return NULL;
    }
    char *complaint = last_complaint(worker);
    const char *why = frame->texts[FRAME_WHY];
    char *better = NULL;
    if (memory_limit_is_reason(complaint)) {
        better = xasprintf("needs more memory than %llu MiB (--memory): %s",
                           (unsigned long long)(runner->options->memory_bytes >> 20), why);
    } else if (strstr(why, "died of signal") != NULL || strstr(why, "without a result") != NULL) {
        better = xasprintf("%s, perhaps for want of memory (--memory)", why);
    }
    free(complaint);
    return better;
}

static void run_again(struct worker *worker, uint32_t number)
{
    worker->has_again = true;
    worker->again = number;
}

static void take_ended(struct runner *runner, struct worker *worker, const struct frame *frame)
{
    char *why = explain_by_memory(runner, worker, frame);
    struct frame ended = *frame;
    if (worker->key != NULL) {
        ended.texts[FRAME_KEY] = worker->key;
        ended.texts[FRAME_SETTINGS] = worker->settings;
        ended.texts[FRAME_CONFIG] = worker->config;
    }
    if (why != NULL) {
        ended.texts[FRAME_WHY] = why;
    }
    add_point(runner, &ended);
    free(why);
    forget_point(worker);
}

static void take_frame(struct runner *runner, struct worker *worker, const struct frame *frame)
{
    switch ((enum frame_kind)frame->kind) {
    case FRAME_STARTED:
        worker->has_point = true;
        worker->number = frame->number;
        worker->started_seconds = wall_seconds();
        return;
    case FRAME_RESOLVED:
        worker->key = copy_text(frame->texts[FRAME_KEY]);
        worker->settings = copy_text(frame->texts[FRAME_SETTINGS]);
        worker->config = copy_text(frame->texts[FRAME_CONFIG]);
        worker->seed = frame->seed;
        return;
    case FRAME_KNOWN:
        place_known(runner, frame);
        forget_point(worker);
        return;
    case FRAME_ENDED:
        take_ended(runner, worker, frame);
        worker->is_used = true;
        return;
    case FRAME_AGAIN:
        run_again(worker, frame->number);
        forget_point(worker);
        return;
    }
}

// --- the end of a child ---------------------------------------------------------------------------
// Why a point has no result. Owned.
static char *explain(const struct runner *runner, const struct worker *worker, int status)
{
    if (worker->is_timed_out) {
        return xasprintf("took longer than %g s (--timeout)", runner->options->timeout_seconds);
    }
    char *complaint = last_complaint(worker);
    char *why;
    if (runner->options->memory_bytes > 0 && memory_limit_is_reason(complaint)) {
        why = xasprintf("needs more memory than %llu MiB (--memory)",
                        (unsigned long long)(runner->options->memory_bytes >> 20));
    } else if (runner->options->memory_bytes > 0 && WIFSIGNALED(status) && *complaint == '\0') {
        why = xasprintf("died of signal %d (%s), perhaps for want of memory (--memory)",
                        WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WIFSIGNALED(status)) {
        why = xasprintf("died of signal %d (%s)%s%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
                        *complaint == '\0' ? "" : ": ", complaint);
    } else {
        why = xasprintf("ended with status %d and without a result%s%s", WEXITSTATUS(status),
                        *complaint == '\0' ? "" : ": ", complaint);
    }
    free(complaint);
    return why;
}

static void add_crash(struct runner *runner, struct worker *worker, int status)
{
    char key[FINGERPRINT_BYTES];
    const struct sweep_point *point = &runner->points->points[worker->number];
    if (worker->settings == NULL) {
        json_t *settings = sweep_point_settings(runner->sweep, point, NULL);
        worker->settings = json_dumps(settings, JSON_COMPACT);
        json_decref(settings);
    }
    if (worker->key == NULL) {
        fingerprint(worker->settings, key);
        worker->key = xstrdup(key);
    }
    char *why = explain(runner, worker, status);
    struct frame frame = {
        .number = worker->number,
        .status = POINT_FAILED,
        .seed = worker->seed,
        .host_seconds = wall_seconds() - worker->started_seconds,
        .texts = {[FRAME_KEY] = worker->key,
                  [FRAME_SETTINGS] = worker->settings,
                  [FRAME_WHY] = why,
                  [FRAME_CONFIG] = worker->config},
    };
    add_point(runner, &frame);
    free(why);
}

// The child died at a point that might have come to its end elsewhere: it was killed for the time
// that the point before took, or may have held memory of others up to the limit.
static bool was_innocent(const struct runner *runner, const struct worker *worker)
{
    if (worker->is_timed_out) {
        return false;
    }
    return worker->is_killed || (worker->is_used && runner->options->memory_bytes > 0);
}

static void end_worker(struct runner *runner, struct worker *worker)
{
    int status = 0;
    kill(-worker->process, SIGKILL); // what it may have left
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR) {
    }
    if (worker->has_point && !runner->is_stopping) {
        if (was_innocent(runner, worker)) {
            run_again(worker, worker->number);
        } else {
            add_crash(runner, worker, status);
        }
    }
    forget_point(worker);
    close(worker->pipe);
    close(worker->complaints);
    frame_buffer_free(&worker->buffer);
    *worker = (struct worker){.has_again = worker->has_again, .again = worker->again};
}

// Frames that arrived; at the end of the pipe the end of the child.
static void listen_to(struct runner *runner, struct worker *worker)
{
    struct frame frame;
    bool is_open = frame_buffer_fill(&worker->buffer, worker->pipe);
    while (frame_buffer_take(&worker->buffer, &frame)) {
        take_frame(runner, worker, &frame);
    }
    if (!is_open) {
        end_worker(runner, worker);
    }
}

// --- the beginning of a child ---------------------------------------------------------------------
static void be_worker(const struct runner *runner, const struct worker *worker, pid_t parent,
                      int pipe_end)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a sweep that is killed leaves no child
    if (getppid() != parent) {
        _exit(1);
    }
    sigprocmask(SIG_SETMASK, &runner->old_mask, NULL);
    dup2(worker->complaints, STDOUT_FILENO);
    dup2(worker->complaints, STDERR_FILENO);
    if (runner->options->memory_bytes > 0) {
        memory_limit_set(runner->options->memory_bytes);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    uint32_t shard_points = runner->summary->total;
    struct worker_job job = {runner->sweep, runner->points,
                             runner->store, runner->options,
                             runner->queue, shard_points,
                             pipe_end,      worker->has_again ? worker->again : WORKER_NO_POINT};
    worker_run(&job);
    _exit(0); // buffers and handlers belong to the parent
}

static bool start_worker(struct runner *runner, struct worker *worker)
{
    int ends[2];
    pid_t parent = getpid();
    worker->complaints = memfd_create("tilesim-point", MFD_CLOEXEC);
    if (worker->complaints < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        runner->why = xasprintf("a child of the sweep could not start: %s", strerror(errno));
        return false;
    }
    fflush(NULL); // a child that ends must not print what waits in a buffer now
    worker->process = fork();
    if (worker->process == 0) {
        close(ends[0]);
        be_worker(runner, worker, parent, ends[1]);
    }
    close(ends[1]);
    worker->pipe = ends[0];
    if (worker->process < 0) {
        runner->why = xasprintf("a child of the sweep could not start: %s", strerror(errno));
        worker->process = 0;
        close(ends[0]);
        close(worker->complaints);
        return false;
    }
    setpgid(worker->process, worker->process); // whoever of the two comes first
    worker->has_again = false;
    return true;
}

static uint32_t start_workers(struct runner *runner)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < runner->options->jobs; i++) {
        struct worker *worker = &runner->workers[i];
        bool has_more =
            worker->has_again || atomic_load(&runner->queue->next) < runner->summary->total;
        if (worker->process == 0 && has_more && !runner->is_stopping &&
            !start_worker(runner, worker)) {
            stop(runner);
        }
        running += worker->process != 0;
    }
    return running;
}

// --- the loop -------------------------------------------------------------------------------------
static void check_timeouts(struct runner *runner)
{
    double limit = runner->options->timeout_seconds;
    for (uint32_t i = 0; limit > 0 && i < runner->options->jobs; i++) {
        struct worker *worker = &runner->workers[i];
        if (worker->process != 0 && worker->has_point && !worker->is_timed_out &&
            wall_seconds() - worker->started_seconds > limit) {
            worker->is_timed_out = worker->is_killed = true;
            kill(-worker->process, SIGKILL);
        }
    }
}

static void wait_for_news(struct runner *runner)
{
    struct pollfd polled[SWEEP_JOBS_MAX + 1];
    uint32_t of[SWEEP_JOBS_MAX + 1];
    nfds_t count = 1;
    polled[0] = (struct pollfd){.fd = runner->signals, .events = POLLIN};
    for (uint32_t i = 0; i < runner->options->jobs; i++) {
        if (runner->workers[i].process != 0) {
            of[count] = i;
            polled[count++] = (struct pollfd){.fd = runner->workers[i].pipe, .events = POLLIN};
        }
    }
    if (poll(polled, count, POLL_MILLISECONDS) <= 0) {
        return;
    }
    if (polled[0].revents != 0) {
        struct signalfd_siginfo unused;
        if (read(runner->signals, &unused, sizeof(unused)) > 0) {
            runner->summary->is_interrupted = true;
            stop(runner);
        }
    }
    for (nfds_t i = 1; i < count; i++) {
        if (polled[i].revents != 0) {
            listen_to(runner, &runner->workers[of[i]]);
        }
    }
}

static void run_all(struct runner *runner)
{
    struct bar bar = bar_start(runner->options->has_progress);
    while (start_workers(runner) > 0) {
        wait_for_news(runner);
        check_timeouts(runner);
        bar_update(&bar, runner->summary);
    }
    bar_end(&bar);
    runner->summary->host_seconds = wall_seconds() - bar.started_seconds;
}

bool sweep_run(const struct sweep *sweep, const struct sweep_points *points, struct store *store,
               const struct sweep_options *options, struct sweep_summary *summary, char **why)
{
    struct runner *runner = xcalloc(1, sizeof(*runner));
    *runner = (struct runner){
        .sweep = sweep, .points = points, .options = options, .store = store, .summary = summary};
    *summary =
        (struct sweep_summary){.total = points->count >= options->shard
                                            ? (points->count - options->shard) / options->shards + 1
                                            : 0};
    runner->queue = mmap(NULL, sizeof(*runner->queue), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (runner->queue == MAP_FAILED) {
        *why = xasprintf("no memory for the queue of the sweep: %s", strerror(errno));
        free(runner);
        return false;
    }
    worker_prepare(sweep, points);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, &runner->old_mask);
    runner->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    run_all(runner);
    close(runner->signals);
    sigprocmask(SIG_SETMASK, &runner->old_mask, NULL);
    munmap(runner->queue, sizeof(*runner->queue));
    *why = runner->why;
    free(runner);
    return *why == NULL;
}

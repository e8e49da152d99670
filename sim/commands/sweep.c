// tilesim sweep: the points of a sweep file, into a database.
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/store.h"
#include "sim/commands/command.h"
#include "sim/commands/options.h"
#include "sim/commands/sets.h"
#include "sim/commands/sweep_slurm.h"
#include "sim/err.h"
#include "sim/sweep/run.h"
#include "sim/sweep/sweep.h"
#include "sim/version.h"

#define POINTS_WITHOUT_ASKING 10000u
#define SHARDS_MAX 100000
#define MEMORY_MIB_MAX 1000000000
#define TIMEOUT_SECONDS_MAX 1000000000
#define EXIT_INTERRUPTED 130 // as a shell says of SIGINT

enum option_key {
    OPTION_DB = 256,
    OPTION_RESUME,
    OPTION_FRESH,
    OPTION_MEMORY,
    OPTION_TIMEOUT,
    OPTION_SHARD,
    OPTION_LIST,
    OPTION_SLURM
};

static const struct argp_option options[] = {
    {"db", OPTION_DB, "FILE", 0, "the database (default: the sweep's name, .db)", 0},
    {"jobs", 'j', "N", 0, "points at a time (default: all cores)", 0},
    {"set", 's', "KEY=VALUE", 0, "change one key of the experiment, before what is swept", 0},
    {"resume", OPTION_RESUME, NULL, 0, "the database must be there: an error if it is not", 0},
    {"fresh", OPTION_FRESH, NULL, 0, "the database must not be there yet", 0},
    {"yes", 'y', NULL, 0, "run more than 10,000 points without asking", 0},
    {"list", OPTION_LIST, NULL, 0, "print the points, a JSON object a line, and run nothing", 0},
    {"shard", OPTION_SHARD, "I/N", 0, "every N-th point, from the I-th on; I in 1..N", 0},
    {"slurm", OPTION_SLURM, "N", 0,
     "print a script for sbatch that runs N shards, with --jobs processors each (default: 1), and "
     "run "
     "nothing",
     0},
    {"memory", OPTION_MEMORY, "MIB", 0, "a point that needs more fails, with that reason", 0},
    {"timeout", OPTION_TIMEOUT, "SECONDS", 0, "a point that takes longer fails likewise", 0},
    {"quiet", 'q', NULL, 0, "no progress and no summary", 0},
    {0},
};

struct arguments {
    const char *path, *database;
    struct sets sets;
    bool is_resume, is_fresh, is_sure, is_list, is_quiet, has_jobs, has_shard;
    uint32_t slurm_shards; // 0: no script is asked for
    struct sweep_options run;
};

static void parse_shard(const char *text, struct arguments *arguments, struct argp_state *state)
{
    char *end = NULL;
    long shard = strtol(text, &end, 10);
    long shards = end != text && *end == '/' ? strtol(end + 1, &end, 10) : 0;
    if (*end != '\0' || shards < 1 || shards > SHARDS_MAX || shard < 1 || shard > shards) {
        argp_error(state, "--shard: \"%s\" is not I/N with I in 1..N and N in 1..%d", text,
                   SHARDS_MAX);
    }
    arguments->has_shard = true;
    arguments->run.shard = (uint32_t)shard;
    arguments->run.shards = (uint32_t)shards;
}

static error_t parse_argument(const char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (arguments->path != NULL) {
        argp_error(state, "one sweep at a time: \"%s\" and \"%s\"", arguments->path, text);
    }
    arguments->path = option_name("SWEEP.yaml", text, state);
    return 0;
}

static void check_together(const struct arguments *arguments, struct argp_state *state)
{
    if (arguments->is_resume && arguments->is_fresh) {
        argp_error(state, "--resume needs a database, --fresh none: not both");
    }
    if (arguments->slurm_shards > 0 && (arguments->has_shard || arguments->is_list ||
                                        arguments->is_resume || arguments->is_fresh)) {
        argp_error(state, "--slurm runs every shard, and goes on with what is there: not with "
                          "--shard, --list, --resume or --fresh");
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_DB:
        if (*text == '\0') {
            argp_error(state, "--db: the name is empty");
        }
        arguments->database = text;
        return 0;
    case 'j':
        arguments->has_jobs = true;
        arguments->run.jobs = (uint32_t)option_number("--jobs", text, SWEEP_JOBS_MAX, state);
        return 0;
    case 's':
        sets_add(&arguments->sets, text);
        return 0;
    case OPTION_RESUME:
        arguments->is_resume = true;
        return 0;
    case OPTION_FRESH:
        arguments->is_fresh = true;
        return 0;
    case 'y':
        arguments->is_sure = true;
        return 0;
    case OPTION_LIST:
        arguments->is_list = true;
        return 0;
    case OPTION_SHARD:
        parse_shard(text, arguments, state);
        return 0;
    case OPTION_SLURM:
        arguments->slurm_shards = (uint32_t)option_number("--slurm", text, SLURM_SHARDS_MAX, state);
        return 0;
    case OPTION_MEMORY:
        arguments->run.memory_bytes =
            (uint64_t)option_number("--memory", text, MEMORY_MIB_MAX, state) << 20;
        return 0;
    case OPTION_TIMEOUT:
        arguments->run.timeout_seconds =
            (double)option_number("--timeout", text, TIMEOUT_SECONDS_MAX, state);
        return 0;
    case 'q':
        arguments->is_quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        return parse_argument(text, state);
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which sweep?");
        return 0;
    case ARGP_KEY_END:
        check_together(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] =
    "Runs the points of a sweep, each in a process of its own, and keeps their results in a "
    "database.\vA database that has points is continued: those that are done are not run again, "
    "those that failed are. SWEEP.yaml: docs/sweeps.md. The database: docs/results-database.md.";

static int fail(char *why, int status)
{
    fprintf(stderr, "tilesim: %s\n", why);
    free(why);
    return status;
}

static int list_points(const struct sweep *sweep, const struct sweep_points *points,
                       const struct sweep_options *run)
{
    for (uint32_t i = run->shard - 1; i < points->count; i += run->shards) {
        json_t *settings = sweep_point_settings(sweep, &points->points[i], NULL);
        char *text = json_dumps(settings, 0);
        printf("%s\n", text);
        free(text);
        json_decref(settings);
    }
    return command_finish_output(EXIT_DONE);
}

static int print_slurm_script(const struct arguments *arguments, const struct sweep *sweep,
                              const char *database)
{
    const struct sweep_options *run = &arguments->run;
    struct slurm_job job = {.name = sweep->name,
                            .path = arguments->path,
                            .database = database,
                            .shards = arguments->slurm_shards,
                            .jobs = arguments->has_jobs ? run->jobs : 1,
                            .memory_mib = run->memory_bytes >> 20,
                            .timeout_seconds = (uint64_t)run->timeout_seconds,
                            .is_sure = arguments->is_sure,
                            .sets = arguments->sets.texts,
                            .set_count = arguments->sets.count};
    char *why = NULL;
    if (!slurm_write_script(&job, stdout, &why)) {
        return fail(why, EXIT_BAD_INPUT);
    }
    return command_finish_output(EXIT_DONE);
}

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static void print_summary(const struct arguments *arguments, const struct sweep *sweep,
                          const struct sweep_summary *summary, const char *database)
{
    if (arguments->is_quiet) {
        return;
    }
    fprintf(stderr, "%s: %u points: %u done, %u do not fit, %u failed, %u known; %.1f s; in %s\n",
            sweep->name, summary->total, summary->done, summary->does_not_fit, summary->failed,
            summary->known, summary->host_seconds, database);
    uint32_t others = summary->failed;
    for (uint32_t i = 0; i < summary->reason_count; i++) {
        const struct sweep_reason *reason = &summary->reasons[i];
        fprintf(stderr, "tilesim: %u failed: %s\n", reason->points, reason->text);
        others -= reason->points;
    }
    if (others > 0) {
        fprintf(stderr, "tilesim: %u failed for other reasons\n", others);
    }
    if (summary->failed > 0) {
        fprintf(stderr,
                "tilesim: which ones: sqlite3 %s \"SELECT number, why FROM points WHERE status = "
                "'failed'\"\n",
                database);
    }
}

// Points that were computed by another program count as known. Says whose, and how many.
static void print_revision(void *context, const char *version, const char *git, uint32_t points)
{
    const char *database = context;
    if (strcmp(version, TILESIM_VERSION) != 0 || strcmp(git, version_git()) != 0) {
        fprintf(stderr,
                "tilesim: %s: %u points are from version %s, git %s, this program is %s, git %s; "
                "they are not computed again, a new database (--db) computes them\n",
                database, points, version, git, TILESIM_VERSION, version_git());
    }
}

static int run_points(const struct arguments *arguments, const struct sweep *sweep,
                      const struct sweep_points *points, const char *database)
{
    char *why = NULL;
    struct store *store = store_open_to_write(database, &why);
    if (store == NULL) {
        return fail(why, EXIT_FAULT);
    }
    int status = EXIT_DONE;
    if (!arguments->is_quiet &&
        !store_each_revision(store, print_revision, (void *)(uintptr_t)database, &why)) {
        status = fail(why, EXIT_FAULT);
    }
    for (uint32_t i = 0; i < sweep->label_count && status == EXIT_DONE; i++) {
        if (!store_set_label(store, sweep->labels[i].path, sweep->labels[i].text, &why)) {
            status = fail(why, EXIT_FAULT);
        }
    }
    struct sweep_summary summary = {0};
    struct sweep_options run = arguments->run;
    char *record_folder = xasprintf("%s.records", database);
    run.record_folder = record_folder;
    if (status == EXIT_DONE && !sweep_run(sweep, points, store, &run, &summary, &why)) {
        status = fail(why, EXIT_FAULT);
    }
    free(record_folder);
    if (!store_close(store, &why)) {
        status = fail(why, EXIT_FAULT);
    }
    print_summary(arguments, sweep, &summary, database);
    sweep_summary_free(&summary);
    if (summary.is_interrupted) {
        fprintf(stderr, "tilesim: stopped; the same command goes on where it was\n");
        return EXIT_INTERRUPTED;
    }
    return status == EXIT_DONE && summary.failed > 0 ? EXIT_FAULT : status;
}

// Too many to have been meant? Says how many.
static bool is_refused(const struct arguments *arguments, uint64_t points, const char *what)
{
    if (points > SWEEP_POINTS_MAX) {
        fprintf(stderr, "tilesim: %s: %llu %s; the limit is %u\n", arguments->path,
                (unsigned long long)points, what, SWEEP_POINTS_MAX);
        return true;
    }
    if (points <= POINTS_WITHOUT_ASKING || arguments->is_sure || arguments->is_list) {
        return false;
    }
    fprintf(stderr, "tilesim: %s: %llu %s; if you mean it, add --yes\n", arguments->path,
            (unsigned long long)points, what);
    return true;
}

static int run_sweep(const struct arguments *arguments, const struct sweep *sweep)
{
    uint64_t combinations = sweep_count_combinations(sweep);
    if (combinations > SWEEP_POINTS_MAX) {
        is_refused(arguments, combinations, "combinations");
        return EXIT_BAD_INPUT;
    }
    struct sweep_points points = sweep_expand(sweep);
    char *database = arguments->database != NULL ? xstrdup(arguments->database)
                                                 : xasprintf("%s.db", sweep->name);
    int status = EXIT_BAD_INPUT;
    if (is_refused(arguments, points.count, "points")) {
        // said
    } else if (arguments->is_list) {
        status = list_points(sweep, &points, &arguments->run);
    } else if (points.count == 0) {
        fprintf(stderr, "tilesim: %s: no points: every one is skipped\n", arguments->path);
    } else if (arguments->slurm_shards > 0) {
        status = print_slurm_script(arguments, sweep, database);
    } else if (arguments->is_resume && !is_there(database)) {
        fprintf(stderr, "tilesim: %s: is not there; --resume goes on with a database\n", database);
    } else if (arguments->is_fresh && is_there(database)) {
        fprintf(stderr, "tilesim: %s: is there already; --fresh begins a new one\n", database);
    } else {
        status = run_points(arguments, sweep, &points, database);
    }
    free(database);
    sweep_points_free(&points);
    return status;
}

int command_sweep(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, "SWEEP.yaml", doc, NULL, NULL, NULL};
    struct arguments arguments = {
        .run = {.jobs = option_all_cores(SWEEP_JOBS_MAX), .shard = 1, .shards = 1}};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    arguments.run.has_progress = !arguments.is_quiet;
    struct err *err = err_create();
    struct sweep *sweep =
        sweep_load(arguments.path, arguments.sets.texts, arguments.sets.count, err);
    int status = sweep == NULL ? EXIT_BAD_INPUT : run_sweep(&arguments, sweep);
    err_print(err, stderr);
    err_destroy(err);
    sweep_destroy(sweep);
    sets_free(&arguments.sets);
    return status;
}

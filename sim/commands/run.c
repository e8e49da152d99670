// tilesim run: an experiment from file to tables and files.
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/result.h"
#include "sim/commands/command.h"
#include "sim/commands/options.h"
#include "sim/commands/sets.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/run/anatomy.h"
#include "sim/run/experiment_run.h"

#define THREADS_MAX 1024
#define TRACE_STEPS_SHOWN 2

enum option_key {
    OPTION_JSON = 256,
    OPTION_DUMP,
    OPTION_LOAD,
    OPTION_TIMING,
    OPTION_THREADS,
    OPTION_POINT,
    OPTION_SENSITIVITY,
    OPTION_HTML,
    OPTION_TRACE,
    OPTION_TRACE_STEPS,
    OPTION_TRACE_TILES
};

static const struct argp_option options[] = {
    {"set", 's', "KEY=VALUE", 0,
     "change one key of the experiment, e.g. training.batch=64; any number", 0},
    {"point", OPTION_POINT, "ID", 0, "one point of the file's validation, before any --set", 0},
    {"json", OPTION_JSON, "FILE", 0, "write the result as JSON; - is standard output", 0},
    {"html", OPTION_HTML, "FILE", 0, "write a page that shows the anatomy of a training step", 0},
    {"trace", OPTION_TRACE, "FILE", 0,
     "write a training step as a trace for Perfetto's UI (ui.perfetto.dev)", 0},
    {"trace-steps", OPTION_TRACE_STEPS, "N", 0,
     "turns of each loop that the trace shows in full (default 2), or all", 0},
    {"trace-tiles", OPTION_TRACE_TILES, "LIST", 0,
     "tiles with tracks of their own besides the busiest and the median one, e.g. 0,17", 0},
    {"load", OPTION_LOAD, "DIR", 0,
     "take weights, input spikes and labels from .npy files; one training step", 0},
    {"dump", OPTION_DUMP, "DIR", 0, "write the tensors of the first training step as .npy files",
     0},
    {"timing", OPTION_TIMING, "ENGINE", 0, "folded or detailed; equal to the cycle", 0},
    {"sensitivity", OPTION_SENSITIVITY, NULL, 0,
     "vary each uncertain value over its range and list what moves the result most", 0},
    {"threads", OPTION_THREADS, "N", 0,
     "host threads of the functional run and of trials (default: all cores)", 0},
    {"quiet", 'q', NULL, 0, "no table and no progress", 0},
    {0},
};

struct arguments {
    const char *path;
    const char *point; // NULL: none
    struct sets sets;
    const char *json_path;
    const char *timing; // a --set that the option stands for
    const char *html_path, *trace_path;
    uint32_t trace_steps;
    uint32_t *trace_tiles; // owned
    uint32_t trace_tile_count;
    bool is_quiet;
    struct run_options run;
};

static const char *parse_timing(const char *text, struct argp_state *state)
{
    if (strcmp(text, "folded") == 0) {
        return "timing.engine=folded";
    }
    if (strcmp(text, "detailed") != 0) {
        argp_error(state, "--timing: \"%s\" is not folded or detailed", text);
    }
    return "timing.engine=detailed";
}

static const char *parse_file(const char *option, const char *text, struct argp_state *state)
{
    if (strcmp(text, "-") == 0) {
        argp_error(state, "%s: a file is needed, not standard output", option);
    }
    return option_name(option, text, state);
}

static uint32_t parse_trace_steps(const char *text, struct argp_state *state)
{
    if (strcmp(text, "all") == 0) {
        return TRACE_EVERY_STEP;
    }
    char *end = NULL;
    long steps = strtol(text, &end, 10);
    if (end == text || *end != '\0' || steps < 1 || steps > INT32_MAX) {
        argp_error(state, "--trace-steps: \"%s\" is not a number above 0, or all", text);
    }
    return (uint32_t)steps;
}

static void parse_trace_tiles(struct arguments *arguments, const char *text,
                              struct argp_state *state)
{
    const char *next = text;
    do {
        char *end = NULL;
        long tile = strtol(next, &end, 10);
        if (end == next || (*end != '\0' && *end != ',') || tile < 0 || tile > INT32_MAX) {
            argp_error(state, "--trace-tiles: \"%s\" is not a list like 0,17", text);
        }
        uint32_t count = ++arguments->trace_tile_count;
        arguments->trace_tiles =
            xrealloc(arguments->trace_tiles, count * sizeof *arguments->trace_tiles);
        arguments->trace_tiles[count - 1] = (uint32_t)tile;
        next = *end == ',' ? end + 1 : NULL;
    } while (next != NULL);
}

static error_t parse_argument(const char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (arguments->path != NULL) {
        argp_error(state, "one experiment at a time: \"%s\" and \"%s\"", arguments->path, text);
    }
    arguments->path = option_name("EXPERIMENT.yaml", text, state);
    return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 's':
        sets_add(&arguments->sets, text);
        return 0;
    case OPTION_POINT:
        arguments->point = option_name("--point", text, state);
        return 0;
    case OPTION_JSON:
        arguments->json_path = option_name("--json", text, state);
        return 0;
    case OPTION_LOAD:
        arguments->run.load_directory = option_name("--load", text, state);
        return 0;
    case OPTION_DUMP:
        arguments->run.dump_directory = option_name("--dump", text, state);
        return 0;
    case OPTION_TIMING:
        arguments->timing = parse_timing(text, state);
        return 0;
    case OPTION_SENSITIVITY:
        arguments->run.has_sensitivity = true;
        return 0;
    case OPTION_THREADS:
        arguments->run.threads = (uint32_t)option_number("--threads", text, THREADS_MAX, state);
        return 0;
    case OPTION_HTML:
        arguments->html_path = parse_file("--html", text, state);
        return 0;
    case OPTION_TRACE:
        arguments->trace_path = parse_file("--trace", text, state);
        return 0;
    case OPTION_TRACE_STEPS:
        arguments->trace_steps = parse_trace_steps(text, state);
        return 0;
    case OPTION_TRACE_TILES:
        parse_trace_tiles(arguments, text, state);
        return 0;
    case 'q':
        arguments->is_quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        return parse_argument(text, state);
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which experiment?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char doc[] = "Runs an experiment: trains its network (or draws its activity), times a "
                          "training step on every "
                          "machine, and reports.\vEXPERIMENT.yaml may be - for standard input. "
                          "Keys: `tilesim list keys`. "
                          "The JSON and the tensors: docs/result-format.md.";

// Options that stand for keys of the experiment come after the user's own --set.
static void add_option_sets(struct arguments *arguments)
{
    if (arguments->timing != NULL) {
        sets_add(&arguments->sets, arguments->timing);
    }
    if (arguments->run.load_directory != NULL) { // one batch was given: one step on it
        sets_add(&arguments->sets, "training.mode=functional");
        sets_add(&arguments->sets, "training.steps=1");
        sets_add(&arguments->sets, "timing.training_steps=1");
    }
}

static void print_misfits(const struct result *result)
{
    for (uint32_t i = 0; i < result->machine_count; i++) {
        const struct result_machine *machine = &result->machines[i];
        if (!machine->fits) {
            fprintf(stderr, "tilesim: %s does not fit: %s\n", machine->name, machine->why);
        }
    }
}

// The files first: a table that does not reach its reader must not cost a result.
static int report(const struct arguments *arguments, const struct result *result, int status)
{
    bool is_json_on_stdout = command_is_stdout(arguments->json_path);
    if (arguments->json_path != NULL) {
        char *why = NULL;
        if (!result_write_json(result, arguments->json_path, &why)) {
            fprintf(stderr, "tilesim: %s\n", why);
            free(why);
            status = EXIT_FAULT;
        }
    }
    if (arguments->is_quiet || is_json_on_stdout) {
        print_misfits(result);
    } else {
        result_print(result, stdout, command_has_colour(stdout));
    }
    return is_json_on_stdout ? status : command_finish_output(status);
}

// --- the anatomy --------------------------------------------------------------------------------
static int say(char *why)
{
    fprintf(stderr, "tilesim: %s\n", why);
    free(why);
    return EXIT_FAULT;
}

// Asked before the work: a result must not get lost after it.
static int check_files(const struct arguments *arguments)
{
    char *why = NULL;
    if (arguments->json_path != NULL && !result_can_write_json(arguments->json_path, &why)) {
        return say(why);
    }
    if (arguments->html_path != NULL && !result_can_write_json(arguments->html_path, &why)) {
        return say(why);
    }
    return EXIT_DONE;
}

static int write_page(const struct arguments *arguments, const struct anatomy *anatomy,
                      const struct result *result, int status)
{
    char *why = NULL;
    if (arguments->html_path == NULL ||
        anatomy_write_page(anatomy, result, arguments->html_path, &why)) {
        return status;
    }
    return say(why);
}

// A trace is kept only of a run that came to its end.
static int close_trace(struct trace *trace, int status)
{
    char *why = NULL;
    bool is_run = status == EXIT_DONE || status == EXIT_DOES_NOT_FIT;
    if (trace == NULL || !is_run) {
        trace_discard(trace);
        return status;
    }
    return trace_close(trace, &why) ? status : say(why);
}

static int run_and_report(const struct arguments *arguments, const struct experiment *experiment,
                          struct anatomy_request *request, struct err *err)
{
    struct run_options run = arguments->run;
    bool has_anatomy = arguments->html_path != NULL || request->trace != NULL;
    run.anatomy = has_anatomy ? request : NULL;
    struct result result;
    int status = (int)experiment_run(experiment, &run, &result, err);
    status = close_trace(request->trace, status);
    if (status == EXIT_DONE || status == EXIT_DOES_NOT_FIT) {
        status = write_page(arguments, request->anatomy, &result, status);
        status = report(arguments, &result, status);
    }
    result_free(&result);
    return status;
}

static int run_experiment(const struct arguments *arguments, struct err *err)
{
    struct experiment *experiment = experiment_load_point(
        arguments->path, arguments->point, arguments->sets.texts, arguments->sets.count, err);
    if (experiment == NULL) {
        return EXIT_BAD_INPUT;
    }
    struct anatomy anatomy = {0};
    struct anatomy_request request = {.anatomy = &anatomy,
                                      .trace_options = {.steps = arguments->trace_steps,
                                                        .tiles = arguments->trace_tiles,
                                                        .tile_count = arguments->trace_tile_count}};
    char *why = NULL;
    int status = check_files(arguments);
    if (status == EXIT_DONE && arguments->trace_path != NULL) {
        request.trace = trace_open(arguments->trace_path, &why);
        status = request.trace != NULL ? EXIT_DONE : say(why);
    }
    if (status == EXIT_DONE) {
        status = run_and_report(arguments, experiment, &request, err);
    }
    anatomy_free(&anatomy);
    experiment_destroy(experiment);
    return status;
}

int command_run(int argc, char **argv)
{
    static const struct argp argp = {options, parse_option, "EXPERIMENT.yaml", doc, NULL,
                                     NULL,    NULL};
    struct arguments arguments = {.run.threads = option_all_cores(THREADS_MAX),
                                  .trace_steps = TRACE_STEPS_SHOWN};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    arguments.run.has_progress = !arguments.is_quiet && isatty(STDERR_FILENO) == 1;
    if (command_is_stdout(arguments.json_path)) {
        arguments.json_path = "-";
    }
    add_option_sets(&arguments);
    struct err *err = err_create();
    int status = run_experiment(&arguments, err);
    err_print(err, stderr);
    err_destroy(err);
    sets_free(&arguments.sets);
    free(arguments.trace_tiles);
    return status;
}

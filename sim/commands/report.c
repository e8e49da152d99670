// tilesim report: what sweeps found, on the terminal and as files. Joins the databases of shards.
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/export.h"
#include "report/merge.h"
#include "report/output_file.h"
#include "report/page/sweep.h"
#include "report/result.h"
#include "report/store.h"
#include "report/superseded.h"
#include "sim/commands/command.h"
#include "sim/commands/sets.h"
#include "sim/err.h"

struct arguments {
    struct sets files;
    const char *csv_path, *json_path, *html_path, *into_path, *baseline;
    bool has_superseded;
};

enum option_key {
    OPTION_CSV = 256,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_INTO,
    OPTION_BASELINE,
    OPTION_ALL
};

static const struct argp_option options[] = {
    {"csv", OPTION_CSV, "FILE", 0, "write every point and machine as CSV; - is standard output", 0},
    {"json", OPTION_JSON, "FILE", 0, "write every point with its configuration and result as JSON",
     0},
    {"html", OPTION_HTML, "FILE", 0,
     "write a page with charts and tables, in place of the table on the terminal", 0},
    {"into", OPTION_INTO, "FILE", 0, "join the databases into this one, which may exist", 0},
    {"baseline", OPTION_BASELINE, "MACHINE", 0,
     "what speed-ups are over; by default the fastest GPU of each point, without a GPU the first "
     "dense machine",
     0},
    {"all", OPTION_ALL, NULL, 0,
     "also points that were computed again with another configuration: a chip's file was changed",
     0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_CSV:
        arguments->csv_path = text;
        return 0;
    case OPTION_JSON:
        arguments->json_path = text;
        return 0;
    case OPTION_HTML:
        arguments->html_path = text;
        return 0;
    case OPTION_INTO:
        arguments->into_path = text;
        return 0;
    case OPTION_BASELINE:
        arguments->baseline = text;
        return 0;
    case OPTION_ALL:
        arguments->has_superseded = true;
        return 0;
    case ARGP_KEY_ARG:
        sets_add(&arguments->files, text);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which results?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct report {
    const struct arguments *arguments;
    struct store *store;   // owned
    struct merge *merge;   // owned
    struct export *export; // owned
    char *why;             // owned; of the first failure
};

static int stdout_uses(const struct arguments *arguments)
{
    return command_is_stdout(arguments->csv_path) + command_is_stdout(arguments->json_path) +
           command_is_stdout(arguments->html_path);
}

// A page is in place of the table, unless something of the table was asked for.
static bool has_table(const struct arguments *arguments)
{
    return arguments->html_path == NULL || arguments->csv_path != NULL ||
           arguments->baseline != NULL;
}

static bool is_same_file(const char *path, const char *other)
{
    struct stat a, b;
    return path != NULL && other != NULL && stat(path, &a) == 0 && stat(other, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A database must not be lost to a file that is written in its place.
static bool keeps_databases(struct report *report)
{
    const struct arguments *arguments = report->arguments;
    const char *const files[] = {arguments->csv_path, arguments->json_path, arguments->html_path};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        bool is_database = is_same_file(files[i], arguments->into_path);
        for (uint32_t j = 0; j < arguments->files.count; j++) {
            is_database = is_database || is_same_file(files[i], arguments->files.texts[j]);
        }
        if (is_database) {
            report->why = xasprintf("%s: is one of the databases, and would be lost", files[i]);
            return false;
        }
    }
    return true;
}

// --- reading ------------------------------------------------------------------------------------
static bool join_files(struct report *report)
{
    const struct arguments *arguments = report->arguments;
    const char *into = arguments->into_path == NULL ? ":memory:" : arguments->into_path;
    report->store = store_open_to_write(into, &report->why);
    bool is_right =
        report->store != NULL && merge_note(report->merge, into, report->store, &report->why);
    for (uint32_t i = 0; is_right && i < arguments->files.count; i++) {
        is_right =
            merge_file(report->merge, arguments->files.texts[i], report->store, &report->why);
    }
    return is_right;
}

static bool open_results(struct report *report)
{
    const struct arguments *arguments = report->arguments;
    report->merge = merge_create();
    if (arguments->files.count > 1 || arguments->into_path != NULL) {
        return join_files(report);
    }
    report->store = store_open_to_read(arguments->files.texts[0], &report->why);
    // a page names the versions itself, and one file has nothing to disagree with
    return report->store != NULL &&
           (!has_table(arguments) ||
            merge_note(report->merge, arguments->files.texts[0], report->store, &report->why));
}

static void print_lines(const char *lines)
{
    for (; *lines != '\0'; lines += strcspn(lines, "\n") + 1) {
        fprintf(stderr, "tilesim: %.*s\n", (int)strcspn(lines, "\n"), lines);
    }
}

// False: what the store has could not be read.
static bool print_notes(struct report *report)
{
    char *superseded = superseded_describe(report->store, &report->why);
    if (superseded == NULL) {
        return false;
    }
    print_lines(superseded);
    free(superseded);
    char *versions = merge_describe_versions(report->merge);
    if (versions != NULL) {
        fprintf(stderr, "tilesim: points come from different versions: %s\n", versions);
        free(versions);
    }
    for (uint32_t i = 0; merge_conflict(report->merge, i) != NULL; i++) {
        fprintf(stderr, "tilesim: %s\n", merge_conflict(report->merge, i));
    }
    uint32_t count = merge_conflict_count(report->merge);
    if (count > 1) {
        fprintf(stderr, "tilesim: %u configurations have different results\n", count);
    }
    return true;
}

// --- writing ------------------------------------------------------------------------------------
static bool write_csv(struct report *report, FILE *stream)
{
    export_write_csv(report->export, stream);
    return true;
}

static bool write_json(struct report *report, FILE *stream)
{
    return export_write_json(report->store, stream, &report->why);
}

static bool write_file(struct report *report, const char *path,
                       bool (*write)(struct report *report, FILE *stream))
{
    if (path == NULL) {
        return true;
    }
    if (command_is_stdout(path)) {
        return write(report, stdout); // command_finish_output() sees its errors
    }
    struct output_file file;
    bool is_open = output_file_open(&file, path);
    bool is_right = is_open && write(report, file.stream);
    bool is_written = is_open && output_file_commit(&file);
    if (!is_written && report->why == NULL) {
        report->why = xasprintf("%s: cannot write the results: %s", path, strerror(errno));
    }
    return is_right && is_written;
}

static int write_results(struct report *report)
{
    const struct arguments *arguments = report->arguments;
    if (!write_file(report, arguments->csv_path, write_csv) ||
        !write_file(report, arguments->json_path, write_json) ||
        (arguments->html_path != NULL &&
         !sweep_page_write(report->store, arguments->html_path, &report->why))) {
        return EXIT_FAULT;
    }
    if (stdout_uses(arguments) == 0 && has_table(arguments)) {
        export_print(report->export, stdout, command_has_colour(stdout), command_width(stdout));
    }
    return EXIT_DONE;
}

static int make_report(struct report *report)
{
    if (!keeps_databases(report) || !open_results(report) ||
        !store_show_superseded(report->store, report->arguments->has_superseded, &report->why)) {
        return EXIT_BAD_INPUT;
    }
    if (has_table(report->arguments)) {
        report->export = export_read(report->store, &report->why);
        if (report->export == NULL ||
            !export_choose_baseline(report->export, report->arguments->baseline, &report->why)) {
            return EXIT_BAD_INPUT;
        }
    }
    return print_notes(report) ? write_results(report) : EXIT_FAULT;
}

static void close_report(struct report *report, int *status)
{
    char *why = NULL;
    if (report->store != NULL && !store_close(report->store, &why) && report->why == NULL) {
        report->why = why;
        why = NULL;
        *status = EXIT_FAULT;
    }
    free(why);
    if (report->why != NULL) {
        fprintf(stderr, "tilesim: %s\n", report->why);
    }
    free(report->why);
    export_destroy(report->export);
    merge_destroy(report->merge);
}

int command_report(int argc, char **argv)
{
    static const struct argp argp = {options,
                                     parse_option,
                                     "RESULTS.db...",
                                     "Shows what sweeps found: every point on every machine. "
                                     "Several databases, such as those of "
                                     "shards, are joined: equal points once.",
                                     NULL,
                                     NULL,
                                     NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    arguments.html_path = command_is_stdout(arguments.html_path) ? "-" : arguments.html_path;
    struct report report = {.arguments = &arguments};
    int status = EXIT_BAD_INPUT;
    if (stdout_uses(&arguments) > 1) {
        report.why = xstrdup("only one of --csv, --json and --html can go to standard output");
    } else {
        status = command_finish_output(make_report(&report));
    }
    close_report(&report, &status);
    sets_free(&arguments.files);
    return status;
}

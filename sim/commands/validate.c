// tilesim validate: the model held against published measurements.
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/output_file.h"
#include "report/result.h"
#include "sim/commands/command.h"
#include "sim/commands/options.h"
#include "sim/err.h"
#include "sim/validation/claim.h"
#include "sim/validation/validate.h"
#include "sim/validation/write_bands.h"

#define JOBS_MAX 256
#define EXPECTED_DIGITS 4 // of a mean error: the rest is noise in a diff

enum option_key {
    OPTION_GROUP = 256,
    OPTION_JSON,
    OPTION_EXPECT,
    OPTION_SAVE,
    OPTION_BANDS,
    OPTION_MARKDOWN
};

static const struct argp_option options[] = {
    {"group", OPTION_GROUP, "NAME[/SERIES]", 0, "one group, or one series of it", 0},
    {"json", OPTION_JSON, "FILE", 0, "write the result as JSON; - is standard output", 0},
    {"expect", OPTION_EXPECT, "FILE", 0,
     "fail if a mean error is more than a point larger than in FILE", 0},
    {"save-expected", OPTION_SAVE, "FILE", 0, "write the mean errors as such a file", 0},
    {"write-bands", OPTION_BANDS, NULL, 0,
     "write the error bands that follow into the files of chips and GPUs", 0},
    {"markdown", OPTION_MARKDOWN, NULL, 0, "the table of groups of docs/validation.md alone", 0},
    {"jobs", 'j', "N", 0, "processes (default: all cores)", 0},
    {"verbose", 'v', NULL, 0, "a line for every point", 0},
    {0},
};

struct arguments {
    struct group_option group;
    const char *json_path, *expect_path, *save_path; // NULL: not asked for
    uint32_t processes;
    bool is_verbose, writes_bands, is_markdown;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_GROUP:
        option_group(&arguments->group, text, state);
        return 0;
    case OPTION_JSON:
        arguments->json_path = option_name("--json", text, state);
        return 0;
    case OPTION_EXPECT:
        arguments->expect_path = option_name("--expect", text, state);
        return 0;
    case OPTION_SAVE:
        arguments->save_path = option_name("--save-expected", text, state);
        return 0;
    case OPTION_MARKDOWN:
        arguments->is_markdown = true;
        return 0;
    case OPTION_BANDS:
        arguments->writes_bands = true;
        return 0;
    case 'j':
        arguments->processes = (uint32_t)option_number("--jobs", text, JOBS_MAX, state);
        return 0;
    case 'v':
        arguments->is_verbose = true;
        return 0;
    case ARGP_KEY_END:
        if (arguments->writes_bands && arguments->group.group != NULL) {
            argp_error(state, "--write-bands needs all groups");
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "validate takes no file; it runs configs/validation/*/*.yaml");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

// Takes over json.
static int write_json(json_t *json, uint32_t digits, const char *path, int status)
{
    char *why = NULL;
    if (!result_write_any_json(json, digits, path, &why)) {
        fprintf(stderr, "tilesim: %s\n", why);
        free(why);
        status = EXIT_FAULT;
    }
    json_decref(json);
    return status;
}

static int compare(const struct arguments *arguments, const struct validation_result *result,
                   int status)
{
    json_error_t fault;
    json_t *expected = json_load_file(arguments->expect_path, 0, &fault);
    if (!json_is_object(expected)) {
        fprintf(stderr, "tilesim: %s:%d: %s\n", arguments->expect_path, fault.line,
                expected == NULL ? fault.text : "an object is needed here");
        json_decref(expected);
        return EXIT_BAD_INPUT;
    }
    bool is_whole = arguments->group.group == NULL;
    uint32_t faults = validation_result_compare(result, expected, is_whole, stderr);
    json_decref(expected);
    return faults > 0 ? EXIT_FAULT : status;
}

static json_t *join_json(const struct validation_result *result, const struct claim_result *claim)
{
    json_t *json = validation_result_to_json(result);
    json_object_set_new(json, "claim",
                        claim->point_count == 0 ? json_null() : claim_result_to_json(claim));
    return json;
}

static void print_result(const struct arguments *arguments, const struct validation_result *result,
                         const struct claim_result *claim, FILE *stream)
{
    bool has_colour = command_has_colour(stream);
    if (arguments->is_markdown) {
        validation_result_print_markdown(result, stream);
        return;
    }
    claim_result_print(claim, stream, has_colour,
                       arguments->group.group != NULL || arguments->is_verbose);
    if (result->group_count > 0) {
        validation_result_print(result, stream, has_colour, arguments->is_verbose);
    }
}

static int report(const struct arguments *arguments, const struct validation_result *result,
                  const struct claim_result *claim)
{
    bool is_json_on_stdout = command_is_stdout(arguments->json_path);
    int status = result->failed + claim->failed > 0 ? EXIT_DOES_NOT_FIT : EXIT_DONE;
    if (arguments->json_path != NULL) {
        status = write_json(join_json(result, claim), 0, arguments->json_path, status);
    }
    if (arguments->save_path != NULL) {
        status = write_json(validation_result_to_expected(result), EXPECTED_DIGITS,
                            arguments->save_path, status);
    }
    if (!is_json_on_stdout) {
        print_result(arguments, result, claim, stdout);
    }
    if (arguments->expect_path != NULL) {
        status = compare(arguments, result, status);
    }
    return is_json_on_stdout ? status : command_finish_output(status);
}

static int validate(const struct arguments *arguments, struct err *err)
{
    struct series_list list;
    struct validation_result result;
    struct claim_result claim;
    char *why = NULL;
    if (arguments->json_path != NULL && !result_can_write_json(arguments->json_path, &why)) {
        fprintf(stderr, "tilesim: %s\n", why);
        free(why);
        return EXIT_FAULT;
    }
    if (!series_read_all(arguments->group.group, arguments->group.series, &list, err)) {
        return EXIT_BAD_INPUT;
    }
    int status = EXIT_BAD_INPUT;
    bool has_progress = isatty(STDERR_FILENO) == 1;
    bool is_done = validate_run(&list, arguments->processes, has_progress, &result, err);
    if (claim_run(&list, arguments->processes, has_progress, &claim, err) && is_done) {
        status = report(arguments, &result, &claim);
        if (arguments->writes_bands && !write_bands(&list, &result, err)) {
            status = EXIT_FAULT;
        }
    }
    claim_result_free(&claim);
    validation_result_free(&result);
    series_list_free(&list);
    return status;
}

int command_validate(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        NULL,
        "Holds the model against measurements: runs every point of configs/validation and prints "
        "the "
        "errors by group and series.\vA large error is a result, not a failure: exit status 3 is "
        "for points that a machine cannot run. To run one point alone: tilesim run FILE --point "
        "ID.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.processes = option_all_cores(JOBS_MAX)};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (command_is_stdout(arguments.json_path)) {
        arguments.json_path = "-";
    }
    struct err *err = err_create();
    int status = validate(&arguments, err);
    err_print(err, stderr);
    err_destroy(err);
    free(arguments.group.group);
    return status;
}

// tilesim calibrate: refits uncertain values to measurements and writes them back.
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/table.h"
#include "sim/commands/command.h"
#include "sim/commands/options.h"
#include "sim/err.h"
#include "sim/validation/calibrate.h"

#define JOBS_MAX 256

enum option_key { OPTION_GROUP = 256, OPTION_DRY_RUN };

static const struct argp_option options[] = {
    {"group", OPTION_GROUP, "NAME[/SERIES]", 0, "whose parameters are fitted", 0},
    {"dry-run", OPTION_DRY_RUN, NULL, 0, "change no file", 0},
    {"jobs", 'j', "N", 0, "processes (default: all cores)", 0},
    {0},
};

struct arguments {
    struct group_option group;
    uint32_t processes;
    bool is_dry;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_GROUP:
        option_group(&arguments->group, text, state);
        return 0;
    case OPTION_DRY_RUN:
        arguments->is_dry = true;
        return 0;
    case 'j':
        arguments->processes = (uint32_t)option_number("--jobs", text, JOBS_MAX, state);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "calibrate takes no file, but --group NAME");
        return 0;
    case ARGP_KEY_END:
        if (arguments->group.group == NULL) {
            argp_error(state, "which --group?");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *end_of_range(const struct calibrated *calibrated)
{
    const struct parameter *parameter = calibrated->parameter;
    bool is_at_end = calibrated->value <= parameter->low || calibrated->value >= parameter->high;
    return is_at_end ? " (end of range)" : "";
}

static void print_calibration(const struct calibration *calibration)
{
    static const char *const headings[] = {"parameter",    "before",    "after",
                                           "range",        "fitted to", "points",
                                           "error before", "residual",  "left one out"};
    uint32_t columns = sizeof(headings) / sizeof(headings[0]);
    struct table *table = table_create(columns);
    for (uint32_t i = 0; i < columns; i++) {
        table_add(table, "%s", headings[i]);
    }
    for (uint32_t i = 0; i < calibration->count; i++) {
        const struct calibrated *calibrated = &calibration->calibrated[i];
        const struct parameter *parameter = calibrated->parameter;
        table_add(table, "%s", parameter->key);
        table_add(table, "%.6g", parameter->value);
        table_add(table, "%.6g%s", calibrated->value, end_of_range(calibrated));
        table_add(table, "%.4g..%.4g", parameter->low, parameter->high);
        table_add(table, "%s", parameter->fitted_to);
        table_add(table, "%u", calibrated->rows);
        table_add(table, "%.2f %%", calibrated->error_before * 100);
        table_add(table, "%.2f %%", calibrated->residual * 100);
        table_add(table, "%.2f %%", calibrated->left_out * 100);
    }
    table_print(table, stdout, command_has_colour(stdout));
    table_destroy(table);
}

static void print_files(const struct calibration *calibration, bool is_dry)
{
    for (uint32_t i = 0; i < calibration->count; i++) {
        const struct parameter *parameter = calibration->calibrated[i].parameter;
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++) {
            is_new = is_new && strcmp(calibration->calibrated[j].parameter->value_file,
                                      parameter->value_file) != 0;
        }
        if (is_new) {
            printf("%s %s\n",
                   is_dry ? "not written (--dry-run):" : "written:", parameter->value_file);
        }
    }
}

static bool refuse_nothing(const struct arguments *arguments, struct err *err)
{
    bool is_series = arguments->group.series != NULL;
    char *name = xasprintf("%s%s%s", arguments->group.group, is_series ? "/" : "",
                           is_series ? arguments->group.series : "");
    err_at(err, NULL,
           "nothing is fitted to %s: no file that its points use has an entry of `uncertain` with "
           "fitted_to: %s",
           name, name);
    free(name);
    return false;
}

static int calibrate(const struct arguments *arguments, const struct series_list *list,
                     struct err *err)
{
    struct parameter_list parameters;
    struct calibration calibration = {0};
    int status = EXIT_BAD_INPUT;
    bool has_progress = isatty(STDERR_FILENO) == 1;
    bool is_right =
        parameters_find(list, arguments->group.group, arguments->group.series, &parameters, err);
    if (is_right && parameters.count == 0) {
        is_right = refuse_nothing(arguments, err);
    }
    if (is_right &&
        calibrate_run(list, &parameters, arguments->processes, has_progress, &calibration, err)) {
        print_calibration(&calibration);
        status = EXIT_DONE;
        if (!arguments->is_dry && !calibration_write(&calibration, err)) {
            status = EXIT_FAULT;
        } else {
            print_files(&calibration, arguments->is_dry);
        }
    }
    calibration_free(&calibration);
    parameters_free(&parameters);
    return command_finish_output(status);
}

int command_calibrate(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        NULL,
        "Refits the values that chips, GPUs and experiments mark as fitted to a validation group, "
        "and writes them, their residual and the error of each point left out of the fit back into "
        "the files.\vNothing else in the files changes. Only measured points count.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.processes = option_all_cores(JOBS_MAX)};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    struct err *err = err_create();
    struct series_list list;
    int status = EXIT_BAD_INPUT;
    if (series_read_all(arguments.group.group, arguments.group.series, &list, err)) {
        status = calibrate(&arguments, &list, err);
        series_list_free(&list);
    }
    err_print(err, stderr);
    err_destroy(err);
    free(arguments.group.group);
    return status;
}

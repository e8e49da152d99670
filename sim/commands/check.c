// tilesim check: says what is wrong with files, or nothing.
#include <argp.h>

#include "sim/commands/command.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "workloads/data/data.h"

struct arguments {
    struct err *err;
    uint32_t file_count;
};

// The data files of an experiment that trains; a chip or a GPU has none.
static void check_data(const struct experiment *experiment, struct err *err)
{
    if (experiment != NULL && experiment->workload.kind == NULL &&
        experiment->training.mode == MODE_FUNCTIONAL) {
        data_close(data_open(&experiment->data, &experiment->network,
                             experiment->training.time_steps, experiment->seed, err));
    }
}

static void check_file(const char *path, struct err *err)
{
    struct experiment *experiment;
    experiment_check_file(path, &experiment, err);
    check_data(experiment, err);
    experiment_destroy(experiment);
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        check_file(text, arguments->err);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_check(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,
        parse_option,
        "FILE.yaml...",
        "Reads experiments, chips, systems and GPUs and says what is wrong "
        "with them, all faults of all files; "
        "or nothing.\v- is standard input, for an experiment.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.err = err_create()};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int status = err_count(arguments.err) == 0 ? EXIT_DONE : EXIT_BAD_INPUT;
    err_print(arguments.err, stderr);
    err_destroy(arguments.err);
    return status;
}

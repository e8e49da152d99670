// tilesim inspect: what an experiment becomes: graph, placement, compute sets, exchanges, SRAM.
// Nothing is trained: cycles are those of one training step with drawn activity.
#include <argp.h>
#include <stdlib.h>

#include "sim/commands/command.h"
#include "sim/commands/inspect_program.h"
#include "sim/commands/sets.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/run/form_run.h"
#include "sim/run/machine_run.h"
#include "workloads/lower/lowering.h"

struct arguments {
    const char *path;
    struct sets sets;
};

static const struct argp_option options[] = {
    {"set", 's', "KEY=VALUE", 0, "change one key of the experiment; any number", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 's':
        sets_add(&arguments->sets, text);
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->path != NULL) {
            argp_error(state, "one experiment at a time");
        }
        arguments->path = text;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which experiment?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void heading(const struct inspector *inspector, const char *of, const char *what)
{
    fprintf(inspector->stream, inspector->has_colour ? "\033[1m%s: %s\033[0m\n" : "%s: %s\n", of,
            what);
}

// The program on its chip. EXIT_DOES_NOT_FIT if SRAM is too small; its cycles are then not known.
static int inspect_fitting(const struct inspector *inspector, const struct machine_config *config,
                           const struct program *program, const struct activity *record,
                           struct err *err)
{
    struct sram_plan *plan = sram_plan_create(program, config->chip);
    struct machine_time time = {0};
    char *why = NULL;
    int status = plan->fits ? EXIT_DONE : EXIT_DOES_NOT_FIT;
    if (plan->fits) {
        struct machine *machine = machine_create(config->chip, program);
        if (!machine_time_folded(machine, &record, 1, &time, &why)) {
            err_at(err, NULL, "%s: timing failed: %s", config->name, why);
            free(why);
            status = EXIT_FAULT;
        }
        machine_destroy(machine);
    }
    heading(inspector, config->name, "variables");
    inspect_placement(inspector, program);
    heading(inspector, config->name, "steps of a training step (cycles: drawn activity)");
    inspect_steps(inspector, program, time.shares == NULL ? NULL : &time);
    heading(inspector, config->name, "SRAM");
    inspect_sram(inspector, plan);
    machine_time_free(&time);
    sram_plan_destroy(plan);
    return status;
}

static int inspect_tiles(const struct inspector *inspector, const struct experiment *experiment,
                         const struct machine_config *config, const struct form_run *forms,
                         struct err *err)
{
    bool is_sparse = config->lowering.kind == LOWERING_SPARSE;
    const struct form_run *form = &forms[is_sparse ? FORM_SPARSE : FORM_DENSE];
    struct machine_view view = machine_view_of(config->chip);
    char *why = NULL;
    struct program *program = (is_sparse ? lower_sparse : lower_dense)(
        form->graph, &experiment->training, &config->lowering, &view, &why);
    if (program == NULL) {
        heading(inspector, config->name, "does not fit");
        fprintf(inspector->stream, "  %s\n\n", why);
        free(why);
        return EXIT_DOES_NOT_FIT;
    }
    int status = inspect_fitting(inspector, config, program,
                                 is_sparse ? forms[FORM_SPARSE].records[0] : NULL, err);
    program_destroy(program);
    return status;
}

static void inspect_gpu(const struct inspector *inspector, const struct experiment *experiment,
                        const struct machine_config *config, const struct form_run *forms)
{
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        if (machine_forms(config) >> form & 1u) {
            struct kernel_list *list = lower_gpu(forms[form].graph, &experiment->training);
            heading(inspector, config->name,
                    form == FORM_SPARSE ? "kernels, sparse form (b4)"
                                        : "kernels, dense form (b0 to b3)");
            inspect_kernels(inspector, list);
            kernel_list_destroy(list);
        }
    }
}

static void create_forms(const struct experiment *experiment, struct form_run *forms)
{
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        forms[form] = (struct form_run){.form = form};
        forms[form].graph =
            training_graph_create(&experiment->network, form, experiment->training.batch,
                                  experiment->training.time_steps);
        form_run_draw(&forms[form], experiment);
    }
}

static int inspect_experiment(const struct inspector *inspector,
                              const struct experiment *experiment, struct err *err)
{
    if (experiment->workload.kind != NULL) {
        fprintf(inspector->stream,
                "%s: workload %s has no training graph; `tilesim run` times it\n", experiment->name,
                experiment->workload.kind->name);
        return EXIT_DONE;
    }
    struct form_run forms[FORM_COUNT];
    create_forms(experiment, forms);
    heading(inspector, experiment->name, "training graph of one time step, sparse form");
    training_graph_print(forms[FORM_SPARSE].graph, inspector->stream);
    fputc('\n', inspector->stream);
    int status = EXIT_DONE;
    for (uint32_t i = 0; status != EXIT_FAULT && i < experiment->machine_count; i++) {
        const struct machine_config *config = &experiment->machines[i];
        if (config->chip == NULL) {
            inspect_gpu(inspector, experiment, config, forms);
            continue;
        }
        int machine_status = inspect_tiles(inspector, experiment, config, forms, err);
        status = machine_status == EXIT_DONE ? status : machine_status;
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        form_run_free(&forms[form]);
    }
    return status;
}

int command_inspect(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "EXPERIMENT.yaml",
        "Shows what an experiment becomes: the training graph, where variables lie, every compute "
        "set "
        "and exchange with its vertices and cycles, and SRAM by role and variable.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    struct err *err = err_create();
    struct experiment *experiment =
        experiment_load(arguments.path, arguments.sets.texts, arguments.sets.count, err);
    int status = EXIT_BAD_INPUT;
    if (experiment != NULL) {
        struct inspector inspector = {.stream = stdout, .has_colour = command_has_colour(stdout)};
        status = inspect_experiment(&inspector, experiment, err);
        status = command_finish_output(status);
    }
    experiment_destroy(experiment);
    err_print(err, stderr);
    err_destroy(err);
    sets_free(&arguments.sets);
    return status;
}

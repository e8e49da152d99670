// tilesim inspect: what an experiment becomes: graph, placement, compute sets, exchanges, SRAM.
// Nothing is trained: cycles are those of one training step with drawn activity.
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "report/result.h"
#include "report/table.h"
#include "sim/commands/command.h"
#include "sim/commands/inspect_graph.h"
#include "sim/commands/inspect_json.h"
#include "sim/commands/inspect_program.h"
#include "sim/commands/sets.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/run/form_run.h"
#include "sim/run/lowered.h"
#include "sim/run/machine_run.h"
#include "sim/version.h"
#include "workloads/lower/lowering.h"

#define NO_TILE UINT32_MAX // the fullest

struct arguments {
    const char *path, *json_path, *machine;
    uint32_t tile;
    struct sets sets;
};

enum option_key { OPTION_JSON = 256 };

static const struct argp_option options[] = {
    {"set", 's', "KEY=VALUE", 0, "change one key of the experiment; any number", 0},
    {"json", OPTION_JSON, "FILE", 0, "write all of it as JSON; - is standard output", 0},
    {"machine", 'm', "NAME", 0, "this machine alone", 0},
    {"tile", 't', "N", 0, "show what lies and runs on tile N", 0},
    {0},
};

static uint32_t parse_tile(const char *text, struct argp_state *state)
{
    char *end;
    unsigned long tile = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || tile >= NO_TILE) {
        argp_error(state, "--tile=%s: a number is needed, counted from 0", text);
    }
    return (uint32_t)tile;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case 's':
        sets_add(&arguments->sets, text);
        return 0;
    case OPTION_JSON:
        arguments->json_path = text;
        return 0;
    case 'm':
        arguments->machine = text;
        return 0;
    case 't':
        arguments->tile = parse_tile(text, state);
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

struct inspection {
    const struct arguments *arguments;
    const struct inspector *inspector; // NULL: nothing is printed
    const struct experiment *experiment;
    const struct machine_config *machine; // the one at hand
    const struct lowered *lowered;        // its training program; NULL: a microbenchmark's
    json_t *machines;                     // borrowed
    struct err *err;
    int status;
};

// What does not fit does not keep the other machines from being shown.
static void note_status(struct inspection *inspection, int status)
{
    inspection->status = status == EXIT_DONE ? inspection->status : status;
}

// --- one program --------------------------------------------------------------------------------
static void print_program(const struct inspection *inspection, const struct inspected *inspected)
{
    const struct inspector *inspector = inspection->inspector;
    const char *name = inspected->name;
    inspect_heading(inspector, name, inspected->program->name);
    inspect_summary(inspector, inspected);
    if (inspection->lowered != NULL && inspection->lowered->plan_why != NULL) {
        fprintf(inspector->stream, "  plan, chosen: %s\n\n", inspection->lowered->plan_why);
    }
    if (inspection->arguments->tile != NO_TILE) {
        char *title = xasprintf("tile %u", inspected->tile);
        inspect_heading(inspector, name, title);
        inspect_tile(inspector, inspected);
        free(title);
        return;
    }
    if (inspected->program->layer_count > 1) {
        inspect_heading(inspector, name, "layers");
        inspect_layers(inspector, inspected);
    }
    bool trains = inspection->experiment->workload.kind == NULL;
    inspect_heading(inspector, name,
                    trains ? "steps of a training step (cycles: drawn activity)" : "steps");
    inspect_steps(inspector, inspected);
    if (inspected->program->variable_count > 0) {
        inspect_heading(inspector, name, "variables");
        inspect_variables(inspector, inspected);
    }
    inspect_heading(inspector, name, "SRAM");
    inspect_sram(inspector, inspected);
}

static bool time_program(struct inspection *inspection, const struct program *program,
                         const struct activity *record, struct machine_time *time)
{
    char *why = NULL;
    struct machine *machine = machine_create_of(inspection->machine, program);
    bool is_timed = machine_time_folded(machine, &record, 1, time, &why);
    if (!is_timed) {
        err_at(inspection->err, NULL, "%s: timing failed: %s", inspection->machine->name, why);
        note_status(inspection, EXIT_FAULT);
        free(why);
    }
    machine_destroy(machine);
    return is_timed;
}

// With the checkpoint plan that would fit. Takes over `why`; owned.
static char *add_remedy(const struct inspection *inspection, const struct lowered *lowered,
                        char *why)
{
    char *remedy = lowered_remedy(inspection->machine, inspection->experiment, lowered);
    char *whole = xasprintf("%s; %s", why, remedy);
    free(why);
    free(remedy);
    return whole;
}

static void inspect_program(struct inspection *inspection, const struct program *program,
                            const struct activity *record)
{
    const struct machine_config *config = inspection->machine;
    struct sram_plan *plan = sram_plan_create(program, config->chip);
    if (!plan->fits && inspection->lowered != NULL) {
        plan->why = add_remedy(inspection, inspection->lowered, plan->why);
    }
    struct machine_time time = {0};
    bool is_timed = plan->fits && time_program(inspection, program, record, &time);
    struct inspected inspected = {.name = config->name,
                                  .chip = config->chip,
                                  .program = program,
                                  .plan = plan,
                                  .time = is_timed ? &time : NULL};
    uint32_t tile = inspection->arguments->tile;
    if (tile != NO_TILE && tile >= program->tile_count) {
        err_at(inspection->err, NULL, "--tile=%u: the program of %s has the tiles 0..%u", tile,
               config->name, program->tile_count - 1);
        note_status(inspection, EXIT_BAD_INPUT);
    } else {
        inspected_fill(&inspected, tile);
        if (inspection->inspector != NULL) {
            print_program(inspection, &inspected);
        }
        json_array_append_new(inspection->machines, inspect_program_json(&inspected));
    }
    if (!plan->fits) {
        note_status(inspection, EXIT_DOES_NOT_FIT);
    }
    inspected_free(&inspected);
    machine_time_free(&time);
    sram_plan_destroy(plan);
}

// A machine without a program.
static void refuse(struct inspection *inspection, const char *why)
{
    const struct machine_config *config = inspection->machine;
    if (inspection->inspector != NULL) {
        inspect_heading(inspection->inspector, config->name, "does not fit");
        fprintf(inspection->inspector->stream, "  %s\n\n", why);
    }
    json_array_append_new(inspection->machines,
                          json_pack("{s:s, s:s, s:b, s:s}", "name", config->name, "kind",
                                    config->chip != NULL ? "tiles" : "gpu", "fits", 0, "why", why));
    note_status(inspection, EXIT_DOES_NOT_FIT);
}

// --- training -----------------------------------------------------------------------------------
static void inspect_tiles(struct inspection *inspection, const struct form_run *forms)
{
    const struct machine_config *config = inspection->machine;
    bool is_sparse = config->lowering.kind == LOWERING_SPARSE;
    const struct form_run *form = &forms[is_sparse ? FORM_SPARSE : FORM_DENSE];
    struct lowered lowered = lowered_create(config, inspection->experiment, form);
    if (lowered.program == NULL) {
        lowered.why = add_remedy(inspection, &lowered, lowered.why);
        refuse(inspection, lowered.why);
    } else {
        inspection->lowered = &lowered;
        inspect_program(inspection, lowered.program, lowered.records[0]);
        inspection->lowered = NULL;
    }
    lowered_free(&lowered);
}

static void inspect_gpu(struct inspection *inspection, const struct form_run *forms)
{
    const struct machine_config *config = inspection->machine;
    json_t *kernels = json_object();
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        if ((machine_forms(config) >> form & 1u) == 0) {
            continue;
        }
        struct kernel_list *list = lower_gpu(forms[form].graph, &inspection->experiment->training);
        if (inspection->inspector != NULL) {
            inspect_heading(inspection->inspector, config->name,
                            form == FORM_SPARSE ? "kernels, sparse form (b4)"
                                                : "kernels, dense form (b0 to b3)");
            inspect_kernels(inspection->inspector, list);
        }
        json_object_set_new(kernels, form_name(form), inspect_kernels_json(list));
        kernel_list_destroy(list);
    }
    json_array_append_new(inspection->machines,
                          json_pack("{s:s, s:s, s:s, s:o}", "name", config->name, "kind", "gpu",
                                    "hardware", config->gpu->name, "kernels", kernels));
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

static bool is_chosen(const struct inspection *inspection, const struct machine_config *machine)
{
    const char *name = inspection->arguments->machine;
    return name == NULL || strcmp(name, machine->name) == 0;
}

static void inspect_training(struct inspection *inspection, json_t *json)
{
    const struct experiment *experiment = inspection->experiment;
    struct form_run forms[FORM_COUNT];
    create_forms(experiment, forms);
    bool has_graph =
        inspection->arguments->machine == NULL && inspection->arguments->tile == NO_TILE;
    if (inspection->inspector != NULL && has_graph) {
        inspect_heading(inspection->inspector, experiment->name,
                        "training graph of one time step, sparse form");
        inspect_graph(inspection->inspector, forms[FORM_SPARSE].graph);
        // what is left in the buffer would be printed again by the child that times a machine
        fflush(inspection->inspector->stream);
    }
    json_object_set_new(json, "graph", inspect_graph_json(forms[FORM_SPARSE].graph));
    for (uint32_t i = 0; inspection->status != EXIT_FAULT && i < experiment->machine_count; i++) {
        inspection->machine = &experiment->machines[i];
        if (!is_chosen(inspection, inspection->machine)) {
            continue;
        }
        if (inspection->machine->chip != NULL) {
            inspect_tiles(inspection, forms);
        } else {
            inspect_gpu(inspection, forms);
        }
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        form_run_free(&forms[form]);
    }
}

// --- microbenchmarks ----------------------------------------------------------------------------
static void watch_program(void *context, const struct program *program,
                          const struct activity *record)
{
    inspect_program(context, program, record);
}

static void print_quantities(const struct inspection *inspection,
                             const struct workload_result *yielded)
{
    inspect_heading(inspection->inspector, inspection->machine->name, "yields");
    struct table *table = table_create(3);
    table_add(table, "quantity");
    table_add(table, "value");
    table_add(table, "unit");
    table_align_left(table, 2);
    for (uint32_t i = 0; i < yielded->quantity_count; i++) {
        table_add(table, "%s", yielded->quantities[i].name);
        table_add(table, "%.6g", yielded->quantities[i].value);
        table_add(table, "%s", yielded->quantities[i].unit);
    }
    table_print(table, inspection->inspector->stream, inspection->inspector->has_colour);
    table_destroy(table);
    fputc('\n', inspection->inspector->stream);
}

// To the last program of the machine, or to an entry of its own: GPUs have none.
static void add_quantities(struct inspection *inspection, size_t entries_before,
                           const struct workload_result *yielded)
{
    json_t *quantities = json_object();
    for (uint32_t i = 0; i < yielded->quantity_count; i++) {
        json_object_set_new(quantities, yielded->quantities[i].name,
                            json_real(yielded->quantities[i].value));
    }
    size_t entries = json_array_size(inspection->machines);
    if (entries == entries_before) {
        json_array_append_new(inspection->machines,
                              json_pack("{s:s, s:s}", "name", inspection->machine->name, "kind",
                                        inspection->machine->chip != NULL ? "tiles" : "gpu"));
        entries++;
    }
    json_object_set_new(json_array_get(inspection->machines, entries - 1), "quantities",
                        quantities);
}

// The kind, its keys and what it does.
static void print_workload(const struct inspection *inspection, const json_t *workload)
{
    FILE *stream = inspection->inspector->stream;
    const struct workload_kind *kind = inspection->experiment->workload.kind;
    inspect_heading(inspection->inspector, inspection->experiment->name, kind->doc);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)workload, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
        fprintf(stream, "  %-16s %s\n", key, text == NULL ? "" : text);
        free(text);
    }
    fputc('\n', stream);
    fflush(stream);
}

static void inspect_workload(struct inspection *inspection, json_t *json)
{
    const struct experiment *experiment = inspection->experiment;
    json_t *config = experiment_to_json(experiment);
    json_object_set(json, "workload", json_object_get(config, "workload"));
    if (inspection->inspector != NULL) {
        print_workload(inspection, json_object_get(config, "workload"));
    }
    json_decref(config);
    for (uint32_t i = 0; inspection->status != EXIT_FAULT && i < experiment->machine_count; i++) {
        struct workload_result yielded = {.watch = watch_program, .watch_context = inspection};
        char *why = NULL;
        inspection->machine = &experiment->machines[i];
        if (!is_chosen(inspection, inspection->machine)) {
            continue;
        }
        size_t entries_before = json_array_size(inspection->machines);
        if (!experiment->workload.kind->run(experiment->workload.config, inspection->machine,
                                            &yielded, &why)) {
            refuse(inspection, why);
            free(why);
            continue;
        }
        add_quantities(inspection, entries_before, &yielded);
        if (inspection->inspector != NULL) {
            print_quantities(inspection, &yielded);
        }
    }
}

// --- the command --------------------------------------------------------------------------------
static bool check_machine(const struct inspection *inspection)
{
    const struct experiment *experiment = inspection->experiment;
    char *all = xstrdup("");
    bool is_found = false;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        is_found = is_found || is_chosen(inspection, &experiment->machines[i]);
        char *longer = xasprintf("%s%s%s", all, i == 0 ? "" : ", ", experiment->machines[i].name);
        free(all);
        all = longer;
    }
    if (!is_found && inspection->arguments->machine != NULL) {
        err_at(inspection->err, NULL, "--machine=%s: there is none of this name; there are: %s",
               inspection->arguments->machine, all);
    }
    free(all);
    return is_found || inspection->arguments->machine == NULL;
}

static void write_json(struct inspection *inspection, const json_t *json)
{
    char *why = NULL;
    const char *path = inspection->arguments->json_path;
    if (path != NULL && !result_write_any_json(json, 0, path, &why)) {
        err_at(inspection->err, NULL, "%s", why);
        note_status(inspection, EXIT_FAULT);
        free(why);
    }
}

static int inspect_experiment(const struct arguments *arguments,
                              const struct experiment *experiment, struct err *err)
{
    struct inspector inspector = {
        .stream = stdout, .has_colour = command_has_colour(stdout), .width = command_width(stdout)};
    bool has_stdout = command_is_stdout(arguments->json_path);
    json_t *json = json_pack("{s:{s:s, s:s}, s:s}", "tilesim", "version", TILESIM_VERSION, "git",
                             version_git(), "experiment", experiment->name);
    struct inspection inspection = {.arguments = arguments,
                                    .inspector = has_stdout ? NULL : &inspector,
                                    .experiment = experiment,
                                    .machines = json_array(),
                                    .err = err,
                                    .status = EXIT_DONE};
    if (!check_machine(&inspection)) {
        inspection.status = EXIT_BAD_INPUT;
    } else if (experiment->workload.kind != NULL) {
        inspect_workload(&inspection, json);
    } else {
        inspect_training(&inspection, json);
    }
    json_object_set_new(json, "machines", inspection.machines);
    if (inspection.status == EXIT_DONE || inspection.status == EXIT_DOES_NOT_FIT) {
        write_json(&inspection, json);
    }
    json_decref(json);
    return inspection.status;
}

int command_inspect(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse_option,
        "EXPERIMENT.yaml",
        "Shows what an experiment becomes: the training graph, where variables lie, every compute "
        "set and exchange with its vertices and cycles, and SRAM by role, variable and tile. Of a "
        "microbenchmark: the program that it builds.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.tile = NO_TILE};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (command_is_stdout(arguments.json_path)) {
        arguments.json_path = "-";
    }
    struct err *err = err_create();
    struct experiment *experiment =
        experiment_load(arguments.path, arguments.sets.texts, arguments.sets.count, err);
    int status = EXIT_BAD_INPUT;
    if (experiment != NULL) {
        status = command_finish_output(inspect_experiment(&arguments, experiment, err));
    }
    experiment_destroy(experiment);
    err_print(err, stderr);
    err_destroy(err);
    sets_free(&arguments.sets);
    return status;
}

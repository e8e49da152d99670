// A trial is one value at one end of its range; trials run in forked processes, which change their
// own copy of the experiment. A chip's, system's or GPU's value times that machine alone, on the
// activity of the run itself; a value of the experiment makes the experiment anew and runs it
// whole. Values that training does not read (the drawn activity of a trained network) are not
// tried.
#include "sim/run/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"
#include "sim/run/machine_run.h"
#include "sim/run/workload_run.h"
#include "sim/validation/fork_map.h"

struct study {
    const struct experiment *experiment;
    const struct run_options *options;
    const struct form_run *forms; // NULL: a microbenchmark
    const char *quantity;
    uint32_t entries; // of the result
};

struct trial {
    const struct study *study;
    const struct uncertain *uncertain;
    const char *kind;       // what the value is of: "experiment", "chip", ...
    const struct key *keys; // of that
    const void *target;
    uint32_t machine; // whose; machine_count: the experiment's
    uint32_t first_entry, entries;
    double value, end;
};

struct trials {
    struct trial *trials; // owned; low and high of a value are neighbours
    uint32_t count;
};

// --- one trial ----------------------------------------------------------------------------------
// What is watched of a machine; 0: it did not run.
static double watched(const struct study *study, const struct result_machine *machine)
{
    if (!machine->fits) {
        return 0;
    }
    for (uint32_t i = 0; i < machine->quantity_count; i++) {
        if (strcmp(machine->quantities[i].name, study->quantity) == 0) {
            return machine->quantities[i].value;
        }
    }
    return study->experiment->workload.kind == NULL ? machine->step_seconds : 0;
}

static void run_experiment_trial(const struct trial *trial, double *values)
{
    const struct study *study = trial->study;
    struct run_options options = *study->options;
    struct err *unused = err_create(); // an end that is not legal is shown as one that does not run
    char *set = xasprintf("%s=%.17g", trial->uncertain->key, trial->end);
    const char *sets[] = {set};
    options.has_sensitivity = false;
    options.has_progress = false;
    options.dump_directory = NULL;
    struct experiment *experiment = experiment_bind(config_create_on(study->experiment->config),
                                                    study->experiment->root, sets, 1, unused);
    struct result result = {0};
    if (experiment != NULL) {
        enum run_status status = experiment_run(experiment, &options, &result, unused);
        bool is_done = status == RUN_DONE || status == RUN_DOES_NOT_FIT;
        for (uint32_t i = 0; is_done && i < result.machine_count && i < study->entries; i++) {
            values[i] = watched(study, &result.machines[i]);
        }
    }
    result_free(&result);
    experiment_destroy(experiment);
    free(set);
    err_destroy(unused);
}

static void run_machine_trial(const struct trial *trial, double *values)
{
    const struct study *study = trial->study;
    const struct machine_config *machine = &study->experiment->machines[trial->machine];
    struct config_found found;
    if (!config_find(trial->keys, trial->target, trial->uncertain->key, &found)) {
        return;
    }
    config_put_number(&found, trial->end); // this process's own copy
    struct result_machine *entries = xcalloc(trial->entries, sizeof(*entries));
    struct machine_speed speed = {0};
    struct err *unused = err_create();
    if (study->forms == NULL) {
        workload_run_on(&study->experiment->workload, machine, entries);
    } else if (!machine_run(machine, study->experiment, study->forms, entries, &speed, unused)) {
        entries[0].fits = false;
    }
    for (uint32_t i = 0; i < trial->entries; i++) {
        values[trial->first_entry + i] = watched(study, &entries[i]);
    }
    config_put_number(&found, trial->value); // the next trial of this process starts from there
    struct result result = {.machines = entries, .machine_count = trial->entries};
    result_free(&result);
    err_destroy(unused);
}

static void run_trial(const void *context, uint32_t i, void *result)
{
    const struct trial *trial = &((const struct trial *)context)[i];
    if (trial->machine == trial->study->experiment->machine_count) {
        run_experiment_trial(trial, result);
    } else {
        run_machine_trial(trial, result);
    }
}

// --- the list of trials -------------------------------------------------------------------------
static void add_trials(struct trials *trials, struct trial trial)
{
    struct config_found found;
    if (!config_find(trial.keys, trial.target, trial.uncertain->key, &found) ||
        !config_get_number(&found, &trial.value)) {
        return;
    }
    trials->trials = xrealloc(trials->trials, (trials->count + 2) * sizeof(*trials->trials));
    trial.end = trial.uncertain->low;
    trials->trials[trials->count++] = trial;
    trial.end = trial.uncertain->high;
    trials->trials[trials->count++] = trial;
}

static uint32_t entries_of(const struct study *study, uint32_t machine)
{
    return study->forms == NULL ? 1 : machine_entries(&study->experiment->machines[machine]);
}

static void list_part(const struct uncertain_scope *scope, struct trial trial,
                      struct trials *trials)
{
    for (uint32_t i = 0; i < scope->count; i++) {
        trial.uncertain = &scope->entries[i];
        add_trials(trials, trial);
    }
}

static void list_trials(const struct study *study, struct trials *trials)
{
    const struct experiment *experiment = study->experiment;
    bool is_drawn = experiment->training.mode == MODE_DRAWN;
    for (uint32_t i = 0; i < experiment->uncertain_count; i++) {
        const struct uncertain *uncertain = &experiment->uncertain[i];
        bool is_read = is_drawn || strncmp(uncertain->key, "activity.", strlen("activity.")) != 0;
        if (is_read) {
            add_trials(trials, (struct trial){.study = study,
                                              .uncertain = uncertain,
                                              .kind = "experiment",
                                              .keys = experiment_keys,
                                              .target = experiment,
                                              .machine = experiment->machine_count,
                                              .entries = study->entries});
        }
    }
    for (uint32_t i = 0, first = 0; i < experiment->machine_count; i++) {
        struct machine_part parts[MACHINE_PARTS_MAX];
        uint32_t count = experiment_machine_parts(&experiment->machines[i], parts);
        uint32_t entries = entries_of(study, i);
        for (uint32_t j = 0; j < count; j++) {
            struct trial trial = {.study = study,
                                  .kind = parts[j].kind,
                                  .keys = parts[j].scope.keys,
                                  .target = parts[j].scope.target,
                                  .machine = i,
                                  .first_entry = first,
                                  .entries = entries};
            list_part(&parts[j].scope, trial, trials);
        }
        first += entries;
    }
}

// --- the result ---------------------------------------------------------------------------------
static double change_of(double value, double base)
{
    return value > 0 && base > 0 ? value / base - 1 : NAN;
}

static void add_sensitivity(struct result_machine *machine, const struct trial *trial, double base,
                            double at_low, double at_high)
{
    machine->sensitivity = xrealloc(machine->sensitivity, (machine->sensitivity_count + 1) *
                                                              sizeof(*machine->sensitivity));
    const char *fitted_to = trial->uncertain->fitted_to;
    machine->sensitivity[machine->sensitivity_count++] = (struct result_sensitivity){
        .key = xstrdup(trial->uncertain->key),
        .of = trial->kind,
        .fitted_to = fitted_to == NULL ? NULL : xstrdup(fitted_to),
        .value = trial->value,
        .low = trial->uncertain->low,
        .high = trial->uncertain->high,
        .at_low = at_low > 0 ? at_low : RESULT_NOTHING,
        .at_high = at_high > 0 ? at_high : RESULT_NOTHING,
        .change_low = change_of(at_low, base),
        .change_high = change_of(at_high, base),
    };
}

// An end at which the machine does not run comes first.
static double weight_of(const struct result_sensitivity *sensitivity)
{
    double low = fabs(sensitivity->change_low);
    double high = fabs(sensitivity->change_high);
    return isnan(low) || isnan(high) ? INFINITY : fmax(low, high);
}

static int compare_sensitivities(const void *a, const void *b)
{
    const struct result_sensitivity *one = a;
    const struct result_sensitivity *other = b;
    double difference = weight_of(other) - weight_of(one);
    if (difference > 0 || difference < 0) {
        return difference > 0 ? 1 : -1;
    }
    return strcmp(one->key, other->key);
}

static void fill_machine(const struct study *study, const struct trials *trials,
                         const double *values, uint32_t entry, struct result_machine *machine)
{
    double base = watched(study, machine);
    for (uint32_t i = 0; i < trials->count && machine->fits; i += 2) {
        const struct trial *trial = &trials->trials[i];
        if (entry >= trial->first_entry && entry < trial->first_entry + trial->entries) {
            add_sensitivity(machine, trial, base, values[(size_t)i * study->entries + entry],
                            values[(size_t)(i + 1) * study->entries + entry]);
        }
    }
    if (machine->sensitivity_count > 0) {
        qsort(machine->sensitivity, machine->sensitivity_count, sizeof(*machine->sensitivity),
              compare_sensitivities);
    }
}

static const char *quantity_of(const struct experiment *experiment, const struct result *result)
{
    if (experiment->workload.kind == NULL) {
        return "step_seconds";
    }
    if (experiment->validation != NULL) {
        return experiment->validation->quantity;
    }
    for (uint32_t i = 0; i < result->machine_count; i++) {
        if (result->machines[i].quantity_count > 0) {
            return result->machines[i].quantities[0].name;
        }
    }
    return "cycles";
}

bool sensitivity_run(const struct experiment *experiment, const struct run_options *options,
                     const struct form_run *forms, struct result *result, struct err *err)
{
    struct study study = {experiment, options, forms, quantity_of(experiment, result),
                          result->machine_count};
    struct trials trials = {0};
    list_trials(&study, &trials);
    double *values =
        xcalloc((size_t)trials.count * study.entries + 1, sizeof(*values)); // [trial][entry]
    struct fork_map map = {
        .count = trials.count,
        .processes = options->threads,
        .work = run_trial,
        .context = trials.trials,
        .result_bytes = study.entries * sizeof(*values),
        .progress = options->has_progress ? "trials" : NULL,
    };
    char *why = NULL;
    bool is_done = fork_map_run(&map, values, &why);
    if (!is_done) {
        err_at(err, NULL, "sensitivity: %s", why);
        free(why);
    }
    result->sensitivity_of = study.quantity;
    for (uint32_t i = 0; is_done && i < result->machine_count; i++) {
        fill_machine(&study, &trials, values, i, &result->machines[i]);
    }
    free(values);
    free(trials.trials);
    return is_done;
}

#include "sim/run/experiment_run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "sim/machine.h"
#include "sim/run/anatomy.h"
#include "sim/run/bands.h"
#include "sim/run/form_run.h"
#include "sim/run/host_memory.h"
#include "sim/run/machine_run.h"
#include "sim/run/progress.h"
#include "sim/run/record_cache.h"
#include "sim/run/sensitivity.h"
#include "sim/run/workload_run.h"
#include "sim/units.h"
#include "sim/version.h"

struct run { // what the parts of one run share
    const struct experiment *experiment;
    const struct run_options *options;
    struct form_run forms[FORM_COUNT];
    struct machine_speed speed;
    struct result *result;
    struct err *err;
};

static bool create_forms(struct run *run)
{
    const struct experiment *experiment = run->experiment;
    uint32_t needed = experiment->training.both_forms ? 1u << FORM_SPARSE | 1u << FORM_DENSE : 0;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        needed |= machine_forms(&experiment->machines[i]);
    }
    // no machine asks for a form; or tensors of this one are dumped
    if (needed == 0 || run->options->dump_directory != NULL) {
        needed |= 1u << FORM_SPARSE;
    }
    if (!host_memory_check(experiment, needed, run->err)) {
        return false;
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        run->forms[form] = (struct form_run){.form = form, .is_needed = needed >> form & 1u};
        if (run->forms[form].is_needed) {
            run->forms[form].graph =
                training_graph_create(&experiment->network, form, experiment->training.batch,
                                      experiment->training.time_steps);
        }
    }
    return true;
}

// Trains the needed forms that have no records yet.
static enum run_status train_forms(struct run *run)
{
    const struct experiment *experiment = run->experiment;
    struct form_context context = {
        .experiment = experiment, .options = run->options, .err = run->err};
    struct data_source *data = NULL;
    struct loaded_tensors *loaded = NULL;
    if (run->options->load_directory != NULL) {
        context.loaded = loaded = tensors_load(run->options->load_directory, experiment, run->err);
    } else {
        context.data = data =
            data_open(&experiment->data, &experiment->network, experiment->training.time_steps,
                      experiment->seed, run->err);
    }
    enum run_status status = loaded == NULL && data == NULL ? RUN_BAD_INPUT : RUN_DONE;
    for (uint32_t form = 0; status == RUN_DONE && form < FORM_COUNT; form++) {
        bool is_missing = run->forms[form].is_needed && run->forms[form].records == NULL;
        if (is_missing && !form_run_train(&run->forms[form], &context)) {
            status = RUN_FAILED;
        }
    }
    loaded_tensors_destroy(loaded);
    data_close(data);
    return status;
}

// The same, but takes what was trained before from the cache, and keeps there what is new.
static enum run_status train_or_load(struct run *run)
{
    struct record_cache cache;
    bool is_new[FORM_COUNT] = {false};
    bool is_complete = true;
    if (run->options->record_folder == NULL || run->options->load_directory != NULL ||
        run->options->dump_directory != NULL ||
        !record_cache_open(&cache, run->options->record_folder, run->experiment)) {
        return train_forms(run);
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        is_new[form] = run->forms[form].is_needed &&
                       !record_cache_load(&cache, run->experiment, &run->forms[form]);
        is_complete = is_complete && !is_new[form];
    }
    enum run_status status = is_complete ? RUN_DONE : train_forms(run);
    for (uint32_t form = 0; status == RUN_DONE && form < FORM_COUNT; form++) {
        if (is_new[form]) {
            record_cache_keep(&cache, run->experiment, &run->forms[form]);
        }
    }
    record_cache_close(&cache);
    return status;
}

static enum run_status train_or_draw(struct run *run)
{
    double started_seconds = wall_seconds();
    if (run->experiment->training.mode == MODE_FUNCTIONAL) {
        enum run_status status = train_or_load(run);
        run->result->host_seconds.functional = wall_seconds() - started_seconds;
        return status;
    }
    if (run->options->dump_directory != NULL) {
        err_at(run->err, NULL,
               "--dump needs training.mode: functional; drawn activity has no tensors");
        return RUN_BAD_INPUT;
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        if (run->forms[form].is_needed) {
            form_run_draw(&run->forms[form], run->experiment);
        }
    }
    run->result->host_seconds.draw = wall_seconds() - started_seconds;
    return RUN_DONE;
}

// --- result -------------------------------------------------------------------------------------
static struct result_activity summarise_layer(const struct form_run *form, uint32_t layer)
{
    const struct activity *first = form->records[0];
    struct result_activity out = {.form = form_name(form->form),
                                  .layer = layer,
                                  .neurons = first->layers[layer].neurons,
                                  .slots = first->layers[layer].slots};
    uint64_t spikes = 0, listed = 0, dropped = 0;
    for (uint32_t i = 0; i < form->record_count; i++) {
        const struct activity_layer *from = &form->records[i]->layers[layer];
        for (uint32_t t = 0; t < first->time_steps; t++) {
            const uint32_t *counts = activity_counts(from, first->batch, t);
            for (uint32_t b = 0; b < first->batch; b++) {
                spikes += counts[2 * b];
                listed += counts[2 * b + 1];
            }
        }
        dropped += from->dropped_spikes;
    }
    double all_rows = (double)first->time_steps * first->batch * form->record_count;
    out.spikes = (double)spikes / all_rows;
    out.listed = (double)listed / all_rows;
    out.dropped = (double)dropped / all_rows;
    out.sparsity = 1 - out.spikes / out.neurons;
    return out;
}

static void summarise_form(struct run *run, struct form_run *form)
{
    struct result *result = run->result;
    bool is_drawn = run->experiment->training.mode == MODE_DRAWN;
    result->training[result->training_count++] = (struct result_training){
        .form = form_name(form->form),
        .mode = is_drawn ? "drawn" : "functional",
        .steps =
            is_drawn ? run->experiment->timing.training_steps : run->experiment->training.steps,
        .loss = form->loss,
        .accuracy = form->accuracy,
    };
    form->loss = NULL; // the result owns it now
    for (uint32_t layer = 0; form->record_count > 0 && layer < run->experiment->network.layer_count;
         layer++) {
        result->activity[result->activity_count++] = summarise_layer(form, layer);
    }
}

static void summarise_forms(struct run *run)
{
    struct result *result = run->result;
    uint32_t layers = run->experiment->network.layer_count;
    result->training = xcalloc(FORM_COUNT, sizeof(*result->training));
    result->activity = xcalloc((size_t)FORM_COUNT * layers, sizeof(*result->activity));
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        if (run->forms[form].is_needed) {
            summarise_form(run, &run->forms[form]);
        }
    }
}

// Of the machines with tiles the last one; machine_count: none. After it no child needs a fresh
// process.
static uint32_t last_with_tiles(const struct experiment *experiment)
{
    uint32_t last = experiment->machine_count;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        last = experiment->machines[i].chip != NULL ? i : last;
    }
    return last;
}

static bool has_system(const struct experiment *experiment)
{
    bool has_one = false;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        has_one |= experiment->machines[i].system != NULL;
    }
    return has_one;
}

static enum run_status time_machines(struct run *run)
{
    const struct experiment *experiment = run->experiment;
    struct result *result = run->result;
    uint32_t entries = 0;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        entries += machine_entries(&experiment->machines[i]);
    }
    result->machines = xcalloc(entries + 1, sizeof(*result->machines));
    enum run_status status = RUN_DONE;
    bool needs_children = run->options->has_sensitivity || run->options->anatomy != NULL;
    bool is_all_here = run->options->is_clock_for_all;
    uint32_t last = last_with_tiles(experiment);
    // A system's platform must be the first of its process: such a run is left to children, or, if
    // this process has timed before, to another one.
    needs_children |= has_system(experiment) && run->options->clock != NULL &&
                      machine_clock_is_fresh(run->options->clock);
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        bool is_here = !needs_children && (is_all_here || i == last);
        run->speed.clock = is_here ? run->options->clock : NULL;
        const struct machine_config *config = &experiment->machines[i];
        struct result_machine *first = &result->machines[result->machine_count];
        result->machine_count += machine_entries(config);
        if (!machine_run(config, experiment, run->forms, first, &run->speed, run->err)) {
            return RUN_FAILED;
        }
        for (uint32_t j = 0; j < machine_entries(config); j++) {
            status = first[j].fits ? status : RUN_DOES_NOT_FIT;
        }
    }
    return status;
}

static uint64_t peak_rss_bytes(void)
{
    struct rusage self, children; // a child of fork() times a machine
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    return 1024 * max_u64((uint64_t)self.ru_maxrss, (uint64_t)children.ru_maxrss); // from KiB
}

static void fill_speed(struct run *run, double started_seconds)
{
    const struct machine_speed *speed = &run->speed;
    struct result *result = run->result;
    bool is_known = speed->timing_seconds > 0 && speed->simulated_seconds > 0;
    result->host_seconds.lower = speed->lower_seconds;
    result->host_seconds.timing = speed->timing_seconds;
    result->host_seconds.gpu = speed->gpu_seconds;
    result->supersteps_per_second =
        is_known ? speed->supersteps / speed->timing_seconds : RESULT_NOTHING;
    result->slowdown = is_known ? speed->timing_seconds / speed->simulated_seconds : RESULT_NOTHING;
    result->peak_rss_bytes = peak_rss_bytes();
    result->host_seconds.total = wall_seconds() - started_seconds;
}

// What is said about the times once they are known.
static enum run_status judge(struct run *run, enum run_status status)
{
    bool is_timed = status == RUN_DONE || status == RUN_DOES_NOT_FIT;
    bool is_bench = run->experiment->workload.kind != NULL;
    if (!is_timed) {
        return status;
    }
    bands_fill(run->experiment, run->result);
    if (run->options->has_sensitivity &&
        !sensitivity_run(run->experiment, run->options, is_bench ? NULL : run->forms, run->result,
                         run->err)) {
        return RUN_FAILED;
    }
    return status;
}

// After the speed was taken: looking on is not what is timed.
static enum run_status observe(const struct run *run, enum run_status status)
{
    struct anatomy_request *request = run->options->anatomy;
    bool is_timed = status == RUN_DONE || status == RUN_DOES_NOT_FIT;
    if (request == NULL || !is_timed ||
        anatomy_run(run->experiment, run->forms, run->result, request, run->err)) {
        return status;
    }
    return RUN_FAILED;
}

static enum run_status run_training(struct run *run)
{
    double started_seconds = wall_seconds();
    enum run_status status = create_forms(run) ? train_or_draw(run) : RUN_FAILED;
    if (status == RUN_DONE) {
        summarise_forms(run);
        status = time_machines(run);
        result_compute_speedups(run->result);
        status = judge(run, status);
        fill_speed(run, started_seconds);
        status = observe(run, status);
    }
    for (uint32_t form = 0; form < FORM_COUNT; form++) {
        form_run_free(&run->forms[form]);
    }
    return status;
}

enum run_status experiment_run(const struct experiment *experiment,
                               const struct run_options *options, struct result *result,
                               struct err *err)
{
    *result = (struct result){
        .version = TILESIM_VERSION,
        .git = version_git(),
        .experiment = experiment->name,
        .seed = experiment->seed,
        .batch = experiment->training.batch,
        .time_steps = experiment->training.time_steps,
        .config = options->is_without_config ? NULL : experiment_to_json(experiment),
    };
    struct run run = {.experiment = experiment, .options = options, .result = result, .err = err};
    if (experiment->workload.kind != NULL) {
        if (options->anatomy != NULL) {
            err_at(err, NULL, "--html and --trace show a training step; workload.kind is %s",
                   experiment->workload.kind->name);
            return RUN_BAD_INPUT;
        }
        return judge(&run, workload_run(experiment, options, result, err));
    }
    return run_training(&run);
}

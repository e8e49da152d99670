#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/run/anatomy.h"
#include "sim/run/lowered.h"
#include "sim/run/machine_run.h"
#include "tiles/sram.h"

struct anatomy_run {
    const struct experiment *experiment;
    const struct form_run *forms;
    struct anatomy_request *request;
    struct err *err;
};

static const struct activity *record_of(const struct form_run *form)
{
    bool is_replayed = form->form == FORM_SPARSE && form->record_count > 0;
    return is_replayed ? form->records[0] : NULL;
}

static bool observe_machine(const struct anatomy_run *run, const struct observed_tiles *observed)
{
    struct anatomy_request *request = run->request;
    char *why = NULL;
    if (!anatomy_observe_tiles(observed, request->anatomy, &why)) {
        err_at(run->err, NULL, "%s: observing it failed: %s", observed->name, why);
        free(why);
        return false;
    }
    if (request->trace != NULL) {
        const struct anatomy *anatomy = request->anatomy;
        anatomy_trace_tiles(observed, &anatomy->machines[anatomy->machine_count - 1],
                            &request->trace_options, request->trace);
    }
    return true;
}

static bool observe_tiles_of(const struct anatomy_run *run, const struct machine_config *config,
                             const struct result_machine *entry)
{
    bool is_sparse = config->lowering.kind == LOWERING_SPARSE;
    const struct form_run *form = &run->forms[is_sparse ? FORM_SPARSE : FORM_DENSE];
    struct lowered lowered = lowered_create(config, run->experiment, form);
    SIM_ASSERT(lowered.program != NULL, "%s was lowered before, and now: %s", entry->name,
               lowered.why);
    struct machine *machine = machine_create_of(config, lowered.program);
    // the first training step's, of each replica
    const struct activity **first = xcalloc(lowered.replica_count, sizeof *first);
    for (uint32_t i = 0; i < lowered.replica_count; i++) {
        first[i] = lowered.records[(size_t)i * lowered.record_count];
    }
    const struct observed_tiles observed = {.name = entry->name,
                                            .chip = config->chip,
                                            .program = lowered.program,
                                            .machine = machine,
                                            .records = first,
                                            .record_count = lowered.replica_count,
                                            .fullest_tile = entry->sram_max_tile,
                                            .replicas = entry->replicas};
    bool is_done = observe_machine(run, &observed);
    free(first);
    machine_destroy(machine);
    lowered_free(&lowered);
    return is_done;
}

static void observe_baseline(const struct anatomy_run *run, const struct machine_config *config,
                             enum gpu_baseline baseline, const char *name)
{
    const struct form_run *form = &run->forms[baseline == GPU_B4 ? FORM_SPARSE : FORM_DENSE];
    struct kernel_list *list = lower_gpu(form->graph, &run->experiment->training);
    const struct observed_gpu observed = {.name = name,
                                          .gpu = config->gpu,
                                          .baseline = baseline,
                                          .precision = config->precision,
                                          .list = list,
                                          .record = record_of(form)};
    struct anatomy_request *request = run->request;
    anatomy_observe_gpu(&observed, request->anatomy);
    kernel_list_destroy(list);
    if (request->trace != NULL) {
        anatomy_trace_gpu(&request->anatomy->gpus[request->anatomy->gpu_count - 1],
                          &request->trace_options, request->trace);
    }
}

static void observe_gpu_of(const struct anatomy_run *run, const struct machine_config *config,
                           const struct result_machine *entries)
{
    for (uint32_t baseline = 0; baseline < GPU_BASELINE_COUNT; baseline++) {
        if (config->baselines >> baseline & 1u) {
            if (entries->fits) {
                observe_baseline(run, config, (enum gpu_baseline)baseline, entries->name);
            }
            entries++;
        }
    }
}

bool anatomy_run(const struct experiment *experiment, const struct form_run *forms,
                 const struct result *result, struct anatomy_request *request, struct err *err)
{
    const struct anatomy_run run = {experiment, forms, request, err};
    const struct result_machine *entries = result->machines;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        const struct machine_config *config = &experiment->machines[i];
        if (config->gpu != NULL) {
            observe_gpu_of(&run, config, entries);
        } else if (entries->fits && !observe_tiles_of(&run, config, entries)) {
            return false;
        }
        entries += machine_entries(config);
    }
    return true;
}

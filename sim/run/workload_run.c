#include "sim/run/workload_run.h"

#include <math.h>
#include <stdlib.h>

// A model that divides by zero is at fault, not the user; but one bad point must not end a whole
// validation.
static bool are_finite(const struct workload_result *yielded, struct result_machine *out)
{
    for (uint32_t i = 0; i < yielded->quantity_count; i++) {
        if (!isfinite(yielded->quantities[i].value)) {
            out->why =
                xasprintf("the model gives no finite number for %s", yielded->quantities[i].name);
            return false;
        }
    }
    return true;
}

void workload_run_on(const struct workload *workload, const struct machine_config *machine,
                     struct result_machine *out)
{
    struct workload_result yielded = {.quantity_count = 0};
    *out = (struct result_machine){
        .name = xstrdup(machine->name),
        .hardware = xstrdup(machine->gpu != NULL ? machine->gpu->name : machine->chip->name),
        .kind = machine->gpu != NULL ? "gpu" : "tiles",
        .error_band = RESULT_NOTHING,
        .energy_joules = RESULT_NOTHING,
    };
    if (machine->parallel.chips > 1 && !workload->kind->takes_chips) {
        out->why = xasprintf("workload %s runs on one chip, not on %u together; set chips: 1",
                             workload->kind->name, machine->parallel.chips);
        return;
    }
    out->fits = workload->kind->run(workload->config, machine, &yielded, &out->why) &&
                are_finite(&yielded, out);
    if (!out->fits) {
        return;
    }
    out->quantity_count = yielded.quantity_count;
    out->quantities = xcalloc(yielded.quantity_count + 1, sizeof(*out->quantities));
    for (uint32_t i = 0; i < yielded.quantity_count; i++) {
        const struct workload_quantity *from = &yielded.quantities[i];
        out->quantities[i] = (struct result_quantity){from->name, from->unit, from->value};
    }
}

enum run_status workload_run(const struct experiment *experiment, const struct run_options *options,
                             struct result *result, struct err *err)
{
    if (options->load_directory != NULL || options->dump_directory != NULL) {
        err_at(err, NULL, "--load and --dump need a training run; workload %s has no tensors",
               experiment->workload.kind->name);
        return RUN_BAD_INPUT;
    }
    enum run_status status = RUN_DONE;
    result->workload = experiment->workload.kind->name;
    result->machines = xcalloc(experiment->machine_count + 1, sizeof(*result->machines));
    result->machine_count = experiment->machine_count;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        workload_run_on(&experiment->workload, &experiment->machines[i], &result->machines[i]);
        status = result->machines[i].fits ? status : RUN_DOES_NOT_FIT;
    }
    return status;
}

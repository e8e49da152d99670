#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/workload/workload.h"

const struct workload_kind *const workload_kinds[] = {
#define X(name) &workload_##name,
    WORKLOADS(X)
#undef X
        NULL,
};

char *workload_work(const struct workload_kind *kind, const void *config, uint32_t chips)
{
    const char *over = chips > 1 ? WORKLOAD_OVER_CHIPS : "";
    return kind->work_name == NULL ? xasprintf("%s%s", kind->name, over)
                                   : xasprintf("%s/%s", kind->name, kind->work_name(config));
}

void workload_add_quantity(struct workload_result *result, const char *name, const char *unit,
                           double value)
{
    SIM_ASSERT(result->quantity_count < WORKLOAD_QUANTITIES_MAX, "%s: too many quantities", name);
    result->quantities[result->quantity_count++] =
        (struct workload_quantity){.name = name, .unit = unit, .value = value};
}

void workload_time(const struct workload_result *result, const struct chip_config *chip,
                   const struct program *program, const struct activity *record,
                   struct machine_time *time)
{
    if (result != NULL && result->watch != NULL) {
        result->watch(result->watch_context, program, record);
    }
    struct machine *machine = machine_create(chip, program);
    machine_add_folded_cycles(machine, record, time);
    machine_destroy(machine);
}

bool workload_time_on(const struct workload_result *result, const struct machine_config *machine,
                      const struct program *program, struct machine_time *time, char **why)
{
    if (result != NULL && result->watch != NULL) {
        result->watch(result->watch_context, program, NULL);
    }
    struct machine *timed = machine_create_of(machine, program);
    const struct activity *record = NULL;
    bool is_done = machine_time_folded(timed, &record, 1, time, why);
    machine_destroy(timed);
    return is_done;
}

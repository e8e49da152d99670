#include "sim/err.h"
#include "sim/machine.h"
#include "sim/workload/workload.h"

const struct workload_kind *const workload_kinds[] = {
#define X(name) &workload_##name,
    WORKLOADS(X)
#undef X
        NULL,
};

char *workload_work(const struct workload_kind *kind, const void *config)
{
    return kind->work_name == NULL ? xstrdup(kind->name)
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

#include "report/result.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

static void memory_free(struct result_memory *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(list[i].name);
    }
    free(list);
}

static void machine_free(struct result_machine *machine)
{
    for (uint32_t i = 0; i < machine->share_count; i++) {
        free(machine->shares[i].name);
    }
    for (uint32_t i = 0; i < machine->sensitivity_count; i++) {
        free(machine->sensitivity[i].key);
        free(machine->sensitivity[i].fitted_to);
    }
    free(machine->sensitivity);
    free(machine->shares);
    free(machine->quantities);
    memory_free(machine->by_role, machine->by_role_count);
    memory_free(machine->largest, machine->largest_count);
    free(machine->sram_by_tile);
    free(machine->name);
    free(machine->hardware);
    free(machine->why);
    free(machine->energy_why);
    free(machine->plan_why);
}

void result_free(struct result *result)
{
    for (uint32_t i = 0; i < result->training_count; i++) {
        free(result->training[i].loss);
    }
    for (uint32_t i = 0; i < result->machine_count; i++) {
        machine_free(&result->machines[i]);
    }
    free(result->training);
    free(result->activity);
    free(result->machines);
    free(result->speedups);
    json_decref(result->config);
    *result = (struct result){0};
}

void result_parts_of(const struct result_machine *machine, struct result_part parts[RESULT_PARTS])
{
    const struct result_part all[RESULT_PARTS] = {
        {"compute", machine->compute_seconds}, {"exchange", machine->exchange_seconds},
        {"sync", machine->sync_seconds},       {"links", machine->links_seconds},
        {"memory", machine->memory_seconds},   {"host", machine->host_seconds},
        {"launch", machine->launch_seconds},   {"loop", machine->loop_seconds}};
    memcpy(parts, all, sizeof(all));
}

const char *result_bound(const struct result_machine *machine)
{
    if (!machine->fits) {
        return NULL;
    }
    struct result_part parts[RESULT_PARTS];
    result_parts_of(machine, parts);
    const struct result_part *largest = &parts[0];
    for (uint32_t i = 1; i < RESULT_PARTS; i++) {
        largest = parts[i].seconds > largest->seconds ? &parts[i] : largest;
    }
    return largest->name;
}

static bool is_compared(const struct result_machine *of, const struct result_machine *over)
{
    if (!of->fits || !over->fits || strcmp(of->kind, "tiles") != 0) {
        return false;
    }
    if (strcmp(over->kind, "gpu") == 0) {
        return true;
    }
    return strcmp(of->form, "sparse") == 0 && strcmp(over->form, "dense") == 0 &&
           strcmp(of->hardware, over->hardware) == 0;
}

void result_compute_speedups(struct result *result)
{
    free(result->speedups);
    result->speedup_count = 0;
    uint32_t count = result->machine_count;
    result->speedups = xcalloc((size_t)count * count + 1, sizeof(*result->speedups));
    for (uint32_t i = 0; i < count; i++) {
        const struct result_machine *of = &result->machines[i];
        for (uint32_t j = 0; j < count; j++) {
            const struct result_machine *over = &result->machines[j];
            if (is_compared(of, over)) {
                result->speedups[result->speedup_count++] = (struct result_speedup){
                    .of = of->name,
                    .over = over->name,
                    .ratio = over->step_seconds / of->step_seconds,
                    .error_band = RESULT_NOTHING,
                };
            }
        }
    }
}

#include "report/anatomy.h"

#include <stdlib.h>

#include "sim/err.h"

const char *const anatomy_bounds[ANATOMY_BOUNDS] = {"floor", "compute", "l2", "memory"};

const char *const anatomy_kind_names[ANATOMY_KINDS] = {"compute", "exchange", "host", "stream",
                                                       "all_reduce"};

void anatomy_append_span(struct anatomy_spans *spans, const struct anatomy_span *span)
{
    if (span->end_cycles <= span->begin_cycles) { // a step that starts no transfer has no end
        return;
    }
    if (spans->items == NULL || spans->count == spans->room) {
        spans->room = 2 * spans->room + 64;
        spans->items = xrealloc(spans->items, spans->room * sizeof *spans->items);
    }
    spans->items[spans->count++] = *span;
}

void anatomy_add_span(struct anatomy_spans *spans, const struct anatomy_span *span)
{
    struct anatomy_span *last = spans->count > 0 ? &spans->items[spans->count - 1] : NULL;
    if (last != NULL && last->what == span->what && last->end_cycles == span->begin_cycles) {
        last->end_cycles = span->end_cycles;
    } else {
        anatomy_append_span(spans, span);
    }
}

struct anatomy_machine *anatomy_add_machine(struct anatomy *anatomy)
{
    uint32_t i = anatomy->machine_count++;
    anatomy->machines =
        xrealloc(anatomy->machines, anatomy->machine_count * sizeof *anatomy->machines);
    anatomy->machines[i] = (struct anatomy_machine){0};
    return &anatomy->machines[i];
}

struct anatomy_gpu *anatomy_add_gpu(struct anatomy *anatomy)
{
    uint32_t i = anatomy->gpu_count++;
    anatomy->gpus = xrealloc(anatomy->gpus, anatomy->gpu_count * sizeof *anatomy->gpus);
    anatomy->gpus[i] = (struct anatomy_gpu){0};
    return &anatomy->gpus[i];
}

static void free_memory(struct anatomy_memory *memory)
{
    for (uint32_t i = 0; i < memory->variable_count; i++) {
        free(memory->variables[i].name);
    }
    free(memory->variables);
    free(memory->by_step);
}

static void free_machine(struct anatomy_machine *machine)
{
    for (uint32_t i = 0; i < machine->step_count; i++) {
        free(machine->steps[i].name);
        free(machine->steps[i].tile.worker_slots);
        free(machine->steps[i].tile.work);
    }
    for (uint32_t i = 0; i < machine->memory_count; i++) {
        free_memory(&machine->memories[i]);
    }
    for (uint32_t i = 0; i < machine->section_count; i++) {
        free(machine->sections[i].name);
    }
    free(machine->sections);
    free(machine->calls);
    free(machine->stretches.items);
    free(machine->transfers.items);
    free(machine->links_waits.items);
    free(machine->memory_waits.items);
    free(machine->name);
    free(machine->hardware);
    free(machine->loops);
    free(machine->steps);
    free(machine->events);
    free(machine->busy_cycles);
    free(machine->port_cycles);
    free(machine->memories);
    free((void *)machine->role_names);
}

void anatomy_free(struct anatomy *anatomy)
{
    for (uint32_t i = 0; i < anatomy->machine_count; i++) {
        free_machine(&anatomy->machines[i]);
    }
    for (uint32_t i = 0; i < anatomy->gpu_count; i++) {
        struct anatomy_gpu *gpu = &anatomy->gpus[i];
        for (uint32_t j = 0; j < gpu->kernel_count; j++) {
            free(gpu->kernels[j].name);
        }
        free(gpu->kernels);
        free(gpu->name);
        free(gpu->hardware);
    }
    free(anatomy->machines);
    free(anatomy->gpus);
    *anatomy = (struct anatomy){0};
}

uint64_t anatomy_total_cycles(const struct anatomy_machine *machine)
{
    return machine->compute_cycles + machine->exchange_cycles + machine->sync_cycles +
           machine->host_cycles + machine->links_cycles + machine->memory_cycles;
}

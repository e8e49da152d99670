// The data of the anatomy's page: docs/anatomy.md lists the members. Arrays stand where a chart
// needs one.
#include "report/anatomy.h"
#include "report/page/shell.h"
#include "sim/err.h"
#include "sim/units.h"

#include <stdlib.h>

#define CALLS_SHOWN 200u  // of the main part
#define SPANS_SHOWN 3000u // of the course of a training step, about

static void set(json_t *object, const char *key, json_t *value)
{
    SIM_ASSERT(value != NULL, "anatomy key %s is not a finite number", key);
    SIM_ASSERT(json_object_set_new(object, key, value) == 0, "anatomy key %s", key);
}

static void set_integer(json_t *object, const char *key, uint64_t value)
{
    set(object, key, json_integer((json_int_t)value));
}

static void append(json_t *array, json_t *value)
{
    SIM_ASSERT(json_array_append_new(array, value) == 0, "an anatomy value is not finite");
}

static json_t *integers(const uint64_t *values, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        append(array, json_integer((json_int_t)values[i]));
    }
    return array;
}

// --- tiles --------------------------------------------------------------------------------------
static json_t *tile_work_to_json(const struct anatomy_tile_work *tile, uint32_t contexts)
{
    json_t *object = json_object();
    set_integer(object, "tiles", tile->tiles);
    set_integer(object, "slowest", tile->slowest_tile);
    set_integer(object, "launch_cycles", tile->launch_cycles);
    set_integer(object, "fixed_cycles", tile->fixed_cycles);
    set_integer(object, "activity_cycles", tile->activity_cycles);
    set(object, "mean_cycles", json_real(tile->mean_cycles));
    set(object, "slowest_occupancy", json_real(tile->slowest_occupancy));
    set(object, "mean_occupancy", json_real(tile->mean_occupancy));
    set(object, "quantiles", integers(tile->tile_cycles, ANATOMY_QUANTILES));
    json_t *workers = json_array();
    for (uint32_t i = 0; tile->worker_slots != NULL && i < contexts; i++) {
        append(workers, json_real(tile->worker_slots[i]));
    }
    set(object, "worker_slots", workers);
    json_t *list = json_array();
    for (uint32_t i = 0; i < tile->work_count; i++) {
        const struct anatomy_work *work = &tile->work[i];
        json_t *entry = json_object();
        set(entry, "codelet", json_string(work->codelet));
        set_integer(entry, "vertices", work->vertices);
        set_integer(entry, "count", work->count);
        set_integer(entry, "hits", work->hits);
        set(entry, "slots", json_real(work->slots));
        append(list, entry);
    }
    set(object, "work", list);
    return object;
}

static json_t *port_work_to_json(const struct anatomy_port_work *port)
{
    json_t *object = json_object();
    set_integer(object, "busiest", port->busiest_tile);
    set_integer(object, "out_cycles", port->out_cycles);
    set_integer(object, "in_cycles", port->in_cycles);
    set_integer(object, "sent", port->sent_messages);
    set_integer(object, "received", port->received_messages);
    set_integer(object, "other_cycles", port->other_cycles);
    return object;
}

static json_t *step_to_json(const struct anatomy_step *step, uint32_t contexts)
{
    json_t *object = json_object();
    set(object, "name", json_string(step->name));
    set(object, "kind", json_string(anatomy_kind_names[step->kind]));
    set_integer(object, "program_step", step->program_step);
    set_integer(object, "loop", step->loop);
    set_integer(object, "section", step->section);
    set_integer(object, "waited_cycles", step->waited_cycles);
    set_integer(object, "times", step->times);
    set_integer(object, "cycles", step->cycles);
    set_integer(object, "sync_cycles", step->sync_cycles);
    set_integer(object, "first_cycles", step->first_cycles);
    set_integer(object, "middle_cycles", step->middle_cycles);
    set_integer(object, "least_cycles", step->times > 0 ? step->least_cycles : 0);
    set_integer(object, "most_cycles", step->most_cycles);
    set(object, "middle_time_step", json_integer((json_int_t)step->middle_time_step));
    if (step->kind == ANATOMY_COMPUTE) {
        set(object, "tile", tile_work_to_json(&step->tile, contexts));
    } else if (step->kind == ANATOMY_EXCHANGE) {
        set(object, "port", port_work_to_json(&step->port));
    } else {
        set_integer(object, "bytes", step->bytes);
    }
    return object;
}

static json_t *variables_to_json(const struct anatomy_memory *memory)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < memory->variable_count; i++) {
        const struct anatomy_variable *variable = &memory->variables[i];
        bool is_always = variable->first_step == 0 && variable->last_step == UINT32_MAX;
        json_t *object = json_object();
        set(object, "name", json_string(variable->name));
        set(object, "role", json_string(variable->role));
        set_integer(object, "bytes", variable->bytes);
        set(object, "first", is_always ? json_null() : json_integer(variable->first_step));
        set(object, "last", is_always ? json_null() : json_integer(variable->last_step));
        append(array, object);
    }
    return array;
}

// by_role: for each role the live bytes, step by step.
static json_t *memory_to_json(const struct anatomy_memory *memory,
                              const struct anatomy_machine *machine)
{
    json_t *object = json_object();
    set_integer(object, "tile", memory->tile);
    set(object, "what", json_string(memory->what));
    json_t *roles = json_array();
    for (uint32_t role = 0; role < machine->role_count; role++) {
        json_t *row = json_array();
        for (uint32_t i = 0; i < machine->step_count; i++) {
            uint64_t bytes = memory->by_step[(size_t)i * machine->role_count + role];
            append(row, json_integer((json_int_t)bytes));
        }
        append(roles, row);
    }
    set(object, "by_role", roles);
    set(object, "variables", variables_to_json(memory));
    return object;
}

static json_t *loops_to_json(const struct anatomy_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->loop_count; i++) {
        const struct anatomy_loop *loop = &machine->loops[i];
        json_t *object = json_object();
        set_integer(object, "count", loop->count);
        set(object, "first", json_integer(loop->first));
        set(object, "stride", json_integer(loop->stride));
        append(array, object);
    }
    return array;
}

static json_t *sections_to_json(const struct anatomy_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->section_count; i++) {
        const struct anatomy_section *section = &machine->sections[i];
        json_t *object = json_object();
        set(object, "name", json_string(section->name));
        set_integer(object, "times", section->times);
        set_integer(object, "cycles", section->cycles);
        append(array, object);
    }
    return array;
}

// [depth, section (0: a loop), count, first, stride]
static json_t *calls_to_json(const struct anatomy_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->call_count && i < CALLS_SHOWN; i++) {
        const struct anatomy_call *call = &machine->calls[i];
        append(array, json_pack("[i, i, i, i, i]", (int)call->depth, (int)call->section,
                                (int)call->count, (int)call->first, (int)call->stride));
    }
    return array;
}

// [what, begin, end]. Of spans that are shorter together than a screen shows, or that have no more
// between them, the first stands for all of them: the list stays short for any number of time
// steps.
static json_t *spans_to_json(const struct anatomy_spans *spans, uint64_t total_cycles)
{
    json_t *array = json_array();
    uint64_t least_cycles = total_cycles / SPANS_SHOWN;
    for (uint32_t i = 0; i < spans->count;) {
        struct anatomy_span shown = spans->items[i++];
        while (i < spans->count && spans->items[i].end_cycles - shown.begin_cycles < least_cycles) {
            shown.end_cycles = spans->items[i++].end_cycles;
        }
        append(array, json_pack("[I, I, I]", (json_int_t)shown.what, (json_int_t)shown.begin_cycles,
                                (json_int_t)shown.end_cycles));
    }
    return array;
}

static json_t *course_to_json(const struct anatomy_machine *machine)
{
    uint64_t total_cycles = anatomy_total_cycles(machine);
    json_t *object = json_object();
    set(object, "stretches", spans_to_json(&machine->stretches, total_cycles));
    set(object, "transfers", spans_to_json(&machine->transfers, total_cycles));
    set(object, "links", spans_to_json(&machine->links_waits, total_cycles));
    set(object, "memory", spans_to_json(&machine->memory_waits, total_cycles));
    return object;
}

static json_t *cycles_to_json(const struct anatomy_machine *machine)
{
    json_t *object = json_object();
    set_integer(object, "total", anatomy_total_cycles(machine));
    set_integer(object, "compute", machine->compute_cycles);
    set_integer(object, "exchange", machine->exchange_cycles);
    set_integer(object, "sync", machine->sync_cycles);
    set_integer(object, "links", machine->links_cycles);
    set_integer(object, "memory", machine->memory_cycles);
    set_integer(object, "host", machine->host_cycles);
    return object;
}

static json_t *machine_to_json(const struct anatomy_machine *machine)
{
    json_t *object = json_object();
    set(object, "name", json_string(machine->name));
    set(object, "hardware", json_string(machine->hardware));
    set(object, "clock_hz", json_real(machine->clock_hz));
    set_integer(object, "tiles", machine->tile_count);
    set_integer(object, "chips", machine->chips);
    set_integer(object, "replicas", machine->replicas);
    json_object_set_new(object, "has_own_samples", json_boolean(machine->has_own_samples));
    set_integer(object, "contexts", machine->contexts);
    set(object, "cycles", cycles_to_json(machine));
    set(object, "loops", loops_to_json(machine));
    set(object, "sections", sections_to_json(machine));
    set(object, "calls", calls_to_json(machine));
    set(object, "course", course_to_json(machine));
    json_t *steps = json_array();
    for (uint32_t i = 0; i < machine->step_count; i++) {
        append(steps, step_to_json(&machine->steps[i], machine->contexts));
    }
    set(object, "steps", steps);
    set(object, "busy", integers(machine->busy_cycles, machine->tile_count));
    set(object, "port", integers(machine->port_cycles, machine->tile_count));
    set_integer(object, "looks_all", machine->looks_all);
    set_integer(object, "looks_of_more", machine->looks_of_more);
    set_integer(object, "slowest", machine->slowest_tile);
    set_integer(object, "median", machine->median_tile);
    set_integer(object, "sram_limit", machine->sram_limit_bytes);
    json_t *roles = json_array();
    for (uint32_t i = 0; i < machine->role_count; i++) {
        append(roles, json_string(machine->role_names[i]));
    }
    set(object, "roles", roles);
    json_t *memories = json_array();
    for (uint32_t i = 0; i < machine->memory_count; i++) {
        append(memories, memory_to_json(&machine->memories[i], machine));
    }
    set(object, "memories", memories);
    return object;
}

// --- GPUs ---------------------------------------------------------------------------------------
static json_t *kernel_to_json(const struct anatomy_kernel *kernel)
{
    json_t *object = json_object();
    set(object, "name", json_string(kernel->name));
    set(object, "phase", json_string(kernel->phase));
    set_integer(object, "layer", kernel->layer);
    set(object, "launches", json_real(kernel->launches));
    set(object, "seconds", json_real(kernel->seconds));
    set(object, "gap_seconds", json_real(kernel->gap_seconds));
    json_t *parts = json_array();
    for (uint32_t i = 0; i < ANATOMY_BOUNDS; i++) {
        append(parts, json_real(kernel->parts[i]));
    }
    set(object, "parts", parts);
    return object;
}

static json_t *gpu_to_json(const struct anatomy_gpu *gpu)
{
    json_t *object = json_object();
    set(object, "name", json_string(gpu->name));
    set(object, "hardware", json_string(gpu->hardware));
    set(object, "description", json_string(gpu->description));
    set(object, "step_seconds", json_real(gpu->step_seconds));
    set(object, "compute_seconds", json_real(gpu->compute_seconds));
    set(object, "launch_seconds", json_real(gpu->launch_seconds));
    set(object, "loop_seconds", json_real(gpu->loop_seconds));
    set(object, "sync_seconds", json_real(gpu->sync_seconds));
    set(object, "host_seconds", json_real(gpu->host_seconds));
    json_t *kernels = json_array();
    for (uint32_t i = 0; i < gpu->kernel_count; i++) {
        append(kernels, kernel_to_json(&gpu->kernels[i]));
    }
    set(object, "kernels", kernels);
    return object;
}

// --- the whole ----------------------------------------------------------------------------------
static json_t *entry_to_json(const struct result_machine *machine)
{
    json_t *object = json_object();
    set(object, "name", json_string(machine->name));
    set(object, "fits", json_boolean(machine->fits));
    set(object, "why", machine->why == NULL ? json_null() : json_string(machine->why));
    set(object, "step_seconds", machine->fits ? json_real(machine->step_seconds) : json_null());
    set(object, "error_band",
        machine->error_band == RESULT_NOTHING ? json_null() : json_real(machine->error_band));
    return object;
}

json_t *anatomy_to_json(const struct anatomy *anatomy, const struct result *result)
{
    json_t *object = json_object();
    set(object, "experiment", json_string(result->experiment));
    set(object, "version", json_string(result->version));
    set(object, "git", json_string(result->git));
    set_integer(object, "seed", result->seed);
    set_integer(object, "batch", result->batch);
    set_integer(object, "time_steps", result->time_steps);
    set(object, "config", result->config == NULL ? json_null() : json_incref(result->config));
    json_t *bounds = json_array();
    for (uint32_t i = 0; i < ANATOMY_BOUNDS; i++) {
        append(bounds, json_string(anatomy_bounds[i]));
    }
    set(object, "bounds", bounds);
    json_t *entries = json_array();
    for (uint32_t i = 0; i < result->machine_count; i++) {
        append(entries, entry_to_json(&result->machines[i]));
    }
    set(object, "entries", entries);
    json_t *machines = json_array();
    for (uint32_t i = 0; i < anatomy->machine_count; i++) {
        append(machines, machine_to_json(&anatomy->machines[i]));
    }
    set(object, "machines", machines);
    json_t *gpus = json_array();
    for (uint32_t i = 0; i < anatomy->gpu_count; i++) {
        append(gpus, gpu_to_json(&anatomy->gpus[i]));
    }
    set(object, "gpus", gpus);
    return object;
}

bool anatomy_write_page(const struct anatomy *anatomy, const struct result *result,
                        const char *path, char **why)
{
    char *title = xasprintf("%s: anatomy of a training step", result->experiment);
    json_t *json = anatomy_to_json(anatomy, result);
    const struct page page = {.kind = PAGE_ANATOMY, .title = title, .data = json};
    bool is_written = page_write_file(&page, path, why);
    json_decref(json);
    free(title);
    return is_written;
}

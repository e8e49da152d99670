// The result as JSON: the contract of docs/result-format.md.
// Keys keep the order in which they are set here, so that equal results give equal bytes.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/output_file.h"
#include "report/result.h"
#include "report/sensitivity.h"
#include "sim/err.h"

static json_t *real_or_null(double value)
{
    return value == RESULT_NOTHING ? json_null() : json_real(value);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void set(json_t *object, const char *key, json_t *value)
{
    // json_real gives NULL for values that JSON cannot say: a fault of whoever filled the result.
    SIM_ASSERT(value != NULL, "result key %s is not a finite number", key);
    SIM_ASSERT(json_object_set_new(object, key, value) == 0, "result key %s", key);
}

static json_t *training_to_json(const struct result_training *training)
{
    json_t *object = json_object();
    set(object, "form", json_string(training->form));
    set(object, "steps", integer(training->steps));
    json_t *loss = json_array();
    for (uint32_t i = 0; training->loss != NULL && i < training->steps; i++) {
        json_array_append_new(loss, json_real(training->loss[i]));
    }
    set(object, "loss", loss);
    set(object, "accuracy", real_or_null(training->accuracy));
    set(object, "mode", json_string(training->mode));
    return object;
}

static json_t *activity_to_json(const struct result_activity *activity)
{
    json_t *object = json_object();
    set(object, "form", json_string(activity->form));
    set(object, "layer", integer(activity->layer));
    set(object, "neurons", integer(activity->neurons));
    set(object, "slots", integer(activity->slots));
    set(object, "spikes_per_time_step_per_sample", json_real(activity->spikes));
    set(object, "listed_per_time_step_per_sample", json_real(activity->listed));
    set(object, "dropped_per_time_step_per_sample", json_real(activity->dropped));
    set(object, "sparsity", json_real(activity->sparsity));
    return object;
}

static json_t *memory_to_json(const struct result_memory *list, uint32_t count)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < count; i++) {
        set(object, list[i].name, integer(list[i].bytes));
    }
    return object;
}

static json_t *largest_to_json(const struct result_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->largest_count; i++) {
        json_t *entry = json_object();
        set(entry, "name", json_string(machine->largest[i].name));
        set(entry, "bytes", integer(machine->largest[i].bytes));
        json_array_append_new(array, entry);
    }
    return array;
}

static json_t *shares_to_json(const struct result_machine *machine)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < machine->share_count; i++) {
        const struct result_share *share = &machine->shares[i];
        json_t *entry = json_object();
        set(entry, "name", json_string(share->name));
        set(entry, "seconds", json_real(share->seconds));
        set(entry, "cycles", integer(share->cycles));
        set(entry, "times", integer(share->times));
        json_array_append_new(array, entry);
    }
    return array;
}

static json_t *breakdown_to_json(const struct result_machine *machine)
{
    if (!machine->fits) {
        return json_null();
    }
    json_t *object = json_object();
    struct result_part parts[RESULT_PARTS];
    result_parts_of(machine, parts);
    for (uint32_t i = 0; i < RESULT_PARTS; i++) {
        set(object, parts[i].name, json_real(parts[i].seconds));
    }
    return object;
}

static json_t *number_or_null(uint32_t number)
{
    return number == 0 ? json_null() : integer(number);
}

static json_t *checkpoint_to_json(const struct result_checkpoint *checkpoint)
{
    if (checkpoint->kind == NULL) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "kind", json_string(checkpoint->kind));
    set(object, "chosen", json_boolean(checkpoint->is_chosen));
    set(object, "local", number_or_null(checkpoint->local));
    set(object, "remote", number_or_null(checkpoint->remote));
    set(object, "levels", number_or_null(checkpoint->levels));
    set(object, "forward_steps_per_time_step", json_real(checkpoint->forward_steps_per_time_step));
    set(object, "forward_share", real_or_null(checkpoint->forward_share));
    set(object, "overhead", real_or_null(checkpoint->overhead));
    set(object, "states_held", integer(checkpoint->states_held));
    set(object, "history_steps_held", integer(checkpoint->history_steps_held));
    set(object, "streamed_out_bytes", integer(checkpoint->streamed_out_bytes));
    set(object, "streamed_in_bytes", integer(checkpoint->streamed_in_bytes));
    json_t *notes = json_array();
    for (uint32_t i = 0; i < checkpoint->note_count; i++) {
        json_array_append_new(notes, json_string(checkpoint->notes[i]));
    }
    set(object, "notes", notes);
    return object;
}

// One sentence for every null of this machine, joined; NULL if nothing is to be explained.
static json_t *reasons(const struct result_machine *machine)
{
    if (machine->why != NULL && machine->energy_why != NULL) {
        return json_sprintf("%s; energy_joules: %s", machine->why, machine->energy_why);
    }
    if (machine->energy_why != NULL) {
        return json_sprintf("energy_joules: %s", machine->energy_why);
    }
    return text_or_null(machine->why);
}

static int compare_bytes(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

// Distinct amounts, and of every tile the place among them; -n: n more tiles like the one before.
// Few amounts alternate from tile to tile, so that runs alone would save nothing.
static json_t *by_tile_to_json(const struct result_machine *machine)
{
    uint32_t count = machine->tile_count;
    uint64_t *amounts = xmalloc(((size_t)count + 1) * sizeof(*amounts));
    if (count > 0) {
        memcpy(amounts, machine->sram_by_tile, count * sizeof(*amounts));
    }
    qsort(amounts, count, sizeof(*amounts), compare_bytes);
    json_t *bytes = json_array();
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || amounts[i] != amounts[distinct - 1]) {
            amounts[distinct++] = amounts[i];
            json_array_append_new(bytes, integer(amounts[i]));
        }
    }
    json_t *tiles = json_array();
    for (uint32_t first = 0, end = 0; first < count; first = end) {
        uint64_t amount = machine->sram_by_tile[first];
        const uint64_t *found =
            bsearch(&amount, amounts, distinct, sizeof(*amounts), compare_bytes);
        while (end < count && machine->sram_by_tile[end] == amount) {
            end++;
        }
        json_array_append_new(tiles, json_integer(found - amounts));
        if (end - first > 1) {
            json_array_append_new(tiles, json_integer(-(json_int_t)(end - first - 1)));
        }
    }
    free(amounts);
    return json_pack("{s:o, s:o}", "bytes", bytes, "tiles", tiles);
}

static json_t *sram_to_json(const struct result_machine *machine)
{
    json_t *object = json_object();
    set(object, "limit_bytes", integer(machine->sram_limit_bytes));
    set(object, "max_bytes", integer(machine->sram_max_bytes));
    bool is_gpu = strcmp(machine->kind, "gpu") == 0; // has no tiles
    set(object, "max_tile", is_gpu ? json_null() : integer(machine->sram_max_tile));
    set(object, "by_role", memory_to_json(machine->by_role, machine->by_role_count));
    set(object, "largest", largest_to_json(machine));
    set(object, "by_tile", is_gpu ? json_null() : by_tile_to_json(machine));
    return object;
}

static json_t *machine_to_json(const struct result_machine *machine)
{
    bool is_tiles = strcmp(machine->kind, "tiles") == 0;
    bool has_cycles = is_tiles && machine->fits;
    double nothing = RESULT_NOTHING;
    json_t *object = json_object();
    set(object, "name", json_string(machine->name));
    set(object, "kind", json_string(machine->kind));
    set(object, "hardware", json_string(machine->hardware));
    set(object, "variant", json_string(machine->variant));
    set(object, "form", json_string(machine->form));
    set(object, "chips", integer(machine->chips));
    set(object, "chips_asked", integer(machine->chips_asked));
    set(object, "replicas", integer(machine->replicas));
    set(object, "clock_hz", real_or_null(is_tiles ? machine->clock_hz : nothing));
    set(object, "step_seconds", real_or_null(machine->fits ? machine->step_seconds : nothing));
    set(object, "samples_per_second",
        real_or_null(machine->fits ? machine->samples_per_second : nothing));
    set(object, "error_band", real_or_null(machine->error_band));
    set(object, "fits", json_boolean(machine->fits));
    set(object, "why", reasons(machine));
    set(object, "breakdown_seconds", breakdown_to_json(machine));
    set(object, "bound", text_or_null(result_bound(machine)));
    set(object, "checkpoint", checkpoint_to_json(&machine->checkpoint));
    set(object, "plan_why", text_or_null(machine->plan_why));
    set(object, "input_copy_seconds",
        real_or_null(is_tiles || !machine->fits ? nothing : machine->input_copy_seconds));
    set(object, "cycles_per_training_step", has_cycles ? integer(machine->cycles) : json_null());
    set(object, "supersteps_per_training_step",
        has_cycles ? integer(machine->supersteps) : json_null());
    set(object, "tiles_used", is_tiles ? integer(machine->tiles_used) : json_null());
    set(object, "sram", sram_to_json(machine));
    set(object, "energy_joules", real_or_null(machine->energy_joules));
    set(object, "shares", shares_to_json(machine));
    set(object, "sensitivity", sensitivity_to_json(machine));
    return object;
}

// A machine of a microbenchmark.
static json_t *bench_to_json(const struct result_machine *machine)
{
    json_t *quantities = json_object();
    for (uint32_t i = 0; i < machine->quantity_count; i++) {
        set(quantities, machine->quantities[i].name, json_real(machine->quantities[i].value));
    }
    json_t *object = json_object();
    set(object, "name", json_string(machine->name));
    set(object, "kind", json_string(machine->kind));
    set(object, "hardware", json_string(machine->hardware));
    set(object, "fits", json_boolean(machine->fits));
    set(object, "error_band", real_or_null(machine->error_band));
    set(object, "why", text_or_null(machine->why));
    set(object, "quantities", quantities);
    set(object, "sensitivity", sensitivity_to_json(machine));
    return object;
}

static json_t *speedup_to_json(const struct result_speedup *speedup)
{
    json_t *object = json_object();
    set(object, "of", json_string(speedup->of));
    set(object, "over", json_string(speedup->over));
    set(object, "ratio", json_real(speedup->ratio));
    set(object, "error_band", real_or_null(speedup->error_band));
    return object;
}

static json_t *speedups_to_json(const struct result *result)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < result->speedup_count; i++) {
        json_t *object = speedup_to_json(&result->speedups[i]);
        set(object, "sensitivity", sensitivity_of_speedup_to_json(result, &result->speedups[i]));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *simulator_to_json(const struct result *result)
{
    json_t *seconds = json_object();
    set(seconds, "total", json_real(result->host_seconds.total));
    set(seconds, "functional", json_real(result->host_seconds.functional));
    set(seconds, "draw", json_real(result->host_seconds.draw));
    set(seconds, "lower", json_real(result->host_seconds.lower));
    set(seconds, "timing", json_real(result->host_seconds.timing));
    set(seconds, "gpu", json_real(result->host_seconds.gpu));
    json_t *object = json_object();
    set(object, "host_seconds", seconds);
    set(object, "supersteps_per_second", real_or_null(result->supersteps_per_second));
    set(object, "slowdown", real_or_null(result->slowdown));
    set(object, "peak_rss_bytes", integer(result->peak_rss_bytes));
    return object;
}

#define SET_ARRAY(object, key, list, count, to_json)           \
    do {                                                       \
        json_t *array = json_array();                          \
        for (uint32_t i = 0; i < (count); i++) {               \
            json_array_append_new(array, to_json(&(list)[i])); \
        }                                                      \
        set(object, key, array);                               \
    } while (0)

json_t *result_to_json(const struct result *result)
{
    json_t *tilesim = json_object();
    set(tilesim, "version", json_string(result->version));
    set(tilesim, "git", json_string(result->git));
    json_t *object = json_object();
    set(object, "tilesim", tilesim);
    set(object, "experiment", json_string(result->experiment));
    set(object, "seed", integer(result->seed));
    set(object, "config", result->config == NULL ? json_null() : json_incref(result->config));
    if (result->workload != NULL) {
        set(object, "workload", json_string(result->workload));
        set(object, "sensitivity_of", text_or_null(result->sensitivity_of));
        SET_ARRAY(object, "machines", result->machines, result->machine_count, bench_to_json);
        return object;
    }
    SET_ARRAY(object, "training", result->training, result->training_count, training_to_json);
    SET_ARRAY(object, "activity", result->activity, result->activity_count, activity_to_json);
    SET_ARRAY(object, "machines", result->machines, result->machine_count, machine_to_json);
    set(object, "sensitivity_of", text_or_null(result->sensitivity_of));
    set(object, "speedups", speedups_to_json(result));
    set(object, "simulator", simulator_to_json(result));
    return object;
}

// False, with errno set, if not every byte arrived.
static bool dump_to_stream(const json_t *json, uint32_t digits, FILE *stream)
{
    errno = 0;
    bool is_written = json_dumpf(json, stream, JSON_INDENT(1) | JSON_REAL_PRECISION(digits)) == 0;
    is_written = fputc('\n', stream) != EOF && is_written;
    return fflush(stream) == 0 && is_written;
}

static bool dump_to_file(const json_t *json, uint32_t digits, const char *path)
{
    struct output_file file;
    if (!output_file_open(&file, path)) {
        return false;
    }
    dump_to_stream(json, digits, file.stream); // its errors are the stream's, which the commit sees
    return output_file_commit(&file);
}

bool result_can_write_json(const char *path, char **why)
{
    if (strcmp(path, "-") == 0 || output_file_is_possible(path)) {
        return true;
    }
    *why = xasprintf("%s: cannot write the result: %s", path, strerror(errno));
    return false;
}

bool result_write_any_json(const json_t *json, uint32_t digits, const char *path, char **why)
{
    bool is_stdout = strcmp(path, "-") == 0;
    bool is_written =
        is_stdout ? dump_to_stream(json, digits, stdout) : dump_to_file(json, digits, path);
    if (!is_written) {
        *why = xasprintf("%s: cannot write the result: %s", is_stdout ? "standard output" : path,
                         strerror(errno));
    }
    return is_written;
}

bool result_write_json(const struct result *result, const char *path, char **why)
{
    json_t *json = result_to_json(result);
    bool is_written = result_write_any_json(json, 0, path, why);
    json_decref(json);
    return is_written;
}

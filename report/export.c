// Points of a store -> struct export, and the speed-up of each machine over its baseline.
#include "report/export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/json_scan.h"
#include "sim/err.h"

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

static char *text_at(const json_t *object, const char *key)
{
    return copy_or_null(json_string_value(json_object_get(object, key)));
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

char *export_value_text(const json_t *value)
{
    if (json_is_string(value)) {
        return xstrdup(json_string_value(value));
    }
    // 0.005 is 0.005, not 0.0050000000000000001
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    return text == NULL ? xstrdup("") : text;
}

struct export_machine export_no_machine(void)
{
    return (struct export_machine){
        .step_seconds = (double)NAN,
        .samples_per_second = (double)NAN,
        .error_band = (double)NAN,
        .chips = (double)NAN,
        .replicas = (double)NAN,
        .cycles = (double)NAN,
        .supersteps = (double)NAN,
        .tiles_used = (double)NAN,
        .sram_max_bytes = (double)NAN,
        .sram_limit_bytes = (double)NAN,
        .speedup = (double)NAN,
        .speedup_band = (double)NAN,
    };
}

// --- reading --------------------------------------------------------------------------------------
static void read_machine(struct export_machine *machine, const json_t *from)
{
    const json_t *sram = json_object_get(from, "sram");
    const json_t *quantities = json_object_get(from, "quantities");
    double seconds = number_at(from, "step_seconds");
    *machine = (struct export_machine){
        .name = text_at(from, "name"),
        .kind = text_at(from, "kind"),
        .hardware = text_at(from, "hardware"),
        .variant = text_at(from, "variant"),
        .fits = json_is_true(json_object_get(from, "fits")),
        .why = text_at(from, "why"),
        // that of a microbenchmark, which has no training step, is the time of what it runs
        .step_seconds = quantities == NULL ? seconds : number_at(quantities, "seconds"),
        .samples_per_second = number_at(from, "samples_per_second"),
        .error_band = number_at(from, "error_band"),
        .breakdown = json_object_get(from, "breakdown_seconds"),
        .quantities = json_object_get(from, "quantities"),
        .bound = text_at(from, "bound"),
        .checkpointing = text_at(json_object_get(from, "checkpoint"), "kind"),
        .chips = number_at(from, "chips"),
        .replicas = number_at(from, "replicas"),
        .cycles = number_at(from, "cycles_per_training_step"),
        .supersteps = number_at(from, "supersteps_per_training_step"),
        .tiles_used = number_at(from, "tiles_used"),
        .sram_max_bytes = number_at(sram, "max_bytes"),
        .sram_limit_bytes = number_at(sram, "limit_bytes"),
        .speedup = (double)NAN,
        .speedup_band = (double)NAN,
    };
}

static void add_quantity(struct export *export, const char *name)
{
    for (uint32_t i = 0; i < export->quantity_count; i++) {
        if (strcmp(export->quantities[i], name) == 0) {
            return;
        }
    }
    export->quantities =
        xrealloc(export->quantities, (export->quantity_count + 1) * sizeof(*export->quantities));
    export->quantities[export->quantity_count++] = xstrdup(name);
}

// What is shown of a machine: most of its text is of single compute sets, which are not.
static json_t *scan_machine(const char *item)
{
    static const char *const members[] = {"name",
                                          "kind",
                                          "hardware",
                                          "variant",
                                          "fits",
                                          "why",
                                          "step_seconds",
                                          "samples_per_second",
                                          "error_band",
                                          "breakdown_seconds",
                                          "bound",
                                          "checkpoint",
                                          "chips",
                                          "replicas",
                                          "cycles_per_training_step",
                                          "supersteps_per_training_step",
                                          "tiles_used",
                                          "quantities",
                                          NULL};
    json_t *machine = json_object();
    for (uint32_t i = 0; members[i] != NULL; i++) {
        json_object_set_new(machine, members[i],
                            json_scan_value(json_scan_member(item, members[i])));
    }
    const char *sram = json_scan_member(item, "sram");
    json_t *sizes = json_object();
    json_object_set_new(sizes, "max_bytes", json_scan_value(json_scan_member(sram, "max_bytes")));
    json_object_set_new(sizes, "limit_bytes",
                        json_scan_value(json_scan_member(sram, "limit_bytes")));
    json_object_set_new(machine, "sram", sizes);
    return machine;
}

static json_t *scan_machines(const char *result)
{
    json_t *machines = json_array();
    const char *list = result == NULL ? NULL : json_scan_member(result, "machines");
    const char *item = list == NULL ? NULL : json_scan_first(list);
    for (; item != NULL; item = json_scan_next(item)) {
        json_array_append_new(machines, scan_machine(item));
    }
    return machines;
}

static void add_machines(struct export *export, struct export_point *point)
{
    point->machine_count = (uint32_t)json_array_size(point->result);
    point->machines = xcalloc((size_t)point->machine_count + 1, sizeof(*point->machines));
    for (uint32_t i = 0; i < point->machine_count; i++) {
        read_machine(&point->machines[i], json_array_get(point->result, i));
        const char *name;
        json_t *value;
        json_object_foreach(point->machines[i].quantities, name, value)
        {
            add_quantity(export, name);
        }
    }
}

struct reading {
    struct export *export;
    char **why;
    bool is_right;
};

static bool read_point(void *context, const struct store_point *from)
{
    struct reading *reading = context;
    struct export *export = reading->export;
    json_error_t error;
    json_t *settings = json_loads(from->settings, 0, &error);
    if (settings == NULL) {
        reading->is_right = false;
        *reading->why = xasprintf("point %u of sweep %s: its settings are no JSON: %s",
                                  from->number, from->sweep, error.text);
        return false;
    }
    if (export->point_count == export->point_capacity) {
        export->point_capacity = export->point_capacity * 2 + 64;
        export->points = xrealloc(export->points, export->point_capacity * sizeof(*export->points));
    }
    struct export_point *point = &export->points[export->point_count++];
    *point = (struct export_point){
        .key = xstrdup(from->key),
        .sweep = xstrdup(from->sweep),
        .number = from->number,
        .settings = settings,
        .status = from->status,
        .why = copy_or_null(from->why),
        .version = copy_or_null(from->version),
        .git = copy_or_null(from->git),
        .seed = from->seed,
        .run_seconds = from->host_seconds,
        .run_peak_rss_bytes = from->peak_rss_bytes,
        .finished = copy_or_null(from->finished),
        .is_superseded = from->is_superseded,
        .result = scan_machines(from->result),
    };
    add_machines(export, point);
    return true;
}

static void read_path(void *context, const char *path, const char *label)
{
    struct export *export = context;
    if (export->path_count == export->path_capacity) {
        export->path_capacity = export->path_capacity * 2 + 8;
        export->paths = xrealloc(export->paths, export->path_capacity * sizeof(*export->paths));
    }
    export->paths[export->path_count++] = (struct export_path){xstrdup(path), copy_or_null(label)};
}

struct export *export_read(struct store *store, char **why)
{
    struct export *export = xcalloc(1, sizeof(*export));
    struct reading reading = {export, why, true};
    if (!store_each_path(store, read_path, export, why) ||
        !store_each(store, read_point, &reading, why) || !reading.is_right) {
        export_destroy(export);
        return NULL;
    }
    return export;
}

static void free_point(struct export_point *point)
{
    for (uint32_t i = 0; i < point->machine_count; i++) {
        free(point->machines[i].name);
        free(point->machines[i].kind);
        free(point->machines[i].hardware);
        free(point->machines[i].variant);
        free(point->machines[i].bound);
        free(point->machines[i].checkpointing);
        free(point->machines[i].why);
    }
    free(point->machines);
    json_decref(point->settings);
    json_decref(point->result);
    free(point->key);
    free(point->sweep);
    free(point->why);
    free(point->version);
    free(point->git);
    free(point->finished);
}

void export_destroy(struct export *export)
{
    if (export == NULL) {
        return;
    }
    for (uint32_t i = 0; i < export->point_count; i++) {
        free_point(&export->points[i]);
    }
    for (uint32_t i = 0; i < export->path_count; i++) {
        free(export->paths[i].path);
        free(export->paths[i].label);
    }
    for (uint32_t i = 0; i < export->quantity_count; i++) {
        free(export->quantities[i]);
    }
    free(export->points);
    free(export->paths);
    free(export->quantities);
    free(export);
}

// --- baselines --------------------------------------------------------------------------------------
static bool is_timed(const struct export_machine *machine)
{
    return machine->fits && machine->step_seconds > 0; // false of NAN
}

static bool is_gpu(const struct export_machine *machine)
{
    return machine->kind != NULL && strcmp(machine->kind, "gpu") == 0;
}

static const struct export_machine *find_named(const struct export_point *point, const char *name)
{
    for (uint32_t i = 0; i < point->machine_count; i++) {
        if (point->machines[i].name != NULL && strcmp(point->machines[i].name, name) == 0) {
            return &point->machines[i];
        }
    }
    return NULL;
}

static bool is_dense(const struct export_machine *machine)
{
    return machine->variant != NULL && strcmp(machine->variant, "dense") == 0;
}

// The fastest GPU; without a GPU the first dense machine, and if all are sparse the first of
// several.
static const struct export_machine *find_default(const struct export_point *point)
{
    const struct export_machine *fastest_gpu = NULL, *first_dense = NULL, *first = NULL;
    for (uint32_t i = 0; i < point->machine_count; i++) {
        const struct export_machine *machine = &point->machines[i];
        first = first == NULL && point->machine_count > 1 ? machine : first;
        first_dense = first_dense == NULL && is_dense(machine) ? machine : first_dense;
        if (is_gpu(machine) && is_timed(machine) &&
            (fastest_gpu == NULL || machine->step_seconds < fastest_gpu->step_seconds)) {
            fastest_gpu = machine;
        }
    }
    return fastest_gpu != NULL ? fastest_gpu : first_dense != NULL ? first_dense : first;
}

static void compare(struct export_point *point, const struct export_machine *baseline)
{
    for (uint32_t i = 0; i < point->machine_count; i++) {
        struct export_machine *machine = &point->machines[i];
        machine->over = NULL;
        machine->speedup = machine->speedup_band = (double)NAN;
        if (baseline != NULL && is_timed(baseline) && is_timed(machine)) {
            machine->over = baseline->name;
            machine->speedup = baseline->step_seconds / machine->step_seconds;
            machine->speedup_band =
                machine == baseline ? 0 : hypot(baseline->error_band, machine->error_band);
        }
    }
}

static char *list_machines(const struct export *export)
{
    char *all = xstrdup("");
    const struct export_point *first = NULL;
    for (uint32_t i = 0; i < export->point_count && first == NULL; i++) {
        first = export->points[i].machine_count > 0 ? &export->points[i] : NULL;
    }
    for (uint32_t i = 0; first != NULL && i < first->machine_count; i++) {
        char *longer = xasprintf("%s%s%s", all, i == 0 ? "" : ", ", first->machines[i].name);
        free(all);
        all = longer;
    }
    return all;
}

bool export_choose_baseline(struct export *export, const char *name, char **why)
{
    bool is_found = name == NULL;
    for (uint32_t i = 0; i < export->point_count; i++) {
        struct export_point *point = &export->points[i];
        const struct export_machine *baseline =
            name == NULL ? find_default(point) : find_named(point, name);
        is_found = is_found || baseline != NULL;
        compare(point, baseline);
    }
    if (!is_found) {
        char *all = list_machines(export);
        *why = xasprintf("no point has a machine named '%s'; there are: %s", name, all);
        free(all);
    }
    return is_found;
}

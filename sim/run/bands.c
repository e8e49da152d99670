// A band belongs to a preset. What a user changes, in a file that derives from it or by --set, was
// never held against anything: the machine is compared with its preset, key by key, before its band
// is believed.
#include "sim/run/bands.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run/machine_run.h"

#define CHANGED_FACTOR 2.0 // of a band where keys were changed: a choice
#define NAMED_KEYS 3u      // of those that differ

struct band {
    double relative;
    char *why; // owned
};

struct band_scope { // a machine, and where files are kept that were read
    struct config *config;
    const struct machine_config *machine;
};

struct differences {
    uint32_t count;
    char *names; // owned; the first few
};

// --- the preset ---------------------------------------------------------------------------------
static json_t *hardware_to_json(const struct machine_config *machine)
{
    static const char *const not_compared[] = {"name", "uncertain", "error_band", "baseline_why",
                                               "baseline_error"};
    json_t *json = machine->gpu != NULL ? config_to_json(gpu_keys, machine->gpu)
                                        : config_to_json(chip_keys, machine->chip);
    for (size_t i = 0; i < sizeof(not_compared) / sizeof(not_compared[0]); i++) {
        json_object_del(json, not_compared[i]);
    }
    return json;
}

// NULL: there is no such preset, or it is wrong.
static json_t *read_preset(struct config *below, const char *name, bool is_gpu)
{
    struct err *unused = err_create(); // a preset that cannot be read is said in `why`
    struct config *config = config_create_on(below);
    struct machine_config preset = {.chip = NULL};
    if (is_gpu) {
        preset.gpu = gpu_load(name, NULL, config, unused);
    } else {
        preset.chip = chip_load(name, NULL, config, unused);
    }
    bool is_there = preset.gpu != NULL || preset.chip != NULL;
    json_t *json = is_there ? hardware_to_json(&preset) : NULL;
    gpu_destroy(preset.gpu);
    chip_destroy(preset.chip);
    config_destroy(config);
    err_destroy(unused);
    return json;
}

// The same, read once for all on one config. New reference.
static json_t *preset_to_json(struct config *config, const char *name, bool is_gpu)
{
    char *key = xasprintf("%s %s", is_gpu ? "preset of a GPU" : "preset of a chip", name);
    json_t *json = json_incref(config_kept_json(config, key));
    if (json == NULL) {
        json = read_preset(config, name, is_gpu);
        if (json != NULL) {
            config_keep_json(config, key, json);
        }
    }
    free(key);
    return json;
}

static void add_difference(struct differences *differences, const char *path)
{
    if (differences->count < NAMED_KEYS) {
        char *longer =
            xasprintf("%s%s%s", differences->names, differences->count == 0 ? "" : ", ", path);
        free(differences->names);
        differences->names = longer;
    } else if (differences->count == NAMED_KEYS) {
        char *longer = xasprintf("%s, ...", differences->names);
        free(differences->names);
        differences->names = longer;
    }
    differences->count++;
}

// Keys of the machine that are not as in the preset. Lists (regions) count as one key.
static void find_differences(json_t *machine, json_t *preset, const char *path,
                             struct differences *differences)
{
    if (!json_is_object(machine)) {
        if (!json_equal(machine, preset)) {
            add_difference(differences, path);
        }
        return;
    }
    if (json_equal(machine, preset)) { // quicker than all its paths
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach(machine, key, value)
    {
        char *below = xasprintf("%s%s%s", path, *path == '\0' ? "" : ".", key);
        find_differences(value, json_object_get(preset, key), below, differences);
        free(below);
    }
}

// --- bands --------------------------------------------------------------------------------------
// given: of the preset `name`. Takes over given.why.
static struct band band_as_changed(const struct band_scope *scope, const char *name,
                                   struct band given)
{
    const struct machine_config *machine = scope->machine;
    struct differences differences = {0, xstrdup("")};
    json_t *preset = preset_to_json(scope->config, name, machine->gpu != NULL);
    json_t *json = hardware_to_json(machine);
    struct band band = given;
    if (preset == NULL) {
        band.relative *= CHANGED_FACTOR;
        band.why = xasprintf("estimate: twice the band of %s, which is not there to compare with "
                             "(%s)",
                             name, given.why);
    } else {
        find_differences(json, preset, "", &differences);
        if (differences.count > 0) {
            band.relative *= CHANGED_FACTOR;
            band.why =
                xasprintf("estimate: twice the band of %s, from which %u %s: %s (%s)", name,
                          differences.count, differences.count == 1 ? "key differs" : "keys differ",
                          differences.names, given.why);
        }
    }
    if (band.why != given.why) {
        free(given.why);
    }
    json_decref(preset);
    json_decref(json);
    free(differences.names);
    return band;
}

static struct band band_without(const struct machine_config *machine, const char *of)
{
    return (struct band){RESULT_NOTHING,
                         xasprintf("the %s file has no band for %s; "
                                   "`tilesim validate --write-bands` writes those of the presets",
                                   machine->gpu != NULL ? "GPU" : "chip", of)};
}

static const struct error_band *find_band(const struct machine_config *machine, const char *of)
{
    const struct gpu_config *gpu = machine->gpu;
    const struct chip_config *chip = machine->chip;
    return gpu != NULL ? error_band_find(gpu->error_bands, gpu->error_band_count, of)
                       : error_band_find(chip->error_bands, chip->error_band_count, of);
}

// Of a lowering or a kind of workload.
static struct band band_of(const struct band_scope *scope, const char *of)
{
    const struct machine_config *machine = scope->machine;
    const struct error_band *found = find_band(machine, of);
    if (found == NULL) {
        return band_without(machine, of);
    }
    return band_as_changed(scope, found->hardware,
                           (struct band){found->relative, xstrdup(found->source)});
}

// Takes over band.why. Whole training steps over several chips were never held against anything;
// their exchanges were, on GC2, and are further off than those of one chip (docs/validation.md,
// Several chips).
static struct band band_over_chips(uint32_t chips, struct band band)
{
    if (chips < 2 || band.relative == RESULT_NOTHING) {
        return band;
    }
    struct band wider = {
        band.relative * CHANGED_FACTOR,
        xasprintf("estimate: over %u chips, twice the band of one (%s)", chips, band.why)};
    free(band.why);
    return wider;
}

// That of the same work where there is one, else that of the kind.
static struct band band_of_workload(const struct band_scope *scope, const struct workload *workload)
{
    const struct machine_config *machine = scope->machine;
    char *work = workload_work(workload->kind, workload->config, machine->parallel.chips);
    bool is_known = find_band(machine, work) != NULL;
    struct band band = band_of(scope, is_known ? work : workload->kind->name);
    free(work);
    return is_known ? band : band_over_chips(machine->parallel.chips, band);
}

// Of a whole training step of a GPU program: its file says why.
static struct band band_of_baseline(const struct band_scope *scope,
                                    const struct result_machine *entry)
{
    const struct gpu_config *gpu = scope->machine->gpu;
    const char *why = NULL;
    for (uint32_t baseline = 0; baseline < GPU_BASELINE_COUNT; baseline++) {
        if (strcmp(entry->variant, gpu_baseline_name(baseline)) == 0) {
            why = gpu->baseline_why[baseline];
        }
    }
    struct band band = {entry->error_band, xstrdup(why == NULL ? "the GPU file gives it" : why)};
    return gpu->error_band_count == 0 ? band
                                      : band_as_changed(scope, gpu->error_bands[0].hardware, band);
}

// Takes over the band.
static void put_band(struct result_machine *entry, struct band band)
{
    entry->error_band = band.relative;
    free(entry->why);
    entry->why = xasprintf("error_band: %s", band.why);
    free(band.why);
}

static void fill_entry(const struct experiment *experiment, const struct machine_config *machine,
                       struct result_machine *entry)
{
    const struct band_scope scope = {experiment->config, machine};
    if (!entry->fits) {
        return;
    }
    if (experiment->workload.kind != NULL) {
        put_band(entry, band_of_workload(&scope, &experiment->workload));
    } else if (machine->gpu != NULL) {
        put_band(entry, band_of_baseline(&scope, entry));
    } else {
        bool is_old = machine->lowering.kind == LOWERING_SPARSE &&
                      machine->lowering.state_gradient == STATE_GRADIENT_PER_SAMPLE;
        struct band band = band_of(&scope, is_old ? ERROR_BAND_OLD_SPARSE : entry->variant);
        put_band(entry, band_over_chips(entry->chips, band));
    }
}

// Two independent relative errors of a quotient.
static void fill_speedups(struct result *result)
{
    for (uint32_t i = 0; i < result->speedup_count; i++) {
        struct result_speedup *speedup = &result->speedups[i];
        double squares = 0;
        for (uint32_t j = 0; j < result->machine_count; j++) {
            const struct result_machine *machine = &result->machines[j];
            if (machine->name == speedup->of || machine->name == speedup->over) {
                squares += machine->error_band == RESULT_NOTHING
                               ? NAN
                               : machine->error_band * machine->error_band;
            }
        }
        speedup->error_band = isnan(squares) ? RESULT_NOTHING : sqrt(squares);
    }
}

void bands_fill(const struct experiment *experiment, struct result *result)
{
    uint32_t entry = 0;
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        const struct machine_config *machine = &experiment->machines[i];
        uint32_t entries = experiment->workload.kind != NULL ? 1 : machine_entries(machine);
        for (uint32_t j = 0; j < entries; j++) {
            fill_entry(experiment, machine, &result->machines[entry++]);
        }
    }
    fill_speedups(result);
}

void bands_prepare(const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        const struct machine_config *machine = &experiment->machines[i];
        bool is_gpu = machine->gpu != NULL;
        uint32_t count = is_gpu ? machine->gpu->error_band_count : machine->chip->error_band_count;
        for (uint32_t j = 0; j < count; j++) {
            const struct error_band *band =
                is_gpu ? &machine->gpu->error_bands[j] : &machine->chip->error_bands[j];
            json_decref(preset_to_json(experiment->config, band->hardware, is_gpu));
        }
    }
}

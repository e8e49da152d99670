// The resolved configuration as it is printed with every result.
#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"

// Keys of the other kind of machine, or of training in a microbenchmark, hold defaults without a
// meaning.
static void drop_keys(json_t *section, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        json_object_del(section, *keys);
    }
}

// A value that --set or a deriving file moved out of its range is legal there, but would not be in
// the one file that the JSON is: it is not uncertain any more.
static void drop_left_ranges(json_t *section)
{
    json_t *uncertain = json_object_get(section, "uncertain");
    for (size_t i = json_array_size(uncertain); i-- > 0;) {
        json_t *entry = json_array_get(uncertain, i);
        json_t *value = config_json_at(section, json_string_value(json_object_get(entry, "key")));
        double number = json_number_value(value);
        if (!json_is_number(value) || number < json_number_value(json_object_get(entry, "low")) ||
            number > json_number_value(json_object_get(entry, "high"))) {
            json_array_remove(uncertain, i);
        }
    }
}

json_t *experiment_to_json(const struct experiment *experiment)
{
    const char *const tiles_only[] = {
        "chip",        "lowering",           "state_gradient", "elementwise", "rearrangement",
        "matmul_type", "hoist_static_input", "host_output",    NULL};
    const char *const system_only[] = {"system",     "chips",        "replicas",
                                       "all_reduce", "replays_each", "streaming",
                                       "io_tiles",   "layer_chips",  NULL};
    const char *const gpu_only[] = {"gpu", "precision", "baselines", NULL};
    json_t *json = config_to_json(experiment_keys, experiment);
    // Slots are what max_activity was resolved to, and both at once could not be read back.
    json_object_set_new(json_object_get(json, "network"), "max_activity", json_null());
    const char *const training_only[] = {"network", "data", "activity", "training", "timing", NULL};
    if (experiment->workload.kind != NULL) {
        drop_keys(json, training_only);
    }
    json_object_del(json, "validation"); // of the file, not of this run
    drop_left_ranges(json);
    json_t *machines = json_object_get(json, "machines");
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        json_t *machine = json_array_get(machines, i);
        const struct machine_config *config = &experiment->machines[i];
        drop_keys(machine, config->chip == NULL ? tiles_only : gpu_only);
        if (config->system == NULL) {
            drop_keys(machine, system_only);
        } else {
            json_object_del(machine, "chip"); // it is the system's
        }
        if (experiment->workload.kind != NULL) { // lowerings and baselines are of training steps
            drop_keys(machine, tiles_only + 1);
            json_object_del(machine, "baselines");
        }
        drop_left_ranges(json_object_get(machine, "chip"));
        drop_left_ranges(json_object_get(machine, "gpu"));
        drop_left_ranges(json_object_get(machine, "system"));
        drop_left_ranges(json_object_get(json_object_get(machine, "system"), "chip"));
    }
    return json;
}

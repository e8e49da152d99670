// The resolved configuration as it is printed with every result.
#include "sim/experiment_keys.h"

// Keys of the other kind of machine, or of training in a microbenchmark, hold defaults without a
// meaning.
static void drop_keys(json_t *section, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        json_object_del(section, *keys);
    }
}

json_t *experiment_to_json(const struct experiment *experiment)
{
    const char *const tiles_only[] = {
        "chip", "lowering", "state_gradient", "elementwise", "rearrangement", "matmul_type", NULL};
    const char *const gpu_only[] = {"gpu", "precision", "baselines", NULL};
    json_t *json = config_to_json(experiment_keys, experiment);
    // Slots are what max_activity was resolved to, and both at once could not be read back.
    json_object_set_new(json_object_get(json, "network"), "max_activity", json_null());
    const char *const training_only[] = {"network", "data", "activity", "training", "timing", NULL};
    if (experiment->workload.kind != NULL) {
        drop_keys(json, training_only);
    }
    json_t *machines = json_object_get(json, "machines");
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        drop_keys(json_array_get(machines, i),
                  experiment->machines[i].chip == NULL ? tiles_only : gpu_only);
    }
    return json;
}

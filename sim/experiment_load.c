// From a file, or one point of it, to an experiment; and what kind of file a file is.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/experiment_keys.h"

enum file_kind { FILE_EXPERIMENT, FILE_CHIP, FILE_SYSTEM, FILE_GPU, FILE_NETWORK, FILE_KIND_COUNT };

static const struct {
    const char *folder;
    const struct key *keys;
} file_kinds[FILE_KIND_COUNT] = {
    [FILE_EXPERIMENT] = {"experiments", experiment_keys},
    [FILE_CHIP] = {"chips", chip_keys},
    [FILE_SYSTEM] = {"systems", system_keys},
    [FILE_GPU] = {"gpus", gpu_keys},
    [FILE_NETWORK] = {"networks", network_keys},
};

// Keys that a kind's table knows, of the file alone (no folder) or joined with its bases.
static uint32_t count_known_keys(const char *path, const char *folder, const struct key *keys)
{
    struct config *config = config_create();
    struct err *unused = err_create(); // the real reading says what is wrong
    const struct node *root = config_read(config, path, folder, unused);
    uint32_t known = root == NULL ? 0 : config_count_known(keys, root);
    err_destroy(unused);
    config_destroy(config);
    return known;
}

// The kind whose table knows most keys of the file itself. Among equals (it says little more than
// its base) the first whose folder has that base; else the first.
static enum file_kind find_kind(const char *path)
{
    uint32_t known[FILE_KIND_COUNT];
    uint32_t most = 0;
    for (uint32_t kind = 0; kind < FILE_KIND_COUNT; kind++) {
        known[kind] = count_known_keys(path, NULL, file_kinds[kind].keys);
        most = known[kind] > most ? known[kind] : most;
    }
    enum file_kind first = FILE_KIND_COUNT;
    for (uint32_t kind = 0; kind < FILE_KIND_COUNT; kind++) {
        if (known[kind] < most) {
            continue;
        }
        first = first == FILE_KIND_COUNT ? kind : first;
        if (count_known_keys(path, file_kinds[kind].folder, file_kinds[kind].keys) > most) {
            return kind;
        }
    }
    return first;
}

static bool is_stream(const char *path) // readable once
{
    struct stat status;
    return strcmp(path, "-") == 0 ||
           (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

// Each key alone; an experiment checks what they are together.
static void check_network_file(struct config *config, const char *path, struct err *err)
{
    struct network_config network = {0};
    const struct node *root = config_read(config, path, "networks", err);
    if (root != NULL) {
        config_bind(config, network_keys, root, "network", &network, err);
        config_free(network_keys, &network);
    }
}

bool experiment_check_file(const char *path, struct experiment **experiment, struct err *err)
{
    size_t faults = err_count(err);
    struct config *config = config_create();
    enum file_kind kind = is_stream(path) ? FILE_EXPERIMENT : find_kind(path);
    char *file = config_is_path(path) ? xstrdup(path) : xasprintf("./%s", path);
    *experiment = NULL;
    if (kind == FILE_CHIP) {
        chip_destroy(chip_load(file, NULL, config, err));
    } else if (kind == FILE_SYSTEM) {
        system_destroy(system_load(file, NULL, config, err));
    } else if (kind == FILE_GPU) {
        gpu_destroy(gpu_load(file, NULL, config, err));
    } else if (kind == FILE_NETWORK) {
        check_network_file(config, file, err);
    } else {
        *experiment = experiment_load(path, NULL, 0, err);
    }
    free(file);
    config_destroy(config);
    return err_count(err) == faults;
}

static const struct node *apply_sets(struct config *config, const struct node *root,
                                     const char *const *sets, uint32_t set_count, struct err *err)
{
    for (uint32_t i = 0; i < set_count; i++) {
        const struct node *changed = config_set(config, root, experiment_keys, sets[i], err);
        root = changed == NULL ? root : changed;
    }
    return root;
}

// What the point `id` of the file's validation sets. NULL: messages were added.
static const struct node *apply_point(struct config *config, const struct node *root,
                                      const char *id, struct err *err)
{
    struct validation *validation = validation_read(config, root, err);
    const struct validation_point *point =
        validation == NULL ? NULL : validation_find(validation, root, id, err);
    size_t faults = err_count(err);
    const struct node *changed =
        point == NULL
            ? NULL
            : apply_sets(config, root, (const char *const *)point->set, point->set_count, err);
    validation_destroy(validation);
    return err_count(err) > faults ? NULL : changed;
}

struct experiment *experiment_load(const char *path, const char *const *sets, uint32_t set_count,
                                   struct err *err)
{
    return experiment_load_point(path, NULL, sets, set_count, err);
}

struct experiment *experiment_load_point(const char *path, const char *point,
                                         const char *const *sets, uint32_t set_count,
                                         struct err *err)
{
    size_t faults = err_count(err);
    struct config *config = config_create();
    const struct node *root = config_read(config, path, "experiments", err);
    if (root != NULL && point != NULL) {
        root = apply_point(config, root, point, err);
    }
    if (root == NULL) {
        config_destroy(config);
        return NULL;
    }
    struct experiment *experiment = experiment_bind(config, root, sets, set_count, err);
    if (err_count(err) > faults) { // also of a tree with faults, such as a key given twice
        experiment_destroy(experiment);
        return NULL;
    }
    return experiment;
}

struct experiment *experiment_bind(struct config *config, const struct node *root,
                                   const char *const *sets, uint32_t set_count, struct err *err)
{
    size_t faults = err_count(err);
    struct experiment *experiment = xcalloc(1, sizeof(*experiment));
    experiment->config = config;
    root = apply_sets(config, root, sets, set_count, err);
    const struct node *network = config_open(config, root, "network", "networks", err);
    if (network != NULL) { // checks across keys look at those of the file too
        root = config_with(config, root, "network", network);
    }
    experiment->root = root;
    config_bind(config, experiment_keys, root, "", experiment, err);
    experiment_check_given(experiment, root, err);
    if (err_count(err) == faults) {
        experiment_resolve(experiment, root, err);
    }
    if (err_count(err) > faults) {
        experiment_destroy(experiment);
        return NULL;
    }
    return experiment;
}

bool experiment_check_keys(struct config *config, const struct node *root, struct err *err)
{
    size_t faults = err_count(err);
    struct experiment experiment = {0};
    config_bind_unchecked(config, experiment_keys, root, &experiment, err);
    config_free(experiment_keys, &experiment);
    return err_count(err) == faults;
}

uint32_t experiment_machine_parts(const struct machine_config *machine,
                                  struct machine_part parts[MACHINE_PARTS_MAX])
{
    uint32_t count = 0;
    const struct gpu_config *gpu = machine->gpu;
    const struct system_config *system = machine->system;
    const struct chip_config *chip = machine->chip;
    if (gpu != NULL) {
        parts[count++] = (struct machine_part){
            "gpu", "gpus", false, {gpu_keys, gpu, NULL, gpu->uncertain, gpu->uncertain_count}};
    }
    if (system != NULL) {
        parts[count++] = (struct machine_part){
            "system",
            "systems",
            false,
            {system_keys, system, NULL, system->uncertain, system->uncertain_count}};
    }
    if (chip != NULL) {
        parts[count++] =
            (struct machine_part){"chip",
                                  "chips",
                                  system != NULL,
                                  {chip_keys, chip, NULL, chip->uncertain, chip->uncertain_count}};
    }
    return count;
}

void experiment_destroy(struct experiment *experiment)
{
    if (experiment == NULL) {
        return;
    }
    for (uint32_t i = 0; i < experiment->machine_count && experiment->machines != NULL; i++) {
        struct machine_config *machine = &experiment->machines[i];
        if (machine->system != NULL) {
            system_forget_derived(machine->system);
            // the system's, once resolved; before, a machine may wrongly have one of each
            machine->chip = machine->chip == machine->system->chip ? NULL : machine->chip;
        }
    }
    config_free(experiment_keys, experiment);
    free(experiment->network.neurons);
    config_destroy(experiment->config);
    free(experiment);
}

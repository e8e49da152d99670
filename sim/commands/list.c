// tilesim list: what there is to choose from.
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "report/printer.h"
#include "sim/codelet_list.h"
#include "sim/commands/command.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/experiment_keys.h"
#include "workloads/data/data.h"
#include "workloads/neurons/neuron.h"

static void print_and_destroy(struct table *table)
{
    table_print(table, stdout, command_has_colour(stdout));
    table_destroy(table);
}

static void list_chips(struct err *err)
{
    struct config *config = config_create();
    char **names = config_list_names("chips");
    struct table *table = TABLE_WITH("chip", "tiles", "SRAM per tile", "clock");
    for (char **name = names; *name != NULL; name++) {
        struct chip_config *chip = chip_load(*name, NULL, config, err);
        uint64_t sram_bytes = 0;
        for (uint32_t i = 0; chip != NULL && i < chip->tile.region_count; i++) {
            sram_bytes += chip->tile.regions[i].bytes;
        }
        if (chip != NULL) {
            table_add(table, "%s", *name);
            table_add_count(table, chip->tiles);
            table_add_bytes(table, sram_bytes);
            table_add(table, "%.3f GHz", chip->clock_hz / 1e9);
        }
        chip_destroy(chip);
        free(*name);
    }
    free(names);
    print_and_destroy(table);
    config_destroy(config);
}

static void list_gpus(struct err *err)
{
    struct config *config = config_create();
    char **names = config_list_names("gpus");
    struct table *table = TABLE_WITH("gpu", "multiprocessors", "memory", "memory bandwidth");
    for (char **name = names; *name != NULL; name++) {
        struct gpu_config *gpu = gpu_load(*name, NULL, config, err);
        if (gpu != NULL) {
            table_add(table, "%s", *name);
            table_add_count(table, gpu->multiprocessors);
            table_add_bytes(table, (uint64_t)gpu->memory_bytes);
            table_add(table, "%.0f GB/s", gpu->memory_bytes_per_second / 1e9);
        }
        gpu_destroy(gpu);
        free(*name);
    }
    free(names);
    print_and_destroy(table);
    config_destroy(config);
}

static void add_network(struct table *table, const char *name, const struct network_config *network)
{
    char *hidden = xstrdup("");
    for (uint32_t i = 0, end; i < network->hidden_count; i = end) {
        for (end = i + 1; end < network->hidden_count; end++) {
            if (network->hidden[end] != network->hidden[i]) {
                break;
            }
        }
        bool is_run = end - i > 2; // "24 x 968"
        char *times = is_run ? xasprintf("%u x ", end - i) : xstrdup("");
        end = is_run ? end : i + 1;
        char *longer = xasprintf("%s%s%s%u", hidden, i > 0 ? ", " : "", times, network->hidden[i]);
        free(times);
        free(hidden);
        hidden = longer;
    }
    table_add(table, "%s", name);
    table_add_count(table, network->inputs);
    table_add(table, "%s", hidden);
    table_add_count(table, network->outputs);
    free(hidden);
}

static void list_networks(struct err *err)
{
    struct config *config = config_create();
    char **names = config_list_names("networks");
    struct table *table = TABLE_WITH("network", "inputs", "hidden", "outputs");
    for (char **name = names; *name != NULL; name++) {
        struct network_config network = {0};
        const struct node *root = config_read_named(config, *name, "networks", NULL, err);
        if (root != NULL && config_bind(config, network_keys, root, "", &network, err)) {
            add_network(table, *name, &network);
        }
        config_free(network_keys, &network);
        free(*name);
    }
    free(names);
    print_and_destroy(table);
    config_destroy(config);
}

// "card 64 GB/s x 0.85, cable 32 GB/s x 0.85". Owned.
static char *describe_links(const struct system_config *system)
{
    char *text = xstrdup(system->link_count == 0 ? "none" : "");
    for (uint32_t kind = 0; kind < system->kind_count; kind++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < system->link_count; i++) {
            count += system->links[i].kind == kind;
        }
        if (count > 0) {
            const struct link_kind *of = &system->kinds[kind];
            char *longer = xasprintf("%s%s%u %s of %.0f GB/s", text, *text == '\0' ? "" : ", ",
                                     count, of->name, of->bytes_per_second * of->efficiency / 1e9);
            free(text);
            text = longer;
        }
    }
    return text;
}

static void add_system(struct table *table, const char *name, const struct system_config *system)
{
    char *links = describe_links(system);
    table_add(table, "%s", name);
    table_add_count(table, system->chips);
    table_add(table, "%s", system->chip->name);
    table_add(table, "%s", system_topology_name(system->topology));
    table_add(table, "%s", links);
    table_add_bytes(table, system->streaming.bytes);
    table_add(table, "%.1f GB/s", system->streaming.bytes_per_second / 1e9);
    table_add_count(table, system->chips_per_machine);
    free(links);
}

static void list_systems(struct err *err)
{
    struct config *config = config_create();
    char **names = config_list_names("systems");
    struct table *table = TABLE_WITH("system", "chips", "chip", "topology", "links, each way",
                                     "streaming memory", "bandwidth", "shared by chips");
    for (char **name = names; *name != NULL; name++) {
        struct system_config *system = system_load(*name, NULL, config, err);
        if (system != NULL) {
            add_system(table, *name, system);
        }
        system_destroy(system);
        free(*name);
    }
    free(names);
    print_and_destroy(table);
    config_destroy(config);
}

static void list_experiments(struct err *err)
{
    (void)err;
    char **names = config_list_names("experiments");
    for (char **name = names; *name != NULL; name++) {
        printf("%s\n", *name);
        free(*name);
    }
    free(names);
}

static void list_neurons(struct err *err)
{
    (void)err;
    for (uint32_t i = 0; neuron_models[i] != NULL; i++) {
        printf("%-16s %s\n", neuron_models[i]->name, neuron_models[i]->description);
    }
}

static void list_codelets(struct err *err)
{
    (void)err;
    for (uint32_t i = 0; i < CODELET_COUNT; i++) {
        printf("%-24s %s\n", codelet_name(i), codelet_sizes_doc(i));
    }
}

static void list_data(struct err *err)
{
    (void)err;
    for (uint32_t i = 0; data_sources[i] != NULL; i++) {
        printf("%-16s %s\n", data_sources[i]->name, data_sources[i]->description);
    }
}

static void list_workloads(struct err *err)
{
    (void)err;
    printf("%-16s %s\n", "training", "no microbenchmark: the network is trained");
    for (uint32_t i = 0; workload_kinds[i] != NULL; i++) {
        printf("%-16s %s (%s)\n", workload_kinds[i]->name, workload_kinds[i]->doc,
               workload_kinds[i]->is_for_gpu ? "GPUs" : "chips");
    }
}

static void list_keys(struct err *err)
{
    (void)err;
    config_print_reference(experiment_keys, stdout);
}

static void list_chip_keys(struct err *err)
{
    (void)err;
    config_print_reference(chip_keys, stdout);
}

static void list_system_keys(struct err *err)
{
    (void)err;
    config_print_reference(system_keys, stdout);
}

static void list_gpu_keys(struct err *err)
{
    (void)err;
    config_print_reference(gpu_keys, stdout);
}

static const struct listing {
    const char *name;
    const char *doc;
    void (*print)(struct err *err);
} listings[] = {
    {"chips", "configs/chips", list_chips},
    {"gpus", "configs/gpus", list_gpus},
    {"systems", "configs/systems: chips and the links between them", list_systems},
    {"networks", "configs/networks", list_networks},
    {"experiments", "configs/experiments", list_experiments},
    {"neurons", "neuron models", list_neurons},
    {"codelets", "what a vertex may run", list_codelets},
    {"data", "where input spikes come from", list_data},
    {"workloads", "microbenchmarks, and training", list_workloads},
    {"keys", "every key of an experiment: type, range, unit, default", list_keys},
    {"chip-keys", "the same of a chip", list_chip_keys},
    {"system-keys", "the same of a system", list_system_keys},
    {"gpu-keys", "the same of a GPU", list_gpu_keys},
};
#define LISTING_COUNT (sizeof(listings) / sizeof(listings[0]))

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const struct listing **chosen = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*chosen != NULL) {
            argp_error(state, "one thing at a time");
        }
        for (size_t i = 0; i < LISTING_COUNT; i++) {
            *chosen = strcmp(listings[i].name, text) == 0 ? &listings[i] : *chosen;
        }
        if (*chosen == NULL) {
            argp_error(state, "nothing called \"%s\" to list", text);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_list(int argc, char **argv)
{
    static const struct argp argp = {
        NULL,   parse_option,
        "WHAT", "Lists what there is to choose from. Without WHAT: what can be listed.",
        NULL,   NULL,
        NULL};
    const struct listing *chosen = NULL;
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    if (chosen == NULL) {
        for (size_t i = 0; i < LISTING_COUNT; i++) {
            printf("%-12s %s\n", listings[i].name, listings[i].doc);
        }
        return command_finish_output(EXIT_DONE);
    }
    struct err *err = err_create();
    chosen->print(err);
    err_print(err, stderr);
    int status = err_count(err) == 0 ? EXIT_DONE : EXIT_BAD_INPUT;
    err_destroy(err);
    return command_finish_output(status);
}

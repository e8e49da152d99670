// From what the file says to what the rest of the program needs: sizes of layers, slots, names of
// machines; and the checks that need more than one key.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"
#include "workloads/data/data.h"
#include "workloads/lower/placement.h"

#define DEFAULT_INPUT_SLOTS 32u // arXiv 2311.04386, its code: NMNIST runs
#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define SLOTS_MIN 2u // the same: slots come in pairs, "output >= 2"

// --- what is given ------------------------------------------------------------------------------
static void check_excluded(const struct node *root, const char *path, const char *other,
                           struct err *err)
{
    if (config_is_given(root, path) && config_is_given(root, other)) {
        struct mark mark = config_mark(root, path);
        struct mark other_mark = config_mark(root, other);
        char *place = config_format_mark(&other_mark);
        err_at(err, &mark, "%s and %s (%s) exclude each other; set one of them to null", path,
               other, place);
        free(place);
    }
}

static void check_machine_key(const struct node *root, uint32_t machine, const char *key,
                              const char *owner, struct err *err)
{
    char *path = xasprintf("machines.%u.%s", machine, key);
    if (config_is_given(root, path)) {
        struct mark mark = config_mark(root, path);
        err_at(err, &mark, "%s: belongs to a machine with a %s", path, owner);
    }
    free(path);
}

static bool has_machine_key(const struct node *root, uint32_t machine, const char *key)
{
    char *path = xasprintf("machines.%u.%s", machine, key);
    bool is_given = config_is_given(root, path);
    free(path);
    return is_given;
}

static struct mark machine_mark(const struct node *root, uint32_t machine)
{
    char *path = xasprintf("machines.%u", machine);
    struct mark mark = config_mark(root, path);
    free(path);
    return mark;
}

// Keys, or nothing at all, which is no keys.
static bool is_machine_mapping(const struct node *root, uint32_t machine)
{
    char *path = xasprintf("machines.%u", machine);
    bool is_mapping = config_is_mapping(root, path) || !config_is_given(root, path);
    free(path);
    return is_mapping;
}

// Exactly one of the three sorts of machine.
static bool check_sort(const struct node *root, uint32_t machine, struct err *err)
{
    const char *const sorts[] = {"chip", "system", "gpu"};
    const char *found[COUNT_OF(sorts)];
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(sorts); i++) {
        if (has_machine_key(root, machine, sorts[i])) {
            found[count++] = sorts[i];
        }
    }
    struct mark mark = machine_mark(root, machine);
    if (count == 0) {
        return err_at(err, &mark,
                      "machines.%u: has no chip, system or gpu; a machine is one of them", machine);
    }
    return count == 1 ||
           err_at(err, &mark, "machines.%u: has a %s and a %s; a machine is one of them", machine,
                  found[0], found[1]);
}

static void check_machine(const struct node *root, uint32_t machine, struct err *err)
{
    const char *const chip_keys_only[] = {"lowering",      "state_gradient", "elementwise",
                                          "rearrangement", "matmul_type",    "hoist_static_input",
                                          "host_output"};
    const char *const system_keys_only[] = {"chips",     "replicas", "all_reduce", "replays_each",
                                            "streaming", "io_tiles", "layer_chips"};
    const char *const gpu_keys_only[] = {"precision", "baselines"};
    if (!is_machine_mapping(root, machine)) {
        return; // already said where its keys were read
    }
    bool has_gpu = has_machine_key(root, machine, "gpu");
    bool has_system = has_machine_key(root, machine, "system");
    if (!check_sort(root, machine, err)) {
        return;
    }
    for (size_t i = 0; has_gpu && i < COUNT_OF(chip_keys_only); i++) {
        check_machine_key(root, machine, chip_keys_only[i], "chip", err);
    }
    for (size_t i = 0; !has_system && i < COUNT_OF(system_keys_only); i++) {
        check_machine_key(root, machine, system_keys_only[i], "system", err);
    }
    for (size_t i = 0; !has_gpu && i < COUNT_OF(gpu_keys_only); i++) {
        check_machine_key(root, machine, gpu_keys_only[i], "gpu", err);
    }
}

void experiment_check_given(const struct experiment *experiment, const struct node *root,
                            struct err *err)
{
    check_excluded(root, "network.slots", "network.max_activity", err);
    for (uint32_t i = 0; i < experiment->machine_count && config_is_given(root, "machines"); i++) {
        check_machine(root, i, err);
    }
}

// --- network ------------------------------------------------------------------------------------
static const struct machine_config *first_chip(const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        if (experiment->machines[i].chip != NULL) {
            return &experiment->machines[i];
        }
    }
    return NULL;
}

static void say_unfilled(const struct placement_filling *filling,
                         const struct machine_config *machine, uint32_t number,
                         const struct mark *mark, struct err *err)
{
    const char *name = machine->system != NULL ? machine->system->name : machine->chip->name;
    if (filling->hidden_count < filling->chips) {
        err_at(err, mark,
               "network.hidden: fill: %u hidden layer%s %s fewer than the %u chips of "
               "machines.%u ('%s') that a replica has",
               filling->hidden_count, plural_ending(filling->hidden_count),
               filling->hidden_count == 1 ? "is" : "are", filling->chips, number, name);
        return;
    }
    err_at(err, mark,
           "network.hidden: fill: %u hidden layer%s and %u output%s need more tiles "
           "than the %u of machines.%u ('%s')",
           filling->hidden_count, plural_ending(filling->hidden_count), filling->outputs,
           plural_ending(filling->outputs), filling->chips * filling->tiles, number, name);
}

// Not always the first: tile 0 is taken from the first chip.
static uint32_t widest_of(const uint32_t *hidden, uint32_t count)
{
    uint32_t widest = 0;
    for (uint32_t i = 0; i < count; i++) {
        widest = hidden[i] > widest ? hidden[i] : widest;
    }
    return widest;
}

// network.hidden: fill. False: a message was added.
static bool fill_hidden(struct experiment *experiment, const struct node *root, struct err *err)
{
    struct network_config *network = &experiment->network;
    struct mark mark = config_mark(root, "network.hidden");
    const struct machine_config *machine = first_chip(experiment);
    if (machine == NULL) {
        return err_at(err, &mark,
                      "network.hidden: fill needs a machine with a chip; it fills the first one");
    }
    if (network->fill_neurons_per_tile % 2 != 0) { // vertices take neurons in pairs
        struct mark number = config_mark(root, "network.fill_neurons_per_tile");
        return err_at(err, &number, "network.fill_neurons_per_tile: %u is not even",
                      network->fill_neurons_per_tile);
    }
    uint32_t *hidden = xcalloc(network->hidden_layers, sizeof(*hidden));
    uint32_t tiles = machine->chip->tiles - machine->lowering.io_tiles; // of a chip
    struct placement_filling filling = {.chips =
                                            machine->parallel.chips / machine->parallel.replicas,
                                        .tiles = tiles,
                                        .outputs = network->outputs,
                                        .hidden_count = network->hidden_layers,
                                        .neurons_per_tile = network->fill_neurons_per_tile};
    bool has_filled = placement_fill(&filling, hidden);
    uint32_t widest = widest_of(hidden, network->hidden_layers);
    if (!has_filled) {
        say_unfilled(&filling, machine, (uint32_t)(machine - experiment->machines), &mark, err);
    } else if (widest > NEURONS_MAX) {
        has_filled = err_at(err, &mark,
                            "network.hidden: fill: %u neurons are outside 1..%u of a layer; "
                            "give more network.hidden_layers",
                            widest, NEURONS_MAX);
    }
    network->hidden = hidden;
    network->hidden_count = network->hidden_layers;
    return has_filled;
}

// Hidden layers as a list, whichever way they were given. False: a message was added.
static bool resolve_hidden(struct experiment *experiment, const struct node *root, struct err *err)
{
    struct network_config *network = &experiment->network;
    if (network->hidden == NULL) {
        return fill_hidden(experiment, root, err);
    }
    if (config_is_given(root, "network.hidden_layers") &&
        network->hidden_layers != network->hidden_count) {
        struct mark mark = config_mark(root, "network.hidden_layers");
        char *list = config_name_elsewhere(root, "network.hidden", "network.hidden", &mark);
        err_at(
            err, &mark,
            "network.hidden_layers: %u, but network.hidden lists %u%s; set network.hidden_layers "
            "to %u as well, or network.hidden to fill",
            network->hidden_layers, network->hidden_count, list, network->hidden_count);
        free(list);
        return false;
    }
    network->hidden_layers = network->hidden_count;
    return true;
}

static void derive_neurons(struct network_config *network)
{
    network->layer_count = network->hidden_count + 2;
    network->neurons = xcalloc(network->layer_count, sizeof(uint32_t));
    network->neurons[0] = network->inputs;
    for (uint32_t i = 0; i < network->hidden_count; i++) {
        network->neurons[i + 1] = network->hidden[i];
    }
    network->neurons[network->layer_count - 1] = network->outputs;
}

// 2 floor(a N / 2), at least 2, at most N. The small term keeps 0.58 * 100 from counting as
// 57.99...
static uint32_t capped_slots(double max_activity, uint32_t neurons)
{
    uint32_t slots = 2 * (uint32_t)floor(max_activity * neurons / 2 + 1e-9);
    slots = slots < SLOTS_MIN ? SLOTS_MIN : slots;
    return slots > neurons ? neurons : slots;
}

static void derive_slots(struct network_config *network)
{
    network->slots_count = network->layer_count;
    network->slots = xcalloc(network->slots_count, sizeof(uint32_t));
    if (network->input_slots == 0) {
        network->input_slots =
            network->inputs < DEFAULT_INPUT_SLOTS ? network->inputs : DEFAULT_INPUT_SLOTS;
    }
    network->slots[0] = network->input_slots;
    for (uint32_t i = 1; i < network->layer_count; i++) {
        network->slots[i] = capped_slots(network->max_activity, network->neurons[i]);
    }
}

static void check_slots(const struct network_config *network, const struct node *root,
                        struct err *err)
{
    if (network->slots_count != network->layer_count) {
        struct mark mark = config_mark(root, "network.slots");
        err_at(err, &mark, "network.slots: %u item%s for %u layers (input, %u hidden, output)",
               network->slots_count, plural_ending(network->slots_count), network->layer_count,
               network->hidden_count);
        return;
    }
    for (uint32_t i = 0; i < network->layer_count; i++) {
        if (network->slots[i] > network->neurons[i]) {
            char *path = config_is_given(root, "network.slots") ? xasprintf("network.slots.%u", i)
                                                                : xstrdup("network.input_slots");
            struct mark mark = config_mark(root, path);
            err_at(err, &mark, "%s: %u is outside 1..%u slots, the neurons of layer %u", path,
                   network->slots[i], network->neurons[i], i);
            free(path);
        }
    }
}

static void check_threshold(const struct node *root, const char *path, double theta2, double theta1,
                            struct err *err)
{
    if (theta2 > theta1) {
        struct mark mark = config_mark(root, path);
        err_at(err, &mark, "%s: %g is above network.theta1 = %g; a neuron above theta1 spikes",
               path, theta2, theta1);
    }
}

static void resolve_network(struct network_config *network, const struct node *root,
                            struct err *err)
{
    derive_neurons(network);
    if (network->slots == NULL && isnan(network->max_activity)) {
        struct mark mark = config_mark(root, "network.max_activity");
        err_at(err, &mark, "network: neither slots nor max_activity says how many ids are kept");
        return;
    }
    if (network->slots == NULL) {
        derive_slots(network);
    } else {
        network->max_activity = NAN; // its default does not speak where slots are given
        if (network->input_slots != 0 && network->input_slots != network->slots[0]) {
            struct mark mark = config_mark(root, "network.input_slots");
            err_at(err, &mark, "network.input_slots: %u, but network.slots gives the input %u",
                   network->input_slots, network->slots[0]);
        }
        network->input_slots = network->slots[0];
    }
    check_slots(network, root, err);
    check_threshold(root, "network.theta2", network->theta2, network->theta1, err);
    if (isnan(network->theta2_out)) {
        network->theta2_out = network->theta2;
    } else {
        check_threshold(root, "network.theta2_out", network->theta2_out, network->theta1, err);
    }
}

// What one part of the file says and another needs.
static void resolve_input(struct experiment *experiment, const struct node *root, struct err *err)
{
    struct network_config *network = &experiment->network;
    bool is_analog = network->input == INPUT_ANALOG;
    bool is_constant = experiment->data.encoding == ENCODING_CONSTANT;
    network->loss = experiment->training.loss;
    if (is_analog && !is_constant && config_is_given(root, "data.encoding")) {
        struct mark mark = config_mark(root, "data.encoding");
        err_at(err, &mark, "data.encoding: makes spikes; network.input: analog needs constant");
    }
    if (!is_analog && is_constant) {
        struct mark mark = config_mark(root, "data.encoding");
        err_at(err, &mark,
               "data.encoding: constant makes no spikes; it needs network.input: analog");
    }
    experiment->data.encoding = is_analog ? ENCODING_CONSTANT : experiment->data.encoding;
    if (!is_analog) {
        return;
    }
    bool is_given = network->slots != NULL || network->input_slots != 0;
    uint32_t slots = network->slots != NULL ? network->slots[0] : network->input_slots;
    if (is_given && slots != network->inputs) {
        bool has_list = network->slots != NULL;
        struct mark mark = config_mark(root, has_list ? "network.slots.0" : "network.input_slots");
        err_at(err, &mark, "network.%s: %u, but analog input sends all %u inputs",
               has_list ? "slots.0" : "input_slots", slots, network->inputs);
    }
    network->input_slots = network->inputs;
}

// --- machines -----------------------------------------------------------------------------------
// "pod64", "pod64-x16" on its first 16 chips, "pod64-x16-r4" with 4 replicas there. Owned.
static char *name_hardware(const struct machine_config *machine)
{
    if (machine->gpu != NULL || machine->system == NULL) {
        return xstrdup(machine->gpu != NULL ? machine->gpu->name : machine->chip->name);
    }
    const struct parallel_config *parallel = &machine->parallel;
    bool takes_all = parallel->chips == machine->system->chips;
    char *chips = takes_all ? xstrdup("") : xasprintf("-x%u", parallel->chips);
    char *replicas = parallel->replicas == 1 ? xstrdup("") : xasprintf("-r%u", parallel->replicas);
    char *name = xasprintf("%s%s%s", machine->system->name, chips, replicas);
    free(chips);
    free(replicas);
    return name;
}

static void name_machine(struct machine_config *machine, bool trains)
{
    if (machine->name != NULL) {
        return;
    }
    char *hardware = name_hardware(machine);
    if (machine->gpu != NULL || !trains) { // a microbenchmark has no form of the network
        machine->name = hardware;
        return;
    }
    machine->name = xasprintf("%s/%s", hardware,
                              machine->lowering.kind == LOWERING_SPARSE ? "sparse" : "dense");
    free(hardware);
}

static struct mark machine_key_mark(const struct node *root, uint32_t machine, const char *key)
{
    char *path = xasprintf("machines.%u.%s", machine, key);
    struct mark mark = config_mark(root, path);
    free(path);
    return mark;
}

static void check_parallel(const struct experiment *experiment, const struct node *root,
                           uint32_t number, struct err *err)
{
    const struct machine_config *machine = &experiment->machines[number];
    const struct parallel_config *parallel = &machine->parallel;
    uint32_t batch = experiment->training.batch;
    if (parallel->chips > machine->system->chips) {
        struct mark mark = machine_key_mark(root, number, "chips");
        err_at(err, &mark, "machines.%u.chips: %u is outside 1..%u chips, all of %s", number,
               parallel->chips, machine->system->chips, machine->system->name);
    } else if (parallel->chips % parallel->replicas != 0) {
        struct mark mark = machine_key_mark(root, number, "replicas");
        err_at(err, &mark, "machines.%u.replicas: %u chip%s cannot be divided into %u equal parts",
               number, parallel->chips, plural_ending(parallel->chips), parallel->replicas);
    }
    if (experiment->workload.kind == NULL && batch % parallel->replicas != 0) {
        struct mark mark = machine_key_mark(root, number, "replicas");
        err_at(err, &mark,
               "machines.%u.replicas: training.batch = %u cannot be divided into %u equal parts",
               number, batch, parallel->replicas);
    }
}

static void check_layer_chips(const struct machine_config *machine, const struct node *root,
                              uint32_t number, struct err *err)
{
    uint32_t layer_chips = machine->lowering.layer_chips;
    uint32_t chips = machine->parallel.chips / machine->parallel.replicas;
    struct mark mark = machine_key_mark(root, number, "layer_chips");
    if (layer_chips > 0 && machine->lowering.kind != LOWERING_DENSE) {
        err_at(err, &mark, "machines.%u.layer_chips: %u chip%s, but the lowering is not dense",
               number, layer_chips, plural_ending(layer_chips));
    } else if (layer_chips > 0 && chips % layer_chips != 0) {
        err_at(err, &mark,
               "machines.%u.layer_chips: the %u chip%s of a replica cannot be divided into groups "
               "of %u",
               number, chips, plural_ending(chips), layer_chips);
    }
}

static void check_io_tiles(const struct machine_config *machine, const struct node *root,
                           uint32_t number, struct err *err)
{
    uint32_t io_tiles = machine->lowering.io_tiles;
    struct mark mark = machine_key_mark(root, number, "io_tiles");
    if (machine->lowering.streaming != STREAMING_IO_TILES) {
        if (io_tiles > 0) {
            err_at(err, &mark, "machines.%u.io_tiles: %u tile%s, but streaming is not io_tiles",
                   number, io_tiles, plural_ending(io_tiles));
        }
    } else if (io_tiles == 0 || io_tiles >= machine->chip->tiles) {
        err_at(err, &mark, "machines.%u.io_tiles: %u is outside 1..%u tiles of a chip", number,
               io_tiles, machine->chip->tiles - 1);
    }
}

// A chip alone is a system of one; else the chip is the system's. False: messages were added.
static bool resolve_systems(struct experiment *experiment, const struct node *root, struct err *err)
{
    size_t faults = err_count(err);
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        struct machine_config *machine = &experiment->machines[i];
        if (machine->system == NULL) {
            machine->parallel.chips = 1;
            continue;
        }
        machine->chip = machine->system->chip;
        system_derive(machine->system);
        if (machine->parallel.chips == 0) {
            machine->parallel.chips = machine->system->chips;
        }
        check_parallel(experiment, root, i, err);
        check_layer_chips(machine, root, i, err);
        check_io_tiles(machine, root, i, err);
    }
    return err_count(err) == faults;
}

static void resolve_machines(struct experiment *experiment, const struct node *root,
                             struct err *err)
{
    for (uint32_t i = 0; i < experiment->machine_count; i++) {
        name_machine(&experiment->machines[i], experiment->workload.kind == NULL);
        for (uint32_t other = 0; other < i; other++) {
            if (strcmp(experiment->machines[other].name, experiment->machines[i].name) == 0) {
                struct mark mark = machine_mark(root, i);
                err_at(err, &mark, "machines.%u: '%s' is the name of machines.%u too; give a name",
                       i, experiment->machines[i].name, other);
                break;
            }
        }
    }
}

// The key that says how many chips or tiles there are.
static char *size_key(const struct node *root, const struct machine_config *machine,
                      uint32_t number)
{
    const char *sort = machine->system != NULL ? "system" : "chip";
    const char *own = machine->system != NULL ? "chips" : "chip.tiles";
    char *path = xasprintf("machines.%u.%s", number, own);
    if (!config_is_given(root, path)) {
        free(path);
        path = xasprintf("machines.%u.%s", number, sort);
    }
    return path;
}

// The sparse form gives every layer tiles of its own; the dense one spreads each over all.
static void check_layers(const struct experiment *experiment, const struct node *root,
                         uint32_t number, struct err *err)
{
    const struct machine_config *machine = &experiment->machines[number];
    bool streams = plan_streams(experiment->training.checkpoints.kind);
    uint32_t layers = experiment->network.hidden_count + 1;
    uint32_t chips = machine->parallel.chips / machine->parallel.replicas;
    uint32_t tiles = machine->chip->tiles - (streams ? machine->lowering.io_tiles : 0);
    if (machine->lowering.kind != LOWERING_SPARSE || placement_has_room(layers, chips, tiles)) {
        return;
    }
    char *size = size_key(root, machine, number);
    const char *key = config_is_given(root, "network.hidden") ? "network.hidden" : size;
    struct mark mark = config_mark(root, key);
    char *elsewhere = config_name_elsewhere(root, size, size, &mark);
    char *of_chips = chips == 1 ? xstrdup("") : xasprintf(" on each of %u chips", chips);
    err_at(err, &mark,
           "%s: %u hidden layer%s and the output need a tile each, beside tile 0; machines.%u "
           "('%s') has %u tile%s%s%s",
           key, layers - 1, plural_ending(layers - 1), number, machine->name, tiles,
           plural_ending(tiles), of_chips, elsewhere);
    free(of_chips);
    free(elsewhere);
    free(size);
}

// A microbenchmark is for one sort of machine, and takes all its chips: no network is copied.
static void check_workload(const struct experiment *experiment, const struct node *root,
                           struct err *err)
{
    const struct workload_kind *kind = experiment->workload.kind;
    for (uint32_t i = 0; kind != NULL && i < experiment->machine_count; i++) {
        const struct machine_config *machine = &experiment->machines[i];
        if ((machine->gpu != NULL) != kind->is_for_gpu) {
            struct mark mark = machine_mark(root, i);
            err_at(err, &mark, "machines.%u: '%s' is a %s; workload.kind: %s runs on %s", i,
                   machine->name, machine->gpu != NULL ? "GPU" : "chip", kind->name,
                   kind->is_for_gpu ? "GPUs" : "chips");
        }
        if (machine->system != NULL && machine->parallel.replicas > 1) {
            struct mark mark = machine_key_mark(root, i, "replicas");
            err_at(err, &mark,
                   "machines.%u.replicas: %u are for training; workload.kind: %s has no network", i,
                   machine->parallel.replicas, kind->name);
        }
    }
}

void experiment_resolve(struct experiment *experiment, const struct node *root, struct err *err)
{
    resolve_input(experiment, root, err);
    if (!resolve_systems(experiment, root, err) || !resolve_hidden(experiment, root, err)) {
        return;
    }
    resolve_network(&experiment->network, root, err);
    if (config_is_given(root, "data.source")) { // else a message would point at any key beside it
        experiment->data.source_mark = config_mark(root, "data.source");
    }
    if (experiment->fill.listed < experiment->fill.spikes) {
        struct mark mark = config_mark(root, "activity.fill.listed");
        err_at(err, &mark, "activity.fill.listed: %g is below activity.fill.spikes = %g",
               experiment->fill.listed, experiment->fill.spikes);
    }
    const struct training_config *training = &experiment->training;
    if (training->mode == MODE_FUNCTIONAL && experiment->timing.training_steps > training->steps) {
        struct mark mark = config_mark(root, "timing.training_steps");
        err_at(err, &mark,
               "timing.training_steps: %u steps cannot be recorded of training.steps = %u",
               experiment->timing.training_steps, training->steps);
    }
    resolve_machines(experiment, root, err);
    for (uint32_t i = 0; experiment->workload.kind == NULL && i < experiment->machine_count; i++) {
        if (experiment->machines[i].chip != NULL) {
            check_layers(experiment, root, i, err);
        }
    }
    check_workload(experiment, root, err);
    struct uncertain_scope scope = {experiment_keys, experiment, root, experiment->uncertain,
                                    experiment->uncertain_count};
    uncertain_check(&scope, err);
}

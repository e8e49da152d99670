// Networks, machines and counts for the tests of the lowerings to tiles.
#ifndef TILESIM_TESTS_WORKLOADS_LOWER_FIXTURE_H
#define TILESIM_TESTS_WORKLOADS_LOWER_FIXTURE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/program.h"
#include "sim/rng.h"
#include "sim/units.h"
#include "workloads/lower/lowering.h"
#include "workloads/neurons/neuron.h"

#define LAYERS_MAX 10u

struct fixture {
    uint32_t layer_count; // with the input
    uint32_t neurons[LAYERS_MAX], slots[LAYERS_MAX];
    uint32_t batch, time_steps;
    const char *neuron;
    uint32_t layer_delay;
    enum reset_gradient reset_gradient;
    bool has_bias;
    enum input_kind input;
    enum loss_kind loss;
    uint32_t tiles;           // of one chip
    uint32_t chips, replicas; // 0: one
    struct lowering_config config;
    bool has_streaming;
    struct checkpoint_config checkpoints;
};

// A machine of plain numbers, so that no test hangs on a chip file.
static inline uint64_t fixture_vertex_cycles(const void *context, enum codelet codelet,
                                             const uint32_t sizes[VERTEX_SIZES])
{
    (void)context;
    if (codelet == CODELET_matmul_partial) {
        uint64_t out = div_ceil(sizes[2], 16) * 16; // output channels go in groups
        return 100 + sizes[0] * sizes[1] * out * sizes[3] / 64;
    }
    return 50 + (uint64_t)sizes[0] * sizes[1];
}

static inline uint64_t fixture_exchange_cycles(const void *context, uint64_t port_bytes)
{
    (void)context;
    return 200 + port_bytes / 4;
}

static inline struct machine_view fixture_machine(uint32_t tiles)
{
    return (struct machine_view){.tiles = tiles,
                                 .contexts = 6,
                                 .bytes_per_tile = 638976,
                                 .has_matrix_unit = true,
                                 .vertex_cycles = fixture_vertex_cycles,
                                 .exchange_cycles = fixture_exchange_cycles};
}

// The published benchmark, NMNIST: hidden layers by number, slots 2 * floor(activity * neurons /
// 2).
static inline struct fixture fixture_published(uint32_t hidden_layers, double activity)
{
    static const uint32_t hidden[4][5] = {
        {1466, 1466}, {978, 978, 976}, {734, 734, 732, 732}, {588, 586, 586, 586, 586}};
    struct fixture fixture = {.layer_count = hidden_layers + 2,
                              .neurons = {2312},
                              .slots = {32},
                              .batch = 48,
                              .time_steps = 100,
                              .neuron = "lif",
                              .layer_delay = 1,
                              .tiles = 1472};
    for (uint32_t i = 0; i < hidden_layers; i++) {
        uint32_t neurons = hidden[hidden_layers - 2][i];
        fixture.neurons[i + 1] = neurons;
        fixture.slots[i + 1] = 2 * (uint32_t)(activity * neurons / 2);
    }
    fixture.neurons[hidden_layers + 1] = 10;
    uint32_t output_slots = 2 * (uint32_t)(activity * 10 / 2);
    fixture.slots[hidden_layers + 1] = output_slots < 2 ? 2 : output_slots;
    return fixture;
}

static inline struct training_graph *fixture_graph(struct fixture *fixture, enum network_form form)
{
    struct network_config network = {.layer_count = fixture->layer_count,
                                     .neurons = fixture->neurons,
                                     .slots = fixture->slots,
                                     .neuron = neuron_find(fixture->neuron),
                                     .alpha = 0.95,
                                     .beta = 0.9,
                                     .theta1 = 1,
                                     .theta2 = 0.9,
                                     .theta2_out = 0.9,
                                     .gain = 10,
                                     .surrogate_slope = 10,
                                     .layer_delay = fixture->layer_delay,
                                     .has_bias = fixture->has_bias,
                                     .input = fixture->input,
                                     .loss = fixture->loss,
                                     .reset = RESET_BY_MODEL,
                                     .reset_gradient = fixture->reset_gradient};
    return training_graph_create(&network, form, fixture->batch, fixture->time_steps);
}

static inline struct program *fixture_lower(struct fixture *fixture, enum lowering_kind kind,
                                            char **why)
{
    bool is_sparse = kind == LOWERING_SPARSE;
    struct training_graph *graph = fixture_graph(fixture, is_sparse ? FORM_SPARSE : FORM_DENSE);
    struct training_config training = {.optimizer = OPTIMIZER_ADAM,
                                       .batch = fixture->batch,
                                       .time_steps = fixture->time_steps,
                                       .checkpoints = fixture->checkpoints};
    struct machine_view machine = fixture_machine(fixture->tiles);
    machine.chips = fixture->chips == 0 ? 1 : fixture->chips;
    machine.replicas = fixture->replicas == 0 ? 1 : fixture->replicas;
    machine.has_streaming = fixture->has_streaming;
    struct lowering_config config = fixture->config;
    config.kind = kind;
    config.matmul_bytes = config.matmul_bytes == 0 ? 4 : config.matmul_bytes;
    struct program *program = is_sparse ? lower_sparse(graph, &training, &config, &machine, why)
                                        : lower_dense(graph, &training, &config, &machine, why);
    training_graph_destroy(graph);
    return program;
}

// The program, which is right; or the test has failed.
static inline struct program *fixture_program(struct fixture fixture, enum lowering_kind kind)
{
    char *why = NULL;
    struct program *program = fixture_lower(&fixture, kind, &why);
    if (program == NULL) {
        fail_msg("%s", why);
    }
    assert_null(why);
    program_verify(program);
    return program;
}

// The chip of all items of a range: it must be one.
static inline uint32_t chip_of_items(const struct program *program, const struct tile_map *map,
                                     uint32_t first, uint32_t count)
{
    uint32_t chip = tile_map_at(map, first) / program->chip_tiles;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(tile_map_at(map, first + i) / program->chip_tiles, chip);
    }
    return chip;
}

static inline struct fixture fixture_random(struct rng *rng)
{
    static const uint32_t tiles[] = {16, 17, 64, 200, 1472};
    static const char *const models[] = {"lif", "cuba_lif", "leaky"};
    struct fixture fixture = {.layer_count = 2 + rng_below(rng, 5),
                              .batch = 1 + rng_below(rng, 60),
                              .time_steps = 1 + rng_below(rng, 6),
                              .neuron = models[rng_below(rng, 3)],
                              .layer_delay = rng_below(rng, 2),
                              .reset_gradient = (enum reset_gradient)rng_below(rng, 3),
                              .tiles = tiles[rng_below(rng, 5)]};
    for (uint32_t l = 0; l < fixture.layer_count; l++) {
        uint32_t most = rng_below(rng, 4) == 0 ? 2000 : 60;
        fixture.neurons[l] = 1 + rng_below(rng, most);
        fixture.slots[l] = 1 + rng_below(rng, fixture.neurons[l]);
    }
    fixture.config.state_gradient =
        rng_below(rng, 2) ? STATE_GRADIENT_TILE_LOCAL : STATE_GRADIENT_PER_SAMPLE;
    fixture.config.elementwise = rng_below(rng, 2) ? ELEMENTWISE_LIBRARY : ELEMENTWISE_FUSED;
    fixture.config.has_rearrangement = rng_below(rng, 2);
    fixture.config.matmul_bytes = rng_below(rng, 2) ? 2 : 4;
    fixture.has_bias = rng_below(rng, 2);
    fixture.loss = rng_below(rng, 2) ? LOSS_ON_MEMBRANES : LOSS_ON_SPIKES;
    fixture.config.hoists_static_input = rng_below(rng, 2);
    fixture.config.host_output = rng_below(rng, 2) ? HOST_OUTPUT_SPIKES : HOST_OUTPUT_LOSS;
    if (rng_below(rng, 2)) {
        fixture.input = INPUT_ANALOG;
        fixture.slots[0] = fixture.neurons[0];
    }
    return fixture;
}

// --- counts -------------------------------------------------------------------------------------
// Loop `number` (0: forward, 1: backward): its steps are first+1 .. end-1.
struct loop_range {
    uint32_t first, end;
};

static inline struct loop_range fixture_loop(const struct program *program, uint32_t number)
{
    struct loop_range range = {0};
    for (uint32_t i = 0; i < program->step_count; i++) {
        if (program->steps[i].kind == STEP_LOOP_BEGIN && number-- == 0) {
            range.first = i;
        }
        if (program->steps[i].kind == STEP_LOOP_END && range.first > 0) {
            range.end = i;
            return range;
        }
    }
    return range;
}

static inline uint32_t count_sets(const struct program *program, struct loop_range range)
{
    uint32_t sets = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        sets += program->steps[i].kind == STEP_COMPUTE;
    }
    return sets;
}

static inline const struct compute_set *find_set(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        if (strcmp(program->compute_sets[i].name, name) == 0) {
            return &program->compute_sets[i];
        }
    }
    return NULL;
}

static inline uint32_t count_named_sets(const struct program *program, const char *prefix)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->compute_set_count; i++) {
        count += strncmp(program->compute_sets[i].name, prefix, strlen(prefix)) == 0;
    }
    return count;
}

static inline const struct exchange_step *find_exchange(const struct program *program,
                                                        const char *prefix)
{
    for (uint32_t i = 0; i < program->exchange_count; i++) {
        if (strncmp(program->exchanges[i].name, prefix, strlen(prefix)) == 0) {
            return &program->exchanges[i];
        }
    }
    return NULL;
}

// The group of a set that works for a network layer.
static inline const struct vertex_group *find_group(const struct program *program, const char *set,
                                                    uint32_t layer)
{
    const struct compute_set *found = find_set(program, set);
    for (uint32_t i = 0; found != NULL && i < found->group_count; i++) {
        const struct vertex_group *group = &program->groups[found->first_group + i];
        if (group->network_layer == layer) {
            return group;
        }
    }
    return NULL;
}

static inline uint64_t count_group_vertices(const struct program *program,
                                            const struct vertex_group *group)
{
    switch (group->dealing) {
    case DEAL_EVEN:
        return group->vertices;
    case DEAL_SAMPLES:
        return group->items * div_ceil(program->batch, group->samples_per_vertex);
    case DEAL_SEGMENTS:
        return (uint64_t)group->items * group->vertices;
    case DEAL_SLOTS:
        return (uint64_t)program->batch * program->slots[group->layer] * group->groups;
    }
    return 0;
}

static inline uint64_t count_set_vertices(const struct program *program, const char *name)
{
    const struct compute_set *set = find_set(program, name);
    uint64_t vertices = 0;
    for (uint32_t i = 0; set != NULL && i < set->group_count; i++) {
        vertices += count_group_vertices(program, &program->groups[set->first_group + i]);
    }
    return vertices;
}

// Bytes that a flow brings to (or takes from) one tile, words to itself included.
static inline uint64_t flow_bytes(const struct flow *flow, uint32_t tile, bool is_receiving)
{
    uint64_t words = div_ceil(flow->bytes, EXCHANGE_WORD_BYTES);
    uint32_t count = is_receiving ? flow->destination_count : flow->source_count;
    uint32_t first = is_receiving ? flow->first_destination : flow->first_source;
    const struct tile_map *map = is_receiving ? &flow->destination : &flow->source;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (tile_map_at(map, first + i) != tile) {
            continue;
        }
        switch (flow->kind) {
        case FLOW_BROADCAST:
            bytes += flow->bytes * (is_receiving ? flow->source_count : 1);
            break;
        case FLOW_ALL_TO_ALL:
            bytes += flow->bytes * (is_receiving ? flow->source_count : flow->destination_count);
            break;
        case FLOW_PAIRS:
            bytes += flow->bytes;
            break;
        case FLOW_REDISTRIBUTE: // words w with floor(w * count / words) == i
            bytes += EXCHANGE_WORD_BYTES *
                     (div_ceil((i + 1) * words, count) - div_ceil(i * words, count));
            break;
        }
    }
    return bytes;
}

static inline uint64_t exchange_bytes(const struct program *program, const char *name,
                                      uint32_t tile, bool is_receiving)
{
    const struct exchange_step *exchange = find_exchange(program, name);
    uint64_t bytes = 0;
    for (uint32_t i = 0; exchange != NULL && i < exchange->flow_count; i++) {
        bytes += flow_bytes(&program->flows[exchange->first_flow + i], tile, is_receiving);
    }
    return bytes;
}

static inline uint64_t received_bytes(const struct program *program, const char *name,
                                      uint32_t tile)
{
    return exchange_bytes(program, name, tile, true);
}

static inline uint64_t total_received_bytes(const struct program *program, const char *name)
{
    uint64_t bytes = 0;
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        bytes += received_bytes(program, name, tile);
    }
    return bytes;
}

// Bytes of a tile's variables that are live at a step; UINT32_MAX: all of them, whenever live.
static inline uint64_t live_bytes(const struct program *program, uint32_t tile, uint32_t step)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct variable *variable = &program->variables[i];
        bool is_live = step == UINT32_MAX || variable->first_step == LIVE_ALWAYS ||
                       (variable->first_step <= step && step <= variable->last_step);
        for (uint32_t item = 0; is_live && item < variable->items; item++) {
            if (tile_map_at(&variable->place, variable->first_item + item) == tile) {
                bytes += variable->bytes_per_item;
            }
        }
    }
    return bytes;
}

static inline uint64_t peak_bytes(const struct program *program, uint32_t tile)
{
    uint64_t peak = 0;
    for (uint32_t step = 0; step < program->step_count; step++) {
        peak = max_u64(peak, live_bytes(program, tile, step));
    }
    return peak;
}

static inline const struct variable *find_variable(const struct program *program, const char *name)
{
    for (uint32_t i = 0; i < program->variable_count; i++) {
        if (strcmp(program->variables[i].name, name) == 0) {
            return &program->variables[i];
        }
    }
    return NULL;
}

#endif

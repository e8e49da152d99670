#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

#define LARGEST_MOVE 0.5         // of a layer's tiles
#define SMALLEST_MOVE (1.0 / 16) // at which the search ends
#define GROUP_BISECTIONS 32u
// Of multiply-adds: a layer of a few outputs needs no chips of its own.
#define GROUP_LEEWAY (1.0 / 16)

struct layer_cycles { // of one layer's products in one time step
    double moving, product;
};

// Splits chosen so far: layers of equal sizes, and layers whose tiles a trial leaves alone, ask
// again.
struct known_split {
    struct matmul_problem problem;
    struct matmul_split split;
};

struct dense_planning {
    const struct dense_lowering *lowering;
    struct known_split *known; // owned
    uint32_t known_count;
};

static bool is_same_problem(const struct matmul_problem *a, const struct matmul_problem *b)
{
    return a->rows == b->rows && a->in == b->in && a->out == b->out &&
           a->element_bytes == b->element_bytes && a->tiles == b->tiles &&
           a->resident == b->resident;
}

static struct matmul_split choose_split(struct dense_planning *planning,
                                        const struct matmul_problem *problem)
{
    for (uint32_t i = 0; i < planning->known_count; i++) {
        if (is_same_problem(&planning->known[i].problem, problem)) {
            return planning->known[i].split;
        }
    }
    struct known_split chosen = {*problem,
                                 matmul_split_choose(problem, planning->lowering->machine)};
    planning->known =
        xrealloc(planning->known, (planning->known_count + 1) * sizeof *planning->known);
    planning->known[planning->known_count++] = chosen;
    return chosen.split;
}

static void add_split(struct layer_cycles *cycles, const struct matmul_split *split, double runs)
{
    cycles->moving += runs * (double)split->moving_cycles;
    cycles->product += runs * (double)split->product_cycles;
}

// What is left in the loops of a hoisted layer. Beside the products of others it can be left out.
static double elementwise_cycles(const struct dense_lowering *lowering, uint32_t l,
                                 uint32_t elements)
{
    uint64_t cycles = 0;
    for (enum op_phase phase = OP_FORWARD; phase <= OP_BACKWARD; phase++) {
        struct elementwise_slots slots = tiles_fused_slots(lowering->graph, phase, l);
        uint32_t sizes[VERTEX_SIZES] = {elements, slots.loads, slots.stores, slots.arithmetic};
        cycles += lowering->machine->vertex_cycles(lowering->machine->context,
                                                   CODELET_fused_elementwise, sizes);
    }
    return (double)cycles;
}

// Of layer l, on `tiles` tiles of each chip. What leaves them is a part for every chip of the layer
// below.
static void split_input_gradient(struct dense_planning *planning, struct dense_layer *layer,
                                 uint32_t tiles, struct layer_cycles *cycles)
{
    const struct machine_view *machine = planning->lowering->machine;
    const struct matmul_problem problem = {.rows = planning->lowering->batch,
                                           .in = layer->columns,
                                           .out = layer->fan_in,
                                           .element_bytes = planning->lowering->element_bytes,
                                           .tiles = tiles,
                                           .resident = RESIDENT_WEIGHTS};
    layer->input_gradient = choose_split(planning, &problem);
    add_split(cycles, &layer->input_gradient, 1);
    uint64_t leaving_bytes =
        (uint64_t)matmul_split_outputs(&layer->input_gradient) * EXCHANGE_WORD_BYTES;
    cycles->moving += (double)machine->exchange_cycles(machine->context, leaving_bytes);
}

// Products that run on the tiles of layer l: its own, and the input gradient of the layer above, if
// that is on the same chips.
static struct layer_cycles split_layer(struct dense_planning *planning, struct dense_layer *layers,
                                       uint32_t l)
{
    const struct dense_lowering *lowering = planning->lowering;
    struct dense_layer *layer = &layers[l];
    struct layer_cycles cycles = {0};
    double runs = dense_is_hoisted(lowering, l) ? 1.0 / lowering->time_steps : 1; // a time step
    struct matmul_problem problem = {.rows = lowering->batch,
                                     .in = layer->fan_in,
                                     .out = layer->columns,
                                     .element_bytes = lowering->element_bytes,
                                     .tiles = layer->tiles,
                                     .resident = RESIDENT_WEIGHTS};
    layer->forward = choose_split(planning, &problem);
    layer->elements = matmul_split_outputs(&layer->forward);
    if (dense_is_hoisted(lowering, l)) {
        cycles.product += elementwise_cycles(lowering, l, layer->elements);
    }
    add_split(&cycles, &layer->forward, runs);
    problem.rows = layer->fan_in;
    problem.in = lowering->batch;
    problem.resident = RESIDENT_SUM;
    layer->weight_gradient = choose_split(planning, &problem);
    add_split(&cycles, &layer->weight_gradient, runs);
    if (l < lowering->layer_count && dense_has_below(layers, l + 1)) {
        split_input_gradient(planning, &layers[l + 1], layer->tiles, &cycles);
    }
    if (l > 1 && !dense_has_below(layers, l)) {
        split_input_gradient(planning, layer, layer->tiles, &cycles);
    }
    return cycles;
}

// Layers first..last, which lie on the same chips and run side by side there.
struct layer_group {
    uint32_t first, last;
};

// A way to share the tiles of a chip among them.
struct dense_share {
    struct layer_group group;
    struct dense_layer *layers;  // owned; as in the lowering
    struct layer_cycles *cycles; // owned; [layer]
    double total; // slowest exchange plus slowest product: layers wait for each other
    uint32_t most_moving, most_product, most_tiles; // layers
};

static struct dense_share share_create(struct dense_planning *planning, struct layer_group group,
                                       const double *weights)
{
    const struct dense_lowering *lowering = planning->lowering;
    uint32_t count = group.last - group.first + 1;
    struct dense_share share = {.group = group,
                                .layers = xcalloc(lowering->layer_count + 1, sizeof *share.layers),
                                .cycles = xcalloc(lowering->layer_count + 1, sizeof *share.cycles),
                                .most_moving = group.first,
                                .most_product = group.first,
                                .most_tiles = group.first};
    uint32_t *first_tiles = xcalloc(count, sizeof *first_tiles);
    uint32_t *tile_counts = xcalloc(count, sizeof *tile_counts);
    placement_share(weights, count, lowering->tiles, first_tiles, tile_counts);
    memcpy(share.layers, lowering->layers, (lowering->layer_count + 1) * sizeof *share.layers);
    for (uint32_t i = 0; i < count; i++) {
        struct dense_layer *layer = &share.layers[group.first + i];
        layer->first_tile = layer->chip_tile + first_tiles[i];
        layer->tiles = tile_counts[i];
    }
    for (uint32_t l = group.first; l <= group.last; l++) {
        share.cycles[l] = split_layer(planning, share.layers, l);
        if (share.cycles[l].moving > share.cycles[share.most_moving].moving) {
            share.most_moving = l;
        }
        if (share.cycles[l].product > share.cycles[share.most_product].product) {
            share.most_product = l;
        }
        if (share.layers[l].tiles > share.layers[share.most_tiles].tiles) {
            share.most_tiles = l;
        }
    }
    share.total = share.cycles[share.most_moving].moving + share.cycles[share.most_product].product;
    free(first_tiles);
    free(tile_counts);
    return share;
}

static void share_destroy(struct dense_share *share)
{
    free(share->layers);
    free(share->cycles);
}

// Gives `layer` more tiles, taken from the layer that has most. True if time was gained.
static bool share_improve(struct dense_planning *planning, struct dense_share *share,
                          uint32_t layer, double move)
{
    uint32_t giver = share->most_tiles;
    if (layer == giver) {
        return false;
    }
    uint32_t first = share->group.first;
    double *weights = xcalloc(share->group.last - first + 1, sizeof *weights);
    for (uint32_t l = first; l <= share->group.last; l++) {
        weights[l - first] = share->layers[l].tiles;
    }
    double tiles = ceil(move * share->layers[layer].tiles);
    tiles = fmin(tiles, share->layers[giver].tiles - 1.0);
    weights[layer - first] += tiles;
    weights[giver - first] -= tiles;
    struct dense_share trial = share_create(planning, share->group, weights);
    free(weights);
    bool is_better = trial.total < share->total;
    if (is_better) {
        struct dense_share worse = *share;
        *share = trial;
        trial = worse;
    }
    share_destroy(&trial);
    return is_better;
}

// Layers of a time step run at once, each on tiles of its own: tiles go by multiply-adds first, and
// then to the layers that the others wait for, in smaller and smaller moves, as long as time is
// gained.
static void plan_side_by_side(struct dense_lowering *lowering, struct dense_planning *planning,
                              struct layer_group group)
{
    double *weights = xcalloc(group.last - group.first + 1, sizeof *weights);
    for (uint32_t l = group.first; l <= group.last; l++) {
        weights[l - group.first] = (double)dense_weight_count(&lowering->layers[l]);
    }
    struct dense_share share = share_create(planning, group, weights);
    free(weights);
    for (double move = LARGEST_MOVE; move >= SMALLEST_MOVE && group.last > group.first;) {
        bool is_better = share_improve(planning, &share, share.most_moving, move) ||
                         share_improve(planning, &share, share.most_product, move);
        move = is_better ? move : move / 2;
    }
    for (uint32_t l = group.first; l <= group.last; l++) {
        lowering->layers[l] = share.layers[l];
    }
    share_destroy(&share);
}

static void plan_one_after_the_other(struct dense_lowering *lowering,
                                     struct dense_planning *planning, struct layer_group group)
{
    for (uint32_t l = group.first; l <= group.last; l++) {
        lowering->layers[l].first_tile = lowering->layers[l].chip_tile;
        lowering->layers[l].tiles = lowering->tiles;
    }
    for (uint32_t l = group.first; l <= group.last; l++) {
        split_layer(planning, lowering->layers, l);
    }
}

static double multiplies_of(const struct dense_layer *layer)
{
    return (double)layer->fan_in * layer->neurons;
}

// Layer after layer to groups of `layer_chips` chips, a new one where a group would get more than
// `most` multiply-adds of a sample. Returns how many there are.
static uint32_t fill_groups(struct dense_lowering *lowering, uint32_t layer_chips, double most)
{
    uint32_t group = 0;
    double filled = 0;
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        struct dense_layer *layer = &lowering->layers[l];
        bool is_full = filled > 0 && filled + multiplies_of(layer) > most;
        group += is_full;
        filled = multiplies_of(layer) + (is_full ? 0 : filled);
        layer->chip_tile = group * layer_chips * lowering->machine->tiles;
        layer->columns = (uint32_t)div_ceil(layer->neurons, layer_chips);
        layer->chips = (uint32_t)div_ceil(layer->neurons, layer->columns);
    }
    return group + 1;
}

// The group with most multiply-adds has as few as can be without cutting a layer, or a little more
// if that takes fewer groups.
static void place_on_chips(struct dense_lowering *lowering, uint32_t layer_chips, uint32_t groups)
{
    double too_few = 0, enough = 0; // or just enough: the largest layer
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        too_few = fmax(too_few, multiplies_of(&lowering->layers[l]));
        enough += multiplies_of(&lowering->layers[l]);
    }
    for (uint32_t i = 0; i < GROUP_BISECTIONS; i++) {
        double middle = (too_few + enough) / 2;
        bool is_enough = fill_groups(lowering, layer_chips, middle) <= groups;
        enough = is_enough ? middle : enough;
        too_few = is_enough ? too_few : middle;
    }
    lowering->chips = layer_chips * fill_groups(lowering, layer_chips, enough * (1 + GROUP_LEEWAY));
}

void dense_plan(struct dense_lowering *lowering, uint32_t layer_chips, uint32_t groups)
{
    for (uint32_t l = 0; l <= lowering->layer_count; l++) {
        lowering->layers[l].neurons = lowering->graph->config.neurons[l];
        lowering->layers[l].fan_in = l > 0 ? lowering->graph->config.neurons[l - 1] : 0;
    }
    place_on_chips(lowering, layer_chips, groups);
    struct dense_planning planning = {.lowering = lowering};
    struct layer_group group = {1, 1};
    while (group.first <= lowering->layer_count) {
        group.last = group.first;
        while (group.last < lowering->layer_count &&
               dense_has_below(lowering->layers, group.last + 1)) {
            group.last++;
        }
        if (lowering->is_delayed) {
            plan_side_by_side(lowering, &planning, group);
        } else {
            plan_one_after_the_other(lowering, &planning, group);
        }
        group.first = group.last + 1;
    }
    free(planning.known);
}

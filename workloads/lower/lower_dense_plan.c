#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lower_tiles_dense.h"
#include "workloads/lower/lower_tiles_graph.h"

#define LARGEST_MOVE 0.5         // of a layer's tiles
#define SMALLEST_MOVE (1.0 / 16) // at which the search ends

struct layer_cycles { // of one layer's products in one time step
    double moving, product;
};

// Splits chosen so far: layers of equal sizes, and layers whose tiles a trial leaves alone, ask again.
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

// Products that run on the tiles of layer l: its own, and the input gradient of the layer above.
static struct layer_cycles split_layer(struct dense_planning *planning, struct dense_layer *layers,
                                       uint32_t l)
{
    const struct dense_lowering *lowering = planning->lowering;
    const struct machine_view *machine = lowering->machine;
    struct dense_layer *layer = &layers[l];
    struct layer_cycles cycles = {0};
    double runs = dense_is_hoisted(lowering, l) ? 1.0 / lowering->time_steps : 1; // a time step
    struct matmul_problem problem = {.rows = lowering->batch,
                                     .in = layer->fan_in,
                                     .out = layer->neurons,
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
    if (l < lowering->layer_count) {
        struct dense_layer *above = &layers[l + 1];
        problem.rows = lowering->batch;
        problem.in = above->neurons;
        problem.resident = RESIDENT_WEIGHTS;
        above->input_gradient = choose_split(planning, &problem);
        add_split(&cycles, &above->input_gradient, 1);
        uint64_t leaving_bytes =
            (uint64_t)matmul_split_outputs(&above->input_gradient) * EXCHANGE_WORD_BYTES;
        cycles.moving += (double)machine->exchange_cycles(machine->context, leaving_bytes);
    }
    return cycles;
}

// A way to share the tiles among layers that run side by side.
struct dense_share {
    struct dense_layer *layers;  // owned; as in the lowering
    struct layer_cycles *cycles; // owned; [layer]
    double total; // slowest exchange plus slowest product: layers wait for each other
    uint32_t most_moving, most_product, most_tiles; // layers
};

static struct dense_share share_create(struct dense_planning *planning, const double *weights)
{
    const struct dense_lowering *lowering = planning->lowering;
    uint32_t count = lowering->layer_count;
    struct dense_share share = {.layers = xcalloc(count + 1, sizeof *share.layers),
                                .cycles = xcalloc(count + 1, sizeof *share.cycles),
                                .most_moving = 1,
                                .most_product = 1,
                                .most_tiles = 1};
    uint32_t *first_tiles = xcalloc(count, sizeof *first_tiles);
    uint32_t *tile_counts = xcalloc(count, sizeof *tile_counts);
    placement_share(weights, count, lowering->tiles, first_tiles, tile_counts);
    for (uint32_t l = 0; l <= count; l++) {
        share.layers[l].neurons = lowering->layers[l].neurons;
        share.layers[l].fan_in = lowering->layers[l].fan_in;
        share.layers[l].first_tile = l > 0 ? first_tiles[l - 1] : 0;
        share.layers[l].tiles = l > 0 ? tile_counts[l - 1] : 0;
    }
    for (uint32_t l = 1; l <= count; l++) {
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
    uint32_t count = planning->lowering->layer_count;
    double *weights = xcalloc(count, sizeof *weights);
    for (uint32_t l = 1; l <= count; l++) {
        weights[l - 1] = share->layers[l].tiles;
    }
    double tiles = ceil(move * share->layers[layer].tiles);
    tiles = fmin(tiles, share->layers[giver].tiles - 1.0);
    weights[layer - 1] += tiles;
    weights[giver - 1] -= tiles;
    struct dense_share trial = share_create(planning, weights);
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
static void plan_side_by_side(struct dense_lowering *lowering, struct dense_planning *planning)
{
    double *weights = xcalloc(lowering->layer_count, sizeof *weights);
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        weights[l - 1] = (double)lowering->layers[l].fan_in * lowering->layers[l].neurons;
    }
    struct dense_share share = share_create(planning, weights);
    free(weights);
    for (double move = LARGEST_MOVE; move >= SMALLEST_MOVE && lowering->layer_count > 1;) {
        bool is_better = share_improve(planning, &share, share.most_moving, move) ||
                         share_improve(planning, &share, share.most_product, move);
        move = is_better ? move : move / 2;
    }
    for (uint32_t l = 1; l <= lowering->layer_count; l++) {
        lowering->layers[l] = share.layers[l];
    }
    share_destroy(&share);
}

void dense_plan(struct dense_lowering *lowering)
{
    for (uint32_t l = 0; l <= lowering->layer_count; l++) {
        lowering->layers[l].neurons = lowering->graph->config.neurons[l];
        lowering->layers[l].fan_in = l > 0 ? lowering->graph->config.neurons[l - 1] : 0;
    }
    struct dense_planning planning = {.lowering = lowering};
    if (lowering->is_delayed) {
        plan_side_by_side(lowering, &planning);
    }
    for (uint32_t l = 1; l <= lowering->layer_count && !lowering->is_delayed; l++) {
        lowering->layers[l].tiles = lowering->tiles;
        split_layer(&planning, lowering->layers, l);
    }
    free(planning.known);
}

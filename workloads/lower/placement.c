#include "workloads/lower/placement.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define NEURONS_PER_TILE_STEP 2u
#define FLAGS_PER_SEGMENT 64u  // flags that one worker scans
#define VECTOR_WORDS 2u        // grain of the library's mappings, one 64-bit access
#define REDUCTION_EXPONENT 0.8 // of a layer's tiles, in its share of the reduction

static uint32_t tiles_needed(const struct placement_request *request, uint32_t neurons_per_tile)
{
    uint64_t tiles = 0;
    for (uint32_t l = 1; l < request->layer_count; l++) {
        tiles += div_ceil(request->neurons[l], neurons_per_tile);
    }
    return tiles > UINT32_MAX ? UINT32_MAX : (uint32_t)tiles;
}

uint32_t placement_parts(uint32_t neurons, uint32_t contexts)
{
    uint32_t segments =
        neurons / FLAGS_PER_SEGMENT + (neurons % FLAGS_PER_SEGMENT > FLAGS_PER_SEGMENT / 2);
    uint32_t least_rest = contexts / 3; // 2 of 6 workers: published as [w mod 6 >= 2]
    uint32_t rest = segments % contexts;
    uint32_t parts = segments / contexts + (rest > 0 && rest >= least_rest);
    return parts > 0 ? parts : 1;
}

static void place_neurons(struct placement *placement)
{
    uint32_t tile = 1; // tile 0 is left to the loop counters
    for (uint32_t l = 1; l < placement->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        uint32_t padded =
            (uint32_t)div_ceil(layer->neurons, NEURONS_PER_TILE_STEP) * NEURONS_PER_TILE_STEP;
        layer->neurons_per_tile = (uint32_t)min_u64(placement->neurons_per_tile, padded);
        layer->first_tile = tile;
        layer->tiles = (uint32_t)div_ceil(layer->neurons, layer->neurons_per_tile);
        tile += layer->tiles;
    }
}

static void place_compaction(struct placement *placement, const struct placement_request *request)
{
    uint32_t position = 0;
    for (uint32_t l = 1; l < placement->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        layer->parts = placement_parts(layer->neurons, request->contexts);
        layer->part_neurons = (uint32_t)div_ceil(layer->neurons, layer->parts);
        layer->segments = (uint32_t)min_u64(request->contexts, layer->part_neurons);
        layer->spikes_position = position;
        position += request->batch * layer->parts;
        layer->near_position = position;
        position += request->batch * layer->parts;
    }
    placement->compaction_positions = position;
    placement->compaction =
        (struct tile_map){.first = 0,
                          .positions = (uint32_t)min_u64(position, request->tiles),
                          .span = request->tiles,
                          .is_spread = true};
}

void placement_share(const double *weights, uint32_t count, uint32_t tiles, uint32_t *first_tiles,
                     uint32_t *tile_counts)
{
    double total = 0, before = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += weights[i];
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < count; i++) {
        before += weights[i];
        if (count > tiles) {
            first_tiles[i] = i % tiles;
            tile_counts[i] = 1;
            continue;
        }
        uint32_t last_allowed = tiles - (count - 1 - i); // the others need a tile each
        uint32_t end = i + 1 == count ? tiles : (uint32_t)lround(tiles * before / total);
        end = (uint32_t)max_u64(first + 1, min_u64(end, last_allowed));
        first_tiles[i] = first;
        tile_counts[i] = end - first;
        first = end;
    }
}

static void place_reduction(struct placement *placement, const struct placement_request *request)
{
    uint32_t count = placement->layer_count - 1;
    if (count < 2) {
        return; // only layers 2..L send gradients to a layer below
    }
    double *weights = xcalloc(count, sizeof *weights);
    uint32_t *first_tiles = xcalloc(count, sizeof *first_tiles);
    uint32_t *tile_counts = xcalloc(count, sizeof *tile_counts);
    for (uint32_t l = 2; l < placement->layer_count; l++) {
        const struct layer_place *layer = &placement->layers[l];
        weights[l - 2] =
            pow(layer->tiles, REDUCTION_EXPONENT) * layer->fan_in_slots * request->batch;
    }
    placement_share(weights, count - 1, request->tiles - 1, first_tiles, tile_counts);
    for (uint32_t l = 2; l < placement->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        uint32_t group = (uint32_t)min_u64(max_u64(request->batch / 2, 1), layer->tiles);
        layer->reduce_groups = layer->tiles / group;
        layer->reduce_partials = (uint32_t)div_ceil(layer->tiles, layer->reduce_groups);
        layer->reduce_first_tile = 1 + first_tiles[l - 2];
        layer->reduce_tiles = tile_counts[l - 2];
    }
    free(weights);
    free(first_tiles);
    free(tile_counts);
}

static struct placement *placement_allocate(const struct placement_request *request,
                                            uint32_t neurons_per_tile)
{
    struct placement *placement = xcalloc(1, sizeof *placement);
    placement->neurons_per_tile = neurons_per_tile;
    placement->layer_count = request->layer_count;
    placement->layers = xcalloc(request->layer_count, sizeof *placement->layers);
    for (uint32_t l = 0; l < request->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        layer->neurons = request->neurons[l];
        layer->slots = request->slots[l];
        layer->fan_in = l > 0 ? request->neurons[l - 1] : 0;
        layer->fan_in_slots = l > 0 ? request->slots[l - 1] : 0;
    }
    return placement;
}

struct placement *placement_create(const struct placement_request *request, char **why)
{
    uint32_t tiles = request->tiles - 1;
    if (request->layer_count - 1 > tiles) {
        *why = xasprintf("%u layers need a tile each, and tile 0 is left free: the chip has %u "
                         "tiles",
                         request->layer_count - 1, request->tiles);
        return NULL;
    }
    uint32_t neurons_per_tile = NEURONS_PER_TILE_STEP;
    while (tiles_needed(request, neurons_per_tile) > tiles) {
        neurons_per_tile += NEURONS_PER_TILE_STEP;
    }
    struct placement *placement = placement_allocate(request, neurons_per_tile);
    place_neurons(placement);
    place_compaction(placement, request);
    place_reduction(placement, request);
    return placement;
}

bool placement_fill(uint32_t tiles, uint32_t outputs, uint32_t hidden_count, uint32_t *hidden)
{
    uint64_t taken = 1 + div_ceil(outputs, NEURONS_PER_TILE_STEP); // tile 0, and the output layer's
    if (tiles < taken + hidden_count) {
        return false;
    }
    uint32_t left = tiles - (uint32_t)taken;
    for (uint32_t i = 0; i < hidden_count; i++) {
        uint32_t layer_tiles = left / hidden_count + (i < left % hidden_count);
        hidden[i] = layer_tiles * NEURONS_PER_TILE_STEP;
    }
    return true;
}

void placement_destroy(struct placement *placement)
{
    if (placement == NULL) {
        return;
    }
    free(placement->layers);
    free(placement);
}

struct tile_map placement_neurons(const struct layer_place *layer)
{
    return tile_map_range(layer->first_tile, layer->tiles);
}

struct tile_map placement_reduction(const struct layer_place *layer)
{
    return tile_map_range(layer->reduce_first_tile, layer->reduce_tiles);
}

struct spread placement_spread(uint32_t words, uint32_t tiles)
{
    uint32_t words_per_tile = (uint32_t)max_u64(div_ceil(words, tiles), VECTOR_WORDS);
    uint32_t positions = (uint32_t)max_u64(div_ceil(words, words_per_tile), 1);
    return (struct spread){
        .map = {.first = 0, .positions = positions, .span = tiles, .is_spread = true},
        .words = words,
        .words_per_tile = words_per_tile};
}

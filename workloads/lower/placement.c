#include "workloads/lower/placement.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define NEURONS_PER_TILE_STEP 2u
#define FLAGS_PER_SEGMENT 64u  // flags that one worker scans
#define VECTOR_WORDS 2u        // grain of the library's mappings, one 64-bit access
#define REDUCTION_EXPONENT 0.8 // of a layer's tiles, in its share of the reduction

uint32_t placement_parts(uint32_t neurons, uint32_t contexts)
{
    uint32_t segments =
        neurons / FLAGS_PER_SEGMENT + (neurons % FLAGS_PER_SEGMENT > FLAGS_PER_SEGMENT / 2);
    uint32_t least_rest = contexts / 3; // 2 of 6 workers: published as [w mod 6 >= 2]
    uint32_t rest = segments % contexts;
    uint32_t parts = segments / contexts + (rest > 0 && rest >= least_rest);
    return parts > 0 ? parts : 1;
}

static uint32_t padded_neurons(uint32_t neurons)
{
    return (uint32_t)div_ceil(neurons, NEURONS_PER_TILE_STEP) * NEURONS_PER_TILE_STEP;
}

// False: not all layers fit with so many neurons on a tile.
static bool place_neurons(struct placement *placement, const struct placement_request *request)
{
    uint64_t tile = 1; // of the chip; tile 0 of the first is left to the loop counters
    uint32_t chip = 0;
    for (uint32_t l = 1; l < placement->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        layer->neurons_per_tile =
            (uint32_t)min_u64(placement->neurons_per_tile, padded_neurons(layer->neurons));
        layer->tiles = (uint32_t)div_ceil(layer->neurons, layer->neurons_per_tile);
        if (tile + layer->tiles > request->tiles) {
            chip++;
            tile = 0;
        }
        if (chip >= request->chips || tile + layer->tiles > request->tiles) {
            return false;
        }
        layer->chip = chip;
        layer->chip_tile = chip * request->chip_stride;
        layer->first_tile = layer->chip_tile + (uint32_t)tile;
        tile += layer->tiles;
    }
    placement->layers[0].chip = placement->layers[1].chip;
    placement->layers[0].chip_tile = placement->layers[1].chip_tile;
    placement->chips = chip + 1;
    return true;
}

static void number_layers_of_chips(struct placement *placement)
{
    for (uint32_t l = 1; l < placement->layer_count; l++) {
        struct layer_place *layer = &placement->layers[l];
        for (uint32_t other = 1; other < placement->layer_count; other++) {
            bool is_here = placement->layers[other].chip == layer->chip;
            layer->chip_layers += is_here;
            layer->chip_place += is_here && other < l;
        }
    }
}

// Of the layers first..end-1, which lie on one chip.
static void place_compaction(struct placement *placement, const struct placement_request *request,
                             uint32_t first, uint32_t end)
{
    uint32_t position = 0;
    for (uint32_t l = first; l < end; l++) {
        struct layer_place *layer = &placement->layers[l];
        layer->parts = placement_parts(layer->neurons, request->contexts);
        layer->part_neurons = (uint32_t)div_ceil(layer->neurons, layer->parts);
        layer->segments = (uint32_t)min_u64(request->contexts, layer->part_neurons);
        layer->spikes_position = position;
        position += request->batch * layer->parts;
        layer->near_position = position;
        position += request->batch * layer->parts;
    }
    for (uint32_t l = first; l < end; l++) {
        struct layer_place *layer = &placement->layers[l];
        layer->compaction =
            (struct tile_map){.first = layer->chip_tile,
                              .positions = (uint32_t)min_u64(position, request->tiles),
                              .span = request->tiles,
                              .is_spread = true};
    }
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

// Of the layers first..end-1, which lie on one chip and all send gradients to a layer below.
static void place_reduction(struct placement *placement, const struct placement_request *request,
                            uint32_t first, uint32_t end)
{
    if (first >= end) {
        return;
    }
    uint32_t count = end - first;
    double *weights = xcalloc(count, sizeof *weights);
    uint32_t *first_tiles = xcalloc(count, sizeof *first_tiles);
    uint32_t *tile_counts = xcalloc(count, sizeof *tile_counts);
    for (uint32_t i = 0; i < count; i++) {
        const struct layer_place *layer = &placement->layers[first + i];
        weights[i] = pow(layer->tiles, REDUCTION_EXPONENT) * layer->fan_in_slots * request->batch;
    }
    uint32_t left_free = placement->layers[first].chip == 0; // tile 0
    placement_share(weights, count, request->tiles - left_free, first_tiles, tile_counts);
    for (uint32_t i = 0; i < count; i++) {
        struct layer_place *layer = &placement->layers[first + i];
        uint32_t group = (uint32_t)min_u64(max_u64(request->batch / 2, 1), layer->tiles);
        layer->reduce_groups = layer->tiles / group;
        layer->reduce_partials = (uint32_t)div_ceil(layer->tiles, layer->reduce_groups);
        layer->reduce_first_tile = layer->chip_tile + left_free + first_tiles[i];
        layer->reduce_tiles = tile_counts[i];
    }
    free(weights);
    free(first_tiles);
    free(tile_counts);
}

// Compaction and reduction, chip by chip.
static void place_shared(struct placement *placement, const struct placement_request *request)
{
    uint32_t first = 1;
    while (first < placement->layer_count) {
        uint32_t end = first + placement->layers[first].chip_layers;
        place_compaction(placement, request, first, end);
        place_reduction(placement, request, first == 1 ? 2 : first, end);
        first = end;
    }
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

static char *too_many_layers(const struct placement_request *request)
{
    uint32_t layers = request->layer_count - 1;
    if (request->chips == 1) {
        return xasprintf("%u layers need a tile each, and tile 0 is left free: the chip has %u "
                         "tile%s",
                         layers, request->tiles, plural_ending(request->tiles));
    }
    return xasprintf("%u layers need a tile each, and tile 0 is left free: the %u chips have %u "
                     "tile%s each",
                     layers, request->chips, request->tiles, plural_ending(request->tiles));
}

bool placement_has_room(uint32_t layers, uint32_t chips, uint32_t tiles)
{
    return layers < (uint64_t)chips * tiles; // tile 0 is left free
}

struct placement *placement_create(const struct placement_request *asked, char **why)
{
    struct placement_request request = *asked;
    request.chips = request.chips == 0 ? 1 : request.chips;
    request.chip_stride = request.chip_stride == 0 ? request.tiles : request.chip_stride;
    if (!placement_has_room(request.layer_count - 1, request.chips, request.tiles)) {
        *why = too_many_layers(&request);
        return NULL;
    }
    uint32_t neurons_per_tile = NEURONS_PER_TILE_STEP;
    struct placement *placement = placement_allocate(&request, neurons_per_tile);
    while (!place_neurons(placement, &request)) {
        neurons_per_tile += NEURONS_PER_TILE_STEP;
        placement->neurons_per_tile = neurons_per_tile;
    }
    number_layers_of_chips(placement);
    place_shared(placement, &request);
    return placement;
}

// The layers on the chip: hidden[first..end-1] have `tiles` of its tiles.
static bool fill_chip(uint32_t tiles, uint32_t first, uint32_t end, uint32_t neurons_per_tile,
                      uint32_t *hidden)
{
    uint32_t count = end - first;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t layer_tiles = tiles / count + (i < tiles % count);
        uint64_t neurons = (uint64_t)layer_tiles * neurons_per_tile;
        hidden[first + i] = (uint32_t)min_u64(neurons, UINT32_MAX);
    }
    return tiles >= count;
}

bool placement_fill(const struct placement_filling *filling, uint32_t *hidden)
{
    uint32_t chips = filling->chips, count = filling->hidden_count;
    for (uint32_t chip = 0; chip < chips; chip++) {
        uint32_t first = (uint32_t)((uint64_t)count * chip / chips);
        uint32_t end = (uint32_t)((uint64_t)count * (chip + 1) / chips);
        uint64_t taken =
            (chip == 0) + // tile 0
            (chip + 1 == chips ? div_ceil(filling->outputs, filling->neurons_per_tile) : 0);
        if (first == end || taken > filling->tiles ||
            !fill_chip(filling->tiles - (uint32_t)taken, first, end, filling->neurons_per_tile,
                       hidden)) {
            return false;
        }
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

struct spread placement_spread(uint32_t words, uint32_t first_tile, uint32_t tiles)
{
    uint32_t words_per_tile = (uint32_t)max_u64(div_ceil(words, tiles), VECTOR_WORDS);
    uint32_t positions = (uint32_t)max_u64(div_ceil(words, words_per_tile), 1);
    return (struct spread){
        .map = {.first = first_tile, .positions = positions, .span = tiles, .is_spread = true},
        .words = words,
        .words_per_tile = words_per_tile};
}

// One exchange of a pattern, as programs make it: a step with flows, timed by the machine. Its time
// is that of the superstep, sync included, and of the vertices where the pattern computes
// (reduction).
// Convention: tiles are numbered through all chips of the machine. Tiles 0 .. n-1 take part, and
// tile 0 is the one that gathers or broadcasts; it scatters to tiles 1 .. n. For pairs and
// all-to-all the tiles are drawn, and every quantity is the mean over `draws` draws.
#include <math.h>
#include <stdlib.h>

#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/rng.h"
#include "sim/units.h"
#include "sim/workload/workload.h"

enum pattern {
    PATTERN_PAIR,
    PATTERN_PAIRS,
    PATTERN_GATHER,
    PATTERN_SCATTER,
    PATTERN_BROADCAST,
    PATTERN_ALL_TO_ALL,
    PATTERN_REDUCTION,
    PATTERN_CHIPS,
};

static const char *const patterns[] = {
    [PATTERN_PAIR] = "pair",
    [PATTERN_PAIRS] = "pairs",
    [PATTERN_GATHER] = "gather",
    [PATTERN_SCATTER] = "scatter",
    [PATTERN_BROADCAST] = "broadcast",
    [PATTERN_ALL_TO_ALL] = "all_to_all",
    [PATTERN_REDUCTION] = "reduction",
    [PATTERN_CHIPS] = "chips",
    NULL,
};

struct exchange_workload {
    uint32_t pattern; // enum pattern
    uint32_t from, to, pairs, tiles, first, bytes, operands, draws;
    uint32_t from_chip, to_chip;
    bool both_ways;
};

#define EXCHANGE(...) KEY_NUMBER(KEY_UINT32, struct exchange_workload, __VA_ARGS__)
static const struct key exchange_keys[] = {
    KEY_CHOICE(
        struct exchange_workload, "pattern", pattern, patterns, "pair",
        "pair: one message; chips: every tile of a chip to its like on another; pairs, all_to_all: "
        "tiles drawn anywhere; else tiles 0, 1, ..."),
    EXCHANGE(from, 0, 1048575, "tile", "0", "pair: sender"),
    EXCHANGE(to, 0, 1048575, "tile", "1", "pair: receiver"),
    EXCHANGE(pairs, 1, 1048576, "pairs", "1", "pairs: messages at once"),
    EXCHANGE(tiles, 1, 1048576, "tiles", "2", "collectives: that take part"),
    EXCHANGE(first, 0, 1048575, "tile", "0", "broadcast: the first of those that receive"),
    EXCHANGE(from_chip, 0, SYSTEM_CHIPS_MAX - 1, "chip", "0", "chips: that sends"),
    EXCHANGE(to_chip, 0, SYSTEM_CHIPS_MAX - 1, "chip", "1", "chips: that receives"),
    KEY_TRUTH(struct exchange_workload, "both_ways", both_ways, "false",
              "chips: each sends to the other at the same time"),
    EXCHANGE(bytes, 1, 262144, "bytes", "4", "of each message"),
    EXCHANGE(operands, 1, 1e6, "operands", "1", "reduction: float32 values of each tile"),
    EXCHANGE(draws, 1, 1000, "draws", "8", "of places, where tiles are drawn"),
    KEYS_END,
};

static uint32_t machine_tiles(const struct machine_config *machine)
{
    return machine->chip->tiles * machine->parallel.chips;
}

// The program of one draw and what its exchange moves.
struct building {
    const struct exchange_workload *workload;
    struct program *program;
    // owned; [tiles of all chips], a permutation: tiles in the order drawn; all-to-all sorts those
    // that take part
    uint32_t *places;
    bool is_by_pairs; // drawn tiles send pair by pair
};

static uint32_t *draw_places(uint32_t tiles, uint32_t draw)
{
    uint32_t *places = xcalloc(tiles, sizeof *places);
    struct rng rng = rng_create(0, RNG_PLACES, draw, 0);
    for (uint32_t i = 0; i < tiles; i++) {
        uint32_t at = rng_below(&rng, i + 1);
        places[i] = places[at];
        places[at] = i;
    }
    return places;
}

// --- exchanges ----------------------------------------------------------------------------------
static void add_flow(struct building *building, enum flow_kind kind, struct tile_map source,
                     struct tile_map destination)
{
    program_add_flow(building->program, &(struct flow){.kind = kind,
                                                       .source = source,
                                                       .source_count = source.positions,
                                                       .destination = destination,
                                                       .destination_count = destination.positions,
                                                       .bytes = building->workload->bytes});
}

static void add_pair(struct building *building, uint32_t from, uint32_t to)
{
    add_flow(building, FLOW_PAIRS, tile_map_range(from, 1), tile_map_range(to, 1));
}

// Neighbours in the order drawn: no tile sends twice or receives twice. The second half of the
// pairs, where there are as many, starts at the receivers of the first.
static void add_drawn_pairs(struct building *building)
{
    uint32_t tiles = building->program->tile_count;
    for (uint32_t i = 0; i < building->workload->pairs; i++) {
        uint32_t from = 2 * i < tiles ? 2 * i : 2 * i - tiles + (tiles % 2 == 0);
        add_pair(building, building->places[from], building->places[(from + 1) % tiles]);
    }
}

static int compare_tiles(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void add_all_pairs(struct building *building)
{
    uint32_t tiles = building->workload->tiles;
    for (uint32_t from = 0; from < tiles; from++) {
        for (uint32_t to = 0; to < tiles; to++) {
            if (from != to) {
                add_pair(building, building->places[from], building->places[to]);
            }
        }
    }
}

#define PAIRED_TILES_MAX 2048u // 4 million flows, some 0.4 GB

// Where only some tiles of several chips take part: messages that follow one another over a link
// are told by their flows (exchange/traffic.h).
static bool is_counted_by_pairs(const struct exchange_workload *workload,
                                const struct machine_config *machine)
{
    return workload->pattern == PATTERN_ALL_TO_ALL && machine->parallel.chips > 1 &&
           workload->tiles < machine_tiles(machine);
}

// One flow, if that will do, not one for every pair: those of 9,728 tiles are 94 million.
static void add_drawn_all_to_all(struct building *building)
{
    uint32_t tiles = building->workload->tiles;
    if (building->is_by_pairs) {
        add_all_pairs(building);
        return;
    }
    qsort(building->places, tiles, sizeof *building->places, compare_tiles);
    struct tile_map drawn = tile_map_list(building->places, tiles);
    add_flow(building, FLOW_ALL_TO_ALL, drawn, drawn);
}

static void add_chips(struct building *building, uint32_t from, uint32_t to)
{
    uint32_t tiles = building->program->chip_tiles;
    add_flow(building, FLOW_PAIRS, tile_map_range(from * tiles, tiles),
             tile_map_range(to * tiles, tiles));
}

// As many receivers as `tiles` says, beside the sender; on all tiles of a machine one less.
static uint32_t count_scattered(const struct exchange_workload *workload, uint32_t machine_tiles)
{
    return workload->tiles < machine_tiles ? workload->tiles : machine_tiles - 1;
}

static void add_exchange(struct building *building)
{
    const struct exchange_workload *workload = building->workload;
    struct tile_map all = tile_map_range(0, workload->tiles), first = tile_map_range(0, 1);
    struct tile_map others =
        tile_map_range(1, count_scattered(workload, building->program->tile_count));
    program_begin_exchange(building->program, patterns[workload->pattern]);
    switch ((enum pattern)workload->pattern) {
    case PATTERN_PAIR:
        add_pair(building, workload->from, workload->to);
        break;
    case PATTERN_PAIRS:
        add_drawn_pairs(building);
        break;
    case PATTERN_GATHER:
        add_flow(building, FLOW_ALL_TO_ALL, all, first);
        break;
    case PATTERN_SCATTER:
        add_flow(building, FLOW_ALL_TO_ALL, first, others);
        break;
    case PATTERN_BROADCAST:
        all.first = workload->first;
        add_flow(building, FLOW_BROADCAST, first, all);
        break;
    case PATTERN_CHIPS:
        add_chips(building, workload->from_chip, workload->to_chip);
        if (workload->both_ways) {
            add_chips(building, workload->to_chip, workload->from_chip);
        }
        break;
    default:
        add_drawn_all_to_all(building);
        break;
    }
}

// --- reduction ----------------------------------------------------------------------------------
// Of each receiver of a stage, and partial sums that no further stage is worth (poplibs, popops/reduction/
// ReductionStages.cpp at 6a011db and ReductionPlan.cpp at 0c909ac: found empirically, its comments say).
#define REDUCTION_ROWS 64u
#define REDUCTION_LAST 32u

static void add_set(struct building *building, const char *name, const struct vertex_group *group)
{
    program_begin_compute(building->program, name);
    program_add_group(building->program, group);
}

static void add_sum(struct building *building, struct tile_map place, uint32_t operands,
                    uint32_t workers)
{
    add_set(building, "sum",
            &(struct vertex_group){.codelet = CODELET_reduce_many,
                                   .place = place,
                                   .items = place.positions,
                                   .vertices = place.positions * workers,
                                   .sizes = {(uint32_t)div_ceil(operands, workers), 1}});
}

// Words from several places, put one behind the other.
static void add_copy(struct building *building, struct tile_map place, uint32_t words)
{
    add_set(building, "copy",
            &(struct vertex_group){.codelet = CODELET_on_tile_copy,
                                   .place = place,
                                   .items = place.positions,
                                   .vertices = place.positions,
                                   .sizes = {words * EXCHANGE_WORD_BYTES, words}});
}

// Sums of `rows` tiles that follow one another, on each of the first tiles.
static void add_stage(struct building *building, uint32_t partials, uint32_t rows)
{
    program_begin_exchange(building->program, "gather");
    uint32_t receivers = (uint32_t)div_ceil(partials, rows);
    for (uint32_t i = 0; i < receivers; i++) {
        uint32_t left = partials - i * rows;
        add_flow(building, FLOW_ALL_TO_ALL, tile_map_range(i * rows, left < rows ? left : rows),
                 tile_map_range(i, 1));
    }
    add_copy(building, tile_map_range(0, receivers), rows);
    add_sum(building, tile_map_range(0, receivers), rows, 1);
}

// As the library did it in 2018: each tile sums its own, every worker a share, then one worker the
// results of the others. Stages follow: the partial sums that are left, by number of their tiles,
// go in equal groups of about REDUCTION_ROWS to the first tiles, a group to a tile, until no more
// than REDUCTION_LAST are left; these go to where the sum belongs. A vertex whose operands come
// from several places has them put in order first, and in the end the sum is copied.
static void add_reduction(struct building *building, uint32_t workers)
{
    const struct exchange_workload *workload = building->workload;
    uint32_t partials = workload->tiles;
    if (workload->operands > 1) {
        uint32_t shares = workload->operands < workers ? workload->operands : workers;
        struct tile_map all = tile_map_range(0, partials);
        add_sum(building, all, workload->operands, shares);
        add_copy(building, all, shares);
        add_sum(building, all, shares, 1);
    }
    while (partials > REDUCTION_LAST) {
        uint32_t groups = partials < 2 * REDUCTION_ROWS ? 1 : partials / REDUCTION_ROWS;
        uint32_t rows = (uint32_t)div_ceil(partials, groups);
        add_stage(building, partials, rows);
        partials = (uint32_t)div_ceil(partials, rows);
    }
    if (partials > 1) {
        add_stage(building, partials, partials);
    }
    add_copy(building, tile_map_range(0, 1), 1);
}

// --- a run --------------------------------------------------------------------------------------
// False: an owned sentence in *why.
static bool time_draw(const struct exchange_workload *workload,
                      const struct machine_config *machine, uint32_t draw,
                      const struct workload_result *result, struct machine_time *time, char **why)
{
    const struct chip_config *chip = machine->chip;
    uint32_t tiles = machine_tiles(machine);
    bool is_by_pairs = is_counted_by_pairs(workload, machine);
    if (is_by_pairs && workload->tiles > PAIRED_TILES_MAX) {
        *why = xasprintf("all_to_all of %u of %u tiles of several chips is counted pair by pair: "
                         "of %u tiles at the most, or of all",
                         workload->tiles, tiles, PAIRED_TILES_MAX);
        return false;
    }
    struct building building = {.workload = workload,
                                .program = program_create("exchange", tiles, 1, 1, 0, NULL, NULL),
                                .places = draw_places(tiles, draw),
                                .is_by_pairs = is_by_pairs};
    if (machine->parallel.chips > 1) {
        program_place_on_chips(building.program, machine->parallel.chips, chip->tiles);
    }
    if (workload->pattern == PATTERN_REDUCTION) {
        add_reduction(&building, chip->tile.contexts);
    } else {
        add_exchange(&building);
    }
    *time = (struct machine_time){0};
    bool is_done = true;
    if (machine->parallel.chips > 1) {
        is_done = workload_time_on(result, machine, building.program, time, why);
        machine_time_free(time);
    } else { // needs no clock
        workload_time(result, chip, building.program, NULL, time);
    }
    program_destroy(building.program);
    free(building.places);
    return is_done;
}

// Bytes that reach the receivers, or that a reduction reads.
static double received_bytes(const struct exchange_workload *workload,
                             const struct machine_config *machine)
{
    double message = workload->bytes, others = workload->tiles - 1.0;
    switch ((enum pattern)workload->pattern) {
    case PATTERN_PAIR:
        return workload->from == workload->to ? 0 : message;
    case PATTERN_PAIRS:
        return workload->pairs * message;
    case PATTERN_BROADCAST: // the sender has its own, and JIA counts it
        return workload->tiles * message;
    case PATTERN_SCATTER:
        return count_scattered(workload, machine_tiles(machine)) * message;
    case PATTERN_ALL_TO_ALL:
        return workload->tiles * others * message;
    case PATTERN_REDUCTION:
        return (double)workload->tiles * workload->operands * EXCHANGE_WORD_BYTES;
    case PATTERN_CHIPS:
        return (workload->both_ways ? 2.0 : 1.0) * machine->chip->tiles * message;
    default:
        return others * message;
    }
}

static uint32_t count_receivers(const struct exchange_workload *workload,
                                const struct chip_config *chip)
{
    switch ((enum pattern)workload->pattern) {
    case PATTERN_PAIR:
    case PATTERN_GATHER:
        return 1;
    case PATTERN_PAIRS:
        return workload->pairs;
    case PATTERN_CHIPS:
        return (workload->both_ways ? 2 : 1) * chip->tiles;
    default:
        return workload->tiles;
    }
}

// On fewer nothing would be exchanged. A scatter to one tile is a pair; a reduction on one tile
// sums there.
static uint32_t least_tiles(enum pattern pattern)
{
    bool is_among_tiles =
        pattern == PATTERN_GATHER || pattern == PATTERN_BROADCAST || pattern == PATTERN_ALL_TO_ALL;
    return is_among_tiles ? 2 : 1;
}

static uint32_t needed_tiles(const struct exchange_workload *workload, uint32_t chip_tiles)
{
    switch ((enum pattern)workload->pattern) {
    case PATTERN_PAIR:
        return (workload->from > workload->to ? workload->from : workload->to) + 1;
    case PATTERN_PAIRS:
        return workload->pairs < 2 ? 2 : workload->pairs;
    case PATTERN_BROADCAST:
        return workload->first + workload->tiles;
    case PATTERN_CHIPS:
        return ((workload->from_chip > workload->to_chip ? workload->from_chip
                                                         : workload->to_chip) +
                1) *
               chip_tiles;
    default:
        return workload->tiles;
    }
}

static char *why_not(const struct exchange_workload *workload, const struct machine_config *machine)
{
    uint32_t tiles = machine_tiles(machine);
    uint32_t needed = needed_tiles(workload, machine->chip->tiles);
    const char *pattern = patterns[workload->pattern];
    if (needed > tiles) {
        return xasprintf("the pattern '%s' needs %u tiles, and the %s %u", pattern, needed,
                         machine->parallel.chips > 1 ? "chips have" : "chip has", tiles);
    }
    if (workload->pattern == PATTERN_PAIR && workload->from == workload->to) {
        return xasprintf("the pattern 'pair' needs two tiles, and from and to are both %u",
                         workload->from);
    }
    if (workload->pattern == PATTERN_CHIPS && workload->from_chip == workload->to_chip) {
        return xasprintf(
            "the pattern 'chips' needs two chips, and from_chip and to_chip are both %u",
            workload->from_chip);
    }
    if (workload->tiles < least_tiles((enum pattern)workload->pattern)) {
        return xasprintf("the pattern '%s' needs at least 2 tiles", pattern);
    }
    if (workload->pattern == PATTERN_SCATTER && tiles < 2) {
        return xasprintf("the pattern 'scatter' needs 2 tiles, and the chip has 1");
    }
    return NULL;
}

static void add_quantities(struct workload_result *result, const struct exchange_workload *workload,
                           const struct machine_config *machine, const struct machine_time *time)
{
    const struct chip_config *chip = machine->chip;
    double seconds = cycles_to_seconds(time->cycles, chip->clock_hz);
    double bytes_per_second = received_bytes(workload, machine) / seconds;
    double per_tile = bytes_per_second / count_receivers(workload, chip);
    double peak = chip->clock_hz * chip->exchange.bytes_per_cycle;
    if (workload->pattern == PATTERN_BROADCAST) {
        peak *= chip->exchange.bus_sharing;
    }
    workload_add_quantity(result, "cycles", "cycles", time->cycles);
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "exchange_seconds", "seconds",
                          cycles_to_seconds(time->exchange_cycles, chip->clock_hz));
    if (machine->parallel.chips > 1) {
        workload_add_quantity(result, "link_cycles", "cycles", time->link_cycles);
    }
    workload_add_quantity(result, "bytes_per_second", "bytes/s", bytes_per_second);
    workload_add_quantity(result, "tile_bytes_per_second", "bytes/s", per_tile);
    workload_add_quantity(result, "peak_fraction", "of 1", per_tile / peak);
}

static bool run_exchange(const void *config, const struct machine_config *machine,
                         struct workload_result *result, char **why)
{
    const struct exchange_workload *workload = config;
    *why = why_not(workload, machine);
    if (*why != NULL) {
        return false;
    }
    bool is_drawn = workload->pattern == PATTERN_PAIRS || workload->pattern == PATTERN_ALL_TO_ALL;
    uint32_t draws = is_drawn ? workload->draws : 1;
    struct machine_time mean = {0};
    for (uint32_t draw = 0; draw < draws; draw++) {
        struct machine_time time;
        // whoever watches sees the first: the others are alike
        if (!time_draw(workload, machine, draw, draw == 0 ? result : NULL, &time, why)) {
            return false;
        }
        mean.cycles += time.cycles / draws;
        mean.exchange_cycles += time.exchange_cycles / draws;
        mean.link_cycles += time.link_cycles / draws;
    }
    add_quantities(result, workload, machine, &mean);
    return true;
}

const struct workload_kind workload_exchange = {
    .name = "exchange",
    .doc = "patterns of exchanges on a chip, or over the chips of a system",
    .keys = exchange_keys,
    .config_bytes = sizeof(struct exchange_workload),
    .takes_chips = true,
    .run = run_exchange,
};

// The BSP program: what a lowering emits and what both timing engines run.
// It says which vertices run on which tiles and which words move between tiles. It holds no times.
//
// Order of meaning:
//   - The program is a flat list of steps; loops are LOOP_BEGIN ... LOOP_END pairs and may nest.
//   - A section is a run of steps that ends with a RETURN and is run by CALLs, as often as their loop
//     says. Sections stand before the main part, which is run once, from `main_first` on.
//   - The time step of the record that a step sees is the sum, over the loops and calls around it, of
//     first + i * stride (i = 0 .. count-1). Outside every loop it is 0.
//   - A program runs on `chips` equal chips: tile i is tile i mod chip_tiles of chip i / chip_tiles.
//     All of them go through its steps together (as published: every compute set spans all chips).
//   - A compute set's vertices on one tile are ordered: groups in order, vertices in order in a group.
//     Worker vertex i of the tile runs on worker i mod contexts. Supervisor (multi-worker) vertices
//     take no place in that count.
//   - An exchange costs a sync before it. A compute set not preceded by an exchange needs no sync
//     (unless the chip says so).
#ifndef TILESIM_SIM_PROGRAM_H
#define TILESIM_SIM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/codelet_list.h"

#define VERTEX_SIZES 6 // the last two are type and operation: sim/codelet_list.h

// Where item i of `count` items lies.
//   spread == false: tile first + i mod positions
//   spread == true:  position p = i mod positions, tile first + floor(p * span / positions)
//   tiles != NULL:   tile tiles[i mod positions]; they ascend from first. For flows alone
struct tile_map {
    uint32_t first;
    uint32_t positions; // at least 1; items wrap around when there are more
    uint32_t span;      // tiles over which the positions are spread evenly; >= positions
    bool is_spread;
    const uint32_t *tiles; // [positions]; outlives the program
};

static inline uint32_t tile_map_at(const struct tile_map *map, uint32_t item)
{
    uint32_t position = item % map->positions;
    if (map->is_spread) {
        return map->first + (uint32_t)((uint64_t)position * map->span / map->positions);
    }
    return map->tiles == NULL ? map->first + position : map->tiles[position];
}

// How many of the `limit` items from `item` on lie on tiles that follow one another; at least 1.
static inline uint32_t tile_map_run(const struct tile_map *map, uint32_t item, uint32_t limit)
{
    if (map->tiles != NULL || (map->is_spread && map->span != map->positions)) {
        return 1;
    }
    uint32_t to_turn = map->positions - item % map->positions;
    return to_turn < limit ? to_turn : limit;
}

// `count` consecutive tiles, one item each.
static inline struct tile_map tile_map_range(uint32_t first, uint32_t count)
{
    return (struct tile_map){.first = first, .positions = count, .span = count, .is_spread = false};
}

// These tiles, one item each.
static inline struct tile_map tile_map_list(const uint32_t *tiles, uint32_t count)
{
    return (struct tile_map){.first = tiles[0], .positions = count, .span = count, .tiles = tiles};
}

// How the vertices of a group are dealt to its items (an item lies on one tile), and what each
// vertex draws from the record. Let c(b) be the group's `list` length at sample b (see below).
enum dealing {
    // `vertices` equal vertices dealt over the items: item j gets vertices / items, plus one for
    // the first vertices % items. No dynamic quantity.
    DEAL_EVEN,
    // Every item runs ceil(batch / samples_per_vertex) vertices; vertex i takes samples
    // [i * samples_per_vertex, ...). count = sum of c(b) over them; hits = listed ids of those
    // samples in the item's own id interval [j * ids_per_item, (j + 1) * ids_per_item).
    DEAL_SAMPLES,
    // Items are (sample, part), sample-major: item = sample * parts + part. Each item runs
    // `vertices` vertices; part p covers ids [p * part_ids, min(neurons, (p + 1) * part_ids)),
    // part_ids = ceil(neurons / parts), and vertex v of it the sub-interval of ceil(part_ids /
    // vertices) ids. count = ids in the vertex's interval (list or not); hits = ids of the list in
    // that interval.
    DEAL_SEGMENTS,
    // Vertices are numbered v = (sample * slots + slot) * groups + group, and dealt in chunks of
    // ceil(total / items): item j has [j * chunk, ...). hits = 1 if slot < c(sample), else 0.
    DEAL_SLOTS,
};

enum record_list { // which list of the record c(b) and the ids come from
    LIST_NONE,
    LIST_SPIKES, // the first k ids
    LIST_NEAR,   // ids k .. g-1
    LIST_LISTED, // all g ids
};

struct vertex_group {
    enum codelet codelet;
    enum dealing dealing;
    struct tile_map place;
    uint32_t items;               // item j lies on tile_map_at(&place, first_item + j)
    uint32_t first_item;          // so that several groups share one map of positions
    uint32_t sizes[VERTEX_SIZES]; // static sizes; meaning per codelet, see sim/codelet_list.h
    uint32_t vertices;            // DEAL_EVEN: total; DEAL_SEGMENTS: per item
    uint32_t samples_per_vertex;  // DEAL_SAMPLES
    uint32_t ids_per_item;        // DEAL_SAMPLES; 0: no hits
    uint32_t parts;               // DEAL_SEGMENTS
    uint32_t groups;              // DEAL_SLOTS
    enum record_list list;
    uint32_t layer;         // layer of the record that list, neurons and slots come from
    int32_t time_offset;    // record time step = step's time step + offset; before 0: nothing
    uint32_t network_layer; // for reports: the layer this work is done for; 0: none
};

struct compute_set {
    const char *name; // static text, e.g. "F3 LIF update"
    uint32_t first_group, group_count;
};

enum flow_kind {
    FLOW_BROADCAST,  // every source sends one message of `bytes`, the same to all destinations
    FLOW_ALL_TO_ALL, // every source sends its own message of `bytes` to every destination (a gather
                     // has one destination, a scatter one source); a tile sends nothing to itself
    FLOW_PAIRS,      // source i sends `bytes` to destination i (sources == destinations)
    FLOW_REDISTRIBUTE, // `bytes` in total, W = ceil(bytes / 4) words: word w leaves source
                       // floor(w * sources / W) and arrives at destination floor(w * dests / W)
};

struct flow {
    enum flow_kind kind;
    struct tile_map source, destination;
    uint32_t first_source, source_count;           // items of the source map
    uint32_t first_destination, destination_count; // items of the destination map
    uint64_t bytes;
};

struct exchange_step {
    const char *name;
    uint32_t first_flow, flow_count;
};

enum host_direction { HOST_TO_CHIP, CHIP_TO_HOST };

enum step_kind {
    STEP_LOOP_BEGIN,
    STEP_LOOP_END,
    STEP_COMPUTE,
    STEP_EXCHANGE,
    STEP_HOST,   // a batch comes or a result leaves; the host may be ahead by its prefetch depth
    STEP_CALL,   // of a section
    STEP_RETURN, // the end of a section
    STEP_STREAM, // between the chips' SRAM and streaming memory
    STEP_ALL_REDUCE, // sums gradients over all replicas of the program
};

// A transfer that is started goes on beside the steps that follow, until the wait of its channel.
enum stream_phase {
    STREAM_WHOLE, // started and waited for
    STREAM_START,
    STREAM_WAIT, // for the oldest transfer of the channel that was not waited for; none: no wait
};
enum stream_direction { STREAM_OUT, STREAM_IN }; // to and from streaming memory

struct program_step {
    enum step_kind kind;
    uint32_t index;                     // COMPUTE: compute set; EXCHANGE: exchange; CALL: section
    uint32_t loop_count;                // LOOP_BEGIN, CALL
    int32_t loop_first, loop_stride;    // LOOP_BEGIN, CALL: record time step = first + i * stride
    uint64_t host_bytes;                // HOST; of all chips
    enum host_direction host_direction; // HOST
    // STREAM: of every chip, which streams its own part; ALL_REDUCE: of the gradients on every
    // chip. Equal parts: chips of a program hold equal shares of what moves (the last one may hold
    // less).
    uint64_t chip_bytes;
    enum stream_phase stream_phase;         // STREAM
    enum stream_direction stream_direction; // STREAM
    uint32_t stream_channel; // STREAM: transfers of a channel are waited for in order
    const char *name;        // STREAM, ALL_REDUCE: static text
};

struct program_section {
    const char *name;                // static text
    uint32_t first_step, step_count; // the RETURN included
};

// --- memory -------------------------------------------------------------------------------------
enum variable_role {
    VARIABLE_PARAMETER,
    VARIABLE_GRADIENT,
    VARIABLE_OPTIMIZER,
    VARIABLE_STATE,
    VARIABLE_HISTORY,  // saved over time
    VARIABLE_EXCHANGE, // landing buffers of an exchange
    VARIABLE_SCRATCH,  // results between compute sets
    VARIABLE_ROLE_COUNT
};
const char *variable_role_name(enum variable_role role);

#define LIVE_ALWAYS UINT32_MAX

struct variable {
    char *name; // owned by the program, e.g. "layer 1 weights"
    enum variable_role role;
    struct tile_map place;
    uint32_t first_item, items;
    uint64_t bytes_per_item;
    uint32_t first_step, last_step; // live in steps [first, last]; LIVE_ALWAYS in both: always
    bool is_interleaved;            // must lie in an interleaved region (128-bit loads)
};

struct program {
    char *name;          // owned; e.g. "sparse"
    uint32_t tile_count; // of all chips
    uint32_t chips;      // 1, or as program_place_on_chips() says
    uint32_t chip_tiles; // tiles of a chip
    uint32_t batch, time_steps;
    uint32_t layer_count;       // of the record, with the input
    uint32_t *neurons, *slots;  // owned; per layer of the record
    struct program_step *steps; // owned
    uint32_t step_count;
    uint32_t main_first;              // step: behind the last section; 0 without sections
    struct program_section *sections; // owned
    uint32_t section_count;
    struct compute_set *compute_sets; // owned
    uint32_t compute_set_count;
    struct vertex_group *groups; // owned
    uint32_t group_count;
    struct exchange_step *exchanges; // owned
    uint32_t exchange_count;
    struct flow *flows; // owned
    uint32_t flow_count;
    struct variable *variables; // owned
    uint32_t variable_count;
};

// --- building (used by lowerings and by tests) -------------------------------------------------
struct program *program_create(const char *name, uint32_t tile_count, uint32_t batch,
                               uint32_t time_steps, uint32_t layer_count, const uint32_t *neurons,
                               const uint32_t *slots);
void program_destroy(struct program *program);
void program_begin_loop(struct program *program, uint32_t count, int32_t first, int32_t stride);
void program_end_loop(struct program *program);
uint32_t program_begin_compute(struct program *program, const char *name); // returns the step index
// to the open set
void program_add_group(struct program *program, const struct vertex_group *group);
// returns the step index
uint32_t program_begin_exchange(struct program *program, const char *name);
void program_add_flow(struct program *program, const struct flow *flow);
uint32_t program_add_host(struct program *program, enum host_direction direction, uint64_t bytes);
// Sections come first: none may begin when a step of the main part is there.
uint32_t program_begin_section(struct program *program, const char *name); // returns its number
void program_end_section(struct program *program);
// Returns the step index. Runs the section `count` times, at time steps first + i * stride.
uint32_t program_add_call(struct program *program, uint32_t section, uint32_t count, int32_t first,
                          int32_t stride);
// Returns the step index. Of *step: name, chip_bytes, stream_phase, _direction, _channel.
uint32_t program_add_stream(struct program *program, const struct program_step *step);
uint32_t program_add_all_reduce(struct program *program, const char *name, uint64_t chip_bytes);
// The program's tiles are those of `chips` chips, chip_tiles each: right after program_create().
void program_place_on_chips(struct program *program, uint32_t chips, uint32_t chip_tiles);
// Copies *variable and its name.
void program_add_variable(struct program *program, const struct variable *variable);
// Checks every range and index against tile_count and layers; aborts (SIM_ASSERT) on a fault.
void program_verify(const struct program *program);

// Answers that a lowering may ask of the machine it lowers to, without knowing its timing model.
struct machine_view {
    uint32_t tiles;          // of one chip
    uint32_t chips;          // that one copy of the program may take
    uint32_t replicas;       // copies, whose gradients are summed
    uint32_t contexts;       // worker contexts per tile
    uint32_t bytes_per_tile; // SRAM
    bool has_matrix_unit;
    bool has_streaming;  // memory beside the chips that STREAM steps can use
    const void *context; // passed back to the functions
    // Tile cycles of one vertex alone on its tile. Of a product and of a reduction they do not fall
    // as the outputs grow in number: the search for splits leaves some out on that ground.
    uint64_t (*vertex_cycles)(const void *context, enum codelet codelet,
                              const uint32_t sizes[VERTEX_SIZES]);
    // Cycles of an exchange whose busiest port moves `bytes`, sync included; they do not fall
    // either.
    uint64_t (*exchange_cycles)(const void *context, uint64_t port_bytes);
    // To choose between programs over several chips; NULL: nobody knows. About the cycles of one
    // run, words between chips and replicas included, without waits for the host and streaming
    // memory; and does it fit in SRAM?
    uint64_t (*run_cycles)(const void *system_context, const struct program *program);
    bool (*fits)(const void *system_context, const struct program *program);
    const void *system_context;
};

#endif

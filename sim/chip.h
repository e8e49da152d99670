// The chip file: what configs/chips/*.yaml may say. Plain data, immutable after load.
// Every value has its source in the YAML file; the tables of keys are in sim/chip.c.
#ifndef TILESIM_SIM_CHIP_H
#define TILESIM_SIM_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/codelet_list.h"
#include "sim/config/config.h"
#include "sim/error_band.h"
#include "sim/uncertain.h"

#define CHIP_REGIONS_MAX 4

struct sram_region {
    char *name;
    uint32_t bytes;
    uint32_t element_bytes;
    bool is_interleaved;
    bool is_executable;
};

struct tile_config {
    uint32_t region_count;
    struct sram_region regions[CHIP_REGIONS_MAX];
    uint32_t contexts;             // worker contexts; a worker issues once every `contexts` cycles
    uint32_t load_bytes_per_slot;  // widest load of one worker issue, ordinary placement
    uint32_t vector_bytes;         // width of one vector instruction (two float32)
    uint32_t copy_bytes_per_cycle; // on-tile copy
    uint32_t stack_bytes_per_context; // worker and supervisor stacks
    uint32_t vertex_state_bytes;      // of one vertex
    uint32_t code_bytes_per_codelet;
    uint32_t control_code_bytes_per_step; // program control code of one step, on every tile
    // launch of a compute set, cycles
    uint32_t launch_cycles;        // per compute set with vertices on single workers
    uint32_t vertex_launch_cycles; // supervisor work per vertex, overlapped by none
};

struct matrix_config {                                       // AMP
    uint32_t float32_macs_per_cycle, float16_macs_per_cycle; // 0: no matrix unit
    uint32_t conv_units_float32, conv_units_float16;
    uint32_t coefficient_bytes_per_cycle;
};

enum tile_numbering { TILES_ACROSS_COLUMNS, TILES_ALONG_COLUMNS };

enum sync_rule { SYNC_BEFORE_EXCHANGE, SYNC_BEFORE_EVERY_SET };

struct exchange_config {
    uint32_t fabric;          // enum of exchange/fabrics
    uint32_t bytes_per_cycle; // per tile, in and out
    // tiles that share a bus: 2 doubles the width of a common broadcast; 1: none
    uint32_t bus_sharing;
    uint32_t fixed_cycles; // of an exchange in which every tile sends at most one message
    // replaces it where one message is sent per tile and a tile receives many
    uint32_t fan_in_fixed_cycles;
    // replaces way and fixed part where a tile sends several different messages and none receives
    // several
    uint32_t fan_out_fixed_cycles;
    uint32_t tile_numbering;                                // enum tile_numbering
    uint32_t columns, islands_per_column, tiles_per_island; // place of a tile
    uint32_t latency_base_cycles;                           // tiles beside the spine
    double latency_cycles_per_island;
    double latency_cycles_per_column;
    double broadcast_cycles_per_island; // more, where a message goes to several tiles
    uint32_t code_bytes_per_message;
    uint32_t sync_cycles; // one on-chip sync
    uint32_t sync_rule;   // enum sync_rule
};

struct host_config {
    double bytes_per_second;
    double latency_seconds;
    uint32_t prefetch_depth; // batches that the host may send ahead; 0: the chip waits for each
};

struct power_config { // NULL-able values: NaN where no source gives them
    double idle_watts, joules_per_flop, joules_per_sram_byte, joules_per_exchange_byte;
};

// What a worker's instructions need: for vertices that are costed from their instruction stream.
struct code_config {
    uint32_t integer_registers, float_registers; // of one context
    uint32_t combined_loads, combined_stores;    // of 64 bit, in one instruction
    double loop_control_slots;                   // main instructions of a compiled loop's control
};

// Costs of codelets that no public source tabulates: worker issue slots, calibration writes here.
// Fields are generated from one list so that table, struct and docs agree: see sim/chip.c.
struct codelet_costs {
    double id_pair_forward;         // F3: slots per (spike id, neuron pair)
    double vertex_start;            // worker prologue and epilogue of a compiled C++ vertex
    double neuron_update_extra;     // F3: slots per neuron beyond its loads, arithmetic and stores
    double threshold_flags;         // F4: slots per (neuron, sample)
    double flag_scan;               // F6: slots per flag read
    double flag_hit;                // F6: slots per flag set
    double id_copy;                 // F7, F8: slots per id copied
    double state_id_scan;           // B4: slots per id scanned
    double state_hit;               // B4: slots per own id (surrogate, read-add-write)
    double id_pair_weight_gradient; // B7: slots per (spike id, neuron pair)
    double id_pair_spike_gradient;  // B8: slots per (listed id, neuron pair)
    double reduce_pair;             // B9: slots per pair of partials
    double reduce_start;            // B9: slots per live vertex
    double reduce_dead;             // B9: slots per vertex that leaves at once
    double rearranged_word;         // rearrangement: slots per word copied on the tile
};

struct chip_config {
    char *name;
    double clock_hz;
    uint32_t tiles;
    struct tile_config tile;
    struct matrix_config matrix;
    struct exchange_config exchange;
    struct host_config host;
    struct power_config power;
    struct code_config code;
    struct codelet_costs costs;
    // additive, tile cycles per vertex, per codelet; 0 by default
    double corrections[CODELET_COUNT];
    struct uncertain *uncertain; // owned
    uint32_t uncertain_count;
    struct error_band *error_bands; // owned
    uint32_t error_band_count;
};

extern const struct key chip_keys[]; // ends with an empty name
// What the keys alone cannot say: at least one executable region, and the like. `section` is a
// chip.
void chip_check(const void *section, const struct node *node, struct err *err);

// Loads configs/chips/NAME.yaml, or the file itself if `name` has a slash or ends in .yaml.
// NULL and messages in err if it is wrong.
struct chip_config *chip_load(const char *name, const struct mark *asked_at, struct config *config,
                              struct err *err);
void chip_destroy(struct chip_config *chip);

#endif

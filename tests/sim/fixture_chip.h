// A chip made by hand for tests of the timing: round numbers, so that results can be worked out on
// paper.
#ifndef TILESIM_TESTS_SIM_FIXTURE_CHIP_H
#define TILESIM_TESTS_SIM_FIXTURE_CHIP_H

#include "sim/chip.h"

// 16 tiles of 6 workers, 64-bit vectors, 4 bytes per cycle and port; launches are free, sync takes
// 100 cycles, an exchange 60 and its words: 50 and the way of 10, or 60 where messages gather or
// scatter.
static inline struct chip_config fixture_chip(void)
{
    return (struct chip_config){
        .name = "fixture",
        .clock_hz = 1e9,
        .tiles = 16,
        .tile = {.region_count = 1,
                 .regions = {{.bytes = 65536, .element_bytes = 16384, .is_executable = true}},
                 .contexts = 6,
                 .load_bytes_per_slot = 8,
                 .vector_bytes = 8,
                 .copy_bytes_per_cycle = 8},
        .matrix = {.float32_macs_per_cycle = 16,
                   .float16_macs_per_cycle = 64,
                   .conv_units_float32 = 16,
                   .conv_units_float16 = 16,
                   .coefficient_bytes_per_cycle = 8},
        .exchange = {.bytes_per_cycle = 4,
                     .bus_sharing = 2,
                     .fixed_cycles = 50,
                     .fan_in_fixed_cycles = 60,
                     .fan_out_fixed_cycles = 60,
                     .columns = 2,
                     .islands_per_column = 2,
                     .tiles_per_island = 4,
                     .latency_base_cycles = 10,
                     .sync_cycles = 100},
        .host = {.bytes_per_second = 1e9, .prefetch_depth = 1},
        .code = {.integer_registers = 12,
                 .float_registers = 8,
                 .combined_loads = 2,
                 .combined_stores = 1,
                 .loop_control_slots = 3},
        .costs = {.id_pair_forward = 2,
                  .vertex_start = 10,
                  .neuron_update_extra = 3,
                  .threshold_flags = 20,
                  .flag_scan = 5,
                  .flag_hit = 3,
                  .id_copy = 4,
                  .state_id_scan = 5,
                  .state_hit = 40,
                  .id_pair_weight_gradient = 6,
                  .id_pair_spike_gradient = 7,
                  .reduce_pair = 2.5,
                  .reduce_start = 15,
                  .reduce_dead = 8,
                  .rearranged_word = 2},
    };
}

#endif

// Reading a tile's own memory: how long one load takes that the next one waits for, and how many
// bytes a second all tiles read together. One program of `read` vertices, timed by the machine.
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/workload.h"

#define CHAIN_LOADS 1000u // latency: that two chains differ by
#define CHAIN_BITS 32u    // a pointer

enum access { ACCESS_READ, ACCESS_LATENCY };
static const char *const accesses[] = {[ACCESS_READ] = "read", [ACCESS_LATENCY] = "latency", NULL};

enum implementation { IMPLEMENTATION_ASSEMBLY, IMPLEMENTATION_COMPILED };
static const char *const implementations[] = {
    [IMPLEMENTATION_ASSEMBLY] = "assembly", [IMPLEMENTATION_COMPILED] = "compiled", NULL};

struct memory_workload {
    uint32_t access, implementation; // enums
    uint32_t load_bits, block_bytes, tiles;
};

#define MEMORY(...) KEY_NUMBER(KEY_UINT32, struct memory_workload, __VA_ARGS__)
static const struct key memory_keys[] = {
    KEY_CHOICE(struct memory_workload, "access", access, accesses, "read",
               "read: blocks, all workers; latency: one worker, each load waits for the last"),
    KEY_CHOICE(struct memory_workload, "implementation", implementation, implementations,
               "assembly", "of the loop"),
    MEMORY(load_bits, 8, 1024, "bits", "64", "of one load"),
    MEMORY(block_bytes, 16, 1e9, "bytes", "21840", "that each worker reads"),
    MEMORY(tiles, 0, 1048576, "tiles", "0", "that read; 0: all"),
    KEYS_END,
};

// Cycles of a compute set in which each of `workers` workers reads a block.
static double cycles_of(const struct memory_workload *workload, const struct chip_config *chip,
                        uint32_t workers, uint32_t bytes, const struct workload_result *result)
{
    struct program *program = program_create("memory", chip->tiles, 1, 1, 0, NULL, NULL);
    program_begin_compute(program, "read");
    struct vertex_group group = {
        .codelet = CODELET_read,
        .place = tile_map_range(0, workload->tiles),
        .items = workload->tiles,
        .vertices = workload->tiles * workers,
        .sizes = {bytes, workload->load_bits, workload->implementation == IMPLEMENTATION_COMPILED},
    };
    program_add_group(program, &group);
    struct machine_time time = {0};
    workload_time(result, chip, program, NULL, &time);
    program_destroy(program);
    return time.cycles;
}

static void add_latency(struct memory_workload *workload, const struct chip_config *chip,
                        struct workload_result *result)
{
    uint32_t chain_bytes = CHAIN_LOADS * CHAIN_BITS / 8;
    workload->load_bits = CHAIN_BITS;
    double cycles = (cycles_of(workload, chip, 1, 2 * chain_bytes, result) -
                     cycles_of(workload, chip, 1, chain_bytes, result)) /
                    CHAIN_LOADS;
    workload_add_quantity(result, "latency_cycles", "cycles", cycles);
    workload_add_quantity(result, "latency_seconds", "seconds",
                          cycles_to_seconds(cycles, chip->clock_hz));
}

static void add_bandwidth(const struct memory_workload *workload, const struct chip_config *chip,
                          struct workload_result *result)
{
    uint32_t workers = chip->tile.contexts;
    double cycles = cycles_of(workload, chip, workers, workload->block_bytes, result);
    double tile_bytes_per_cycle = (double)workers * workload->block_bytes / cycles;
    workload_add_quantity(result, "cycles", "cycles", cycles);
    workload_add_quantity(result, "bytes_per_second", "bytes/s",
                          tile_bytes_per_cycle * workload->tiles * chip->clock_hz);
    workload_add_quantity(result, "peak_fraction", "of 1",
                          tile_bytes_per_cycle / ((double)workload->load_bits / 8));
}

static bool run_memory(const void *config, const struct machine_config *machine,
                       struct workload_result *result, char **why)
{
    struct memory_workload workload = *(const struct memory_workload *)config;
    const struct chip_config *chip = machine->chip;
    if (workload.tiles > chip->tiles) {
        *why = xasprintf("reading on %u tiles, and the chip has %u", workload.tiles, chip->tiles);
        return false;
    }
    workload.tiles = workload.tiles == 0 ? chip->tiles : workload.tiles;
    uint64_t region_bytes = 0;
    for (uint32_t i = 0; i < chip->tile.region_count; i++) {
        region_bytes += chip->tile.regions[i].bytes;
    }
    if (workload.access == ACCESS_READ &&
        (uint64_t)workload.block_bytes * chip->tile.contexts > region_bytes) {
        *why = xasprintf("%u worker%s with blocks of %u bytes: more than the %llu bytes of a tile",
                         chip->tile.contexts, plural_ending(chip->tile.contexts),
                         workload.block_bytes, (unsigned long long)region_bytes);
        return false;
    }
    if (workload.access == ACCESS_LATENCY) {
        add_latency(&workload, chip, result);
    } else {
        add_bandwidth(&workload, chip, result);
    }
    return true;
}

const struct workload_kind workload_memory = {
    .name = "memory",
    .doc = "reading a tile's own memory",
    .keys = memory_keys,
    .config_bytes = sizeof(struct memory_workload),
    .run = run_memory,
};

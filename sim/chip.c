// The keys of a chip file. All but `name`, `corrections` and the rules are required: a value that a
// chip does not give is a value without a source.
#include "sim/chip.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/exchange.h"
#include "sim/config/config_keys.h"

#define BYTES_MAX 1e9  // of one tile: above any chip, below overflow
#define CYCLES_MAX 1e6 // of one fixed cost

#define REGION(...) KEY_NUMBER(KEY_UINT32, struct sram_region, __VA_ARGS__)
static const struct key region_keys[] = {
    KEY_TEXT(struct sram_region, "name", name, NULL, "for messages and reports"),
    REGION(bytes, 1, BYTES_MAX, "bytes", NULL, "of one tile"),
    REGION(element_bytes, 1, BYTES_MAX, "bytes", NULL, "one access per cycle and element"),
    KEY_TRUTH(struct sram_region, "interleaved", is_interleaved, "false",
              "two elements answer one wide access"),
    KEY_TRUTH(struct sram_region, "executable", is_executable, "false", "may hold code"),
    KEYS_END,
};

#define TILE(...) KEY_NUMBER(KEY_UINT32, struct tile_config, __VA_ARGS__)
static const struct key tile_keys[] = {
    {.name = "regions",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct tile_config, regions),
     .count_offset = offsetof(struct tile_config, region_count),
     .keys = region_keys,
     .struct_bytes = sizeof(struct sram_region),
     .min_count = 1,
     .max_count = CHIP_REGIONS_MAX,
     .doc = "SRAM of a tile"},
    TILE(contexts, 1, 64, "contexts", NULL, "workers; each issues once every `contexts` cycles"),
    TILE(load_bytes_per_slot, 1, 256, "bytes", NULL, "widest load of one worker issue"),
    TILE(vector_bytes, 4, 256, "bytes", NULL, "width of one vector instruction"),
    TILE(copy_bytes_per_cycle, 1, 256, "bytes/cycle", NULL, "on-tile copy"),
    TILE(stack_bytes_per_context, 0, BYTES_MAX, "bytes", NULL, "workers and supervisor alike"),
    TILE(vertex_state_bytes, 0, BYTES_MAX, "bytes", NULL, "of one vertex"),
    TILE(code_bytes_per_codelet, 0, BYTES_MAX, "bytes", NULL, "on each tile that runs it"),
    TILE(control_code_bytes_per_step, 0, BYTES_MAX, "bytes", NULL, "of a program step, every tile"),
    TILE(launch_cycles, 0, CYCLES_MAX, "cycles", NULL, "of a set with worker vertices"),
    TILE(vertex_launch_cycles, 0, CYCLES_MAX, "cycles", NULL, "of every vertex, by the supervisor"),
    KEYS_END,
};

#define MATRIX(...) KEY_NUMBER(KEY_UINT32, struct matrix_config, __VA_ARGS__)
static const struct key matrix_keys[] = {
    MATRIX(float32_macs_per_cycle, 0, 65536, "MAC/cycle", NULL, "0: no matrix unit for float32"),
    MATRIX(float16_macs_per_cycle, 0, 65536, "MAC/cycle", NULL, "0: no matrix unit for float16"),
    MATRIX(conv_units_float32, 0, 4096, "units", NULL, "output channels of one pass"),
    MATRIX(conv_units_float16, 0, 4096, "units", NULL, "output channels of one pass"),
    MATRIX(coefficient_bytes_per_cycle, 1, 4096, "bytes/cycle", NULL, "loading the weights"),
    KEYS_END,
};

static const char *const sync_rules[] = {
    [SYNC_BEFORE_EXCHANGE] = "before_exchange", [SYNC_BEFORE_EVERY_SET] = "before_every_set", NULL};

static const char *const tile_numberings[] = {
    [TILES_ACROSS_COLUMNS] = "across_columns", [TILES_ALONG_COLUMNS] = "along_columns", NULL};

#define EXCHANGE(...) KEY_NUMBER(KEY_UINT32, struct exchange_config, __VA_ARGS__)
#define EXCHANGE_REAL(...) KEY_NUMBER(KEY_REAL, struct exchange_config, __VA_ARGS__)
static const struct key exchange_keys[] = {
    {.name = "fabric",
     .type = KEY_ENUM,
     .offset = offsetof(struct exchange_config, fabric),
     .name_at = exchange_fabric_name,
     .default_text = "compiled_bus",
     .doc = "how tiles are joined"},
    EXCHANGE(bytes_per_cycle, 1, 64, "bytes/cycle", NULL, "of a tile, in and out each"),
    EXCHANGE(bus_sharing, 1, 16, "tiles", NULL, "that share a bus; a common broadcast is wider"),
    EXCHANGE(fixed_cycles, 0, CYCLES_MAX, "cycles", NULL, "at most one message per tile"),
    EXCHANGE(fan_in_fixed_cycles, 0, CYCLES_MAX, "cycles", NULL, "a tile receives many"),
    EXCHANGE(fan_out_fixed_cycles, 0, CYCLES_MAX, "cycles", NULL,
             "a tile sends several, none receives several"),
    KEY_CHOICE(struct exchange_config, "tile_numbering", tile_numbering, tile_numberings,
               "across_columns", "along a column first, or across all columns first"),
    EXCHANGE(columns, 1, 65536, "columns", NULL, "of islands"),
    EXCHANGE(islands_per_column, 1, 65536, "islands", NULL, "island 0 lies beside the spine"),
    EXCHANGE(tiles_per_island, 1, 65536, "tiles", NULL, "neighbours with the same latency"),
    EXCHANGE(latency_base_cycles, 0, CYCLES_MAX, "cycles", NULL, "between tiles at the spine"),
    EXCHANGE_REAL(latency_cycles_per_island, 0, CYCLES_MAX, "cycles", NULL, "along a column"),
    EXCHANGE_REAL(latency_cycles_per_column, 0, CYCLES_MAX, "cycles", NULL, "along the spine"),
    EXCHANGE_REAL(broadcast_cycles_per_island, 0, CYCLES_MAX, "cycles", NULL,
                  "more, of a broadcast to several tiles"),
    EXCHANGE(code_bytes_per_message, 0, BYTES_MAX, "bytes", NULL, "on sender and receiver"),
    EXCHANGE(sync_cycles, 0, CYCLES_MAX, "cycles", NULL, "one sync of all tiles"),
    KEY_CHOICE(struct exchange_config, "sync_rule", sync_rule, sync_rules, "before_exchange",
               "where a sync is needed"),
    KEYS_END,
};

#define HOST(kind, ...) KEY_NUMBER(kind, struct host_config, __VA_ARGS__)
static const struct key host_keys[] = {
    HOST(KEY_REAL, bytes_per_second, 1, 1e15, "bytes/s", NULL, "host to chip"),
    HOST(KEY_REAL, latency_seconds, 0, 1, "s", NULL, "of one transfer"),
    HOST(KEY_UINT32, prefetch_depth, 0, 1e6, "batches", NULL, "sent ahead; 0: the chip waits"),
    KEYS_END,
};

#define POWER(field, high, unit, doc) \
    KEY_NUMBER(KEY_REAL, struct power_config, field, 0, high, unit, "null", doc)
static const struct key power_keys[] = {
    POWER(idle_watts, 1e6, "W", "of the chip at rest"),
    POWER(joules_per_flop, 1, "J", "of one float32 operation"),
    POWER(joules_per_sram_byte, 1, "J/byte", "read or written on a tile"),
    POWER(joules_per_exchange_byte, 1, "J/byte", "sent to another tile"),
    KEYS_END,
};

#define CODE(...) KEY_NUMBER(KEY_UINT32, struct code_config, __VA_ARGS__)
static const struct key code_keys[] = {
    CODE(integer_registers, 1, 1024, "registers", NULL, "of one context; more live values spill"),
    CODE(float_registers, 1, 1024, "registers", NULL, "of 32 bit, of one context"),
    CODE(combined_loads, 1, 16, "loads", NULL, "of 64 bit in one instruction of assembly"),
    CODE(combined_stores, 1, 16, "stores", NULL, "of 64 bit in the same instruction"),
    KEY_NUMBER(KEY_REAL, struct code_config, loop_control_slots, 0, 100, "issue slots", NULL,
               "control of a compiled loop, per iteration"),
    KEYS_END,
};

// name, doc: issue slots of one worker. One list, so that a cost cannot be a field without a key.
#define COSTS(X)                                                                 \
    X(id_pair_forward, "F3: per spike id and neuron pair")                       \
    X(vertex_start, "prologue and epilogue of a compiled vertex")                \
    X(neuron_update_extra, "F3: per neuron beyond loads, arithmetic and stores") \
    X(threshold_flags, "F4: per neuron and sample")                              \
    X(flag_scan, "F6: per flag read")                                            \
    X(flag_hit, "F6: per flag set")                                              \
    X(id_copy, "F7, F8: per id copied")                                          \
    X(state_id_scan, "B4: per id scanned")                                       \
    X(state_hit, "B4: per own id: surrogate, read-add-write")                    \
    X(id_pair_weight_gradient, "B7: per spike id and neuron pair")               \
    X(id_pair_spike_gradient, "B8: per listed id and neuron pair")               \
    X(reduce_pair, "B9: per pair of partials")                                   \
    X(reduce_start, "B9: per live vertex")                                       \
    X(reduce_dead, "B9: per vertex that leaves at once")                         \
    X(rearranged_word, "per word copied on the tile")

static const struct key cost_keys[] = {
#define X(name, doc) \
    KEY_NUMBER(KEY_REAL, struct codelet_costs, name, 0, CYCLES_MAX, "issue slots", NULL, doc),
    COSTS(X)
#undef X
        KEYS_END,
};
#define X(name, doc) +1
_Static_assert((COSTS(X)) * sizeof(double) == sizeof(struct codelet_costs),
               "every field of struct codelet_costs has a key");
#undef X

static const struct key correction_keys[] = {
#define X(codelet, sizes_doc)                      \
    {.name = #codelet,                             \
     .type = KEY_REAL,                             \
     .offset = CODELET_##codelet * sizeof(double), \
     .min = -CYCLES_MAX,                           \
     .max = CYCLES_MAX,                            \
     .unit = "cycles",                             \
     .default_text = "0",                          \
     .doc = "added per vertex"},
    CODELETS(X)
#undef X
        KEYS_END,
};

const struct key chip_keys[] = {
    KEY_TEXT(struct chip_config, "name", name, NULL, "by default the file's name"),
    KEY_NUMBER(KEY_REAL, struct chip_config, clock_hz, 1e6, 1e12, "Hz", NULL, "of the tiles"),
    KEY_NUMBER(KEY_UINT32, struct chip_config, tiles, 1, 1048576, "tiles", NULL, "of one chip"),
    KEY_PART(struct chip_config, tile, tile_keys, "one tile"),
    KEY_PART(struct chip_config, matrix, matrix_keys, "the matrix unit of a tile"),
    KEY_PART(struct chip_config, exchange, exchange_keys, "between tiles"),
    KEY_PART(struct chip_config, host, host_keys, "the way in and out of the chip"),
    KEY_PART(struct chip_config, power, power_keys, "null: no source gives it"),
    KEY_PART(struct chip_config, code, code_keys, "instructions of a worker"),
    KEY_PART(struct chip_config, costs, cost_keys, "codelets without a published cost"),
    KEY_PART(struct chip_config, corrections, correction_keys, "per codelet, from calibration"),
    KEY_UNCERTAIN(struct chip_config),
    KEY_ERROR_BANDS(struct chip_config),
    KEYS_END,
};

static void check_regions(const struct tile_config *tile, const struct node *node, struct err *err)
{
    bool is_executable = false;
    for (uint32_t i = 0; i < tile->region_count; i++) {
        const struct sram_region *region = &tile->regions[i];
        is_executable = is_executable || region->is_executable;
        char *path = xasprintf("tile.regions.%u.element_bytes", i);
        struct mark mark = config_mark(node, path);
        if (region->element_bytes > region->bytes) {
            err_at(err, &mark, "%s: %u bytes are more than the %u bytes of the region", path,
                   region->element_bytes, region->bytes);
        }
        free(path);
        for (uint32_t other = 0; other < i; other++) {
            if (strcmp(tile->regions[other].name, region->name) == 0) {
                char *name_path = xasprintf("tile.regions.%u.name", i);
                struct mark name_mark = config_mark(node, name_path);
                err_at(err, &name_mark, "%s: two regions are named '%s'", name_path, region->name);
                free(name_path);
            }
        }
    }
    if (!is_executable) {
        struct mark mark = config_mark(node, "tile.regions");
        err_at(err, &mark, "tile.regions: no region is executable; code must lie somewhere");
    }
}

void chip_check(const void *section, const struct node *node, struct err *err)
{
    const struct chip_config *chip = section;
    check_regions(&chip->tile, node, err);
    struct uncertain_scope scope = {chip_keys, chip, node, chip->uncertain, chip->uncertain_count};
    uncertain_check(&scope, err);
    struct mark mark = config_mark(node, "matrix");
    if (chip->matrix.float32_macs_per_cycle > 0 && chip->matrix.conv_units_float32 == 0) {
        err_at(err, &mark, "matrix.conv_units_float32: 0 units cannot do %u MAC/cycle",
               chip->matrix.float32_macs_per_cycle);
    }
    if (chip->matrix.float16_macs_per_cycle > 0 && chip->matrix.conv_units_float16 == 0) {
        err_at(err, &mark, "matrix.conv_units_float16: 0 units cannot do %u MAC/cycle",
               chip->matrix.float16_macs_per_cycle);
    }
}

struct chip_config *chip_load(const char *name, const struct mark *asked_at, struct config *config,
                              struct err *err)
{
    size_t faults = err_count(err);
    const struct node *root = config_read_named(config, name, "chips", asked_at, err);
    if (root == NULL) {
        return NULL;
    }
    struct chip_config *chip = xcalloc(1, sizeof(*chip));
    if (config_bind(config, chip_keys, root, "", chip, err)) {
        chip_check(chip, root, err);
    }
    if (err_count(err) > faults) {
        chip_destroy(chip);
        return NULL;
    }
    return chip;
}

void chip_destroy(struct chip_config *chip)
{
    config_free(chip_keys, chip);
    free(chip);
}

// STREAM: c = a, b = s a, c = a + b, a = b + s c on arrays that lie on the tiles. One compute set,
// timed as a program: its launch, the vertices' prologues, their loops. No host, no exchange.
#include "sim/workload/stream.h"

#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/workload.h"
#include "tiles/codelets/compiled.h"

static const char *const kernels[] = {[STREAM_COPY] = "copy",
                                      [STREAM_SCALE] = "scale",
                                      [STREAM_ADD] = "add",
                                      [STREAM_TRIAD] = "triad",
                                      NULL};
static const char *const implementations[] = {[STREAM_COMPILED] = "compiled",
                                              [STREAM_LIBRARY] = "library",
                                              [STREAM_ASSEMBLY_ANYWHERE] = "assembly_anywhere",
                                              [STREAM_ASSEMBLY_APART] = "assembly_apart",
                                              [STREAM_ASSEMBLY] = "assembly",
                                              NULL};
static const char *const types[] = {"float32", "float16", NULL};
static const uint32_t type_bytes[] = {4, 2};

static const struct key stream_keys[] = {
    KEY_CHOICE(struct stream_workload, "kernel", kernel, kernels, "triad", "what is computed"),
    KEY_CHOICE(struct stream_workload, "implementation", implementation, implementations,
               "compiled",
               "C++ loop over elements, the library's generated code, or assembly with its "
               "operands interleaved, "
               "in distinct memory elements, or anywhere"),
    {.name = "type",
     .type = KEY_ENUM,
     .offset = offsetof(struct stream_workload, element_bytes),
     .names = types,
     .values = type_bytes,
     .default_text = "float32",
     .doc = "of the elements"},
    // Three arrays of 64 KiB are three quarters of a GC2 tile.
    KEY_NUMBER(KEY_UINT32, struct stream_workload, array_bytes, 8, 1e9, "bytes", "65536",
               "of one array on one tile"),
    KEYS_END,
};

static uint32_t array_count(uint32_t kernel)
{
    return kernel == STREAM_COPY || kernel == STREAM_SCALE ? 2 : 3;
}

uint64_t stream_bytes(const struct stream_workload *workload)
{
    return (uint64_t)array_count(workload->kernel) * workload->array_bytes;
}

// Every tile does the same: one of them is the program.
double stream_cycles(const struct stream_workload *workload, const struct chip_config *chip,
                     const struct workload_result *result)
{
    uint32_t elements = workload->array_bytes / workload->element_bytes;
    bool is_multi = workload->implementation == STREAM_LIBRARY;
    struct vertex_group group = {
        .codelet = CODELET_stream,
        .dealing = DEAL_EVEN,
        .place = tile_map_range(0, 1),
        .items = 1,
        .sizes = {is_multi ? elements : (uint32_t)div_ceil(elements, chip->tile.contexts),
                  workload->kernel, workload->implementation, workload->element_bytes},
        .vertices = is_multi ? 1 : chip->tile.contexts,
    };
    struct program *program = program_create("stream", 1, 1, 1, 0, NULL, NULL);
    program_begin_compute(program, "stream");
    program_add_group(program, &group);
    struct machine_time time = {0};
    workload_time(result, chip, program, NULL, &time);
    program_destroy(program);
    return time.cycles;
}

static bool run_stream(const void *config, const struct machine_config *machine,
                       struct workload_result *result, char **why)
{
    const struct stream_workload *workload = config;
    const struct chip_config *chip = machine->chip;
    uint64_t sram_bytes = machine_view_of(chip).bytes_per_tile;
    if (stream_bytes(workload) > sram_bytes) {
        *why = xasprintf("%u arrays of %u bytes do not fit into the %llu bytes of a tile",
                         array_count(workload->kernel), workload->array_bytes,
                         (unsigned long long)sram_bytes);
        return false;
    }
    double cycles = stream_cycles(workload, chip, result);
    double seconds = cycles_to_seconds(cycles, chip->clock_hz);
    double bytes = (double)stream_bytes(workload) * chip->tiles;
    workload_add_quantity(result, "cycles", "cycles", cycles);
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "bytes_per_second", "bytes/s", bytes / seconds);
    workload_add_quantity(result, "bytes_per_cycle_and_tile", "bytes/cycle",
                          (double)stream_bytes(workload) / cycles);
    return true;
}

const struct workload_kind workload_stream = {
    .name = "stream",
    .doc = "STREAM kernels on arrays in the tiles' own memory",
    .keys = stream_keys,
    .config_bytes = sizeof(struct stream_workload),
    .run = run_stream,
};

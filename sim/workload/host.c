// Words from the host to tiles of chips: each chip has its own part of one transfer over the slots
// of the system. No batch runs ahead: the time of one alone. Where on a chip its tiles lie makes no
// difference.
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/workload.h"

struct host_workload {
    uint32_t tiles; // of each chip
    uint64_t bytes; // to each tile
};

static const struct key host_keys[] = {
    KEY_NUMBER(KEY_UINT32, struct host_workload, tiles, 1, 1048576, "tiles", "1",
               "of each chip that words go to"),
    KEY_NUMBER(KEY_UINT64, struct host_workload, bytes, 1, 1e9, "bytes", "4", "to each of them"),
    KEYS_END,
};

static struct program *host_program(const struct host_workload *workload,
                                    const struct machine_config *machine)
{
    uint32_t chips = machine->parallel.chips, chip_tiles = machine->chip->tiles;
    struct program *program = program_create("host", chips * chip_tiles, 1, 1, 0, NULL, NULL);
    if (chips > 1) {
        program_place_on_chips(program, chips, chip_tiles);
    }
    program_add_host(program, HOST_TO_CHIP, workload->bytes * workload->tiles * chips);
    return program;
}

static bool run_host(const void *config, const struct machine_config *machine,
                     struct workload_result *result, char **why)
{
    const struct host_workload *workload = config;
    if (workload->tiles > machine->chip->tiles) {
        *why = xasprintf("tiles: %u, and a chip has %u", workload->tiles, machine->chip->tiles);
        return false;
    }
    struct chip_config at_once = *machine->chip; // nothing is sent ahead of its use
    at_once.host.prefetch_depth = 0;
    struct system_config system;
    struct machine_config alone = *machine;
    alone.chip = &at_once;
    if (machine->system != NULL) {
        system = *machine->system;
        system.chip = &at_once;
        alone.system = &system;
    }
    struct program *program = host_program(workload, machine);
    struct machine_time time;
    bool is_done = workload_time_on(result, &alone, program, &time, why);
    machine_time_free(&time);
    program_destroy(program);
    if (!is_done) {
        return false;
    }
    double seconds = cycles_to_seconds(time.cycles, machine->chip->clock_hz);
    double bytes = (double)workload->bytes * workload->tiles * machine->parallel.chips;
    workload_add_quantity(result, "cycles", "cycles", time.cycles);
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "host_cycles", "cycles", time.host_cycles);
    workload_add_quantity(result, "bytes_per_second", "bytes/s", bytes / seconds);
    return true;
}

const struct workload_kind workload_host = {
    .name = "host",
    .doc = "words between chips and their host",
    .keys = host_keys,
    .config_bytes = sizeof(struct host_workload),
    .takes_chips = true,
    .run = run_host,
};

// Patterns of the on-chip exchange.
#include "exchange/exchange.h"
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/units.h"
#include "sim/workload/workload.h"

struct exchange_workload {
    uint32_t from, to, bytes;
};

#define EXCHANGE(...) KEY_NUMBER(KEY_UINT32, struct exchange_workload, __VA_ARGS__)
static const struct key exchange_keys[] = {
    EXCHANGE(from, 0, 1048575, "tile", "0", "sender"),
    EXCHANGE(to, 0, 1048575, "tile", "1", "receiver"),
    EXCHANGE(bytes, 1, 262144, "bytes", "4", "of the message"),
    KEYS_END,
};

static bool run_exchange(const void *config, const struct machine_config *machine,
                         struct workload_result *result, char **why)
{
    const struct exchange_workload *workload = config;
    const struct chip_config *chip = machine->chip;
    if (workload->from >= chip->tiles || workload->to >= chip->tiles) {
        *why = xasprintf("a message from tile %u to tile %u needs more than its %u tiles",
                         workload->from, workload->to, chip->tiles);
        return false;
    }
    const struct fabric *fabric = exchange_fabric(chip->exchange.fabric);
    uint64_t port_cycles = exchange_port_cycles(&chip->exchange, workload->bytes);
    struct exchange_load load = {
        .out_cycles = port_cycles,
        .in_cycles = port_cycles,
        .sent_messages = 1,
        .received_messages = 1,
        .receivers = 1,
        .latency_millicycles =
            fabric->latency_millicycles(&chip->exchange, workload->from, workload->to),
    };
    double cycles = (double)(chip->exchange.sync_cycles + fabric->cycles(&chip->exchange, &load));
    workload_add_quantity(result, "cycles", "cycles", cycles);
    workload_add_quantity(result, "seconds", "seconds", cycles_to_seconds(cycles, chip->clock_hz));
    return true;
}

const struct workload_kind workload_exchange = {
    .name = "exchange",
    .doc = "patterns of the on-chip exchange",
    .keys = exchange_keys,
    .config_bytes = sizeof(struct exchange_workload),
    .run = run_exchange,
};

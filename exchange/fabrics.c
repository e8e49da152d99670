#include <stdlib.h>

#include "exchange/compiled_bus.h"
#include "exchange/exchange.h"
#include "sim/err.h"

static const struct fabric *const fabrics[FABRIC_COUNT] = {
#define X(name) [FABRIC_##name] = &name##_fabric,
    EXCHANGE_FABRICS(X)
#undef X
};

const struct fabric *exchange_fabric(uint32_t kind)
{
    SIM_ASSERT(kind < FABRIC_COUNT, "fabric %u does not exist", kind);
    return fabrics[kind];
}

const char *exchange_fabric_name(uint32_t kind)
{
    return kind < FABRIC_COUNT ? fabrics[kind]->name : NULL;
}

uint64_t exchange_cycles(const struct chip_config *chip, const struct program *program,
                         const struct exchange_step *exchange)
{
    const struct fabric *fabric = exchange_fabric(chip->exchange.fabric);
    struct exchange_load load = {0};
    fabric->measure(&chip->exchange, program, exchange, &load);
    return fabric->cycles(&chip->exchange, &load);
}

uint64_t exchange_estimate_cycles(const struct chip_config *chip, uint64_t bytes)
{
    const struct exchange_config *config = &chip->exchange;
    const struct fabric *fabric = exchange_fabric(config->fabric);
    struct exchange_load load = {
        .out_cycles = exchange_port_cycles(config, bytes),
        .in_cycles = exchange_port_cycles(config, bytes),
        .sent_messages = 1,
        .received_messages = 1,
        // its tiles lie anywhere
        .latency_millicycles = fabric->farthest_millicycles(config),
    };
    return config->sync_cycles + fabric->cycles(config, &load);
}

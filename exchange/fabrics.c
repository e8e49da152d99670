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

struct exchange_meter {
    const struct exchange_config *config;
    const struct fabric *fabric;
    struct measuring *measuring; // owned
};

struct exchange_meter *exchange_meter_create(const struct chip_config *chip,
                                             const struct program *program)
{
    struct exchange_meter *meter = xcalloc(1, sizeof *meter);
    meter->config = &chip->exchange;
    meter->fabric = exchange_fabric(chip->exchange.fabric);
    meter->measuring = meter->fabric->measuring_create(meter->config, program);
    return meter;
}

void exchange_meter_destroy(struct exchange_meter *meter)
{
    if (meter == NULL) {
        return;
    }
    meter->fabric->measuring_destroy(meter->measuring);
    free(meter);
}

uint64_t exchange_meter_cycles(struct exchange_meter *meter, const struct exchange_step *exchange)
{
    struct exchange_load load = {0};
    meter->fabric->measure(meter->measuring, exchange, &load);
    return meter->fabric->cycles(meter->config, &load);
}

uint64_t exchange_meter_first_cycles(struct exchange_meter *meter,
                                     const struct exchange_step *exchange)
{
    struct exchange_load load = {0};
    meter->fabric->measure(meter->measuring, exchange, &load);
    load.out_cycles = load.in_cycles = 0;
    return meter->fabric->cycles(meter->config, &load);
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

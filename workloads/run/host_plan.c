#include "workloads/run/host_plan.h"

#include <stddef.h>

// The largest number whose power is at most `value`, 1 or more.
static uint32_t root(uint32_t value, uint32_t power)
{
    uint32_t low = 1, high = value + 1; // low^power <= value < high^power
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t product = 1;
        for (uint32_t i = 0; i < power && product <= value; i++) {
            product *= middle;
        }
        if (product <= value) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t bits_of(uint32_t value)
{
    uint32_t bits = 0;
    for (; value > 0; value /= 2) {
        bits++;
    }
    return bits;
}

// Chunks of equal numbers at every level: their heads and one chunk's history are then the fewest,
// about, where a state is as large as a time step's history.
static struct checkpoint_config choose_numbers(struct checkpoint_config config, uint32_t time_steps)
{
    if (config.kind == CHECKPOINT_AUTO) {
        config.kind = CHECKPOINT_SINGLE;
    }
    struct plan_numbers has = plan_numbers_of(config.kind);
    bool has_two = has.has_remote && has.has_local;
    if (has.has_levels && config.levels == 0) {
        config.levels = 2;
    }
    if (has.has_remote && config.remote == 0) {
        uint32_t rest = config.local > 0 ? time_steps / config.local : time_steps;
        config.remote = root(rest, has_two && config.local == 0 ? 3 : 2);
    }
    if (has.has_local && config.local == 0) {
        uint32_t rest = has_two ? time_steps / config.remote : time_steps;
        if (config.kind == CHECKPOINT_NESTED) {
            // One level is the history itself. Two chunks are the fewest that cut anything.
            uint32_t chunks = root(time_steps, config.levels);
            config.local = chunks < 2 ? 2 : chunks;
        } else if (config.kind == CHECKPOINT_BINOMIAL) {
            config.local =
                bits_of(time_steps); // C(2 n, n) > 2^n: each time step is run n times at most
        } else {
            config.local = root(rest, 2);
        }
    }
    return config;
}

struct checkpoint_plan *host_plan_create(const struct checkpoint_config *config,
                                         uint32_t time_steps)
{
    if (config->kind == CHECKPOINT_NONE) {
        return NULL;
    }
    struct checkpoint_config chosen = choose_numbers(*config, time_steps);
    return plan_create(&chosen, time_steps);
}

// Closed forms of a plan: they equal what plan_measure() counts, and a test says so.
// Chunks of one level are even or one longer, and so are the chunks of all levels below it: a level
// of n chunks over T time steps has T mod n chunks of ceil(T / n), the others of floor(T / n).
#include <stdio.h>

#include "sim/units.h"
#include "workloads/checkpoint/planner.h"

struct shape {                // of chunks: every one of `parents` is cut into `chunks`
    uint32_t levels;          // of chunks, remote ones included
    uint32_t parents, chunks; // their product is at most the time steps
};

static struct shape shape_of(const struct checkpoint_config *config)
{
    struct shape shape = {.levels = 1, .parents = 1, .chunks = config->local};
    if (config->kind == CHECKPOINT_SINGLE_REMOTE) {
        shape.chunks = config->remote;
    } else if (config->kind == CHECKPOINT_DOUBLE) {
        shape.levels = 2;
        shape.parents = config->remote;
    } else if (config->kind == CHECKPOINT_NESTED) {
        shape.levels = config->levels - 1;
        for (uint32_t i = 0; i + 2 < config->levels; i++) {
            shape.parents *= config->local;
        }
    }
    return shape;
}

// Time steps of the last chunk of every parent: those that keeps_last does not run again.
static uint32_t last_steps(const struct shape *shape, uint32_t time_steps)
{
    uint32_t longer = time_steps % shape->parents, even = time_steps / shape->parents;
    return (shape->parents - longer) * (even / shape->chunks) +
           longer * ((even + 1) / shape->chunks);
}

// Every chunk of every level in SRAM, the one of each parent that is kept apart; parents of the
// last level are the chunks of the level above it.
static uint64_t chunk_saves(const struct checkpoint_config *config, const struct shape *shape)
{
    uint64_t kept = config->keeps_last ? 1 : 0, saves = 0;
    if (config->kind == CHECKPOINT_SINGLE_REMOTE) {
        return 0;
    }
    uint64_t chunks = 1;
    for (uint32_t i = 0; config->kind == CHECKPOINT_NESTED && i + 2 < config->levels; i++) {
        chunks *= config->local;
        saves += chunks;
    }
    return saves + shape->parents * (shape->chunks - kept);
}

static void size_chunks(struct planner_size *size, uint32_t time_steps)
{
    const struct checkpoint_config *config = &size->config;
    struct shape shape = shape_of(config);
    uint32_t kept = config->keeps_last ? 1 : 0;
    size->forward_steps =
        (shape.levels + 1) * time_steps - (config->keeps_last ? last_steps(&shape, time_steps) : 0);
    size->history_steps = (time_steps - 1) / (shape.parents * shape.chunks) + 1; // rounded up
    size->kept_runs = shape.parents * shape.chunks;
    size->saves = chunk_saves(config, &shape);
    switch (config->kind) {
    case CHECKPOINT_SINGLE_REMOTE:
        size->places = config->remote - kept;
        break;
    case CHECKPOINT_DOUBLE:
        size->places = config->remote;
        size->slots = config->local - kept;
        break;
    case CHECKPOINT_NESTED:
        size->slots = (config->levels - 1) * config->local - kept;
        break;
    default:
        size->slots = config->local - kept;
    }
}

static void size_steps(struct planner_size *size, uint32_t time_steps)
{
    size->forward_steps = time_steps;
    size->history_steps = 1;
    size->kept_runs = 1;
    switch (size->config.kind) {
    case CHECKPOINT_NONE:
        size->history_steps = time_steps;
        break;
    case CHECKPOINT_OFFLOAD:
        size->places = time_steps;
        break;
    case CHECKPOINT_BINOMIAL:
        size->forward_steps = plan_binomial_forward_steps(time_steps, size->config.local);
        size->saves = plan_binomial_saves(time_steps, size->config.local);
        size->kept_runs = time_steps;
        size->slots = (uint32_t)min_u64(size->config.local, time_steps - 1); // the last needs none
        break;
    default:
        size_chunks(size, time_steps);
    }
}

// --- seconds ------------------------------------------------------------------------------------
// What the chip does, transfers apart.
static double computing_seconds(const struct planner_size *size, uint32_t time_steps,
                                const struct planner_costs *costs)
{
    bool is_history = size->config.kind == CHECKPOINT_OFFLOAD;
    uint64_t restores =
        size->config.kind == CHECKPOINT_BINOMIAL ? size->kept_runs - 1 : size->saves;
    double put = is_history ? costs->history_put_seconds : costs->put_seconds;
    double get = is_history ? costs->history_get_seconds : costs->get_seconds;
    return (double)size->forward_steps * costs->forward_seconds +
           time_steps * costs->backward_seconds + (double)size->saves * costs->save_seconds +
           (double)restores * costs->restore_seconds +
           (double)size->kept_runs * costs->head_seconds + size->places * (put + get);
}

static double longer_by(double transfer, double beside)
{
    return transfer > beside ? transfer - beside : 0;
}

// From a chunk's state to the next one that is got: it runs again, in double in chunks of its own,
// and backward.
static double back_seconds(const struct planner_size *size, uint32_t steps,
                           const struct planner_costs *costs)
{
    const struct checkpoint_config *config = &size->config;
    if (config->kind == CHECKPOINT_SINGLE_REMOTE) {
        return costs->head_seconds + steps * (costs->forward_seconds + costs->backward_seconds);
    }
    uint32_t kept = config->keeps_last ? 1 : 0;
    uint32_t forward_steps = 2 * steps - kept * (steps / config->local);
    return (config->local - kept) * (costs->save_seconds + costs->restore_seconds) +
           config->local * costs->head_seconds + forward_steps * costs->forward_seconds +
           steps * costs->backward_seconds;
}

// A history goes out beside the next time step forward, and comes in beside the backward time step
// before: if that needs it, one earlier. The last one that goes has nothing beside it, nor have the
// first ones that come.
static double offload_waits(uint32_t time_steps, const struct planner_costs *costs)
{
    uint32_t first = (uint32_t)min_u64(costs->reads_before ? 2 : 1, time_steps);
    double forward_seconds = costs->forward_seconds + costs->keep_seconds;
    return (time_steps - 1) * longer_by(costs->history_seconds, forward_seconds) +
           (1 + first) * costs->history_seconds +
           (time_steps - first) * longer_by(costs->history_seconds, costs->backward_seconds);
}

// A state goes out beside its chunk's first run, the last one also beside a chunk that is kept; the
// next one comes in beside what is run of a chunk again. The first one that comes has a kept
// chunk's backward time steps beside it, or nothing; nothing comes beside the first chunk, which is
// a longer one, if any is.
static double state_waits(const struct planner_size *size, uint32_t time_steps,
                          const struct planner_costs *costs)
{
    const struct checkpoint_config *config = &size->config;
    double transfer = costs->state_seconds, forward = costs->forward_seconds;
    uint32_t even = time_steps / config->remote, longer = time_steps % config->remote;
    // a chunk that is kept, the last one, is never a longer one
    uint32_t shorter = size->places - longer;
    uint32_t first = longer > 0 ? even + 1 : even;
    double out_longer = longer_by(transfer, (even + 1) * forward);
    double out_even = longer_by(transfer, even * forward);
    double back_longer = longer_by(transfer, back_seconds(size, even + 1, costs));
    double back_even = longer_by(transfer, back_seconds(size, even, costs));
    double waits = longer * (out_longer + back_longer) + shorter * (out_even + back_even);
    waits -= longer_by(transfer, back_seconds(size, first, costs));
    if (size->places == config->remote) {
        return waits + transfer;
    }
    uint32_t before = shorter > 0 ? even : even + 1; // time steps of the chunk before the kept one
    double kept = even * forward + costs->head_seconds;
    return waits - longer_by(transfer, before * forward) +
           longer_by(transfer, before * forward + kept) +
           longer_by(transfer, even * costs->backward_seconds);
}

static double seconds_of(const struct planner_size *size, uint32_t time_steps,
                         const struct planner_costs *costs)
{
    double computing = computing_seconds(size, time_steps, costs);
    bool is_history = size->config.kind == CHECKPOINT_OFFLOAD;
    if (size->places == 0) {
        return computing;
    }
    if (costs->is_overlapped) {
        return computing + (is_history ? offload_waits(time_steps, costs)
                                       : state_waits(size, time_steps, costs));
    }
    return computing +
           2.0 * size->places * (is_history ? costs->history_seconds : costs->state_seconds);
}

struct planner_size planner_size_of(const struct checkpoint_config *config, uint32_t time_steps,
                                    const struct planner_memory *memory,
                                    const struct planner_costs *costs)
{
    struct planner_size size = {.config = *config};
    size_steps(&size, time_steps);
    bool is_history = config->kind == CHECKPOINT_OFFLOAD;
    size.sram_bytes = memory->base_bytes + size.slots * memory->slot_bytes +
                      size.history_steps * memory->history_bytes;
    if (size.places > 0) {
        size.sram_bytes +=
            memory->transfer_buffers * (is_history ? memory->history_bytes : memory->slot_bytes);
    }
    size.remote_bytes =
        size.places * (is_history ? memory->remote_history_bytes : memory->remote_state_bytes);
    size.seconds = seconds_of(&size, time_steps, costs);
    return size;
}

void planner_describe(const struct checkpoint_config *config, char *text, uint32_t text_bytes)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    const char *kind = checkpoint_kind_name(config->kind);
    if (has.has_levels) {
        snprintf(text, text_bytes, "%s (%u levels, %u local)", kind, config->levels, config->local);
    } else if (has.has_remote && has.has_local) {
        snprintf(text, text_bytes, "%s (%u remote, %u local)", kind, config->remote, config->local);
    } else if (has.has_remote || has.has_local) {
        snprintf(text, text_bytes, "%s (%u %s)", kind,
                 has.has_remote ? config->remote : config->local,
                 has.has_remote ? "remote" : "local");
    } else {
        snprintf(text, text_bytes, "%s", kind);
    }
}

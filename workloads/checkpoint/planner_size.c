// Closed forms of a plan: they equal what plan_measure() counts, and a test says so.
// Chunks of one level are even or one longer, and so are the chunks of all levels below it: a level of n chunks
// over T time steps has T mod n chunks of ceil(T / n), the others of floor(T / n).
#include <stdio.h>

#include "sim/units.h"
#include "workloads/checkpoint/planner.h"

struct shape {                // of chunks: every one of `parents` is cut into `chunks`
    uint32_t levels;          // of chunks, remote ones included
    uint32_t parents, chunks; // their product is at most the time steps
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

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

static void size_chunks(struct planner_size *size, uint32_t time_steps)
{
    const struct checkpoint_config *config = &size->config;
    struct shape shape = shape_of(config);
    uint32_t kept = config->keeps_last ? 1 : 0;
    size->forward_steps =
        (shape.levels + 1) * time_steps - (config->keeps_last ? last_steps(&shape, time_steps) : 0);
    size->history_steps = (time_steps - 1) / (shape.parents * shape.chunks) + 1; // rounded up
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
    switch (size->config.kind) {
    case CHECKPOINT_NONE:
        size->history_steps = time_steps;
        break;
    case CHECKPOINT_OFFLOAD:
        size->places = time_steps;
        break;
    case CHECKPOINT_BINOMIAL:
        size->forward_steps = plan_binomial_forward_steps(time_steps, size->config.local);
        size->slots = (uint32_t)min_u64(size->config.local, time_steps - 1); // the last needs none
        break;
    default:
        size_chunks(size, time_steps);
    }
}

// A chunk between two transfers: its state goes out beside its first run, and comes in beside what its backward
// pass runs.
static double remote_chunk_seconds(const struct planner_size *size, uint32_t steps,
                                   const struct planner_costs *costs)
{
    const struct checkpoint_config *config = &size->config;
    double again = steps;
    if (config->kind == CHECKPOINT_DOUBLE) {
        again += steps - (config->keeps_last ? steps / config->local : 0); // whole time steps
    }
    double out = steps * costs->forward_seconds;
    double back = again * costs->forward_seconds + steps * costs->backward_seconds;
    return larger(out, costs->state_seconds) + larger(back, costs->state_seconds);
}

// The kept last chunk of single_remote is one of them, and its first run hides the last transfer as well.
static double kept_chunk_seconds(uint32_t before, uint32_t last, const struct planner_costs *costs)
{
    double apart = larger(before * costs->forward_seconds, costs->state_seconds);
    double joined = larger((before + last) * costs->forward_seconds, costs->state_seconds);
    return joined - apart + last * costs->backward_seconds;
}

static double overlapped_seconds(const struct planner_size *size, uint32_t time_steps,
                                 const struct planner_costs *costs)
{
    const struct checkpoint_config *config = &size->config;
    double forward = costs->forward_seconds, backward = costs->backward_seconds;
    if (config->kind == CHECKPOINT_OFFLOAD) {
        return time_steps *
               (larger(forward, costs->history_seconds) + larger(backward, costs->history_seconds));
    }
    uint32_t even = time_steps / config->remote, longer = time_steps % config->remote;
    uint32_t shorter = size->places - longer; // the last chunk, kept, is never a longer one
    double seconds = shorter * remote_chunk_seconds(size, even, costs);
    if (longer > 0) {
        seconds += longer * remote_chunk_seconds(size, even + 1, costs);
    }
    if (config->kind == CHECKPOINT_SINGLE_REMOTE && config->keeps_last) {
        seconds += kept_chunk_seconds(shorter > 0 ? even : even + 1, even, costs);
    }
    return seconds;
}

static double seconds_of(const struct planner_size *size, uint32_t time_steps,
                         const struct planner_costs *costs)
{
    double computing =
        (double)size->forward_steps * costs->forward_seconds + time_steps * costs->backward_seconds;
    if (size->places == 0) {
        return computing;
    }
    if (costs->is_overlapped) {
        return overlapped_seconds(size, time_steps, costs);
    }
    bool is_history = size->config.kind == CHECKPOINT_OFFLOAD;
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
    const char *name = checkpoint_kind_name(config->kind);
    switch (config->kind) {
    case CHECKPOINT_SINGLE:
    case CHECKPOINT_BINOMIAL:
        snprintf(text, text_bytes, "%s with %u local checkpoints", name, config->local);
        break;
    case CHECKPOINT_SINGLE_REMOTE:
        snprintf(text, text_bytes, "%s with %u remote checkpoints", name, config->remote);
        break;
    case CHECKPOINT_DOUBLE:
        snprintf(text, text_bytes, "%s with %u remote and %u local checkpoints", name,
                 config->remote, config->local);
        break;
    case CHECKPOINT_NESTED:
        snprintf(text, text_bytes, "%s with %u levels of %u local checkpoints", name,
                 config->levels, config->local);
        break;
    default:
        snprintf(text, text_bytes, "%s", name);
    }
}

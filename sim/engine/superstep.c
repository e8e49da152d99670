#include "sim/engine/superstep.h"

#include <stdlib.h>

#include "sim/err.h"

void superstep_add(struct superstep_cycles *to, const struct superstep_cycles *cycles,
                   uint64_t times)
{
    to->compute += times * cycles->compute;
    to->exchange += times * cycles->exchange;
    to->sync += times * cycles->sync;
    to->host += times * cycles->host;
    to->supersteps += times * cycles->supersteps;
}

uint64_t superstep_sum(const struct superstep_cycles *cycles)
{
    return cycles->compute + cycles->exchange + cycles->sync + cycles->host;
}

struct loop {
    uint32_t first; // superstep behind the LOOP_BEGIN
    uint32_t turns_left;
    int64_t time_step; // of the present turn, the loops around included
    int32_t stride;
};

// The superstep behind the end of the loop that begins at `begin`.
static uint32_t skip_loop(const struct superstep *supersteps, uint32_t begin)
{
    uint32_t depth = 0;
    uint32_t i = begin;
    do {
        depth += supersteps[i].kind == SUPERSTEP_LOOP_BEGIN;
        depth -= supersteps[i].kind == SUPERSTEP_LOOP_END;
        i++;
    } while (depth > 0);
    return i;
}

struct walk {
    struct loop loops[SUPERSTEP_LOOPS_MAX + 1]; // the first stands for no loop: time step 0
    uint32_t depth;
};

// Both return the superstep to go on with.
static uint32_t begin_loop(struct walk *walk, const struct superstep *supersteps, uint32_t at)
{
    const struct program_step *step = supersteps[at].step;
    if (step->loop_count == 0) {
        return skip_loop(supersteps, at);
    }
    SIM_ASSERT(walk->depth < SUPERSTEP_LOOPS_MAX, "more than %d loops nest", SUPERSTEP_LOOPS_MAX);
    int64_t around = walk->loops[walk->depth].time_step;
    walk->loops[++walk->depth] = (struct loop){.first = at + 1,
                                               .turns_left = step->loop_count,
                                               .time_step = around + step->loop_first,
                                               .stride = step->loop_stride};
    return at + 1;
}

static uint32_t end_turn(struct walk *walk, uint32_t at)
{
    struct loop *loop = &walk->loops[walk->depth];
    if (--loop->turns_left > 0) {
        loop->time_step += loop->stride;
        return loop->first;
    }
    walk->depth--;
    return at + 1;
}

void superstep_run(const struct superstep *supersteps, uint32_t count,
                   const struct superstep_actions *actions, void *context)
{
    struct walk walk;
    walk.loops[0] = (struct loop){0};
    walk.depth = 0;
    uint32_t at = 0;
    while (at < count) {
        const struct superstep *superstep = &supersteps[at];
        switch (superstep->kind) {
        case SUPERSTEP_LOOP_BEGIN:
            at = begin_loop(&walk, supersteps, at);
            continue;
        case SUPERSTEP_LOOP_END:
            at = end_turn(&walk, at);
            continue;
        case SUPERSTEP_COMPUTE:
            actions->compute(context, superstep, walk.loops[walk.depth].time_step);
            break;
        case SUPERSTEP_EXCHANGE:
            actions->exchange(context, superstep);
            break;
        case SUPERSTEP_HOST:
            actions->host(context, superstep);
            break;
        case SUPERSTEP_CONSTANT:
            actions->constant(context, superstep);
            break;
        }
        at++;
    }
}

static bool takes_time(const struct program_step *step)
{
    return step->kind != STEP_LOOP_BEGIN && step->kind != STEP_LOOP_END;
}

uint32_t superstep_count_shares(const struct program *program)
{
    uint32_t shares = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        shares += takes_time(&program->steps[i]);
    }
    return shares;
}

struct superstep *superstep_list_create(const struct program *program,
                                        const struct chip_config *chip)
{
    static const enum superstep_kind kinds[] = {
        [STEP_LOOP_BEGIN] = SUPERSTEP_LOOP_BEGIN,
        [STEP_LOOP_END] = SUPERSTEP_LOOP_END,
        [STEP_COMPUTE] = SUPERSTEP_COMPUTE,
        [STEP_EXCHANGE] = SUPERSTEP_EXCHANGE,
        [STEP_HOST] = SUPERSTEP_HOST,
    };
    struct superstep *supersteps = xcalloc(program->step_count, sizeof *supersteps);
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        struct superstep *superstep = &supersteps[i];
        superstep->kind = kinds[step->kind];
        superstep->step = step;
        superstep->share = share;
        share += takes_time(step);
        bool follows_exchange = i > 0 && step[-1].kind == STEP_EXCHANGE;
        bool has_sync =
            step->kind == STEP_EXCHANGE || (step->kind == STEP_COMPUTE && !follows_exchange &&
                                            chip->exchange.sync_rule == SYNC_BEFORE_EVERY_SET);
        superstep->sync_cycles = has_sync ? chip->exchange.sync_cycles : 0;
    }
    return supersteps;
}

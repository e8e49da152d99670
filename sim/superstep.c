#include "sim/superstep.h"

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

void superstep_run(const struct superstep *supersteps, uint32_t count,
                   const struct superstep_actions *actions, void *context)
{
    struct loop loops[SUPERSTEP_LOOPS_MAX + 1];
    uint32_t depth = 0;
    loops[0] = (struct loop){0}; // outside every loop the time step is 0
    uint32_t i = 0;
    while (i < count) {
        const struct superstep *superstep = &supersteps[i];
        const struct program_step *step = superstep->step;
        struct loop *loop = &loops[depth];
        switch (superstep->kind) {
        case SUPERSTEP_LOOP_BEGIN:
            if (step->loop_count == 0) {
                i = skip_loop(supersteps, i);
                continue;
            }
            SIM_ASSERT(depth < SUPERSTEP_LOOPS_MAX, "more than %d loops nest", SUPERSTEP_LOOPS_MAX);
            loops[++depth] = (struct loop){.first = i + 1,
                                           .turns_left = step->loop_count,
                                           .time_step = loop->time_step + step->loop_first,
                                           .stride = step->loop_stride};
            break;
        case SUPERSTEP_LOOP_END:
            if (--loop->turns_left > 0) {
                loop->time_step += loop->stride;
                i = loop->first;
                continue;
            }
            depth--;
            break;
        case SUPERSTEP_COMPUTE:
            actions->compute(context, superstep, loop->time_step);
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
        i++;
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

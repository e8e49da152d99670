#include "sim/engine/superstep.h"

#include <stdlib.h>

#include "exchange/traffic.h"
#include "sim/err.h"

void superstep_add(struct superstep_cycles *to, const struct superstep_cycles *cycles,
                   uint64_t times)
{
    to->compute += times * cycles->compute;
    to->exchange += times * cycles->exchange;
    to->sync += times * cycles->sync;
    to->host += times * cycles->host;
    to->links += times * cycles->links;
    to->memory += times * cycles->memory;
    to->supersteps += times * cycles->supersteps;
}

uint64_t superstep_sum(const struct superstep_cycles *cycles)
{
    return cycles->compute + cycles->exchange + cycles->sync + cycles->host + cycles->links +
           cycles->memory;
}

uint64_t *superstep_wait(struct superstep_cycles *cycles, enum superstep_kind kind)
{
    switch (kind) {
    case SUPERSTEP_HOST:
        return &cycles->host;
    case SUPERSTEP_STREAM:
        return &cycles->memory;
    default:
        SIM_ASSERT(kind == SUPERSTEP_EXCHANGE || kind == SUPERSTEP_ALL_REDUCE,
                   "no clock is asked for a step of kind %u", (unsigned)kind);
        return &cycles->links;
    }
}

struct loop {       // or call
    uint32_t first; // superstep that a turn begins with
    uint32_t turns_left;
    int64_t time_step; // of the present turn, the loops around included
    int32_t stride;
    uint32_t caller; // superstep of the call; unused by a loop
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

// All return the superstep to go on with.
static uint32_t begin_turns(struct walk *walk, const struct program_step *step, uint32_t first,
                            uint32_t caller)
{
    SIM_ASSERT(walk->depth < SUPERSTEP_LOOPS_MAX, "more than %d loops nest", SUPERSTEP_LOOPS_MAX);
    int64_t around = walk->loops[walk->depth].time_step;
    walk->loops[++walk->depth] = (struct loop){.first = first,
                                               .turns_left = step->loop_count,
                                               .time_step = around + step->loop_first,
                                               .stride = step->loop_stride,
                                               .caller = caller};
    return first;
}

static uint32_t begin_loop(struct walk *walk, const struct superstep *supersteps, uint32_t at)
{
    const struct program_step *step = supersteps[at].step;
    return step->loop_count == 0 ? skip_loop(supersteps, at) : begin_turns(walk, step, at + 1, at);
}

static uint32_t begin_call(struct walk *walk, const struct superstep *call, uint32_t at)
{
    return call->step->loop_count == 0 ? at + 1 : begin_turns(walk, call->step, call->target, at);
}

// at: of the LOOP_END or RETURN.
static uint32_t end_turn(struct walk *walk, const struct superstep *supersteps, uint32_t at)
{
    struct loop *loop = &walk->loops[walk->depth];
    if (--loop->turns_left > 0) {
        loop->time_step += loop->stride;
        return loop->first;
    }
    walk->depth--;
    return (supersteps[at].kind == SUPERSTEP_RETURN ? loop->caller : at) + 1;
}

void superstep_run(const struct superstep_list *list, const struct superstep_actions *actions,
                   void *context)
{
    struct walk walk;
    walk.loops[0] = (struct loop){0};
    walk.depth = 0;
    uint32_t at = list->main_first;
    while (at < list->count) {
        const struct superstep *superstep = &list->supersteps[at];
        switch (superstep->kind) {
        case SUPERSTEP_LOOP_BEGIN:
            at = begin_loop(&walk, list->supersteps, at);
            continue;
        case SUPERSTEP_CALL:
            at = begin_call(&walk, superstep, at);
            continue;
        case SUPERSTEP_LOOP_END:
        case SUPERSTEP_RETURN:
            at = end_turn(&walk, list->supersteps, at);
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
        case SUPERSTEP_STREAM:
            actions->stream(context, superstep);
            break;
        case SUPERSTEP_ALL_REDUCE:
            actions->all_reduce(context, superstep);
            break;
        case SUPERSTEP_CONSTANT:
            actions->constant(context, superstep);
            break;
        }
        at++;
    }
}

bool superstep_takes_time(const struct program_step *step)
{
    return step->kind != STEP_LOOP_BEGIN && step->kind != STEP_LOOP_END &&
           step->kind != STEP_CALL && step->kind != STEP_RETURN;
}

uint32_t superstep_count_shares(const struct program *program)
{
    uint32_t shares = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        shares += superstep_takes_time(&program->steps[i]);
    }
    return shares;
}

void superstep_list_free(struct superstep_list *list)
{
    free(list->supersteps);
    *list = (struct superstep_list){0};
}

static uint64_t sync_cycles_before(const struct superstep *superstep, bool follows_exchange,
                                   const struct chip_config *chip,
                                   const struct superstep_syncs *syncs)
{
    switch (superstep->kind) {
    case SUPERSTEP_EXCHANGE:
        return chip->exchange.sync_cycles + (superstep->crosses ? syncs->crossing_cycles : 0);
    case SUPERSTEP_COMPUTE:
        return !follows_exchange && chip->exchange.sync_rule == SYNC_BEFORE_EVERY_SET
                   ? chip->exchange.sync_cycles
                   : 0;
    case SUPERSTEP_ALL_REDUCE:
        return chip->exchange.sync_cycles + syncs->all_cycles;
    default:
        return 0;
    }
}

struct superstep_list superstep_list_create(const struct program *program,
                                            const struct chip_config *chip)
{
    static const struct superstep_syncs on_chip = {0};
    return superstep_list_create_over(program, chip, &on_chip);
}

struct superstep_list superstep_list_create_over(const struct program *program,
                                                 const struct chip_config *chip,
                                                 const struct superstep_syncs *syncs)
{
    static const enum superstep_kind kinds[] = {
        [STEP_LOOP_BEGIN] = SUPERSTEP_LOOP_BEGIN,
        [STEP_LOOP_END] = SUPERSTEP_LOOP_END,
        [STEP_COMPUTE] = SUPERSTEP_COMPUTE,
        [STEP_EXCHANGE] = SUPERSTEP_EXCHANGE,
        [STEP_HOST] = SUPERSTEP_HOST,
        [STEP_CALL] = SUPERSTEP_CALL,
        [STEP_RETURN] = SUPERSTEP_RETURN,
        [STEP_STREAM] = SUPERSTEP_STREAM,
        [STEP_ALL_REDUCE] = SUPERSTEP_ALL_REDUCE,
    };
    struct superstep *supersteps = xcalloc(program->step_count, sizeof *supersteps);
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        struct superstep *superstep = &supersteps[i];
        superstep->kind = kinds[step->kind];
        superstep->step = step;
        superstep->share = share;
        superstep->target = step->kind == STEP_CALL ? program->sections[step->index].first_step : 0;
        share += superstep_takes_time(step);
        superstep->crosses = step->kind == STEP_EXCHANGE &&
                             traffic_crosses(program, &program->exchanges[step->index]);
        bool follows_exchange = i > 0 && step[-1].kind == STEP_EXCHANGE;
        superstep->sync_cycles = sync_cycles_before(superstep, follows_exchange, chip, syncs);
    }
    return (struct superstep_list){
        .supersteps = supersteps, .count = program->step_count, .main_first = program->main_first};
}

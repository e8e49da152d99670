// The folded engine: the chip is one actor. Its supersteps between two host transfers are added up
// and slept once.
#include "sim/engine/engine.h"
#include "sim/engine/engine_clock.h"
#include "sim/err.h"

struct chip {
    struct engine *engine;
    struct engine_job *job;
    uint64_t now_cycles;
};

static uint64_t transfer(void *clock, const struct superstep *superstep, uint64_t cycles_since)
{
    struct chip *chip = clock;
    engine_chip_sleep(chip->engine, &chip->now_cycles, cycles_since);
    return engine_chip_transfer(chip->engine, superstep->step, &chip->now_cycles);
}

static void chip_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    struct chip *chip = engine_context();
    struct engine_job *job = chip->job;
    struct replay_run run = {.leave = transfer, .clock = chip};
    for (uint32_t i = 0; i < engine_count_replays(chip->engine); i++) {
        bool is_warm_up = engine_is_warm_up(chip->engine, i);
        run.share_cycles = is_warm_up ? NULL : job->share_cycles;
        run.record = engine_record(chip->engine, i);
        run.total = (struct superstep_cycles){0};
        uint64_t begun_cycles = chip->now_cycles;
        uint64_t pending_cycles = run.cycles_since; // of the replay before
        replay_once(job->replay, &run);
        uint64_t counted = superstep_sum(&run.total);
        SIM_ASSERT(counted + pending_cycles == chip->now_cycles - begun_cycles + run.cycles_since,
                   "the clock and the sum of the supersteps differ");
        if (!is_warm_up) {
            superstep_add(&job->total, &run.total, 1);
        }
    }
    engine_chip_sleep(chip->engine, &chip->now_cycles, run.cycles_since);
    engine_chip_finish(chip->engine);
    engine_actor_ends(chip->engine);
}

bool engine_run_folded(struct engine_job *job)
{
    struct chip chip = {.engine = engine_create(job), .job = job};
    if (chip.engine == NULL) {
        return false;
    }
    engine_add_chip_actor(chip.engine, "chip", chip_main, &chip);
    bool is_done = engine_run(chip.engine);
    engine_destroy(chip.engine);
    return is_done;
}

// Inside sim/engine/: SimGrid itself, the chip's clock, and the host behind its link.
#ifndef TILESIM_SIM_ENGINE_CLOCK_H
#define TILESIM_SIM_ENGINE_CLOCK_H

#include "sim/engine/engine.h"

struct engine;

// Starts SimGrid, if the process has not, and the host's actors. NULL: the process is not fit, or
// not any more.
struct engine *engine_create(const struct engine_job *job);
// An actor on the chip; context comes back from engine_context() inside main.
void engine_add_chip_actor(struct engine *engine, const char *name, void (*main)(int, char **),
                           void *context);
void *engine_context(void);
void engine_actor_ends(struct engine *engine); // every actor calls it last
// False: a deadlock, or a time that only a fresh process can tell for certain. The process is spent
// then.
bool engine_run(struct engine *engine);
void engine_destroy(struct engine *engine);

// Replays to run, the first of them unmeasured if engine_is_warm_up(engine, 0).
uint32_t engine_count_replays(const struct engine *engine);
bool engine_is_warm_up(const struct engine *engine, uint32_t replay);
const struct activity *engine_record(const struct engine *engine, uint32_t replay);

double engine_clock_cycles(const struct engine *engine); // since this engine began

// For the one actor that is the chip towards its host. `now_cycles` is the chip's integer clock:
// link times are fractional and round up where the chip waits for them.
void engine_chip_sleep(struct engine *engine, uint64_t *now_cycles, uint64_t cycles);
// Receives the next batch, or sends a result; returns the cycles waited.
uint64_t engine_chip_transfer(struct engine *engine, const struct program_step *step,
                              uint64_t *now_cycles);
void engine_chip_finish(struct engine *engine); // lets the last results arrive

#endif

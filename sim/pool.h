// A pool of host threads that share numbered items of work.
// Which thread runs an item is chance; what an item computes must depend on its number alone. So a
// result is the same for any number of threads as long as the items are cut independently of that
// number.
#ifndef TILESIM_SIM_POOL_H
#define TILESIM_SIM_POOL_H

#include <stdint.h>

struct pool;

// `threads` includes the caller's own; 0 counts as 1. A thread that cannot be started is done
// without. A child made by fork() must not use its parent's pool.
struct pool *pool_create(uint32_t threads);
void pool_destroy(struct pool *pool); // NULL is allowed
// Threads that run items, the caller's included.
uint32_t pool_threads(const struct pool *pool);
// Calls work(context, item, thread) once for every item < item_count, and returns when all are
// done. thread < pool_threads(pool) tells threads apart, for scratch memory. Not to be called from
// work.
void pool_run(struct pool *pool, uint32_t item_count,
              void (*work)(void *context, uint32_t item, uint32_t thread), void *context);

// First element of part `part` when `count` elements are cut into `parts` parts as even as
// possible.
static inline uint32_t pool_part(uint32_t count, uint32_t parts, uint32_t part)
{
    return (uint32_t)((uint64_t)count * part / parts);
}

#endif

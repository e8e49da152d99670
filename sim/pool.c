#include "sim/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sim/err.h"

struct worker {
    struct pool *pool;
    pthread_t thread;
    uint32_t number; // 1 ..; 0 is the caller of pool_run
};

struct pool {
    struct worker *workers; // owned
    uint32_t worker_count;
    pthread_mutex_t mutex;
    pthread_cond_t work_is_here, work_is_done;
    uint64_t round;        // counts calls of pool_run; guarded by mutex
    uint32_t busy_workers; // of this round; guarded by mutex
    bool is_ending;        // guarded by mutex
    atomic_uint next_item;
    uint32_t item_count; // of this round, like the two below
    void (*work)(void *context, uint32_t item, uint32_t thread);
    void *context;
};

static void run_items(struct pool *pool, uint32_t thread)
{
    for (;;) {
        uint32_t item = atomic_fetch_add_explicit(&pool->next_item, 1, memory_order_relaxed);
        if (item >= pool->item_count) {
            return;
        }
        pool->work(pool->context, item, thread);
    }
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    uint64_t seen_round = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->round == seen_round && !pool->is_ending) {
            pthread_cond_wait(&pool->work_is_here, &pool->mutex);
        }
        if (pool->is_ending) {
            break;
        }
        seen_round = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        run_items(pool, worker->number);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy_workers == 0) {
            pthread_cond_signal(&pool->work_is_done);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

struct pool *pool_create(uint32_t threads)
{
    struct pool *pool = xcalloc(1, sizeof(*pool));
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work_is_here, NULL);
    pthread_cond_init(&pool->work_is_done, NULL);
    uint32_t wanted = threads > 1 ? threads - 1 : 0;
    pool->workers = xcalloc(wanted + 1, sizeof(*pool->workers));
    while (pool->worker_count < wanted) {
        struct worker *worker = &pool->workers[pool->worker_count];
        *worker = (struct worker){.pool = pool, .number = pool->worker_count + 1};
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            break;
        }
        pool->worker_count++;
    }
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->work_is_here);
    pthread_mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->work_is_done);
    pthread_cond_destroy(&pool->work_is_here);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

uint32_t pool_threads(const struct pool *pool)
{
    return pool->worker_count + 1;
}

void pool_run(struct pool *pool, uint32_t item_count,
              void (*work)(void *context, uint32_t item, uint32_t thread), void *context)
{
    if (pool->worker_count == 0 || item_count < 2) {
        for (uint32_t item = 0; item < item_count; item++) {
            work(context, item, 0);
        }
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->work = work;
    pool->context = context;
    pool->item_count = item_count;
    atomic_store_explicit(&pool->next_item, 0, memory_order_relaxed);
    pool->busy_workers = pool->worker_count;
    pool->round++;
    pthread_cond_broadcast(&pool->work_is_here);
    pthread_mutex_unlock(&pool->mutex);
    run_items(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy_workers > 0) {
        pthread_cond_wait(&pool->work_is_done, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}

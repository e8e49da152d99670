#include "sim/validation/fork_map.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/err.h"
#include "sim/run/progress.h"

#define POLL_NANOSECONDS 20000000L // while progress is shown
#define PROCESSES_MAX 256u

struct shared { // seen by parent and children
    atomic_uint next, done;
    _Alignas(max_align_t) char results[];
};

static void run_items(const struct fork_map *map, struct shared *shared)
{
    for (;;) {
        uint32_t i = atomic_fetch_add(&shared->next, 1);
        if (i >= map->count) {
            return;
        }
        map->work(map->context, i, shared->results + i * map->result_bytes);
        atomic_fetch_add(&shared->done, 1);
    }
}

static void say_death(int status, char **why)
{
    if (*why != NULL || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        return;
    }
    *why = WIFSIGNALED(status)
               ? xasprintf("a process of the validation died of signal %d (%s)", WTERMSIG(status),
                           strsignal(WTERMSIG(status)))
               : xasprintf("a process of the validation ended with status %d", WEXITSTATUS(status));
}

static void wait_with_progress(const struct fork_map *map, struct shared *shared, pid_t child,
                               struct progress *progress, int *status)
{
    const struct timespec pause = {0, POLL_NANOSECONDS};
    int flags = map->progress != NULL ? WNOHANG : 0;
    for (;;) {
        pid_t ended = waitpid(child, status, flags);
        if (ended == child || (ended < 0 && errno != EINTR)) {
            return;
        }
        progress_update(progress, atomic_load(&shared->done), "%s", "");
        nanosleep(&pause, NULL);
    }
}

static uint32_t start_children(const struct fork_map *map, struct shared *shared, pid_t *children,
                               char **why)
{
    uint32_t wanted = map->processes < map->count ? map->processes : map->count;
    wanted = wanted < PROCESSES_MAX ? wanted : PROCESSES_MAX;
    uint32_t count = 0;
    fflush(NULL); // a child that ends must not print what waits in a buffer now
    for (; count < wanted; count++) {
        children[count] = fork();
        if (children[count] < 0) {
            *why = xasprintf("a process of the validation could not start: %s", strerror(errno));
            break;
        }
        if (children[count] == 0) { // _exit: buffers and handlers belong to the parent
            run_items(map, shared);
            _exit(0);
        }
    }
    return count;
}

bool fork_map_run(const struct fork_map *map, void *results, char **why)
{
    pid_t children[PROCESSES_MAX];
    size_t result_bytes = map->count * map->result_bytes;
    size_t bytes = sizeof(struct shared) + result_bytes;
    struct shared *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *why = NULL;
    if (shared == MAP_FAILED) {
        *why = xasprintf("no memory for the results of the validation: %s", strerror(errno));
        return false;
    }
    struct progress progress = progress_start(map->progress != NULL, map->progress, map->count);
    uint32_t count = start_children(map, shared, children, why);
    for (uint32_t i = 0; i < count; i++) {
        int status = 0;
        wait_with_progress(map, shared, children[i], &progress, &status);
        say_death(status, why);
    }
    progress_end(&progress);
    memcpy(results, shared->results, result_bytes);
    munmap(shared, bytes);
    return *why == NULL;
}

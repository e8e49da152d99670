// Host time of choosing a checkpoint plan for 100,000 time steps, and of writing the plans: of this thread on its
// processor, which neighbours disturb less than the wall clock's.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "workloads/checkpoint/planner.h"

#define REPEATS 11
#define TIME_STEPS 100000u

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static bool fits_in_less(void *context, const struct planner_size *size)
{
    return size->sram_bytes <= *(const uint64_t *)context;
}

static void bench_choose(struct checkpoint_config wanted, uint64_t limit_bytes, double exact)
{
    uint64_t exact_bytes = (uint64_t)(exact * (double)limit_bytes);
    struct planner_memory memory = {.base_bytes = 100000,
                                    .slot_bytes = 2800, // 2 neurons, 2 states, batch 48 and more
                                    .history_bytes = 4200,
                                    .transfer_buffers = 2,
                                    .limit_bytes = limit_bytes,
                                    .remote_state_bytes = 4000000,
                                    .remote_history_bytes = 6000000,
                                    .remote_limit_bytes = UINT64_MAX,
                                    .fits = exact > 0 ? fits_in_less : NULL,
                                    .context = &exact_bytes};
    struct planner_costs costs = {20e-6, 60e-6, 200e-6, 300e-6, true};
    double seconds[REPEATS];
    struct planner_answer answer = {0};
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds();
        answer = planner_choose(&wanted, TIME_STEPS, &memory, &costs);
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    printf("choose %s%s, T %u: %.1f ms, %u exact checks: %s\n", checkpoint_kind_name(wanted.kind),
           wanted.keeps_last ? ", last kept" : "", TIME_STEPS, 1e3 * seconds[REPEATS / 2],
           answer.fits_calls, answer.why);
}

static void bench_create(struct checkpoint_config config)
{
    double seconds[REPEATS];
    uint32_t actions = 0;
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds();
        struct checkpoint_plan *plan = plan_create(&config, TIME_STEPS);
        seconds[i] = now_seconds() - start;
        actions = plan->action_count;
        plan_destroy(plan);
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    char name[128];
    planner_describe(&config, name, sizeof name);
    printf("write %s, T %u: %.2f ms, %u actions\n", name, TIME_STEPS, 1e3 * seconds[REPEATS / 2],
           actions);
}

int main(void)
{
    const struct checkpoint_config any = {.kind = CHECKPOINT_AUTO};
    const struct checkpoint_config any_kept = {.kind = CHECKPOINT_AUTO, .keeps_last = true};
    bench_choose(any, 612000, 0);
    bench_choose(any, 612000, 0.8);
    bench_choose(any, 612000, 1.2);
    bench_choose(any_kept, 612000, 0);
    bench_choose(any_kept, 612000, 0.8);
    bench_choose(any_kept, 612000, 1.2);
    bench_choose((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE}, 612000, 0.8);
    bench_choose(any, 50000, 0);
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_OFFLOAD});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_SINGLE, .local = 316});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .remote = 200, .local = 22});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = 10});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = 1});
    return 0;
}

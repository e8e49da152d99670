// Host time of choosing a checkpoint plan for 100,000 time steps, and of writing the plans: of this
// thread on its processor, which neighbours disturb less than the wall clock's.
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

struct exact { // what plans need: so many times the line
    uint64_t limit_bytes;
    double times;
};

static bool fits_exactly(void *context, const struct planner_size *size, uint64_t *sram_bytes)
{
    const struct exact *exact = context;
    *sram_bytes = (uint64_t)(exact->times * (double)size->sram_bytes);
    return *sram_bytes <= exact->limit_bytes;
}

static void bench_choose(struct checkpoint_config wanted, uint64_t limit_bytes, double times,
                         bool is_overlapped)
{
    struct exact exact = {limit_bytes, times};
    struct planner_memory memory = {.base_bytes = 100000,
                                    .slot_bytes = 2800, // 2 neurons, 2 states, batch 48 and more
                                    .history_bytes = 4200,
                                    .transfer_buffers = 2,
                                    .limit_bytes = limit_bytes,
                                    .remote_state_bytes = 4000000,
                                    .remote_history_bytes = 6000000,
                                    .remote_limit_bytes = UINT64_MAX,
                                    .fits = times > 0 ? fits_exactly : NULL,
                                    .context = &exact};
    struct planner_costs costs = {.forward_seconds = 20e-6,
                                  .backward_seconds = 60e-6,
                                  .state_seconds = 200e-6,
                                  .history_seconds = 300e-6,
                                  .save_seconds = 2e-6,
                                  .restore_seconds = 2e-6,
                                  .head_seconds = 1e-6,
                                  .put_seconds = is_overlapped ? 1e-6 : 0,
                                  .get_seconds = is_overlapped ? 1e-6 : 0,
                                  .is_overlapped = is_overlapped,
                                  .reads_before = true};
    double seconds[REPEATS];
    struct planner_answer answer = {0};
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds();
        answer = planner_choose(&wanted, TIME_STEPS, &memory, &costs);
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    char plan[128];
    planner_describe(&answer.size.config, plan, sizeof plan);
    printf("choose %s%s%s, T %u: %.1f ms, %u exact checks: %s%s\n",
           checkpoint_kind_name(wanted.kind), wanted.keeps_last ? ", last kept" : "",
           is_overlapped ? "" : ", blocking", TIME_STEPS, 1e3 * seconds[REPEATS / 2],
           answer.fits_calls, answer.is_found ? "" : "none fits, not even ", plan);
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
    for (uint32_t i = 0; i < 2; i++) {
        bench_choose(any, 612000, 0, i == 0);
        bench_choose(any, 612000, 0.8, i == 0);
        bench_choose(any, 612000, 1.2, i == 0);
        bench_choose(any_kept, 612000, 0, i == 0);
        bench_choose(any_kept, 612000, 0.8, i == 0);
        bench_choose(any_kept, 612000, 1.2, i == 0);
        bench_choose((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE}, 612000, 0.8, i == 0);
        bench_choose(any, 50000, 0, i == 0);
    }
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_OFFLOAD});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_SINGLE, .local = 316});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_DOUBLE, .remote = 200, .local = 22});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = 10});
    bench_create((struct checkpoint_config){.kind = CHECKPOINT_BINOMIAL, .local = 1});
    return 0;
}

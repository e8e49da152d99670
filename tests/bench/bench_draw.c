// Host time of drawing the activity record of one training step, and of filling one batch.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/activity.h"
#include "sim/err.h"

#define REPEATS 11

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

// 2312-1466-1466-10, 100 time steps, batch 48: the published benchmark.
static void bench_draw(double max_activity)
{
    uint32_t hidden_slots = 2 * (uint32_t)(max_activity * 1466 / 2);
    const uint32_t neurons[] = {2312, 1466, 1466, 10};
    const uint32_t slots[] = {32, hidden_slots, hidden_slots, 2};
    const struct activity_fill fill = {.spikes = 0.5, .listed = 1.0, .input_spikes = 1.0};
    struct activity *activity = activity_create(4, neurons, slots, 100, 48);
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds();
        activity_draw(activity, &fill, 1, i);
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    double ids = 4800.0 * (32 + 2 * hidden_slots + 2);
    printf("draw 2312-1466-1466-10, T 100, B 48, max_activity %.3f: %.2f ms for %.0f ids\n",
           max_activity, 1e3 * seconds[REPEATS / 2], ids);
    activity_destroy(activity);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench_draw(0.01);
    bench_draw(0.05);
    bench_draw(0.5);
    return 0;
}

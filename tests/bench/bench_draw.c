// Host time of drawing the activity record of one training step, and of filling one batch: of this
// thread on its processor, which neighbours disturb less than the wall clock's.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "workloads/data/data.h"

#define REPEATS 11

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

// 2312-1466-1466-10, 100 time steps, batch 48: the published benchmark.
static void bench_draw(double max_activity)
{
    uint32_t hidden_slots = 2 * (uint32_t)(max_activity * 1466 / 2);
    const uint32_t neurons[] = {2312, 1466, 1466, 10};
    const uint32_t slots[] = {32, hidden_slots, hidden_slots, 2};
    const struct activity_fill fill = {
        .spikes = 0.5, .listed = 1.0, .input_spikes = 1.0, .active_neurons = 1.0};
    struct activity *activity = activity_create(4, neurons, slots, 100, 48);
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        double start = now_seconds();
        activity_draw(activity, &fill, 1, i);
        activity_draw_ahead(activity);
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    double ids = 4800.0 * (32 + 2 * hidden_slots + 2);
    printf("draw 2312-1466-1466-10, T 100, B 48, max_activity %.3f: %.2f ms for %.0f ids\n",
           max_activity, 1e3 * seconds[REPEATS / 2], ids);
    activity_destroy(activity);
}

static void bench_source(const char *what, const struct data_config *config, uint32_t inputs,
                         uint32_t time_steps)
{
    const struct network_config network = {.inputs = inputs, .outputs = 10};
    struct err *err = err_create();
    double start = now_seconds();
    struct data_source *source = data_open(config, &network, time_steps, 1, err);
    double open_seconds = now_seconds() - start;
    if (source == NULL) {
        err_print(err, stdout);
        err_destroy(err);
        return;
    }
    struct spike_batch *batch = spike_batch_create(time_steps, 48, 64);
    double seconds[REPEATS];
    for (uint32_t i = 0; i < REPEATS; i++) {
        start = now_seconds();
        data_fill_batch(source, DATA_TRAIN, 1, i, time_steps, batch);
        seconds[i] = now_seconds() - start;
    }
    qsort(seconds, REPEATS, sizeof *seconds, compare_doubles);
    printf("%s, %u inputs, T %u, B 48: open %.0f ms, batch %.3f ms\n", what, inputs, time_steps,
           1e3 * open_seconds, 1e3 * seconds[REPEATS / 2]);
    spike_batch_destroy(batch);
    data_close(source);
    err_destroy(err);
}

static uint32_t source_named(const char *name)
{
    uint32_t i = 0;
    while (strcmp(data_sources[i]->name, name) != 0) {
        i++;
    }
    return i;
}

static void bench_sources(void)
{
    struct data_config config = {
        .latency_tau = 20,
        .pixel_threshold = 0.2,
        .rate_max = 0.2,
        .rate = 0.014,
        .manifold_dimension = 2,
        .manifold_spikes = 1,
        .manifold_samples_per_class = 1000,
        .manifold_alpha = 2,
    };
    config.source = source_named("fashion_mnist");
    config.encoding = ENCODING_LATENCY;
    bench_source("fashion_mnist latency", &config, 784, 32);
    config.encoding = ENCODING_RATE;
    bench_source("fashion_mnist rate", &config, 784, 32);
    config.source = source_named("randman");
    bench_source("randman", &config, 100, 100);
    bench_source("randman", &config, 784, 32);
    config.source = source_named("uniform");
    bench_source("uniform", &config, 2312, 100);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bench_draw(0.01);
    bench_draw(0.05);
    bench_draw(0.5);
    bench_sources();
    return 0;
}

// Host time of sweeps: the published figure's timing runs, many points of the toy chip, and what a
// point costs that runs nothing.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/store.h"
#include "sim/err.h"
#include "sim/sweep/run.h"
#include "sim/sweep/sweep.h"

static const char figure[] =
    "base: sparse-bptt\n"
    "sweep:\n"
    "  network: [nmnist-2l, nmnist-3l, nmnist-4l, nmnist-5l, shd-2l, shd-3l, shd-4l, shd-5l]\n"
    "  network.max_activity: [0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5]\n";
static const char toy[] = "base: toy\n"
                          "sweep:\n"
                          "  seed: {from: 1, to: 2500, step: 1}\n"
                          "  network.max_activity: {from: 0.25, to: 0.5, points: 4}\n";
static const char nothing[] = "base: toy\nset: {machines: []}\n"
                              "sweep: {seed: {from: 1, to: 2000, step: 1}}\n";

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    if (stream == NULL || fputs(text, stream) < 0 || fclose(stream) != 0) {
        fail(path);
    }
}

static void bench(const char *what, const char *text, const char *folder)
{
    char *path = xasprintf("%s/sweep.yaml", folder), *database = xasprintf("%s/results.db", folder);
    write_text(path, text);
    struct err *err = err_create();
    struct sweep *sweep = sweep_load(path, NULL, 0, err);
    if (sweep == NULL) {
        err_print(err, stderr);
        exit(1);
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct sweep_options options = {
        .jobs = cores < 1 ? 1 : (uint32_t)cores, .shard = 1, .shards = 1};
    struct sweep_points points = sweep_expand(sweep);
    struct sweep_summary summary;
    char *why = NULL;
    struct store *store = store_open_to_write(database, &why);
    if (store == NULL || !sweep_run(sweep, &points, store, &options, &summary, &why) ||
        !store_close(store, &why)) {
        fail(why);
    }
    printf("%s: %u points (%u failed) with %u jobs in %.2f s, %.2f ms a point and job\n", what,
           summary.total, summary.failed, options.jobs, summary.host_seconds,
           1e3 * summary.host_seconds * options.jobs / summary.total);
    sweep_summary_free(&summary);
    sweep_points_free(&points);
    sweep_destroy(sweep);
    err_destroy(err);
    unlink(database);
    unlink(path);
    free(database);
    free(path);
}

int main(void)
{
    char folder[] = "/tmp/tilesim-bench-XXXXXX";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (mkdtemp(folder) == NULL || setenv("TILESIM_CONFIGS", "configs", 1) != 0) {
        fail(folder);
    }
    bench("published figure", figure, folder);
    bench("no machine", nothing, folder);
    bench("toy chip", toy, folder);
    rmdir(folder);
    return 0;
}

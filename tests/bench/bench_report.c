// Host time of the page of a sweep with 10,000 points of two machines, and its size. Processor time
// of this thread; the aim is less than 2 s, and less than 5 MB. How fast a browser opens it:
// docs/report-page.md.
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/page/sweep.h"
#include "sim/err.h"

#define POINTS 10000u
#define PARTS 60u // of a schedule, as of the sparse one
#define BATCHES 100u

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// As long as a real one, and no two alike.
static void print_machine(FILE *stream, const char *variant, uint32_t point)
{
    double seconds = 1e-3 * (1 + point * 1.37e-4);
    fprintf(
        stream,
        "{\"name\":\"toy/"
        "%s\",\"kind\":\"tiles\",\"hardware\":\"toy\",\"variant\":\"%s\",\"form\":\"%s\","
        "\"chips\":1,\"clock_hz\":1.85e9,\"step_seconds\":%.17g,\"samples_per_second\":%.17g,"
        "\"error_band\":0.1,\"fits\":true,\"why\":null,\"breakdown_seconds\":{\"compute\":%.17g,"
        "\"exchange\":%.17g,\"sync\":1e-5,\"host\":0.0,\"launch\":0.0,\"loop\":0.0},"
        "\"cycles_per_training_step\":%u,\"supersteps_per_training_step\":512,\"tiles_used\":16,"
        "\"sram\":{\"limit_bytes\":638976,\"max_bytes\":%u,\"max_tile\":3,\"by_role\":{\"code\":%u,"
        "\"stack\":3584},\"largest\":[],\"by_tile\":{\"bytes\":[%u],\"tiles\":[0,-15]}},"
        "\"energy_joules\":null,\"shares\":[",
        variant, variant, variant, seconds, 48 / seconds, seconds * 0.7, seconds * 0.29,
        100000 + point * 7, 30000 + point % 977, 26000 + point % 977, 30000 + point % 977);
    for (uint32_t i = 0; i < PARTS; i++) {
        fprintf(
            stream,
            "%s{\"name\":\"%c%u part number %u\",\"seconds\":%.17g,\"cycles\":%u,\"times\":100}",
            i == 0 ? "" : ",", i < PARTS / 2 ? 'F' : 'B', i % 10, i, seconds / PARTS,
            1600 + (point * (i + 1)) % 300);
    }
    fputs("]}", stream);
}

static char *make_result(uint32_t point)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    fputs("{\"training\":[],\"activity\":[],\"machines\":[", stream);
    print_machine(stream, "sparse", point);
    fputc(',', stream);
    print_machine(stream, "dense", point);
    fputs("],\"speedups\":[]}", stream);
    fclose(stream);
    return text;
}

static struct store *make_store(const char *path)
{
    char *why = NULL;
    struct store *store = store_open_to_write(path, &why);
    SIM_ASSERT(store != NULL, "%s", why);
    for (uint32_t point = 0; point < POINTS; point++) {
        char key[33];
        snprintf(key, sizeof(key), "%08x%024x", point * 2654435761u, point);
        char *settings = xasprintf("{\"network.max_activity\":%u,\"training.batch\":%u}",
                                   point / BATCHES, point % BATCHES);
        char *result = make_result(point);
        struct store_point added = {.key = key,
                                    .sweep = "bench",
                                    .number = point,
                                    .settings = settings,
                                    .status = POINT_DONE,
                                    .config = "{}",
                                    .result = result,
                                    .version = "1",
                                    .git = "x",
                                    .finished = "2026-01-01T00:00:00Z"};
        SIM_ASSERT(store_add(store, &added, &why), "%s", why);
        free(settings);
        free(result);
    }
    return store;
}

int main(void)
{
    char folder[] = "/tmp/tilesim-bench-XXXXXX";
    SIM_ASSERT(mkdtemp(folder) != NULL, "no folder in /tmp");
    char *page = xasprintf("%s/page.html", folder);
    struct store *store = make_store(":memory:");
    char *why = NULL;
    double started = now_seconds();
    SIM_ASSERT(sweep_page_write(store, page, &why), "%s", why);
    double seconds = now_seconds() - started;
    struct stat status;
    SIM_ASSERT(stat(page, &status) == 0, "the page is not there");
    printf("page of %u points on 2 machines: %.2f s, %.2f MB\n", POINTS, seconds,
           (double)status.st_size * 1e-6);
    store_close(store, &why);
    unlink(page);
    rmdir(folder);
    free(page);
    return 0;
}

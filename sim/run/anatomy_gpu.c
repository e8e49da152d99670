// Kernels of a baseline, launches of equal kernels together, in the order of the first ones.
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/run/anatomy.h"

#define SLOWER 1.001 // small: a derivative

struct kernel_sum {
    const struct kernel *kernel; // NULL: told apart by name
    const char *name;
    enum kernel_phase phase;
    double launches, seconds, gap_seconds;
};

struct kernel_sums {
    struct kernel_sum *sums; // owned
    uint32_t count, capacity;
};

static void add_kernel(void *context, const struct gpu_kernel_visit *visit)
{
    struct kernel_sums *sums = context;
    struct kernel_sum *sum = NULL;
    for (uint32_t i = 0; i < sums->count && sum == NULL; i++) {
        bool is_same =
            sums->sums[i].kernel == visit->kernel && strcmp(sums->sums[i].name, visit->name) == 0;
        sum = is_same ? &sums->sums[i] : NULL;
    }
    if (sum == NULL) {
        if (sums->count == sums->capacity) {
            sums->capacity = 2 * sums->capacity + 16;
            sums->sums = xrealloc(sums->sums, sums->capacity * sizeof *sums->sums);
        }
        sum = &sums->sums[sums->count++];
        *sum = (struct kernel_sum){
            .kernel = visit->kernel, .name = visit->name, .phase = visit->phase};
    }
    sum->launches += visit->launches;
    sum->gap_seconds += visit->launches * visit->launch_seconds;
    sum->seconds += visit->launches * (visit->seconds + visit->launch_seconds);
}

static struct gpu_time sum_kernels(const struct observed_gpu *observed,
                                   const struct gpu_config *gpu, struct kernel_sums *sums)
{
    *sums = (struct kernel_sums){0};
    const struct gpu_visitor visitor = {add_kernel, sums};
    return gpu_visit_step(gpu, observed->baseline, observed->precision, observed->list,
                          observed->record, &visitor);
}

// The logarithmic derivative of every kernel's seconds. A kernel that the slower GPU does not have:
// none.
static void fill_parts(struct anatomy_gpu *out, const struct kernel_sums *slowed, uint32_t bound)
{
    for (uint32_t i = 0; i < out->kernel_count && i < slowed->count; i++) {
        struct anatomy_kernel *kernel = &out->kernels[i];
        double ratio = kernel->seconds > 0 ? slowed->sums[i].seconds / kernel->seconds : 1.0;
        kernel->parts[bound] = (ratio - 1.0) / (SLOWER - 1.0);
    }
}

void anatomy_observe_gpu(const struct observed_gpu *observed, struct anatomy *anatomy)
{
    static const char *const phases[] = {
        [PHASE_FORWARD] = "forward", [PHASE_BACKWARD] = "backward", [PHASE_ONCE] = "once"};
    _Static_assert(ANATOMY_BOUNDS == GPU_BOUND_COUNT, "the report knows every bound");
    struct kernel_sums sums;
    struct gpu_time time = sum_kernels(observed, observed->gpu, &sums);
    struct anatomy_gpu *out = anatomy_add_gpu(anatomy);
    *out = (struct anatomy_gpu){
        .name = xstrdup(observed->name),
        .hardware = xstrdup(observed->gpu->name),
        .description = gpu_baseline_description(observed->baseline),
        .step_seconds = time.step_seconds,
        .compute_seconds = time.compute_seconds,
        .launch_seconds = time.launch_seconds,
        .loop_seconds = time.loop_seconds,
        .sync_seconds = time.sync_seconds,
        .host_seconds = time.host_seconds,
        .time_steps = observed->list->time_steps,
        .kernels = xcalloc(sums.count + 1, sizeof *out->kernels),
        .kernel_count = sums.count,
    };
    for (uint32_t i = 0; i < sums.count; i++) {
        const struct kernel_sum *sum = &sums.sums[i];
        out->kernels[i] =
            (struct anatomy_kernel){.name = xstrdup(sum->name),
                                    .phase = phases[sum->phase],
                                    .layer = sum->kernel == NULL ? 0 : sum->kernel->layer,
                                    .launches = sum->launches,
                                    .seconds = sum->seconds,
                                    .gap_seconds = sum->gap_seconds};
    }
    free(sums.sums);
    for (uint32_t bound = 0; bound < GPU_BOUND_COUNT; bound++) {
        struct gpu_config slower = gpu_slowed(observed->gpu, (enum gpu_bound)bound, SLOWER);
        struct kernel_sums slowed;
        sum_kernels(observed, &slower, &slowed);
        fill_parts(out, &slowed, bound);
        free(slowed.sums);
    }
}

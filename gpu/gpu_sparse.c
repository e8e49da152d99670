// b4: the best code for the sparse form that this model can describe, on the true counts of the
// record. What does not depend on itself over time runs once for all time steps, as in b2, and each
// such product runs sparse or dense, whichever is faster here: both give the same values. The rest
// stays in the loop.
#include <math.h>

#include "gpu/costing.h"
#include "gpu/kernel_time.h"
#include "sim/err.h"

static bool is_product(const struct kernel *kernel)
{
    return kernel->kind == KERNEL_GATHER || kernel->kind == KERNEL_SCATTER ||
           kernel->kind == KERNEL_MASKED;
}

// Ids of the kernel's list at a time step, summed over the batch.
static double count_rows(const struct costing *costing, const struct kernel *kernel,
                         uint32_t time_step)
{
    const struct activity *activity = costing->activity;
    // spikes that cross a layer with a delay were recorded one time step earlier
    bool is_delayed =
        is_product(kernel) && kernel->record_layer > 0 && !kernel->depends_on_previous_layer;
    if (is_delayed && time_step == 0) {
        return 0.0;
    }
    const uint32_t *counts = activity_counts(&activity->layers[kernel->record_layer],
                                             activity->batch, time_step - is_delayed);
    uint64_t rows = 0;
    for (uint32_t b = 0; b < activity->batch; b++) {
        rows += counts[2 * b + kernel->counts_listed];
    }
    return (double)rows;
}

static double count_all_rows(const struct costing *costing, const struct kernel *kernel)
{
    double rows = 0.0;
    for (uint32_t t = 0; t < costing->list->time_steps; t++) {
        rows += count_rows(costing, kernel, t);
    }
    return rows;
}

// --- in the time loop ---------------------------------------------------------------------------
static double loop_work_seconds(const struct costing *costing, const struct kernel *kernel,
                                double rows)
{
    const struct gpu_config *gpu = costing->gpu;
    struct sparse_work work = {.rows = rows,
                               .samples = kernel->m,
                               .element_bytes = costing_gemm(costing)->element_bytes,
                               .resident = costing->resident[kernel->phase]};
    switch (kernel->kind) {
    case KERNEL_GATHER:
        return gpu_gather_seconds(gpu, kernel, &work);
    case KERNEL_SCATTER:
        return gpu_scatter_seconds(gpu, kernel, &work);
    case KERNEL_MASKED:
        return gpu_masked_seconds(gpu, kernel, &work);
    case KERNEL_COMPACT:
    case KERNEL_ELEMENTWISE:
        return gpu_stream_seconds(
            gpu, costing_moved_bytes(kernel) + GPU_FLOAT_BYTES * kernel->record_arrays * rows,
            work.resident);
    default:
        SIM_ASSERT(false, "b4: kernel %s belongs to the dense form", kernel->name);
    }
}

static void add_in_loop(struct costing *costing, const struct kernel *kernel)
{
    for (uint32_t t = 0; t < costing->list->time_steps; t++) {
        double rows = count_rows(costing, kernel, t);
        costing_add(costing, kernel,
                    costing->gpu->graph_kernel_seconds + loop_work_seconds(costing, kernel, rows),
                    1.0);
    }
}

// --- over all time steps ------------------------------------------------------------------------
static double hoisted_sparse_seconds(const struct costing *costing, const struct kernel *kernel)
{
    const struct gpu_config *gpu = costing->gpu;
    struct sparse_work work = {.rows = count_all_rows(costing, kernel),
                               .samples = (double)kernel->m * costing->list->time_steps,
                               .element_bytes = costing_gemm(costing)->element_bytes,
                               .resident = costing->resident[PHASE_ONCE]};
    switch (kernel->kind) {
    case KERNEL_GATHER:
        return gpu->graph_kernel_seconds + gpu_gather_seconds(gpu, kernel, &work);
    case KERNEL_MASKED:
        return gpu->graph_kernel_seconds + gpu_masked_seconds(gpu, kernel, &work);
    default: {
        double zeroing_bytes = GPU_FLOAT_BYTES * kernel->n * kernel->k; // before atomics
        double atomics = gpu->graph_kernel_seconds +
                         gpu_stream_seconds(gpu, zeroing_bytes, work.resident) +
                         gpu_scatter_seconds(gpu, kernel, &work);
        return gpu->graph_kernel_seconds + fmin(atomics, gpu_segments_seconds(gpu, kernel, &work));
    }
    }
}

// The same product by the library, which needs spikes as an array: ids are made dense before it.
static double hoisted_dense_seconds(const struct costing *costing, const struct kernel *kernel)
{
    const struct gpu_config *gpu = costing->gpu;
    double samples = (double)kernel->m * costing->list->time_steps;
    double spread_seconds =
        gpu->graph_kernel_seconds +
        gpu_stream_seconds(gpu, costing_gemm(costing)->element_bytes * samples * kernel->k,
                           costing->resident[PHASE_ONCE]);
    switch (kernel->kind) {
    case KERNEL_GATHER:
        return spread_seconds + costing_hoisted_seconds(costing, samples, kernel->n, kernel->k);
    case KERNEL_MASKED: // what is not listed is computed and not read
        return costing_hoisted_seconds(costing, samples, kernel->k, kernel->n);
    default:
        return spread_seconds + costing_hoisted_seconds(costing, kernel->n, kernel->k, samples);
    }
}

static double list_bytes(const struct costing *costing, const struct kernel *kernel)
{
    return GPU_FLOAT_BYTES * kernel->record_arrays * count_all_rows(costing, kernel);
}

static void add_kernel(struct costing *costing, const struct kernel *kernel)
{
    const struct gpu_config *gpu = costing->gpu;
    if (kernel->kind == KERNEL_ACCUMULATE && kernel->is_hoistable) {
        return; // the one pass over all time steps writes, or zeroes, the gradient itself
    }
    if (kernel->phase == PHASE_ONCE) {
        costing_add(costing, kernel, costing_plain_seconds(costing, kernel), 1.0);
    } else if (kernel->kind ==
               KERNEL_GEMM) { // of an analog input: hoistable, its layer reads nothing else
        costing_add(costing, kernel, costing_hoisted_kernel_seconds(costing, kernel), 1.0);
    } else if (kernel->kind == KERNEL_ELEMENTWISE && kernel->is_hoistable) {
        costing_add(costing, kernel, costing_pass_seconds(costing, kernel), 1.0);
    } else if (is_product(kernel) && kernel->is_hoistable) {
        costing_add(
            costing, kernel,
            fmin(hoisted_sparse_seconds(costing, kernel), hoisted_dense_seconds(costing, kernel)),
            1.0);
    } else if (kernel->kind == KERNEL_COMPACT && kernel->is_hoistable) {
        double bytes =
            costing_moved_bytes(kernel) * costing->list->time_steps + list_bytes(costing, kernel);
        costing_add(costing, kernel,
                    gpu->graph_kernel_seconds +
                        gpu_stream_seconds(gpu, bytes, costing->resident[PHASE_ONCE]),
                    1.0);
    } else if (kernel->kind == KERNEL_ELEMENTWISE && kernel->is_scan) {
        costing_add(costing, kernel,
                    costing_scan_seconds(costing, kernel, list_bytes(costing, kernel)), 1.0);
    } else {
        add_in_loop(costing, kernel);
    }
}

void costing_time_sparse(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    const struct activity *activity = costing->activity;
    SIM_ASSERT(activity && activity->time_steps == list->time_steps &&
                   activity->batch == list->batch && activity->layer_count == list->layer_count + 1,
               "b4 needs the record of this network");
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        add_kernel(costing, &list->kernels[i]);
    }
}

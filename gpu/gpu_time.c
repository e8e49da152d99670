// Conventions: time_b<i> adds the kernels of one baseline to costing->time; `times` is how often a kernel
// runs in one training step. A kernel in the time loop finds its data in L2 if what the loop uses again
// at every time step fits there; a kernel that runs once per training step finds it there only if the
// memory of the whole training step fits.
#include <math.h>

#include "gpu/gpu.h"
#include "gpu/kernel_time.h"
#include "sim/err.h"

struct costing {
    const struct gpu_config *gpu;
    enum gpu_baseline baseline;
    enum gpu_precision precision;
    const struct kernel_list *list;
    const struct activity *activity; // b4
    bool is_loop_resident;           // weights, gradients and states of all layers are in L2
    bool is_step_resident;           // everything is
    struct gpu_time time;
};

// --- memory -------------------------------------------------------------------------------------
static bool is_hoisted(const struct kernel *kernel)
{
    return kernel->kind == KERNEL_GEMM && kernel->is_hoistable;
}

// What products over all time steps leave between kernels. b2 goes layer by layer: currents or adjoints
// in and out of one layer at a time. b3 keeps the errors of every layer for its weight gradients.
static double hoisted_elements(const struct kernel_list *list, enum gpu_baseline baseline)
{
    double largest = 0.0;
    double errors = 0.0;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (!is_hoisted(kernel)) {
            continue;
        }
        if (kernel->reduces_batch) {
            errors += (double)kernel->m * kernel->k;
        } else {
            largest = fmax(largest, (double)kernel->m * kernel->n);
        }
    }
    if (baseline == GPU_B2) {
        return 2.0 * largest * list->time_steps;
    }
    return baseline == GPU_B3 ? errors * list->time_steps : 0.0;
}

static uint64_t memory_needed(const struct kernel_list *list, enum gpu_baseline baseline)
{
    uint64_t input = baseline == GPU_B4 ? list->input_id_elements : list->input_elements;
    double elements = 2.0 * (double)list->parameter_elements + // weights and their gradients
                      (double)list->optimizer_elements + (double)list->saved_elements +
                      (double)list->state_elements + (double)input +
                      hoisted_elements(list, baseline);
    return (uint64_t)(GPU_FLOAT_BYTES * elements);
}

// What the kernels inside the time loop touch at every time step.
static double loop_bytes(const struct kernel_list *list, enum gpu_baseline baseline)
{
    double copies = baseline == GPU_B3 ? 1.0 : 2.0; // b3 leaves weight gradients to the end
    return GPU_FLOAT_BYTES *
           (copies * (double)list->parameter_elements + (double)list->state_elements);
}

// --- kernels ------------------------------------------------------------------------------------
static void add_kernels(struct costing *costing, double seconds, double times)
{
    costing->time.compute_seconds += seconds * times;
    costing->time.kernel_launches += (uint64_t)times;
}

static double times_of(const struct costing *costing, const struct kernel *kernel)
{
    return kernel->phase == PHASE_ONCE ? 1.0 : costing->list->time_steps;
}

static double moved_bytes(const struct kernel *kernel)
{
    return GPU_FLOAT_BYTES * ((double)kernel->read_elements + (double)kernel->write_elements);
}

// Bytes of one time step in a kernel that loops over time: states stay in registers.
static double uncarried_bytes(const struct kernel *kernel)
{
    return moved_bytes(kernel) - GPU_FLOAT_BYTES * ((double)kernel->carried_read_elements +
                                                    (double)kernel->carried_write_elements);
}

// One kernel of the dense list as it stands, in a CUDA graph.
static double plain_seconds(const struct costing *costing, const struct kernel *kernel)
{
    const struct gpu_config *gpu = costing->gpu;
    bool is_resident =
        kernel->phase == PHASE_ONCE ? costing->is_step_resident : costing->is_loop_resident;
    switch (kernel->kind) {
    case KERNEL_GEMM:
        return gpu_product_seconds(gpu, costing->precision, kernel->m, kernel->n, kernel->k,
                                   is_resident);
    case KERNEL_ELEMENTWISE:
    case KERNEL_ACCUMULATE:
        return gpu->graph_kernel_seconds +
               gpu_stream_seconds(gpu, moved_bytes(kernel), is_resident);
    default:
        SIM_ASSERT(false, "%s: kernel %s belongs to the sparse form",
                   gpu_baseline_name(costing->baseline), kernel->name);
    }
}

// What a stream adds to a kernel of a graph: a streaming kernel's higher floor, and no kernel is shorter
// than the gap between two launches. GEMM times were measured in graphs and carry no other floor.
static double stream_extra_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                                   double graph_seconds)
{
    double floor_seconds = gpu->stream_kernel_seconds - gpu->graph_kernel_seconds;
    double seconds = graph_seconds + (kernel->kind == KERNEL_GEMM ? 0.0 : fmax(floor_seconds, 0.0));
    return fmax(seconds, gpu->stream_gap_seconds) - graph_seconds;
}

static void time_in_loop(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    bool is_stream = costing->baseline == GPU_B0;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        double seconds = plain_seconds(costing, kernel);
        double times = times_of(costing, kernel);
        add_kernels(costing, seconds, times);
        if (is_stream) {
            costing->time.launch_seconds +=
                times * stream_extra_seconds(costing->gpu, kernel, seconds);
        }
    }
    if (is_stream) { // one loop forward, one backward
        costing->time.loop_seconds = 2.0 * list->time_steps * costing->gpu->loop_iteration_seconds;
    }
}

// A product over all time steps at once: the batch is batch x time, and so is the sum of a weight
// gradient. Its operands were left by a kernel that streamed all time steps.
static double hoisted_seconds(const struct costing *costing, const struct kernel *kernel)
{
    double time_steps = costing->list->time_steps;
    double m = kernel->reduces_batch ? kernel->m : kernel->m * time_steps;
    double k = kernel->reduces_batch ? kernel->k * time_steps : kernel->k;
    return gpu_product_seconds(costing->gpu, costing->precision, m, kernel->n, k,
                               costing->is_step_resident);
}

static void time_hoisted(struct costing *costing)
{
    const struct gpu_config *gpu = costing->gpu;
    const struct kernel_list *list = costing->list;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->kind == KERNEL_ACCUMULATE) {
            continue; // the one product over all time steps writes the gradient
        }
        if (is_hoisted(kernel)) {
            add_kernels(costing, hoisted_seconds(costing, kernel), 1.0);
        } else if (kernel->is_scan && kernel->phase != PHASE_ONCE) {
            double bytes = uncarried_bytes(kernel) * list->time_steps;
            add_kernels(costing,
                        gpu->graph_kernel_seconds +
                            gpu_stream_seconds(gpu, bytes, costing->is_step_resident),
                        1.0);
        } else {
            add_kernels(costing, plain_seconds(costing, kernel), times_of(costing, kernel));
        }
    }
}

// --- b3 -----------------------------------------------------------------------------------------
// One direction of the persistent kernel. Layers run one behind the other: where a layer needs its
// predecessor's spikes of the same time step, it works one time step behind it, and the last layer ends
// that many steps later.
static void time_persistent_direction(struct costing *costing, enum kernel_phase phase)
{
    const struct gpu_config *gpu = costing->gpu;
    const struct gemm_model *model = &gpu->gemm[costing->precision];
    double flops = 0.0;
    double weight_bytes = 0.0;
    double array_bytes = 0.0;
    double lag_steps = 0.0;
    for (uint32_t i = 0; i < costing->list->kernel_count; i++) {
        const struct kernel *kernel = &costing->list->kernels[i];
        if (kernel->phase != phase || kernel->reduces_batch) {
            continue;
        }
        if (kernel->kind == KERNEL_GEMM) {
            flops += 2.0 * kernel->m * kernel->n * kernel->k;
            // the result goes to the neuron's equations without passing memory
            weight_bytes += model->element_bytes * ((double)kernel->m + kernel->n) * kernel->k;
            lag_steps += kernel->depends_on_previous_layer;
        } else if (kernel->kind == KERNEL_ELEMENTWISE) {
            array_bytes += uncarried_bytes(kernel);
        }
    }
    double flop_seconds = flops / (model->flop_efficiency * model->peak_flop_per_second);
    double byte_seconds = gpu_stream_seconds(gpu, weight_bytes, costing->is_loop_resident) +
                          gpu_stream_seconds(gpu, array_bytes, costing->is_step_resident);
    double work_seconds = fmax(flop_seconds, byte_seconds);
    double time_steps = costing->list->time_steps;
    add_kernels(costing, gpu->graph_kernel_seconds + time_steps * work_seconds, 1.0);
    costing->time.sync_seconds += time_steps * fmax(gpu->grid_sync_seconds - work_seconds, 0.0) +
                                  lag_steps * gpu->grid_sync_seconds;
}

static void time_persistent(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    time_persistent_direction(costing, PHASE_FORWARD);
    time_persistent_direction(costing, PHASE_BACKWARD);
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->kind == KERNEL_ACCUMULATE) {
            continue;
        }
        if (kernel->phase == PHASE_ONCE) {
            add_kernels(costing, plain_seconds(costing, kernel), 1.0);
        } else if (kernel->reduces_batch) {
            add_kernels(costing, hoisted_seconds(costing, kernel), 1.0);
        }
    }
}

// --- b4 -----------------------------------------------------------------------------------------
// Ids of the kernel's list at a time step, summed over the batch.
static double count_rows(const struct costing *costing, const struct kernel *kernel,
                         uint32_t time_step)
{
    const struct activity *activity = costing->activity;
    // spikes that cross a layer with a delay were recorded one time step earlier
    bool crosses_layers = kernel->kind == KERNEL_GATHER || kernel->kind == KERNEL_SCATTER ||
                          kernel->kind == KERNEL_MASKED;
    bool is_delayed =
        crosses_layers && kernel->record_layer > 0 && !kernel->depends_on_previous_layer;
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

static double sparse_work_seconds(const struct costing *costing, const struct kernel *kernel,
                                  double rows)
{
    const struct gpu_config *gpu = costing->gpu;
    bool is_resident = costing->is_loop_resident;
    switch (kernel->kind) {
    case KERNEL_GATHER:
        return gpu_gather_seconds(gpu, kernel, rows, is_resident);
    case KERNEL_SCATTER:
        return gpu_scatter_seconds(gpu, kernel, rows, is_resident);
    case KERNEL_MASKED:
        return gpu_masked_seconds(gpu, kernel, rows, is_resident);
    case KERNEL_COMPACT:
    case KERNEL_ELEMENTWISE:
    case KERNEL_ACCUMULATE:
        return gpu_stream_seconds(
            gpu, moved_bytes(kernel) + GPU_FLOAT_BYTES * kernel->record_arrays * rows, is_resident);
    default:
        SIM_ASSERT(false, "b4: kernel %s belongs to the dense form", kernel->name);
    }
}

static void time_sparse(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    const struct activity *activity = costing->activity;
    SIM_ASSERT(activity && activity->time_steps == list->time_steps &&
                   activity->batch == list->batch && activity->layer_count == list->layer_count + 1,
               "b4 needs the record of this network");
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        double floor_seconds = costing->gpu->graph_kernel_seconds;
        if (kernel->phase == PHASE_ONCE) {
            add_kernels(costing, plain_seconds(costing, kernel), 1.0);
            continue;
        }
        for (uint32_t t = 0; t < list->time_steps; t++) {
            double rows = count_rows(costing, kernel, t);
            add_kernels(costing, floor_seconds + sparse_work_seconds(costing, kernel, rows), 1.0);
        }
    }
}

// --- the whole ----------------------------------------------------------------------------------
// b0 copies the dense input before every step. The others are sent ids while the step before runs.
static void add_host(struct costing *costing)
{
    const struct gpu_config *gpu = costing->gpu;
    struct gpu_time *time = &costing->time;
    double busy =
        time->compute_seconds + time->launch_seconds + time->loop_seconds + time->sync_seconds;
    bool is_dense = costing->baseline == GPU_B0;
    double elements =
        (double)(is_dense ? costing->list->input_elements : costing->list->input_id_elements);
    double copy =
        gpu->host_latency_seconds + GPU_FLOAT_BYTES * elements / gpu->host_bytes_per_second;
    time->host_seconds = is_dense ? copy : fmax(copy - busy, 0.0);
    time->step_seconds = busy + time->host_seconds;
}

// The baseline's own band, or that of the matrix products where it is wider.
static double error_band_of(const struct costing *costing)
{
    double band = costing->gpu->baseline_error[costing->baseline];
    bool has_products = costing->baseline != GPU_B4;
    return has_products ? fmax(band, costing->gpu->gemm[costing->precision].error) : band;
}

struct gpu_time gpu_time_step(const struct gpu_config *gpu, enum gpu_baseline baseline,
                              enum gpu_precision precision, const struct kernel_list *list,
                              const struct activity *activity)
{
    SIM_ASSERT((unsigned)baseline < GPU_BASELINE_COUNT && (unsigned)precision < GPU_PRECISION_COUNT,
               "baseline %u, precision %u", (unsigned)baseline, (unsigned)precision);
    struct costing costing = {.gpu = gpu,
                              .baseline = baseline,
                              .precision = precision,
                              .list = list,
                              .activity = activity};
    costing.time.memory_bytes = memory_needed(list, baseline);
    costing.time.fits = (double)costing.time.memory_bytes <= gpu->memory_bytes;
    costing.is_step_resident = (double)costing.time.memory_bytes <= gpu_l2_usable_bytes(gpu);
    costing.is_loop_resident = loop_bytes(list, baseline) <= gpu_l2_usable_bytes(gpu);
    switch (baseline) {
    case GPU_B2:
        time_hoisted(&costing);
        break;
    case GPU_B3:
        time_persistent(&costing);
        break;
    case GPU_B4:
        time_sparse(&costing);
        break;
    default:
        time_in_loop(&costing);
    }
    add_host(&costing);
    costing.time.error_band = error_band_of(&costing);
    return costing.time;
}

// --- names --------------------------------------------------------------------------------------
const char *gpu_baseline_name(enum gpu_baseline baseline)
{
    static const char *const names[GPU_BASELINE_COUNT] = {"b0", "b1", "b2", "b3", "b4"};
    SIM_ASSERT((unsigned)baseline < GPU_BASELINE_COUNT, "baseline %u", (unsigned)baseline);
    return names[baseline];
}

const char *gpu_baseline_description(enum gpu_baseline baseline)
{
    static const char *const descriptions[GPU_BASELINE_COUNT] = {
        [GPU_B0] = "dense, as shipped: framework loop over time, a launch per kernel",
        [GPU_B1] = "dense, the same kernels in a CUDA graph",
        [GPU_B2] = "dense, products hoisted out of the time loop, one scan per layer",
        [GPU_B3] = "dense, bound of a persistent fused kernel",
        [GPU_B4] = "sparse, ideal code on the true spike counts in a CUDA graph",
    };
    SIM_ASSERT((unsigned)baseline < GPU_BASELINE_COUNT, "baseline %u", (unsigned)baseline);
    return descriptions[baseline];
}

const char *gpu_precision_name(enum gpu_precision precision)
{
    static const char *const names[GPU_PRECISION_COUNT] = {"float32", "tf32", "bfloat16"};
    SIM_ASSERT((unsigned)precision < GPU_PRECISION_COUNT, "precision %u", (unsigned)precision);
    return names[precision];
}

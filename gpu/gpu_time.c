// Conventions: a time_... function adds the kernels of one baseline to costing->time. A kernel in
// the time loop finds in L2 what stays there of all that the loop of its direction uses again at
// every time step; a kernel that runs once per training step, what stays of all that the training
// step touches.
#include <math.h>

#include "gpu/costing.h"
#include "gpu/gpu.h"
#include "gpu/kernel_time.h"
#include "sim/err.h"

// --- b0, b1 -------------------------------------------------------------------------------------
static double times_of(const struct costing *costing, const struct kernel *kernel)
{
    return kernel->phase == PHASE_ONCE ? 1.0 : costing->list->time_steps;
}

// What a stream adds to a kernel of a graph: a streaming kernel's higher floor, and no kernel is
// shorter than the gap between two launches. GEMM times were measured in graphs and carry no other
// floor.
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
        double seconds = costing_plain_seconds(costing, kernel);
        const struct run_of_kernel run = {
            .kernel = kernel,
            .seconds = seconds,
            .times = times_of(costing, kernel),
            .launch_seconds =
                is_stream ? stream_extra_seconds(costing->gpu, kernel, seconds) : 0.0};
        costing_add_run(costing, &run);
    }
    if (is_stream) { // one loop forward, one backward
        costing->time.loop_seconds = 2.0 * list->time_steps * costing->gpu->loop_iteration_seconds;
    }
}

// --- b2 -----------------------------------------------------------------------------------------
static void time_hoisted(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->kind == KERNEL_ACCUMULATE && kernel->is_hoistable) {
            continue; // the one product over all time steps writes the gradient
        }
        if (kernel->kind == KERNEL_GEMM && kernel->is_hoistable) {
            costing_add(costing, kernel, costing_hoisted_kernel_seconds(costing, kernel), 1.0);
        } else if (kernel->kind == KERNEL_ELEMENTWISE && kernel->is_hoistable) {
            costing_add(costing, kernel, costing_pass_seconds(costing, kernel), 1.0);
        } else if (kernel->is_scan && kernel->phase != PHASE_ONCE) {
            costing_add(costing, kernel, costing_scan_seconds(costing, kernel, 0.0), 1.0);
        } else {
            costing_add(costing, kernel, costing_plain_seconds(costing, kernel),
                        times_of(costing, kernel));
        }
    }
}

// --- b3 -----------------------------------------------------------------------------------------
// Bytes that no persistent kernel can avoid at one time step: weights beyond what all registers and
// shared memories hold, and what must pass memory because the other direction, long after, needs it.
static double unavoidable_seconds(const struct costing *costing, double weight_elements,
                                  enum kernel_phase phase)
{
    const struct gpu_config *gpu = costing->gpu;
    const struct kernel_list *list = costing->list;
    double weight_bytes = costing_gemm(costing)->element_bytes * weight_elements;
    double on_chip_bytes = gpu->multiprocessors * gpu->multiprocessor_bytes;
    double stash_bytes =
        GPU_FLOAT_BYTES * ((double)list->saved_elements + (double)list->input_id_elements);
    return gpu_stream_seconds(gpu, fmax(weight_bytes - on_chip_bytes, 0.0),
                              costing->resident[phase]) +
           gpu_stream_seconds(gpu, stash_bytes / list->time_steps, costing->resident[PHASE_ONCE]);
}

// One direction of the persistent kernel, a grid sync per time step. Layers run one behind the
// other: where a layer needs its predecessor's spikes of the same time step, it works one time step
// behind it, and the last layer ends that many steps later.
static void time_persistent_direction(struct costing *costing, enum kernel_phase phase)
{
    const struct gpu_config *gpu = costing->gpu;
    const struct gemm_model *model = costing_gemm(costing);
    double flops = 0.0;
    double weight_elements = 0.0;
    double lag_steps = 0.0;
    for (uint32_t i = 0; i < costing->list->kernel_count; i++) {
        const struct kernel *kernel = &costing->list->kernels[i];
        if (kernel->phase != phase || kernel->kind != KERNEL_GEMM) {
            continue;
        }
        double runs = kernel->is_static ? 1.0 / costing->list->time_steps : 1.0; // a time step
        flops += runs * 2.0 * kernel->m * kernel->n * kernel->k;
        if (!kernel->reduces_batch) { // weight gradients are sums that stay where they are
            weight_elements += (double)kernel->n * kernel->k;
            lag_steps += kernel->depends_on_previous_layer;
        }
    }
    double work_seconds = fmax(flops / (model->flop_efficiency * model->peak_flop_per_second),
                               unavoidable_seconds(costing, weight_elements, phase));
    double time_steps = costing->list->time_steps;
    const struct run_of_kernel run = {
        .name = phase == PHASE_FORWARD ? "persistent forward" : "persistent backward",
        .seconds = gpu->graph_kernel_seconds + time_steps * work_seconds,
        .times = 1.0};
    costing_add_run(costing, &run);
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
        if (kernel->phase == PHASE_ONCE && kernel->kind != KERNEL_ACCUMULATE) {
            costing_add(costing, kernel, costing_plain_seconds(costing, kernel), 1.0);
        }
    }
}

// --- the whole ----------------------------------------------------------------------------------
// The input comes as ids; the products of b1 and b2 read it as an array. b0 was sent the array.
static void add_dense_input(struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    bool is_needed = costing->baseline == GPU_B1 || costing->baseline == GPU_B2;
    if (!is_needed || list->is_input_static || list->input_elements == 0) {
        return;
    }
    double bytes =
        GPU_FLOAT_BYTES * ((double)list->input_elements + (double)list->input_id_elements);
    const struct run_of_kernel run = {
        .name = "input ids to dense",
        .seconds = costing->gpu->graph_kernel_seconds +
                   gpu_stream_seconds(costing->gpu, bytes, costing->resident[PHASE_ONCE]),
        .times = 1.0};
    costing_add_run(costing, &run);
}

// The input of the next step is copied while a step runs: b0's as an array, the others' as ids.
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
    time->input_copy_seconds = copy;
    time->host_seconds = fmax(copy - busy, 0.0);
    time->step_seconds = busy + time->host_seconds;
}

// The baseline's own band, or that of the matrix products where it is wider.
static double error_band_of(const struct costing *costing)
{
    double band = costing->gpu->baseline_error[costing->baseline];
    return fmax(band, costing_gemm(costing)->error);
}

struct gpu_time gpu_visit_step(const struct gpu_config *gpu, enum gpu_baseline baseline,
                               enum gpu_precision precision, const struct kernel_list *list,
                               const struct activity *activity, const struct gpu_visitor *visitor)
{
    SIM_ASSERT((unsigned)baseline < GPU_BASELINE_COUNT && (unsigned)precision < GPU_PRECISION_COUNT,
               "baseline %u, precision %u", (unsigned)baseline, (unsigned)precision);
    struct costing costing = {.gpu = gpu,
                              .baseline = baseline,
                              .precision = precision,
                              .list = list,
                              .activity = activity,
                              .visitor = visitor};
    costing_init(&costing);
    switch (baseline) {
    case GPU_B2:
        time_hoisted(&costing);
        break;
    case GPU_B3:
        time_persistent(&costing);
        break;
    case GPU_B4:
        costing_time_sparse(&costing);
        break;
    default:
        time_in_loop(&costing);
    }
    add_dense_input(&costing);
    add_host(&costing);
    costing.time.error_band = error_band_of(&costing);
    return costing.time;
}

struct gpu_time gpu_time_step(const struct gpu_config *gpu, enum gpu_baseline baseline,
                              enum gpu_precision precision, const struct kernel_list *list,
                              const struct activity *activity)
{
    return gpu_visit_step(gpu, baseline, precision, list, activity, NULL);
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
        [GPU_B3] = "dense, bound of a persistent kernel with a grid sync per time step",
        [GPU_B4] = "sparse, ideal code: hoisted, true spike counts, dense where faster",
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

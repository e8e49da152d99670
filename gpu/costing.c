// Memory, cache residency and the kernels that several baselines share.
#include "gpu/costing.h"

#include <math.h>

#include "gpu/kernel_time.h"
#include "sim/err.h"

// --- memory -------------------------------------------------------------------------------------
// What products over all time steps leave between kernels: currents or adjoints in and out of one layer at
// a time. b3 keeps the results of products on the chip.
static double hoisted_elements(const struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    double largest = 0.0;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->is_hoistable && !kernel->reduces_batch && !kernel->is_static) {
            largest = fmax(largest, (double)kernel->m * kernel->n);
        }
    }
    bool is_hoisting = costing->baseline == GPU_B2 || costing->baseline == GPU_B4;
    return is_hoisting ? 2.0 * largest * list->time_steps : 0.0;
}

static uint64_t memory_needed(const struct costing *costing)
{
    const struct kernel_list *list = costing->list;
    bool is_sparse = costing->baseline == GPU_B4;
    uint64_t input = is_sparse ? list->input_id_elements : list->input_elements;
    double elements = 2.0 * (double)list->parameter_elements + // weights and their gradients
                      (double)list->optimizer_elements + (double)list->saved_elements +
                      (double)list->state_elements + (double)input + hoisted_elements(costing);
    return (uint64_t)(GPU_FLOAT_BYTES * elements);
}

// What the loop of one direction touches again at every time step: matrices that its products read,
// weight gradients that it adds to with the largest product that is to be added, and the states.
static double loop_bytes(const struct kernel_list *list, enum kernel_phase phase)
{
    double elements = (double)list->state_elements;
    double largest_product = 0.0;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->phase != phase || kernel->n == 0 || kernel->kind == KERNEL_COMPACT) {
            continue;
        }
        if (kernel->reduces_batch) {
            double product = (double)kernel->m * kernel->n;
            elements += product;
            largest_product = fmax(largest_product, product);
        } else { // weights, or gradients that are scattered to
            elements += (double)kernel->k * kernel->n;
        }
    }
    return GPU_FLOAT_BYTES * (elements + largest_product);
}

void costing_init(struct costing *costing)
{
    const struct gpu_config *gpu = costing->gpu;
    double needed = (double)(costing->time.memory_bytes = memory_needed(costing));
    costing->time.fits = needed <= gpu->memory_bytes;
    for (uint32_t phase = 0; phase < PHASE_ONCE; phase++) {
        costing->resident[phase] =
            gpu_resident_fraction(gpu, loop_bytes(costing->list, (enum kernel_phase)phase));
    }
    costing->resident[PHASE_ONCE] = gpu_resident_fraction(gpu, needed);
}

// --- kernels ------------------------------------------------------------------------------------
const struct gemm_model *costing_gemm(const struct costing *costing)
{
    return &costing->gpu->gemm[costing->precision];
}

void costing_add_run(struct costing *costing, const struct run_of_kernel *run)
{
    costing->time.compute_seconds += run->seconds * run->times;
    costing->time.launch_seconds += run->times * run->launch_seconds;
    costing->time.kernel_launches += (uint64_t)run->times;
    if (costing->visitor == NULL) {
        return;
    }
    const struct gpu_kernel_visit visit = {
        .kernel = run->kernel,
        .name = run->name == NULL ? run->kernel->name : run->name,
        .phase = run->kernel == NULL ? PHASE_ONCE : run->kernel->phase,
        .launches = run->times,
        .seconds = run->seconds,
        .launch_seconds = run->launch_seconds,
    };
    costing->visitor->visit(costing->visitor->context, &visit);
}

void costing_add(struct costing *costing, const struct kernel *kernel, double seconds, double times)
{
    const struct run_of_kernel run = {.kernel = kernel, .seconds = seconds, .times = times};
    costing_add_run(costing, &run);
}

double costing_moved_bytes(const struct kernel *kernel)
{
    return GPU_FLOAT_BYTES * ((double)kernel->read_elements + (double)kernel->write_elements);
}

double costing_plain_seconds(const struct costing *costing, const struct kernel *kernel)
{
    const struct gpu_config *gpu = costing->gpu;
    double resident = costing->resident[kernel->phase];
    switch (kernel->kind) {
    case KERNEL_GEMM:
        return gpu_product_seconds(gpu, costing_gemm(costing), kernel->m, kernel->n, kernel->k,
                                   resident);
    case KERNEL_ELEMENTWISE:
    case KERNEL_ACCUMULATE:
        return gpu->graph_kernel_seconds +
               gpu_stream_seconds(gpu, costing_moved_bytes(kernel), resident);
    default:
        SIM_ASSERT(false, "%s: kernel %s belongs to the sparse form",
                   gpu_baseline_name(costing->baseline), kernel->name);
    }
}

// Its operands were left by a kernel that streamed all time steps: in L2 only if everything is.
double costing_hoisted_seconds(const struct costing *costing, double m, double n, double k)
{
    return gpu_product_seconds(costing->gpu, costing_gemm(costing), m, n, k,
                               costing->resident[PHASE_ONCE]);
}

// The batch is batch x time, and so is the sum of a weight gradient.
double costing_hoisted_kernel_seconds(const struct costing *costing, const struct kernel *kernel)
{
    double time_steps = kernel->is_static ? 1.0 : costing->list->time_steps;
    double m = kernel->reduces_batch ? kernel->m : kernel->m * time_steps;
    double k = kernel->reduces_batch ? kernel->k * time_steps : kernel->k;
    return costing_hoisted_seconds(costing, m, kernel->n, k);
}

double costing_pass_seconds(const struct costing *costing, const struct kernel *kernel)
{
    double bytes = costing_moved_bytes(kernel) * costing->list->time_steps;
    return costing->gpu->graph_kernel_seconds +
           gpu_stream_seconds(costing->gpu, bytes, costing->resident[PHASE_ONCE]);
}

// States stay in registers; time steps depend on each other, so none is shorter than a link of the
// chain.
double costing_scan_seconds(const struct costing *costing, const struct kernel *kernel,
                            double list_bytes)
{
    const struct gpu_config *gpu = costing->gpu;
    double time_steps = costing->list->time_steps;
    double carried_bytes = GPU_FLOAT_BYTES * ((double)kernel->carried_read_elements +
                                              (double)kernel->carried_write_elements);
    double bytes = time_steps * (costing_moved_bytes(kernel) - carried_bytes) + list_bytes;
    double stream_seconds = gpu_stream_seconds(gpu, bytes, costing->resident[PHASE_ONCE]);
    return gpu->graph_kernel_seconds + fmax(stream_seconds, time_steps * gpu->scan_step_seconds);
}

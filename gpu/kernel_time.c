#include "gpu/kernel_time.h"

#include <math.h>

double gpu_resident_fraction(const struct gpu_config *gpu, double working_set_bytes)
{
    double whole = gpu->l2_usable_fraction * gpu->l2_bytes; // up to here everything stays
    double none = gpu->l2_lost_fraction * gpu->l2_bytes;    // from here on nothing does
    if (working_set_bytes <= whole) {
        return 1.0;
    }
    return working_set_bytes < none ? (none - working_set_bytes) / (none - whole) : 0.0;
}

// Seconds for bytes of which one part comes from L2, the other from memory.
static double mixed_seconds(const struct gpu_config *gpu, double bytes, double resident,
                            double memory_bytes_per_second)
{
    return bytes *
           (resident / gpu->l2_bytes_per_second + (1.0 - resident) / memory_bytes_per_second);
}

double gpu_product_seconds(const struct gpu_config *gpu, const struct gemm_model *model, double m,
                           double n, double k, double resident)
{
    double bytes = model->element_bytes * (m * k + k * n + m * n);
    // the efficiency was fitted against the datasheet's bandwidth
    double cold_rate = model->bandwidth_efficiency * gpu->memory_bytes_per_second_spec;
    double chain = model->chain_seconds * pow(k / 1024.0, model->chain_exponent);
    double flops = 2.0 * m * n * k / (model->flop_efficiency * model->peak_flop_per_second);
    double moves = mixed_seconds(gpu, bytes, resident, cold_rate);
    double q = model->norm_exponent;
    double sum = pow(chain, q) + pow(flops, q) + pow(moves, q);
    return model->fixed_seconds + pow(sum, 1.0 / q);
}

double gpu_gemm_seconds(const struct gpu_config *gpu, enum gpu_precision precision, uint32_t m,
                        uint32_t n, uint32_t k, bool is_l2_resident)
{
    return gpu_product_seconds(gpu, &gpu->gemm[precision], m, n, k, is_l2_resident ? 1.0 : 0.0);
}

double gpu_stream_seconds(const struct gpu_config *gpu, double bytes, double resident)
{
    return mixed_seconds(gpu, bytes, resident, gpu->memory_bytes_per_second);
}

// The matrix whose rows are used, as far as it is not in L2: each row that is used comes once. `passes`:
// 1 read only, 2 read and written back.
static double cold_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                           const struct sparse_work *work, double row_bytes, double passes)
{
    double bytes = passes * row_bytes * fmin(work->rows, kernel->k);
    return (1.0 - work->resident) * bytes / gpu->memory_bytes_per_second;
}

double gpu_gather_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                          const struct sparse_work *work)
{
    double row_bytes = work->element_bytes * kernel->n;
    double sums_bytes = GPU_FLOAT_BYTES * kernel->n * work->samples;
    return row_bytes * work->rows / gpu->gather_bytes_per_second +
           gpu_stream_seconds(gpu, sums_bytes, work->resident) +
           cold_seconds(gpu, kernel, work, row_bytes, 1.0);
}

double gpu_masked_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                          const struct sparse_work *work)
{
    const struct gemm_model *vector = &gpu->gemm[GPU_FLOAT32]; // dot products: no tensor cores
    double row_bytes = work->element_bytes * kernel->n;
    double errors_bytes = GPU_FLOAT_BYTES * kernel->n * work->samples;
    double flops = 2.0 * work->rows * kernel->n;
    return fmax(row_bytes * work->rows / gpu->gather_bytes_per_second,
                flops / (vector->flop_efficiency * vector->peak_flop_per_second)) +
           gpu_stream_seconds(gpu, errors_bytes, work->resident) +
           cold_seconds(gpu, kernel, work, row_bytes, 1.0);
}

double gpu_scatter_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                           const struct sparse_work *work)
{
    double row_bytes = GPU_FLOAT_BYTES * kernel->n; // gradients are float32 in every precision
    return 2.0 * row_bytes * work->rows / gpu->atomic_bytes_per_second + // read and written
           gpu_stream_seconds(gpu, row_bytes * work->samples, work->resident) +
           cold_seconds(gpu, kernel, work, row_bytes, 2.0);
}

double gpu_segments_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                            const struct sparse_work *work)
{
    const double sort_kernels = 3.0;      // count per neuron, sum up, place
    const double sort_passes = 2 + 1 + 1; // ids read twice, written once, read by the sum
    double errors_bytes = GPU_FLOAT_BYTES * kernel->n * work->samples;
    double gradient_bytes = GPU_FLOAT_BYTES * kernel->n * kernel->k;
    double ids_bytes = sort_passes * GPU_FLOAT_BYTES * work->rows;
    return sort_kernels * gpu->graph_kernel_seconds +
           work->element_bytes * kernel->n * work->rows / gpu->gather_bytes_per_second +
           gpu_stream_seconds(gpu, errors_bytes + gradient_bytes + ids_bytes, work->resident);
}

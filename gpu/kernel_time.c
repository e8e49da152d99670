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

double gpu_stream_seconds(const struct gpu_config *gpu, double bytes, double resident)
{
    return bytes *
           (resident / gpu->l2_bytes_per_second + (1.0 - resident) / gpu->memory_bytes_per_second);
}

double gpu_stream_product_seconds(const struct gpu_config *gpu, double graph_seconds)
{
    return fmax(graph_seconds, gpu->stream_gap_seconds);
}

// The matrix whose rows are used, as far as it is not in L2: each row that is used comes once.
// `passes`: 1 read only, 2 read and written back.
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

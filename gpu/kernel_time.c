#include "gpu/kernel_time.h"

#include <math.h>

double gpu_l2_usable_bytes(const struct gpu_config *gpu)
{
    return gpu->l2_usable_fraction * gpu->l2_bytes;
}

double gpu_product_seconds(const struct gpu_config *gpu, enum gpu_precision precision, double m,
                           double n, double k, bool is_l2_resident)
{
    const struct gemm_model *model = &gpu->gemm[precision];
    double bytes = model->element_bytes * (m * k + k * n + m * n);
    // the efficiency was fitted against the datasheet's bandwidth
    double bytes_per_second = is_l2_resident
                                  ? gpu->l2_bytes_per_second
                                  : model->bandwidth_efficiency * gpu->memory_bytes_per_second_spec;
    double chain = model->chain_seconds * pow(k / 1024.0, model->chain_exponent);
    double flops = 2.0 * m * n * k / (model->flop_efficiency * model->peak_flop_per_second);
    double q = model->norm_exponent;
    double sum = pow(chain, q) + pow(flops, q) + pow(bytes / bytes_per_second, q);
    return model->fixed_seconds + pow(sum, 1.0 / q);
}

double gpu_gemm_seconds(const struct gpu_config *gpu, enum gpu_precision precision, uint32_t m,
                        uint32_t n, uint32_t k, bool is_l2_resident)
{
    return gpu_product_seconds(gpu, precision, m, n, k, is_l2_resident);
}

double gpu_stream_seconds(const struct gpu_config *gpu, double bytes, bool is_l2_resident)
{
    return bytes / (is_l2_resident ? gpu->l2_bytes_per_second : gpu->memory_bytes_per_second);
}

// A matrix that is not in L2 comes from memory: rows that are used, each at most once. `passes`: 1 read
// only, 2 read and written back.
static double cold_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                           double passes, bool is_l2_resident)
{
    double distinct_rows = fmin(rows, kernel->k);
    double bytes = passes * GPU_FLOAT_BYTES * distinct_rows * kernel->n;
    return is_l2_resident ? 0.0 : bytes / gpu->memory_bytes_per_second;
}

double gpu_gather_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                          bool is_l2_resident)
{
    double bytes = GPU_FLOAT_BYTES * kernel->n * (rows + kernel->m); // rows in, sums out
    return bytes / gpu->gather_bytes_per_second +
           cold_seconds(gpu, kernel, rows, 1.0, is_l2_resident);
}

double gpu_scatter_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                           bool is_l2_resident)
{
    double bytes = 2.0 * GPU_FLOAT_BYTES * kernel->n * rows; // each float is read and written
    return bytes / gpu->atomic_bytes_per_second +
           cold_seconds(gpu, kernel, rows, 2.0, is_l2_resident);
}

double gpu_masked_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                          bool is_l2_resident)
{
    const struct gemm_model *vector = &gpu->gemm[GPU_FLOAT32]; // dot products: no tensor cores
    double bytes = GPU_FLOAT_BYTES * kernel->n * (rows + kernel->m); // rows and errors in
    double flops = 2.0 * rows * kernel->n;
    return fmax(bytes / gpu->gather_bytes_per_second,
                flops / (vector->flop_efficiency * vector->peak_flop_per_second)) +
           cold_seconds(gpu, kernel, rows, 1.0, is_l2_resident);
}

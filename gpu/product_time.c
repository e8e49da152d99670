// Time of one matrix product of the library, by cause: tiles, waves, the chain along k, operands, results.
// Conventions: the library picks one kernel, a tile shape and a number of parts of k (split-k); the model
// takes the fastest of a list. Every term of every kernel grows with m, n and k, so the time does: also
// for that reason no split is left out where k is short. Formulas: docs/gpu.md.
#include <math.h>

#include "gpu/kernel_time.h"

#define K_TILE_BYTES 128.0 // of one row of an operand per step of the main loop: one cache line
#define LARGEST_TILE (256.0 * 128.0) // elements; its accumulators fill half of an SM's registers
#define LARGEST_PERIMETER \
    (0.5 + 1.0) // 128/256 + 128/128: operand words per result, in units of 1/128
#define PARTIAL_SUM_BYTES (2.0 * 4.0) // float32, written and read back

// Tiles of the results that libraries are shipped with (CUTLASS and cuBLAS name them in their kernels).
static const struct {
    double m, n;
} tile_shapes[] = {{256, 128}, {128, 256}, {128, 128}, {128, 64}, {64, 128}, {64, 64}};
static const double split_counts[] = {1, 2, 3, 4, 6, 8, 12, 16};

struct product {
    const struct gpu_config *gpu;
    const struct gemm_model *model;
    double m, n, k_tiles;
    double load_seconds;  // both operands, once
    double store_seconds; // the result, once
};

// Two activities that overlap: 1 not at all (the sum), large wholly (the maximum).
static double overlapped(double a, double b, double exponent)
{
    double longer = fmax(a, b);
    double shorter = fmin(a, b);
    return longer > 0.0 ? longer * pow(1.0 + pow(shorter / longer, exponent), 1.0 / exponent) : 0.0;
}

// One kernel: tiles of tile_m x tile_n results, each summed by `splits` blocks of threads.
static double kernel_seconds(const struct product *product, double tile_m, double tile_n,
                             double splits)
{
    const struct gemm_model *model = product->model;
    double blocks = ceil(product->m / tile_m) * ceil(product->n / tile_n) * splits;
    double k_tiles = ceil(product->k_tiles / splits);
    double multiprocessors = product->gpu->multiprocessors;
    // a small tile loads more operand words per FLOP from shared memory
    double perimeter = 128.0 / tile_m + 128.0 / tile_n;
    double slowdown = 1.0 + model->tile_penalty * (perimeter - LARGEST_PERIMETER);
    double k_tile_flops = 2.0 * tile_m * tile_n * K_TILE_BYTES / model->element_bytes;
    double k_tile_seconds = slowdown * k_tile_flops * multiprocessors /
                            (model->flop_efficiency * model->peak_flop_per_second);
    double work_seconds = ceil(blocks / multiprocessors) * k_tiles * k_tile_seconds;
    // small tiles share an SM, and hide each other's latency
    double waves = ceil(blocks / multiprocessors * tile_m * tile_n / LARGEST_TILE);
    double chain_seconds = waves * k_tiles * model->k_tile_seconds;
    double sum_seconds =
        overlapped(overlapped(work_seconds, chain_seconds, model->overlap_exponent),
                   product->load_seconds, model->overlap_exponent);
    double partial_bytes =
        splits > 1.0 ? PARTIAL_SUM_BYTES * product->m * product->n * splits : 0.0;
    return model->fixed_seconds + waves * model->wave_seconds +
           overlapped(sum_seconds, product->store_seconds, model->store_exponent) +
           (splits > 1.0 ? model->split_seconds : 0.0) +
           partial_bytes / model->split_bytes_per_second;
}

double gpu_product_seconds(const struct gpu_config *gpu, const struct gemm_model *model, double m,
                           double n, double k, double resident)
{
    // Results go at the rate of memory even where they would fit in L2: the products of the W class say so.
    double memory_rate = model->bandwidth_efficiency * gpu->memory_bytes_per_second_spec;
    double operand_bytes = model->element_bytes * (m * k + k * n);
    struct product product = {
        .gpu = gpu,
        .model = model,
        .m = m,
        .n = n,
        .k_tiles = ceil(k * model->element_bytes / K_TILE_BYTES),
        .load_seconds =
            operand_bytes * (resident / gpu->l2_bytes_per_second + (1.0 - resident) / memory_rate),
        .store_seconds = model->element_bytes * m * n / memory_rate,
    };
    double fastest_seconds = INFINITY;
    for (size_t i = 0; i < sizeof(tile_shapes) / sizeof(*tile_shapes); i++) {
        for (size_t j = 0; j < sizeof(split_counts) / sizeof(*split_counts); j++) {
            fastest_seconds =
                fmin(fastest_seconds,
                     kernel_seconds(&product, tile_shapes[i].m, tile_shapes[i].n, split_counts[j]));
        }
    }
    return fastest_seconds;
}

double gpu_gemm_seconds(const struct gpu_config *gpu, enum gpu_precision precision, uint32_t m,
                        uint32_t n, uint32_t k, bool is_l2_resident)
{
    return gpu_product_seconds(gpu, &gpu->gemm[precision], m, n, k, is_l2_resident ? 1.0 : 0.0);
}

// Time of one matrix product of the library, by cause: tiles, waves, the chain along k, operands,
// results. Conventions: the library picks one kernel, a tile shape and a number of parts of k
// (split-k); the model takes the fastest of a list. Every term of every kernel grows with m, n and
// k, so the time does: also for that reason no split is left out where k is short. One row or
// column is a vector: a kernel of its own, chosen by the shape and not for its speed. Formulas:
// docs/gpu.md.
#include <math.h>

#include "gpu/kernel_time.h"

#define K_TILE_BYTES 128.0 // of one row of an operand per step of the main loop: one cache line
#define LARGEST_TILE (256.0 * 128.0) // elements; its accumulators fill half of an SM's registers
#define LARGEST_PERIMETER \
    (0.5 + 1.0) // 128/256 + 128/128: operand words per result, in units of 1/128
#define PARTIAL_SUM_BYTES (2.0 * 4.0) // float32, written and read back
#define WARP_LOAD_BYTES (32.0 * 16.0) // the widest load of 32 threads

// Tiles of the results that libraries are shipped with (CUTLASS and cuBLAS name them in their
// kernels).
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

// Of results also where they would fit in L2: the products of the W class say so.
static double memory_rate(const struct gpu_config *gpu, const struct gemm_model *model)
{
    return model->bandwidth_efficiency * gpu->memory_bytes_per_second_spec;
}

// Operands, once.
static double load_seconds(const struct gpu_config *gpu, const struct gemm_model *model,
                           double elements, double resident)
{
    return model->element_bytes * elements *
           (resident / gpu->l2_bytes_per_second + (1.0 - resident) / memory_rate(gpu, model));
}

// A matrix with a vector, no tiles: bound by the matrix's bytes. A sum that one load of a warp does
// not cover is dealt out; its parts are added up as results are stored, behind the loads or beside
// them.
static double vector_product_seconds(const struct gpu_config *gpu, const struct gemm_model *model,
                                     double results, double k, double resident)
{
    bool is_split = k * model->element_bytes > WARP_LOAD_BYTES;
    return model->vector_seconds +
           overlapped(load_seconds(gpu, model, k + k * results, resident),
                      is_split ? model->vector_split_seconds : 0.0, model->store_exponent) +
           model->element_bytes * results / memory_rate(gpu, model);
}

double gpu_product_seconds(const struct gpu_config *gpu, const struct gemm_model *model, double m,
                           double n, double k, double resident)
{
    // more rows and columns never take less than one of them
    double least_seconds = vector_product_seconds(gpu, model, fmax(m, n), k, resident);
    if (fmin(m, n) <= 1.0) {
        return least_seconds;
    }
    struct product product = {
        .gpu = gpu,
        .model = model,
        .m = m,
        .n = n,
        .k_tiles = ceil(k * model->element_bytes / K_TILE_BYTES),
        .load_seconds = load_seconds(gpu, model, m * k + k * n, resident),
        .store_seconds = model->element_bytes * m * n / memory_rate(gpu, model),
    };
    double fastest_seconds = INFINITY;
    for (size_t i = 0; i < sizeof(tile_shapes) / sizeof(*tile_shapes); i++) {
        for (size_t j = 0; j < sizeof(split_counts) / sizeof(*split_counts); j++) {
            fastest_seconds =
                fmin(fastest_seconds,
                     kernel_seconds(&product, tile_shapes[i].m, tile_shapes[i].n, split_counts[j]));
        }
    }
    return fmax(fastest_seconds, least_seconds);
}

double gpu_gemm_seconds(const struct gpu_config *gpu, enum gpu_precision precision, uint32_t m,
                        uint32_t n, uint32_t k, bool is_l2_resident)
{
    return gpu_product_seconds(gpu, &gpu->gemm[precision], m, n, k, is_l2_resident ? 1.0 : 0.0);
}

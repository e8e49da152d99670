// The GPU that the tests of gpu/ time with, and comparison of seconds.
#ifndef TILESIM_TESTS_GPU_FIXTURE_H
#define TILESIM_TESTS_GPU_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gpu/gpu.h"

#define MICRO 1e-6
#define BATCH 48u

// Fixed here and not read from configs/gpus, so that recalibrating a file breaks no test of the
// formulas.
static inline struct gpu_config test_gpu(void)
{
    struct gpu_config gpu = {
        .multiprocessors = 108,
        .memory_bytes = 80e9,
        .memory_bytes_per_second_spec = 2.039e12,
        .memory_bytes_per_second = 1.70e12,
        .l2_bytes = 40.0 * 1024 * 1024,
        .l2_bytes_per_second = 3.9e12,
        .l2_usable_fraction = 0.8,
        .l2_lost_fraction = 1.6,
        .multiprocessor_bytes = 420 * 1024,
        .graph_kernel_seconds = 1.33e-6,
        .stream_kernel_seconds = 2.61e-6,
        .stream_gap_seconds = 2.6e-6,
        .eager_op_seconds = 27e-6,
        .loop_iteration_seconds = 8e-6,
        .library_call_seconds = 5e-6,
        .fused_step_seconds = 1.5e-6,
        .fused_element_seconds = 2e-9,
        .scan_step_seconds = 0.1e-6,
        .grid_sync_seconds = 1.3e-6,
        .atomic_bytes_per_second = 1.2e12,
        .gather_bytes_per_second = 3.9e12,
        .host_bytes_per_second = 25e9,
        .host_latency_seconds = 10e-6,
        .baseline_error = {0.5, 0.25, 0.3, 0.4, 0.5},
    };
    struct gemm_model bfloat16 = {.fixed_seconds = 1.763e-6,
                                  .wave_seconds = 1.422e-6,
                                  .flop_efficiency = 0.909,
                                  .tile_penalty = 0.222,
                                  .k_tile_seconds = 0.33e-6,
                                  .bandwidth_efficiency = 0.671,
                                  .overlap_exponent = 8.0,
                                  .store_exponent = 1.0,
                                  .split_seconds = 2.365e-6,
                                  .split_bytes_per_second = 3.9e12,
                                  .peak_flop_per_second = 312e12,
                                  .element_bytes = 2,
                                  .error = 0.11};
    gpu.gemm[GPU_BFLOAT16] = bfloat16;
    gpu.gemm[GPU_TF32] = bfloat16;
    gpu.gemm[GPU_TF32].peak_flop_per_second = 156e12;
    gpu.gemm[GPU_TF32].element_bytes = 4;
    gpu.gemm[GPU_TF32].error = 0.3;
    gpu.gemm[GPU_FLOAT32] = gpu.gemm[GPU_TF32];
    gpu.gemm[GPU_FLOAT32].peak_flop_per_second = 19.5e12;
    return gpu;
}

static inline void assert_seconds(double actual, double expected)
{
    if (fabs(actual - expected) > 1e-9 * fabs(expected)) {
        fail_msg("%.9g s, expected %.9g s", actual, expected);
    }
}

#endif

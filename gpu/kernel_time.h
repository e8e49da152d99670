// Times of single kernels of the modelled GPU, as in a CUDA graph. Formulas and sources: docs/gpu.md.
#ifndef TILESIM_GPU_KERNEL_TIME_H
#define TILESIM_GPU_KERNEL_TIME_H

#include <stdbool.h>

#include "gpu/gpu.h"

#define GPU_FLOAT_BYTES 4.0 // all arrays but the operands of matrix products are float32

// Seconds of C[m][n] = A[m][k] B[k][n]. Sizes are double: hoisted ones are batch x time.
double gpu_product_seconds(const struct gpu_config *gpu, enum gpu_precision precision, double m,
                           double n, double k, bool is_l2_resident);
// Seconds that `bytes` take at streaming bandwidth, without the kernel's floor.
double gpu_stream_seconds(const struct gpu_config *gpu, double bytes, bool is_l2_resident);
// The L2 bytes that one working set may take and still be found there.
double gpu_l2_usable_bytes(const struct gpu_config *gpu);

// Kernels of the sparse code at one time step, without their floors. `rows` is the number of (sample, id)
// pairs; one row is `kernel->n` floats. A cold matrix comes from memory, at most once.
double gpu_gather_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                          bool is_l2_resident);
double gpu_scatter_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                           bool is_l2_resident);
double gpu_masked_seconds(const struct gpu_config *gpu, const struct kernel *kernel, double rows,
                          bool is_l2_resident);

#endif

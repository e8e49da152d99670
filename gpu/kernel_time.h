// Times of single kernels of the modelled GPU, as in a CUDA graph. Formulas and sources:
// docs/gpu.md. `resident` is the part of a kernel's data that is found in L2, 0 to 1; the rest
// comes from memory.
#ifndef TILESIM_GPU_KERNEL_TIME_H
#define TILESIM_GPU_KERNEL_TIME_H

#include "gpu/gpu.h"

#define GPU_FLOAT_BYTES 4.0 // all arrays but the operands of matrix products are float32

// The part of a working set, used again and again, that is still in L2 when it is used again.
double gpu_resident_fraction(const struct gpu_config *gpu, double working_set_bytes);

// Seconds of C[m][n] = A[m][k] B[k][n] (product_time.c). Sizes are double: hoisted ones are batch x
// time.
double gpu_product_seconds(const struct gpu_config *gpu, const struct gemm_model *model, double m,
                           double n, double k, double resident);
// Seconds that `bytes` take at streaming bandwidth, without the kernel's floor.
double gpu_stream_seconds(const struct gpu_config *gpu, double bytes, double resident);

// A product in a stream, from its time in a graph: never less than the gap between two launches.
double gpu_stream_product_seconds(const struct gpu_config *gpu, double graph_seconds);

// Kernels of the sparse code without their floors, over any number of time steps. `rows` is the
// number of (sample, id) pairs, `samples` that of samples x time steps. One row is `kernel->n`
// elements of `element_bytes`. What is not resident comes from memory, at most once.
struct sparse_work {
    double rows;
    double samples;
    double element_bytes;
    double resident;
};
double gpu_gather_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                          const struct sparse_work *work);
double gpu_masked_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                          const struct sparse_work *work);
// Weight gradient by float atomics into W's shape, in any order.
double gpu_scatter_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                           const struct sparse_work *work);
// Weight gradient by spiking neuron: ids are sorted by neuron, each row of the gradient is summed
// in registers and written once. Needs all time steps; with the kernels that sort, their floors
// too.
double gpu_segments_seconds(const struct gpu_config *gpu, const struct kernel *kernel,
                            const struct sparse_work *work);

#endif

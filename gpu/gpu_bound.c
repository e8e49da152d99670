// What bounds a kernel, asked of the model itself: slow one kind of hardware down and see how far
// the kernel follows. No formula knows of this, so none can disagree with it.
#include "gpu/gpu.h"
#include "sim/err.h"

// Launches, latencies and steps of chains: times that more units or wider buses do not shorten.
static void slow_floors(struct gpu_config *gpu, double factor)
{
    gpu->graph_kernel_seconds *= factor;
    gpu->stream_kernel_seconds *= factor;
    gpu->stream_gap_seconds *= factor;
    gpu->eager_op_seconds *= factor;
    gpu->loop_iteration_seconds *= factor;
    gpu->library_call_seconds *= factor;
    gpu->fused_step_seconds *= factor;
    gpu->fused_element_seconds *= factor;
    gpu->scan_step_seconds *= factor;
    gpu->grid_sync_seconds *= factor;
    gpu->host_latency_seconds *= factor;
    for (uint32_t i = 0; i < GPU_PRECISION_COUNT; i++) {
        gpu->gemm[i].fixed_seconds *= factor;
        gpu->gemm[i].wave_seconds *= factor;
        gpu->gemm[i].k_tile_seconds *= factor;
        gpu->gemm[i].split_seconds *= factor;
        gpu->gemm[i].vector_seconds *= factor;
        gpu->gemm[i].vector_split_seconds *= factor;
    }
}

struct gpu_config gpu_slowed(const struct gpu_config *gpu, enum gpu_bound bound, double factor)
{
    struct gpu_config slowed = *gpu;
    switch (bound) {
    case GPU_BOUND_FLOOR:
        slow_floors(&slowed, factor);
        break;
    case GPU_BOUND_COMPUTE:
        for (uint32_t i = 0; i < GPU_PRECISION_COUNT; i++) {
            slowed.gemm[i].peak_flop_per_second /= factor;
        }
        break;
    case GPU_BOUND_L2: // gathers, atomics and partial sums move through L2
        slowed.l2_bytes_per_second /= factor;
        slowed.gather_bytes_per_second /= factor;
        slowed.atomic_bytes_per_second /= factor;
        for (uint32_t i = 0; i < GPU_PRECISION_COUNT; i++) {
            slowed.gemm[i].split_bytes_per_second /= factor;
        }
        break;
    case GPU_BOUND_MEMORY:
        slowed.memory_bytes_per_second /= factor;
        slowed.memory_bytes_per_second_spec /= factor;
        break;
    default:
        SIM_ASSERT(false, "bound %u", (unsigned)bound);
    }
    return slowed;
}

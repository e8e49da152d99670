// The modelled GPU: closed-form kernel times and five named baselines.
// Modelled:     GEMM (tiles, waves, split k, latency, bytes; one row), streaming kernels, launch gaps, loop cost, cache
//               residency of weights, memory capacity, host copies.
// Not modelled: clock drift, concurrent kernels, CPU-side framework time beyond the loop cost.
// Numbers: configs/gpus/*.yaml. Formulas: docs/gpu.md.
#ifndef TILESIM_GPU_GPU_H
#define TILESIM_GPU_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/activity.h"
#include "sim/config/config.h"
#include "sim/error_band.h"
#include "sim/kernel_list.h"
#include "sim/uncertain.h"

enum gpu_precision { GPU_FLOAT32, GPU_TF32, GPU_BFLOAT16, GPU_PRECISION_COUNT };
enum gpu_baseline { GPU_B0, GPU_B1, GPU_B2, GPU_B3, GPU_B4, GPU_BASELINE_COUNT };

// A product by the fastest of the library's kernels: product_time.c, docs/gpu.md.
struct gemm_model {
    double fixed_seconds;   // launch and first instructions, with the graph node's gap
    double wave_seconds;    // of every wave of tiles: first loads, last stores
    double flop_efficiency; // of the peak, tiles of 256 x 128
    double tile_penalty;    // of smaller tiles: relative, per 1/128 of operand words per result
    double k_tile_seconds;  // latency of one step of 128 bytes along k
    double bandwidth_efficiency; // of the specified bandwidth: operands and results
    double overlap_exponent; // FLOPs, latency and operands: 1 one after the other, large at once
    double store_exponent;   // results with all of that, likewise
    double split_seconds;    // of adding partial sums, if k is split
    double split_bytes_per_second; // at which partial sums move
    double vector_seconds;         // of a product with one row or column: launch and first trips
    double vector_split_seconds;   // of adding up its partial sums, where k is long
    double peak_flop_per_second;
    uint32_t element_bytes; // as moved
    double error;           // relative, of this precision's model
};

struct gpu_config {
    char *name; // owned
    uint32_t multiprocessors;
    double memory_bytes;
    double memory_bytes_per_second_spec;
    double memory_bytes_per_second; // streaming, measured
    double l2_bytes;
    double l2_bytes_per_second;    // L2-resident streaming kernel
    double l2_usable_fraction;     // of l2_bytes: a working set up to this stays
    double l2_lost_fraction;       // of l2_bytes: of a working set from this on nothing stays
    double multiprocessor_bytes;   // registers and shared memory of one SM
    double graph_kernel_seconds;   // floor of a tiny kernel in a CUDA graph
    double stream_kernel_seconds;  // floor of a tiny kernel in a stream
    double stream_gap_seconds;     // back-to-back launch in a stream: a kernel lasts at least this
    double eager_op_seconds;       // one op of an eager framework: a kernel lasts at least this
    double loop_iteration_seconds; // the framework's own cost per time step
    double library_call_seconds;   // a kernel that a library launches from C++ lasts at least this
    double fused_step_seconds;    // time step of a persistent recurrent kernel, beside sync and sum
    double fused_element_seconds; // one element of its sum over the state
    double scan_step_seconds;     // one time step of a loop inside a kernel, at least
    double grid_sync_seconds;     // persistent kernel
    double atomic_bytes_per_second; // scatter-add on floats
    double gather_bytes_per_second; // rows gathered, L2-resident
    double host_bytes_per_second;   // one direction
    double host_latency_seconds;
    double baseline_error[GPU_BASELINE_COUNT]; // relative, see docs/gpu.md
    char *baseline_why[GPU_BASELINE_COUNT];    // owned; where that error comes from; may be NULL
    struct gemm_model gemm[GPU_PRECISION_COUNT];
    struct uncertain *uncertain; // owned
    uint32_t uncertain_count;
    struct error_band *error_bands; // owned; of microbenchmarks
    uint32_t error_band_count;
};

extern const struct key gpu_keys[];
// What the keys alone cannot say. `section` is a GPU.
void gpu_check(const void *section, const struct node *node, struct err *err);

struct gpu_config *gpu_load(const char *name, const struct mark *asked_at, struct config *config,
                            struct err *err);
void gpu_destroy(struct gpu_config *gpu);

struct gpu_time {
    double step_seconds;    // = compute + launch + loop + sync + host
    double compute_seconds; // all kernels, as in a CUDA graph
    double launch_seconds;  // gaps: what a kernel waits beyond its own time
    double loop_seconds;    // the framework's loop
    double sync_seconds;    // b3: grid syncs
    double host_seconds;    // waiting for the input: what prefetch does not hide
    // The whole copy: b0 the dense input, others ids; not a part of the sum.
    double input_copy_seconds;
    double error_band;     // relative
    uint64_t memory_bytes; // needed
    bool fits;
    uint64_t kernel_launches;
};

// Time of one training step. `list` must be of the form that the baseline runs: sparse for b4,
// dense for the others. `activity` gives the true counts (b4 only, else NULL).
struct gpu_time gpu_time_step(const struct gpu_config *gpu, enum gpu_baseline baseline,
                              enum gpu_precision precision, const struct kernel_list *list,
                              const struct activity *activity);
// The same, kernel by kernel, for reports. The seconds of all calls add up to compute + launch.
struct gpu_kernel_visit {
    const struct kernel *kernel; // of the list; NULL: added by the baseline, see name
    const char *name;
    enum kernel_phase phase;
    double launches;       // per training step
    double seconds;        // of one launch, as in a CUDA graph
    double launch_seconds; // of one launch: what a stream adds
};
struct gpu_visitor {
    void (*visit)(void *context, const struct gpu_kernel_visit *kernel);
    void *context;
};
struct gpu_time gpu_visit_step(const struct gpu_config *gpu, enum gpu_baseline baseline,
                               enum gpu_precision precision, const struct kernel_list *list,
                               const struct activity *activity, const struct gpu_visitor *visitor);

// What bounds the kernels: parts of a kernel's seconds that would shrink with faster hardware of
// one kind.
enum gpu_bound {
    GPU_BOUND_FLOOR,
    GPU_BOUND_COMPUTE,
    GPU_BOUND_L2,
    GPU_BOUND_MEMORY,
    GPU_BOUND_COUNT
};
// The GPU with all rates of a kind `factor` times as slow, its floors `factor` times as long.
// Borrows what *gpu owns. Seconds are of degree 1 in all of these together, so by Euler's theorem
// the logarithmic derivatives of a kernel's seconds with respect to the four factors add up to 1.
struct gpu_config gpu_slowed(const struct gpu_config *gpu, enum gpu_bound bound, double factor);

const char *gpu_baseline_name(enum gpu_baseline baseline);        // "b0"
const char *gpu_baseline_description(enum gpu_baseline baseline); // one line, for tables
const char *gpu_precision_name(enum gpu_precision precision);     // "tf32"
// Seconds of a product, as in a CUDA graph (product_time.c).
double gpu_gemm_seconds(const struct gpu_config *gpu, enum gpu_precision precision, uint32_t m,
                        uint32_t n, uint32_t k, bool is_l2_resident);

#endif

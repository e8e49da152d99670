// What the baselines share while one training step is costed. Inside gpu/ only.
#ifndef TILESIM_GPU_COSTING_H
#define TILESIM_GPU_COSTING_H

#include "gpu/gpu.h"

struct costing {
    const struct gpu_config *gpu;
    enum gpu_baseline baseline;
    enum gpu_precision precision;
    const struct kernel_list *list;
    const struct activity *activity; // b4
    // part of the data found in L2, 0 to 1, by kernel_phase: of what the forward loop uses again at
    // every time step, of what the backward loop does, and of all that a training step touches
    double resident[PHASE_ONCE + 1];
    const struct gpu_visitor *visitor; // NULL: nobody looks
    struct gpu_time time;
};

struct run_of_kernel {
    const struct kernel *kernel; // NULL: none of the list
    const char *name;            // NULL: the kernel's
    double seconds, times;       // of one run; runs in a training step
    double launch_seconds;       // of one run: what a stream adds
};

void costing_init(struct costing *costing);

const struct gemm_model *costing_gemm(const struct costing *costing);
// `seconds` of a kernel that runs `times` in a training step.
void costing_add(struct costing *costing, const struct kernel *kernel, double seconds,
                 double times);
void costing_add_run(struct costing *costing, const struct run_of_kernel *run);

// --- seconds of one run of a kernel, in a CUDA graph ---------------------------------------------
// As listed: one time step of it, or once per training step. Dense form, and elementwise of both.
double costing_plain_seconds(const struct costing *costing, const struct kernel *kernel);
// A product over all time steps: C[m][n] with the sum over k.
double costing_hoisted_seconds(const struct costing *costing, double m, double n, double k);
// A GEMM kernel over all time steps: the batch is batch x time, or the batch where the input is
// static.
double costing_hoisted_kernel_seconds(const struct costing *costing, const struct kernel *kernel);
// An elementwise kernel without dependence over time: one pass over the arrays of all time steps.
double costing_pass_seconds(const struct costing *costing, const struct kernel *kernel);
// An elementwise kernel that loops over all time steps, moving `list_bytes` besides its arrays.
double costing_scan_seconds(const struct costing *costing, const struct kernel *kernel,
                            double list_bytes);
double costing_moved_bytes(const struct kernel *kernel); // of one run

// b4: adds every kernel of the sparse list.
void costing_time_sparse(struct costing *costing);

#endif

// What a GPU runs in one training step: kernels of one time step, and kernels outside the time
// loop. It says shapes and bytes, never times. Emitted by workloads/lower/lower_gpu.c, costed by
// gpu/.
#ifndef TILESIM_SIM_KERNEL_LIST_H
#define TILESIM_SIM_KERNEL_LIST_H

#include <stdbool.h>
#include <stdint.h>

enum kernel_kind {
    KERNEL_GEMM,        // C[m][n] = A[m][k] B[k][n] (+ C if accumulates)
    KERNEL_ELEMENTWISE, // one pass over arrays; already fused as far as the framework fuses
    KERNEL_ACCUMULATE,  // C += D on weight gradients, separate pass (b0, b1)
    KERNEL_COMPACT,     // dense spikes -> ids (b4)
    KERNEL_GATHER,      // sum of weight rows over true ids (b4 forward)
    KERNEL_SCATTER,     // add rows to the weight gradient over true ids (b4)
    KERNEL_MASKED,      // products at listed ids only (b4 spike gradient)
};

enum kernel_phase {
    PHASE_FORWARD,
    PHASE_BACKWARD,
    PHASE_ONCE
}; // per time step, or per training step

struct kernel {
    enum kernel_kind kind;
    enum kernel_phase phase;
    const char *name; // static text, e.g. "G1 forward product"
    uint32_t layer;   // 1..L; 0: none
    uint32_t m, n, k; // GEMM, GATHER, SCATTER, MASKED: m = batch, k = fan-in, n = neurons
    // ELEMENTWISE, ACCUMULATE, COMPACT: array elements moved
    uint64_t read_elements, write_elements;
    // of them: states and carries, which a kernel that loops over time keeps in registers
    uint64_t carried_read_elements, carried_write_elements;
    // no dependence over time: b2 and b4 run it once for all time steps, a product as (batch x
    // time), an ELEMENTWISE one (sums of errors) as one pass over the arrays of all time steps. Of
    // an ACCUMULATE: all products of its gradient are hoistable, so that there is nothing to add or
    // to zero.
    bool is_hoistable;
    // GEMM: of an input that is the same at every time step. Hoisted, it needs no more than the
    // batch: its errors are summed over time before.
    bool is_static;
    // GEMM: k is the batch (weight gradient); a hoisted one has k = batch x time
    bool reduces_batch;
    bool is_scan; // elementwise over time: b2 makes one scan kernel per layer and direction
    bool depends_on_previous_layer; // forward order inside one time step (layer_delay 0)
    uint32_t record_layer;          // b4: whose counts
    bool counts_listed;             // b4: listed ids rather than spikes
    uint32_t record_arrays; // b4: lists of true length (ids, slots) moved besides read and write
};

struct kernel_list {
    uint32_t batch, time_steps;
    uint32_t layer_count; // spiking layers
    uint32_t kernel_count;
    struct kernel *kernels;      // owned
    uint64_t parameter_elements; // sum over layers
    uint64_t optimizer_elements; // moments held per training
    uint64_t saved_elements;     // stash over all time steps
    uint64_t state_elements;     // of one time step
    bool is_input_static;        // an array that is sent once, the same at every time step
    uint64_t input_elements;     // dense input of a batch over all time steps
    uint64_t input_id_elements;  // the same as ids and counts (b4)
};

void kernel_list_destroy(struct kernel_list *list);

#endif

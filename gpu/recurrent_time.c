#include "gpu/recurrent_time.h"

#include <math.h>

#include "gpu/kernel_time.h"
#include "sim/err.h"

// Rows of the matrix per unit of width: one product of the state per gate.
static double gates_of(enum recurrent_cell cell)
{
    switch (cell) {
    case CELL_lstm:
        return 4.0;
    case CELL_gru:
        return 3.0;
    default:
        return 1.0;
    }
}

// C[batch][gates x width] from the state; backward its two gradients. Heads are one batched
// product: as many rows, each over a shorter sum.
static double product_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer,
                              bool is_backward)
{
    const struct gemm_model *model = &gpu->gemm[layer->precision];
    double head_width = (double)layer->width / layer->heads;
    double rows = (double)layer->batch * layer->heads;
    double outputs = gates_of(layer->cell) * head_width;
    double weight_bytes = model->element_bytes * outputs * layer->width;
    double resident = gpu_resident_fraction(gpu, weight_bytes);
    if (!is_backward) {
        return gpu_product_seconds(gpu, model, rows, outputs, head_width, resident);
    }
    return gpu_product_seconds(gpu, model, rows, head_width, outputs, resident) +
           gpu_product_seconds(gpu, model, outputs, head_width, rows, resident);
}

// One pass over two arrays read and one written; what backward needs is kept, so it comes from
// memory.
static double pointwise_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer,
                                double gates)
{
    double bytes = 3.0 * GPU_FLOAT_BYTES * gates * layer->batch * layer->width;
    return gpu->graph_kernel_seconds +
           gpu_stream_seconds(gpu, bytes, layer->is_training ? 0.0 : 1.0);
}

// The host issues op after op and runs ahead of the device: the slower of the two decides. Each op
// of the forward pass leaves two to the backward pass: its gradient, and adding it where it
// belongs.
static double eager_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer)
{
    double passes = layer->is_training ? 3.0 : 1.0;
    double ops = passes * (1.0 + layer->pointwise_ops);
    double device_seconds = product_seconds(gpu, layer, false) +
                            passes * layer->pointwise_ops * pointwise_seconds(gpu, layer, 1.0) +
                            (layer->is_training ? product_seconds(gpu, layer, true) : 0.0);
    return fmax(ops * gpu->eager_op_seconds, device_seconds);
}

// Two kernels forward; three backward: pointwise, gradient of the state, gradient of the weights.
static double library_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer)
{
    double call_seconds = layer->code == CODE_LIBRARY ? gpu->library_call_seconds : 0.0;
    double pointwise = pointwise_seconds(gpu, layer, gates_of(layer->cell));
    double seconds = fmax(2.0 * call_seconds, product_seconds(gpu, layer, false) + pointwise);
    if (layer->is_training) {
        seconds += fmax(3.0 * call_seconds, product_seconds(gpu, layer, true) + pointwise);
    }
    return seconds;
}

// What no persistent kernel goes below at one pass over the recurrent matrix: its FLOPs, and the
// weights beyond what all registers and shared memories hold, which are streamed at every time
// step. The others are read once for all time steps, which is left out here.
static double fused_bound_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer,
                                  double products)
{
    const struct gemm_model *model = &gpu->gemm[layer->precision];
    double weights = gates_of(layer->cell) * layer->width * layer->width / layer->heads;
    double flops = products * 2.0 * layer->batch * weights;
    double on_chip_bytes = gpu->multiprocessors * gpu->multiprocessor_bytes;
    double streamed_bytes = fmax(model->element_bytes * weights - on_chip_bytes, 0.0);
    return fmax(
        flops / (model->flop_efficiency * model->peak_flop_per_second),
        gpu_stream_seconds(gpu, streamed_bytes, gpu_resident_fraction(gpu, streamed_bytes)));
}

// Everything but the sync and the sum is a chain of trips: state to L2, fence, state from L2,
// gates. The sum over the state is a chain of dependent matrix instructions, behind which FLOPs and
// weights hide until they take longer; backward it runs over the gates, and the gradient of the
// weights, a second product whose sums stay where they are, needs another sync.
static double fused_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer)
{
    double head_width = (double)layer->width / layer->heads;
    double sum_seconds = head_width * gpu->fused_element_seconds;
    double forward = gpu->grid_sync_seconds + gpu->fused_step_seconds +
                     fmax(sum_seconds, fused_bound_seconds(gpu, layer, 1.0));
    double backward =
        2.0 * gpu->grid_sync_seconds + gpu->fused_step_seconds +
        fmax(gates_of(layer->cell) * sum_seconds, fused_bound_seconds(gpu, layer, 2.0));
    return forward + (layer->is_training ? backward : 0.0);
}

double gpu_recurrent_step_seconds(const struct gpu_config *gpu, const struct recurrent_layer *layer)
{
    switch (layer->code) {
    case CODE_EAGER:
        return eager_seconds(gpu, layer);
    case CODE_LIBRARY:
    case CODE_GRAPH:
        return library_seconds(gpu, layer);
    case CODE_FUSED:
        return fused_seconds(gpu, layer);
    default:
        SIM_ASSERT(false, "code %u", (unsigned)layer->code);
    }
}

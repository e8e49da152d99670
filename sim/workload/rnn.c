// One time step of a recurrent or spiking layer on a GPU, as published loops run it.
#include "gpu/recurrent_time.h"
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/workload/workload.h"

#define X(name) #name,
static const char *const cell_names[] = {RECURRENT_CELLS(X) NULL};
#undef X
static const char *const code_names[] = {"eager", "library", "graph", "fused", NULL};
enum direction { DIRECTION_FORWARD, DIRECTION_TRAINING };
static const char *const direction_names[] = {"forward", "training", NULL};

struct rnn_workload {
    uint32_t cell, implementation, precision, direction;
    uint32_t batch, width, heads, layers, time_steps, pointwise_ops;
};

static const char *precision_name_at(uint32_t i)
{
    return i < GPU_PRECISION_COUNT ? gpu_precision_name((enum gpu_precision)i) : NULL;
}

#define COUNT_MAX 1048576
#define RNN(...) KEY_NUMBER(KEY_UINT32, struct rnn_workload, __VA_ARGS__)
static const struct key rnn_keys[] = {
    KEY_CHOICE(struct rnn_workload, "cell", cell, cell_names, "lstm", "of the layers"),
    KEY_CHOICE(struct rnn_workload, "implementation", implementation, code_names, "graph",
               "eager: ops of a framework; library: two kernels a time step, called from C++; "
               "graph: the same in a CUDA graph; fused: one persistent kernel"),
    {.name = "precision",
     .type = KEY_ENUM,
     .offset = offsetof(struct rnn_workload, precision),
     .name_at = precision_name_at,
     .default_text = "bfloat16",
     .doc = "of the operands of products"},
    KEY_CHOICE(struct rnn_workload, "direction", direction, direction_names, "forward",
               "training: forward and backward"),
    RNN(batch, 1, COUNT_MAX, "samples", "16", "in one batch"),
    RNN(width, 1, COUNT_MAX, "neurons", "768", "of a layer, all heads together"),
    RNN(heads, 1, COUNT_MAX, "heads", "1", "blocks of the recurrent matrix"),
    RNN(layers, 1, 1024, "layers", "1", "one after the other"),
    RNN(time_steps, 1, COUNT_MAX, "time steps", "1", "one after the other"),
    RNN(pointwise_ops, 0, 1024, "ops", "10", "eager: per forward time step beside the product"),
    KEYS_END,
};

static bool run_rnn(const void *config, const struct machine_config *machine,
                    struct workload_result *result, char **why)
{
    const struct rnn_workload *workload = config;
    if (workload->width % workload->heads != 0) {
        *why =
            xasprintf("width %u is no multiple of its %u heads", workload->width, workload->heads);
        return false;
    }
    struct recurrent_layer layer = {
        .cell = (enum recurrent_cell)workload->cell,
        .code = (enum recurrent_code)workload->implementation,
        .precision = (enum gpu_precision)workload->precision,
        .batch = workload->batch,
        .width = workload->width,
        .heads = workload->heads,
        .pointwise_ops = workload->pointwise_ops,
        .is_training = workload->direction == DIRECTION_TRAINING,
    };
    double step_seconds = workload->layers * gpu_recurrent_step_seconds(machine->gpu, &layer);
    workload_add_quantity(result, "time_step_seconds", "seconds", step_seconds);
    workload_add_quantity(result, "seconds", "seconds", workload->time_steps * step_seconds);
    return true;
}

const struct workload_kind workload_rnn = {
    .name = "rnn",
    .doc = "a recurrent or spiking layer on a GPU",
    .keys = rnn_keys,
    .config_bytes = sizeof(struct rnn_workload),
    .is_for_gpu = true,
    .run = run_rnn,
};

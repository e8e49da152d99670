// One matrix product of the library on a GPU.
#include "gpu/kernel_time.h"
#include "sim/config/config_keys.h"
#include "sim/experiment.h"
#include "sim/workload/workload.h"

enum gemm_weights { WEIGHTS_COLD, WEIGHTS_WARM };
static const char *const weights_names[] = {"cold", "warm", NULL};
enum gemm_mode { MODE_GRAPH, MODE_STREAM };
static const char *const mode_names[] = {"graph", "stream", NULL};

struct gemm_workload {
    uint32_t m, n, k, precision, weights, mode;
};

static const char *precision_name_at(uint32_t i)
{
    return i < GPU_PRECISION_COUNT ? gpu_precision_name((enum gpu_precision)i) : NULL;
}

#define SIZE_MAX_ELEMENTS 1048576
#define GEMM(...) KEY_NUMBER(KEY_UINT32, struct gemm_workload, __VA_ARGS__)
static const struct key gemm_workload_keys[] = {
    GEMM(m, 1, SIZE_MAX_ELEMENTS, "rows", "128", "of the first operand; batch in a forward pass"),
    GEMM(n, 1, SIZE_MAX_ELEMENTS, "columns", "1024", "of the second operand"),
    GEMM(k, 1, SIZE_MAX_ELEMENTS, "elements", "1024", "of each sum"),
    {.name = "precision",
     .type = KEY_ENUM,
     .offset = offsetof(struct gemm_workload, precision),
     .name_at = precision_name_at,
     .default_text = "bfloat16",
     .doc = "of the operands"},
    KEY_CHOICE(struct gemm_workload, "weights", weights, weights_names, "cold",
               "warm: operands are in L2, and read at its streaming rate"),
    KEY_CHOICE(struct gemm_workload, "mode", mode, mode_names, "graph",
               "stream: no kernel lasts less than the gap between launches"),
    KEYS_END,
};

static bool run_gemm(const void *config, const struct machine_config *machine,
                     struct workload_result *result, char **why)
{
    (void)why;
    const struct gemm_workload *workload = config;
    const struct gpu_config *gpu = machine->gpu;
    double seconds = gpu_gemm_seconds(gpu, (enum gpu_precision)workload->precision, workload->m,
                                      workload->n, workload->k, workload->weights == WEIGHTS_WARM);
    if (workload->mode == MODE_STREAM) {
        seconds = gpu_stream_product_seconds(gpu, seconds);
    }
    double flops = 2.0 * workload->m * workload->n * workload->k;
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "flop_per_second", "FLOP/s", flops / seconds);
    return true;
}

const struct workload_kind workload_gemm = {
    .name = "gemm",
    .doc = "one matrix product of the library on a GPU",
    .keys = gemm_workload_keys,
    .config_bytes = sizeof(struct gemm_workload),
    .is_for_gpu = true,
    .run = run_gemm,
};

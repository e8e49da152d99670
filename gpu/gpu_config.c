// The keys of a GPU file. All are required: configs/gpus/*.yaml give each value with its source.
#include <stdlib.h>

#include "gpu/gpu.h"
#include "sim/config/config_keys.h"

#define SECONDS_MAX 1.0 // of one launch, gap or sync
#define BYTES_MAX 1e15  // of a memory
#define RATE_MAX 1e18   // bytes or FLOP per second

#define GEMM(...) KEY_NUMBER(KEY_REAL, struct gemm_model, __VA_ARGS__)
static const struct key gemm_keys[] = {
    GEMM(fixed_seconds, 0, SECONDS_MAX, "s", NULL, "launch, with the graph node's gap"),
    GEMM(wave_seconds, 0, SECONDS_MAX, "s", NULL,
         "of each wave of tiles: first loads, last stores"),
    GEMM(flop_efficiency, 1e-3, 1, "of peak", NULL, "tiles of 256 x 128"),
    GEMM(tile_penalty, 0, 10, NULL, NULL, "of tiles with more operand words per result"),
    GEMM(k_tile_seconds, 0, SECONDS_MAX, "s", NULL, "latency of 128 bytes of a row, along k"),
    GEMM(bandwidth_efficiency, 1e-3, 1, "of specified bandwidth", NULL, "operands and results"),
    GEMM(overlap_exponent, 1, 100, NULL, NULL,
         "of FLOPs, latency, operands; 1: none, large: whole"),
    GEMM(store_exponent, 1, 100, NULL, NULL, "of results with all of that; likewise"),
    GEMM(split_seconds, 0, SECONDS_MAX, "s", NULL, "of adding partial sums, if k is split"),
    GEMM(split_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "at which partial sums move"),
    GEMM(vector_seconds, 0, SECONDS_MAX, "s", NULL, "of a product with one row or column"),
    GEMM(vector_split_seconds, 0, SECONDS_MAX, "s", NULL,
         "of adding its partial sums, if k is long"),
    GEMM(peak_flop_per_second, 1, RATE_MAX, "FLOP/s", NULL, "P, dense"),
    KEY_NUMBER(KEY_UINT32, struct gemm_model, element_bytes, 1, 16, "bytes", NULL, "as moved"),
    GEMM(error, 0, 10, "relative", NULL, "of this model against measurements"),
    KEYS_END,
};

#define PRECISION(index, yaml, doc_text)                                                \
    {                                                                                   \
        .name = yaml, .type = KEY_SECTION, .offset = index * sizeof(struct gemm_model), \
        .keys = gemm_keys, .doc = doc_text                                              \
    }
static const struct key precision_keys[] = {
    PRECISION(GPU_FLOAT32, "float32", "full float32 products"),
    PRECISION(GPU_TF32, "tf32", "float32 rounded to 10 bits of mantissa, the frameworks' default"),
    PRECISION(GPU_BFLOAT16, "bfloat16", "bfloat16 products"),
    KEYS_END,
};

#define BASELINE_ERROR(index, yaml)                                                            \
    {                                                                                          \
        .name = yaml, .type = KEY_REAL, .offset = index * sizeof(double), .min = 0, .max = 10, \
        .unit = "relative", .doc = "error band of this baseline"                               \
    }
static const struct key baseline_error_keys[] = {
    BASELINE_ERROR(GPU_B0, "b0"), BASELINE_ERROR(GPU_B1, "b1"), BASELINE_ERROR(GPU_B2, "b2"),
    BASELINE_ERROR(GPU_B3, "b3"), BASELINE_ERROR(GPU_B4, "b4"), KEYS_END,
};

#define BASELINE_WHY(index, yaml)                                                      \
    {                                                                                  \
        .name = yaml, .type = KEY_STRING, .offset = index * sizeof(char *),            \
        .default_text = "null", .doc = "where the error band of this baseline is from" \
    }
static const struct key baseline_why_keys[] = {
    BASELINE_WHY(GPU_B0, "b0"), BASELINE_WHY(GPU_B1, "b1"), BASELINE_WHY(GPU_B2, "b2"),
    BASELINE_WHY(GPU_B3, "b3"), BASELINE_WHY(GPU_B4, "b4"), KEYS_END,
};

#define GPU(...) KEY_NUMBER(KEY_REAL, struct gpu_config, __VA_ARGS__)
const struct key gpu_keys[] = {
    KEY_TEXT(struct gpu_config, "name", name, NULL, "by default the file's name"),
    KEY_NUMBER(KEY_UINT32, struct gpu_config, multiprocessors, 1, 65536, "SMs", NULL, "of the GPU"),
    GPU(memory_bytes, 1, BYTES_MAX, "bytes", NULL, "device memory"),
    GPU(memory_bytes_per_second_spec, 1, RATE_MAX, "bytes/s", NULL, "as specified"),
    GPU(memory_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "streaming, measured"),
    GPU(l2_bytes, 1, BYTES_MAX, "bytes", NULL, "second-level cache"),
    GPU(l2_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "L2-resident streaming kernel"),
    GPU(l2_usable_fraction, 0, 1, "of l2_bytes", NULL, "that stays between kernels"),
    GPU(l2_lost_fraction, 0, 100, "of l2_bytes", NULL, "of a working set this large nothing stays"),
    GPU(multiprocessor_bytes, 0, BYTES_MAX, "bytes", NULL, "registers and shared memory of an SM"),
    GPU(graph_kernel_seconds, 0, SECONDS_MAX, "s", NULL, "tiny kernel in a CUDA graph"),
    GPU(stream_kernel_seconds, 0, SECONDS_MAX, "s", NULL, "tiny kernel in a stream"),
    GPU(stream_gap_seconds, 0, SECONDS_MAX, "s", NULL, "a kernel in a stream lasts at least this"),
    GPU(eager_op_seconds, 0, SECONDS_MAX, "s", NULL, "an op of an eager framework lasts at least"),
    GPU(loop_iteration_seconds, 0, SECONDS_MAX, "s", NULL, "the framework's own, per time step"),
    GPU(library_call_seconds, 0, SECONDS_MAX, "s", NULL, "a library's kernel lasts at least"),
    GPU(fused_step_seconds, 0, SECONDS_MAX, "s", NULL, "a persistent recurrent kernel's time step"),
    GPU(fused_element_seconds, 0, SECONDS_MAX, "s", NULL, "an element of its sum over the state"),
    GPU(scan_step_seconds, 0, SECONDS_MAX, "s", NULL, "one time step of a loop inside a kernel"),
    GPU(grid_sync_seconds, 0, SECONDS_MAX, "s", NULL, "in a persistent kernel"),
    GPU(atomic_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "scatter-add of floats"),
    GPU(gather_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "rows gathered, L2-resident"),
    GPU(host_bytes_per_second, 1, RATE_MAX, "bytes/s", NULL, "one direction"),
    GPU(host_latency_seconds, 0, SECONDS_MAX, "s", NULL, "of one copy"),
    KEY_PART(struct gpu_config, baseline_error, baseline_error_keys, "error bands"),
    KEY_PART(struct gpu_config, baseline_why, baseline_why_keys, "their reasons"),
    KEY_PART(struct gpu_config, gemm, precision_keys, "time of a product, by precision"),
    KEY_UNCERTAIN(struct gpu_config),
    KEY_ERROR_BANDS(struct gpu_config),
    KEYS_END,
};

void gpu_check(const void *section, const struct node *node, struct err *err)
{
    const struct gpu_config *gpu = section;
    struct uncertain_scope scope = {gpu_keys, gpu, node, gpu->uncertain, gpu->uncertain_count};
    uncertain_check(&scope, err);
}

struct gpu_config *gpu_load(const char *name, const struct mark *asked_at, struct config *config,
                            struct err *err)
{
    size_t faults = err_count(err);
    const struct node *root = config_read_named(config, name, "gpus", asked_at, err);
    if (root == NULL) {
        return NULL;
    }
    struct gpu_config *gpu = xcalloc(1, sizeof(*gpu));
    if (config_bind(config, gpu_keys, root, "", gpu, err)) {
        gpu_check(gpu, root, err);
    }
    if (err_count(err) > faults) {
        gpu_destroy(gpu);
        return NULL;
    }
    return gpu;
}

void gpu_destroy(struct gpu_config *gpu)
{
    config_free(gpu_keys, gpu);
    free(gpu);
}

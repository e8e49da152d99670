// One streaming kernel on a GPU, repeated: every element read and written where `arrays` says so.
#include <math.h>

#include "gpu/kernel_time.h"
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/workload/workload.h"

enum kernel_mode { MODE_GRAPH, MODE_STREAM, MODE_GRID_SYNC, MODE_EAGER };
static const char *const mode_names[] = {"graph", "stream", "grid_sync", "eager", NULL};

struct gpu_kernel_workload {
    double bytes, working_set_bytes;
    uint32_t mode;
};

#define BYTES_MAX 1e12
#define KERNEL(...) KEY_NUMBER(KEY_REAL, struct gpu_kernel_workload, __VA_ARGS__)
static const struct key gpu_kernel_keys[] = {
    KERNEL(bytes, 0, BYTES_MAX, "bytes", "65536", "read and written by one run"),
    KERNEL(working_set_bytes, 0, BYTES_MAX, "bytes", "null",
           "used again and again; null: as bytes"),
    KEY_CHOICE(struct gpu_kernel_workload, "mode", mode, mode_names, "graph",
               "graph: node of a CUDA graph; stream: launches back to back; grid_sync: step of a "
               "persistent kernel; eager: op of a framework"),
    KEYS_END,
};

static double kernel_seconds(const struct gpu_config *gpu, enum kernel_mode mode,
                             double stream_seconds)
{
    switch (mode) {
    case MODE_GRAPH:
        return gpu->graph_kernel_seconds + stream_seconds;
    case MODE_STREAM:
        return fmax(gpu->stream_kernel_seconds + stream_seconds, gpu->stream_gap_seconds);
    case MODE_GRID_SYNC:
        return gpu->grid_sync_seconds + stream_seconds;
    case MODE_EAGER:
        return fmax(gpu->graph_kernel_seconds + stream_seconds, gpu->eager_op_seconds);
    default:
        SIM_ASSERT(false, "mode %u", (unsigned)mode);
    }
}

static bool run_gpu_kernel(const void *config, const struct machine_config *machine,
                           struct workload_result *result, char **why)
{
    (void)why;
    const struct gpu_kernel_workload *workload = config;
    const struct gpu_config *gpu = machine->gpu;
    double working_set =
        isnan(workload->working_set_bytes) ? workload->bytes : workload->working_set_bytes;
    double resident = gpu_resident_fraction(gpu, working_set);
    double seconds = kernel_seconds(gpu, (enum kernel_mode)workload->mode,
                                    gpu_stream_seconds(gpu, workload->bytes, resident));
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "bytes_per_second", "bytes/s", workload->bytes / seconds);
    return true;
}

const struct workload_kind workload_gpu_kernel = {
    .name = "gpu_kernel",
    .doc = "one streaming kernel on a GPU",
    .keys = gpu_kernel_keys,
    .config_bytes = sizeof(struct gpu_kernel_workload),
    .is_for_gpu = true,
    .run = run_gpu_kernel,
};

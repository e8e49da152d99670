// The STREAM kernels on every tile at once: what other microbenchmarks may ask.
#ifndef TILESIM_SIM_WORKLOAD_STREAM_H
#define TILESIM_SIM_WORKLOAD_STREAM_H

#include <stdint.h>

#include "sim/chip.h"
#include "sim/workload/workload.h"

struct stream_workload {
    uint32_t kernel;         // enum stream_kernel
    uint32_t implementation; // enum stream_implementation
    uint32_t element_bytes;  // 4: float32, 2: float16
    uint32_t array_bytes;    // of one array on one tile
};

uint64_t stream_bytes(const struct stream_workload *workload); // moved on one tile
// result: whose watcher is shown the program; NULL: nobody is.
double stream_cycles(const struct stream_workload *workload, const struct chip_config *chip,
                     const struct workload_result *result);

#endif

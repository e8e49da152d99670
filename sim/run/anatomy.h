// The anatomy of a machine's training step (report/anatomy.h), observed on one recorded training
// step.
#ifndef TILESIM_SIM_RUN_ANATOMY_H
#define TILESIM_SIM_RUN_ANATOMY_H

#include "gpu/gpu.h"
#include "report/anatomy.h"
#include "report/trace.h"
#include "sim/machine.h"
#include "sim/run/form_run.h"

#define TRACE_EVERY_STEP UINT32_MAX

struct trace_options {
    uint32_t steps;        // of each loop shown in full; TRACE_EVERY_STEP: all
    const uint32_t *tiles; // [tile_count] besides the slowest and the median one
    uint32_t tile_count;
};

// What a run is asked to observe.
struct anatomy_request {
    struct anatomy *anatomy; // filled
    struct trace *trace;     // written to; NULL: no trace
    struct trace_options trace_options;
};

// Observes every machine of the result that fits, on the first recorded training step. After the
// machines were timed: programs are lowered again, so that runs without an anatomy pay nothing.
// False: a message is in err.
bool anatomy_run(const struct experiment *experiment, const struct form_run *forms,
                 const struct result *result, struct anatomy_request *request, struct err *err);

// --- inside sim/run/anatomy*.c, and for tests ---------------------------------------------------
struct observed_tiles {
    const char *name; // of the machine
    const struct chip_config *chip;
    const struct program *program;
    struct machine *machine;
    const struct activity *const *records; // NULL entries: the program takes nothing from one
    uint32_t record_count; // 1: the first replica's samples stand for all; else one of each replica
    uint32_t fullest_tile;
    uint32_t replicas; // of the program; the first one is observed
};

// Adds the machine to the anatomy. It holds the sums against the timing run and the tiles against
// the folded cycles of every superstep: a difference of one cycle is a fault of the simulator.
// False: the timing run failed, a sentence in *why.
bool anatomy_observe_tiles(const struct observed_tiles *observed, struct anatomy *anatomy,
                           char **why);
// Writes the machine's tracks. machine: filled by anatomy_observe_tiles() of the same program.
void anatomy_trace_tiles(const struct observed_tiles *observed,
                         const struct anatomy_machine *machine, const struct trace_options *options,
                         struct trace *trace);

struct observed_gpu {
    const char *name; // of the machine, "a100-80/b2"
    const struct gpu_config *gpu;
    enum gpu_baseline baseline;
    enum gpu_precision precision;
    const struct kernel_list *list;
    const struct activity *record; // b4, else NULL
};
void anatomy_observe_gpu(const struct observed_gpu *observed, struct anatomy *anatomy);
void anatomy_trace_gpu(const struct anatomy_gpu *gpu, const struct trace_options *options,
                       struct trace *trace);

#endif

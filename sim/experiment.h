// An experiment file, resolved: network + data + training + machines.
#ifndef TILESIM_SIM_EXPERIMENT_H
#define TILESIM_SIM_EXPERIMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpu/gpu.h"
#include "sim/chip.h"
#include "sim/err.h"
#include "sim/system.h"
#include "sim/uncertain.h"
#include "sim/validation/validation.h"
#include "sim/workload/workload.h"
#include "workloads/lower/lowering.h"
#include "workloads/network.h"

enum timing_engine { TIMING_FOLDED, TIMING_DETAILED };

struct timing_config {
    enum timing_engine engine;
    uint32_t training_steps; // recorded steps that step_seconds is the mean of
};

struct machine_config {              // exactly one of chip, system and gpu was given
    char *name;                      // owned; unique: given, or "bow/sparse", "a100-80"
    struct chip_config *chip;        // owned, unless it is the system's
    struct system_config *system;    // owned; NULL: one chip
    struct parallel_config parallel; // tiles only; {1, 1} without a system
    struct lowering_config lowering; // tiles only
    struct gpu_config *gpu;          // owned
    enum gpu_precision precision;    // GPU matmul type
    uint32_t baselines;              // GPU: bit set of enum gpu_baseline; default all five
};

struct experiment {
    char *name; // owned
    uint64_t seed;
    struct workload workload; // a microbenchmark; without one the machines train the network
    struct network_config network;
    struct data_config data;
    struct activity_fill fill;
    struct training_config training;
    struct timing_config timing;
    uint32_t machine_count;
    struct machine_config *machines; // owned
    struct validation *validation;   // owned; NULL: none
    struct uncertain *uncertain;     // owned; of the experiment's own keys
    uint32_t uncertain_count;
    struct config *config;   // owned; the text it came from (marks point into it)
    const struct node *root; // in it
};

// Reads path ("-": standard input), applies `sets` ("key.path=value", through the same checks) and
// resolves chips, GPUs and derived sizes. NULL if anything is wrong; all messages are in err.
struct experiment *experiment_load(const char *path, const char *const *sets, uint32_t set_count,
                                   struct err *err);
// The same with what the point `point` of the file's section `validation` sets, before the other
// sets.
struct experiment *experiment_load_point(const char *path, const char *point,
                                         const char *const *sets, uint32_t set_count,
                                         struct err *err);
// The same from a tree that was read. Owns config afterwards, also if it fails.
struct experiment *experiment_bind(struct config *config, const struct node *root,
                                   const char *const *sets, uint32_t set_count, struct err *err);
// Is every key of such a tree right if looked at alone? What keys are together is not asked.
bool experiment_check_keys(struct config *config, const struct node *root, struct err *err);
void experiment_destroy(struct experiment *experiment);
// Reads a chip, a system, a GPU or an experiment, whichever the keys of the file say it is; a
// stream is an experiment. False: messages in err. *experiment: what was read, if it is one and
// right.
bool experiment_check_file(const char *path, struct experiment **experiment, struct err *err);
// What of a machine was read from files of its own, each with its list of uncertain values.
struct machine_part {
    const char *kind;             // "chip", "gpu" or "system"
    const char *folder;           // of configs
    bool is_in_system;            // a chip that the system's file names
    struct uncertain_scope scope; // without a node
};
#define MACHINE_PARTS_MAX 2u
uint32_t experiment_machine_parts(const struct machine_config *machine,
                                  struct machine_part parts[MACHINE_PARTS_MAX]);
const char *precision_name(enum precision precision); // "float16"
// The resolved configuration, every key with its value, chips and GPUs in full; network.slots stand
// for max_activity. Can be read as an experiment, and is then the same one. New reference.
json_t *experiment_to_json(const struct experiment *experiment);

#endif

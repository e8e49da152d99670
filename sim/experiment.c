// The keys of an experiment file.
// Every key may be left out; its default stands here and in the reference that the table prints.
#include "sim/experiment.h"

#include <stdlib.h>

#include "sim/config/config_keys.h"
#include "sim/experiment_keys.h"
#include "workloads/data/data.h"
#include "workloads/data/encode.h"
#include "workloads/neurons/neuron.h"

#define LAYERS_MAX 256u // the published multi-chip runs have up to 192 hidden layers
#define MACHINES_MAX 64u
#define TIME_STEPS_MAX 100000u

static const char *neuron_name_at(uint32_t i)
{
    return neuron_models[i] == NULL ? NULL : neuron_models[i]->name;
}

static const char *data_name_at(uint32_t i)
{
    return data_sources[i] == NULL ? NULL : data_sources[i]->name;
}

// --- network ------------------------------------------------------------------------------------
static const char *const resets[] = {[RESET_ZERO] = "zero",
                                     [RESET_SUBTRACT] = "subtract",
                                     [RESET_NONE] = "none",
                                     [RESET_BY_MODEL] = "model",
                                     NULL};
static const char *const reset_gradients[] = {[RESET_GRADIENT_CONSTANT] = "constant",
                                              [RESET_GRADIENT_MASKED] = "masked",
                                              [RESET_GRADIENT_SURROGATE] = "surrogate",
                                              NULL};
static const char *const surrogates[] = {
    [SURROGATE_SUPERSPIKE] = "superspike", [SURROGATE_TRIANGLE] = "triangle",
    [SURROGATE_ARCTAN] = "arctan",         [SURROGATE_STRAIGHT_THROUGH] = "straight_through",
    [SURROGATE_HEAVISIDE] = "heaviside",   NULL};
static const char *const inputs[] = {[INPUT_SPIKES] = "spikes", [INPUT_ANALOG] = "analog", NULL};
static const char *const overflows[] = {
    [OVERFLOW_DROP_HIGHEST] = "drop_highest", [OVERFLOW_DROP_RANDOM] = "drop_random", NULL};

#define NETWORK(kind, ...) KEY_NUMBER(kind, struct network_config, __VA_ARGS__)
#define NETWORK_CHOICE(...) KEY_CHOICE(struct network_config, __VA_ARGS__)
// Defaults are those of the published benchmark (arXiv 2311.04386, its code) where it has the key.
const struct key network_keys[] = {
    KEY_TEXT(struct network_config, "name", name, "null", "null: the file's, if a file has it"),
    NETWORK(KEY_UINT32, inputs, 1, NEURONS_MAX, "neurons", "2312", "of the input layer"),
    {.name = "hidden",
     .type = KEY_UINT_LIST,
     .offset = offsetof(struct network_config, hidden),
     .count_offset = offsetof(struct network_config, hidden_count),
     .min = 1,
     .max = NEURONS_MAX,
     .unit = "neurons",
     .default_text = "[1466, 1466]",
     .max_count = LAYERS_MAX,
     .word = "fill",
     .doc =
         "neurons of each hidden layer, in order; fill: as many as the first machine's tiles take"},
    NETWORK(KEY_UINT32, hidden_layers, 0, LAYERS_MAX, "layers", "2",
            "that hidden: fill makes; else as many as hidden lists"),
    NETWORK(KEY_UINT32, fill_neurons_per_tile, 2, NEURONS_MAX, "neurons", "2",
            "that hidden: fill puts on a tile; even"),
    NETWORK(KEY_UINT32, outputs, 1, NEURONS_MAX, "neurons", "10", "of the output layer"),
    {.name = "neuron",
     .type = KEY_ENUM,
     .offset = offsetof(struct network_config, neuron),
     .name_at = neuron_name_at,
     .default_text = "lif",
     .doc = "neuron model of all layers"},
    {.name = "slots",
     .type = KEY_UINT_LIST,
     .offset = offsetof(struct network_config, slots),
     .count_offset = offsetof(struct network_config, slots_count),
     .min = 1,
     .max = NEURONS_MAX,
     .unit = "slots",
     .default_text = "null",
     .min_count = 2,
     .max_count = LAYERS_MAX + 2,
     .doc = "ids that a spike vector holds, one per layer, input first; not with max_activity"},
    {.name = "max_activity",
     .type = KEY_REAL,
     .offset = offsetof(struct network_config, max_activity),
     .min = 1e-6,
     .max = 1,
     .unit = "of the neurons",
     .default_text = "0.05",
     .is_nullable = true,
     .doc = "slots of a hidden layer = 2 floor(max_activity N / 2), at least 2; null: slots"},
    NETWORK(KEY_UINT32, input_slots, 0, NEURONS_MAX, "slots", "0",
            "of the input, with max_activity; 0: 32, or all inputs if they are fewer"),
    NETWORK_CHOICE("input", input, inputs, "spikes",
                   "what layer 1 reads; analog: real numbers, the same at every time step"),
    KEY_TRUTH(struct network_config, "bias", has_bias, "false",
              "a trained constant is added to the input of every neuron"),
    NETWORK(KEY_REAL, alpha, 0, 1, "per time step", "0.95", "what stays of the membrane"),
    NETWORK(KEY_REAL, beta, 0, 1, "per time step", "0.9", "of the synaptic current; a guess"),
    NETWORK(KEY_REAL, theta1, -1e6, 1e6, "of membrane", "1.0", "a neuron above it spikes"),
    NETWORK(KEY_REAL, theta2, -1e6, 1e6, "of membrane", "0.9", "above it: listed for gradients"),
    NETWORK(KEY_REAL, theta2_out, -1e6, 1e6, "of membrane", "null", "output layer; null: theta2"),
    NETWORK(KEY_REAL, gain, -1e6, 1e6, NULL, "10", "input times gain (1 - alpha); not of leaky"),
    NETWORK_CHOICE("surrogate", surrogate, surrogates, "superspike", "derivative of a spike"),
    NETWORK(KEY_REAL, surrogate_slope, 0, 1e6, NULL, "10", "of the surrogate"),
    NETWORK_CHOICE("reset", reset, resets, "model", "of the membrane after a spike"),
    KEY_TRUTH(struct network_config, "reset_inside_decay", is_reset_inside_decay, "false",
              "alpha (u - reset) rather than alpha u - reset"),
    NETWORK_CHOICE("reset_gradient", reset_gradient, reset_gradients, "constant",
                   "what gradients see of the reset"),
    NETWORK_CHOICE("overflow", overflow, overflows, "drop_highest", "which spikes find no slot"),
    NETWORK(KEY_UINT32, layer_delay, 0, 1, "time steps", "1", "from a layer to the next"),
    NETWORK(KEY_REAL, weight_mul, 0, 1e6, NULL, "2", "weights in +-mul sqrt(6 / fan-in) + shift"),
    NETWORK(KEY_REAL, weight_shift, -1e6, 1e6, NULL, "0.001", "see weight_mul"),
    NETWORK(KEY_REAL, bias_mul, 0, 1e6, NULL, "1", "biases in +-mul / sqrt(fan-in)"),
    KEYS_END,
};

// --- data, activity -----------------------------------------------------------------------------
static const char *const encodings[] = {[ENCODING_LATENCY] = "latency",
                                        [ENCODING_RATE] = "rate",
                                        [ENCODING_CONSTANT] = "constant",
                                        NULL};

#define DATA(kind, ...) KEY_NUMBER(kind, struct data_config, __VA_ARGS__)
static const struct key data_keys[] = {
    {.name = "source",
     .type = KEY_ENUM,
     .offset = offsetof(struct data_config, source),
     .name_at = data_name_at,
     .default_text = "randman",
     .doc = "where input spikes come from"},
    KEY_TEXT(struct data_config, "directory", directory, "null",
             "of files; null: the source's own"),
    KEY_CHOICE(struct data_config, "encoding", encoding, encodings, "latency",
               "pixels to spikes; constant: as they are, of analog input"),
    DATA(KEY_REAL, latency_tau, 1e-3, 1e6, "time steps", "20", "latency coding: time constant"),
    DATA(KEY_REAL, pixel_threshold, 0, 1, "of white", "0.2", "darker pixels stay silent"),
    DATA(KEY_REAL, rate_max, 0, 1, "spikes per time step", "0.5", "rate coding: a white pixel"),
    DATA(KEY_REAL, rate, 0, 1, "spikes per time step", "0.01", "uniform source: each input"),
    DATA(KEY_UINT32, manifold_dimension, 1, 16, "dimensions", "2", "randman"),
    DATA(KEY_UINT32, manifold_spikes, 1, 1000, "spikes", "1", "randman: of each input and sample"),
    DATA(KEY_UINT32, manifold_samples_per_class, 1, 1000000, "samples", "1000", "randman"),
    DATA(KEY_REAL, manifold_alpha, 0.1, 10, NULL, "2", "randman: smoothness"),
    KEYS_END,
};

// No source says how full the slots of the published runs were: all three defaults are guesses.
#define FILL(...) KEY_NUMBER(KEY_REAL, struct activity_fill, __VA_ARGS__)
static const struct key fill_keys[] = {
    FILL(spikes, 0, 1, "of the slots", "0.5", "drawn spikes; a guess"),
    FILL(listed, 0, 1, "of the slots", "1.0", "drawn ids, spikes and near-threshold; a guess"),
    FILL(input_spikes, 0, 1, "of the slots", "1.0", "drawn input spikes; a guess"),
    FILL(active_neurons, 0, 1, "of a hidden layer's neurons", "1.0",
         "drawn ids are no more than these, however many slots there are"),
    KEYS_END,
};

static const struct key activity_keys[] = {
    {.name = "fill",
     .type = KEY_SECTION,
     .offset = 0,
     .keys = fill_keys,
     .doc = "how full the slots are"},
    KEYS_END,
};

// --- training, timing, machines -----------------------------------------------------------------
static const char *const modes[] = {[MODE_FUNCTIONAL] = "functional", [MODE_DRAWN] = "drawn", NULL};
static const char *const losses[] = {
    [LOSS_ON_SPIKES] = "spikes", [LOSS_ON_MEMBRANES] = "membranes", NULL};
static const char *const optimizers[] = {[OPTIMIZER_SGD] = "sgd", [OPTIMIZER_ADAM] = "adam", NULL};
static const char *const schedules[] = {
    [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_COSINE] = "cosine", NULL};
static const char *const precisions[] = {
    [PRECISION_FLOAT32] = "float32",
    [PRECISION_FLOAT64] = "float64",
    [PRECISION_FLOAT16] = "float16",
    NULL,
};

const char *precision_name(enum precision precision)
{
    return precisions[precision];
}

static const char *const state_types[] = {"float32", "float16", NULL};
static const uint32_t state_type_bytes[] = {4, 2};

#define CHECKPOINT_NUMBER(field, low, high, unit_text, doc_text)                                 \
    {                                                                                            \
        .name = #field, .type = KEY_UINT32, .offset = offsetof(struct checkpoint_config, field), \
        .min = low, .max = high, .unit = unit_text, .default_text = "auto", .word = "auto",      \
        .doc = doc_text                                                                          \
    }
static const struct key checkpoint_keys[] = {
    CHECKPOINT_NUMBER(
        local, 1, TIME_STEPS_MAX, "checkpoints",
        "in SRAM: single, nested (of each level), binomial; double: of each remote one"),
    CHECKPOINT_NUMBER(remote, 1, TIME_STEPS_MAX, "checkpoints",
                      "in streaming memory: single_remote, double"),
    CHECKPOINT_NUMBER(levels, 2, 17, "levels", "nested; 2 are the same as single"),
    KEY_TRUTH(struct checkpoint_config, "keep_last", keeps_last, "false",
              "the last chunk keeps its history when it runs first, and is not run again"),
    KEY_TRUTH(struct checkpoint_config, "packed_spikes", has_packed_spikes, "false",
              "stored spikes are one bit a neuron, not ids"),
    {.name = "state_type",
     .type = KEY_ENUM,
     .offset = offsetof(struct checkpoint_config, state_bytes),
     .names = state_types,
     .values = state_type_bytes,
     .default_text = "float32",
     .doc = "of stored states; with float16 gradients are not those of plain training"},
    KEYS_END,
};

static const char *checkpoint_name_at(uint32_t i)
{
    return checkpoint_kind_name((enum checkpoint_kind)i);
}

#define TRAINING(kind, ...) KEY_NUMBER(kind, struct training_config, __VA_ARGS__)
static const struct key training_keys[] = {
    KEY_CHOICE(struct training_config, "mode", mode, modes, "functional",
               "train on the host, or draw the activity"),
    TRAINING(KEY_UINT32, steps, 1, 100000000, "training steps", "100", "batches; not if drawn"),
    TRAINING(KEY_UINT32, batch, 1, 65536, "samples", "48", "of one training step"),
    TRAINING(KEY_UINT32, time_steps, 1, TIME_STEPS_MAX, "time steps", "100", "of one sample"),
    KEY_CHOICE(struct training_config, "loss", loss, losses, "spikes",
               "cross-entropy on the output's spike counts, or its summed membranes"),
    KEY_CHOICE(struct training_config, "optimizer", optimizer, optimizers, "adam",
               "of the weights"),
    TRAINING(KEY_REAL, learning_rate, 0, 1e3, NULL, "1e-3", "of the optimizer"),
    KEY_CHOICE(struct training_config, "learning_rate_schedule", learning_rate_schedule, schedules,
               "constant", "over the training steps; cosine falls to zero at the last"),
    TRAINING(KEY_REAL, adam_beta1, 0, 0.9999999, NULL, "0.9", "decay of Adam's first moment"),
    TRAINING(KEY_REAL, adam_beta2, 0, 0.9999999, NULL, "0.999", "decay of Adam's second moment"),
    TRAINING(KEY_REAL, adam_epsilon, 1e-30, 1, NULL, "1e-8", "Adam's guard against zero"),
    KEY_CHOICE(struct training_config, "precision", precision, precisions, "float32",
               "of the functional run; float64: plain reference; float16: stored so"),
    TRAINING(KEY_UINT32, test_samples, 0, 1000000000, "samples", "1000",
             "for accuracy; 0: none; more than there are: all"),
    KEY_TRUTH(struct training_config, "both_forms", both_forms, "false",
              "train sparse and dense, whatever the machines need"),
    {.name = "checkpointing",
     .type = KEY_ENUM,
     .offset = offsetof(struct training_config, checkpoints.kind),
     .name_at = checkpoint_name_at,
     .default_text = "none",
     .doc = "which states are kept and where, the others are run again: docs/checkpointing.md"},
    KEY_PART(struct training_config, checkpoints, checkpoint_keys, "how many; auto: as fit best"),
    KEYS_END,
};

static void training_check(const void *section, const struct node *node, struct err *err)
{
    const struct training_config *training = section;
    const char *number = NULL;
    char *fault = plan_check(&training->checkpoints, training->time_steps, &number);
    if (fault != NULL) {
        char *path = xasprintf("checkpoints.%s", number);
        struct mark mark = config_mark(node, path);
        char *of_more_steps = plan_check(&training->checkpoints, TIME_STEPS_MAX, &number);
        char *steps = of_more_steps != NULL
                          ? xstrdup("")
                          : config_name_elsewhere(node, "time_steps", "training.time_steps", &mark);
        err_at(err, &mark, "training.%s: %s%s", path, fault, steps);
        free(steps);
        free(of_more_steps);
        free(path);
        free(fault);
    }
}

static const char *const engines[] = {
    [TIMING_FOLDED] = "folded", [TIMING_DETAILED] = "detailed", NULL};
static const struct key timing_keys[] = {
    KEY_CHOICE(struct timing_config, "engine", engine, engines, "folded",
               "equal to the cycle; detailed runs every tile"),
    KEY_NUMBER(KEY_UINT32, struct timing_config, training_steps, 1, 100000, "training steps", "1",
               "recorded ones, the last, that step_seconds is the mean of"),
    KEYS_END,
};

static const char *const lowerings[] = {
    [LOWERING_SPARSE] = "sparse", [LOWERING_DENSE] = "dense", NULL};
static const char *const state_gradients[] = {
    [STATE_GRADIENT_TILE_LOCAL] = "tile_local", [STATE_GRADIENT_PER_SAMPLE] = "per_sample", NULL};
static const char *const elementwises[] = {
    [ELEMENTWISE_LIBRARY] = "library", [ELEMENTWISE_FUSED] = "fused", NULL};
static const char *const host_outputs[] = {
    [HOST_OUTPUT_LOSS] = "loss", [HOST_OUTPUT_SPIKES] = "spikes", NULL};
static const char *const matmul_types[] = {"float32", "float16", NULL};
static const uint32_t matmul_type_bytes[] = {4, 2};
static const char *const gpu_precisions[] = {
    [GPU_FLOAT32] = "float32", [GPU_TF32] = "tf32", [GPU_BFLOAT16] = "bfloat16", NULL};
static const char *const baselines[] = {
    [GPU_B0] = "b0", [GPU_B1] = "b1", [GPU_B2] = "b2", [GPU_B3] = "b3", [GPU_B4] = "b4", NULL};

static const char *const all_reduces[] = {[ALL_REDUCE_RING] = "ring",
                                          [ALL_REDUCE_TREE] = "tree",
                                          [ALL_REDUCE_TWO_LEVEL] = "two_level",
                                          NULL};
static const char *const streamings[] = {[STREAMING_BLOCKING] = "blocking",
                                         [STREAMING_DOUBLE_BUFFERED] = "double_buffered",
                                         [STREAMING_IO_TILES] = "io_tiles",
                                         NULL};

static const struct key machine_keys[] = {
    KEY_TEXT(struct machine_config, "name", name, "null",
             "null: chip/lowering or system/lowering, or the GPU's name"),
    {.name = "chip",
     .type = KEY_SECTION,
     .offset = offsetof(struct machine_config, chip),
     .keys = chip_keys,
     .struct_bytes = sizeof(struct chip_config),
     .is_pointer = true,
     .folder = "chips",
     .default_text = "null",
     .check = chip_check,
     .doc = "name of a chip file, or {base: name, key: value}; chip, system or gpu"},
    {.name = "system",
     .type = KEY_SECTION,
     .offset = offsetof(struct machine_config, system),
     .keys = system_keys,
     .struct_bytes = sizeof(struct system_config),
     .is_pointer = true,
     .folder = "systems",
     .default_text = "null",
     .check = system_check,
     .doc = "name of a system file, or {base: name, key: value}; chip, system or gpu"},
    {.name = "chips",
     .type = KEY_UINT32,
     .offset = offsetof(struct machine_config, parallel.chips),
     .max = SYSTEM_CHIPS_MAX,
     .unit = "chips",
     .default_text = "0",
     .doc = "system: that take part, the first ones; 0: all"},
    {.name = "replicas",
     .type = KEY_UINT32,
     .offset = offsetof(struct machine_config, parallel.replicas),
     .min = 1,
     .max = SYSTEM_CHIPS_MAX,
     .unit = "replicas",
     .default_text = "1",
     .doc = "system: copies of the network, each on chips / replicas chips with its part of the "
            "batch"},
    KEY_CHOICE(struct machine_config, "all_reduce", parallel.all_reduce, all_reduces, "ring",
               "system: how gradients of the replicas are summed"),
    KEY_TRUTH(struct machine_config, "replays_each", parallel.replays_each, "false",
              "system: each replica is timed on its own samples; else the first stands for all"),
    KEY_CHOICE(struct machine_config, "streaming", lowering.streaming, streamings, "blocking",
               "system: how states go to streaming memory and come back"),
    {.name = "io_tiles",
     .type = KEY_UINT32,
     .offset = offsetof(struct machine_config, lowering.io_tiles),
     .max = 1048576,
     .unit = "tiles",
     .default_text = "0",
     .doc = "system: of each chip, its last ones, that only stream; with streaming: io_tiles"},
    KEY_CHOICE(struct machine_config, "lowering", lowering.kind, lowerings, "sparse",
               "form that the chip runs"),
    KEY_CHOICE(struct machine_config, "state_gradient", lowering.state_gradient, state_gradients,
               "tile_local", "sparse: the new or the old B4"),
    KEY_CHOICE(struct machine_config, "elementwise", lowering.elementwise, elementwises, "library",
               "sparse: dense backward ops one by one, or fused"),
    KEY_TRUTH(struct machine_config, "rearrangement", lowering.has_rearrangement, "true",
              "copies where an exchanged input is not contiguous"),
    {.name = "matmul_type",
     .type = KEY_ENUM,
     .offset = offsetof(struct machine_config, lowering.matmul_bytes),
     .names = matmul_types,
     .values = matmul_type_bytes,
     .default_text = "float32",
     .doc = "dense: inputs of products"},
    {.name = "layer_chips",
     .type = KEY_UINT32,
     .offset = offsetof(struct machine_config, lowering.layer_chips),
     .max = SYSTEM_CHIPS_MAX,
     .unit = "chips",
     .default_text = "0",
     .doc =
         "system, dense: that each layer is split over, of those of a replica; 0: as is fastest"},
    KEY_TRUTH(struct machine_config, "hoist_static_input", lowering.hoists_static_input, "false",
              "analog input: its products once per training step, not at every time step"),
    KEY_CHOICE(struct machine_config, "host_output", lowering.host_output, host_outputs, "loss",
               "back to the host: the mean loss, or the output layer's spikes too"),
    {.name = "gpu",
     .type = KEY_SECTION,
     .offset = offsetof(struct machine_config, gpu),
     .keys = gpu_keys,
     .struct_bytes = sizeof(struct gpu_config),
     .is_pointer = true,
     .folder = "gpus",
     .default_text = "null",
     .check = gpu_check,
     .doc = "name of a GPU file, or {base: name, key: value}; chip, system or gpu"},
    KEY_CHOICE(struct machine_config, "precision", precision, gpu_precisions, "tf32",
               "GPU: of products; tf32 is the frameworks' default"),
    {.name = "baselines",
     .type = KEY_ENUM_SET,
     .offset = offsetof(struct machine_config, baselines),
     .names = baselines,
     .default_text = "[b0, b1, b2, b3, b4]",
     .min_count = 1,
     .max_count = GPU_BASELINE_COUNT,
     .doc = "GPU: which to report"},
    KEYS_END,
};

// --- workload -----------------------------------------------------------------------------------
static const char *workload_name_at(uint32_t i)
{
    if (i == 0) {
        return "training";
    }
    return workload_kinds[i - 1] == NULL ? NULL : workload_kinds[i - 1]->name;
}

static struct section_kind workload_kind_at(uint32_t i)
{
    if (i == 0) {
        return (struct section_kind){.doc = "the network below"};
    }
    const struct workload_kind *kind = workload_kinds[i - 1];
    return (struct section_kind){kind->doc, kind->keys, kind->config_bytes, kind};
}

_Static_assert(sizeof(struct workload) == sizeof(struct config_variant) &&
                   offsetof(struct workload, kind) == offsetof(struct config_variant, kind) &&
                   offsetof(struct workload, config) == offsetof(struct config_variant, section),
               "a workload is read as a variant");

const struct key experiment_keys[] = {
    KEY_TEXT(struct experiment, "experiment", name, NULL, "by default the file's name"),
    KEY_NUMBER(KEY_UINT64, struct experiment, seed, 0, 9007199254740992.0, NULL, "1",
               "of all random numbers"),
    {.name = "workload",
     .type = KEY_VARIANT,
     .offset = offsetof(struct experiment, workload),
     .name_at = workload_name_at,
     .kind_at = workload_kind_at,
     .default_text = "{kind: training}",
     .doc = "a microbenchmark that the machines run instead of training"},
    {.name = "network",
     .type = KEY_SECTION,
     .offset = offsetof(struct experiment, network),
     .keys = network_keys,
     .folder = "networks",
     .doc = "layers and neurons; or a name of configs/networks, or {base: name, key: value}"},
    KEY_PART(struct experiment, data, data_keys, "input spikes and labels"),
    {.name = "activity",
     .type = KEY_SECTION,
     .offset = offsetof(struct experiment, fill),
     .keys = activity_keys,
     .doc = "of training.mode drawn"},
    {.name = "training",
     .type = KEY_SECTION,
     .offset = offsetof(struct experiment, training),
     .keys = training_keys,
     .check = training_check,
     .doc = "the functional run"},
    KEY_PART(struct experiment, timing, timing_keys, "the timing run"),
    {.name = "machines",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct experiment, machines),
     .count_offset = offsetof(struct experiment, machine_count),
     .keys = machine_keys,
     .struct_bytes = sizeof(struct machine_config),
     .is_pointer = true,
     .default_text =
         "[{chip: bow, lowering: sparse}, {chip: bow, lowering: dense}, {gpu: a100-80}]",
     .max_count = MACHINES_MAX,
     .doc = "what the training step is timed on; [] is legal"},
    {.name = "validation",
     .type = KEY_SECTION,
     .offset = offsetof(struct experiment, validation),
     .keys = validation_keys,
     .struct_bytes = sizeof(struct validation),
     .is_pointer = true,
     .default_text = "null",
     .check = validation_check,
     .doc = "measurements that this experiment is held against"},
    KEY_UNCERTAIN(struct experiment),
    KEYS_END,
};

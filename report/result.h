// The result of one run: everything that a report may show. Filled by sim/, printed by report/.
// The JSON that it becomes is documented in docs/result-format.md.
#ifndef TILESIM_REPORT_RESULT_H
#define TILESIM_REPORT_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// A real value that the model cannot give: null in JSON; `why` says why.
#define RESULT_NOTHING (-1.0)

struct result_training {
    const char *form; // "sparse" or "dense"
    const char *mode; // "functional" or "drawn"
    uint32_t steps;
    double *loss;    // owned; [steps]; NULL when drawn
    double accuracy; // 0..1 on the test split, or RESULT_NOTHING
};

struct result_activity {
    const char *form;
    uint32_t layer; // 0: input
    uint32_t neurons, slots;
    double spikes, listed, dropped; // per time step and sample
    double sparsity;                // 1 - spikes / neurons
};

struct result_share {       // one named part of a step: a compute set or an exchange of the program
    char *name;             // owned
    double seconds;         // per training step
    uint64_t cycles, times; // per training step
};

struct result_memory { // one variable, or one role
    char *name;        // owned
    uint64_t bytes;    // on the fullest tile
};

// What a checkpoint plan does in a training step; as timed, not by formula.
#define RESULT_CHECKPOINT_NOTES 2
struct result_checkpoint {
    const char *kind;                         // "double"; NULL: all history is kept, as always
    bool is_chosen;                           // by the planner: kind or numbers were left open
    uint32_t local, remote, levels;           // 0: the kind has no such number
    double forward_steps_per_time_step;       // 1: nothing runs again
    double forward_share;                     // t_f / (t_f + t_b), of one time step each
    double overhead;                          // what the plan adds, over all the rest of the step
    uint32_t states_held, history_steps_held; // in SRAM at the same time, at the most
    uint64_t streamed_out_bytes, streamed_in_bytes; // to and from streaming memory, of all chips
    const char *notes[RESULT_CHECKPOINT_NOTES]; // static texts: options that do nothing, or harm
    uint32_t note_count;
};

struct result_quantity { // what a microbenchmark yields; names and units are static texts
    const char *name, *unit;
    double value;
};

struct result_sensitivity { // one uncertain value moved to the ends of its range, all else equal
    char *key;              // owned
    const char *of;         // "experiment", "chip" or "gpu": whose key
    char *fitted_to;        // owned; NULL: a guess
    double value, low, high;
    double at_low, at_high; // what the machine yields there; RESULT_NOTHING: it does not fit
    double change_low, change_high; // relative; RESULT_NOTHING likewise
};

struct result_machine {
    char *name;       // owned; "bow/sparse", "a100-80/b2"
    char *hardware;   // owned; the chip or GPU: "bow", "a100-80"
    const char *kind; // "tiles" or "gpu"
    const char *variant, *form;
    uint32_t chips;       // that hold a part of the network, of all replicas together
    uint32_t replicas;    // copies of the network
    uint32_t chips_asked; // a network may need fewer
    double clock_hz;
    double step_seconds, samples_per_second;
    double error_band; // relative, or RESULT_NOTHING
    bool fits;
    char *why; // owned; NULL: nothing to explain
    double compute_seconds, exchange_seconds, sync_seconds, host_seconds;
    double links_seconds, memory_seconds; // waits for other chips, for streaming memory
    double launch_seconds, loop_seconds;  // GPUs
    // GPUs: host-to-device copy of one batch, b0's as an array; overlaps the step before, so not in
    // step_seconds
    double input_copy_seconds;
    uint64_t cycles, supersteps; // per training step; 0 for GPUs
    uint32_t tiles_used;
    uint64_t sram_limit_bytes, sram_max_bytes; // tiles; GPUs: device memory
    uint32_t sram_max_tile;
    uint64_t *sram_by_tile; // owned; [tile_count]; NULL: a GPU
    uint32_t tile_count;
    struct result_memory *by_role; // owned
    uint32_t by_role_count;
    struct result_memory *largest; // owned; the five largest variables on the fullest tile
    uint32_t largest_count;
    struct result_share *shares; // owned; tiles only, program order
    uint32_t share_count;
    // owned; of a microbenchmark, which has nothing else below fits
    struct result_quantity *quantities;
    uint32_t quantity_count;
    struct result_checkpoint checkpoint;
    char *plan_why;       // owned; why the planner chose this plan; NULL: it was not asked
    double energy_joules; // RESULT_NOTHING where the chip file gives no values
    char *energy_why;     // owned
    struct result_sensitivity *sensitivity; // owned; the largest change first
    uint32_t sensitivity_count;
};

struct result_speedup {
    const char *of, *over; // machine names; ratio = step_seconds(over) / step_seconds(of)
    double ratio;
    double error_band; // relative, of both machines as if independent; or RESULT_NOTHING
};

struct result {
    const char *version, *git;
    const char *experiment;
    const char *workload;       // the microbenchmark; NULL: a training step
    const char *sensitivity_of; // the quantity that was watched; NULL: nobody asked
    uint64_t seed;
    uint32_t batch, time_steps;
    json_t *config;                   // owned
    struct result_training *training; // owned
    uint32_t training_count;
    struct result_activity *activity; // owned
    uint32_t activity_count;
    struct result_machine *machines; // owned
    uint32_t machine_count;
    struct result_speedup *speedups; // owned
    uint32_t speedup_count;
    struct {
        double total, functional, draw, lower, timing, gpu;
    } host_seconds;
    double supersteps_per_second, slowdown;
    uint64_t peak_rss_bytes;
};

struct result_part { // of a training step
    const char *name;
    double seconds;
};
#define RESULT_PARTS 8u
void result_free(struct result *result);
// They add up to step_seconds.
void result_parts_of(const struct result_machine *machine, struct result_part parts[RESULT_PARTS]);
// The name of the largest part; NULL: the machine does not fit. Transfers that run beside the
// computation are parts only as far as they are waited for, so that the largest part is what bounds
// the step.
const char *result_bound(const struct result_machine *machine);
// Every tile machine over every GPU baseline, and sparse over dense tiles of the same chip.
void result_compute_speedups(struct result *result);
json_t *result_to_json(const struct result *result);
// Writes through a temporary file in the same folder and renames: never a partial file under
// `path`. "-" is standard output. False: not written, a sentence in *why (owned by the caller).
bool result_write_json(const struct result *result, const char *path, char **why);
// The same of any object. digits: of its reals; 0: all.
bool result_write_any_json(const json_t *json, uint32_t digits, const char *path, char **why);
// Can a file of that name be made? Leaves nothing behind. False: a sentence in *why (owned by the
// caller).
bool result_can_write_json(const char *path, char **why);
// The table on the terminal. has_colour: use ANSI colours.
void result_print(const struct result *result, FILE *stream, bool has_colour);

#endif

// The anatomy of one training step: what every machine of a run does, in the order in which it does
// it. Filled by sim/run/anatomy*.c for one recorded training step; shown by report/anatomy_json.c.
// Cycles and bytes are those of the timing model, to the cycle; nothing here is measured.
// docs/anatomy.md explains each number.
#ifndef TILESIM_REPORT_ANATOMY_H
#define TILESIM_REPORT_ANATOMY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "report/result.h"

#define ANATOMY_QUANTILES 21 // 0, 5, ... 100 % of the tiles
#define ANATOMY_BOUNDS 4     // floor, compute, L2, memory

enum anatomy_kind {
    ANATOMY_COMPUTE,
    ANATOMY_EXCHANGE,
    ANATOMY_HOST,
    ANATOMY_STREAM, // to or from streaming memory
    ANATOMY_ALL_REDUCE,
    ANATOMY_KINDS
};
extern const char *const anatomy_kind_names[ANATOMY_KINDS];

struct anatomy_work { // vertices of one codelet on the slowest tile
    const char *codelet;
    uint64_t vertices;
    uint64_t count, hits; // what the activity brought to them, added up
    double slots;         // issue slots of all workers
};

struct anatomy_tile_work { // of a compute set, in the execution in the middle
    uint32_t tiles;        // with at least one vertex
    uint32_t slowest_tile;
    // cycles of the slowest tile = launch + fixed + activity
    uint64_t launch_cycles, fixed_cycles, activity_cycles;
    double mean_cycles;                       // over all tiles
    double slowest_occupancy, mean_occupancy; // issue slots used / cycles of the set
    uint64_t tile_cycles[ANATOMY_QUANTILES];  // over all tiles, rising
    double *worker_slots;                     // owned; [contexts], of the slowest tile
    struct anatomy_work *work;                // owned; of the slowest tile
    uint32_t work_count;
};

struct anatomy_port_work { // of an exchange
    uint32_t busiest_tile;
    uint64_t out_cycles, in_cycles;            // of its ports
    uint64_t sent_messages, received_messages; // of that tile
    uint64_t own_cycles;   // of one execution on the chips, without waits for others
    uint64_t other_cycles; // the way and the fixed part, beside the busiest port
};

struct anatomy_step { // a compute set, an exchange or a host transfer, as it stands in the program
    char *name;       // owned
    enum anatomy_kind kind;
    uint32_t program_step;        // its number among all steps of the program
    uint32_t loop;                // 0: outside; else 1 + index in loops
    uint32_t section;             // 0: the main part; else 1 + index in sections
    const char *phase;            // STREAM: "start", "wait", "whole"; else NULL
    uint64_t waited_cycles;       // of all of them: for other chips, host, streaming memory
    uint64_t times;               // executions per training step
    uint64_t cycles, sync_cycles; // of all of them
    // of one execution, without its sync
    uint64_t first_cycles, middle_cycles, least_cycles, most_cycles;
    int64_t middle_time_step;
    uint64_t bytes; // HOST; STREAM, ALL_REDUCE: of every chip
    struct anatomy_tile_work tile;
    struct anatomy_port_work port;
};

struct anatomy_loop {
    uint32_t count;
    int32_t first, stride; // time steps
};

struct anatomy_section { // steps that calls of the main part run
    char *name;          // owned
    uint64_t times, cycles;
    uint32_t program_step; // the first
};

struct anatomy_call { // of the main part, in its order
    uint32_t depth;   // loops around it
    uint32_t section; // 1 + index in sections; 0: a loop around the calls that are deeper
    uint32_t count;
    int32_t first, stride; // time steps
};

// A transfer to or from streaming memory, and a stretch of the training step in which one section
// or loop runs.
struct anatomy_span {
    uint32_t what; // transfers: step; stretches: section, or 1 + section_count + loop; 0: neither
    uint64_t begin_cycles, end_cycles;
};
struct anatomy_spans {
    struct anatomy_span *items; // owned; in the order of their beginnings
    uint32_t count, room;
};

struct anatomy_event { // one execution of a step
    uint32_t step;
    int64_t time_step;
    uint64_t cycles, sync_cycles;
};

struct anatomy_variable {
    char *name; // owned
    const char *role;
    uint64_t bytes;
    uint32_t first_step, last_step; // of the program; 0 .. UINT32_MAX: always
};

struct anatomy_memory { // of one tile
    uint32_t tile;
    const char *what;                   // "fullest tile"
    uint64_t *by_step;                  // owned; [step_count][role_count] bytes that are live
    struct anatomy_variable *variables; // owned; the largest first
    uint32_t variable_count;
};

struct anatomy_machine {   // of tiles
    char *name, *hardware; // owned
    double clock_hz;
    uint32_t tile_count, contexts, time_steps;
    uint64_t compute_cycles, exchange_cycles, sync_cycles, host_cycles;
    uint64_t links_cycles, memory_cycles; // waits
    uint32_t chips, replicas;             // the first replica is shown
    bool has_own_samples; // each replica replayed its own; else the first one's stand for all
    struct anatomy_section *sections; // owned; none: the program has no calls
    uint32_t section_count;
    struct anatomy_call *calls; // owned
    uint32_t call_count;
    struct anatomy_spans stretches, transfers, links_waits, memory_waits;
    struct anatomy_loop *loops; // owned
    uint32_t loop_count;
    struct anatomy_step *steps; // owned; in program order
    uint32_t step_count;
    struct anatomy_event *events; // owned; in the order of execution
    uint32_t event_count;
    // Tiles of a step are looked at in all of its executions, or, of more than looks_all, in
    // looks_of_more at most.
    uint32_t looks_all, looks_of_more;
    // owned; [tile_count], per training step: computing (in executions not looked at in
    // proportion), and its busier port moving words
    uint64_t *busy_cycles, *port_cycles;
    uint32_t slowest_tile, median_tile; // by busy cycles
    uint64_t sram_limit_bytes;
    const char **role_names; // owned array of static texts; [role_count]
    uint32_t role_count;
    struct anatomy_memory *memories; // owned
    uint32_t memory_count;
};

struct anatomy_kernel {
    char *name;                   // owned
    const char *phase;            // "forward", "backward", "once"
    uint32_t layer;               // 0: none
    double launches;              // per training step
    double seconds;               // of all launches, gaps between them included
    double gap_seconds;           // of them: gaps
    double parts[ANATOMY_BOUNDS]; // of the seconds: what faster hardware of this kind would shorten
};

struct anatomy_gpu {       // one baseline
    char *name, *hardware; // owned
    const char *description;
    double step_seconds, compute_seconds, launch_seconds, loop_seconds, sync_seconds, host_seconds;
    uint32_t time_steps;
    struct anatomy_kernel *kernels; // owned
    uint32_t kernel_count;
};

struct anatomy {
    struct anatomy_machine *machines; // owned
    uint32_t machine_count;
    struct anatomy_gpu *gpus; // owned
    uint32_t gpu_count;
};

extern const char *const anatomy_bounds[ANATOMY_BOUNDS];

// Both return a zeroed entry behind the others.
struct anatomy_machine *anatomy_add_machine(struct anatomy *anatomy);
struct anatomy_gpu *anatomy_add_gpu(struct anatomy *anatomy);
void anatomy_free(struct anatomy *anatomy);
// One of no cycles is left out.
void anatomy_append_span(struct anatomy_spans *spans, const struct anatomy_span *span);
// Joined to the last one where both are of the same thing and follow each other without a gap.
void anatomy_add_span(struct anatomy_spans *spans, const struct anatomy_span *span);
uint64_t anatomy_total_cycles(const struct anatomy_machine *machine);

// What the page shows, with what it needs of the result. New reference.
json_t *anatomy_to_json(const struct anatomy *anatomy, const struct result *result);
// The page, through a temporary file (report/output_file.h). False: a sentence in *why.
bool anatomy_write_page(const struct anatomy *anatomy, const struct result *result,
                        const char *path, char **why);

#endif

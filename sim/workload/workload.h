// Microbenchmarks: what an experiment runs on its machines instead of a training step. The section
// `workload` of an experiment says `kind:` and, beside it, the keys of that kind.
// A kind is one file of this folder: a table of keys, a plain struct that they fill, and one
// function that asks the machine's model. Nothing here holds costs of its own.
#ifndef TILESIM_SIM_WORKLOAD_WORKLOAD_H
#define TILESIM_SIM_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/config/config.h"

// The one list of kinds: X(name) declares workload_<name>, defined in sim/workload/<name>.c.
// `training`, the default, is no microbenchmark and has no file.
#define WORKLOADS(X)                                            \
    X(exchange)   /* patterns of exchanges */                   \
    X(host)       /* words between chips and their host */      \
    X(memory)     /* reading a tile's own memory */             \
    X(vertex)     /* one compute set of equal vertices */       \
    X(matmul)     /* one dense product on a whole chip */       \
    X(gemm)       /* a matrix product of a GPU */               \
    X(gpu_kernel) /* a streaming kernel of a GPU */             \
    X(rnn)        /* a recurrent or spiking layer of a GPU */   \
    X(stream)     /* STREAM kernels on the tiles' own memory */ \
    X(stencil)    /* a 3 x 3 stencil on an image, by phase */

#define WORKLOAD_QUANTITIES_MAX 16

// What a run yields. Names are static texts with their unit at the end ("cycles", "seconds",
// "bytes_per_second", "flop_per_second"), so that `unit` is for tables only.
struct workload_quantity {
    const char *name, *unit;
    double value;
};

struct program;
struct activity;
struct workload_result {
    struct workload_quantity quantities[WORKLOAD_QUANTITIES_MAX];
    uint32_t quantity_count;
    // Told of programs before they are timed, with the record that they replay (NULL: none). May be
    // NULL.
    void (*watch)(void *context, const struct program *program, const struct activity *record);
    void *watch_context;
};

struct chip_config;
struct machine_config;
struct machine_time;

// Shows the program to whoever watches `result` (NULL: nobody), and adds to *time what it takes on
// the chip, by the folded engine. record: NULL where the program takes nothing from one.
void workload_time(const struct workload_result *result, const struct chip_config *chip,
                   const struct program *program, const struct activity *record,
                   struct machine_time *time);

// The same on the machine's chips, all of them: by the clock where there are several, or a host.
// What a training step takes then; *time is set, not added to, and its shares are the caller's,
// whatever is returned. False: an owned sentence in *why.
bool workload_time_on(const struct workload_result *result, const struct machine_config *machine,
                      const struct program *program, struct machine_time *time, char **why);

void workload_add_quantity(struct workload_result *result, const char *name, const char *unit,
                           double value);

struct workload_kind {
    const char *name;
    const char *doc;        // one line
    const struct key *keys; // of the section, `kind` apart; offsets into the kind's struct
    size_t config_bytes;    // of that struct
    bool is_for_gpu;        // else for tiles
    bool takes_chips;       // can run on several chips of a system together
    // False with an owned sentence in *why: this machine cannot run it (too few tiles, no memory).
    bool (*run)(const void *config, const struct machine_config *machine,
                struct workload_result *result, char **why);
    // What a run works on, where a kind has works that say nothing of each other: error bands keep
    // them apart. A static name. NULL: they are all alike.
    const char *(*work_name)(const void *config);
};

#define X(name) extern const struct workload_kind workload_##name;
WORKLOADS(X)
#undef X

extern const struct workload_kind *const workload_kinds[]; // ends with NULL

#define WORKLOAD_OVER_CHIPS "_chips"
// "exchange", "exchange_chips" over several, or "vertex/scaled_add" where the kind tells its works
// apart. Owned.
char *workload_work(const struct workload_kind *kind, const void *config, uint32_t chips);

// In struct experiment: a training step if kind is NULL.
struct workload {
    const struct workload_kind *kind;
    void *config; // owned; the kind's struct
};

#endif

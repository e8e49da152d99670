// What sweeps found, read out of results databases: a table on the terminal, CSV, JSON.
// One row is one point on one machine; a point that failed is one row without a machine.
#ifndef TILESIM_REPORT_EXPORT_H
#define TILESIM_REPORT_EXPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/store.h"

// A number that the result does not have is NAN.
struct export_machine {
    char *name, *kind, *hardware, *variant; // owned
    bool fits;
    char *why; // owned; NULL: nothing to explain
    double step_seconds, samples_per_second;
    double error_band;           // relative
    json_t *breakdown;           // borrowed from `result`: seconds by name; NULL: none
    json_t *quantities;          // likewise: what a microbenchmark yields
    char *bound, *checkpointing; // owned; the largest part of a step; the kind of plan, or NULL
    double chips, replicas;
    double cycles, supersteps, tiles_used, sram_max_bytes, sram_limit_bytes;
    const char *over;    // the baseline of this row, a name of this point; NULL: none
    double speedup;      // step_seconds of `over` / step_seconds
    double speedup_band; // relative, of both machines as if independent
};

struct export_point {
    char *key, *sweep; // owned
    uint32_t number;   // place in the sweep's order
    json_t *settings;  // owned; swept path -> value
    enum point_status status;
    char *why;           // owned
    char *version, *git; // owned
    uint64_t seed;
    double run_seconds;
    uint64_t run_peak_rss_bytes;
    char *finished;                  // owned
    bool is_superseded;              // a later point has its settings
    json_t *result;                  // owned; the machines alone
    struct export_machine *machines; // owned
    uint32_t machine_count;
};

struct export_path { // a swept key of the experiment
    char *path;      // owned; "network.max_activity"
    char *label;     // owned; what to call it, or NULL
};

struct export
{
    struct export_point *points; // owned; in the order of sweep and number
    uint32_t point_count, point_capacity;
    struct export_path *paths; // owned
    uint32_t path_count, path_capacity;
    char **quantities; // owned, and each; of all microbenchmarks, in the order found
    uint32_t quantity_count;
};

// NULL: a sentence in *why (owned by the caller).
struct export *export_read(struct store *store, char **why);
void export_destroy(struct export *export);

// The name of a machine; NULL: the fastest GPU baseline of each point, where there is no GPU the
// first dense machine, and if all are sparse the first. False, with a sentence in *why: no point
// has a machine of that name.
bool export_choose_baseline(struct export *export, const char *name, char **why);

// width: of the terminal, in characters; 0: any.
void export_print(const struct export *export, FILE *stream, bool has_colour, uint32_t width);
// RFC 4180, with a heading; every number has all of its digits.
void export_write_csv(const struct export *export, FILE *stream);
// One object with every point, its resolved configuration and result. False: a sentence in *why.
bool export_write_json(struct store *store, FILE *stream, char **why);

// The machine of a row of a point that has none.
struct export_machine export_no_machine(void);
// The value as a table shows it: texts without quotes, lists without blanks. Owned by the caller.
char *export_value_text(const json_t *value);

#endif

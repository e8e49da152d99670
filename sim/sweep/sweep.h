// A sweep file: an experiment, and the values that its keys take. docs/sweeps.md says what one may
// hold. Reading finds every fault of the file, and every value that the experiment's keys refuse,
// before anything runs. What values are together is known only when a point runs.
#ifndef TILESIM_SIM_SWEEP_SWEEP_H
#define TILESIM_SIM_SWEEP_SWEEP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/config/config.h"
#include "sim/err.h"

#define SWEEP_POINTS_MAX 10000000u

struct sweep_axis { // values that one path takes, or several together
    uint32_t path_count, value_count;
    const char **paths;         // [path_count]
    const struct mark *marks;   // [path_count]: where the paths are said
    const struct node **values; // [value_count][path_count]
    bool is_range;              // computed: ascending or descending, all alike
};

enum comparison {
    COMPARE_EQUAL,
    COMPARE_OTHER,
    COMPARE_BELOW,
    COMPARE_NOT_ABOVE,
    COMPARE_ABOVE,
    COMPARE_NOT_BELOW
};

struct sweep_condition { // holds if any of the operands does
    const char *path;
    uint32_t operand_count;
    struct sweep_operand {
        enum comparison comparison;
        double number; // NaN: a text
        const char *text;
    } * operands;
};

struct sweep_skip { // a point is left out if all conditions hold
    uint32_t condition_count;
    struct sweep_condition *conditions;
};

struct sweep_block {         // one grid
    const struct node *root; // the experiment with what the block sets
    uint32_t set_count, axis_count, skip_count;
    const char **set_paths;
    struct sweep_axis *axes; // the last is fastest
    struct sweep_skip *skips;
};

struct sweep {
    char *name;              // owned; `name:`, or the file's
    struct config *config;   // owned; all else lives in it
    const struct node *root; // the experiment as it is without the sweep
    uint32_t block_count, path_count, label_count;
    struct sweep_block *blocks;
    const char **paths; // every path that a block sweeps or sets, in the order of the file
    struct sweep_label {
        const char *path, *text;
    } * labels;
};

// path: "-" is standard input; sets: as of --set, after the file's `set`; what points or blocks
// give values of their own is refused. NULL: messages in err.
struct sweep *sweep_load(const char *path, const char *const *sets, uint32_t set_count,
                         struct err *err);
void sweep_destroy(struct sweep *sweep);

// --- points -------------------------------------------------------------------------------------
struct sweep_point {
    uint32_t block;
    uint64_t index; // in the block's grid, skipped points counted
};

struct sweep_points {
    uint32_t count;
    struct sweep_point *points; // owned
};

// How many combinations the grids have; saturates. Skipped and equal points are counted.
uint64_t sweep_count_combinations(const struct sweep *sweep);
// Every point in order, those that are skipped or equal to one before left out. The grids have at
// most SWEEP_POINTS_MAX combinations.
struct sweep_points sweep_expand(const struct sweep *sweep);
void sweep_points_free(struct sweep_points *points);

// What the point gives the path, or else what the experiment says; NULL: neither.
const struct node *sweep_point_value(const struct sweep *sweep, const struct sweep_point *point,
                                     const char *path);
// The experiment with the values of the point. In `config`; NULL: messages in err.
const struct node *sweep_point_root(const struct sweep *sweep, const struct sweep_point *point,
                                    struct config *config, struct err *err);
// Path -> value for every path of the sweep. What the file does not say is taken from `resolved`
// (NULL: is left out). New reference.
json_t *sweep_point_settings(const struct sweep *sweep, const struct sweep_point *point,
                             const json_t *resolved);
json_t *sweep_value_to_json(const struct node *value); // new reference

#endif

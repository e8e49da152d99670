// The files configs/validation/<group>/<series>.yaml, each read once for all of its points.
#ifndef TILESIM_SIM_VALIDATION_SERIES_H
#define TILESIM_SIM_VALIDATION_SERIES_H

#include "sim/err.h"
#include "sim/experiment.h"

struct series {
    char *path;                    // owned
    struct config *config;         // owned; the files it consists of
    const struct node *root;       // the experiment, without its points
    struct mark quantity_mark;     // of validation.quantity
    struct validation *validation; // owned
};

struct series_list {
    struct series *series; // owned; by group and file name
    uint32_t count;
};

// Every series; of one group, or of one series of it, if they are not NULL. False: messages in err.
bool series_read_all(const char *group, const char *series, struct series_list *list,
                     struct err *err);
void series_list_free(struct series_list *list);

// The experiment of one point. NULL: messages in err.
struct experiment *series_bind(const struct series *series, const struct validation_point *point,
                               struct err *err);

struct point_run { // what a point gave
    bool is_done;
    bool is_bad_input; // else it does not fit, or failed
    double value;      // of the series' quantity
    char why[400];     // cut; if it is not done
};
// Runs an experiment made by series_bind().
void series_run_bound(const struct series *series, const struct experiment *experiment,
                      struct point_run *out);
// Makes and runs the point in this process.
void series_run_point(const struct series *series, uint32_t point, struct point_run *out);

#endif

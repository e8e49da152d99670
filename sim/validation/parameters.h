// The uncertain values of chips, GPUs and experiments that a group of points fixes, and where each
// is written: what `validate` shows and `calibrate` refits.
#ifndef TILESIM_SIM_VALIDATION_PARAMETERS_H
#define TILESIM_SIM_VALIDATION_PARAMETERS_H

#include "sim/validation/series.h"

// A point's experiment, and every part of it that a file with its own list `uncertain` was read
// into.
struct scoped_experiment {
    struct experiment *experiment;  // owned
    struct uncertain_scope *scopes; // owned; the experiment, then its machines
    uint32_t scope_count;
};
// False: messages in err.
bool scoped_experiment_create(const struct series *series, const struct validation_point *point,
                              struct scoped_experiment *scoped, struct err *err);
void scoped_experiment_free(struct scoped_experiment *scoped);

struct parameter {
    char *key;        // owned; in its file
    char *fitted_to;  // owned
    double low, high; // of the uncertain entry
    double value, residual, left_out;
    bool is_whole;    // a whole number
    char *entry_file; // owned; with entry_mark the place of the entry's key
    char *value_file; // owned; where the value is written: the same file, or one it derives from
    // Point into the first series that has it: valid as long as the list of series.
    struct mark entry_mark, value_mark;
    struct mark item_mark, high_mark;         // of the entry as a whole, and of its `high`
    struct mark residual_mark, left_out_mark; // like item_mark: the key is not there
};

struct parameter_list {
    struct parameter *parameters; // owned
    uint32_t count;
};

// Those fitted to the group and to its series, or to one series alone (NULL: all), that any point
// of the list uses. False: messages in err.
bool parameters_find(const struct series_list *list, const char *group, const char *series,
                     struct parameter_list *parameters, struct err *err);
void parameters_free(struct parameter_list *parameters);
bool parameter_is_at(const struct mark *a, const struct mark *b); // the same place of the same file
// Is a measured point of this series among those that the parameter is fitted to?
bool parameter_is_fitted_to(const struct parameter *parameter, const struct series *series);
// Measured points, with a weight, that it is fitted to.
uint32_t parameter_count_rows(const struct parameter *parameter, const struct series_list *list);

#endif

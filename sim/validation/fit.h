// Least squares: the values of some parameters that bring the modelled points nearest to the
// measured ones. What is minimised: weighted mean of ln(modelled / measured)^2, so that 2 % count
// the same on a microsecond and on a second. Deterministic. Every experiment is read once; a trial
// writes the values into it.
#ifndef TILESIM_SIM_VALIDATION_FIT_H
#define TILESIM_SIM_VALIDATION_FIT_H

#include "sim/validation/parameters.h"

#define FIT_PARAMETERS_MAX 16

struct fit_target { // where a row holds a parameter
    uint32_t parameter;
    struct config_found found;
};

struct fit_row { // one measured point
    const struct series *series;
    double measured, weight;
    struct scoped_experiment scoped;
    struct fit_target *targets; // owned
    uint32_t target_count;
};

struct fit {                                          // parameters that have the same rows
    struct parameter *parameters[FIT_PARAMETERS_MAX]; // borrowed
    uint32_t parameter_count;
    struct fit_row *rows; // owned
    uint32_t row_count;
    bool is_costly;     // whole training steps: fewer trials, whose rows run side by side
    uint32_t processes; // for those; the caller may change it
};

// False: messages in err (a point does not run, a parameter has no effect here, no rows).
bool fit_create(const struct series_list *list, struct parameter *const *parameters,
                uint32_t parameter_count, struct fit *fit, struct err *err);
void fit_free(struct fit *fit);

// Searches from the parameters' values and leaves the best in `values`. left_out: a row that does
// not count, or row_count. is_global: looks at the whole ranges first.
void fit_search(struct fit *fit, uint32_t left_out, bool is_global, double *values);
void fit_put(struct fit *fit, const double *values); // into every row
// Writes the values of another fit into a row that uses them too.
void fit_put_by_place(struct fit_row *row, const struct fit *other, const double *values);
// modelled / measured - 1 of one row with the values that were put last; NaN: it does not run.
double fit_row_error(const struct fit *fit, uint32_t row);

#endif

// What a file marks as not known: guesses and fitted values, each with the range that it may lie in.
// Any experiment, chip or GPU file may have a list `uncertain`. Sensitivity varies every entry over its
// range; calibration refits those that name a validation group and writes value and residuals back.
#ifndef TILESIM_SIM_UNCERTAIN_H
#define TILESIM_SIM_UNCERTAIN_H

#include <stdint.h>

#include "sim/config/config.h"

struct uncertain {
    char *key;        // owned; path in the same file, e.g. "exchange.fan_in_fixed_cycles"
    double low, high; // the range, in the key's unit
    char *fitted_to;  // owned; validation group or group/series whose rows fix it; NULL: a guess
    double residual;  // of that fit: mean absolute relative error of its rows; NaN: not fitted yet
    double left_out;  // the same with each row predicted by a fit to the others; NaN: not known
    char *why;        // owned; NULL, or where the range comes from
};

extern const struct key uncertain_keys[];

#endif

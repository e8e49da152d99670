// What a file marks as not known: guesses and fitted values, each with the range that it may lie
// in. Any experiment, chip or GPU file may have a list `uncertain`. Sensitivity varies every entry
// over its range; calibration refits those that name a validation group and writes value and
// residuals back.
#ifndef TILESIM_SIM_UNCERTAIN_H
#define TILESIM_SIM_UNCERTAIN_H

#include <stdbool.h>
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

// The key `uncertain` of a table whose struct has the fields uncertain and uncertain_count.
#define UNCERTAIN_MAX 256
#define KEY_UNCERTAIN(owner)                                                                 \
    {                                                                                        \
        .name = "uncertain", .type = KEY_SECTION_LIST, .offset = offsetof(owner, uncertain), \
        .count_offset = offsetof(owner, uncertain_count), .keys = uncertain_keys,            \
        .struct_bytes = sizeof(struct uncertain), .is_pointer = true, .default_text = "[]",  \
        .max_count = UNCERTAIN_MAX,                                                          \
        .doc = "guesses and fitted values of this file, with their ranges"                   \
    }

struct uncertain_scope { // what was read from a file with a list `uncertain`
    const struct key *keys;
    const void *target; // the struct of those keys
    const struct node *node;
    const struct uncertain *entries;
    uint32_t count;
};

// Every key is a number of the file, low < value < high. A value that another file or --set gives
// may lie outside: whoever gives it knows of the range.
void uncertain_check(const struct uncertain_scope *scope, struct err *err);
// "exchange" and "exchange/gather" are both fitted to exchange; with a series, only that one and
// those of the whole group.
bool uncertain_is_fitted_to(const struct uncertain *uncertain, const char *group,
                            const char *series);

#endif

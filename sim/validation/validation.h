// Published measurements beside the experiment that they are held against: the section
// `validation`. One file configs/validation/<group>/<series>.yaml is one series; a point is the
// file with its sets.
#ifndef TILESIM_SIM_VALIDATION_VALIDATION_H
#define TILESIM_SIM_VALIDATION_VALIDATION_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/config/config.h"

struct validation_point {
    char *id;   // owned; unique in its file
    char **set; // owned; as --set
    uint32_t set_count;
    double measured; // in the quantity's unit; NaN: worked out by hand
    double hand;     // from a published formula; NaN: measured, or claimed of all points together
    double weight;   // in a fit
    char *note;      // owned; may be NULL
};

struct validation {
    char *group, *series; // owned
    char *quantity;       // owned; a number that the first machine yields
    char *source;         // owned
    uint32_t *claimed;    // owned; NULL: none
    uint32_t claimed_count;
    struct validation_point *points; // owned
    uint32_t point_count;
};

extern const struct key validation_keys[];
// A point is measured or worked out by hand, its name its own. `section` is a validation.
void validation_check(const void *section, const struct node *node, struct err *err);

// The section of a file that was read. NULL: messages in err.
struct validation *validation_read(struct config *config, const struct node *root, struct err *err);
void validation_destroy(struct validation *validation);
// NULL and a message if there is no such point.
const struct validation_point *validation_find(const struct validation *validation,
                                               const struct node *root, const char *id,
                                               struct err *err);

#endif

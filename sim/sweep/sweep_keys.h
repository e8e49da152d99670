// What the parts of the reader of sweep files share. They walk the tree of the file itself
// (sim/config/config_tree.h): its keys are paths of another file, which no table of keys can list.
#ifndef TILESIM_SIM_SWEEP_SWEEP_KEYS_H
#define TILESIM_SIM_SWEEP_SWEEP_KEYS_H

#include "sim/config/config_tree.h"
#include "sim/sweep/sweep.h"

struct sweep_reader {
    struct config *config;
    struct err *err;
};

// The values of one path: a list, or a range. False: a message was added.
bool sweep_read_values(const struct sweep_reader *reader, const struct pair *pair,
                       struct sweep_axis *axis);
// Conditions. False: a message was added.
bool sweep_read_skip(const struct sweep_reader *reader, const struct node *node,
                     struct sweep_skip *skip);
bool sweep_is_skipped(const struct sweep *sweep, const struct sweep_point *point,
                      const struct sweep_skip *skip);

#endif

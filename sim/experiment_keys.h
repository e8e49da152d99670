// What the parts of the experiment reader share.
#ifndef TILESIM_SIM_EXPERIMENT_KEYS_H
#define TILESIM_SIM_EXPERIMENT_KEYS_H

#include "sim/experiment.h"

#define NEURONS_MAX 1048576u // of one layer: keeps products of two layers well inside 64 bits

extern const struct key experiment_keys[];
extern const struct key network_keys[];

// Checks that need no right values, only what is given: run even if keys were wrong.
void experiment_check_given(const struct experiment *experiment, const struct node *root,
                            struct err *err);
// Derives sizes, slots and names, and checks across keys. Every key alone was right.
void experiment_resolve(struct experiment *experiment, const struct node *root, struct err *err);

#endif

// What was trained once is kept: the records, losses and accuracy of a form, in a file named by all
// that they depend on, so that a sweep over chips trains a network once. Nothing of the machines is
// in the name.
#ifndef TILESIM_SIM_RUN_RECORD_CACHE_H
#define TILESIM_SIM_RUN_RECORD_CACHE_H

#include <stdbool.h>

#include "sim/experiment.h"
#include "sim/run/form_run.h"

struct record_cache {
    char *folder, *name; // owned; name: of network, data, training, seed and this program's version
    int lock_file;       // -1: not locked
};

// Takes the lock of the name, so that of several processes one trains and the others wait; it ends
// with the process. False: the folder cannot be made or written; the run then trains without it.
bool record_cache_open(struct record_cache *cache, const char *folder,
                       const struct experiment *experiment);
void record_cache_close(struct record_cache *cache); // gives the lock back

// Fills records, loss and accuracy of the run. False: they were not kept, or the file is damaged.
bool record_cache_load(const struct record_cache *cache, const struct experiment *experiment,
                       struct form_run *run);
// A file that cannot be written is left out: the next run trains again.
void record_cache_keep(const struct record_cache *cache, const struct experiment *experiment,
                       const struct form_run *run);

#endif

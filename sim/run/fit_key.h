// The key that `tilesim fit` varies: which of its values there are, in ascending order, and what
// sets one.
#ifndef TILESIM_SIM_RUN_FIT_KEY_H
#define TILESIM_SIM_RUN_FIT_KEY_H

#include "sim/experiment.h"
#include "sim/run/fit_run.h"

struct fit_key {
    const char *name;     // borrowed; as it was asked for
    uint32_t machine;     // that it belongs to; UINT32_MAX: to none
    uint32_t least, most; // of the key, and of the request
    bool is_cut;          // the most is that of the request
    uint32_t start;       // of the experiment
    uint32_t unit;        // values are multiples of it
    uint32_t *values;     // owned; the only ones; NULL: all multiples
    uint32_t value_count;
};

// False: messages in err. The caller frees it in any case.
bool fit_key_find(struct fit_key *key, const struct fit_request *request,
                  const struct experiment *base, struct err *err);
void fit_key_free(struct fit_key *key);

// Values by their place among all, from least_place() to last_place(), which both have a value.
uint32_t fit_key_value(const struct fit_key *key, uint64_t place);
uint64_t fit_key_least_place(const struct fit_key *key);
uint64_t fit_key_last_place(const struct fit_key *key);
// Of the experiment's own value, or the nearest one.
uint64_t fit_key_start_place(const struct fit_key *key);
// "training.batch=48"; "network.hidden=[64, 64]": the same for all hidden layers of `base`. Owned
// by the caller.
char *fit_key_set(const struct fit_key *key, const struct experiment *base, uint32_t value);

#endif

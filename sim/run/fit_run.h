// How large may a key of the experiment be, under each checkpoint plan, on each machine with tiles?
// A value fits if the plan of the kind that needs the least SRAM does, by the exact memory plan;
// found by doubling, then halving. At the largest value and at the largest one that fits without
// checkpoints the cheapest plan is chosen, whose times are the planner's.
#ifndef TILESIM_SIM_RUN_FIT_RUN_H
#define TILESIM_SIM_RUN_FIT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/err.h"
#include "workloads/checkpoint/plan.h"

struct fit_request {
    const char *path, *key;
    const char *const *sets;
    uint32_t set_count;
    const char *machine; // NULL: all with tiles
    uint32_t kinds;      // bits 1 << enum checkpoint_kind; 0: all that the machine can run
    uint32_t max;        // of the key; 0: its own
    bool has_progress;
};

struct fit_answer {       // NAN: there is no such number
    char *machine, *plan; // owned; plan: "double (12 remote, 9 local)" at the largest value
    char *plan_at_none;   // owned; at the largest value of none; NULL: none fits nowhere
    char *why;            // owned; why no larger one fits, or none at all
    struct checkpoint_config config; // of `plan`
    uint32_t largest;                // 0: not even the least value fits
    // By the key's range, by what goes with other keys, or by the request: not by memory.
    bool is_bounded;
    double ratio;             // to none's
    uint64_t sram_bytes;      // of the fullest tile, under `plan`
    double step_seconds;      // of a training step at the largest value
    double time_step_seconds; // of that over time_steps
    double overhead;          // in time over none, at the largest value of none
    double rho;               // forward's share of a time step's forward and backward
};

struct fit_answers {
    char *experiment;         // owned
    struct fit_answer *items; // owned
    uint32_t count;
};

// False: messages in err.
bool fit_run(const struct fit_request *request, struct fit_answers *answers, struct err *err);
void fit_answers_free(struct fit_answers *answers);

#endif

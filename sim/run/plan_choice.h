// Which checkpoint plan a machine trains under: as asked, with open numbers chosen by the planner
// (workloads/checkpoint/planner.h). This side knows what the planner does not: bytes from compiled
// programs, with the exact memory plan as the last word; seconds from a replay of a few time steps
// of the record; streaming memory.
#ifndef TILESIM_SIM_RUN_PLAN_CHOICE_H
#define TILESIM_SIM_RUN_PLAN_CHOICE_H

#include "sim/run/plan_probe.h"
#include "sim/run/plan_times.h"
#include "workloads/checkpoint/planner.h"

struct plan_choice {
    // A plan fits; else config is that which needs the least SRAM, if any can be lowered.
    bool is_found;
    bool is_open;                    // the planner was asked
    struct checkpoint_config config; // every number
    // Of a training step, by the planner's forms and what plan_times has beyond them.
    double seconds;
    char *why; // owned; one sentence; NULL: the planner was not asked
};

#define PLAN_NO_REMEDY "no training.checkpointing would fit"

// A plan of this kind that fits, if any does: that which needs the least SRAM, or one that needs
// hardly more. Numbers that are given stay. NULL: the machine cannot stream, or its streaming
// memory is too small. Borrowed until the next probe.
const struct plan_probe *plan_smallest_probe(struct plan_prober *prober,
                                             const struct checkpoint_config *wanted);
// The fewest seconds of what fits. wanted: plan_check() has no objection.
struct plan_choice plan_choose(struct plan_prober *prober, const struct checkpoint_config *wanted,
                               const struct plan_times *times);
// The fewest seconds under all placements; the prober is left under that of the choice, *times are
// measured there. None fits: as under the first placement. record: as plan_measure_times() wants
// it.
struct plan_choice plan_choose_and_place(struct plan_prober *prober,
                                         const struct checkpoint_config *wanted,
                                         const struct activity *record, struct plan_times *times);
void plan_choice_free(struct plan_choice *choice);
// What would fit of all kinds: "training.checkpointing: double (12 remote, 9 local) would fit"; "no
// training.checkpointing would fit". Owned. Under the present placement.
char *plan_remedy(struct plan_prober *prober, const struct plan_times *times);

#endif

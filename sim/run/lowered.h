// A tile machine's program and the records that it replays, as timing, anatomy and inspection want
// them: of one replica, with its part of the samples.
#ifndef TILESIM_SIM_RUN_LOWERED_H
#define TILESIM_SIM_RUN_LOWERED_H

#include "sim/experiment.h"
#include "sim/run/form_run.h"

struct lowered {
    struct program *program;              // owned; NULL: it cannot be lowered
    char *why;                            // owned; why not, or NULL
    struct checkpoint_config checkpoints; // every number; of training.checkpointing, or chosen
    bool is_plan_chosen;                  // kind or numbers were left to the planner
    // Of a dense program: that its plan was chosen for; no chips: the lowering chooses.
    struct dense_placement placement;
    char *plan_why; // owned; one sentence of the planner; NULL: it was not asked
    // Records of replica r, training step s: records[r * record_count + s]. The dense form takes
    // nothing from a record: NULL entries. Without parallel.replays_each there are those of the
    // first replica alone.
    uint32_t record_count, replica_count;
    const struct activity **records; // owned
    struct activity **slices;        // owned, and each; parts of the form's records
    uint32_t slice_count;
    struct training_graph *graph; // owned; NULL: the form's, of the whole batch
};

// form: of the machine's lowering; the graph was made, records where the form has some.
struct lowered lowered_create(const struct machine_config *config,
                              const struct experiment *experiment, const struct form_run *form);
void lowered_free(struct lowered *lowered);
// For what does not fit: the plan that would, "training.checkpointing: double (12 remote, 9 local)
// would fit", or that none would. Owned by the caller. Asks the planner: not for every point of a
// search.
char *lowered_remedy(const struct machine_config *config, const struct experiment *experiment,
                     const struct lowered *lowered);

#endif

// The activity of one form (sparse or dense) of an experiment's network: trained, or drawn.
#ifndef TILESIM_SIM_RUN_FORM_RUN_H
#define TILESIM_SIM_RUN_FORM_RUN_H

#include "report/result.h"
#include "sim/activity.h"
#include "sim/run/experiment_run.h"
#include "sim/run/tensor_files.h"
#include "workloads/data/data.h"
#include "workloads/graph/training_graph.h"

#define FORM_COUNT 2 // of enum network_form

struct form_run {
    enum network_form form;
    bool is_needed;
    struct training_graph *graph; // owned; NULL where not needed
    uint32_t record_count;
    struct activity **records; // owned, and each: the last recorded training steps, in order
    double *loss;              // owned; [training.steps]; NULL: drawn
    double accuracy;           // or RESULT_NOTHING
};

// What every form of a run shares.
struct form_context {
    const struct experiment *experiment;
    const struct run_options *options;
    const struct data_source *data;      // NULL: drawn or loaded
    const struct loaded_tensors *loaded; // NULL: not loaded
    struct err *err;
};

const char *form_name(enum network_form form);
void form_run_free(struct form_run *run);
// Empty records of this form, of the shape that the experiment asks for.
void form_run_create_records(struct form_run *run, const struct experiment *experiment,
                             uint32_t count);
void form_run_drop_records(struct form_run *run); // and losses; the graph stays
// Trains for training.steps steps and tests. Writes the tensors of the first step of the sparse
// form if the options ask for them; false, with a message, if that failed or values left the
// finite.
bool form_run_train(struct form_run *run, const struct form_context *context);
// Draws the records, long ones when they are read. The dense form needs none: every neuron is
// listed.
void form_run_draw(struct form_run *run, const struct experiment *experiment);

#endif

#include "sim/run/lowered.h"

#include <stdlib.h>

#include "sim/machine.h"
#include "sim/units.h"

// A replica has its part of the batch; everything else is as in the whole network.
static const struct training_graph *graph_of_replica(struct lowered *lowered,
                                                     const struct experiment *experiment,
                                                     const struct form_run *form, uint32_t replicas)
{
    if (replicas == 1) {
        return form->graph;
    }
    lowered->graph = training_graph_create(&experiment->network, form->form,
                                           experiment->training.batch / replicas,
                                           experiment->training.time_steps);
    return lowered->graph;
}

static void collect_records(struct lowered *lowered, const struct form_run *form, uint32_t replicas)
{
    bool is_replayed = form->form == FORM_SPARSE && form->record_count > 0;
    uint32_t steps = (uint32_t)max_u64(1, form->record_count);
    lowered->record_count = steps;
    lowered->records = xcalloc((size_t)steps * lowered->replica_count, sizeof(struct activity *));
    lowered->slices = xcalloc((size_t)steps * lowered->replica_count, sizeof(struct activity *));
    for (uint32_t i = 0; is_replayed && i < steps * lowered->replica_count; i++) {
        const struct activity *whole = form->records[i % steps];
        if (replicas == 1) {
            lowered->records[i] = whole;
            continue;
        }
        uint32_t samples = whole->batch / replicas;
        lowered->slices[i] = activity_slice(whole, i / steps * samples, samples);
        lowered->records[i] = lowered->slices[i];
        lowered->slice_count = i + 1;
    }
}

struct lowered lowered_create(const struct machine_config *config,
                              const struct experiment *experiment, const struct form_run *form)
{
    uint32_t replicas = config->system == NULL ? 1 : config->parallel.replicas;
    bool replays_each = config->system != NULL && config->parallel.replays_each;
    struct lowered lowered = {.replica_count = replays_each ? replicas : 1};
    const struct training_graph *graph = graph_of_replica(&lowered, experiment, form, replicas);
    struct machine_view view = machine_view_of(config->chip);
    view.replicas = replicas;
    view.chips = config->system == NULL ? 1 : config->parallel.chips / replicas;
    view.has_streaming = config->system != NULL && config->system->streaming.bytes > 0;
    struct training_config training = experiment->training;
    training.batch /= replicas;
    lowered.program = (form->form == FORM_SPARSE ? lower_sparse : lower_dense)(
        graph, &training, &config->lowering, &view, &lowered.why);
    collect_records(&lowered, form, replicas);
    return lowered;
}

struct machine *lowered_machine(const struct lowered *lowered, const struct machine_config *config)
{
    return config->system == NULL
               ? machine_create(config->chip, lowered->program)
               : machine_create_on(config->system, &config->parallel, lowered->program);
}

void lowered_free(struct lowered *lowered)
{
    program_destroy(lowered->program);
    training_graph_destroy(lowered->graph);
    for (uint32_t i = 0; i < lowered->slice_count; i++) {
        activity_destroy(lowered->slices[i]);
    }
    free(lowered->slices);
    free(lowered->records);
    free(lowered->why);
    *lowered = (struct lowered){0};
}

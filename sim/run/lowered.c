#include "sim/run/lowered.h"

#include <stdlib.h>
#include <string.h>

#include "sim/machine.h"
#include "sim/run/plan_choice.h"
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

// Nothing streams where there is no memory to stream to: with the place of the key that asks for
// it. NULL: it has one.
static char *refuse_streaming(const struct machine_config *config,
                              const struct experiment *experiment)
{
    enum checkpoint_kind kind = experiment->training.checkpoints.kind;
    bool has_memory = config->system != NULL && config->system->streaming.bytes > 0;
    if (has_memory || kind == CHECKPOINT_AUTO || !plan_streams(kind)) {
        return NULL;
    }
    struct mark mark = config_mark(experiment->root, "training.checkpointing");
    char *place = config_format_mark(&mark);
    char *why = xasprintf("%s: training.checkpointing: %s needs streaming memory, and the machine "
                          "has none",
                          place, checkpoint_kind_name(kind));
    free(place);
    return why;
}

// Open numbers become those of the cheapest plan that fits.
static void choose_plan(struct lowered *lowered, const struct machine_config *config,
                        const struct experiment *experiment)
{
    lowered->is_plan_chosen = plan_is_open(&lowered->checkpoints);
    if (!lowered->is_plan_chosen) {
        return;
    }
    struct plan_prober prober = plan_prober_create(config, experiment);
    struct plan_times times;
    struct plan_choice choice = plan_choose_and_place(&prober, &experiment->training.checkpoints,
                                                      lowered->records[0], &times);
    lowered->checkpoints = choice.config;
    if (choice.is_found && prober.placement_count > 0) {
        lowered->placement = prober.placements[prober.placement];
    }
    lowered->plan_why = choice.why;
    plan_prober_free(&prober);
}

static void lower(struct lowered *lowered, const struct machine_config *config,
                  const struct experiment *experiment, const struct training_graph *graph)
{
    struct machine_view view = plan_machine_view(config);
    struct lowering_config lowering = config->lowering;
    if (lowered->placement.chips > 0) {
        plan_place(&lowered->placement, &lowering, &view);
    }
    struct training_config training = experiment->training;
    training.batch = graph->batch;
    training.checkpoints = lowered->checkpoints;
    lowered->program = (graph->form == FORM_SPARSE ? lower_sparse : lower_dense)(
        graph, &training, &lowering, &view, &lowered->why);
    if (lowered->program == NULL) {
        return;
    }
    uint64_t remote_bytes =
        plan_remote_bytes(config, lowered->program, &lowered->checkpoints, training.time_steps);
    lowered->why =
        plan_remote_refusal(config, lowered->program, &lowered->checkpoints, remote_bytes);
    if (lowered->why != NULL) {
        program_destroy(lowered->program);
        lowered->program = NULL;
    }
}

struct lowered lowered_create(const struct machine_config *config,
                              const struct experiment *experiment, const struct form_run *form)
{
    uint32_t replicas = config->system == NULL ? 1 : config->parallel.replicas;
    bool replays_each = config->system != NULL && config->parallel.replays_each;
    struct lowered lowered = {.replica_count = replays_each ? replicas : 1};
    const struct training_graph *graph = graph_of_replica(&lowered, experiment, form, replicas);
    collect_records(&lowered, form, replicas);
    lowered.checkpoints = experiment->training.checkpoints;
    lowered.why = refuse_streaming(config, experiment);
    if (lowered.why == NULL) {
        choose_plan(&lowered, config, experiment);
        lower(&lowered, config, experiment, graph);
    }
    return lowered;
}

char *lowered_remedy(const struct machine_config *config, const struct experiment *experiment,
                     const struct lowered *lowered)
{
    struct plan_prober prober = plan_prober_create(config, experiment);
    char *remedy = xstrdup(PLAN_NO_REMEDY);
    uint32_t count = plan_prober_placements(&prober);
    for (uint32_t i = 0; i < count && strcmp(remedy, PLAN_NO_REMEDY) == 0; i++) {
        plan_prober_place(&prober, i);
        char *lack = plan_prober_lack(&prober);
        if (lack == NULL) { // else nothing is to be timed for it
            struct plan_times times = plan_measure_times(&prober, lowered->records[0]);
            free(remedy);
            remedy = plan_remedy(&prober, &times);
        }
        free(lack);
    }
    plan_prober_free(&prober);
    return remedy;
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
    free(lowered->plan_why);
    *lowered = (struct lowered){0};
}

#include "sim/run/form_run.h"

#include <stdlib.h>

#include "sim/run/progress.h"
#include "sim/units.h"
#include "workloads/run/trainer.h"

const char *form_name(enum network_form form)
{
    return form == FORM_SPARSE ? "sparse" : "dense";
}

void form_run_drop_records(struct form_run *run)
{
    for (uint32_t i = 0; i < run->record_count; i++) {
        activity_destroy(run->records[i]);
    }
    free(run->records);
    free(run->loss);
    run->records = NULL;
    run->loss = NULL;
    run->record_count = 0;
}

void form_run_free(struct form_run *run)
{
    form_run_drop_records(run);
    training_graph_destroy(run->graph);
    *run = (struct form_run){0};
}

// An empty record of this form. Of the dense form and of analog input no ids are kept: all are
// listed.
static struct activity *create_record(const struct form_run *run,
                                      const struct experiment *experiment)
{
    const struct network_config *network = &experiment->network;
    bool is_dense = run->form == FORM_DENSE;
    struct activity *record = activity_create(
        network->layer_count, network->neurons, is_dense ? network->neurons : network->slots,
        experiment->training.time_steps, experiment->training.batch);
    bool is_analog = network->input == INPUT_ANALOG;
    for (uint32_t layer = 0; layer < record->layer_count; layer++) {
        if (!is_dense && !(is_analog && layer == 0)) {
            continue;
        }
        free(record->layers[layer].ids);
        record->layers[layer].ids = NULL;
    }
    return record;
}

void form_run_create_records(struct form_run *run, const struct experiment *experiment,
                             uint32_t count)
{
    run->records = xcalloc(count, sizeof(struct activity *));
    run->record_count = count;
    for (uint32_t i = 0; i < count; i++) {
        run->records[i] = create_record(run, experiment);
    }
}

void form_run_draw(struct form_run *run, const struct experiment *experiment)
{
    run->accuracy = RESULT_NOTHING;
    if (run->form == FORM_DENSE) {
        return;
    }
    const struct network_config *network = &experiment->network;
    run->record_count = experiment->timing.training_steps;
    run->records = xcalloc(run->record_count, sizeof(struct activity *));
    for (uint32_t i = 0; i < run->record_count; i++) {
        run->records[i] =
            activity_create_blank(network->layer_count, network->neurons, network->slots,
                                  experiment->training.time_steps, experiment->training.batch);
        activity_draw(run->records[i], &experiment->fill, experiment->seed, i);
        if (network->input == INPUT_ANALOG) {
            activity_send_all(run->records[i], 0);
        }
        activity_draw_ahead(run->records[i]);
    }
}

// The first training step of the sparse form, with its tensors written. The record may be NULL.
static bool step_and_dump(const struct form_run *run, const struct form_context *context,
                          struct trainer *trainer, const struct spike_batch *batch,
                          struct activity *record, double *loss)
{
    struct dump dump;
    if (!dump_open(&dump, context->options->dump_directory, context->experiment, context->err)) {
        return false;
    }
    struct activity *own_record = record == NULL ? create_record(run, context->experiment) : NULL;
    record = record == NULL ? own_record : record;
    bool is_written = dump_before_step(&dump, trainer, batch);
    if (is_written) {
        *loss = trainer_step(trainer, batch, true, record);
        is_written = dump_after_step(&dump, trainer, record, *loss);
    }
    activity_destroy(own_record);
    return is_written;
}

// False, with a message, if the last step left values that no later step can mend.
static bool check_finite(const struct form_context *context, const struct trainer *trainer,
                         uint32_t step)
{
    uint32_t layer = trainer_nonfinite_layer(trainer);
    if (layer == 0) {
        return true;
    }
    return err_at(context->err, NULL,
                  "training step %u: weights or states of layer %u are not finite (precision %s)",
                  step + 1, layer, precision_name(context->experiment->training.precision));
}

// All training steps. `batch` is filled anew for each unless it was loaded.
static bool run_steps(struct form_run *run, const struct form_context *context,
                      struct trainer *trainer, struct spike_batch *batch)
{
    const struct training_config *training = &context->experiment->training;
    uint32_t first_recorded = training->steps - run->record_count;
    struct progress progress =
        progress_start(context->options->has_progress, form_name(run->form), training->steps);
    for (uint32_t step = 0; step < training->steps; step++) {
        if (context->loaded == NULL) {
            data_fill_batch(context->data, DATA_TRAIN, context->experiment->seed, step,
                            training->time_steps, batch);
        }
        struct activity *record =
            step >= first_recorded ? run->records[step - first_recorded] : NULL;
        bool is_dumped =
            step == 0 && run->form == FORM_SPARSE && context->options->dump_directory != NULL;
        if (!is_dumped) {
            run->loss[step] = trainer_step(trainer, batch, true, record);
        } else if (!step_and_dump(run, context, trainer, batch, record, &run->loss[step])) {
            return false;
        }
        if (!check_finite(context, trainer, step)) {
            progress_end(&progress);
            return false;
        }
        progress_update(&progress, step + 1, "loss %.4f", run->loss[step]);
    }
    progress_end(&progress);
    return true;
}

static double test_accuracy(const struct form_run *run, const struct form_context *context,
                            struct trainer *trainer, struct spike_batch *batch)
{
    const struct training_config *training = &context->experiment->training;
    uint32_t samples = batch == NULL // a batch was loaded: no test split
                           ? 0
                           : (uint32_t)min_u64(training->test_samples, context->data->test_count);
    if (samples == 0) {
        return RESULT_NOTHING;
    }
    uint32_t batches = (uint32_t)div_ceil(samples, training->batch);
    uint32_t correct = 0;
    struct progress progress =
        progress_start(context->options->has_progress, form_name(run->form), batches);
    for (uint32_t i = 0; i < batches; i++) {
        data_fill_batch(context->data, DATA_TEST, context->experiment->seed, i,
                        training->time_steps, batch);
        batch->valid = (uint32_t)min_u64(batch->valid, samples - i * training->batch);
        correct += trainer_count_correct(trainer, batch);
        progress_update(&progress, i + 1, "test");
    }
    progress_end(&progress);
    return (double)correct / samples;
}

bool form_run_train(struct form_run *run, const struct form_context *context)
{
    const struct experiment *experiment = context->experiment;
    const struct training_config *training = &experiment->training;
    form_run_create_records(run, experiment,
                            (uint32_t)min_u64(experiment->timing.training_steps, training->steps));
    run->loss = xcalloc(training->steps, sizeof(double));
    struct trainer *trainer =
        trainer_create(run->graph, training, experiment->seed, context->options->threads);
    struct spike_batch *batch = NULL;
    if (context->loaded != NULL) {
        for (uint32_t layer = 1; layer < experiment->network.layer_count; layer++) {
            trainer_set_weights(trainer, layer, context->loaded->weights[layer - 1]);
            if (experiment->network.has_bias) {
                trainer_set_bias(trainer, layer, context->loaded->biases[layer - 1]);
            }
        }
    } else if (experiment->network.input == INPUT_ANALOG) {
        batch = spike_batch_create_analog(training->time_steps, training->batch,
                                          experiment->network.inputs);
    } else {
        batch =
            spike_batch_create(training->time_steps, training->batch, experiment->network.slots[0]);
    }
    bool is_done =
        run_steps(run, context, trainer, context->loaded != NULL ? context->loaded->batch : batch);
    run->accuracy = is_done ? test_accuracy(run, context, trainer, batch) : RESULT_NOTHING;
    spike_batch_destroy(batch);
    trainer_destroy(trainer);
    return is_done;
}

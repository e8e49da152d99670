#include "workloads/run/record.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

// Of analog input every number is sent: there are no ids.
static void record_analog_input(struct activity_layer *layer, const struct spike_batch *batch)
{
    size_t rows = (size_t)batch->time_steps * batch->batch;
    for (size_t i = 0; i < rows * 2; i++) {
        layer->counts[i] = layer->neurons;
    }
    free(layer->ids);
    layer->ids = NULL;
    layer->dropped_spikes = 0;
}

static void record_input_spikes(struct activity_layer *layer, const struct spike_batch *batch)
{
    size_t rows = (size_t)batch->time_steps * batch->batch;
    for (size_t row = 0; row < rows; row++) {
        layer->counts[row * 2] = batch->counts[row];
        layer->counts[row * 2 + 1] = batch->counts[row];
        SIM_ASSERT(batch->counts[row] <= layer->slots, "%u input spikes in %u slots",
                   batch->counts[row], layer->slots);
        if (layer->ids) {
            memcpy(layer->ids + row * layer->slots, batch->ids + row * batch->slots,
                   batch->counts[row] * sizeof(uint32_t));
        }
    }
    layer->dropped_spikes = batch->dropped;
}

void record_input(struct activity *record, const struct training_graph *graph,
                  const struct spike_batch *batch)
{
    SIM_ASSERT(record->layer_count == graph->layer_count + 1 &&
                   record->time_steps == batch->time_steps && record->batch == batch->batch,
               "the record has another shape than the graph");
    if (batch->values) {
        record_analog_input(&record->layers[0], batch);
    } else {
        record_input_spikes(&record->layers[0], batch);
    }
}

void record_spikes(struct activity *record, uint32_t l, const struct view *spikes,
                   uint32_t first_time_step, uint32_t time_steps)
{
    struct activity_layer *layer = &record->layers[l];
    size_t first = (size_t)first_time_step * record->batch;
    size_t rows = (size_t)time_steps * record->batch;
    memcpy(layer->counts + first * 2, spikes->counts, rows * 2 * sizeof(uint32_t));
    if (!spikes->ids) { // dense form: every neuron is listed, and nobody asks which spiked
        free(layer->ids);
        layer->ids = NULL;
        return;
    }
    SIM_ASSERT(layer->slots == spikes->columns, "record of %u slots for a layer of %u",
               layer->slots, spikes->columns);
    for (size_t row = 0; row < rows; row++) {
        memcpy(layer->ids + (first + row) * layer->slots, spikes->ids + row * spikes->row_stride,
               spikes->counts[row * 2 + 1] * sizeof(uint32_t));
    }
}

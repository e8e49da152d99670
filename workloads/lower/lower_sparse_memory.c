// The variables of the sparse program. Convention: a variable lives from the first step of the row
// that writes it to the last step of the row that reads it; one that is read a time step later than
// it is written lives over the whole loop. Bytes are those of one item of its map.
//
// Rearrangement (docs/schedule.md): broadcasts of ids are put in order one sample row at a time
// through a row's worth of buffer: a second copy of B4's landing would not fit in the published
// case of 50 % activity. Flags (F6) and partial gradients (B9) get a second buffer.
#include <stdio.h>

#include "sim/units.h"
#include "workloads/lower/lower_tiles_graph.h"
#include "workloads/lower/lower_tiles_sparse.h"

#define WORD EXCHANGE_WORD_BYTES

struct lifetime {
    uint32_t first, last;
};

static const struct lifetime always = {LIVE_ALWAYS, LIVE_ALWAYS};

// From the first step of row `from` to the last of row `to`.
static struct lifetime between(const struct sparse_lowering *lowering, enum sparse_row from,
                               uint32_t from_layer, enum sparse_row to, uint32_t to_layer)
{
    return (struct lifetime){sparse_span(lowering, from, from_layer)->first,
                             sparse_span(lowering, to, to_layer)->last};
}

static struct lifetime during(const struct sparse_lowering *lowering, enum sparse_row row,
                              uint32_t l)
{
    return between(lowering, row, l, row, l);
}

void sparse_add_variable(struct sparse_lowering *lowering, struct variable_text text,
                         struct item_range items, uint64_t bytes, uint32_t first_step,
                         uint32_t last_step)
{
    const struct step_span *within = &lowering->pass.only_within;
    if (within->is_used && (first_step < within->first || last_step > within->last)) {
        return;
    }
    char name[64];
    if (text.layer > 0) {
        snprintf(name, sizeof(name), "layer %u %s", text.layer, text.name);
    } else {
        snprintf(name, sizeof(name), "%s", text.name);
    }
    program_add_variable(lowering->program, &(struct variable){
                                                .name = name,
                                                .role = text.role,
                                                .place = items.map,
                                                .first_item = items.first,
                                                .items = items.count,
                                                .bytes_per_item = bytes,
                                                .first_step = first_step,
                                                .last_step = last_step,
                                            });
}

static void add(struct sparse_lowering *lowering, struct variable_text text,
                struct item_range items, uint64_t bytes, struct lifetime lifetime)
{
    sparse_add_variable(lowering, text, items, bytes, lifetime.first, lifetime.last);
}

static struct variable_text text_of(const char *name, enum variable_role role, uint32_t layer)
{
    return (struct variable_text){.name = name, .role = role, .layer = layer};
}

// --- on neuron tiles ----------------------------------------------------------------------------
static void add_weights(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range neurons = whole_range(placement_neurons(layer));
    uint64_t bytes = (uint64_t)WORD * layer->fan_in * layer->neurons_per_tile;
    add(lowering, text_of("weights", VARIABLE_PARAMETER, l), neurons, bytes, always);
    add(lowering, text_of("thresholds and decay", VARIABLE_PARAMETER, l), neurons,
        (uint64_t)WORD * (2 * layer->neurons_per_tile + 1), always);
    if (lowering->is_analog && l == 1) {
        add(lowering, text_of("gradient", VARIABLE_GRADIENT, l), neurons, bytes,
            between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_UPDATE, 0));
    } else {
        // the loops read the transposed copy; layer 1 does so forwards only
        add(lowering, text_of("weights, transposed", VARIABLE_SCRATCH, l), neurons, bytes,
            between(lowering, ROW_TRANSPOSE, 0, l > 1 ? ROW_BACKWARD_LOOP : ROW_FORWARD_LOOP, 0));
        add(lowering, text_of("gradient copies", VARIABLE_GRADIENT, l), neurons,
            bytes * lowering->contexts,
            between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_SUM_GRADIENTS, 0));
        add(lowering, text_of("gradient", VARIABLE_GRADIENT, l), neurons, bytes,
            between(lowering, ROW_SUM_GRADIENTS, 0, ROW_UPDATE, 0));
    }
    if (lowering->training->optimizer == OPTIMIZER_ADAM) {
        add(lowering, text_of("Adam moments", VARIABLE_OPTIMIZER, l), neurons, 2 * bytes, always);
    }
}

// The row that reads the error of a time step last, but for the spike gradients.
static enum sparse_row last_of_errors(const struct sparse_lowering *lowering, uint32_t l)
{
    return lowering->is_hoisted && l == 1 ? ROW_B5 : ROW_B7;
}

static void add_biases(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range neurons = whole_range(placement_neurons(layer));
    uint64_t bytes = (uint64_t)WORD * layer->neurons_per_tile;
    if (!sparse_has_bias(lowering, l)) {
        return;
    }
    add(lowering, text_of("biases", VARIABLE_PARAMETER, l), neurons, bytes, always);
    add(lowering, text_of("bias gradient", VARIABLE_GRADIENT, l), neurons, bytes,
        between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_UPDATE, 0));
    if (lowering->training->optimizer == OPTIMIZER_ADAM) {
        add(lowering, text_of("Adam moments of biases", VARIABLE_OPTIMIZER, l), neurons, 2 * bytes,
            always);
    }
}

// The input of the whole batch on every neuron tile of layer 1, and what its products leave.
static void add_analog_input(struct sparse_lowering *lowering)
{
    const struct layer_place *layer = sparse_layer(lowering, 1);
    struct item_range neurons = whole_range(placement_neurons(layer));
    struct spread values = sparse_values(lowering);
    uint64_t bytes = (uint64_t)WORD * lowering->batch * layer->neurons_per_tile;
    bool is_hoisted = lowering->is_hoisted;
    add(lowering, text_of("input", VARIABLE_EXCHANGE, 0), whole_range(values.map),
        (uint64_t)WORD * values.words_per_tile, between(lowering, ROW_HOST_IN, 0, ROW_A1, 1));
    add(lowering, text_of("analog input of the batch", VARIABLE_HISTORY, 1), neurons,
        (uint64_t)WORD * values.words,
        is_hoisted ? between(lowering, ROW_A1, 1, ROW_A3, 1)
                   : between(lowering, ROW_A1, 1, ROW_BACKWARD_LOOP, 0));
    add(lowering, text_of("currents", is_hoisted ? VARIABLE_STATE : VARIABLE_SCRATCH, 1), neurons,
        bytes,
        is_hoisted ? between(lowering, ROW_A2, 1, ROW_FORWARD_LOOP, 0)
                   : during(lowering, ROW_F3, 1));
    if (is_hoisted) {
        add(lowering, text_of("sum of errors", VARIABLE_STATE, 1), neurons, bytes,
            between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_A3, 1));
    }
}

static void add_states(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range neurons = whole_range(placement_neurons(layer));
    uint64_t bytes = (uint64_t)WORD * lowering->batch * layer->neurons_per_tile;
    uint32_t saved = tiles_count_saved(lowering->graph, l);
    uint32_t slices = 0;
    for (uint32_t i = 0; i < saved; i++) {
        slices += tiles_count_slices(lowering->graph, tiles_saved_tensor(lowering->graph, l, i));
    }
    uint64_t carries = max_u64(tiles_count_carries(lowering->graph, l), 1); // delta at the least
    add(lowering, text_of("states", VARIABLE_STATE, l), neurons,
        bytes * tiles_count_states(lowering->graph, l),
        between(lowering, ROW_ZERO_STATES, 0, ROW_FORWARD_LOOP, 0));
    add(lowering, text_of("carried adjoints", VARIABLE_STATE, l), neurons, bytes * carries,
        between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_BACKWARD_LOOP, 0));
    if (lowering->pass.plan == NULL) {
        add(lowering, text_of("state history", VARIABLE_HISTORY, l), neurons,
            bytes * saved * lowering->time_steps,
            between(lowering, ROW_FORWARD_LOOP, 0, ROW_BACKWARD_LOOP, 0));
    }
    add(lowering, text_of("states of one time step", VARIABLE_SCRATCH, l), neurons, bytes * slices,
        between(lowering, ROW_B2, l, last_of_errors(lowering, l), l));
    if (sparse_span(lowering, ROW_B5, l)->is_used) {
        add(lowering, text_of("error", VARIABLE_SCRATCH, l), neurons, bytes,
            between(lowering, ROW_B5, l, l > 1 ? ROW_B8 : last_of_errors(lowering, l), l));
    }
    add(lowering, text_of("threshold flags", VARIABLE_SCRATCH, l), neurons, 2 * bytes,
        between(lowering, ROW_F4, l, ROW_F6, l));
}

// A landing buffer of `rows` rows of samples; rearranged through one row.
static void add_row_landing(struct sparse_lowering *lowering, const char *name, uint32_t l,
                            uint64_t row_words, struct lifetime lifetime)
{
    struct item_range neurons = whole_range(placement_neurons(sparse_layer(lowering, l)));
    uint64_t rows = lowering->batch + (lowering->config->has_rearrangement ? 1 : 0);
    add(lowering, text_of(name, VARIABLE_EXCHANGE, l), neurons, WORD * row_words * rows, lifetime);
}

static void add_neuron_landings(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    bool reads_spikes = l > 1 || !lowering->is_analog;
    bool has_gradient = l < lowering->layers || !lowering->is_on_membranes;
    if (reads_spikes) {
        add_row_landing(lowering, "input ids (F3)", l, layer->fan_in_slots + 1,
                        during(lowering, ROW_F3, l));
    }
    if (has_gradient && lowering->config->state_gradient == STATE_GRADIENT_TILE_LOCAL) {
        add_row_landing(lowering, "listed ids (B4)", l, layer->slots + 1,
                        during(lowering, ROW_B4, l));
        add_row_landing(lowering, "slot gradients (B4)", l, layer->slots,
                        during(lowering, ROW_B4, l));
    }
    if (reads_spikes) {
        add_row_landing(lowering, "input ids (B6)", l,
                        layer->fan_in_slots + sparse_counts_per_sample(l - 1),
                        between(lowering, ROW_B6, l, l > 1 ? ROW_B8 : ROW_B7, l));
    }
    if (l > 1) {
        add(lowering, text_of("spike gradient parts", VARIABLE_SCRATCH, l),
            whole_range(placement_neurons(layer)),
            (uint64_t)WORD * lowering->batch * layer->fan_in_slots,
            (struct lifetime){sparse_span(lowering, ROW_B8, l)->first,
                              sparse_span(lowering, ROW_B9, l)->first});
    }
}

// --- on tiles shared with neurons ---------------------------------------------------------------
static void add_sample_state_gradient(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range samples = sparse_samples(lowering, l);
    uint32_t copies = lowering->config->has_rearrangement ? 2 : 1;
    add(lowering, text_of("states of one sample (B4)", VARIABLE_EXCHANGE, l), samples,
        (uint64_t)WORD * (3 * (uint64_t)layer->neurons * copies + 2 * layer->slots + 1),
        during(lowering, ROW_B4, l));
    add(lowering, text_of("delta of one sample (B4)", VARIABLE_SCRATCH, l), samples,
        (uint64_t)WORD * layer->neurons, between(lowering, ROW_B4, l, ROW_B4_RETURN, l));
}

static void add_compaction(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range parts = {.map = layer->compaction,
                               .first = layer->spikes_position,
                               .count = 2 * lowering->batch * layer->parts};
    uint64_t capacity = min_u64(layer->slots, layer->part_neurons);
    uint32_t copies = lowering->config->has_rearrangement ? 2 : 1;
    add(lowering, text_of("random offsets", VARIABLE_SCRATCH, l), parts,
        (uint64_t)WORD * layer->segments, between(lowering, ROW_F5, l, ROW_F6, l));
    add(lowering, text_of("flags of one part", VARIABLE_EXCHANGE, l), parts,
        (uint64_t)WORD * layer->part_neurons * copies, during(lowering, ROW_F6, l));
    add(lowering, text_of("lists of segments", VARIABLE_SCRATCH, l), parts,
        (uint64_t)WORD * (layer->part_neurons + layer->segments),
        between(lowering, ROW_F6, l, ROW_F7, l));
    add(lowering, text_of("list of one part", VARIABLE_SCRATCH, l), parts, WORD * (capacity + 1),
        (struct lifetime){sparse_span(lowering, ROW_F7, l)->first,
                          sparse_span(lowering, ROW_F8, l)->first});
}

static void add_combination(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range samples = sparse_combination(lowering, l);
    uint64_t capacity = min_u64(layer->slots, layer->part_neurons);
    add(lowering, text_of("lists of parts", VARIABLE_EXCHANGE, l), samples,
        WORD * 2 * layer->parts * capacity, during(lowering, ROW_F8, l));
    add(lowering, text_of("list of one sample", VARIABLE_SCRATCH, l), samples,
        (uint64_t)WORD * (layer->slots + 2),
        (struct lifetime){sparse_span(lowering, ROW_F8, l)->first,
                          sparse_span(lowering, ROW_F9, l)->first});
}

static void add_reduction(struct sparse_lowering *lowering, uint32_t l)
{
    const struct layer_place *layer = sparse_layer(lowering, l);
    struct item_range tiles = whole_range(placement_reduction(layer));
    uint64_t slots = (uint64_t)lowering->batch * layer->fan_in_slots;
    uint64_t landing_words = div_ceil(slots * layer->tiles, tiles.count);
    uint64_t sum_words = div_ceil(slots * layer->reduce_groups, tiles.count);
    add(lowering, text_of("partial spike gradients (B9)", VARIABLE_EXCHANGE, l), tiles,
        WORD * landing_words, during(lowering, ROW_B9, l));
    if (lowering->config->has_rearrangement) {
        add(lowering, text_of("partial spike gradients, by slot", VARIABLE_SCRATCH, l), tiles,
            WORD * landing_words, during(lowering, ROW_B9, l));
    }
    add(lowering, text_of("slot gradients for the layer below", VARIABLE_STATE, l), tiles,
        WORD * div_ceil(slots, tiles.count),
        between(lowering, ROW_ZERO_GRADIENTS, 0, ROW_BACKWARD_LOOP, 0));
    if (layer->reduce_groups > 1) {
        add(lowering, text_of("group sums (B9)", VARIABLE_SCRATCH, l), tiles, WORD * sum_words,
            (struct lifetime){sparse_span(lowering, ROW_B9, l)->first,
                              sparse_span(lowering, ROW_B10, l)->first});
        add(lowering, text_of("group sums (B10)", VARIABLE_EXCHANGE, l), tiles, WORD * sum_words,
            during(lowering, ROW_B10, l));
    }
}

// --- library tensors spread over the chip -------------------------------------------------------
static void add_spread(struct sparse_lowering *lowering, struct variable_text text,
                       struct spread tensor, uint64_t copies, struct lifetime lifetime)
{
    add(lowering, text, whole_range(tensor.map), WORD * copies * tensor.words_per_tile, lifetime);
}

// Ids or counts of layer l (0: the input) over all time steps: as integers for each loop, and as
// floats where they cross the framework.
static void add_history(struct sparse_lowering *lowering, uint32_t l, struct spread tensor)
{
    uint64_t steps = lowering->time_steps;
    bool is_returned = l == lowering->layers && lowering->config->host_output == HOST_OUTPUT_SPIKES;
    struct lifetime forward = l == 0 ? between(lowering, ROW_CAST_IN, 0, ROW_FORWARD_LOOP, 0)
                                     : between(lowering, ROW_FORWARD_LOOP, 0, ROW_CAST_OUT, 0);
    add_spread(lowering, text_of("spike history, forward", VARIABLE_HISTORY, l), tensor, steps,
               forward);
    add_spread(lowering, text_of("spike history, floats", VARIABLE_HISTORY, l), tensor, steps,
               between(lowering, l == 0 ? ROW_HOST_IN : ROW_CAST_OUT, 0,
                       is_returned ? ROW_HOST_OUT : ROW_CAST_BACK, 0));
    add_spread(lowering, text_of("spike history, backward", VARIABLE_HISTORY, l), tensor, steps,
               between(lowering, ROW_CAST_BACK, 0, ROW_BACKWARD_LOOP, 0));
}

// Ids or counts of one time step.
static void add_current(struct sparse_lowering *lowering, uint32_t l, struct spread tensor)
{
    bool is_read_by_next = l < lowering->layers;
    if (l == 0) {
        add_spread(lowering, text_of("input spikes of t", VARIABLE_SCRATCH, 1), tensor, 1,
                   between(lowering, ROW_F1, 1, ROW_F3, 1));
        add_spread(lowering, text_of("input spikes of t, backward", VARIABLE_SCRATCH, 1), tensor, 1,
                   between(lowering, ROW_B2, 1, ROW_B6, 1));
        return;
    }
    add_spread(lowering, text_of("spikes", VARIABLE_STATE, l), tensor, 1,
               between(lowering, ROW_ZERO_STATES, 0, ROW_FORWARD_LOOP, 0));
    if (is_read_by_next || !lowering->is_on_membranes) {
        add_spread(lowering, text_of("spikes of t, backward", VARIABLE_SCRATCH, l), tensor, 1,
                   between(lowering, ROW_B2, l, ROW_B4, l));
    }
    if (is_read_by_next) {
        add_spread(lowering, text_of("spikes for the next layer (F2)", VARIABLE_SCRATCH, l),
                   sparse_as_input(lowering, tensor, l + 1), 1,
                   during(lowering, ROW_FORWARD_LOOP, 0));
    }
    if (is_read_by_next && lowering->is_delayed) {
        add_spread(lowering, text_of("spikes of t-1, backward", VARIABLE_SCRATCH, l), tensor, 1,
                   between(lowering, ROW_B2, l, ROW_B6, l + 1));
    }
}

static void add_spread_tensors(struct sparse_lowering *lowering)
{
    for (uint32_t l = lowering->is_analog ? 1 : 0; l <= lowering->layers; l++) {
        struct spread tensors[2] = {sparse_ids(lowering, l), sparse_counts(lowering, l)};
        for (uint32_t i = 0; i < 2; i++) {
            if (lowering->pass.plan == NULL) {
                add_history(lowering, l, tensors[i]);
            }
            add_current(lowering, l, tensors[i]);
        }
    }
    if (lowering->is_on_membranes) {
        return;
    }
    uint32_t output = lowering->layers;
    struct spread gradients = sparse_ids(lowering, output);
    if (lowering->pass.plan == NULL) {
        add_spread(lowering, text_of("output gradient history", VARIABLE_HISTORY, output),
                   gradients, lowering->time_steps,
                   between(lowering, ROW_LOSS_SLOTS, 0, ROW_BACKWARD_LOOP, 0));
    }
    add_spread(
        lowering, text_of("output gradient of t", VARIABLE_SCRATCH, output), gradients, 1,
        between(lowering, lowering->pass.plan == NULL ? ROW_B2 : ROW_C2, output, ROW_B4, output));
}

// --- loss ---------------------------------------------------------------------------------------
// A loss on membranes: the output neurons sum them, and have their gradient for the backward loop.
static void add_membrane_sums(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    const struct layer_place *output = sparse_layer(lowering, l);
    struct item_range neurons = whole_range(placement_neurons(output));
    uint64_t bytes = (uint64_t)WORD * lowering->batch * output->neurons_per_tile;
    add(lowering, text_of("summed membranes", VARIABLE_STATE, l), neurons, bytes,
        between(lowering, ROW_ZERO_STATES, 0, ROW_SPIKE_COUNTS, 0));
    add(lowering, text_of("gradient of the logits", VARIABLE_STATE, l), neurons, bytes,
        between(lowering, ROW_LOSS, 0, ROW_BACKWARD_LOOP, 0));
}

static void add_output_spikes(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    const struct layer_place *output = sparse_layer(lowering, l);
    struct item_range all = whole_range(sparse_chip(lowering, l));
    struct item_range steps = {.map = all.map, .count = lowering->time_steps * lowering->batch};
    struct item_range samples = {.map = all.map, .count = lowering->batch};
    uint64_t row_bytes = (uint64_t)WORD * output->neurons;
    add(lowering, text_of("output ids", VARIABLE_EXCHANGE, l), steps,
        (uint64_t)WORD * (output->slots + 1), during(lowering, ROW_DENSE_SPIKES, 0));
    add(lowering, text_of("output spikes, dense", VARIABLE_SCRATCH, l), steps, row_bytes,
        between(lowering, ROW_DENSE_SPIKES, 0, ROW_SPIKE_COUNTS, 0));
    add(lowering, text_of("output spikes of one sample", VARIABLE_EXCHANGE, l), samples,
        row_bytes * lowering->time_steps, during(lowering, ROW_SPIKE_COUNTS, 0));
    add(lowering, text_of("gradient of the logits", VARIABLE_EXCHANGE, l), all,
        row_bytes * lowering->batch, between(lowering, ROW_LOSS, 0, ROW_LOSS_SLOTS, 0));
    add(lowering, text_of("output gradient at ids", VARIABLE_SCRATCH, l), steps,
        (uint64_t)WORD * output->slots, during(lowering, ROW_LOSS_SLOTS, 0));
}

static void add_loss(struct sparse_lowering *lowering)
{
    uint32_t l = lowering->layers;
    const struct layer_place *output = sparse_layer(lowering, l);
    struct item_range all = whole_range(sparse_chip(lowering, l));
    struct item_range samples = {.map = all.map, .count = lowering->batch};
    uint64_t row_bytes = (uint64_t)WORD * output->neurons;
    for (uint32_t chip = 0; chip < lowering->placement->chips; chip++) {
        struct tile_map tiles =
            tile_map_range(chip * lowering->program->chip_tiles, lowering->tiles);
        add(lowering, text_of("time index", VARIABLE_STATE, 0), whole_range(tiles), 2 * WORD,
            always);
    }
    add(lowering, text_of("labels", VARIABLE_STATE, 0), samples, WORD,
        between(lowering, ROW_HOST_IN, 0, ROW_LOSS, 0));
    if (lowering->pass.plan == NULL || lowering->is_on_membranes) {
        add(lowering, text_of("logits and their gradient", VARIABLE_SCRATCH, l), samples,
            2 * row_bytes, between(lowering, ROW_SPIKE_COUNTS, 0, ROW_LOSS, 0));
    }
    add(lowering, text_of("losses", VARIABLE_EXCHANGE, 0), one_tile(all.map.first),
        (uint64_t)WORD * (lowering->batch + 1), between(lowering, ROW_LOSS, 0, ROW_HOST_OUT, 0));
    if (lowering->is_on_membranes) {
        add_membrane_sums(lowering);
    } else if (lowering->pass.plan == NULL) {
        add_output_spikes(lowering);
    }
}

void sparse_add_variables(struct sparse_lowering *lowering)
{
    for (uint32_t l = 1; l <= lowering->layers; l++) {
        add_weights(lowering, l);
        add_states(lowering, l);
        add_neuron_landings(lowering, l);
        add_compaction(lowering, l);
        add_combination(lowering, l);
        add_biases(lowering, l);
        if (lowering->config->state_gradient == STATE_GRADIENT_PER_SAMPLE &&
            (l < lowering->layers || !lowering->is_on_membranes)) {
            add_sample_state_gradient(lowering, l);
        }
        if (l > 1) {
            add_reduction(lowering, l);
        }
    }
    if (lowering->is_analog) {
        add_analog_input(lowering);
    }
    add_spread_tensors(lowering);
    add_loss(lowering);
    if (lowering->pass.plan != NULL) {
        sparse_add_checkpoint_variables(lowering);
    }
}

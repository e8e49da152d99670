// The dense program: every product on the matrix unit, weights resident and spread over all tiles,
// neurons updated where the sums of their products end up. This file: the frame and what its rows
// share. Rows: lower_dense_rows.c; outside the time loops: lower_dense_outside.c; tiles and splits:
// lower_dense_plan.c; memory: lower_dense_memory.c. Line by line: docs/schedule.md.
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lower_tiles_dense.h"

static void note_step(struct dense_lowering *lowering, enum dense_row row, uint32_t step)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        struct dense_span *span = dense_span(lowering, row, l);
        if (!span->is_used) {
            *span = (struct dense_span){.first = step, .last = step, .is_used = true};
        }
        span->last = step;
    }
}

void dense_exchange(struct dense_lowering *lowering, enum dense_row row, const char *name)
{
    note_step(lowering, row, program_begin_exchange(lowering->program, name));
}

void dense_compute(struct dense_lowering *lowering, enum dense_row row, const char *name)
{
    note_step(lowering, row, program_begin_compute(lowering->program, name));
}

// Blocks and sources are numbered alike from end to end; which tile holds which part of a tensor is
// a permutation of tiles that hold, send and receive the same amount.
void dense_send_operand(struct dense_lowering *lowering, const struct dense_operand *operand)
{
    uint64_t sources = operand->source.count;
    for (uint64_t part = 0; part < operand->parts; part++) {
        uint32_t first = (uint32_t)(part * sources / operand->parts);
        uint32_t end = (uint32_t)div_ceil((part + 1) * sources, operand->parts);
        struct item_range source = {.map = operand->source.map,
                                    .first = operand->source.first + first,
                                    .count = end - first};
        struct item_range destination = {.map = operand->product.map,
                                         .first = (uint32_t)part * operand->copies,
                                         .count = operand->copies};
        emit_flow(lowering->program, FLOW_BROADCAST, source, destination,
                  div_ceil(operand->block_bytes, source.count));
    }
}

void dense_send_shares(struct dense_lowering *lowering, const struct dense_shares *shares)
{
    for (uint32_t turn = 1; turn < shares->copies; turn++) {
        struct item_range destination = shares->tiles;
        destination.first += turn * shares->stride;
        emit_flow(lowering->program, FLOW_PAIRS, shares->tiles, destination, shares->bytes);
    }
}

// Tile i holds k-part floor(i / blocks): the others of its block follow at steps of `blocks`.
void dense_send_partials(struct dense_lowering *lowering, struct item_range product,
                         const struct matmul_split *split)
{
    dense_send_shares(lowering,
                      &(struct dense_shares){.tiles = product,
                                             .copies = split->parts_k,
                                             .stride = split->parts_m * split->parts_n,
                                             .bytes = (uint64_t)matmul_split_outputs(split) *
                                                      EXCHANGE_WORD_BYTES});
}

// Out-parts are numbered fastest: the tiles of a column of blocks follow at steps of parts_n.
void dense_send_biases(struct dense_lowering *lowering, uint32_t l)
{
    const struct dense_layer *layer = &lowering->layers[l];
    dense_send_shares(lowering, &(struct dense_shares){.tiles = dense_neurons(layer),
                                                       .copies = dense_bias_copies(layer),
                                                       .stride = layer->forward.parts_n,
                                                       .bytes = (uint64_t)dense_own_biases(layer) *
                                                                EXCHANGE_WORD_BYTES});
}

static void emit_time_index(struct dense_lowering *lowering, enum dense_row row)
{
    dense_compute(lowering, row, "time index");
    emit_each(lowering->program, CODELET_loop_counter, one_tile(0),
              (struct vertex_sizes){0, 0, 0, 0}, 0);
    dense_exchange(lowering, row, "time index");
    emit_flow(lowering->program, FLOW_BROADCAST, one_tile(0),
              whole_range(tile_map_range(0, lowering->tiles)), EXCHANGE_WORD_BYTES);
}

// The host sends ids once per batch; a dense copy of every time step would be many times as large.
// All slots are set, whatever the true count: the dense program takes nothing from a record.
void dense_emit_input(struct dense_lowering *lowering, enum dense_row row)
{
    struct spread ids = dense_input_ids(lowering);
    struct item_range samples = dense_samples(lowering);
    uint32_t inputs = lowering->layers[0].neurons;
    emit_time_index(lowering, row);
    if (lowering->is_analog) {
        return; // on the tiles since the host sent it
    }
    dense_compute(lowering, row, "slice input ids, clear input");
    emit_each(lowering->program, CODELET_slice, whole_range(ids.map),
              (struct vertex_sizes){ids.words_per_tile, 1, 0, 0}, 1);
    emit_each(lowering->program, CODELET_fill, samples,
              (struct vertex_sizes){dense_words(lowering, inputs), 0, 0, 0}, 1);
    dense_exchange(lowering, row, "input ids to sample tiles");
    emit_flow(lowering->program, FLOW_REDISTRIBUTE, whole_range(ids.map), samples,
              (uint64_t)ids.words * EXCHANGE_WORD_BYTES);
    dense_compute(lowering, row, "set input");
    emit_each(lowering->program, CODELET_on_tile_copy, samples,
              (struct vertex_sizes){lowering->input_slots * lowering->element_bytes,
                                    lowering->input_slots, 0, 0},
              1);
}

// With a layer delay all layers run in the same compute sets, without one after the other.
static void emit_rows(struct dense_lowering *lowering,
                      void (*rows)(struct dense_lowering *lowering), bool is_upward)
{
    uint32_t turns = lowering->is_delayed ? 1 : lowering->layer_count;
    for (uint32_t i = 0; i < turns; i++) {
        uint32_t l = is_upward ? 1 + i : lowering->layer_count - i;
        lowering->first_layer = lowering->is_delayed ? 1 : l;
        lowering->last_layer = lowering->is_delayed ? lowering->layer_count : l;
        rows(lowering);
    }
}

void dense_emit_forward_step(struct dense_lowering *lowering)
{
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layer_count;
    dense_emit_input(lowering, DENSE_D1);
    emit_rows(lowering, dense_emit_forward_rows, true);
}

void dense_emit_backward_step(struct dense_lowering *lowering)
{
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layer_count;
    dense_emit_input(lowering, DENSE_E1);
    dense_emit_backward_load(lowering);
    emit_rows(lowering, dense_emit_backward_rows, false);
}

static void emit_loop(struct dense_lowering *lowering, bool is_forward)
{
    struct dense_span *span =
        dense_span(lowering, is_forward ? DENSE_FORWARD_LOOP : DENSE_BACKWARD_LOOP, 0);
    int32_t last = (int32_t)lowering->time_steps - 1;
    span->first = lowering->program->step_count;
    program_begin_loop(lowering->program, lowering->time_steps, is_forward ? 0 : last,
                       is_forward ? 1 : -1);
    if (is_forward) {
        dense_emit_forward_step(lowering);
    } else {
        dense_emit_backward_step(lowering);
    }
    span->last = lowering->program->step_count;
    span->is_used = true;
    program_end_loop(lowering->program);
}

// All in one: what is not checkpointed keeps the history of all time steps.
static void emit_plain(struct dense_lowering *lowering)
{
    lowering->keeps_history = true;
    lowering->is_first_run = true;
    dense_emit_start(lowering);
    dense_emit_static_product(lowering);
    emit_loop(lowering, true);
    dense_emit_middle(lowering);
    emit_loop(lowering, false);
    dense_emit_static_gradient(lowering);
    dense_emit_end(lowering);
    dense_add_variables(lowering);
}

static struct program *create_program(const struct training_graph *graph,
                                      const struct machine_view *machine)
{
    uint32_t *slots = xcalloc(graph->layer_count + 1, sizeof *slots);
    for (uint32_t l = 0; l <= graph->layer_count; l++) {
        slots[l] = training_graph_slots(graph, l);
    }
    struct program *program =
        program_create("dense", machine->tiles, graph->batch, graph->time_steps,
                       graph->layer_count + 1, graph->config.neurons, slots);
    free(slots);
    return program;
}

struct program *lower_dense(const struct training_graph *graph,
                            const struct training_config *training,
                            const struct lowering_config *config,
                            const struct machine_view *machine, char **why)
{
    // Products split to any size: what does not fit is found by the SRAM plan.
    if (machine->chips > 1) {
        *why = xasprintf("the dense lowering places a network on one chip, and a replica has %u: "
                         "give as many replicas as chips",
                         machine->chips);
        return NULL;
    }
    char *refusal = checkpoint_refuse(&training->checkpoints, config, machine);
    if (refusal != NULL) {
        *why = refusal;
        return NULL;
    }
    struct dense_lowering lowering = {
        .graph = graph,
        .training = training,
        .machine = machine,
        .element_bytes = config->matmul_bytes,
        .layers = xcalloc(graph->layer_count + 1, sizeof(struct dense_layer)),
        .program = create_program(graph, machine),
        .layer_count = graph->layer_count,
        .batch = graph->batch,
        .time_steps = graph->time_steps,
        .tiles = machine->tiles - checkpoint_io_tiles(&training->checkpoints, config),
        .streaming = config->streaming,
        .contexts = machine->contexts,
        .input_slots = graph->config.slots[0],
        .is_delayed = graph->config.layer_delay > 0,
        .is_analog = graph->layers[0].is_input_dense,
        .is_hoisted = graph->layers[0].is_input_dense && config->hoists_static_input,
        .returns_spikes = config->host_output == HOST_OUTPUT_SPIKES,
        .spans =
            xcalloc((size_t)DENSE_ROW_COUNT * (graph->layer_count + 1), sizeof(struct dense_span)),
    };
    dense_plan(&lowering);
    if (training->checkpoints.kind == CHECKPOINT_NONE) {
        emit_plain(&lowering);
    } else {
        dense_emit_checkpointed(&lowering);
    }
    free(lowering.layers);
    free(lowering.spans);
    return lowering.program;
}

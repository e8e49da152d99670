// The published sparse program (arXiv 2311.04386): neurons with their weights, gradients and
// history on tiles of their own, only spike ids move. This file: the frame. Rows:
// lower_sparse_forward.c, lower_sparse_backward.c; outside the time loops: lower_sparse_outside.c;
// memory: lower_sparse_memory.c. Line by line: docs/schedule.md.
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"
#include "workloads/lower/lower_tiles_sparse.h"

static void note_step(struct sparse_lowering *lowering, enum sparse_row row, uint32_t step)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        struct step_span *span = sparse_span(lowering, row, l);
        if (!span->is_used) {
            *span = (struct step_span){.first = step, .last = step, .is_used = true};
        }
        span->last = step;
    }
}

void sparse_exchange(struct sparse_lowering *lowering, enum sparse_row row, const char *name)
{
    note_step(lowering, row, program_begin_exchange(lowering->program, name));
}

void sparse_compute(struct sparse_lowering *lowering, enum sparse_row row, const char *name)
{
    note_step(lowering, row, program_begin_compute(lowering->program, name));
}

void sparse_index_broadcast(struct sparse_lowering *lowering, enum sparse_row row,
                            struct item_range destination, const char *name)
{
    sparse_exchange(lowering, row, name);
    uint32_t chip_tiles = lowering->program->chip_tiles;
    uint32_t tile = tile_map_at(&destination.map, destination.first);
    emit_flow(lowering->program, FLOW_BROADCAST, one_tile(tile - tile % chip_tiles), destination,
              EXCHANGE_WORD_BYTES);
}

void sparse_count_loops(struct sparse_lowering *lowering)
{
    for (uint32_t chip = 0; chip < lowering->placement->chips; chip++) {
        emit_each(lowering->program, CODELET_loop_counter,
                  one_tile(chip * lowering->program->chip_tiles), (struct vertex_sizes){0, 0, 0, 0},
                  0);
    }
}

void sparse_rearrange(struct sparse_lowering *lowering, struct item_range items, uint64_t bytes,
                      uint32_t runs, uint32_t layer)
{
    SIM_ASSERT(bytes <= UINT32_MAX, "layer %u: %llu bytes land on one tile", layer,
               (unsigned long long)bytes);
    emit_each(lowering->program, CODELET_on_tile_copy, items,
              (struct vertex_sizes){(uint32_t)bytes, runs, 0, 0}, layer);
}

// Rows of a time step: with a layer delay all layers run in the same compute sets, without one
// after the other, upwards or downwards.
static void emit_rows(struct sparse_lowering *lowering,
                      void (*rows)(struct sparse_lowering *lowering), bool is_upward)
{
    uint32_t turns = lowering->is_delayed ? 1 : lowering->layers;
    for (uint32_t i = 0; i < turns; i++) {
        uint32_t l = is_upward ? 1 + i : lowering->layers - i;
        lowering->first_layer = lowering->is_delayed ? 1 : l;
        lowering->last_layer = lowering->is_delayed ? lowering->layers : l;
        rows(lowering);
    }
}

static void emit_forward_step(struct sparse_lowering *lowering)
{
    sparse_emit_forward_slices(lowering);
    emit_rows(lowering, sparse_emit_forward_rows, true);
    if (lowering->pass.plan != NULL && lowering->pass.is_first_run) {
        sparse_emit_spike_count(lowering);
    }
}

static void emit_backward_step(struct sparse_lowering *lowering)
{
    sparse_emit_backward_slices(lowering);
    emit_rows(lowering, sparse_emit_backward_rows, false);
}

static void emit_section(void *context, enum checkpoint_section section)
{
    struct sparse_lowering *lowering = context;
    if (checkpoint_is_forward(section)) {
        emit_forward_step(lowering);
    } else if (section == SECTION_START) {
        sparse_emit_start(lowering);
        sparse_emit_analog_input(lowering);
    } else if (section == SECTION_LOSS) {
        sparse_emit_middle(lowering);
    } else if (section == SECTION_BACKWARD) {
        emit_backward_step(lowering);
    } else {
        sparse_emit_analog_gradient(lowering);
        sparse_emit_end(lowering);
    }
}

static void add_variables(void *lowering)
{
    sparse_add_variables(lowering);
}

static void emit_program(struct sparse_lowering *lowering)
{
    size_t row_bytes = (lowering->layers + 1) * sizeof *lowering->spans;
    lowering_frame_emit(
        &(struct lowering_frame){.lowering = lowering,
                                 .pass = &lowering->pass,
                                 .program = lowering->program,
                                 .training = lowering->training,
                                 .streaming = lowering->config->streaming,
                                 .forward_loop = sparse_span(lowering, ROW_FORWARD_LOOP, 0),
                                 .backward_loop = sparse_span(lowering, ROW_BACKWARD_LOOP, 0),
                                 .forward_rows = sparse_span(lowering, ROW_F1, 0),
                                 .forward_rows_bytes = (ROW_C1 - ROW_F1 + 1) * row_bytes,
                                 .converts = sparse_has_packed_states(lowering),
                                 .emit_rows = emit_section,
                                 .add_variables = add_variables,
                                 .stored_state = sparse_stored_state,
                                 .emit_copy = sparse_emit_copy});
}

static struct placement *place(const struct training_graph *graph,
                               const struct machine_view *machine, uint32_t io_tiles,
                               const uint32_t *slots, char **why)
{
    struct placement_request request = {
        .layer_count = graph->layer_count + 1,
        .neurons = graph->config.neurons,
        .slots = slots,
        .batch = graph->batch,
        .tiles = machine->tiles - io_tiles,
        .contexts = machine->contexts,
        .chips = machine->chips,
        .chip_stride = machine->tiles,
    };
    return placement_create(&request, why);
}

struct program *lower_sparse(const struct training_graph *graph,
                             const struct training_config *training,
                             const struct lowering_config *config,
                             const struct machine_view *machine, char **why)
{
    char *refusal = checkpoint_refuse(&training->checkpoints, config, machine);
    if (refusal != NULL) {
        *why = refusal;
        return NULL;
    }
    uint32_t io_tiles = checkpoint_io_tiles(&training->checkpoints, config);
    uint32_t layer_count = graph->layer_count + 1;
    uint32_t *slots = xcalloc(layer_count, sizeof *slots);
    for (uint32_t l = 0; l < layer_count; l++) {
        slots[l] = training_graph_slots(graph, l);
    }
    struct placement *placement = place(graph, machine, io_tiles, slots, why);
    if (placement == NULL) {
        free(slots);
        return NULL;
    }
    struct sparse_lowering lowering = {
        .graph = graph,
        .training = training,
        .config = config,
        .machine = machine,
        .placement = placement,
        .program = program_create("sparse", placement->chips * machine->tiles, graph->batch,
                                  graph->time_steps, layer_count, graph->config.neurons, slots),
        .layers = graph->layer_count,
        .batch = graph->batch,
        .time_steps = graph->time_steps,
        .tiles = machine->tiles - io_tiles,
        .contexts = machine->contexts,
        .is_analog = graph->layers[0].is_input_dense,
        .is_hoisted = graph->layers[0].is_input_dense && config->hoists_static_input,
        .is_on_membranes = graph->config.loss == LOSS_ON_MEMBRANES,
        .is_delayed = graph->config.layer_delay > 0,
        .spans = xcalloc((size_t)ROW_COUNT * layer_count, sizeof(struct step_span)),
    };
    program_place_on_chips(lowering.program, placement->chips, machine->tiles);
    emit_program(&lowering);
    free(lowering.spans);
    free(slots);
    placement_destroy(placement);
    return lowering.program;
}

// The dense program: every product on the matrix unit, weights resident and spread over all tiles,
// neurons updated where the sums of their products end up. This file: the frame and what its rows
// share. Rows: lower_dense_rows.c; outside the time loops: lower_dense_outside.c; tiles and splits:
// lower_dense_plan.c; memory: lower_dense_memory.c. Line by line: docs/schedule.md.
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lower_tiles_dense.h"

// Pairs of chips that send words to each other, over all layers: ways to share the chips with more
// are not tried. They take seconds to lower and to time, and are slower than others by then.
#define PAIRS_MAX 1024u
#define EVERY_COUNT_MAX 8u // chips up to which every number of them is tried

static void note_step(struct dense_lowering *lowering, enum dense_row row, uint32_t step)
{
    for (uint32_t l = lowering->first_layer; l <= lowering->last_layer; l++) {
        struct step_span *span = dense_span(lowering, row, l);
        if (!span->is_used) {
            *span = (struct step_span){.first = step, .last = step, .is_used = true};
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

// --- every chip of a place ----------------------------------------------------------------------
void dense_each(struct dense_lowering *lowering, enum codelet codelet, struct dense_place place,
                struct vertex_sizes sizes, uint32_t layer)
{
    for (uint32_t i = 0; i < place.chips; i++) {
        emit_each(lowering->program, codelet, dense_on_chip(lowering, place, i), sizes, layer);
    }
}

void dense_reduce(struct dense_lowering *lowering, struct dense_place place, uint32_t partials,
                  uint32_t outputs, uint32_t layer)
{
    for (uint32_t i = 0; i < place.chips; i++) {
        emit_reduction(lowering->program,
                       &(struct reduction){.items = dense_on_chip(lowering, place, i),
                                           .partials = partials,
                                           .outputs = outputs,
                                           .contexts = lowering->contexts},
                       layer);
    }
}

void dense_move(struct dense_lowering *lowering, struct dense_place source,
                struct dense_place destination, uint64_t bytes)
{
    uint64_t pair_bytes = div_ceil(bytes, (uint64_t)source.chips * destination.chips);
    for (uint32_t i = 0; i < source.chips; i++) {
        for (uint32_t j = 0; j < destination.chips; j++) {
            emit_flow(lowering->program, FLOW_REDISTRIBUTE, dense_on_chip(lowering, source, i),
                      dense_on_chip(lowering, destination, j), pair_bytes);
        }
    }
}

void dense_move_on_chips(struct dense_lowering *lowering, struct dense_place source,
                         struct dense_place destination, uint64_t chip_bytes)
{
    for (uint32_t i = 0; i < source.chips; i++) {
        emit_flow(lowering->program, FLOW_REDISTRIBUTE, dense_on_chip(lowering, source, i),
                  dense_on_chip(lowering, destination, i), chip_bytes);
    }
}

// Of sources numbered on from chip to chip, those from `first` to before `end` broadcast a block.
static void send_block(struct dense_lowering *lowering, struct dense_place source, uint64_t first,
                       uint64_t end, struct item_range destination, uint64_t block_bytes)
{
    uint64_t chip_sources = source.items.count;
    uint64_t bytes = div_ceil(block_bytes, end - first);
    for (uint64_t at = first; at < end;) {
        uint32_t chip = (uint32_t)(at / chip_sources);
        uint64_t chip_end = min_u64(end, (chip + 1) * chip_sources);
        struct item_range part = dense_on_chip(lowering, source, chip);
        part.first += (uint32_t)(at % chip_sources);
        part.count = (uint32_t)(chip_end - at);
        emit_flow(lowering->program, FLOW_BROADCAST, part, destination, bytes);
        at = chip_end;
    }
}

// Blocks and sources are numbered alike from end to end; which tile holds which part of a tensor is
// a permutation of tiles that hold, send and receive the same amount.
static void send_operand_to(struct dense_lowering *lowering, const struct dense_operand *operand,
                            uint32_t chip)
{
    uint64_t chip_sources = operand->source.items.count;
    uint64_t sources = chip_sources * (operand->is_on_chip ? 1 : operand->source.chips);
    uint64_t before = operand->is_on_chip ? chip * chip_sources : 0;
    struct item_range product = dense_on_chip(lowering, operand->product, chip);
    for (uint64_t part = 0; part < operand->parts; part++) {
        struct item_range destination = {.map = product.map,
                                         .first = (uint32_t)part * operand->copies,
                                         .count = operand->copies};
        send_block(lowering, operand->source, before + part * sources / operand->parts,
                   before + div_ceil((part + 1) * sources, operand->parts), destination,
                   operand->block_bytes);
    }
}

void dense_send_operand(struct dense_lowering *lowering, const struct dense_operand *operand)
{
    for (uint32_t chip = 0; chip < operand->product.chips; chip++) {
        send_operand_to(lowering, operand, chip);
    }
}

void dense_send_shares(struct dense_lowering *lowering, const struct dense_shares *shares)
{
    for (uint32_t chip = 0; chip < shares->tiles.chips; chip++) {
        struct item_range tiles = dense_on_chip(lowering, shares->tiles, chip);
        for (uint32_t turn = 1; turn < shares->copies; turn++) {
            struct item_range destination = tiles;
            destination.first += turn * shares->stride;
            emit_flow(lowering->program, FLOW_PAIRS, tiles, destination, shares->bytes);
        }
    }
}

// Tile i holds k-part floor(i / blocks): the others of its block follow at steps of `blocks`.
void dense_send_partials(struct dense_lowering *lowering, struct dense_place product,
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

// Every chip counts for itself.
static void emit_time_index(struct dense_lowering *lowering, enum dense_row row)
{
    struct dense_place counters = {one_tile(0), lowering->chips};
    dense_compute(lowering, row, "time index");
    dense_each(lowering, CODELET_loop_counter, counters, (struct vertex_sizes){0, 0, 0, 0}, 0);
    dense_exchange(lowering, row, "time index");
    for (uint32_t chip = 0; chip < lowering->chips; chip++) {
        uint32_t first_tile = chip * lowering->machine->tiles;
        emit_flow(lowering->program, FLOW_BROADCAST, one_tile(first_tile),
                  whole_range(tile_map_range(first_tile, lowering->tiles)), EXCHANGE_WORD_BYTES);
    }
}

// The host sends ids once per batch, to every chip that multiplies the input with weights; a dense
// copy of every time step would be many times as large. All slots are set, whatever the true count:
// the dense program takes nothing from a record.
void dense_emit_input(struct dense_lowering *lowering, enum dense_row row)
{
    struct spread ids = dense_input_ids(lowering);
    struct dense_place samples = dense_samples(lowering, 1);
    uint32_t inputs = lowering->layers[0].neurons;
    emit_time_index(lowering, row);
    if (lowering->is_analog) {
        return; // on the tiles since the host sent it
    }
    dense_compute(lowering, row, "slice input ids, clear input");
    dense_each(lowering, CODELET_slice, dense_spread(lowering, &ids),
               (struct vertex_sizes){ids.words_per_tile, 1, 0, 0}, 1);
    dense_each(lowering, CODELET_fill, samples,
               (struct vertex_sizes){dense_words(lowering, inputs), 0, 0, 0}, 1);
    dense_exchange(lowering, row, "input ids to sample tiles");
    dense_move_on_chips(lowering, dense_spread(lowering, &ids), samples,
                        (uint64_t)ids.words * EXCHANGE_WORD_BYTES);
    dense_compute(lowering, row, "set input");
    dense_each(lowering, CODELET_on_tile_copy, samples,
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

static void emit_forward_step(struct dense_lowering *lowering)
{
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layer_count;
    dense_emit_input(lowering, DENSE_D1);
    emit_rows(lowering, dense_emit_forward_rows, true);
}

static void emit_backward_step(struct dense_lowering *lowering)
{
    lowering->first_layer = 1;
    lowering->last_layer = lowering->layer_count;
    dense_emit_input(lowering, DENSE_E1);
    dense_emit_backward_load(lowering);
    emit_rows(lowering, dense_emit_backward_rows, false);
}

static void emit_section(void *context, enum checkpoint_section section)
{
    struct dense_lowering *lowering = context;
    if (checkpoint_is_forward(section)) {
        emit_forward_step(lowering);
    } else if (section == SECTION_START) {
        dense_emit_start(lowering);
        dense_emit_static_product(lowering);
    } else if (section == SECTION_LOSS) {
        dense_emit_middle(lowering);
    } else if (section == SECTION_BACKWARD) {
        emit_backward_step(lowering);
    } else {
        dense_emit_static_gradient(lowering);
        dense_emit_end(lowering);
    }
}

static void add_variables(void *lowering)
{
    dense_add_variables(lowering);
}

static void emit_program(struct dense_lowering *lowering)
{
    size_t row_bytes = (lowering->layer_count + 1) * sizeof *lowering->spans;
    lowering_frame_emit(
        &(struct lowering_frame){.lowering = lowering,
                                 .pass = &lowering->pass,
                                 .program = lowering->program,
                                 .training = lowering->training,
                                 .streaming = lowering->streaming,
                                 .forward_loop = dense_span(lowering, DENSE_FORWARD_LOOP, 0),
                                 .backward_loop = dense_span(lowering, DENSE_BACKWARD_LOOP, 0),
                                 .forward_rows = dense_span(lowering, DENSE_D1, 0),
                                 .forward_rows_bytes = (DENSE_D6 - DENSE_D1 + 1) * row_bytes,
                                 .emit_rows = emit_section,
                                 .add_variables = add_variables,
                                 .stored_state = dense_stored_state});
}

static void create_program(struct dense_lowering *lowering)
{
    const struct training_graph *graph = lowering->graph;
    uint32_t *slots = xcalloc(graph->layer_count + 1, sizeof *slots);
    for (uint32_t l = 0; l <= graph->layer_count; l++) {
        slots[l] = training_graph_slots(graph, l);
    }
    lowering->program =
        program_create("dense", lowering->chips * lowering->machine->tiles, graph->batch,
                       graph->time_steps, graph->layer_count + 1, graph->config.neurons, slots);
    program_place_on_chips(lowering->program, lowering->chips, lowering->machine->tiles);
    free(slots);
}

// Products split to any size: what does not fit is found by the SRAM plan.
static struct program *lower_on(const struct dense_lowering *asked,
                                struct dense_placement placement)
{
    struct dense_lowering lowering = *asked;
    size_t layers = lowering.layer_count + 1;
    lowering.layers = xcalloc(layers, sizeof *lowering.layers);
    lowering.spans = xcalloc(DENSE_ROW_COUNT * layers, sizeof *lowering.spans);
    dense_plan(&lowering, placement.layer_chips, placement.chips / placement.layer_chips);
    create_program(&lowering);
    emit_program(&lowering);
    free(lowering.layers);
    free(lowering.spans);
    return lowering.program;
}

struct candidate {
    struct program *program; // owned; NULL: none yet
    uint64_t cycles;
    bool fits;
};

// Fewer cycles, or as many on fewer chips.
static bool is_faster(const struct candidate *candidate, const struct candidate *than)
{
    return than->program == NULL || candidate->cycles < than->cycles ||
           (candidate->cycles == than->cycles && candidate->program->chips < than->program->chips);
}

// Keeps the faster one of those that fit. Chips are not left empty where nothing fits: their SRAM
// is what is short.
static void try_on(const struct dense_lowering *asked, struct dense_placement placement,
                   struct candidate *best)
{
    const struct machine_view *machine = asked->machine;
    struct candidate candidate = {.program = lower_on(asked, placement)};
    candidate.cycles = machine->run_cycles(machine->system_context, candidate.program);
    bool is_wanted = is_faster(&candidate, best);
    candidate.fits =
        (is_wanted || !best->fits) && machine->fits(machine->system_context, candidate.program);
    is_wanted = candidate.fits ? is_wanted || !best->fits
                               : is_wanted && !best->fits && placement.chips == machine->chips;
    program_destroy(is_wanted ? best->program : candidate.program);
    *best = is_wanted ? candidate : *best;
}

// How many chips are tried next. Of many only powers of two, for each trial is a lowering.
static uint32_t fewer_chips(uint32_t chips)
{
    uint32_t fewer = chips - 1;
    while (fewer > EVERY_COUNT_MAX && (fewer & (fewer - 1)) != 0) {
        fewer &= fewer - 1; // its lowest bit
    }
    return fewer;
}

// More groups than layers are as good as one for each: it was on the list, if a larger number of
// chips divides as well.
static bool is_listed(struct dense_placement placement, uint32_t most_chips, uint32_t layer_count)
{
    bool is_listed = false;
    for (uint32_t chips = most_chips; chips > placement.chips; chips = fewer_chips(chips)) {
        is_listed |= chips % placement.layer_chips == 0;
    }
    return is_listed && placement.chips / placement.layer_chips >= layer_count;
}

uint32_t lower_dense_placements(const struct lowering_config *config,
                                const struct machine_view *machine, uint32_t layer_count,
                                struct dense_placement **placements)
{
    uint32_t most_chips = (uint32_t)max_u64(machine->chips, 1), count = 0;
    uint32_t given = config->layer_chips;
    if (most_chips == 1 || given > 0 || machine->run_cycles == NULL) {
        *placements = xcalloc(1, sizeof **placements);
        **placements = (struct dense_placement){most_chips, given > 0 ? given : most_chips};
        return 1;
    }
    *placements = NULL;
    for (uint32_t chips = most_chips; chips > 0; chips = fewer_chips(chips)) {
        for (uint32_t layer_chips = 1; layer_chips <= chips; layer_chips++) {
            const struct dense_placement placement = {chips, layer_chips};
            uint64_t pairs = (uint64_t)layer_chips * layer_chips * layer_count;
            if (chips % layer_chips == 0 && (layer_chips == 1 || pairs <= PAIRS_MAX) &&
                !is_listed(placement, most_chips, layer_count)) {
                *placements = xrealloc(*placements, (count + 1) * sizeof **placements);
                (*placements)[count++] = placement;
            }
        }
    }
    return count;
}

// Of all ways to cut the chips, or the first ones of them, into equal groups, with every layer on
// one of these: the fastest of those that fit. If none fits the fastest on all chips is refused.
static struct program *lower_fastest(const struct dense_lowering *asked,
                                     const struct dense_placement *placements, uint32_t count)
{
    if (count == 1) {
        return lower_on(asked, placements[0]);
    }
    struct candidate best = {0};
    for (uint32_t i = 0; i < count; i++) {
        try_on(asked, placements[i], &best);
    }
    return best.program;
}

struct program *lower_dense(const struct training_graph *graph,
                            const struct training_config *training,
                            const struct lowering_config *config,
                            const struct machine_view *machine, char **why)
{
    char *refusal = checkpoint_refuse(&training->checkpoints, config, machine);
    if (refusal != NULL) {
        *why = refusal;
        return NULL;
    }
    const struct dense_lowering lowering = {
        .graph = graph,
        .training = training,
        .machine = machine,
        .element_bytes = config->matmul_bytes,
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
    };
    struct dense_placement *placements;
    uint32_t count = lower_dense_placements(config, machine, graph->layer_count, &placements);
    SIM_ASSERT(placements[0].chips % placements[0].layer_chips == 0, "%u chips in groups of %u",
               placements[0].chips, placements[0].layer_chips);
    struct program *program = lower_fastest(&lowering, placements, count);
    free(placements);
    return program;
}

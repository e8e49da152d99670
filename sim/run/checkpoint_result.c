// Cycles are those of sections, by what the section is for: their names are those of the lowering.
// A section's cycles hold everything that it does: computing, exchanges with their syncs, waits.
#include "sim/run/checkpoint_result.h"

#include <string.h>

#include "sim/engine/superstep.h"
#include "sim/err.h"
#include "sim/units.h"

// Where the cycles of a plan go. Every time step is once run forward with its history kept, and
// once backward: that, the loss and what comes before and after is the training step as it is
// without a plan.
struct plan_cycles {
    double kept, backward, added;
    double total;
};

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void add_section(struct plan_cycles *cycles, const char *section, double section_cycles)
{
    bool is_forward = begins_with(section, "forward");
    bool is_kept = is_forward && strstr(section, "history kept") != NULL;
    bool is_backward = strcmp(section, "backward") == 0;
    bool is_copy = begins_with(section, "put") || begins_with(section, "get") ||
                   begins_with(section, "save") || begins_with(section, "restore") ||
                   begins_with(section, "state before") || begins_with(section, "start of the");
    cycles->kept += is_kept ? section_cycles : 0;
    cycles->backward += is_backward ? section_cycles : 0;
    cycles->added += (is_forward && !is_kept) || is_copy ? section_cycles : 0;
    cycles->total += section_cycles;
}

// The section of a step; NULL: the main part.
static const struct program_section *section_of(const struct program *program, uint32_t step)
{
    for (uint32_t i = 0; i < program->section_count; i++) {
        const struct program_section *section = &program->sections[i];
        if (step >= section->first_step && step < section->first_step + section->step_count) {
            return section;
        }
    }
    return NULL;
}

static struct plan_cycles measure_cycles(const struct checkpoint_run *run)
{
    const struct program *program = run->program;
    struct plan_cycles cycles = {0};
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        if (superstep_takes_time(&program->steps[i])) {
            const struct program_section *section = section_of(program, i);
            add_section(&cycles, section == NULL ? "" : section->name,
                        run->time->shares[share++].cycles);
        }
    }
    return cycles;
}

static void add_streams(const struct checkpoint_run *run, struct result_checkpoint *out)
{
    const struct program *program = run->program;
    uint64_t chips = (uint64_t)program->chips * run->replicas;
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        if (!superstep_takes_time(step)) {
            continue;
        }
        uint64_t times = run->time->shares[share++].times;
        if (step->kind == STEP_STREAM && step->stream_phase != STREAM_WAIT) {
            uint64_t bytes = times * chips * step->chip_bytes;
            out->streamed_out_bytes += step->stream_direction == STREAM_OUT ? bytes : 0;
            out->streamed_in_bytes += step->stream_direction == STREAM_IN ? bytes : 0;
        }
    }
}

#define BITS_OF_WORD 32u

// Of a sample, in the layers that others read: ids with their two counts, and bits of all neurons,
// of both lists where a second threshold lists more.
static bool are_ids_smaller(const struct training_graph *graph)
{
    uint64_t id_words = 0, bit_words = 0;
    for (uint32_t l = 0; l + 1 < graph->layer_count && graph->form == FORM_SPARSE; l++) {
        const struct graph_layer *layer = &graph->layers[l];
        uint64_t lists = layer->theta2 < layer->theta1 ? 2 : 1;
        id_words += layer->slots + 2;
        bit_words += lists * div_ceil(layer->neurons, BITS_OF_WORD);
    }
    return id_words < bit_words;
}

static void add_notes(const struct checkpoint_run *run, struct result_checkpoint *out)
{
    if (run->used->kind == CHECKPOINT_OFFLOAD && run->used->state_bytes == 2) {
        out->notes[out->note_count++] =
            "state_type: float16 changes nothing: offload stores histories, no states";
    }
    if (run->used->has_packed_spikes && are_ids_smaller(run->graph)) {
        out->notes[out->note_count++] =
            "packed_spikes: bits of all neurons take more room here than ids of those that spike";
    }
}

struct result_checkpoint checkpoint_result(const struct checkpoint_run *run)
{
    if (run->used->kind == CHECKPOINT_NONE) {
        return (struct result_checkpoint){0};
    }
    struct checkpoint_plan *plan = plan_create(run->used, run->program->time_steps);
    struct plan_cost cost = plan_measure(plan);
    double forward_steps = (double)cost.forward_steps / plan->time_steps;
    struct plan_numbers has = plan_numbers_of(run->used->kind);
    struct result_checkpoint out = {
        .kind = checkpoint_kind_name(run->used->kind),
        .is_chosen = plan_is_open(run->asked),
        .local = has.has_local ? run->used->local : 0,
        .remote = has.has_remote ? run->used->remote : 0,
        .levels = has.has_levels ? run->used->levels : 0,
        .forward_steps_per_time_step = forward_steps,
        .forward_share = RESULT_NOTHING,
        .overhead = RESULT_NOTHING,
        .states_held = cost.peak_slots,
        .history_steps_held = cost.peak_history_steps,
    };
    plan_destroy(plan);
    add_notes(run, &out);
    if (run->time != NULL) {
        struct plan_cycles cycles = measure_cycles(run);
        out.forward_share = cycles.kept / (cycles.kept + cycles.backward);
        out.overhead = cycles.added / (cycles.total - cycles.added);
        add_streams(run, &out);
    }
    return out;
}

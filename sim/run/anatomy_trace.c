// Tracks of a tile machine: the chip (the training step, in it the turns of its loops, in them
// supersteps), the exchange, the host, and for each chosen tile its own work and that of its
// workers. Of a GPU: one track, its kernels. A step of the program is shown in its first
// executions; what is not shown stands as one slice.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/vertices.h"
#include "sim/err.h"
#include "sim/run/anatomy.h"
#include "sim/units.h"
#include "tiles/tile.h"

#define MERGED_VERTICES 64u // of a set on one tile: more stand as one slice a worker and codelet
#define CHOSEN_TILES 2u     // besides those asked for: the slowest and the median one

struct tile_tracks {
    uint32_t tile, own;
    uint32_t *workers; // owned; [contexts]
};

struct tracing {
    const struct observed_tiles *observed;
    const struct anatomy_machine *machine;
    const struct trace_options *options;
    struct trace *trace;
    uint32_t process, chip, exchange, host, links;
    uint32_t memory, streams[2]; // waits for streaming memory; transfers out and in
    struct tile_tracks *tiles;   // owned
    uint32_t tile_count;
    uint64_t *seen;      // owned; [step_count]
    uint64_t *scratch;   // owned; [contexts]
    uint64_t now_cycles; // before the event at hand
};

static uint64_t nanoseconds_of(const struct tracing *tracing, double cycles)
{
    return cycles_to_nanoseconds(cycles, tracing->machine->clock_hz);
}

// --- supersteps ---------------------------------------------------------------------------------
static void add_phase(struct tracing *tracing, uint32_t track, struct trace_slice *slice,
                      uint64_t begin_cycles, uint64_t cycles)
{
    if (cycles == 0) {
        return;
    }
    slice->process = tracing->process;
    slice->track = track;
    slice->begin_nanoseconds = nanoseconds_of(tracing, (double)begin_cycles);
    slice->end_nanoseconds = nanoseconds_of(tracing, (double)(begin_cycles + cycles));
    trace_add_slice(tracing->trace, slice);
}

static void trace_event(struct tracing *tracing, const struct anatomy_event *event)
{
    const struct anatomy_step *step = &tracing->machine->steps[event->step];
    uint64_t time_step = event->time_step < 0 ? 0 : (uint64_t)event->time_step;
    struct trace_slice sync = {
        .name = "sync", .category = "sync", .values = {{"cycles", event->sync_cycles}}};
    add_phase(tracing, tracing->chip, &sync, tracing->now_cycles, event->sync_cycles);
    struct trace_slice slice = {
        .name = step->name,
        .category = anatomy_kind_names[step->kind],
        .values = {{"cycles", event->cycles}, {"program_step", step->program_step}}};
    uint64_t begin_cycles = tracing->now_cycles + event->sync_cycles;
    if (step->kind == ANATOMY_COMPUTE) {
        slice.values[2] = (struct trace_value){"time_step", time_step};
        slice.values[3] = (struct trace_value){"tiles", step->tile.tiles};
    } else if (step->kind == ANATOMY_EXCHANGE) {
        slice.values[2] = (struct trace_value){"busiest_tile", step->port.busiest_tile};
        slice.values[3] = (struct trace_value){"out_cycles", step->port.out_cycles};
        slice.values[4] = (struct trace_value){"in_cycles", step->port.in_cycles};
        slice.values[5] = (struct trace_value){"received_messages", step->port.received_messages};
        uint32_t track = event->cycles > step->port.own_cycles ? tracing->links : tracing->exchange;
        add_phase(tracing, track, &slice, begin_cycles, event->cycles);
    } else {
        slice.values[2] = (struct trace_value){"bytes", step->bytes};
        uint32_t track = step->kind == ANATOMY_HOST     ? tracing->host
                         : step->kind == ANATOMY_STREAM ? tracing->memory
                                                        : tracing->links;
        add_phase(tracing, track, &slice, begin_cycles, event->cycles);
    }
    add_phase(tracing, tracing->chip, &slice, begin_cycles, event->cycles);
}

// --- a tile and its workers ---------------------------------------------------------------------
struct worker_slice {
    const char *codelet;
    uint32_t worker;
    uint64_t begin_millislots, end_millislots;
    uint64_t vertices, count, hits;
};

struct worker_slices {
    struct worker_slice *slices; // owned
    uint32_t count, room;
    uint32_t contexts;
    uint64_t vertices, count_sum, hit_sum;
    uint64_t *used_millislots; // owned; [contexts]: where each worker's next own vertex begins
    uint64_t multi_millislots; // where the next vertex on all workers begins
    bool is_merging;
};

static void append_slice(struct worker_slices *to, const struct worker_slice *slice)
{
    for (uint32_t i = to->count; to->is_merging && i-- > 0;) {
        struct worker_slice *last = &to->slices[i];
        if (last->worker != slice->worker) {
            continue;
        }
        if (last->codelet != slice->codelet) {
            break;
        }
        last->end_millislots = slice->end_millislots;
        last->vertices++;
        last->count += slice->count;
        last->hits += slice->hits;
        return;
    }
    if (to->count == to->room) {
        to->room = 2 * to->room + 64;
        to->slices = xrealloc(to->slices, to->room * sizeof *to->slices);
    }
    to->slices[to->count++] = *slice;
}

static void add_vertex(void *context, const struct vertex_visit *vertex)
{
    struct worker_slices *to = context;
    struct worker_slice slice = {.codelet = codelet_name(vertex->group->codelet),
                                 .vertices = 1,
                                 .count = vertex->count,
                                 .hits = vertex->hits};
    to->count_sum += vertex->count;
    to->hit_sum += vertex->hits;
    if (vertex->worker == VERTEX_ON_ALL_WORKERS) {
        slice.begin_millislots = to->multi_millislots;
        to->multi_millislots += vertex->millislots;
        slice.end_millislots = to->multi_millislots;
        for (slice.worker = 0; slice.worker < to->contexts; slice.worker++) {
            append_slice(to, &slice);
        }
        return;
    }
    slice.worker = vertex->worker;
    slice.begin_millislots = to->used_millislots[vertex->worker];
    to->used_millislots[vertex->worker] += vertex->millislots;
    slice.end_millislots = to->used_millislots[vertex->worker];
    append_slice(to, &slice);
}

static void count_vertex(void *context, const struct vertex_visit *vertex)
{
    struct worker_slices *to = context;
    to->vertices++;
    for (uint32_t i = 0; vertex->worker == VERTEX_ON_ALL_WORKERS && i < to->contexts; i++) {
        to->used_millislots[i] += vertex->millislots;
    }
}

static int compare_slices(const void *a, const void *b)
{
    const struct worker_slice *left = a;
    const struct worker_slice *right = b;
    if (left->worker != right->worker) {
        return left->worker < right->worker ? -1 : 1;
    }
    return (left->begin_millislots > right->begin_millislots) -
           (left->begin_millislots < right->begin_millislots);
}

// Walks the tile's vertices, a second time for their slices: vertices on all workers are drawn
// before the others, which begin when those have ended. (The model adds both; it knows no order
// between them.)
static struct worker_slices slices_of(const struct tracing *tracing, const struct compute_set *set,
                                      int64_t time_step, uint32_t tile)
{
    const struct observed_tiles *observed = tracing->observed;
    struct worker_slices out = {.contexts = tracing->machine->contexts};
    out.used_millislots = xcalloc(out.contexts, sizeof *out.used_millislots);
    const struct vertices_moment moment = {observed->records[0], time_step};
    struct vertices_visitor visitor = {tile, count_vertex, &out};
    vertices_visit(observed->chip, observed->program, set, &moment, &visitor);
    out.is_merging = out.vertices > MERGED_VERTICES || tracing->options->steps == TRACE_EVERY_STEP;
    visitor.visit = add_vertex;
    vertices_visit(observed->chip, observed->program, set, &moment, &visitor);
    if (out.count > 0) { // a tile without a vertex
        qsort(out.slices, out.count, sizeof *out.slices, compare_slices);
    }
    return out;
}

static void trace_workers(const struct tracing *tracing, const struct tile_tracks *tracks,
                          const struct worker_slices *slices, uint64_t begin_cycles)
{
    double cycles_per_millislot = (double)slices->contexts / MILLISLOTS_PER_SLOT;
    for (uint32_t i = 0; i < slices->count; i++) {
        const struct worker_slice *from = &slices->slices[i];
        double begin = (double)from->begin_millislots * cycles_per_millislot;
        double end = (double)from->end_millislots * cycles_per_millislot;
        const struct trace_slice slice = {
            .process = tracing->process,
            .track = tracks->workers[from->worker],
            .name = from->codelet,
            .category = "vertex",
            .begin_nanoseconds = nanoseconds_of(tracing, (double)begin_cycles + begin),
            .end_nanoseconds = nanoseconds_of(tracing, (double)begin_cycles + end),
            .values = {{"vertices", from->vertices}, {"count", from->count}, {"hits", from->hits}}};
        trace_add_slice(tracing->trace, &slice);
    }
}

static void trace_tile(struct tracing *tracing, const struct tile_tracks *tracks,
                       const struct anatomy_event *event)
{
    const struct observed_tiles *observed = tracing->observed;
    const struct anatomy_step *step = &tracing->machine->steps[event->step];
    const struct program_step *program_step = &observed->program->steps[step->program_step];
    const struct compute_set *set = &observed->program->compute_sets[program_step->index];
    struct worker_slices slices = slices_of(tracing, set, event->time_step, tracks->tile);
    uint64_t cycles =
        vertices_tile_cycles(observed->chip, observed->program, set, observed->records[0],
                             event->time_step, tracks->tile, tracing->scratch);
    uint64_t busiest_millislots = 0;
    for (uint32_t i = 0; i < slices.contexts; i++) {
        busiest_millislots = max_u64(busiest_millislots, slices.used_millislots[i]);
    }
    uint64_t worker_cycles = tile_worker_cycles(observed->chip, busiest_millislots);
    uint64_t begin_cycles = tracing->now_cycles + event->sync_cycles;
    struct trace_slice slice = {.name = step->name,
                                .category = "tile",
                                .values = {{"cycles", cycles},
                                           {"vertices", slices.vertices},
                                           {"count", slices.count_sum},
                                           {"hits", slices.hit_sum},
                                           {"launch_cycles", cycles - worker_cycles},
                                           {"waits_cycles", event->cycles - cycles}}};
    add_phase(tracing, tracks->own, &slice, begin_cycles, cycles);
    trace_workers(tracing, tracks, &slices, begin_cycles + cycles - worker_cycles);
    free(slices.slices);
    free(slices.used_millislots);
}

// --- turns of loops -----------------------------------------------------------------------------
static bool is_shown(const struct tracing *tracing, const struct anatomy_event *event)
{
    return tracing->seen[event->step] < tracing->options->steps;
}

// Events of one turn of a loop, of what is outside of loops, or of what is not shown.
struct stretch {
    uint32_t first, count;
    bool is_shown;
    uint64_t cycles, compute_cycles, exchange_cycles, sync_cycles, supersteps;
};

static struct stretch stretch_from(struct tracing *tracing, uint32_t first)
{
    const struct anatomy_machine *machine = tracing->machine;
    const struct anatomy_event *events = machine->events;
    struct stretch stretch = {.first = first, .is_shown = is_shown(tracing, &events[first])};
    const struct anatomy_step *begin = &machine->steps[events[first].step];
    for (uint32_t i = first; i < machine->event_count; i++) {
        const struct anatomy_step *step = &machine->steps[events[i].step];
        bool is_new_turn = i > first && events[i].step <= events[i - 1].step;
        if (step->loop != begin->loop || step->section != begin->section ||
            is_shown(tracing, &events[i]) != stretch.is_shown ||
            (stretch.is_shown && is_new_turn)) {
            break;
        }
        tracing->seen[events[i].step]++;
        stretch.count++;
        stretch.cycles += events[i].cycles + events[i].sync_cycles;
        stretch.sync_cycles += events[i].sync_cycles;
        stretch.compute_cycles += step->kind == ANATOMY_COMPUTE ? events[i].cycles : 0;
        stretch.exchange_cycles += step->kind == ANATOMY_EXCHANGE ? events[i].cycles : 0;
        stretch.supersteps += step->kind == ANATOMY_COMPUTE;
    }
    return stretch;
}

// NULL: a step of neither.
static const char *direction_of(const struct anatomy_machine *machine,
                                const struct anatomy_step *step)
{
    if (step->section > 0) {
        return machine->sections[step->section - 1].name;
    }
    if (step->loop == 0) {
        return NULL;
    }
    return machine->loops[step->loop - 1].stride < 0 ? "backward" : "forward";
}

static void trace_stretch(struct tracing *tracing, const struct stretch *stretch)
{
    const struct anatomy_machine *machine = tracing->machine;
    const struct anatomy_event *first = &machine->events[stretch->first];
    const char *direction = direction_of(machine, &machine->steps[first->step]);
    if (direction != NULL) {
        int64_t last = machine->events[stretch->first + stretch->count - 1].time_step;
        char *name = stretch->is_shown || first->time_step == last
                         ? xasprintf("%s, time step %lld", direction, (long long)last)
                         : xasprintf("%s, time steps %lld to %lld", direction,
                                     (long long)first->time_step, (long long)last);
        struct trace_slice slice = {.name = name,
                                    .category = stretch->is_shown ? "time step" : "aggregate",
                                    .values = {{"cycles", stretch->cycles},
                                               {"compute_cycles", stretch->compute_cycles},
                                               {"exchange_cycles", stretch->exchange_cycles},
                                               {"sync_cycles", stretch->sync_cycles},
                                               {"supersteps", stretch->supersteps}}};
        add_phase(tracing, tracing->chip, &slice, tracing->now_cycles, stretch->cycles);
        free(name);
    }
    for (uint32_t i = 0; i < stretch->count; i++) {
        const struct anatomy_event *event = &first[i];
        bool has_tiles = machine->steps[event->step].kind == ANATOMY_COMPUTE;
        if (stretch->is_shown) {
            trace_event(tracing, event);
        }
        for (uint32_t j = 0; stretch->is_shown && has_tiles && j < tracing->tile_count; j++) {
            trace_tile(tracing, &tracing->tiles[j], event);
        }
        tracing->now_cycles += event->cycles + event->sync_cycles;
    }
}

// --- the whole ----------------------------------------------------------------------------------
static void add_tile(struct tracing *tracing, uint32_t tile, const char *what)
{
    if (tile >= tracing->machine->tile_count) {
        return; // another machine of the run has it
    }
    for (uint32_t i = 0; i < tracing->tile_count; i++) {
        if (tracing->tiles[i].tile == tile) {
            return;
        }
    }
    struct tile_tracks *tracks = &tracing->tiles[tracing->tile_count++];
    *tracks = (struct tile_tracks){
        .tile = tile, .workers = xcalloc(tracing->machine->contexts, sizeof *tracks->workers)};
    char *name = xasprintf("tile %u%s", tile, what);
    tracks->own = trace_add_track(tracing->trace, name);
    free(name);
    for (uint32_t i = 0; i < tracing->machine->contexts; i++) {
        name = xasprintf("tile %u worker %u", tile, i);
        tracks->workers[i] = trace_add_track(tracing->trace, name);
        free(name);
    }
}

static void add_tracks(struct tracing *tracing)
{
    const struct trace_options *options = tracing->options;
    tracing->process = trace_add_process(tracing->trace, tracing->machine->name);
    tracing->chip = trace_add_track(tracing->trace, "chip");
    tracing->exchange = trace_add_track(tracing->trace, "exchange");
    tracing->host = trace_add_track(tracing->trace, "waiting for the host");
    if (tracing->machine->chips * tracing->machine->replicas > 1) {
        tracing->links = trace_add_track(tracing->trace, "links between chips");
    }
    if (tracing->machine->transfers.count > 0) {
        tracing->memory = trace_add_track(tracing->trace, "waiting for streaming memory");
        tracing->streams[0] = trace_add_track(tracing->trace, "to streaming memory");
        tracing->streams[1] = trace_add_track(tracing->trace, "from streaming memory");
    }
    tracing->tiles = xcalloc(options->tile_count + CHOSEN_TILES, sizeof *tracing->tiles);
    add_tile(tracing, tracing->machine->slowest_tile, " (busiest)");
    add_tile(tracing, tracing->machine->median_tile, " (median)");
    for (uint32_t i = 0; i < options->tile_count; i++) {
        add_tile(tracing, options->tiles[i], "");
    }
}

// All of them: there are few beside the supersteps.
static void trace_transfers(struct tracing *tracing)
{
    const struct anatomy_machine *machine = tracing->machine;
    for (uint32_t i = 0; i < machine->transfers.count; i++) {
        const struct anatomy_span *span = &machine->transfers.items[i];
        const struct anatomy_step *step = &machine->steps[span->what];
        const struct program_step *from = &tracing->observed->program->steps[step->program_step];
        uint64_t cycles = span->end_cycles - span->begin_cycles;
        struct trace_slice slice = {.name = step->name,
                                    .category = "transfer",
                                    .values = {{"cycles", cycles}, {"bytes", step->bytes}}};
        add_phase(tracing, tracing->streams[from->stream_direction == STREAM_IN], &slice,
                  span->begin_cycles, cycles);
    }
}

void anatomy_trace_tiles(const struct observed_tiles *observed,
                         const struct anatomy_machine *machine, const struct trace_options *options,
                         struct trace *trace)
{
    struct tracing tracing = {.observed = observed,
                              .machine = machine,
                              .options = options,
                              .trace = trace,
                              .seen = xcalloc(machine->step_count + 1, sizeof(uint64_t)),
                              .scratch = xcalloc(machine->contexts, sizeof(uint64_t))};
    add_tracks(&tracing);
    struct trace_slice whole = {.name = "training step",
                                .category = "training step",
                                .values = {{"cycles", anatomy_total_cycles(machine)},
                                           {"compute_cycles", machine->compute_cycles},
                                           {"exchange_cycles", machine->exchange_cycles},
                                           {"sync_cycles", machine->sync_cycles},
                                           {"host_cycles", machine->host_cycles},
                                           {"supersteps", machine->event_count}}};
    trace_transfers(&tracing);
    add_phase(&tracing, tracing.chip, &whole, 0, anatomy_total_cycles(machine));
    for (uint32_t i = 0; i < machine->event_count;) {
        struct stretch stretch = stretch_from(&tracing, i);
        trace_stretch(&tracing, &stretch);
        i += stretch.count;
    }
    for (uint32_t i = 0; i < tracing.tile_count; i++) {
        free(tracing.tiles[i].workers);
    }
    free(tracing.tiles);
    free(tracing.seen);
    free(tracing.scratch);
}

// --- GPU ----------------------------------------------------------------------------------------
struct gpu_tracing {
    const struct anatomy_gpu *gpu;
    struct trace *trace;
    uint32_t process, track;
    double now_seconds;
};

static void add_gpu_slice(struct gpu_tracing *tracing, const char *name, const char *category,
                          double seconds, const struct anatomy_kernel *kernel)
{
    if (seconds <= 0) {
        return;
    }
    struct trace_slice slice = {.process = tracing->process,
                                .track = tracing->track,
                                .name = name,
                                .category = category,
                                .begin_nanoseconds = seconds_to_nanoseconds(tracing->now_seconds)};
    tracing->now_seconds += seconds;
    slice.end_nanoseconds = seconds_to_nanoseconds(tracing->now_seconds);
    if (kernel != NULL) {
        slice.values[0] = (struct trace_value){"layer", kernel->layer};
        slice.values[1] =
            (struct trace_value){"launches_per_training_step", (uint64_t)kernel->launches};
    }
    trace_add_slice(tracing->trace, &slice);
}

// Kernels of a phase once, or, of those that run at every time step, one launch of each.
static void add_kernels(struct gpu_tracing *tracing, const char *phase, bool is_in_loop)
{
    for (uint32_t i = 0; i < tracing->gpu->kernel_count; i++) {
        const struct anatomy_kernel *kernel = &tracing->gpu->kernels[i];
        bool runs_in_loop = kernel->launches > 1 && tracing->gpu->time_steps > 1;
        if (strcmp(kernel->phase, phase) == 0 && runs_in_loop == is_in_loop) {
            double launches = is_in_loop ? kernel->launches : 1;
            add_gpu_slice(tracing, kernel->name, phase, kernel->seconds / launches, kernel);
        }
    }
}

static double loop_seconds_of(const struct anatomy_gpu *gpu, const char *phase)
{
    double seconds = 0;
    for (uint32_t i = 0; i < gpu->kernel_count; i++) {
        const struct anatomy_kernel *kernel = &gpu->kernels[i];
        if (strcmp(kernel->phase, phase) == 0 && kernel->launches > 1 && gpu->time_steps > 1) {
            seconds += kernel->seconds;
        }
    }
    return seconds;
}

// The framework's own time stands at the end of a time step, half of it in each direction.
static void add_direction(struct gpu_tracing *tracing, const char *phase, uint32_t shown)
{
    const struct anatomy_gpu *gpu = tracing->gpu;
    double loop_seconds = loop_seconds_of(gpu, phase);
    double turn_seconds = gpu->loop_seconds / 2 / gpu->time_steps;
    add_kernels(tracing, phase, false);
    if (loop_seconds == 0) {
        return;
    }
    for (uint32_t i = 0; i < gpu->time_steps && i < shown; i++) {
        add_kernels(tracing, phase, true);
        add_gpu_slice(tracing, "framework's loop", "loop", turn_seconds, NULL);
    }
    if (shown < gpu->time_steps) {
        uint32_t rest = gpu->time_steps - shown;
        char *name = xasprintf("%s, %u more time steps", phase, rest);
        add_gpu_slice(tracing, name, "aggregate",
                      rest * (loop_seconds / gpu->time_steps + turn_seconds), NULL);
        free(name);
    }
}

void anatomy_trace_gpu(const struct anatomy_gpu *gpu, const struct trace_options *options,
                       struct trace *trace)
{
    struct gpu_tracing tracing = {.gpu = gpu, .trace = trace};
    tracing.process = trace_add_process(trace, gpu->name);
    tracing.track = trace_add_track(trace, "kernels");
    add_gpu_slice(&tracing, "training step", "training step", gpu->step_seconds, NULL);
    tracing.now_seconds = 0;
    add_direction(&tracing, "forward", options->steps);
    add_direction(&tracing, "backward", options->steps);
    add_kernels(&tracing, "once", false);
    add_kernels(&tracing, "once", true);
    add_gpu_slice(&tracing, "grid syncs", "sync", gpu->sync_seconds, NULL);
    add_gpu_slice(&tracing, "waiting for the host", "host", gpu->host_seconds, NULL);
}

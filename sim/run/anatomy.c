// One replay, looked at superstep by superstep. The folded engine says what a superstep takes;
// sim/engine/vertices.h says for every tile why. A compute set that no record changes is looked at
// once, any other at every execution, or, of more than LOOKS_ALL, at LOOKS_OF_MORE evenly chosen
// ones at most, which stand for those before them. What the page shows of a set in detail is its
// execution in the middle (of n the one with index n / 2).
#include "sim/run/anatomy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/replay.h"
#include "sim/engine/vertices.h"
#include "sim/err.h"
#include "sim/units.h"
#include "tiles/sram.h"

#define VARIABLES_SHOWN 24u
// A look walks all vertices of all tiles: about half a millisecond.
#define LOOKS_ALL 250u
#define LOOKS_OF_MORE 50u

struct observation {
    const struct observed_tiles *observed;
    const struct machine_time *time;
    struct anatomy_machine *out;
    uint64_t *seen;          // owned; [step_count], executions so far
    uint64_t *unseen_cycles; // owned; [step_count], of executions that no tile was looked at in yet
    struct machine_leaves leaves; // count 0: the waits are known as sums alone
    uint64_t leave;               // the next one
    uint64_t now_cycles;          // before the event at hand
    uint32_t event_room;          // of out->events
    // owned scratch
    struct vertices_tile *tiles; // [tile_count]
    uint64_t *worker_millislots; // [tile_count][contexts]
    uint64_t *sorted_cycles;     // [tile_count]
    struct exchange_load *loads; // [tile_count]
};

// --- the program's steps ------------------------------------------------------------------------
static const char *phase_of(const struct program_step *step)
{
    static const char *const phases[] = {
        [STREAM_WHOLE] = "whole", [STREAM_START] = "start", [STREAM_WAIT] = "wait"};
    return step->kind == STEP_STREAM ? phases[step->stream_phase] : NULL;
}

static struct anatomy_step *add_step(struct anatomy_machine *out, const struct program_step *from,
                                     const struct machine_share *share)
{
    static const enum anatomy_kind kinds[] = {[STEP_COMPUTE] = ANATOMY_COMPUTE,
                                              [STEP_EXCHANGE] = ANATOMY_EXCHANGE,
                                              [STEP_HOST] = ANATOMY_HOST,
                                              [STEP_STREAM] = ANATOMY_STREAM,
                                              [STEP_ALL_REDUCE] = ANATOMY_ALL_REDUCE};
    struct anatomy_step *step = &out->steps[out->step_count++];
    const char *phase = phase_of(from);
    *step = (struct anatomy_step){.name = phase == NULL ? xstrdup(share->name)
                                                        : xasprintf("%s: %s", share->name, phase),
                                  .kind = kinds[from->kind],
                                  .phase = phase,
                                  .times = share->times,
                                  .least_cycles = UINT64_MAX,
                                  .bytes = from->host_bytes + from->chip_bytes};
    return step;
}

// Sections with their numbers; 0 of *of_step: the main part. Owned by the caller: [step_count].
static uint32_t *list_sections(const struct program *program, struct anatomy_machine *out)
{
    uint32_t *of_step = xcalloc(program->step_count + 1, sizeof *of_step);
    out->sections = xcalloc(program->section_count + 1, sizeof *out->sections);
    out->section_count = program->section_count;
    for (uint32_t i = 0; i < program->section_count; i++) {
        const struct program_section *section = &program->sections[i];
        out->sections[i] = (struct anatomy_section){.name = xstrdup(section->name),
                                                    .program_step = section->first_step};
        for (uint32_t j = 0; j < section->step_count; j++) {
            of_step[section->first_step + j] = i + 1;
        }
    }
    return of_step;
}

// The main part as loops and calls. times: of the loops around a step, multiplied.
static void list_call(struct anatomy_machine *out, const struct program_step *step, uint32_t depth,
                      uint64_t times)
{
    bool is_call = step->kind == STEP_CALL;
    out->calls[out->call_count++] = (struct anatomy_call){.depth = depth,
                                                          .section = is_call ? step->index + 1 : 0,
                                                          .count = step->loop_count,
                                                          .first = step->loop_first,
                                                          .stride = step->loop_stride};
    if (is_call) {
        out->sections[step->index].times += times * step->loop_count;
    }
}

// Of nested loops a step belongs to the innermost.
static void list_steps(struct observation *observation)
{
    const struct program *program = observation->observed->program;
    const struct machine_time *time = observation->time;
    struct anatomy_machine *out = observation->out;
    out->steps = xcalloc(time->share_count + 1, sizeof *out->steps);
    out->loops = xcalloc(program->step_count + 1, sizeof *out->loops);
    out->calls = xcalloc(program->step_count + 1, sizeof *out->calls);
    uint32_t *sections = list_sections(program, out);
    uint32_t around[SUPERSTEP_LOOPS_MAX + 1] = {0};
    uint64_t times[SUPERSTEP_LOOPS_MAX + 1] = {1};
    uint32_t depth = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        bool is_plan = program->section_count > 0 && i >= program->main_first;
        if (is_plan && (step->kind == STEP_CALL || step->kind == STEP_LOOP_BEGIN)) {
            list_call(out, step, depth, times[depth]);
        }
        if (step->kind == STEP_LOOP_BEGIN) {
            SIM_ASSERT(depth < SUPERSTEP_LOOPS_MAX, "too many loops nest");
            out->loops[out->loop_count] = (struct anatomy_loop){
                .count = step->loop_count, .first = step->loop_first, .stride = step->loop_stride};
            times[depth + 1] = times[depth] * step->loop_count;
            around[++depth] = ++out->loop_count;
        } else if (step->kind == STEP_LOOP_END) {
            depth--;
        } else if (superstep_takes_time(step)) {
            struct anatomy_step *added = add_step(out, step, &time->shares[out->step_count]);
            added->program_step = i;
            added->loop = around[depth];
            added->section = sections[i];
        }
    }
    free(sections);
}

// --- tiles of a compute set ---------------------------------------------------------------------
static int compare_cycles(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

struct slowest_tile {
    struct anatomy_tile_work *tile;
    uint32_t contexts;
};

static void add_work(void *context, const struct vertex_visit *vertex)
{
    const struct slowest_tile *slowest = context;
    struct anatomy_tile_work *tile = slowest->tile;
    const char *codelet = codelet_name(vertex->group->codelet);
    struct anatomy_work *work = NULL;
    for (uint32_t i = 0; i < tile->work_count && work == NULL; i++) {
        work = strcmp(tile->work[i].codelet, codelet) == 0 ? &tile->work[i] : NULL;
    }
    if (work == NULL) {
        tile->work = xrealloc(tile->work, (tile->work_count + 1) * sizeof *tile->work);
        work = &tile->work[tile->work_count++];
        *work = (struct anatomy_work){.codelet = codelet};
    }
    bool is_on_all = vertex->worker == VERTEX_ON_ALL_WORKERS;
    double slots = (double)vertex->millislots / MILLISLOTS_PER_SLOT;
    work->vertices++;
    work->count += vertex->count;
    work->hits += vertex->hits;
    work->slots += slots * (is_on_all ? slowest->contexts : 1);
    for (uint32_t i = 0; i < slowest->contexts; i++) {
        tile->worker_slots[i] += is_on_all || vertex->worker == i ? slots : 0;
    }
}

// Why the slowest tile takes what it takes: its vertices, and its cycles without any activity.
static void explain_slowest(const struct observation *observation, const struct compute_set *set,
                            int64_t time_step, struct anatomy_tile_work *tile)
{
    const struct observed_tiles *observed = observation->observed;
    const struct vertices_tile *slowest = &observation->tiles[tile->slowest_tile];
    uint32_t contexts = observed->chip->tile.contexts;
    tile->worker_slots = xcalloc(contexts, sizeof *tile->worker_slots);
    struct slowest_tile context = {tile, contexts};
    const struct vertices_moment moment = {observed->records[0], time_step};
    const struct vertices_visitor visitor = {tile->slowest_tile, add_work, &context};
    vertices_visit(observed->chip, observed->program, set, &moment, &visitor);
    uint64_t idle_cycles = vertices_tile_cycles(observed->chip, observed->program, set,
                                                observed->records[0], VERTICES_WITHOUT_ACTIVITY,
                                                tile->slowest_tile, observation->worker_millislots);
    tile->launch_cycles = slowest->fixed_cycles;
    tile->fixed_cycles = idle_cycles - slowest->fixed_cycles;
    tile->activity_cycles = slowest->cycles - idle_cycles;
}

// The tiles as vertices_all_tiles() left them, at the execution that is shown.
static void fill_tile_work(const struct observation *observation, const struct compute_set *set,
                           int64_t time_step, struct anatomy_tile_work *tile)
{
    uint32_t tile_count = observation->observed->program->tile_count;
    uint64_t sum_cycles = 0;
    uint64_t busy_millislots = 0;
    for (uint32_t i = 0; i < tile_count; i++) {
        const struct vertices_tile *each = &observation->tiles[i];
        tile->tiles += each->vertices > 0;
        sum_cycles += each->cycles;
        busy_millislots += each->busy_millislots;
        observation->sorted_cycles[i] = each->cycles;
        if (each->cycles > observation->tiles[tile->slowest_tile].cycles) {
            tile->slowest_tile = i;
        }
    }
    qsort(observation->sorted_cycles, tile_count, sizeof(uint64_t), compare_cycles);
    for (uint32_t i = 0; i < ANATOMY_QUANTILES; i++) {
        uint64_t place = (uint64_t)i * (tile_count - 1) / (ANATOMY_QUANTILES - 1);
        tile->tile_cycles[i] = observation->sorted_cycles[place];
    }
    const struct vertices_tile *slowest = &observation->tiles[tile->slowest_tile];
    double slots = (double)slowest->cycles; // a tile issues at most one slot a cycle
    tile->mean_cycles = (double)sum_cycles / tile_count;
    if (slowest->cycles > 0) {
        tile->slowest_occupancy = (double)slowest->busy_millislots / MILLISLOTS_PER_SLOT / slots;
        tile->mean_occupancy = (double)busy_millislots / MILLISLOTS_PER_SLOT / slots / tile_count;
    }
    explain_slowest(observation, set, time_step, tile);
}

// --- one superstep after the other --------------------------------------------------------------
static bool is_looked_at(const struct replay_event *event, const struct anatomy_step *step,
                         uint64_t execution)
{
    if (event->is_constant) {
        return execution == 0;
    }
    uint64_t stride = step->times <= LOOKS_ALL ? 1 : div_ceil(step->times, LOOKS_OF_MORE);
    return (execution + 1) % stride == 0 || execution + 1 == step->times;
}

// Of a set's cycles since the last look a tile has the part that it has of this execution's: all of
// them by themselves where every one is looked at.
static void add_busy(struct observation *observation, const struct replay_event *event,
                     const struct anatomy_step *step)
{
    uint64_t *unseen_cycles = &observation->unseen_cycles[event->superstep->share];
    uint64_t cycles = event->is_constant ? step->times * event->cycles : *unseen_cycles;
    *unseen_cycles = 0;
    for (uint32_t i = 0; event->cycles > 0 && i < observation->out->tile_count; i++) {
        observation->out->busy_cycles[i] +=
            (uint64_t)((unsigned __int128)observation->tiles[i].cycles * cycles / event->cycles);
    }
}

static void observe_tiles(struct observation *observation, const struct replay_event *event,
                          struct anatomy_step *step, uint64_t execution)
{
    const struct observed_tiles *observed = observation->observed;
    const struct program *program = observed->program;
    const struct compute_set *set = &program->compute_sets[event->superstep->step->index];
    bool is_shown = event->is_constant ? execution == 0 : execution == step->times / 2;
    bool is_counted = is_looked_at(event, step, execution);
    observation->unseen_cycles[event->superstep->share] += event->cycles;
    if (!is_shown && !is_counted) {
        return;
    }
    const struct vertices_moment moment = {observed->records[0], event->time_step};
    vertices_all_tiles(observed->chip, program, set, &moment, observation->tiles,
                       observation->worker_millislots);
    uint64_t slowest_cycles = 0;
    for (uint32_t i = 0; i < program->tile_count; i++) {
        slowest_cycles = max_u64(slowest_cycles, observation->tiles[i].cycles);
    }
    SIM_ASSERT(slowest_cycles == event->cycles,
               "%s, time step %lld: %llu cycles tile by tile, folded %llu", step->name,
               (long long)event->time_step, (unsigned long long)slowest_cycles,
               (unsigned long long)event->cycles);
    if (is_counted) {
        add_busy(observation, event, step);
    }
    if (is_shown) {
        fill_tile_work(observation, set, event->time_step, &step->tile);
    }
}

static void observe_ports(struct observation *observation, const struct replay_event *event,
                          struct anatomy_step *step)
{
    const struct observed_tiles *observed = observation->observed;
    const struct program *program = observed->program;
    const struct exchange_step *exchange = &program->exchanges[event->superstep->step->index];
    struct anatomy_port_work *port = &step->port;
    uint64_t busiest_cycles = 0;
    messages_all_tiles(observed->chip, program, exchange, observation->loads);
    for (uint32_t i = 0; i < program->tile_count; i++) {
        const struct exchange_load *load = &observation->loads[i];
        uint64_t cycles = max_u64(load->out_cycles, load->in_cycles);
        observation->out->port_cycles[i] += step->times * cycles;
        if (cycles > busiest_cycles) {
            busiest_cycles = cycles;
            *port = (struct anatomy_port_work){.busiest_tile = i,
                                               .out_cycles = load->out_cycles,
                                               .in_cycles = load->in_cycles,
                                               .sent_messages = load->sent_messages,
                                               .received_messages = load->received_messages};
        }
    }
    SIM_ASSERT(busiest_cycles <= event->cycles, "%s: its busiest port takes longer than itself",
               step->name);
    port->own_cycles = event->cycles;
    port->other_cycles = event->cycles - busiest_cycles;
}

// A chip that is no system's: transfers of one step share evenly what was waited for the host.
static uint64_t host_wait_cycles(const struct observation *observation, uint32_t share,
                                 uint64_t execution)
{
    const struct machine_share *host = &observation->time->shares[share];
    uint64_t all = (uint64_t)llround(host->cycles);
    return execution == 0 ? all - (host->times - 1) * (all / host->times) : all / host->times;
}

static void add_event(struct observation *observation, const struct anatomy_event *event)
{
    struct anatomy_machine *out = observation->out;
    if (out->event_count == observation->event_room) {
        observation->event_room = 2 * observation->event_room + 256;
        out->events = xrealloc(out->events, observation->event_room * sizeof *out->events);
    }
    out->events[out->event_count++] = *event;
}

// What the chips wait in a step that leaves them.
static uint64_t waited_cycles(struct observation *observation, const struct replay_event *event,
                              uint64_t execution, struct machine_leave *leave)
{
    if (observation->leaves.count == 0) {
        return host_wait_cycles(observation, event->superstep->share, execution);
    }
    SIM_ASSERT(observation->leave < observation->leaves.count, "more steps leave than were timed");
    *leave = observation->leaves.items[observation->leave++];
    return leave->waited_cycles;
}

static void add_wait(struct observation *observation, const struct anatomy_step *step,
                     uint64_t waited, uint64_t end_cycles)
{
    struct anatomy_machine *out = observation->out;
    const struct anatomy_span span = {0, end_cycles - waited, end_cycles};
    switch (step->kind) {
    case ANATOMY_HOST:
        out->host_cycles += waited;
        return;
    case ANATOMY_STREAM:
        out->memory_cycles += waited;
        anatomy_add_span(&out->memory_waits, &span);
        return;
    default:
        out->links_cycles += waited;
        anatomy_add_span(&out->links_waits, &span);
    }
}

// Adds the cycles of a step to its sums, and the step to the course of the training step.
static void add_to_step(struct observation *observation, const struct replay_event *event,
                        uint64_t execution, uint64_t cycles)
{
    struct anatomy_machine *out = observation->out;
    uint32_t share = event->superstep->share;
    struct anatomy_step *step = &out->steps[share];
    step->cycles += cycles;
    step->sync_cycles += event->sync_cycles;
    step->least_cycles = min_u64(step->least_cycles, cycles);
    step->most_cycles = max_u64(step->most_cycles, cycles);
    step->first_cycles = execution == 0 ? cycles : step->first_cycles;
    if (execution == step->times / 2) {
        step->middle_cycles = cycles;
        step->middle_time_step = event->time_step;
    }
    if (step->section > 0) {
        out->sections[step->section - 1].cycles += cycles + event->sync_cycles;
    }
    uint32_t what = step->section;
    if (what == 0 && step->loop > 0) {
        what = out->section_count + step->loop;
    }
    uint64_t end_cycles = observation->now_cycles + event->sync_cycles + cycles;
    anatomy_add_span(&out->stretches,
                     &(struct anatomy_span){what, observation->now_cycles, end_cycles});
    observation->now_cycles = end_cycles;
    add_event(observation, &(struct anatomy_event){.step = share,
                                                   .time_step = event->time_step,
                                                   .cycles = cycles,
                                                   .sync_cycles = event->sync_cycles});
}

static void observe(void *context, const struct replay_event *event)
{
    struct observation *observation = context;
    struct anatomy_machine *out = observation->out;
    uint32_t share = event->superstep->share;
    struct anatomy_step *step = &out->steps[share];
    uint64_t execution = observation->seen[share]++;
    uint64_t waited = 0;
    bool is_outside = step->kind != ANATOMY_COMPUTE && step->kind != ANATOMY_EXCHANGE;
    struct machine_leave leave = {0};
    if (is_outside || event->superstep->crosses) {
        waited = waited_cycles(observation, event, execution, &leave);
    }
    if (step->kind == ANATOMY_COMPUTE) {
        observe_tiles(observation, event, step, execution);
        out->compute_cycles += event->cycles;
    } else if (step->kind == ANATOMY_EXCHANGE) {
        if (execution == 0) {
            observe_ports(observation, event, step);
        }
        out->exchange_cycles += event->cycles;
    }
    anatomy_append_span(&out->transfers,
                        &(struct anatomy_span){share, leave.begin_cycles, leave.end_cycles});
    out->sync_cycles += event->sync_cycles;
    step->waited_cycles += waited;
    add_to_step(observation, event, execution, event->cycles + waited);
    add_wait(observation, step, waited, observation->now_cycles);
}

// --- memory -------------------------------------------------------------------------------------
static void fill_variables(struct anatomy_memory *memory, struct sram_tenants *tenants)
{
    memory->variable_count = (uint32_t)min_u64(tenants->count, VARIABLES_SHOWN);
    memory->variables = xcalloc(memory->variable_count + 1, sizeof *memory->variables);
    for (uint32_t i = 0; i < memory->variable_count; i++) {
        const struct sram_tenant *tenant = &tenants->tenants[i];
        memory->variables[i] = (struct anatomy_variable){.name = xstrdup(tenant->name),
                                                         .role = sram_role_name(tenant->role),
                                                         .bytes = tenant->bytes,
                                                         .first_step = tenant->first_step,
                                                         .last_step = tenant->last_step};
    }
}

static void add_memory(struct observation *observation, uint32_t tile, const char *what)
{
    const struct observed_tiles *observed = observation->observed;
    struct anatomy_machine *out = observation->out;
    for (uint32_t i = 0; i < out->memory_count; i++) {
        if (out->memories[i].tile == tile) {
            return;
        }
    }
    struct anatomy_memory *memory = &out->memories[out->memory_count++];
    memory->tile = tile;
    memory->what = what;
    memory->by_step = xcalloc((size_t)out->step_count * SRAM_ROLE_COUNT + 1, sizeof(uint64_t));
    struct sram_tenants tenants = sram_tenants_of(observed->program, observed->chip, tile);
    for (uint32_t i = 0; i < tenants.count; i++) {
        const struct sram_tenant *tenant = &tenants.tenants[i];
        for (uint32_t j = 0; j < out->step_count; j++) {
            uint32_t at = out->steps[j].program_step;
            if (tenant->first_step <= at && at <= tenant->last_step) {
                memory->by_step[(size_t)j * SRAM_ROLE_COUNT + tenant->role] += tenant->bytes;
            }
        }
    }
    fill_variables(memory, &tenants);
    free(tenants.tenants);
}

// --- the whole ----------------------------------------------------------------------------------
// The tile in the middle of those that compute at all, by busy cycles; ties: the lowest.
static void choose_tiles(struct observation *observation)
{
    struct anatomy_machine *out = observation->out;
    uint32_t used = 0;
    for (uint32_t i = 0; i < out->tile_count; i++) {
        if (out->busy_cycles[i] > out->busy_cycles[out->slowest_tile]) {
            out->slowest_tile = i;
        }
        if (out->busy_cycles[i] > 0) {
            observation->sorted_cycles[used++] = out->busy_cycles[i];
        }
    }
    qsort(observation->sorted_cycles, used, sizeof(uint64_t), compare_cycles);
    while (used > 0 && out->busy_cycles[out->median_tile] != observation->sorted_cycles[used / 2]) {
        out->median_tile++;
    }
}

static void fill_head(const struct observed_tiles *observed, struct anatomy_machine *out)
{
    out->name = xstrdup(observed->name);
    out->hardware = xstrdup(observed->chip->name);
    out->clock_hz = observed->chip->clock_hz;
    out->tile_count = observed->program->tile_count;
    out->contexts = observed->chip->tile.contexts;
    out->time_steps = observed->program->time_steps;
    out->chips = observed->program->chips;
    out->replicas = observed->replicas;
    out->has_own_samples = observed->record_count > 1;
    out->looks_all = LOOKS_ALL;
    out->looks_of_more = LOOKS_OF_MORE;
    out->busy_cycles = xcalloc(out->tile_count, sizeof(uint64_t));
    out->port_cycles = xcalloc(out->tile_count, sizeof(uint64_t));
    for (uint32_t i = 0; i < observed->chip->tile.region_count; i++) {
        out->sram_limit_bytes += observed->chip->tile.regions[i].bytes;
    }
    out->memories = xcalloc(3, sizeof *out->memories);
    out->role_count = SRAM_ROLE_COUNT;
    out->role_names = xcalloc(SRAM_ROLE_COUNT, sizeof *out->role_names);
    for (uint32_t i = 0; i < SRAM_ROLE_COUNT; i++) {
        out->role_names[i] = sram_role_name(i);
    }
}

static void check_sums(const struct observation *observation)
{
    const struct machine_time *time = observation->time;
    for (uint32_t i = 0; i < time->share_count; i++) {
        const struct anatomy_step *step = &observation->out->steps[i];
        SIM_ASSERT(step->cycles + step->sync_cycles == (uint64_t)llround(time->shares[i].cycles),
                   "%s: %llu cycles looked at, %.0f timed", step->name,
                   (unsigned long long)(step->cycles + step->sync_cycles), time->shares[i].cycles);
    }
}

static void run_observation(struct observation *observation)
{
    const struct observed_tiles *observed = observation->observed;
    uint32_t tile_count = observed->program->tile_count;
    uint32_t contexts = observed->chip->tile.contexts;
    observation->tiles = xcalloc(tile_count, sizeof *observation->tiles);
    observation->worker_millislots = xcalloc((size_t)tile_count * contexts, sizeof(uint64_t));
    observation->sorted_cycles = xcalloc(tile_count, sizeof(uint64_t));
    observation->loads = xcalloc(tile_count, sizeof *observation->loads);
    fill_head(observed, observation->out);
    list_steps(observation);
    observation->seen = xcalloc(observation->out->step_count + 1, sizeof(uint64_t));
    observation->unseen_cycles = xcalloc(observation->out->step_count + 1, sizeof(uint64_t));
    machine_observe(observed->machine, observed->records[0], observe, observation);
    check_sums(observation);
    choose_tiles(observation);
    add_memory(observation, observed->fullest_tile, "fullest tile");
    add_memory(observation, observation->out->slowest_tile, "slowest tile");
    add_memory(observation, observation->out->median_tile, "median tile");
    free(observation->tiles);
    free(observation->worker_millislots);
    free(observation->sorted_cycles);
    free(observation->loads);
    free(observation->seen);
    free(observation->unseen_cycles);
}

bool anatomy_observe_tiles(const struct observed_tiles *observed, struct anatomy *anatomy,
                           char **why)
{
    struct machine_time time;
    struct machine_leaves leaves;
    if (!machine_time_leaves(observed->machine, observed->records, observed->record_count, &time,
                             &leaves, why)) {
        return false;
    }
    struct observation observation = {
        .observed = observed, .time = &time, .leaves = leaves, .out = anatomy_add_machine(anatomy)};
    run_observation(&observation);
    free(leaves.items);
    machine_time_free(&time);
    return true;
}

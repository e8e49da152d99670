#include "sim/machine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange/exchange.h"
#include "sim/engine/all_reduce.h"
#include "sim/engine/child.h"
#include "sim/engine/engine.h"
#include "sim/engine/replay.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/units.h"
#include "tiles/codelets/codelets.h"

struct machine_clock {
    struct engine_process process;
};

struct machine {
    const struct chip_config *chip;
    const struct system_config *system;     // NULL: the chip alone
    const struct parallel_config *parallel; // of a system
    struct superstep_syncs syncs;
    const struct program *program;
    struct replay *replay; // owned
    uint32_t share_count;
    uint64_t *share_cycles;      // owned; scratch
    struct machine_clock *clock; // NULL: a child makes the timing runs
};

static struct machine *create(const struct chip_config *chip, const struct program *program,
                              const struct superstep_syncs *syncs)
{
    SIM_ASSERT(program->chip_tiles <= chip->tiles, "a program of %u tiles a chip for a chip of %u",
               program->chip_tiles, chip->tiles);
    program_verify(program);
    struct machine *machine = xcalloc(1, sizeof *machine);
    machine->chip = chip;
    machine->program = program;
    machine->syncs = *syncs;
    machine->replay = replay_create(chip, program, syncs);
    machine->share_count = superstep_count_shares(program);
    machine->share_cycles = xcalloc(machine->share_count, sizeof *machine->share_cycles);
    return machine;
}

struct machine *machine_create(const struct chip_config *chip, const struct program *program)
{
    static const struct superstep_syncs on_chip = {0};
    return create(chip, program, &on_chip);
}

struct machine *machine_create_on(const struct system_config *system,
                                  const struct parallel_config *parallel,
                                  const struct program *program)
{
    SIM_ASSERT(parallel->chips <= system->chips &&
                   program->chips <= parallel->chips / parallel->replicas &&
                   parallel->chips % parallel->replicas == 0,
               "%u replicas of a program on %u chips for %u of %u chips", parallel->replicas,
               program->chips, parallel->chips, system->chips);
    const struct superstep_syncs syncs = {
        .system = system,
        .crossing_cycles = system_sync_cycles(system, program->chips),
        .all_cycles = system_sync_cycles(system, parallel->chips)};
    struct machine *machine = create(system->chip, program, &syncs);
    machine->system = system;
    machine->parallel = parallel;
    return machine;
}

struct machine *machine_create_of(const struct machine_config *config,
                                  const struct program *program)
{
    return config->system == NULL ? machine_create(config->chip, program)
                                  : machine_create_on(config->system, &config->parallel, program);
}

void machine_destroy(struct machine *machine)
{
    if (machine == NULL) {
        return;
    }
    replay_destroy(machine->replay);
    free(machine->share_cycles);
    free(machine);
}

// --- a timing run -------------------------------------------------------------------------------
// What comes back from the child: totals, then the cycles of every share.
struct run_result {
    char stop[ENGINE_STOP_BYTES];
    struct superstep_cycles total;
    uint64_t share_cycles[];
};

struct run_request {
    struct machine *machine;
    const struct activity *const *records;
    uint32_t record_count;
    bool (*engine)(struct engine_job *job);
    struct machine_leaves *leaves; // NULL: not wanted; count is given
};

// They stand behind the cycles of the shares.
static struct engine_leave *leaves_of(const struct run_request *request, struct run_result *result)
{
    return (struct engine_leave *)(result->share_cycles + request->machine->share_count);
}

static void take_leaves(const struct run_request *request, struct run_result *result)
{
    struct machine_leaves *leaves = request->leaves;
    const struct engine_leave *from = leaves_of(request, result);
    leaves->items = xcalloc(leaves->count + 1, sizeof *leaves->items);
    for (uint64_t i = 0; i < leaves->count; i++) {
        leaves->items[i] =
            (struct machine_leave){from[i].waited_cycles, from[i].begin_cycles, from[i].end_cycles};
    }
}

static bool run_engine(void *context, void *result)
{
    const struct run_request *request = context;
    struct run_result *to = result;
    struct engine_process fresh = {.is_kept = false};
    bool is_kept = request->machine->clock != NULL && request->machine->system == NULL;
    struct engine_job job = {.process = is_kept ? &request->machine->clock->process : &fresh,
                             .chip = request->machine->chip,
                             .system = request->machine->system,
                             .parallel = request->machine->parallel,
                             .syncs = &request->machine->syncs,
                             .program = request->machine->program,
                             .replay = request->machine->replay,
                             .records = request->records,
                             .record_count = request->record_count,
                             .share_cycles = to->share_cycles,
                             .leaves = request->leaves == NULL ? NULL : leaves_of(request, to)};
    bool is_done = request->engine(&job);
    to->total = job.total;
    memcpy(to->stop, job.stop, sizeof to->stop);
    return is_done;
}

static const char *share_name(const struct program *program, const struct program_step *step)
{
    switch (step->kind) {
    case STEP_COMPUTE:
        return program->compute_sets[step->index].name;
    case STEP_EXCHANGE:
        return program->exchanges[step->index].name;
    case STEP_HOST:
        return step->host_direction == HOST_TO_CHIP ? "host to chip" : "chip to host";
    default:
        return step->name;
    }
}

static void fill_shares(const struct machine *machine, const uint64_t *share_cycles,
                        uint32_t record_count, struct machine_time *time)
{
    const struct program *program = machine->program;
    time->share_count = machine->share_count;
    time->shares = xcalloc(machine->share_count, sizeof *time->shares);
    uint32_t share = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const struct program_step *step = &program->steps[i];
        if (!superstep_takes_time(step)) {
            continue;
        }
        time->shares[share] = (struct machine_share){
            .name = share_name(program, step),
            .kind = step->kind,
            .times = replay_share_times(machine->replay)[share],
            .cycles = (double)share_cycles[share] / record_count,
        };
        share++;
    }
}

static void fill_time(const struct machine *machine, const struct run_result *result,
                      uint32_t record_count, struct machine_time *time)
{
    const struct superstep_cycles *total = &result->total;
    double records = record_count;
    time->compute_cycles = (double)total->compute / records;
    time->exchange_cycles = (double)total->exchange / records;
    time->sync_cycles = (double)total->sync / records;
    time->host_cycles = (double)total->host / records;
    time->link_cycles = (double)total->links / records;
    time->memory_cycles = (double)total->memory / records;
    time->cycles = (double)superstep_sum(total) / records;
    time->supersteps = total->supersteps / record_count;
    fill_shares(machine, result->share_cycles, record_count, time);
}

static void check_record(const struct program *program, const struct activity *record)
{
    if (record == NULL) {
        return;
    }
    SIM_ASSERT(record->layer_count == program->layer_count && record->batch == program->batch &&
                   record->time_steps == program->time_steps,
               "a record of %u layers, batch %u, %u time steps for a program of %u, %u, %u",
               record->layer_count, record->batch, record->time_steps, program->layer_count,
               program->batch, program->time_steps);
    for (uint32_t i = 0; i < record->layer_count; i++) {
        SIM_ASSERT(record->layers[i].neurons == program->neurons[i] &&
                       record->layers[i].slots == program->slots[i],
                   "layer %u of the record has %u neurons in %u slots, of the program %u in %u", i,
                   record->layers[i].neurons, record->layers[i].slots, program->neurons[i],
                   program->slots[i]);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool time_records(struct run_request *request, const char *what, struct machine_time *time,
                         char **why)
{
    const struct machine *machine = request->machine;
    *time = (struct machine_time){0};
    SIM_ASSERT(request->record_count > 0, "a timing run without a training step");
    bool replays_each = machine->system != NULL && machine->parallel->replays_each;
    uint32_t replicas = replays_each ? machine->parallel->replicas : 1;
    for (uint32_t i = 0; i < replicas * request->record_count; i++) {
        check_record(machine->program, request->records[i]);
    }
    if (machine->system != NULL && machine->clock != NULL &&
        !machine_clock_is_fresh(machine->clock)) { // a child would inherit the platform
        machine->clock->process.is_spent = true;
        *why = xasprintf("%s needs a fresh process", what);
        return false;
    }
    double begun_seconds = seconds_now();
    size_t bytes = sizeof(struct run_result) + machine->share_count * sizeof *machine->share_cycles;
    bytes += request->leaves == NULL ? 0 : request->leaves->count * sizeof(struct engine_leave);
    struct run_result *result = xcalloc(1, bytes);
    bool is_done = machine->clock != NULL && machine->system == NULL
                       ? child_run_here(run_engine, request, result, what, why)
                       : child_run(run_engine, request, result, bytes, what, why);
    if (is_done) {
        fill_time(machine, result, request->record_count, time);
        if (request->leaves != NULL) {
            take_leaves(request, result);
        }
    } else if (result->stop[0] != '\0') {
        char *longer = xasprintf("%s: %s", *why, result->stop);
        free(*why);
        *why = longer;
    }
    free(result);
    time->host_seconds = seconds_now() - begun_seconds;
    return is_done;
}

bool machine_time_folded(struct machine *machine, const struct activity *const *records,
                         uint32_t record_count, struct machine_time *time, char **why)
{
    struct run_request request = {machine, records, record_count,
                                  machine->system == NULL ? engine_run_folded : engine_run_system,
                                  NULL};
    return time_records(&request, "the folded timing run", time, why);
}

// At the most: exchanges that stay on their chips are counted too.
static uint64_t count_leaves(const struct machine *machine)
{
    const uint64_t *times = replay_share_times(machine->replay);
    uint64_t count = 0;
    uint32_t share = 0;
    for (uint32_t i = 0; i < machine->program->step_count; i++) {
        const struct program_step *step = &machine->program->steps[i];
        if (superstep_takes_time(step)) {
            count += step->kind == STEP_COMPUTE ? 0 : times[share];
            share++;
        }
    }
    return count;
}

bool machine_time_leaves(struct machine *machine, const struct activity *const *records,
                         uint32_t record_count, struct machine_time *time,
                         struct machine_leaves *leaves, char **why)
{
    *leaves = (struct machine_leaves){0};
    if (machine->system == NULL) {
        return machine_time_folded(machine, records, 1, time, why);
    }
    SIM_ASSERT(record_count == 1 || record_count == machine->parallel->replicas,
               "%u records of %u replicas", record_count, machine->parallel->replicas);
    leaves->count = count_leaves(machine);
    struct parallel_config parallel = *machine->parallel;
    parallel.replays_each = record_count > 1;
    struct machine observed = *machine;
    observed.parallel = &parallel;
    struct run_request request = {&observed, records, 1, engine_run_system, leaves};
    return time_records(&request, "the folded timing run", time, why);
}

bool machine_time_detailed(struct machine *machine, const struct activity *const *records,
                           uint32_t record_count, struct machine_time *time, char **why)
{
    struct run_request request = {
        machine, records, record_count,
        machine->system == NULL ? engine_run_detailed : engine_run_system_detailed, NULL};
    return time_records(&request, "the detailed timing run", time, why);
}

struct machine_clock *machine_clock_create(void)
{
    struct machine_clock *clock = xcalloc(1, sizeof *clock);
    clock->process.is_kept = true;
    return clock;
}

void machine_clock_destroy(struct machine_clock *clock)
{
    if (clock != NULL) {
        free(clock->process.shape);
        free(clock);
    }
}

bool machine_clock_is_fresh(const struct machine_clock *clock)
{
    return clock->process.shape == NULL && !clock->process.is_spent;
}

bool machine_clock_is_spent(const struct machine_clock *clock)
{
    return clock->process.is_spent;
}

void machine_time_here(struct machine *machine, struct machine_clock *clock)
{
    machine->clock = clock;
}

void machine_time_free(struct machine_time *time)
{
    free(time->shares);
    time->shares = NULL;
    time->share_count = 0;
}

// Shares are added where *time has them, as one that machine_time_folded filled has.
void machine_add_folded_cycles(struct machine *machine, const struct activity *record,
                               struct machine_time *time)
{
    bool has_shares = time->shares != NULL && time->share_count == machine->share_count;
    struct replay_run run = {.record = record};
    if (has_shares) {
        memset(machine->share_cycles, 0, machine->share_count * sizeof *machine->share_cycles);
        run.share_cycles = machine->share_cycles;
    }
    replay_once(machine->replay, &run);
    time->compute_cycles += (double)run.total.compute;
    time->exchange_cycles += (double)run.total.exchange;
    time->sync_cycles += (double)run.total.sync;
    time->cycles += (double)superstep_sum(&run.total);
    time->supersteps += run.total.supersteps;
    for (uint32_t i = 0; has_shares && i < machine->share_count; i++) {
        time->shares[i].cycles += (double)machine->share_cycles[i];
    }
}

static uint64_t estimate_wait(void *clock, const struct superstep *superstep, uint64_t cycles_since)
{
    (void)cycles_since;
    const struct machine *machine = clock;
    if (superstep->kind == SUPERSTEP_ALL_REDUCE && machine->system != NULL) {
        return all_reduce_estimate_cycles(machine->system, machine->parallel,
                                          machine->program->chips, superstep->step->chip_bytes);
    }
    uint64_t there_cycles =
        max_u64(superstep->first_cycles + superstep->words_cycles, superstep->least_cycles);
    bool is_waiting =
        superstep->kind == SUPERSTEP_EXCHANGE && there_cycles > superstep->exchange_cycles;
    return is_waiting ? there_cycles - superstep->exchange_cycles : 0;
}

uint64_t machine_estimate_cycles(struct machine *machine)
{
    struct replay_run run = {.leave = estimate_wait, .clock = machine};
    replay_once(machine->replay, &run);
    return superstep_sum(&run.total);
}

void machine_observe(struct machine *machine, const struct activity *record,
                     void (*observe)(void *context, const struct replay_event *event),
                     void *context)
{
    check_record(machine->program, record);
    replay_observe(machine->replay, record, observe, context);
}

// --- what lowerings may ask ---------------------------------------------------------------------
static uint64_t view_vertex_cycles(const void *context, enum codelet codelet,
                                   const uint32_t sizes[VERTEX_SIZES])
{
    return vertex_cycles_alone(codelet, sizes, context);
}

static uint64_t view_exchange_cycles(const void *context, uint64_t port_bytes)
{
    return exchange_estimate_cycles(context, port_bytes);
}

struct machine_view machine_view_of(const struct chip_config *chip)
{
    uint32_t bytes_per_tile = 0;
    for (uint32_t i = 0; i < chip->tile.region_count; i++) {
        bytes_per_tile += chip->tile.regions[i].bytes;
    }
    return (struct machine_view){
        .tiles = chip->tiles,
        .chips = 1,
        .replicas = 1,
        .contexts = chip->tile.contexts,
        .bytes_per_tile = bytes_per_tile,
        .has_matrix_unit =
            chip->matrix.float32_macs_per_cycle > 0 || chip->matrix.float16_macs_per_cycle > 0,
        .context = chip,
        .vertex_cycles = view_vertex_cycles,
        .exchange_cycles = view_exchange_cycles,
    };
}

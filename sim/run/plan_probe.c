// Convention: `graph` and `training` are those of one replica, whose program stands for all.
#include "sim/run/plan_probe.h"

#include <stdlib.h>
#include <string.h>

#include "sim/machine.h"
#include "sim/run/program_estimate.h"
#include "sim/units.h"
#include "tiles/sram.h"
#include "tiles/sram_tally.h"
#include "workloads/checkpoint/planner.h"

enum network_form plan_form(const struct machine_config *machine)
{
    return machine->lowering.kind == LOWERING_SPARSE ? FORM_SPARSE : FORM_DENSE;
}

struct machine_view plan_machine_view(const struct machine_config *machine)
{
    struct machine_view view = machine_view_of(machine->chip);
    if (machine->system != NULL) {
        view.replicas = machine->parallel.replicas;
        view.chips = machine->parallel.chips / machine->parallel.replicas;
        view.has_streaming = machine->system->streaming.bytes > 0;
        program_estimate_offer(machine, &view);
    }
    return view;
}

uint32_t plan_chips_sharing(const struct machine_config *machine, uint32_t program_chips,
                            uint32_t group_chips)
{
    uint32_t per_replica = machine->parallel.chips / machine->parallel.replicas;
    uint32_t most = 0, sharing = 0;
    for (uint32_t chip = 0; chip < machine->parallel.chips; chip++) {
        sharing = chip % group_chips == 0 ? 0 : sharing;
        sharing += chip % per_replica < program_chips ? 1 : 0;
        most = sharing > most ? sharing : most;
    }
    return most;
}

uint32_t plan_chips_sharing_memory(const struct machine_config *machine, uint32_t program_chips)
{
    return machine->system == NULL
               ? 1
               : plan_chips_sharing(machine, program_chips, machine->system->chips_per_machine);
}

void plan_place(const struct dense_placement *placement, struct lowering_config *lowering,
                struct machine_view *view)
{
    view->chips = placement->chips;
    lowering->layer_chips = placement->layer_chips;
}

struct plan_prober plan_prober_create(const struct machine_config *machine,
                                      const struct experiment *experiment)
{
    struct plan_prober prober = {
        .machine = machine, .training = experiment->training, .view = plan_machine_view(machine)};
    prober.training.batch /= prober.view.replicas;
    prober.graph = training_graph_create(&experiment->network, plan_form(machine),
                                         prober.training.batch, prober.training.time_steps);
    prober.limit_bytes = prober.view.bytes_per_tile;
    prober.remote_limit_bytes = machine->system == NULL ? 0 : machine->system->streaming.bytes;
    prober.lowering = machine->lowering;
    if (prober.graph->form == FORM_DENSE) {
        prober.placement_count = lower_dense_placements(
            &machine->lowering, &prober.view, prober.graph->layer_count, &prober.placements);
        plan_place(prober.placements, &prober.lowering, &prober.view);
    }
    return prober;
}

static void forget_probes(struct plan_prober *prober)
{
    for (uint32_t i = 0; i < prober->probe_count; i++) {
        free(prober->probes[i].why);
    }
    free(prober->probes);
    prober->probes = NULL;
    prober->probe_count = 0;
}

uint32_t plan_prober_placements(const struct plan_prober *prober)
{
    return (uint32_t)max_u64(prober->placement_count, 1);
}

void plan_prober_place(struct plan_prober *prober, uint32_t placement)
{
    SIM_ASSERT(placement < plan_prober_placements(prober), "placement %u", placement);
    if (placement == prober->placement) {
        return;
    }
    forget_probes(prober);
    memset(prober->weights, 0, sizeof prober->weights);
    memset(prober->stream_bytes, 0, sizeof prober->stream_bytes);
    prober->placement = placement;
    plan_place(&prober->placements[placement], &prober->lowering, &prober->view);
}

void plan_prober_free(struct plan_prober *prober)
{
    forget_probes(prober);
    free(prober->placements);
    training_graph_destroy(prober->graph);
    *prober = (struct plan_prober){0};
}

struct program *plan_prober_lower(const struct plan_prober *prober,
                                  const struct training_graph *graph,
                                  const struct checkpoint_config *config, char **why)
{
    struct training_config training = prober->training;
    training.checkpoints = *config;
    training.time_steps = graph->time_steps;
    return (graph->form == FORM_SPARSE ? lower_sparse : lower_dense)(
        graph, &training, &prober->lowering, &prober->view, why);
}

// --- streaming memory ---------------------------------------------------------------------------
uint64_t plan_stream_bytes(const struct program *program)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < program->step_count; i++) {
        if (program->steps[i].kind == STEP_STREAM) {
            bytes = max_u64(bytes, program->steps[i].chip_bytes);
        }
    }
    return bytes;
}

uint64_t plan_prober_stream_bytes(struct plan_prober *prober, bool is_history)
{
    uint64_t *bytes = &prober->stream_bytes[is_history];
    if (*bytes > 0 || prober->remote_limit_bytes == 0) {
        return *bytes;
    }
    struct training_graph *graph =
        training_graph_create(&prober->graph->config, prober->graph->form, prober->graph->batch, 4);
    struct checkpoint_config config = prober->training.checkpoints;
    config.kind = is_history ? CHECKPOINT_OFFLOAD : CHECKPOINT_SINGLE_REMOTE;
    config.remote = is_history ? 0 : 2;
    config.local = config.levels = 0;
    config.keeps_last = false;
    char *why = NULL;
    struct program *program = plan_prober_lower(prober, graph, &config, &why);
    free(why);
    *bytes = program == NULL ? 0 : plan_stream_bytes(program);
    prober->program_chips = program == NULL ? 1 : program->chips;
    program_destroy(program);
    training_graph_destroy(graph);
    return *bytes;
}

uint64_t plan_remote_bytes(const struct machine_config *machine, const struct program *program,
                           const struct checkpoint_config *config, uint32_t time_steps)
{
    struct planner_memory no_memory = {0};
    struct planner_costs no_costs = {0};
    uint64_t places = planner_size_of(config, time_steps, &no_memory, &no_costs).places;
    return places * plan_stream_bytes(program) * plan_chips_sharing_memory(machine, program->chips);
}

char *plan_remote_refusal(const struct machine_config *machine, const struct program *program,
                          const struct checkpoint_config *config, uint64_t remote_bytes)
{
    uint64_t limit_bytes = machine->system == NULL ? 0 : machine->system->streaming.bytes;
    if (remote_bytes <= limit_bytes) {
        return NULL;
    }
    char plan[128];
    planner_describe(config, plan, sizeof plan);
    uint32_t chips = plan_chips_sharing_memory(machine, program->chips);
    return xasprintf("%s needs %llu bytes of streaming memory for the %u chip%s of a machine, "
                     "which has %llu bytes",
                     plan, (unsigned long long)remote_bytes, chips, chips == 1 ? "" : "s",
                     (unsigned long long)limit_bytes);
}

// --- one plan -----------------------------------------------------------------------------------
static bool is_same(const struct checkpoint_config *a, const struct checkpoint_config *b)
{
    return a->kind == b->kind && a->local == b->local && a->remote == b->remote &&
           a->levels == b->levels && a->keeps_last == b->keeps_last;
}

static uint64_t fullest_bytes(const struct sram_plan *plan, const struct program *program)
{
    uint64_t bytes = 0;
    for (uint32_t tile = 0; tile < program->tile_count; tile++) {
        bytes = max_u64(bytes, plan->bytes_by_tile[tile]);
    }
    return bytes;
}

static void measure(const struct plan_prober *prober, const struct program *program,
                    struct plan_probe *probe)
{
    struct sram_plan *plan = sram_plan_create(program, prober->machine->chip);
    probe->sram_bytes = fullest_bytes(plan, program);
    probe->overflow_bytes = plan->overflow_bytes;
    probe->tile = plan->max_tile;
    probe->main_steps = program->step_count - program->main_first;
    probe->fits_sram = plan->fits;
    probe->remote_bytes =
        plan_remote_bytes(prober->machine, program, &probe->config, prober->training.time_steps);
    probe->why = plan->fits ? plan_remote_refusal(prober->machine, program, &probe->config,
                                                  probe->remote_bytes)
                            : xstrdup(plan->why);
    probe->fits = probe->why == NULL;
    sram_plan_destroy(plan);
}

// -1: it was not asked.
static int64_t find_probe(const struct plan_prober *prober, const struct checkpoint_config *config)
{
    for (uint32_t i = 0; i < prober->probe_count; i++) {
        if (is_same(&prober->probes[i].config, config)) {
            return i;
        }
    }
    return -1;
}

// Two levels are those of single, action by action.
static int64_t find_equal(const struct plan_prober *prober, const struct checkpoint_config *config)
{
    struct checkpoint_config single = *config;
    single.kind = CHECKPOINT_SINGLE;
    single.levels = 0;
    return config->kind == CHECKPOINT_NESTED && config->levels == 2 ? find_probe(prober, &single)
                                                                    : -1;
}

const struct plan_probe *plan_prober_ask(struct plan_prober *prober,
                                         const struct checkpoint_config *config)
{
    int64_t known = find_probe(prober, config), equal = find_equal(prober, config);
    if (known >= 0) {
        return &prober->probes[known];
    }
    prober->probes = xrealloc(prober->probes, (prober->probe_count + 1) * sizeof *prober->probes);
    struct plan_probe *probe = &prober->probes[prober->probe_count++];
    *probe = (struct plan_probe){0};
    if (equal >= 0) {
        *probe = prober->probes[equal];
        probe->why = probe->why == NULL ? NULL : xstrdup(probe->why);
        probe->config = *config;
        return probe;
    }
    probe->config = *config;
    struct program *program = plan_prober_lower(prober, prober->graph, config, &probe->why);
    probe->is_lowered = program != NULL;
    if (program != NULL) {
        measure(prober, program, probe);
        program_destroy(program);
    }
    return probe;
}

// Not the input, which is there for all time steps under every plan: so the lowerings name it.
static void drop_history(struct program *program)
{
    for (uint32_t i = 0; i < program->variable_count; i++) {
        struct variable *variable = &program->variables[i];
        bool is_input = strncmp(variable->name, "input", strlen("input")) == 0;
        if (variable->role == VARIABLE_HISTORY && !is_input) {
            variable->bytes_per_item = 0;
        }
    }
}

// What does not fit under this plan, even without states and history; NULL: nothing.
static char *lack_under(const struct plan_prober *prober, const struct checkpoint_config *config)
{
    char *why = NULL;
    struct program *program = plan_prober_lower(prober, prober->graph, config, &why);
    if (program == NULL) {
        return why;
    }
    drop_history(program);
    struct sram_plan *plan = sram_plan_create(program, prober->machine->chip);
    why = plan->fits ? NULL : xstrdup(plan->why);
    sram_plan_destroy(plan);
    program_destroy(program);
    return why;
}

// Of all plans but none, offload takes the fewest bytes beside states and history (sections,
// exchanges, input), and single of those that do not stream: these compute on I/O tiles as well.
char *plan_prober_lack(struct plan_prober *prober)
{
    struct checkpoint_config config = {.kind = CHECKPOINT_NONE,
                                       .state_bytes = prober->training.checkpoints.state_bytes};
    bool is_refused = prober->training.checkpoints.kind == CHECKPOINT_NONE;
    if (!is_refused && plan_prober_ask(prober, &config)->fits) {
        return NULL;
    }
    if (prober->remote_limit_bytes > 0) {
        config.kind = CHECKPOINT_OFFLOAD;
        char *why = lack_under(prober, &config);
        if (why == NULL || prober->machine->lowering.streaming != STREAMING_IO_TILES) {
            return why;
        }
        free(why);
    }
    config.kind = CHECKPOINT_SINGLE;
    config.local = 1; // unequal chunks take more steps of the control program
    return lack_under(prober, &config);
}

// --- what a state weighs ------------------------------------------------------------------------
#define WEIGHED_STEPS 128u // time steps
enum { FEW, SOME, MANY, WEIGHED };

// With s bytes of a slot and h of a time step's history: 2 slots and 64 histories, 4 and 32, 64 and
// 2.
static struct plan_weight solve(uint64_t *const bytes[WEIGHED], uint32_t tile_count)
{
    struct plan_weight weight = {.is_known = true};
    for (uint32_t tile = 0; tile < tile_count; tile++) {
        double few = (double)bytes[FEW][tile] - (double)bytes[SOME][tile];   // -2 s + 32 h
        double many = (double)bytes[MANY][tile] - (double)bytes[SOME][tile]; // 60 s - 30 h
        double slot = (many + 30.0 / 32 * few) / (60 - 60.0 / 32);
        double history = (few + 2 * slot) / 32;
        weight.slot_bytes = max_u64(weight.slot_bytes, slot > 0 ? (uint64_t)(slot + 0.5) : 0);
        weight.history_bytes =
            max_u64(weight.history_bytes, history > 0 ? (uint64_t)(history + 0.5) : 0);
    }
    return weight;
}

static struct plan_weight weigh(const struct plan_prober *prober, bool streams)
{
    static const uint32_t locals[WEIGHED] = {[FEW] = 2, [SOME] = 4, [MANY] = 64};
    struct training_graph *graph = training_graph_create(
        &prober->graph->config, prober->graph->form, prober->graph->batch, WEIGHED_STEPS);
    uint64_t *bytes[WEIGHED] = {NULL};
    uint32_t tile_count = 0;
    for (uint32_t i = 0; i < WEIGHED; i++) {
        struct checkpoint_config config = prober->training.checkpoints;
        config.kind = streams ? CHECKPOINT_DOUBLE : CHECKPOINT_SINGLE;
        config.remote = streams ? 1 : 0;
        config.local = locals[i];
        config.keeps_last = false;
        char *why = NULL;
        struct program *program = plan_prober_lower(prober, graph, &config, &why);
        free(why);
        if (program != NULL) {
            bytes[i] = sram_variable_bytes(program); // sizes add up, whatever else is there
            tile_count = program->tile_count;
        }
        program_destroy(program);
    }
    struct plan_weight weight = {0};
    if (bytes[FEW] != NULL && bytes[SOME] != NULL && bytes[MANY] != NULL) {
        weight = solve(bytes, tile_count);
    }
    for (uint32_t i = 0; i < WEIGHED; i++) {
        free(bytes[i]);
    }
    training_graph_destroy(graph);
    return weight;
}

struct plan_weight plan_prober_weigh(struct plan_prober *prober, bool streams)
{
    bool has_fewer_tiles = streams && prober->machine->lowering.streaming == STREAMING_IO_TILES;
    struct plan_weight *weight = &prober->weights[has_fewer_tiles];
    if (!weight->is_known) {
        *weight = weigh(prober, has_fewer_tiles);
    }
    return *weight;
}

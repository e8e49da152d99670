// One dense product C[m x n] = A[m x k] B[k x n] on a whole chip, split as the dense lowering
// splits its products (workloads/lower/matmul_split.h), and done in rounds where the moving operand
// does not fit at once. Operands lie where a planner would put them, every block spread over the
// tiles that share it, so that no word is rearranged; or (`in_place: false`) on other tiles. The
// blocks of the resident operand are sent once, if several tiles share them. A round sends those of
// the moving one, multiplies, sends partial sums of a block to the tiles that add them up, and
// adds.
// Which operand stays, in how many rounds and parts: the fastest by the planner's own estimate that
// fits.
#include <stdlib.h>

#include "sim/chip.h"
#include "sim/config/config_keys.h"
#include "sim/err.h"
#include "sim/experiment.h"
#include "sim/machine.h"
#include "sim/units.h"
#include "sim/workload/workload.h"
#include "workloads/lower/matmul_split.h"

#define PARTIAL_BYTES 4u // float32 sums
#define ROUNDS_MAX 4096u

struct matmul_workload {
    uint32_t m, n, k, type;
    bool is_in_place;
};

static const char *const matmul_types[] = {"float32", "float16", NULL};

#define MATMUL(...) KEY_NUMBER(KEY_UINT32, struct matmul_workload, __VA_ARGS__)
static const struct key matmul_keys[] = {
    MATMUL(m, 1, 1048576, "rows", "1024", "of A and C"),
    MATMUL(n, 1, 1048576, "columns", "1024", "of B and C"),
    MATMUL(k, 1, 1048576, "terms", "1024", "columns of A, rows of B"),
    KEY_CHOICE(struct matmul_workload, "type", type, matmul_types, "float32",
               "of A and B; sums are float32"),
    KEY_TRUTH(
        struct matmul_workload, "in_place", is_in_place, "true",
        "operands lie on tiles that use them; else all words of a block come from other tiles"),
    KEYS_END,
};

// --- the plan -----------------------------------------------------------------------------------
struct plan {
    struct matmul_problem problem; // of one round
    struct matmul_split split;
    uint32_t rounds;
    uint64_t cycles; // by the estimate, all rounds
    uint64_t bytes_per_tile;
};

// What lies on a tile: shares of all three matrices, and beside them what a round lands and sums.
static uint64_t tile_bytes(const struct plan *plan, uint64_t rows)
{
    const struct matmul_problem *problem = &plan->problem;
    uint64_t tiles = matmul_split_tiles(&plan->split);
    uint64_t moving = div_ceil(rows * problem->in * problem->element_bytes, tiles);
    uint64_t result = div_ceil(rows * problem->out * problem->element_bytes, tiles);
    return moving + result + plan->split.resident_bytes + plan->split.moving_bytes;
}

// problem.rows: of the whole product.
static struct plan plan_rounds(struct matmul_problem problem, uint32_t rounds, bool is_in_place,
                               const struct machine_view *view)
{
    uint64_t rows = problem.rows;
    struct plan plan = {.problem = problem};
    plan.problem.rows = (uint32_t)div_ceil(rows, rounds);
    plan.rounds = (uint32_t)div_ceil(rows, plan.problem.rows);
    plan.split = matmul_split_choose(&plan.problem, view);
    plan.cycles = plan.rounds * matmul_split_cycles(&plan.split);
    if (plan.split.parts_m > 1 || !is_in_place) { // blocks of the resident operand
        plan.cycles += view->exchange_cycles(view->context, plan.split.resident_bytes);
    }
    plan.bytes_per_tile = tile_bytes(&plan, rows);
    return plan;
}

static bool is_better(const struct plan *plan, const struct plan *best,
                      const struct machine_view *view)
{
    bool plan_fits = plan->bytes_per_tile <= view->bytes_per_tile;
    if (plan_fits != (best->bytes_per_tile <= view->bytes_per_tile)) {
        return plan_fits;
    }
    return plan_fits ? plan->cycles < best->cycles : plan->bytes_per_tile < best->bytes_per_tile;
}

static struct plan choose_plan(const struct matmul_workload *workload,
                               const struct machine_view *view)
{
    uint32_t element_bytes = workload->type == 0 ? 4 : 2;
    const struct matmul_problem problems[2] = {
        {workload->m, workload->k, workload->n, element_bytes, view->tiles, RESIDENT_WEIGHTS},
        {workload->n, workload->k, workload->m, element_bytes, view->tiles, RESIDENT_WEIGHTS},
    };
    struct plan best = plan_rounds(problems[0], 1, workload->is_in_place, view);
    for (uint32_t i = 0; i < 2; i++) {
        const struct matmul_problem *problem = &problems[i];
        // rounds in steps of about a third
        for (uint32_t rounds = 1; rounds <= problem->rows && rounds <= ROUNDS_MAX;
             rounds += rounds / 3 + 1) {
            struct plan plan = plan_rounds(*problem, rounds, workload->is_in_place, view);
            if (is_better(&plan, &best, view)) {
                best = plan;
            }
        }
    }
    return best;
}

// --- the program --------------------------------------------------------------------------------
// Part (m, k, n) of a round lies on tile (m * parts_k + k) * parts_n + n: neighbours, which share a
// bus, hear the same block of the moving operand.
// Block i of an operand, spread over `sharers` tiles that all need it, or over those of a block
// half the chip away if operands are not in place. is_strided: sharers are `blocks` tiles apart,
// else neighbours.
struct operand {
    uint32_t blocks, sharers;
    bool is_strided, is_in_place;
    uint64_t block_bytes;
};

static struct tile_map operand_tiles(const struct operand *operand, uint32_t block)
{
    if (!operand->is_strided) {
        return tile_map_range(block * operand->sharers, operand->sharers);
    }
    return (struct tile_map){.first = block,
                             .positions = operand->sharers,
                             .span = operand->sharers * operand->blocks,
                             .is_spread = true};
}

static void add_operand(struct program *program, const char *name, const struct operand *operand)
{
    if (operand->sharers < 2 && operand->is_in_place) {
        return;
    }
    program_begin_exchange(program, name);
    uint32_t away = operand->is_in_place ? 0 : operand->blocks / 2;
    for (uint32_t block = 0; block < operand->blocks; block++) {
        uint32_t from = (block + away) % operand->blocks;
        program_add_flow(program,
                         &(struct flow){.kind = FLOW_BROADCAST,
                                        .source = operand_tiles(operand, from),
                                        .destination = operand_tiles(operand, block),
                                        .source_count = operand->sharers,
                                        .destination_count = operand->sharers,
                                        .bytes = div_ceil(operand->block_bytes, operand->sharers)});
    }
}

static void add_resident(struct program *program, const struct plan *plan, bool is_in_place)
{
    const struct matmul_split *split = &plan->split;
    add_operand(program, "resident operand",
                &(struct operand){.blocks = split->parts_k * split->parts_n,
                                  .sharers = split->parts_m,
                                  .is_strided = true,
                                  .is_in_place = is_in_place,
                                  .block_bytes = split->resident_bytes});
}

static void add_moving(struct program *program, const struct plan *plan, bool is_in_place)
{
    const struct matmul_split *split = &plan->split;
    add_operand(program, "moving operand",
                &(struct operand){.blocks = split->parts_m * split->parts_k,
                                  .sharers = split->parts_n,
                                  .is_in_place = is_in_place,
                                  .block_bytes = (uint64_t)split->rows * split->in *
                                                 plan->problem.element_bytes});
}

static void add_products(struct program *program, const struct plan *plan)
{
    const struct matmul_split *split = &plan->split;
    uint32_t tiles = matmul_split_tiles(split);
    program_begin_compute(program, "products");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_matmul_partial,
                                                      .dealing = DEAL_EVEN,
                                                      .place = tile_map_range(0, tiles),
                                                      .items = tiles,
                                                      .sizes = {split->rows, split->in, split->out,
                                                                plan->problem.element_bytes},
                                                      .vertices = tiles});
}

// Every tile of the parts_k that have sums of the same block adds up a share of it.
static void add_sums(struct program *program, const struct plan *plan)
{
    const struct matmul_split *split = &plan->split;
    if (split->parts_k < 2) {
        return;
    }
    uint32_t outputs = matmul_split_outputs(split);
    uint32_t tiles = matmul_split_tiles(split);
    program_begin_exchange(program, "partial sums");
    for (uint32_t m = 0; m < split->parts_m; m++) {
        for (uint32_t n = 0; n < split->parts_n; n++) {
            struct tile_map group = {.first = m * split->parts_k * split->parts_n + n,
                                     .positions = split->parts_k,
                                     .span = split->parts_k * split->parts_n,
                                     .is_spread = true};
            program_add_flow(program, &(struct flow){.kind = FLOW_ALL_TO_ALL,
                                                     .source = group,
                                                     .destination = group,
                                                     .source_count = split->parts_k,
                                                     .destination_count = split->parts_k,
                                                     .bytes = (uint64_t)outputs * PARTIAL_BYTES});
        }
    }
    program_begin_compute(program, "sums");
    program_add_group(program, &(struct vertex_group){.codelet = CODELET_reduce_add,
                                                      .dealing = DEAL_EVEN,
                                                      .place = tile_map_range(0, tiles),
                                                      .items = tiles,
                                                      .sizes = {split->parts_k, outputs},
                                                      .vertices = tiles});
}

static struct program *make_program(const struct plan *plan, bool is_in_place)
{
    const uint32_t one = 1;
    struct program *program =
        program_create("matmul", matmul_split_tiles(&plan->split), 1, 1, 1, &one, &one);
    add_resident(program, plan, is_in_place);
    program_begin_loop(program, plan->rounds, 0, 0);
    add_moving(program, plan, is_in_place);
    add_products(program, plan);
    add_sums(program, plan);
    program_end_loop(program);
    return program;
}

// --- the run ------------------------------------------------------------------------------------
static void add_quantities(const struct matmul_workload *workload, const struct plan *plan,
                           const struct machine_time *time, double clock_hz,
                           struct workload_result *result)
{
    double seconds = cycles_to_seconds(time->cycles, clock_hz);
    double flop = 2.0 * workload->m * workload->n * workload->k;
    workload_add_quantity(result, "cycles", "cycles", time->cycles);
    workload_add_quantity(result, "seconds", "seconds", seconds);
    workload_add_quantity(result, "flop_per_second", "FLOP/s", flop / seconds);
    workload_add_quantity(result, "compute_share", "", time->compute_cycles / time->cycles);
    workload_add_quantity(result, "exchange_share", "", time->exchange_cycles / time->cycles);
    workload_add_quantity(result, "sync_share", "", time->sync_cycles / time->cycles);
    workload_add_quantity(result, "rounds", "", plan->rounds);
    workload_add_quantity(result, "row_parts", "", plan->split.parts_m);
    workload_add_quantity(result, "term_parts", "", plan->split.parts_k);
    workload_add_quantity(result, "column_parts", "", plan->split.parts_n);
    workload_add_quantity(result, "bytes_per_tile", "bytes", (double)plan->bytes_per_tile);
}

static bool run_matmul(const void *config, const struct machine_config *machine,
                       struct workload_result *result, char **why)
{
    const struct matmul_workload *workload = config;
    struct machine_view view = machine_view_of(machine->chip);
    struct plan plan = choose_plan(workload, &view);
    if (plan.bytes_per_tile > view.bytes_per_tile) {
        *why = xasprintf("the operands need %llu bytes a tile of %u",
                         (unsigned long long)plan.bytes_per_tile, view.bytes_per_tile);
        return false;
    }
    struct program *program = make_program(&plan, workload->is_in_place);
    struct machine_time time = {0};
    workload_time(result, machine->chip, program, NULL, &time);
    add_quantities(workload, &plan, &time, machine->chip->clock_hz, result);
    program_destroy(program);
    return true;
}

const struct workload_kind workload_matmul = {
    .name = "matmul",
    .doc = "one dense product on a whole chip",
    .keys = matmul_keys,
    .config_bytes = sizeof(struct matmul_workload),
    .run = run_matmul,
};

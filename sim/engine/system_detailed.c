// The detailed way through a system: every tile is an actor on its chip that runs its own vertices
// and moves its own messages. Tiles and chips of a replica meet before an exchange, when its loads
// are counted, and after every phase; the chips take the steps that leave them as in the folded
// way, but never from what they took before.
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <stdlib.h>

#include "exchange/crossing.h"
#include "exchange/exchange.h"
#include "sim/engine/system_run.h"
#include "sim/engine/vertices.h"
#include "sim/err.h"
#include "sim/units.h"

static void sleep_cycles(uint64_t cycles)
{
    if (cycles > 0) {
        sg_actor_sleep_for((double)cycles);
    }
}

// --- a tile -------------------------------------------------------------------------------------
struct walking_tile {
    struct system_tile *tile;
    const struct activity *record;
};

static void tile_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    struct walking_tile *walking = context;
    struct system_tile *tile = walking->tile;
    const struct engine_job *job = tile->run->job;
    sleep_cycles(superstep->sync_cycles);
    sleep_cycles(vertices_tile_cycles(
        job->chip, job->program, &job->program->compute_sets[superstep->step->index],
        walking->record, time_step, tile->number, tile->worker_millislots));
    sg_barrier_wait(tile->replica->tiles_barrier);
}

static const struct exchange_load *load_of(const struct system_tile *tile, uint32_t index)
{
    struct exchange_load **loads = &tile->run->loads[index];
    if (*loads == NULL) {
        const struct engine_job *job = tile->run->job;
        *loads = xcalloc(job->program->tile_count, sizeof **loads);
        messages_all_tiles(job->chip, job->program, &job->program->exchanges[index], *loads);
    }
    return &(*loads)[tile->number];
}

static void tile_exchange(void *context, const struct superstep *superstep)
{
    struct system_tile *tile = ((struct walking_tile *)context)->tile;
    const struct exchange_load *own = load_of(tile, superstep->step->index);
    struct exchange_load *all = &tile->replica->loads[tile->exchanges++ % 2];
    all->out_cycles = max_u64(all->out_cycles, own->out_cycles);
    all->in_cycles = max_u64(all->in_cycles, own->in_cycles);
    all->sent_messages = max_u64(all->sent_messages, own->sent_messages);
    all->received_messages = max_u64(all->received_messages, own->received_messages);
    all->latency_millicycles = max_u64(all->latency_millicycles, own->latency_millicycles);
    sg_barrier_wait(tile->replica->tiles_barrier);
    sleep_cycles(superstep->sync_cycles);
    sleep_cycles(max_u64(own->out_cycles, own->in_cycles)); // both ports work at once
    sg_barrier_wait(tile->replica->tiles_barrier);
}

static void tile_waits(void *context, const struct superstep *superstep)
{
    (void)superstep;
    sg_barrier_wait(((struct walking_tile *)context)->tile->replica->tiles_barrier);
}

void system_tile_run(struct system_tile *tile)
{
    static const struct superstep_actions actions = {.compute = tile_compute,
                                                     .exchange = tile_exchange,
                                                     .host = tile_waits,
                                                     .stream = tile_waits,
                                                     .all_reduce = tile_waits};
    struct system_run *run = tile->run;
    for (uint32_t i = 0; i < system_replays(run); i++) {
        struct walking_tile walking = {tile, system_record(run, tile->replica_number, i)};
        superstep_run(&run->supersteps, &actions, &walking);
    }
}

// --- a chip -------------------------------------------------------------------------------------
struct walking_chip {
    struct system_chip *chip;
    bool is_counted;
};

static void account(const struct walking_chip *walking, const struct superstep *superstep,
                    uint64_t *part, uint64_t cycles)
{
    if (walking->is_counted) {
        *part += cycles;
        walking->chip->replica->share_cycles[superstep->share] += cycles;
    }
}

static void meet_tiles(struct system_chip *chip)
{
    sg_barrier_wait(chip->replica->tiles_barrier);
}

static void chip_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    (void)time_step;
    struct walking_chip *walking = context;
    struct system_chip *chip = walking->chip;
    struct superstep_cycles *total = &chip->replica->total;
    meet_tiles(chip);
    uint64_t now_cycles = (uint64_t)(simgrid_get_clock() + 0.5); // all sleeps are whole cycles
    uint64_t passed = now_cycles - chip->now_cycles;
    chip->now_cycles = now_cycles;
    account(walking, superstep, &total->sync, superstep->sync_cycles);
    account(walking, superstep, &total->compute, passed - superstep->sync_cycles);
    total->supersteps += walking->is_counted;
}

// What the tiles have counted together becomes the cycles of the exchange.
static struct superstep measured(struct system_chip *chip, const struct superstep *superstep)
{
    const struct engine_job *job = chip->run->job;
    const struct exchange_config *config = &job->chip->exchange;
    const struct fabric *fabric = exchange_fabric(config->fabric);
    struct superstep exchange = *superstep;
    struct exchange_load load = chip->replica->loads[chip->exchanges % 2];
    exchange.exchange_cycles = fabric->cycles(config, &load);
    load.out_cycles = load.in_cycles = 0;
    exchange.first_cycles = fabric->cycles(config, &load);
    if (superstep->crosses) {
        const struct crossing crossing = crossing_measure(
            job->system, job->program, &job->program->exchanges[superstep->step->index]);
        exchange.first_cycles += crossing.start_cycles;
        exchange.least_cycles = exchange.first_cycles + crossing.least_cycles;
    }
    return exchange;
}

static void chip_exchange(void *context, const struct superstep *superstep)
{
    struct walking_chip *walking = context;
    struct system_chip *chip = walking->chip;
    struct superstep_cycles *total = &chip->replica->total;
    meet_tiles(chip);
    const struct superstep exchange = measured(chip, superstep);
    chip->exchanges++;
    // nobody looks at it between the meeting before an exchange and the one behind it
    chip->replica->loads[chip->exchanges % 2] = (struct exchange_load){0};
    uint64_t waited = 0;
    if (superstep->crosses) {
        waited = system_chip_take(chip, &exchange);
    } else {
        chip->now_cycles += exchange.sync_cycles + exchange.exchange_cycles;
    }
    system_chip_sleep(chip);
    meet_tiles(chip);
    account(walking, superstep, &total->sync, exchange.sync_cycles);
    account(walking, superstep, &total->exchange, exchange.exchange_cycles);
    account(walking, superstep, &total->links, waited);
}

static void chip_leaves(void *context, const struct superstep *superstep)
{
    struct walking_chip *walking = context;
    struct system_chip *chip = walking->chip;
    struct superstep_cycles *total = &chip->replica->total;
    uint64_t waited = system_chip_take(chip, superstep);
    system_chip_sleep(chip);
    meet_tiles(chip);
    account(walking, superstep, &total->sync, superstep->sync_cycles);
    account(walking, superstep, superstep_wait(total, superstep->kind), waited);
}

void system_chip_walk(struct system_chip *chip, bool is_measured)
{
    static const struct superstep_actions actions = {.compute = chip_compute,
                                                     .exchange = chip_exchange,
                                                     .host = chip_leaves,
                                                     .stream = chip_leaves,
                                                     .all_reduce = chip_leaves};
    struct walking_chip walking = {chip, is_measured && chip->rank == 0};
    superstep_run(&chip->run->supersteps, &actions, &walking);
}

// --- all of them --------------------------------------------------------------------------------
static void open_tile(struct system_run *run, struct system_tile *tile, uint32_t replica,
                      uint32_t number)
{
    const struct engine_job *job = run->job;
    *tile = (struct system_tile){.run = run,
                                 .replica = &run->all_replicas[replica],
                                 .replica_number = replica,
                                 .number = number};
    tile->worker_millislots = xcalloc(job->chip->tile.contexts, sizeof *tile->worker_millislots);
}

void system_tiles_open(struct system_run *run)
{
    const struct engine_job *job = run->job;
    uint32_t count = job->program->tile_count;
    run->supersteps = superstep_list_create_over(job->program, job->chip, job->syncs);
    run->loads = xcalloc(job->program->exchange_count, sizeof *run->loads);
    run->tile_count = run->replicas * count;
    run->tiles = xcalloc(run->tile_count, sizeof *run->tiles);
    for (uint32_t i = 0; i < run->replicas; i++) {
        run->all_replicas[i].tiles_barrier = sg_barrier_init(count + run->replica_chips);
    }
    for (uint32_t i = 0; i < run->tile_count; i++) {
        open_tile(run, &run->tiles[i], i / count, i % count);
    }
}

void system_tiles_close(struct system_run *run)
{
    for (uint32_t i = 0; i < run->tile_count; i++) {
        free(run->tiles[i].worker_millislots);
    }
    for (uint32_t i = 0; run->loads != NULL && i < run->job->program->exchange_count; i++) {
        free(run->loads[i]);
    }
    free(run->tiles);
    free(run->loads);
    superstep_list_free(&run->supersteps);
}

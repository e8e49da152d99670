// The detailed engine: every tile is an actor that runs its own vertices and moves its own
// messages, and meets the others at a barrier after each phase. One more actor is the chip: it
// meets the same barriers, reads the clock there, adds what an exchange takes beside its words, and
// talks to the host.
#include <simgrid/actor.h>
#include <simgrid/barrier.h>
#include <simgrid/engine.h>
#include <stdio.h>
#include <stdlib.h>

#include "exchange/exchange.h"
#include "sim/engine/engine.h"
#include "sim/engine/engine_clock.h"
#include "sim/engine/vertices.h"
#include "sim/err.h"
#include "sim/units.h"

struct detailed_chip {
    struct engine *engine;
    struct engine_job *job;
    struct superstep_list supersteps;
    sg_bar_t barrier;             // tiles and chip
    struct exchange_load load;    // of the exchange at hand: maxima over tiles that have spoken
    struct exchange_load **loads; // owned; [exchange_count][tile_count], counted when first needed
    uint64_t now_cycles;
    bool is_measured; // this replay counts
};

struct tile {
    struct detailed_chip *chip;
    uint32_t number;
    const struct activity *record;
    uint64_t *worker_millislots; // owned; scratch
};

static void sleep_cycles(uint64_t cycles)
{
    if (cycles > 0) {
        sg_actor_sleep_for((double)cycles);
    }
}

// --- a tile -------------------------------------------------------------------------------------
static void tile_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    struct tile *tile = context;
    const struct engine_job *job = tile->chip->job;
    const struct compute_set *set = &job->program->compute_sets[superstep->step->index];
    sleep_cycles(superstep->sync_cycles);
    sleep_cycles(vertices_tile_cycles(job->chip, job->program, set, tile->record, time_step,
                                      tile->number, tile->worker_millislots));
    sg_barrier_wait(tile->chip->barrier);
}

static const struct exchange_load *load_of(const struct tile *tile, uint32_t index)
{
    struct exchange_load **loads = &tile->chip->loads[index];
    if (*loads == NULL) {
        const struct engine_job *job = tile->chip->job;
        *loads = xcalloc(job->program->tile_count, sizeof **loads);
        messages_all_tiles(job->chip, job->program, &job->program->exchanges[index], *loads);
    }
    return &(*loads)[tile->number];
}

static void tile_exchange(void *context, const struct superstep *superstep)
{
    struct tile *tile = context;
    const struct exchange_load *own = load_of(tile, superstep->step->index);
    struct exchange_load *all = &tile->chip->load;
    all->out_cycles = max_u64(all->out_cycles, own->out_cycles);
    all->in_cycles = max_u64(all->in_cycles, own->in_cycles);
    all->sent_messages = max_u64(all->sent_messages, own->sent_messages);
    all->received_messages = max_u64(all->received_messages, own->received_messages);
    all->latency_millicycles = max_u64(all->latency_millicycles, own->latency_millicycles);
    sleep_cycles(superstep->sync_cycles);
    sleep_cycles(max_u64(own->out_cycles, own->in_cycles)); // both ports work at once
    sg_barrier_wait(tile->chip->barrier);
    sg_barrier_wait(tile->chip->barrier); // the chip has added latency and fixed cost
}

static void tile_host(void *context, const struct superstep *superstep)
{
    (void)superstep;
    struct tile *tile = context;
    sg_barrier_wait(tile->chip->barrier);
}

static void tile_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    static const struct superstep_actions actions = {
        .compute = tile_compute, .exchange = tile_exchange, .host = tile_host};
    struct tile *tile = engine_context();
    struct detailed_chip *chip = tile->chip;
    for (uint32_t i = 0; i < engine_count_replays(chip->engine); i++) {
        tile->record = engine_record(chip->engine, i);
        superstep_run(&chip->supersteps, &actions, tile);
    }
    engine_actor_ends(chip->engine);
}

// --- the chip -----------------------------------------------------------------------------------
// Cycles since the chip last looked; all sleeps are whole cycles, so the clock is one too.
static uint64_t look_at_clock(struct detailed_chip *chip)
{
    uint64_t now_cycles = (uint64_t)(engine_clock_cycles(chip->engine) + 0.5);
    uint64_t passed = now_cycles - chip->now_cycles;
    chip->now_cycles = now_cycles;
    return passed;
}

static void account(struct detailed_chip *chip, const struct superstep *superstep, uint64_t *part,
                    uint64_t cycles)
{
    if (chip->is_measured) {
        *part += cycles;
        chip->job->share_cycles[superstep->share] += cycles;
    }
}

static void chip_compute(void *context, const struct superstep *superstep, int64_t time_step)
{
    (void)time_step;
    struct detailed_chip *chip = context;
    struct superstep_cycles *total = &chip->job->total;
    sg_barrier_wait(chip->barrier);
    uint64_t passed = look_at_clock(chip);
    account(chip, superstep, &total->sync, superstep->sync_cycles);
    account(chip, superstep, &total->compute, passed - superstep->sync_cycles);
    total->supersteps += chip->is_measured;
}

static void chip_exchange(void *context, const struct superstep *superstep)
{
    struct detailed_chip *chip = context;
    const struct exchange_config *config = &chip->job->chip->exchange;
    struct superstep_cycles *total = &chip->job->total;
    sg_barrier_wait(chip->barrier);
    uint64_t words = max_u64(chip->load.out_cycles, chip->load.in_cycles);
    uint64_t cycles = exchange_fabric(config->fabric)->cycles(config, &chip->load);
    chip->load = (struct exchange_load){0};
    sleep_cycles(cycles - words);
    sg_barrier_wait(chip->barrier);
    uint64_t passed = look_at_clock(chip);
    account(chip, superstep, &total->sync, superstep->sync_cycles);
    account(chip, superstep, &total->exchange, passed - superstep->sync_cycles);
}

static void chip_host(void *context, const struct superstep *superstep)
{
    struct detailed_chip *chip = context;
    uint64_t waited = engine_chip_transfer(chip->engine, superstep->step, &chip->now_cycles);
    account(chip, superstep, &chip->job->total.host, waited);
    sg_barrier_wait(chip->barrier);
}

static void chip_main(int argument_count, char **arguments)
{
    (void)argument_count, (void)arguments;
    static const struct superstep_actions actions = {
        .compute = chip_compute, .exchange = chip_exchange, .host = chip_host};
    struct detailed_chip *chip = engine_context();
    for (uint32_t i = 0; i < engine_count_replays(chip->engine); i++) {
        chip->is_measured = !engine_is_warm_up(chip->engine, i);
        superstep_run(&chip->supersteps, &actions, chip);
    }
    engine_chip_finish(chip->engine);
    engine_actor_ends(chip->engine);
}

// --- all of them --------------------------------------------------------------------------------
static void tile_init(struct tile *tile, struct detailed_chip *chip, uint32_t number)
{
    const struct engine_job *job = chip->job;
    *tile = (struct tile){.chip = chip, .number = number};
    tile->worker_millislots = xcalloc(job->chip->tile.contexts, sizeof *tile->worker_millislots);
    char name[32];
    snprintf(name, sizeof name, "tile %u", number);
    engine_add_chip_actor(chip->engine, name, tile_main, tile);
}

static void free_loads(struct detailed_chip *chip)
{
    for (uint32_t i = 0; i < chip->job->program->exchange_count; i++) {
        free(chip->loads[i]);
    }
    free(chip->loads);
}

bool engine_run_detailed(struct engine_job *job)
{
    uint32_t tile_count = job->program->tile_count;
    struct engine *engine = engine_create(job);
    if (engine == NULL) {
        return false;
    }
    struct detailed_chip chip = {.engine = engine,
                                 .job = job,
                                 .supersteps = superstep_list_create(job->program, job->chip),
                                 .barrier = sg_barrier_init(tile_count + 1),
                                 .loads =
                                     xcalloc(job->program->exchange_count, sizeof *chip.loads)};
    struct tile *tiles = xcalloc(tile_count, sizeof *tiles);
    for (uint32_t i = 0; i < tile_count; i++) {
        tile_init(&tiles[i], &chip, i);
    }
    engine_add_chip_actor(chip.engine, "chip", chip_main, &chip);
    bool is_done = engine_run(chip.engine);
    for (uint32_t i = 0; i < tile_count; i++) {
        free(tiles[i].worker_millislots);
    }
    free(tiles);
    superstep_list_free(&chip.supersteps);
    free_loads(&chip);
    if (is_done) { // else actors still hold it
        sg_barrier_destroy(chip.barrier);
    }
    engine_destroy(chip.engine);
    return is_done;
}

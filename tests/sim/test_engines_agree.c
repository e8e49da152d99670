// The folded and the detailed engine on random programs, chips and records: equal to the cycle, in
// the total and in every share.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "sim/machine.h"
#include "sim/rng.h"
#include "sim/run/anatomy.h"
#include "tests/sim/engines_fixture.h"
#include "tests/sim/fixture_system.h"
#include "tiles/codelets/codelets.h"
#include "tiles/folded.h"

#ifdef __SANITIZE_ADDRESS__
#define RANDOM_PROGRAMS 300u // five times as slow
#else
#define RANDOM_PROGRAMS 1200u
#endif
#define LAYERS_MAX 3u
#define SECTIONS_MAX 3u
#define TILES_MAX 80u // 20 on each of four chips
#define SEED 20240521u

struct draw { // everything that one random case is made of
    struct rng rng;
    struct chip_config chip;
    struct program *program;
    struct fixture_system systems; // has_system: the chip's
    struct parallel_config parallel;
    bool has_system;
    struct activity *records[8]; // [replica * 2 + record]
    uint32_t neurons[LAYERS_MAX], slots[LAYERS_MAX];
    uint32_t layers;
    int32_t section_highest[SECTIONS_MAX]; // the last time step that a section may be called at
    uint32_t listed[TILES_MAX];            // some tiles of the program, ascending
    uint32_t listed_count;
};

static uint32_t below(struct draw *draw, uint32_t bound)
{
    return rng_below(&draw->rng, bound);
}

static uint32_t between(struct draw *draw, uint32_t low, uint32_t high)
{
    return low + below(draw, high - low + 1);
}

static double fraction(struct draw *draw, uint32_t high)
{
    return between(draw, 0, 8 * high) / 8.0;
}

// --- chips --------------------------------------------------------------------------------------
static void draw_chip(struct draw *draw)
{
    struct chip_config *chip = &draw->chip;
    *chip = fixture_chip();
    chip->tiles = between(draw, 1, 20);
    chip->tile.contexts = between(draw, 1, 7);
    chip->tile.vector_bytes = 4u << below(draw, 3);
    chip->tile.copy_bytes_per_cycle = between(draw, 1, 16);
    chip->tile.launch_cycles = below(draw, 50);
    chip->tile.vertex_launch_cycles = below(draw, 5);
    chip->matrix.float16_macs_per_cycle = below(draw, 2) * 64;
    struct exchange_config *exchange = &chip->exchange;
    exchange->bytes_per_cycle = 1u << below(draw, 4);
    exchange->bus_sharing = between(draw, 1, 4);
    exchange->fixed_cycles = below(draw, 100);
    exchange->fan_in_fixed_cycles = below(draw, 100);
    exchange->fan_out_fixed_cycles = below(draw, 100);
    exchange->tile_numbering = below(draw, 2);
    exchange->columns = between(draw, 1, 6);
    exchange->islands_per_column = between(draw, 1, 3);
    exchange->tiles_per_island = between(draw, 1, 4);
    exchange->latency_base_cycles = below(draw, 60);
    exchange->latency_cycles_per_island = fraction(draw, 3);
    exchange->latency_cycles_per_column = fraction(draw, 3);
    exchange->broadcast_cycles_per_island = fraction(draw, 3);
    exchange->sync_cycles = below(draw, 100);
    exchange->sync_rule = below(draw, 2);
    chip->host.bytes_per_second = 1e8 * between(draw, 1, 50);
    chip->host.latency_seconds = 1e-9 * below(draw, 500);
    chip->host.prefetch_depth = below(draw, 3);
    double *costs = (double *)&chip->costs;
    for (size_t i = 0; i < sizeof chip->costs / sizeof *costs; i++) {
        costs[i] = fraction(draw, 20);
    }
    for (uint32_t i = 0; i < CODELET_COUNT; i++) {
        chip->corrections[i] = below(draw, 4) == 0 ? fraction(draw, 40) - 20 : 0;
    }
}

// --- systems ------------------------------------------------------------------------------------
// One to four chips in all, of one to four in a replica; some of them the program may leave idle.
static void draw_system(struct draw *draw)
{
    static const enum system_topology topologies[] = {TOPOLOGY_RING, TOPOLOGY_ALL, TOPOLOGY_LADDER,
                                                      TOPOLOGY_LINKS};
    fixture_system_open(&draw->systems, 4, topologies[below(draw, 4)]);
    struct system_config *system = &draw->systems.system;
    if (system->topology == TOPOLOGY_LINKS) { // 0 - 2 - 1 - 3: ways of two replicas share a link
        fixture_system_list(&draw->systems, 0, 2);
        fixture_system_list(&draw->systems, 2, 1);
        fixture_system_list(&draw->systems, 1, 3);
    }
    system->chip = &draw->chip;
    system->route_rule = system->topology == TOPOLOGY_LADDER ? below(draw, 2) : ROUTE_SHORTEST;
    draw->systems.kind.bytes_per_second = 1e8 * between(draw, 1, 80);
    draw->systems.kind.latency_seconds = 1e-9 * below(draw, 100);
    system->crossing_seconds = 0.5e-9 * below(draw, 500);
    system->packet_bytes = below(draw, 100);
    system->route_bytes = below(draw, 50);
    system->message_bytes = below(draw, 30);
    system->arrival_words = below(draw, 3);
    system->stream_efficiency = between(draw, 1, 8) / 8.0;
    system->chips_per_slot = between(draw, 1, 4);
    system->slot_bytes_per_second = 1e8 * between(draw, 1, 50);
    system->chips_per_machine = between(draw, 1, 4);
    system->streaming.bytes_per_second = 1e8 * between(draw, 10, 50);
    system->streaming.chip_bytes_per_second = 1e8 * below(draw, 10);
    system->streaming.latency_seconds = 1e-9 * below(draw, 300);
    static const uint32_t replicas[] = {1, 1, 2, 4};
    draw->parallel = (struct parallel_config){.chips = 4,
                                              .replicas = replicas[below(draw, 4)],
                                              .all_reduce = below(draw, 3),
                                              .replays_each = below(draw, 2) == 0};
}

// --- records ------------------------------------------------------------------------------------
// Distinct ids of one vector, by selection in order; which sub-list they are in does not matter here.
static void draw_vector(struct draw *draw, struct activity_layer *layer, uint32_t vector)
{
    uint32_t listed = below(draw, 4) == 0 ? layer->slots : below(draw, layer->slots + 1);
    uint32_t *ids = layer->ids + (size_t)vector * layer->slots;
    layer->counts[2 * vector] = below(draw, listed + 1);
    layer->counts[2 * vector + 1] = listed;
    uint32_t taken = 0;
    bool is_clustered = below(draw, 3) == 0; // many ids in one tile's interval
    for (uint32_t i = 0; i < layer->neurons && taken < listed; i++) {
        uint32_t left = layer->neurons - i;
        if (is_clustered || below(draw, left) < listed - taken) {
            ids[taken++] = i;
        }
    }
}

static void draw_record(struct draw *draw, uint32_t which)
{
    const struct program *program = draw->program;
    struct activity *record = activity_create(program->layer_count, program->neurons,
                                              program->slots, program->time_steps, program->batch);
    for (uint32_t i = 0; i < record->layer_count; i++) {
        for (uint32_t j = 0; j < record->time_steps * record->batch; j++) {
            draw_vector(draw, &record->layers[i], j);
        }
    }
    draw->records[which] = record;
}

// --- programs -----------------------------------------------------------------------------------
// A map inside tiles [first, first + count).
static struct tile_map draw_map(struct draw *draw, uint32_t first, uint32_t count)
{
    struct tile_map map = {.first = first + below(draw, count)};
    uint32_t room = first + count - map.first;
    map.positions = between(draw, 1, room);
    map.span = map.positions;
    if (below(draw, 2) == 0) {
        map.is_spread = true;
        map.span = between(draw, map.positions, room);
    }
    return map;
}

// Items on tiles of their own and every id with an item: what real programs look like.
static void make_neat(struct draw *draw, struct vertex_group *group)
{
    static const enum codelet dynamic[] = {CODELET_lif_update,     CODELET_compact_flags,
                                           CODELET_state_gradient, CODELET_weight_gradient,
                                           CODELET_reduce_stage1,  CODELET_combine_parts};
    group->codelet = dynamic[below(draw, sizeof dynamic / sizeof *dynamic)];
    group->items = between(draw, 1, group->place.positions);
    group->ids_per_item = (draw->neurons[group->layer] + group->items - 1) / group->items;
    group->parts = 1;
}

static struct vertex_group draw_group(struct draw *draw, uint32_t first_tile, uint32_t tile_count)
{
    struct vertex_group group = {
        .codelet = below(draw, CODELET_COUNT),
        .dealing = below(draw, 4),
        .place = draw_map(draw, first_tile, tile_count),
        .first_item = below(draw, 4),
        .items = between(draw, 1, 30),
        .vertices = below(draw, 20),
        .samples_per_vertex = between(draw, 1, 4),
        .ids_per_item = below(draw, 8),
        .parts = between(draw, 1, 3),
        .groups = between(draw, 1, 3),
        .list = below(draw, 4),
        .layer = below(draw, draw->layers),
        .time_offset = -(int32_t)below(draw, 2),
    };
    for (uint32_t i = 0; i < VERTEX_SIZES; i++) {
        group.sizes[i] = below(draw, 30);
    }
    struct chip_config chip = fixture_chip();
    if (!vertex_is_known(group.codelet, group.sizes, &chip)) { // a type or an operation it has not
        group.codelet = CODELET_combine_parts;
    }
    if (below(draw, 3) > 0) {
        make_neat(draw, &group);
    }
    if (group.dealing == DEAL_SEGMENTS) {
        group.items = draw->program->batch * group.parts;
        group.vertices = between(draw, 1, 9);
    }
    return group;
}

// Most of the sets give every group tiles of its own, the others let them overlap.
static void draw_set(struct draw *draw)
{
    static const char *const names[] = {"a", "b", "c"};
    program_begin_compute(draw->program, names[below(draw, 3)]);
    uint32_t groups = below(draw, 4);
    uint32_t tiles = draw->program->tile_count;
    bool is_apart = below(draw, 4) > 0 && groups > 0 && groups <= tiles;
    for (uint32_t i = 0; i < groups; i++) {
        uint32_t share = is_apart ? tiles / groups : tiles;
        struct vertex_group group = draw_group(draw, is_apart ? i * share : 0, share);
        program_add_group(draw->program, &group);
    }
}

static void draw_listed(struct draw *draw)
{
    for (uint32_t i = 0; i < draw->program->tile_count; i++) {
        if (below(draw, 2) == 0 || (i == 0 && draw->program->tile_count == 1)) {
            draw->listed[draw->listed_count++] = i;
        }
    }
}

// Of all tiles, one in four a part of those listed.
static struct tile_map draw_flow_map(struct draw *draw)
{
    if (below(draw, 4) > 0 || draw->listed_count == 0) {
        return draw_map(draw, 0, draw->program->tile_count);
    }
    uint32_t first = below(draw, draw->listed_count);
    return tile_map_list(draw->listed + first, between(draw, 1, draw->listed_count - first));
}

static void draw_exchange(struct draw *draw)
{
    program_begin_exchange(draw->program, "x");
    for (uint32_t flows = below(draw, 4); flows > 0; flows--) {
        struct flow flow = {
            .kind = below(draw, 4),
            .source = draw_flow_map(draw),
            .destination = draw_flow_map(draw),
            .first_source = below(draw, 4),
            .source_count = below(draw, 2) == 0 ? 1 : between(draw, 1, 24),
            .first_destination = below(draw, 4),
            .destination_count = below(draw, 4) == 0 ? 1 : between(draw, 1, 24),
            .bytes = below(draw, 8) == 0 ? 0 : below(draw, 200),
        };
        if (flow.kind == FLOW_PAIRS) {
            flow.destination_count = flow.source_count;
        }
        program_add_flow(draw->program, &flow);
    }
}

static void draw_call(struct draw *draw, uint32_t sections, int32_t highest)
{
    uint32_t section = below(draw, sections);
    uint32_t turns = below(draw, 4);
    int32_t stride = (int32_t)below(draw, 4) - 2;
    int32_t rise = stride > 0 && turns > 0 ? stride * (int32_t)(turns - 1) : 0;
    int32_t reached = draw->section_highest[section] - highest - (int32_t)below(draw, 3);
    program_add_call(draw->program, section, turns, reached - rise, stride);
}

static void draw_leaving(struct draw *draw)
{
    if (below(draw, 4) == 0) {
        program_add_all_reduce(draw->program, "sum", below(draw, 5000));
        return;
    }
    program_add_stream(draw->program, &(struct program_step){.name = "stream",
                                                             .chip_bytes = below(draw, 3000),
                                                             .stream_phase = below(draw, 3),
                                                             .stream_direction = below(draw, 2),
                                                             .stream_channel = below(draw, 2)});
}

// highest: the last time step that the loops around can reach. Calls are of the first `sections`
// sections.
static void draw_body(struct draw *draw, uint32_t depth, int32_t highest, uint32_t sections)
{
    for (uint32_t steps = between(draw, 1, 4); steps > 0; steps--) {
        uint32_t kind = below(draw, 10);
        int32_t room = (int32_t)draw->program->time_steps - 1 - highest;
        if (kind < 2 && depth < 3) {
            uint32_t turns = below(draw, 4);
            int32_t stride = (int32_t)below(draw, 4) - 2;
            int32_t rise = stride > 0 && turns > 0 ? stride * (int32_t)(turns - 1) : 0;
            int32_t reached = room - (int32_t)below(draw, 3);
            program_begin_loop(draw->program, turns, reached - rise, stride);
            draw_body(draw, depth + 1, highest + reached, sections);
            program_end_loop(draw->program);
        } else if (kind == 2 && sections > 0) {
            draw_call(draw, sections, highest);
        } else if (kind < 7) {
            draw_set(draw);
        } else if (draw->has_system && kind == 8) {
            draw_leaving(draw);
        } else if (kind < 9 || depth > 1) {
            draw_exchange(draw);
        } else {
            program_add_host(draw->program, below(draw, 2), below(draw, 3000));
        }
    }
}

static void draw_sections(struct draw *draw)
{
    for (uint32_t count = below(draw, SECTIONS_MAX + 1), i = 0; i < count; i++) {
        draw->section_highest[i] = (int32_t)below(draw, draw->program->time_steps);
        program_begin_section(draw->program, "section");
        draw_body(draw, 1, draw->section_highest[i], i);
        program_end_section(draw->program);
    }
}

static uint32_t count_records(const struct draw *draw)
{
    return 2 * (draw->has_system && draw->parallel.replays_each ? draw->parallel.replicas : 1);
}

static void draw_case(struct draw *draw, uint32_t number)
{
    *draw = (struct draw){.rng = rng_create(SEED, RNG_TEST, number, 0)};
    draw_chip(draw);
    draw->layers = between(draw, 1, LAYERS_MAX);
    for (uint32_t i = 0; i < draw->layers; i++) {
        draw->neurons[i] = between(draw, 1, 40);
        draw->slots[i] = between(draw, 1, draw->neurons[i]);
    }
    draw->has_system = below(draw, 2) == 0;
    uint32_t chips = 1, tiles = between(draw, 1, draw->chip.tiles);
    if (draw->has_system) {
        draw_system(draw);
        chips = between(draw, 1, 4 / draw->parallel.replicas);
        tiles = between(draw, 1, draw->chip.tiles * chips);
    }
    draw->program = program_create("random", tiles, 1 + below(draw, between(draw, 1, 7)),
                                   between(draw, 1, 4), draw->layers, draw->neurons, draw->slots);
    if (draw->has_system) {
        program_place_on_chips(draw->program, chips, draw->chip.tiles);
    }
    draw_listed(draw);
    draw_sections(draw);
    draw_body(draw, 0, 0, draw->program->section_count);
    for (uint32_t i = 0; i < count_records(draw); i++) {
        draw_record(draw, i);
    }
}

static void free_case(struct draw *draw)
{
    program_destroy(draw->program);
    for (uint32_t i = 0; i < count_records(draw); i++) {
        activity_destroy(draw->records[i]);
    }
    if (draw->has_system) {
        fixture_system_close(&draw->systems);
    }
}

// --- agreement ----------------------------------------------------------------------------------
struct tally { // so that the test cannot pass by drawing nothing of interest
    uint32_t uniform_groups, general_groups, waits, link_waits, memory_waits;
};

// Looking on aborts where a superstep, taken apart tile by tile, or a sum is a cycle off the folded
// one.
static void look_at(const struct program *program, const struct chip_config *chip,
                    struct machine *machine, const struct activity *record)
{
    const struct observed_tiles observed = {.name = "random",
                                            .chip = chip,
                                            .program = program,
                                            .machine = machine,
                                            .records = &record,
                                            .record_count = 1};
    struct anatomy anatomy = {0};
    char *why = NULL;
    assert_true(anatomy_observe_tiles(&observed, &anatomy, &why));
    anatomy_free(&anatomy);
}

static void run_case(uint32_t number, struct tally *tally)
{
    struct draw draw;
    draw_case(&draw, number);
    struct machine *machine =
        draw.has_system ? machine_create_on(&draw.systems.system, &draw.parallel, draw.program)
                        : machine_create(&draw.chip, draw.program);
    const struct activity *records[8];
    for (uint32_t i = 0; i < count_records(&draw); i++) {
        records[i] = draw.records[i];
    }
    struct machine_time folded, detailed;
    char *why = NULL;
    if (!machine_time_folded(machine, records, 2, &folded, &why) ||
        !machine_time_detailed(machine, records, 2, &detailed, &why)) {
        fail_msg("program %u: %s", number, why);
    }
    expect_equal_times(&folded, &detailed, number);
    tally->waits += folded.host_cycles > 0;
    tally->link_waits += folded.link_cycles > 0;
    tally->memory_waits += folded.memory_cycles > 0;
    machine_time_free(&folded);
    machine_time_free(&detailed);
    if (!draw.has_system) {
        look_at(draw.program, &draw.chip, machine, draw.records[0]);
    }
    machine_destroy(machine);
    for (uint32_t i = 0; i < draw.program->compute_set_count; i++) {
        struct folded_set *set =
            folded_set_create(&draw.chip, draw.program, &draw.program->compute_sets[i]);
        tally->general_groups += folded_set_general_groups(set);
        tally->uniform_groups += folded_set_dynamic_groups(set) - folded_set_general_groups(set);
        folded_set_destroy(set);
    }
    free_case(&draw);
}

static void folded_and_detailed_agree_to_the_cycle_on_random_programs(void **state)
{
    (void)state;
    struct tally tally = {0};
    for (uint32_t i = 0; i < RANDOM_PROGRAMS; i++) {
        run_case(i, &tally);
    }
    print_message("%u uniform groups, %u general; waits for hosts %u, links %u, memory %u\n",
                  tally.uniform_groups, tally.general_groups, tally.waits, tally.link_waits,
                  tally.memory_waits);
    assert_true(tally.link_waits > RANDOM_PROGRAMS / 24);
    assert_true(tally.memory_waits > RANDOM_PROGRAMS / 40);
    assert_true(tally.uniform_groups > RANDOM_PROGRAMS / 3);
    assert_true(tally.general_groups > RANDOM_PROGRAMS / 3);
    assert_true(tally.waits > RANDOM_PROGRAMS / 12);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folded_and_detailed_agree_to_the_cycle_on_random_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

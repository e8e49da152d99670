// Systems of chips: links and ways by hand, syncs as published, what is wrong with a file, and
// machines that take a system in place of a chip.
#include "tests/sim/config_fixture.h"

#include <math.h>

#include "sim/units.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static struct system_config *load(const char *name)
{
    struct config *config = config_create();
    struct err *err = err_create();
    struct system_config *system = system_load(name, NULL, config, err);
    err_print(err, stderr);
    assert_non_null(system);
    err_destroy(err);
    config_destroy(config);
    return system;
}

static struct system_config *load_text(const char *text)
{
    write_text("s.yaml", text);
    return load("s.yaml");
}

// Demands exactly these messages of s.yaml, in order; the list ends with NULL.
static void expect_faults(const char *text, const char *const *expected)
{
    struct config *config = config_create();
    struct err *err = err_create();
    write_text("s.yaml", text);
    struct system_config *system = system_load("s.yaml", NULL, config, err);
    for (size_t i = 0; expected[i] != NULL; i++) {
        assert_true(i < err_count(err));
        assert_string_equal(err_message(err, i), expected[i]);
    }
    size_t count = 0;
    while (expected[count] != NULL) {
        count++;
    }
    assert_int_equal(err_count(err), count);
    assert_true((system == NULL) == (count > 0));
    system_destroy(system);
    err_destroy(err);
    config_destroy(config);
}
#define EXPECT_FAULTS(text, ...) expect_faults(text, (const char *const[]){__VA_ARGS__, NULL})

// The chips that a route passes, with both ends: "0 1 3". Owned.
static char *chips_on(const struct system_config *system, uint32_t from, uint32_t to)
{
    struct system_route route = system_route(system, from, to);
    char *text = xasprintf("%u", from);
    uint32_t at = from;
    for (uint32_t i = 0; i < route.count; i++) {
        const struct system_link *link = &system->links[route.links[i]];
        assert_true(link->from == at || link->to == at);
        at = link->from == at ? link->to : link->from;
        char *longer = xasprintf("%s %u", text, at);
        free(text);
        text = longer;
    }
    assert_int_equal(at, to);
    system_route_free(&route);
    return text;
}

static void expect_way(const struct system_config *system, uint32_t from, uint32_t to,
                       const char *expected)
{
    char *chips = chips_on(system, from, to);
    assert_string_equal(chips, expected);
    free(chips);
}

static uint32_t hops(const struct system_config *system, uint32_t from, uint32_t to)
{
    struct system_route route = system_route(system, from, to);
    uint32_t count = route.count;
    system_route_free(&route);
    return count;
}

// --- ways ---------------------------------------------------------------------------------------
static void a_ladder_is_crossed_by_its_rung_and_then_along_the_rail(void **state)
{
    (void)state;
    struct system_config *ladder = load("gc2-ladder");
    expect_way(ladder, 0, 1, "0 1");
    expect_way(ladder, 0, 2, "0 2");
    expect_way(ladder, 0, 7, "0 1 3 5 7");
    expect_way(ladder, 7, 0, "7 6 4 2 0");
    expect_way(ladder, 5, 5, "5");
    for (uint32_t from = 0; from < 16; from++) {
        for (uint32_t to = 0; to < 16; to++) {
            uint32_t rungs = from / 2 > to / 2 ? from / 2 - to / 2 : to / 2 - from / 2;
            assert_int_equal(hops(ladder, from, to), rungs + (from % 2 != to % 2));
        }
    }
    assert_int_equal(hops(ladder, 0, 15), 8); // 7 rails and a rung: the farthest of 16
    system_destroy(ladder);
}

static void shortest_ways_take_the_lowest_chips_first(void **state)
{
    (void)state;
    struct system_config *ladder = load_text("base: gc2-ladder\nchips: 4\nrouting: shortest\n");
    expect_way(ladder, 0, 3, "0 1 3"); // not over 2, which is as far
    expect_way(ladder, 3, 0, "3 1 0"); // where the rung comes last
    system_destroy(ladder);
    struct system_config *ring =
        load_text("base: gc2-ladder\nchips: 7\ntopology: ring\nrouting: shortest\n"
                  "rung: null\nrail: null\nlink: cable\n");
    assert_int_equal(ring->link_count, 7);
    for (uint32_t from = 0; from < 7; from++) {
        for (uint32_t to = 0; to < 7; to++) {
            uint32_t apart = (to + 7 - from) % 7;
            assert_int_equal(hops(ring, from, to), min_u64(apart, 7 - apart));
        }
    }
    system_destroy(ring);
}

static void every_pair_of_all_is_one_link_apart(void **state)
{
    (void)state;
    struct system_config *all =
        load_text("base: gc2-ladder\nchips: 6\ntopology: all\nrouting: shortest\n"
                  "rung: null\nrail: null\nlink: cable\n");
    assert_int_equal(all->link_count, 15);
    for (uint32_t from = 0; from < 6; from++) {
        for (uint32_t to = 0; to < 6; to++) {
            assert_int_equal(hops(all, from, to), from != to);
        }
    }
    system_destroy(all);
}

static void two_chips_in_a_ring_have_one_link(void **state)
{
    (void)state;
    struct system_config *ring =
        load_text("base: gc2-ladder\nchips: 2\ntopology: ring\nrouting: shortest\n"
                  "rung: null\nrail: null\nlink: cable\n");
    assert_int_equal(ring->link_count, 1);
    system_destroy(ring);
}

static void listed_links_come_on_top_of_a_ladder(void **state)
{
    (void)state;
    struct system_config *closed =
        load_text("base: gc2-ladder\nrouting: shortest\n"
                  "links: [{from: 14, to: 0, kind: cable}, {from: 1, to: 15, kind: cable}]\n");
    assert_int_equal(closed->link_count, 8 + 14 + 2);
    assert_int_equal(closed->links[22].from, 0); // whichever end was named first
    assert_int_equal(closed->links[22].to, 14);
    expect_way(closed, 0, 15, "0 1 15");
    expect_way(closed, 2, 12, "2 0 14 12");
    system_destroy(closed);
}

// Beside the rule, there and back; a way of its own back takes its place.
static void listed_routes_take_the_place_of_the_rule(void **state)
{
    (void)state;
    struct system_config *ladder = load_text("base: gc2-ladder\nroutes:\n"
                                             "  - {from: 0, to: 5, via: [2, 4]}\n"
                                             "  - {from: 0, to: 3, via: [2]}\n"
                                             "  - {from: 3, to: 0, via: [1]}\n");
    expect_way(ladder, 0, 5, "0 2 4 5");
    expect_way(ladder, 5, 0, "5 4 2 0");
    expect_way(ladder, 0, 3, "0 2 3");
    expect_way(ladder, 3, 0, "3 1 0");
    expect_way(ladder, 0, 7, "0 1 3 5 7"); // rung first, as without
    system_destroy(ladder);
}

// --- numbers ------------------------------------------------------------------------------------
static void a_sync_over_chips_takes_the_published_cycles(void **state)
{
    (void)state;
    // poplibs_test/Util.cpp: 15 ns a hop, there and back, at 1.6 GHz
    const uint32_t chips[] = {1, 2, 4, 8, 16};
    const uint32_t cycles[] = {0, 48, 96, 144, 240};
    struct system_config *ladder = load("gc2-ladder");
    for (size_t i = 0; i < COUNT_OF(chips); i++) {
        assert_int_equal(system_sync_cycles(ladder, chips[i]), cycles[i]);
    }
    system_destroy(ladder);
    struct system_config *machine = load("bow-2000");
    assert_int_equal(system_sync_cycles(machine, 4), 111); // 2 hops, 60 ns at 1.85 GHz
    assert_int_equal(system_sync_cycles(machine, 2), 56);  // 55.5
    system_destroy(machine);
}

static void links_between_machines_are_of_their_own_kind(void **state)
{
    (void)state;
    struct system_config *pod = load("pod16");
    uint32_t inside = system_find_kind(pod, "inside");
    uint32_t outside = system_find_kind(pod, "outside");
    assert_int_equal(pod->link_count, 8 + 14);
    for (uint32_t i = 0; i < pod->link_count; i++) {
        const struct system_link *link = &pod->links[i];
        bool is_same = link->from / 4 == link->to / 4;
        assert_int_equal(link->kind, is_same ? inside : outside);
        assert_true(link->from < link->to);
        // four links of 16 GB/s, or two, of which 0.85 is had
        assert_true(system_link_rate(pod, link) == (is_same ? 54.4e9 : 27.2e9));
    }
    system_destroy(pod);
}

// All of what derives from the GC2 server, whose streaming memory is its host's.
static void streaming_memory_of_an_m2000_is_not_behind_its_way_to_the_host(void **state)
{
    (void)state;
    const char *const systems[] = {"bow", "m2000", "bow-2000", "pod16", "pod64"};
    for (size_t i = 0; i < COUNT_OF(systems); i++) {
        struct system_config *system = load(systems[i]);
        assert_true(fabs(system_stream_seconds(system, 1000000000, 1, 1) - (0.05 + 2e-6)) < 1e-12);
        system_destroy(system);
    }
    struct system_config *server = load("gc2-ladder");
    assert_true(server->streaming.is_over_host);
    system_destroy(server);
}

static void the_largest_system_is_joined_quickly(void **state)
{
    (void)state;
    struct system_config *all =
        load_text("base: gc2-ladder\nchips: 1024\ntopology: all\nrouting: shortest\n"
                  "rung: null\nrail: null\nlink: cable\n");
    assert_int_equal(all->link_count, 1024 * 1023 / 2);
    assert_int_equal(hops(all, 3, 1023), 1);
    system_destroy(all);
}

// --- what is wrong ------------------------------------------------------------------------------
static void links_must_join_chips_that_exist(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\nchips: 4\nlinks:\n  - {from: 0, to: 4, kind: cable}\n"
                  "  - {from: 2, to: 2, kind: cable}\n  - {from: 0, to: 3, kind: cabel}\n",
                  "s.yaml:4:19: links.0.to: there is no chip 4; the 4 of the system are 0..3",
                  "s.yaml:5:5: links.1: joins chip 2 to itself",
                  "s.yaml:6:28: links.2.kind: link_kinds has no 'cabel'; did you mean 'cable'?");
}

static void two_links_cannot_join_the_same_chips(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\nchips: 4\nlinks:\n  - {from: 3, to: 0, kind: cable}\n"
                  "  - {from: 0, to: 1, kind: cable}\n  - {from: 0, to: 3, kind: card}\n",
                  "s.yaml:5:5: links.1: chips 0 and 1 are joined by topology: ladder already; "
                  "links side by side are one with their bandwidths added",
                  "s.yaml:6:5: links.2: chips 0 and 3 are joined by links.0 already; "
                  "links side by side are one with their bandwidths added");
}

static void a_listed_route_goes_along_links(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\nchips: 4\nroutes:\n  - {from: 0, to: 3}\n"
                  "  - {from: 0, to: 2, via: [1, 3, 1]}\n  - {from: 9, to: 2}\n"
                  "  - {from: 1, to: 1}\n  - {from: 2, to: 3, via: [0, 7]}\n"
                  "  - {from: 0, to: 1}\n  - {from: 0, to: 1, via: [2, 3]}\n",
                  "s.yaml:4:19: routes.0.to: no link joins chips 0 and 3",
                  "s.yaml:5:34: routes.1.via.2: the way has been at chip 1 already",
                  "s.yaml:6:12: routes.2.from: there is no chip 9; the 4 of the system are 0..3",
                  "s.yaml:7:19: routes.3.to: the way has been at chip 1 already",
                  "s.yaml:8:31: routes.4.via.1: there is no chip 7; the 4 of the system are 0..3",
                  "s.yaml:10:5: routes.6: routes.5 leads from chip 0 to 1 already");
    EXPECT_FAULTS("base: gc2-ladder\nchips: 4\nroutes: [{from: 0, to: 3, by: [1]}]\n",
                  "s.yaml:3:27: routes.0.by: unknown key; legal: from, to, via");
}

#define LISTED "base: gc2-ladder\ntopology: links\nrouting: shortest\nrung: null\nrail: null\n"

static void a_system_in_parts_is_refused(void **state)
{
    (void)state;
    EXPECT_FAULTS(LISTED "chips: 4\nlinks:\n  - {from: 0, to: 1, kind: cable}\n"
                         "  - {from: 2, to: 3, kind: cable}\n",
                  "s.yaml:8:3: links: the system is in parts; no way leads from chip 0 to chip "
                  "2, 3");
    EXPECT_FAULTS(LISTED "chips: 7\n",
                  "s.yaml:2:11: links: the system is in parts; no way leads from chip 0 to chip "
                  "1, 2, 3, 4 (and 2 more)");
    EXPECT_FAULTS(LISTED "chips: 1\n", NULL);
}

static void a_topology_says_what_it_needs(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\nchips: 5\n",
                  "s.yaml:2:8: chips: 5 is odd; every rung of a ladder has two chips");
    EXPECT_FAULTS("base: gc2-ladder\nchips: 1025\n",
                  "s.yaml:2:8: chips: 1025 is outside 1..1024 chips");
    EXPECT_FAULTS("base: gc2-ladder\ntopology: ladder\nrail: null\n",
                  "s.yaml:2:11: rail: missing; topology: ladder needs a link kind for it");
}

static void keys_of_another_topology_are_refused(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\ntopology: ring\nrung: card\nrail: null\nrouting: rung_first\n",
                  "s.yaml:3:7: rung: belongs to topology: ladder; set it to null",
                  "s.yaml:2:11: link: missing; topology: ring needs a link kind for it",
                  "s.yaml:5:10: routing: rung_first needs topology: ladder, not ring");
    EXPECT_FAULTS("base: gc2-ladder\nlink: card\nrail: cabel\n",
                  "s.yaml:3:7: rail: link_kinds has no 'cabel'; did you mean 'cable'?",
                  "s.yaml:2:7: link: belongs to topology: ring, or all; set it to null");
}

static void a_system_needs_a_chip_and_memory_a_bandwidth(void **state)
{
    (void)state;
    EXPECT_FAULTS("base: gc2-ladder\nchip: null\nstreaming: {bytes_per_second: 0}\n",
                  "s.yaml:2:7: chip: missing",
                  "s.yaml:3:31: streaming.bytes_per_second: 0 bytes/s for 32000000000 bytes of "
                  "memory");
    EXPECT_FAULTS("base: gc2-ladder\nstreaming: {chip_bytes_per_second: 7e9}\n",
                  "s.yaml:2:36: streaming.chip_bytes_per_second: 7e+09 is more than the 6.89e+09 "
                  "bytes/s of the machine");
}

static void uncertain_values_of_links_that_are_replaced_are_forgotten(void **state)
{
    (void)state;
    const char *const kinds =
        "rail: card\nlink_kinds: [{name: card, bytes_per_second: 1e9, efficiency: 1, "
        "latency_seconds: 1.5e-7}]\n";
    char *text = xasprintf("base: gc2-ladder\n%s", kinds);
    system_destroy(load_text(text));
    free(text);
    text = xasprintf("base: gc2-ladder\n%suncertain:\n"
                     "  - {key: link_kinds.5.latency_seconds, low: 0, high: 1}\n",
                     kinds);
    const char *const expected[] = {
        "s.yaml:5:11: uncertain.0.key: there is no number 'link_kinds.5.latency_seconds' in this "
        "file",
        NULL};
    expect_faults(text, expected);
    free(text);
}

// --- machines -----------------------------------------------------------------------------------
static void write_experiment(const char *machines)
{
    char *text = xasprintf("base: toy\ntraining: {batch: 6}\nmachines:\n%s", machines);
    write_text("e.yaml", text);
    free(text);
}

static struct experiment *load_machines(const char *machines, const char *set)
{
    struct err *err = err_create();
    write_experiment(machines);
    struct experiment *experiment = experiment_load("e.yaml", &set, set == NULL ? 0 : 1, err);
    err_print(err, stderr);
    assert_non_null(experiment);
    err_destroy(err);
    return experiment;
}

static void a_machine_may_be_a_system_or_the_first_chips_of_one(void **state)
{
    (void)state;
    struct experiment *experiment = load_machines("  - {system: toy-4}\n"
                                                  "  - {system: toy-4, chips: 2}\n"
                                                  "  - {system: toy-4, replicas: 2}\n"
                                                  "  - {chip: toy}\n",
                                                  NULL);
    const char *const names[] = {"toy-4/sparse", "toy-4-x2/sparse", "toy-4-r2/sparse",
                                 "toy/sparse"};
    const uint32_t chips[] = {4, 2, 4, 1};
    const uint32_t replicas[] = {1, 1, 2, 1};
    for (uint32_t i = 0; i < 4; i++) {
        const struct machine_config *machine = &experiment->machines[i];
        assert_string_equal(machine->name, names[i]);
        assert_int_equal(machine->parallel.chips, chips[i]);
        assert_int_equal(machine->parallel.replicas, replicas[i]);
        assert_int_equal(machine->chip->tiles, 16);
    }
    assert_ptr_equal(experiment->machines[0].chip, experiment->machines[0].system->chip);
    assert_int_equal(experiment->machines[0].system->link_count, 4);
    experiment_destroy(experiment);
}

static void keys_of_a_system_and_its_chip_can_be_set(void **state)
{
    (void)state;
    const char *const machine = "  - {system: toy-4}\n";
    struct experiment *experiment = load_machines(machine, "machines.0.system.chip.tiles=24");
    assert_int_equal(experiment->machines[0].chip->tiles, 24);
    experiment_destroy(experiment);
    experiment = load_machines(machine, "machines.0.system.link_kinds.1.latency_seconds=0.5");
    assert_true(experiment->machines[0].system->kinds[1].latency_seconds == 0.5);
    experiment_destroy(experiment);
    experiment = load_machines(machine, "machines.0.chips=2");
    assert_int_equal(experiment->machines[0].parallel.chips, 2);
    experiment_destroy(experiment);
    experiment = load_machines(machine, "machines.0.system=pod16");
    assert_int_equal(experiment->machines[0].parallel.chips, 16);
    experiment_destroy(experiment);
}

static void a_machine_is_a_chip_or_a_system(void **state)
{
    (void)state;
    write_experiment("  - {chip: toy, system: toy-4}\n  - {system: toy-4, gpu: h100}\n"
                     "  - {chip: toy, chips: 2}\n  - {gpu: h100, replicas: 2}\n"
                     "  - {system: toy-4, precision: tf32}\n");
    EXPECT(NULL, "e.yaml:4:5: machines.0: has a chip and a system; a machine is one of them",
           "e.yaml:5:5: machines.1: has a system and a gpu; a machine is one of them",
           "e.yaml:6:24: machines.2.chips: belongs to a machine with a system",
           "e.yaml:7:27: machines.3.replicas: belongs to a machine with a system",
           "e.yaml:8:32: machines.4.precision: belongs to a machine with a gpu");
}

static void chips_and_samples_divide_among_replicas(void **state)
{
    (void)state;
    write_experiment("  - {system: toy-4, chips: 5}\n  - {system: toy-4, replicas: 3}\n"
                     "  - {system: toy-4, replicas: 4}\n");
    EXPECT(NULL, "e.yaml:4:28: machines.0.chips: 5 is outside 1..4 chips, all of toy-4",
           "e.yaml:5:31: machines.1.replicas: 4 chips cannot be divided into 3 equal parts",
           "e.yaml:6:31: machines.2.replicas: training.batch = 6 cannot be divided into 4 "
           "equal parts");
}

static void a_microbenchmark_has_no_replicas(void **state)
{
    (void)state;
    write_experiment("  - {system: toy-4, replicas: 2}\nworkload: {kind: stencil}\n");
    EXPECT(NULL, "e.yaml:4:31: machines.0.replicas: 2 are for training; workload.kind: stencil "
                 "has no network");
    write_experiment("  - {system: toy-4, replicas: 1}\nworkload: {kind: stencil}\n");
    EXPECT(NULL, NULL);
}

static void io_tiles_are_some_of_a_chips_tiles(void **state)
{
    (void)state;
    write_experiment("  - {system: toy-4, io_tiles: 2}\n"
                     "  - {system: toy-4, streaming: io_tiles, name: b}\n"
                     "  - {system: toy-4, streaming: io_tiles, io_tiles: 16, name: c}\n");
    EXPECT(NULL, "e.yaml:4:31: machines.0.io_tiles: 2 tiles, but streaming is not io_tiles",
           "e.yaml:5:5: machines.1.io_tiles: 0 is outside 1..15 tiles of a chip",
           "e.yaml:6:52: machines.2.io_tiles: 16 is outside 1..15 tiles of a chip");
    write_experiment("  - {system: toy-4, streaming: io_tiles, io_tiles: 15}\n");
    EXPECT(NULL, NULL);
}

static void chips_of_a_dense_layer_divide_those_of_a_replica(void **state)
{
    (void)state;
    write_experiment(
        "  - {system: toy-4, layer_chips: 2}\n"
        "  - {system: toy-4, lowering: dense, layer_chips: 3}\n"
        "  - {system: toy-4, lowering: dense, replicas: 2, layer_chips: 4, name: b}\n");
    EXPECT(NULL, "e.yaml:4:34: machines.0.layer_chips: 2 chips, but the lowering is not dense",
           "e.yaml:5:51: machines.1.layer_chips: the 4 chips of a replica cannot be divided into "
           "groups "
           "of 3",
           "e.yaml:6:64: machines.2.layer_chips: the 2 chips of a replica cannot be divided into "
           "groups "
           "of 4");
    write_experiment("  - {chip: toy, lowering: dense, layer_chips: 1}\n");
    EXPECT(NULL, "e.yaml:4:47: machines.0.layer_chips: belongs to a machine with a system");
    write_experiment("  - {system: toy-4, lowering: dense, replicas: 2, layer_chips: 2}\n");
    EXPECT(NULL, NULL);
}

static void a_resolved_system_can_be_read_again(void **state)
{
    (void)state;
    struct experiment *experiment =
        load_machines("  - {system: pod16, chips: 12, replicas: 3, all_reduce: two_level,\n"
                      "     replays_each: true, streaming: io_tiles, io_tiles: 32}\n"
                      "  - {system: bow, lowering: dense, streaming: double_buffered}\n"
                      "  - {system: {base: toy-4, uncertain: [\n"
                      "     {key: crossing_seconds, low: 1e-8, high: 1e-6}]}}\n"
                      "  - {chip: toy}\n",
                      NULL);
    json_t *json = experiment_to_json(experiment);
    assert_int_equal(json_dump_file(json, "e.yaml", 0), 0); // JSON is YAML
    struct err *err = err_create();
    struct experiment *again = experiment_load("e.yaml", NULL, 0, err);
    err_print(err, stderr);
    assert_non_null(again);
    json_t *json_again = experiment_to_json(again);
    assert_true(json_equal(json, json_again));
    assert_int_equal(again->machines[0].system->link_count,
                     experiment->machines[0].system->link_count);
    json_t *first = json_array_get(json_object_get(json, "machines"), 0);
    json_t *last = json_array_get(json_object_get(json, "machines"), 3);
    assert_null(json_object_get(first, "chip")); // it is in the system
    assert_int_equal(json_integer_value(config_json_at(first, "system.chip.tiles")), 1472);
    assert_null(json_object_get(last, "system"));
    assert_null(json_object_get(last, "streaming"));
    json_decref(json);
    json_decref(json_again);
    experiment_destroy(experiment);
    experiment_destroy(again);
    err_destroy(err);
}

static void the_parts_of_a_machine_are_its_files(void **state)
{
    (void)state;
    struct experiment *experiment =
        load_machines("  - {system: toy-4}\n  - {chip: toy}\n  - {gpu: h100}\n", NULL);
    struct machine_part parts[MACHINE_PARTS_MAX];
    assert_int_equal(experiment_machine_parts(&experiment->machines[0], parts), 2);
    assert_string_equal(parts[0].kind, "system");
    assert_ptr_equal(parts[0].scope.target, experiment->machines[0].system);
    assert_string_equal(parts[1].kind, "chip");
    assert_true(parts[1].is_in_system);
    assert_int_equal(experiment_machine_parts(&experiment->machines[1], parts), 1);
    assert_false(parts[0].is_in_system);
    assert_int_equal(experiment_machine_parts(&experiment->machines[2], parts), 1);
    assert_string_equal(parts[0].folder, "gpus");
    experiment_destroy(experiment);
}

#define TEST(name) cmocka_unit_test(name)
static void every_layer_of_the_sparse_form_has_a_tile(void **state)
{
    (void)state;
    const char *three = "network: {inputs: 8, hidden: [4, 4], outputs: 4}\n"
                        "machines: [{chip: {base: toy, tiles: 3}}]\n";
    EXPECT_FILE(three, "e.yaml:1:30: network.hidden: 2 hidden layers and the output need a tile "
                       "each, beside tile 0; machines.0 ('toy/sparse') has 3 tiles");
    EXPECT("machines.0.chip.tiles=2",
           "e.yaml:1:30: network.hidden: 2 hidden layers and the output need a tile each, beside "
           "tile 0; machines.0 ('toy/sparse') has 2 tiles (--set:1:23: machines.0.chip.tiles)");
    EXPECT("machines.0.chip.tiles=4", NULL);
    EXPECT("machines.0.lowering=dense", NULL); // layers share its tiles
    EXPECT_FILE("network: {inputs: 8, hidden: [4, 4], outputs: 4}\n"
                "machines: [{system: {base: toy-4, chip: {base: toy, tiles: 2}}, chips: 2}]\n",
                NULL);
    EXPECT("machines.0.replicas=2",
           "e.yaml:1:30: network.hidden: 2 hidden layers and the output need a tile each, beside "
           "tile 0; machines.0 ('toy-4-x2-r2/sparse') has 2 tiles");
    EXPECT_FILE("machines: [{chip: {base: toy, tiles: 2}}]\n",
                "e.yaml:1:38: machines.0.chip.tiles: 2 hidden layers and the output need a tile "
                "each, beside tile 0; machines.0 ('toy/sparse') has 2 tiles");
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    enter_empty_folder();
    const struct CMUnitTest tests[] = {
        TEST(a_ladder_is_crossed_by_its_rung_and_then_along_the_rail),
        TEST(shortest_ways_take_the_lowest_chips_first),
        TEST(every_pair_of_all_is_one_link_apart),
        TEST(two_chips_in_a_ring_have_one_link),
        TEST(listed_links_come_on_top_of_a_ladder),
        TEST(listed_routes_take_the_place_of_the_rule),
        TEST(a_listed_route_goes_along_links),
        TEST(a_sync_over_chips_takes_the_published_cycles),
        TEST(links_between_machines_are_of_their_own_kind),
        TEST(streaming_memory_of_an_m2000_is_not_behind_its_way_to_the_host),
        TEST(the_largest_system_is_joined_quickly),
        TEST(links_must_join_chips_that_exist),
        TEST(two_links_cannot_join_the_same_chips),
        TEST(a_system_in_parts_is_refused),
        TEST(a_topology_says_what_it_needs),
        TEST(keys_of_another_topology_are_refused),
        TEST(a_system_needs_a_chip_and_memory_a_bandwidth),
        TEST(uncertain_values_of_links_that_are_replaced_are_forgotten),
        TEST(a_machine_may_be_a_system_or_the_first_chips_of_one),
        TEST(keys_of_a_system_and_its_chip_can_be_set),
        TEST(a_machine_is_a_chip_or_a_system),
        TEST(chips_and_samples_divide_among_replicas),
        TEST(a_microbenchmark_has_no_replicas),
        TEST(io_tiles_are_some_of_a_chips_tiles),
        TEST(chips_of_a_dense_layer_divide_those_of_a_replica),
        TEST(a_resolved_system_can_be_read_again),
        TEST(the_parts_of_a_machine_are_its_files),
        TEST(every_layer_of_the_sparse_form_has_a_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Systems made by hand of the fixture's chip: 1e9 cycles per second, so that 1e9 bytes per second
// are a byte per cycle.
#ifndef TILESIM_TESTS_SIM_FIXTURE_SYSTEM_H
#define TILESIM_TESTS_SIM_FIXTURE_SYSTEM_H

#include "sim/system.h"
#include "tests/sim/fixture_chip.h"

struct fixture_system { // stays where it is: its parts point at each other
    struct chip_config chip;
    struct link_kind kind;
    struct listed_link listed[8];
    struct system_config system;
};

// Links of 2 bytes per cycle that take 30 cycles, 100 to leave a chip; slots and machines of two
// chips; streaming memory of 4 bytes per cycle and 50 cycles, of which one chip reaches 3. No links
// yet but those of the topology.
static inline void fixture_system_open(struct fixture_system *fixture, uint32_t chips,
                                       enum system_topology topology)
{
    *fixture = (struct fixture_system){
        .chip = fixture_chip(),
        .kind = {.name = "link",
                 .bytes_per_second = 4e9,
                 .efficiency = 0.5,
                 .latency_seconds = 30e-9},
    };
    fixture->system = (struct system_config){
        .name = "fixture",
        .chip = &fixture->chip,
        .chips = chips,
        .topology = topology,
        .link = "link",
        .rung = "link",
        .rail = "link",
        .kind_count = 1,
        .kinds = &fixture->kind,
        .listed = fixture->listed,
        .stream_efficiency = 1,
        .crossing_seconds = 100e-9,
        .sync_hop_seconds = 15e-9,
        .chips_per_slot = 2,
        .slot_bytes_per_second = 2e9,
        .chips_per_machine = 2,
        .streaming = {.bytes = 1000000000,
                      .bytes_per_second = 4e9,
                      .latency_seconds = 50e-9,
                      .chip_bytes_per_second = 3e9},
    };
    system_derive(&fixture->system);
}

// One more link.
static inline void fixture_system_list(struct fixture_system *fixture, uint32_t from, uint32_t to)
{
    fixture->listed[fixture->system.listed_count++] = (struct listed_link){from, to, "link"};
    system_forget_derived(&fixture->system);
    system_derive(&fixture->system);
}

static inline void fixture_system_close(struct fixture_system *fixture)
{
    system_forget_derived(&fixture->system);
}

#endif

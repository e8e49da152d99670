// Inside sim/engine/: a timing run of a system. One actor per chip; at its host's slot one that
// feeds it and one that takes its results; at its machine's memory one for every lane of a channel.
#ifndef TILESIM_SIM_ENGINE_SYSTEM_RUN_H
#define TILESIM_SIM_ENGINE_SYSTEM_RUN_H

#include <simgrid/barrier.h>
#include <simgrid/mailbox.h>

#include "exchange/exchange.h"
#include "exchange/traffic.h"
#include "sim/engine/all_reduce.h"
#include "sim/engine/engine.h"
#include "sim/engine/host_port.h"
#include "sim/engine/stream_port.h"
#include "sim/engine/system_platform.h"
#include "sim/engine/timeline.h"

// Where chips wait for each other and agree on the cycle to go on at. Two are kept: a chip may be
// at the next meeting before another has read what came of this one; a cycle agreed on never falls.
struct meeting {
    sg_bar_t barrier;
    uint32_t members;
    uint64_t latest_cycles[2];
};

// What a step's part outside the chips took when the clock ran it first. It takes that again
// wherever nothing else can be on the same links: the chips begin together, and time has no part in
// what SimGrid answers.
struct known_wait {
    bool is_known;
    uint64_t cycles;
};

struct system_tile { // detailed
    struct system_run *run;
    struct replica *replica;
    uint32_t replica_number;
    uint32_t number;             // of the program
    uint64_t exchanges;          // begun so far
    uint64_t *worker_millislots; // owned; scratch
};

struct replica {
    sg_bar_t tiles_barrier;        // detailed: tiles and chips
    struct exchange_load loads[2]; // the same; maxima over tiles, of this exchange and of the next
    struct meeting meeting;
    struct known_wait *waits;      // owned; [exchange_count]
    struct superstep_cycles total; // measured, so far
    uint64_t *share_cycles;        // owned; [share_count]
};

struct system_run {
    struct engine_job *job;
    uint32_t chips, replicas;
    uint32_t replica_chips;  // that the program takes, the first of
    uint32_t replica_stride; // those that a replica may take
    uint32_t share_count;
    struct timeline *timelines; // owned; [replica with a record of its own][record]
    bool has_warm_up;
    bool repeats_exchanges;       // known waits may be used again
    struct traffic_list *traffic; // owned; [exchange_count]
    struct system_ways *ways;     // owned
    struct system_uses uses;
    struct stream_lanes lanes; // owned
    uint64_t received_per_replay, sent_per_replay;
    struct replica *all_replicas;     // owned; [replicas]
    struct meeting meeting;           // of all chips
    struct superstep_list supersteps; // detailed: the whole list
    struct system_tile *tiles;        // detailed; owned; of all replicas
    uint32_t tile_count;
    // detailed; owned; [exchange_count][tiles of the program], counted when first needed
    struct exchange_load **loads;
    struct known_wait *reduces;       // owned; [share_count]
    struct system_chip *all_chips;    // owned; [chips]; idle ones are never opened
    struct system_actor *actors;      // owned
    uint32_t actor_count, actor_room; // room is for all from the start
    // of the first chip in the last run, where job->leaves asks for it
    double *transfer_ends;    // owned; SimGrid's clock; [timeline's count]
    uint64_t last_run_cycles; // where it began
};

struct system_chip {
    struct system_run *run;
    struct system_actor *actor;
    struct replica *replica;
    uint32_t chip, rank; // of the system, of the replica
    uint64_t now_cycles;
    uint64_t replica_meetings, all_meetings; // held so far
    struct host_port *host;                  // owned
    struct stream_port *memory;              // owned
    sg_mailbox_t links;                      // words of exchanges come in here
    sg_mailbox_t reduces[ALL_REDUCE_PHASES]; // and parts of gradients here
    uint64_t exchanges;                      // detailed: begun so far
    double add_until_cycles;                 // all-reduce: what came is added until then
};

#define ACTOR_NO_CHANNEL UINT32_MAX

enum system_actor_kind { ACTOR_CHIP, ACTOR_FEEDER, ACTOR_TAKER, ACTOR_MEMORY, ACTOR_TILE };
struct system_actor {
    struct system_run *run;
    enum system_actor_kind kind;
    uint32_t chip;
    uint32_t lane;         // ACTOR_MEMORY
    const char *waits_for; // static text
    const char *step;      // name, or NULL
    uint32_t channel;      // of streaming memory, or ACTOR_NO_CHANNEL
    uint32_t tile;         // ACTOR_TILE: of run->tiles
    bool has_ended;
};

// What the actors that have not ended wait for; the first few of them. Owned by the caller.
char *system_actors_explain(const struct system_run *run);

// Records that replica `replica` goes by in replay `replay`, the warm-up counted.
const struct timeline *system_timeline(const struct system_run *run, uint32_t replica,
                                       uint32_t replay);
const struct activity *system_record(const struct system_run *run, uint32_t replica,
                                     uint32_t replay);
uint32_t system_replays(const struct system_run *run);
// Replays whose batches hosts feed: as in a long training, later ones are on their way while the
// last one runs, and share what they pass with its other transfers.
uint32_t system_fed_replays(const struct system_run *run);
// What one chip has of something that the chips of a replica share evenly.
uint64_t system_part_bytes(const struct system_run *run, uint32_t rank, uint64_t bytes);
const char *system_step_name(const struct program *program, const struct program_step *step);

// Main of a chip's actor, without its end.
void system_chip_run(struct system_chip *chip);
// Takes a chip through a step that leaves it, from now_cycles on. Returns what it waits beyond its
// own cycles.
uint64_t system_chip_take(struct system_chip *chip, const struct superstep *superstep);
void system_chip_sleep(struct system_chip *chip); // until SimGrid's clock is at now_cycles

// --- detailed
void system_tiles_open(struct system_run *run);
void system_tiles_close(struct system_run *run);
void system_tile_run(struct system_tile *tile); // main of its actor, without its end
void system_chip_walk(struct system_chip *chip, bool is_measured); // one replay

#endif

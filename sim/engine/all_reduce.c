#include "sim/engine/all_reduce.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"
#include "tiles/codelets/codelets.h"

struct reducing {
    uint64_t bytes;
    void (*visit)(void *context, const struct all_reduce_step *step);
    void *context;
};

struct members {     // chips that sum with each other, and which of them is at hand
    uint32_t *chips; // owned
    uint32_t count, own;
};

// --- ring ---------------------------------------------------------------------------------------
static uint64_t chunk_bytes(const struct reducing *reducing, uint32_t chunk, uint32_t count)
{
    return reducing->bytes * (chunk + 1) / count - reducing->bytes * chunk / count;
}

// Steps first..end-1 of the 2 (count - 1): in the first half chunks are summed, after it chip `own`
// has the sum of chunk own + 1; in the second half they are copied.
static void ring_steps(const struct reducing *reducing, const struct members *members,
                       uint32_t first, uint32_t end, uint32_t phase)
{
    uint32_t count = members->count, own = members->own;
    for (uint32_t i = first; i < end; i++) {
        bool is_summing = i < count - 1;
        // a chunk goes on to the next chip in the step after it came
        uint32_t sent = (own + 2 * count - i) % count;
        uint32_t received = (sent + count - 1) % count;
        reducing->visit(reducing->context,
                        &(struct all_reduce_step){
                            .sends = true,
                            .receives = true,
                            .to = members->chips[(own + 1) % count],
                            .from = members->chips[(own + count - 1) % count],
                            .sent_bytes = chunk_bytes(reducing, sent, count),
                            .added_bytes = is_summing ? chunk_bytes(reducing, received, count) : 0,
                            .phase = phase,
                        });
    }
}

static void ring(const struct reducing *reducing, const struct members *members, uint32_t phase)
{
    ring_steps(reducing, members, 0, 2 * (members->count - 1), phase);
}

// --- tree ---------------------------------------------------------------------------------------
static void send_whole(const struct reducing *reducing, uint32_t to, uint32_t phase)
{
    reducing->visit(reducing->context,
                    &(struct all_reduce_step){
                        .sends = true, .to = to, .sent_bytes = reducing->bytes, .phase = phase});
}

static void receive_whole(const struct reducing *reducing, uint32_t from, uint64_t added_bytes,
                          uint32_t phase)
{
    reducing->visit(reducing->context, &(struct all_reduce_step){.receives = true,
                                                                 .from = from,
                                                                 .added_bytes = added_bytes,
                                                                 .phase = phase});
}

static void sum_to_first(const struct reducing *reducing, const struct members *members,
                         uint32_t phase)
{
    for (uint32_t distance = 1; distance < members->count; distance *= 2) {
        if (members->own % (2 * distance) != 0) {
            send_whole(reducing, members->chips[members->own - distance], phase);
            return;
        }
        if (members->own + distance < members->count) {
            receive_whole(reducing, members->chips[members->own + distance], reducing->bytes,
                          phase);
        }
    }
}

static void copy_from_first(const struct reducing *reducing, const struct members *members,
                            uint32_t phase)
{
    uint32_t distance = 1;
    while (distance < members->count && members->own % (2 * distance) == 0) {
        distance *= 2;
    }
    if (members->own != 0) {
        receive_whole(reducing, members->chips[members->own - distance], 0, phase);
    }
    for (distance /= 2; distance > 0; distance /= 2) {
        if (members->own + distance < members->count) {
            send_whole(reducing, members->chips[members->own + distance], phase);
        }
    }
}

// --- which chips --------------------------------------------------------------------------------
// Of the chip's place in all replicas those that `machine` holds; UINT32_MAX: all machines.
static struct members find_members(const struct system_config *system,
                                   const struct parallel_config *parallel, uint32_t chip,
                                   uint32_t machine)
{
    uint32_t of_replica = parallel->chips / parallel->replicas;
    struct members members = {.chips = xcalloc(parallel->replicas, sizeof(uint32_t))};
    for (uint32_t i = 0; i < parallel->replicas; i++) {
        uint32_t member = i * of_replica + chip % of_replica;
        if (machine == UINT32_MAX || member / system->chips_per_machine == machine) {
            members.own = member == chip ? members.count : members.own;
            members.chips[members.count++] = member;
        }
    }
    return members;
}

// The members at the same place of their machine as the chip; of none, if machines have unequal
// numbers of them.
static struct members find_alike(const struct system_config *system,
                                 const struct parallel_config *parallel, uint32_t chip,
                                 const struct members *beside)
{
    struct members all = find_members(system, parallel, chip, UINT32_MAX);
    struct members alike = {.chips = xcalloc(all.count, sizeof(uint32_t))};
    uint32_t first = 0;
    while (first < all.count) {
        uint32_t machine = all.chips[first] / system->chips_per_machine;
        uint32_t end = first;
        while (end < all.count && all.chips[end] / system->chips_per_machine == machine) {
            end++;
        }
        if (end - first != beside->count) {
            alike.count = 0;
            break;
        }
        alike.own = all.chips[first + beside->own] == chip ? alike.count : alike.own;
        alike.chips[alike.count++] = all.chips[first + beside->own];
        first = end;
    }
    free(all.chips);
    return alike;
}

// In a machine every chip sums a chunk; chips with the same chunk sum it over the machines; then it
// goes around.
static void two_levels(const struct reducing *reducing, const struct system_config *system,
                       const struct parallel_config *parallel, uint32_t chip)
{
    struct members beside = find_members(system, parallel, chip, chip / system->chips_per_machine);
    struct members alike = find_alike(system, parallel, chip, &beside);
    uint32_t half = beside.count - 1;
    if (alike.count > 0) {
        struct reducing chunk = *reducing;
        chunk.bytes = chunk_bytes(reducing, (beside.own + 1) % beside.count, beside.count);
        ring_steps(reducing, &beside, 0, half, 0);
        ring(&chunk, &alike, 1);
        ring_steps(reducing, &beside, half, 2 * half, 2);
    } else {
        struct members all = find_members(system, parallel, chip, UINT32_MAX);
        ring(reducing, &all, 0);
        free(all.chips);
    }
    free(alike.chips);
    free(beside.chips);
}

void all_reduce_walk(const struct system_config *system, const struct parallel_config *parallel,
                     uint32_t chip, uint64_t chip_bytes,
                     void (*visit)(void *context, const struct all_reduce_step *step),
                     void *context)
{
    const struct reducing reducing = {.bytes = chip_bytes, .visit = visit, .context = context};
    struct members all = find_members(system, parallel, chip, UINT32_MAX);
    switch (parallel->all_reduce) {
    case ALL_REDUCE_RING:
        ring(&reducing, &all, 0);
        break;
    case ALL_REDUCE_TREE:
        sum_to_first(&reducing, &all, 0);
        copy_from_first(&reducing, &all, 1);
        break;
    case ALL_REDUCE_TWO_LEVEL:
        two_levels(&reducing, system, parallel, chip);
        break;
    }
    free(all.chips);
}

// As one in-place sum of two tensors, and the launch of its compute set.
uint64_t all_reduce_add_cycles(const struct chip_config *chip, uint64_t bytes)
{
    uint64_t elements = div_ceil(div_ceil(bytes, 4), chip->tiles);
    const uint32_t sizes[VERTEX_SIZES] = {
        (uint32_t)elements,
        FORM_IN_PLACE, [SIZE_TYPE] = TYPE_float32, [SIZE_OPERATION] = OPERATION_add};
    return elements == 0
               ? 0
               : chip->tile.launch_cycles + vertex_cycles_alone(CODELET_binary_op, sizes, chip);
}

// --- an estimate --------------------------------------------------------------------------------
struct round { // messages of the same time
    const struct system_config *system;
    const struct parallel_config *parallel;
    uint32_t places;
    double *busy_seconds; // owned; [lane], for each byte of a message
    double latency_seconds;
};

static void add_message(struct round *round, uint32_t from, uint32_t to)
{
    const struct system_config *system = round->system;
    struct system_route route = system_route(system, from, to);
    for (uint32_t i = 0; i < route.count; i++) {
        round->busy_seconds[route.lanes[i]] +=
            1 / system_link_rate(system, &system->links[route.links[i]]);
    }
    round->latency_seconds = fmax(round->latency_seconds, route.latency_seconds);
    system_route_free(&route);
}

// Every replica to the next one (stride 1), or every second one of those `stride` apart to the one
// before.
static double round_cycles(struct round *round, bool is_ring, uint32_t stride, uint64_t bytes)
{
    const struct parallel_config *parallel = round->parallel;
    uint32_t of_replica = parallel->chips / parallel->replicas;
    uint32_t lanes = 2 * round->system->link_count;
    round->busy_seconds = xcalloc(lanes, sizeof *round->busy_seconds);
    round->latency_seconds = 0;
    for (uint32_t i = is_ring ? 0 : stride; i < parallel->replicas; i += is_ring ? 1 : 2 * stride) {
        uint32_t to = is_ring ? (i + 1) % parallel->replicas : i - stride;
        for (uint32_t place = 0; place < round->places; place++) {
            add_message(round, i * of_replica + place, to * of_replica + place);
        }
    }
    double busiest_seconds = 0;
    for (uint32_t i = 0; i < lanes; i++) {
        busiest_seconds = fmax(busiest_seconds, round->busy_seconds[i]);
    }
    free(round->busy_seconds);
    return ((double)bytes * busiest_seconds + round->latency_seconds) *
           round->system->chip->clock_hz;
}

uint64_t all_reduce_estimate_cycles(const struct system_config *system,
                                    const struct parallel_config *parallel, uint32_t places,
                                    uint64_t chip_bytes)
{
    uint32_t count = parallel->replicas;
    struct round round = {.system = system, .parallel = parallel, .places = places};
    double cycles = 0;
    if (parallel->all_reduce != ALL_REDUCE_TREE) {
        uint64_t bytes = div_ceil(chip_bytes, count);
        cycles = 2 * (count - 1) * round_cycles(&round, true, 1, bytes) +
                 (double)((count - 1) * all_reduce_add_cycles(system->chip, bytes));
        return (uint64_t)ceil(cycles);
    }
    for (uint32_t stride = 1; stride < count; stride *= 2) {
        cycles += 2 * round_cycles(&round, false, stride, chip_bytes) +
                  (double)all_reduce_add_cycles(system->chip, chip_bytes);
    }
    return (uint64_t)ceil(cycles);
}

// All plans of a kind are visited, at most T (1 + ln T) of them; those are kept of which no other
// is as fast and needs less (the frontier). With the exact check, the line that says what a plan
// needs is trusted to order plans, not to place the limit: the limit is galloped to and bisected
// along the frontier.
#include "workloads/checkpoint/planner.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define BOUND 4u     // limits: what needs more by the line does not fit by the exact check either
#define GUARDS 1024u // sixteen for each doubling of 64-bit bytes

// Rounded, so that sums in another order are equal; of equal seconds the fewer transfers.
struct speed {
    float seconds;
    uint32_t places;
};

struct candidate {
    struct speed speed;
    uint64_t sram_bytes;
    enum checkpoint_kind kind;
    uint32_t remote, local, levels;
};

struct search {
    struct checkpoint_config wanted;
    uint32_t time_steps;
    const struct planner_memory *memory;
    const struct planner_costs *costs;
    struct candidate *candidates; // owned; then the frontier: more bytes, faster
    uint32_t count, capacity;
    uint64_t bound_bytes;  // plans that need more are left out
    bool has_equal_chunks; // all others are left out
    // Of the fastest plan seen that needs the bytes of this guard or less.
    struct speed guards[GUARDS];
};

static struct speed speed_of(const struct planner_size *size)
{
    return (struct speed){(float)size->seconds, size->places};
}

static bool is_slower(struct speed a, struct speed b)
{
    return a.seconds > b.seconds || (a.seconds == b.seconds && a.places > b.places);
}

// Grows with the bytes: their highest bit and the four below it.
static uint32_t guard_of(uint64_t bytes)
{
    if (bytes < 16) {
        return (uint32_t)bytes;
    }
    uint32_t highest = 63 - (uint32_t)__builtin_clzll(bytes);
    return 16 * (highest - 3) + (uint32_t)(bytes >> (highest - 4) & 15u);
}

// Most plans are slower than one that needs clearly less: these are not even kept.
static bool is_guarded(const struct search *search, const struct planner_size *size)
{
    uint32_t guard = guard_of(size->sram_bytes);
    return guard > 0 && !is_slower(search->guards[guard - 1], speed_of(size));
}

static bool is_as_good(const struct candidate *a, const struct candidate *b)
{
    return !is_slower(a->speed, b->speed) && a->sram_bytes <= b->sram_bytes;
}

// Neighbours differ in one number, and one of them is often as good in both.
static void add_candidate(struct search *search, struct candidate candidate)
{
    if (search->count > 0 && is_as_good(&search->candidates[search->count - 1], &candidate)) {
        return;
    }
    while (search->count > 0 && is_as_good(&candidate, &search->candidates[search->count - 1])) {
        search->count--;
    }
    if (search->count == search->capacity) {
        search->capacity = search->capacity == 0 ? 1024 : search->capacity * 2;
        search->candidates =
            xrealloc(search->candidates, search->capacity * sizeof *search->candidates);
    }
    search->candidates[search->count++] = candidate;
}

static bool has_equal_chunks(const struct checkpoint_config *config, uint32_t time_steps)
{
    struct plan_numbers has = plan_numbers_of(config->kind);
    uint64_t chunks = has.has_remote ? config->remote : 1;
    uint32_t levels = has.has_levels ? config->levels - 1 : has.has_local ? 1 : 0;
    for (uint32_t i = 0; i < levels; i++) {
        chunks *= config->local;
    }
    return has.has_chunks && time_steps % chunks == 0;
}

// What the plan needs.
static uint64_t visit(struct search *search, const struct checkpoint_config *config)
{
    if (search->has_equal_chunks && !has_equal_chunks(config, search->time_steps)) {
        return UINT64_MAX;
    }
    struct planner_size size =
        planner_size_of(config, search->time_steps, search->memory, search->costs);
    if (size.remote_bytes > search->memory->remote_limit_bytes ||
        size.sram_bytes > search->bound_bytes || is_guarded(search, &size)) {
        return size.sram_bytes;
    }
    struct speed speed = speed_of(&size);
    add_candidate(search, (struct candidate){speed, size.sram_bytes, config->kind, config->remote,
                                             config->local, config->levels});
    for (uint32_t i = guard_of(size.sram_bytes); i < GUARDS && is_slower(search->guards[i], speed);
         i++) {
        search->guards[i] = speed;
    }
    return size.sram_bytes;
}

// 1 .. most, or the number that was given.
struct range {
    uint32_t first, last;
};

static struct range range_of(uint32_t given, uint32_t first, uint32_t last)
{
    return given != 0 ? (struct range){given, given} : (struct range){first, last};
}

// What a plan with so many local checkpoints needs at least.
static uint64_t slots_bytes(const struct search *search, uint32_t local)
{
    return search->memory->base_bytes + (local - 1) * search->memory->slot_bytes;
}

// The fewest chunks whose history is within bounds.
static uint32_t least_chunks(const struct search *search)
{
    const struct planner_memory *memory = search->memory;
    if (memory->history_bytes == 0 || search->bound_bytes <= memory->base_bytes) {
        return 1;
    }
    uint64_t steps = (search->bound_bytes - memory->base_bytes) / memory->history_bytes;
    return steps == 0 ? 1 : (uint32_t)div_ceil(search->time_steps, steps);
}

// More local checkpoints never make it faster: from where their slots alone need what fewer need in
// all, they are of no use.
static void visit_row(struct search *search, struct checkpoint_config config)
{
    uint32_t most = search->time_steps / config.remote;
    uint32_t least = (uint32_t)min_u64(most, div_ceil(least_chunks(search), config.remote));
    struct range local = range_of(search->wanted.local, least, most);
    uint64_t least_bytes = search->bound_bytes;
    for (config.local = local.first;
         config.local <= local.last && (uint64_t)config.local * config.remote <= search->time_steps;
         config.local++) {
        if (slots_bytes(search, config.local) > least_bytes) {
            return;
        }
        least_bytes = min_u64(least_bytes, visit(search, &config));
    }
}

static void visit_double(struct search *search, struct checkpoint_config config)
{
    struct range remote = range_of(search->wanted.remote, 1, search->time_steps);
    for (config.remote = remote.first; config.remote <= remote.last; config.remote++) {
        visit_row(search, config);
    }
}

static bool is_deeper_legal(const struct checkpoint_config *config, uint32_t time_steps)
{
    uint64_t chunks = 1;
    for (uint32_t i = 0; i + 1 < config->levels && chunks <= time_steps; i++) {
        chunks *= config->local;
    }
    return chunks <= time_steps;
}

static void visit_nested(struct search *search, struct checkpoint_config config)
{
    struct range levels = range_of(search->wanted.levels, 2, 32);
    for (config.levels = levels.first; config.levels <= levels.last; config.levels++) {
        struct range local = range_of(search->wanted.local, 2, search->time_steps);
        for (config.local = local.first;
             config.local <= local.last && is_deeper_legal(&config, search->time_steps) &&
             slots_bytes(search, config.local) <= search->bound_bytes;
             config.local++) {
            visit(search, &config);
        }
    }
}

static void visit_kind(struct search *search, enum checkpoint_kind kind)
{
    struct plan_numbers has = plan_numbers_of(kind);
    struct checkpoint_config config = search->wanted;
    config.kind = kind;
    config.keeps_last = config.keeps_last && has.has_chunks;
    if (kind == CHECKPOINT_DOUBLE) {
        visit_double(search, config);
    } else if (kind == CHECKPOINT_NESTED) {
        visit_nested(search, config);
    } else if (has.has_remote) {
        struct range remote = range_of(search->wanted.remote, 1, search->time_steps);
        for (config.remote = remote.first; config.remote <= remote.last; config.remote++) {
            visit(search, &config);
        }
    } else if (has.has_local) {
        struct range local = range_of(search->wanted.local, 1, search->time_steps);
        for (config.local = local.first;
             config.local <= local.last && slots_bytes(search, config.local) <= search->bound_bytes;
             config.local++) {
            visit(search, &config);
        }
    } else {
        visit(search, &config);
    }
}

static void visit_all(struct search *search, uint64_t bound_bytes)
{
    search->bound_bytes = bound_bytes;
    for (uint32_t i = 0; i < GUARDS; i++) {
        search->guards[i] = (struct speed){HUGE_VALF, 0};
    }
    for (enum checkpoint_kind kind = 0; kind < CHECKPOINT_KINDS; kind++) {
        if (search->wanted.kind == CHECKPOINT_AUTO || search->wanted.kind == kind) {
            visit_kind(search, kind);
        }
    }
}

// --- the frontier -------------------------------------------------------------------------------
static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

// By bytes, then speed; the rest only so that the order is one.
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->sram_bytes != right->sram_bytes) {
        return left->sram_bytes < right->sram_bytes ? -1 : 1;
    }
    if (is_slower(left->speed, right->speed) || is_slower(right->speed, left->speed)) {
        return is_slower(right->speed, left->speed) ? -1 : 1;
    }
    int order = compare_numbers(left->kind, right->kind);
    order = order == 0 ? compare_numbers(left->levels, right->levels) : order;
    order = order == 0 ? compare_numbers(left->remote, right->remote) : order;
    return order == 0 ? compare_numbers(left->local, right->local) : order;
}

static void keep_frontier(struct search *search)
{
    if (search->count > 0) {
        qsort(search->candidates, search->count, sizeof *search->candidates, compare_candidates);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < search->count; i++) {
        if (kept == 0 ||
            is_slower(search->candidates[kept - 1].speed, search->candidates[i].speed)) {
            search->candidates[kept++] = search->candidates[i];
        }
    }
    search->count = kept;
}

static struct planner_size size_at(const struct search *search, uint32_t i)
{
    const struct candidate *candidate = &search->candidates[i];
    struct checkpoint_config config = search->wanted;
    config.kind = candidate->kind;
    config.local = candidate->local;
    config.remote = candidate->remote;
    config.levels = candidate->levels;
    config.keeps_last = config.keeps_last && plan_numbers_of(config.kind).has_chunks;
    return planner_size_of(&config, search->time_steps, search->memory, search->costs);
}

// Plans of the frontier that the line says need no more.
static uint32_t count_within(const struct search *search, uint64_t bytes)
{
    uint32_t first = 0, last = search->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (search->candidates[middle].sram_bytes <= bytes) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first;
}

struct bracket { // the first `fitting` plans of the frontier fit, those from `failing` on do not
    uint32_t fitting, failing;
    uint32_t calls;
};

// True: what the line says more than what the plan really needs, in *line_error.
static bool ask(const struct search *search, uint32_t i, struct bracket *bracket,
                int64_t *line_error)
{
    struct planner_size size = size_at(search, i);
    uint64_t bytes = 0;
    bool fits = search->memory->fits(search->memory->context, &size, &bytes);
    bracket->calls++;
    if (fits) {
        bracket->fitting = i + 1;
    } else {
        bracket->failing = i;
    }
    *line_error = (int64_t)size.sram_bytes - (int64_t)bytes;
    return bytes > 0;
}

// The same by the exact check. The line is off by about as much at a plan that was asked as at the
// limit, which gives the next one to ask; every third one is the middle of those left, so that a
// limit which is none of bytes is found as well.
static struct bracket find_limit(const struct search *search)
{
    struct bracket bracket = {.failing = search->count};
    uint64_t limit = search->memory->limit_bytes;
    uint64_t line_limit = limit;
    while (bracket.fitting < bracket.failing) {
        uint32_t within = count_within(search, line_limit);
        uint32_t guess = within == 0 ? 0 : within - 1;
        if (bracket.calls % 3 == 2) {
            guess = bracket.fitting + (bracket.failing - bracket.fitting) / 2;
        }
        guess = (uint32_t)min_u64(max_u64(guess, bracket.fitting), bracket.failing - 1);
        int64_t line_error;
        if (ask(search, guess, &bracket, &line_error)) {
            line_limit =
                line_error < 0 && (uint64_t)-line_error > limit ? 0 : limit + (uint64_t)line_error;
        }
    }
    return bracket;
}

// Equal chunks take fewer steps of the control program than unequal ones, which the line does not
// know: of those plans a faster one may fit where the limit is near.
static void try_equal_chunks(const struct search *of, struct planner_answer *answer)
{
    struct search search = {.wanted = of->wanted,
                            .time_steps = of->time_steps,
                            .memory = of->memory,
                            .costs = of->costs,
                            .has_equal_chunks = true};
    visit_all(&search, of->memory->limit_bytes * BOUND);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < search.count; i++) {
        if (!answer->is_found || is_slower(speed_of(&answer->size), search.candidates[i].speed)) {
            search.candidates[kept++] = search.candidates[i];
        }
    }
    search.count = kept;
    keep_frontier(&search);
    struct bracket bracket = find_limit(&search);
    answer->fits_calls += bracket.calls;
    if (bracket.fitting > 0) {
        answer->is_found = true;
        answer->size = size_at(&search, bracket.fitting - 1);
    }
    free(search.candidates);
}

struct planner_answer planner_choose(const struct checkpoint_config *config, uint32_t time_steps,
                                     const struct planner_memory *memory,
                                     const struct planner_costs *costs)
{
    struct search search = {
        .wanted = *config, .time_steps = time_steps, .memory = memory, .costs = costs};
    struct planner_answer answer = {0};
    visit_all(&search, memory->limit_bytes * BOUND);
    if (search.count == 0) {
        visit_all(&search, UINT64_MAX);
    }
    keep_frontier(&search);
    if (search.count == 0) {
        free(search.candidates);
        return answer;
    }
    struct bracket bracket = {.fitting = count_within(&search, memory->limit_bytes)};
    if (memory->fits != NULL) {
        bracket = find_limit(&search);
    }
    uint32_t fitting = bracket.fitting;
    answer.fits_calls = bracket.calls;
    answer.is_found = fitting > 0;
    answer.size = size_at(&search, answer.is_found ? fitting - 1 : 0);
    if (memory->fits != NULL) {
        try_equal_chunks(&search, &answer);
    }
    free(search.candidates);
    return answer;
}

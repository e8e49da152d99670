// All plans of a kind are visited, at most T (1 + ln T) of them; those are kept of which no other is as fast and
// needs less (the frontier). With the exact check, the line that says what a plan needs is trusted to order
// plans, not to place the limit: the limit is galloped to and bisected along the frontier.
#include "workloads/checkpoint/planner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define GUARDS 1024u // sixteen for each doubling of 64-bit bytes

struct candidate {
    double seconds;
    uint64_t sram_bytes;
    enum checkpoint_kind kind;
    uint32_t remote, local, levels;
};

struct search {
    struct checkpoint_config wanted;
    uint32_t time_steps;
    const struct planner_memory *memory;
    const struct planner_costs *costs;
    struct candidate *candidates; // owned; then the frontier: more bytes, fewer seconds
    uint32_t count, capacity;
    double
        guard_seconds[GUARDS];   // the fastest plan seen that needs the bytes of this guard or less
    uint64_t least_remote_bytes; // that any plan needs
};

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
    return guard > 0 && search->guard_seconds[guard - 1] <= size->seconds;
}

static bool is_as_good(const struct candidate *a, const struct candidate *b)
{
    return a->seconds <= b->seconds && a->sram_bytes <= b->sram_bytes;
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

// What the plan needs.
static uint64_t visit(struct search *search, const struct checkpoint_config *config)
{
    struct planner_size size =
        planner_size_of(config, search->time_steps, search->memory, search->costs);
    search->least_remote_bytes = min_u64(search->least_remote_bytes, size.remote_bytes);
    if (size.remote_bytes > search->memory->remote_limit_bytes || is_guarded(search, &size)) {
        return size.sram_bytes;
    }
    add_candidate(search, (struct candidate){size.seconds, size.sram_bytes, config->kind,
                                             config->remote, config->local, config->levels});
    for (uint32_t i = guard_of(size.sram_bytes);
         i < GUARDS && search->guard_seconds[i] > size.seconds; i++) {
        search->guard_seconds[i] = size.seconds;
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

// More local checkpoints never make it faster: from where their slots alone need what fewer need in all, they are
// of no use.
static void visit_row(struct search *search, struct checkpoint_config config)
{
    struct range local = range_of(search->wanted.local, 1, search->time_steps / config.remote);
    uint64_t least_bytes = UINT64_MAX;
    for (config.local = local.first;
         config.local <= local.last && (uint64_t)config.local * config.remote <= search->time_steps;
         config.local++) {
        uint64_t slots_bytes = (config.local - 1) * search->memory->slot_bytes;
        if (search->memory->base_bytes + slots_bytes > least_bytes) {
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
             config.local <= local.last && is_deeper_legal(&config, search->time_steps);
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
        for (config.local = local.first; config.local <= local.last; config.local++) {
            visit(search, &config);
        }
    } else {
        visit(search, &config);
    }
}

static void visit_all(struct search *search)
{
    for (uint32_t i = 0; i < GUARDS; i++) {
        search->guard_seconds[i] = HUGE_VAL;
    }
    search->least_remote_bytes = UINT64_MAX;
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

// By bytes, then seconds; the rest only so that the order is one.
static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->sram_bytes != right->sram_bytes) {
        return left->sram_bytes < right->sram_bytes ? -1 : 1;
    }
    if (left->seconds != right->seconds) {
        return left->seconds < right->seconds ? -1 : 1;
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
        if (kept == 0 || search->candidates[i].seconds < search->candidates[kept - 1].seconds) {
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

// Plans of the frontier that the line says fit.
static uint32_t count_within_limit(const struct search *search)
{
    uint32_t first = 0, last = search->count;
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (search->candidates[middle].sram_bytes <= search->memory->limit_bytes) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return first;
}

static bool ask(const struct search *search, uint32_t i, uint32_t *fits_calls)
{
    struct planner_size size = size_at(search, i);
    ++*fits_calls;
    return search->memory->fits(search->memory->context, &size);
}

// The same by the exact check: from what the line says, in doubling steps until one fits and one does not,
// then halving between them.
static uint32_t count_that_fit(const struct search *search, uint32_t *fits_calls)
{
    uint32_t within = count_within_limit(search);
    uint32_t guess = within == 0 ? 0 : within - 1;
    uint32_t fitting = 0,
             failing = search->count; // the first `fitting` do, those from `failing` on do not
    for (uint32_t step = 1; fitting < failing; step *= 2) {
        if (ask(search, guess, fits_calls)) {
            fitting = guess + 1;
        } else {
            failing = guess;
        }
        bool has_both = fitting > 0 && failing < search->count;
        if (fitting == failing) {
            break;
        }
        if (has_both) {
            guess = fitting + (failing - fitting) / 2;
        } else if (fitting > 0) {
            guess = (uint32_t)min_u64(fitting - 1 + step, search->count - 1);
        } else {
            guess = failing > step ? failing - step : 0;
        }
    }
    return fitting;
}

// --- the reason ---------------------------------------------------------------------------------
struct bytes_text {
    char text[24];
};

static struct bytes_text text_of(uint64_t bytes)
{
    struct bytes_text out;
    if (bytes < 10000) {
        snprintf(out.text, sizeof out.text, "%llu B", (unsigned long long)bytes);
    } else if (bytes < 1000000) {
        snprintf(out.text, sizeof out.text, "%.0f kB", (double)bytes / 1e3);
    } else if (bytes < 1000000000) {
        snprintf(out.text, sizeof out.text, "%.1f MB", (double)bytes / 1e6);
    } else {
        snprintf(out.text, sizeof out.text, "%.1f GB", (double)bytes / 1e9);
    }
    return out;
}

static void explain(const struct search *search, struct planner_answer *answer)
{
    const struct planner_memory *memory = search->memory;
    struct checkpoint_config plain_config = {.kind = CHECKPOINT_NONE};
    struct planner_size plain =
        planner_size_of(&plain_config, search->time_steps, memory, search->costs);
    char plan[128];
    planner_describe(&answer->size.config, plan, sizeof plan);
    struct bytes_text limit = text_of(memory->limit_bytes);
    struct bytes_text needed = text_of(answer->size.sram_bytes);
    double passes = (double)answer->size.forward_steps / search->time_steps;
    size_t most = sizeof answer->why;
    if (!answer->is_found) {
        snprintf(answer->why, most, "none fits: the smallest, %s, needs %s on tile %u and has %s",
                 plan, needed.text, memory->tile, limit.text);
    } else if (answer->size.config.kind == CHECKPOINT_NONE) {
        snprintf(answer->why, most,
                 "none: the history of all %u time steps fits, %s on tile %u of %s",
                 search->time_steps, needed.text, memory->tile, limit.text);
    } else if (plain.sram_bytes > memory->limit_bytes) {
        snprintf(answer->why, most, "%s: %.1f forward passes; plain needs %s on tile %u and has %s",
                 plan, passes, text_of(plain.sram_bytes).text, memory->tile, limit.text);
    } else {
        snprintf(answer->why, most, "%s: %.1f forward passes, %s on tile %u of %s", plan, passes,
                 needed.text, memory->tile, limit.text);
    }
}

static void explain_remote(const struct search *search, struct planner_answer *answer)
{
    uint64_t limit_bytes = search->memory->remote_limit_bytes;
    snprintf(answer->why, sizeof answer->why, "%s needs %s of streaming memory and has %s",
             checkpoint_kind_name(search->wanted.kind), text_of(search->least_remote_bytes).text,
             limit_bytes == 0 ? "none" : text_of(limit_bytes).text);
}

struct planner_answer planner_choose(const struct checkpoint_config *config, uint32_t time_steps,
                                     const struct planner_memory *memory,
                                     const struct planner_costs *costs)
{
    struct search search = {
        .wanted = *config, .time_steps = time_steps, .memory = memory, .costs = costs};
    struct planner_answer answer = {0};
    visit_all(&search);
    keep_frontier(&search);
    if (search.count == 0) {
        explain_remote(&search, &answer);
        return answer;
    }
    uint32_t fitting = memory->fits == NULL ? count_within_limit(&search)
                                            : count_that_fit(&search, &answer.fits_calls);
    answer.is_found = fitting > 0;
    answer.size = size_at(&search, answer.is_found ? fitting - 1 : 0);
    explain(&search, &answer);
    free(search.candidates);
    return answer;
}

// All plans of a kind are visited, at most T (1 + ln T) of them. With the exact check, the line that says what a
// plan needs is trusted to order plans, not to place the limit: the limit is galloped to and bisected.
#include "workloads/checkpoint/planner.h"

#include <stdio.h>

#include "sim/units.h"

struct search {
    struct checkpoint_config wanted;
    uint32_t time_steps;
    const struct planner_memory *memory;
    const struct planner_costs *costs;
    // one pass: cheapest within the limit, or the smallest that is cheaper than `below_seconds`
    bool wants_smallest;
    uint64_t limit_bytes;
    double below_seconds;
    bool has_best;
    struct planner_size best;
    uint64_t least_remote_bytes; // that any plan needs
};

// What the plan needs.
static uint64_t visit(struct search *search, const struct checkpoint_config *config)
{
    struct planner_size size =
        planner_size_of(config, search->time_steps, search->memory, search->costs);
    search->least_remote_bytes = min_u64(search->least_remote_bytes, size.remote_bytes);
    if (size.remote_bytes > search->memory->remote_limit_bytes) {
        return size.sram_bytes;
    }
    const struct planner_size *best = &search->best;
    bool is_legal, is_better;
    if (search->wants_smallest) {
        is_legal = size.seconds < search->below_seconds;
        is_better = size.sram_bytes < best->sram_bytes ||
                    (size.sram_bytes == best->sram_bytes && size.seconds < best->seconds);
    } else {
        is_legal = size.sram_bytes <= search->limit_bytes;
        is_better = size.seconds < best->seconds ||
                    (size.seconds == best->seconds && size.sram_bytes < best->sram_bytes);
    }
    if (is_legal && (!search->has_best || is_better)) {
        search->has_best = true;
        search->best = size;
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

static bool pass(struct search *search)
{
    search->has_best = false;
    search->least_remote_bytes = UINT64_MAX;
    if (search->wanted.kind != CHECKPOINT_AUTO) {
        visit_kind(search, search->wanted.kind);
        return search->has_best;
    }
    for (enum checkpoint_kind kind = 0; kind < CHECKPOINT_KINDS; kind++) {
        visit_kind(search, kind);
    }
    return search->has_best;
}

static bool find_cheapest(struct search *search, uint64_t limit_bytes)
{
    search->wants_smallest = false;
    search->limit_bytes = limit_bytes;
    return pass(search);
}

static bool find_smallest(struct search *search, double below_seconds)
{
    search->wants_smallest = true;
    search->below_seconds = below_seconds;
    return pass(search);
}

static bool ask(struct search *search, struct planner_answer *answer)
{
    answer->fits_calls++;
    return search->memory->fits(search->memory->context, &search->best);
}

// From the plan `answer` that does not fit down to one that does. *bad_bytes: the least that does not.
static void gallop_down(struct search *search, struct planner_answer *answer, uint64_t *bad_bytes)
{
    uint64_t less_bytes = 1;
    while (!answer->is_found) {
        *bad_bytes = answer->size.sram_bytes;
        bool has_less = *bad_bytes >= less_bytes && find_cheapest(search, *bad_bytes - less_bytes);
        if (!has_less) { // below all of them: the smallest is the last hope
            find_smallest(search, 1.0 / 0.0);
            if (search->best.sram_bytes >= *bad_bytes) {
                return;
            }
        }
        answer->size = search->best;
        answer->is_found = ask(search, answer);
        less_bytes = max_u64(less_bytes * 2, search->memory->history_bytes);
    }
}

// From a plan that fits to the cheapest one that does, all below bad_bytes.
static void approach(struct search *search, struct planner_answer *answer, uint64_t bad_bytes)
{
    uint64_t more_bytes = 0;
    while (find_smallest(search, answer->size.seconds) && search->best.sram_bytes < bad_bytes) {
        uint64_t next_bytes = search->best.sram_bytes;
        uint64_t limit_bytes = bad_bytes == UINT64_MAX
                                   ? next_bytes + more_bytes
                                   : next_bytes + (bad_bytes - 1 - next_bytes) / 2;
        find_cheapest(search, limit_bytes);
        if (ask(search, answer)) {
            answer->size = search->best;
            more_bytes = max_u64(more_bytes * 2, search->memory->history_bytes);
        } else {
            bad_bytes = search->best.sram_bytes;
        }
    }
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
    struct bytes_text limit = text_of(memory->limit_bytes),
                      needed = text_of(answer->size.sram_bytes);
    double passes = (double)answer->size.forward_steps / search->time_steps;
    size_t most = sizeof answer->why;
    if (!search->has_best && !answer->is_found) {
        snprintf(
            answer->why, most, "%s needs %s of streaming memory and has %s",
            checkpoint_kind_name(search->wanted.kind), text_of(search->least_remote_bytes).text,
            memory->remote_limit_bytes == 0 ? "none" : text_of(memory->remote_limit_bytes).text);
    } else if (!answer->is_found) {
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

struct planner_answer planner_choose(const struct checkpoint_config *config, uint32_t time_steps,
                                     const struct planner_memory *memory,
                                     const struct planner_costs *costs)
{
    struct search search = {
        .wanted = *config, .time_steps = time_steps, .memory = memory, .costs = costs};
    struct planner_answer answer = {.is_found = find_cheapest(&search, memory->limit_bytes)};
    bool is_any = answer.is_found || find_smallest(&search, 1.0 / 0.0);
    answer.size = search.best;
    if (is_any && memory->fits != NULL) {
        uint64_t bad_bytes = UINT64_MAX;
        answer.is_found = ask(&search, &answer);
        if (!answer.is_found) {
            gallop_down(&search, &answer, &bad_bytes);
        }
        if (answer.is_found) {
            approach(&search, &answer, bad_bytes);
        }
    }
    search.has_best = is_any;
    explain(&search, &answer);
    return answer;
}

#include "workloads/lower/lower_loops.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

// Nodes of a loop's body: of plans with two levels at most a get and two chunks of unequal length,
// each saved and run, then restored, run with its head copied and its history kept, and run
// backwards: 13.
#define BODY_MAX 16u

struct call_list call_list_create(uint32_t most)
{
    return (struct call_list){.nodes = xcalloc((size_t)most + 1, sizeof(struct call_node))};
}

void call_list_append(struct call_list *list, const struct call_node *node)
{
    list->nodes[list->count++] = *node;
}

void call_list_free(struct call_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        call_list_free(&list->nodes[i].body);
    }
    free(list->nodes);
    *list = (struct call_list){0};
}

// The time step of the first call in the node, relative to what is around it.
static int32_t first_time_step(const struct call_node *node)
{
    while (node->body.count > 0) {
        node = node->body.nodes;
    }
    return node->first;
}

static bool is_shifted(const struct call_node *a, const struct call_node *b, int32_t shift)
{
    if (a->count != b->count || a->stride != b->stride || a->body.count != b->body.count) {
        return false;
    }
    if (a->body.count == 0) {
        return a->section == b->section && b->first == a->first + shift;
    }
    for (uint32_t i = 0; i < a->body.count; i++) {
        if (!is_shifted(&a->body.nodes[i], &b->body.nodes[i], shift)) {
            return false;
        }
    }
    return true;
}

static bool is_run_shifted(const struct call_node *a, const struct call_node *b, uint32_t length,
                           int32_t shift)
{
    for (uint32_t i = 0; i < length; i++) {
        if (!is_shifted(&a[i], &b[i], shift)) {
            return false;
        }
    }
    return true;
}

// How often the `length` nodes at `at` follow each other, each run shifted by *shift against the
// last.
static uint32_t count_runs(const struct call_list *list, uint32_t at, uint32_t length,
                           int32_t *shift)
{
    uint32_t runs = 1;
    if (at + 2 * length > list->count) {
        return runs;
    }
    *shift = first_time_step(&list->nodes[at + length]) - first_time_step(&list->nodes[at]);
    while (at + (runs + 1) * length <= list->count &&
           is_run_shifted(&list->nodes[at + (runs - 1) * length], &list->nodes[at + runs * length],
                          length, *shift)) {
        runs++;
    }
    return runs;
}

// One loop in place of `runs` runs; what is behind them is left alone.
static struct call_node make_loop(struct call_list *list, uint32_t at, uint32_t length,
                                  uint32_t runs, int32_t shift)
{
    struct call_node loop = {.count = runs, .stride = shift, .body = call_list_create(length)};
    for (uint32_t i = 0; i < runs * length; i++) {
        if (i < length) {
            call_list_append(&loop.body, &list->nodes[at + i]);
        } else {
            call_list_free(&list->nodes[at + i].body);
        }
    }
    return loop;
}

// Folds runs of `length` nodes. True: something was folded.
static bool fold_length(struct call_list *list, uint32_t length)
{
    uint32_t kept = 0;
    bool is_folded = false;
    for (uint32_t at = 0; at < list->count;) {
        int32_t shift = 0;
        uint32_t runs = count_runs(list, at, length, &shift);
        // a loop is a step more than its body
        if (runs * length > length + 1) {
            struct call_node loop = make_loop(list, at, length, runs, shift);
            list->nodes[kept++] = loop;
            at += runs * length;
            is_folded = true;
        } else {
            list->nodes[kept++] = list->nodes[at++];
        }
    }
    list->count = kept;
    return is_folded;
}

void call_list_fold(struct call_list *list)
{
    for (uint32_t length = 1; length <= BODY_MAX;) {
        length = fold_length(list, length) ? 1 : length + 1;
    }
}

void call_list_emit(const struct call_list *list, struct program *program)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct call_node *node = &list->nodes[i];
        if (node->body.count == 0) {
            program_add_call(program, node->section, node->count, node->first, node->stride);
            continue;
        }
        program_begin_loop(program, node->count, 0, node->stride);
        call_list_emit(&node->body, program);
        program_end_loop(program);
    }
}

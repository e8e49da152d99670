// Calls of sections, folded into loops: a run of calls that repeats, its time steps shifted by the
// same amount each time, is one loop. Every tile holds the code of every step, so a long list would
// cost SRAM.
#ifndef TILESIM_WORKLOADS_LOWER_LOWER_LOOPS_H
#define TILESIM_WORKLOADS_LOWER_LOWER_LOOPS_H

#include <stdint.h>

#include "sim/program.h"

struct call_node;

struct call_list {
    struct call_node *nodes; // owned
    uint32_t count;
};

struct call_node { // a call, or a loop over a body
    uint32_t section, count;
    int32_t first, stride;
    struct call_list body; // empty: a call
};

struct call_list call_list_create(uint32_t most); // room for so many nodes
void call_list_append(struct call_list *list, const struct call_node *node); // takes the body
void call_list_fold(struct call_list *list);
void call_list_emit(const struct call_list *list, struct program *program);
void call_list_free(struct call_list *list);

#endif

// Turns spike lists around: from (time step, sample) -> ids to id -> (time step, sample).
// With them the weight gradient is a gather like the forward product: each row of it is a sum of
// errors, kept in registers, instead of many additions to rows in memory.
#ifndef TILESIM_WORKLOADS_RUN_EVENT_LISTS_H
#define TILESIM_WORKLOADS_RUN_EVENT_LISTS_H

#include "workloads/run/kernels.h"

void event_lists_init(struct event_lists *lists, uint32_t fan_in);
void event_lists_free(struct event_lists *lists);
// From the sent spikes (not the near-threshold ids) of a block of `rows` (time step, sample) rows.
void event_lists_fill(struct event_lists *lists, uint32_t fan_in, const struct view *spikes,
                      uint32_t rows);

#endif

// The order in which an epoch visits the samples: a keyed permutation, computed entry by entry, so
// that any batch can be drawn without its predecessors.
#ifndef TILESIM_WORKLOADS_DATA_ORDER_H
#define TILESIM_WORKLOADS_DATA_ORDER_H

#include <stdint.h>

// Entry `position` (< count) of the permutation of 0 .. count-1 that belongs to (seed, epoch).
uint32_t order_permute(uint64_t seed, uint32_t epoch, uint32_t position, uint32_t count);

#endif

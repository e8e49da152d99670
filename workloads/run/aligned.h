// Zeroed memory on 64-byte boundaries (a cache line, the widest vector), in large pages where it is
// long: gathered rows lie far apart and would miss the page tables' cache.
#ifndef TILESIM_WORKLOADS_RUN_ALIGNED_H
#define TILESIM_WORKLOADS_RUN_ALIGNED_H

#include <stddef.h>

void *aligned_create(size_t bytes); // ends the program if memory runs out
void aligned_destroy(void *memory); // NULL is allowed

#endif

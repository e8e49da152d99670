// The memory of a child: a limit, and a word of it where the child dies for want of it.
#ifndef TILESIM_SIM_SWEEP_MEMORY_LIMIT_H
#define TILESIM_SIM_SWEEP_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

// For this process and those that it forks.
void memory_limit_set(uint64_t bytes);
// Does what a process printed last say that memory was refused to it?
bool memory_limit_is_reason(const char *complaint);

#endif

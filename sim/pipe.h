// Whole messages over the pipe between a process and its child.
#ifndef TILESIM_SIM_PIPE_H
#define TILESIM_SIM_PIPE_H

#include <stdbool.h>
#include <stddef.h>

bool pipe_write_all(int file, const char *bytes, size_t count); // false: the other end is gone
// Bytes got: fewer than `count` if the other end was closed before.
size_t pipe_read_all(int file, char *bytes, size_t count);

#endif

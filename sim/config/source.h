// One text that was read, kept for messages that point into it. Shared by sim/err.c (which shows
// its lines) and sim/config/config_*.c (which own it).
#ifndef TILESIM_SIM_SOURCE_H
#define TILESIM_SIM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct source {
    char *name; // owned; the path as the user would write it, "standard input", or "--set"
    char *text; // owned; ends with a NUL that does not count
    size_t bytes;
    bool is_file; // name is a path that others may be relative to
};

#endif

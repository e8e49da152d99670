// `--set key=value`, given any number of times.
#ifndef TILESIM_SIM_COMMANDS_SETS_H
#define TILESIM_SIM_COMMANDS_SETS_H

#include <stdint.h>

struct sets {
    const char **texts; // owned array of borrowed texts
    uint32_t count, capacity;
};

void sets_add(struct sets *sets, const char *text);
void sets_free(struct sets *sets);

#endif

// What `tilesim inspect --json` writes of one machine: docs/result-format.md.
#ifndef TILESIM_SIM_COMMANDS_INSPECT_JSON_H
#define TILESIM_SIM_COMMANDS_INSPECT_JSON_H

#include <jansson.h>

#include "sim/commands/inspect_count.h"
#include "sim/kernel_list.h"

json_t *inspect_program_json(const struct inspected *inspected); // new references
json_t *inspect_kernels_json(const struct kernel_list *list);

#endif

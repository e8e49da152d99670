// The training graph of one time step, for people and as JSON.
#ifndef TILESIM_SIM_COMMANDS_INSPECT_GRAPH_H
#define TILESIM_SIM_COMMANDS_INSPECT_GRAPH_H

#include <jansson.h>

#include "sim/commands/inspect_program.h"
#include "workloads/graph/training_graph.h"

void inspect_graph(const struct inspector *inspector, const struct training_graph *graph);
json_t *inspect_graph_json(const struct training_graph *graph); // new reference

#endif

// Cuts the ops of a training graph into fused regions and orders them into stages.
#ifndef TILESIM_WORKLOADS_GRAPH_REGIONS_H
#define TILESIM_WORKLOADS_GRAPH_REGIONS_H

#include "workloads/graph/training_graph.h"

// Fills regions, forward and backward stages of a graph whose ops are complete.
void regions_build(struct training_graph *training_graph);
void regions_free(struct training_graph *training_graph);

#endif

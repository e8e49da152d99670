// Compiles a region of the training graph into a straight list of ops over numbered operands.
#ifndef TILESIM_WORKLOADS_RUN_REGION_H
#define TILESIM_WORKLOADS_RUN_REGION_H

#include "workloads/run/kernels.h"

// tensors: tensor of each operand in memory, inputs first (owned by the caller; input_count +
// output_count entries).
struct region_program *region_compile(const struct training_graph *graph,
                                      const struct region *region, uint32_t **tensors);
void region_program_destroy(struct region_program *program);

#endif

// Which tensors of a training graph count.
#include "workloads/graph/training_graph.h"

bool training_graph_uses(const struct training_graph *training_graph, uint32_t tensor)
{
    const struct graph *graph = &training_graph->graph;
    bool is_used = graph->tensors[tensor].role == ROLE_INPUT;
    for (uint32_t i = 0; i < graph->op_count && !is_used; i++) {
        is_used = graph->ops[i].output == tensor;
        for (uint32_t j = 0; j < op_input_count(graph->ops[i].kind) && !is_used; j++) {
            is_used = graph->ops[i].inputs[j] == tensor;
        }
    }
    return is_used;
}

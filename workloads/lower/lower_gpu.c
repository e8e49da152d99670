// The kernels of one training step on a GPU, read off the training graph.
//
// Every product of the graph is a kernel. Everything else of one layer and one direction (neuron
// equations, firing, surrogates, adjoints) is one fused elementwise kernel, as XLA and Inductor
// fuse it. What a fused kernel moves is counted from the ops: tensors that cross its border, each
// once. Sparse form: products become gathers, scatters and masked products over ids, and firing
// becomes a compaction; lists of ids and slots move by their true lengths, which only the record
// knows.
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/lower/lowering.h"

struct builder {
    const struct training_graph *tg;
    const struct graph *graph;
    struct kernel_list *list;
    uint32_t capacity;
};

static struct kernel *add_kernel(struct builder *builder, const struct kernel *kernel)
{
    struct kernel_list *list = builder->list;
    if (list->kernel_count == builder->capacity) {
        builder->capacity = builder->capacity ? 2 * builder->capacity : 32;
        list->kernels = xrealloc(list->kernels, builder->capacity * sizeof(*list->kernels));
    }
    list->kernels[list->kernel_count] = *kernel;
    return &list->kernels[list->kernel_count++];
}

static bool is_sparse(const struct builder *builder)
{
    return builder->tg->form == FORM_SPARSE;
}

// Ids and slots of the sparse form: their length is in the record, not in the graph.
static bool is_list(const struct builder *builder, const struct tensor *tensor)
{
    return is_sparse(builder) && (tensor->type == TENSOR_SPIKES || tensor->type == TENSOR_SLOTS);
}

static uint64_t element_count(const struct tensor *tensor)
{
    return (uint64_t)tensor->rows * tensor->columns;
}

// --- products -----------------------------------------------------------------------------------
// The spikes tensor that a product reads, or whose adjoint it makes.
static const struct tensor *spikes_of(const struct graph *graph, const struct op *op)
{
    return &graph->tensors[op->inputs[op->kind == OP_connect_input_gradient ? 2 : 0]];
}

static bool is_dense_product(const struct op *op)
{
    return op->kind == OP_connect_dense || op->kind == OP_connect_dense_weight_gradient;
}

// Nothing in a product depends on its own result at another time step if its spikes come from a
// layer below: then all time steps are one product.
static bool is_hoistable(const struct graph *graph, const struct op *op)
{
    return spikes_of(graph, op)->layer < op->layer;
}

static struct kernel describe_product(const struct graph *graph, const struct op *op)
{
    const struct tensor *spikes = spikes_of(graph, op);
    return (struct kernel){
        .kind = KERNEL_GEMM,
        .phase = op->phase == OP_FORWARD ? PHASE_FORWARD : PHASE_BACKWARD,
        .layer = op->layer,
        .m = spikes->rows,
        .is_hoistable = is_hoistable(graph, op),
        .is_static = spikes->is_static,
        .depends_on_previous_layer = spikes->layer > 0 && spikes->role != ROLE_STATE_IN,
        .record_layer = spikes->layer,
    };
}

static void add_dense_product(struct builder *builder, const struct op *op)
{
    const struct tensor *spikes = spikes_of(builder->graph, op);
    uint32_t neurons = builder->tg->layers[op->layer - 1].neurons;
    struct kernel kernel = describe_product(builder->graph, op);
    switch (op->kind) {
    case OP_connect:
    case OP_connect_dense:
        kernel.name = "G1 forward product";
        kernel.n = neurons;
        kernel.k = spikes->columns;
        break;
    case OP_connect_input_gradient:
        kernel.name = "G2 input gradient";
        kernel.n = spikes->columns;
        kernel.k = neurons;
        break;
    default:
        kernel.name = "G3 weight gradient";
        kernel.m = neurons;
        kernel.n = spikes->columns;
        kernel.k = spikes->rows;
        kernel.reduces_batch = true;
    }
    add_kernel(builder, &kernel);
    if (kernel.reduces_batch) {
        uint64_t weights = (uint64_t)neurons * spikes->columns;
        add_kernel(builder, &(struct kernel){.kind = KERNEL_ACCUMULATE,
                                             .phase = PHASE_BACKWARD,
                                             .name = "A1 accumulate weight gradient",
                                             .layer = op->layer,
                                             .is_hoistable = kernel.is_hoistable,
                                             .read_elements = 2 * weights,
                                             .write_elements = weights});
    }
}

static void add_sparse_product(struct builder *builder, const struct op *op)
{
    struct kernel kernel = describe_product(builder->graph, op);
    kernel.n = builder->tg->layers[op->layer - 1].neurons;
    kernel.k = spikes_of(builder->graph, op)->columns;
    switch (op->kind) {
    case OP_connect:
        kernel.kind = KERNEL_GATHER;
        kernel.name = "S1 gather weight rows";
        break;
    case OP_connect_input_gradient:
        kernel.kind = KERNEL_MASKED;
        kernel.name = "S3 masked spike gradient";
        kernel.counts_listed = true;
        break;
    default:
        kernel.kind = KERNEL_SCATTER;
        kernel.name = "S4 scatter weight gradient";
    }
    add_kernel(builder, &kernel);
}

static void add_product(struct builder *builder, const struct op *op)
{
    if (is_sparse(builder) && !is_dense_product(op)) {
        add_sparse_product(builder, op);
    } else {
        add_dense_product(builder, op);
    }
}

// The sum over the samples, and over time as weight gradients are.
static void add_bias_gradient(struct builder *builder, const struct op *op)
{
    const struct tensor *errors = &builder->graph->tensors[op->inputs[0]];
    add_kernel(builder, &(struct kernel){.kind = KERNEL_ELEMENTWISE,
                                         .phase = PHASE_BACKWARD,
                                         .name = "R1 bias gradient",
                                         .layer = op->layer,
                                         .is_hoistable = true,
                                         .read_elements = element_count(errors),
                                         .write_elements = errors->columns});
    add_kernel(builder, &(struct kernel){.kind = KERNEL_ACCUMULATE,
                                         .phase = PHASE_BACKWARD,
                                         .name = "A2 accumulate bias gradient",
                                         .layer = op->layer,
                                         .is_hoistable = true,
                                         .read_elements = 2 * (uint64_t)errors->columns,
                                         .write_elements = errors->columns});
}

// --- fused elementwise kernels ------------------------------------------------------------------
struct fused {
    const struct builder *builder;
    bool *has_op;      // [op_count]: part of the kernel
    bool *is_produced; // [tensor_count]: made in the kernel
    bool *is_read;     // [tensor_count]: read from outside
};

static bool belongs(const struct builder *builder, const struct op *op, enum op_phase phase,
                    uint32_t layer)
{
    bool is_compaction = is_sparse(builder) && op->kind == OP_fire;
    enum op_class class = op_class(op->kind);
    return op->phase == phase && op->layer == layer && class != OP_LINEAR &&
           class != OP_REDUCTION && !is_compaction;
}

// Inputs whose values are loaded. In the dense form every neuron is listed: ids are not read.
static uint32_t loaded_inputs(const struct builder *builder, const struct op *op)
{
    bool is_dense = !is_sparse(builder);
    if (op->kind == OP_straight_through || (is_dense && op->kind == OP_gather_slots)) {
        return 1;
    }
    return is_dense && op->kind == OP_fire_gradient ? 3 : op_input_count(op->kind);
}

static void mark_borders(struct fused *fused)
{
    const struct graph *graph = fused->builder->graph;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        for (uint32_t k = 0; fused->has_op[i] && k < loaded_inputs(fused->builder, op); k++) {
            uint32_t input = op->inputs[k];
            if (input != TENSOR_NONE && !fused->is_produced[input]) {
                fused->is_read[input] = true;
            }
        }
        if (fused->has_op[i]) {
            fused->is_produced[op->output] = true;
        }
    }
}

// Ops after the time loop see the last time step only: they do not make a kernel write every one.
static bool is_used_by_others(const struct fused *fused, uint32_t tensor)
{
    const struct graph *graph = fused->builder->graph;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        bool is_other = !fused->has_op[i] && op->phase != OP_ONCE;
        for (uint32_t k = 0; is_other && k < loaded_inputs(fused->builder, op); k++) {
            if (op->inputs[k] == tensor) {
                return true;
            }
        }
    }
    return false;
}

// A value of the time step before that the same kernel left, or reads anyway: a loop over time has
// it.
static bool is_carried_read(const struct fused *fused, uint32_t tensor)
{
    const struct training_graph *tg = fused->builder->tg;
    for (uint32_t i = 0; i < tg->state_count; i++) {
        const struct graph_state *state = &tg->states[i];
        if (state->in == tensor) {
            return fused->is_produced[state->out] || fused->is_read[state->out];
        }
        if (state->carry_in == tensor && state->carry_out != TENSOR_NONE) {
            return state->carry_out == tensor || fused->is_produced[state->carry_out];
        }
    }
    return false;
}

enum border { BORDER_NONE, BORDER_CARRIED, BORDER_WRITTEN };

static enum border classify_output(const struct fused *fused, uint32_t tensor)
{
    const struct training_graph *tg = fused->builder->tg;
    if (fused->builder->graph->tensors[tensor].is_saved || is_used_by_others(fused, tensor)) {
        return BORDER_WRITTEN;
    }
    for (uint32_t i = 0; i < tg->state_count; i++) {
        const struct graph_state *state = &tg->states[i];
        if (state->out == tensor) {
            return is_used_by_others(fused, state->in) ? BORDER_WRITTEN : BORDER_CARRIED;
        }
        if (state->carry_out == tensor) {
            return is_used_by_others(fused, state->carry_in) ? BORDER_WRITTEN : BORDER_CARRIED;
        }
    }
    return BORDER_NONE;
}

static void count_border(struct kernel *kernel, const struct fused *fused, uint32_t tensor)
{
    const struct builder *builder = fused->builder;
    const struct tensor *at = &builder->graph->tensors[tensor];
    enum border out = fused->is_produced[tensor] ? classify_output(fused, tensor) : BORDER_NONE;
    if (is_list(builder, at)) {
        kernel->record_arrays += fused->is_read[tensor] || out != BORDER_NONE;
        return;
    }
    uint64_t elements = element_count(at);
    if (fused->is_read[tensor]) {
        kernel->read_elements += elements;
        kernel->carried_read_elements += is_carried_read(fused, tensor) ? elements : 0;
    }
    if (out != BORDER_NONE) {
        kernel->write_elements += elements;
        kernel->carried_write_elements += out == BORDER_CARRIED ? elements : 0;
    }
}

// True where every product of the layer is hoistable: what is left of the layer is a loop over time
// without exchange between neurons.
static bool is_scan_layer(const struct graph *graph, uint32_t layer)
{
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->layer == layer && op_class(op->kind) == OP_LINEAR && !is_hoistable(graph, op)) {
            return false;
        }
    }
    return true;
}

// One kernel for all ops of a layer and direction that are no products.
static void add_fused_kernel(struct builder *builder, enum op_phase phase, uint32_t layer)
{
    const struct graph *graph = builder->graph;
    struct fused fused = {.builder = builder,
                          .has_op = xcalloc(graph->op_count, sizeof(bool)),
                          .is_produced = xcalloc(graph->tensor_count, sizeof(bool)),
                          .is_read = xcalloc(graph->tensor_count, sizeof(bool))};
    for (uint32_t i = 0; i < graph->op_count; i++) {
        fused.has_op[i] = belongs(builder, &graph->ops[i], phase, layer);
    }
    mark_borders(&fused);
    struct kernel kernel = {
        .kind = KERNEL_ELEMENTWISE,
        .phase = phase == OP_FORWARD ? PHASE_FORWARD : PHASE_BACKWARD,
        .name = phase == OP_FORWARD ? "E1 neuron update" : "E2 neuron adjoint",
        .layer = layer,
        .is_scan = is_scan_layer(graph, layer),
        .record_layer = layer,
        .counts_listed = phase == OP_BACKWARD,
    };
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        count_border(&kernel, &fused, i);
    }
    add_kernel(builder, &kernel);
    free(fused.has_op);
    free(fused.is_produced);
    free(fused.is_read);
}

// b4 reads the membrane of every neuron and writes the ids above the second threshold.
static void add_compaction(struct builder *builder, const struct op *fire)
{
    const struct tensor *membrane = &builder->graph->tensors[fire->inputs[0]];
    add_kernel(builder, &(struct kernel){.kind = KERNEL_COMPACT,
                                         .phase = PHASE_FORWARD,
                                         .name = "S2 compact spikes",
                                         .layer = fire->layer,
                                         .m = membrane->rows,
                                         .n = membrane->columns,
                                         .is_hoistable = is_scan_layer(builder->graph, fire->layer),
                                         .read_elements = element_count(membrane),
                                         .record_layer = fire->layer,
                                         .counts_listed = true,
                                         .record_arrays = 1});
}

static uint32_t layer_of_stage(const struct training_graph *tg, const struct stage *stage)
{
    return stage->is_region ? tg->regions[stage->index].layer : tg->graph.ops[stage->index].layer;
}

// The fused kernel of a layer stands where its first op stands; its ops later in the order
// (counting the output's spikes, the adjoints of the states) are charged to it as well.
static void add_phase(struct builder *builder, const struct stage *stages, uint32_t stage_count,
                      enum op_phase phase)
{
    const struct training_graph *tg = builder->tg;
    bool *is_done = xcalloc(tg->layer_count + 1, sizeof(bool));
    for (uint32_t i = 0; i < stage_count; i++) {
        const struct op *op = stages[i].is_region ? NULL : &tg->graph.ops[stages[i].index];
        uint32_t layer = layer_of_stage(tg, &stages[i]);
        if (op && op_class(op->kind) == OP_LINEAR) {
            add_product(builder, op);
            continue;
        }
        if (op && op_class(op->kind) == OP_REDUCTION) {
            add_bias_gradient(builder, op);
            continue;
        }
        if (!is_done[layer]) {
            add_fused_kernel(builder, phase, layer);
            is_done[layer] = true;
        }
        if (op && op->kind == OP_fire && is_sparse(builder)) {
            add_compaction(builder, op);
        }
    }
    free(is_done);
}

// --- once per training step ---------------------------------------------------------------------
static void add_once(struct builder *builder, const char *name, enum kernel_kind kind,
                     const struct kernel *moved)
{
    struct kernel kernel = *moved;
    kernel.kind = kind;
    kernel.phase = PHASE_ONCE;
    kernel.name = name;
    add_kernel(builder, &kernel);
}

static void add_once_ops(struct builder *builder, uint32_t moments)
{
    const struct graph *graph = builder->graph;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        if (op->phase != OP_ONCE) {
            continue;
        }
        uint64_t elements = element_count(&graph->tensors[op->inputs[0]]);
        if (op->kind == OP_softmax_cross_entropy) {
            uint64_t labels = element_count(&graph->tensors[op->inputs[1]]);
            add_once(
                builder, "L1 loss", KERNEL_ELEMENTWISE,
                &(struct kernel){.layer = op->layer,
                                 .read_elements = elements + labels,
                                 .write_elements = element_count(&graph->tensors[op->output])});
        } else if (op->kind == OP_update) { // reads w, g and moments; writes w and moments
            add_once(builder, "O1 optimiser", KERNEL_ELEMENTWISE,
                     &(struct kernel){.layer = op->layer,
                                      .read_elements = (2 + moments) * elements,
                                      .write_elements = (1 + moments) * elements});
        }
    }
}

static uint64_t count_biases(const struct graph_layer *layer)
{
    return layer->bias == TENSOR_NONE ? 0 : layer->neurons;
}

static void add_zeroing(struct builder *builder)
{
    const struct training_graph *tg = builder->tg;
    add_once(builder, "Z1 zero states", KERNEL_ELEMENTWISE,
             &(struct kernel){.write_elements = builder->list->state_elements});
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        const struct graph_layer *layer = &tg->layers[l - 1];
        add_once(builder, "Z2 zero weight gradient", KERNEL_ACCUMULATE,
                 &(struct kernel){.layer = l,
                                  .is_hoistable = is_scan_layer(&tg->graph, l),
                                  .write_elements = (uint64_t)layer->neurons * layer->fan_in +
                                                    count_biases(layer)});
    }
}

// --- memory -------------------------------------------------------------------------------------
// A list takes its capacity: how long it will be is not known when memory is given out.
static uint64_t stored_elements(const struct builder *builder, const struct tensor *tensor)
{
    if (!is_list(builder, tensor)) {
        return element_count(tensor);
    }
    uint64_t counts = tensor->type == TENSOR_SPIKES ? 2 : 0; // spikes sent, ids listed
    return tensor->rows * (tensor->slots + counts);
}

static void count_memory(struct builder *builder, uint32_t moments)
{
    const struct training_graph *tg = builder->tg;
    const struct graph *graph = builder->graph;
    struct kernel_list *list = builder->list;
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        list->parameter_elements += element_count(&graph->tensors[tg->layers[l - 1].weights]) +
                                    count_biases(&tg->layers[l - 1]);
    }
    list->optimizer_elements = moments * list->parameter_elements;
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        const struct tensor *tensor = &graph->tensors[i];
        if (tensor->is_saved && tensor->role != ROLE_INPUT) {
            list->saved_elements += tg->time_steps * stored_elements(builder, tensor);
        }
    }
    for (uint32_t i = 0; i < tg->state_count; i++) {
        const struct graph_state *state = &tg->states[i];
        list->state_elements += stored_elements(builder, &graph->tensors[state->out]);
        if (state->carry_in != TENSOR_NONE) {
            list->state_elements += stored_elements(builder, &graph->tensors[state->carry_in]);
        }
    }
    list->is_input_static = graph->tensors[tg->input].is_static;
    uint64_t rows = (list->is_input_static ? 1 : (uint64_t)tg->time_steps) * tg->batch;
    list->input_elements = rows * tg->config.neurons[0];
    if (list->is_input_static) { // sent as it is, whatever the form
        list->input_id_elements = list->input_elements;
        return;
    }
    list->input_id_elements = rows * ((uint64_t)tg->config.slots[0] + 1); // ids and their count
}

struct kernel_list *lower_gpu(const struct training_graph *tg,
                              const struct training_config *training)
{
    struct kernel_list *list = xcalloc(1, sizeof(*list));
    *list = (struct kernel_list){
        .batch = tg->batch, .time_steps = tg->time_steps, .layer_count = tg->layer_count};
    struct builder builder = {.tg = tg, .graph = &tg->graph, .list = list};
    uint32_t moments = training->optimizer == OPTIMIZER_ADAM ? 2 : 0;
    count_memory(&builder, moments);
    add_zeroing(&builder);
    add_phase(&builder, tg->forward, tg->forward_count, OP_FORWARD);
    add_phase(&builder, tg->backward, tg->backward_count, OP_BACKWARD);
    add_once_ops(&builder, moments);
    return list;
}

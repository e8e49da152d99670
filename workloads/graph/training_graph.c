// Convention: build_* add ops to the graph; l is a layer, 1..L, and layers[l - 1] describes it.
#include "workloads/graph/training_graph.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"
#include "workloads/graph/autodiff.h"
#include "workloads/graph/regions.h"
#include "workloads/neurons/neuron.h"

static uint32_t add_named(struct training_graph *tg, const char *prefix, uint32_t layer,
                          enum tensor_type type, enum tensor_role role, uint32_t rows,
                          uint32_t columns)
{
    char name[32];
    snprintf(name, sizeof(name), "%s%u", prefix, layer);
    return graph_add_tensor(&tg->graph, name, type, role, rows, columns);
}

static void rename_tensor(struct training_graph *tg, uint32_t tensor, const char *prefix,
                          uint32_t layer, enum tensor_role role)
{
    struct tensor *renamed = &tg->graph.tensors[tensor];
    snprintf(renamed->name, sizeof(renamed->name), "%s%u", prefix, layer);
    renamed->role = role;
}

static struct graph_state *add_state(struct training_graph *tg, uint32_t in, uint32_t out)
{
    tg->states = xrealloc(tg->states, (tg->state_count + 1) * sizeof(*tg->states));
    struct graph_state *state = &tg->states[tg->state_count++];
    *state = (struct graph_state){.in = in,
                                  .out = out,
                                  .carry_in = TENSOR_NONE,
                                  .carry_out = TENSOR_NONE,
                                  .layer = tg->graph.layer};
    return state;
}

uint32_t training_graph_slots(const struct training_graph *tg, uint32_t layer)
{
    return tg->form == FORM_DENSE ? tg->config.neurons[layer] : tg->config.slots[layer];
}

static void describe_layer(struct training_graph *tg, uint32_t l)
{
    const struct network_config *config = &tg->config;
    struct graph_layer *layer = &tg->layers[l - 1];
    double theta2 = l == tg->layer_count ? config->theta2_out : config->theta2;
    *layer = (struct graph_layer){.neurons = config->neurons[l],
                                  .slots = training_graph_slots(tg, l),
                                  .fan_in = config->neurons[l - 1],
                                  .fan_in_slots = training_graph_slots(tg, l - 1),
                                  .theta1 = config->theta1,
                                  .theta2 = tg->form == FORM_DENSE ? -INFINITY : theta2,
                                  .is_input_dense = l == 1 && config->input == INPUT_ANALOG,
                                  .weight_gradient = TENSOR_NONE,
                                  .bias = TENSOR_NONE,
                                  .bias_gradient = TENSOR_NONE,
                                  .spike_gradient = TENSOR_NONE,
                                  .error = TENSOR_NONE};
}

// The current with the bias, if there is one.
static uint32_t build_bias(struct training_graph *tg, uint32_t l)
{
    struct graph_layer *layer = &tg->layers[l - 1];
    if (!tg->config.has_bias) {
        return layer->current;
    }
    layer->bias = add_named(tg, "b", l, TENSOR_FLOAT32, ROLE_PARAMETER, 1, layer->neurons);
    char name[32];
    snprintf(name, sizeof(name), "biased%u", l);
    struct op add = {.kind = OP_add_bias, .inputs = {layer->current, layer->bias}};
    return graph_add_op(&tg->graph, name, &add);
}

static void build_neuron(struct training_graph *tg, uint32_t l)
{
    const struct neuron_model *model = neuron_models[tg->config.neuron];
    struct graph_layer *layer = &tg->layers[l - 1];
    struct neuron_step step = {.config = &tg->config, .current = build_bias(tg, l)};
    for (uint32_t i = 0; i < model->state_count; i++) {
        char prefix[24];
        snprintf(prefix, sizeof(prefix), "%s_before", model->state_names[i]);
        step.state_in[i] =
            add_named(tg, prefix, l, TENSOR_FLOAT32, ROLE_STATE_IN, tg->batch, layer->neurons);
    }
    model->equations(&tg->graph, &step);
    for (uint32_t i = 0; i < model->state_count; i++) {
        rename_tensor(tg, step.state_out[i], model->state_names[i], l, ROLE_STATE_OUT);
        add_state(tg, step.state_in[i], step.state_out[i]);
    }
    layer->membrane = step.membrane;
}

static uint32_t build_fire(struct training_graph *tg, uint32_t l)
{
    struct graph_layer *layer = &tg->layers[l - 1];
    char name[32];
    snprintf(name, sizeof(name), "spikes%u", l);
    struct op fire = {.kind = OP_fire,
                      .inputs = {layer->membrane},
                      .constant = layer->theta1,
                      .theta2 = layer->theta2};
    uint32_t spikes = graph_add_op(&tg->graph, name, &fire);
    tg->graph.tensors[spikes].slots = layer->slots;
    return spikes;
}

static void build_layer(struct training_graph *tg, uint32_t l)
{
    tg->graph.layer = l;
    describe_layer(tg, l);
    struct graph_layer *layer = &tg->layers[l - 1];
    bool is_delayed = tg->config.layer_delay > 0 && l > 1;
    layer->input = l == 1 ? tg->input : tg->layers[l - 2].spikes;
    if (is_delayed) {
        tg->graph.layer = l - 1; // the state belongs to the layer that spikes
        uint32_t in = add_named(tg, "spikes_before", l - 1, TENSOR_SPIKES, ROLE_STATE_IN, tg->batch,
                                layer->fan_in);
        tg->graph.tensors[in].slots = layer->fan_in_slots;
        tg->graph.tensors[layer->input].role = ROLE_STATE_OUT;
        add_state(tg, in, layer->input);
        layer->input = in;
        tg->graph.layer = l;
    }
    layer->weights =
        add_named(tg, "w", l, TENSOR_FLOAT32, ROLE_PARAMETER, layer->fan_in, layer->neurons);
    char name[32];
    snprintf(name, sizeof(name), "current%u", l);
    struct op connect = {.kind = layer->is_input_dense ? OP_connect_dense : OP_connect,
                         .inputs = {layer->input, layer->weights}};
    layer->current = graph_add_op(&tg->graph, name, &connect);
    build_neuron(tg, l);
    layer->spikes = build_fire(tg, l);
}

static void build_logits(struct training_graph *tg)
{
    const struct graph_layer *last = &tg->layers[tg->layer_count - 1];
    uint32_t in = graph_add_tensor(&tg->graph, "logits_before", TENSOR_FLOAT32, ROLE_STATE_IN,
                                   tg->batch, last->neurons);
    bool is_on_membranes = tg->config.loss == LOSS_ON_MEMBRANES;
    struct op sum = {.kind = is_on_membranes ? OP_add : OP_count_spikes,
                     .inputs = {in, is_on_membranes ? last->membrane : last->spikes}};
    uint32_t out = graph_add_op(&tg->graph, "logits", &sum);
    tg->graph.tensors[out].role = ROLE_STATE_OUT;
    tg->logits_state = tg->state_count;
    add_state(tg, in, out);
}

// The adjoint of a state's value at t, as the step t + 1 left it.
static void add_carry_in(struct training_graph *tg, struct graph_state *state)
{
    struct tensor out = tg->graph.tensors[state->out];
    char name[sizeof(out.name) + 8];
    snprintf(name, sizeof(name), "carry_%s", out.name);
    bool is_spikes = out.type == TENSOR_SPIKES;
    tg->graph.layer = out.layer;
    state->carry_in =
        graph_add_tensor(&tg->graph, name, is_spikes ? TENSOR_SLOTS : TENSOR_FLOAT32, ROLE_CARRY_IN,
                         out.rows, is_spikes ? out.slots : out.columns);
    if (is_spikes) {
        tg->graph.tensors[state->carry_in].of = state->out;
        tg->graph.tensors[state->carry_in].slots = out.slots;
    }
}

static void build_backward(struct training_graph *tg)
{
    struct autodiff autodiff = autodiff_begin(&tg->graph);
    for (uint32_t i = 0; i < tg->state_count; i++) {
        add_carry_in(tg, &tg->states[i]);
        autodiff_seed(&autodiff, tg->states[i].out, tg->states[i].carry_in);
    }
    autodiff_run(&autodiff);
    for (uint32_t i = 0; i < tg->state_count; i++) {
        tg->states[i].carry_out = autodiff_adjoint(&autodiff, tg->states[i].in);
    }
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        struct graph_layer *layer = &tg->layers[l - 1];
        layer->weight_gradient = autodiff_adjoint(&autodiff, layer->weights);
        layer->error = autodiff_adjoint(&autodiff, layer->current);
        layer->spike_gradient = autodiff_adjoint(&autodiff, layer->spikes);
        rename_tensor(tg, layer->weight_gradient, "dw", l, ROLE_GRADIENT);
        if (layer->bias != TENSOR_NONE) {
            layer->bias_gradient = autodiff_adjoint(&autodiff, layer->bias);
            rename_tensor(tg, layer->bias_gradient, "db", l, ROLE_GRADIENT);
        }
    }
    autodiff_end(&autodiff);
}

// Drops backward ops whose results reach neither a gradient nor a carry.
static void remove_dead_ops(struct training_graph *tg)
{
    struct graph *graph = &tg->graph;
    bool *is_live = xcalloc(graph->tensor_count, sizeof(bool));
    bool *keeps_op = xcalloc(graph->op_count, sizeof(bool));
    for (uint32_t i = 0; i < tg->state_count; i++) {
        if (tg->states[i].carry_out != TENSOR_NONE) {
            is_live[tg->states[i].carry_out] = true;
        }
    }
    for (uint32_t i = graph->op_count; i-- > 0;) {
        const struct op *op = &graph->ops[i];
        keeps_op[i] = op->phase != OP_BACKWARD || is_live[op->output] || op_is_gradient(op->kind);
        for (uint32_t k = 0; keeps_op[i] && k < op_input_count(op->kind); k++) {
            if (op->inputs[k] != TENSOR_NONE) {
                is_live[op->inputs[k]] = true;
            }
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        if (keeps_op[i]) {
            graph->ops[kept++] = graph->ops[i];
        }
    }
    graph->op_count = kept;
    free(is_live);
    free(keeps_op);
}

// Values of the forward pass that the backward pass reads. A state-in is the state-out one step
// earlier, so it is the state-out that is kept.
static void mark_saved(struct training_graph *tg)
{
    struct graph *graph = &tg->graph;
    for (uint32_t i = 0; i < graph->op_count; i++) {
        const struct op *op = &graph->ops[i];
        for (uint32_t k = 0; op->phase == OP_BACKWARD && k < op_input_count(op->kind); k++) {
            uint32_t input = op->inputs[k];
            if (input == TENSOR_NONE) {
                continue;
            }
            enum tensor_role role = graph->tensors[input].role;
            graph->tensors[input].is_saved |=
                role == ROLE_INPUT || role == ROLE_STATE_OUT || role == ROLE_ACTIVATION;
            for (uint32_t s = 0; s < tg->state_count; s++) {
                graph->tensors[tg->states[s].out].is_saved |= tg->states[s].in == input;
            }
        }
    }
}

static void name_adjoints(struct training_graph *tg)
{
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        if (tg->layers[l - 1].error != TENSOR_NONE) {
            rename_tensor(tg, tg->layers[l - 1].error, "error", l, ROLE_ADJOINT);
        }
    }
    for (uint32_t i = 0; i < tg->state_count; i++) {
        uint32_t carry = tg->states[i].carry_out;
        if (carry != TENSOR_NONE && tg->graph.tensors[carry].role == ROLE_ADJOINT) {
            tg->graph.tensors[carry].role = ROLE_CARRY_OUT;
        }
    }
}

static void build_once(struct training_graph *tg)
{
    tg->graph.phase = OP_ONCE;
    tg->graph.layer = tg->layer_count;
    const struct graph_state *logits = &tg->states[tg->logits_state];
    struct op loss = {.kind = OP_softmax_cross_entropy, .inputs = {logits->out, tg->labels}};
    graph_add_op_into(&tg->graph, &loss, logits->carry_in);
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        const struct graph_layer *layer = &tg->layers[l - 1];
        tg->graph.layer = l;
        struct op update = {.kind = OP_update, .inputs = {layer->weights, layer->weight_gradient}};
        graph_add_op(&tg->graph, NULL, &update);
        if (layer->bias != TENSOR_NONE) {
            struct op update_bias = {.kind = OP_update,
                                     .inputs = {layer->bias, layer->bias_gradient}};
            graph_add_op(&tg->graph, NULL, &update_bias);
        }
    }
}

static void add_input(struct training_graph *tg)
{
    bool is_analog = tg->config.input == INPUT_ANALOG;
    tg->input = graph_add_tensor(&tg->graph, "input", is_analog ? TENSOR_FLOAT32 : TENSOR_SPIKES,
                                 ROLE_INPUT, tg->batch, tg->config.neurons[0]);
    tg->graph.tensors[tg->input].is_static = is_analog;
    tg->graph.tensors[tg->input].slots = is_analog ? 0 : training_graph_slots(tg, 0);
}

struct training_graph *training_graph_create(const struct network_config *network,
                                             enum network_form form, uint32_t batch,
                                             uint32_t time_steps)
{
    struct training_graph *tg = xcalloc(1, sizeof(*tg));
    *tg = (struct training_graph){.form = form,
                                  .config = *network,
                                  .batch = batch,
                                  .time_steps = time_steps,
                                  .layer_count = network->layer_count - 1};
    graph_init(&tg->graph);
    tg->graph.surrogate = network->surrogate;
    tg->graph.surrogate_slope = network->surrogate_slope;
    tg->layers = xcalloc(tg->layer_count, sizeof(*tg->layers));
    add_input(tg);
    tg->labels = graph_add_tensor(&tg->graph, "labels", TENSOR_UINT32, ROLE_INPUT, batch, 1);
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        build_layer(tg, l);
    }
    build_logits(tg);
    build_backward(tg);
    remove_dead_ops(tg);
    mark_saved(tg);
    name_adjoints(tg);
    build_once(tg);
    regions_build(tg);
    return tg;
}

void training_graph_destroy(struct training_graph *tg)
{
    if (!tg) {
        return;
    }
    regions_free(tg);
    graph_free(&tg->graph);
    free(tg->layers);
    free(tg->states);
    free(tg);
}

// The training graph: derivatives of elementwise ops against finite differences, and the shape of
// the derived backward pass.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workloads/graph/autodiff.h"
#include "workloads/graph/training_graph.h"
#include "workloads/neurons/neuron.h"

#define TENSORS_MAX 512

static double evaluate_op(const struct graph *graph, const struct op *op, const double *values)
{
    (void)graph;
    double a = values[op->inputs[0]];
    double b = op->inputs[1] == TENSOR_NONE ? 0 : values[op->inputs[1]];
    switch (op->kind) {
    case OP_add:
    case OP_add_bias:
        return a + b;
    case OP_subtract:
        return a - b;
    case OP_multiply:
        return a * b;
    case OP_scale:
        return a * op->constant;
    case OP_offset:
        return a + op->constant;
    case OP_absolute:
        return fabs(a);
    case OP_reciprocal:
        return 1 / a;
    case OP_positive_part:
        return a > 0 ? a : 0;
    case OP_sign:
        return a > 0 ? 1 : a < 0 ? -1 : 0;
    case OP_greater:
        return a > op->constant;
    case OP_less_equal:
        return a <= op->constant;
    case OP_straight_through:
    case OP_detach:
    case OP_bias_gradient: // of one sample
        return a;
    default:
        fail_msg("%s is not elementwise", op_name(op->kind));
        return 0;
    }
}

static void evaluate(const struct graph *graph, double *values)
{
    for (uint32_t i = 0; i < graph->op_count; i++) {
        values[graph->ops[i].output] = evaluate_op(graph, &graph->ops[i], values);
    }
}

static uint32_t add_leaf(struct graph *graph, enum tensor_role role)
{
    return graph_add_tensor(graph, NULL, TENSOR_FLOAT32, role, 1, 1);
}

// y = |a b - 3| / (b + 2) + max(a - 0.5, 0) * 0.7 - a + b, the last b as a bias
static uint32_t build_expression(struct graph *graph, uint32_t a, uint32_t b)
{
    uint32_t product = graph_binary(graph, OP_multiply, a, b);
    uint32_t distance =
        graph_unary(graph, OP_absolute, graph_unary(graph, OP_offset, product, -3), 0);
    uint32_t inverse = graph_unary(graph, OP_reciprocal, graph_unary(graph, OP_offset, b, 2), 0);
    uint32_t ratio = graph_binary(graph, OP_multiply, distance, inverse);
    uint32_t ramp = graph_unary(graph, OP_positive_part, graph_unary(graph, OP_offset, a, -0.5), 0);
    uint32_t sum = graph_binary(graph, OP_add, ratio, graph_unary(graph, OP_scale, ramp, 0.7));
    return graph_binary(graph, OP_add_bias, graph_binary(graph, OP_subtract, sum, a), b);
}

static void derivatives_of_elementwise_ops_equal_finite_differences(void **state)
{
    (void)state;
    struct graph graph;
    graph_init(&graph);
    uint32_t a = add_leaf(&graph, ROLE_STATE_IN);
    uint32_t b = add_leaf(&graph, ROLE_STATE_IN);
    uint32_t y = build_expression(&graph, a, b);
    uint32_t seed = add_leaf(&graph, ROLE_CARRY_IN);
    struct autodiff autodiff = autodiff_begin(&graph);
    autodiff_seed(&autodiff, y, seed);
    autodiff_run(&autodiff);
    uint32_t da = autodiff_adjoint(&autodiff, a);
    uint32_t db = autodiff_adjoint(&autodiff, b);
    double values[TENSORS_MAX] = {0};
    const double points[][2] = {{1.3, 0.4}, {-0.7, 2.5}, {0.2, -1.1}, {4.0, 1.5}};
    for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
        double h = 1e-6;
        double expected[2];
        for (int k = 0; k < 2; k++) {
            double side[2];
            for (int s = 0; s < 2; s++) {
                values[a] = points[i][0] + (k == 0 ? (s ? h : -h) : 0);
                values[b] = points[i][1] + (k == 1 ? (s ? h : -h) : 0);
                evaluate(&graph, values);
                side[s] = values[y];
            }
            expected[k] = (side[1] - side[0]) / (2 * h);
        }
        values[a] = points[i][0];
        values[b] = points[i][1];
        values[seed] = 1;
        evaluate(&graph, values);
        assert_float_equal(values[da], expected[0], 1e-6);
        assert_float_equal(values[db], expected[1], 1e-6);
    }
    autodiff_end(&autodiff);
    graph_free(&graph);
}

static double surrogate_at(enum surrogate_kind kind, double slope, double x)
{
    struct graph graph;
    graph_init(&graph);
    graph.surrogate = kind;
    graph.surrogate_slope = slope;
    uint32_t u = add_leaf(&graph, ROLE_STATE_IN);
    struct op compare = {.kind = OP_greater, .inputs = {u}, .constant = 1.0, .has_surrogate = true};
    uint32_t y = graph_add_op(&graph, NULL, &compare);
    uint32_t seed = add_leaf(&graph, ROLE_CARRY_IN);
    struct autodiff autodiff = autodiff_begin(&graph);
    autodiff_seed(&autodiff, y, seed);
    autodiff_run(&autodiff);
    double values[TENSORS_MAX] = {0};
    values[u] = 1.0 + x;
    values[seed] = 1;
    evaluate(&graph, values);
    double result = values[autodiff_adjoint(&autodiff, u)];
    autodiff_end(&autodiff);
    graph_free(&graph);
    return result;
}

static void surrogates_have_their_published_values(void **state)
{
    (void)state;
    assert_float_equal(surrogate_at(SURROGATE_SUPERSPIKE, 10, 0), 1, 1e-12);
    assert_float_equal(surrogate_at(SURROGATE_SUPERSPIKE, 10, -0.1), 0.25, 1e-12);
    assert_float_equal(surrogate_at(SURROGATE_TRIANGLE, 2, 0.25), 0.5, 1e-12);
    assert_float_equal(surrogate_at(SURROGATE_TRIANGLE, 2, 0.6), 0, 1e-12);
    assert_float_equal(surrogate_at(SURROGATE_ARCTAN, 2, 0.5), 0.5, 1e-12);
}

static const uint32_t neurons[] = {24, 16, 12, 4};
static const uint32_t slots[] = {6, 8, 7, 4};

static struct network_config test_network(const char *neuron)
{
    return (struct network_config){.layer_count = 4,
                                   .neurons = (uint32_t *)(uintptr_t)neurons,
                                   .slots = (uint32_t *)(uintptr_t)slots,
                                   .neuron = neuron_find(neuron),
                                   .alpha = 0.95,
                                   .beta = 0.9,
                                   .theta1 = 1,
                                   .theta2 = 0.9,
                                   .theta2_out = 0.8,
                                   .gain = 10,
                                   .surrogate_slope = 10,
                                   .layer_delay = 1,
                                   .reset = RESET_BY_MODEL};
}

static uint32_t count_backward_elementwise(const struct training_graph *tg, uint32_t layer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tg->graph.op_count; i++) {
        const struct op *op = &tg->graph.ops[i];
        count +=
            op->phase == OP_BACKWARD && op->layer == layer && op_class(op->kind) == OP_ELEMENTWISE;
    }
    return count;
}

static bool is_saved(const struct training_graph *tg, const char *name)
{
    for (uint32_t i = 0; i < tg->graph.tensor_count; i++) {
        if (strcmp(tg->graph.tensors[i].name, name) == 0) {
            return tg->graph.tensors[i].is_saved;
        }
    }
    fail_msg("there is no tensor %s", name);
    return false;
}

static void the_published_backward_pass_has_two_dense_ops_per_layer(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        assert_int_equal(count_backward_elementwise(tg, l), 2); // * alpha; * gain (1 - alpha)
    }
    assert_true(is_saved(tg, "u1"));
    assert_true(is_saved(tg, "spikes3"));
    assert_true(is_saved(tg, "input"));
    assert_false(is_saved(tg, "current1"));
    assert_false(is_saved(tg, "logits"));
    training_graph_destroy(tg);
}

static void a_constant_reset_is_invisible_to_the_gradient(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    const struct graph_state *membrane = &tg->states[0];
    const struct op *last = NULL;
    for (uint32_t i = 0; i < tg->graph.op_count; i++) {
        if (tg->graph.ops[i].output == membrane->carry_out) {
            last = &tg->graph.ops[i];
        }
    }
    assert_non_null(last);
    assert_int_equal(last->kind, OP_scale);
    assert_float_equal(last->constant, 0.95, 0);
    training_graph_destroy(tg);
    network.reset_gradient = RESET_GRADIENT_MASKED;
    tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    assert_int_equal(count_backward_elementwise(tg, 1), 4); // and the mask, and its product
    training_graph_destroy(tg);
}

static void a_current_based_neuron_saves_only_its_membrane(void **state)
{
    (void)state;
    struct network_config network = test_network("cuba_lif");
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    assert_true(is_saved(tg, "u1"));
    assert_false(is_saved(tg, "i1")); // the equations are linear in the current
    // di = carry + gain (1 - alpha) du; carries: beta di, alpha du
    assert_int_equal(count_backward_elementwise(tg, 1), 4);
    training_graph_destroy(tg);
}

// Without a scale on the input the error is the membrane's adjoint itself.
static void a_loss_on_membranes_needs_none_of_the_last_layer(void **state)
{
    (void)state;
    struct network_config network = test_network("leaky");
    network.has_bias = true;
    network.input = INPUT_ANALOG;
    network.loss = LOSS_ON_MEMBRANES;
    struct training_graph *tg = training_graph_create(&network, FORM_DENSE, 6, 12);
    uint32_t last = tg->layer_count;
    const struct tensor *tensors = tg->graph.tensors;
    assert_true(is_saved(tg, "u1"));
    assert_false(tensors[tg->layers[last - 1].membrane].is_saved);
    assert_int_equal(tg->layers[last - 1].spike_gradient, TENSOR_NONE);
    assert_int_equal(count_backward_elementwise(tg, 1), 1);    // carry: alpha d
    assert_int_equal(count_backward_elementwise(tg, last), 2); // and carry + the loss's
    assert_true(tensors[tg->input].is_static && tensors[tg->input].type == TENSOR_FLOAT32);
    for (uint32_t l = 0; l < last; l++) {
        const struct tensor *gradient = &tensors[tg->layers[l].bias_gradient];
        assert_int_equal(gradient->rows, 1);
        assert_int_equal(gradient->columns, tg->layers[l].neurons);
    }
    training_graph_destroy(tg);
}

static void data_gets_no_gradient_and_every_weight_gets_one(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    uint32_t input_gradients = 0;
    uint32_t weight_gradients = 0;
    for (uint32_t i = 0; i < tg->graph.op_count; i++) {
        const struct op *op = &tg->graph.ops[i];
        input_gradients += op->kind == OP_connect_input_gradient;
        weight_gradients += op->kind == OP_connect_weight_gradient;
        assert_false(op->kind == OP_connect_input_gradient && op->inputs[2] == tg->input);
    }
    assert_int_equal(input_gradients, 2);
    assert_int_equal(weight_gradients, 3);
    training_graph_destroy(tg);
}

static void the_dense_form_lists_every_neuron(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    struct training_graph *tg = training_graph_create(&network, FORM_DENSE, 6, 12);
    for (uint32_t l = 1; l <= tg->layer_count; l++) {
        assert_int_equal(tg->layers[l - 1].slots, neurons[l]);
        assert_true(tg->layers[l - 1].theta2 < -1e300);
        assert_int_equal(tg->graph.tensors[tg->layers[l - 1].spikes].slots, neurons[l]);
    }
    training_graph_destroy(tg);
}

static void without_layer_delay_layers_read_spikes_of_the_same_time_step(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    network.layer_delay = 0;
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    assert_int_equal(tg->layers[1].input, tg->layers[0].spikes);
    assert_int_equal(tg->state_count, 4); // three membranes and the logits, no spikes
    training_graph_destroy(tg);
    network.layer_delay = 1;
    tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    assert_int_not_equal(tg->layers[1].input, tg->layers[0].spikes);
    assert_int_equal(tg->state_count, 6);
    training_graph_destroy(tg);
}

// Every op of both passes is run by exactly one stage, after the stages that make its inputs.
static void check_order(const struct training_graph *tg, const struct stage *stages, uint32_t count,
                        enum op_phase phase)
{
    const struct graph *graph = &tg->graph;
    bool *is_made = calloc(graph->tensor_count, sizeof(bool));
    uint32_t *runs = calloc(graph->op_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < graph->op_count; i++) {
        if (graph->ops[i].phase == phase) {
            is_made[graph->ops[i].output] = false;
        }
    }
    bool *is_of_phase = calloc(graph->tensor_count, sizeof(bool));
    for (uint32_t i = 0; i < graph->op_count; i++) {
        is_of_phase[graph->ops[i].output] |= graph->ops[i].phase == phase;
    }
    for (uint32_t s = 0; s < count; s++) {
        const struct region *region = stages[s].is_region ? &tg->regions[stages[s].index] : NULL;
        for (uint32_t k = 0; k < (region ? region->op_count : 1); k++) {
            uint32_t i = region ? region->ops[k] : stages[s].index;
            runs[i]++;
            for (uint32_t j = 0; j < op_input_count(graph->ops[i].kind); j++) {
                uint32_t input = graph->ops[i].inputs[j];
                assert_true(input == TENSOR_NONE || !is_of_phase[input] || is_made[input]);
            }
            is_made[graph->ops[i].output] = true;
        }
    }
    for (uint32_t i = 0; i < graph->op_count; i++) {
        assert_int_equal(runs[i], graph->ops[i].phase == phase);
    }
    free(is_made);
    free(is_of_phase);
    free(runs);
}

static void stages_run_every_op_once_and_after_its_inputs(void **state)
{
    (void)state;
    for (uint32_t variant = 0; variant < 24; variant++) {
        struct network_config network = test_network(variant & 1 ? "cuba_lif" : "lif");
        network.layer_delay = variant >> 1 & 1;
        network.reset_gradient = (enum reset_gradient)(variant / 8);
        enum network_form form = variant & 4 ? FORM_DENSE : FORM_SPARSE;
        struct training_graph *tg = training_graph_create(&network, form, 6, 12);
        check_order(tg, tg->forward, tg->forward_count, OP_FORWARD);
        check_order(tg, tg->backward, tg->backward_count, OP_BACKWARD);
        training_graph_destroy(tg);
    }
}

static void regions_count_what_crosses_their_border(void **state)
{
    (void)state;
    struct network_config network = test_network("lif");
    struct training_graph *tg = training_graph_create(&network, FORM_SPARSE, 6, 12);
    const struct region *update = &tg->regions[0];
    assert_int_equal(update->kind, REGION_UPDATE);
    assert_int_equal(update->input_count, 2);    // u before, current
    assert_int_equal(update->output_count, 1);   // u
    assert_int_equal(update->arithmetic_ops, 5); // compare, mask, decay, gain, add
    training_graph_destroy(tg);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives_of_elementwise_ops_equal_finite_differences),
        cmocka_unit_test(surrogates_have_their_published_values),
        cmocka_unit_test(the_published_backward_pass_has_two_dense_ops_per_layer),
        cmocka_unit_test(a_constant_reset_is_invisible_to_the_gradient),
        cmocka_unit_test(a_current_based_neuron_saves_only_its_membrane),
        cmocka_unit_test(a_loss_on_membranes_needs_none_of_the_last_layer),
        cmocka_unit_test(data_gets_no_gradient_and_every_weight_gets_one),
        cmocka_unit_test(the_dense_form_lists_every_neuron),
        cmocka_unit_test(without_layer_delay_layers_read_spikes_of_the_same_time_step),
        cmocka_unit_test(stages_run_every_op_once_and_after_its_inputs),
        cmocka_unit_test(regions_count_what_crosses_their_border),
    };
    return cmocka_run_group_tests_name("training graph", tests, NULL, NULL);
}

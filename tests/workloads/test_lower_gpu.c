// The GPU's kernel list of a small network, counted by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workloads/lower/lowering.h"
#include "workloads/neurons/neuron.h"

#define BATCH 6u
#define TIME_STEPS 12u

static const uint32_t neurons[] = {24, 16, 12, 4};
static const uint32_t slots[] = {6, 8, 7, 4};

static struct network_config make_network(const char *neuron)
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

static struct kernel_list *lower(const struct network_config *network, enum network_form form,
                                 enum optimizer_kind optimizer)
{
    struct training_graph *tg = training_graph_create(network, form, BATCH, TIME_STEPS);
    struct training_config training = {.optimizer = optimizer};
    struct kernel_list *list = lower_gpu(tg, &training);
    training_graph_destroy(tg);
    return list;
}

static uint32_t count_kernels(const struct kernel_list *list, const char *prefix)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        count += strncmp(list->kernels[i].name, prefix, strlen(prefix)) == 0;
    }
    return count;
}

static const struct kernel *find(const struct kernel_list *list, const char *prefix, uint32_t layer)
{
    for (uint32_t i = 0; i < list->kernel_count; i++) {
        const struct kernel *kernel = &list->kernels[i];
        if (kernel->layer == layer && strncmp(kernel->name, prefix, strlen(prefix)) == 0) {
            return kernel;
        }
    }
    fail_msg("layer %u has no kernel %s", layer, prefix);
    return NULL;
}

static void the_dense_form_has_one_product_per_layer_and_role(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *list = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    assert_int_equal(count_kernels(list, "G1"), 3);
    assert_int_equal(count_kernels(list, "E1"), 3);
    assert_int_equal(count_kernels(list, "E2"), 3);
    assert_int_equal(count_kernels(list, "G2"), 2); // data gets no gradient
    assert_int_equal(count_kernels(list, "G3"), 3);
    assert_int_equal(count_kernels(list, "A1"), 3);
    assert_int_equal(count_kernels(list, "L1"), 1);
    assert_int_equal(count_kernels(list, "O1"), 3);
    assert_int_equal(count_kernels(list, "Z"), 1 + 3);
    assert_int_equal(list->kernel_count, 3 + 3 + 3 + 2 + 3 + 3 + 1 + 3 + 4);
    const struct kernel *forward = find(list, "G1", 2);
    assert_int_equal(forward->m, BATCH);
    assert_int_equal(forward->n, 12);
    assert_int_equal(forward->k, 16);
    const struct kernel *input_gradient = find(list, "G2", 2);
    assert_int_equal(input_gradient->m, BATCH);
    assert_int_equal(input_gradient->n, 16);
    assert_int_equal(input_gradient->k, 12);
    const struct kernel *weight_gradient = find(list, "G3", 2);
    assert_int_equal(weight_gradient->m, 12);
    assert_int_equal(weight_gradient->n, 16);
    assert_int_equal(weight_gradient->k, BATCH);
    assert_true(weight_gradient->reduces_batch);
    assert_true(forward->is_hoistable && input_gradient->is_hoistable);
    assert_true(find(list, "A1", 2)->is_hoistable && find(list, "Z2", 2)->is_hoistable);
    kernel_list_destroy(list);
}

static void fused_lif_kernels_move_the_arrays_that_cross_their_borders(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *list = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    const uint64_t array = BATCH * 16;
    const struct kernel *update = find(list, "E1", 1); // reads current, u(t-1); writes u, spikes
    assert_int_equal(update->read_elements, 2 * array);
    assert_int_equal(update->write_elements, 2 * array);
    assert_int_equal(update->carried_read_elements, array); // u(t-1)
    assert_int_equal(update->carried_write_elements, 0);    // u is saved for the backward pass
    assert_true(update->is_scan);
    const struct kernel *adjoint = find(list, "E2", 1); // reads ds, u, carry; writes error, carry
    assert_int_equal(adjoint->read_elements, 3 * array);
    assert_int_equal(adjoint->write_elements, 2 * array);
    assert_int_equal(adjoint->carried_read_elements, array);
    assert_int_equal(adjoint->carried_write_elements, array);
    const struct kernel *output = find(list, "E1", 3); // and the spike counts: read, written
    assert_int_equal(output->read_elements, 3 * BATCH * 4);
    assert_int_equal(output->write_elements, 3 * BATCH * 4);
    assert_int_equal(output->carried_read_elements, 2 * BATCH * 4);
    assert_int_equal(output->carried_write_elements, BATCH * 4); // counts are used after the loop
    kernel_list_destroy(list);
}

static void a_neuron_with_a_second_state_moves_two_arrays_more(void **state)
{
    (void)state;
    struct network_config network = make_network("cuba_lif");
    struct kernel_list *list = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    const struct kernel *update = find(list, "E1", 1);
    assert_int_equal(update->read_elements, 3 * BATCH * 16);
    assert_int_equal(update->write_elements, 3 * BATCH * 16);
    assert_int_equal(update->carried_write_elements, BATCH * 16); // i is not saved
    kernel_list_destroy(list);
}

static void the_sparse_form_gathers_compacts_masks_and_scatters(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *list = lower(&network, FORM_SPARSE, OPTIMIZER_ADAM);
    assert_int_equal(count_kernels(list, "S1"), 3);
    assert_int_equal(count_kernels(list, "S2"), 3);
    assert_int_equal(count_kernels(list, "S3"), 2);
    assert_int_equal(count_kernels(list, "S4"), 3);
    assert_int_equal(count_kernels(list, "G") + count_kernels(list, "A1"), 0);
    const struct kernel *gather = find(list, "S1", 2);
    assert_int_equal(gather->m, BATCH);
    assert_int_equal(gather->n, 12);
    assert_int_equal(gather->k, 16);
    assert_int_equal(gather->record_layer, 1);
    assert_false(gather->counts_listed);
    const struct kernel *masked = find(list, "S3", 2);
    assert_int_equal(masked->record_layer, 1);
    assert_true(masked->counts_listed);
    const struct kernel *compaction = find(list, "S2", 1);
    assert_int_equal(compaction->read_elements, BATCH * 16);
    assert_int_equal(compaction->record_layer, 1);
    assert_true(compaction->is_hoistable);
    const struct kernel *update = find(list, "E1", 1); // no dense spikes
    assert_int_equal(update->write_elements, BATCH * 16);
    const struct kernel *adjoint = find(list, "E2", 1); // ids and slots by their true length
    assert_int_equal(adjoint->read_elements, 2 * BATCH * 16);
    assert_int_equal(adjoint->record_arrays, 2);
    assert_true(adjoint->counts_listed);
    kernel_list_destroy(list);
}

static void layers_depend_on_each_other_in_a_time_step_only_without_delay(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *list = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    assert_false(find(list, "G1", 2)->depends_on_previous_layer);
    kernel_list_destroy(list);
    network.layer_delay = 0;
    list = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    assert_true(find(list, "G1", 2)->depends_on_previous_layer);
    assert_false(find(list, "G1", 1)->depends_on_previous_layer); // the data is there
    assert_true(find(list, "G1", 2)->is_hoistable); // layer by layer, all time steps at once
    kernel_list_destroy(list);
}

static void an_optimiser_moves_three_arrays_and_adam_seven(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    const uint64_t weights = 16 * 12;
    struct kernel_list *adam = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    const struct kernel *kernel = find(adam, "O1", 2);
    assert_int_equal(kernel->read_elements + kernel->write_elements, 7 * weights);
    assert_int_equal(kernel->phase, PHASE_ONCE);
    struct kernel_list *sgd = lower(&network, FORM_DENSE, OPTIMIZER_SGD);
    kernel = find(sgd, "O1", 2);
    assert_int_equal(kernel->read_elements + kernel->write_elements, 3 * weights);
    assert_int_equal(sgd->optimizer_elements, 0);
    const uint64_t parameters = 24 * 16 + 16 * 12 + 12 * 4;
    assert_int_equal(adam->parameter_elements, parameters);
    assert_int_equal(adam->optimizer_elements, 2 * parameters);
    const struct kernel *accumulate = find(adam, "A1", 2);
    assert_int_equal(accumulate->read_elements, 2 * weights);
    assert_int_equal(accumulate->write_elements, weights);
    kernel_list_destroy(adam);
    kernel_list_destroy(sgd);
}

static void memory_is_counted_from_the_saved_tensors(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *dense = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    struct kernel_list *sparse = lower(&network, FORM_SPARSE, OPTIMIZER_ADAM);
    const uint64_t rows = TIME_STEPS * BATCH;
    // membranes of three layers; their spikes as arrays, or as slots and two counts
    assert_int_equal(dense->saved_elements, rows * 2 * (16 + 12 + 4));
    assert_int_equal(sparse->saved_elements, rows * ((16 + 12 + 4) + (8 + 7 + 4) + 3 * 2));
    assert_int_equal(dense->input_elements, rows * 24);
    assert_int_equal(dense->input_id_elements, rows * (6 + 1));
    // states and carries: three membranes, the counts, two delayed spike vectors
    assert_int_equal(dense->state_elements, 2 * BATCH * (16 + 12 + 4 + 4 + 16 + 12));
    kernel_list_destroy(dense);
    kernel_list_destroy(sparse);
}

// --- analog input, biases, loss on membranes ----------------------------------------------------
static void biases_are_one_more_read_one_pass_over_the_errors_and_parameters(void **state)
{
    (void)state;
    struct network_config network = make_network("lif");
    struct kernel_list *without = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    network.has_bias = true;
    struct kernel_list *with = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    assert_int_equal(find(with, "E1", 1)->read_elements,
                     find(without, "E1", 1)->read_elements + 16);
    assert_int_equal(find(with, "R1", 1)->read_elements, BATCH * 16);
    assert_int_equal(find(with, "R1", 1)->write_elements, 16);
    assert_true(find(with, "R1", 1)->is_hoistable);
    assert_int_equal(find(with, "A2", 1)->read_elements, 2 * 16);
    assert_int_equal(with->parameter_elements, without->parameter_elements + 16 + 12 + 4);
    assert_int_equal(with->optimizer_elements, 2 * with->parameter_elements);
    assert_int_equal(count_kernels(with, "O1"), 2 * 3);
    assert_int_equal(count_kernels(without, "R1"), 0);
    kernel_list_destroy(without);
    kernel_list_destroy(with);
}

static void an_analog_input_is_sent_once_and_multiplied_as_a_matrix_in_both_forms(void **state)
{
    (void)state;
    struct network_config network = make_network("leaky");
    network.input = INPUT_ANALOG;
    for (enum network_form form = FORM_SPARSE; form <= FORM_DENSE; form++) {
        struct kernel_list *list = lower(&network, form, OPTIMIZER_ADAM);
        const struct kernel *forward = find(list, "G1", 1);
        assert_true(forward->is_static && forward->is_hoistable);
        assert_int_equal(forward->m, BATCH);
        assert_int_equal(forward->k, 24);
        assert_true(find(list, "G3", 1)->is_static);
        assert_int_equal(count_kernels(list, "G1"), form == FORM_DENSE ? 3 : 1);
        assert_int_equal(count_kernels(list, "S1"), form == FORM_DENSE ? 0 : 2);
        assert_true(list->is_input_static);
        assert_int_equal(list->input_elements, BATCH * 24);
        assert_int_equal(list->input_id_elements, BATCH * 24);
        kernel_list_destroy(list);
    }
}

static void membranes_are_summed_where_spikes_were_counted(void **state)
{
    (void)state;
    struct network_config network = make_network("leaky");
    struct kernel_list *spikes = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    network.loss = LOSS_ON_MEMBRANES;
    struct kernel_list *membranes = lower(&network, FORM_DENSE, OPTIMIZER_ADAM);
    assert_int_equal(find(membranes, "E1", 3)->read_elements, find(spikes, "E1", 3)->read_elements);
    assert_int_equal(membranes->state_elements, spikes->state_elements);
    // the gradient reaches the membrane as it is, without the surrogate: one array less
    assert_true(find(membranes, "E2", 3)->read_elements < find(spikes, "E2", 3)->read_elements);
    kernel_list_destroy(spikes);
    kernel_list_destroy(membranes);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dense_form_has_one_product_per_layer_and_role),
        cmocka_unit_test(fused_lif_kernels_move_the_arrays_that_cross_their_borders),
        cmocka_unit_test(a_neuron_with_a_second_state_moves_two_arrays_more),
        cmocka_unit_test(the_sparse_form_gathers_compacts_masks_and_scatters),
        cmocka_unit_test(layers_depend_on_each_other_in_a_time_step_only_without_delay),
        cmocka_unit_test(an_optimiser_moves_three_arrays_and_adam_seven),
        cmocka_unit_test(memory_is_counted_from_the_saved_tensors),
        cmocka_unit_test(biases_are_one_more_read_one_pass_over_the_errors_and_parameters),
        cmocka_unit_test(an_analog_input_is_sent_once_and_multiplied_as_a_matrix_in_both_forms),
        cmocka_unit_test(membranes_are_summed_where_spikes_were_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

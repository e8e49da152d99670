// What analog input, biases, a loss on membranes and output to the host change in the sparse
// program.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/workloads/lower_fixture.h"

static struct fixture analog_network(void)
{
    return (struct fixture){.layer_count = 3,
                            .neurons = {30, 20, 5},
                            .slots = {30, 6, 2},
                            .batch = 12,
                            .time_steps = 7,
                            .neuron = "leaky",
                            .layer_delay = 1,
                            .has_bias = true,
                            .input = INPUT_ANALOG,
                            .loss = LOSS_ON_MEMBRANES,
                            .tiles = 64};
}

static void an_analog_input_lies_on_the_neuron_tiles_and_is_multiplied_there(void **state)
{
    (void)state;
    struct program *program = fixture_program(analog_network(), LOWERING_SPARSE);
    assert_int_equal(program->steps[0].host_bytes, 4 * (12 * 30 + 12)); // values once, labels
    assert_int_equal(received_bytes(program, "A1 ", 1), 4 * 12 * 30);
    assert_int_equal(count_named_sets(program, "F1 ") + count_named_sets(program, "B2 slice input"),
                     0);
    const struct vertex_group *product = find_group(program, "F3 product of the analog input", 1);
    assert_int_equal(product->items, 10); // two neurons a tile
    assert_int_equal(product->sizes[0], 12);
    assert_int_equal(product->sizes[1], 30);
    assert_int_equal(product->sizes[2], 2);
    const struct vertex_group *gradient = find_group(program, "B7 weight gradient", 1);
    assert_int_equal(gradient->codelet, CODELET_matmul_partial);
    assert_int_equal(gradient->sizes[0], 30);
    assert_int_equal(gradient->sizes[1], 12);
    assert_int_equal(find_group(program, "B7 weight gradient", 2)->codelet,
                     CODELET_weight_gradient);
    // one gradient, not one for each worker, and no transposed weights
    assert_null(find_group(program, "sum gradient copies", 1));
    assert_null(find_variable(program, "layer 1 gradient copies"));
    assert_null(find_variable(program, "layer 1 weights, transposed"));
    assert_int_equal(find_variable(program, "layer 1 gradient")->bytes_per_item, 4 * 2 * 30);
    assert_int_equal(find_variable(program, "layer 1 analog input of the batch")->bytes_per_item,
                     4 * 12 * 30);
    program_destroy(program);
}

static void a_hoisted_product_runs_before_the_loop_and_its_gradient_after(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    fixture.config.hoists_static_input = true;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    assert_int_equal(count_named_sets(program, "F3 product"), 0);
    assert_non_null(find_group(program, "A2 static product", 1));
    assert_null(find_group(program, "B7 weight gradient", 1));
    assert_null(find_group(program, "B7 bias gradient", 1));
    assert_int_equal(find_group(program, "A3 static weight gradient", 1)->sizes[0], 30);
    assert_int_equal(find_group(program, "A3 bias gradient", 1)->sizes[0], 12 + 1);
    assert_int_equal(find_group(program, "B5 sum errors over time", 1)->sizes[0], 12 * 2);
    struct loop_range forward = fixture_loop(program, 0), backward = fixture_loop(program, 1);
    const struct variable *currents = find_variable(program, "layer 1 currents");
    const struct variable *errors = find_variable(program, "layer 1 sum of errors");
    assert_true(currents->first_step < forward.first && currents->last_step >= forward.end);
    assert_true(errors->first_step < backward.first && errors->last_step > backward.end);
    assert_int_equal(errors->bytes_per_item, 4 * 12 * 2);
    program_destroy(program);
}

static void a_bias_gradient_sums_the_samples_in_every_time_step(void **state)
{
    (void)state;
    struct program *program = fixture_program(analog_network(), LOWERING_SPARSE);
    const struct vertex_group *sum = find_group(program, "B7 bias gradient", 2);
    assert_int_equal(sum->codelet, CODELET_reduce_many);
    assert_int_equal(sum->sizes[0], 12 + 1); // samples, and the sum so far
    assert_int_equal(sum->sizes[1], 2);
    assert_int_equal(find_group(program, "optimizer", 1)->sizes[0], 2 * 30 + 2);
    assert_int_equal(find_variable(program, "layer 1 biases")->bytes_per_item, 4 * 2);
    assert_int_equal(find_variable(program, "layer 1 Adam moments of biases")->bytes_per_item,
                     2 * 4 * 2);
    program_destroy(program);
}

static void
a_loss_on_membranes_takes_sums_from_the_output_neurons_and_gives_them_gradients(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    assert_int_equal(total_received_bytes(program, "summed membranes"), 4 * 12 * 5);
    assert_int_equal(count_named_sets(program, "output spikes to dense"), 0);
    assert_int_equal(count_named_sets(program, "B2 slice output gradient"), 0);
    assert_non_null(find_group(program, "B4 state gradient", 1));
    assert_null(find_group(program, "B4 state gradient", 2)); // no surrogate on the way
    assert_int_equal(find_variable(program, "layer 2 summed membranes")->bytes_per_item,
                     4 * 12 * 2);
    // the sum is one more state of the update: loaded and stored, one addition
    fixture.loss = LOSS_ON_SPIKES;
    struct program *spikes = fixture_program(fixture, LOWERING_SPARSE);
    const uint32_t *with = find_group(program, "F3 neuron update", 2)->sizes;
    const uint32_t *without = find_group(spikes, "F3 neuron update", 2)->sizes;
    assert_int_equal(with[1], without[1] + 2);
    assert_int_equal(with[2], without[2] + 1);
    program_destroy(program);
    program_destroy(spikes);
}

static void the_host_may_want_the_output_spikes(void **state)
{
    (void)state;
    struct fixture fixture = analog_network();
    fixture.config.host_output = HOST_OUTPUT_SPIKES;
    struct program *program = fixture_program(fixture, LOWERING_SPARSE);
    const struct program_step *last = &program->steps[program->step_count - 1];
    assert_int_equal(last->host_bytes, 4 * (1 + 7 * 12 * (2 + 2)));
    program_destroy(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_analog_input_lies_on_the_neuron_tiles_and_is_multiplied_there),
        cmocka_unit_test(a_hoisted_product_runs_before_the_loop_and_its_gradient_after),
        cmocka_unit_test(a_bias_gradient_sums_the_samples_in_every_time_step),
        cmocka_unit_test(
            a_loss_on_membranes_takes_sums_from_the_output_neurons_and_gives_them_gradients),
        cmocka_unit_test(the_host_may_want_the_output_spikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// One time step of recurrent layers against hand calculation.
#include "tests/gpu/gpu_fixture.h"

#include "gpu/kernel_time.h"
#include "gpu/recurrent_time.h"

static struct recurrent_layer lstm(enum recurrent_code code)
{
    return (struct recurrent_layer){.cell = CELL_lstm,
                                    .code = code,
                                    .precision = GPU_TF32,
                                    .batch = 16,
                                    .width = 768,
                                    .heads = 1,
                                    .pointwise_ops = 15};
}

static void a_loop_in_eager_mode_waits_for_the_host_until_the_device_is_slower(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct recurrent_layer layer = lstm(CODE_EAGER);
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 16 * 27e-6);
    layer.is_training = true;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 3 * 16 * 27e-6);
    gpu.eager_op_seconds = 0;
    layer.is_training = false;
    double product = gpu_gemm_seconds(&gpu, GPU_TF32, 16, 4 * 768, 768, true);
    double op = 1.33e-6 + 3 * 4.0 * 16 * 768 / 3.9e12;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), product + 15 * op);
}

static void a_loop_of_library_calls_has_two_forward_and_three_backward(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    gpu.library_call_seconds = 1e-3;
    struct recurrent_layer layer = lstm(CODE_LIBRARY);
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 2e-3);
    layer.is_training = true;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 5e-3);
    layer.code = CODE_GRAPH; // nobody calls
    double kernels = gpu_gemm_seconds(&gpu, GPU_TF32, 16, 4 * 768, 768, true) +
                     gpu_gemm_seconds(&gpu, GPU_TF32, 16, 768, 4 * 768, true) +
                     gpu_gemm_seconds(&gpu, GPU_TF32, 4 * 768, 768, 16, true);
    double pointwise = 1.33e-6 + 3 * 4.0 * 4 * 16 * 768 / 1.70e12; // kept for backward: memory
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), kernels + 2 * pointwise);
}

static void a_fused_time_step_is_a_sync_a_chain_of_trips_and_a_sum(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct recurrent_layer layer = lstm(CODE_FUSED);
    layer.heads = 12; // sums over 64
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 1.3e-6 + 1.5e-6 + 64 * 2e-9);
    layer.is_training = true; // sums over four gates, one sync more
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer),
                   3 * 1.3e-6 + 2 * 1.5e-6 + 5 * 64 * 2e-9);
}

static void a_fused_time_step_is_bound_by_flops_of_a_large_batch(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct recurrent_layer layer =
        lstm(CODE_FUSED); // 9.4 MB of weights stay on the 46 MB of 108 SMs
    layer.batch = 4096;
    double product = 2.0 * 4096 * 4 * 768 * 768 / (0.909 * 156e12);
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 1.3e-6 + 1.5e-6 + product);
    layer.is_training = true;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 3 * 1.3e-6 + 2 * 1.5e-6 + 3 * product);
}

static void weights_that_do_not_fit_the_chip_are_streamed_at_every_time_step(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct recurrent_layer layer = lstm(CODE_FUSED);
    layer.width = 8192; // 1.07 GB: nothing of it stays in L2
    double streamed = 4.0 * 4 * 8192 * 8192 - 108.0 * 420 * 1024;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 1.3e-6 + 1.5e-6 + streamed / 1.70e12);
    layer.heads = 64; // 16.8 MB fit
    layer.batch = 1;
    assert_seconds(gpu_recurrent_step_seconds(&gpu, &layer), 1.3e-6 + 1.5e-6 + 128 * 2e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_in_eager_mode_waits_for_the_host_until_the_device_is_slower),
        cmocka_unit_test(a_loop_of_library_calls_has_two_forward_and_three_backward),
        cmocka_unit_test(a_fused_time_step_is_a_sync_a_chain_of_trips_and_a_sum),
        cmocka_unit_test(a_fused_time_step_is_bound_by_flops_of_a_large_batch),
        cmocka_unit_test(weights_that_do_not_fit_the_chip_are_streamed_at_every_time_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

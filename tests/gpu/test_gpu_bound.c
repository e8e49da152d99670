// What bounds a kernel, asked by slowing one kind of hardware down.
#include "tests/gpu/gpu_fixture.h"

#include "gpu/kernel_time.h"

#define SLOWER 1.001

// Part of a product's seconds that one kind of hardware answers for.
static double part_of_product(enum gpu_bound bound, uint32_t m, uint32_t n, uint32_t k,
                              bool is_resident)
{
    struct gpu_config gpu = test_gpu();
    struct gpu_config slower = gpu_slowed(&gpu, bound, SLOWER);
    double seconds = gpu_gemm_seconds(&gpu, GPU_TF32, m, n, k, is_resident);
    double slowed = gpu_gemm_seconds(&slower, GPU_TF32, m, n, k, is_resident);
    return (slowed / seconds - 1.0) / (SLOWER - 1.0);
}

static void the_parts_of_a_product_add_up_to_it(void **state)
{
    (void)state;
    static const uint32_t sizes[][3] = {
        {48, 1466, 2312}, {4800, 1466, 1466}, {16, 16, 16}, {2312, 1466, 4800}, {8192, 8192, 8192}};
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint32_t is_resident = 0; is_resident < 2; is_resident++) {
            double sum = 0.0;
            for (uint32_t bound = 0; bound < GPU_BOUND_COUNT; bound++) {
                sum += part_of_product((enum gpu_bound)bound, sizes[i][0], sizes[i][1], sizes[i][2],
                                       is_resident);
            }
            assert_true(fabs(sum - 1.0) < 2e-3);
        }
    }
}

static void a_large_product_is_bound_by_compute_and_a_tiny_one_by_its_launch(void **state)
{
    (void)state;
    assert_true(part_of_product(GPU_BOUND_COMPUTE, 8192, 8192, 8192, false) > 0.8);
    assert_true(part_of_product(GPU_BOUND_FLOOR, 16, 16, 16, true) > 0.9);
}

static void a_stream_is_bound_by_where_its_data_lie(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct gpu_config slow_l2 = gpu_slowed(&gpu, GPU_BOUND_L2, 2.0);
    struct gpu_config slow_memory = gpu_slowed(&gpu, GPU_BOUND_MEMORY, 2.0);
    double in_l2 = gpu_stream_seconds(&gpu, 1e9, 1.0);
    double in_memory = gpu_stream_seconds(&gpu, 1e9, 0.0);
    assert_seconds(gpu_stream_seconds(&slow_l2, 1e9, 1.0), 2.0 * in_l2);
    assert_seconds(gpu_stream_seconds(&slow_memory, 1e9, 1.0), in_l2);
    assert_seconds(gpu_stream_seconds(&slow_l2, 1e9, 0.0), in_memory);
    assert_seconds(gpu_stream_seconds(&slow_memory, 1e9, 0.0), 2.0 * in_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_a_product_add_up_to_it),
        cmocka_unit_test(a_large_product_is_bound_by_compute_and_a_tiny_one_by_its_launch),
        cmocka_unit_test(a_stream_is_bound_by_where_its_data_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Kernel times of the modelled GPU against public measurements and hand calculation, and the closed
// forms of the five baselines on lists of one kernel.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpu/gpu.h"
#include "gpu/kernel_time.h"
#include "tests/gpu/gpu_fixture.h"

// --- kernels ------------------------------------------------------------------------------------
// NVIDIA aiconfigurator, A100-SXM4-80GB, bf16 in a CUDA graph, weights rotated: rows G0010 .. G0184 of
// the public table. Mean error over all 57 rows with m > 1: 6 %. All of them: configs/validation/gpu_kernels.
static void bfloat16_products_are_near_public_a100_measurements(void **state)
{
    (void)state;
    static const struct {
        uint32_t m, n, k;
        double microseconds;
    } rows[] = {
        {64, 128, 128, 4.55},      {128, 512, 512, 6.04},     {64, 1024, 1024, 8.08},
        {512, 1024, 1024, 11.37},  {128, 2048, 2048, 13.14},  {256, 2048, 2048, 17.68},
        {16, 4096, 4096, 26.53},   {128, 4096, 4096, 37.12},  {256, 4096, 4096, 55.11},
        {1024, 4096, 4096, 204.2}, {512, 8192, 8192, 317.45}, {256, 8192, 8192, 160.4},
        {512, 512, 128, 4.71},     {1024, 8192, 8192, 538.8},
    };
    struct gpu_config gpu = test_gpu();
    double sum = 0.0;
    uint32_t outliers = 0;
    const size_t count = sizeof(rows) / sizeof(*rows);
    for (size_t i = 0; i < count; i++) {
        double seconds =
            gpu_gemm_seconds(&gpu, GPU_BFLOAT16, rows[i].m, rows[i].n, rows[i].k, false);
        double error = fabs(seconds / (rows[i].microseconds * MICRO) - 1.0);
        assert_true(error < 0.20);
        outliers += error > 0.15;
        sum += error;
    }
    assert_true(outliers <= 1);
    assert_true(sum / (double)count < 0.09);
}

// The same source on H100 SXM and H200: one die, so that all but the bandwidth is the same.
static void bfloat16_products_are_near_public_hopper_measurements(void **state)
{
    (void)state;
    static const struct gemm_model hopper = {.fixed_seconds = 2.573e-6,
                                             .wave_seconds = 7.3e-8,
                                             .flop_efficiency = 0.843,
                                             .tile_penalty = 0.09,
                                             .k_tile_seconds = 7.7e-8,
                                             .overlap_exponent = 2.76,
                                             .store_exponent = 1.35,
                                             .split_seconds = 1.7e-7,
                                             .split_bytes_per_second = 1.3e12,
                                             .peak_flop_per_second = 9.89e14,
                                             .element_bytes = 2};
    static const struct {
        uint32_t m, n, k;
        double h100_microseconds, h200_microseconds;
    } rows[] = {
        {64, 128, 128, 3.0, 2.76},          {128, 512, 512, 3.27, 3.47},
        {64, 1024, 1024, 4.09, 4.1},        {128, 2048, 2048, 7.0, 6.83},
        {16, 4096, 4096, 16.95, 13.34},     {128, 4096, 4096, 15.83, 14.27},
        {1024, 8192, 8192, 172.07, 168.94}, {512, 512, 128, 3.37, 2.98},
        {2048, 2048, 64, 5.45, 5.0},        {8192, 8192, 128, 59.54, 50.2},
        {128, 4096, 512, 3.98, 4.06},       {4096, 512, 512, 6.74, 6.06},
    };
    double sum[2] = {0, 0};
    const size_t count = sizeof(rows) / sizeof(*rows);
    for (size_t i = 0; i < 2 * count; i++) {
        bool is_h200 = i >= count;
        const double measured =
            is_h200 ? rows[i - count].h200_microseconds : rows[i].h100_microseconds;
        struct gpu_config gpu = test_gpu();
        gpu.multiprocessors = 132;
        gpu.memory_bytes_per_second_spec = is_h200 ? 4.8e12 : 3.35e12;
        gpu.gemm[GPU_BFLOAT16] = hopper;
        gpu.gemm[GPU_BFLOAT16].bandwidth_efficiency = is_h200 ? 0.764 : 0.885;
        double seconds = gpu_gemm_seconds(&gpu, GPU_BFLOAT16, rows[i % count].m, rows[i % count].n,
                                          rows[i % count].k, false);
        double error = fabs(seconds / (measured * MICRO) - 1.0);
        assert_true(error < 0.25);
        sum[is_h200] += error;
    }
    assert_true(sum[0] / (double)count < 0.10);
    assert_true(sum[1] / (double)count < 0.10);
}

// With one small tile per SM and nothing overlapped, every term stands alone.
static void a_product_costs_its_tiles_chain_operands_and_results(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct gemm_model *model = &gpu.gemm[GPU_TF32];
    model->overlap_exponent = 1.0;
    model->tile_penalty = 0;
    model->split_seconds = 1.0;               // never
    const double k_tiles = 1024 / 32;         // of 128 bytes: 32 float32 elements
    double tile_flops = 2.0 * 64 * 64 * 1024; // one SM makes one tile of 64 x 64
    double work = tile_flops / (0.909 * 156e12 / 108);
    double operand_bytes = 4.0 * (48 * 1024 + 1024 * 512);
    double store = 4.0 * 48 * 512 / (0.671 * 2.039e12);
    double rest = 1.763e-6 + 1.422e-6 + work + k_tiles * 0.33e-6 + store;
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_TF32, 48, 512, 1024, false),
                   rest + operand_bytes / (0.671 * 2.039e12));
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_TF32, 48, 512, 1024, true),
                   rest + operand_bytes / 3.9e12);
    model->overlap_exponent = 100.0; // all but the longest is hidden
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_TF32, 48, 512, 1024, true),
                   1.763e-6 + 1.422e-6 + k_tiles * 0.33e-6 + store);
}

// 108 SMs make 108 tiles of 256 x 128 at a time; one row more is another wave.
static void one_row_more_than_the_tiles_of_a_wave_costs_a_wave(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct gemm_model *model = &gpu.gemm[GPU_BFLOAT16];
    model->overlap_exponent = 100.0;
    model->tile_penalty = 10; // only the largest tiles
    model->split_seconds = 1.0;
    double full = gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 108 * 256, 128, 8192, true);
    double more = gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 108 * 256 + 1, 128, 8192, true);
    double tile_seconds = 2.0 * 256 * 128 * 8192 / (0.909 * 312e12 / 108);
    double row_seconds = 2.0 * 128 / (0.671 * 2.039e12);
    assert_seconds(more - full, 1.422e-6 + tile_seconds + row_seconds);
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 107 * 256 + 1, 128, 8192, true),
                   full - 255 * row_seconds);
}

// One tile, 16 steps along k: its sum is split where that is shorter than the chain.
static void a_long_sum_is_split_where_that_pays(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct gemm_model *model = &gpu.gemm[GPU_BFLOAT16];
    model->overlap_exponent = 100.0;
    model->tile_penalty = 0;
    model->split_seconds = 0.1e-6;
    double ends = 1.763e-6 + 1.422e-6 + 2.0 * 64 * 64 / (0.671 * 2.039e12);
    double partial = 8.0 * 64 * 64 / 3.9e12; // of each part
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 64, 64, 16 * 64, true),
                   ends + 0.33e-6 + 0.1e-6 + 16 * partial);
    model->split_seconds = 5e-6; // more than the chain
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 64, 64, 16 * 64, true),
                   ends + 16 * 0.33e-6);
}

static void products_never_take_less_when_a_size_grows(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    for (uint32_t precision = 0; precision < GPU_PRECISION_COUNT; precision++) {
        for (uint32_t size = 16; size < 8192; size += size / 3 + 1) {
            double base = gpu_gemm_seconds(&gpu, precision, size, size, size, false);
            assert_true(gpu_gemm_seconds(&gpu, precision, size, size, size, true) <= base);
            assert_true(gpu_gemm_seconds(&gpu, precision, size + 1, size, size, false) >= base);
            assert_true(gpu_gemm_seconds(&gpu, precision, size, size + 1, size, false) >= base);
            assert_true(gpu_gemm_seconds(&gpu, precision, size, size, size + 1, false) >= base);
            assert_true(gpu_gemm_seconds(&gpu, precision, 2 * size, size, size, false) >= base);
            assert_true(gpu_gemm_seconds(&gpu, precision, size, size, 2 * size, false) >= base);
        }
    }
}

// --- one row or column: no tiles ----------------------------------------------------------------
static struct gpu_config gpu_with_vector_kernel(void)
{
    struct gpu_config gpu = test_gpu();
    for (uint32_t precision = 0; precision < GPU_PRECISION_COUNT; precision++) {
        gpu.gemm[precision].vector_seconds = 2.6e-6;
        gpu.gemm[precision].vector_split_seconds = 1.4e-6;
    }
    return gpu;
}

// The same source as above, m = 1: rows G0001 to G0145.
static void products_of_one_row_are_near_public_a100_measurements(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        double microseconds;
    } rows[] = {{128, 2.58}, {256, 2.68}, {512, 4.39}, {1024, 5.31}, {8192, 96.43}};
    struct gpu_config gpu = gpu_with_vector_kernel();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        double seconds = gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 1, rows[i].size, rows[i].size, false);
        assert_true(fabs(seconds / (rows[i].microseconds * MICRO) - 1.0) < 0.06);
    }
}

static void a_sum_longer_than_a_warps_load_is_split_for_a_vector(void **state)
{
    (void)state;
    struct gpu_config gpu = gpu_with_vector_kernel(); // store_exponent 1: nothing overlaps
    const double memory_rate = 0.671 * 2.039e12;
    double whole = 2.6e-6 + 2.0 * (256 + 256 * 640 + 640) / memory_rate; // 512 bytes
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 1, 640, 256, false), whole);
    double split = 2.6e-6 + 1.4e-6 + 2.0 * (257 + 257 * 640 + 640) / memory_rate;
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 1, 640, 257, false), split);
    gpu.gemm[GPU_BFLOAT16].store_exponent = 100.0; // the shorter is hidden
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_BFLOAT16, 1, 640, 257, true),
                   2.6e-6 + 1.4e-6 + 2.0 * 640 / memory_rate);
}

static void a_column_takes_as_long_as_a_row(void **state)
{
    (void)state;
    struct gpu_config gpu = gpu_with_vector_kernel();
    assert_seconds(gpu_gemm_seconds(&gpu, GPU_TF32, 640, 1, 300, false),
                   gpu_gemm_seconds(&gpu, GPU_TF32, 1, 640, 300, false));
}

// Also where the kernel changes, and where the tiles would be faster than one row.
static void a_second_row_or_column_never_saves_time(void **state)
{
    (void)state;
    struct gpu_config slow_vectors = gpu_with_vector_kernel();
    slow_vectors.gemm[GPU_BFLOAT16].vector_seconds = 20e-6;
    const struct gpu_config gpus[] = {gpu_with_vector_kernel(), slow_vectors};
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t n = 1; n <= 8192; n *= 2) {
            for (uint32_t k = 1; k <= 8192; k *= 2) {
                double one = gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, 1, n, k, false);
                double two = gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, 2, n, k, false);
                assert_true(two >= one);
                assert_true(gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, n, 2, k, false) >=
                            gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, n, 1, k, false));
                assert_true(gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, 1, n + 1, k, false) >= one);
                assert_true(gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, 1, n, k + 1, false) >= one);
                assert_true(gpu_gemm_seconds(&gpus[i], GPU_BFLOAT16, 3, n, k, false) >= two);
            }
        }
    }
}

// --- closed forms of the baselines on lists of one kernel ---------------------------------------
static void cache_residency_falls_without_a_cliff(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    const double l2 = 40.0 * 1024 * 1024;
    assert_seconds(gpu_resident_fraction(&gpu, 0.8 * l2), 1.0);
    assert_seconds(gpu_resident_fraction(&gpu, 1.2 * l2), 0.5);
    assert_true(gpu_resident_fraction(&gpu, 1.6 * l2) <= 0.0);
    assert_seconds(gpu_stream_seconds(&gpu, 1e6, 0.5), 0.5e6 / 3.9e12 + 0.5e6 / 1.70e12);
    gpu.l2_bytes = 0;
    assert_true(gpu_resident_fraction(&gpu, 1.0) <= 0.0);
}

static struct gpu_time time_one(const struct gpu_config *gpu, enum gpu_baseline baseline,
                                struct kernel kernel, const struct activity *record)
{
    struct kernel_list list = {.batch = BATCH,
                               .time_steps = 10,
                               .layer_count = 1,
                               .kernel_count = 1,
                               .kernels = &kernel,
                               .parameter_elements = 1000,
                               .state_elements = 1}; // so that no cache at all holds nothing
    return gpu_time_step(gpu, baseline, GPU_TF32, &list, record);
}

static struct activity *one_layer_record(uint32_t spikes, uint32_t listed)
{
    uint32_t neurons[] = {256, 512};
    struct activity *record = activity_create(2, neurons, neurons, 10, BATCH);
    for (uint32_t i = 0; i < 10 * BATCH; i++) {
        record->layers[0].counts[2 * i] = spikes;
        record->layers[0].counts[2 * i + 1] = listed;
    }
    return record;
}

static void b0_waits_for_every_launch_and_every_turn_of_the_loop(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct kernel kernel = {.kind = KERNEL_ELEMENTWISE,
                            .phase = PHASE_FORWARD,
                            .name = "e",
                            .read_elements = 3900,
                            .write_elements = 5850}; // 39 kB: 10 ns at 3.9 TB/s
    struct gpu_time b0 = time_one(&gpu, GPU_B0, kernel, NULL);
    assert_seconds(b0.compute_seconds, 10 * (1.33e-6 + 10e-9));
    assert_seconds(b0.launch_seconds, 10 * (2.61e-6 - 1.33e-6));
    assert_seconds(b0.loop_seconds, 2 * 10 * 8e-6);
    assert_true(b0.host_seconds <= 0);
    assert_int_equal(b0.kernel_launches, 10);
    gpu.stream_gap_seconds = 5e-6; // now the gap is longer than the kernel
    b0 = time_one(&gpu, GPU_B0, kernel, NULL);
    assert_seconds(b0.compute_seconds + b0.launch_seconds, 10 * 5e-6);
    struct gpu_time b1 = time_one(&gpu, GPU_B1, kernel, NULL);
    assert_seconds(b1.step_seconds, 10 * (1.33e-6 + 10e-9));
}

static void b2_runs_a_product_and_a_scan_once_for_all_time_steps(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    gpu.l2_bytes = 0; // nothing is resident
    gpu.host_latency_seconds = 0;
    struct kernel product = {.kind = KERNEL_GEMM,
                             .phase = PHASE_FORWARD,
                             .name = "g",
                             .m = BATCH,
                             .n = 512,
                             .k = 256,
                             .is_hoistable = true};
    assert_seconds(time_one(&gpu, GPU_B2, product, NULL).step_seconds,
                   gpu_gemm_seconds(&gpu, GPU_TF32, 10 * BATCH, 512, 256, false));
    product.reduces_batch = true; // weight gradient: the sum runs over batch and time
    product.m = 512;
    product.n = 256;
    product.k = BATCH;
    assert_seconds(time_one(&gpu, GPU_B2, product, NULL).step_seconds,
                   gpu_gemm_seconds(&gpu, GPU_TF32, 512, 256, 10 * BATCH, false));
    product.is_hoistable = false; // a recurrent product stays in the loop
    assert_seconds(time_one(&gpu, GPU_B2, product, NULL).step_seconds,
                   10 * gpu_gemm_seconds(&gpu, GPU_TF32, 512, 256, BATCH, false));
    struct kernel scan = {.kind = KERNEL_ELEMENTWISE,
                          .phase = PHASE_FORWARD,
                          .name = "e",
                          .read_elements = 300000,
                          .write_elements = 200000,
                          .carried_read_elements = 100000,
                          .is_scan = true};
    assert_seconds(time_one(&gpu, GPU_B2, scan, NULL).step_seconds,
                   1.33e-6 + 10 * 4.0 * 400000 / 1.70e12);
    struct kernel accumulate = {
        .kind = KERNEL_ACCUMULATE, .phase = PHASE_BACKWARD, .name = "a", .is_hoistable = true};
    assert_int_equal(time_one(&gpu, GPU_B2, accumulate, NULL).kernel_launches, 0);
    accumulate.is_hoistable = false; // its product stayed in the loop
    assert_int_equal(time_one(&gpu, GPU_B2, accumulate, NULL).kernel_launches, 10);
}

static void a_static_input_is_multiplied_once_where_products_leave_the_loop(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    gpu.l2_bytes = 0;
    gpu.host_latency_seconds = 0;
    struct kernel product = {.kind = KERNEL_GEMM,
                             .phase = PHASE_FORWARD,
                             .name = "g",
                             .m = BATCH,
                             .n = 512,
                             .k = 256,
                             .is_hoistable = true,
                             .is_static = true};
    double once_seconds = gpu_gemm_seconds(&gpu, GPU_TF32, BATCH, 512, 256, false);
    struct activity *record = one_layer_record(5, 8);
    assert_seconds(time_one(&gpu, GPU_B1, product, NULL).step_seconds, 10 * once_seconds);
    assert_seconds(time_one(&gpu, GPU_B2, product, NULL).step_seconds, once_seconds);
    assert_seconds(time_one(&gpu, GPU_B4, product, record).step_seconds, once_seconds);
    // sums over the samples of all time steps are one pass
    struct kernel sums = {.kind = KERNEL_ELEMENTWISE,
                          .phase = PHASE_BACKWARD,
                          .name = "r",
                          .read_elements = 300000,
                          .is_hoistable = true};
    assert_seconds(time_one(&gpu, GPU_B2, sums, NULL).step_seconds,
                   1.33e-6 + 10 * 4.0 * 300000 / 1.70e12);
    activity_destroy(record);
}

static void a_scan_is_no_shorter_than_its_chain_of_time_steps(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    gpu.host_latency_seconds = 0;
    struct kernel scan = {.kind = KERNEL_ELEMENTWISE,
                          .phase = PHASE_FORWARD,
                          .name = "e",
                          .read_elements = 480,
                          .is_scan = true};
    assert_seconds(time_one(&gpu, GPU_B2, scan, NULL).step_seconds, 1.33e-6 + 10 * 0.1e-6);
    struct activity *record = one_layer_record(5, 8);
    assert_seconds(time_one(&gpu, GPU_B4, scan, record).step_seconds, 1.33e-6 + 10 * 0.1e-6);
    activity_destroy(record);
}

static void b3_is_bound_by_the_grid_sync_the_flops_or_the_bytes(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct kernel product = {
        .kind = KERNEL_GEMM, .phase = PHASE_FORWARD, .name = "g", .m = 2, .n = 8, .k = 8};
    struct gpu_time small = time_one(&gpu, GPU_B3, product, NULL);
    // forward and backward: floor of the kernel, and ten syncs that hide all work
    assert_seconds(small.step_seconds, 2 * (1.33e-6 + 10 * 1.3e-6));
    product.m = product.n = product.k = 4096; // bound by FLOPs
    struct gpu_time large = time_one(&gpu, GPU_B3, product, NULL);
    double work = 2.0 * 4096 * 4096 * 4096 / (0.909 * 156e12);
    assert_seconds(large.step_seconds, 2 * 1.33e-6 + 10 * (work + 1.3e-6));
    product.m = 1; // 67 MB of weights, of which 46 MB stay in registers and shared memory
    double bytes = 4.0 * 4096 * 4096 - 108 * 420 * 1024;
    gpu.l2_bytes = 1e9;
    assert_seconds(time_one(&gpu, GPU_B3, product, NULL).step_seconds,
                   2 * 1.33e-6 + 10 * (bytes / 3.9e12 + 1.3e-6));
    product.depends_on_previous_layer = true; // one time step later
    assert_seconds(time_one(&gpu, GPU_B3, product, NULL).step_seconds,
                   2 * 1.33e-6 + 10 * (bytes / 3.9e12 + 1.3e-6) + 1.3e-6);
    gpu.l2_bytes = 0;
    product.depends_on_previous_layer = false;
    assert_seconds(time_one(&gpu, GPU_B3, product, NULL).step_seconds,
                   2 * 1.33e-6 + 10 * (bytes / 1.70e12 + 1.3e-6));
    product.reduces_batch = true; // a weight gradient: its FLOPs only, it is a sum on the chip
    product.m = 4096;
    assert_seconds(time_one(&gpu, GPU_B3, product, NULL).step_seconds,
                   2 * 1.33e-6 + 10 * (work + 1.3e-6));
}

static void b4_follows_the_true_counts_of_the_record(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct kernel kernel = {
        .kind = KERNEL_GATHER, .phase = PHASE_FORWARD, .name = "s", .m = BATCH, .n = 512, .k = 256};
    struct activity *record = one_layer_record(5, 8);
    double rows = 5.0 * BATCH;
    double listed = 8.0 * BATCH;
    double row = 4.0 * 512;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + row * (rows + BATCH) / 3.9e12));
    kernel.kind = KERNEL_SCATTER;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + 2 * row * rows / 1.2e12 + row * BATCH / 3.9e12));
    gpu.l2_bytes = 0; // cold: the rows that are used come from memory, and go back
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + 2 * row * rows / 1.2e12 + row * (2 * rows + BATCH) / 1.70e12));
    kernel.kind = KERNEL_MASKED;
    kernel.counts_listed = true; // 384 rows are listed, the matrix has 256
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + row * listed / 3.9e12 + row * (256 + BATCH) / 1.70e12));
    kernel.kind = KERNEL_COMPACT;
    kernel.read_elements = 1000;
    kernel.record_arrays = 1;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + 4.0 * (1000 + listed) / 1.70e12));
    activity_destroy(record);
}

static void b4_hoists_what_b2_hoists_and_takes_the_faster_form(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    gpu.host_latency_seconds = 0;
    gpu.l2_bytes = 0; // nothing is resident
    struct kernel kernel = {.kind = KERNEL_GATHER,
                            .phase = PHASE_FORWARD,
                            .name = "s",
                            .m = BATCH,
                            .n = 512,
                            .k = 256,
                            .is_hoistable = true};
    const double samples = 10 * BATCH;
    const double row = 4.0 * 512;
    struct activity *few = one_layer_record(1, 2);
    assert_seconds(time_one(&gpu, GPU_B4, kernel, few).step_seconds,
                   1.33e-6 + row * samples / 3.9e12 + row * (samples + 256) / 1.70e12);
    kernel.kind = KERNEL_MASKED;
    kernel.counts_listed = true;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, few).step_seconds,
                   1.33e-6 + row * 2 * samples / 3.9e12 + row * (samples + 256) / 1.70e12);
    kernel.counts_listed = false;
    kernel.kind = KERNEL_SCATTER; // atomics beat three kernels that sort
    assert_seconds(time_one(&gpu, GPU_B4, kernel, few).step_seconds,
                   2 * 1.33e-6 + 2 * row * samples / 1.2e12 +
                       row * (256 + samples + 2 * 256) / 1.70e12);
    gpu.atomic_bytes_per_second = 1e9; // now they do not
    assert_seconds(time_one(&gpu, GPU_B4, kernel, few).step_seconds,
                   4 * 1.33e-6 + row * samples / 3.9e12 +
                       (row * (samples + 256) + 16 * samples) / 1.70e12);
    activity_destroy(few);

    struct activity *all = one_layer_record(256, 256); // dense: spikes made an array, one product
    kernel.kind = KERNEL_GATHER;
    gpu.gather_bytes_per_second = 1e11;
    double spread = 1.33e-6 + 4.0 * samples * 256 / 1.70e12;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, all).step_seconds,
                   spread + gpu_gemm_seconds(&gpu, GPU_TF32, 10 * BATCH, 512, 256, false));
    kernel.kind = KERNEL_SCATTER;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, all).step_seconds,
                   spread + gpu_gemm_seconds(&gpu, GPU_TF32, 512, 256, 10 * BATCH, false));
    kernel.kind = KERNEL_MASKED;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, all).step_seconds,
                   gpu_gemm_seconds(&gpu, GPU_TF32, 10 * BATCH, 256, 512, false));
    activity_destroy(all);
}

static void a_delayed_layer_reads_the_spikes_of_the_time_step_before(void **state)
{
    (void)state;
    struct gpu_config gpu = test_gpu();
    struct kernel kernel = {.kind = KERNEL_SCATTER,
                            .phase = PHASE_BACKWARD,
                            .name = "s",
                            .m = BATCH,
                            .n = 512,
                            .k = 256,
                            .record_layer = 1};
    struct activity *record = one_layer_record(0, 0);
    for (uint32_t b = 0; b < BATCH; b++) {
        record->layers[1].counts[2 * (9 * BATCH + b)] = 50; // the last time step: nobody reads it
    }
    const double error_rows = 4.0 * 512 * BATCH / 3.9e12;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + error_rows));
    kernel.depends_on_previous_layer = true;
    assert_seconds(time_one(&gpu, GPU_B4, kernel, record).step_seconds,
                   10 * (1.33e-6 + error_rows) + 8.0 * 512 * 50 * BATCH / 1.2e12);
    activity_destroy(record);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bfloat16_products_are_near_public_a100_measurements),
        cmocka_unit_test(bfloat16_products_are_near_public_hopper_measurements),
        cmocka_unit_test(a_product_costs_its_tiles_chain_operands_and_results),
        cmocka_unit_test(one_row_more_than_the_tiles_of_a_wave_costs_a_wave),
        cmocka_unit_test(a_long_sum_is_split_where_that_pays),
        cmocka_unit_test(products_never_take_less_when_a_size_grows),
        cmocka_unit_test(products_of_one_row_are_near_public_a100_measurements),
        cmocka_unit_test(a_sum_longer_than_a_warps_load_is_split_for_a_vector),
        cmocka_unit_test(a_column_takes_as_long_as_a_row),
        cmocka_unit_test(a_second_row_or_column_never_saves_time),
        cmocka_unit_test(cache_residency_falls_without_a_cliff),
        cmocka_unit_test(b0_waits_for_every_launch_and_every_turn_of_the_loop),
        cmocka_unit_test(b2_runs_a_product_and_a_scan_once_for_all_time_steps),
        cmocka_unit_test(a_static_input_is_multiplied_once_where_products_leave_the_loop),
        cmocka_unit_test(a_scan_is_no_shorter_than_its_chain_of_time_steps),
        cmocka_unit_test(b3_is_bound_by_the_grid_sync_the_flops_or_the_bytes),
        cmocka_unit_test(b4_follows_the_true_counts_of_the_record),
        cmocka_unit_test(b4_hoists_what_b2_hoists_and_takes_the_faster_form),
        cmocka_unit_test(a_delayed_layer_reads_the_spikes_of_the_time_step_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

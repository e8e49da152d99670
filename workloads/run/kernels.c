#include "workloads/run/kernels.h"

#include <math.h>
#ifdef __AVX__
#include <immintrin.h>
#endif

const struct kernels kernels_sparse = {
    .real_bytes = sizeof(float),
    .is_strip_major = true,
    .has_event_lists = true,
    .connect_split = SPLIT_STRIPS,
    .rows_per_item =
        120, // a strip of weights is read once per item from beyond the second-level cache
    .samples_per_item = 16,
    .connect = connect_sparse,
    .connect_dense = connect_analog,
    .ops = {[OP_connect_input_gradient] = connect_input_gradient_sparse,
            [OP_fire] = fire_sparse,
            [OP_fire_gradient] = fire_gradient_sparse,
            [OP_gather_slots] = gather_slots_sparse,
            [OP_count_spikes] = count_spikes_sparse},
    .add_weight_gradient = add_weight_gradient_sparse,
    .add_dense_weight_gradient = add_weight_gradient_analog_strip,
    .add_bias_gradient = add_bias_gradient_fast,
    .region = region_run_fast,
    .update = update_fast,
};

const struct kernels *kernels_select(enum network_form form, enum precision precision)
{
    if (precision == PRECISION_FLOAT64) {
        return form == FORM_SPARSE ? &kernels_reference_sparse : &kernels_reference_dense;
    }
    return form == FORM_SPARSE ? &kernels_sparse : &kernels_dense;
}

size_t kernels_scratch_bytes(const struct kernels *kernels, const struct training_graph *graph,
                             uint32_t block_rows)
{
    if (kernels->has_event_lists) {
        return (size_t)block_rows * STRIP_COLUMNS_MAX * sizeof(float);
    }
    if (graph->config.input == INPUT_ANALOG) { // sums of layer 1's errors, in padded rows
        size_t columns = graph->layers[0].neurons + STRIP_COLUMNS_MAX;
        return graph->batch * columns * sizeof(float);
    }
    return 0;
}

#define UPDATE_BLOCK 16u // elements; a vector

// out = square roots of in, UPDATE_BLOCK of each. sqrtf may set errno: gcc makes
// no vectors of it.
static inline void square_roots(float *out, const float *in)
{
#ifdef __AVX__
    for (uint32_t i = 0; i < UPDATE_BLOCK; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_sqrt_ps(_mm256_loadu_ps(in + i)));
    }
#else
    for (uint32_t i = 0; i < UPDATE_BLOCK; i++) {
        out[i] = sqrtf(in[i]);
    }
#endif
}

struct adam { // constants of one step
    float beta1, beta2, new1, new2;
    float rate;           // learning rate with the correction of the mean
    float variance_scale; // the correction of the variance's root
    float epsilon;
};

static struct adam adam_constants(const struct update_job *job)
{
    const struct training_config *training = job->training;
    // Powers of the betas in double: float32 loses the first steps' correction.
    double correction1 = 1.0 - pow(training->adam_beta1, (double)job->steps);
    double correction2 = 1.0 - pow(training->adam_beta2, (double)job->steps);
    return (struct adam){.beta1 = (float)training->adam_beta1,
                         .beta2 = (float)training->adam_beta2,
                         .new1 = (float)(1.0 - training->adam_beta1),
                         .new2 = (float)(1.0 - training->adam_beta2),
                         .rate = (float)(job->learning_rate / correction1),
                         .variance_scale = (float)(1.0 / sqrt(correction2)),
                         .epsilon = (float)training->adam_epsilon};
}

// Matrices are padded to whole blocks, and so are the items that they are cut into.
static void update_adam(const struct update_job *job, size_t first, size_t count)
{
    struct adam adam = adam_constants(job);
    for (size_t start = first; start < first + count; start += UPDATE_BLOCK) {
        float *restrict weights = (float *)job->weights + start;
        float *restrict mean = (float *)job->mean + start;
        float *restrict variance = (float *)job->variance + start;
        const float *gradient = (const float *)job->gradient + start;
        float roots[UPDATE_BLOCK];
        for (uint32_t i = 0; i < UPDATE_BLOCK; i++) {
            float g = gradient[i];
            mean[i] = adam.beta1 * mean[i] + adam.new1 * g;
            variance[i] = adam.beta2 * variance[i] + adam.new2 * g * g;
        }
        square_roots(roots, variance);
        for (uint32_t i = 0; i < UPDATE_BLOCK; i++) {
            weights[i] -= adam.rate * mean[i] / (roots[i] * adam.variance_scale + adam.epsilon);
        }
    }
}

void update_fast(const struct update_job *job, size_t first, size_t count)
{
    if (job->training->optimizer == OPTIMIZER_ADAM) {
        update_adam(job, first, count);
        return;
    }
    float rate = (float)job->learning_rate;
    float *restrict weights = (float *)job->weights + first;
    const float *gradient = (const float *)job->gradient + first;
    for (size_t i = 0; i < count; i++) {
        weights[i] -= rate * gradient[i];
    }
}

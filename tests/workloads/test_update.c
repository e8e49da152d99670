// The optimizers' steps, fast and plain, against numbers by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "workloads/run/aligned.h"
#include "workloads/run/kernels.h"

static const struct training_config adam = {.optimizer = OPTIMIZER_ADAM,
                                            .learning_rate = 0.1,
                                            .adam_beta1 = 0.9,
                                            .adam_beta2 = 0.999,
                                            .adam_epsilon = 1e-8};

// w = 1; gradients 0.5, -1, 0.25. By hand: m = 0.05, -0.055, -0.0245; v = 0.00025, 0.00124975,
// 0.00131100025; each divided by 1 - beta^t.
static void adam_takes_the_steps_computed_by_hand(void **state)
{
    (void)state;
    static const double gradients[] = {0.5, -1.0, 0.25};
    static const double wanted[] = {0.900000002, 0.9366103542405653, 0.950279420338976};
    float *fast[4];
    double *plain[4];
    for (uint32_t i = 0; i < 4; i++) {
        fast[i] = aligned_create(32 * sizeof(float));
        plain[i] = aligned_create(32 * sizeof(double));
    }
    fast[0][17] = 1.0f;
    plain[0][17] = 1.0;
    for (uint32_t step = 0; step < 3; step++) {
        fast[1][17] = (float)gradients[step];
        plain[1][17] = gradients[step];
        struct update_job job = {fast[0], fast[1],  fast[2],           fast[3],
                                 &adam,   step + 1, adam.learning_rate};
        kernels_sparse.update(&job, 16, 16);
        job = (struct update_job){plain[0], plain[1], plain[2],          plain[3],
                                  &adam,    step + 1, adam.learning_rate};
        kernels_reference_sparse.update(&job, 16, 16);
        assert_true(fabs((double)fast[0][17] - wanted[step]) < 1e-6);
        assert_true(fabs(plain[0][17] - wanted[step]) < 1e-12);
        assert_true(fast[0][16] == 0.0f && fast[0][0] == 0.0f); // no gradient: no step
    }
    for (uint32_t i = 0; i < 4; i++) {
        aligned_destroy(fast[i]);
        aligned_destroy(plain[i]);
    }
}

static void sgd_steps_against_the_gradient(void **state)
{
    (void)state;
    struct training_config sgd = {.optimizer = OPTIMIZER_SGD, .learning_rate = 0.25};
    float fast[2] = {1.0f, 2.0f}, fast_gradient[2] = {4.0f, -2.0f};
    double plain[2] = {1.0, 2.0}, plain_gradient[2] = {4.0, -2.0};
    struct update_job job = {.weights = fast,
                             .gradient = fast_gradient,
                             .training = &sgd,
                             .learning_rate = sgd.learning_rate};
    kernels_sparse.update(&job, 0, 2);
    job.weights = plain;
    job.gradient = plain_gradient;
    kernels_reference_sparse.update(&job, 0, 2);
    assert_true(fast[0] == 0.0f && fast[1] == 2.5f);
    assert_true(plain[0] == 0.0 && plain[1] == 2.5);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_takes_the_steps_computed_by_hand),
        cmocka_unit_test(sgd_steps_against_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

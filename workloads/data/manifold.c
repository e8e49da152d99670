#include "workloads/data/manifold.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"

#define PRECISION_INVERSE 1000.0 // randman: prec = 1e-3
#define TERMS_MAX 1000.0         // randman: max_f_cutoff

static void draw_parameters(struct manifold *manifold, double alpha, struct rng *rng)
{
    size_t next = 0;
    for (uint32_t d = 0; d < manifold->dimensions; d++) {
        for (uint32_t i = 1; i <= manifold->terms; i++) {
            const double fall_off = pow(i + 1, -alpha);
            for (uint32_t u = 0; u < manifold->units; u++) {
                manifold->amplitude[next] = (float)(rng_uniform(rng) * fall_off);
                manifold->frequency[next] = (float)rng_uniform(rng);
                manifold->phase[next] = (float)rng_uniform(rng);
                next++;
            }
        }
    }
}

void manifold_init(struct manifold *manifold, uint32_t units, uint32_t dimensions, double alpha,
                   struct rng *rng)
{
    manifold->units = units;
    manifold->dimensions = dimensions;
    manifold->terms = (uint32_t)fmin(ceil(pow(PRECISION_INVERSE, 1.0 / alpha)), TERMS_MAX) - 1;
    size_t parameters = (size_t)dimensions * manifold->terms * units;
    manifold->amplitude = xmalloc(parameters * sizeof *manifold->amplitude);
    manifold->frequency = xmalloc(parameters * sizeof *manifold->frequency);
    manifold->phase = xmalloc(parameters * sizeof *manifold->phase);
    draw_parameters(manifold, alpha, rng);
}

void manifold_free(struct manifold *manifold)
{
    free(manifold->amplitude);
    free(manifold->frequency);
    free(manifold->phase);
}

// sin(2 pi turns) for 0 <= turns < 2^31, within 1e-11: Taylor's series to the 15th power on a
// quarter turn. Not libm's: this one is the same on every host, and the loop around it becomes
// vector code.
static inline double sin_turns(double turns)
{
    const double two_pi = 6.283185307179586477;
    double from_half = turns - (double)(int32_t)turns - 0.5; // sin(2 pi t) = -sin(2 pi (t - 1/2))
    double quarter = 0.25 - fabs(fabs(from_half) - 0.25);    // sin(pi - z) = sin z
    double z = two_pi * quarter, zz = z * z;
    double series = -1.0 / 1307674368000.0; // 1 / 15!
    series = series * zz + 1.0 / 6227020800.0;
    series = series * zz - 1.0 / 39916800.0;
    series = series * zz + 1.0 / 362880.0;
    series = series * zz - 1.0 / 5040.0;
    series = series * zz + 1.0 / 120.0;
    series = series * zz - 1.0 / 6.0;
    series = (series * zz + 1.0) * z;
    return from_half < 0 ? series : -series;
}

static void add_term(const struct manifold *manifold, size_t first, double scaled_x, double *sum)
{
    const float *amplitude = manifold->amplitude + first;
    const float *frequency = manifold->frequency + first, *phase = manifold->phase + first;
    for (uint32_t u = 0; u < manifold->units; u++) {
        sum[u] +=
            (double)amplitude[u] * sin_turns(scaled_x * (double)frequency[u] + (double)phase[u]);
    }
}

void manifold_evaluate(const struct manifold *manifold, const double *x, double *values,
                       double *scratch)
{
    const uint32_t units = manifold->units;
    for (uint32_t d = 0; d < manifold->dimensions; d++) {
        for (uint32_t u = 0; u < units; u++) {
            scratch[u] = 0;
        }
        for (uint32_t i = 1; i <= manifold->terms; i++) {
            size_t first = ((size_t)d * manifold->terms + i - 1) * units;
            add_term(manifold, first, i * x[d], scratch);
        }
        for (uint32_t u = 0; u < units; u++) {
            values[u] = d == 0 ? scratch[u] : values[u] * scratch[u];
        }
    }
}

// A smooth random map from [0, 1]^dimensions to `units` values: the random manifold of
// github.com/fzenke/randman (Zenke and Vogels 2021, doi 10.1162/neco_a_01367), NumPy variant, no
// bias:
//   f_u(x) = prod_d sum_{i=1..C-1} a_udi s_i sin(2 pi (i x_d b_udi + c_udi)),
//   a, b, c uniform in [0, 1), s_i = (i + 1)^-alpha, C = min(ceil(1000^(1/alpha)), 1000).
// (The term i = 0 carries a factor that the variant without bias sets to 0.)
#ifndef TILESIM_WORKLOADS_DATA_MANIFOLD_H
#define TILESIM_WORKLOADS_DATA_MANIFOLD_H

#include <stdint.h>

#include "sim/rng.h"

#define MANIFOLD_DIMENSIONS_MAX 16u

struct manifold {
    uint32_t units, dimensions;
    uint32_t terms;   // C - 1
    float *amplitude; // owned; a s_i; [dimensions][terms][units], as are the next two
    float *frequency; // owned; b
    float *phase;     // owned; c, in turns
};

// Draws the parameters from the stream, from its current place on.
void manifold_init(struct manifold *manifold, uint32_t units, uint32_t dimensions, double alpha,
                   struct rng *rng);
void manifold_free(struct manifold *manifold);
// values[units] = f(x), x[dimensions]; scratch[units]. Same bits on every host.
void manifold_evaluate(const struct manifold *manifold, const double *x, double *values,
                       double *scratch);

#endif

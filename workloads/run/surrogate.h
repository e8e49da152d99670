// Surrogate derivatives of a spike at x = u - theta1.
#ifndef TILESIM_WORKLOADS_RUN_SURROGATE_H
#define TILESIM_WORKLOADS_RUN_SURROGATE_H

#include <math.h>

#include "workloads/network.h"

static inline float surrogate_float(enum surrogate_kind kind, float slope, float x)
{
    float y;
    switch (kind) {
    case SURROGATE_SUPERSPIKE:
        y = slope * fabsf(x) + 1.0f;
        return 1.0f / (y * y);
    case SURROGATE_TRIANGLE:
        y = 1.0f - slope * fabsf(x);
        return y > 0.0f ? y : 0.0f;
    case SURROGATE_ARCTAN:
        y = slope * x;
        return 1.0f / (y * y + 1.0f);
    case SURROGATE_STRAIGHT_THROUGH:
        return 1.0f;
    default: // SURROGATE_HEAVISIDE
        return x > 0.0f ? 1.0f : 0.0f;
    }
}

static inline double surrogate_double(enum surrogate_kind kind, double slope, double x)
{
    switch (kind) {
    case SURROGATE_SUPERSPIKE:
        return 1.0 / ((slope * fabs(x) + 1.0) * (slope * fabs(x) + 1.0));
    case SURROGATE_TRIANGLE:
        return fmax(0.0, 1.0 - slope * fabs(x));
    case SURROGATE_ARCTAN:
        return 1.0 / (1.0 + slope * x * slope * x);
    case SURROGATE_STRAIGHT_THROUGH:
        return 1.0;
    default: // SURROGATE_HEAVISIDE
        return x > 0.0 ? 1.0 : 0.0;
    }
}

#endif

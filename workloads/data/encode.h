// From pixels to spikes. A pixel is a byte: 0 is black, 255 is white, x = byte / 255.
// Every encoder writes one sample: ids[t * pixel_count ...] ascending, counts[t] of them, t <
// time_steps. Formulas and sources: docs/data.md.
#ifndef TILESIM_WORKLOADS_DATA_ENCODE_H
#define TILESIM_WORKLOADS_DATA_ENCODE_H

#include <stdint.h>

#include "sim/rng.h"

#define PIXEL_LEVELS 256u
#define ENCODE_NEVER UINT32_MAX

// Latency: a pixel with x > threshold spikes once, at t = floor(tau ln(x / (x - threshold))): when
// a leaky integrator of time constant tau, driven by x from rest, reaches the threshold. Brighter
// is earlier. Later than the last time step counts as the last one, so that no such pixel is lost.
struct latency_code {
    uint32_t time_step[PIXEL_LEVELS]; // ENCODE_NEVER: the pixel stays silent
};

// tau_time_steps > 0; 0 <= threshold <= 1; time_steps >= 1. Threshold 0: every pixel but black at t
// = 0.
void latency_code_init(struct latency_code *code, double tau_time_steps, double threshold,
                       uint32_t time_steps);
void encode_latency(const struct latency_code *code, const uint8_t *pixels, uint32_t pixel_count,
                    uint32_t time_steps, uint32_t *ids, uint32_t *counts);

// Rate: in every time step a pixel spikes with probability rate_max * x, independently.
struct rate_code {
    uint64_t words_below[PIXEL_LEVELS]; // of 2^32 random words, those that make a spike
};

void rate_code_init(struct rate_code *code, double rate_max); // 0 <= rate_max <= 1
// Every time step starts at a new block of the stream: pixel i uses word i from there.
void encode_rate(const struct rate_code *code, const struct rng *rng, const uint8_t *pixels,
                 uint32_t pixel_count, uint32_t time_steps, uint32_t *ids, uint32_t *counts);

#endif

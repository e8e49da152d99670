// Rounding to IEEE float16 (binary16), kept in a float: what training.precision: float16 stores.
// Integer and float32 arithmetic alone: the same bits on every host, with conversion hardware or
// without. Correct for the default rounding mode of the host (to nearest, ties to even).
#ifndef TILESIM_WORKLOADS_RUN_FLOAT16_H
#define TILESIM_WORKLOADS_RUN_FLOAT16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FLOAT16_INFINITE_FROM 0x477ff000u // 65520, half way from 65504 to 65536: rounds to infinity
#define FLOAT16_NORMAL_FROM 0x38800000u   // 2^-14
#define FLOAT32_INFINITY 0x7f800000u      // above it: NaN, which stays as it is

static inline float float16_round(float value)
{
    uint32_t bits, sign, rounded;
    memcpy(&bits, &value, sizeof(bits));
    sign = bits & 0x80000000u;
    bits ^= sign;
    // Normal: 13 bits of the fraction go; half of the last that stays, less one if that one is
    // even, carries over where it must, into the exponent too.
    uint32_t normal = (bits + 0xfffu + (bits >> 13 & 1u)) & ~0x1fffu;
    // Subnormal: a multiple of 2^-24, which is the last bit of float32 from 0.5 to 1.
    float magnitude, shifted;
    memcpy(&magnitude, &bits, sizeof(magnitude));
    shifted = (magnitude + 0.5f) - 0.5f;
    memcpy(&rounded, &shifted, sizeof(rounded));
    rounded = bits < FLOAT16_NORMAL_FROM ? rounded : normal;
    rounded = bits < FLOAT16_INFINITE_FROM ? rounded : FLOAT32_INFINITY;
    rounded = bits > FLOAT32_INFINITY ? bits : rounded;
    rounded |= sign;
    memcpy(&value, &rounded, sizeof(value));
    return value;
}

static inline void float16_round_all(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = float16_round(values[i]);
    }
}

// The 16 bits of a value that is a float16 already (float16_round), and back. A NaN stays one.
static inline uint16_t float16_bits(float value)
{
    uint32_t bits, magnitude;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits >= FLOAT32_INFINITY) {
        magnitude = bits > FLOAT32_INFINITY ? 0x7e00u : 0x7c00u;
    } else if (bits >= FLOAT16_NORMAL_FROM) {
        magnitude = (bits - FLOAT16_NORMAL_FROM + 0x00800000u) >> 13; // exponent 1 for 2^-14
    } else {
        float small;
        memcpy(&small, &bits, sizeof(small));
        magnitude = (uint32_t)(small * 0x1p24f); // a whole number below 1024
    }
    return (uint16_t)(sign | magnitude);
}

static inline float float16_from_bits(uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu;
    uint32_t bits = (magnitude << 13) + FLOAT16_NORMAL_FROM - 0x00800000u;
    float value;
    if (magnitude >= 0x7c00u) {
        bits = FLOAT32_INFINITY | (magnitude & 0x3ffu) << 13;
    } else if (magnitude < 0x400u) {
        value = (float)magnitude * 0x1p-24f;
        memcpy(&bits, &value, sizeof(bits));
    }
    bits |= (uint32_t)(half & 0x8000u) << 16;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

#endif

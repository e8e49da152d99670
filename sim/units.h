// Integer arithmetic on cycles, bytes and words, and every conversion between units.
// Cycles are integers and round up; nothing else in the tree converts units.
#ifndef TILESIM_SIM_UNITS_H
#define TILESIM_SIM_UNITS_H

#include <stdint.h>

#define EXCHANGE_WORD_BYTES 4u // one exchange word; ipu-hardware: 4 B per cycle each way

// A worker's work is counted in thousandths of an issue slot, so that costs such as 3.5 bundles per
// id stay exact integers; they are rounded up once per compute set.
#define MILLISLOTS_PER_SLOT 1000u

static inline uint64_t div_ceil(uint64_t dividend, uint64_t divisor)
{
    return dividend / divisor + (dividend % divisor != 0);
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline double cycles_to_seconds(double cycles, double clock_hz)
{
    return cycles / clock_hz;
}

// Rounded up; a millionth of a cycle is the rounding of the product, not a cycle begun.
static inline uint64_t seconds_to_cycles(double seconds, double clock_hz)
{
    double cycles = seconds * clock_hz;
    uint64_t whole = (uint64_t)cycles;
    return whole + (cycles - (double)whole > 1e-6);
}

// Of a point of time, to the nearest: intervals that meet in cycles meet in nanoseconds.
static inline uint64_t seconds_to_nanoseconds(double seconds)
{
    return (uint64_t)(seconds * 1e9 + 0.5);
}

static inline uint64_t cycles_to_nanoseconds(double cycles, double clock_hz)
{
    return seconds_to_nanoseconds(cycles_to_seconds(cycles, clock_hz));
}

#endif

// Counter-based random numbers (Philox4x32-10): a draw is keyed by what it is for, never by when.
#ifndef TILESIM_SIM_RNG_H
#define TILESIM_SIM_RNG_H

#include <stdint.h>

enum rng_purpose { // the first word of every counter: two purposes never share numbers
    RNG_WEIGHTS = 1,
    RNG_ACTIVITY,
    RNG_DATA,
    RNG_DATA_ORDER,
    RNG_INPUT_SLOTS,
    RNG_MANIFOLD,
    RNG_OVERFLOW,
    RNG_TEST, // property tests
    RNG_LABELS,
    RNG_PLACES, // of tiles in a microbenchmark
};

struct rng_words {
    uint32_t word[4];
};

// Four words for the key (seed) and counter (purpose, a, b, c).
struct rng_words rng_philox(uint64_t seed, enum rng_purpose purpose, uint32_t a, uint32_t b,
                            uint32_t c);

// A stream of numbers: counter (purpose, a, b, n) with n = 0, 1, ...
struct rng {
    uint64_t seed;
    uint32_t purpose, a, b;
    uint32_t block; // next counter value
    uint32_t left;  // words of `words` not used yet
    struct rng_words words;
};

struct rng rng_create(uint64_t seed, enum rng_purpose purpose, uint32_t a, uint32_t b);
uint32_t rng_next(struct rng *rng);
double rng_uniform(struct rng *rng);                 // [0, 1), 32 bits
uint32_t rng_below(struct rng *rng, uint32_t bound); // 0 .. bound-1, unbiased to 2^-32
// The stream's words 4 * first_block ... 4 * (first_block + block_count) - 1, wherever rng_next()
// stands: the fast way to many numbers.
void rng_fill(const struct rng *rng, uint32_t first_block, uint32_t block_count, uint32_t *words);

#endif

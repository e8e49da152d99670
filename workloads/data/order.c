#include "workloads/data/order.h"

#include "sim/err.h"
#include "sim/rng.h"

// A Feistel network with Philox as its round function permutes 2 * half_bits bits; values that fall
// outside are permuted again until they fall inside (cycle walking: Black and Rogaway, "Ciphers
// with Arbitrary Finite Domains", CT-RSA 2002). The domain is at most 4 * count: up to 4 walks on
// average. Rounds: 4 make a strong permutation of a large domain (Luby and Rackoff 1988); ours may
// be tiny.
#define ROUNDS 8u

static uint32_t half_bits_of(uint32_t count)
{
    uint32_t half_bits = 1;
    while ((uint64_t)1 << (2 * half_bits) < count) {
        half_bits++;
    }
    return half_bits;
}

static uint64_t permute_bits(uint64_t seed, uint32_t epoch, uint64_t value, uint32_t half_bits)
{
    const uint32_t mask = (uint32_t)(((uint64_t)1 << half_bits) - 1);
    uint32_t left = (uint32_t)(value >> half_bits), right = (uint32_t)value & mask;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct rng_words words = rng_philox(seed, RNG_DATA_ORDER, epoch, round, right);
        uint32_t mixed = left ^ (words.word[0] & mask);
        left = right;
        right = mixed;
    }
    return (uint64_t)left << half_bits | right;
}

uint32_t order_permute(uint64_t seed, uint32_t epoch, uint32_t position, uint32_t count)
{
    SIM_ASSERT(position < count, "position %u of %u", position, count);
    const uint32_t half_bits = half_bits_of(count);
    uint64_t value = position;
    do {
        value = permute_bits(seed, epoch, value, half_bits);
    } while (value >= count);
    return (uint32_t)value;
}

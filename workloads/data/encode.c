#include "workloads/data/encode.h"

#include <math.h>
#include <string.h>

#include "sim/units.h"

#define WORDS_PER_BLOCK 4u
#define BLOCKS_AHEAD 64u

void latency_code_init(struct latency_code *code, double tau_time_steps, double threshold,
                       uint32_t time_steps)
{
    for (uint32_t level = 0; level < PIXEL_LEVELS; level++) {
        double brightness = level / 255.0;
        if (brightness <= threshold) {
            code->time_step[level] = ENCODE_NEVER;
            continue;
        }
        double crossing = tau_time_steps * log(brightness / (brightness - threshold));
        code->time_step[level] = crossing < time_steps ? (uint32_t)crossing : time_steps - 1;
    }
}

void encode_latency(const struct latency_code *code, const uint8_t *pixels, uint32_t pixel_count,
                    uint32_t time_steps, uint32_t *ids, uint32_t *counts)
{
    memset(counts, 0, time_steps * sizeof *counts);
    for (uint32_t i = 0; i < pixel_count; i++) {
        uint32_t t = code->time_step[pixels[i]];
        if (t != ENCODE_NEVER) {
            ids[(uint64_t)t * pixel_count + counts[t]] = i;
            counts[t]++;
        }
    }
}

void rate_code_init(struct rate_code *code, double rate_max)
{
    for (uint32_t level = 0; level < PIXEL_LEVELS; level++) {
        code->words_below[level] = (uint64_t)llround(rate_max * level / 255.0 * 0x1p32);
    }
}

void encode_rate(const struct rate_code *code, const struct rng *rng, const uint8_t *pixels,
                 uint32_t pixel_count, uint32_t time_steps, uint32_t *ids, uint32_t *counts)
{
    uint32_t words[BLOCKS_AHEAD * WORDS_PER_BLOCK];
    const uint32_t blocks_per_time_step = (uint32_t)div_ceil(pixel_count, WORDS_PER_BLOCK);
    for (uint32_t t = 0; t < time_steps; t++) {
        uint32_t *listed = ids + (uint64_t)t * pixel_count;
        uint32_t count = 0;
        for (uint32_t block = 0; block < blocks_per_time_step; block += BLOCKS_AHEAD) {
            uint32_t blocks = (uint32_t)min_u64(BLOCKS_AHEAD, blocks_per_time_step - block);
            uint32_t first = block * WORDS_PER_BLOCK;
            uint32_t pixels_here = (uint32_t)min_u64(blocks * WORDS_PER_BLOCK, pixel_count - first);
            rng_fill(rng, t * blocks_per_time_step + block, blocks, words);
            for (uint32_t i = 0; i < pixels_here; i++) { // no branch: spikes cannot be predicted
                listed[count] = first + i;
                count += words[i] < code->words_below[pixels[first + i]];
            }
        }
        counts[t] = count;
    }
}

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/activity.h"
#include "sim/err.h"
#include "sim/rng.h"
#include "sim/units.h"

// One vector draws a uniform subset of g of n ids in a uniform order, of which the first k are
// spikes. Up to half full: ids are drawn with replacement and those seen before are skipped, which
// leaves an unbiased order; a bit per id gives "seen before" and the ascending list. Fuller: one
// pass over all ids (selection sampling: Knuth, The Art of Computer Programming 2, 3.4.2, algorithm
// S, with two lists).

#define WORDS_AHEAD 64u

struct draw { // one vector
    struct rng rng;
    uint32_t next_block; // of the stream
    uint32_t used;       // of words
    uint32_t words[WORDS_AHEAD];
    uint32_t neurons, spikes, listed;
};

struct id_bits { // one bit per id
    uint32_t word_count;
    uint64_t *listed; // owned
    uint64_t *spikes; // owned
};

static struct draw draw_create(uint64_t seed, uint32_t time_step, uint32_t sample)
{
    return (struct draw){
        .rng = rng_create(seed, RNG_ACTIVITY, time_step, sample),
        .used = WORDS_AHEAD,
    };
}

static uint32_t words_left(struct draw *draw)
{
    if (draw->used == WORDS_AHEAD) {
        rng_fill(&draw->rng, draw->next_block, WORDS_AHEAD / 4, draw->words);
        draw->next_block += WORDS_AHEAD / 4;
        draw->used = 0;
    }
    return WORDS_AHEAD - draw->used;
}

// Sets `count` bits more.
static void draw_new_ids(struct draw *draw, uint32_t count, uint64_t *bits)
{
    while (count > 0) {
        uint32_t tries = (uint32_t)min_u64(words_left(draw), count);
        const uint32_t *word = draw->words + draw->used;
        draw->used += tries;
        for (uint32_t i = 0; i < tries;
             i++) { // no branch on what was drawn: it could not be predicted
            uint32_t id = (uint32_t)(((uint64_t)word[i] * draw->neurons) >> 32);
            uint64_t before = bits[id / 64];
            bits[id / 64] = before | (uint64_t)1 << (id % 64);
            count -= (uint32_t)(~before >> (id % 64) & 1);
        }
    }
}

static uint32_t *list_set_bits(const uint64_t *bits, uint32_t word_count, uint32_t *ids)
{
    for (uint32_t i = 0; i < word_count; i++) {
        for (uint64_t left = bits[i]; left != 0; left &= left - 1) {
            *ids++ = i * 64 + (uint32_t)__builtin_ctzll(left);
        }
    }
    return ids;
}

static void draw_by_rejection(struct draw *draw, const struct id_bits *bits, uint32_t *ids)
{
    uint32_t word_count = (uint32_t)div_ceil(draw->neurons, 64);
    SIM_ASSERT(word_count <= bits->word_count, "%u words of bits", word_count);
    memset(bits->listed, 0, word_count * sizeof *bits->listed);
    draw_new_ids(draw, draw->spikes, bits->listed);
    ids = list_set_bits(bits->listed, word_count, ids);
    if (draw->listed == draw->spikes) {
        return;
    }
    memcpy(bits->spikes, bits->listed, word_count * sizeof *bits->spikes);
    draw_new_ids(draw, draw->listed - draw->spikes, bits->listed);
    for (uint32_t i = 0; i < word_count; i++) {
        bits->listed[i] &= ~bits->spikes[i];
    }
    list_set_bits(bits->listed, word_count, ids);
}

static void draw_by_selection(struct draw *draw, uint32_t *ids)
{
    uint32_t spikes_left = draw->spikes, listed_left = draw->listed;
    uint32_t *spike = ids, *near_threshold = ids + draw->spikes;
    for (uint32_t id = 0; listed_left > 0; id++) {
        words_left(draw);
        uint32_t ids_left = draw->neurons - id;
        uint32_t place = (uint32_t)(((uint64_t)draw->words[draw->used] * ids_left) >> 32);
        draw->used++;
        if (place < spikes_left) {
            *spike++ = id;
            spikes_left--;
            listed_left--;
        } else if (place < listed_left) {
            *near_threshold++ = id;
            listed_left--;
        }
    }
}

// --- a layer's ids, a time step at a time --------------------------------------------------------
// Of a record: all time steps of most networks, and little of a host's memory.
#define KEPT_BYTES (32u << 20)
#define LEAST_KEPT_TIME_STEPS 8u // layers that wait for each other read the last few

struct drawn_ids {
    uint64_t layer_seed;
    uint32_t neurons, slots, spikes, listed;
    uint32_t first_sample, samples;
    uint32_t kept_count;
    uint32_t *kept; // owned; [kept_count]: which time step; time step t is kept at t % kept_count
    uint32_t *ids;  // owned; [kept_count][samples][slots]
    struct id_bits bits;
};

static struct id_bits id_bits_create(uint32_t neurons)
{
    struct id_bits bits = {.word_count = (uint32_t)div_ceil(neurons, 64)};
    bits.listed = xcalloc(bits.word_count, sizeof *bits.listed);
    bits.spikes = xcalloc(bits.word_count, sizeof *bits.spikes);
    return bits;
}

// Of what is drawn, all but the arrays.
static struct drawn_ids *drawn_ids_create(const struct drawn_ids *what)
{
    struct drawn_ids *drawn = xcalloc(1, sizeof *drawn);
    *drawn = *what;
    drawn->kept = xmalloc(drawn->kept_count * sizeof *drawn->kept);
    memset(drawn->kept, 0xff, drawn->kept_count * sizeof *drawn->kept); // no time step
    // not touched before it is drawn: the host gives no memory for time steps that nobody asks for
    drawn->ids =
        xcalloc((size_t)drawn->kept_count * drawn->samples * drawn->slots, sizeof *drawn->ids);
    drawn->bits = id_bits_create(drawn->neurons);
    return drawn;
}

struct drawn_ids *drawn_ids_slice(const struct drawn_ids *drawn, uint32_t first_sample,
                                  uint32_t samples)
{
    if (drawn == NULL) {
        return NULL;
    }
    struct drawn_ids slice = *drawn;
    slice.first_sample += first_sample;
    slice.samples = samples;
    return drawn_ids_create(&slice);
}

void drawn_ids_destroy(struct drawn_ids *drawn)
{
    if (drawn == NULL) {
        return;
    }
    free(drawn->kept);
    free(drawn->ids);
    free(drawn->bits.listed);
    free(drawn->bits.spikes);
    free(drawn);
}

static void draw_time_step(const struct drawn_ids *drawn, uint32_t time_step, uint32_t *ids)
{
    for (uint32_t b = 0; b < drawn->samples; b++, ids += drawn->slots) {
        struct draw draw = draw_create(drawn->layer_seed, time_step, drawn->first_sample + b);
        draw.neurons = drawn->neurons;
        draw.spikes = drawn->spikes;
        draw.listed = drawn->listed;
        if (drawn->listed <= drawn->neurons / 2) {
            draw_by_rejection(&draw, &drawn->bits, ids);
        } else {
            draw_by_selection(&draw, ids);
        }
    }
}

const uint32_t *drawn_ids_at(struct drawn_ids *drawn, uint32_t time_step)
{
    uint32_t at = time_step % drawn->kept_count;
    uint32_t *ids = drawn->ids + (size_t)at * drawn->samples * drawn->slots;
    if (drawn->kept[at] != time_step) {
        draw_time_step(drawn, time_step, ids);
        drawn->kept[at] = time_step;
    }
    return ids;
}

// --- a record -----------------------------------------------------------------------------------
// Rounded to the nearest whole id; no more than there are slots or active neurons.
static uint32_t filled_slots(const struct activity_layer *layer, double fill, double active_neurons)
{
    uint64_t active = (uint64_t)round(active_neurons * layer->neurons);
    uint64_t most = min_u64(layer->slots, min_u64(active, layer->neurons));
    double filled = round(fill * layer->slots);
    return filled >= (double)most ? (uint32_t)most : (uint32_t)fmax(filled, 0.0);
}

uint32_t activity_kept_time_steps(uint64_t time_step_bytes, uint32_t time_steps)
{
    uint64_t fitting = KEPT_BYTES / max_u64(time_step_bytes, 1);
    return (uint32_t)min_u64(time_steps, max_u64(fitting, LEAST_KEPT_TIME_STEPS));
}

// Its counts are the same at all time steps and of all samples.
static void draw_layer(struct activity_layer *layer, const struct drawn_ids *what)
{
    free(layer->counts);
    free(layer->ids);
    drawn_ids_destroy(layer->drawn);
    uint32_t *counts = xmalloc((size_t)what->samples * 2 * sizeof *counts);
    for (uint32_t b = 0; b < what->samples; b++) {
        counts[b * 2 + 0] = what->spikes;
        counts[b * 2 + 1] = what->listed;
    }
    *layer = (struct activity_layer){.neurons = what->neurons,
                                     .slots = what->slots,
                                     .counts = counts,
                                     .drawn = drawn_ids_create(what),
                                     .has_equal_counts = true};
}

void activity_draw(struct activity *activity, const struct activity_fill *fill, uint64_t seed,
                   uint32_t training_step)
{
    uint64_t slots = 0;
    for (uint32_t l = 0; l < activity->layer_count; l++) {
        slots += activity->layers[l].slots;
    }
    uint32_t kept_count =
        activity_kept_time_steps(slots * activity->batch * sizeof(uint32_t), activity->time_steps);
    for (uint32_t l = 0; l < activity->layer_count; l++) {
        struct activity_layer *layer = &activity->layers[l];
        bool is_hidden = l > 0 && l + 1 < activity->layer_count;
        double active = is_hidden ? fill->active_neurons : 1.0;
        uint32_t spikes = filled_slots(layer, l == 0 ? fill->input_spikes : fill->spikes, active);
        uint32_t listed =
            l == 0 ? spikes : (uint32_t)max_u64(spikes, filled_slots(layer, fill->listed, active));
        // A counter has room for three numbers beside the purpose; training step and layer go into
        // the key.
        struct rng_words key = rng_philox(seed, RNG_ACTIVITY, training_step, l, 0);
        const struct drawn_ids what = {.layer_seed = key.word[0] | (uint64_t)key.word[1] << 32,
                                       .neurons = layer->neurons,
                                       .slots = layer->slots,
                                       .spikes = spikes,
                                       .listed = listed,
                                       .samples = activity->batch,
                                       .kept_count = kept_count};
        draw_layer(layer, &what);
    }
}

void activity_draw_ahead(struct activity *activity)
{
    for (uint32_t l = 0; l < activity->layer_count; l++) {
        struct drawn_ids *drawn = activity->layers[l].drawn;
        bool is_kept = drawn != NULL && drawn->kept_count == activity->time_steps;
        for (uint32_t t = 0; is_kept && t < activity->time_steps; t++) {
            drawn_ids_at(drawn, t);
        }
    }
}

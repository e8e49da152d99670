// How far results of a chip or a GPU may be off: bands that `tilesim validate --write-bands`
// computes from the measured points and writes into its file. What a band is: docs/validation.md,
// "Error bands".
#ifndef TILESIM_SIM_ERROR_BAND_H
#define TILESIM_SIM_ERROR_BAND_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/config/config.h"

// The sparse lowering with the older B4 (state_gradient: per_sample).
#define ERROR_BAND_OLD_SPARSE "sparse_per_sample"

struct error_band {
    // owned; a lowering ("sparse"), a kind of workload or one of its works (workload_work)
    char *of;
    char *hardware;   // owned; the preset that it was computed for
    double relative;  // 0.05 is +-5 %
    bool is_estimate; // this was never measured on that hardware
    char *source;     // owned; from which points, or from what it was estimated
};

extern const struct key error_band_keys[];

// The key `error_band` of a table whose struct has the fields error_bands and error_band_count.
#define ERROR_BANDS_MAX 64
#define KEY_ERROR_BANDS(owner)                                                                  \
    {                                                                                           \
        .name = "error_band", .type = KEY_SECTION_LIST, .offset = offsetof(owner, error_bands), \
        .count_offset = offsetof(owner, error_band_count), .keys = error_band_keys,             \
        .struct_bytes = sizeof(struct error_band), .is_pointer = true, .default_text = "[]",    \
        .max_count = ERROR_BANDS_MAX,                                                           \
        .doc = "how far results may be off; `tilesim validate --write-bands` writes it"         \
    }

// NULL: there is none.
const struct error_band *error_band_find(const struct error_band *bands, uint32_t count,
                                         const char *of);

#endif

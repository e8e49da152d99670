#include "sim/error_band.h"

#include <string.h>

#include "sim/config/config_keys.h"

#define RELATIVE_MAX 100

const struct key error_band_keys[] = {
    KEY_TEXT(struct error_band, "of", of, NULL, "sparse, dense, or a kind of workload"),
    KEY_TEXT(struct error_band, "hardware", hardware, NULL, "preset that it was computed for"),
    KEY_NUMBER(KEY_REAL, struct error_band, relative, 0, RELATIVE_MAX, NULL, NULL, "0.05 is +-5 %"),
    KEY_TRUTH(struct error_band, "is_estimate", is_estimate, "false", "never measured there"),
    KEY_TEXT(struct error_band, "source", source, NULL, "from which points"),
    KEYS_END,
};

const struct error_band *error_band_find(const struct error_band *bands, uint32_t count,
                                         const char *of)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(bands[i].of, of) == 0) {
            return &bands[i];
        }
    }
    return NULL;
}

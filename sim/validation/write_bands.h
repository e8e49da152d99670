// Error bands from a validation, written into the files of the presets: `tilesim validate
// --write-bands`. What a band is: docs/validation.md, "Error bands".
#ifndef TILESIM_SIM_VALIDATION_WRITE_BANDS_H
#define TILESIM_SIM_VALIDATION_WRITE_BANDS_H

#include "report/validation_result.h"
#include "sim/validation/series.h"

// Replaces the section error_band of every file of configs/chips and configs/gpus, or adds it at
// the end, and changes nothing else. result: of validate_run on the whole list. False: messages in
// err.
bool write_bands(const struct series_list *list, const struct validation_result *result,
                 struct err *err);

#endif

// The error band of every machine of a result, and why it is that wide: docs/validation.md, "Error
// bands".
#ifndef TILESIM_SIM_RUN_BANDS_H
#define TILESIM_SIM_RUN_BANDS_H

#include "report/result.h"
#include "sim/experiment.h"

// Fills error_band and why of the machines that fit. A chip or a GPU that differs from the preset
// whose band its file has gets twice that band, called an estimate.
void bands_fill(const struct experiment *experiment, struct result *result);
// Reads the presets that bands_fill() will compare with, so that forked children need not.
void bands_prepare(const struct experiment *experiment);

#endif

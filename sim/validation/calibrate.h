// Refits the uncertain values of a group to its measured points: what `tilesim calibrate` does.
// Parameters that are fitted to the same points are fitted together, to those points alone; those
// of a series before those of the whole group, and all again until none moves.
#ifndef TILESIM_SIM_VALIDATION_CALIBRATE_H
#define TILESIM_SIM_VALIDATION_CALIBRATE_H

#include "sim/validation/parameters.h"

struct calibrated { // one parameter
    const struct parameter *parameter;
    double value;                            // after; parameter->value is before
    double error_before, residual, left_out; // mean absolute errors of its rows
    uint32_t rows;
};

struct calibration {
    struct calibrated *calibrated; // owned; in the order of the parameters
    uint32_t count;
};

// False: messages in err.
bool calibrate_run(const struct series_list *list, struct parameter_list *parameters,
                   uint32_t processes, bool has_progress, struct calibration *calibration,
                   struct err *err);
void calibration_free(struct calibration *calibration);

// Writes values, residuals and left-one-out errors where they stand in the files, and changes
// nothing else. A file is replaced as a whole, or left as it is. False: messages in err.
bool calibration_write(const struct calibration *calibration, struct err *err);

#endif

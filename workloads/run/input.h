// The batch's input, as the stages read it.
// Lists of ids are borrowed from the batch. The dense form's 0 and 1 are written out for all time
// steps; in a windowed storage for the block that is run, each time that another block was run
// before.
#ifndef TILESIM_WORKLOADS_RUN_INPUT_H
#define TILESIM_WORKLOADS_RUN_INPUT_H

#include "workloads/run/storage.h"

struct batch_input {
    const uint32_t *ids, *counts; // borrowed; [time_steps][batch] lists
    uint32_t slots;
    uint32_t loaded; // first time step of the block that is written out; UINT32_MAX: none
};

// Borrowed until the next call.
void input_set_spikes(struct batch_input *input, struct storage *storage, const uint32_t *ids,
                      const uint32_t *counts, uint32_t slots);
// Analog input, [batch][inputs]: real numbers, the same at every time step. Copied.
void input_set_values(struct storage *storage, const float *values);
// To be called before a block's stages are run.
void input_load(struct batch_input *input, struct storage *storage, uint32_t first_time_step,
                uint32_t time_steps);

#endif

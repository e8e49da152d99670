#include "sim/validation/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/validation/fit.h"
#include "sim/validation/fork_map.h"

#define SWEEPS_MAX 12u // over blocks that depend on each other

struct block { // parameters that are fitted to the same rows
    struct fit fit;
    uint32_t indices[FIT_PARAMETERS_MAX]; // in the list of parameters
    double values[FIT_PARAMETERS_MAX];
    double error_before, residual, left_out;
};

struct blocks {
    struct block *blocks; // owned
    uint32_t count;
};

// --- blocks -------------------------------------------------------------------------------------
static bool is_series(const struct parameter *parameter)
{
    return strchr(parameter->fitted_to, '/') != NULL;
}

// A group of one series and that series are the same rows.
static bool have_same_rows(const struct series_list *list, const struct parameter *one,
                           const struct parameter *other)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (parameter_is_fitted_to(one, &list->series[i]) !=
            parameter_is_fitted_to(other, &list->series[i])) {
            return false;
        }
    }
    return true;
}

static bool is_taken(const struct blocks *blocks, uint32_t parameter)
{
    for (uint32_t i = 0; i < blocks->count; i++) {
        for (uint32_t j = 0; j < blocks->blocks[i].fit.parameter_count; j++) {
            if (blocks->blocks[i].indices[j] == parameter) {
                return true;
            }
        }
    }
    return false;
}

static void add_block(const struct series_list *list, struct parameter_list *parameters,
                      uint32_t first, struct blocks *blocks, struct err *err)
{
    struct block block = {0};
    struct parameter *members[FIT_PARAMETERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = first; i < parameters->count; i++) {
        struct parameter *parameter = &parameters->parameters[i];
        if (!have_same_rows(list, parameter, &parameters->parameters[first])) {
            continue;
        }
        if (count == FIT_PARAMETERS_MAX) {
            err_at(err, &parameter->entry_mark, "%s: more than %d parameters are fitted to %s",
                   parameter->key, FIT_PARAMETERS_MAX, parameter->fitted_to);
            return;
        }
        block.indices[count] = i;
        block.values[count] = parameter->value;
        members[count++] = parameter;
    }
    fit_create(list, members, count, &block.fit, err);
    blocks->blocks = xrealloc(blocks->blocks, (blocks->count + 1) * sizeof(*blocks->blocks));
    blocks->blocks[blocks->count++] = block;
}

static bool make_blocks(const struct series_list *list, struct parameter_list *parameters,
                        struct blocks *blocks, struct err *err)
{
    size_t faults = err_count(err);
    for (uint32_t pass = 0; pass < 2; pass++) { // those of a series first
        for (uint32_t i = 0; i < parameters->count; i++) {
            if (is_series(&parameters->parameters[i]) == (pass == 0) && !is_taken(blocks, i)) {
                add_block(list, parameters, i, blocks, err);
            }
        }
    }
    return err_count(err) == faults;
}

// Rows are read once per block: what one block found is written into the rows of the others as
// well.
static void put_into_others(struct blocks *blocks, uint32_t from)
{
    const struct block *block = &blocks->blocks[from];
    for (uint32_t i = 0; i < blocks->count; i++) {
        struct fit *fit = &blocks->blocks[i].fit;
        for (uint32_t row = 0; i != from && row < fit->row_count; row++) {
            fit_put_by_place(&fit->rows[row], &block->fit, block->values);
        }
    }
}

static double mean_error(const struct fit *fit)
{
    double sum = 0;
    for (uint32_t i = 0; i < fit->row_count; i++) {
        double error = fit_row_error(fit, i);
        sum += isnan(error) ? 1 : fabs(error);
    }
    return fit->row_count == 0 ? 0 : sum / fit->row_count;
}

static bool have_moved(const struct block *block, const double *before)
{
    for (uint32_t i = 0; i < block->fit.parameter_count; i++) {
        if (before[i] != block->values[i]) {
            return true;
        }
    }
    return false;
}

static void fit_blocks(struct blocks *blocks, uint32_t processes)
{
    bool has_moved = true;
    for (uint32_t sweep = 0; has_moved && sweep < SWEEPS_MAX; sweep++) {
        has_moved = false;
        for (uint32_t i = 0; i < blocks->count; i++) {
            struct block *block = &blocks->blocks[i];
            block->fit.processes = processes;
            double before[FIT_PARAMETERS_MAX];
            memcpy(before, block->values, sizeof(before));
            fit_search(&block->fit, block->fit.row_count, sweep == 0, block->values);
            if (have_moved(block, before)) {
                has_moved = blocks->count > 1;
                put_into_others(blocks, i);
            }
            block->fit.processes = 1; // what follows is parallel itself
        }
    }
}

// --- leaving one out ----------------------------------------------------------------------------
struct left_out_job {
    struct block *block;
    uint32_t row;
};

static void refit_without(const void *context, uint32_t i, void *result)
{
    const struct left_out_job *job = &((const struct left_out_job *)context)[i];
    double values[FIT_PARAMETERS_MAX];
    memcpy(values, job->block->values, sizeof(values));
    fit_search(&job->block->fit, job->row, false, values);
    double error = fit_row_error(&job->block->fit, job->row);
    *(double *)result = isnan(error) ? 1 : fabs(error);
}

static bool leave_out(struct blocks *blocks, uint32_t processes, bool has_progress, struct err *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < blocks->count; i++) {
        count += blocks->blocks[i].fit.row_count;
    }
    struct left_out_job *jobs = xcalloc(count + 1, sizeof(*jobs));
    double *errors = xcalloc(count + 1, sizeof(*errors));
    count = 0;
    for (uint32_t i = 0; i < blocks->count; i++) {
        for (uint32_t row = 0; row < blocks->blocks[i].fit.row_count; row++) {
            jobs[count++] = (struct left_out_job){&blocks->blocks[i], row};
        }
    }
    struct fork_map map = {
        .count = count,
        .processes = processes,
        .work = refit_without,
        .context = jobs,
        .result_bytes = sizeof(*errors),
        .progress = has_progress ? "points left out" : NULL,
    };
    char *why = NULL;
    bool is_done = fork_map_run(&map, errors, &why);
    if (!is_done) {
        err_at(err, NULL, "%s", why);
        free(why);
    }
    for (uint32_t i = 0; i < count; i++) {
        jobs[i].block->left_out += errors[i] / jobs[i].block->fit.row_count;
    }
    free(errors);
    free(jobs);
    return is_done;
}

// --- all of it ----------------------------------------------------------------------------------
static bool are_places_different(const struct parameter_list *parameters, struct err *err)
{
    size_t faults = err_count(err);
    for (uint32_t i = 0; i < parameters->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            const struct parameter *one = &parameters->parameters[i];
            const struct parameter *other = &parameters->parameters[j];
            if (parameter_is_at(&one->value_mark, &other->value_mark)) {
                char *place = config_format_mark(&other->entry_mark);
                err_at(err, &one->entry_mark, "%s: the same value is fitted at %s", one->key,
                       place);
                free(place);
            }
        }
    }
    return err_count(err) == faults;
}

static void fill(const struct blocks *blocks, const struct parameter_list *parameters,
                 struct calibration *calibration)
{
    calibration->count = parameters->count;
    calibration->calibrated = xcalloc(parameters->count + 1, sizeof(*calibration->calibrated));
    for (uint32_t i = 0; i < blocks->count; i++) {
        const struct block *block = &blocks->blocks[i];
        for (uint32_t j = 0; j < block->fit.parameter_count; j++) {
            calibration->calibrated[block->indices[j]] = (struct calibrated){
                .parameter = &parameters->parameters[block->indices[j]],
                .value = block->values[j],
                .error_before = block->error_before,
                .residual = block->residual,
                .left_out = block->left_out,
                .rows = block->fit.row_count,
            };
        }
    }
}

bool calibrate_run(const struct series_list *list, struct parameter_list *parameters,
                   uint32_t processes, bool has_progress, struct calibration *calibration,
                   struct err *err)
{
    struct blocks blocks = {0};
    *calibration = (struct calibration){0};
    bool is_right =
        are_places_different(parameters, err) && make_blocks(list, parameters, &blocks, err);
    for (uint32_t i = 0; is_right && i < blocks.count; i++) {
        blocks.blocks[i].error_before = mean_error(&blocks.blocks[i].fit);
    }
    if (is_right) {
        fit_blocks(&blocks, processes);
        for (uint32_t i = 0; i < blocks.count; i++) {
            blocks.blocks[i].residual = mean_error(&blocks.blocks[i].fit);
        }
        is_right = leave_out(&blocks, processes, has_progress, err);
        fill(&blocks, parameters, calibration);
    }
    for (uint32_t i = 0; i < blocks.count; i++) {
        fit_free(&blocks.blocks[i].fit);
    }
    free(blocks.blocks);
    return is_right;
}

void calibration_free(struct calibration *calibration)
{
    free(calibration->calibrated);
    *calibration = (struct calibration){0};
}

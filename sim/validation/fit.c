// Conventions: x are values scaled to 0..1 over a parameter's range, by ratio where the range spans
// decades. A trial may not run at all (the memory is too small): it counts as wrong by a factor of
// e^10.
#include "sim/validation/fit.h"

#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "sim/validation/fork_map.h"

#define DECADES_RATIO 100.0 // high / low from which a range is searched by ratio
#define FAILED_LOG_ERROR 10.0
#define GLOBAL_TRIALS 60u // per parameter
#define LOCAL_TRIALS 80u  // per parameter
#define LOCAL_STEP 0.08   // of the range
#define X_TOLERANCE 1e-5
#define COSTLY_TRIALS 20u // per parameter, of the local search, which is then all there is
#define COSTLY_X_TOLERANCE 1e-3
#define IMPROVEMENT_MIN 1e-9 // of the mean squared error: less is not worth a changed file
#define SIGNIFICANT_DIGITS 5 // of a fitted value

// --- rows ---------------------------------------------------------------------------------------
// Does this part of a row hold the parameter? The same key with a value of another file is another
// parameter.
static bool find_in_scope(const struct uncertain_scope *scope, const struct parameter *parameter,
                          struct config_found *found)
{
    if (scope->node == NULL || !config_is_given(scope->node, parameter->key)) {
        return false;
    }
    struct mark mark = config_mark(scope->node, parameter->key);
    return mark.source != NULL && parameter_is_at(&mark, &parameter->value_mark) &&
           config_find(scope->keys, scope->target, parameter->key, found);
}

static void add_targets(struct fit *fit, struct fit_row *row)
{
    row->targets =
        xcalloc((size_t)fit->parameter_count * row->scoped.scope_count + 1, sizeof(*row->targets));
    for (uint32_t i = 0; i < row->scoped.scope_count; i++) {
        for (uint32_t j = 0; j < fit->parameter_count; j++) {
            struct fit_target target = {.parameter = j};
            if (find_in_scope(&row->scoped.scopes[i], fit->parameters[j], &target.found)) {
                row->targets[row->target_count++] = target;
            }
        }
    }
}

void fit_put_by_place(struct fit_row *row, const struct fit *other, const double *values)
{
    for (uint32_t i = 0; i < row->scoped.scope_count; i++) {
        for (uint32_t j = 0; j < other->parameter_count; j++) {
            struct config_found found;
            if (find_in_scope(&row->scoped.scopes[i], other->parameters[j], &found)) {
                config_put_number(&found, values[j]);
            }
        }
    }
}

static void add_row(struct fit *fit, const struct series *series,
                    const struct validation_point *point, struct err *err)
{
    struct fit_row row = {.series = series, .measured = point->measured, .weight = point->weight};
    if (!scoped_experiment_create(series, point, &row.scoped, err)) {
        return;
    }
    add_targets(fit, &row);
    fit->is_costly = fit->is_costly || row.scoped.experiment->workload.kind == NULL;
    struct point_run run;
    series_run_bound(series, row.scoped.experiment, &run);
    if (!run.is_done) {
        err_at(err, NULL, "%s --point %s: %s", series->path, point->id, run.why);
    }
    fit->rows = xrealloc(fit->rows, (fit->row_count + 1) * sizeof(*fit->rows));
    fit->rows[fit->row_count++] = row;
}

static void check_parameters(const struct fit *fit, struct err *err)
{
    for (uint32_t i = 0; i < fit->parameter_count; i++) {
        uint32_t rows = 0;
        for (uint32_t j = 0; j < fit->row_count; j++) {
            for (uint32_t k = 0; k < fit->rows[j].target_count; k++) {
                rows += fit->rows[j].targets[k].parameter == i;
            }
        }
        const struct parameter *parameter = fit->parameters[i];
        if (rows == 0) {
            err_at(err, &parameter->entry_mark, "%s: no measured point of %s uses it",
                   parameter->key, parameter->fitted_to);
        } else if (strncmp(parameter->key, "network.", strlen("network.")) == 0) {
            err_at(err, &parameter->entry_mark,
                   "%s: cannot be fitted, because sizes are derived from it", parameter->key);
        }
    }
}

bool fit_create(const struct series_list *list, struct parameter *const *parameters,
                uint32_t parameter_count, struct fit *fit, struct err *err)
{
    size_t faults = err_count(err);
    *fit = (struct fit){.parameter_count = parameter_count, .processes = 1};
    SIM_ASSERT(parameter_count <= FIT_PARAMETERS_MAX, "%u parameters", parameter_count);
    memcpy(fit->parameters, parameters, parameter_count * sizeof(struct parameter *));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct series *series = &list->series[i];
        const struct validation *validation = series->validation;
        bool is_used = parameter_is_fitted_to(parameters[0], series);
        for (uint32_t j = 0; is_used && j < validation->point_count; j++) {
            const struct validation_point *point = &validation->points[j];
            if (!isnan(point->measured) && point->weight > 0) {
                add_row(fit, series, point, err);
            }
        }
    }
    if (err_count(err) == faults) {
        check_parameters(fit, err);
    }
    return err_count(err) == faults;
}

void fit_free(struct fit *fit)
{
    for (uint32_t i = 0; i < fit->row_count; i++) {
        scoped_experiment_free(&fit->rows[i].scoped);
        free(fit->rows[i].targets);
    }
    free(fit->rows);
    *fit = (struct fit){0};
}

void fit_put(struct fit *fit, const double *values)
{
    for (uint32_t i = 0; i < fit->row_count; i++) {
        const struct fit_row *row = &fit->rows[i];
        for (uint32_t j = 0; j < row->target_count; j++) {
            config_put_number(&row->targets[j].found, values[row->targets[j].parameter]);
        }
    }
}

double fit_row_error(const struct fit *fit, uint32_t row)
{
    struct point_run run;
    series_run_bound(fit->rows[row].series, fit->rows[row].scoped.experiment, &run);
    return run.is_done ? run.value / fit->rows[row].measured - 1 : NAN;
}

// --- objective ----------------------------------------------------------------------------------
struct trial {
    struct fit *fit;
    uint32_t left_out;
    double best_values[FIT_PARAMETERS_MAX];
    double best; // mean squared error
};

static void row_error(const void *fit, uint32_t row, void *error)
{
    *(double *)error = fit_row_error(fit, row);
}

// errors: [row_count]
static void all_row_errors(const struct fit *fit, double *errors)
{
    struct fork_map map = {
        .count = fit->row_count,
        .processes = fit->processes,
        .work = row_error,
        .context = fit,
        .result_bytes = sizeof(*errors),
    };
    char *why = NULL;
    if (fit->is_costly && fit->processes > 1 && fork_map_run(&map, errors, &why)) {
        return;
    }
    free(why); // without processes it takes longer, no more
    for (uint32_t i = 0; i < fit->row_count; i++) {
        errors[i] = fit_row_error(fit, i);
    }
}

static double mean_squared_error(struct trial *trial, const double *values)
{
    double sum = 0;
    double weights = 0;
    double *errors = xcalloc(trial->fit->row_count + 1, sizeof(*errors));
    fit_put(trial->fit, values);
    all_row_errors(trial->fit, errors);
    for (uint32_t i = 0; i < trial->fit->row_count; i++) {
        if (i == trial->left_out) {
            continue;
        }
        double ratio = 1 + errors[i];
        double log_error = isnan(ratio) || ratio <= 0 ? FAILED_LOG_ERROR : log(ratio);
        sum += trial->fit->rows[i].weight * log_error * log_error;
        weights += trial->fit->rows[i].weight;
    }
    free(errors);
    return weights > 0 ? sum / weights : 0;
}

// Keeps the best; the values that count are those that a file can hold.
static double try_values(struct trial *trial, double *values)
{
    for (uint32_t i = 0; i < trial->fit->parameter_count; i++) {
        const struct parameter *parameter = trial->fit->parameters[i];
        char text[32];
        snprintf(text, sizeof(text), "%.*g", SIGNIFICANT_DIGITS, values[i]);
        double kept = parameter->is_whole ? round(values[i]) : strtod(text, NULL);
        bool is_inside = kept >= parameter->low && kept <= parameter->high;
        values[i] = is_inside ? kept : values[i];
    }
    double error = mean_squared_error(trial, values);
    if (error < trial->best * (1 - IMPROVEMENT_MIN)) {
        trial->best = error;
        memcpy(trial->best_values, values, sizeof(trial->best_values));
    }
    return error;
}

static bool is_by_ratio(const struct parameter *parameter)
{
    return parameter->low > 0 && parameter->high / parameter->low >= DECADES_RATIO;
}

static double value_of(const struct parameter *parameter, double x)
{
    double low = parameter->low;
    double high = parameter->high;
    double value = is_by_ratio(parameter) ? low * pow(high / low, x) : low + (high - low) * x;
    return fmin(fmax(value, low), high);
}

static double scaled(const struct parameter *parameter, double value)
{
    double low = parameter->low;
    double high = parameter->high;
    double x =
        is_by_ratio(parameter) ? log(value / low) / log(high / low) : (value - low) / (high - low);
    return fmin(fmax(x, 0), 1);
}

static double objective(unsigned count, const double *x, double *gradient, void *context)
{
    (void)gradient;
    struct trial *trial = context;
    double values[FIT_PARAMETERS_MAX] = {0};
    for (unsigned i = 0; i < count; i++) {
        values[i] = value_of(trial->fit->parameters[i], x[i]);
    }
    return try_values(trial, values);
}

// --- search -------------------------------------------------------------------------------------
static void search_with(struct trial *trial, nlopt_algorithm algorithm, unsigned trials)
{
    unsigned count = trial->fit->parameter_count;
    double x[FIT_PARAMETERS_MAX];
    double found;
    for (unsigned i = 0; i < count; i++) {
        x[i] = scaled(trial->fit->parameters[i], trial->best_values[i]);
    }
    nlopt_opt search = nlopt_create(algorithm, count);
    SIM_ASSERT(search != NULL, "no search for %u parameters", count);
    nlopt_set_min_objective(search, objective, trial);
    nlopt_set_lower_bounds1(search, 0);
    nlopt_set_upper_bounds1(search, 1);
    nlopt_set_initial_step1(search, LOCAL_STEP);
    nlopt_set_xtol_abs1(search, trial->fit->is_costly ? COSTLY_X_TOLERANCE : X_TOLERANCE);
    nlopt_set_maxeval(search, (int)(trials * count));
    nlopt_optimize(search, x, &found); // what it returns is no better than the best that was tried
    nlopt_destroy(search);
}

// Steps of one parameter at a time, for the staircases that whole numbers and whole cycles make.
static void search_steps(struct trial *trial)
{
    for (bool is_better = true; is_better;) {
        double before = trial->best;
        for (uint32_t i = 0; i < trial->fit->parameter_count; i++) {
            const struct parameter *parameter = trial->fit->parameters[i];
            for (int step = -2; parameter->is_whole && step <= 2; step++) {
                double values[FIT_PARAMETERS_MAX];
                memcpy(values, trial->best_values, sizeof(values));
                values[i] += step;
                if (step != 0 && values[i] >= parameter->low && values[i] <= parameter->high) {
                    try_values(trial, values);
                }
            }
        }
        is_better = trial->best < before;
    }
}

void fit_search(struct fit *fit, uint32_t left_out, bool is_global, double *values)
{
    struct trial trial = {.fit = fit, .left_out = left_out, .best = INFINITY};
    memcpy(trial.best_values, values, fit->parameter_count * sizeof(*values));
    trial.best = mean_squared_error(&trial, values); // as it is, to the last digit
    if (is_global && !fit->is_costly) {
        search_with(&trial, NLOPT_GN_DIRECT_L, GLOBAL_TRIALS);
    }
    // BOBYQA has no form for a single parameter
    search_with(&trial, fit->parameter_count == 1 ? NLOPT_LN_COBYLA : NLOPT_LN_BOBYQA,
                fit->is_costly ? COSTLY_TRIALS : LOCAL_TRIALS);
    if (!fit->is_costly) {
        search_with(&trial, NLOPT_LN_SBPLX, LOCAL_TRIALS); // not misled by kinks
    }
    search_steps(&trial);
    memcpy(values, trial.best_values, fit->parameter_count * sizeof(*values));
    fit_put(fit, values);
}

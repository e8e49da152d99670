#include "report/validation_result.h"

#include <math.h>
#include <stdlib.h>

#include "sim/err.h"

// --- summaries ----------------------------------------------------------------------------------
// Sums until finish().
static void add_point(struct error_summary *summary, const struct validated_series *series,
                      const struct validated_point *point)
{
    summary->count++;
    summary->mean_absolute += fabs(point->error);
    summary->bias += point->error;
    if (summary->worst_id == NULL || fabs(point->error) > fabs(summary->worst)) {
        summary->worst = point->error;
        summary->worst_id = point->id;
        summary->worst_series = series->series;
    }
}

static void finish(struct error_summary *summary)
{
    if (summary->count > 0) {
        summary->mean_absolute /= summary->count;
        summary->bias /= summary->count;
    }
}

static void summarise_series(struct validation_result *result, struct validated_group *group,
                             struct validated_series *series)
{
    series->measured = series->hand = (struct error_summary){0};
    for (uint32_t i = 0; i < series->point_count; i++) {
        const struct validated_point *point = &series->points[i];
        if (point->why != NULL) {
            result->failed++;
            continue;
        }
        add_point(point->is_hand ? &series->hand : &series->measured, series, point);
        add_point(point->is_hand ? &group->hand : &group->measured, series, point);
    }
    finish(&series->measured);
    finish(&series->hand);
}

void validation_result_summarise(struct validation_result *result)
{
    result->failed = 0;
    for (uint32_t i = 0; i < result->group_count; i++) {
        struct validated_group *group = &result->groups[i];
        group->measured = group->hand = (struct error_summary){0};
        for (uint32_t j = 0; j < group->series_count; j++) {
            summarise_series(result, group, &group->series[j]);
        }
        finish(&group->measured);
        finish(&group->hand);
    }
}

void validation_result_free(struct validation_result *result)
{
    for (uint32_t i = 0; i < result->group_count; i++) {
        struct validated_group *group = &result->groups[i];
        for (uint32_t j = 0; j < group->series_count; j++) {
            for (uint32_t k = 0; k < group->series[j].point_count; k++) {
                free(group->series[j].points[k].set);
                free(group->series[j].points[k].why);
            }
            free(group->series[j].points);
        }
        for (uint32_t j = 0; j < group->fitted_count; j++) {
            free(group->fitted[j].file);
            free(group->fitted[j].key);
            free(group->fitted[j].fitted_to);
        }
        free(group->series);
        free(group->fitted);
    }
    free(result->groups);
    *result = (struct validation_result){0};
}

// --- JSON ---------------------------------------------------------------------------------------
static void set(json_t *object, const char *key, json_t *value)
{
    SIM_ASSERT(value != NULL, "validation key %s is not a finite number", key);
    SIM_ASSERT(json_object_set_new(object, key, value) == 0, "validation key %s", key);
}

static json_t *real_or_null(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *summary_to_json(const struct error_summary *summary)
{
    bool has_any = summary->count > 0;
    json_t *object = json_object();
    set(object, "points", json_integer(summary->count));
    set(object, "mean_absolute_error", has_any ? json_real(summary->mean_absolute) : json_null());
    set(object, "bias", has_any ? json_real(summary->bias) : json_null());
    set(object, "worst_error", has_any ? json_real(summary->worst) : json_null());
    set(object, "worst_series", text_or_null(summary->worst_series));
    set(object, "worst_id", text_or_null(summary->worst_id));
    return object;
}

static json_t *point_to_json(const struct validated_point *point)
{
    bool is_done = point->why == NULL;
    json_t *object = json_object();
    set(object, "id", json_string(point->id));
    set(object, "set", json_string(point->set));
    set(object, point->is_hand ? "hand" : "measured", json_real(point->reference));
    set(object, "modelled", is_done ? json_real(point->modelled) : json_null());
    set(object, "error", is_done ? json_real(point->error) : json_null());
    set(object, "why", text_or_null(point->why));
    set(object, "note", text_or_null(point->note));
    return object;
}

static json_t *series_to_json(const struct validated_series *series)
{
    json_t *object = json_object();
    set(object, "series", json_string(series->series));
    set(object, "file", json_string(series->path));
    set(object, "quantity", json_string(series->quantity));
    set(object, "source", json_string(series->source));
    set(object, "measured", summary_to_json(&series->measured));
    set(object, "hand", summary_to_json(&series->hand));
    json_t *points = json_array();
    for (uint32_t i = 0; i < series->point_count; i++) {
        json_array_append_new(points, point_to_json(&series->points[i]));
    }
    set(object, "points", points);
    return object;
}

static json_t *fitted_to_json(const struct fitted_parameter *fitted)
{
    json_t *object = json_object();
    set(object, "file", json_string(fitted->file));
    set(object, "key", json_string(fitted->key));
    set(object, "value", json_real(fitted->value));
    set(object, "low", json_real(fitted->low));
    set(object, "high", json_real(fitted->high));
    set(object, "fitted_to", json_string(fitted->fitted_to));
    set(object, "rows", json_integer(fitted->rows));
    set(object, "residual", real_or_null(fitted->residual));
    set(object, "left_out", real_or_null(fitted->left_out));
    return object;
}

static json_t *group_to_json(const struct validated_group *group)
{
    json_t *object = json_object();
    set(object, "group", json_string(group->group));
    set(object, "measured", summary_to_json(&group->measured));
    set(object, "hand", summary_to_json(&group->hand));
    json_t *fitted = json_array();
    for (uint32_t i = 0; i < group->fitted_count; i++) {
        json_array_append_new(fitted, fitted_to_json(&group->fitted[i]));
    }
    set(object, "fitted", fitted);
    json_t *series = json_array();
    for (uint32_t i = 0; i < group->series_count; i++) {
        json_array_append_new(series, series_to_json(&group->series[i]));
    }
    set(object, "series", series);
    return object;
}

json_t *validation_result_to_json(const struct validation_result *result)
{
    json_t *tilesim = json_object();
    set(tilesim, "version", json_string(result->version));
    set(tilesim, "git", json_string(result->git));
    json_t *groups = json_array();
    for (uint32_t i = 0; i < result->group_count; i++) {
        json_array_append_new(groups, group_to_json(&result->groups[i]));
    }
    json_t *object = json_object();
    set(object, "tilesim", tilesim);
    set(object, "failed", json_integer(result->failed));
    set(object, "groups", groups);
    set(object, "host_seconds", json_real(result->host_seconds));
    return object;
}

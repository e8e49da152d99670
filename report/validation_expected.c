// Mean errors of a validation as a small file under version control, so that a model that gets
// worse is seen.
#include <stdlib.h>
#include <string.h>

#include "report/validation_result.h"
#include "sim/err.h"

#define GROWTH_MAX 0.01 // one point of error

static json_t *errors_to_json(const struct error_summary *measured,
                              const struct error_summary *hand)
{
    json_t *object = json_object();
    if (measured->count > 0) {
        json_object_set_new(object, "measured", json_real(measured->mean_absolute));
    }
    if (hand->count > 0) {
        json_object_set_new(object, "hand", json_real(hand->mean_absolute));
    }
    return object;
}

json_t *validation_result_to_expected(const struct validation_result *result)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < result->group_count; i++) {
        const struct validated_group *group = &result->groups[i];
        json_object_set_new(object, group->group, errors_to_json(&group->measured, &group->hand));
        for (uint32_t j = 0; j < group->series_count; j++) {
            const struct validated_series *series = &group->series[j];
            char *name = xasprintf("%s/%s", group->group, series->series);
            json_object_set_new(object, name, errors_to_json(&series->measured, &series->hand));
            free(name);
        }
    }
    return object;
}

// One group or series, which `now` has.
static uint32_t compare_errors(const char *name, const json_t *now, const json_t *expected,
                               FILE *stream)
{
    uint32_t faults = 0;
    const char *key;
    json_t *value;
    if (expected == NULL) {
        fprintf(stream, "tilesim: %s is not among the expected errors\n", name);
        return 1;
    }
    json_object_foreach((json_t *)now, key, value)
    {
        const json_t *old = json_object_get(expected, key);
        if (old == NULL) {
            fprintf(stream, "tilesim: %s: no error of %s points is expected\n", name, key);
            faults++;
        } else if (json_number_value(value) > json_number_value(old) + GROWTH_MAX) {
            fprintf(stream,
                    "tilesim: %s: the mean error of %s points grew from %.2f %% to %.2f %%\n", name,
                    key, json_number_value(old) * 100, json_number_value(value) * 100);
            faults++;
        }
    }
    return faults;
}

uint32_t validation_result_compare(const struct validation_result *result, const json_t *expected,
                                   bool is_whole, FILE *stream)
{
    json_t *now = validation_result_to_expected(result);
    uint32_t faults = 0;
    const char *name;
    json_t *errors;
    json_object_foreach(now, name, errors)
    {
        bool is_part = !is_whole && strchr(name, '/') == NULL; // a group of which one series ran
        faults +=
            is_part ? 0 : compare_errors(name, errors, json_object_get(expected, name), stream);
    }
    json_object_foreach((json_t *)expected, name, errors)
    {
        if (is_whole && json_object_get(now, name) == NULL) {
            fprintf(stream, "tilesim: %s is expected, but there is no such group or series\n",
                    name);
            faults++;
        }
    }
    json_decref(now);
    return faults;
}

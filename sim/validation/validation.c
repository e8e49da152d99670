#include "sim/validation/validation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_keys.h"
#include "sim/err.h"

#define POINTS_MAX 2000u
#define SETS_MAX 64u
#define CLAIMS_MAX 8u
#define CLAIMED_MAX 1000000u // times as fast
#define VALUE_MIN 1e-30      // errors are relative
#define VALUE_MAX 1e30

static const struct key point_keys[] = {
    KEY_TEXT(struct validation_point, "id", id, NULL, "name of the point, unique in the file"),
    {.name = "set",
     .type = KEY_TEXT_LIST,
     .offset = offsetof(struct validation_point, set),
     .count_offset = offsetof(struct validation_point, set_count),
     .default_text = "[]",
     .max_count = SETS_MAX,
     .doc = "keys of the experiment that the point changes: [\"workload.tiles=16\"]"},
    KEY_NUMBER(KEY_REAL, struct validation_point, measured, VALUE_MIN, VALUE_MAX, NULL, "null",
               "value in the quantity's unit; measured or hand"),
    KEY_NUMBER(KEY_REAL, struct validation_point, hand, VALUE_MIN, VALUE_MAX, NULL, "null",
               "value worked out from a published formula: a check, not a measurement"),
    KEY_NUMBER(KEY_REAL, struct validation_point, weight, 0, 1e6, NULL, "1",
               "of its squared error in a fit; 0: never fitted to"),
    KEY_TEXT(struct validation_point, "note", note, "null", "anything worth knowing"),
    KEYS_END,
};

const struct key validation_keys[] = {
    KEY_TEXT(struct validation, "group", group, NULL, "exchange, training, ..."),
    KEY_TEXT(struct validation, "series", series, NULL, "of the group"),
    KEY_TEXT(struct validation, "quantity", quantity, NULL,
             "number of the first machine: one of the workload, or step_seconds, "
             "samples_per_second, cycles, ..."),
    KEY_TEXT(struct validation, "source", source, NULL, "where the values are published"),
    {.name = "claimed",
     .type = KEY_UINT_LIST,
     .offset = offsetof(struct validation, claimed),
     .count_offset = offsetof(struct validation, claimed_count),
     .min = 1,
     .max = CLAIMED_MAX,
     .default_text = "null",
     .max_count = CLAIMS_MAX,
     .doc = "speed-ups claimed of tiles over a GPU, whose points were not published: points have "
            "no values then"},
    {.name = "points",
     .type = KEY_SECTION_LIST,
     .offset = offsetof(struct validation, points),
     .count_offset = offsetof(struct validation, point_count),
     .keys = point_keys,
     .struct_bytes = sizeof(struct validation_point),
     .is_pointer = true,
     .default_text = "[]",
     .max_count = POINTS_MAX,
     .doc = "the values, and what each changes in the experiment"},
    KEYS_END,
};

static struct mark point_mark(const struct node *node, uint32_t i, const char *key)
{
    char *path = xasprintf("points.%u.%s", i, key);
    struct mark mark = config_mark(node, path);
    free(path);
    return mark;
}

void validation_check(const void *section, const struct node *node, struct err *err)
{
    const struct validation *validation = section;
    for (uint32_t i = 0; i < validation->point_count; i++) {
        const struct validation_point *point = &validation->points[i];
        bool has_no_value = isnan(point->measured) && isnan(point->hand);
        bool has_value = isnan(point->measured) != isnan(point->hand);
        if (validation->claimed == NULL ? !has_value : !has_no_value) {
            struct mark mark = point_mark(node, i, "measured");
            if (validation->claimed != NULL) {
                err_at(err, &mark,
                       "validation.points.%u: '%s' has a value; with claimed it has none", i,
                       point->id);
            } else {
                err_at(err, &mark,
                       "validation.points.%u: '%s' %s; one of measured and hand is needed", i,
                       point->id, has_no_value ? "has no value" : "has two values");
            }
        }
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(validation->points[j].id, point->id) == 0) {
                struct mark mark = point_mark(node, i, "id");
                err_at(err, &mark, "validation.points.%u.id: '%s' is the id of points.%u too", i,
                       point->id, j);
            }
        }
    }
}

struct validation *validation_read(struct config *config, const struct node *root, struct err *err)
{
    static const struct key only_validation[] = {
        {.name = "validation",
         .type = KEY_SECTION,
         .offset = 0,
         .keys = validation_keys,
         .struct_bytes = sizeof(struct validation),
         .is_pointer = true,
         .default_text = "null",
         .check = validation_check},
        KEYS_END,
    };
    size_t faults = err_count(err);
    struct validation *validation = NULL;
    if (!config_is_given(root, "validation")) {
        struct mark mark = config_mark(root, "validation");
        err_at(err, &mark, "validation: missing; the file has no points");
        return NULL;
    }
    config_bind_only(config, only_validation, root, &validation, err);
    if (err_count(err) > faults) {
        validation_destroy(validation);
        return NULL;
    }
    return validation;
}

void validation_destroy(struct validation *validation)
{
    if (validation != NULL) {
        config_free(validation_keys, validation);
        free(validation);
    }
}

static const char *point_id_at(const void *validation, uint32_t i)
{
    const struct validation *of = validation;
    return i < of->point_count ? of->points[i].id : NULL;
}

const struct validation_point *validation_find(const struct validation *validation,
                                               const struct node *root, const char *id,
                                               struct err *err)
{
    for (uint32_t i = 0; i < validation->point_count; i++) {
        if (strcmp(validation->points[i].id, id) == 0) {
            return &validation->points[i];
        }
    }
    struct mark mark = config_mark(root, "validation.points");
    char *suggestion = config_suggest(id, point_id_at, validation);
    err_at(err, &mark, "validation.points: there is no point '%s'%s", id, suggestion);
    free(suggestion);
    return NULL;
}

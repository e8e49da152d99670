#include "report/page/sweep_axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/column.h"
#include "sim/err.h"

struct axis {            // a swept path
    char *path, *label;  // owned; label may be NULL
    struct texts *texts; // owned; of the values, with their type, to tell them apart
    json_t *values;      // owned; array
    struct column of;    // point -> place in values, NAN: not set
};

struct axes {
    struct axis *axes; // owned
    uint32_t count, points;
};

struct axes *axes_create(void)
{
    return xcalloc(1, sizeof(struct axes));
}

void axes_destroy(struct axes *axes)
{
    for (uint32_t i = 0; axes != NULL && i < axes->count; i++) {
        free(axes->axes[i].path);
        free(axes->axes[i].label);
        texts_destroy(axes->axes[i].texts);
        json_decref(axes->axes[i].values);
        column_free(&axes->axes[i].of);
    }
    free(axes != NULL ? axes->axes : NULL);
    free(axes);
}

void axes_add(struct axes *axes, const char *path, const char *label)
{
    axes->axes = xrealloc(axes->axes, (axes->count + 1) * sizeof(*axes->axes));
    struct axis *axis = &axes->axes[axes->count++];
    *axis = (struct axis){.path = xstrdup(path), .texts = texts_create(), .values = json_array()};
    axis->label = label == NULL ? NULL : xstrdup(label);
}

static const char *text_of(sqlite3_stmt *row, int place)
{
    return (const char *)sqlite3_column_text(row, place);
}

static json_t *setting_to_json(sqlite3_stmt *row, int place)
{
    switch (sqlite3_column_type(row, place)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(row, place));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(row, place));
    case SQLITE_NULL:
        return json_null();
    default:
        break;
    }
    const char *text = text_of(row, place);
    json_t *list = *text == '[' || *text == '{' ? json_loads(text, 0, NULL) : NULL;
    return list != NULL ? list : json_string(text);
}

static void add_setting(struct axes *axes, sqlite3_stmt *row)
{
    const char *path = text_of(row, 0);
    for (uint32_t i = 0; i < axes->count; i++) {
        struct axis *axis = &axes->axes[i];
        if (strcmp(axis->path, path) == 0 && axis->of.count <= axes->points) {
            char *typed = xasprintf("%d %s", sqlite3_column_type(row, 1), text_of(row, 1));
            int32_t place = texts_add(axis->texts, typed);
            free(typed);
            if ((size_t)place == json_array_size(axis->values)) {
                json_array_append_new(axis->values, setting_to_json(row, 1));
            }
            column_add(&axis->of, place);
        }
    }
}

bool axes_add_point(struct axes *axes, sqlite3_stmt *settings, int64_t id)
{
    sqlite3_bind_int64(settings, 1, id);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(settings)) == SQLITE_ROW) {
        add_setting(axes, settings);
    }
    sqlite3_reset(settings);
    for (uint32_t i = 0; i < axes->count; i++) {
        if (axes->axes[i].of.count <= axes->points) {
            column_add(&axes->axes[i].of, NAN);
        }
    }
    axes->points++;
    return code == SQLITE_DONE;
}

json_t *axes_to_json(const struct axes *axes, uint32_t digits)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < axes->count; i++) {
        const struct axis *axis = &axes->axes[i];
        json_array_append_new(array, json_pack("{s:s, s:s?, s:O, s:o}", "path", axis->path, "label",
                                               axis->label, "values", axis->values, "of",
                                               column_to_json(&axis->of, digits)));
    }
    return array;
}

// Values of an axis: a list as it is written, or a range, worked out.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_keys.h"
#include "sim/config/config_tree.h"
#include "sim/experiment_keys.h"
#include "sim/sweep/sweep_keys.h"

#define RANGE_POINTS_MAX 1000000u
#define RANGE_DIGITS 12     // of worked out values: what rounding of sums leaves is cut off
#define STEP_TOLERANCE 1e-9 // of a step: `to` is reached in spite of rounding
#define INTEGER_MAX 9007199254740992.0 // 2^53

enum range_scale { SCALE_LINEAR, SCALE_LOG };

struct range {
    double from, to, step; // step: NaN if points are given
    uint32_t points;       // 0: a step is given
    uint32_t scale;
};

static const char *const scales[] = {[SCALE_LINEAR] = "linear", [SCALE_LOG] = "log", NULL};

static const struct key range_keys[] = {
    KEY_NUMBER(KEY_REAL, struct range, from, -1e30, 1e30, NULL, NULL, "first value"),
    KEY_NUMBER(KEY_REAL, struct range, to, -1e30, 1e30, NULL, NULL, "last value"),
    KEY_NUMBER(KEY_REAL, struct range, step, -1e30, 1e30, NULL, "null", "from one to the next"),
    KEY_NUMBER(KEY_UINT32, struct range, points, 0, RANGE_POINTS_MAX, "values", "0", "how many"),
    KEY_CHOICE(struct range, "scale", scale, scales, "linear", "log: equal ratios"),
    KEYS_END,
};

// The key of the experiment at a path; NULL: unknown, or of a table that only the file chooses.
static const struct key *find_key(const char *path)
{
    const struct key *keys = experiment_keys;
    const struct key *found = NULL;
    while (*path != '\0' && keys != NULL) {
        size_t length = strcspn(path, ".");
        bool is_index = strspn(path, "0123456789") == length;
        if (!is_index) {
            for (found = keys; found->name != NULL; found++) {
                if (strlen(found->name) == length && strncmp(found->name, path, length) == 0) {
                    break;
                }
            }
            if (found->name == NULL) {
                return NULL;
            }
            keys = found->keys;
        }
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return found;
}

static bool is_integer(const char *path, const struct range *range)
{
    const struct key *key = find_key(path);
    if (key != NULL) {
        return key->type == KEY_UINT32 || key->type == KEY_UINT64 || key->type == KEY_UINT_LIST;
    }
    bool has_step = !isnan(range->step);
    return range->from == floor(range->from) && range->to == floor(range->to) &&
           (!has_step || range->step == floor(range->step));
}

static bool check_range(const struct range *range, const char *path, const struct mark *mark,
                        struct err *err)
{
    if ((range->points == 0) == isnan(range->step)) {
        return err_at(err, mark, "%s: a range has points or a step, %s", path,
                      range->points == 0 ? "and this has neither" : "not both");
    }
    if (range->scale == SCALE_LOG && !isnan(range->step)) {
        return err_at(err, mark, "%s: a range of scale log has points, not a step", path);
    }
    if (range->scale == SCALE_LOG && (range->from <= 0 || range->to <= 0)) {
        return err_at(err, mark, "%s: a range of scale log is above 0", path);
    }
    if (range->points == 1 && range->from != range->to) {
        return err_at(err, mark, "%s: one point cannot be from %g and to %g", path, range->from,
                      range->to);
    }
    if (isnan(range->step)) {
        return true;
    }
    double steps = (range->to - range->from) / range->step;
    if (range->step == 0 || !(steps >= 0)) {
        return err_at(err, mark, "%s: empty: no step of %g leads from %g to %g", path, range->step,
                      range->from, range->to);
    }
    if (steps >= RANGE_POINTS_MAX) {
        return err_at(err, mark, "%s: %.0f values; a range has at most %u", path, steps + 1,
                      RANGE_POINTS_MAX);
    }
    return true;
}

static double value_at(const struct range *range, uint32_t i, uint32_t count)
{
    if (i == 0) {
        return range->from;
    }
    if (!isnan(range->step)) {
        return range->from + i * range->step;
    }
    if (i == count - 1) {
        return range->to;
    }
    double part = (double)i / (count - 1);
    return range->scale == SCALE_LOG ? range->from * pow(range->to / range->from, part)
                                     : range->from + part * (range->to - range->from);
}

static const struct node *make_number(const struct sweep_reader *reader, struct mark mark,
                                      double value)
{
    bool is_whole = value == floor(value) && fabs(value) < INTEGER_MAX;
    char *text = is_whole ? xasprintf("%.0f", value) : xasprintf("%.*g", RANGE_DIGITS, value);
    const struct node *node = config_make_scalar(reader->config, mark, text);
    free(text);
    return node;
}

static bool read_range(const struct sweep_reader *reader, const struct pair *pair,
                       struct sweep_axis *axis)
{
    struct range range = {0};
    struct mark mark = pair->value->mark;
    size_t faults = err_count(reader->err);
    const struct pair *points = node_find(pair->value, "points");
    config_bind(reader->config, range_keys, pair->value, pair->key, &range, reader->err);
    if (err_count(reader->err) > faults) {
        return false;
    }
    if (range.points == 0 && points != NULL) { // a range by its step has no such key
        return err_at(reader->err, &mark, "%s: points must be at least 1", pair->key);
    }
    if (!check_range(&range, pair->key, &mark, reader->err)) {
        return false;
    }
    bool is_whole = is_integer(pair->key, &range);
    uint32_t count =
        range.points > 0
            ? range.points
            : (uint32_t)floor((range.to - range.from) / range.step + STEP_TOLERANCE) + 1;
    axis->values = config_allocate(reader->config, count * sizeof(*axis->values));
    axis->is_range = true;
    double last = NAN;
    for (uint32_t i = 0; i < count; i++) {
        double value = value_at(&range, i, count);
        value = is_whole ? round(value) : value;
        if (value != last) { // rounded, neighbours may be equal
            axis->values[axis->value_count++] = make_number(reader, mark, value);
        }
        last = value;
    }
    return true;
}

bool sweep_read_values(const struct sweep_reader *reader, const struct pair *pair,
                       struct sweep_axis *axis)
{
    const struct node *node = pair->value;
    axis->path_count = 1;
    const char **path = config_allocate(reader->config, sizeof(*path));
    struct mark *mark = config_allocate(reader->config, sizeof(*mark));
    *path = pair->key;
    *mark = pair->mark;
    axis->paths = path;
    axis->marks = mark;
    if (node->kind == NODE_MAPPING) {
        return read_range(reader, pair, axis);
    }
    if (node->kind != NODE_LIST || node->count == 0) {
        return err_at(reader->err, &node->mark,
                      "%s: values are needed here ([a, b], or {from: a, to: b, points: n}), not %s",
                      pair->key, node->kind == NODE_LIST ? "an empty list" : node_kind_name(node));
    }
    axis->value_count = node->count;
    axis->values = node->items;
    return true;
}

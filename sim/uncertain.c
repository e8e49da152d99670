#include "sim/uncertain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_keys.h"
#include "sim/err.h"

#define NUMBER_MAX 1e300

const struct key uncertain_keys[] = {
    KEY_TEXT(struct uncertain, "key", key, NULL, "path of a number in this file"),
    KEY_NUMBER(KEY_REAL, struct uncertain, low, -NUMBER_MAX, NUMBER_MAX, NULL, NULL,
               "end of its range, in the key's unit"),
    KEY_NUMBER(KEY_REAL, struct uncertain, high, -NUMBER_MAX, NUMBER_MAX, NULL, NULL,
               "the other end"),
    KEY_TEXT(struct uncertain, "fitted_to", fitted_to, "null",
             "validation group, or group/series, whose points fix it; null: a guess"),
    KEY_NUMBER(KEY_REAL, struct uncertain, residual, 0, NUMBER_MAX, NULL, "null",
               "of the fit: mean relative error of its points; `tilesim calibrate` writes it"),
    KEY_NUMBER(KEY_REAL, struct uncertain, left_out, 0, NUMBER_MAX, NULL, "null",
               "the same, each point left out of the fit that predicts it; written likewise"),
    KEY_TEXT(struct uncertain, "why", why, "null", "where the range comes from"),
    KEYS_END,
};

bool uncertain_is_fitted_to(const struct uncertain *uncertain, const char *group,
                            const char *series)
{
    const char *fitted_to = uncertain->fitted_to;
    size_t length = strlen(group);
    if (fitted_to == NULL || strncmp(fitted_to, group, length) != 0) {
        return false;
    }
    if (fitted_to[length] == '\0') {
        return true;
    }
    return fitted_to[length] == '/' &&
           (series == NULL || strcmp(fitted_to + length + 1, series) == 0);
}

// A file that derives may replace a list by a shorter one: entries of the file below say nothing
// then of items that are gone.
static bool is_of_replaced_list(const struct uncertain_scope *scope, const struct mark *entry_mark,
                                const char *key)
{
    char *list = xasprintf("%.*s", (int)strcspn(key, "."), key);
    struct mark list_mark = config_mark(scope->node, list);
    struct mark top_mark = config_mark(scope->node, "");
    struct config_found found;
    bool is_list = config_find(scope->keys, scope->target, list, &found) &&
                   found.key->type == KEY_SECTION_LIST;
    free(list);
    return is_list && list_mark.source != entry_mark->source &&
           entry_mark->source != top_mark.source;
}

static void check_entry(const struct uncertain_scope *scope, uint32_t i, struct err *err)
{
    const struct uncertain *entry = &scope->entries[i];
    char *path = xasprintf("uncertain.%u.key", i);
    struct mark mark = config_mark(scope->node, path);
    struct mark value_mark = config_mark(scope->node, entry->key);
    struct config_found found;
    double value;
    if (!config_find(scope->keys, scope->target, entry->key, &found) ||
        !config_get_number(&found, &value)) {
        if (!is_of_replaced_list(scope, &mark, entry->key)) {
            err_at(err, &mark, "uncertain.%u.key: there is no number '%s' in this file", i,
                   entry->key);
        }
    } else if (!(entry->low < entry->high)) {
        err_at(err, &mark, "uncertain.%u: low = %g is not below high = %g", i, entry->low,
               entry->high);
    } else if (isnan(value)) {
        err_at(err, &mark, "uncertain.%u.key: %s is null: it has no value to be uncertain of", i,
               entry->key);
    } else if ((value < entry->low || value > entry->high) && value_mark.source == mark.source) {
        // one who derives from the file or sets the key may leave the range
        err_at(err, &value_mark, "%s: %g is outside %g..%g, its range in uncertain.%u", entry->key,
               value, entry->low, entry->high, i);
    }
    free(path);
}

void uncertain_check(const struct uncertain_scope *scope, struct err *err)
{
    for (uint32_t i = 0; i < scope->count; i++) {
        check_entry(scope, i, err);
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(scope->entries[i].key, scope->entries[j].key) == 0) {
                char *path = xasprintf("uncertain.%u.key", i);
                struct mark mark = config_mark(scope->node, path);
                err_at(err, &mark, "uncertain.%u.key: '%s' is in uncertain.%u too", i,
                       scope->entries[i].key, j);
                free(path);
            }
        }
    }
}

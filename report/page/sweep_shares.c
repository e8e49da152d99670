#include "report/page/sweep_shares.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page/column.h"
#include "report/page/json_scan.h"
#include "sim/err.h"

#define PARTS_MAX 1024u // of one schedule; further ones are left out
#define UNITS 10000.0   // of a step

struct share {
    uint32_t schedule; // place in names + 1; 0: none
    uint32_t first, count;
};

struct shares {
    bool has_parts;
    struct texts *names;  // one text a schedule: JSON array of its names
    struct column values; // of all machines, one after the other
    struct share *list;   // owned; by machine
    uint32_t count, room;
};

struct shares *shares_create(bool has_parts)
{
    struct shares *shares = xcalloc(1, sizeof(*shares));
    shares->has_parts = has_parts;
    shares->names = texts_create();
    return shares;
}

void shares_destroy(struct shares *shares)
{
    if (shares == NULL) {
        return;
    }
    texts_destroy(shares->names);
    column_free(&shares->values);
    free(shares->list);
    free(shares);
}

// Characters of the row that a part's name begins with, "F3" of "F3 rearrange"; 0: none.
static size_t row_characters(const char *name)
{
    size_t digits = isupper((unsigned char)*name) ? strspn(name + 1, "0123456789") : 0;
    return digits > 0 && name[digits + 1] == ' ' ? digits + 1 : 0;
}

struct parts {              // of one machine
    char *names[PARTS_MAX]; // owned
    double cycles[PARTS_MAX];
    uint32_t count;
};

static void add_part(struct parts *parts, char *name, double cycles, bool has_parts)
{
    if (!has_parts) {
        size_t row = row_characters(name);
        char *group = row == 0 ? xstrdup("other") : xasprintf("%.*s", (int)row, name);
        free(name);
        name = group;
    }
    for (uint32_t i = 0; i < parts->count && !has_parts; i++) {
        if (strcmp(parts->names[i], name) == 0) {
            parts->cycles[i] += cycles;
            free(name);
            return;
        }
    }
    if (parts->count == PARTS_MAX) {
        free(name);
        return;
    }
    parts->names[parts->count] = name;
    parts->cycles[parts->count++] = cycles;
}

static char *name_of(const char *item)
{
    const char *text = json_scan_member(item, "name");
    if (text == NULL || *text != '"') {
        return NULL;
    }
    size_t length = (size_t)(json_scan_end(text) - text);
    if (memchr(text, '\\', length) == NULL) { // as nearly all of them
        return xasprintf("%.*s", (int)length - 2, text + 1);
    }
    json_t *string = json_scan_value(text);
    char *name = string == NULL ? NULL : xstrdup(json_string_value(string));
    json_decref(string);
    return name;
}

static void read_parts(struct parts *parts, const char *list, bool has_parts)
{
    for (const char *item = json_scan_first(list); item != NULL; item = json_scan_next(item)) {
        char *name = name_of(item);
        const char *cycles = json_scan_member(item, "cycles");
        if (name != NULL && cycles != NULL) {
            add_part(parts, name, strtod(cycles, NULL), has_parts);
        } else {
            free(name);
        }
    }
}

static int32_t schedule_of(struct shares *shares, const struct parts *parts)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < parts->count; i++) {
        json_array_append_new(names, json_string(parts->names[i]));
    }
    char *text = json_dumps(names, JSON_COMPACT);
    json_decref(names);
    int32_t place = texts_add(shares->names, text);
    free(text);
    return place;
}

void shares_add(struct shares *shares, const char *list, double cycles)
{
    if (shares->count == shares->room) {
        shares->room = shares->room == 0 ? 256 : shares->room * 2;
        shares->list = xrealloc(shares->list, shares->room * sizeof(*shares->list));
    }
    struct share *share = &shares->list[shares->count++];
    *share = (struct share){.first = shares->values.count};
    if (list == NULL || !(cycles > 0)) {
        return;
    }
    struct parts *parts = xcalloc(1, sizeof(*parts));
    read_parts(parts, list, shares->has_parts);
    if (parts->count > 0) {
        share->schedule = (uint32_t)schedule_of(shares, parts) + 1;
        share->count = parts->count;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        column_add(&shares->values, rint(UNITS * parts->cycles[i] / cycles));
        free(parts->names[i]);
    }
    free(parts);
}

void shares_add_to_json(const struct shares *shares, json_t *object)
{
    json_t *schedules = json_array();
    for (uint32_t i = 0; i < texts_count(shares->names); i++) {
        json_array_append_new(schedules, json_loads(texts_at(shares->names, i), 0, NULL));
    }
    struct column places = {0};
    json_t *lists = json_array();
    for (uint32_t i = 0; i < shares->count; i++) {
        const struct share *share = &shares->list[i];
        column_add(&places, share->schedule == 0 ? NAN : (double)share->schedule - 1);
        json_t *values = share->schedule == 0 ? json_integer(0) : json_array();
        for (uint32_t j = 0; j < share->count; j++) {
            json_array_append_new(
                values, json_integer((json_int_t)shares->values.values[share->first + j]));
        }
        json_array_append_new(lists, values);
    }
    json_object_set_new(object, "schedules", schedules);
    json_object_set_new(object, "schedule", column_to_json(&places, 1));
    json_object_set_new(object, "shares", lists);
    column_free(&places);
}

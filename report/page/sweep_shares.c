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

static void add_part(struct parts *parts, const char *name, size_t length, double cycles,
                     bool has_parts)
{
    for (uint32_t i = 0; i < parts->count && !has_parts; i++) {
        if (strlen(parts->names[i]) == length && memcmp(parts->names[i], name, length) == 0) {
            parts->cycles[i] += cycles;
            return;
        }
    }
    if (parts->count < PARTS_MAX) {
        parts->names[parts->count] = xasprintf("%.*s", (int)length, name);
        parts->cycles[parts->count++] = cycles;
    }
}

// A part by its name, or by its row of the schedule.
static void add_named(struct parts *parts, const char *name, size_t length, double cycles,
                      bool has_parts)
{
    if (has_parts) {
        add_part(parts, name, length, cycles, true);
        return;
    }
    size_t row = row_characters(name);
    add_part(parts, row == 0 ? "other" : name, row == 0 ? strlen("other") : row, cycles, false);
}

static void read_parts(struct parts *parts, const char *list, bool has_parts)
{
    for (const char *item = json_scan_first(list); item != NULL; item = json_scan_next(item)) {
        const char *name = json_scan_member(item, "name");
        const char *text = json_scan_member(item, "cycles");
        if (name == NULL || *name != '"' || text == NULL) {
            continue;
        }
        double cycles = strtod(text, NULL);
        size_t length = (size_t)(json_scan_end(name) - name);
        if (memchr(name, '\\', length) == NULL) { // as nearly all of them
            add_named(parts, name + 1, length - 2, cycles, has_parts);
        } else {
            json_t *string = json_scan_value(name);
            add_named(parts, json_string_value(string), json_string_length(string), cycles,
                      has_parts);
            json_decref(string);
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

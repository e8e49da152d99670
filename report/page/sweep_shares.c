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

struct part {
    const char *name; // borrowed, JSON text without its quotes
    size_t name_bytes;
    double cycles;
};

struct parts { // of one machine
    struct part list[PARTS_MAX];
    uint32_t count;
};

struct shares {
    bool has_parts;
    struct texts *names;  // one text a schedule: JSON array of its names
    struct column values; // of all machines, one after the other
    struct share *list;   // owned; by machine
    uint32_t count, room;
    struct parts parts; // of the machine that is being added
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

static void add_part(struct parts *parts, struct part part, bool has_parts)
{
    for (uint32_t i = parts->count; i > 0 && !has_parts; i--) { // rows of a schedule come together
        struct part *other = &parts->list[i - 1];
        if (other->name_bytes == part.name_bytes &&
            memcmp(other->name, part.name, part.name_bytes) == 0) {
            other->cycles += part.cycles;
            return;
        }
    }
    if (parts->count < PARTS_MAX) {
        parts->list[parts->count++] = part;
    }
}

// Parts by their names, or by their rows of the schedule.
static void read_parts(struct parts *parts, const char *list, bool has_parts)
{
    for (const char *item = json_scan_first(list); item != NULL; item = json_scan_next(item)) {
        const char *name = json_scan_member(item, "name");
        const char *cycles = json_scan_member(item, "cycles");
        if (name == NULL || *name != '"' || cycles == NULL) {
            continue;
        }
        struct part part = {name + 1, 0, strtod(cycles, NULL)};
        size_t row = has_parts ? 0 : row_characters(part.name);
        if (has_parts) {
            part.name_bytes = (size_t)(json_scan_end(name) - name) - 2;
        } else {
            part.name = row == 0 ? "other" : part.name;
            part.name_bytes = row == 0 ? strlen("other") : row;
        }
        add_part(parts, part, has_parts);
    }
}

// The names as a JSON list: those of one schedule are the same text.
static int32_t schedule_of(struct shares *shares, const struct parts *parts)
{
    size_t bytes = 3;
    for (uint32_t i = 0; i < parts->count; i++) {
        bytes += parts->list[i].name_bytes + 3;
    }
    char *text = xcalloc(bytes, 1);
    char *end = text;
    for (uint32_t i = 0; i < parts->count; i++) {
        *end++ = i == 0 ? '[' : ',';
        *end++ = '"';
        memcpy(end, parts->list[i].name, parts->list[i].name_bytes);
        end += parts->list[i].name_bytes;
        *end++ = '"';
    }
    *end = ']';
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
    struct parts *parts = &shares->parts;
    parts->count = 0;
    read_parts(parts, list, shares->has_parts);
    if (parts->count > 0) {
        share->schedule = (uint32_t)schedule_of(shares, parts) + 1;
        share->count = parts->count;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        column_add(&shares->values, rint(UNITS * parts->list[i].cycles / cycles));
    }
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

#include "report/page/column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

#define FIRST_SLOTS 256u
// A dictionary pays if a value is used about three times: an index costs two to four characters.
#define DICTIONARY_USE 3u

// --- texts --------------------------------------------------------------------------------------
struct texts {
    char **list; // owned, and each
    uint32_t count, room;
    uint32_t *slots; // owned; place + 1; 0: empty; [slot_count], a power of two
    uint32_t slot_count;
};

// FNV-1a, 64 bit (Fowler, Noll, Vo)
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    }
    return hash;
}

struct texts *texts_create(void)
{
    struct texts *texts = xcalloc(1, sizeof(*texts));
    texts->slot_count = FIRST_SLOTS;
    texts->slots = xcalloc(texts->slot_count, sizeof(*texts->slots));
    return texts;
}

void texts_destroy(struct texts *texts)
{
    if (texts == NULL) {
        return;
    }
    for (uint32_t i = 0; i < texts->count; i++) {
        free(texts->list[i]);
    }
    free(texts->list);
    free(texts->slots);
    free(texts);
}

static uint32_t *find_slot(const struct texts *texts, const char *text)
{
    uint32_t slot = (uint32_t)hash_text(text) & (texts->slot_count - 1);
    while (texts->slots[slot] != 0 && strcmp(texts->list[texts->slots[slot] - 1], text) != 0) {
        slot = (slot + 1) & (texts->slot_count - 1);
    }
    return &texts->slots[slot];
}

static void grow_slots(struct texts *texts)
{
    free(texts->slots);
    texts->slot_count *= 2;
    texts->slots = xcalloc(texts->slot_count, sizeof(*texts->slots));
    for (uint32_t i = 0; i < texts->count; i++) {
        *find_slot(texts, texts->list[i]) = i + 1;
    }
}

int32_t texts_add(struct texts *texts, const char *text)
{
    if (text == NULL) {
        return -1;
    }
    uint32_t *slot = find_slot(texts, text);
    if (*slot != 0) {
        return (int32_t)*slot - 1;
    }
    if (texts->count == texts->room) {
        texts->room = texts->room == 0 ? FIRST_SLOTS : texts->room * 2;
        texts->list = xrealloc(texts->list, texts->room * sizeof(*texts->list));
    }
    texts->list[texts->count++] = xstrdup(text);
    *slot = texts->count;
    if (texts->count * 2 > texts->slot_count) {
        grow_slots(texts);
    }
    return (int32_t)texts->count - 1;
}

uint32_t texts_count(const struct texts *texts)
{
    return texts->count;
}

const char *texts_at(const struct texts *texts, uint32_t place)
{
    return texts->list[place];
}

json_t *texts_to_json(const struct texts *texts)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < texts->count; i++) {
        json_array_append_new(array, json_string(texts->list[i]));
    }
    return array;
}

// --- columns --------------------------------------------------------------------------------------
void column_add(struct column *column, double value)
{
    if (column->count == column->room) {
        column->room = column->room == 0 ? FIRST_SLOTS : column->room * 2;
        column->values = xrealloc(column->values, column->room * sizeof(*column->values));
    }
    column->values[column->count++] = value;
}

void column_free(struct column *column)
{
    free(column->values);
    *column = (struct column){0};
}

static json_t *number(double value, uint32_t digits)
{
    if (isnan(value)) {
        return json_null();
    }
    if (value == rint(value) && fabs(value) < 9e15) {
        return json_integer((json_int_t)value);
    }
    char text[40];
    snprintf(text, sizeof(text), "%.*g", (int)digits, value);
    return json_real(strtod(text, NULL));
}

struct distinct { // an open hash of the values of a column, by their bits
    double *values;
    uint32_t *slots; // place + 1; 0: empty
    uint32_t count, slot_count;
};

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint32_t distinct_place(struct distinct *distinct, double value)
{
    uint64_t bits = bits_of(value);
    uint32_t slot = (uint32_t)((bits * 0x9e3779b97f4a7c15u) >> 32) & (distinct->slot_count - 1);
    while (distinct->slots[slot] != 0 &&
           bits_of(distinct->values[distinct->slots[slot] - 1]) != bits) {
        slot = (slot + 1) & (distinct->slot_count - 1);
    }
    if (distinct->slots[slot] == 0) {
        distinct->values[distinct->count++] = value;
        distinct->slots[slot] = distinct->count;
    }
    return distinct->slots[slot] - 1;
}

static json_t *dictionary_to_json(const struct distinct *distinct, const uint32_t *places,
                                  uint32_t count, uint32_t digits)
{
    json_t *values = json_array();
    for (uint32_t i = 0; i < distinct->count; i++) {
        json_array_append_new(values, number(distinct->values[i], digits));
    }
    json_t *indices = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(indices, json_integer(places[i]));
    }
    return json_pack("{s:o, s:o}", "d", values, "i", indices);
}

json_t *column_to_json(const struct column *column, uint32_t digits)
{
    struct distinct distinct = {.slot_count = FIRST_SLOTS};
    while (distinct.slot_count < column->count * 2) {
        distinct.slot_count *= 2;
    }
    distinct.values = xcalloc(column->count + 1, sizeof(*distinct.values));
    distinct.slots = xcalloc(distinct.slot_count, sizeof(*distinct.slots));
    uint32_t *places = xcalloc(column->count + 1, sizeof(*places));
    for (uint32_t i = 0; i < column->count; i++) {
        places[i] = distinct_place(&distinct, column->values[i]);
    }
    json_t *json = NULL;
    if (distinct.count == 1) {
        json = json_pack("{s:o}", "c", number(column->values[0], digits));
    } else if (distinct.count * DICTIONARY_USE < column->count) {
        json = dictionary_to_json(&distinct, places, column->count, digits);
    } else {
        json = json_array();
        for (uint32_t i = 0; i < column->count; i++) {
            json_array_append_new(json, number(column->values[i], digits));
        }
    }
    free(distinct.values);
    free(distinct.slots);
    free(places);
    return json;
}

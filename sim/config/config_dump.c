// Structs -> JSON, and tables of keys -> a reference for people.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

static uint32_t read_uint32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static json_t *enum_to_json(const struct key *key, uint32_t value)
{
    for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
        if ((key->values == NULL ? i : key->values[i]) == value) {
            return json_string(config_enum_name(key, i));
        }
    }
    return json_null();
}

static json_t *enum_set_to_json(const struct key *key, uint32_t set)
{
    json_t *list = json_array();
    for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
        if ((set >> i & 1u) != 0) {
            json_array_append_new(list, json_string(config_enum_name(key, i)));
        }
    }
    return list;
}

static json_t *list_to_json(const struct key *key, const char *field)
{
    const char *items = field;
    uint32_t count = read_uint32(field - key->offset + key->count_offset);
    if (key->type == KEY_UINT_LIST || key->is_pointer) {
        memcpy(&items, field, sizeof(items));
    }
    if (items == NULL) {
        return json_null();
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, key->type == KEY_UINT_LIST
                                        ? json_integer(read_uint32(items + i * sizeof(uint32_t)))
                                        : config_to_json(key->keys, items + i * key->struct_bytes));
    }
    return list;
}

static json_t *number_to_json(const struct key *key, const char *field)
{
    uint64_t integer;
    double real;
    if (key->type == KEY_UINT32) {
        return json_integer(read_uint32(field));
    }
    if (key->type == KEY_UINT64) {
        memcpy(&integer, field, sizeof(integer));
        return json_integer((json_int_t)integer);
    }
    memcpy(&real, field, sizeof(real));
    return isnan(real) ? json_null() : json_real(real);
}

static json_t *field_to_json(const struct key *key, const char *field)
{
    bool is_true;
    const char *pointer;
    switch (key->type) {
    case KEY_BOOL:
        memcpy(&is_true, field, sizeof(is_true));
        return json_boolean(is_true);
    case KEY_UINT32:
    case KEY_UINT64:
    case KEY_REAL:
        return number_to_json(key, field);
    case KEY_STRING:
        memcpy(&pointer, field, sizeof(pointer));
        return pointer == NULL ? json_null() : json_string(pointer);
    case KEY_ENUM:
        return enum_to_json(key, read_uint32(field));
    case KEY_ENUM_SET:
        return enum_set_to_json(key, read_uint32(field));
    case KEY_UINT_LIST:
    case KEY_SECTION_LIST:
        return list_to_json(key, field);
    case KEY_SECTION:
        pointer = field;
        if (key->is_pointer) {
            memcpy(&pointer, field, sizeof(pointer));
        }
        return pointer == NULL ? json_null() : config_to_json(key->keys, pointer);
    }
    return json_null();
}

json_t *config_to_json(const struct key *keys, const void *target)
{
    json_t *object = json_object();
    for (const struct key *key = keys; key->name != NULL; key++) {
        json_object_set_new(object, key->name,
                            field_to_json(key, (const char *)target + key->offset));
    }
    return object;
}

static const char *type_name(const struct key *key)
{
    switch (key->type) {
    case KEY_BOOL:
        return "true or false";
    case KEY_UINT32:
    case KEY_UINT64:
        return "whole number";
    case KEY_REAL:
        return "number";
    case KEY_STRING:
        return "text";
    case KEY_ENUM:
        return "one of";
    case KEY_ENUM_SET:
        return "list of";
    case KEY_UINT_LIST:
        return "list of whole numbers";
    case KEY_SECTION:
        return key->folder == NULL ? "section" : "section, or the name of a file";
    case KEY_SECTION_LIST:
        return "list of sections";
    }
    return "";
}

static void print_key(const struct key *key, uint32_t depth, FILE *stream)
{
    fprintf(stream, "%*s%s: %s", (int)(2 * depth), "", key->name, type_name(key));
    if (key->type == KEY_ENUM || key->type == KEY_ENUM_SET) {
        for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
            fprintf(stream, "%s%s", i == 0 ? " " : ", ", config_enum_name(key, i));
        }
    }
    if (key->type == KEY_REAL || key->type == KEY_UINT32 || key->type == KEY_UINT64 ||
        key->type == KEY_UINT_LIST) {
        char *range = config_range_text(key);
        fprintf(stream, " %s", range);
        free(range);
    }
    if (key->default_text != NULL) {
        fprintf(stream, "; default %s", key->default_text);
    } else if (key->type != KEY_SECTION) {
        fputs("; required", stream);
    }
    fprintf(stream, ". %s\n", key->doc == NULL ? "" : key->doc);
}

static void print_keys(const struct key *keys, uint32_t depth, FILE *stream)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        print_key(key, depth, stream);
        bool is_section = key->type == KEY_SECTION || key->type == KEY_SECTION_LIST;
        if (is_section && key->folder == NULL) { // a file of its own has its own reference
            print_keys(key->keys, depth + 1, stream);
        }
    }
}

void config_print_reference(const struct key *keys, FILE *stream)
{
    print_keys(keys, 0, stream);
}

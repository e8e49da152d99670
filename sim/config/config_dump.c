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

static json_t *item_to_json(const struct key *key, const char *items, uint32_t i)
{
    const char *text;
    switch (key->type) {
    case KEY_UINT_LIST:
        return json_integer(read_uint32(items + i * sizeof(uint32_t)));
    case KEY_TEXT_LIST:
        memcpy(&text, items + i * sizeof(char *), sizeof(text));
        return json_string(text);
    default:
        return config_to_json(key->keys, items + i * key->struct_bytes);
    }
}

static json_t *list_to_json(const struct key *key, const char *field)
{
    const char *items = field;
    uint32_t count = read_uint32(field - key->offset + key->count_offset);
    if (key->type == KEY_UINT_LIST || key->type == KEY_TEXT_LIST || key->is_pointer) {
        memcpy(&items, field, sizeof(items));
    }
    if (items == NULL) {
        return json_null();
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, item_to_json(key, items, i));
    }
    return list;
}

static json_t *variant_to_json(const struct key *key, const char *field)
{
    struct config_variant variant;
    const char *name;
    memcpy(&variant, field, sizeof(variant));
    const struct key *keys = config_variant_keys(key, &variant, &name);
    json_t *object = json_object();
    json_object_set_new(object, "kind", json_string(name));
    if (keys != NULL) {
        json_t *section = config_to_json(keys, variant.section);
        json_object_update(object, section);
        json_decref(section);
    }
    return object;
}

static json_t *number_to_json(const struct key *key, const char *field)
{
    uint64_t integer;
    double real;
    if (key->type == KEY_UINT32) {
        bool is_word = key->word != NULL && read_uint32(field) == 0;
        return is_word ? json_string(key->word) : json_integer(read_uint32(field));
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
    case KEY_VARIANT:
        return variant_to_json(key, field);
    case KEY_UINT_LIST:
    case KEY_TEXT_LIST:
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
    case KEY_TEXT_LIST:
        return "list of texts";
    case KEY_VARIANT:
        return "section of one kind";
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
    if (key->word != NULL && key->type == KEY_UINT_LIST) { // of numbers the range has it
        fprintf(stream, ", or %s", key->word);
    }
    if (key->default_text != NULL) {
        fprintf(stream, "; default %s", key->default_text);
    } else if (key->type != KEY_SECTION) {
        fputs("; required", stream);
    }
    fprintf(stream, ". %s\n", key->doc == NULL ? "" : key->doc);
}

static void print_keys(const struct key *keys, uint32_t depth, FILE *stream);

// `kind`, then the keys of each kind below its name.
static void print_kinds(const struct key *key, uint32_t depth, FILE *stream)
{
    fprintf(stream, "%*skind: one of", (int)(2 * depth), "");
    for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
        fprintf(stream, "%s%s", i == 0 ? " " : ", ", config_enum_name(key, i));
    }
    fprintf(stream, "; default %s. selects the keys beside it\n", config_enum_name(key, 0));
    for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
        struct section_kind kind = key->kind_at(i);
        if (kind.keys != NULL) {
            fprintf(stream, "%*s(kind: %s) %s\n", (int)(2 * depth), "", config_enum_name(key, i),
                    kind.doc);
            print_keys(kind.keys, depth + 1, stream);
        }
    }
}

static void print_keys(const struct key *keys, uint32_t depth, FILE *stream)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        print_key(key, depth, stream);
        bool is_section = key->type == KEY_SECTION || key->type == KEY_SECTION_LIST;
        // What is behind a pointer and has files of its own has its own reference.
        if (is_section && (key->folder == NULL || !key->is_pointer)) {
            print_keys(key->keys, depth + 1, stream);
        } else if (key->type == KEY_VARIANT) {
            print_kinds(key, depth + 1, stream);
        }
    }
}

void config_print_reference(const struct key *keys, FILE *stream)
{
    print_keys(keys, 0, stream);
}

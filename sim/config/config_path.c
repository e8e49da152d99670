// From a path such as "exchange.fixed_cycles" to the field of a struct that was read, or to its
// JSON.
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

static const struct key *key_of(const struct key *keys, const char *name, size_t length)
{
    for (; keys != NULL && keys->name != NULL; keys++) {
        if (strlen(keys->name) == length && strncmp(keys->name, name, length) == 0) {
            return keys;
        }
    }
    return NULL;
}

static const void *pointer_at(const char *field)
{
    const void *pointer;
    memcpy(&pointer, field, sizeof(pointer));
    return pointer;
}

// Item `index` of a list of sections; NULL past the last one.
static const char *item_of(const struct key *key, const char *field, const char *index)
{
    uint32_t count;
    char *end;
    unsigned long i = strtoul(index, &end, 10);
    memcpy(&count, field - key->offset + key->count_offset, sizeof(count));
    if (end == index || i >= count) {
        return NULL;
    }
    const char *items = key->is_pointer ? pointer_at(field) : field;
    return items + i * key->struct_bytes;
}

// The table and the struct behind a section. *path is what follows its name; an index is taken off
// it.
static bool open_section(const struct key **keys, const char **target, const char **path)
{
    const struct key *key = *keys;
    struct config_variant variant;
    const char *name;
    switch (key->type) {
    case KEY_SECTION:
        *target = key->is_pointer ? pointer_at(*target) : *target;
        *keys = key->keys;
        return *target != NULL;
    case KEY_SECTION_LIST:
        *target = item_of(key, *target, *path);
        *path += strcspn(*path, ".");
        *path += **path == '.';
        *keys = key->keys;
        return *target != NULL;
    case KEY_VARIANT:
        memcpy(&variant, *target, sizeof(variant));
        *keys = config_variant_keys(key, &variant, &name);
        *target = variant.section;
        return *target != NULL;
    default:
        return false;
    }
}

bool config_find(const struct key *keys, const void *target, const char *path,
                 struct config_found *found)
{
    const char *at = target;
    for (;;) {
        size_t length = strcspn(path, ".");
        const struct key *key = key_of(keys, path, length);
        if (key == NULL) {
            return false;
        }
        at += key->offset;
        path += length;
        if (*path == '\0') {
            *found = (struct config_found){key, at};
            return true;
        }
        path++;
        keys = key;
        if (!open_section(&keys, &at, &path)) {
            return false;
        }
    }
}

bool config_get_number(const struct config_found *found, double *value)
{
    uint32_t narrow;
    uint64_t wide;
    switch (found->key->type) {
    case KEY_REAL:
        memcpy(value, found->field, sizeof(*value));
        return true;
    case KEY_UINT32:
        memcpy(&narrow, found->field, sizeof(narrow));
        *value = narrow;
        return true;
    case KEY_UINT64:
        memcpy(&wide, found->field, sizeof(wide));
        *value = (double)wide;
        return true;
    default:
        return false;
    }
}

void config_put_number(const struct config_found *found, double value)
{
    void *field = (void *)(uintptr_t)found->field; // the caller owns the struct
    uint32_t narrow = (uint32_t)value;
    uint64_t wide = (uint64_t)value;
    switch (found->key->type) {
    case KEY_REAL:
        memcpy(field, &value, sizeof(value));
        break;
    case KEY_UINT32:
        memcpy(field, &narrow, sizeof(narrow));
        break;
    case KEY_UINT64:
        memcpy(field, &wide, sizeof(wide));
        break;
    default:
        SIM_ASSERT(false, "%s is no number", found->key->name);
    }
}

json_t *config_json_at(const json_t *json, const char *path)
{
    const json_t *value = json;
    while (value != NULL && *path != '\0') {
        size_t length = strcspn(path, ".");
        char *name = xasprintf("%.*s", (int)length, path);
        value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
                                     : json_object_get(value, name);
        free(name);
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return (json_t *)(uintptr_t)value; // not const: jansson counts references in it
}

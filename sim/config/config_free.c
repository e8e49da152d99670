// What the fields of a struct own, freed by the table that read them.
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

const struct key *config_variant_keys(const struct key *key, const struct config_variant *variant,
                                      const char **name)
{
    uint32_t i = 0;
    while (config_enum_name(key, i) != NULL && key->kind_at(i).self != variant->kind) {
        i++;
    }
    *name = config_enum_name(key, i);
    return key->kind_at(i).keys;
}

static void free_field(const struct key *key, char *target);

void config_free(const struct key *keys, void *target)
{
    for (const struct key *key = keys; target != NULL && key->name != NULL; key++) {
        free_field(key, (char *)target + key->offset);
    }
}

static void free_list(const struct key *key, char *target, char *structs)
{
    uint32_t count;
    memcpy(&count, target - key->offset + key->count_offset, sizeof(count));
    for (uint32_t i = 0; structs != NULL && i < count; i++) {
        config_free(key->keys, structs + i * key->struct_bytes);
    }
}

static void free_texts(const struct key *key, char *target)
{
    uint32_t count;
    char **texts;
    memcpy(&count, target - key->offset + key->count_offset, sizeof(count));
    memcpy(&texts, target, sizeof(texts));
    for (uint32_t i = 0; texts != NULL && i < count; i++) {
        free(texts[i]);
    }
}

static void free_variant(const struct key *key, char *target)
{
    struct config_variant variant;
    const char *name;
    memcpy(&variant, target, sizeof(variant));
    if (variant.section != NULL) {
        config_free(config_variant_keys(key, &variant, &name), variant.section);
    }
    free(variant.section);
    memset(target, 0, sizeof(variant));
}

static void free_field(const struct key *key, char *target)
{
    if (key->type == KEY_VARIANT) {
        free_variant(key, target);
        return;
    }
    if (key->type == KEY_TEXT_LIST) {
        free_texts(key, target);
    }
    bool is_list = key->type == KEY_SECTION_LIST;
    bool owns = key->type == KEY_STRING || key->type == KEY_UINT_LIST ||
                key->type == KEY_TEXT_LIST ||
                ((is_list || key->type == KEY_SECTION) && key->is_pointer);
    char *owned = NULL;
    if (owns) {
        memcpy(&owned, target, sizeof(owned));
    }
    char *structs = owns ? owned : target;
    if (is_list) {
        free_list(key, target, structs);
    } else if (key->type == KEY_SECTION) {
        config_free(key->keys, structs);
    }
    free(owned);
    if (owns) {
        char *nothing = NULL;
        memcpy(target, &nothing, sizeof(nothing));
    }
}

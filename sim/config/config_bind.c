// Tables of keys -> structs: reads a mapping into a struct.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

#define KEYS_LISTED_MAX 40u // in the message about an unknown key

struct bind {
    struct config *config;
    struct err *err;
    bool is_unchecked; // keys alone, no checks across them
};

_Static_assert(sizeof(enum key_type) == sizeof(uint32_t), "enums are stored as uint32_t");

static void bind_value(struct bind *bind, const struct place *place, const struct node *node,
                       char *target);

static const char *key_name_at(const void *keys, uint32_t i)
{
    return ((const struct key *)keys)[i].name;
}

static char *join_path(const char *path, const char *name)
{
    size_t path_bytes = strlen(path), name_bytes = strlen(name) + 1;
    if (path_bytes == 0) {
        return xstrdup(name);
    }
    char *joined =
        xmalloc(path_bytes + 1 + name_bytes); // of every key of a file: printf() would show
    memcpy(joined, path, path_bytes);
    joined[path_bytes] = '.';
    memcpy(joined + path_bytes + 1, name, name_bytes);
    return joined;
}

static void report_unknown(struct bind *bind, const struct key *keys, const struct pair *pair,
                           const char *path)
{
    char *full = join_path(path, pair->key);
    char *suggestion = config_suggest(pair->key, key_name_at, keys);
    char *all = xstrdup("");
    for (uint32_t i = 0; suggestion[0] == '\0' && keys[i].name != NULL && i < KEYS_LISTED_MAX;
         i++) {
        char *longer = xasprintf("%s%s%s", all, i == 0 ? "; legal: " : ", ", keys[i].name);
        free(all);
        all = longer;
    }
    err_at(bind->err, &pair->mark, "%.200s: unknown key%s%s", full, suggestion, all);
    free(all);
    free(suggestion);
    free(full);
}

static const struct key *find_key(const struct key *keys, const char *name)
{
    for (; keys->name != NULL; keys++) {
        if (strcmp(keys->name, name) == 0) {
            return keys;
        }
    }
    return NULL;
}

uint32_t config_count_known(const struct key *keys, const struct node *mapping)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < mapping->count; i++) {
        known += find_key(keys, mapping->pairs[i].key) != NULL;
    }
    return known;
}

static bool may_be_null(const struct key *key)
{
    return key->is_nullable ||
           (key->default_text != NULL && strcmp(key->default_text, "null") == 0);
}

// Parsed once for all that is bound in one tree of configs.
const struct node *config_make_default(struct config *config, const struct key *key,
                                       struct err *err)
{
    const struct node **kept = config_kept_default(config, key->name, key->default_text);
    if (*kept == NULL) {
        struct config *lowest = config_for_files(config);
        const struct source *source = config_add_source(
            lowest, key->name, xstrdup(key->default_text), strlen(key->default_text), false);
        *kept = config_parse(lowest, source, 0, err);
        SIM_ASSERT(*kept != NULL, "default of %s", key->name);
    }
    return *kept;
}

static void report_missing(struct bind *bind, const struct place *place, const struct mark *mark)
{
    const struct key *key = place->key;
    if (key->type == KEY_REAL || key->type == KEY_UINT32 || key->type == KEY_UINT64) {
        char *range = config_range_text(key);
        err_at(bind->err, mark, "%s: missing; legal: %s", place->path, range);
        free(range);
    } else {
        err_at(bind->err, mark, "%s: missing", place->path);
    }
}

static void bind_keys(struct bind *bind, const struct key *keys, const struct node *mapping,
                      const char *path, char *target);

// Fills *target from the keys of a mapping; faults of single keys first, then the check across
// them.
static void bind_mapping(struct bind *bind, const struct key *keys, const struct node *mapping,
                         const char *path, char *target)
{
    for (uint32_t i = 0; i < mapping->count; i++) {
        const struct pair *pair = &mapping->pairs[i];
        if (find_key(keys, pair->key) == NULL) {
            report_unknown(bind, keys, pair, path);
        }
    }
    bind_keys(bind, keys, mapping, path, target);
}

static void bind_keys(struct bind *bind, const struct key *keys, const struct node *mapping,
                      const char *path, char *target)
{
    for (const struct key *key = keys; key->name != NULL; key++) {
        const struct pair *pair = node_find(mapping, key->name);
        char *full = join_path(path, key->name);
        struct place place = {key, full};
        if (pair != NULL) {
            bind_value(bind, &place, pair->value, target + key->offset);
        } else if (key->type == KEY_SECTION && key->default_text == NULL) {
            const struct node *empty = config_make_node(bind->config, NODE_MAPPING, mapping->mark);
            bind_value(bind, &place, empty, target + key->offset);
        } else if (key->default_text == NULL) {
            report_missing(bind, &place, &mapping->mark);
        } else {
            bind_value(bind, &place, config_make_default(bind->config, key, bind->err),
                       target + key->offset);
        }
        free(full);
    }
}

static void bind_section(struct bind *bind, const struct place *place, const struct node *node,
                         char *target)
{
    const struct key *key = place->key;
    const char *path = place->path;
    if (node_is_null(node) && may_be_null(key)) {
        return; // the pointer stays NULL
    }
    if (node_is_null(node) && key->folder == NULL) {
        node = config_make_node(bind->config, NODE_MAPPING, node->mark); // nothing below the key
    }
    if (key->folder != NULL) {
        node = config_expand_section(bind->config, node, key->folder, bind->err);
        path = key->name; // the same file gives the same messages wherever it is used
        if (node == NULL) {
            return;
        }
    }
    if (node->kind != NODE_MAPPING) {
        err_at(bind->err, &node->mark, "%s: keys are needed here (key: value), not %s", path,
               node_kind_name(node));
        return;
    }
    char *section = target;
    if (key->is_pointer) {
        section = xcalloc(1, key->struct_bytes);
        memcpy(target, &section, sizeof(section));
    }
    size_t faults = err_count(bind->err);
    bind_mapping(bind, key->keys, node, path, section);
    if (key->check != NULL && !bind->is_unchecked && err_count(bind->err) == faults) {
        key->check(section, node, bind->err);
    }
}

// The kind that `kind:` names, the first if nothing does. False: a message was added.
static bool read_kind(struct bind *bind, const struct place *place, const struct node *node,
                      struct section_kind *kind)
{
    const struct pair *pair = node_find(node, "kind");
    uint32_t index = 0;
    if (pair != NULL) {
        char *path = join_path(place->path, "kind");
        struct place kind_place = {place->key, path};
        bool is_right = config_read_enum(&kind_place, pair->value, &index, bind->err);
        free(path);
        if (!is_right) {
            return false;
        }
    }
    *kind = place->key->kind_at(index);
    return true;
}

static void bind_variant(struct bind *bind, const struct place *place, const struct node *node,
                         char *target)
{
    static const struct key only_kind[] = {{.name = "kind"}, {.name = NULL}};
    struct section_kind kind;
    if (node_is_null(node)) {
        return;
    }
    if (node->kind != NODE_MAPPING) {
        err_at(bind->err, &node->mark, "%s: keys are needed here (key: value), not %s", place->path,
               node_kind_name(node));
        return;
    }
    if (!read_kind(bind, place, node, &kind)) {
        return;
    }
    const struct node *rest = config_without(bind->config, node, "kind");
    if (kind.keys == NULL) {
        for (uint32_t i = 0; i < rest->count; i++) {
            report_unknown(bind, only_kind, &rest->pairs[i], place->path);
        }
        return;
    }
    struct config_variant variant = {kind.self, xcalloc(1, kind.struct_bytes)};
    memcpy(target, &variant, sizeof(variant));
    bind_mapping(bind, kind.keys, rest, place->path, variant.section);
}

static bool check_count(struct bind *bind, const struct place *place, const struct node *node)
{
    const struct key *key = place->key;
    if (node->kind != NODE_LIST) {
        return err_at(bind->err, &node->mark, "%s: a list is needed here ([a, b])%s%s, not %s",
                      place->path, key->word == NULL ? "" : " or the word ",
                      key->word == NULL ? "" : key->word, node_kind_name(node));
    }
    if (node->count < key->min_count || node->count > key->max_count) {
        return err_at(bind->err, &node->mark, "%s: %u items; legal: %u..%u", place->path,
                      node->count, key->min_count, key->max_count);
    }
    return true;
}

static void store_count(const struct key *key, char *target, uint32_t count)
{
    // target is the field of the list; the count is another field of the same struct
    memcpy(target - key->offset + key->count_offset, &count, sizeof(count));
}

static bool is_word_of(const struct key *key, const struct node *node)
{
    return key->word != NULL && node->kind == NODE_SCALAR && strcmp(node->text, key->word) == 0;
}

static void bind_uint_list(struct bind *bind, const struct place *place, const struct node *node,
                           char *target)
{
    if (is_word_of(place->key, node)) {
        return;
    }
    if ((node_is_null(node) && may_be_null(place->key)) || !check_count(bind, place, node)) {
        return;
    }
    uint32_t *items = xcalloc(node->count, sizeof(*items));
    for (uint32_t i = 0; i < node->count; i++) {
        char *path = xasprintf("%s.%u", place->path, i);
        struct place item = {place->key, path};
        uint64_t value = 0;
        config_read_integer(&item, node->items[i], &value, bind->err);
        items[i] = (uint32_t)value;
        free(path);
    }
    memcpy(target, &items, sizeof(items));
    store_count(place->key, target, node->count);
}

static void bind_section_list(struct bind *bind, const struct place *place, const struct node *node,
                              char *target)
{
    const struct key *key = place->key;
    if (!check_count(bind, place, node)) {
        return;
    }
    char *structs = target;
    if (key->is_pointer) {
        structs = xcalloc(node->count, key->struct_bytes);
        memcpy(target, &structs, sizeof(structs));
    }
    store_count(key, target, node->count);
    struct key item_key = *key;
    item_key.type = KEY_SECTION;
    item_key.is_pointer = false;
    item_key.default_text = NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        char *path = xasprintf("%s.%u", place->path, i);
        struct place item = {&item_key, path};
        bind_section(bind, &item, node->items[i], structs + i * key->struct_bytes);
        free(path);
    }
}

static void bind_enum_set(struct bind *bind, const struct place *place, const struct node *node,
                          char *target)
{
    uint32_t set = 0;
    if (!check_count(bind, place, node)) {
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        char *path = xasprintf("%s.%u", place->path, i);
        struct place item = {place->key, path};
        uint32_t index = 0;
        if (config_read_enum(&item, node->items[i], &index, bind->err)) {
            if ((set >> index & 1u) != 0) {
                err_at(bind->err, &node->items[i]->mark, "%s: '%s' is given twice", path,
                       node->items[i]->text);
            }
            set |= 1u << index;
        }
        free(path);
    }
    memcpy(target, &set, sizeof(set));
}

static void bind_string(struct bind *bind, const struct place *place, const struct node *node,
                        char *target)
{
    if (node_is_null(node) && may_be_null(place->key)) {
        return;
    }
    if (node->kind != NODE_SCALAR || node_is_null(node) || node->text[0] == '\0') {
        err_at(bind->err, &node->mark, "%s: a text is needed here, not %s", place->path,
               node->kind == NODE_SCALAR ? "nothing" : node_kind_name(node));
        return;
    }
    char *text = xstrdup(node->text);
    memcpy(target, &text, sizeof(text));
}

static void bind_text_list(struct bind *bind, const struct place *place, const struct node *node,
                           char *target)
{
    if ((node_is_null(node) && may_be_null(place->key)) || !check_count(bind, place, node)) {
        return;
    }
    char **items = xcalloc(node->count + 1, sizeof(*items));
    for (uint32_t i = 0; i < node->count; i++) {
        char *path = xasprintf("%s.%u", place->path, i);
        struct place item = {place->key, path};
        bind_string(bind, &item, node->items[i], (char *)&items[i]);
        free(path);
    }
    memcpy(target, &items, sizeof(items));
    store_count(place->key, target, node->count);
}

static void bind_number(struct bind *bind, const struct place *place, const struct node *node,
                        char *target)
{
    uint64_t integer = 0;
    double real = NAN;
    if (place->key->type == KEY_UINT32 && is_word_of(place->key, node)) {
        memset(target, 0, sizeof(uint32_t));
    } else if (place->key->type == KEY_REAL) {
        if (!node_is_null(node) || !may_be_null(place->key)) {
            config_read_number(place, node, &real, bind->err);
        }
        memcpy(target, &real, sizeof(real));
    } else if (config_read_integer(place, node, &integer, bind->err)) {
        uint32_t narrow = (uint32_t)integer;
        if (place->key->type == KEY_UINT64) {
            memcpy(target, &integer, sizeof(integer));
        } else {
            memcpy(target, &narrow, sizeof(narrow));
        }
    }
}

static void bind_enum(struct bind *bind, const struct place *place, const struct node *node,
                      char *target)
{
    uint32_t index = 0;
    if (config_read_enum(place, node, &index, bind->err)) {
        uint32_t value = place->key->values == NULL ? index : place->key->values[index];
        memcpy(target, &value, sizeof(value));
    }
}

static void bind_value(struct bind *bind, const struct place *place, const struct node *node,
                       char *target)
{
    bool is_true = false;
    switch (place->key->type) {
    case KEY_BOOL:
        config_read_bool(place, node, &is_true, bind->err);
        memcpy(target, &is_true, sizeof(is_true));
        break;
    case KEY_UINT32:
    case KEY_UINT64:
    case KEY_REAL:
        bind_number(bind, place, node, target);
        break;
    case KEY_STRING:
        bind_string(bind, place, node, target);
        break;
    case KEY_ENUM:
        bind_enum(bind, place, node, target);
        break;
    case KEY_ENUM_SET:
        bind_enum_set(bind, place, node, target);
        break;
    case KEY_UINT_LIST:
        bind_uint_list(bind, place, node, target);
        break;
    case KEY_TEXT_LIST:
        bind_text_list(bind, place, node, target);
        break;
    case KEY_VARIANT:
        bind_variant(bind, place, node, target);
        break;
    case KEY_SECTION:
        bind_section(bind, place, node, target);
        break;
    case KEY_SECTION_LIST:
        bind_section_list(bind, place, node, target);
        break;
    }
}

bool config_bind(struct config *config, const struct key *keys, const struct node *mapping,
                 const char *path, void *target, struct err *err)
{
    struct bind bind = {config, err, false};
    size_t faults = err_count(err);
    bind_mapping(&bind, keys, mapping, path, target);
    return err_count(err) == faults;
}

bool config_bind_unchecked(struct config *config, const struct key *keys,
                           const struct node *mapping, void *target, struct err *err)
{
    struct bind bind = {config, err, true};
    size_t faults = err_count(err);
    bind_mapping(&bind, keys, mapping, "", target);
    return err_count(err) == faults;
}

bool config_bind_only(struct config *config, const struct key *keys, const struct node *mapping,
                      void *target, struct err *err)
{
    struct bind bind = {config, err, false};
    size_t faults = err_count(err);
    bind_keys(&bind, keys, mapping, "", target);
    return err_count(err) == faults;
}

// Memory of a config, and the queries and merges of its trees.
#include "sim/config/config_tree.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384u

struct block {
    struct block *next;
    size_t used, bytes;
    _Alignas(max_align_t) char memory[];
};

struct file {            // one that was read, with the files it derives from
    char *path, *folder; // owned
    const struct node *root;
};

struct kept_default {
    const char *name, *text; // NULL: empty
    const struct node *node;
};

struct config {
    struct config *below;          // NULL: none
    struct kept_default *defaults; // owned; hash table; of the lowest config alone
    uint32_t default_count, default_slots;
    struct file *files; // owned; of the lowest config alone
    uint32_t file_count;
    struct block *blocks;    // owned; newest first
    struct source **sources; // owned
    uint32_t source_count;
    json_t *kept; // owned; NULL: nothing yet
};

struct config *config_create(void)
{
    return xcalloc(1, sizeof(struct config));
}

struct config *config_create_on(struct config *below)
{
    struct config *config = config_create();
    config->below = below;
    return config;
}

static struct config *lowest(struct config *config)
{
    while (config->below != NULL) {
        config = config->below;
    }
    return config;
}

struct config *config_for_files(struct config *config)
{
    return lowest(config);
}

const struct node *config_known_file(struct config *config, const char *path, const char *folder)
{
    config = lowest(config);
    for (uint32_t i = 0; i < config->file_count; i++) {
        const struct file *file = &config->files[i];
        if (strcmp(file->path, path) == 0 && strcmp(file->folder, folder) == 0) {
            return file->root;
        }
    }
    return NULL;
}

void config_keep_file(struct config *config, const char *path, const char *folder,
                      const struct node *root)
{
    config = lowest(config);
    config->files = xrealloc(config->files, (config->file_count + 1) * sizeof(*config->files));
    config->files[config->file_count++] = (struct file){xstrdup(path), xstrdup(folder), root};
}

static struct kept_default *find_default(struct kept_default *defaults, uint32_t slots,
                                         const char *name, const char *text)
{
    uint32_t slot = (uint32_t)(((uintptr_t)name * 31 + (uintptr_t)text) * 2654435761u >> 7);
    for (;; slot++) {
        struct kept_default *kept = &defaults[slot & (slots - 1)];
        if (kept->name == NULL || (kept->name == name && kept->text == text)) {
            return kept;
        }
    }
}

static void grow_defaults(struct config *config)
{
    uint32_t slots = config->default_slots == 0 ? 512 : 2 * config->default_slots;
    struct kept_default *defaults = xcalloc(slots, sizeof(*defaults));
    for (uint32_t i = 0; i < config->default_slots; i++) {
        const struct kept_default *kept = &config->defaults[i];
        if (kept->name != NULL) {
            *find_default(defaults, slots, kept->name, kept->text) = *kept;
        }
    }
    free(config->defaults);
    config->defaults = defaults;
    config->default_slots = slots;
}

const struct node **config_kept_default(struct config *config, const char *name, const char *text)
{
    config = lowest(config);
    if (2 * config->default_count >= config->default_slots) {
        grow_defaults(config);
    }
    struct kept_default *kept = find_default(config->defaults, config->default_slots, name, text);
    config->default_count += kept->name == NULL;
    kept->name = name;
    kept->text = text;
    return &kept->node;
}

json_t *config_kept_json(struct config *config, const char *name)
{
    return json_object_get(lowest(config)->kept, name);
}

void config_keep_json(struct config *config, const char *name, json_t *json)
{
    config = lowest(config);
    if (config->kept == NULL) {
        config->kept = json_object();
    }
    json_object_set(config->kept, name, json);
}

void config_destroy(struct config *config)
{
    if (config == NULL) {
        return;
    }
    while (config->blocks != NULL) {
        struct block *next = config->blocks->next;
        free(config->blocks);
        config->blocks = next;
    }
    for (uint32_t i = 0; i < config->source_count; i++) {
        free(config->sources[i]->name);
        free(config->sources[i]->text);
        free(config->sources[i]);
    }
    for (uint32_t i = 0; i < config->file_count; i++) {
        free(config->files[i].path);
        free(config->files[i].folder);
    }
    free(config->files);
    free(config->defaults);
    free(config->sources);
    json_decref(config->kept);
    free(config);
}

void *config_allocate(struct config *config, size_t bytes)
{
    size_t aligned = (bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    if (config->blocks == NULL || config->blocks->bytes - config->blocks->used < aligned) {
        size_t block_bytes = aligned > BLOCK_BYTES ? aligned : BLOCK_BYTES;
        struct block *block = xcalloc(1, sizeof(*block) + block_bytes);
        block->bytes = block_bytes;
        block->next = config->blocks;
        config->blocks = block;
    }
    void *memory = config->blocks->memory + config->blocks->used;
    config->blocks->used += aligned;
    return memory;
}

char *config_copy_text(struct config *config, const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(config_allocate(config, bytes), text, bytes);
}

const struct source *config_add_source(struct config *config, const char *name, char *text,
                                       size_t bytes, bool is_file)
{
    struct source *source = xcalloc(1, sizeof(*source));
    source->name = xstrdup(name);
    source->text = text;
    source->bytes = bytes;
    source->is_file = is_file;
    config->sources =
        xrealloc(config->sources, (config->source_count + 1) * sizeof(*config->sources));
    config->sources[config->source_count++] = source;
    return source;
}

struct node *config_make_node(struct config *config, enum node_kind kind, struct mark mark)
{
    struct node *node = config_allocate(config, sizeof(*node));
    *node = (struct node){.kind = kind, .mark = mark, .weight = 1};
    return node;
}

const struct node *config_make_scalar(struct config *config, struct mark mark, const char *text)
{
    struct node *node = config_make_node(config, NODE_SCALAR, mark);
    node->text = config_copy_text(config, text);
    return node;
}

const char *config_main_path(const struct config *config)
{
    if (config->below != NULL) {
        return config_main_path(config->below);
    }
    for (uint32_t i = 0; i < config->source_count; i++) {
        if (config->sources[i]->is_file) {
            return config->sources[i]->name;
        }
    }
    return "";
}

bool node_is_null(const struct node *node)
{
    if (node->kind != NODE_SCALAR || node->is_quoted) {
        return false;
    }
    return node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
           strcmp(node->text, "null") == 0 || strcmp(node->text, "Null") == 0 ||
           strcmp(node->text, "NULL") == 0;
}

const struct pair *node_find(const struct node *mapping, const char *key)
{
    for (uint32_t i = 0; i < mapping->count; i++) {
        if (strcmp(mapping->pairs[i].key, key) == 0) {
            return &mapping->pairs[i];
        }
    }
    return NULL;
}

const char *node_kind_name(const struct node *node)
{
    switch (node->kind) {
    case NODE_SCALAR:
        return node_is_null(node) ? "null" : "a single value";
    case NODE_MAPPING:
        return "a mapping";
    case NODE_LIST:
        return "a list";
    }
    return "nothing";
}

static void measure(struct node *mapping)
{
    mapping->weight = 1;
    mapping->height = 0;
    for (uint32_t i = 0; i < mapping->count; i++) {
        const struct node *value = mapping->pairs[i].value;
        mapping->weight += value->weight;
        if (value->height + 1 > mapping->height) {
            mapping->height = value->height + 1;
        }
    }
}

static const struct node *make_single_pair(struct config *config, const char *key,
                                           const struct node *value)
{
    struct node *mapping = config_make_node(config, NODE_MAPPING, value->mark);
    mapping->pairs = config_allocate(config, sizeof(*mapping->pairs));
    mapping->count = 1;
    mapping->pairs[0] = (struct pair){key, value->mark, value};
    measure(mapping);
    return mapping;
}

static bool has_key(const struct node *list, const char *key)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct pair *pair =
            list->items[i]->kind == NODE_MAPPING ? node_find(list->items[i], "key") : NULL;
        if (pair != NULL && pair->value->kind == NODE_SCALAR &&
            strcmp(pair->value->text, key) == 0) {
            return true;
        }
    }
    return false;
}

// Of the list `uncertain` an entry of the base stays unless `over` has one of the same key, or
// gives that key a value: who gives a value says whether it is known. Those of `over` come first.
static const struct node *merge_uncertain(struct config *config, const struct node *base,
                                          const struct node *over)
{
    const struct pair *above = node_find(over, "uncertain");
    const struct node *added = above == NULL ? NULL : above->value;
    if (base->kind != NODE_LIST || (added != NULL && added->kind != NODE_LIST)) {
        return added == NULL ? base : added;
    }
    uint32_t added_count = added == NULL ? 0 : added->count;
    struct node *merged =
        config_make_node(config, NODE_LIST, added == NULL ? base->mark : added->mark);
    merged->items =
        config_allocate(config, (base->count + added_count) * sizeof(struct node *) + 1);
    for (uint32_t i = 0; i < added_count; i++) {
        merged->items[merged->count++] = added->items[i];
    }
    for (uint32_t i = 0; i < base->count; i++) {
        const struct node *item = base->items[i];
        const struct pair *key = item->kind == NODE_MAPPING ? node_find(item, "key") : NULL;
        bool has_name = key != NULL && key->value->kind == NODE_SCALAR;
        if (!has_name ||
            (!has_key(added, key->value->text) && !config_is_given(over, key->value->text))) {
            merged->items[merged->count++] = item;
        }
    }
    for (uint32_t i = 0; i < merged->count; i++) {
        const struct node *item = merged->items[i];
        merged->weight += item->weight;
        merged->height = item->height + 1 > merged->height ? item->height + 1 : merged->height;
    }
    return merged;
}

const struct node *config_merge(struct config *config, const struct node *base,
                                const struct node *over)
{
    // Keys over the name of a file derive from that file; keys that name one of their own start
    // from it.
    if (base != NULL && base->kind == NODE_SCALAR && !node_is_null(base) &&
        over->kind == NODE_MAPPING) {
        base = make_single_pair(config, "base", base);
    }
    if (base == NULL || base->kind != NODE_MAPPING || over->kind != NODE_MAPPING ||
        node_find(over, "base") != NULL) {
        return over;
    }
    struct node *merged = config_make_node(config, NODE_MAPPING, over->mark);
    merged->pairs = config_allocate(config, (base->count + over->count) * sizeof(*merged->pairs));
    for (uint32_t i = 0; i < base->count; i++) {
        const struct pair *below = &base->pairs[i];
        const struct pair *above = node_find(over, below->key);
        struct pair *pair = &merged->pairs[merged->count++];
        *pair = above == NULL ? *below : *above;
        if (strcmp(below->key, "uncertain") == 0) {
            pair->value = merge_uncertain(config, below->value, over);
        } else if (above != NULL) {
            pair->value = config_merge(config, below->value, above->value);
        }
    }
    for (uint32_t i = 0; i < over->count; i++) {
        if (node_find(base, over->pairs[i].key) == NULL) {
            merged->pairs[merged->count++] = over->pairs[i];
        }
    }
    measure(merged);
    return merged;
}

const struct node *config_without(struct config *config, const struct node *mapping,
                                  const char *key)
{
    struct node *rest = config_make_node(config, NODE_MAPPING, mapping->mark);
    rest->pairs = config_allocate(config, mapping->count * sizeof(*rest->pairs));
    for (uint32_t i = 0; i < mapping->count; i++) {
        if (strcmp(mapping->pairs[i].key, key) != 0) {
            rest->pairs[rest->count++] = mapping->pairs[i];
        }
    }
    measure(rest);
    return rest;
}

const struct node *config_with(struct config *config, const struct node *mapping, const char *key,
                               const struct node *value)
{
    struct node *changed = config_make_node(config, NODE_MAPPING, mapping->mark);
    changed->pairs = config_allocate(config, mapping->count * sizeof(*changed->pairs));
    changed->count = mapping->count;
    for (uint32_t i = 0; i < mapping->count; i++) {
        changed->pairs[i] = mapping->pairs[i];
        if (strcmp(mapping->pairs[i].key, key) == 0) {
            changed->pairs[i].value = value;
        }
    }
    measure(changed);
    return changed;
}

// The value at a path; *nearest is the last node on the way that exists.
static const struct node *find_path(const struct node *root, const char *path,
                                    const struct node **nearest)
{
    const struct node *node = root;
    *nearest = root;
    while (*path != '\0') {
        size_t length = strcspn(path, ".");
        char *part = xasprintf("%.*s", (int)length, path);
        const struct node *child = NULL;
        if (node->kind == NODE_MAPPING) {
            const struct pair *pair = node_find(node, part);
            child = pair == NULL ? NULL : pair->value;
        } else if (node->kind == NODE_LIST) {
            char *end;
            unsigned long index = strtoul(part, &end, 10);
            child = *end == '\0' && index < node->count ? node->items[index] : NULL;
        }
        free(part);
        if (child == NULL) {
            return NULL;
        }
        node = child;
        *nearest = node;
        path += length + (path[length] == '.' ? 1 : 0);
    }
    return node;
}

const struct node *node_at(const struct node *root, const char *path)
{
    const struct node *nearest;
    return find_path(root, path, &nearest);
}

const struct node *config_open(struct config *config, const struct node *root, const char *path,
                               const char *folder, struct err *err)
{
    const struct node *nearest;
    const struct node *node = find_path(root, path, &nearest);
    if (node == NULL || node_is_null(node)) {
        return NULL;
    }
    node = config_expand_section(config, node, folder, err);
    return node == NULL || node->kind != NODE_MAPPING ? NULL : node;
}

struct mark config_mark(const struct node *root, const char *path)
{
    const struct node *nearest;
    find_path(root, path, &nearest);
    return nearest->mark;
}

bool config_is_given(const struct node *root, const char *path)
{
    const struct node *nearest;
    const struct node *node = find_path(root, path, &nearest);
    return node != NULL && !node_is_null(node);
}

bool config_is_mapping(const struct node *root, const char *path)
{
    const struct node *nearest;
    const struct node *node = find_path(root, path, &nearest);
    return node != NULL && node->kind == NODE_MAPPING;
}

char *config_format_mark(const struct mark *mark)
{
    if (mark->source == NULL) {
        return xstrdup("nowhere");
    }
    return xasprintf("%s:%u:%u", mark->source->name, mark->line, mark->column);
}

char *config_name_elsewhere(const struct node *root, const char *path, const char *name,
                            const struct mark *mark)
{
    struct mark other = config_mark(root, path);
    if (!config_is_given(root, path) || other.source == NULL || other.source == mark->source) {
        return xstrdup("");
    }
    char *place = config_format_mark(&other);
    char *text = xasprintf(" (%s: %s)", place, name);
    free(place);
    return text;
}

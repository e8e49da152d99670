// --set key.path=value: what a file says that derives from the tree and holds just that key. The
// same for a value that another file has.
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

#define SET_NAME "--set"

struct set {
    struct config *config;
    struct err *err;
    const struct source *source; // the argument; of a value from a file "key.path="
    const struct mark *mark;     // where that file says it; NULL: in the argument
    const struct node *value;
    size_t path_bytes; // before the '='
};

static struct mark mark_at(const struct set *set, const char *at)
{
    struct mark mark = {set->source, 1, 1};
    if (set->mark != NULL) {
        return *set->mark;
    }
    for (const char *text = set->source->text; text < at; text++) {
        mark.column += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return mark;
}

static const struct key *find_key(const struct key *keys, const char *name)
{
    for (; keys != NULL && keys->name != NULL; keys++) {
        if (strcmp(keys->name, name) == 0) {
            return keys;
        }
    }
    return NULL;
}

// What the walk finds under a key: a name of a file becomes the keys of that file, an absent list
// becomes its default, so that single items and keys of either can be set. NULL: a message was
// added.
static const struct node *open_value(const struct set *set, const struct key *key,
                                     const struct node *value, const char *at)
{
    if (value != NULL && node_is_null(value)) {
        value = NULL;
    }
    if (value != NULL && key != NULL && key->folder != NULL) {
        if (strncmp(at, "base=", 5) == 0) { // the file's keys may stand above it already
            struct mark mark = mark_at(set, at);
            err_at(set->err, &mark, "base cannot be set; set the key before it to a name");
            return NULL;
        }
        return config_expand_section(set->config, value, key->folder, set->err);
    }
    bool is_list = key != NULL && (key->type == KEY_SECTION_LIST || key->type == KEY_UINT_LIST);
    if (value == NULL && is_list && key->default_text != NULL) {
        return config_make_default(set->config, key, set->err);
    }
    return value != NULL ? value : config_make_node(set->config, NODE_MAPPING, mark_at(set, at));
}

static const struct node *replace(const struct set *set, const struct key *key,
                                  const struct node *old, const char *path);

static const struct node *replace_in_mapping(const struct set *set, const struct key *keys,
                                             const struct node *old, const char *path)
{
    size_t length = strcspn(path, ".=");
    char *name = config_allocate(set->config, length + 1);
    memcpy(name, path, length);
    name[length] = '\0';
    const struct pair *pair = node_find(old, name);
    const struct node *value =
        replace(set, find_key(keys, name), pair == NULL ? NULL : pair->value, path + length);
    if (value == NULL) {
        return NULL;
    }
    struct node *mapping = config_make_node(set->config, NODE_MAPPING, old->mark);
    mapping->pairs = config_allocate(set->config, (old->count + 1) * sizeof(*mapping->pairs));
    for (uint32_t i = 0; i < old->count; i++) {
        if (&old->pairs[i] != pair) {
            mapping->pairs[mapping->count++] = old->pairs[i];
        }
    }
    mapping->pairs[mapping->count++] = (struct pair){name, mark_at(set, path), value};
    return mapping;
}

static const struct node *replace_in_list(const struct set *set, const struct key *key,
                                          const struct node *old, const char *path)
{
    size_t length = strcspn(path, ".=");
    char *end;
    unsigned long index = strtoul(path, &end, 10);
    bool is_index = length > 0 && strspn(path, "0123456789") == length;
    if (!is_index || index >= old->count) {
        struct mark mark = mark_at(set, path);
        err_at(set->err, &mark, "%.*s: '%.*s' is no item of this list; it has %u, counted from 0",
               (int)set->path_bytes, set->source->text, (int)length, path, old->count);
        return NULL;
    }
    struct key item = {0};
    if (key != NULL) {
        item.keys = key->keys;
    }
    const struct node *value = replace(set, &item, old->items[index], path + length);
    if (value == NULL) {
        return NULL;
    }
    struct node *list = config_make_node(set->config, NODE_LIST, old->mark);
    list->count = old->count;
    list->items = config_allocate(set->config, old->count * sizeof(*list->items));
    for (uint32_t i = 0; i < old->count; i++) {
        list->items[i] = i == index ? value : old->items[i];
    }
    return list;
}

// `path` is what is left of the path: "=..." at its end, ".key..." before.
static const struct node *replace(const struct set *set, const struct key *key,
                                  const struct node *old, const char *path)
{
    if (*path == '=') {
        return config_merge(set->config, old, set->value);
    }
    path++;
    const struct node *open = open_value(set, key, old, path);
    if (open == NULL) {
        return NULL;
    }
    if (open->kind == NODE_MAPPING) {
        return replace_in_mapping(set, key == NULL ? NULL : key->keys, open, path);
    }
    if (open->kind == NODE_LIST) {
        return replace_in_list(set, key, open, path);
    }
    struct mark mark = mark_at(set, path);
    err_at(set->err, &mark, "%.*s: the key before '%.*s' is a single value", (int)set->path_bytes,
           set->source->text, (int)strcspn(path, ".="), path);
    return NULL;
}

static bool is_path_good(const struct set *set)
{
    const char *text = set->source->text;
    uint32_t keys = 1;
    if (strncmp(text, "base=", 5) == 0 || strncmp(text, "base.", 5) == 0) {
        struct mark mark = mark_at(set, text);
        return err_at(set->err, &mark, "base: only a file can derive from another");
    }
    for (size_t i = 0; i <= set->path_bytes; i++) {
        bool is_end = text[i] == '.' || text[i] == '=';
        if (is_end && (i == 0 || text[i - 1] == '.')) {
            struct mark mark = mark_at(set, text + i);
            return err_at(set->err, &mark, "a key is missing here");
        }
        if (text[i] == '.' && ++keys > CONFIG_DEPTH_MAX) { // the walk is recursive
            struct mark mark = mark_at(set, text + i + 1);
            return err_at(set->err, &mark, "nested deeper than %u levels", CONFIG_DEPTH_MAX);
        }
    }
    return true;
}

// libyaml would say that it found nothing, but not of which key.
static bool is_value_given(const struct set *set)
{
    const char *value = set->source->text + set->path_bytes + 1;
    if (value[strspn(value, " \t\r\n")] != '\0') {
        return true;
    }
    struct mark mark = mark_at(set, value);
    return err_at(set->err, &mark, "%.*s: a value is missing here; write null for none",
                  (int)set->path_bytes, set->source->text);
}

const struct node *config_set(struct config *config, const struct node *root,
                              const struct key *keys, const char *argument, struct err *err)
{
    struct set set = {.config = config, .err = err};
    set.source = config_add_source(config, SET_NAME, xstrdup(argument), strlen(argument), false);
    const char *equals = strchr(set.source->text, '=');
    if (equals == NULL) {
        struct mark mark = {set.source, 1, 1};
        err_at(err, &mark, "'%s' has no '='; write key.path=value", argument);
        return NULL;
    }
    set.path_bytes = (size_t)(equals - set.source->text);
    if (!is_path_good(&set) || !is_value_given(&set)) {
        return NULL;
    }
    set.value = config_parse(config, set.source, set.path_bytes + 1, err);
    if (set.value == NULL) {
        return NULL;
    }
    return replace_in_mapping(&set, keys, root, set.source->text);
}

const struct node *config_set_node(struct config *config, const struct node *root,
                                   const struct key *keys, const struct config_setting *setting,
                                   struct err *err)
{
    struct set set = {
        .config = config, .err = err, .mark = &setting->mark, .value = setting->value};
    char *text = xasprintf("%s=", setting->path);
    set.source = config_add_source(config, SET_NAME, text, strlen(text), false);
    set.path_bytes = strlen(setting->path);
    if (strchr(setting->path, '=') != NULL) {
        err_at(err, &setting->mark, "'%s': a path has no '='", setting->path);
        return NULL;
    }
    return is_path_good(&set) ? replace_in_mapping(&set, keys, root, text) : NULL;
}

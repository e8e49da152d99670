// Reading a sweep file. What stands at its top belongs to every block; without `blocks` it is one
// block.
#include <stdlib.h>
#include <string.h>

#include "sim/experiment_keys.h"
#include "sim/sweep/sweep_keys.h"

#define BLOCKS_MAX 1000u

static const char *const top_keys[] = {"name", "base",   "set",    "sweep", "zip",
                                       "skip", "blocks", "labels", NULL};
static const char *const block_keys[] = {"set", "sweep", "zip", "skip", NULL};

struct loader {
    struct sweep_reader reader;
    struct sweep *sweep;
    const struct node *top;
    char *base_text; // the base as messages name it
};

static const char *name_at(const void *names, uint32_t i)
{
    return ((const char *const *)names)[i];
}

static void check_known(const struct loader *loader, const struct node *node,
                        const char *const *names)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct pair *pair = &node->pairs[i];
        bool is_known = strncmp(pair->key, "x-", 2) == 0; // a place for anchors
        for (uint32_t j = 0; names[j] != NULL; j++) {
            is_known = is_known || strcmp(names[j], pair->key) == 0;
        }
        if (!is_known) {
            char *suggestion = config_suggest(pair->key, name_at, names);
            err_at(loader->reader.err, &pair->mark, "%.200s: unknown key of a sweep%s; legal: %s%s",
                   pair->key, suggestion, names == top_keys ? "name, base, blocks, labels, " : "",
                   "set, sweep, zip, skip");
            free(suggestion);
        }
    }
}

// The mapping of a key; NULL: absent, null, or not a mapping, which is a message.
static const struct node *mapping_of(const struct loader *loader, const struct node *node,
                                     const char *key)
{
    const struct pair *pair = node_find(node, key);
    if (pair == NULL || node_is_null(pair->value)) {
        return NULL;
    }
    if (pair->value->kind != NODE_MAPPING) {
        err_at(loader->reader.err, &pair->value->mark,
               "%s: keys are needed here (path: value), not %s", key, node_kind_name(pair->value));
        return NULL;
    }
    return pair->value;
}

static const struct node *list_of(const struct loader *loader, const struct node *node,
                                  const char *key)
{
    const struct pair *pair = node_find(node, key);
    if (pair == NULL || node_is_null(pair->value)) {
        return NULL;
    }
    if (pair->value->kind != NODE_LIST) {
        err_at(loader->reader.err, &pair->value->mark, "%s: a list is needed here, not %s", key,
               node_kind_name(pair->value));
        return NULL;
    }
    return pair->value;
}

// --- the experiment -------------------------------------------------------------------------------
static const struct node *read_base(struct loader *loader)
{
    const struct pair *base = node_find(loader->top, "base");
    struct err *err = loader->reader.err;
    if (base == NULL) {
        err_at(err, &loader->top->mark, "base: missing; it names the experiment that is swept");
        return NULL;
    }
    if (base->value->kind == NODE_LIST || node_is_null(base->value)) {
        err_at(err, &base->value->mark, "base: an experiment is needed here, not %s",
               node_kind_name(base->value));
        return NULL;
    }
    return config_expand_section(loader->reader.config, base->value, "experiments", err);
}

static const struct node *apply_set(struct loader *loader, const struct node *root,
                                    const struct node *set)
{
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        const struct pair *pair = &set->pairs[i];
        struct config_setting setting = {pair->key, pair->mark, pair->value};
        const struct node *changed = config_set_node(loader->reader.config, root, experiment_keys,
                                                     &setting, loader->reader.err);
        root = changed == NULL ? root : changed;
    }
    return root;
}

// --- axes -----------------------------------------------------------------------------------------
static bool is_path_of(const struct sweep_block *block, const char *path)
{
    for (uint32_t i = 0; i < block->axis_count; i++) {
        for (uint32_t j = 0; j < block->axes[i].path_count; j++) {
            if (strcmp(block->axes[i].paths[j], path) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void add_axis(struct loader *loader, struct sweep_block *block,
                     const struct sweep_axis *axis)
{
    for (uint32_t j = 0; j < axis->path_count; j++) {
        if (is_path_of(block, axis->paths[j])) {
            err_at(loader->reader.err, &axis->marks[j], "%s: swept twice in one grid",
                   axis->paths[j]);
            return;
        }
    }
    block->axes[block->axis_count++] = *axis;
}

// Several lists or ranges of one length, side by side.
static bool read_zip(struct loader *loader, const struct node *zip, struct sweep_axis *axis)
{
    const struct sweep_reader *reader = &loader->reader;
    if (zip->kind != NODE_MAPPING || zip->count == 0) {
        return err_at(reader->err, &zip->mark, "zip: paths with values are needed here, not %s",
                      node_kind_name(zip));
    }
    const char **paths = config_allocate(reader->config, zip->count * sizeof(*paths));
    struct mark *marks = config_allocate(reader->config, zip->count * sizeof(*marks));
    *axis = (struct sweep_axis){.path_count = zip->count, .paths = paths, .marks = marks};
    for (uint32_t j = 0; j < zip->count; j++) {
        const struct pair *pair = &zip->pairs[j];
        struct sweep_axis column = {0};
        if (!sweep_read_values(reader, pair, &column)) {
            return false;
        }
        if (j == 0) {
            axis->value_count = column.value_count;
            axis->values = config_allocate(reader->config, (size_t)column.value_count * zip->count *
                                                               sizeof(void *));
        }
        if (column.value_count != axis->value_count) {
            return err_at(reader->err, &pair->value->mark,
                          "zip: %s has %u values, but %s has %u; they go together one by one",
                          pair->key, column.value_count, paths[0], axis->value_count);
        }
        paths[j] = pair->key;
        marks[j] = pair->mark;
        for (uint32_t i = 0; i < column.value_count; i++) {
            axis->values[(size_t)i * zip->count + j] = column.values[i];
        }
    }
    return true;
}

static void add_axes(struct loader *loader, struct sweep_block *block, const struct node *sweep,
                     const struct node *zips)
{
    for (uint32_t i = 0; sweep != NULL && i < sweep->count; i++) {
        struct sweep_axis axis = {0};
        if (sweep_read_values(&loader->reader, &sweep->pairs[i], &axis)) {
            add_axis(loader, block, &axis);
        }
    }
    for (uint32_t i = 0; zips != NULL && i < zips->count; i++) {
        struct sweep_axis axis = {0};
        if (read_zip(loader, zips->items[i], &axis)) {
            add_axis(loader, block, &axis);
        }
    }
}

static void add_skips(struct loader *loader, struct sweep_block *block, const struct node *skips)
{
    for (uint32_t i = 0; skips != NULL && i < skips->count; i++) {
        struct sweep_skip skip = {0};
        if (sweep_read_skip(&loader->reader, skips->items[i], &skip)) {
            block->skips[block->skip_count++] = skip;
        }
    }
}

// --- blocks ---------------------------------------------------------------------------------------
static uint32_t count_of(const struct node *node)
{
    return node == NULL ? 0 : node->count;
}

// own: the block's mapping; NULL: there are no blocks but the file itself.
static void read_block(struct loader *loader, struct sweep_block *block, const struct node *own)
{
    struct config *config = loader->reader.config;
    const struct node *sources[2] = {loader->top, own};
    const struct node *sweeps[2] = {NULL}, *zips[2] = {NULL}, *skips[2] = {NULL};
    const struct node *set = NULL;
    uint32_t axes = 0, skip_count = 0;
    for (uint32_t i = 0; i < 2 && sources[i] != NULL; i++) {
        sweeps[i] = mapping_of(loader, sources[i], "sweep");
        zips[i] = list_of(loader, sources[i], "zip");
        skips[i] = list_of(loader, sources[i], "skip");
        axes += count_of(sweeps[i]) + count_of(zips[i]);
        skip_count += count_of(skips[i]);
    }
    block->axes = config_allocate(config, axes * sizeof(*block->axes));
    block->skips = config_allocate(config, skip_count * sizeof(*block->skips));
    block->root = loader->sweep->root;
    if (own != NULL) {
        set = mapping_of(loader, own, "set");
        block->root = apply_set(loader, block->root, set);
        block->set_paths = config_allocate(config, count_of(set) * sizeof(char *));
        for (uint32_t i = 0; i < count_of(set); i++) {
            block->set_paths[block->set_count++] = set->pairs[i].key;
        }
    }
    for (uint32_t i = 0; i < 2; i++) {
        add_axes(loader, block, sweeps[i], zips[i]);
        add_skips(loader, block, skips[i]);
    }
}

static void read_blocks(struct loader *loader)
{
    struct sweep *sweep = loader->sweep;
    const struct node *blocks = list_of(loader, loader->top, "blocks");
    struct err *err = loader->reader.err;
    if (count_of(blocks) > BLOCKS_MAX) {
        err_at(err, &blocks->mark, "blocks: %u; legal: 1..%u", blocks->count, BLOCKS_MAX);
        return;
    }
    sweep->block_count = count_of(blocks) == 0 ? 1 : blocks->count;
    sweep->blocks =
        config_allocate(loader->reader.config, sweep->block_count * sizeof(*sweep->blocks));
    for (uint32_t i = 0; i < sweep->block_count; i++) {
        const struct node *own = blocks == NULL || blocks->count == 0 ? NULL : blocks->items[i];
        if (own != NULL && own->kind != NODE_MAPPING) {
            err_at(err, &own->mark, "blocks.%u: keys are needed here, not %s", i,
                   node_kind_name(own));
            continue;
        }
        if (own != NULL) {
            check_known(loader, own, block_keys);
        }
        read_block(loader, &sweep->blocks[i], own);
    }
    if (sweep->block_count == 1 && sweep->blocks[0].axis_count == 0 && err_count(err) == 0) {
        err_at(err, &loader->top->mark, "sweep: missing; no key of the experiment is swept");
    }
}

// --- paths, labels --------------------------------------------------------------------------------
static void add_path(struct sweep *sweep, const char *path)
{
    for (uint32_t i = 0; i < sweep->path_count; i++) {
        if (strcmp(sweep->paths[i], path) == 0) {
            return;
        }
    }
    sweep->paths[sweep->path_count++] = path;
}

static void collect_paths(struct loader *loader)
{
    struct sweep *sweep = loader->sweep;
    uint32_t count = 0;
    for (uint32_t i = 0; i < sweep->block_count; i++) {
        const struct sweep_block *block = &sweep->blocks[i];
        count += block->set_count;
        for (uint32_t j = 0; j < block->axis_count; j++) {
            count += block->axes[j].path_count;
        }
    }
    sweep->paths = config_allocate(loader->reader.config, count * sizeof(*sweep->paths));
    for (uint32_t i = 0; i < sweep->block_count; i++) {
        const struct sweep_block *block = &sweep->blocks[i];
        for (uint32_t j = 0; j < block->set_count; j++) {
            add_path(sweep, block->set_paths[j]);
        }
        for (uint32_t j = 0; j < block->axis_count; j++) {
            for (uint32_t k = 0; k < block->axes[j].path_count; k++) {
                add_path(sweep, block->axes[j].paths[k]);
            }
        }
    }
}

static const char *path_at(const void *sweep, uint32_t i)
{
    const struct sweep *of = sweep;
    return i < of->path_count ? of->paths[i] : NULL;
}

static bool check_path(const struct loader *loader, const char *path, const char *what,
                       const struct mark *mark)
{
    for (uint32_t i = 0; i < loader->sweep->path_count; i++) {
        if (strcmp(loader->sweep->paths[i], path) == 0) {
            return true;
        }
    }
    char *suggestion = config_suggest(path, path_at, loader->sweep);
    err_at(loader->reader.err, mark, "%s: %s is not swept%s", what, path, suggestion);
    free(suggestion);
    return false;
}

// What every point gives a value of its own cannot be set for all.
static void check_set_is_kept(const struct loader *loader, const char *set)
{
    size_t bytes = strcspn(set, "=");
    for (uint32_t i = 0; i < loader->sweep->path_count; i++) {
        const char *path = loader->sweep->paths[i];
        size_t length = strlen(path);
        if (length <= bytes && strncmp(set, path, length) == 0 &&
            (length == bytes || set[length] == '.')) {
            err_at(loader->reader.err, NULL,
                   "--set %.*s: the sweep gives %s values of its own; change them in its file",
                   (int)bytes, set, path);
        }
    }
}

static void check_skip_paths(const struct loader *loader, const struct node *owner)
{
    const struct pair *skips = node_find(owner, "skip");
    for (uint32_t i = 0;
         skips != NULL && skips->value->kind == NODE_LIST && i < skips->value->count; i++) {
        const struct node *skip = skips->value->items[i];
        for (uint32_t j = 0; skip->kind == NODE_MAPPING && j < skip->count; j++) {
            check_path(loader, skip->pairs[j].key, "skip", &skip->pairs[j].mark);
        }
    }
}

static void read_labels(struct loader *loader)
{
    const struct node *labels = mapping_of(loader, loader->top, "labels");
    struct sweep *sweep = loader->sweep;
    sweep->labels =
        config_allocate(loader->reader.config, count_of(labels) * sizeof(*sweep->labels));
    for (uint32_t i = 0; i < count_of(labels); i++) {
        const struct pair *pair = &labels->pairs[i];
        if (pair->value->kind != NODE_SCALAR || node_is_null(pair->value)) {
            err_at(loader->reader.err, &pair->value->mark, "labels: %s: a text is needed here",
                   pair->key);
        } else if (check_path(loader, pair->key, "labels", &pair->mark)) {
            sweep->labels[sweep->label_count++] =
                (struct sweep_label){pair->key, pair->value->text};
        }
    }
}

// --- values ---------------------------------------------------------------------------------------
// The experiment with one value of one axis, each key looked at alone.
static bool check_value(struct loader *loader, const struct sweep_block *block,
                        const struct sweep_axis *axis, uint32_t value)
{
    struct config *config = config_create_on(loader->reader.config);
    const struct node *root = block->root;
    for (uint32_t j = 0; root != NULL && j < axis->path_count; j++) {
        struct config_setting setting = {axis->paths[j], axis->marks[j],
                                         axis->values[value * axis->path_count + j]};
        root = config_set_node(config, root, experiment_keys, &setting, loader->reader.err);
    }
    bool is_right = root != NULL && experiment_check_keys(config, root, loader->reader.err);
    config_destroy(config);
    return is_right;
}

// Of a range the ends tell, for what a key allows is one interval.
static void check_values(struct loader *loader)
{
    for (uint32_t i = 0; i < loader->sweep->block_count; i++) {
        const struct sweep_block *block = &loader->sweep->blocks[i];
        bool is_right =
            experiment_check_keys(loader->reader.config, block->root, loader->reader.err);
        for (uint32_t j = 0; is_right && j < block->axis_count; j++) {
            const struct sweep_axis *axis = &block->axes[j];
            uint32_t stride = axis->is_range && axis->value_count > 1 ? axis->value_count - 1 : 1;
            for (uint32_t value = 0; value < axis->value_count; value += stride) {
                check_value(loader, block, axis, value);
            }
        }
    }
}

// --- the file -------------------------------------------------------------------------------------
static char *name_of(const struct loader *loader, const char *path)
{
    const struct pair *name = node_find(loader->top, "name");
    if (name != NULL && name->value->kind == NODE_SCALAR && !node_is_null(name->value)) {
        return xstrdup(name->value->text);
    }
    if (name != NULL) {
        err_at(loader->reader.err, &name->value->mark, "name: a text is needed here");
    }
    const char *last = strrchr(path, '/');
    last = last == NULL ? path : last + 1;
    size_t length = strlen(last);
    bool has_suffix = length > 5 && strcmp(last + length - 5, ".yaml") == 0;
    return strcmp(path, "-") == 0
               ? xstrdup("sweep")
               : xasprintf("%.*s", (int)(has_suffix ? length - 5 : length), last);
}

static void read_sweep(struct loader *loader, const char *const *sets, uint32_t set_count)
{
    struct err *err = loader->reader.err;
    check_known(loader, loader->top, top_keys);
    const struct node *root = read_base(loader);
    if (root == NULL || root->kind != NODE_MAPPING) {
        return;
    }
    root = apply_set(loader, root, mapping_of(loader, loader->top, "set"));
    for (uint32_t i = 0; i < set_count; i++) { // the command line comes after the file
        const struct node *changed =
            config_set(loader->reader.config, root, experiment_keys, sets[i], err);
        root = changed == NULL ? root : changed;
    }
    loader->sweep->root = root;
    read_blocks(loader);
    collect_paths(loader);
    for (uint32_t i = 0; i < set_count; i++) {
        check_set_is_kept(loader, sets[i]);
    }
    check_skip_paths(loader, loader->top);
    const struct pair *blocks = node_find(loader->top, "blocks");
    for (uint32_t i = 0;
         blocks != NULL && blocks->value->kind == NODE_LIST && i < blocks->value->count; i++) {
        if (blocks->value->items[i]->kind == NODE_MAPPING) {
            check_skip_paths(loader, blocks->value->items[i]);
        }
    }
    read_labels(loader);
    if (err_count(err) == 0) {
        check_values(loader);
    }
}

struct sweep *sweep_load(const char *path, const char *const *sets, uint32_t set_count,
                         struct err *err)
{
    size_t faults = err_count(err);
    struct sweep *sweep = xcalloc(1, sizeof(*sweep));
    sweep->config = config_create();
    struct loader loader = {.reader = {sweep->config, err}, .sweep = sweep};
    loader.top = config_read(sweep->config, path, NULL, err);
    if (loader.top != NULL) {
        sweep->name = name_of(&loader, path);
        read_sweep(&loader, sets, set_count);
    }
    if (loader.top == NULL || err_count(err) > faults) {
        sweep_destroy(sweep);
        return NULL;
    }
    return sweep;
}

void sweep_destroy(struct sweep *sweep)
{
    if (sweep != NULL) {
        config_destroy(sweep->config);
        free(sweep->name);
        free(sweep);
    }
}

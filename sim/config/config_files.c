// Finding and reading configuration files, and joining each with the files it derives from.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/config/config_tree.h"

#define STANDARD_INPUT "standard input"
#define PARENTS_MAX 6u // folders above the program that may hold `configs`

// Files that derive from each other, from the one being read up to the one the user named.
struct chain {
    const struct chain *above;
    const char *path;
    dev_t device;
    ino_t inode;
    uint32_t depth;
};

static void report_file(struct err *err, const struct mark *asked_at, const char *path,
                        const char *what)
{
    err_at(err, asked_at, "%s: %s", path, what);
}

// Some editors write it before UTF-8. It is no part of the text: columns count without it.
static void drop_byte_order_mark(char *text, size_t *bytes)
{
    const char mark[] = "\xef\xbb\xbf";
    size_t mark_bytes = sizeof(mark) - 1;
    if (*bytes >= mark_bytes && memcmp(text, mark, mark_bytes) == 0) {
        *bytes -= mark_bytes;
        memmove(text, text + mark_bytes, *bytes + 1); // the NUL too
    }
}

// The whole text, at most CONFIG_BYTES_MAX; NULL and a message if it cannot be had. Owned.
static char *read_stream(FILE *stream, const char *path, const struct mark *asked_at, size_t *bytes,
                         struct err *err)
{
    char *text = xmalloc(CONFIG_BYTES_MAX + 2);
    *bytes = fread(text, 1, CONFIG_BYTES_MAX + 1, stream);
    if (ferror(stream)) {
        report_file(err, asked_at, path, strerror(errno));
    } else if (*bytes > CONFIG_BYTES_MAX) {
        report_file(err, asked_at, path, "larger than 1 MiB: not a configuration");
    } else {
        text[*bytes] = '\0';
        drop_byte_order_mark(text, bytes);
        return xrealloc(text, *bytes + 1);
    }
    free(text);
    return NULL;
}

static char *read_file(const char *path, const struct mark *asked_at, struct stat *status,
                       size_t *bytes, struct err *err)
{
    memset(status, 0, sizeof(*status));
    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, STANDARD_INPUT, asked_at, bytes, err);
    }
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        report_file(err, asked_at, path, strerror(errno));
        return NULL;
    }
    char *text = NULL;
    if (fstat(fileno(stream), status) != 0) {
        report_file(err, asked_at, path, strerror(errno));
    } else if (S_ISDIR(status->st_mode)) {
        report_file(err, asked_at, path, "a folder, not a file");
    } else {
        text = read_stream(stream, path, asked_at, bytes, err);
    }
    fclose(stream);
    return text;
}

// "a/b" of "a/b/c", "" of "c", "/" of "/c". Owned.
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return xstrdup("");
    }
    return slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
}

static char *join(const char *folder, const char *path)
{
    if (path[0] == '/' || folder[0] == '\0') {
        return xstrdup(path);
    }
    return xasprintf("%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", path);
}

// Where relative paths start: the file that asks; else (--set, standard input) the current folder.
static const char *asking_path(const struct mark *asked_at)
{
    bool is_file = asked_at != NULL && asked_at->source != NULL && asked_at->source->is_file;
    return is_file ? asked_at->source->name : "";
}

bool config_is_path(const char *name)
{
    size_t length = strlen(name);
    return strchr(name, '/') != NULL || (length > 5 && strcmp(name + length - 5, ".yaml") == 0);
}

// The folder above: "configs" for "configs/experiments", ".." for "". Owned.
static char *parent_of(const char *folder)
{
    const char *last = strrchr(folder, '/');
    last = last == NULL ? folder : last + 1;
    if (folder[0] == '\0') {
        return xstrdup("..");
    }
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        return join(folder, "..");
    }
    char *parent = folder_of(folder);
    if (parent[0] == '\0') {
        free(parent);
        return xstrdup(".");
    }
    return parent;
}

// Roots that may hold chips/, gpus/, experiments/: an owned array of owned paths, ends with NULL.
static char **list_roots(const struct config *config, const struct mark *asked_at)
{
    const char *const files[] = {asking_path(asked_at),
                                 config == NULL ? "" : config_main_path(config)};
    char **roots = xcalloc(PARENTS_MAX + 5, sizeof(*roots));
    uint32_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        if (files[i][0] != '\0') {
            char *folder = folder_of(files[i]);
            roots[count++] = parent_of(folder);
            free(folder);
        }
    }
    const char *given = getenv("TILESIM_CONFIGS");
    if (given != NULL && given[0] != '\0') {
        roots[count++] = xstrdup(given);
    }
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    for (uint32_t i = 0; length > 0 && i < PARENTS_MAX; i++) {
        program[length] = '\0';
        char *slash = strrchr(program, '/');
        length = slash == NULL ? 0 : slash - program;
        program[length] = '\0';
        roots[count++] = xasprintf("%s/configs", program);
    }
    roots[count] = xstrdup("configs");
    return roots;
}

static void free_texts(char **texts)
{
    for (uint32_t i = 0; texts[i] != NULL; i++) {
        free(texts[i]);
    }
    free(texts);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// "chip.yaml" -> "chip"; a folder as it is. NULL: neither. Owned.
static char *entry_name(const char *folder, const char *entry, bool is_folder)
{
    size_t length = strlen(entry);
    if (!is_folder) {
        bool is_file = length > 5 && strcmp(entry + length - 5, ".yaml") == 0;
        return is_file ? xasprintf("%.*s", (int)(length - 5), entry) : NULL;
    }
    struct stat status;
    char *path = join(folder, entry);
    bool is_right = entry[0] != '.' && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    free(path);
    return is_right ? xstrdup(entry) : NULL;
}

// Names of the .yaml files, or of the folders, in one folder; an empty list if there is no such
// folder.
static char **list_entries(const char *folder, bool has_folders)
{
    char **names = xcalloc(1, sizeof(*names));
    size_t count = 0;
    DIR *stream = opendir(folder);
    for (struct dirent *entry = stream == NULL ? NULL : readdir(stream); entry != NULL;
         entry = readdir(stream)) {
        char *name = entry_name(folder, entry->d_name, has_folders);
        if (name != NULL) {
            names = xrealloc(names, (count + 2) * sizeof(*names));
            names[count++] = name;
            names[count] = NULL;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    qsort(names, count, sizeof(*names), compare_texts);
    return names;
}

// Names in the first root that has any.
static char **list_names(const struct config *config, const char *folder,
                         const struct mark *asked_at, bool has_folders)
{
    char **roots = list_roots(config, asked_at);
    char **names = NULL;
    for (uint32_t i = 0; roots[i] != NULL && (names == NULL || names[0] == NULL); i++) {
        if (names != NULL) {
            free_texts(names);
        }
        char *path = join(roots[i], folder);
        names = list_entries(path, has_folders);
        free(path);
    }
    free_texts(roots);
    return names;
}

char **config_list_names(const char *folder)
{
    return list_names(NULL, folder, NULL, false);
}

char **config_list_folders(const char *folder)
{
    return list_names(NULL, folder, NULL, true);
}

static const char *text_at(const void *texts, uint32_t i)
{
    return ((char *const *)texts)[i];
}

static void report_unknown_name(const struct config *config, const char *name, const char *folder,
                                const struct mark *asked_at, struct err *err)
{
    char **names = list_names(config, folder, asked_at, false);
    char *suggestion = config_suggest(name, text_at, names);
    char *all = xstrdup("");
    for (uint32_t i = 0; names[i] != NULL; i++) {
        char *longer = xasprintf("%s%s%s", all, i == 0 ? "" : ", ", names[i]);
        free(all);
        all = longer;
    }
    err_at(err, asked_at, "there is no '%s' in configs/%s%s (there are: %s)", name, folder,
           suggestion, all[0] == '\0' ? "none" : all);
    free(all);
    free(suggestion);
    free_texts(names);
}

// Takes over the roots. Owned; NULL: none of them has the file.
static char *find_named(char **roots, const char *name, const char *folder)
{
    char *found = NULL;
    for (uint32_t i = 0; roots[i] != NULL && found == NULL; i++) {
        char *path = xasprintf("%s/%s/%s.yaml", roots[i], folder, name);
        if (name[0] != '\0' && access(path, F_OK) == 0) {
            found = xstrdup(path);
        }
        free(path);
    }
    free_texts(roots);
    return found;
}

char *config_find_file(const char *name, const char *folder)
{
    return find_named(list_roots(NULL, NULL), name, folder);
}

// The path of a name; NULL and a message if there is no such file. Owned.
static char *find_file(const struct config *config, const char *name, const char *folder,
                       const struct mark *asked_at, struct err *err)
{
    if (config_is_path(name)) {
        char *asking = folder_of(asking_path(asked_at));
        char *path = join(asking, name);
        free(asking);
        return path;
    }
    char *found = find_named(list_roots(config, asked_at), name, folder);
    if (found == NULL) {
        report_unknown_name(config, name, folder, asked_at, err);
    }
    return found;
}

static bool is_in_chain(const struct chain *chain, const struct stat *status)
{
    for (; chain != NULL; chain = chain->above) {
        if (chain->inode == status->st_ino && chain->device == status->st_dev &&
            status->st_ino != 0) {
            return true;
        }
    }
    return false;
}

static const struct node *read_chain(struct config *config, const char *path, const char *folder,
                                     const struct mark *asked_at, const struct chain *above,
                                     struct err *err);

// A file that several sections or points name.
static const struct node *read_once(struct config *config, const char *path, const char *folder,
                                    const struct mark *asked_at, struct err *err)
{
    const struct node *root = config_known_file(config, path, folder);
    if (root == NULL) {
        root = read_chain(config_for_files(config), path, folder, asked_at, NULL, err);
        if (root != NULL) {
            config_keep_file(config, path, folder, root);
        }
    }
    return root;
}

// Replaces the `base` key of a mapping by the files it names. The mapping itself where they are
// wrong.
static const struct node *join_base(struct config *config, const struct node *mapping,
                                    const char *folder, const struct chain *chain, struct err *err)
{
    const struct pair *base = node_find(mapping, "base");
    if (base == NULL) {
        return mapping;
    }
    const struct node *rest = config_without(config, mapping, "base");
    const struct mark *mark = &base->value->mark;
    if (base->value->kind != NODE_SCALAR || node_is_null(base->value)) {
        err_at(err, mark, "base: the name of a file is needed here, not %s",
               node_kind_name(base->value));
        return rest;
    }
    char *path = find_file(config, base->value->text, folder, mark, err);
    if (path == NULL) {
        return NULL;
    }
    const struct node *below = chain == NULL ? read_once(config, path, folder, mark, err)
                                             : read_chain(config, path, folder, mark, chain, err);
    free(path);
    return below == NULL ? NULL : config_merge(config, below, rest);
}

// Keys `x-...` at the top of a file are a place for anchors: they mean nothing themselves.
static const struct node *without_scratch(struct config *config, const struct node *root)
{
    for (uint32_t i = 0; i < root->count;) {
        if (strncmp(root->pairs[i].key, "x-", 2) == 0) {
            root = config_without(config, root, root->pairs[i].key);
        } else {
            i++;
        }
    }
    return root;
}

// A file that does not name what it describes names it by its own name, even if it derives from
// another file that has a name.
static const struct node *add_name(struct config *config, const struct node *root,
                                   const char *folder, const struct source *source)
{
    const char *key = strcmp(folder, "experiments") == 0 ? "experiment" : "name";
    if (node_find(root, key) != NULL) {
        return root;
    }
    const char *last = strrchr(source->name, '/');
    last = last == NULL ? source->name : last + 1;
    char *stem = xstrdup(last);
    size_t length = strlen(stem);
    if (length > 5 && strcmp(stem + length - 5, ".yaml") == 0) {
        stem[length - 5] = '\0';
    }
    struct node *named = config_make_node(config, NODE_MAPPING, root->mark);
    named->pairs = config_allocate(config, sizeof(*named->pairs));
    named->count = 1;
    struct mark whole = {source, 0, 0};
    named->pairs[0] = (struct pair){key, whole, config_make_scalar(config, whole, stem)};
    free(stem);
    return config_merge(config, root, named);
}

static const struct node *read_chain(struct config *config, const char *path, const char *folder,
                                     const struct mark *asked_at, const struct chain *above,
                                     struct err *err)
{
    size_t bytes;
    struct stat status;
    struct chain link = {
        .above = above, .path = path, .depth = above == NULL ? 1 : above->depth + 1};
    if (link.depth > CONFIG_BASES_MAX) {
        err_at(err, asked_at, "base: more than %u files derive from each other", CONFIG_BASES_MAX);
        return NULL;
    }
    char *text = read_file(path, asked_at, &status, &bytes, err);
    if (text == NULL) {
        return NULL;
    }
    const char *name = strcmp(path, "-") == 0 ? STANDARD_INPUT : path;
    const struct source *source = config_add_source(config, name, text, bytes, name == path);
    if (is_in_chain(above, &status)) {
        err_at(err, asked_at, "base: %s derives from itself", path);
        return NULL;
    }
    link.device = status.st_dev;
    link.inode = status.st_ino;
    const struct node *root = config_parse(config, source, 0, err);
    if (root == NULL) {
        return NULL;
    }
    if (root->kind != NODE_MAPPING) {
        err_at(err, &root->mark, "a file of keys is needed (key: value), not %s",
               node_kind_name(root));
        return NULL;
    }
    if (folder == NULL) {
        return root;
    }
    root = add_name(config, without_scratch(config, root), folder, source);
    return join_base(config, root, folder, &link, err);
}

const struct node *config_read(struct config *config, const char *path, const char *folder,
                               struct err *err)
{
    return read_chain(config, path, folder, NULL, NULL, err);
}

const struct node *config_read_named(struct config *config, const char *name, const char *folder,
                                     const struct mark *asked_at, struct err *err)
{
    char *path = find_file(config, name, folder, asked_at, err);
    const struct node *root = path == NULL ? NULL : read_once(config, path, folder, asked_at, err);
    free(path);
    return root;
}

const struct node *config_expand_section(struct config *config, const struct node *node,
                                         const char *folder, struct err *err)
{
    if (node->kind == NODE_SCALAR) {
        return config_read_named(config, node->text, folder, &node->mark, err);
    }
    return node->kind == NODE_MAPPING ? join_base(config, node, folder, NULL, err) : node;
}

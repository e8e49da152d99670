// Configuration: YAML text -> one typed table of keys per struct -> plain struct.
// Every fault of a file is found in one run, each with its place: unknown, duplicate, missing,
// ill-typed and out-of-range keys. The same tables print the reference and the resolved JSON.
// Also here: `base:` inheritance, `--set`, merge keys, and limits on size, depth and aliases.
#ifndef TILESIM_SIM_CONFIG_H
#define TILESIM_SIM_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/err.h"

struct config; // owns every text read by one run, and the trees parsed from them
struct node;   // a value in such a tree; lives as long as its config; never changes

enum key_type {
    KEY_BOOL,
    KEY_UINT32,
    KEY_UINT64,
    KEY_REAL,         // `null` is legal where the default is null or is_nullable, and becomes NaN
    KEY_STRING,       // owned; `null` is legal where the default is null, and becomes NULL
    KEY_ENUM,         // uint32_t
    KEY_ENUM_SET,     // list of enumerators -> uint32_t with bit i for enumerator i
    KEY_UINT_LIST,    // owned uint32_t[], `null` is legal where the default is null
    KEY_TEXT_LIST,    // owned char *[] of owned texts
    KEY_SECTION,      // a struct in place, or behind an owned pointer
    KEY_SECTION_LIST, // an array of structs in place, or behind an owned pointer
    KEY_VARIANT,      // a section whose key `kind` says which table it has: struct config_variant
};

// One kind of such a section.
struct section_kind {
    const char *doc;        // one line
    const struct key *keys; // `kind` apart; NULL: it has no keys, and nothing is stored
    size_t struct_bytes;
    const void *self; // what the reader finds in config_variant.kind
};

struct config_variant {
    const void *kind; // NULL: a kind without keys
    void *section;    // owned
};

struct key {
    const char *name;
    enum key_type type;
    size_t offset;                      // in the struct of its table
    double min, max;                    // legal numbers; of lists: of their items
    const char *unit;                   // NULL: none
    const char *default_text;           // YAML; NULL: required. An absent section is an empty one
    const char *const *names;           // enumerators, ends with NULL
    const char *(*name_at)(uint32_t i); // or a function: NULL past the last one
    const uint32_t *values;             // of the enumerators; NULL: their index
    // Variants: the kind named name_at(i); the first is the default.
    struct section_kind (*kind_at)(uint32_t i);
    const struct key *keys;        // of a section
    size_t count_offset;           // lists: where the number of items goes (uint32_t)
    uint32_t min_count, max_count; // lists
    size_t struct_bytes;           // sections in a list or behind a pointer
    bool is_pointer;               // the struct or the array is allocated; else in place
    bool is_nullable;              // `null` is legal though it is not the default
    const char *word;   // legal in its place; KEY_UINT_LIST: the list is then NULL, KEY_UINT32: 0
    const char *folder; // section that may name a file: configs/<folder>/NAME.yaml
    // Checks across keys of a section, called if each key alone is right. May be NULL.
    void (*check)(const void *section, const struct node *node, struct err *err);
    const char *doc; // one line
};

struct config *config_create(void);
// For a tree that derives from another's: files that were read are read once for all of them, and
// `below` must live longer.
struct config *config_create_on(struct config *below);
void config_destroy(struct config *config);
// What was worked out from files that were read, once for all configs on the same one. `name` tells
// whose it is. NULL: nothing was kept. Borrowed.
json_t *config_kept_json(struct config *config, const char *name);
void config_keep_json(struct config *config, const char *name, json_t *json); // its own reference

// Reads a file ("-": standard input) and merges its `base:` files below it. Tables of `folder`
// (a folder of configs/) say where a base without slash or .yaml is looked up. NULL: messages in
// err. Without a folder: what the file itself says, `base` unread.
const struct node *config_read(struct config *config, const char *path, const char *folder,
                               struct err *err);
// The same for NAME: configs/<folder>/NAME.yaml beside the file that asks, in $TILESIM_CONFIGS, in
// the program's own configs, or in ./configs; with a slash or .yaml it is a path relative to that
// file.
const struct node *config_read_named(struct config *config, const char *name, const char *folder,
                                     const struct mark *asked_at, struct err *err);
bool config_is_path(const char *name); // it has a slash or .yaml
// The mapping without one of its keys.
const struct node *config_without(struct config *config, const struct node *mapping,
                                  const char *key);
// The mapping with another value of one of the keys that it has.
const struct node *config_with(struct config *config, const struct node *mapping, const char *key,
                               const struct node *value);
// The mapping at a path; if it is the name of a file of `folder`, or derives from one, with its
// keys. NULL: there is none, or messages in err.
const struct node *config_open(struct config *config, const struct node *root, const char *path,
                               const char *folder, struct err *err);
// Applies one "key.path=value" as a file would that derives from `root` and says just that; list
// items are named by their index. Returns the new root, or NULL and a message pointing into the
// argument.
const struct node *config_set(struct config *config, const struct node *root,
                              const struct key *keys, const char *argument, struct err *err);
struct config_setting { // a value that a file has, for a key of another
    const char *path;   // key.path
    struct mark mark;   // of the key; messages about the path point there
    const struct node *value;
};
// The same with a value that was read already.
const struct node *config_set_node(struct config *config, const struct node *root,
                                   const struct key *keys, const struct config_setting *setting,
                                   struct err *err);
// Fills *target (zeroed by the caller) from a mapping. False if messages were added; *target then
// holds what could be read and must still be freed. path: prefix of keys in messages, "" at the
// top.
bool config_bind(struct config *config, const struct key *keys, const struct node *mapping,
                 const char *path, void *target, struct err *err);
// The same for some keys of a mapping, whatever else it holds.
bool config_bind_only(struct config *config, const struct key *keys, const struct node *mapping,
                      void *target, struct err *err);
// The same for all keys, each looked at alone: no checks across the keys of a section.
bool config_bind_unchecked(struct config *config, const struct key *keys,
                           const struct node *mapping, void *target, struct err *err);
void config_free(const struct key *keys, void *target); // what the fields own, not target itself
json_t *config_to_json(const struct key *keys, const void *target); // new reference; NaN is null
// The value at a path such as "machines.0.chip.tiles". Borrowed; NULL: none.
json_t *config_json_at(const json_t *json, const char *path);
// One key a line: name, type, range and unit, default, doc; sections indented.
void config_print_reference(const struct key *keys, FILE *stream);

// Place of the value at a path such as "network.slots" or "machines.0.chip"; if it is absent, of
// the nearest mapping above it.
struct mark config_mark(const struct node *root, const char *path);
char *config_format_mark(const struct mark *mark); // owned; "file:line:column"
// For a fault of two keys: " (file:line:column: name)" of the value at a path if it is given in
// another text than the mark's, such as in --set or by a sweep; else "". Owned.
char *config_name_elsewhere(const struct node *root, const char *path, const char *name,
                            const struct mark *mark);
bool config_is_given(const struct node *root, const char *path); // present and not null
bool config_is_mapping(const struct node *root, const char *path);
uint32_t config_count_known(const struct key *keys,
                            const struct node *mapping); // keys of the table

// A field of a struct that was read.
struct config_found {
    const struct key *key;
    const void *field;
};
// path: as in --set. False: the struct has no such field, or an absent section before it.
bool config_find(const struct key *keys, const void *target, const char *path,
                 struct config_found *found);
bool config_get_number(const struct config_found *found, double *value); // false: none; NaN: null
// For a caller that owns the struct: another value, right in the sense of the key.
void config_put_number(const struct config_found *found, double value);

// Names of the files in configs/<folder>, sorted, without ".yaml": an owned array that ends with
// NULL.
char **config_list_names(const char *folder);
// Names of the folders in configs/<folder>, likewise.
char **config_list_folders(const char *folder);
// Path of configs/<folder>/NAME.yaml; NULL: there is none. Owned.
char *config_find_file(const char *name, const char *folder);
// "; did you mean 'tiles'?" for the nearest of the names (NULL past the last one), or "". Owned.
char *config_suggest(const char *word, const char *(*name_at)(const void *names, uint32_t i),
                     const void *names);
// A number of characters of damage between two words: insert, delete, replace, swap neighbours.
uint32_t config_word_distance(const char *a, const char *b);

#endif

// The tree behind sim/config/config.h: nodes, their memory, and what its parts (config_*.c) share.
// Nodes never change once made: inheritance and --set make new ones that share what stays.
#ifndef TILESIM_SIM_CONFIG_TREE_H
#define TILESIM_SIM_CONFIG_TREE_H

#include "sim/config/config.h"
#include "sim/config/source.h"

// Limits on input, so that no file can use up the host: far above any sensible configuration.
#define CONFIG_BYTES_MAX (1u << 20) // of one file
#define CONFIG_DEPTH_MAX 32u        // nesting, aliases followed
#define CONFIG_NODES_MAX 20000u     // values in one file, aliases counted each time they are used
#define CONFIG_BASES_MAX 8u         // files that derive from each other

enum node_kind { NODE_SCALAR, NODE_MAPPING, NODE_LIST };

struct pair {
    const char *key;
    struct mark mark; // of the key
    const struct node *value;
};

struct node {
    enum node_kind kind;
    struct mark mark;          // of an alias: where it is used
    const char *text;          // scalar
    bool is_quoted;            // scalar: never a number, never null
    uint32_t count;            // of pairs or items
    struct pair *pairs;        // mapping; keys are unique
    const struct node **items; // list
    uint32_t weight;           // values in it, itself included
    uint32_t height;           // levels below it
};

void *config_allocate(struct config *config, size_t bytes); // lives as long as the config
char *config_copy_text(struct config *config, const char *text);
struct node *config_make_node(struct config *config, enum node_kind kind, struct mark mark);
const struct node *config_make_scalar(struct config *config, struct mark mark, const char *text);

// Files are kept by the lowest config of those created on each other, which must parse them.
struct config *config_for_files(struct config *config);
const struct node *config_known_file(struct config *config, const char *path,
                                     const char *folder); // NULL: not read yet
void config_keep_file(struct config *config, const char *path, const char *folder,
                      const struct node *root);

// Where the tree of a key's default is kept, by the same config; NULL there: not parsed yet. The
// texts are told apart by their addresses. Until the next call.
const struct node **config_kept_default(struct config *config, const char *name, const char *text);

// Takes over text. The source lives as long as the config.
const struct source *config_add_source(struct config *config, const char *name, char *text,
                                       size_t bytes, bool is_file);
// Path of the first file that was read; "" if none was.
const char *config_main_path(const struct config *config);

// Parses source->text from `offset` (of a --set argument; columns count from the whole text). NULL:
// there is no tree. Otherwise there may be messages as well (duplicate keys, odd scalars).
const struct node *config_parse(struct config *config, const struct source *source, size_t offset,
                                struct err *err);

bool node_is_null(const struct node *node);
const struct pair *node_find(const struct node *mapping, const char *key); // NULL: absent
const struct node *node_at(const struct node *root, const char *path);     // NULL: absent
const char *node_kind_name(const struct node *node);                       // "a list"

// `over` laid over `base`: mappings key by key, entries of `uncertain` too, anything else replaces.
const struct node *config_merge(struct config *config, const struct node *base,
                                const struct node *over);
// The section that a key with a folder stands for: NAME, or {base: NAME, ...}, or a plain mapping.
const struct node *config_expand_section(struct config *config, const struct node *node,
                                         const char *folder, struct err *err);

// The tree of a key's default.
const struct node *config_make_default(struct config *config, const struct key *key,
                                       struct err *err);

// Reading one scalar. False: a message was added.
struct place {
    const struct key *key;
    const char *path; // of the key, for messages
};
bool config_read_number(const struct place *place, const struct node *node, double *value,
                        struct err *err);
bool config_read_integer(const struct place *place, const struct node *node, uint64_t *value,
                         struct err *err);
bool config_read_bool(const struct place *place, const struct node *node, bool *value,
                      struct err *err);
bool config_read_enum(const struct place *place, const struct node *node, uint32_t *index,
                      struct err *err);
const char *config_enum_name(const struct key *key, uint32_t index); // NULL past the last
// Table and name of the kind that a variant holds.
const struct key *config_variant_keys(const struct key *key, const struct config_variant *variant,
                                      const char **name);
char *config_range_text(const struct key *key); // owned; "1..64 bytes/cycle"

#endif

// YAML text -> tree, over libyaml's events. Only what a configuration needs: mappings, lists, plain
// and quoted scalars, anchors, aliases and merge keys; no tags, one document.
//
// A fault of form (broken YAML, a limit passed) ends the parse; a fault of one value (duplicate
// key, NUL, tag, unknown alias) is reported and the parse goes on, so that one run finds them all.
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "sim/config/config_tree.h"

struct anchor {
    const char *name;
    // Complete: an anchor is known only after its node, so cycles cannot exist.
    const struct node *node;
};

struct parse {
    struct config *config;
    struct err *err;
    const struct source *source;
    size_t offset;           // of the parsed part in the source
    uint32_t offset_columns; // the same in characters, on its first line
    yaml_parser_t yaml;
    yaml_event_t event; // the current one
    bool has_event;
    struct anchor *anchors; // owned
    uint32_t anchor_count;
    uint32_t nodes; // values so far, aliases expanded
};

// libyaml gives faults of encoding no line, only a byte.
static struct mark mark_of_byte(const struct parse *parse, size_t byte)
{
    struct mark mark = {parse->source, 1, 1};
    for (size_t i = 0; i < byte + parse->offset && i < parse->source->bytes; i++) {
        if (parse->source->text[i] == '\n') {
            mark.line++;
            mark.column = 1;
        } else if (((unsigned char)parse->source->text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static struct mark mark_of(const struct parse *parse, yaml_mark_t at)
{
    uint32_t column = (uint32_t)at.column + 1 + (at.line == 0 ? parse->offset_columns : 0);
    bool is_past_end =
        at.index >= parse->source->bytes - parse->offset && at.line > 0 && at.column == 0;
    if (is_past_end && !parse->source->is_file) { // libyaml ends a --set argument with a newline
        return mark_of_byte(parse, parse->source->bytes);
    }
    return (struct mark){parse->source, (uint32_t)at.line + 1, column};
}

static void report_syntax(struct parse *parse)
{
    const yaml_parser_t *yaml = &parse->yaml;
    const char *problem = yaml->problem == NULL ? "unreadable" : yaml->problem;
    if (yaml->error == YAML_READER_ERROR) {
        struct mark mark = mark_of_byte(parse, yaml->problem_offset);
        err_at(parse->err, &mark, "broken YAML: %s", problem);
        return;
    }
    struct mark mark = mark_of(parse, yaml->problem_mark);
    if (yaml->context == NULL) {
        err_at(parse->err, &mark, "broken YAML: %s", problem);
    } else {
        struct mark context = mark_of(parse, yaml->context_mark);
        err_at(parse->err, &mark, "broken YAML: %s (%s that began at %u:%u)", problem,
               yaml->context, context.line, context.column);
    }
}

static bool next_event(struct parse *parse)
{
    if (parse->has_event) {
        yaml_event_delete(&parse->event);
    }
    parse->has_event = yaml_parser_parse(&parse->yaml, &parse->event) != 0;
    if (!parse->has_event) {
        report_syntax(parse);
    }
    return parse->has_event;
}

static bool count_nodes(struct parse *parse, struct mark mark, uint32_t nodes)
{
    if (nodes > CONFIG_NODES_MAX - parse->nodes) {
        return err_at(parse->err, &mark, "more than %u values in one file, aliases counted",
                      CONFIG_NODES_MAX);
    }
    parse->nodes += nodes;
    return true;
}

static void grow_over(struct node *node, const struct node *child)
{
    node->weight += child->weight;
    if (child->height + 1 > node->height) {
        node->height = child->height + 1;
    }
}

static void add_anchor(struct parse *parse, const char *name, const struct node *node)
{
    parse->anchors = xrealloc(parse->anchors, (parse->anchor_count + 1) * sizeof(*parse->anchors));
    parse->anchors[parse->anchor_count++] = (struct anchor){name, node};
}

static void check_tag(struct parse *parse, const yaml_char_t *tag, struct mark mark)
{
    if (tag != NULL) {
        err_at(parse->err, &mark, "the tag '%s' is not allowed; write the plain value",
               (const char *)tag);
    }
}

static const struct node *parse_scalar(struct parse *parse, struct mark mark)
{
    const yaml_event_t *event = &parse->event;
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length) {
        err_at(parse->err, &mark, "a value must not hold a NUL character");
    }
    check_tag(parse, event->data.scalar.tag, mark);
    struct node *node = config_make_node(parse->config, NODE_SCALAR, mark);
    node->text = config_copy_text(parse->config, text);
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static const struct node *parse_alias(struct parse *parse, struct mark mark, uint32_t depth)
{
    const char *name = (const char *)parse->event.data.alias.anchor;
    const struct node *found = NULL;
    for (uint32_t i = 0; i < parse->anchor_count; i++) { // the last of a name wins, as YAML says
        if (strcmp(parse->anchors[i].name, name) == 0) {
            found = parse->anchors[i].node;
        }
    }
    if (found == NULL) {
        err_at(parse->err, &mark, "the alias '*%s' has no complete anchor '&%s' before it", name,
               name);
        return config_make_scalar(parse->config, mark, "");
    }
    if (depth + found->height > CONFIG_DEPTH_MAX) {
        err_at(parse->err, &mark, "nested deeper than %u levels", CONFIG_DEPTH_MAX);
        return NULL;
    }
    if (!count_nodes(parse, mark, found->weight - 1)) {
        return NULL;
    }
    struct node *use = config_make_node(parse->config, found->kind, mark);
    *use = *found;
    use->mark = mark;
    return use;
}

static const struct node *parse_node(struct parse *parse, uint32_t depth);

static const struct node *parse_list(struct parse *parse, struct mark mark, uint32_t depth)
{
    struct node *list = config_make_node(parse->config, NODE_LIST, mark);
    const struct node **items = NULL;
    check_tag(parse, parse->event.data.sequence_start.tag, mark);
    bool is_good = next_event(parse);
    while (is_good && parse->event.type != YAML_SEQUENCE_END_EVENT) {
        const struct node *item = parse_node(parse, depth + 1);
        is_good = item != NULL && next_event(parse);
        if (is_good) {
            items = xrealloc(items, (list->count + 1) * sizeof(*items));
            items[list->count++] = item;
            grow_over(list, item);
        }
    }
    list->items = config_allocate(parse->config, list->count * sizeof(*items));
    if (list->count > 0) {
        memcpy(list->items, items, list->count * sizeof(*items));
    }
    free(items);
    return is_good ? list : NULL;
}

struct pairs {          // of a mapping while it is read
    struct pair *pairs; // owned
    uint32_t count;
    const struct node *merge; // value of its `<<`; NULL: none
};

static void append_pair(struct pairs *pairs, struct pair pair)
{
    pairs->pairs = xrealloc(pairs->pairs, (pairs->count + 1) * sizeof(*pairs->pairs));
    pairs->pairs[pairs->count++] = pair;
}

static const struct pair *find_pair(const struct pairs *pairs, const char *key)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->pairs[i].key, key) == 0) {
            return &pairs->pairs[i];
        }
    }
    return NULL;
}

static void add_pair(struct parse *parse, struct pairs *pairs, const struct node *key,
                     const struct node *value)
{
    if (!key->is_quoted && strcmp(key->text, "<<") == 0) {
        if (pairs->merge != NULL) {
            err_at(parse->err, &key->mark,
                   "'<<' is given twice; list the mappings instead: [*a, *b]");
        }
        pairs->merge = value;
        return;
    }
    const struct pair *first = find_pair(pairs, key->text);
    if (first != NULL) {
        err_at(parse->err, &key->mark, "'%s' is given twice; the first is at %u:%u", key->text,
               first->mark.line, first->mark.column);
        return;
    }
    append_pair(pairs, (struct pair){key->text, key->mark, value});
}

// Keys of a merged mapping that the mapping does not have itself.
static bool merge_mapping(struct parse *parse, struct pairs *pairs, const struct node *from)
{
    if (from->kind != NODE_MAPPING) {
        err_at(parse->err, &from->mark, "'<<' needs a mapping or a list of mappings, not %s",
               node_kind_name(from));
        return true;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        if (find_pair(pairs, from->pairs[i].key) == NULL) {
            if (!count_nodes(parse, from->mark, from->pairs[i].value->weight)) {
                return false;
            }
            append_pair(pairs, from->pairs[i]);
        }
    }
    return true;
}

static bool merge_keys(struct parse *parse, struct pairs *pairs)
{
    const struct node *merge = pairs->merge;
    if (merge == NULL) {
        return true;
    }
    if (merge->kind != NODE_LIST) {
        return merge_mapping(parse, pairs, merge);
    }
    for (uint32_t i = 0; i < merge->count; i++) {
        if (!merge_mapping(parse, pairs, merge->items[i])) {
            return false;
        }
    }
    return true;
}

static bool parse_pair(struct parse *parse, struct pairs *pairs, uint32_t depth)
{
    if (parse->event.type != YAML_SCALAR_EVENT) {
        struct mark mark = mark_of(parse, parse->event.start_mark);
        return err_at(parse->err, &mark, "a key must be a single word");
    }
    struct mark mark = mark_of(parse, parse->event.start_mark);
    const struct node *key = parse_scalar(parse, mark);
    if (!next_event(parse)) {
        return false;
    }
    const struct node *value = parse_node(parse, depth + 1);
    if (value == NULL) {
        return false;
    }
    add_pair(parse, pairs, key, value);
    return next_event(parse);
}

static const struct node *parse_mapping(struct parse *parse, struct mark mark, uint32_t depth)
{
    struct pairs pairs = {0};
    check_tag(parse, parse->event.data.mapping_start.tag, mark);
    bool is_good = next_event(parse);
    while (is_good && parse->event.type != YAML_MAPPING_END_EVENT) {
        is_good = parse_pair(parse, &pairs, depth);
    }
    is_good = is_good && merge_keys(parse, &pairs);
    struct node *mapping = config_make_node(parse->config, NODE_MAPPING, mark);
    mapping->count = pairs.count;
    mapping->pairs = config_allocate(parse->config, pairs.count * sizeof(*pairs.pairs));
    for (uint32_t i = 0; i < pairs.count; i++) {
        mapping->pairs[i] = pairs.pairs[i];
        grow_over(mapping, pairs.pairs[i].value);
    }
    free(pairs.pairs);
    return is_good ? mapping : NULL;
}

// The value that starts at the current event; afterwards the current event is its last one.
static const struct node *parse_node(struct parse *parse, uint32_t depth)
{
    struct mark mark = mark_of(parse, parse->event.start_mark);
    if (depth > CONFIG_DEPTH_MAX) {
        err_at(parse->err, &mark, "nested deeper than %u levels", CONFIG_DEPTH_MAX);
        return NULL;
    }
    if (!count_nodes(parse, mark, 1)) {
        return NULL;
    }
    const yaml_char_t *anchor = NULL;
    switch (parse->event.type) {
    case YAML_ALIAS_EVENT:
        return parse_alias(parse, mark, depth);
    case YAML_SCALAR_EVENT:
        anchor = parse->event.data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = parse->event.data.sequence_start.anchor;
        break;
    default:
        anchor = parse->event.data.mapping_start.anchor;
        break;
    }
    const char *name =
        anchor == NULL ? NULL : config_copy_text(parse->config, (const char *)anchor);
    const struct node *node;
    if (parse->event.type == YAML_SCALAR_EVENT) {
        node = parse_scalar(parse, mark);
    } else if (parse->event.type == YAML_SEQUENCE_START_EVENT) {
        node = parse_list(parse, mark, depth);
    } else {
        node = parse_mapping(parse, mark, depth);
    }
    if (name != NULL && node != NULL) {
        add_anchor(parse, name, node);
    }
    return node;
}

static const struct node *parse_stream(struct parse *parse)
{
    if (!next_event(parse) || !next_event(parse)) { // stream start, document start
        return NULL;
    }
    if (parse->event.type == YAML_STREAM_END_EVENT) {
        struct mark mark = {parse->source, parse->offset == 0 ? 0 : 1, parse->offset_columns + 1};
        err_at(parse->err, &mark, "nothing is written here");
        return NULL;
    }
    const struct node *root = next_event(parse) ? parse_node(parse, 1) : NULL;
    if (root == NULL || !next_event(parse) || !next_event(parse)) { // document end, stream end
        return NULL;
    }
    if (parse->event.type != YAML_STREAM_END_EVENT) {
        struct mark mark = mark_of(parse, parse->event.start_mark);
        err_at(parse->err, &mark, "a second document begins here; only one is allowed");
    }
    return root;
}

const struct node *config_parse(struct config *config, const struct source *source, size_t offset,
                                struct err *err)
{
    struct parse parse = {.config = config, .err = err, .source = source, .offset = offset};
    for (size_t i = 0; i < offset; i++) {
        parse.offset_columns += ((unsigned char)source->text[i] & 0xc0) != 0x80;
    }
    if (yaml_parser_initialize(&parse.yaml) == 0) {
        fputs("tilesim: out of memory\n", stderr);
        exit(1);
    }
    yaml_parser_set_encoding(&parse.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parse.yaml, (const unsigned char *)source->text + offset,
                                 source->bytes - offset);
    const struct node *root = parse_stream(&parse);
    if (parse.has_event) {
        yaml_event_delete(&parse.event);
    }
    yaml_parser_delete(&parse.yaml);
    free(parse.anchors);
    return root;
}

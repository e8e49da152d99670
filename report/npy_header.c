#include "report/npy_header.h"

#include <stdlib.h>
#include <string.h>

#include "sim/err.h"
#include "sim/units.h"

// A parser of the dictionaries that NumPy writes and that the format's specification allows: string
// keys in any order, blanks anywhere, single or double quotes, a comma after the last entry or not.

#define TYPE_COUNT 3u
#define DATA_ALIGNMENT_BYTES 64u // the specification's ARRAY_ALIGN

static const struct {
    const char *name;
    uint32_t bytes;
} types[TYPE_COUNT] = {
    [NPY_FLOAT32] = {"<f4", 4},
    [NPY_FLOAT64] = {"<f8", 8},
    [NPY_UINT32] = {"<u4", 4},
};

const char *npy_type_name(enum npy_type type)
{
    return types[type].name;
}

uint32_t npy_type_bytes(enum npy_type type)
{
    return types[type].bytes;
}

char *npy_shape_text(const struct npy_shape *shape)
{
    char *text = xstrdup("(");
    for (uint32_t i = 0; i < shape->dimension_count; i++) {
        char *longer = xasprintf("%s%s%llu", text, i == 0 ? "" : ", ",
                                 (unsigned long long)shape->dimensions[i]);
        free(text);
        text = longer;
    }
    char *closed = xasprintf("%s%s)", text, shape->dimension_count == 1 ? "," : "");
    free(text);
    return closed;
}

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\n\r", *cursor->at) != NULL &&
           *cursor->at != '\0') {
        cursor->at++;
    }
}

static bool take(struct cursor *cursor, char character)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != character) {
        return false;
    }
    cursor->at++;
    return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
    skip_blanks(cursor);
    size_t length = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0) {
        return false;
    }
    cursor->at += length;
    return true;
}

struct piece { // of the text, between quotes
    const char *text;
    int length;
};

static bool take_string(struct cursor *cursor, struct piece *piece)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || (*cursor->at != '\'' && *cursor->at != '"')) {
        return false;
    }
    const char quote = *cursor->at;
    const char *first = cursor->at + 1;
    const char *last = memchr(first, quote, (size_t)(cursor->end - first));
    if (last == NULL) {
        return false;
    }
    *piece = (struct piece){first, (int)(last - first)};
    cursor->at = last + 1;
    return true;
}

static bool take_number(struct cursor *cursor, uint64_t *number)
{
    skip_blanks(cursor);
    const char *first = cursor->at;
    uint64_t value = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        if (value > UINT64_MAX / 10 - 1) {
            return false;
        }
        value = value * 10 + (uint64_t)(*cursor->at - '0');
        cursor->at++;
    }
    *number = value;
    return cursor->at > first;
}

enum outcome { OUTCOME_DONE, OUTCOME_UNREADABLE, OUTCOME_REFUSED }; // refused: *why is set

static enum outcome take_shape(struct cursor *cursor, struct npy_shape *shape, char **why)
{
    *shape = (struct npy_shape){0};
    if (!take(cursor, '(')) {
        return OUTCOME_UNREADABLE;
    }
    while (!take(cursor, ')')) {
        uint64_t dimension = 0;
        if (!take_number(cursor, &dimension)) {
            return OUTCOME_UNREADABLE;
        }
        if (shape->dimension_count == NPY_DIMENSIONS_MAX) {
            *why = xasprintf("has more than %u dimensions", NPY_DIMENSIONS_MAX);
            return OUTCOME_REFUSED;
        }
        shape->dimensions[shape->dimension_count] = dimension;
        shape->dimension_count++;
        if (!take(cursor, ',')) {
            return take(cursor, ')') ? OUTCOME_DONE : OUTCOME_UNREADABLE;
        }
    }
    return OUTCOME_DONE;
}

static enum outcome take_type(struct cursor *cursor, enum npy_type *type, char **why)
{
    struct piece piece;
    if (take(cursor, '[')) {
        *why = xstrdup("holds a structured type; '<f4', '<f8' and '<u4' are read");
        return OUTCOME_REFUSED;
    }
    if (!take_string(cursor, &piece)) {
        return OUTCOME_UNREADABLE;
    }
    for (uint32_t i = 0; i < TYPE_COUNT; i++) {
        if (piece.length == 3 && memcmp(piece.text, types[i].name, 3) == 0) {
            *type = (enum npy_type)i;
            return OUTCOME_DONE;
        }
    }
    *why =
        xasprintf("is of type '%.*s'; '<f4', '<f8' and '<u4' are read", piece.length, piece.text);
    return OUTCOME_REFUSED;
}

static enum outcome take_order(struct cursor *cursor, bool *is_fortran)
{
    *is_fortran = take_word(cursor, "True");
    return *is_fortran || take_word(cursor, "False") ? OUTCOME_DONE : OUTCOME_UNREADABLE;
}

struct header {
    enum npy_type type;
    struct npy_shape shape;
    bool is_fortran;
    bool has_type, has_shape, has_order;
};

static bool is_key(struct piece key, const char *name)
{
    return (size_t)key.length == strlen(name) && memcmp(key.text, name, strlen(name)) == 0;
}

static enum outcome take_entry(struct cursor *cursor, struct header *header, char **why)
{
    struct piece key;
    if (!take_string(cursor, &key) || !take(cursor, ':')) {
        return OUTCOME_UNREADABLE;
    }
    bool *seen = is_key(key, "descr")           ? &header->has_type
                 : is_key(key, "fortran_order") ? &header->has_order
                 : is_key(key, "shape")         ? &header->has_shape
                                                : NULL;
    if (seen == NULL || *seen) {
        return OUTCOME_UNREADABLE;
    }
    *seen = true;
    if (seen == &header->has_type) {
        return take_type(cursor, &header->type, why);
    }
    return seen == &header->has_order ? take_order(cursor, &header->is_fortran)
                                      : take_shape(cursor, &header->shape, why);
}

static enum outcome take_header(struct cursor *cursor, struct header *header, char **why)
{
    if (!take(cursor, '{')) {
        return OUTCOME_UNREADABLE;
    }
    while (!take(cursor, '}')) {
        enum outcome outcome = take_entry(cursor, header, why);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (!take(cursor, ',')) {
            if (!take(cursor, '}')) {
                return OUTCOME_UNREADABLE;
            }
            break;
        }
    }
    skip_blanks(cursor);
    bool is_whole = header->has_type && header->has_order && header->has_shape;
    return is_whole && cursor->at == cursor->end ? OUTCOME_DONE : OUTCOME_UNREADABLE;
}

bool npy_parse_header(const char *text, uint32_t length, enum npy_type *type,
                      struct npy_shape *shape, char **why)
{
    struct cursor cursor = {text, text + length};
    struct header header = {0};
    enum outcome outcome = take_header(&cursor, &header, why);
    if (outcome == OUTCOME_UNREADABLE) {
        *why = xasprintf("has a header that is not a dictionary of descr, fortran_order and shape "
                         "(byte %u)",
                         NPY_PREAMBLE_BYTES + (uint32_t)(cursor.at - text));
    }
    if (outcome != OUTCOME_DONE) {
        return false;
    }
    if (header.is_fortran &&
        header.shape.dimension_count > 1) { // of a vector both orders are the same
        *why = xstrdup("is in Fortran order; save it with numpy.ascontiguousarray()");
        return false;
    }
    *type = header.type;
    *shape = header.shape;
    return true;
}

char *npy_format_header(enum npy_type type, const struct npy_shape *shape, uint32_t *byte_count)
{
    char *shape_text = npy_shape_text(shape);
    char *dictionary = xasprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                                 types[type].name, shape_text);
    size_t length = strlen(dictionary);
    uint32_t total = (uint32_t)div_ceil(NPY_PREAMBLE_BYTES + length + 1, DATA_ALIGNMENT_BYTES) *
                     DATA_ALIGNMENT_BYTES;
    uint32_t dictionary_bytes = total - NPY_PREAMBLE_BYTES;
    char *header = xmalloc(total);
    memset(header, ' ', total);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(dictionary_bytes & 0xff);
    header[9] = (char)(dictionary_bytes >> 8);
    memcpy(header + NPY_PREAMBLE_BYTES, dictionary, length);
    header[total - 1] = '\n';
    free(shape_text);
    free(dictionary);
    *byte_count = total;
    return header;
}

#include "report/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/npy_header.h"
#include "report/output_file.h"
#include "sim/err.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "items are read and written as they lie");

// Puts the path before the sentence.
static bool fail(const char *path, char *what, char **why)
{
    *why = xasprintf("%s: %s", path, what);
    free(what);
    return false;
}

uint64_t npy_item_count(const struct npy_shape *shape)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < shape->dimension_count; i++) {
        count *= shape->dimensions[i];
    }
    return count;
}

// False if the bytes of such a tensor would not fit in 63 bits.
static bool count_bytes(const struct npy_shape *shape, enum npy_type type, uint64_t *byte_count)
{
    uint64_t bytes = npy_type_bytes(type);
    bool is_huge = false;
    for (uint32_t i = 0; i < shape->dimension_count; i++) {
        is_huge = __builtin_mul_overflow(bytes, shape->dimensions[i], &bytes) || is_huge;
    }
    *byte_count = bytes;
    return !is_huge && bytes <= INT64_MAX;
}

static bool read_exactly(FILE *stream, void *out, uint64_t byte_count, char **why)
{
    errno = 0;
    if (fread(out, 1, byte_count, stream) == byte_count) {
        return true;
    }
    *why = ferror(stream) ? xasprintf("cannot be read: %s", strerror(errno))
                          : xstrdup("is truncated: it ends within its header");
    return false;
}

static bool read_header(FILE *stream, struct npy *npy, uint64_t *header_bytes, char **why)
{
    unsigned char preamble[NPY_PREAMBLE_BYTES];
    if (!read_exactly(stream, preamble, sizeof preamble, why)) {
        return false;
    }
    if (memcmp(preamble, "\x93NUMPY", 6) != 0) {
        *why = xstrdup("is not a .npy file: it does not begin with \\x93NUMPY");
        return false;
    }
    if (preamble[6] != 1 || preamble[7] != 0) {
        *why = xasprintf("has .npy format version %u.%u; 1.0 is read", preamble[6], preamble[7]);
        return false;
    }
    uint32_t length = preamble[8] | (uint32_t)preamble[9] << 8;
    char *text = xmalloc(length + 1);
    bool is_read = read_exactly(stream, text, length, why) &&
                   npy_parse_header(text, length, &npy->type, &npy->shape, why);
    free(text);
    *header_bytes = sizeof preamble + length;
    return is_read;
}

// The file must hold exactly the data of its shape: checked before memory is taken for it.
static bool check_length(uint64_t data_bytes, const struct npy *npy, uint64_t *wanted, char **why)
{
    bool is_possible = count_bytes(&npy->shape, npy->type, wanted);
    if (is_possible && *wanted == data_bytes) {
        return true;
    }
    char *shape = npy_shape_text(&npy->shape);
    char *needed =
        is_possible ? xasprintf("%llu", (unsigned long long)*wanted) : xstrdup("far more");
    *why = xasprintf("holds %llu bytes of data; shape %s of '%s' needs %s",
                     (unsigned long long)data_bytes, shape, npy_type_name(npy->type), needed);
    free(shape);
    free(needed);
    return false;
}

static bool read_stream(FILE *stream, struct npy *npy, char **why)
{
    struct stat status;
    if (fstat(fileno(stream), &status) != 0 || !S_ISREG(status.st_mode)) {
        *why = xstrdup("is not a regular file");
        return false;
    }
    uint64_t header_bytes = 0, wanted = 0;
    if (!read_header(stream, npy, &header_bytes, why) ||
        !check_length((uint64_t)status.st_size - header_bytes, npy, &wanted, why)) {
        return false;
    }
    npy->item_count = npy_item_count(&npy->shape);
    npy->items = xmalloc(wanted > 0 ? wanted : 1);
    return read_exactly(stream, npy->items, wanted, why);
}

bool npy_read(const char *path, struct npy *npy, char **why)
{
    *npy = (struct npy){0};
    FILE *stream = fopen(path, "rbe");
    if (stream == NULL) {
        return fail(path, xasprintf("cannot be opened: %s", strerror(errno)), why);
    }
    char *what = NULL;
    bool is_read = read_stream(stream, npy, &what);
    fclose(stream);
    if (!is_read) {
        npy_free(npy);
        return fail(path, what, why);
    }
    return true;
}

void npy_free(struct npy *npy)
{
    free(npy->items);
    npy->items = NULL;
}

static bool is_same_shape(const struct npy_shape *a, const struct npy_shape *b)
{
    return a->dimension_count == b->dimension_count &&
           memcmp(a->dimensions, b->dimensions, a->dimension_count * sizeof *a->dimensions) == 0;
}

bool npy_read_shaped(const char *path, enum npy_type type, const struct npy_shape *shape,
                     void **items, char **why)
{
    *items = NULL;
    struct npy npy;
    if (!npy_read(path, &npy, why)) {
        return false;
    }
    if (npy.type == type && is_same_shape(&npy.shape, shape)) {
        *items = npy.items;
        return true;
    }
    char *got = npy_shape_text(&npy.shape), *expected = npy_shape_text(shape);
    char *what = xasprintf("holds '%s' of shape %s; expected '%s' of shape %s",
                           npy_type_name(npy.type), got, npy_type_name(type), expected);
    free(got);
    free(expected);
    npy_free(&npy);
    return fail(path, what, why);
}

bool npy_write(const char *path, enum npy_type type, const struct npy_shape *shape,
               const void *items, char **why)
{
    uint64_t data_bytes = 0;
    SIM_ASSERT(shape->dimension_count <= NPY_DIMENSIONS_MAX &&
                   count_bytes(shape, type, &data_bytes),
               "%s: %u dimensions", path, shape->dimension_count);
    struct output_file file;
    if (!output_file_open(&file, path)) {
        return fail(path, xasprintf("cannot be written: %s", strerror(errno)), why);
    }
    uint32_t header_bytes = 0;
    char *header = npy_format_header(type, shape, &header_bytes);
    errno = 0;
    if (fwrite(header, 1, header_bytes, file.stream) == header_bytes) {
        fwrite(items, 1, data_bytes, file.stream); // what is missing shows in output_file_commit()
    }
    bool is_written = output_file_commit(&file);
    int error = errno;
    free(header);
    return is_written || fail(path, xasprintf("cannot be written: %s", strerror(error)), why);
}

#include "workloads/data/idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "sim/err.h"
#include "sim/units.h"

#define BYTES_MAX (1u << 30) // a guard against bad headers, far above such sets (MNIST: 47 MB)
#define GZ_BUFFER_BYTES (1u << 17) // zlib.h: "larger buffers ... for example 64K or 128K ... speed"

static uint32_t read_big_endian(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// What zlib (or the system) says of the last call. zlib puts the path before it; our caller does,
// too.
static char *describe_fault(gzFile file)
{
    int code = Z_OK;
    const char *text = gzerror(file, &code);
    if (code == Z_ERRNO) {
        return xasprintf("cannot be read: %s", strerror(errno));
    }
    const char *last = strrchr(text, ':'); // its own messages have no colon
    return xasprintf("is corrupt: %s", last != NULL ? last + 2 : text);
}

static bool has_fault(gzFile file) // other than an early end
{
    int code = Z_OK;
    gzerror(file, &code);
    return code != Z_OK && code != Z_BUF_ERROR;
}

// False unless all `wanted` bytes came.
static bool read_bytes(gzFile file, uint8_t *out, uint32_t wanted, const char *what, char **why)
{
    uint32_t got = 0;
    while (got < wanted) {
        int now = gzread(file, out + got, wanted - got);
        if (now < 0 || has_fault(file)) {
            *why = describe_fault(file);
            return false;
        }
        if (now == 0) {
            *why = xasprintf("is truncated: it ends after %u of %u bytes of its %s", got, wanted,
                             what);
            return false;
        }
        got += (uint32_t)now;
    }
    return true;
}

static bool read_header(gzFile file, uint32_t dimension_count, struct idx *idx,
                        uint32_t *byte_count, char **why)
{
    uint8_t header[4 + 4 * IDX_DIMENSIONS_MAX];
    if (!read_bytes(file, header, 4, "magic number", why)) {
        return false;
    }
    const uint32_t expected = 0x800u + dimension_count; // 8: unsigned bytes
    if (read_big_endian(header) != expected) {
        *why = xasprintf(
            "begins with 0x%08x instead of 0x%08x, the mark of an IDX file of bytes in %u "
            "dimension%s",
            read_big_endian(header), expected, dimension_count, dimension_count == 1 ? "" : "s");
        return false;
    }
    if (!read_bytes(file, header + 4, 4 * dimension_count, "header", why)) {
        return false;
    }
    uint64_t product = 1;
    for (uint32_t i = 0; i < dimension_count; i++) {
        idx->dimensions[i] = read_big_endian(header + 4 + 4 * i);
        product *=
            min_u64(idx->dimensions[i], BYTES_MAX + 1); // three of them stay below 2^64 once cut
        product = min_u64(product, BYTES_MAX + 1);
    }
    if (product == 0 || product > BYTES_MAX) {
        *why = xasprintf("has a header that announces %s",
                         product == 0 ? "no data" : "more than 1 GiB of data");
        return false;
    }
    *byte_count = (uint32_t)product;
    return true;
}

// Reading past the last byte makes zlib compare the checksum.
static bool check_end(gzFile file, uint32_t byte_count, char **why)
{
    uint8_t byte;
    int got = gzread(file, &byte, 1);
    if (got > 0) {
        *why = xasprintf("goes on after the %u bytes that its header announces", byte_count);
        return false;
    }
    if (got < 0 || has_fault(file)) {
        *why = describe_fault(file);
        return false;
    }
    int code = Z_OK;
    gzerror(file, &code);
    if (code == Z_BUF_ERROR) {
        *why = xstrdup("is truncated: its checksum is missing");
        return false;
    }
    return true;
}

static bool read_all(gzFile file, uint32_t dimension_count, struct idx *idx, char **why)
{
    uint32_t byte_count = 0;
    if (!read_header(file, dimension_count, idx, &byte_count, why)) {
        return false;
    }
    idx->bytes = xmalloc(byte_count);
    return read_bytes(file, idx->bytes, byte_count, "data", why) &&
           check_end(file, byte_count, why);
}

bool idx_read(const char *path, uint32_t dimension_count, struct idx *idx, char **why)
{
    SIM_ASSERT(dimension_count >= 1 && dimension_count <= IDX_DIMENSIONS_MAX, "%u dimensions",
               dimension_count);
    *idx = (struct idx){{1, 1, 1}, NULL};
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        *why = xasprintf("cannot be opened: %s", errno != 0 ? strerror(errno) : "out of memory");
        return false;
    }
    gzbuffer(file, GZ_BUFFER_BYTES);
    bool is_read = read_all(file, dimension_count, idx, why);
    gzclose_r(file);
    if (!is_read) {
        free(idx->bytes);
        idx->bytes = NULL;
    }
    return is_read;
}

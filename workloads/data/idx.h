// IDX files of unsigned bytes, as MNIST and its relatives use them: a big-endian magic number (0,
// 0, 8 for bytes, number of dimensions), the dimensions as 32-bit numbers, then the bytes, last
// dimension fastest. Source: yann.lecun.com/exdb/mnist, "The IDX file format". Files may be gzipped
// or plain.
#ifndef TILESIM_WORKLOADS_DATA_IDX_H
#define TILESIM_WORKLOADS_DATA_IDX_H

#include <stdbool.h>
#include <stdint.h>

#define IDX_DIMENSIONS_MAX 3u

struct idx {
    uint32_t dimensions[IDX_DIMENSIONS_MAX];
    uint8_t *bytes; // owned; the product of the dimensions
};

// Reads the whole file and checks its length and checksum. False: nothing is kept, *why says what
// is wrong (owned by the caller, without the path).
bool idx_read(const char *path, uint32_t dimension_count, struct idx *idx, char **why);

#endif

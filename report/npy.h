// NumPy .npy files, format version 1.0, C order, little-endian: tensors in and out.
// Source: numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
// Every function that fails returns false and sets *why (owned by the caller) to one sentence that
// begins with the path.
#ifndef TILESIM_REPORT_NPY_H
#define TILESIM_REPORT_NPY_H

#include <stdbool.h>
#include <stdint.h>

#define NPY_DIMENSIONS_MAX 4u

enum npy_type { NPY_FLOAT32, NPY_FLOAT64, NPY_UINT32 };

struct npy_shape {
    uint32_t dimension_count; // 0: a single item
    uint64_t dimensions[NPY_DIMENSIONS_MAX];
};

struct npy {
    enum npy_type type;
    struct npy_shape shape;
    uint64_t item_count;
    void *items; // owned
};

// Any of the types and up to four dimensions. On failure npy->items is NULL.
bool npy_read(const char *path, struct npy *npy, char **why);
void npy_free(struct npy *npy);
// Only this type and shape. *items is owned by the caller; NULL on failure.
bool npy_read_shaped(const char *path, enum npy_type type, const struct npy_shape *shape,
                     void **items, char **why);
// Writes through a temporary file in the same folder: never a partial file under `path`.
bool npy_write(const char *path, enum npy_type type, const struct npy_shape *shape,
               const void *items, char **why);
uint64_t npy_item_count(const struct npy_shape *shape);

#endif

// The header of a .npy file: a Python dictionary literal with the keys descr, fortran_order and
// shape.
#ifndef TILESIM_REPORT_NPY_HEADER_H
#define TILESIM_REPORT_NPY_HEADER_H

#include "report/npy.h"

#define NPY_PREAMBLE_BYTES 10u // magic string, version, header length

// text[length] is the dictionary. False: *why is a sentence without the path.
bool npy_parse_header(const char *text, uint32_t length, enum npy_type *type,
                      struct npy_shape *shape, char **why);
// Preamble and dictionary, padded so that the data begins at a multiple of 64 bytes; owned by the
// caller.
char *npy_format_header(enum npy_type type, const struct npy_shape *shape, uint32_t *byte_count);

const char *npy_type_name(enum npy_type type); // "<f4"
uint32_t npy_type_bytes(enum npy_type type);
char *npy_shape_text(const struct npy_shape *shape); // "(3, 4)", "(3,)", "()"; owned by the caller

#endif

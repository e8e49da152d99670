// Short ways to write entries of a table of keys (sim/config/config.h). The key is named like its
// field.
//   KEY_NUMBER(KEY_REAL, struct tile, sram_bytes, 0, 1e9, "bytes", "null", "what it is")
// A default of NULL makes the key required. The last entry of a table is KEYS_END.
#ifndef TILESIM_SIM_CONFIG_KEYS_H
#define TILESIM_SIM_CONFIG_KEYS_H

#include "sim/config/config.h"

#define KEY_NUMBER(kind, owner, field, low, high, unit_text, default_value, doc_text)            \
    {                                                                                            \
        .name = #field, .type = kind, .offset = offsetof(owner, field), .min = low, .max = high, \
        .unit = unit_text, .default_text = default_value, .doc = doc_text                        \
    }
// yaml: the key's name where the field has another
#define KEY_TRUTH(owner, yaml, field, default_value, doc_text)            \
    {                                                                     \
        .name = yaml, .type = KEY_BOOL, .offset = offsetof(owner, field), \
        .default_text = default_value, .doc = doc_text                    \
    }
#define KEY_TEXT(owner, yaml, field, default_value, doc_text)               \
    {                                                                       \
        .name = yaml, .type = KEY_STRING, .offset = offsetof(owner, field), \
        .default_text = default_value, .doc = doc_text                      \
    }
#define KEY_CHOICE(owner, yaml, field, enumerators, default_value, doc_text)                    \
    {                                                                                           \
        .name = yaml, .type = KEY_ENUM, .offset = offsetof(owner, field), .names = enumerators, \
        .default_text = default_value, .doc = doc_text                                          \
    }
#define KEY_PART(owner, field, table, doc_text)                                               \
    {                                                                                         \
        .name = #field, .type = KEY_SECTION, .offset = offsetof(owner, field), .keys = table, \
        .doc = doc_text                                                                       \
    }
#define KEYS_END     \
    {                \
        .name = NULL \
    }

#endif

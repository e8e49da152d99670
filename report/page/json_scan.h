// Finds members in JSON text without building the tree: a sweep's results are 100 MB of text of
// which its page needs a tenth. The text must be valid JSON (the store holds what jansson wrote).
#ifndef TILESIM_REPORT_PAGE_JSON_SCAN_H
#define TILESIM_REPORT_PAGE_JSON_SCAN_H

#include <jansson.h>
#include <stdint.h>

// The value of a member of the object that starts at `object`. NULL: no such member, or no object.
const char *json_scan_member(const char *object, const char *name);
struct json_member {
    const char *key; // behind its quote; as it is written
    size_t key_bytes;
    const char *value;
};
// All members of an object, of which `most` are kept. How many are.
uint32_t json_scan_members(const char *object, struct json_member *members, uint32_t most);
// The first item of the array that starts at `array`, and the item after `item`. NULL: there is
// none.
const char *json_scan_first(const char *array);
const char *json_scan_next(const char *item);
// The character after the value that starts at `value`.
const char *json_scan_end(const char *value);
// Owned tree of the value; NULL for NULL.
json_t *json_scan_value(const char *value);

#endif

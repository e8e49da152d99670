#include "report/page/json_scan.h"

#include <stdbool.h>
#include <string.h>

// What a character can end. Looked up for every character of 100 MB: strcspn() takes three times as
// long, as most of what it is asked for is a few characters away.
enum { SPACE = 1, STRUCTURE = 2, SCALAR_END = 4, TEXT_END = 8 };
static const unsigned char marks[256] = {
    [0] = STRUCTURE | SCALAR_END | TEXT_END,
    [' '] = SPACE | SCALAR_END,
    ['\t'] = SPACE | SCALAR_END,
    ['\r'] = SPACE | SCALAR_END,
    ['\n'] = SPACE | SCALAR_END,
    [','] = SCALAR_END,
    ['"'] = STRUCTURE | TEXT_END,
    ['\\'] = TEXT_END,
    ['{'] = STRUCTURE,
    ['['] = STRUCTURE,
    ['}'] = STRUCTURE | SCALAR_END,
    [']'] = STRUCTURE | SCALAR_END,
};

static bool has_mark(const char *text, unsigned char mark)
{
    return (marks[(unsigned char)*text] & mark) != 0;
}

static const char *skip_space(const char *text)
{
    while (has_mark(text, SPACE)) {
        text++;
    }
    return text;
}

static const char *skip_to(const char *text, unsigned char mark)
{
    while (!has_mark(text, mark)) {
        text++;
    }
    return text;
}

// From the opening quote to the character after the closing one.
static const char *string_end(const char *text)
{
    text = skip_to(text + 1, TEXT_END);
    while (*text == '\\' && text[1] != '\0') {
        text = skip_to(text + 2, TEXT_END);
    }
    return *text == '\0' ? text : text + 1;
}

const char *json_scan_end(const char *value)
{
    uint32_t depth = 0;
    do {
        if (*value == '"') {
            value = string_end(value);
        } else if (*value == '{' || *value == '[') {
            depth++;
            value++;
        } else if (*value == '}' || *value == ']') {
            depth--;
            value++;
        } else {
            value = skip_to(value, depth == 0 ? SCALAR_END : STRUCTURE);
        }
    } while (depth > 0 && *value != '\0');
    return value;
}

// The item after a comma; NULL at the end of its array or object.
static const char *after(const char *value)
{
    const char *end = skip_space(json_scan_end(value));
    return *end == ',' ? skip_space(end + 1) : NULL;
}

static const char *first_key(const char *object)
{
    return object == NULL || *(object = skip_space(object)) != '{' ? NULL : skip_space(object + 1);
}

// The member whose key begins here. False: there is none.
static bool read_member(const char *key, struct json_member *member)
{
    if (key == NULL || *key != '"') {
        return false;
    }
    const char *end = string_end(key);
    const char *colon = skip_space(end);
    if (*colon != ':') {
        return false; // the text was cut off
    }
    *member = (struct json_member){key + 1, (size_t)(end - key) - 2, skip_space(colon + 1)};
    return true;
}

const char *json_scan_member(const char *object, const char *name)
{
    size_t length = strlen(name);
    struct json_member member;
    for (const char *key = first_key(object); read_member(key, &member);
         key = after(member.value)) {
        if (member.key_bytes == length && memcmp(member.key, name, length) == 0) {
            return member.value;
        }
    }
    return NULL;
}

uint32_t json_scan_members(const char *object, struct json_member *members, uint32_t most)
{
    uint32_t count = 0;
    const char *key = first_key(object);
    while (count < most && read_member(key, &members[count])) {
        key = after(members[count++].value);
    }
    return count;
}

const char *json_scan_first(const char *array)
{
    if (array == NULL || *(array = skip_space(array)) != '[') {
        return NULL;
    }
    const char *item = skip_space(array + 1);
    return *item == ']' || *item == '\0' ? NULL : item;
}

const char *json_scan_next(const char *item)
{
    return after(item);
}

json_t *json_scan_value(const char *value)
{
    if (value == NULL) {
        return NULL;
    }
    return json_loadb(value, (size_t)(json_scan_end(value) - value), JSON_DECODE_ANY, NULL);
}

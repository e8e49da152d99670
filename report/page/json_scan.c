#include "report/page/json_scan.h"

#include <string.h>

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

// From the opening quote to the character after the closing one.
static const char *string_end(const char *text)
{
    text++;
    while (*text != '"' && *text != '\0') {
        text += text[0] == '\\' && text[1] != '\0' ? 2 : 1;
    }
    return *text == '"' ? text + 1 : text;
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
        } else if (depth == 0) {
            value += strcspn(value, ",]} \t\r\n");
        } else {
            value += strcspn(value, "\"[]{}");
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

const char *json_scan_member(const char *object, const char *name)
{
    if (object == NULL || *(object = skip_space(object)) != '{') {
        return NULL;
    }
    size_t length = strlen(name);
    const char *key = skip_space(object + 1);
    while (key != NULL && *key == '"') {
        const char *end = string_end(key);
        const char *value = skip_space(end);
        if (*value != ':') {
            return NULL;
        }
        value = skip_space(value + 1);
        if ((size_t)(end - key) == length + 2 && memcmp(key + 1, name, length) == 0) {
            return value;
        }
        key = after(value);
    }
    return NULL;
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

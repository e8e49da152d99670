// One scalar of text -> a number, a truth value or an enumerator, with the messages if it is none.
// The whole scalar must be consumed: "48x" is not 48. Numbers are read in the C locale, which the
// program never leaves.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/config_tree.h"

#define WORD_LENGTH_MAX 64u // longer words get no suggestion
#define NAMES_LISTED_MAX 40u
#define BEGINNING_LENGTH_MIN 3u              // of a word that is taken for the beginning of a name
#define EXACT_INTEGER_MAX 9007199254740992.0 // 2^53: beyond it a double skips integers

uint32_t config_word_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > WORD_LENGTH_MAX || b_length > WORD_LENGTH_MAX) {
        return UINT32_MAX;
    }
    uint32_t rows[3][WORD_LENGTH_MAX + 1] = {{0}}; // of i-2, i-1 and i characters of a
    uint32_t *before = rows[0];
    uint32_t *last = rows[1];
    uint32_t *now = rows[2];
    for (uint32_t j = 0; j <= b_length; j++) {
        now[j] = j;
    }
    for (uint32_t i = 1; i <= a_length; i++) {
        uint32_t *reused = before;
        before = last;
        last = now;
        now = reused;
        now[0] = i;
        for (uint32_t j = 1; j <= b_length; j++) {
            uint32_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            now[j] = is_swap && before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
        }
    }
    return now[b_length];
}

char *config_suggest(const char *word, const char *(*name_at)(const void *names, uint32_t i),
                     const void *names)
{
    const char *nearest = NULL;
    // the first name that the word begins: left off, not mistyped
    const char *nearest_beginning = NULL;
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; name_at(names, i) != NULL; i++) {
        const char *name = name_at(names, i);
        uint32_t distance = config_word_distance(word, name);
        bool is_beginning =
            strlen(word) >= BEGINNING_LENGTH_MIN && strncmp(word, name, strlen(word)) == 0;
        if (is_beginning && nearest_beginning == NULL) {
            nearest_beginning = name;
        }
        if (distance < best && distance <= 1 + strlen(name) / 4 && distance < strlen(name)) {
            best = distance;
            nearest = name;
        }
    }
    nearest = nearest_beginning == NULL ? nearest : nearest_beginning;
    return nearest == NULL ? xstrdup("") : xasprintf("; did you mean '%s'?", nearest);
}

static void format_limit(char *out, size_t bytes, double value)
{
    if (fabs(value) < 1e17 && value == floor(value)) {
        snprintf(out, bytes, "%.0f", value);
    } else {
        snprintf(out, bytes, "%g", value);
    }
}

char *config_range_text(const struct key *key)
{
    char min[40];
    char max[40];
    format_limit(min, sizeof(min), key->min);
    format_limit(max, sizeof(max), key->max);
    bool has_word = key->word != NULL && key->type == KEY_UINT32;
    return xasprintf("%s..%s%s%s%s%s", min, max, key->unit == NULL ? "" : " ",
                     key->unit == NULL ? "" : key->unit, has_word ? ", or " : "",
                     has_word ? key->word : "");
}

static bool report_range(const struct place *place, const struct node *node, struct err *err)
{
    char *range = config_range_text(place->key);
    err_at(err, &node->mark, "%s: %.60s is outside %s", place->path, node->text, range);
    free(range);
    return false;
}

static bool report_type(const struct place *place, const struct node *node, const char *what,
                        struct err *err)
{
    char *range = config_range_text(place->key);
    if (node->kind != NODE_SCALAR || node_is_null(node)) {
        err_at(err, &node->mark, "%s: %s is needed here, not %s; legal: %s", place->path, what,
               node_kind_name(node), range);
    } else {
        err_at(err, &node->mark, "%s: '%.60s'%s is not %s; legal: %s", place->path, node->text,
               node->is_quoted ? " in quotes" : "", what, range);
    }
    free(range);
    return false;
}

static bool is_plain_text(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->is_quoted && node->text[0] != '\0';
}

// Decimal digits, sign, point and exponent only: strtod also takes "inf", "nan" and hexadecimal.
static bool read_decimal(const char *text, double *value)
{
    char *end;
    if (strspn(text, "+-.0123456789eE") != strlen(text)) {
        return false;
    }
    *value = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool is_infinite_word(const char *text)
{
    const char *const words[] = {".inf", ".Inf", ".INF", "inf", ".nan", ".NaN", ".NAN", "nan"};
    text += *text == '+' || *text == '-' ? 1 : 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool config_read_number(const struct place *place, const struct node *node, double *value,
                        struct err *err)
{
    double number = 0;
    if (is_plain_text(node) && is_infinite_word(node->text)) {
        return report_type(place, node, "a finite number", err);
    }
    if (!is_plain_text(node) || !read_decimal(node->text, &number)) {
        return report_type(place, node, "a number", err);
    }
    if (!(number >= place->key->min && number <= place->key->max)) {
        return report_range(place, node, err);
    }
    *value = number;
    return true;
}

// "48", "0x30", "0o60", "4.8e1". *is_large: right, but beyond 64 bits or negative.
static bool read_whole(const char *text, uint64_t *value, bool *is_outside)
{
    const char *digits = text + (*text == '+' ? 1 : 0);
    bool is_hexadecimal = strncmp(digits, "0x", 2) == 0;
    bool is_octal = strncmp(digits, "0o", 2) == 0;
    const char *start = digits + (is_hexadecimal || is_octal ? 2 : 0);
    const char *legal = is_hexadecimal ? "0123456789abcdefABCDEF"
                        : is_octal     ? "01234567"
                                       : "0123456789";
    *is_outside = false;
    if (*start != '\0' && strspn(start, legal) == strlen(start)) {
        errno = 0;
        *value = strtoull(start, NULL, is_hexadecimal ? 16 : is_octal ? 8 : 10);
        *is_outside = errno == ERANGE;
        return true;
    }
    double number;
    if (!read_decimal(text, &number) || number != floor(number)) {
        return false;
    }
    *is_outside = number < 0 || number > EXACT_INTEGER_MAX;
    *value = *is_outside ? 0 : (uint64_t)number;
    return true;
}

bool config_read_integer(const struct place *place, const struct node *node, uint64_t *value,
                         struct err *err)
{
    bool is_outside = false;
    uint64_t number = 0;
    if (!is_plain_text(node) || !read_whole(node->text, &number, &is_outside)) {
        return report_type(place, node, "a whole number", err);
    }
    // Limits are whole doubles: compared as integers, 2^53 + 1 does not round down to a limit of
    // 2^53.
    if (is_outside || (double)number < place->key->min || number > (uint64_t)place->key->max) {
        return report_range(place, node, err);
    }
    *value = number;
    return true;
}

bool config_read_bool(const struct place *place, const struct node *node, bool *value,
                      struct err *err)
{
    const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    for (size_t i = 0; i < 6 && is_plain_text(node); i++) {
        if (strcmp(node->text, words[i]) == 0) {
            *value = i >= 3;
            return true;
        }
    }
    return err_at(err, &node->mark, "%s: '%.60s' is neither true nor false", place->path,
                  node->kind == NODE_SCALAR ? node->text : node_kind_name(node));
}

const char *config_enum_name(const struct key *key, uint32_t index)
{
    return key->name_at != NULL ? key->name_at(index) : key->names[index];
}

static const char *enum_name_at(const void *key, uint32_t i)
{
    return config_enum_name(key, i);
}

bool config_read_enum(const struct place *place, const struct node *node, uint32_t *index,
                      struct err *err)
{
    const struct key *key = place->key;
    const char *word = node->kind == NODE_SCALAR ? node->text : node_kind_name(node);
    char *all = xstrdup("");
    for (uint32_t i = 0; config_enum_name(key, i) != NULL; i++) {
        const char *name = config_enum_name(key, i);
        if (node->kind == NODE_SCALAR && strcmp(name, word) == 0) {
            *index = i;
            free(all);
            return true;
        }
        char *longer = i < NAMES_LISTED_MAX ? xasprintf("%s%s%s", all, i == 0 ? "" : ", ", name)
                                            : xstrdup(all);
        free(all);
        all = longer;
    }
    char *suggestion = config_suggest(word, enum_name_at, key);
    err_at(err, &node->mark, "%s: '%.60s' is not one of: %s%s", place->path, word, all, suggestion);
    free(suggestion);
    free(all);
    return false;
}

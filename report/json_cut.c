#include "report/json_cut.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/err.h"

#define NO_MARK UINT32_MAX

struct json_mark { // a bracket or a comma outside of strings
    uint32_t at;
    // Of an opening bracket: the mark that closes it; while it is open: the one around it.
    uint32_t match;
    char kind;
};

static const bool is_mark[256] = {['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
                                  [','] = true, ['"'] = true, ['\0'] = true};

static void add_mark(struct json_cut *cut, size_t at, char kind, uint32_t match)
{
    if (cut->mark_count == cut->mark_room) {
        cut->mark_room = cut->mark_room == 0 ? 1024 : cut->mark_room * 2;
        cut->marks = xrealloc(cut->marks, cut->mark_room * sizeof(*cut->marks));
    }
    cut->marks[cut->mark_count++] = (struct json_mark){(uint32_t)at, match, kind};
}

// The quote that ends the string which begins at `at`, or the text's end.
static size_t string_end(const char *text, size_t at)
{
    at++;
    while (text[at] != '"' && text[at] != '\0') {
        at += text[at] == '\\' && text[at + 1] != '\0' ? 2 : 1;
    }
    return at;
}

// False: brackets do not match.
static bool find_marks(struct json_cut *cut, const char *text, size_t length_bytes)
{
    uint32_t open = NO_MARK;
    cut->mark_count = 0;
    for (size_t at = 0; at < length_bytes; at++) {
        while (!is_mark[(unsigned char)text[at]]) {
            at++;
        }
        char kind = text[at];
        if (kind == '"') {
            at = string_end(text, at);
        } else if (kind == ',') {
            add_mark(cut, at, kind, NO_MARK);
        } else if (kind == '{' || kind == '[') {
            add_mark(cut, at, kind, open);
            open = cut->mark_count - 1;
        } else if (kind != '\0') {
            if (open == NO_MARK) {
                return false;
            }
            uint32_t around = cut->marks[open].match;
            cut->marks[open].match = cut->mark_count;
            add_mark(cut, at, kind, NO_MARK);
            open = around;
        }
    }
    return open == NO_MARK;
}

static void end_piece(struct json_cut *cut, size_t at)
{
    if (at == (cut->count == 0 ? 0 : cut->ends[cut->count - 1])) {
        return;
    }
    if (cut->count == cut->room) {
        cut->room = cut->room == 0 ? 256 : cut->room * 2;
        cut->ends = xrealloc(cut->ends, cut->room * sizeof(*cut->ends));
    }
    cut->ends[cut->count++] = (uint32_t)at;
}

// Cuts what the mark opens, if it is long. The mark after it.
static uint32_t cut_inside(struct json_cut *cut, uint32_t opening)
{
    const struct json_mark *marks = cut->marks;
    uint32_t closing = marks[opening].match;
    bool is_short = marks[closing].at - marks[opening].at <= JSON_CUT_BYTES;
    char first = marks[opening + 1].kind;
    if (is_short || (marks[opening].kind == '[' && first != '{' && first != '[')) {
        return closing + 1;
    }
    end_piece(cut, marks[opening].at + 1);
    for (uint32_t i = opening + 1; i < closing;) {
        if (marks[i].kind == ',') {
            end_piece(cut, marks[i].at + 1);
            i++;
        } else {
            i = cut_inside(cut, i);
        }
    }
    end_piece(cut, marks[closing].at);
    return closing + 1;
}

void json_cut_text(struct json_cut *cut, const char *text, size_t length_bytes)
{
    cut->count = 0;
    if (find_marks(cut, text, length_bytes)) {
        for (uint32_t i = 0; i < cut->mark_count;) {
            i = cut->marks[i].kind == ',' ? i + 1 : cut_inside(cut, i);
        }
    }
    end_piece(cut, length_bytes);
}

void json_cut_free(struct json_cut *cut)
{
    free(cut->ends);
    free(cut->marks);
    *cut = (struct json_cut){0};
}

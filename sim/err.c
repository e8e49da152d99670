// Messages are rendered when they are added, with a copy of their source line, so that they outlive
// the texts they point into.
#include "sim/err.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config/source.h"

#define CONTEXT_BYTES_MAX 100u      // of a source line shown under a message; longer lines are cut
#define CONTEXT_LEAD_CHARACTERS 60u // shown before the caret of a line that is cut

struct message {
    char *text;    // owned; "file:line:column: text"
    char *context; // owned; the source line as shown; NULL: none
    char *caret;   // owned; blanks and the caret below it
    uint64_t hash; // of text: equal messages are added once
};

struct err {
    struct message *messages; // owned
    size_t count, capacity;
};

struct err *err_create(void)
{
    return xcalloc(1, sizeof(struct err));
}

void err_destroy(struct err *err)
{
    if (err == NULL) {
        return;
    }
    for (size_t i = 0; i < err->count; i++) {
        free(err->messages[i].text);
        free(err->messages[i].context);
        free(err->messages[i].caret);
    }
    free(err->messages);
    free(err);
}

static uint64_t hash_text(const char *text) // FNV-1a
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    return hash;
}

static bool is_control(char character)
{
    return ((unsigned char)character < 0x20) || character == 0x7f;
}

static bool is_continuation(char byte) // of a UTF-8 character
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

// Input may hold terminal escapes: what is printed never does.
static void hide_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if (is_control(*text) && *text != '\t') {
            *text = '?';
        }
    }
}

static const char *skip_characters(const char *at, const char *end, uint32_t characters)
{
    while (characters > 0 && at < end) {
        at++;
        while (at < end && is_continuation(*at)) {
            at++;
        }
        characters--;
    }
    return at;
}

static const char *find_line(const struct source *source, uint32_t line)
{
    const char *at = source->text;
    const char *end = source->text + source->bytes;
    for (uint32_t i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            return end;
        }
        at = newline + 1;
    }
    return at;
}

static void add_context(struct message *message, const struct mark *mark)
{
    const char *start = find_line(mark->source, mark->line);
    const char *text_end = mark->source->text + mark->source->bytes;
    const char *end = memchr(start, '\n', (size_t)(text_end - start));
    end = end == NULL ? text_end : end;
    uint32_t caret = mark->column == 0 ? 0 : mark->column - 1;
    const char *lead = "";
    if (caret > CONTEXT_LEAD_CHARACTERS && (size_t)(end - start) > CONTEXT_BYTES_MAX) {
        start = skip_characters(start, end, caret - CONTEXT_LEAD_CHARACTERS);
        caret = CONTEXT_LEAD_CHARACTERS;
        lead = "...";
    }
    const char *shown_end = end;
    if ((size_t)(end - start) > CONTEXT_BYTES_MAX) {
        shown_end = start + CONTEXT_BYTES_MAX;
        while (shown_end > start && is_continuation(*shown_end)) {
            shown_end--;
        }
    }
    message->context =
        xasprintf("%s%.*s%s", lead, (int)(shown_end - start), start, shown_end == end ? "" : "...");
    hide_controls(message->context);
    // Tabs stay tabs, so that the caret stands where the terminal puts the character.
    char *blanks = xmalloc((size_t)caret + strlen(lead) + 2);
    char *out = blanks;
    for (const char *at = lead; *at != '\0'; at++) {
        *out++ = ' ';
    }
    const char *at = start;
    for (uint32_t i = 0; i < caret && at < end; i++) {
        *out++ = *at == '\t' ? '\t' : ' ';
        at = skip_characters(at, end, 1);
    }
    *out++ = '^';
    *out = '\0';
    message->caret = blanks;
}

static void add_message(struct err *err, char *text, const struct mark *mark)
{
    uint64_t hash = hash_text(text);
    for (size_t i = 0; i < err->count; i++) {
        if (err->messages[i].hash == hash && strcmp(err->messages[i].text, text) == 0) {
            free(text); // said before: two machines may share one wrong chip file
            return;
        }
    }
    if (err->count == err->capacity) {
        err->capacity = err->capacity == 0 ? 8 : 2 * err->capacity;
        err->messages = xrealloc(err->messages, err->capacity * sizeof(*err->messages));
    }
    struct message *message = &err->messages[err->count++];
    *message = (struct message){.text = text, .hash = hash};
    if (mark != NULL && mark->source != NULL && mark->line > 0) {
        add_context(message, mark);
    }
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        fputs("tilesim: out of memory\n", stderr);
        abort();
    }
    return text;
}

bool err_at(struct err *err, const struct mark *mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *what = format_text(format, arguments);
    va_end(arguments);
    hide_controls(what);
    char *text;
    if (mark == NULL || mark->source == NULL) {
        text = xstrdup(what);
    } else if (mark->line == 0) { // the source as a whole
        text = xasprintf("%s: %s", mark->source->name, what);
    } else {
        text = xasprintf("%s:%u:%u: %s", mark->source->name, mark->line, mark->column, what);
    }
    free(what);
    add_message(err, text, mark);
    return false;
}

size_t err_count(const struct err *err)
{
    return err->count;
}

const char *err_message(const struct err *err, size_t i)
{
    SIM_ASSERT(i < err->count, "message %zu of %zu", i, err->count);
    return err->messages[i].text;
}

void err_print(const struct err *err, FILE *stream)
{
    for (size_t i = 0; i < err->count; i++) {
        const struct message *message = &err->messages[i];
        fprintf(stream, "%s\n", message->text);
        if (message->context != NULL) {
            fprintf(stream, "    %s\n    %s\n", message->context, message->caret);
        }
    }
}

_Noreturn void sim_assert_fail(const char *file, int line, const char *condition,
                               const char *format, ...)
{
    fprintf(stderr, "tilesim: fault of the simulator at %s:%d: %s: ", file, line, condition);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

static void *check_memory(void *memory)
{
    if (memory == NULL) {
        fputs("tilesim: out of memory\n", stderr);
        exit(1); // there is nothing to clean up without memory
    }
    return memory;
}

void *xmalloc(size_t bytes)
{
    return check_memory(malloc(bytes == 0 ? 1 : bytes));
}

void *xcalloc(size_t count, size_t bytes)
{
    return check_memory(count == 0 || bytes == 0 ? calloc(1, 1) : calloc(count, bytes));
}

void *xrealloc(void *memory, size_t bytes)
{
    return check_memory(realloc(memory, bytes == 0 ? 1 : bytes));
}

char *xstrdup(const char *text)
{
    return check_memory(strdup(text));
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    return text;
}

// Messages about the user's input, collected so that one run reports them all.
// A message points at a place (file, line, column) and shows the source line with a caret.
// Faults of the simulator itself are not messages: they abort through SIM_ASSERT.
#ifndef TILESIM_SIM_ERR_H
#define TILESIM_SIM_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// one text that was read (a file, or a --set argument); owned by the config that read it
struct source;

struct mark {
    const struct source *source; // NULL: no place is known
    uint32_t line;               // counted from 1
    uint32_t column;             // counted from 1, in characters
};

struct err;

struct err *err_create(void);
void err_destroy(struct err *err);
// Adds one message. mark may be NULL. Always returns false, so that a caller can `return
// err_at(...)`.
bool err_at(struct err *err, const struct mark *mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t err_count(const struct err *err);
const char *err_message(const struct err *err, size_t i); // "file:line:column: text", no caret
void err_print(const struct err *err, FILE *stream);      // all of them, with source line and caret

// The simulator is wrong: prints where, and aborts. On in release builds too.
#define SIM_ASSERT(condition, ...)                                        \
    do {                                                                  \
        if (!(condition)) {                                               \
            sim_assert_fail(__FILE__, __LINE__, #condition, __VA_ARGS__); \
        }                                                                 \
    } while (0)

_Noreturn void sim_assert_fail(const char *file, int line, const char *condition,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

// malloc and friends that never return NULL: out of memory ends the program with one clear message.
void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes);
void *xrealloc(void *memory, size_t bytes);
char *xstrdup(const char *text);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline const char *plural_ending(uint64_t count)
{
    return count == 1 ? "" : "s";
}

#endif

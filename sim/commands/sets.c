#include "sim/commands/sets.h"

#include <stdlib.h>

#include "sim/err.h"

void sets_add(struct sets *sets, const char *text)
{
    if (sets->count == sets->capacity) {
        sets->capacity = sets->capacity * 2 + 8;
        sets->texts = xrealloc(sets->texts, sets->capacity * sizeof(*sets->texts));
    }
    sets->texts[sets->count++] = text;
}

void sets_free(struct sets *sets)
{
    free(sets->texts);
    *sets = (struct sets){0};
}

// A file of results in a folder of a test's own.
#ifndef TILESIM_TESTS_REPORT_STORE_FIXTURE_H
#define TILESIM_TESTS_REPORT_STORE_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "report/store.h"
#include "sim/err.h"

struct places { // a folder of a test's own, and a file in it
    char folder[32];
    char *path;
};

static inline struct places make_places(void)
{
    struct places places = {.folder = "/tmp/tilesim-store-XXXXXX"};
    assert_non_null(mkdtemp(places.folder));
    places.path = xasprintf("%s/results.db", places.folder);
    return places;
}

// Nothing but the file itself may be left.
static inline void free_places(struct places *places)
{
    assert_int_equal(unlink(places->path), 0);
    assert_int_equal(rmdir(places->folder), 0);
    free(places->path);
}

static inline struct store *open_to_write(const char *path)
{
    char *why = NULL;
    struct store *store = store_open_to_write(path, &why);
    assert_null(why);
    assert_non_null(store);
    return store;
}

static inline void close_store(struct store *store)
{
    char *why = NULL;
    assert_true(store_close(store, &why));
}

#endif
